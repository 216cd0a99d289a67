"""A Panther that is not there: a lake that answers nothing, and the record of one investigation in Panther's place."""

import json
from dataclasses import dataclass, field
from typing import NoReturn

from triage.domain.alert import Alert, Origin
from triage.domain.detection import Detection
from triage.domain.dossier import Dossier
from triage.errors import QueryFailed
from triage.ports import (
    AlertPage,
    Column,
    Comment,
    Events,
    LogSource,
    PantherUser,
    QueryLimits,
    QueryResult,
    Table,
    ToolCall,
)
from triage.settings import Settings
from triage.stages.investigation import Toolbox
from triage.stages.investigation.values import ToolAnswer

NOT_RECORDED = "not recorded"

LAKE_STEPS = frozenset({"query", "search", "columns", "tables"})
"""Kinds of journalled steps that the lake has answered."""
LAKE_TOOLS = frozenset({"query_lake", "search_indicators", "list_tables", "show_columns"})
"""The model's tools that ask it."""


class NoLake:
    """A lake that answers nothing: what remains is the alert alone. Implements `ports.Lake`."""

    async def run_query(self, *_given: object, **_named: object) -> QueryResult:
        """Raises QueryFailed, always."""
        raise QueryFailed("this run has no data lake")

    async def search(self, *_given: object, **_named: object) -> QueryResult:
        """Raises QueryFailed, always."""
        raise QueryFailed("this run has no data lake")

    async def databases(self) -> tuple[str, ...]:
        """None."""
        return ()

    async def tables(self, *_given: object, **_named: object) -> tuple[Table, ...]:
        """None."""
        return ()

    async def columns(self, *_given: object, **_named: object) -> tuple[Column, ...]:
        """None."""
        return ()


@dataclass(slots=True)
class NotRecorded:
    """The questions of a replay that its record has no answer to."""

    asked: list[str] = field(default_factory=list)

    def refuse(self, what: str) -> NoReturn:
        """Raises QueryFailed, after counting."""
        self.asked.append(what)
        raise QueryFailed(f"{NOT_RECORDED}: {what}")


@dataclass(frozen=True, slots=True)
class RecordedPanther:
    """A Panther that knows one alert and nothing else. Implements every port of `PantherApi`."""

    recorded: Alert
    missing: NotRecorded

    async def alert(self, alert_id: str) -> Alert:
        """The recorded alert. Raises QueryFailed for another."""
        if alert_id != self.recorded.id:
            self.missing.refuse(f"alert {alert_id}")
        return self.recorded

    async def page(self, *_given: object, **_named: object) -> AlertPage:
        """Raises QueryFailed."""
        self.missing.refuse("a list of alerts")

    async def events(self, *_given: object, **_named: object) -> Events:
        """Raises QueryFailed."""
        self.missing.refuse("events")

    async def detection(self, origin: Origin) -> Detection:  # noqa: ARG002 - the port's argument
        """Raises QueryFailed."""
        self.missing.refuse("a detection")

    async def run_query(self, *_given: object, **_named: object) -> QueryResult:
        """Raises QueryFailed."""
        self.missing.refuse("a lake query")

    async def search(self, *_given: object, **_named: object) -> QueryResult:
        """Raises QueryFailed."""
        self.missing.refuse("an indicator search")

    async def databases(self) -> tuple[str, ...]:
        """Raises QueryFailed."""
        self.missing.refuse("the databases")

    async def tables(self, *_given: object, **_named: object) -> tuple[Table, ...]:
        """Raises QueryFailed."""
        self.missing.refuse("the tables")

    async def columns(self, *_given: object, **_named: object) -> tuple[Column, ...]:
        """Raises QueryFailed."""
        self.missing.refuse("a table's columns")

    async def sources(self) -> tuple[LogSource, ...]:
        """Raises QueryFailed."""
        self.missing.refuse("the log sources")

    async def users(self) -> tuple[PantherUser, ...]:
        """Raises QueryFailed."""
        self.missing.refuse("the users")

    async def list(self, alert_id: str) -> tuple[Comment, ...]:
        """Raises QueryFailed."""
        self.missing.refuse(f"the comments of {alert_id}")

    async def create(self, *_given: object, **_named: object) -> Comment:
        """Raises QueryFailed: a replay writes nothing."""
        self.missing.refuse("writing a comment")

    async def update(self, *_given: object, **_named: object) -> Comment:
        """Raises QueryFailed: a replay writes nothing."""
        self.missing.refuse("writing a comment")

    async def set_status(self, *_given: object, **_named: object) -> None:
        """Raises QueryFailed: a replay writes nothing."""
        self.missing.refuse("setting a status")

    async def assign(self, *_given: object, **_named: object) -> None:
        """Raises QueryFailed: a replay writes nothing."""
        self.missing.refuse("assigning")


class RecordedTools(Toolbox):
    """Answers a call that the recorded run has made, whatever its turn; refuses every other."""

    def __init__(
        self, dossier: Dossier, panther: RecordedPanther, settings: Settings, answers: dict[str, ToolAnswer]
    ) -> None:
        super().__init__(dossier, lake=panther, alerts=panther, rules=panther, settings=settings.investigation)
        self._answers = answers
        self._missing = panther.missing

    async def run(self, call: ToolCall, limits: QueryLimits) -> ToolAnswer:  # noqa: ARG002 - the answer is as it was cut then
        """The recorded answer, or one that says that there is none."""
        answer = self._answers.get(call_key(call))
        if answer is None:
            self._missing.asked.append(f"{call.name} {call.arguments[:200]}")
            text = f"{NOT_RECORDED}: this is a replay; only what the first run asked can be answered. Conclude from it."
            return ToolAnswer(call_id=call.id, content=text, failed=True)
        return answer.model_copy(update={"call_id": call.id})


def call_key(call: ToolCall) -> str:
    """Name a tool call by what it asks, whatever the spelling of its JSON."""
    try:
        arguments = json.dumps(json.loads(call.arguments), sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError):
        arguments = call.arguments
    return f"{call.name} {arguments}"
