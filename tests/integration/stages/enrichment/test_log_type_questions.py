"""A log type whose file gives terms is asked every question that uses them, against a small lake.

Takes about three seconds, most of it for starting the server and parsing the questions.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from tests.bench.terms import differences
from tests.support.shared import ROOT
from tests.support.small_lake import ALERT, event_at, write_lake
from triage.domain.dossier import Dossier
from triage.edges.clock import FixedStartClock
from triage.edges.panther.client import connect
from triage.edges.panther.config import PantherConfig
from triage.logtypes import table_of, terms_of
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world
from triage.settings import InvestigationSettings
from triage.stages.enrichment import Enricher, SharedCache, load_playbooks
from triage.stages.enrichment.actor import take

NOW = datetime(2026, 3, 4, 15, tzinfo=UTC)
AT = NOW - timedelta(hours=6)
ADA, BO = "ada@acme.example", "bo@acme.example"


def slack(who: str, action: str, **entity: Any) -> dict[str, Any]:
    """An event of Slack's audit log."""
    return {
        "action": action,
        "actor": {"type": "user", "user": {"email": who, "id": f"W{who[:2]}"}},
        "entity": entity,
        "context": {"ip_address": "198.51.100.7", "session_id": 7},
    }


def zoom(who: str, detail: str) -> dict[str, Any]:
    """An event of Zoom's operation log."""
    kind = "User" if "@" in detail else "Account"
    return {"operator": who, "category_type": kind, "action": "Update", "operation_detail": detail}


def wiz(who: str, action: str, **given: str) -> dict[str, Any]:
    """An event of Wiz's audit log."""
    return {
        "action": action,
        "status": "SUCCESS",
        "user": {"id": who, "name": who},
        "sourceIP": "198.51.100.7",
        "actionParameters": {"input": given},
    }


def auth0(who: str, act: str, *invited: str) -> dict[str, Any]:
    """A call of Auth0's Management API."""
    details = {"request": {"auth": {"user": {"email": who}}, "body": {"owners": list(invited)}, "path": "/api/v2/x"}}
    return {"data": {"type": "sapi", "description": act, "ip": "198.51.100.7", "details": details}}


def zscaler(who: str, place: str, action: str, resource: str = "None") -> dict[str, Any]:
    """A change in Zscaler's log of administrators; a person is named by login."""
    login = {"loginName": resource} if "@" in resource else {}
    event = {
        "adminid": who,
        "subcategory": place,
        "action": action,
        "resource": resource,
        "clientip": "198.51.100.7",
        "result": "SUCCESS",
        "postaction": login,
    }
    return {"event": event}


def carbon_black(who: str, description: str) -> dict[str, Any]:
    """An entry of Carbon Black's audit log, which says in a sentence what was done."""
    return {"loginName": who, "clientIp": "198.51.100.7", "description": description, "requestUrl": "/policies/7"}


PERSON, CHANNEL = {"user": {"email": BO}}, {"channel": {"id": "C01"}}
WORLDS = {
    # what Ada does each day, what the alert is about, what another person did before, what followed
    "Slack.AuditLogs": (
        slack(ADA, "file_uploaded", file={"id": "F01"}),
        slack(ADA, "role_change_to_admin", **PERSON),
        slack("cy@acme.example", "role_change_to_admin", **PERSON),
        slack(ADA, "private_channel_converted_to_public", **CHANNEL),
    ),
    "Wiz.Audit": (
        wiz(ADA, "UpdateIssue", id="i1"),
        wiz(ADA, "CreateUser", email=BO, name="Bo"),
        wiz("cy@acme.example", "CreateUser", email=BO, name="Bo"),
        wiz(ADA, "UpdateIPRestrictions"),
    ),
    "Auth0.Events": (
        auth0(ADA, "Update a client"),
        auth0(ADA, "Create tenant invitations for a given client", BO),
        auth0("cy@acme.example", "Create tenant invitations for a given client", BO),
        auth0(ADA, "Set the Multi-factor Authentication policies"),
    ),
    "Zoom.Operation": (
        zoom(ADA, "Update User cy@acme.example  - Job Title: set to Clerk"),
        zoom(ADA, f"Change Role  - {BO}: from Member to Admin"),
        zoom("cy@acme.example", f"Change Role  - {BO}: from Admin to Member"),
        zoom(ADA, "Security  - Sign in with Two-Factor Authentication: from On to Off"),
    ),
    "Zscaler.ZIA.AdminAuditLog": (
        zscaler(ADA, "USER", "UPDATE", "clerks"),
        zscaler(ADA, "ADMINISTRATOR_ADMIN_USER", "CREATE", BO),
        zscaler("cy@acme.example", "ADMINISTRATOR_ADMIN_USER", "CREATE", BO),
        zscaler(ADA, "NSS_FEED", "DELETE", "feed"),
    ),
    "CarbonBlack.Audit": (
        carbon_black(ADA, "Edited policy 7"),
        carbon_black(ADA, f"Added user {BO} to org 1 (Email Invitation)"),
        carbon_black("cy@acme.example", f"Added user {BO} to org 1 (Email Invitation)"),
        carbon_black(ADA, "Added API ID K1 with name sync in org 1"),
    ),
}


