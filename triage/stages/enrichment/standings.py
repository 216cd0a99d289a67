"""How the alerts ended whose rules matched on the actor before, where the detection's own earlier alerts don't say."""

import asyncio
from collections.abc import Iterable, Sequence

from pydantic import JsonValue

from triage.errors import NotFound
from triage.ports import AlertSource
from triage.stages.enrichment import context_rows
from triage.stages.enrichment.asking import Answer, Asker
from triage.stages.enrichment.questions import BoundQuery

MAX_ALERTS = 30
"""Alerts looked up; those beyond it count as open."""
QUESTION = "How did the alerts end whose rules matched on this actor?"


def alerts_to_look_up(
    answers: Iterable[tuple[BoundQuery, Answer]], past: Answer, actions: Sequence[str]
) -> tuple[str, ...]:
    """The alerts on the actor whose status nothing has told yet: those on the same acts first, then the oldest."""
    known = {row.get("alert_id") for row in past.rows}
    found = dict.fromkeys(
        str(row["alert"])
        for bound, answer in answers
        if bound.question.definition.id == "matches_of_actor"
        for row in sorted(
            answer.rows, key=lambda row: (row.get("action", "") not in ("", *actions), str(row.get("first_seen")))
        )
        if row.get("alert") and row["alert"] not in known
    )
    return tuple(found)[:MAX_ALERTS]


async def alert_standings(asker: Asker, alerts: AlertSource, wanted: Sequence[str]) -> Answer:
    """The status of some alerts, one row each; one that Panther no longer has gives none."""
    if not wanted:
        return Answer()

    async def status(alert_id: str) -> list[JsonValue]:
        try:
            return [context_rows.alert_row(await asker.shared(f"alert/{alert_id}", lambda: alerts.listed(alert_id)))]
        except NotFound:
            return []

    async def perform() -> JsonValue:
        found = await asyncio.gather(*map(status, wanted))
        return {"rows": [row for rows in found for row in rows]}

    return await asker.ask("enrich/standings", "history", "the status of other alerts on this actor", perform)
