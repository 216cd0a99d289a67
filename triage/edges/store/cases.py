"""What alerts can be linked by, so that the others of a case are found without reading every investigation."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, delete, exists, insert, select

from triage.domain.case import KeyKind, LinkKey, LinkKeys
from triage.edges.store.columns import BATCH, short_key
from triage.edges.store.fence import HOLDS, held
from triage.edges.store.tables import alerts, case_keys
from triage.ports import Claim

MOST_FOUND = 200
"""Alerts that one search gives back, those with the latest key first: more than that share what joins none."""

_LOCK = select(alerts.c.id).where(HOLDS).with_for_update(key_share=True)
_OF_ALERT = delete(case_keys).where(case_keys.c.alert_id == bindparam("the_id", type_=case_keys.c.alert_id.type))


def replace_keys(connection: Connection, alert_id: str, keys: Sequence[LinkKey]) -> None:
    """Store what an alert can be linked by, in place of what was stored before."""
    connection.execute(_OF_ALERT, {"the_id": alert_id})
    if keys:
        connection.execute(
            insert(case_keys),
            [
                {
                    "alert_id": alert_id,
                    "kind": key.kind,
                    "value": key.value,
                    "first_at": key.first,
                    "last_at": key.last,
                    "log_type": key.log_type,
                }
                for key in keys
            ],
        )


def save_keys(connection: Connection, claim: Claim, keys: Sequence[LinkKey]) -> bool:
    if connection.execute(_LOCK, held(claim)).first() is None:
        return False
    replace_keys(connection, claim.alert.id, keys)
    return True


def sharing(
    connection: Connection, values: Collection[str], *, first: datetime, last: datetime
) -> tuple[LinkKeys, ...]:
    """All keys of every alert that has one of these values within a span."""
    found: dict[str, datetime] = {}
    wanted = sorted(values)
    for start in range(0, len(wanted), BATCH):
        query = select(case_keys.c.alert_id, case_keys.c.last_at).where(
            case_keys.c.value.in_(wanted[start : start + BATCH]),
            case_keys.c.last_at >= first,
            case_keys.c.first_at <= last,
        )
        for row in connection.execute(query):
            found[row.alert_id] = max(row.last_at, found.get(row.alert_id, row.last_at))
    newest = sorted(found, key=lambda name: (found[name], name), reverse=True)[:MOST_FOUND]
    return tuple(keys for start in range(0, len(newest), BATCH) for keys in _of(connection, newest[start:][:BATCH]))


def _of(connection: Connection, alert_ids: Sequence[str]) -> Iterable[LinkKeys]:
    return _gathered(connection, case_keys.c.alert_id.in_(alert_ids))


def keys_of(connection: Connection, alert_id: str) -> LinkKeys:
    return next(iter(_of(connection, [alert_id])), LinkKeys(alert_id=alert_id))


def seen_since(connection: Connection, since: datetime | None = None) -> tuple[LinkKeys, ...]:
    """All keys of every alert that has one whose last time is at or after `since`."""
    if since is None:
        return tuple(_gathered(connection))
    recent = case_keys.alias("recent")
    return tuple(
        _gathered(
            connection, exists().where(and_(recent.c.alert_id == case_keys.c.alert_id, recent.c.last_at >= since))
        )
    )


def _gathered(connection: Connection, *conditions: ColumnElement[bool]) -> Iterable[LinkKeys]:
    """Every alert's keys, as one value."""
    rows: dict[str, list[Row[Any]]] = defaultdict(list)
    query = select(case_keys).where(*conditions).order_by(case_keys.c.alert_id, case_keys.c.kind, case_keys.c.value)
    for row in connection.execute(query):
        rows[row.alert_id].append(row)
    for alert_id, keys in rows.items():
        yield LinkKeys(
            alert_id=alert_id,
            keys=tuple(
                LinkKey(
                    kind=KeyKind(row.kind),
                    value=row.value,
                    first=row.first_at,
                    last=row.last_at,
                    log_type=row.log_type,
                )
                for row in keys
            ),
        )


def forget(connection: Connection, alert_ids: Sequence[str]) -> None:
    """Delete the keys of these alerts."""
    connection.execute(delete(case_keys).where(case_keys.c.alert_id.in_([short_key(name) for name in alert_ids])))
