"""Leases by name, such as the poller's, and what processes leave behind that have ended."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, or_, select, update

from triage.edges.store.tables import AT_ONCE, MOMENT, MOMENT_PLUS, Upsert, alerts, leases, microseconds, upsert
from triage.ports import State


def _acquiring(insert: Upsert) -> Upsert:
    return insert.values(lease_until=MOMENT_PLUS).on_conflict_do_update(
        index_elements=["name"],
        set_={"holder": insert.excluded.holder, "lease_until": insert.excluded.lease_until},
        where=or_(leases.c.holder == insert.excluded.holder, leases.c.lease_until <= MOMENT),
    )


_ACQUIRE = upsert(leases, _acquiring)


def acquire(connection: Connection, name: str, holder: str, *, now: datetime, seconds: float) -> bool:
    values = {"name": name, "holder": holder, "now": now, "plus": microseconds(timedelta(seconds=seconds))}
    return connection.execute(_ACQUIRE[connection.dialect.name], values).rowcount == 1


def release(connection: Connection, name: str, holder: str) -> None:
    connection.execute(leases.delete().where(leases.c.name == name, leases.c.holder == holder))


_HOLDER = select(leases.c.holder).where(
    leases.c.name == bindparam("the_name", type_=leases.c.name.type), leases.c.lease_until > MOMENT
)


def holder(connection: Connection, name: str, *, now: datetime) -> str:
    found: str | None = connection.scalar(_HOLDER, {"the_name": name, "now": now})
    return found or ""


# ---- processes that have ended -----------------------------------------------------------------------------------

_WORKERS = select(alerts.c.worker).where(alerts.c.state == State.RUNNING, alerts.c.due_at > MOMENT).distinct()
_HOLDERS = select(leases.c.holder).where(leases.c.lease_until > MOMENT).distinct()


def ended_holders(connection: Connection, has_ended: Callable[[str], bool], *, now: datetime) -> list[str]:
    """Who of those that hold a claim or a lease has ended."""
    names = {name for query in (_WORKERS, _HOLDERS) for name in connection.scalars(query, {"now": now})}
    return sorted(name for name in names if has_ended(name))


def release_ended(connection: Connection, has_ended: Callable[[str], bool], *, now: datetime) -> int:
    """Let claims and leases of ended processes run out now; gives how many."""
    gone = ended_holders(connection, has_ended, now=now)
    if not gone:
        return 0
    claims = update(alerts).where(alerts.c.state == State.RUNNING, alerts.c.worker.in_(gone)).values(due_at=AT_ONCE)
    freed = connection.execute(claims).rowcount
    return freed + connection.execute(leases.delete().where(leases.c.holder.in_(gone))).rowcount
