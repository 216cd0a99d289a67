"""The fence around a worker's writes: they count only while its claim holds.

A claim holds while the row is running with the claim's epoch and worker. Each claim raises the epoch, so a worker
that slept through its lease finds that its writes no longer match.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, and_, bindparam, select

from triage.edges.store.tables import alerts
from triage.ports import Claim, State

HOLDS = and_(
    alerts.c.id == bindparam("held_id", type_=alerts.c.id.type),
    alerts.c.state == State.RUNNING,
    alerts.c.epoch == bindparam("held_epoch", type_=alerts.c.epoch.type),
    alerts.c.worker == bindparam("held_worker", type_=alerts.c.worker.type),
)
"""The condition that fences a write; `held` gives its values."""

_HELD = select(alerts.c.id).where(HOLDS)


def held(claim: Claim) -> dict[str, object]:
    return {"held_id": claim.alert.id, "held_epoch": claim.epoch, "held_worker": claim.worker}


def holds(connection: Connection, claim: Claim) -> bool:
    return connection.execute(_HELD, held(claim)).first() is not None


def fenced_row(table: Table, columns: Sequence[str]) -> Select[Any]:
    """A row of parameters named `new_<column>`, if the claim holds.

    The lock keeps the claim from being taken between this check and the commit.
    """
    return (
        select(*(bindparam(f"new_{name}", type_=table.c[name].type) for name in columns))
        .select_from(alerts)
        .where(HOLDS)
        .with_for_update(read=True)
    )
