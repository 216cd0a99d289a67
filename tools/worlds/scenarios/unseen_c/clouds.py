"""Entra ID, Google Cloud and Kubernetes: guests, tokens of service accounts, and jobs that run by the clock."""

from dataclasses import replace

from tools.worlds.cast import Cast
from tools.worlds.company import Person, Presence
from tools.worlds.lake import Record, Scribe
from tools.worlds.names import OFFICES
from tools.worlds.records import azure, gcp, kubernetes
from tools.worlds.records.aws import pace
from tools.worlds.scenarios.stage import Stage, part, past
from tools.worlds.scenarios.unseen.case import Case

_CLIENT = "client-go/v0.30"
_KEYS = "rg-data/providers/Microsoft.Storage/storageAccounts/shopfiles"


_WITH_ORDERS = (("list", "secrets", ""), ("get", "secrets", "database"), ("create", "serviceaccounts/token", "orders"))


def _domains(scribe: Scribe) -> tuple[str, str]:
    """The domain of an agency, and one that looks like it."""
    first = scribe.company.dice.child("agency").pick(("fern", "cobalt", "juniper", "granite"))
    return f"{first}bridge.example", f"{first}-bridge.example"


def _guest(scribe: Scribe, given: str, family: str, domain: str) -> Person:
    return replace(scribe.company.person(given, family, "guests", OFFICES[0]), domain=domain)


def _invite(stage: Stage, guest: Person, where: Presence, group: str, app: str) -> None:
    """A guest is invited, accepts, becomes a member of a group and signs in."""
    scribe, branch = stage.scribe, stage.branch
    azure.directory(
        scribe, branch, stage.at, stage.person, stage.where, "Invite external user",
        ("User", guest.email.replace("@", "_") + "#EXT#"), about=[guest], decisive=True,
    )  # fmt: skip
    azure.directory(
        scribe, branch, stage.after(8, 12), guest, where, "Redeem external user invite", ("User", guest.name),
        decisive=True,
    )  # fmt: skip
    azure.directory(
        scribe, branch, stage.after(14, 17), stage.person, stage.where, "Add member to group", ("Group", group),
        about=[guest], decisive=True,
    )  # fmt: skip
    azure.sign_in(
        scribe, branch, stage.after(19, 23), guest, where, app=app, known_device=False, decisive=True
    )  # fmt: skip


def _invite_from_agency(stage: Stage, given: str, family: str) -> None:
    guest = _guest(stage.scribe, given, family, _domains(stage.scribe)[0])
    where = stage.scribe.company.home(guest)
    _invite(stage, guest, where, "agency-projects", "Microsoft Teams")
    for moment in pace(stage.dice, stage.after(25, 30), 2, 400, 1200):
        azure.sign_in(
            stage.scribe, stage.branch, moment, guest, where, app="Microsoft Teams", interactive=False,
            known_device=False, decisive=True,
        )  # fmt: skip


def _guest_history(scribe: Scribe, cast: Cast) -> None:
    names = (("Maud", "Okafor"), ("Ilse", "Brandt"), ("Teo", "Marchetti"))
    for (given, family), index, days_ago in zip(names, (0, 1, 3), (25, 17, 6), strict=True):
        stage = past(scribe.aside("guest", given), cast, cast.branch.colleagues["support"][index], days_ago)
        _invite_from_agency(stage, given, family)


def guest_of_agency(stage: Stage) -> None:
    """One more from the agency, who does what those before do."""
    _invite_from_agency(stage, "Runa", "Solheim")


def guest_alike(stage: Stage) -> None:
    """A domain that only looks like it; the guest owns resources minutes later, and reads customers with a key."""
    scribe, branch, where = stage.scribe, stage.branch, stage.elsewhere()
    guest = _guest(scribe, "Piet", "Verhoeven", _domains(scribe)[1])
    _invite(stage, guest, where, "subscription-owners", azure.PORTAL)
    operation = "Microsoft.Storage/storageAccounts/listKeys/action"
    azure.activity(scribe, branch, stage.after(26, 28), guest, where, operation, _KEYS, decisive=True)
    for number, moment in enumerate(pace(stage.dice, stage.after(30, 33), 8, 8, 40)):
        azure.storage_read(
            scribe, branch, moment, where.address, f"customers/{number:02}.parquet", by_key=True, decisive=True
        )


def _take_token(stage: Stage) -> str:
    account = gcp.service_account(stage.branch, "deployer")
    request: Record = {"name": f"projects/-/serviceAccounts/{account}", "lifetime": "3600s"}
    gcp.call(
        stage.scribe, stage.branch, stage.at, stage.person, stage.where.address, "GenerateAccessToken",
        f"serviceAccounts/{account}", request=request, decisive=True,
    )  # fmt: skip
    return account


def _release(stage: Stage) -> None:
    """With the token, from the same address, something is released by hand."""
    account = _take_token(stage)
    methods = ("storage.objects.list", "storage.objects.create", "storage.objects.create", "storage.objects.list")
    for moment, method in zip(pace(stage.dice, stage.after(3, 5), 4, 40, 200), methods, strict=True):
        gcp.call(
            stage.scribe, stage.branch, moment, account, stage.where.address, method, "buckets/shop-releases",
            via=stage.person.email, decisive=True,
        )  # fmt: skip


def _token_history(scribe: Scribe, cast: Cast) -> None:
    for index, days_ago in ((1, 24), (2, 15), (0, 4)):
        _release(past(scribe.aside("release"), cast, cast.branch.colleagues["cloud"][index], days_ago))


