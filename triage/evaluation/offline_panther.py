"""In place of Panther: a lake that answers nothing, and the record of one investigation."""

import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Never, NoReturn

from triage.domain.alert import Alert
from triage.domain.dossier import Dossier
from triage.errors import QueryFailed
from triage.ports import QueryLimits, ToolCall
from triage.settings import Settings
from triage.stages.investigation import ToolAnswer, Toolbox

NOT_RECORDED = "not recorded"

LAKE_STEPS = frozenset({"query", "search", "columns", "tables"})
"""Kinds of journalled steps that the lake answered."""
LAKE_TOOLS = frozenset({"ask", "query_lake", "search_indicators", "list_tables", "show_columns"})
"""The model's tools that ask it."""


class NoLake:
    """A lake that answers nothing, so that only the alert itself remains. Implements `ports.Lake`."""

    async def run_query(self, *_given: object, **_named: object) -> NoReturn:
        """Raises QueryFailed, always."""
        raise QueryFailed("this run has no data lake")

    search = run_query

    async def databases(self, *_given: object, **_named: object) -> tuple[Never, ...]:
        """None."""
        return ()

    tables = columns = databases


@dataclass(slots=True)
class NotRecorded:
    """The questions of a replay that its record has no answer to."""

    asked: list[str] = field(default_factory=list)

    def refuse(self, what: str) -> NoReturn:
        """Raises QueryFailed, after counting."""
        self.asked.append(what)
        raise QueryFailed(f"{NOT_RECORDED}: {what}")


def _refusal(what: str) -> Callable[..., Coroutine[Any, Any, NoReturn]]:
    """A method of `RecordedPanther` that refuses to do something."""

    async def refuse(self: "RecordedPanther", *_given: object, **_named: object) -> NoReturn:
        self.missing.refuse(what)

    return refuse


@dataclass(frozen=True, slots=True)
class RecordedPanther:
    """A Panther that knows one alert and nothing else; a replay writes nothing. Implements every port of `PantherApi`.

    What it refuses raises QueryFailed and is counted.
    """

    recorded: Alert
    missing: NotRecorded

    async def alert(self, alert_id: str) -> Alert:
        """The recorded alert. Raises QueryFailed for another."""
        if alert_id != self.recorded.id:
            self.missing.refuse(f"alert {alert_id}")
        return self.recorded

    listed = alert
    page = _refusal("a list of alerts")
    events = _refusal("events")
    detection = _refusal("a detection")
    detections = _refusal("the detections")
    helper = data_models = _refusal("shared code of rules")
    run_query = _refusal("a lake query")
    search = _refusal("an indicator search")
    databases = _refusal("the databases")
    tables = _refusal("the tables")
    columns = _refusal("a table's columns")
    sources = _refusal("the log sources")
    users = _refusal("the users")
    list = _refusal("an alert's comments")
    create = update = _refusal("writing a comment")
    set_status = _refusal("setting a status")
    assign = _refusal("assigning")
    of_alert = _refusal("actor profiles")
    served = qualities = set_quality = set_tags = _refusal("an alert's labels")


class RecordedTools(Toolbox):
    """Answers calls that the recorded run made, in any turn; refuses all others."""

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
    """The key of a tool call: what it asks, however its JSON is written."""
    try:
        arguments = json.dumps(json.loads(call.arguments), sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError):
        arguments = call.arguments
    return f"{call.name} {arguments}"
