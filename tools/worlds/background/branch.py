"""Ordinary days in the company that was taken over: its people, its programs, its laptops."""

from datetime import datetime, timedelta

from tools.worlds.branch import LOADERS, NAMESPACES, Branch
from tools.worlds.company import Person, Presence
from tools.worlds.lake import Scribe
from tools.worlds.records import azure, endpoint, gcp, kubernetes, onelogin, onepassword, snowflake
from tools.worlds.records.aws import pace

_HOURS = 8.0
_PROGRAMS = (
    ("\\Program Files\\Google\\Chrome\\Application\\chrome.exe", "chrome.exe --type=renderer"),
    ("\\Program Files\\Microsoft Office\\root\\Office16\\OUTLOOK.EXE", "OUTLOOK.EXE /recycle"),
    ("\\Program Files\\Microsoft Office\\root\\Office16\\EXCEL.EXE", "EXCEL.EXE /dde"),
    ("\\Program Files\\Slack\\slack.exe", "slack.exe --startup"),
    ("\\Windows\\System32\\svchost.exe", "svchost.exe -k netsvcs -p"),
    ("\\Windows\\System32\\backgroundTaskHost.exe", "backgroundTaskHost.exe"),
    ("\\Program Files\\Git\\cmd\\git.exe", "git.exe status"),
)
_DOMAINS = ("outlook.office.example", "slack.example", "updates.vendor.example", "cdn.fonts.example")
_GCP_READING = (
    ("storage.objects.get", "buckets/shop-assets"),
    ("storage.objects.list", "buckets/shop-assets"),
    ("v1.compute.instances.list", "zones/europe-west1-b"),
    ("google.logging.v2.LoggingServiceV2.ListLogEntries", "logs"),
    ("google.iam.admin.v1.ListServiceAccounts", "serviceAccounts"),
    ("google.logging.v2.ConfigServiceV2.ListSinks", "sinks"),
    ("google.cloud.bigquery.v2.JobService.InsertJob", "jobs"),
)
_AZURE_WORK = (
    ("Microsoft.Compute/virtualMachines/restart/action", "rg-shop/providers/Microsoft.Compute/virtualMachines/shop-2"),
    ("Microsoft.Insights/alertRules/write", "rg-shop/providers/Microsoft.Insights/alertRules/latency"),
    ("Microsoft.Resources/tags/write", "rg-shop/providers/Microsoft.Resources/tags/default"),
    ("Microsoft.Storage/storageAccounts/write", "rg-data/providers/Microsoft.Storage/storageAccounts/shopfiles"),
)
_QUERIES = (
    ("SELECT region, SUM(amount) FROM orders GROUP BY 1", "SELECT"),
    ("SELECT COUNT(*) FROM visits WHERE day = CURRENT_DATE", "SELECT"),
    ("CREATE OR REPLACE TABLE scratch AS SELECT * FROM orders LIMIT 1000", "CREATE_TABLE_AS_SELECT"),
    ("SHOW TABLES", "SHOW"),
    ("DESCRIBE TABLE orders", "DESCRIBE"),
)
_SHARED_ITEMS = 6
_CUT_SHORT = timedelta(minutes=38), timedelta(minutes=60)
"""How long before somebody's part nothing is revealed: the rule counts to twelve within an hour, a part does so within
22 minutes."""


def fill(scribe: Scribe, branch: Branch) -> None:
    """The whole period, without any scenario."""
    for person in branch.people:
        for date in scribe.timeline.workdays(person.office.offset):
            own = scribe.aside(person.user, date.isoformat())
            start = scribe.timeline.at(date, person.starts, person.office.offset) + own.dice.minutes(0, 35)
            near = scribe.timeline.now - start < timedelta(days=2)
            if own.dice.chance(0.06) and not near:
                continue
            _day(own, branch, person, start)
    _programs(scribe.aside("programs"), branch)
    _warehouse_staff(scribe.aside("onelogin"))