def token_for_release(stage: Stage) -> None:
    """On a trip, signed in from the hotel with a second factor."""
    azure.sign_in(stage.scribe, stage.branch, stage.before(18), stage.person, stage.where, decisive=True)
    _release(stage)


def token_carried_off(stage: Stage) -> None:
    """The token is used at an address never seen, on what the deployer never reads."""
    account, where = _take_token(stage), stage.elsewhere()
    gcp.call(
        stage.scribe, stage.branch, stage.after(6, 8), account, where.address, "storage.objects.list",
        "buckets/shop-customer-exports", agent="python-requests/2.32.3", via=stage.person.email, decisive=True,
    )  # fmt: skip
    for moment in pace(stage.dice, stage.after(9, 11), 8, 8, 40):
        gcp.call(
            stage.scribe, stage.branch, moment, account, where.address, "storage.objects.get",
            "buckets/shop-customer-exports", agent="python-requests/2.32.3", via=stage.person.email, decisive=True,
        )  # fmt: skip


def _by_the_clock(stage: Stage, space: str, image: str) -> None:
    """A job that runs in a namespace, as its account, every twenty minutes."""
    name = f"sweep-{stage.dice.hex(5)}"
    pod: Record = {"serviceAccountName": space, "containers": [{"name": "sweep", "image": image}]}
    body: Record = {
        "metadata": {"name": name, "namespace": space},
        "spec": {"schedule": "*/20 * * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}},
    }
    email, address = stage.person.email, stage.where.address
    kubernetes.call(stage.scribe, stage.before(5), email, address, "list", "cronjobs", f"{space}/", decisive=True)
    kubernetes.call(
        stage.scribe, stage.at, email, address, "create", "cronjobs", f"{space}/{name}", body=body, decisive=True
    )


def _sweep(stage: Stage, space: str) -> None:
    """The job reads the settings of its own service, as the service does."""
    _by_the_clock(stage, space, f"registry.{stage.scribe.company.org}.example/tools/sweep:1.4")
    for minutes in (20, 40, 60):
        kubernetes.call(
            stage.scribe, stage.after(minutes, minutes + 1), kubernetes.workload(space), stage.branch.pod(space), "get",
            "configmaps", f"{space}/settings", agent=_CLIENT, decisive=True,
        )  # fmt: skip
    kubernetes.call(
        stage.scribe, stage.after(63, 70), stage.person.email, stage.where.address, "get", "pods/log", f"{space}/sweep",
        decisive=True,
    )  # fmt: skip


def _cron_history(scribe: Scribe, cast: Cast) -> None:
    for index, space, days_ago in ((3, "stock", 22), (0, "search", 9)):
        _sweep(past(scribe.aside("cron", space), cast, cast.branch.colleagues["cloud"][index], days_ago), space)


def cron_sweeps(stage: Stage) -> None:
    """One more namespace gets the job that others have."""
    _sweep(stage, "mailing")


def cron_steals(stage: Stage) -> None:
    """The job asks for secrets of other namespaces; what it found is used from the job's own address."""
    scribe = stage.scribe
    _by_the_clock(stage, "returns", "docker.io/curlimages/curl:8.9.1")
    account, pod = kubernetes.workload("returns"), stage.branch.pod("returns")
    for minutes, target in ((20, "returns/"), (40, "orders/"), (41, "checkout/")):
        kubernetes.call(
            scribe, stage.after(minutes, minutes + 0.5), account, pod, "list", "secrets", target, agent="curl/8.9.1",
            decisive=True,
        )  # fmt: skip
    for moment, (verb, what, name) in zip(pace(stage.dice, stage.after(60, 61), 3, 5, 20), _WITH_ORDERS, strict=True):
        kubernetes.call(
            scribe, moment, kubernetes.workload("orders"), pod, verb, what, f"orders/{name}", agent="curl/8.9.1",
            decisive=True,
        )  # fmt: skip


CASES = (
    Case(
        (
            part(
                "guest/agency",
                "benign",
                "Guests of this domain have come for weeks, each from their own address, into the same group; this one only "
                "talks.",
                guest_of_agency,
                team="support",
                hours_ago=18,
            ),
            part(
                "guest/alike",
                "malicious",
                "Usual actor and address; a domain that looks like the agency's, an unknown address, a group of owners, "
                "and customers are read with a key.",
                guest_alike,
                team="support",
                hours_ago=9,
                subtle=True,
            ),
        ),
        _guest_history,
    ),
    Case(
        (
            part(
                "account-token/release",
                "benign",
                "New address after a sign-in there with a second factor; used at once for a release, as by colleagues.",
                token_for_release,
                team="cloud",
                hours_ago=6,
                travels=True,
            ),
            part(
                "account-token/carried-off",
                "malicious",
                "Usual actor and address; the token is used at an address never seen, on exports of customers.",
                token_carried_off,
                team="cloud",
                hours_ago=17,
                subtle=True,
            ),
        ),
        _token_history,
    ),
    Case(
        (
            part(
                "cron/sweeps",
                "benign",
                "The job of two other namespaces; it reads the settings of its own service.",
                cron_sweeps,
                team="cloud",
                hours_ago=14,
            ),
            part(
                "cron/steals",
                "malicious",
                "Usual actor and address; the job lists secrets of other namespaces, and the account of one is used from "
                "the job's own address.",
                cron_steals,
                team="cloud",
                hours_ago=20,
                subtle=True,
            ),
        ),
        _cron_history,
    ),
)
