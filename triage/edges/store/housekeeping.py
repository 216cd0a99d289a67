"""Named values, receipts, and retention."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import Connection, Table, delete, select

from triage.edges.store.tables import (
    Upsert,
    alerts,
    dump,
    investigations,
    journal,
    leases,
    load,
    named_values,
    receipts,
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


def prune_batch(connection: Connection, *, before: datetime) -> Pruned:
    """Delete up to `PRUNE_BATCH` alerts at rest with what belongs to them; all zeros where none is left."""
    ids = connection.scalars(
        select(alerts.c.id)
        .where(alerts.c.created_at < before, alerts.c.updated_at < before, alerts.c.state.in_(_RESTING))
        .order_by(alerts.c.created_at, alerts.c.id)
        .limit(PRUNE_BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    if not ids:
        return Pruned()
    return Pruned(
        steps=connection.execute(delete(journal).where(journal.c.alert_id.in_(ids))).rowcount,
        investigations=connection.execute(delete(investigations).where(investigations.c.alert_id.in_(ids))).rowcount,
        alerts=connection.execute(delete(alerts).where(alerts.c.id.in_(ids))).rowcount,
    )


def prune_receipts(connection: Connection, *, before: datetime) -> int:
    """Delete receipts of writes that are known to be done, and leases that nobody has taken up since.

    A receipt whose outcome is open stays for a person to see.
    """
    connection.execute(delete(leases).where(leases.c.lease_until < before))
    done = delete(receipts).where(receipts.c.state == "done", receipts.c.updated_at < before)
    return connection.execute(done).rowcount
