"""Alerts and what was decided on them."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, assert_never

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, Select, and_, bindparam, case, literal, or_, select, update

from triage.domain.alert import Alert
from triage.domain.selection import Decision, Linked, Selected, Skipped
from triage.edges.store.tables import AT_ONCE, alerts, dump, load, short_key, upsert
from triage.errors import NotFound
from triage.ports import AlertRecord, State

BATCH = 500
"""Alerts per statement; SQLite allows 999 variables in its older versions."""

_DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)


def run_id(alert_id: str, number: int) -> str:
    """Name the `number`-th investigation of an alert, without chance: two stores agree."""
    digest = hashlib.sha256(short_key(alert_id).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{digest[:20]}-{number}"


def state_of(decision: Decision) -> State:
    match decision:
        case Selected():
            return State.QUEUED
        case Skipped():
            return State.SKIPPED
        case Linked():
            return State.LINKED
        case _:
            assert_never(decision)


def alert_of(stored: str) -> Alert:
    return Alert.model_validate(load(stored))


def record_of(row: Row[Any]) -> AlertRecord:
    return AlertRecord(
        alert=alert_of(row.alert),
        state=State(row.state),
        decision=_DECISION.validate_python(load(row.decision)),
        # A run begins with its first claim.
        run_id=row.run_id if row.epoch else "",
        attempts=row.attempts,
        error=row.error,
        verdict=row.verdict,
        confidence=row.confidence,
        seconds=row.seconds,
        seen_at=row.seen_at,
        updated_at=row.updated_at,
        worker=row.worker,
        next_attempt_at=row.due_at if row.state == State.QUEUED and row.due_at != AT_ONCE else None,
    )


# ---- saving ------------------------------------------------------------------------------------------------------

_INCOMING = (
    "id",
    "severity_rank",
    "created_at",
    "detection_id",
    "content_at",
    "state",
    "decision",
    "alert",
    "updated_at",
)
_NEW = {name: bindparam(f"new_{name}", type_=alerts.c[name].type) for name in _INCOMING}
"""The values of an incoming alert; the prefix keeps them apart from the columns of the same name."""

_TAKES = or_(
    and_(alerts.c.state == State.SKIPPED, alerts.c.decision != _NEW["decision"]),
    and_(alerts.c.state == State.LINKED, _NEW["state"] == State.QUEUED),
)
"""Whether the row follows the new decision."""

_QUEUES = and_(_TAKES, _NEW["state"] == State.QUEUED)

_REFRESH = (
    update(alerts)
    .where(
        alerts.c.id == _NEW["id"],
        # Pages may come out of order; what an older page says, its decision included, is out of date.
        _NEW["content_at"] >= alerts.c.content_at,
        or_(alerts.c.alert != _NEW["alert"], _TAKES),
    )
    .values(
        alert=_NEW["alert"],
        severity_rank=_NEW["severity_rank"],
        created_at=_NEW["created_at"],
        detection_id=_NEW["detection_id"],
        content_at=_NEW["content_at"],
        state=case((_TAKES, _NEW["state"]), else_=alerts.c.state),
        decision=case((_TAKES, _NEW["decision"]), else_=alerts.c.decision),
        due_at=case((_QUEUES, literal(AT_ONCE, alerts.c.due_at.type)), else_=alerts.c.due_at),
        queued_at=case((_QUEUES, _NEW["updated_at"]), else_=alerts.c.queued_at),
        attempts=case((_TAKES, 0), else_=alerts.c.attempts),
        updated_at=_NEW["updated_at"],
    )
)


_INSERT = upsert(alerts, lambda insert: insert.on_conflict_do_nothing(index_elements=["id"]))


def _content_at(alert: Alert) -> datetime:
    return alert.updated_at or alert.created_at


def _newest(decided: Sequence[tuple[Alert, Decision]]) -> dict[str, tuple[Alert, Decision]]:
    """One entry per id, in the order of ids, so that two processes lock rows in the same order."""
    newest: dict[str, tuple[Alert, Decision]] = {}
    for alert, decision in decided:
        key = short_key(alert.id)
        if key not in newest or _content_at(alert) >= _content_at(newest[key][0]):
            newest[key] = (alert, decision)
    return {key: newest[key] for key in sorted(newest)}


@lru_cache(maxsize=256)
def _decision_text(decision: Decision) -> str:
    """Most alerts of a poll share a few decisions."""
    return dump(decision)


def _new_row(alert: Alert, decision: Decision, now: datetime) -> dict[str, object]:
    state = state_of(decision)
    return {
        "id": alert.id,
        "detection_id": alert.detection_id,
        "severity_rank": alert.severity.rank,
        "created_at": alert.created_at,
        "content_at": _content_at(alert),
        "state": state.value,
        "decision": _decision_text(decision),
        "run_number": 1,
        "run_id": run_id(alert.id, 1),
        "epoch": 0,
        "attempts": 0,
        "worker": "",
        "due_at": AT_ONCE if state is State.QUEUED else None,
        "queued_at": now if state is State.QUEUED else None,
        "error": "",
        "seen_at": now,
        "updated_at": now,
        "alert": dump(alert),
    }


def save(connection: Connection, decided: Sequence[tuple[Alert, Decision]], *, now: datetime) -> int:
    """Upsert alerts with their decisions; gives the number of new ones."""
    rows = [_new_row(alert, decision, now) for alert, decision in _newest(decided).values()]
    inserted = 0
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        found = connection.execute(
            select(alerts.c.id, alerts.c.alert, alerts.c.decision).where(alerts.c.id.in_([row["id"] for row in batch]))
        )
        known = {row.id: (row.alert, row.decision) for row in found}
        fresh = [row for row in batch if short_key(str(row["id"])) not in known]
        added = connection.execute(_INSERT[connection.dialect.name], fresh).rowcount if fresh else 0
        inserted += added
        # Where another process inserted some of them meanwhile, these are refreshed as well.
        stale = batch if added < len(fresh) else _changed(batch, known)
        if stale:
            connection.execute(_REFRESH, [{f"new_{name}": row[name] for name in _INCOMING} for row in stale])
    return inserted


def _changed(batch: Sequence[Mapping[str, object]], known: Mapping[str, tuple[str, str]]) -> list[Mapping[str, object]]:
    """The alerts that are known with other content or another decision; overlapping polls bring few of them."""
    return [
        row
        for row in batch
        if known.get(short_key(str(row["id"])), (row["alert"], row["decision"])) != (row["alert"], row["decision"])
    ]


# ---- reading -----------------------------------------------------------------------------------------------------


def record(connection: Connection, alert_id: str) -> AlertRecord | None:
    row = connection.execute(select(alerts).where(alerts.c.id == alert_id)).one_or_none()
    return None if row is None else record_of(row)


def records(
    connection: Connection, *, since: datetime | None, states: Sequence[State], limit: int | None
) -> tuple[AlertRecord, ...]:
    """Newest alert first."""
    query: Select[Any] = select(alerts).order_by(alerts.c.created_at.desc(), alerts.c.id.desc()).limit(limit)
    if since is not None:
        query = query.where(alerts.c.created_at >= since)
    if states:
        query = query.where(alerts.c.state.in_([state.value for state in states]))
    return tuple(record_of(row) for row in connection.execute(query))


def group_leaders(connection: Connection, detection_id: str, *, since: datetime) -> tuple[AlertRecord, ...]:
    """Oldest first. An alert that was given up leads nobody: its verdict may never come."""
    led = (State.QUEUED.value, State.RUNNING.value, State.DONE.value)
    query = (
        select(alerts)
        .where(alerts.c.detection_id == detection_id, alerts.c.created_at >= since, alerts.c.state.in_(led))
        .order_by(alerts.c.created_at, alerts.c.id)
    )
    return tuple(record_of(row) for row in connection.execute(query))


def locked(connection: Connection, alert_id: str) -> Row[Any]:
    """One alert's row, kept from other writers until the transaction ends. Raises NotFound."""
    row = connection.execute(
        select(alerts).where(alerts.c.id == alert_id).with_for_update(key_share=True)
    ).one_or_none()
    if row is None:
        raise NotFound(f"alert {alert_id} is not in the state database")
    return row


def decide(connection: Connection, alert_id: str, decision: Decision, *, now: datetime) -> None:
    """Change the decision on an alert that is not done; raises NotFound.

    Skipped and linked end a claim. Selected queues what was skipped or linked, and moves nothing else.
    """
    row = locked(connection, alert_id)
    state = state_of(decision)
    if row.state == State.DONE:
        return
    changes: Mapping[str, object] = {}
    if state is not State.QUEUED:
        changes = {"state": state.value, "worker": "", "due_at": None, "queued_at": None}
    elif row.state in {State.SKIPPED, State.LINKED}:
        changes = {"state": state.value, "due_at": AT_ONCE, "queued_at": now, "attempts": 0}
    connection.execute(
        update(alerts).where(alerts.c.id == alert_id).values(decision=dump(decision), updated_at=now, **changes)
    )
