"""Changing what was decided on an alert."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, update

from triage.domain.selection import Decision
from triage.edges.store import links
from triage.edges.store.alerts import leader_of, locked, state_of
from triage.edges.store.columns import AT_ONCE, dump, short_key
from triage.edges.store.links import next_run
from triage.edges.store.tables import alerts
from triage.ports import State


def decide(connection: Connection, alert_id: str, decision: Decision, *, now: datetime) -> None:
    """Change the decision on an alert that is not done; raises NotFound.

    Skipped and linked end a claim. Selected queues what was skipped or linked, and moves nothing else.
    """
    leader = leader_of(decision)
    if leader:
        links.hold_leaders(connection, [leader])
    row = locked(connection, alert_id)
    state = state_of(decision)
    if row.state == State.DONE:
        return
    changes: Mapping[str, object] = {}
    if state is not State.QUEUED:
        changes = {"state": state.value, "worker": "", "due_at": None, "queued_at": None, "leader": leader}
        if state is State.SKIPPED:
            changes = {**changes, "ended_at": now}
        elif short_key(leader) != row.leader:
            changes = {**changes, "verdict": None, "confidence": None, **next_run(alert_id, row.run_number, row.epoch)}
    elif row.leader or row.state == State.SKIPPED:
        changes = {
            "state": state.value,
            "worker": "",
            "due_at": AT_ONCE,
            "queued_at": now,
            "attempts": 0,
            "leader": "",
            **next_run(alert_id, row.run_number, row.epoch),
        }
    connection.execute(
        update(alerts).where(alerts.c.id == alert_id).values(decision=dump(decision), updated_at=now, **changes)
    )
    if state is State.SKIPPED:
        links.leader_is_skipped(connection, alert_id, now=now)
    elif leader:
        links.just_linked(connection, [alert_id, *links.link_again(connection, alert_id, leader, now=now)], now=now)
