"""The guard: from a query's text to the statement that is sent."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlglot import exp

from triage.domain.sql import macros, nodes, syntax, times
from triage.domain.sql.characters import check_size
from triage.domain.sql.dialects import translate
from triage.domain.sql.policy import DEFAULT, Dialect, SqlPolicy, SqlRefused
from triage.domain.sql.scope import survey
from triage.domain.sql.spans import Reads
from triage.domain.sql.tokens import check_literal, inspect, scan
from triage.domain.window import TimeWindow


@dataclass(frozen=True, slots=True)
class ReadOnlyQuery:
    """A statement that may be sent to the lake. Only this package creates one."""

    sql: str
    """Emitted from the checked tree, never the caller's text."""
    tables: tuple[str, ...]
    """Fully qualified, lower case, in order of first use."""
    limit: int
    """The literal LIMIT of the whole statement."""
    window: TimeWindow | None
    """From the earliest start to the latest end over the bounded tables; `None` if none is read."""
    notes: tuple[str, ...] = ()
    """What differs from the caller's text: a limit lowered, a bound added, a window narrowed. One sentence each; they
    can explain a result without rows."""
    dialect: Dialect = Dialect.SNOWFLAKE
    """The dialect of `sql`."""


def parse_read_only(
    text: str, *, policy: SqlPolicy = DEFAULT, window: TimeWindow | None = None, now: datetime
) -> ReadOnlyQuery:
    """Check that a query is one bounded read, and rewrite it from its tree.

    Args:
        text: SQL in Snowflake's dialect, with Panther's macros.
        policy: What may be read and how much.
        window: Added as the time bound of a table that has none; without it such a query is refused.
        now: The present, aware: the value of CURRENT_TIMESTAMP and the reference for macros.

    Returns:
        The statement in the policy's dialect, and what it reads.

    Raises:
        SqlRefused: with a code, usually a line, and what to write instead.
        ValueError: `now` has no time zone.
    """
    scanned = scan(text, policy)
    return settle(syntax.parse(scanned.text, scanned.tokens), policy=policy, window=window, now=now).query


def in_dialect(query: ReadOnlyQuery, dialect: Dialect, *, policy: SqlPolicy = DEFAULT, now: datetime) -> ReadOnlyQuery:
    """Translate an accepted query for another engine.

    Args:
        query: From the guard or a template.
        dialect: The lake's dialect; a query already in it is returned unchanged.
        policy: Its names of time columns and its `max_bytes` apply.
        now: The value of CURRENT_TIMESTAMP, aware.

    Raises:
        SqlRefused: `dialect`, with what the engine lacks and what to write instead.
    """
    if query.dialect is dialect:
        return query
    tree = syntax.parse(query.sql)
    sql = syntax.guarded(lambda: translate(tree, replace(policy, dialect=dialect), now.astimezone(UTC)))
    return replace(query, sql=sql, dialect=dialect)


@dataclass(frozen=True, slots=True)
class Settled:
    """A statement that passed, and what the guard saw of it."""

    query: ReadOnlyQuery
    written: syntax.Written
    reads: Reads
    census: nodes.Census


def settle(
    tree: exp.Query, *, policy: SqlPolicy, window: TimeWindow | None, now: datetime, proven: set[str] | None = None
) -> Settled:
    """Check a parsed query, bound it, and emit it. Modifies the tree.

    Args:
        tree: The query, from the parser or from a template filled with literals.
        policy: What may be read and how much.
        window: Added as the bound of a table that has none.
        now: The present, aware.
        proven: The shapes of earlier statements from the same template that were verified by parsing them again. A
            statement of the same shape differs only in the text of literals and the length of lists, and isn't
            verified again. New shapes are added.

    Raises:
        SqlRefused: the query is not one bounded read.
        ValueError: `now` has no time zone.
    """
    if now.utcoffset() is None:
        raise ValueError("the guard needs an aware moment")
    reads = Reads(policy, now.astimezone(UTC), window)
    return syntax.guarded(lambda: _settle(tree, reads, proven))


def _settle(tree: exp.Query, reads: Reads, proven: set[str] | None) -> Settled:
    policy = reads.policy
    census = nodes.check_nodes(tree)
    macros.expand(census.macros, policy=policy, now=reads.now)
    survey(tree, census, reads)
    limit = _limit(tree, census, reads)
    written = syntax.emit(tree)
    sql = written.sql
    check_size(sql, policy)
    if proven is None or written.shape not in proven or len(written.literals) > MOST_LITERALS:
        _verify(sql, reads, limit)
        if proven is not None and len(proven) < _MOST_SHAPES:
            proven.add(written.shape)
    else:
        for literal in written.literals:
            check_literal(literal)
    if proven is not None and not sql.endswith(f" LIMIT {limit}"):
        raise SqlRefused("the limit is lost when the statement is emitted", code="self_check")
    if policy.dialect is not Dialect.SNOWFLAKE:
        sql = translate(tree, policy, reads.now)
    query = ReadOnlyQuery(
        sql, tuple(reads.tables), limit, hull(reads.windows), tuple(reads.notes), dialect=policy.dialect
    )
    return Settled(query, written, reads, census)


_MOST_SHAPES = 64
"""Shapes kept per template; they differ in which lists have one entry and which have more."""

MOST_LITERALS = 500
"""A statement with more literals is verified every time, which includes counting its tokens."""


def _limit(tree: exp.Query, census: nodes.Census, reads: Reads) -> int:
    """Lower or add the outermost LIMIT, and make sure that every other one is a literal number."""
    for node in census.limits:
        written = times.integer(node.args.get("expression"))
        if written is None or written < 0:
            raise SqlRefused(
                f"{type(node).__name__.upper()} takes a literal whole number, as in LIMIT 100",
                code="limit",
                line=syntax.line_of(node),
            )
    most = reads.policy.max_limit
    outermost = tree.args.get("limit")
    written = times.integer(outermost.args["expression"]) if outermost is not None else None
    if written is not None and written <= most:
        return written
    if written is not None:
        reads.notes.append(f"LIMIT {written} was lowered to {most}")
    tree.set("limit", exp.Limit(expression=exp.Literal.number(most)))
    return most


def _verify(sql: str, reads: Reads, limit: int) -> None:
    """Parse the emitted statement and check it like any other query; nothing may be left to add or to lower."""
    again = Reads(replace(reads.policy, narrow_up_to=timedelta(), hoist_or_bounds=False), reads.now, None)
    try:
        tokens = inspect(sql)
        tree = syntax.parse(sql, tokens)
        census = nodes.check_nodes(tree)
        survey(tree, census, again)
        kept = _limit(tree, census, again)
    except SqlRefused as error:
        if error.code == "size":
            raise
        raise SqlRefused(f"the emitted statement is refused: {error}", code="self_check") from error
    same = set(again.tables) == set(reads.tables) and hull(again.windows) == hull(reads.windows) and kept == limit
    if census.macros or again.notes or not same:
        raise SqlRefused("the emitted statement reads differently from the query", code="self_check")


def hull(windows: Sequence[TimeWindow]) -> TimeWindow | None:
    """The smallest window that contains all the windows; `None` for none."""
    if not windows:
        return None
    return TimeWindow(min(window.start for window in windows), max(window.end for window in windows))
