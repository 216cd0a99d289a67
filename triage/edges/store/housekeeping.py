"""Named values, receipts, and retention."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, select

from triage.edges.store.tables import (
    Upsert,
    alerts,
    dump,
    investigations,
    journal,
    leases,
    load,
    marks,
    named_values,
    receipts,
    spend,
    upsert,
)
from triage.ports import Pruned, Receipt, State

PRUNE_BATCH = 500
"""Alerts per transaction, so that workers wait a moment at most."""

_RESTING = (State.DONE.value, State.SKIPPED.value, State.LINKED.value, State.FAILED.value)


def _replacing(key: str, table: Table) -> Callable[[Upsert], Upsert]:
    def build(insert: Upsert) -> Upsert:
        changed = {column.name: insert.excluded[column.name] for column in table.c if column.name != key}
        return insert.on_conflict_do_update(index_elements=[key], set_=changed)

    return build


_PUT = upsert(named_values, _replacing("name", named_values))
_SAVE_RECEIPT = upsert(receipts, _replacing("key", receipts))


def get(connection: Connection, name: str) -> JsonValue | None:
    stored = connection.scalar(select(named_values.c.value).where(named_values.c.name == name))
    return None if stored is None else load(stored)


def put(connection: Connection, name: str, value: JsonValue, *, now: datetime) -> None:
    connection.execute(_PUT[connection.dialect.name], {"name": name, "value": dump(value), "updated_at": now})


def receipt(connection: Connection, key: str) -> Receipt | None:
    row = connection.execute(select(receipts).where(receipts.c.key == key)).one_or_none()
    if row is None:
        return None
    return Receipt(key=key, state=row.state, comment_id=row.comment_id, digest=row.digest, at=row.at)


def save_receipt(connection: Connection, saved: Receipt, *, now: datetime) -> None:
    connection.execute(_SAVE_RECEIPT[connection.dialect.name], {**asdict(saved), "updated_at": now})


def count_receipts(connection: Connection, prefix: str, *, since: datetime) -> int:
    counted = select(func.count()).where(
        receipts.c.key.startswith(prefix, autoescape=True), receipts.c.state != "intended", receipts.c.at >= since
    )
    return connection.scalar(counted) or 0


def _at_rest_since(before: datetime) -> ColumnElement[bool]:
    return and_(
        alerts.c.created_at < before,
        alerts.c.updated_at < before,
        alerts.c.state.in_(_RESTING),
        # A linked alert that may be claimed, and one whose comment is still to be written, have work before them.
        alerts.c.due_at.is_(None),
    )


def prunable(connection: Connection, *, before: datetime) -> int:
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
    return Pruned(
        marks=connection.execute(delete(marks).where(marks.c.alert_id.in_(ids))).rowcount,
        steps=connection.execute(delete(journal).where(journal.c.alert_id.in_(ids))).rowcount,
        investigations=connection.execute(delete(investigations).where(investigations.c.alert_id.in_(ids))).rowcount,
        alerts=connection.execute(delete(alerts).where(alerts.c.id.in_(ids))).rowcount,
    )


_SUMMED = ("calls", "prompt", "cached", "completion", "money")


def _keep_sum(connection: Connection, ids: Sequence[str], before: datetime) -> None:
    """Put one line for each day of `before` in the place of all that was spent on these alerts."""
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
    """Delete receipts of writes that are known to be done, and leases that nobody has taken up since.

    A receipt whose outcome is open stays for a person to see.
    """
    connection.execute(delete(leases).where(leases.c.lease_until < before))
    done = delete(receipts).where(receipts.c.state == "done", receipts.c.updated_at < before)
    return connection.execute(done).rowcount
