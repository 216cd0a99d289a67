"""What a query may touch and how much of it, and the error for one that asks for more."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from triage.errors import TriageError


class Dialect(StrEnum):
    """The language of the emitted statement. What comes in is always Snowflake's."""

    SNOWFLAKE = "snowflake"
    DATABRICKS = "databricks"
    ATHENA = "athena"


@dataclass(frozen=True, slots=True)
class SqlPolicy:
    """The limits of a read. Names are lower case, as unquoted identifiers are written."""

    databases: frozenset[str] = frozenset(
        {
            "panther_logs",
            "panther_rule_matches",
            "panther_rule_errors",
            "panther_signals",
            "panther_views",
            "panther_lookups",
            "panther_cloudsecurity",
        }
    )
    """Panther's databases; only their schema `public` is read. `panther_monitor` records what Panther's own users
    do and is left to the operator to add."""

    extra_schemas: frozenset[str] = frozenset()
    """`database.schema` pairs that the operator adds, such as `snowflake.account_usage`."""

    unbounded: frozenset[str] = frozenset({"panther_lookups"})
    """Databases, or full table names, that need no time bound and never get one: enrichment tables are small, keyed,
    and a row's time says nothing about its validity."""

    time_columns: frozenset[str] = frozenset({"p_event_time", "p_parse_time"})
    """Columns of Panther's tables on which a bound counts; the tables are clustered by the first."""

    extra_time_columns: frozenset[str] = frozenset(
        {"start_time", "end_time", "event_timestamp", "created_on", "query_start_time", "login_time", "last_used_on"}
    )
    """Columns of `extra_schemas` on which a bound counts, by themselves or under the alias `p_event_time`."""

    max_window: timedelta = timedelta(days=90)
    """The longest span that one table may be read over."""

    narrow_up_to: timedelta = timedelta(days=1100)
    """A range with both ends written that is longer than `max_window`, but not longer than this, is narrowed to its
    most recent `max_window` instead of refused, and the query says so in `notes`. Zero refuses all of them."""

    allow_fixed_start: bool = False
    """Treat a lower bound at a written date, without an upper one, as a range up to now. Its window grows daily, so
    that a query which is accepted today is refused or narrowed one day."""

    hoist_or_bounds: bool = False
    """Where only some branches of an OR carry the time bound (mostly a missing pair of parentheses), apply the bound
    to the whole condition instead of refusing."""

    max_limit: int = 1000
    """The most rows that a query may ask for."""

    max_bytes: int = 20_000
    """Size of the text in UTF-8, as it comes in and as it goes out."""

    dialect: Dialect = Dialect.SNOWFLAKE


DEFAULT = SqlPolicy()
"""The policy where nobody says otherwise."""


class SqlRefused(TriageError):
    """A query is not one bounded read of an allowed table.

    The text is for whoever wrote the query, a model or a playbook's author: what is wrong, where, and what to write
    instead.
    """

    def __init__(self, message: str, *, code: str, line: int | None = None) -> None:
        """Say what is wrong.

        Args:
            message: One or two sentences, with the remedy.
            code: Short stable name of the reason, such as `unbounded`, `function`, `schema` or `multi_statement`.
            line: One-based line of the query's own text, where it is known.
        """
        super().__init__(message if line is None else f"line {line}: {message}")
        self.code = code
        self.line = line


def at(text: str, position: int, code: str, message: str) -> SqlRefused:
    """A refusal of what stands at a place of the author's text."""
    return SqlRefused(message, code=code, line=text.count("\n", 0, position) + 1)
