"""What model calls have cost."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, bindparam, func, select

from triage.edges.store.queue import HOLDS, held
from triage.edges.store.tables import Upsert, alerts, spend, upsert
from triage.ports import Claim, Spend

_COLUMNS = ("run_id", "key", "alert_id", "at", "calls", "prompt", "cached", "completion", "money")

# A row, if the claim holds; see `journal`.
_FENCED = (
    select(*(bindparam(f"new_{name}", type_=spend.c[name].type) for name in _COLUMNS))
    .select_from(alerts)
    .where(HOLDS)
    .with_for_update(read=True)
)


def _booking(insert: Upsert) -> Upsert:
    return insert.from_select(list(_COLUMNS), _FENCED, include_defaults=False).on_conflict_do_nothing(
        index_elements=["run_id", "key"]
    )


_BOOK = upsert(spend, _booking)
_HELD = select(alerts.c.id).where(HOLDS)


def book(connection: Connection, claim: Claim, key: str, cost: Spend, *, now: datetime) -> bool:
    """Keep what a model call cost; the first entry of a run's key counts. False where the claim is stale."""
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
    return connection.execute(_HELD, held(claim)).first() is not None


_SUMS = (
    *(func.coalesce(func.sum(spend.c[name]), 0, type_=BigInteger()).label(name) for name in _COLUMNS[4:8]),
    func.coalesce(func.sum(spend.c.money), 0.0).label("money"),
)


def spent(connection: Connection, *, since: datetime, run_id: str = "") -> Spend:
    query = select(*_SUMS).where(spend.c.at >= since)
    if run_id:
        query = query.where(spend.c.run_id == run_id)
    return _sum_of(connection.execute(query).one())


def spent_by_alert(connection: Connection, *, since: datetime | None = None) -> dict[str, Spend]:
    query = select(spend.c.alert_id, *_SUMS).group_by(spend.c.alert_id)
    if since is not None:
        query = query.where(spend.c.at >= since)
    return {row.alert_id: _sum_of(row) for row in connection.execute(query)}


def _sum_of(row: Row[Any]) -> Spend:
    return Spend(
        calls=int(row.calls),
        prompt_tokens=int(row.prompt),
        cached_tokens=int(row.cached),
        completion_tokens=int(row.completion),
        money=float(row.money),
    )
