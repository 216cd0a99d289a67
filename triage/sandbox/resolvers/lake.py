"""Databases, tables, and the queries on them."""

from typing import cast

from triage.sandbox.backend import ApiCall, Backend, page_of
from triage.sandbox.columns import Columns
from triage.sandbox.errors import RequestError
from triage.sandbox.lake import IndicatorSearch
from triage.sandbox.queries import Query
from triage.sandbox.resolvers.fields import api_token, cursor, field, given, moment, page_size, texts
from triage.sandbox.times import iso
from triage.sandbox.world import LakeTable, Record

_RESULT_PAGE = 999
"""Rows on a page of results: Panther's default, and the most it gives."""


def _database(backend: Backend, name: str) -> Record:
    """A database by its name, with or without the schema: Panther itself calls it `panther_logs.public`."""
    short = name.lower().removesuffix(".public")
    columns = sorted(backend.lake.tables.columns.items())
    tables = [_table(backend, table, kinds) for table, kinds in columns if table[0] == short]
    if not tables:
        raise RequestError(404, f"database {name} not found", kind="NotFound")
    return {"name": f"{short}.public", "description": None, "tables": tables}


def _table(backend: Backend, table: LakeTable, columns: Columns) -> Record:
    return {
        "name": table[1],
        "displayName": table[1],
        "description": None,
        "logType": backend.lake.tables.log_types.get(("panther_logs", table[1])),
        "numMatches": None,
        "columns": [{"name": name, "type": kind.value, "description": None} for name, kind in columns.items()],
    }


@field("Query", "dataLakeDatabases", "DataAnalyticsRead")
def _data_lake_databases(_source: Record, call: ApiCall, _arguments: Record) -> object:
    names = sorted({database for database, _ in call.backend.lake.tables.columns})
    return [_database(call.backend, name) for name in names]


@field("Query", "dataLakeDatabase", "DataAnalyticsRead")
def _data_lake_database(_source: Record, call: ApiCall, arguments: Record) -> object:
    return _database(call.backend, str(arguments["name"]))


def _tables(call: ApiCall, wanted: Record) -> list[Record]:
    return cast("list[Record]", _database(call.backend, str(wanted["databaseName"]))["tables"])


@field("Query", "dataLakeDatabaseTable", "DataAnalyticsRead")
def _data_lake_table(_source: Record, call: ApiCall, arguments: Record) -> object:
    wanted = given(arguments)
    name = str(wanted["tableName"]).lower()
    found = next((table for table in _tables(call, wanted) if table["name"] == name), None)
    if found is None:
        raise RequestError(404, f"table {name} not found", kind="NotFound")
    return found


@field("Query", "dataLakeDatabaseTables", "DataAnalyticsRead")
def _data_lake_tables(_source: Record, call: ApiCall, arguments: Record) -> object:
    wanted = given(arguments)
    page = page_of(_tables(call, wanted), cursor(wanted), page_size(wanted, call))
    return {"edges": [{"node": table} for table in page.items], "pageInfo": page.info()}


@field("Mutation", "executeDataLakeQuery", "DataAnalyticsRead")
def _execute(_source: Record, call: ApiCall, arguments: Record) -> object:
    asked, lake = given(arguments), call.backend.lake
    sql, database = str(asked["sql"]), str(asked.get("databaseName") or "panther_logs")
    query = call.backend.queries.submit(lambda at: lake.run(sql, database=database, cursor=at), sql, call.token)
    return {"id": query.id}


@field("Mutation", "executeIndicatorSearchQuery", "DataAnalyticsRead")
def _search(_source: Record, call: ApiCall, arguments: Record) -> object:
    asked, lake = given(arguments), call.backend.lake
    start, end = moment(asked, "startTime"), moment(asked, "endTime")
    if start is None or end is None:
        raise RequestError(400, "startTime and endTime must be given")
    search = IndicatorSearch(
        indicators=texts(asked, "indicators"),
        start=start,
        end=end,
        name=str(asked.get("indicatorName") or "AutoDetectType"),
        databases=texts(asked, "databases"),
        tables=texts(asked, "tables"),
    )
    text = f"indicator search: {', '.join(search.indicators)}"
    return {"id": call.backend.queries.submit(lambda at: lake.search(search, at), text, call.token).id}


@field("Mutation", "cancelDataLakeQuery", "DataAnalyticsRead")
def _cancel(_source: Record, call: ApiCall, arguments: Record) -> object:
    return {"id": call.backend.queries.cancel(str(given(arguments)["id"])).id}


@field("Query", "dataLakeQuery", "DataAnalyticsRead")
def _query(_source: Record, call: ApiCall, arguments: Record) -> object:
    query = call.backend.queries.get(str(arguments["id"]))
    return {
        "id": query.id,
        "name": None,
        "sql": query.sql,
        "status": query.status,
        "message": query.message,
        "startedAt": iso(query.started),
        "completedAt": iso(query.completed) if query.completed else None,
        "isScheduled": False,
        "issuedBy": api_token(query.token, call.backend),
        "children": [],
        "query": query,
    }


@field("DataLakeQuery", "results")
def _results(source: Record, _call: ApiCall, arguments: Record) -> object:
    """The rows of a query that succeeded; null while it runs and where it did not."""
    result = cast("Query", source["query"]).result
    if result is None:
        return None
    wanted = given(arguments)
    size = min(cast("int", wanted.get("pageSize") or _RESULT_PAGE), _RESULT_PAGE)
    page = page_of(result.rows, cursor(wanted), size)
    return {
        "edges": [{"id": None, "node": row} for row in page.items],
        "pageInfo": page.info(),
        "columnInfo": {"order": result.columns, "types": result.types},
        "stats": {
            "bytesScanned": float(result.bytes_scanned),
            "executionTime": round(result.seconds * 1000, 3),
            "rowCount": float(len(result.rows)),
        },
        "tryAgain": False,
    }
