"""What the model's tools do: bounded reads over the ports, each failure told with its remedy."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from pydantic import JsonValue, ValidationError

from triage.domain.alert import Alert, DetectionOrigin
from triage.domain.base import Row
from triage.domain.coverage import Coverage
from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence, Source
from triage.domain.redaction import redact, redact_rows
from triage.domain.window import TimeWindow
from triage.errors import NotFound, PantherError, QueryFailed, QueryTimeout
from triage.ports import AlertQuery, AlertSource, Column, Lake, QueryLimits, QueryResult, RuleBook, ToolCall
from triage.settings import InvestigationSettings
from triage.stages.investigation.draft import DraftInvalid, explain, read_json
from triage.stages.investigation.effects import UNNUMBERED, ToolAnswer, ToolLimits
from triage.stages.investigation.tools import (
    ARGUMENTS,
    Arguments,
    ListTables,
    LookupAlert,
    LookupDetection,
    MoreEvents,
    QueryLake,
    RelatedAlerts,
    SearchIndicators,
    ShowColumns,
)

if TYPE_CHECKING:
    from triage.domain.sql import ReadOnlyQuery, SqlPolicy

CoverageOf = Callable[[str, TimeWindow], Awaitable[Coverage]]
"""Measures whether a fully qualified table could have answered over a window."""

_AFTER = timedelta(days=1)
"""How far behind the alert a query reaches that names no window."""
_NAMES_SHOWN = 300
_COLUMNS_SHOWN = 200
_EVENTS_PER_CALL = 50
_RELATED = 50
_PAGES = 3


class Toolbox:
    """Performs the model's tool calls for one alert. Nothing here writes."""

    def __init__(
        self,
        dossier: Dossier,
        *,
        lake: Lake,
        alerts: AlertSource,
        rules: RuleBook,
        settings: InvestigationSettings,
        policy: "SqlPolicy | None" = None,
        coverage: CoverageOf | None = None,
    ) -> None:
        """Bind the tools to one alert.

        Args:
            dossier: The alert, for default windows and the present moment.
            lake: Where queries go.
            alerts: Other alerts, and more events of this one.
            rules: Other detections.
            settings: How long and how large a query may be.
            policy: What SQL may read; the default policy where none is given.
            coverage: Measures what an answer without rows is worth; without it an absence proves nothing.
        """
        self._dossier = dossier
        self._lake = lake
        self._alerts = alerts
        self._rules = rules
        self._settings = settings
        self._policy = policy
        self._coverage = coverage
        self._columns: dict[str, tuple[Column, ...]] = {}

    @property
    def window(self) -> TimeWindow:
        """The time bound of a query that names none: the configured history up to a day after the alert."""
        moment, now = self._dossier.alert.moment, self._dossier.now
        return TimeWindow(moment - self._settings.history, max(moment, min(now, moment + _AFTER)))

    async def run(self, call: ToolCall, limits: ToolLimits) -> ToolAnswer:
        """Perform one call.

        Every failure that the model can act on is an answer: unknown tool, wrong arguments, refused SQL, a query that
        failed or took too long, an id that does not exist, Panther denying or not answering.
        """
        model = ARGUMENTS.get(call.name)
        if model is None:
            return _refusal(call, f"There is no tool {call.name[:80]!r}; there are {', '.join(ARGUMENTS)}, conclude.")
        try:
            arguments = model.model_validate(read_json(call.arguments or "{}"))
        except DraftInvalid as error:
            return _refusal(call, f"The arguments of {call.name}: {'; '.join(error.problems)}.")
        except ValidationError as error:
            return _refusal(call, f"The arguments of {call.name}: {'; '.join(explain(error))}.")
        try:
            return await self._perform(call, arguments, limits)
        except NotFound as error:
            return _refusal(call, f"Not found: {error}.")
        except PantherError as error:
            return _refusal(call, f"Panther gave no answer: {error}. Go on without it.")

    async def _perform(self, call: ToolCall, arguments: Arguments, limits: ToolLimits) -> ToolAnswer:
        match arguments:
            case QueryLake():
                return await self._query(call, arguments, limits)
            case SearchIndicators():
                return await self._search(call, arguments, limits)
            case ListTables():
                tables = await self._lake.tables(arguments.database)
                names = [f"{table.name} ({table.log_type})" if table.log_type else table.name for table in tables]
                return ToolAnswer(call_id=call.id, content=_listed(f"Tables of {arguments.database}", names))
            case ShowColumns():
                columns = await self._lake.columns(arguments.database, arguments.table)
                names = [f"{column.name} {column.type}".strip() for column in columns]
                return ToolAnswer(
                    call_id=call.id, content=_listed(f"Columns of {arguments.database}.{arguments.table}", names)
                )
            case MoreEvents():
                return await self._more_events(call, arguments, limits)
            case LookupAlert():
                alert = await self._alerts.alert(arguments.id)
                return self._found(call, f"Alert {arguments.id}", (_alert_row(alert),), limits)
            case LookupDetection():
                return await self._detection(call, arguments, limits)
            case RelatedAlerts():
                return await self._related(call, arguments, limits)
            case _:
                assert_never(arguments)

    async def _query(self, call: ToolCall, arguments: QueryLake, limits: ToolLimits) -> ToolAnswer:
        # sqlglot stands behind this package and costs start-up time.
        from triage.domain.sql import DEFAULT, SqlRefused, parse_read_only  # noqa: PLC0415 - see above
        from triage.stages.investigation.projection import spoofed_column  # noqa: PLC0415 - see above

        try:
            query = parse_read_only(
                arguments.sql, policy=self._policy or DEFAULT, window=self.window, now=self._dossier.now
            )
        except SqlRefused as error:
            return _refusal(call, f"The query was refused and not sent: {error}")
        spoofed = spoofed_column(query.sql)
        if spoofed:
            return _refusal(call, f"The query was not sent: name the computed column {spoofed[:80]} without `p_`.")
        try:
            result = await self._lake.run_query(query, limits=_query_limits(limits))
        except QueryTimeout as error:
            return self._unanswered(call, arguments.reason, str(error), query)
        except QueryFailed as error:
            remedy = await self._columns_of(query.tables)
            return self._unanswered(call, arguments.reason, str(error), query, remedy=remedy)
        table = query.tables[0] if len(query.tables) == 1 else ""
        evidence = self._evidence(
            "query_lake",
            arguments.reason,
            result,
            sql=query.sql,
            table=table,
            log_type=self._log_type(query),
            window=query.window,
        )
        if not result.row_count and table and query.window is not None and self._coverage is not None:
            evidence = evidence.model_copy(update={"coverage": await self._coverage(table, query.window)})
        notes = " ".join(f"{note}." for note in query.notes)
        return ToolAnswer(call_id=call.id, content=notes, evidence=evidence, queries=1, bytes=result.bytes)

    async def _search(self, call: ToolCall, arguments: SearchIndicators, limits: ToolLimits) -> ToolAnswer:
        window = TimeWindow.around(
            self._dossier.alert.moment,
            timedelta(hours=arguments.hours_before),
            timedelta(hours=arguments.hours_after),
        )
        question = f"Where do {', '.join(arguments.indicators)} occur?"[:400]
        try:
            result = await self._lake.search(arguments.indicators, window=window, limits=_query_limits(limits))
        except QueryFailed as error:
            return self._unanswered(call, question, str(error), None)
        evidence = self._evidence("search_indicators", question, result, window=window)
        return ToolAnswer(call_id=call.id, evidence=evidence, queries=1, bytes=result.bytes)

    async def _more_events(self, call: ToolCall, arguments: MoreEvents, limits: ToolLimits) -> ToolAnswer:
        count = min(_EVENTS_PER_CALL, limits.rows)
        events = await self._alerts.events(
            self._dossier.alert.id, limit=arguments.offset + count, max_bytes=limits.bytes * 4
        )
        rows = events.rows[arguments.offset :]
        if not rows:
            return _refusal(call, f"The alert has no events from number {arguments.offset} on.")
        question = f"Events of the alert from number {arguments.offset} on"
        log_type = self._dossier.log_types[0] if len(self._dossier.log_types) == 1 else ""
        answer = self._found(call, question, rows, limits, log_type=log_type, truncated=events.truncated)
        return answer.model_copy(update={"queries": 1})

    async def _detection(self, call: ToolCall, arguments: LookupDetection, limits: ToolLimits) -> ToolAnswer:
        found = await self._rules.detection(DetectionOrigin(id=arguments.id))
        if found.deleted:
            return _refusal(call, f"Panther has no detection {arguments.id!r}.")
        row: Row = {
            "id": found.id,
            "name": found.name,
            "severity": found.severity.value if found.severity is not None else None,
            "description": found.description,
            "runbook": found.runbook,
            "body": found.body,
            "log_types": list(found.log_types),
            "tags": list(found.tags),
            "techniques": list(found.techniques),
        }
        return self._found(call, f"Detection {arguments.id}", (row,), limits)

    async def _related(self, call: ToolCall, arguments: RelatedAlerts, limits: ToolLimits) -> ToolAnswer:
        now = self._dossier.now
        query = AlertQuery(
            created_after=now - timedelta(days=arguments.days),
            created_before=now,
            detection_id=arguments.detection_id,
            ascending=False,
        )
        rows: list[Row] = []
        cursor: str | None = None
        most = min(_RELATED, limits.rows)
        for _ in range(_PAGES):
            page = await self._alerts.page(query, cursor)
            rows += [_alert_row(alert) for alert in page.alerts if alert.id != self._dossier.alert.id]
            cursor = page.cursor
            if cursor is None or len(rows) >= most:
                break
        question = f"Alerts of {arguments.detection_id} in the {arguments.days} days before"
        return self._found(call, question, rows[:most], limits, truncated=cursor is not None or len(rows) > most)

    def _found(
        self,
        call: ToolCall,
        question: str,
        rows: Sequence[Row],
        limits: ToolLimits,
        *,
        log_type: str = "",
        truncated: bool = False,
    ) -> ToolAnswer:
        kept: list[Row] = []
        size = 0
        for row in rows[: limits.rows]:
            cost = len(json.dumps(dict(row), separators=(",", ":"), default=str).encode("utf-8", "replace"))
            if kept and size + cost > limits.bytes:
                break
            size += cost
            kept.append(row)
        result = QueryResult(
            columns=tuple(dict.fromkeys(name for row in kept for name in row)),
            rows=tuple(kept),
            row_count=len(rows),
            truncated=truncated or len(kept) < len(rows),
            bytes=size,
        )
        evidence = self._evidence(call.name, question, result, log_type=log_type)
        return ToolAnswer(call_id=call.id, evidence=evidence, bytes=size)

    def _evidence(
        self,
        tool: str,
        question: str,
        result: QueryResult,
        *,
        sql: str = "",
        table: str = "",
        log_type: str = "",
        window: TimeWindow | None = None,
    ) -> Evidence:
        return Evidence(
            id=UNNUMBERED,
            source=Source.TOOL,
            key=f"tool.{tool}",
            question=redact(question),
            log_type=log_type,
            table=table,
            sql=redact(sql),
            start=window.start if window is not None else None,
            end=window.end if window is not None else None,
            columns=result.columns,
            rows=redact_rows(result.rows),
            row_count=result.row_count,
            truncated=result.truncated,
            seconds=result.seconds,
        )

    def _unanswered(
        self, call: ToolCall, question: str, error: str, query: "ReadOnlyQuery | None", *, remedy: str = ""
    ) -> ToolAnswer:
        evidence = Evidence(
            id=UNNUMBERED,
            source=Source.TOOL,
            key=f"tool.{call.name}",
            question=redact(question),
            sql=redact(query.sql) if query is not None else "",
            table=query.tables[0] if query is not None and len(query.tables) == 1 else "",
            error=redact(error)[:500],
        )
        return ToolAnswer(call_id=call.id, content=remedy, evidence=evidence, queries=1, failed=True)

    def _log_type(self, query: "ReadOnlyQuery") -> str:
        """The log type whose fields the rows hold as they are; empty where the query could have made them up.

        A computed column may carry any name: `SELECT 'x' AS sourceIPAddress` must not count as the provider's word.
        """
        from triage.stages.investigation.projection import plain_columns  # noqa: PLC0415 - as in `_query`

        if len(query.tables) != 1 or not plain_columns(query.sql):
            return ""
        name = query.tables[0].rpartition(".")[2]
        known = dict.fromkeys((*self._dossier.log_types, *(entry.log_type for entry in self._dossier.evidence)))
        return next((found for found in known if found and found.lower().replace(".", "_") == name), "")

    async def _columns_of(self, tables: Sequence[str]) -> str:
        """The columns that exist, so that a query with a wrong one can be written again."""
        parts = []
        for table in tables[:3]:
            database, _, rest = table.partition(".")
            name = rest.rpartition(".")[2]
            if table not in self._columns:
                try:
                    self._columns[table] = await self._lake.columns(database, name)
                except (NotFound, PantherError):
                    continue
            parts.append(_listed(f"Columns of {table}", [column.name for column in self._columns[table]]))
        return "\n".join(parts)


def _refusal(call: ToolCall, message: str) -> ToolAnswer:
    return ToolAnswer(call_id=call.id, content=redact(message)[:4_000], failed=True)


def _listed(title: str, names: Sequence[str]) -> str:
    most = _COLUMNS_SHOWN if title.startswith("Columns") else _NAMES_SHOWN
    shown = ", ".join(name[:120] for name in names[:most])
    more = f", and {len(names) - most} more" if len(names) > most else ""
    return f"{title}: {shown}{more}." if names else f"{title}: none."


def _query_limits(limits: ToolLimits) -> QueryLimits:
    return QueryLimits(rows=limits.rows, bytes=limits.bytes, seconds=limits.seconds)


def _alert_row(alert: Alert) -> Mapping[str, JsonValue]:
    return {
        "id": alert.id,
        "title": alert.title,
        "severity": alert.severity.value,
        "status": alert.status.value,
        "type": alert.kind.value,
        "created_at": alert.created_at.isoformat(),
        "detection_id": alert.detection_id,
        "description": alert.description,
        "assignee": alert.assignee.email if alert.assignee is not None else "",
        "updated_by": alert.updated_by.email if alert.updated_by is not None else "",
    }