def _day(scribe: Scribe, branch: Branch, person: Person, start: datetime) -> None:
    dice = scribe.dice
    where = branch.presence(person, start)

    def during() -> datetime:
        return start + dice.minutes(6, _HOURS * 60)

    azure.sign_in(scribe, branch, start, person, where)
    for _ in range(2):
        azure.sign_in(scribe, branch, during(), person, where, app="Microsoft Teams", interactive=False)
    onepassword.sign_in(scribe, branch, start + dice.minutes(2, 9), person, where)
    for _ in range(dice.between(2, 4)):
        vault = person.team if dice.chance(0.8) else "everybody"
        at, item = during(), f"login {dice.between(1, _SHARED_ITEMS)}"
        # A reveal then would open the hour in which the rule counts, and the hour would end amid the scenario.
        action = "fill" if branch.plays_after(person, "vault", at, *_CUT_SHORT) else "reveal"
        onepassword.use_item(scribe, branch, at, person, where, vault, item, action=action)
    for _ in range(dice.between(5, 7)):
        program, command = dice.pick(_PROGRAMS)
        endpoint.process(scribe, branch, during(), person, program, command)
    endpoint.resolve(scribe, branch, during(), person, dice.pick(_DOMAINS))
    endpoint.connect(scribe, branch, during(), person, _PROGRAMS[0][0], scribe.company.storage)
    if person.team == "cloud":
        _cloud(scribe, branch, person, where, [during() for _ in range(9)])
    elif person.team == "analytics":
        snowflake.login(scribe, start + dice.minutes(5, 20), person, where.address)
        for _ in range(dice.between(4, 7)):
            text, kind = dice.pick(_QUERIES)
            snowflake.query(scribe, during(), person, text, kind)
    else:
        colleague = dice.pick(branch.colleagues["analytics"])
        azure.directory(
            scribe, branch, during(), person, where, "Update user", ("User", colleague.name), about=[colleague]
        )  # fmt: skip
        azure.directory(
            scribe, branch, during(), person, where, "Add member to group", ("Group", "newsletter"), about=[colleague]
        )


def _cloud(scribe: Scribe, branch: Branch, person: Person, where: Presence, moments: list[datetime]) -> None:
    dice = scribe.dice
    for at in moments[:4]:
        method, resource = dice.pick(_GCP_READING)
        gcp.call(scribe, branch, at, person, where.address, method, resource)
    for at in moments[4:7]:
        space = dice.pick(NAMESPACES)
        verb, what = dice.pick((("get", "pods/log"), ("list", "pods"), ("get", "deployments"), ("list", "events")))
        kubernetes.call(
            scribe, at, person.email, where.address, verb, what, f"{space}/{space if verb == 'get' else ''}"
        )
    for at in moments[7:]:
        operation, resource = dice.pick(_AZURE_WORK)
        azure.activity(scribe, branch, at, person, where, operation, resource)


def _programs(scribe: Scribe, branch: Branch) -> None:
    """Deployments, services of the cluster, and loaders, day and night."""
    deployer = gcp.service_account(branch, "deployer")
    hour = scribe.timeline.start.replace(minute=0, second=0, microsecond=0)
    while hour < scribe.timeline.now:
        own = scribe.aside(hour.isoformat())
        dice = own.dice
        for space in dice.sample(NAMESPACES, 3):
            at = hour + dice.minutes(0, 55)
            user, pod = kubernetes.workload(space), branch.pod(space)
            kubernetes.call(own, at, user, pod, "get", "configmaps", f"{space}/settings", agent="client-go/v0.30")
            if dice.chance(0.5):
                after = at + timedelta(seconds=2)
                kubernetes.call(own, after, user, pod, "list", "endpoints", f"{space}/", agent="client-go/v0.30")
        if hour.hour % 2:
            azure.storage_read(own, branch, hour + dice.minutes(5, 50), branch.builds.address, f"feed/{hour:%H}.csv")
        if hour.hour % 3 == 0:
            for at in pace(dice, hour + timedelta(minutes=8), 3, 3, 20):
                gcp.call(
                    own, branch, at, deployer, branch.builds.address, "storage.objects.create", "buckets/shop-releases",
                    agent=gcp.LIBRARY,
                )  # fmt: skip
        if hour.hour % 6 == 1:
            azure.app_sign_in(own, branch, hour + dice.minutes(2, 9), "Expense sync", branch.builds.address)
            for name in LOADERS:
                at = hour + dice.minutes(10, 40)
                snowflake.login(
                    own,
                    at,
                    name,
                    branch.loaders.address,
                    factor="RSA_KEYPAIR",
                    client="PYTHON_DRIVER",
                    version="3.12.2",
                )
                for moment in pace(dice, at, 2, 4, 30):
                    snowflake.query(own, moment, name, f"COPY INTO {name}_RAW FROM @landing", "COPY", role="LOADER")
        hour += timedelta(hours=1)


def _warehouse_staff(scribe: Scribe) -> None:
    """A few people of the parent's shops sign in through OneLogin."""
    people = [*scribe.company.team("sales"), *scribe.company.team("people")]
    for person in people:
        for date in scribe.timeline.workdays(person.office.offset):
            own = scribe.aside(person.user, date.isoformat())
            at = scribe.timeline.at(date, person.starts, person.office.offset) + own.dice.minutes(40, 90)
            address = scribe.company.whereabouts(person, date).address
            onelogin.event(own, at, onelogin.SIGNED_IN, person, address)
            for app in own.dice.sample(("Till", "Rota", "Stock"), 2):
                onelogin.event(own, at + own.dice.minutes(2, 300), onelogin.OPENED_APP, person, address, app=app)
