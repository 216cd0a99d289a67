"""Crowdstrike.FDREvent records: processes and connections as a laptop's sensor reports them."""

from collections.abc import Mapping
from datetime import datetime

from tools.worlds.branch import Branch
from tools.worlds.company import Person
from tools.worlds.dice import Dice
from tools.worlds.lake import Indicators, LogType, Record, Scribe
from tools.worlds.worktime import stamp

_SYSTEM_SID = "S-1-5-18"
DISK = "\\Device\\HarddiskVolume3"


def digest(program: str) -> str:
    """The SHA-256 of a program as everybody has it."""
    return Dice("program", program).hex(64)


def _event(
    scribe: Scribe,
    branch: Branch,
    at: datetime,
    owner: Person,
    name: str,
    details: Mapping[str, object],
    found: Indicators,
    *,
    decisive: bool,
) -> None:
    sensor = branch.device(owner)
    address = branch.presence(owner, at).address
    key = scribe.ids.uuid()
    base: Record = {
        "aid": sensor,
        "aip": address,
        "cid": branch.customer,
        "event_platform": "Win",
        "event_simpleName": name,
        "id": key,
        "name": f"{name}V19",
    }
    record: Record = {
        "ConfigBuild": "1007.3.0018904.1",
        **base,
        "ComputerName": f"LT-{owner.family[:4].upper()}{owner.okta_id[-3:].upper()}",
        "fdr_event_type": name,
        "event": {**base, **details, "timestamp": str(int(at.timestamp() * 1000))},
        "timestamp": stamp(at),
    }
    indicators = Indicators(
        ips=[address, *found.ips],
        usernames=[owner.user],
        traces=[sensor],
        sha256=found.sha256,
        domains=found.domains,
    )
    scribe.write(LogType.ENDPOINT, at, record, indicators, decisive=decisive)


def process(
    scribe: Scribe,
    branch: Branch,
    at: datetime,
    owner: Person,
    program: str,
    command: str,
    *,
    parent: str = "explorer.exe",
    sha256: str = "",
    pid: str = "",
    as_system: bool = False,
    decisive: bool = False,
) -> None:
    """A program starts on somebody's laptop; `program` is its path on the disk, `pid` its number there.

    It runs as the owner, or as the system.
    """
    found = sha256 or digest(program)
    details: Record = {
        "CommandLine": command,
        "ImageFileName": DISK + program,
        "ParentBaseFileName": parent,
        "ParentProcessId": scribe.ids.digits(12),
        "TargetProcessId": scribe.ids.digits(12),
        "RawProcessId": pid or scribe.ids.digits(5),
        "SHA256HashData": found,
        "UserName": "SYSTEM" if as_system else owner.user,
        "UserSid": _SYSTEM_SID if as_system else "S-1-5-21-" + Dice("sid", owner.user).digits(9) + "-1001",
    }
    _event(
        scribe, branch, at, owner, "ProcessRollup2", details, Indicators(sha256=[found]), decisive=decisive
    )  # fmt: skip


def connect(
    scribe: Scribe,
    branch: Branch,
    at: datetime,
    owner: Person,
    program: str,
    remote: str,
    *,
    port: int = 443,
    decisive: bool = False,
) -> None:
    """A program on somebody's laptop connects to an address."""
    details: Record = {
        "ContextImageFileName": DISK + program,
        "ContextProcessId": scribe.ids.digits(12),
        "RemoteAddressIP4": remote,
        "RemotePort": str(port),
        "Protocol": "6",
        "ConnectionDirection": "0",
    }
    _event(scribe, branch, at, owner, "NetworkConnectIP4", details, Indicators(ips=[remote]), decisive=decisive)


def resolve(scribe: Scribe, branch: Branch, at: datetime, owner: Person, domain: str) -> None:
    """A laptop looks a name up."""
    details: Record = {"DomainName": domain, "RequestType": "1", "ContextProcessId": scribe.ids.digits(12)}
    _event(scribe, branch, at, owner, "DnsRequest", details, Indicators(domains=[domain]), decisive=False)
