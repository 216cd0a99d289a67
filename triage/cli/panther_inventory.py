"""`triage panther sources|users|tables|columns|queries`: what Panther has, listed or one of it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TypeVar

import click

from triage.cli.common import colour, print_json, run_async, settings_from, table
from triage.cli.logs import log_to_stderr
from triage.cli.options import config_option, json_option
from triage.domain.clean import printable
from triage.domain.near import did_you_mean
from triage.edges.clock import SystemClock
from triage.edges.panther import connect, open_queries, panther_config
from triage.errors import ConfigError, NotFound
from triage.ports import Column, Lake, LogSource, PantherApi, PantherUser, SavedQuery, Table
from triage.settings import Settings

T = TypeVar("T")

LOGS = "panther_logs"
"""The database of the log tables: a table's name alone means one of these."""


@click.command("sources")
@click.argument("source", required=False)
@config_option
@json_option
def sources(source: str | None, config: str | None, as_json: bool) -> int:
    """List the log sources with their health, or show one, by its ID or label.

    Example: triage panther sources --json
    """
    listed = _asked(config, lambda panther: panther.sources.sources())
    if source is not None:
        found = _one(listed, source, "log source", lambda each: (each.id, each.label))
        _show(_source_row(found), as_json=as_json)
        return 0
    head = ("id", "label", "type", "health", "last event (UTC)", "log types")
    rows = [
        (each.id, each.label, each.type, _health(each), _time(each.last_event_at), ", ".join(each.log_types))
        for each in listed
    ]
    return _list([_source_row(each) for each in listed], head, rows, as_json=as_json)


@click.command("users")
@click.argument("user", required=False)
@config_option
@json_option
def users(user: str | None, config: str | None, as_json: bool) -> int:
    """List the users, or show one, by ID or e-mail address.

    Example: triage panther users ada@example.com
    """
    listed = _asked(config, lambda panther: panther.users.users())
    if user is not None:
        _show(_user_row(_one(listed, user, "user", lambda each: (each.id, each.email))), as_json=as_json)
        return 0
    head = ("id", "email", "name", "role", "enabled")
    rows = [(each.id, each.email, each.name, each.role, "yes" if each.enabled else "no") for each in listed]
    return _list([_user_row(each) for each in listed], head, rows, as_json=as_json)


@click.command("tables")
@click.argument("name", required=False, metavar="[TABLE]")
@config_option
@json_option
def tables(name: str | None, config: str | None, as_json: bool) -> int:
    """List the tables of the data lake with their log types, or show one with its columns.

    TABLE is a name such as aws_cloudtrail or panther_logs.aws_cloudtrail, or a log type such as AWS.CloudTrail.

    Example: triage panther tables AWS.CloudTrail
    """
    if name is not None:
        found, columns = _asked(config, lambda panther: _with_columns(panther.lake, name))
        row = _table_row(found)
        if as_json:
            print_json({**row, "columns": [asdict(each) for each in columns]})
            return 0
        _show(row, as_json=False)
        click.echo()
        return _list_columns(columns, as_json=False)
    listed = _asked(config, lambda panther: _all_tables(panther.lake))
    rows = [(each.database, each.name, each.log_type) for each in listed]
    return _list([_table_row(each) for each in listed], ("database", "table", "log type"), rows, as_json=as_json)


@click.command("columns")
@click.argument("name", metavar="TABLE")
@click.argument("column", required=False)
@config_option
@json_option
def columns(name: str, column: str | None, config: str | None, as_json: bool) -> int:
    """List the columns of a table of the data lake, or show one of them.

    TABLE is a name such as aws_cloudtrail or panther_logs.aws_cloudtrail, or a log type such as AWS.CloudTrail.

    Example: triage panther columns aws_cloudtrail
    """
    _, listed = _asked(config, lambda panther: _with_columns(panther.lake, name))
    if column is not None:
        _show(asdict(_one(listed, column, "column", lambda each: (each.name,))), as_json=as_json)
        return 0
    return _list_columns(listed, as_json=as_json)


@click.command("queries")
@click.argument("query", required=False)
@config_option
@json_option
def queries(query: str | None, config: str | None, as_json: bool) -> int:
    """List the saved queries with their schedules, or show one with its SQL, by ID or name.

    Example: triage panther queries "Open doors" --json
    """
    settings = _settings(config)

    async def body() -> tuple[SavedQuery, ...]:
        async with open_queries(panther_config(settings), clock=SystemClock()) as saved:
            return await saved.queries()

    listed = run_async(body())
    if query is not None:
        found = _one(listed, query, "saved query", lambda each: (each.id, each.name))
        if as_json:
            print_json(_query_row(found))
            return 0
        row = _query_row(found)
        sql = str(row.pop("sql"))
        _show(row, as_json=False)
        click.echo()
        click.echo("\n".join(printable(line) for line in sql.splitlines()))
        return 0
    head = ("id", "name", "schedule", "managed", "updated (UTC)")
    rows = [
        (each.id, each.name, each.schedule or "none", "yes" if each.managed else "no", _time(each.updated_at))
        for each in listed
    ]
    return _list([_query_row(each) for each in listed], head, rows, as_json=as_json)


