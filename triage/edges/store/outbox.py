"""The messages of all routes. `ports.Outbox` documents each method.

Whoever sends the messages of a route holds its lease, so that no row is claimed: only the sender changes what is open.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, or_, select, update

from triage.domain.verdict import Disposition
from triage.edges.store.columns import Upsert, upsert
from triage.edges.store.tables import route_messages as messages
from triage.ports import MessageState, RouteCounts, RouteMessage

MOST = 500
"""Messages read at once."""
_OPEN = (MessageState.WAITING, MessageState.SENT)
_OVER = (MessageState.DONE, MessageState.REPLACED, MessageState.SUMMARISED)


def _adding(insert: Upsert) -> Upsert:
    return insert.on_conflict_do_nothing(index_elements=["key"])


_ADD = upsert(messages, _adding)
_OLDEST = (messages.c.created_at, messages.c.key)
_NEWEST = tuple(column.desc() for column in _OLDEST)
_CHANGES = ("state", "due_at", "attempts", "error", "capped", "reference", "sent_at")


def add_message(connection: Connection, message: RouteMessage, *, now: datetime) -> bool:
    if not connection.execute(_ADD[connection.dialect.name], _values(message, now)).rowcount:
        return False
    if not message.alert_id:
        return True
    # What a person would read first is the newest result; an older one that was never read is only noise.
    older = and_(
        messages.c.route == message.route,
        messages.c.alert_id == message.alert_id,
        messages.c.key != message.key,
        messages.c.state.in_((MessageState.WAITING, MessageState.FAILED)),
    )
    # An older one that was tried may have arrived, and may not be found before this moment.
    until = connection.scalar(select(func.max(messages.c.due_at)).where(older, messages.c.attempts > 0))
    connection.execute(update(messages).where(older).values(state=MessageState.REPLACED, updated_at=now))
    if until is not None:
        connection.execute(update(messages).where(messages.c.key == message.key).values(due_at=until))
    return True


def _values(message: RouteMessage, now: datetime) -> dict[str, object]:
    return {**asdict(message), "capped": int(message.capped), "updated_at": now}


def messages_of(connection: Connection, alert_id: str, route: str = "") -> tuple[RouteMessage, ...]:
    query = select(messages).where(messages.c.alert_id == alert_id).order_by(*_OLDEST)
    if route:
        query = query.where(messages.c.route == route)
    return tuple(map(_message, connection.execute(query)))


def open_messages(connection: Connection, route: str) -> tuple[RouteMessage, ...]:
    query = (
        select(messages).where(messages.c.route == route, messages.c.state.in_(_OPEN)).order_by(*_OLDEST).limit(MOST)
    )
    return tuple(map(_message, connection.execute(query)))


def save_message(connection: Connection, message: RouteMessage, *, now: datetime) -> None:
    values = _values(message, now)
    changed = {name: values[name] for name in (*_CHANGES, "updated_at")}
    connection.execute(update(messages).where(messages.c.key == message.key).values(**changed))


def hold_messages(connection: Connection, route: str, *, until: datetime, capped: bool, now: datetime) -> int:
    waiting = update(messages).where(
        messages.c.route == route,
        messages.c.state == MessageState.WAITING,
        or_(messages.c.due_at.is_(None), messages.c.due_at <= now),
    )
    values: dict[str, object] = {"due_at": until, "updated_at": now}
    return connection.execute(waiting.values(**values, **({"capped": 1} if capped else {}))).rowcount


def summarise_messages(connection: Connection, keys: Collection[str], summary: RouteMessage, *, now: datetime) -> None:
    connection.execute(
        update(messages)
        .where(messages.c.key.in_(keys), messages.c.state == MessageState.WAITING)
        .values(state=MessageState.SUMMARISED, updated_at=now)
    )
    connection.execute(_ADD[connection.dialect.name], _values(summary, now))


def sent_messages(connection: Connection, route: str, *, since: datetime) -> tuple[datetime, ...]:
    query = (
        select(messages.c.sent_at)
        .where(messages.c.route == route, messages.c.sent_at > since)
        .order_by(messages.c.sent_at)
        .limit(MOST)
    )
    return tuple(connection.scalars(query))


def failed_messages(connection: Connection, route: str = "") -> tuple[RouteMessage, ...]:
    query = select(messages).where(messages.c.state == MessageState.FAILED).order_by(*_NEWEST).limit(MOST)
    if route:
        query = query.where(messages.c.route == route)
    return tuple(map(_message, connection.execute(query)))


def retry_messages(connection: Connection, routes: Sequence[str], *, now: datetime) -> int:
    again = update(messages).where(messages.c.state == MessageState.FAILED)
    if routes:
        again = again.where(messages.c.route.in_(routes))
    changed = again.values(state=MessageState.WAITING, due_at=None, attempts=0, capped=0, updated_at=now)
    return connection.execute(changed).rowcount


def count_messages(connection: Connection) -> Mapping[str, RouteCounts]:
    query = select(messages.c.route, messages.c.state, func.count()).group_by(messages.c.route, messages.c.state)
    numbers: dict[str, dict[str, int]] = {}
    for route, state, count in connection.execute(query):
        numbers.setdefault(route, {})[state] = count
    return {
        route: RouteCounts(
            waiting=sum(of.get(state, 0) for state in _OPEN),
            failed=of.get(MessageState.FAILED, 0),
            done=of.get(MessageState.DONE, 0),
        )
        for route, of in numbers.items()
    }


def prune_messages(connection: Connection, *, before: datetime) -> None:
    """Delete what is over and has not changed since; what was given up stays, for a person to see."""
    connection.execute(delete(messages).where(messages.c.state.in_(_OVER), messages.c.updated_at < before))


def _message(row: Row[Any]) -> RouteMessage:
    return RouteMessage(
        key=row.key,
        route=row.route,
        alert_id=row.alert_id,
        run_id=row.run_id,
        title=row.title,
        body=row.body,
        verdict=Disposition(row.verdict),
        link=row.link,
        digest=row.digest,
        gist=row.gist,
        created_at=row.created_at,
        state=MessageState(row.state),
        due_at=row.due_at,
        attempts=row.attempts,
        error=row.error,
        capped=bool(row.capped),
        reference=row.reference,
        sent_at=row.sent_at,
    )
