"""Networks of AWS: security groups opened to an address, and hosts that talk to an address on an unusual port."""

from datetime import datetime, timedelta

from tools.worlds.cast import Cast
from tools.worlds.company import AUDITOR, Host
from tools.worlds.lake import Record, Scribe
from tools.worlds.records import aws
from tools.worlds.records.vpcflow import flow
from tools.worlds.scenarios.stage import Stage, past
from tools.worlds.scenarios.unseen.case import Case, today

from .players import staff

_POSTGRES, _SEARCH, _SYSLOG = 5432, 9200, 6514
_SHIPPED = 8


def _permission(scribe: Scribe, host: Host, address: str, port: int) -> Record:
    group = "sg-0" + scribe.company.dice.child("group", host.name).hex(16)
    ranges = [{"cidrIp": f"{address}/32", "description": "vendor access"}]
    allowed = {"ipProtocol": "tcp", "fromPort": port, "toPort": port, "ipRanges": {"items": ranges}}
    return {"groupId": group, "ipPermissions": {"items": [allowed]}}


def _vendor(scribe: Scribe) -> str:
    """Where a vendor reads from, in every case the same address."""
    return scribe.company.guests[AUDITOR].address


def _open(stage: Stage, host: Host, address: str, port: int) -> None:
    request = _permission(stage.scribe, host, address, port)
    session = today(stage).aws
    aws.call(stage.scribe, stage.before(4), session, "ec2:DescribeSecurityGroups", {"groupIdSet": {}}, decisive=True)
    aws.call(stage.scribe, stage.at, session, "ec2:AuthorizeSecurityGroupIngress", request, decisive=True)


def _reads(
    scribe: Scribe, at: datetime, host: Host, address: str, port: int, size: int, *, decisive: bool = False
) -> None:
    """An address asks, and the host answers with `size` bytes."""
    theirs, ours = (address, scribe.dice.between(32768, 60999)), (host.private, port)
    flow(scribe, at, host, (theirs, ours), scribe.dice.between(2_000, 9_000), decisive=decisive)
    flow(scribe, at + timedelta(seconds=1), host, (ours, theirs), size, decisive=decisive)


def _group_history(scribe: Scribe, cast: Cast) -> None:
    """The vendor has read from another host for weeks, since a colleague let it."""
    company, vendor = scribe.company, _vendor(scribe)
    stage = past(scribe.aside("let in"), cast, company.team("data")[3], 24)
    _open(stage, company.hosts["search-db"], vendor, _SEARCH)
    for days_ago in range(1, 24):
        own = scribe.aside("reads", days_ago)
        at = company.timeline.now - timedelta(days=days_ago) + own.dice.minutes(0, 50)
        _reads(own, at, company.hosts["search-db"], vendor, _SEARCH, own.dice.between(1_000_000, 9_000_000))


def group_for_vendor(stage: Stage) -> None:
    """The vendor reads a little from the next host, too."""
    host, vendor = stage.scribe.company.hosts["reporting-a"], _vendor(stage.scribe)
    _open(stage, host, vendor, _POSTGRES)
    for moment in aws.pace(stage.dice, stage.after(5, 8), 3, 200, 500):
        size = stage.dice.between(1_000_000, 9_000_000)
        _reads(stage.scribe, moment, host, vendor, _POSTGRES, size, decisive=True)


def group_for_outsider(stage: Stage) -> None:
    """The address knocked before the group was opened for it, takes a gigabyte, and the group is closed behind it."""
    host, where = stage.scribe.company.hosts["ledger-db"], stage.elsewhere()
    for moment in aws.pace(stage.dice, stage.before(16), 3, 60, 150):
        ends = (where.address, stage.dice.between(32768, 60999)), (host.private, _POSTGRES)
        flow(stage.scribe, moment, host, ends, stage.dice.between(40, 60), accepted=False, decisive=True)
    _open(stage, host, where.address, _POSTGRES)
    for moment in aws.pace(stage.dice, stage.after(3, 5), 4, 200, 400):
        size = stage.dice.between(200_000_000, 500_000_000)
        _reads(stage.scribe, moment, host, where.address, _POSTGRES, size, decisive=True)
    request = _permission(stage.scribe, host, where.address, _POSTGRES)
    aws.call(
        stage.scribe, stage.after(37, 42), today(stage).aws, "ec2:RevokeSecurityGroupIngress", request, decisive=True
    )


