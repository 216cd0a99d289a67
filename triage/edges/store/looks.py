"""Alerts that are done and due to be looked at again: planned when they finish, or when Panther has changed them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Row, Update, and_, bindparam, case, select, update

from triage.domain.alert import Alert
from triage.domain.look import AlertSeen, Growth
from triage.domain.verdict import Look
from triage.edges.store.columns import MOMENT, NOW, clock, load, microseconds, short_key
from triage.edges.store.fence import HOLDS, held
from triage.edges.store.links import next_run
from triage.edges.store.tables import alerts
from triage.ports import Claim, State

# ---- claims ---------------------------------------------------------------------------------------------------------

LOOK_IS_DUE = and_(alerts.c.state == State.DONE, alerts.c.look_at.is_not(None), alerts.c.look_at <= MOMENT).label(
    "look_is_due"
)
"""Whether a claim of the row is to look again; otherwise what is done is claimed to write its comment."""

BEGUN: Mapping[str, object] = {
    "run_number": bindparam("new_run_number"),
    "run_id": bindparam("new_run_id"),
    "looks": bindparam("new_looks"),
    "look_at": None,
    "look_by": None,
}
"""What a claim changes to look again; `begin` gives the values."""


def begin(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    """Values of `BEGUN`: a new run, so that everything is asked again."""
    run = next_run(row.id, row.run_number, row.epoch)
    return {"new_run_number": run["run_number"], "new_run_id": run["run_id"], "new_looks": row.looks + 1}


_SETTLE = (
    update(alerts)
    .where(HOLDS, alerts.c.leader == "", alerts.c.looks > 0)
    .values(
        state=State.DONE,
        worker="",
        due_at=alerts.c.look_at,
        queued_at=None,
        error="",
        attempts=0,
        updated_at=NOW,
    )
)


def settle(connection: Connection, claim: Claim, *, now: datetime) -> bool:
    """End a claim to look again without a new verdict."""
    return connection.execute(_SETTLE, held(claim) | {"now": now}).rowcount == 1


# ---- when an alert finishes -----------------------------------------------------------------------------------------

_AGAIN = clock(NOW, bindparam("again_plus", type_=BigInteger()))
_LOOK = clock(NOW, bindparam("look_plus", type_=BigInteger()))


def _first(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    """The earlier of two times, of which the first may be null."""
    return case((one < other, one), else_=other)


def finishing(finish: Update) -> Mapping[tuple[bool, bool], Update]:
    """What finishes an alert, by whether its comment is still to be written and whether another look is planned.

    A look that was planned while the comment waited stays planned.
    """
    statements = {}
    for writes in (False, True):
        for plans in (False, True):
            look: ColumnElement[Any] = _first(alerts.c.look_at, _LOOK) if plans else alerts.c.look_at
            due = _first(look, _AGAIN) if writes else look
            attempts = 0 if writes or plans else case((alerts.c.look_at.is_(None), alerts.c.attempts), else_=0)
            statements[writes, plans] = finish.values(look_at=look, due_at=due, attempts=attempts)
    return statements


_ROW = select(alerts.c.alert, alerts.c.looks).where(HOLDS).with_for_update(key_share=True)


def plan(connection: Connection, claim: Claim, look: Look, *, now: datetime, growth: Growth | None) -> timedelta | None:
    """How long after `now` a finished alert is to be looked at again; `None` if not at all."""
    waits = [] if look.again_at is None else [look.again_at - now]
    row = connection.execute(_ROW, held(claim)).one_or_none() if growth is not None and look.seen is not None else None
    if growth is not None and look.seen is not None and row is not None and row.looks < growth.most:
        # A poll may have refreshed the alert while it was being investigated.
        listed = AlertSeen.of(Alert.model_validate(load(row.alert)))
        waits += [growth.quiet] * bool(look.seen.changes(listed))
    return max(min(waits), timedelta(0)) if waits else None


def spans(again_at: datetime | None, look: timedelta | None, now: datetime) -> dict[str, object]:
    """The values of a statement of `finishing`."""
    values: dict[str, object] = {}
    if again_at is not None:
        values["again_plus"] = microseconds(again_at - now)
    if look is not None:
        values["look_plus"] = microseconds(look)
    return values


# ---- when Panther changes an alert ----------------------------------------------------------------------------------

_LATEST = clock(NOW, bindparam("latest_plus", type_=BigInteger()))
_NEW_BY = case((alerts.c.look_by.is_not(None), alerts.c.look_by), else_=_first(alerts.c.look_at, _LATEST))
_NEW_AT = case((_NEW_BY < _LOOK, _NEW_BY), else_=_LOOK)
_GROWN = (
    update(alerts)
    .where(
        alerts.c.id == bindparam("the_id", type_=alerts.c.id.type),
        alerts.c.state == State.DONE,
        alerts.c.leader == "",
        alerts.c.looks < bindparam("most"),
    )
    .values(
        look_at=_NEW_AT,
        look_by=_NEW_BY,
        # A comment that may be written before is written before.
        due_at=case((alerts.c.due_at < _first(alerts.c.look_at, _NEW_AT), alerts.c.due_at), else_=_NEW_AT),
        attempts=0,
    )
)


def grown(
    connection: Connection,
    changed: Sequence[Mapping[str, object]],
    known: Mapping[str, Row[*tuple[Any, ...]]],
    *,
    now: datetime,
    growth: Growth,
) -> None:
    """Plan a look at each alert that is done and that Panther has changed.

    Args:
        connection: A transaction that stores the alerts.
        changed: Rows with new content.
        known: What was stored before, by key.
        now: The present moment.
        growth: When to look again.
    """
    ids = [str(row["id"]) for row in changed if _has_grown(known[short_key(str(row["id"]))], row)]
    if ids:
        plus = {"look_plus": microseconds(growth.quiet), "latest_plus": microseconds(growth.longest)}
        values = {"now": now, "most": growth.most, **plus}
        connection.execute(_GROWN, [{"the_id": alert_id, **values} for alert_id in ids])


def _has_grown(old: Row[*tuple[Any, ...]], new: Mapping[str, Any]) -> bool:
    if old.state != State.DONE or old.alert == new["alert"] or new["content_at"] < old.content_at:
        return False
    before, after = (AlertSeen.of(Alert.model_validate(load(stored))) for stored in (old.alert, new["alert"]))
    return bool(before.changes(after))
