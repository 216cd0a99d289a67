"""Small state by name: values, receipts of writes to Panther, and leases such as the poller's."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta

from pydantic import JsonValue
from sqlalchemy import Connection, Table, bindparam, func, or_, select

from triage.edges.store.columns import MOMENT, MOMENT_PLUS, Upsert, dump, load, microseconds, upsert
from triage.edges.store.tables import leases, named_values, receipts
from triage.ports import Receipt


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


def _acquiring(insert: Upsert) -> Upsert:
    return insert.values(lease_until=MOMENT_PLUS).on_conflict_do_update(
        index_elements=["name"],
        set_={"holder": insert.excluded.holder, "lease_until": insert.excluded.lease_until},
        where=or_(leases.c.holder == insert.excluded.holder, leases.c.lease_until <= MOMENT),
    )


_ACQUIRE = upsert(leases, _acquiring)


def acquire_lease(connection: Connection, name: str, holder: str, *, now: datetime, seconds: float) -> bool:
    values = {"name": name, "holder": holder, "now": now, "plus": microseconds(timedelta(seconds=seconds))}
    return connection.execute(_ACQUIRE[connection.dialect.name], values).rowcount == 1


def release_lease(connection: Connection, name: str, holder: str) -> None:
    connection.execute(leases.delete().where(leases.c.name == name, leases.c.holder == holder))


_HOLDER = select(leases.c.holder).where(
    leases.c.name == bindparam("the_name", type_=leases.c.name.type), leases.c.lease_until > MOMENT
)


def lease_holder(connection: Connection, name: str, *, now: datetime) -> str:
    found: str | None = connection.scalar(_HOLDER, {"the_name": name, "now": now})
    return found or ""