class NoJournal:
    """Performs each step."""

    async def step(self, key: str, kind: str, perform: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        """Perform it."""
        return await perform()


def world_of(folder: Path, log_type: str) -> Path:
    """A world with twelve days of ordinary work and one alert."""
    ordinary, matched, other, followed = WORLDS[log_type]
    rule = {
        "id": f"{log_type}.Test",
        "displayName": "An account was given more rights",
        "severity": "HIGH",
        "runbook": "",
        "body": "def rule(event):\n    return True\n",
        "tags": [],
        "logTypes": [log_type],
        "reports": {},
        "dedupPeriodMinutes": 60,
        "threshold": 1,
        "enabled": True,
    }
    days = [event_at(AT - timedelta(days=day), day, log_type, **ordinary) for day in range(1, 12)]
    before = event_at(AT - timedelta(days=5, hours=2), 50, log_type, **other)
    after = event_at(AT + timedelta(minutes=29), 60, log_type, **followed)
    one = event_at(AT, 99, log_type, **matched)
    return write_lake(folder, now=NOW, rule=rule, at=AT, matched=one, others=[*days, before, after])


async def enrich(path: Path) -> Dossier:
    """The dossier of the world's alert."""
    with SandboxServer(load_world(path, as_recorded=True)) as server:
        clock = FixedStartClock(NOW)
        config = PantherConfig(url=server.url, token="sandbox-token", requests_per_second=1e6, attempts=1)
        async with connect(config, clock=clock) as panther:
            shipped = ROOT / "prompts" / "playbooks"
            room = Enricher(
                panther=panther,
                playbooks=load_playbooks([shipped], proven=[shipped]),
                settings=InvestigationSettings(),
                clock=clock,
                cache=SharedCache(clock),
            )
            alert = await panther.alerts.alert(ALERT)
            return await room.enrich(alert, now=NOW, journal=NoJournal(), observe=lambda _: None)


@pytest.mark.parametrize("log_type", WORLDS)
def test_history_aftermath_and_others_are_asked_from_the_terms_alone(tmp_path: Path, log_type: str) -> None:
    """No playbook names the log type; its file is enough for what came before, what followed, and who else does this."""
    found = asyncio.run(enrich(world_of(tmp_path, log_type)))
    table = table_of(log_type)
    rows = {entry.key.removeprefix(f"{table}."): entry.rows for entry in found.evidence if entry.answered}
    terms = terms_of(log_type)
    ordinary, matched, _, followed = (
        take({**event, "p_log_type": log_type}, terms["action"].take) for event in WORLDS[log_type]
    )

    assert [(row["action"], row["days"]) for row in rows["actor_profile"]] == [(ordinary, 11)]
    assert [row["action"] for row in rows["actor_after"]] == [matched, followed]
    assert [row["actor"] for row in rows["action_others"]] == ["cy@acme.example"]
    assert rows["action_history"] == ()
    assert {BO} == {row["target"] for row in rows["actor_after"] if row["action"] == matched}
    assert "harmful_aftermath" in {signal.name for signal in found.signals}


@pytest.mark.parametrize("log_type", WORLDS)
def test_a_term_is_the_same_in_the_lake_as_in_an_event(tmp_path: Path, log_type: str) -> None:
    """What the SQL of a term gives for a stored row is what is taken from the event itself."""
    assert list(differences(world_of(tmp_path, log_type), [log_type])) == []
