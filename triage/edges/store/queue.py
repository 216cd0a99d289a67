"""Who works on which alert: claims by lease, fenced by epoch.

A claim holds while the row is running with the claim's epoch and worker. Each claim raises the epoch, so a worker
that slept through its lease finds that its writes no longer match.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, bindparam, func, insert, or_, select, update

from triage.domain.verdict import Investigation
from triage.edges.store.alerts import alert_of, locked, run_id
from triage.edges.store.tables import (
    AT_ONCE,
    MOMENT,
    MOMENT_PLUS,
    NOW,
    Upsert,
    alerts,
    dump,
    investigations,
    leases,
    microseconds,
    upsert,
)
from triage.ports import Claim, QueueStatus, State

# The statements are written once: building one costs more time than the database takes over it.

HOLDS = and_(
    alerts.c.id == bindparam("held_id", type_=alerts.c.id.type),
    alerts.c.state == State.RUNNING,
    alerts.c.epoch == bindparam("held_epoch", type_=alerts.c.epoch.type),
    alerts.c.worker == bindparam("held_worker", type_=alerts.c.worker.type),
)
"""The condition that fences a write; `held` gives its values."""


def held(claim: Claim) -> dict[str, object]:
    return {"held_id": claim.alert.id, "held_epoch": claim.epoch, "held_worker": claim.worker}


def _span(seconds: float) -> int:
    return microseconds(timedelta(seconds=seconds))


# ---- into the queue ----------------------------------------------------------------------------------------------

_LEASE_HOLDS = select(alerts.c.due_at > MOMENT).where(alerts.c.id == bindparam("the_id", type_=alerts.c.id.type))


def enqueue(connection: Connection, alert_id: str, *, now: datetime, fresh: bool) -> None:
    """Queue an alert again; raises NotFound.

    A running alert whose lease still holds is left to its worker, so that nothing is investigated twice at once.
    """
    row = locked(connection, alert_id)
    if row.state == State.RUNNING and connection.scalar(_LEASE_HOLDS, {"the_id": alert_id, "now": now}):
        return
    number = row.run_number + 1 if fresh and row.epoch else row.run_number
    connection.execute(
        update(alerts)
        .where(alerts.c.id == alert_id)
        .values(
            state=State.QUEUED,
            run_number=number,
            run_id=run_id(alert_id, number),
            attempts=0,
            worker="",
            due_at=AT_ONCE,
            queued_at=now,
            error="",
            updated_at=now,
        )
    )


# ---- claims ------------------------------------------------------------------------------------------------------

_NEXT = (
    select(alerts.c.id, alerts.c.alert, alerts.c.run_id, alerts.c.epoch, alerts.c.attempts)
    # The first condition follows from the second; it names the partial index.
    .where(alerts.c.due_at.is_not(None), alerts.c.due_at <= MOMENT)
    .order_by(alerts.c.severity_rank.desc(), alerts.c.created_at, alerts.c.id)
    .limit(1)
    .with_for_update(skip_locked=True, key_share=True)
)
_THIS = _NEXT.where(alerts.c.id == bindparam("the_id", type_=alerts.c.id.type))

_TAKE = (
    update(alerts)
    .where(alerts.c.id == bindparam("the_id", type_=alerts.c.id.type))
    .values(
        state=State.RUNNING,
        epoch=bindparam("new_epoch"),
        attempts=bindparam("new_attempts"),
        worker=bindparam("new_worker"),
        due_at=MOMENT_PLUS,
        updated_at=NOW,
    )
)


def claim(
    connection: Connection, worker: str, *, now: datetime, lease_seconds: float, alert_id: str | None
) -> Claim | None:
    """Take the most severe, then oldest alert that is due, or whose lease has run out."""
    if alert_id is None:
        row = connection.execute(_NEXT, {"now": now}).one_or_none()
    else:
        row = connection.execute(_THIS, {"now": now, "the_id": alert_id}).one_or_none()
    if row is None:
        return None
    taken = Claim(
        alert=alert_of(row.alert), run_id=row.run_id, epoch=row.epoch + 1, worker=worker, attempts=row.attempts + 1
    )
    connection.execute(
        _TAKE,
        {
            "the_id": row.id,
            "new_epoch": taken.epoch,
            "new_attempts": taken.attempts,
            "new_worker": worker,
            "now": now,
            "plus": _span(lease_seconds),
        },
    )
    return taken


_PROLONG = update(alerts).where(HOLDS).values(due_at=MOMENT_PLUS)


def heartbeat(connection: Connection, claim: Claim, *, now: datetime, lease_seconds: float) -> bool:
    return connection.execute(_PROLONG, {**held(claim), "now": now, "plus": _span(lease_seconds)}).rowcount == 1


_FINISH = (
    update(alerts)
    .where(HOLDS)
    .values(
        state=State.DONE,
        worker="",
        due_at=None,
        queued_at=None,
        error="",
        verdict=bindparam("new_verdict"),
        confidence=bindparam("new_confidence"),
        seconds=bindparam("new_seconds"),
        updated_at=NOW,
    )
)


def finish(connection: Connection, claim: Claim, investigation: Investigation, *, now: datetime) -> bool:
    elapsed = (investigation.finished_at - investigation.started_at).total_seconds()
    values = {
        "new_verdict": investigation.verdict.disposition,
        "new_confidence": investigation.verdict.confidence,
        "new_seconds": investigation.usage.seconds or elapsed,
        "now": now,
    }
    if connection.execute(_FINISH, held(claim) | values).rowcount != 1:
        return False
    connection.execute(
        insert(investigations),
        {
            "alert_id": claim.alert.id,
            "run_id": claim.run_id,
            "finished_at": investigation.finished_at,
            "investigation": dump(investigation),
        },
    )
    return True


_FAIL = (
    update(alerts)
    .where(HOLDS)
    .values(
        state=State.FAILED,
        worker="",
        due_at=None,
        queued_at=None,
        error=bindparam("new_error", type_=alerts.c.error.type),
        updated_at=NOW,
    )
)
_REQUEUE = update(alerts).where(HOLDS).values(state=State.QUEUED, worker="", updated_at=NOW)
_RELEASE = _REQUEUE.values(due_at=AT_ONCE, attempts=alerts.c.attempts - 1)
_RETRY = _REQUEUE.values(error=bindparam("new_error", type_=alerts.c.error.type))


def give_back(
    connection: Connection, claim: Claim, *, now: datetime, error: str, retry_at: datetime | None, failed: bool
) -> bool:
    """End a claim without a result. A release, which has neither error nor time, takes no attempt from the alert."""
    values = held(claim) | {"now": now}
    if failed:
        ended = connection.execute(_FAIL, values | {"new_error": error})
    elif not error and retry_at is None:
        ended = connection.execute(_RELEASE, values)
    elif retry_at is None:
        ended = connection.execute(_RETRY.values(due_at=AT_ONCE), values | {"new_error": error})
    else:
        # The wait is a length on the caller's clock; it is measured out on the clock that claims are made by.
        wait = {"new_error": error, "plus": microseconds(retry_at - now)}
        ended = connection.execute(_RETRY.values(due_at=MOMENT_PLUS), values | wait)
    return ended.rowcount == 1


# ---- looking -----------------------------------------------------------------------------------------------------

_BY_STATE = select(alerts.c.state, func.count().label("number")).group_by(alerts.c.state)
_OLDEST = select(func.min(alerts.c.queued_at)).where(alerts.c.state == State.QUEUED)
_BY_WORKER = (
    select(alerts.c.worker, func.count().label("number"))
    .where(alerts.c.state == State.RUNNING, alerts.c.due_at > MOMENT)
    .group_by(alerts.c.worker)
)


def status(connection: Connection, *, now: datetime) -> QueueStatus:
    return QueueStatus(
        by_state={row.state: row.number for row in connection.execute(_BY_STATE)},
        oldest_queued=connection.scalar(_OLDEST),
        running_by_worker={row.worker: row.number for row in connection.execute(_BY_WORKER, {"now": now})},
    )


# ---- leases by name, such as the poller's ------------------------------------------------------------------------


def _acquiring(insert: Upsert) -> Upsert:
    return insert.values(lease_until=MOMENT_PLUS).on_conflict_do_update(
        index_elements=["name"],
        set_={"holder": insert.excluded.holder, "lease_until": insert.excluded.lease_until},
        where=or_(leases.c.holder == insert.excluded.holder, leases.c.lease_until <= MOMENT),
    )


_ACQUIRE = upsert(leases, _acquiring)


def acquire_lease(connection: Connection, name: str, holder: str, *, now: datetime, seconds: float) -> bool:
    values = {"name": name, "holder": holder, "now": now, "plus": _span(seconds)}
    return connection.execute(_ACQUIRE[connection.dialect.name], values).rowcount == 1


def release_lease(connection: Connection, name: str, holder: str) -> None:
    connection.execute(leases.delete().where(leases.c.name == name, leases.c.holder == holder))
