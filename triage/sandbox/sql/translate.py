"""One statement of Snowflake SQL, translated into DuckDB's in three steps.

Panther's macros are expanded in the text (`macros.py`), the statement is parsed as Snowflake and rewritten node by node
where the two differ in meaning (`scopes.py`, `rules.py`), and sqlglot writes it as DuckDB. Only the embedded Panther
translates; its clients send Snowflake SQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlglot import Dialect, ErrorLevel, exp
from sqlglot.errors import SqlglotError

from triage.sandbox.columns import Columns
from triage.sandbox.errors import QueryError
from triage.sandbox.sql.macros import expand_macros
from triage.sandbox.sql.scopes import Binder
from triage.sandbox.world import LakeTable

_SNOWFLAKE = Dialect.get_or_raise("snowflake")


@dataclass(frozen=True, slots=True)
class Translated:
    """A statement that DuckDB runs."""

    sql: str
    tables: frozenset[LakeTable]
    """What it reads."""


def translate(sql: str, catalog: Mapping[LakeTable, Columns], *, database: str, now: datetime) -> Translated:
    """Translate one SELECT.

    Args:
        sql: Snowflake SQL with Panther's macros.
        catalog: Columns of every table that exists.
        database: Where unqualified table names are looked up.
        now: The value of CURRENT_TIMESTAMP, from which the macros count too.

    Raises:
        QueryError: The text is not one SELECT, names a missing table, or uses a feature that DuckDB lacks.
    """
    try:
        expanded, tokens = expand_macros(sql, now)
        statements = _SNOWFLAKE.parser().parse(tokens or _SNOWFLAKE.tokenize(expanded), expanded)
    except (SqlglotError, RecursionError) as error:
        raise QueryError.syntax(str(error).split(". ")[0]) from error
    statement = next(filter(None, statements), None)
    if not isinstance(statement, exp.Query):
        raise QueryError.unsupported(type(statement).__name__.upper())
    binder = Binder(catalog, database=database, now=now)
    try:
        binder.statement(statement)
        # Every name is quoted: columns such as `end` or `user` are keywords in DuckDB.
        translated = statement.sql(dialect="duckdb", identify=True, unsupported_level=ErrorLevel.RAISE, copy=False)
    except SqlglotError as error:
        raise QueryError.unsupported(str(error)) from error
    except RecursionError as error:
        raise QueryError.syntax("the statement is nested too deeply") from error
    return Translated(sql=translated, tables=frozenset(binder.tables))
