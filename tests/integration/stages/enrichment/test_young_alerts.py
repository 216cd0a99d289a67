"""An alert a minute old, and the same alert hours later, over the embedded Panther."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.notebook import Notebook
from tests.support.shared import ROOT
from tests.support.tiny_world import RULE, SOURCES, USERS, alert, write_files
from triage.domain.evidence import Evidence
from triage.domain.signal import is_proven
from triage.edges.clock import FixedStartClock
from triage.edges.panther.client import connect
from triage.edges.panther.config import PantherConfig
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world
from triage.settings import InvestigationSettings
from triage.stages.enrichment import Enricher, load_playbooks

EVENT = datetime(2031, 5, 6, 9, 1, tzinfo=UTC)
ALERT = f"{1:032x}"


def row(moment: datetime, action: str, who: str) -> dict[str, Any]:
    """A CloudTrail record, parsed four minutes after it happened."""
    return {
        "eventName": action,
        "eventSource": "cloudtrail.amazonaws.com",
        "sourceIPAddress": "192.0.2.7",
        "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::111122223333:user/{who}", "userName": who},
        "requestParameters": {"name": "trail-1"},
        "p_event_time": f"{moment:%Y-%m-%d %H:%M:%S}.000",
        "p_parse_time": f"{moment + timedelta(minutes=4):%Y-%m-%d %H:%M:%S}.000",
        "p_log_type": "AWS.CloudTrail",
        "p_row_id": f"{moment:%m%d%H%M}{who}",
        "p_source_id": "source-1",
        "p_any_ip_addresses": ["192.0.2.7"],
    }


def judged(folder: Path, now: datetime) -> tuple[Evidence, bool]:
    """What the actor did in the four hours after, as asked at `now`; and whether quiet counts."""
    own = row(EVENT, "StopLogging", "ada")
    others = [row(EVENT + timedelta(minutes=30 * n), "ListTrails", "bob") for n in range(-20 * 48, 30)]
    came = [
        each for each in [own, *others] if each["p_parse_time"] <= f"{max(now, EVENT + timedelta(minutes=5)):%F %T}"
    ]
    last = max(each["p_parse_time"] for each in came).replace(" ", "T") + "Z"
    source = {**SOURCES[0], "logTypes": ["AWS.CloudTrail"], "lastEventReceivedAtTime": last}
    files = {
        "alerts": [alert(1, firstEventOccurredAt=f"{EVENT:%FT%T}.000Z", lastReceivedEventAt=f"{EVENT:%FT%T}.000Z")],
        "rules": [{**RULE, "logTypes": ["AWS.CloudTrail"]}],
        "users": USERS,
        "sources": [source],
        "lake/panther_logs/aws_cloudtrail": came,
        "lake/panther_rule_matches/aws_cloudtrail": [{**own, "p_alert_id": ALERT, "p_rule_id": "Door.Open"}],
    }

    async def run(server: SandboxServer) -> tuple[Evidence, bool]:
        clock = FixedStartClock(now)
        config = PantherConfig(url=server.url, token="sandbox-token", requests_per_second=1e6)
        async with connect(config, clock=clock) as panther:
            room = Enricher(panther, load_playbooks([ROOT / "prompts" / "playbooks"]), InvestigationSettings(), clock)
            known = await panther.alerts.alert(ALERT)
            found = await room.enrich(known, now=now, journal=Notebook(), observe=lambda _: None)
        entry = next(each for each in found.evidence if each.key == "aws_cloudtrail.actor_soon_after")
        evidence = {each.id: each for each in found.evidence}
        quiet = [each for each in found.signals if each.name == "quiet_aftermath" and is_proven(each, evidence)]
        return entry, bool(quiet)

    folder.mkdir(parents=True, exist_ok=True)
    world = load_world(write_files(folder, f"{now:%FT%T}.000Z", files), as_recorded=True)
    with SandboxServer(world) as server:
        return asyncio.run(run(server))


def test_nothing_followed_is_provisional_first_and_proven_later(tmp_path: Path) -> None:
    """A minute after the alert nothing is proven; an hour later a part is; after four hours and the lag, all of it."""
    young, quiet = judged(tmp_path / "young", EVENT + timedelta(minutes=1))
    assert not young.proves_absence
    assert young.proven_until is None
    assert young.coverage.open_until == EVENT + timedelta(hours=4, minutes=9)
    assert not quiet

    later, quiet = judged(tmp_path / "later", EVENT + timedelta(hours=1, minutes=35))
    assert not later.proves_absence
    assert later.proven_until is not None
    assert EVENT < later.proven_until < EVENT + timedelta(hours=1, minutes=35)
    assert any("the absence is proven until then" in gap for gap in later.coverage.gaps)
    assert quiet

    old, quiet = judged(tmp_path / "old", EVENT + timedelta(hours=6))
    assert old.proves_absence
    assert old.coverage.open_until is None
    assert quiet
