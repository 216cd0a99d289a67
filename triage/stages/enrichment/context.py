"""What Panther itself is asked about an alert, besides the lake. Most answers are shared between alerts."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue, TypeAdapter

from triage.domain.alert import Alert
from triage.domain.detection import Detection, RuleText
from triage.errors import NotFound
from triage.logtypes import table_of
from triage.ports import Comment, LogSource, PantherApi, PantherUser
from triage.settings import InvestigationSettings
from triage.stages.enrichment import context_rows
from triage.stages.enrichment.asking import Answer, Asker
from triage.stages.enrichment.rule_background import background_of, refers_to_others
from triage.stages.enrichment.sampling import READ, keep_rare

_DATABASES = ("panther_logs", "panther_rule_matches", "panther_signals")
_SOURCES: TypeAdapter[tuple[LogSource, ...]] = TypeAdapter(tuple[LogSource, ...])
_TEXTS: TypeAdapter[tuple[RuleText, ...]] = TypeAdapter(tuple[RuleText, ...])
_USERS: TypeAdapter[tuple[PantherUser, ...]] = TypeAdapter(tuple[PantherUser, ...])
OUTCOME_DAYS = timedelta(days=90)
"""Earlier alerts are read at least this far back."""
APART = timedelta(days=7)
"""Alerts of a detection that were raised no further apart share the list of its earlier ones."""
DESCRIBED = 3
"""Log types whose tables are described."""


@dataclass(frozen=True, slots=True)
class AlertContext:
    """Asks Panther about one alert: its events, detection, sources, earlier alerts, comments, users and tables."""

    panther: PantherApi
    alert: Alert
    settings: InvestigationSettings
    asker: Asker

    async def events(self) -> Answer:
        """The alert's events.

        Raises:
            PantherError: they could not be fetched for a reason that may pass. Without its events there is nothing to
                say about an alert: a later attempt is better than an empty dossier.
        """
        settings = self.settings

        async def perform() -> JsonValue:
            found = await self.panther.alerts.events(
                self.alert.id, limit=READ * settings.max_events, max_bytes=settings.max_bytes
            )
            kept, whole = keep_rare(found.rows, settings.max_events)
            return {
                "rows": [dict(row) for row in kept],
                "row_count": len(found.rows),
                "truncated": found.truncated or not whole,
            }

        return await self.asker.ask("enrich/events", "events", "the alert's events", perform, required=True)

    async def detection(self) -> tuple[Detection, Answer]:
        """The detection behind the alert, or what the alert alone says about it."""

        async def perform() -> JsonValue:
            return (await self.panther.rules.detection(self.alert.origin)).model_dump(mode="json")

        shared = f"detection/{self.alert.origin.kind}/{self.alert.detection_id}" if self.alert.detection_id else ""
        answer = await self.asker.ask("enrich/detection", "detection", "the detection", perform, shared=shared)
        if answer.error:
            known = Detection(id=self.alert.detection_id, severity=self.alert.severity, runbook=self.alert.runbook)
            return known, answer
        rule = Detection.model_validate(answer.value)
        return rule if rule.runbook else rule.model_copy(update={"runbook": self.alert.runbook}), answer

    async def background(self, detection: Detection) -> tuple[RuleText, ...]:
        """What the detection's text refers to; nothing where it stands alone, or Panther can't be asked."""
        if not refers_to_others(detection):
            return ()

        async def perform() -> JsonValue:
            value: JsonValue = _TEXTS.dump_python(await background_of(detection, self.panther.rules), mode="json")
            return value

        shared = f"background/{detection.id}/{detection.updated_at}" if detection.id else ""
        answer = await self.asker.ask(
            "enrich/background", "detection", "what the detection uses", perform, shared=shared
        )
        return () if answer.error else _TEXTS.validate_python(answer.value)

    async def log_sources(self) -> tuple[tuple[LogSource, ...] | None, Answer]:
        """Every log source with its health."""

        async def perform() -> JsonValue:
            value: JsonValue = _SOURCES.dump_python(await self.panther.sources.sources(), mode="json")
            return value

        answer = await self.asker.ask("enrich/sources", "sources", "the log sources", perform, shared="sources")
        return (None if answer.error else _SOURCES.validate_python(answer.value)), answer

    async def tables(self) -> dict[str, frozenset[str]] | None:
        """Table names by database, lower case; `None` if unknown."""

        async def perform() -> JsonValue:
            found = await asyncio.gather(*(self.panther.lake.tables(database) for database in _DATABASES))
            names: dict[str, JsonValue] = {
                database: [table.name.lower() for table in tables]
                for database, tables in zip(_DATABASES, found, strict=True)
            }
            return {"tables": names}

        answer = await self.asker.ask("enrich/tables", "tables", "the lake's tables", perform, shared="tables")
        value = answer.value
        named = value.get("tables") if isinstance(value, dict) else None
        if not isinstance(named, dict):
            return None
        return {
            database: frozenset(str(name) for name in names)
            for database, names in named.items()
            if isinstance(names, list)
        }

    async def history(self) -> Answer:
        """Earlier alerts of the detection."""
        since = self.alert.created_at - max(self.settings.history, OUTCOME_DAYS)
        if not self.alert.detection_id:
            return Answer()

        async def listed(after: datetime, before: datetime) -> context_rows.PastAlerts:
            return await context_rows.alerts_of_detection(
                self.panther.alerts, self.alert.detection_id, since=after, before=before
            )

        async def perform() -> JsonValue:
            # A detection that fires often is asked about once for all its alerts of a poll; what it raised since has to
            # be left out again.
            until = max(self.asker.clock.now(), self.alert.created_at)
            shared = f"history/{self.alert.detection_id}"
            found = await self.asker.shared(shared, lambda: listed(since - APART, until))
            if not found.serves(self.alert, since):
                found = await listed(since, self.alert.created_at)
            return found.rows_before(self.alert, since)

        return await self.asker.ask("enrich/history", "history", "earlier alerts of the detection", perform)

    async def comments(self, history: Answer) -> Answer:
        """What people wrote on similar earlier alerts."""
        chosen = context_rows.similar_alerts(history.rows, self.alert.title)
        if not chosen:
            return Answer()

        async def read(alert_id: str) -> tuple[Comment, ...]:
            # Alerts of one detection that are triaged together read the same earlier ones.
            return await self.asker.shared(f"comments/{alert_id}", lambda: self.panther.comments.list(alert_id))

        async def perform() -> JsonValue:
            return await context_rows.prior_comments(read, chosen)

        return await self.asker.ask("enrich/comments", "comments", "comments on similar alerts", perform)

    async def users(self) -> tuple[tuple[PantherUser, ...] | None, Answer]:
        """All users of Panther."""

        async def perform() -> JsonValue:
            value: JsonValue = _USERS.dump_python(await self.panther.users.users(), mode="json")
            return value

        answer = await self.asker.ask("enrich/users", "users", "Panther's users", perform, shared="users")
        return (None if answer.error else _USERS.validate_python(answer.value)), answer

    async def profiles(self) -> Answer:
        """What Panther's profiles know of the alert's actors, where that is configured."""
        if not self.settings.actor_profiles:
            return Answer()

        async def perform() -> JsonValue:
            found = await self.panther.profiles.of_alert(self.alert.id, seconds=self.settings.query_seconds)
            return {"rows": [context_rows.profile_row(profile) for profile in found]}

        return await self.asker.ask("enrich/profiles", "profiles", "profiles of the alert's actors", perform)

    async def tables_of(self, log_types: Sequence[str]) -> Answer:
        """The columns of the tables of the alert's log types, one row per table."""

        async def described(log_type: str) -> Answer:
            async def perform() -> JsonValue:
                try:
                    columns = await self.panther.lake.columns("panther_logs", table_of(log_type))
                except NotFound:
                    columns = ()
                return {"rows": [context_rows.table_row(log_type, columns)]}

            key = f"columns/{table_of(log_type)}"
            return await self.asker.ask(f"enrich/{key}", "columns", f"the columns of {log_type}", perform, shared=key)

        answers = [await described(log_type) for log_type in log_types[:DESCRIBED]]
        rows = tuple(row for answer in answers for row in answer.rows)
        return Answer(
            rows=rows,
            columns=tuple(rows[0]) if rows else (),
            row_count=len(rows),
            error=next((answer.error for answer in answers if answer.error), "") if not rows else "",
            seconds=sum(answer.seconds for answer in answers),
        )
