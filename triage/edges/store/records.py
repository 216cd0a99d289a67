"""What is read and kept afterwards: alerts with their investigations, marks, and retention."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, and_, case, delete, exists, func, not_, or_, select

from triage.domain.alert import Severity
from triage.domain.disposition import Disposition
from triage.domain.verdict import Investigation
from triage.edges.store import briefs, cases
from triage.edges.store.alerts import STATE_TEXT, alert_of, locked, record_of
from triage.edges.store.columns import BATCH, Upsert, load, short_key, upsert
from triage.edges.store.evidence_rows import with_rows
from triage.edges.store.outbox import prune_messages
from triage.edges.store.tables import alerts, investigations, journal, leases, marks, receipts, spend
from triage.ports import AlertCount, AlertRecord, Mark, Pruned, State

PRUNE_BATCH = 500
"""Alerts per transaction, so that workers never wait long."""

_RESTING = (State.DONE.value, State.SKIPPED.value, State.LINKED.value, State.FAILED.value, State.IMPORTED.value)


def find(connection: Connection, alert_id: str) -> AlertRecord | None:
    row = connection.execute(select(alerts).where(alerts.c.id == alert_id)).one_or_none()
    return None if row is None else record_of(row)


_LEADER = alerts.alias("leading")
_WITH_LEADER = alerts.outerjoin(_LEADER, and_(alerts.c.leader != "", _LEADER.c.id == alerts.c.leader))
_SHOWN_VERDICT = case((_LEADER.c.id.is_not(None), _LEADER.c.verdict), else_=alerts.c.verdict)
"""The verdict that lists show: a linked alert's is its leader's."""

_NOTABLE = or_(
    alerts.c.state == State.FAILED,
    exists().where(investigations.c.alert_id == alerts.c.id),
    # A severity that this program does not know, which ranks with the most severe.
    and_(
        alerts.c.severity_rank == Severity.CRITICAL.rank,
        not_(alerts.c.alert.contains(f'"severity":"{Severity.CRITICAL.value}"')),
    ),
)
"""Whether a sum needs more of an alert than how many there are of its kind."""


def newest(
    connection: Connection,
    *,
    since: datetime | None = None,
    states: Sequence[State] = (),
    verdicts: Collection[Disposition] = (),
    ended_since: datetime | None = None,
    notable: bool = False,
    before: tuple[datetime, str] | None = None,
    limit: int | None = None,
) -> tuple[AlertRecord, ...]:
    """Newest alert first."""
    query: Select[Any] = select(alerts).order_by(alerts.c.created_at.desc(), alerts.c.id.desc()).limit(limit)
    if verdicts:
        shown = _SHOWN_VERDICT.in_([each.value for each in verdicts])
        query = query.select_from(_WITH_LEADER).where(shown)
    if notable:
        query = query.where(_NOTABLE)
    if since is not None:
        query = query.where(alerts.c.created_at >= since)
    if ended_since is not None:
        query = query.where(alerts.c.ended_at >= ended_since)
    if states:
        state = alerts.c.state if since is None else STATE_TEXT
        query = query.where(state.in_([each.value for each in states]))
    if before is not None:
        at, name = before
        # The first condition alone is what the index on the creation time can start from.
        query = query.where(alerts.c.created_at <= at, or_(alerts.c.created_at < at, alerts.c.id < name))
    return tuple(record_of(row) for row in connection.execute(query))


_KIND = (
    alerts.c.detection_id,
    alerts.c.state,
    alerts.c.severity_rank,
    alerts.c.leader,
    _SHOWN_VERDICT.label("verdict"),
)


def count_others(connection: Connection, *, since: datetime | None = None) -> tuple[AlertCount, ...]:
    """The alerts that are not notable, by what they have in common."""
    query = select(*_KIND, func.count().label("number")).select_from(_WITH_LEADER).where(not_(_NOTABLE))
    if since is not None:
        query = query.where(alerts.c.created_at >= since)
    severities = tuple(Severity)
    return tuple(
        AlertCount(
            detection_id=row.detection_id,
            state=State(row.state),
            severity=severities[row.severity_rank],
            leader=row.leader,
            verdict=Disposition(row.verdict) if row.verdict is not None else None,
            number=row.number,
        )
        for row in connection.execute(query.group_by(*_KIND))
    )


def detection_names(connection: Connection, detection_ids: Collection[str]) -> dict[str, str]:
    """What each detection is called on its newest alert; those without a name are left out."""
    found = {}
    for detection_id in detection_ids:
        query = select(alerts.c.alert).where(alerts.c.detection_id == detection_id)
        stored = connection.scalar(query.order_by(alerts.c.created_at.desc()).limit(1))
        if stored is not None and (name := alert_of(stored).detection_name):
            found[detection_id] = name
    return found


def ids(
    connection: Connection,
    prefix: str = "",
    *,
    since: datetime | None = None,
    states: Sequence[State] = (),
    limit: int | None = None,
) -> tuple[str, ...]:
    """Those that begin with a text, the newest first."""
    query = select(alerts.c.id).order_by(alerts.c.created_at.desc(), alerts.c.id.desc()).limit(limit)
    if since is not None:
        query = query.where(alerts.c.created_at >= since)
    if states:
        query = query.where((alerts.c.state if since is None else STATE_TEXT).in_([each.value for each in states]))
    if prefix:
        query = query.where(func.substr(alerts.c.id, 1, len(prefix)) == prefix)
    return tuple(connection.scalars(query))


def several(connection: Connection, alert_ids: Collection[str]) -> tuple[AlertRecord, ...]:
    """Those of these alerts that are stored, in no order."""
    keys = sorted(map(short_key, alert_ids))
    return tuple(
        record_of(row)
        for start in range(0, len(keys), BATCH)
        for row in connection.execute(select(alerts).where(alerts.c.id.in_(keys[start : start + BATCH])))
    )


def done(connection: Connection, alert_ids: Collection[str]) -> frozenset[str]:
    """Those of these alerts that are done."""
    found: set[str] = set()
    wanted = list(alert_ids)
    for start in range(0, len(wanted), BATCH):
        names = {short_key(name): name for name in wanted[start : start + BATCH]}
        query = select(alerts.c.id).where(alerts.c.id.in_(list(names)), STATE_TEXT.in_((State.DONE.value,)))
        found |= {names[key] for key in connection.scalars(query)}
    return frozenset(found)


def investigation(connection: Connection, alert_id: str) -> Investigation | None:
    """The newest one: the last to be stored, whatever its timestamps."""
    row = connection.execute(
        select(investigations.c.run_id, investigations.c.investigation)
        .where(investigations.c.alert_id == alert_id)
        .order_by(investigations.c.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    return Investigation.model_validate(with_rows(connection, row.run_id, load(row.investigation)))


# ---- marks ----------------------------------------------------------------------------------------------------------


def _marking(insert: Upsert) -> Upsert:
    changed = {name: insert.excluded[name] for name in ("label", "note", "said_by", "at")}
    return insert.on_conflict_do_update(index_elements=["alert_id"], set_=changed)


_MARK = upsert(marks, _marking)


def mark(
    connection: Connection,
    alert_id: str,
    label: Literal["malicious", "benign"],
    note: str = "",
    *,
    by: str = "",
    now: datetime,
) -> None:
    """Raises NotFound."""
    locked(connection, alert_id)
    values = {"alert_id": alert_id, "label": label, "note": note, "said_by": by, "at": now}
    connection.execute(_MARK[connection.dialect.name], values)


def unmark(connection: Connection, alert_id: str) -> bool:
    """False if there was none."""
    return bool(connection.execute(delete(marks).where(marks.c.alert_id == alert_id)).rowcount)


def marked(
    connection: Connection, *, since: datetime | None = None, only: Collection[str] | None = None
) -> tuple[Mark, ...]:
    """Newest first."""
    query = select(marks).order_by(marks.c.at.desc(), marks.c.alert_id)
    if since is not None:
        query = query.where(marks.c.at >= since)
    if only is not None:
        query = query.where(marks.c.alert_id.in_(list(only)))
    return tuple(
        Mark(alert_id=row.alert_id, label=row.label, note=row.note, by=row.said_by, at=row.at)
        for row in connection.execute(query)
    )


# ---- retention ------------------------------------------------------------------------------------------------------


def _at_rest_since(before: datetime) -> ColumnElement[bool]:
    return and_(
        alerts.c.created_at < before,
        alerts.c.updated_at < before,
        STATE_TEXT.in_(_RESTING),
        # A linked alert that may be claimed, and one whose comment is still to be written, have work left to do.
        alerts.c.due_at.is_(None),
    )


def prunable(connection: Connection, before: datetime) -> int:
    return connection.scalar(select(func.count()).select_from(alerts).where(_at_rest_since(before))) or 0


def prune_batch(connection: Connection, *, before: datetime) -> Pruned:
    """Delete up to `PRUNE_BATCH` alerts at rest with what belongs to them; all zeros where none is left."""
    ids = connection.scalars(
        select(alerts.c.id)
        .where(_at_rest_since(before))
        .order_by(alerts.c.created_at, alerts.c.id)
        .limit(PRUNE_BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    if not ids:
        return Pruned()
    _keep_sum(connection, ids, before)
    cases.forget(connection, ids)
    briefs.forget(connection, ids)
    return Pruned(
        marks=connection.execute(delete(marks).where(marks.c.alert_id.in_(ids))).rowcount,
        steps=connection.execute(delete(journal).where(journal.c.alert_id.in_(ids))).rowcount,
        investigations=connection.execute(delete(investigations).where(investigations.c.alert_id.in_(ids))).rowcount,
        alerts=connection.execute(delete(alerts).where(alerts.c.id.in_(ids))).rowcount,
    )


_SUMMED = ("calls", "prompt", "cached", "completion", "money")


def _keep_sum(connection: Connection, ids: Sequence[str], before: datetime) -> None:
    """Replace what was spent on these alerts with one line for each day of `before`."""
    of_these = spend.c.alert_id.in_(ids)
    total = (
        connection.execute(
            select(func.max(spend.c.at).label("at"), *(func.sum(spend.c[name]).label(name) for name in _SUMMED)).where(
                of_these
            )
        )
        .mappings()
        .one()
    )
    if total["at"] is None:
        return
    connection.execute(delete(spend).where(of_these))
    line = {"run_id": "pruned", "key": before.date().isoformat(), "alert_id": ""}
    connection.execute(_ADD_UP[connection.dialect.name], {**line, **total})


def _adding(insert: Upsert) -> Upsert:
    sums = {name: spend.c[name] + insert.excluded[name] for name in _SUMMED}
    return insert.on_conflict_do_update(index_elements=["run_id", "key"], set_=sums)


_ADD_UP = upsert(spend, _adding)


def prune_receipts(connection: Connection, *, before: datetime) -> int:
    """Delete receipts of writes known to be done, and expired leases.

    A receipt whose outcome is unknown stays, for a person to look into.
    """
    connection.execute(delete(leases).where(leases.c.lease_until < before))
    prune_messages(connection, before=before)
    done = delete(receipts).where(receipts.c.state == "done", receipts.c.updated_at < before)
    return connection.execute(done).rowcount
