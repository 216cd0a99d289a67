"""Traffic between hosts, and the noise that reaches every public address."""

from datetime import datetime, timedelta

from tools.worlds.company import Host
from tools.worlds.lake import Scribe
from tools.worlds.records.vpcflow import flow

HTTPS = 443
_PORTS = {"ledger-db": 5432, "search-db": 9200, "partner-gw": 8443, "backup": 873}
_SCANNED = (22, 23, 3389, 445, 8080)
_PUBLIC = ("bastion", "partner-gw")


def fill(scribe: Scribe) -> None:
    """Every hour of the whole period, day and night."""
    hosts = list(scribe.company.hosts.values())
    scanners = [scribe.company.addresses.take() for _ in range(60)]
    partners = [scribe.company.addresses.take() for _ in range(5)]
    hour = scribe.timeline.start.replace(minute=0, second=0, microsecond=0)
    while hour < scribe.timeline.now:
        own = scribe.aside(hour.isoformat())
        for _ in range(3):
            _inside(own, hour, hosts)
        _to_partner(own, hour, own.dice.pick(partners))
        for _ in range(own.dice.between(1, 3)):
            _scan(own, hour, own.dice.pick(scanners))
        if hour.hour == 2:  # noqa: PLR2004 - the hour of the nightly backup
            _nightly(own, hour)
        hour += timedelta(hours=1)


def _inside(scribe: Scribe, hour: datetime, hosts: list[Host]) -> None:
    dice = scribe.dice
    one, other = dice.sample(hosts, 2)
    port = _PORTS.get(other.name, 8080)
    ends = (one.private, dice.between(32768, 60999)), (other.private, port)
    flow(scribe, hour + dice.minutes(0, 59), one, ends, dice.between(8_000, 900_000))


def _to_partner(scribe: Scribe, hour: datetime, partner: str) -> None:
    dice = scribe.dice
    host = scribe.company.hosts["partner-gw"]
    ends = (host.private, dice.between(32768, 60999)), (partner, HTTPS)
    flow(scribe, hour + dice.minutes(0, 59), host, ends, dice.between(40_000, 30_000_000))


def _scan(scribe: Scribe, hour: datetime, scanner: str) -> None:
    dice = scribe.dice
    host = scribe.company.hosts[dice.pick(_PUBLIC)]
    ends = (scanner, dice.between(32768, 60999)), (host.private, dice.pick(_SCANNED))
    flow(scribe, hour + dice.minutes(0, 59), host, ends, dice.between(40, 60), accepted=False)


def _nightly(scribe: Scribe, hour: datetime) -> None:
    """The changes of a day; the whole is copied once a week."""
    dice = scribe.dice
    host = scribe.company.hosts["backup"]
    ends = (host.private, dice.between(32768, 60999)), (scribe.company.storage, HTTPS)
    flow(scribe, hour + dice.minutes(5, 20), host, ends, dice.between(200_000_000, 700_000_000))
