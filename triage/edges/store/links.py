"""Linked alerts: they wait for their leader's verdict, and are claimed to take it.

A transaction that ends a leader changes its row first and looks for linked alerts then; one that links alerts locks
their leaders' rows first. So whichever comes second sees what the other did, and no linked alert is left waiting.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from triage.domain.selection import Linked, Selected
from triage.edges.store.columns import AT_ONCE, NOW, dump, load, short_key
from triage.edges.store.tables import UNLED, alerts
from triage.ports import State

BATCH = 500


def run_id(alert_id: str, number: int) -> str:
    """Name the `number`-th investigation of an alert; two stores give it the same name."""
    digest = hashlib.sha256(short_key(alert_id).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{digest[:20]}-{number}"


def next_run(alert_id: str, number: int, epoch: int) -> dict[str, object]:
    """Columns of a run whose journal is empty: a new one if a worker has begun the present one."""
    number += epoch > 0
    return {"run_number": number, "run_id": run_id(alert_id, number)}


_PLACE = (alerts.c.id, alerts.c.run_number, alerts.c.epoch)

_LET_BE_CLAIMED = (
    update(alerts)
    .where(alerts.c.id == bindparam("the_id", type_=alerts.c.id.type))
    .values(
        due_at=AT_ONCE,
        queued_at=NOW,
        attempts=0,
        error="",
        run_number=bindparam("new_run_number"),
        run_id=bindparam("new_run_id"),
    )
)


def _let_be_claimed(connection: Connection, rows: Sequence[Row[*tuple[Any, ...]]], now: datetime) -> None:
    values = []
    for row in rows:
        run = next_run(row.id, row.run_number, row.epoch)
        values.append({"the_id": row.id, "now": now, "new_run_number": run["run_number"], "new_run_id": run["run_id"]})
    if values:
        connection.execute(_LET_BE_CLAIMED, values)


_LED = (
    select(*_PLACE)
    .where(alerts.c.leader == bindparam("the_leader", type_=alerts.c.leader.type), alerts.c.state == State.LINKED)
    .order_by(alerts.c.id)
    .with_for_update(key_share=True)
)
_UNLED = _LED.where(UNLED)


def leader_is_done(connection: Connection, leader: str, *, anew: bool, now: datetime) -> None:
    """Make the alerts that are linked to this one claimable, to take its verdict.

    Args:
        connection: A transaction that has changed the leader's row.
        leader: The alert that is done.
        anew: Its result has changed; otherwise alerts that already have its verdict keep it.
        now: The present moment.
    """
    _let_be_claimed(connection, connection.execute(_LED if anew else _UNLED, {"the_leader": leader}).all(), now)


def due_again(connection: Connection, alert_id: str, *, now: datetime) -> None:
    """Make one linked alert claimable once more."""
    _let_be_claimed(connection, connection.execute(select(*_PLACE).where(alerts.c.id == alert_id)).all(), now)


_leaders = alerts.alias("leaders")
_LATE = (
    select(*_PLACE)
    .join(_leaders, _leaders.c.id == alerts.c.leader)
    .where(
        alerts.c.state == State.LINKED,
        alerts.c.due_at.is_(None),
        alerts.c.verdict.is_(None),
        # A leader that was skipped will never have a verdict; the worker that claims the linked alert handles that.
        _leaders.c.state.in_((State.DONE.value, State.SKIPPED.value)),
    )
)


def hold_leaders(connection: Connection, leaders: Iterable[str]) -> None:
    """Lock these alerts so that none finishes before this transaction does."""
    if connection.dialect.name == "sqlite":
        return
    wanted = sorted({short_key(leader) for leader in leaders})
    for start in range(0, len(wanted), BATCH):
        names = wanted[start : start + BATCH]
        connection.execute(
            select(alerts.c.id).where(alerts.c.id.in_(names)).order_by(alerts.c.id).with_for_update(read=True)
        )


def just_linked(connection: Connection, ids: Sequence[str], *, now: datetime) -> None:
    """Of the alerts just linked, make those claimable whose leader is already done."""
    for start in range(0, len(ids), BATCH):
        rows = connection.execute(_LATE.where(alerts.c.id.in_(ids[start : start + BATCH]))).all()
        _let_be_claimed(connection, rows, now)


def link_again(connection: Connection, old: str, new: str, *, now: datetime) -> tuple[str, ...]:
    """Link the alerts that wait for one leader to another; returns their ids."""
    rows = connection.execute(
        select(alerts.c.id, alerts.c.decision)
        .where(alerts.c.leader == old, alerts.c.id != new, UNLED)
        .order_by(alerts.c.id)
        .with_for_update(key_share=True)
    ).all()
    values = []
    for row in rows:
        decision = Linked.model_validate(load(row.decision))
        values.append(
            {
                "the_id": row.id,
                "new_leader": new,
                "new_decision": dump(decision.model_copy(update={"leader": new})),
                "now": now,
            }
        )
    if values:
        connection.execute(_LINK_AGAIN, values)
    return tuple(row.id for row in rows)


_LINK_AGAIN = (
    update(alerts)
    .where(alerts.c.id == bindparam("the_id", type_=alerts.c.id.type))
    .values(
        leader=bindparam("new_leader", type_=alerts.c.leader.type),
        decision=bindparam("new_decision"),
        updated_at=NOW,
    )
)


def leader_is_skipped(connection: Connection, leader: str, *, now: datetime) -> None:
    """Queue the oldest alert waiting for a skipped leader in its place, and make it the leader of the others."""
    heir = connection.execute(
        select(*_PLACE)
        .where(alerts.c.leader == leader, UNLED)
        .order_by(alerts.c.created_at, alerts.c.id)
        .limit(1)
        .with_for_update(key_share=True)
    ).one_or_none()
    if heir is None:
        return
    decision = Selected(reason=f"in place of {short_key(leader)}, which it was linked to and which was skipped")
    connection.execute(
        update(alerts)
        .where(alerts.c.id == heir.id)
        .values(
            state=State.QUEUED,
            leader="",
            decision=dump(decision),
            due_at=AT_ONCE,
            queued_at=now,
            attempts=0,
            updated_at=now,
            **next_run(heir.id, heir.run_number, heir.epoch),
        )
    )
    link_again(connection, leader, heir.id, now=now)
