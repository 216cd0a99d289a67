"""The guard: from a query's text to the one statement that is sent."""

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
    """A statement that may be sent to the lake. Only this package makes one."""

    sql: str
    """Written from the checked tree, never the caller's text."""
    tables: tuple[str, ...]
    """Fully qualified, lower case, in the order of their first use."""
    limit: int
    """The literal LIMIT of the whole statement."""
    window: TimeWindow | None
    """From the earliest start to the latest end over the bounded tables; `None` where none is read."""
    notes: tuple[str, ...] = ()
    """What was changed against the caller's text: a limit clamped, a bound added, a window narrowed. One sentence
    each; whoever reads an answer with no rows needs them."""
    dialect: Dialect = Dialect.SNOWFLAKE
    """The language of `sql`."""


def parse_read_only(
    text: str, *, policy: SqlPolicy = DEFAULT, window: TimeWindow | None = None, now: datetime
) -> ReadOnlyQuery:
    """Accept a query that is one bounded read, and write it anew.

    Args:
        text: SQL in Snowflake's dialect, with Panther's macros.
        policy: What may be read and how much.
        window: Added as the time bound where a table has none; without it such a query is refused.
        now: The present moment, aware: what macros and CURRENT_TIMESTAMP are measured against.

    Returns:
        The statement in the policy's dialect, with what it reads.

    Raises:
        SqlRefused: with a code, mostly a line, and what to write instead.
        ValueError: `now` has no time zone.
    """
    scanned = scan(text, policy)
    return settle(syntax.parse(scanned.text, scanned.tokens), policy=policy, window=window, now=now)


def in_dialect(query: ReadOnlyQuery, dialect: Dialect, *, policy: SqlPolicy = DEFAULT, now: datetime) -> ReadOnlyQuery:
    """Write an accepted query in another engine's language.

    Args:
        query: What the guard or a template gave.
        dialect: The lake's language; a query that already speaks it comes back as it is.
        policy: Its names of time columns and its size apply.
        now: What CURRENT_TIMESTAMP stands for, aware.

    Raises:
        SqlRefused: `dialect`, with what the engine has no equal of, and what to write.
    """
    if query.dialect is dialect:
        return query
    tree = syntax.parse(query.sql)
    sql = syntax.guarded(lambda: translate(tree, replace(policy, dialect=dialect), now.astimezone(UTC)))
    return replace(query, sql=sql, dialect=dialect)


def settle(
    tree: exp.Query, *, policy: SqlPolicy, window: TimeWindow | None, now: datetime, proven: set[str] | None = None
) -> ReadOnlyQuery:
    """Check a parsed query, bound it, and write it. The tree is changed.

    Args:
        tree: The query; its parser gave it, or a template filled it with literals.
        policy: What may be read and how much.
        window: Added where a table has no bound.
        now: The present, aware.
        proven: The shapes of earlier statements from the same template that were read back and found faithful. A
            statement of the same shape differs from one of them in the text of literals and the length of lists only,
            and isn't read back again. New shapes are added.

    Raises:
        SqlRefused: the query is not one bounded read.
        ValueError: `now` has no time zone.
    """
    if now.utcoffset() is None:
        raise ValueError("the guard needs an aware moment")
    reads = Reads(policy, now.astimezone(UTC), window)
    return syntax.guarded(lambda: _settle(tree, reads, proven))


def _settle(tree: exp.Query, reads: Reads, proven: set[str] | None) -> ReadOnlyQuery:
    policy = reads.policy
    census = nodes.check_nodes(tree)
    macros.expand(census.macros, policy=policy, now=reads.now)
    survey(tree, census, reads)
    limit = _limit(tree, census, reads)
    written = syntax.emit(tree)
    sql = written.sql
    check_size(sql, policy)
    if proven is None or written.shape not in proven or len(written.literals) > _MOST_LITERALS:
        _verify(sql, reads, limit)
        if proven is not None and len(proven) < _MOST_SHAPES:
            proven.add(written.shape)
    else:
        for literal in written.literals:
            check_literal(literal)
    if proven is not None and not sql.endswith(f" LIMIT {limit}"):
        raise SqlRefused("the statement's limit is lost when it is written anew", code="self_check")
    if policy.dialect is not Dialect.SNOWFLAKE:
        sql = translate(tree, policy, reads.now)
    return ReadOnlyQuery(
        sql, tuple(reads.tables), limit, _hull(reads.windows), tuple(reads.notes), dialect=policy.dialect
    )


_MOST_SHAPES = 64
"""Shapes kept per template; they differ by which lists have one entry and which have more."""

_MOST_LITERALS = 500
"""A longer statement has its tokens counted each time."""


def _limit(tree: exp.Query, census: nodes.Census, reads: Reads) -> int:
    """Clamp the outermost LIMIT, add it where it is missing, and make sure that every other one is a number."""
    for node in census.limits:
        written = times.integer(node.args.get("expression"))
        if written is None or written < 0:
            raise SqlRefused(
                f"{type(node).__name__.upper()} takes a written whole number, as in LIMIT 100",
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
    """Read the written statement back and check it like a stranger's, with nothing left to add or to clamp."""
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
        raise SqlRefused(f"the statement does not survive being written anew: {error}", code="self_check") from error
    same = set(again.tables) == set(reads.tables) and _hull(again.windows) == _hull(reads.windows) and kept == limit
    if census.macros or again.notes or not same:
        raise SqlRefused("the statement reads differently when it is written anew", code="self_check")


def _hull(windows: list[TimeWindow]) -> TimeWindow | None:
    if not windows:
        return None
    return TimeWindow(min(window.start for window in windows), max(window.end for window in windows))
