"""Finds out who acted in an alert: from its events, and from what the logs know of these names."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from triage.domain.alert import Alert
from triage.domain.base import Row
from triage.domain.entity import Entity
from triage.logtypes import Term
from triage.settings import InvestigationSettings
from triage.stages.enrichment.actor import (
    MAX_ACTORS,
    ActorDraft,
    AlertActor,
    alert_actors,
    draft_actors,
    merge_drafts,
)
from triage.stages.enrichment.asking import Answer, Asker
from triage.stages.enrichment.derived import with_derived
from triage.stages.enrichment.identities import aliases_of, extend, with_aliases
from triage.stages.enrichment.links import link_query, link_rows
from triage.stages.enrichment.moments import event_moments
from triage.stages.enrichment.questions import BoundQuery


@dataclass(frozen=True, slots=True)
class FoundActors:
    """Who acted in an alert, the busiest first."""

    actors: tuple[AlertActor, ...]
    """At least one, at most `MAX_ACTORS`."""
    unexamined: tuple[str, ...]
    """Names of the others, about whom nothing is asked."""
    links: tuple[tuple[BoundQuery, Answer], ...]
    """What the logs were asked to learn under which names they know the actors."""


@dataclass(frozen=True, slots=True)
class ActorFinder:
    """For one alert."""

    asker: Asker
    alert: Alert
    settings: InvestigationSettings
    now: datetime

    async def find(
        self,
        events: Sequence[Row],
        terms: Mapping[str, Mapping[str, Term]],
        entities: Sequence[Entity],
        tables: Mapping[str, frozenset[str]] | None,
    ) -> FoundActors:
        """Read the events, and ask each log once for other names of those in them.

        Args:
            events: The alert's events.
            terms: By log type, how it says who, what, where.
            entities: What parsing found in the events.
            tables: Table names by database, lower case; `None` if unknown.
        """
        drafts = draft_actors(events, terms)
        listed = aliases_of(self.settings.aliases)
        for draft in drafts:
            with_aliases(draft.group, listed)
        links = await self._ask(drafts, tables, event_moments(self.alert, events).first)
        for bound, answer in links:
            rows = link_rows(bound.question.log_type, answer.rows)
            for draft in drafts:
                if draft.log_type == bound.question.log_type:
                    draft.forms |= dict.fromkeys(extend(draft.group, rows, cut=answer.truncated))
        for draft in drafts:
            with_aliases(draft.group, listed)
        found = alert_actors(self.alert, merge_drafts(drafts), terms, events, entities)
        found = tuple(with_derived(actor, events, terms) for actor in found)
        return FoundActors(found[:MAX_ACTORS], tuple(actor.identity for actor in found[MAX_ACTORS:]), links)

    async def _ask(
        self, drafts: Sequence[ActorDraft], tables: Mapping[str, frozenset[str]] | None, moment: datetime
    ) -> tuple[tuple[BoundQuery, Answer], ...]:
        asked: list[BoundQuery] = []
        for log_type in dict.fromkeys(draft.log_type for draft in drafts if draft.log_type):
            identities = [each for draft in drafts if draft.log_type == log_type for each in draft.group.personal()]
            bound = link_query(log_type, identities, history=self.settings.history, moment=moment, now=self.now)
            if bound is not None and (tables is None or bound.question.table in tables.get("panther_logs", ())):
                asked.append(bound)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.asker.query(bound)) for bound in asked]
        return tuple((bound, task.result()) for bound, task in zip(asked, tasks, strict=True))