def _ship(scribe: Scribe, moments: list[datetime], host: Host, address: str, low: int, high: int) -> None:
    for at in moments:
        ends = (host.private, scribe.dice.between(32768, 60999)), (address, _SYSLOG)
        flow(scribe, at, host, ends, scribe.dice.between(low, high), decisive=scribe.story is not None)


def _let_out(scribe: Scribe, start: datetime, host: Host, address: str) -> None:
    """The pipeline lets a host reach an address."""
    session = aws.role_session(scribe.company.roles["infra-pipeline"], "apply", start, scribe.dice)
    steps: tuple[tuple[str, Record | None], ...] = (
        ("sts:GetCallerIdentity", None),
        ("ec2:DescribeSecurityGroups", None),
        ("ec2:AuthorizeSecurityGroupEgress", _permission(scribe, host, address, _SYSLOG)),
    )
    for moment, (action, request) in zip(aws.pace(scribe.dice, start, 3, 2, 9), steps, strict=True):
        aws.call(scribe, moment, session, action, request, decisive=scribe.story is not None)


def _egress_history(scribe: Scribe, _cast: Cast) -> None:
    """Three hosts send their logs, each to a collector that the pipeline let: much at first, then a little every day."""
    company = scribe.company
    for name, first in (("notify-a", 25), ("ledger-a", 18), ("search-db", 12)):
        host, collector = company.hosts[name], company.elsewhere("collector", name).address
        for days_ago in range(first, 0, -1):
            own = scribe.aside(name, days_ago)
            at = company.timeline.now - timedelta(days=days_ago) + own.dice.minutes(60, 200)
            if days_ago == first:
                _let_out(own, at - timedelta(minutes=11), host, collector)
            count = _SHIPPED if days_ago == first else 2
            _ship(own, aws.pace(own.dice, at, count, 220, 380), host, collector, 40_000, 300_000)


def egress_to_collector(stage: Stage) -> None:
    """The pipeline let the host reach that very address minutes before, as it did for the hosts before."""
    host, collector = stage.scribe.company.hosts["rates-a"], stage.elsewhere().address
    _let_out(stage.scribe, stage.before(11), host, collector)
    _ship(stage.scribe, aws.pace(stage.dice, stage.at, _SHIPPED, 220, 380), host, collector, 40_000, 300_000)


def egress_to_stranger(stage: Stage) -> None:
    """Every five minutes the same few bytes to an address never seen; between them the host knocks at its neighbours."""
    hosts, where = stage.scribe.company.hosts, stage.elsewhere()
    host = hosts["search-a"]
    _ship(stage.scribe, aws.pace(stage.dice, stage.at, _SHIPPED, 298, 302), host, where.address, 1_180, 1_220)
    doors = (
        ("ledger-b", 22), ("ledger-b", 445), ("backup", 22), ("backup", 3389), ("ledger-a", 22), ("ledger-a", 445),
        ("build-a", 22), ("build-a", 3389), ("notify-a", 22),
    )  # fmt: skip
    for moment, (name, port) in zip(aws.pace(stage.dice, stage.after(13, 15), len(doors), 3, 20), doors, strict=True):
        ends = (host.private, stage.dice.between(32768, 60999)), (hosts[name].private, port)
        flow(stage.scribe, moment, host, ends, stage.dice.between(40, 60), accepted=False, decisive=True)
    ends = (host.private, stage.dice.between(32768, 60999)), (where.address, 443)
    flow(stage.scribe, stage.after(31, 36), host, ends, stage.dice.between(700_000_000, 900_000_000), decisive=True)


CASES = (
    Case(
        (
            staff(
                "group/vendor",
                "benign",
                "The address has read from another host for weeks, since a colleague let it, and reads as little here.",
                group_for_vendor,
                team="platform",
                index=0,
            ),
            staff(
                "group/outsider",
                "malicious",
                "Usual actor and address; an address never seen was refused at the port before, takes a gigabyte, and "
                "the group is closed again.",
                group_for_outsider,
                team="platform",
                index=1,
                subtle=True,
                fair=("suspicious",),
            ),
        ),
        _group_history,
    ),
    Case(
        (
            staff(
                "egress/collector",
                "benign",
                "The address is new, but the pipeline let the host reach it minutes before, from its own address, as for "
                "three hosts before, which send as much.",
                egress_to_collector,
                team="data",
                index=0,
            ),
            staff(
                "egress/stranger",
                "malicious",
                "An address never seen, at even intervals; the host is refused at nine ports of its neighbours, then "
                "sends much.",
                egress_to_stranger,
                team="data",
                index=1,
                subtle=True,
            ),
        ),
        _egress_history,
    ),
)
