"""Traffic: a large transfer out, and a shell from the internet."""

from datetime import datetime, timedelta

from tools.worlds.cast import Cast
from tools.worlds.company import Host, Person
from tools.worlds.days import day_at
from tools.worlds.lake import Scribe
from tools.worlds.records import aws, okta
from tools.worlds.records.vpcflow import flow

from .scenario import Scenario, earlier, exercise, recent

_GIB = 1 << 30
_SHELLS = ((5, 26), (0, 21), (2, 11), (0, 4))


def history(scribe: Scribe, cast: Cast) -> None:
    """A full backup every week; operators who open the bastion for themselves."""
    for week in (1, 2, 3, 4):
        own = scribe.aside("backup", week)
        _full_backup(own, _backup_time(own) - timedelta(weeks=week) + own.dice.minutes(0, 9))
    for operator, days_ago in _SHELLS:
        own, person = scribe.aside("shell", days_ago), cast.operators[operator]
        _own_shell(own, earlier(own, person, days_ago), person)
    staged = exercise(scribe)
    _stranger_shell(staged, earlier(staged, cast.operators[4], 14))


def _backup_time(scribe: Scribe) -> datetime:
    return scribe.timeline.recent(3.4, 0)


def _send(scribe: Scribe, at: datetime, host: Host, target: str) -> None:
    ends = (host.private, scribe.dice.between(32768, 60999)), (target, 443)
    flow(scribe, at, host, ends, scribe.dice.between(22, 30) * _GIB // 10, decisive=True)


def _full_backup(scribe: Scribe, at: datetime) -> None:
    session = aws.role_session(scribe.company.roles["backup-runner"], "full", at - timedelta(minutes=6), scribe.dice)
    vault = {
        "backupVaultName": "weekly",
        "resourceArn": f"arn:aws:ec2:{aws.REGION}:{session.account}:volume/vol-0ledgerdb",
    }
    aws.call(scribe, at - timedelta(minutes=5), session, "backup:StartBackupJob", vault, decisive=True)
    _send(scribe, at, scribe.company.hosts["backup"], scribe.company.storage)
    aws.call(scribe, at + timedelta(minutes=12), session, "backup:DescribeBackupJob", vault)


def full_backup(scribe: Scribe, _cast: Cast) -> None:
    """This week's."""
    _full_backup(scribe, _backup_time(scribe) + scribe.dice.minutes(0, 9))


def new_worker(scribe: Scribe, _cast: Cast) -> None:
    """A session is used from a second address to start a machine, which reads a database and sends it away."""
    dice, company = scribe.dice, scribe.company
    person = company.team("data")[0]
    at = recent(scribe, person, 13.2)
    day = day_at(scribe, person, at)
    okta.open_aws(scribe, at - timedelta(minutes=25), person, day.client)
    aws.call(scribe, at - timedelta(minutes=22), day.aws, "athena:ListWorkGroups")
    thief = day.aws.elsewhere(company.elsewhere("worker").address)
    worker = Host("worker", "i-0" + dice.hex(16), "eni-0" + dice.hex(16), f"10.72.2.{dice.between(10, 250)}")
    aws.call(scribe, at - timedelta(minutes=16), thief, "sts:GetCallerIdentity", decisive=True)
    placed = {
        "instanceId": worker.instance,
        "privateIpAddress": worker.private,
        "networkInterfaceSet": {"items": [{"networkInterfaceId": worker.interface}]},
    }
    aws.call(
        scribe, at - timedelta(minutes=14), thief, "ec2:RunInstances",
        {"instanceType": "m7g.large", "minCount": 1, "maxCount": 1}, response={"instancesSet": {"items": [placed]}},
        decisive=True,
    )  # fmt: skip
    database = company.hosts["ledger-db"]
    ends = (worker.private, dice.between(32768, 60999)), (database.private, 5432)
    flow(scribe, at - timedelta(minutes=5), worker, ends, 3 * _GIB, decisive=True)
    _send(scribe, at, worker, company.elsewhere("drop").address)


def _open_port(scribe: Scribe, at: datetime, session: aws.Session, change: str, block: str) -> None:
    rule = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": block}]}}
    request = {"groupId": "sg-0bastion", "ipPermissions": {"items": [rule]}}
    aws.call(
        scribe, at, session, f"ec2:{change}SecurityGroupIngress", request, response={"_return": True}, decisive=True
    )


def _shell(scribe: Scribe, at: datetime, address: str) -> None:
    bastion = scribe.company.hosts["bastion"]
    ends = (address, scribe.dice.between(32768, 60999)), (bastion.private, 22)
    flow(scribe, at, bastion, ends, scribe.dice.between(260_000, 420_000), decisive=True)


def _own_shell(scribe: Scribe, at: datetime, person: Person) -> None:
    """An operator lets one address in, the one they are signed in from, and closes the door afterwards."""
    day = day_at(scribe, person, at)
    block = f"{day.presence.address}/32"
    _open_port(scribe, at - timedelta(minutes=3), day.aws, "Authorize", block)
    _shell(scribe, at, day.presence.address)
    _open_port(scribe, at + scribe.dice.minutes(20, 40), day.aws, "Revoke", block)


def operator_shell(scribe: Scribe, cast: Cast) -> None:
    """As on other days."""
    person = cast.operators[0]
    _own_shell(scribe, recent(scribe, person, 13.5), person)


def _stranger_shell(scribe: Scribe, at: datetime) -> None:
    """Refused at first; then a role session opens the port to the world, and the bastion reaches for the databases."""
    dice, company = scribe.dice, scribe.company
    bastion, where = company.hosts["bastion"], company.elsewhere("shell", str(scribe.story))
    for moment in aws.pace(dice, at - timedelta(minutes=16), 4, 40, 100):
        ends = (where.address, dice.between(32768, 60999)), (bastion.private, 22)
        flow(scribe, moment, bastion, ends, 60, accepted=False, decisive=True)
    role = aws.role_session(company.roles["app-deployer"], "deploy", at - timedelta(minutes=5), dice)
    _open_port(scribe, at - timedelta(minutes=3), role.elsewhere(where.address), "Authorize", "0.0.0.0/0")
    _shell(scribe, at, where.address)
    for moment, name in zip(
        aws.pace(dice, at + timedelta(minutes=6), 2, 60, 400), ("ledger-db", "search-db"), strict=True
    ):
        ends = (bastion.private, dice.between(32768, 60999)), (company.hosts[name].private, 22)
        flow(scribe, moment, bastion, ends, dice.between(90_000, 900_000), decisive=True)


def stranger_shell(scribe: Scribe, cast: Cast) -> None:
    """At the same hours as anybody's."""
    _stranger_shell(scribe, recent(scribe, cast.operators[4], 13.1))


SCENARIOS = (
    Scenario(
        "outbound/backup",
        "benign",
        "The full backup of the week, announced by the backup role, to the address that gets the nightly ones.",
        full_backup,
    ),
    Scenario(
        "outbound/worker",
        "malicious",
        "The sending machine is minutes old, started with a session that is in use at two addresses, and had just read "
        "the ledger database.",
        new_worker,
    ),
    Scenario(
        "shell/operator",
        "benign",
        "The source is where the operator is signed in; the port was opened for it alone and closed afterwards.",
        operator_shell,
    ),
    Scenario(
        "shell/stranger",
        "malicious",
        "The source was refused, then a deployment role opened the port to everybody from that address; the bastion "
        "goes on to the databases and nothing is closed.",
        stranger_shell,
    ),
)
