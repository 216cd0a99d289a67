"""The steps of each run that have been done."""

from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import Connection, bindparam, select

from triage.edges.store.columns import Upsert, dump, load, upsert
from triage.edges.store.fence import fenced_row, held, holds
from triage.edges.store.tables import journal
from triage.ports import Claim

_WRITTEN = ("alert_id", "run_id", "key", "kind", "schema_version", "epoch", "written_at", "payload")
_REPLACED = ("kind", "schema_version", "epoch", "written_at", "payload")


def _appending(insert: Upsert) -> Upsert:
    return insert.from_select(
        list(_WRITTEN), fenced_row(journal, _WRITTEN), include_defaults=False
    ).on_conflict_do_update(
        index_elements=["run_id", "key"],
        set_={name: insert.excluded[name] for name in _REPLACED},
        where=journal.c.schema_version != insert.excluded.schema_version,
    )


_APPEND = upsert(journal, _appending)


def append(
    connection: Connection, claim: Claim, key: str, kind: str, payload: JsonValue, *, now: datetime, version: int
) -> bool:
    """Write a step once; false if the claim is stale.

    The first writer of a key wins, except over an entry of another schema version, which can't be replayed.
    """
    values = held(claim) | {
        "new_alert_id": claim.alert.id,
        "new_run_id": claim.run_id,
        "new_key": key,
        "new_kind": kind,
        "new_schema_version": version,
        "new_epoch": claim.epoch,
        "new_written_at": now,
        "new_payload": dump(payload),
    }
    if connection.execute(_APPEND[connection.dialect.name], values).rowcount == 1:
        return True
    return holds(connection, claim)


_OF_RUN = select(journal.c.key, journal.c.kind, journal.c.payload).where(
    journal.c.run_id == bindparam("the_run"), journal.c.schema_version == bindparam("the_version")
)
_STEP = _OF_RUN.where(journal.c.key == bindparam("the_key", type_=journal.c.key.type))
_STEPS = _OF_RUN.order_by(journal.c.id)


def recall(connection: Connection, run_id: str, key: str, *, version: int) -> JsonValue | None:
    row = connection.execute(_STEP, {"the_run": run_id, "the_version": version, "the_key": key}).one_or_none()
    return None if row is None else load(row.payload)


def entries(connection: Connection, run_id: str, *, version: int) -> tuple[tuple[str, str, JsonValue], ...]:
    rows = connection.execute(_STEPS, {"the_run": run_id, "the_version": version})
    return tuple((row.key, row.kind, load(row.payload)) for row in rows)
