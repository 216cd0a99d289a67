"""What a query may touch and how much of it, and the error for one that asks for more."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from triage.errors import TriageError


class Dialect(StrEnum):
    """The dialect of the emitted statement. The input is always Snowflake SQL."""

    SNOWFLAKE = "snowflake"
    DATABRICKS = "databricks"
    ATHENA = "athena"


@dataclass(frozen=True, slots=True)
class SqlPolicy:
    """What a query may read and how much. Names are in lower case."""

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
    """Panther's databases; only their `public` schema may be read. `panther_monitor` records what Panther's users do and
    is left for the operator to add."""

    extra_schemas: frozenset[str] = frozenset()
    """`database.schema` pairs that the operator adds, such as `snowflake.account_usage`."""

    unbounded: frozenset[str] = frozenset({"panther_lookups"})
    """Databases, or full table names, that need no time bound and never get one: enrichment tables are small and keyed,
    and a row's time says nothing about whether it is still valid."""

    time_columns: frozenset[str] = frozenset({"p_event_time", "p_parse_time"})
    """Columns of Panther's tables that a bound may use; the tables are clustered by the first."""

    extra_time_columns: frozenset[str] = frozenset(
        {"start_time", "end_time", "event_timestamp", "created_on", "query_start_time", "login_time", "last_used_on"}
    )
    """Columns of `extra_schemas` that a bound may use, directly or under the alias `p_event_time`."""

    max_window: timedelta = timedelta(days=90)
    """The longest time range that may be read from one table."""

    narrow_up_to: timedelta = timedelta(days=1100)
    """A range with an explicit start and end that is longer than `max_window`, but no longer than this, is narrowed to
    its most recent `max_window` instead of being refused, with a note in `notes`. Zero refuses all of them."""

    allow_fixed_start: bool = False
    """Treat a lower bound at a fixed date, without an upper one, as a range up to now. The window grows every day, so a
    query that is accepted today will be refused or narrowed later."""

    hoist_or_bounds: bool = False
    """If only some branches of an OR have a time bound (usually because of missing parentheses), apply the bound to the
    whole condition instead of refusing the query."""

    max_limit: int = 1000
    """The highest LIMIT, in rows."""

    max_bytes: int = 20_000
    """The most bytes of UTF-8, for the text that comes in and for the statement that goes out."""

    dialect: Dialect = Dialect.SNOWFLAKE


DEFAULT = SqlPolicy()
"""The policy unless another one is given."""


class SqlRefused(TriageError):
    """A query is not one bounded read of an allowed table.

    The message is for the query's author, a model or the author of a playbook: what is wrong, where, and what to write
    instead.
    """

    def __init__(self, message: str, *, code: str, line: int | None = None) -> None:
        """Build the message.

        Args:
            message: One or two sentences, with the remedy.
            code: Short, stable name of the reason, such as `unbounded`, `function`, `schema` or `multi_statement`.
            line: One-based line in the query's text, if known.
        """
        super().__init__(message if line is None else f"line {line}: {message}")
        self.code = code
        self.line = line


def at(text: str, position: int, code: str, message: str) -> SqlRefused:
    """A refusal with the line of a position in the author's text."""
    return SqlRefused(message, code=code, line=text.count("\n", 0, position) + 1)
