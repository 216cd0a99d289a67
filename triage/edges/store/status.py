"""Numbers about the queue. Each is read from an index, so frequent polling is cheap."""

from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Connection, bindparam, case, func, select

from triage.edges.store.columns import MOMENT
from triage.edges.store.tables import UNANSWERED, UNLED, alerts, receipts
from triage.ports import Ended, InFlight, Parked, QueueStatus, State

IN_FLIGHT = 256
"""The most alerts in progress to show."""
PARKED = 5
"""How many of the newest failures to show."""

_BY_STATE = select(alerts.c.state, func.count().label("number")).group_by(alerts.c.state)
_OLDEST = select(func.min(alerts.c.queued_at)).where(alerts.c.state == State.QUEUED)
_IN_FLIGHT = (
    select(alerts.c.id, alerts.c.worker, alerts.c.claimed_at, alerts.c.leader)
    .where(alerts.c.state == State.RUNNING, alerts.c.due_at > MOMENT)
    .order_by(alerts.c.worker, alerts.c.id)
)
_WAITING = select(func.count()).select_from(alerts).where(UNLED)
_DUE = select(func.count()).select_from(alerts).where(alerts.c.state == State.LINKED, alerts.c.queued_at.is_not(None))
_LOOKS = select(func.count()).select_from(alerts).where(alerts.c.look_at.is_not(None), alerts.c.state == State.DONE)
_COMMENT = "comment:"
_COMMENTS_OPEN = (
    select(func.count())
    .select_from(receipts)
    .join(alerts, alerts.c.id == func.substr(receipts.c.key, len(_COMMENT) + 1))
    # No comment is due on an alert that was closed or deleted before it had a verdict.
    .where(UNANSWERED, receipts.c.key.startswith(_COMMENT), alerts.c.state != State.SKIPPED)
)
_DAY = bindparam("a_day_ago", type_=alerts.c.ended_at.type)
_HOUR = bindparam("an_hour_ago", type_=alerts.c.ended_at.type)
_ENDED = (
    select(
        alerts.c.state,
        func.count().label("in_day"),
        func.sum(case((alerts.c.ended_at >= _HOUR, 1), else_=0), type_=BigInteger()).label("in_hour"),
    )
    .where(alerts.c.ended_at >= _DAY)
    .group_by(alerts.c.state)
)
_PARKED = (
    select(alerts.c.id, alerts.c.error, alerts.c.ended_at)
    .where(alerts.c.state == State.FAILED)
    .order_by(alerts.c.ended_at.desc(), alerts.c.id)
    .limit(PARKED)
)


def queue_status(connection: Connection, *, now: datetime) -> QueueStatus:
    flying = connection.execute(_IN_FLIGHT, {"now": now}).all()
    by_worker: dict[str, int] = {}
    for row in flying:
        by_worker[row.worker] = by_worker.get(row.worker, 0) + 1
    moments = {"a_day_ago": now - timedelta(days=1), "an_hour_ago": now - timedelta(hours=1)}
    ended = connection.execute(_ENDED, moments).all()
    return QueueStatus(
        by_state={row.state: row.number for row in connection.execute(_BY_STATE)},
        oldest_queued=connection.scalar(_OLDEST),
        running_by_worker=by_worker,
        in_flight=tuple(InFlight(row.id, row.worker, row.claimed_at, row.leader) for row in flying[:IN_FLIGHT]),
        links_waiting=connection.scalar(_WAITING) or 0,
        links_due=connection.scalar(_DUE) or 0,
        second_looks=connection.scalar(_LOOKS) or 0,
        comments_open=connection.scalar(_COMMENTS_OPEN) or 0,
        last_hour=_ended({row.state: int(row.in_hour) for row in ended}),
        last_day=_ended({row.state: int(row.in_day) for row in ended}),
        parked=tuple(Parked(row.id, row.error, row.ended_at) for row in connection.execute(_PARKED)),
    )


def _ended(numbers: dict[str, int]) -> Ended:
    return Ended(
        done=numbers.get(State.DONE, 0),
        linked=numbers.get(State.LINKED, 0),
        skipped=numbers.get(State.SKIPPED, 0),
        failed=numbers.get(State.FAILED, 0),
    )
