"""The tools as the model sees them: names, descriptions and argument schemas. All of them only read."""

from functools import cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from triage.ports import ToolSpec
from triage.stages.investigation.ask_form import Ask, AskForm
from triage.stages.investigation.draft import WireDraft
from triage.stages.model_calls import schema_of

MAX_INDICATORS = 20
MAX_HOURS = 24 * 30
CONCLUDE = "conclude"
ASK = "ask"
ROWS = "rows"
"""The tool that reads on in an answer of this run; everything else asks Panther."""


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class QueryLake(_Arguments):
    """Run one read-only SQL SELECT on the data lake (Snowflake's dialect)."""

    sql: str = Field(min_length=1, max_length=20_000, description="One SELECT with a bound on p_event_time and a LIMIT")
    reason: str = Field(min_length=1, max_length=300, description="The question in one plain sentence")


class SearchIndicators(_Arguments):
    """Search all log tables for addresses, names, e-mails, ARNs, domains, hashes."""

    indicators: list[Annotated[str, Field(min_length=2, max_length=500)]] = Field(
        min_length=1, max_length=MAX_INDICATORS, description="Exact values"
    )
    hours_before: float = Field(ge=0, le=MAX_HOURS, description="Before the alert's first event")
    hours_after: float = Field(ge=0, le=MAX_HOURS)


class ListTables(_Arguments):
    """List the tables of a database."""

    database: str = Field(default="panther_logs", max_length=200, description="Such as panther_logs")


class ShowColumns(_Arguments):
    """Show the columns of a table."""

    database: str = Field(default="panther_logs", max_length=200, description="Such as panther_logs")
    table: str = Field(min_length=1, max_length=200, description="Such as aws_cloudtrail")


class MoreEvents(_Arguments):
    """Read further events of this alert."""

    offset: int = Field(ge=0, le=10_000, description="How many events to skip; the first ones are in the dossier")


class LookupAlert(_Arguments):
    """Read another alert."""

    id: str = Field(min_length=1, max_length=200)


class LookupDetection(_Arguments):
    """Read another detection: its description, runbook and source."""

    id: str = Field(min_length=1, max_length=300)


class RelatedAlerts(_Arguments):
    """List earlier alerts of a detection with their status."""

    detection_id: str = Field(min_length=1, max_length=300)
    days: int = Field(ge=1, le=365, description="How far back")


class ShowRows(_Arguments):
    """Show further rows of an answer of which only the first were shown. Costs no query."""

    evidence: str = Field(max_length=8, description="Its id, such as E3")
    start: int = Field(ge=0, le=1_000_000, description="Number of the first row to show")


Arguments = (
    Ask
    | QueryLake
    | SearchIndicators
    | ListTables
    | ShowColumns
    | MoreEvents
    | LookupAlert
    | LookupDetection
    | RelatedAlerts
)

ARGUMENTS: dict[str, type[Arguments]] = {
    ASK: Ask,
    "query_lake": QueryLake,
    "search_indicators": SearchIndicators,
    "list_tables": ListTables,
    "show_columns": ShowColumns,
    "more_events": MoreEvents,
    "lookup_alert": LookupAlert,
    "lookup_detection": LookupDetection,
    "related_alerts": RelatedAlerts,
}
"""Tool name to the type of its arguments."""


def _spec(name: str, model: type[BaseModel], description: str, *, strict: bool = False) -> ToolSpec:
    # The tool's own description says what the schema's would say again.
    parameters = {key: value for key, value in schema_of(model, strict=strict).items() if key != "description"}
    return ToolSpec(name=name, description=description, parameters=parameters, strict=strict)


_READING = (
    _spec(ASK, AskForm, AskForm.__doc__ or ""),
    *(_spec(name, model, model.__doc__ or "") for name, model in ARGUMENTS.items() if name != ASK),
    _spec(ROWS, ShowRows, ShowRows.__doc__ or ""),
)


@cache
def conclude_spec(*, strict: bool = False) -> ToolSpec:
    """The tool that ends an investigation.

    Args:
        strict: Hold the endpoint to the schema. Only here: not every endpoint allows strict tools with parallel calls,
            and the arguments of the reading tools are checked before use in any case.
    """
    return _spec(CONCLUDE, WireDraft, "Give the result. Call it once, alone, when you know enough.", strict=strict)


@cache
def tool_specs(*, strict: bool = False) -> tuple[ToolSpec, ...]:
    """All tools, always in the same order, `conclude` last."""
    return (*_READING, conclude_spec(strict=strict))


@cache
def result_schema() -> dict[str, JsonValue]:
    """The schema of the result, for endpoints that take one in place of a tool."""
    return schema_of(WireDraft, strict=True)