# ---- asking ----------------------------------------------------------------------------------------------------------


def _settings(config: str | None) -> Settings:
    settings = settings_from(config)
    log_to_stderr()
    return settings


def _asked(config: str | None, ask: Callable[[PantherApi], Awaitable[T]]) -> T:
    settings = _settings(config)

    async def body() -> T:
        async with connect(panther_config(settings), clock=SystemClock()) as panther:
            return await ask(panther)

    return run_async(body())


async def _all_tables(lake: Lake) -> tuple[Table, ...]:
    return tuple([table for database in await lake.databases() for table in await lake.tables(database)])


async def _with_columns(lake: Lake, name: str) -> tuple[Table, tuple[Column, ...]]:
    """The table that a name or a log type means, and its columns. Raises NotFound, ConfigError, PantherError."""
    listed = await _all_tables(lake)
    found = [each for each in listed if name.casefold() in map(str.casefold, _names(each))]
    if not found:
        near = did_you_mean(name, [known for each in listed for known in _names(each)])
        raise NotFound(f"the data lake has no table {name!r}{near}")
    of_logs = [each for each in found if _short(each.database) == LOGS]
    chosen = of_logs or found
    if len(chosen) > 1:
        raise ConfigError(
            f"{name!r} may be any of {', '.join(f'{_short(each.database)}.{each.name}' for each in chosen)}; name one"
        )
    return chosen[0], await lake.columns(chosen[0].database, chosen[0].name)


def _short(database: str) -> str:
    """Panther calls a database `panther_logs.public`; people leave the schema out."""
    return database.removesuffix(".public")


def _names(found: Table) -> tuple[str, ...]:
    full = (f"{found.database}.{found.name}", f"{_short(found.database)}.{found.name}")
    return (found.name, *full, *((found.log_type,) if found.log_type else ()))


def _one(listed: Sequence[T], given: str, kind: str, names: Callable[[T], tuple[str, ...]]) -> T:
    """The one that has an id or a name. Raises NotFound, and ConfigError where several have it."""
    exact = [each for each in listed if given in names(each)]
    found = exact or [each for each in listed if given.casefold() in map(str.casefold, names(each))]
    if len(found) > 1:
        raise ConfigError(
            f"{len(found)} {kind}s are called {given!r}; give an ID: {', '.join(names(each)[0] for each in found[:5])}"
        )
    if not found:
        near = did_you_mean(given, [name for each in listed for name in names(each)])
        raise NotFound(f"Panther has no {kind} {given!r}{near}")
    return found[0]


# ---- printing --------------------------------------------------------------------------------------------------------


def _list(
    documents: Sequence[dict[str, object]], head: Sequence[str], rows: Sequence[Sequence[str]], *, as_json: bool
) -> int:
    if as_json:
        print_json(documents)
    elif rows:
        cells = [[printable(cell, 200) for cell in row] for row in rows]
        click.echo("\n".join(table(cells, head, shrink=(len(head) - 1, 1))), color=colour())
    else:
        click.echo("Panther lists none")
    return 0


def _show(row: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        print_json(row)
        return
    cells = [(name.replace("_", " "), printable(_text(value), 1_000)) for name, value in row.items()]
    click.echo("\n".join(table(cells)))


def _text(value: object) -> str:
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value)) or "-"
        case _:
            return str(value)


def _list_columns(listed: Sequence[Column], *, as_json: bool) -> int:
    rows = [(each.name, each.type, each.description) for each in listed]
    return _list([asdict(each) for each in listed], ("column", "type", "description"), rows, as_json=as_json)


def _health(source: LogSource) -> str:
    state = "healthy" if source.healthy else "unhealthy"
    return f"{state}, {', '.join(source.alarms)}" if source.alarms else state


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "-"


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _source_row(source: LogSource) -> dict[str, object]:
    return {
        "id": source.id,
        "label": source.label,
        "type": source.type,
        "healthy": source.healthy,
        "alarms": [*source.alarms],
        "last_event_at": _iso(source.last_event_at),
        "log_types": [*source.log_types],
    }


def _user_row(user: PantherUser) -> dict[str, object]:
    return asdict(user)


def _table_row(found: Table) -> dict[str, object]:
    return {"database": found.database, "table": found.name, "log_type": found.log_type}


def _query_row(query: SavedQuery) -> dict[str, object]:
    return {**asdict(query), "updated_at": _iso(query.updated_at)}
