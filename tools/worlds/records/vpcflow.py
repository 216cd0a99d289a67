"""AWS.VPCFlow records."""

from datetime import datetime, timedelta

from tools.worlds.company import Host
from tools.worlds.lake import Indicators, LogType, Record, Scribe
from tools.worlds.worktime import stamp

_TCP = 6


def flow(
    scribe: Scribe,
    at: datetime,
    host: Host,
    ends: tuple[tuple[str, int], tuple[str, int]],
    size: int,
    *,
    accepted: bool = True,
    seconds: int = 58,
    decisive: bool = False,
) -> None:
    """TCP traffic seen at a host's interface: `size` bytes from the first to the second (address, port)."""
    source, target = ends
    at = at.replace(microsecond=0)
    record: Record = {
        "version": 5,
        "account": scribe.company.production,
        "vpcId": f"vpc-0{scribe.company.dice.child('vpc').hex(16)}",
        "subNetId": f"subnet-0{scribe.company.dice.child('subnet', host.private.rpartition('.')[0]).hex(16)}",
        "instanceId": host.instance,
        "interfaceId": host.interface,
        "srcAddr": source[0],
        "srcPort": source[1],
        "dstAddr": target[0],
        "dstPort": target[1],
        "protocol": _TCP,
        "packets": max(1, size // 1200),
        "bytes": size,
        "start": stamp(at),
        "end": stamp(at + timedelta(seconds=seconds)),
        "action": "ACCEPT" if accepted else "REJECT",
        "status": "OK",
        "tcpFlags": 2 if not accepted else 19,
        "type": "IPv4",
        "region": "eu-west-1",
        "flowDirection": "egress" if source[0] == host.private else "ingress",
    }
    found = Indicators(ips=[source[0], target[0]], accounts=[scribe.company.production], instances=[host.instance])
    scribe.write(LogType.VPCFLOW, at, record, found, decisive=decisive)
