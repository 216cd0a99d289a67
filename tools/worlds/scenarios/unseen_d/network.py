"""Hosts that are refused by their neighbours."""

from datetime import datetime, timedelta

from tools.worlds.cast import Cast
from tools.worlds.company import Host
from tools.worlds.lake import Record, Scribe
from tools.worlds.records import aws
from tools.worlds.records.vpcflow import flow
from tools.worlds.scenarios.stage import Stage, past
from tools.worlds.scenarios.unseen.case import Case, open_aws

from .players import staff

_HTTPS, _POSTGRES, _BACKDOOR = 443, 5432, 8443
_DOORS = (
    ("ledger-a", 22), ("ledger-a", 445), ("ledger-b", 22), ("ledger-b", 3389), ("ledger-db", 22), ("search-a", 445),
    ("search-db", 3389), ("rates-a", 22), ("backup", 445), ("backup", 22), ("partner-gw", 3389), ("reporting-a", 445),
)  # fmt: skip


def _send(stage: Stage, at: datetime, host: Host, target: tuple[str, int], size: int, *, accepted: bool = True) -> None:
    ends = (host.private, stage.dice.between(32768, 60999)), target
    flow(stage.scribe, at, host, ends, size, accepted=accepted, decisive=True)


def _knock(stage: Stage, host: Host) -> None:
    """One host tries the doors of the others."""
    hosts = stage.scribe.company.hosts
    for moment, (name, port) in zip(aws.pace(stage.dice, stage.at, len(_DOORS), 4, 15), _DOORS, strict=True):
        _send(stage, moment, host, (hosts[name].private, port), stage.dice.between(40, 60), accepted=False)


def _check(stage: Stage) -> None:
    """Somebody of the security team opens a session on the build host, lets it knock, and ends the session."""
    scribe, company, session = stage.scribe, stage.scribe.company, open_aws(stage)
    host, key = company.hosts["build-a"], f"{stage.person.email}-{stage.dice.hex(17)}"
    target: Record = {"target": host.instance}
    aws.call(
        scribe, stage.before(8), session, "ssm:StartSession", target, response={"sessionId": key}, decisive=True
    )  # fmt: skip
    _knock(stage, host)
    _send(stage, stage.after(5, 7), host, (company.storage, _HTTPS), stage.dice.between(200_000, 900_000))
    aws.call(scribe, stage.after(9, 12), session, "ssm:TerminateSession", {"sessionId": key}, decisive=True)


def _scan_history(scribe: Scribe, cast: Cast) -> None:
    _check(past(scribe.aside("check"), cast, scribe.company.team("security")[1], 15))


def neighbours_checked(stage: Stage) -> None:
    """The security team tests what its hosts refuse.

    An analyst finds that somebody of the team, signed on at the usual address, has a session on this very host from before
    the first refusal until after the last, that a colleague did the same from the same host a fortnight before, and that
    no neighbour accepts anything.
    """
    _check(stage)


def neighbours_searched(stage: Stage) -> None:
    """Somebody is on a host and looks for the next one.

    An analyst finds that nobody has a session on the host, that it answers an address never seen every minute from before
    the refusals, that the ledger's database then lets it in and hands over much, and that as much leaves for the address.
    """
    hosts, where = stage.scribe.company.hosts, stage.elsewhere().address
    host, ledger = hosts["notify-a"], hosts["ledger-db"]
    for moment in aws.pace(stage.dice, stage.before(17), 6, 59, 61):
        _send(stage, moment, host, (where, _BACKDOOR), stage.dice.between(680, 720))
    _knock(stage, host)
    asked = stage.after(8, 10)
    port = stage.dice.between(32768, 60999)
    ends = (host.private, port), (ledger.private, _POSTGRES)
    flow(stage.scribe, asked, host, ends, stage.dice.between(20_000, 60_000), decisive=True)
    answered = asked + timedelta(seconds=2)
    flow(
        stage.scribe, answered, ledger, (ends[1], ends[0]), stage.dice.between(600_000_000, 800_000_000), decisive=True
    )
    _send(stage, stage.after(17, 22), host, (where, _HTTPS), stage.dice.between(600_000_000, 800_000_000))


CASES = (
    Case(
        (
            staff(
                "neighbours/checked",
                "benign",
                "The security team has a session on the host all the while, as a colleague had a fortnight before; "
                "nothing is accepted.",
                neighbours_checked,
                team="security",
                index=2,
            ),
            staff(
                "neighbours/searched",
                "malicious",
                "Nobody has a session on the host; it calls an address never seen every minute, reads a database, and "
                "sends as much outside.",
                neighbours_searched,
                team="security",
                index=3,
                subtle=True,
            ),
        ),
        _scan_history,
    ),
)
