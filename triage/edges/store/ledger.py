"""What model calls have cost."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, func, select

from triage.edges.store.columns import Upsert, short_key, upsert
from triage.edges.store.fence import fenced_row, held, holds
from triage.edges.store.tables import spend
from triage.ports import Claim, Spend

_COLUMNS = ("run_id", "key", "alert_id", "at", "calls", "prompt", "cached", "completion", "money")


def _booking(insert: Upsert) -> Upsert:
    return insert.from_select(
        list(_COLUMNS), fenced_row(spend, _COLUMNS), include_defaults=False
    ).on_conflict_do_nothing(index_elements=["run_id", "key"])


_BOOK = upsert(spend, _booking)


def book(connection: Connection, claim: Claim, key: str, cost: Spend, *, now: datetime) -> bool:
    """Record what a model call cost; the first entry of a run's key counts. False if the claim is stale."""
    values = held(claim) | {
        "new_run_id": claim.run_id,
        "new_key": key,
        "new_alert_id": claim.alert.id,
        "new_at": now,
        "new_calls": cost.calls,
        "new_prompt": cost.prompt_tokens,
        "new_cached": cost.cached_tokens,
        "new_completion": cost.completion_tokens,
        "new_money": cost.money,
    }
    if connection.execute(_BOOK[connection.dialect.name], values).rowcount == 1:
        return True
    return holds(connection, claim)


_SUMS = (
    *(func.coalesce(func.sum(spend.c[name]), 0, type_=BigInteger()).label(name) for name in _COLUMNS[4:8]),
    func.coalesce(func.sum(spend.c.money), 0.0).label("money"),
)


def spent(connection: Connection, *, since: datetime, run_id: str = "") -> Spend:
    query = select(*_SUMS).where(spend.c.at >= since)
    if run_id:
        query = query.where(spend.c.run_id == run_id)
    return _sum_of(connection.execute(query).one())


def spent_by_alert(connection: Connection, *, only: Collection[str]) -> dict[str, Spend]:
    wanted = {short_key(name): name for name in only}
    query = select(spend.c.alert_id, *_SUMS).where(spend.c.alert_id.in_(list(wanted))).group_by(spend.c.alert_id)
    return {wanted[row.alert_id]: _sum_of(row) for row in connection.execute(query)}


def _sum_of(row: Row[Any]) -> Spend:
    return Spend(
        calls=int(row.calls),
        prompt_tokens=int(row.prompt),
        cached_tokens=int(row.cached),
        completion_tokens=int(row.completion),
        money=float(row.money),
    )
