"""What the model's tools do: bounded reads over the ports; each failure comes with its remedy."""

from collections.abc import Sequence
from datetime import timedelta
from typing import assert_never

from triage.domain.dossier import Dossier
from triage.domain.evidence import Source
from triage.domain.sql import DEFAULT, ReadOnlyQuery, SqlPolicy, SqlRefused, parse_read_only
from triage.domain.sql.lineage import lineage_of
from triage.domain.window import TimeWindow
from triage.errors import NotFound, PantherError, QueryFailed, QueryTimeout
from triage.logtypes import table_of
from triage.ports import AlertSource, Column, Lake, QueryLimits, RuleBook, ToolCall
from triage.settings import InvestigationSettings
from triage.stages.investigation.ask import QuestionDesk
from triage.stages.investigation.ask_form import Ask
from triage.stages.investigation.lookups import Lookups
from triage.stages.investigation.projection import selects_columns_only, spoofed_column
from triage.stages.investigation.results import MAX_COLUMNS, name_list, refusal, tool_evidence, unanswered_query
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
from triage.stages.investigation.values import CoverageOf, ToolAnswer
from triage.stages.model_calls import ReplyInvalid, read_json, validated

_AFTER = timedelta(days=1)
"""How far past the alert a query without a window of its own reaches."""


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
        policy: SqlPolicy | None = None,
        coverage: CoverageOf | None = None,
    ) -> None:
        """Bind the tools to one alert.

        Args:
            dossier: The alert, for default windows and the present moment.
            lake: Answers queries.
            alerts: Other alerts, and more events of this one.
            rules: Other detections.
            settings: How long and how large a query may be.
            policy: What SQL may read; by default, the default policy.
            coverage: Measures what an answer without rows proves; without it an absence proves nothing.
        """
        self._dossier = dossier
        self._lake = lake
        self._settings = settings
        self._policy = policy
        self._coverage = coverage
        self._lookups = Lookups(dossier, alerts, rules)
        self._desk = QuestionDesk(dossier, lake, settings, coverage)
        self._columns: dict[str, tuple[Column, ...]] = {}

    @property
    def window(self) -> TimeWindow:
        """The time bound of a query without its own: the configured history up to a day after the alert."""
        moment, now = self._dossier.alert.moment, self._dossier.now
        return TimeWindow(moment - self._settings.history, max(moment, min(now, moment + _AFTER)))

    async def run(self, call: ToolCall, limits: QueryLimits) -> ToolAnswer:
        """Perform one call.

        Every failure that the model can act on is an answer: unknown tool, wrong arguments, refused SQL, a query that
        failed or took too long, an id that does not exist, Panther denying or not answering.
        """
        answer = await self._answer(call, limits)
        named = [entry.model_copy(update={"key": f"tool.{call.name}"}) for entry in answer.answers]
        given = {"evidence": named[0], "further": tuple(named[1:])} if named else {}
        return answer.model_copy(update={"call_id": call.id, **given})

    async def _answer(self, call: ToolCall, limits: QueryLimits) -> ToolAnswer:
        model = ARGUMENTS.get(call.name)
        if model is None:
            return refusal(f"There is no tool {call.name[:80]!r}; there are {', '.join(ARGUMENTS)}, conclude.")
        try:
            arguments = validated(model, read_json(call.arguments or "{}"))
        except ReplyInvalid as error:
            return refusal(f"The arguments of {call.name}: {'; '.join(error.problems)}.")
        try:
            return await self._perform(arguments, limits)
        except NotFound as error:
            return refusal(f"Not found: {error}.")
        except PantherError as error:
            return refusal(f"Panther gave no answer: {error}. Go on without it.")

    async def _perform(self, arguments: Arguments, limits: QueryLimits) -> ToolAnswer:
        match arguments:
            case Ask():
                return await self._desk.ask(arguments, limits)
            case QueryLake():
                return await self._query(arguments, limits)
            case SearchIndicators():
                return await self._search(arguments, limits)
            case ListTables():
                return await self._tables(arguments)
            case ShowColumns():
                columns = await self._lake.columns(arguments.database, arguments.table)
                names = [f"{column.name} {column.type}".strip() for column in columns]
                title = f"Columns of {arguments.database}.{arguments.table}"
                return ToolAnswer(content=name_list(title, names, MAX_COLUMNS))
            case MoreEvents():
                return await self._lookups.more_events(arguments, limits)
            case LookupAlert():
                return await self._lookups.alert(arguments, limits)
            case LookupDetection():
                return await self._lookups.detection(arguments, limits)
            case RelatedAlerts():
                return await self._lookups.related(arguments, limits)
            case _:
                assert_never(arguments)

    async def _query(self, arguments: QueryLake, limits: QueryLimits) -> ToolAnswer:

        try:
            query = parse_read_only(
                arguments.sql, policy=self._policy or DEFAULT, window=self.window, now=self._dossier.now
            )
        except SqlRefused as error:
            return refusal(f"The query was refused and not sent: {error}")
        spoofed = spoofed_column(query.sql)
        if spoofed:
            return refusal(f"The query was not sent: name the computed column {spoofed[:80]} without `p_`.")
        try:
            result = await self._lake.run_query(query, limits=limits)
        except QueryTimeout as error:
            remedy = "Narrow the time window, or ask for fewer columns and rows."
            return unanswered_query(arguments.reason, str(error), query, remedy=remedy)
        except QueryFailed as error:
            remedy = await self._columns_of(query.tables)
            return unanswered_query(arguments.reason, str(error), query, remedy=remedy)
        entry = tool_evidence(
            arguments.reason, result, query=query, log_type=self._log_type(query), window=query.window
        )
        queries = 1
        # An answer that fills its LIMIT may have been cut by it.
        lineage = lineage_of(query.sql)
        if result.row_count >= query.limit and (lineage is None or lineage.rows is None):
            entry = entry.model_copy(update={"truncated": True})
        if not entry.truncated and entry.table and query.window is not None and self._coverage is not None:
            coverage, asked = await self._coverage(entry.table, query.window)
            entry = entry.model_copy(update={"coverage": coverage})
            queries += asked
        notes = " ".join(f"{note}." for note in query.notes)
        return ToolAnswer(content=notes, evidence=entry, queries=queries, bytes=result.bytes)

    async def _search(self, arguments: SearchIndicators, limits: QueryLimits) -> ToolAnswer:
        window = TimeWindow.around(
            self._dossier.alert.moment,
            timedelta(hours=arguments.hours_before),
            timedelta(hours=arguments.hours_after),
        )
        question = f"Where do {', '.join(arguments.indicators)} occur?"[:400]
        try:
            result = await self._lake.search(arguments.indicators, window=window, limits=limits)
        except QueryFailed as error:
            return unanswered_query(question, str(error))
        # Panther's own counts, under its own names, as in the search that every alert begins with.
        entry = tool_evidence(question, result, window=window).model_copy(
            update={"source": Source.SEARCH, "measured": True}
        )
        return ToolAnswer(evidence=entry, queries=1, bytes=result.bytes)

    async def _tables(self, arguments: ListTables) -> ToolAnswer:
        tables = await self._lake.tables(arguments.database)
        if not tables:
            databases = ", ".join(await self._lake.databases())
            return refusal(f"There are no tables in {arguments.database[:80]!r}; the databases are {databases}.")
        names = [f"{table.name} ({table.log_type})" if table.log_type else table.name for table in tables]
        return ToolAnswer(content=name_list(f"Tables of {arguments.database}", names))

    def _log_type(self, query: ReadOnlyQuery) -> str:
        """The log type whose fields the rows hold unchanged; empty if the query could have made them up.

        A computed column may carry any name: `SELECT 'x' AS sourceIPAddress` must not count as set by the provider.
        """

        if len(query.tables) != 1 or not selects_columns_only(query.sql):
            return ""
        name = query.tables[0].rpartition(".")[2]
        known = dict.fromkeys((*self._dossier.log_types, *(entry.log_type for entry in self._dossier.evidence)))
        return next((log_type for log_type in known if log_type and table_of(log_type) == name), "")

    async def _columns_of(self, tables: Sequence[str]) -> str:
        """The columns that exist, so that a query with a wrong one can be corrected."""
        parts = []
        for table in tables[:3]:
            database, _, rest = table.partition(".")
            name = rest.rpartition(".")[2]
            if table not in self._columns:
                try:
                    self._columns[table] = await self._lake.columns(database, name)
                except (NotFound, PantherError):
                    continue
            names = [column.name for column in self._columns[table]]
            parts.append(name_list(f"Columns of {table}", names, MAX_COLUMNS))
        return "\n".join(parts)
