"""Alerts and what was decided on them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, assert_never

from pydantic import JsonValue, TypeAdapter, ValidationError
from sqlalchemy import (
    Connection,
    Row,
    and_,
    bindparam,
    case,
    delete,
    insert,
    literal,
    or_,
    select,
    update,
)

from triage.domain.alert import Alert
from triage.domain.look import Growth
from triage.domain.selection import Decision, Linked, Selected, Skipped
from triage.domain.verdict import Investigation
from triage.edges.store import briefs, links, looks
from triage.edges.store.columns import AT_ONCE, BATCH, dump, load, short_key, upsert
from triage.edges.store.evidence_rows import without_rows
from triage.edges.store.links import next_run, run_id
from triage.edges.store.tables import alerts, investigations, journal, marks
from triage.errors import NotFound, StoreError
from triage.ports import AlertRecord, State

_DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)
_WAITING = (State.QUEUED, State.LINKED)


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


def leader_of(decision: Decision) -> str:
    return decision.leader if isinstance(decision, Linked) else ""


def alert_of(stored: str) -> Alert:
    try:
        # In a third of the time.
        return Alert.model_validate_json(stored)
    except ValidationError:
        # A lone surrogate, which the faster reader refuses; or what this version cannot read, which is raised again.
        return Alert.model_validate(load(stored))


@lru_cache(maxsize=1024)
def _decision_of(stored: str) -> Decision:
    """Most alerts of a list share a few decisions."""
    return _DECISION.validate_python(load(stored))


def record_of(row: Row[Any]) -> AlertRecord:
    return AlertRecord(
        alert=alert_of(row.alert),
        state=State(row.state),
        decision=_decision_of(row.decision),
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
        look_at=row.look_at,
        next_attempt_at=row.due_at if row.state in _WAITING and row.due_at != AT_ONCE else None,
    )


# An expression keeps the state out of the index lookup: without statistics, SQLite would sooner read every alert in a
# state than those of fifty detections or of one hour.
STATE_TEXT = alerts.c.state.concat("")


# ---- saving ------------------------------------------------------------------------------------------------------

_INCOMING = (
    "id",
    "severity_rank",
    "created_at",
    "detection_id",
    "content_at",
    "state",
    "decision",
    "leader",
    "run_number",
    "run_id",
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
_SKIPS = and_(_TAKES, _NEW["state"] == State.SKIPPED)
# What an earlier claim journalled (before the alert was closed, or while it was linked) no longer applies.
_BEGINS_ANEW = and_(_QUEUES, alerts.c.epoch > 0, alerts.c.run_number == _NEW["run_number"] - 1)

_REFRESH = (
    update(alerts)
    .where(
        alerts.c.id == _NEW["id"],
        # Pages may arrive out of order; an older page is out of date, and so is the decision made from it.
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
        leader=case((_TAKES, _NEW["leader"]), else_=alerts.c.leader),
        run_number=case((_BEGINS_ANEW, _NEW["run_number"]), else_=alerts.c.run_number),
        run_id=case((_BEGINS_ANEW, _NEW["run_id"]), else_=alerts.c.run_id),
        ended_at=case((_SKIPS, _NEW["updated_at"]), else_=alerts.c.ended_at),
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


def _alert_text(alert: Alert) -> str:
    """What `dump` writes, in half the time where it is ASCII throughout, as nearly all alerts of a list are."""
    if not alert.context:
        try:
            text = alert.model_dump_json()
        except ValueError:
            # A lone surrogate.
            text = ""
        if text and text.isascii() and "\x7f" not in text:
            return text
    return dump(alert)


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
        "alert": _alert_text(alert),
        "leader": leader_of(decision),
        "claimed_at": None,
        "ended_at": now if state is State.SKIPPED else None,
    }


def save(
    connection: Connection,
    decided: Sequence[tuple[Alert, Decision]],
    *,
    now: datetime,
    growth: Growth | None = None,
) -> int:
    """Upsert alerts with their decisions; returns the number of new ones."""
    newest = _newest(decided)
    links.hold_leaders(connection, filter(None, (leader_of(decision) for _, decision in newest.values())))
    inserted = 0
    entries = list(newest.items())
    for start in range(0, len(entries), BATCH):
        batch = {key: _new_row(alert, decision, now) for key, (alert, decision) in entries[start : start + BATCH]}
        _forget_imported(connection, list(batch))
        known = {row.id: row for row in connection.execute(_KNOWN.where(alerts.c.id.in_(list(batch))))}
        fresh = [row for key, row in batch.items() if key not in known]
        added = connection.execute(_INSERT[connection.dialect.name], fresh).rowcount if fresh else 0
        inserted += added
        changed = [
            {**batch[key], **next_run(old.id, old.run_number, old.epoch)}
            for key, old in known.items()
            if (old.alert, old.decision) != (batch[key]["alert"], batch[key]["decision"])
        ]
        # If another process has inserted some of them in the meantime, refresh those as well.
        stale = list(batch.values()) if added < len(fresh) else changed
        if stale:
            connection.execute(_REFRESH, [{f"new_{name}": row[name] for name in _INCOMING} for row in stale])
        if growth is not None:
            looks.grown(connection, changed, known, now=now, growth=growth)
        links.just_linked(connection, [str(row["id"]) for row in (*fresh, *changed) if row["leader"]], now=now)
    return inserted


def keep_imported(
    connection: Connection,
    alert: Alert,
    investigation: Investigation,
    steps: Sequence[tuple[str, str, JsonValue]],
    *,
    now: datetime,
    version: int,
) -> None:
    """Store a record from elsewhere, whole or not at all; see `State.IMPORTED`. Raises StoreError."""
    row = _new_row(alert, Selected(reason="imported record"), now) | {
        "state": State.IMPORTED.value,
        "due_at": None,
        "queued_at": None,
        "epoch": 1,
        "verdict": investigation.verdict.disposition,
        "confidence": investigation.verdict.confidence,
        "seconds": investigation.seconds,
        "ended_at": now,
    }
    if connection.execute(_INSERT[connection.dialect.name], [row]).rowcount != 1:
        raise StoreError(f"alert {alert.id} is in this store already")
    run = str(row["run_id"])
    kept = investigation.model_copy(update={"run_id": run})
    for key, kind, payload in {key: (key, kind, payload) for key, kind, payload in steps}.values():
        entry = {"alert_id": alert.id, "run_id": run, "key": key, "kind": kind, "schema_version": version, "epoch": 1}
        connection.execute(insert(journal), entry | {"written_at": now, "payload": dump(payload)})
    connection.execute(
        insert(investigations),
        {
            "alert_id": alert.id,
            "run_id": run,
            "finished_at": investigation.finished_at,
            "investigation": dump(without_rows(connection, run, kept)),
        },
    )
    briefs.keep(connection, alert.id, kept)


def _forget_imported(connection: Connection, ids: Sequence[object]) -> None:
    """Make room for the real alerts of these ids: nothing of a record from elsewhere may stand for one."""
    imported = select(alerts.c.id).where(alerts.c.id.in_(ids), STATE_TEXT.in_((State.IMPORTED.value,)))
    gone = connection.scalars(imported).all()
    if not gone:
        return
    briefs.forget(connection, gone)
    for table in (marks, journal, investigations):
        connection.execute(delete(table).where(table.c.alert_id.in_(gone)))
    connection.execute(delete(alerts).where(alerts.c.id.in_(gone)))


_KNOWN = select(
    alerts.c.id,
    alerts.c.alert,
    alerts.c.decision,
    alerts.c.run_number,
    alerts.c.epoch,
    alerts.c.state,
    alerts.c.content_at,
)


# ---- reading -----------------------------------------------------------------------------------------------------


_LEADS = (
    STATE_TEXT.in_((State.QUEUED.value, State.RUNNING.value, State.DONE.value)),
    # A linked alert is running while it takes its leader's verdict.
    alerts.c.leader == "",
)


def group_leaders(
    connection: Connection, detections: Collection[str], *, since: datetime, until: datetime | None = None
) -> tuple[Alert, ...]:
    """Oldest first. An alert that was given up leads nobody: its verdict may never come."""
    found: list[Alert] = []
    wanted = list(detections)
    for start in range(0, len(wanted), BATCH):
        query = select(alerts.c.alert).where(
            alerts.c.detection_id.in_(wanted[start : start + BATCH]), alerts.c.created_at >= since, *_LEADS
        )
        if until is not None:
            query = query.where(alerts.c.created_at <= until)
        found += [alert_of(row.alert) for row in connection.execute(query)]
    return tuple(sorted(found, key=lambda alert: (alert.created_at, alert.id)))


def locked(connection: Connection, alert_id: str) -> Row[Any]:
    """One alert's row, kept from other writers until the transaction ends. Raises NotFound."""
    row = connection.execute(
        select(alerts).where(alerts.c.id == alert_id).with_for_update(key_share=True)
    ).one_or_none()
    if row is None:
        raise NotFound(f"alert {alert_id} is not in the state database")
    return row
