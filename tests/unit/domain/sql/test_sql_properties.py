"""Properties of the guard that hold for any text, checked by a reader that shares no code with it."""

import re
from collections.abc import Iterator

import sqlglot
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from tests.unit.domain.sql.statements import NOW, WINDOW, accept
from triage.domain.sql import (
    Dialect,
    ParameterType,
    QueryTemplate,
    ReadOnlyQuery,
    SqlPolicy,
    SqlRefused,
    in_dialect,
)
from triage.domain.window import TimeWindow

POLICY = SqlPolicy()

bounded = settings(deadline=None, database=None, max_examples=80)

TABLES = [
    "panther_logs.public.aws_cloudtrail",
    "panther_logs.public.okta_systemlog",
    "panther_rule_matches.public.aws_cloudtrail",
    "panther_lookups.public.known_hosts",
    "snowflake.account_usage.users",
    "panther_logs.private.x",
    "aws_cloudtrail",
    "c1",
    "c2",
]
KEYWORDS = """
    SELECT FROM WHERE AND OR NOT IN LIKE AS ON JOIN LEFT FULL UNION ALL WITH LIMIT OFFSET ORDER BY GROUP HAVING QUALIFY
    CASE WHEN THEN ELSE END NULL TRUE DISTINCT EXISTS BETWEEN INTERVAL LATERAL FLATTEN TABLE INTO DELETE
"""
MARKS = """ ( ) ( ) ( ) [ ] , , . : :: = <> >= < + - * / % || ; ' " $$ -- /* */ // @ $ ? { } {{ }} ` \\ """
NAMES = (
    "p_event_time p_parse_time p_any_ip_addresses eventName data:a.b[0] x.y t c1 c2 0 1 5 90m 'x' 'it''s' '\\\\d' '\\d'"
)
FRAGMENTS = [
    *TABLES,
    *KEYWORDS.split(),
    *MARKS.split(),
    *NAMES.split(),
    "\n",
    "p_occurs_since('1 d')",
    "p_occurs_since(90m, , p_parse_time)",
    "p_occurs_between('2026-03-01', '2026-03-02', t)",
    "p_occurs_around('2026-03-01', '1 h')",
    "p_event_time >= CURRENT_TIMESTAMP - INTERVAL '7 days'",
    "p_event_time > '2026-03-14'",
    "input => target",
    "COUNT(*)",
    "CURRENT_USER()",
    "SYSTEM$WAIT(5)",
    "REPEAT('x', 9)",
    "ARRAY_AGG(x)",
    "x::variant",
    "'\u202e'",
    "'\u00a0'",
    "\u200b",
    "-- pragma: template\n",
    "FOR UPDATE",
    "AT(OFFSET => -60)",
]

fragments = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map(" ".join)

GOOD_BOUNDS = [
    "p_occurs_since('1 d', t)",
    "p_occurs_since(90m, t)",
    "t.p_event_time >= '2026-03-10'",
    "t.p_event_time > CURRENT_TIMESTAMP - INTERVAL '7 days'",
    "t.p_parse_time BETWEEN '2026-03-01' AND '2026-03-02'",
    "p_occurs_between('2025-01-01', CURRENT_TIMESTAMP, t)",
]
BAD_BOUNDS = ["NOT p_occurs_since('1 d')", "(p_occurs_since('1 d') OR TRUE)", "p_event_time > '1970-01-01'", "TRUE"]
GOOD_VALUES = [
    "eventName",
    "t.data:a.b[0]::string",
    "COUNT(*)",
    "'it''s'",
    "1",
    "ARRAY_CONTAINS('a'::VARIANT, p_any_emails)",
    "CASE WHEN eventName LIKE '%x%' THEN 1 ELSE 2 END",
    "REGEXP_SUBSTR(eventName, '\\\\d+')",
    "SUM(x) OVER (PARTITION BY y ORDER BY z DESC)",
    "LOWER(eventName) || '-'",
    "x NOT IN (1, 2)",
    "DATEADD('day', -1, p_event_time)",
]
BAD_VALUES = ["CURRENT_ROLE()", "REPEAT('x', 9)", "(SELECT MAX(x) FROM secrets.public.y)", "SYSTEM$WAIT(5)"]


def mostly(good: list[str], bad: list[str]) -> st.SearchStrategy[str]:
    """A choice that is wrong about one time in thirty, so that many whole statements are right."""
    return st.integers(0, 29).flatmap(lambda n: st.sampled_from(bad if n == 0 else good))


base = mostly(TABLES[:4], TABLES[4:])
bound = mostly(GOOD_BOUNDS, BAD_BOUNDS)
value = mostly(GOOD_VALUES, BAD_VALUES)


@st.composite
def selects(draw: st.DrawFn, depth: int = 2) -> str:
    """A SELECT in the shape that analysts write, mostly right in its tables, bounds and functions."""
    source = draw(base) if depth == 0 or draw(st.booleans()) else f"({draw(selects(depth=depth - 1))})"
    parts = [f"SELECT {', '.join(draw(st.lists(value, min_size=1, max_size=3)))} FROM {source} AS t"]
    if draw(st.integers(0, 3)) == 0:
        side = draw(st.sampled_from(["JOIN", "LEFT JOIN", "FULL JOIN"]))
        other = draw(bound).replace("t.", "u.").replace(", t)", ", u)")
        parts.append(f"{side} {draw(base)} AS u ON t.a = u.a AND {other}")
    conditions = draw(st.lists(value, max_size=2))
    if draw(st.integers(0, 5)):
        conditions.append(draw(bound))
    if depth and draw(st.integers(0, 3)) == 0:
        conditions.append(f"eventName IN ({draw(selects(depth=depth - 1))})")
    if conditions:
        conditions = draw(st.permutations(conditions))
        parts.append("WHERE " + (" OR " if draw(st.integers(0, 19)) == 0 else " AND ").join(conditions))
    parts.append(draw(st.sampled_from(["", "", "GROUP BY 1", "ORDER BY 1 DESC", "QUALIFY x > 1"])))
    parts.append(draw(mostly(["", "", "LIMIT 5", "LIMIT 5000"], ["LIMIT NULL"])))
    return " ".join(part for part in parts if part)


@st.composite
def statements(draw: st.DrawFn) -> str:
    """A whole statement: CTEs, set operations, and at times a flaw of syntax."""
    text = draw(selects())
    if draw(st.integers(0, 3)) == 0:
        text = f"({draw(selects(depth=1))}) UNION ALL ({text})"
    if draw(st.integers(0, 3)) == 0:
        name = draw(st.sampled_from(["c1", "aws_cloudtrail"]))
        text = f"WITH {name} AS ({draw(selects(depth=1))}) {text} "
        text += draw(
            st.sampled_from(
                ["", f"UNION ALL SELECT x FROM {name}", f"UNION SELECT x FROM {name} JOIN {name} b USING (x)"]
            )
        )
    if draw(st.integers(0, 5)) == 0:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(FRAGMENTS)) + text[at:]
    return text


def attempt(text: str, *, window: TimeWindow | None = None) -> ReadOnlyQuery | None:
    """Accepted, or `None`; anything but a refusal with a code and a text fails the test."""
    try:
        return accept(text, policy=POLICY, window=window)
    except SqlRefused as error:
        refusal = error
    assert re.fullmatch(r"[a-z_]+", refusal.code)
    assert str(refusal)
    return None


def all_of(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    if isinstance(condition, exp.And):
        yield from all_of(condition.this)
        yield from all_of(condition.expression)
    elif isinstance(condition, exp.Paren):
        yield from all_of(condition.this)
    elif condition is not None:
        yield condition


def has_lower_bound(select: exp.Select) -> bool:
    """Whether a condition that must hold keeps a time column above something."""
    conditions = [select.args["where"].this] if select.args.get("where") else []
    conditions += [join.args["on"] for join in select.args.get("joins") or [] if join.args.get("on")]
    for part in (part for condition in conditions for part in all_of(condition)):
        text = part.sql(dialect="snowflake")
        if isinstance(part, exp.GT | exp.GTE | exp.Between | exp.EQ) and re.match(
            r"(\w+\.)?p_(event|parse)_time\b", text
        ):
            return True
    return False


def check(query: ReadOnlyQuery) -> None:
    """What must be true of every statement that is sent, in any lake's dialect."""
    trees = sqlglot.parse(query.sql, dialect=query.dialect.value)
    assert len(trees) == 1
    tree = trees[0]
    assert isinstance(tree, exp.Select | exp.SetOperation)
    assert int(tree.args["limit"].expression.name) == query.limit <= POLICY.max_limit
    assert all(re.fullmatch(r"(\w+)\.public\.\w+", name) for name in query.tables)
    assert {name.split(".")[0] for name in query.tables} <= POLICY.databases
    known = {name.replace(".public.", ".") if query.dialect is Dialect.ATHENA else name for name in query.tables}
    ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        full = ".".join(part.name.lower() for part in table.parts)
        if "." not in full:
            assert full in ctes
            continue
        assert full in known
        if not full.startswith("panther_lookups."):
            assert isinstance(table.parent, exp.From | exp.Join)
            select = table.find_ancestor(exp.Select)
            assert select is not None
            assert has_lower_bound(select), query.sql
    assert not tree.find(exp.Command, exp.Into, exp.Lock, exp.Placeholder, exp.Parameter)
    assert query.window is None or query.window.duration <= POLICY.max_window


@bounded
@given(st.one_of(statements(), statements(), fragments))
@example("SELECT 1")
@example("WITH c1 AS (SELECT * FROM panther_logs.public.x) SELECT * FROM c1 WHERE p_occurs_since('1 d')")
def test_whatever_is_accepted_is_one_bounded_read(text: str) -> None:
    """An accepted statement is one SELECT of allowed tables, each with a bound in its own SELECT, with a low limit."""
    query = attempt(text)
    if query is not None:
        check(query)


@settings(deadline=None, database=None, max_examples=50)
@given(statements(), st.sampled_from([Dialect.DATABRICKS, Dialect.ATHENA]))
def test_whatever_is_translated_is_the_same_bounded_read(text: str, dialect: Dialect) -> None:
    """For every lake: one SELECT, of the tables that Snowflake's form reads, with a bound in each, and the limit."""
    query = attempt(text, window=WINDOW)
    if query is None:
        return
    try:
        translated = in_dialect(query, dialect, now=NOW)
    except SqlRefused as error:
        refusal = error
    else:
        check(translated)
        assert (translated.limit, translated.tables, translated.window) == (query.limit, query.tables, query.window)
        assert not re.search(r"p_occurs_|\{\{|\{%|--|CURRENT_TIMESTAMP", translated.sql, re.IGNORECASE)
        return
    assert refusal.code in {"dialect", "size"}
    assert re.search(r"\b(write|use|cast|name|put|join|sort|needs|takes)\b", str(refusal))


@bounded
@given(statements())
def test_adding_bounds_keeps_the_promise(text: str) -> None:
    """The same holds where missing bounds are added, and more is accepted then."""
    query = attempt(text, window=WINDOW)
    if query is not None:
        check(query)
    elif attempt(text) is not None:
        raise AssertionError(f"accepted without a window only: {text}")


@bounded
@given(st.one_of(statements(), fragments), st.booleans())
def test_the_guard_accepts_its_own_output_unchanged(text: str, inject: bool) -> None:
    """Reading an emitted statement again gives the same statement, window and limit, with nothing left to change."""
    query = attempt(text, window=WINDOW if inject else None)
    if query is not None:
        again = attempt(query.sql)
        assert again is not None
        assert (again.sql, again.window, again.limit) == (query.sql, query.window, query.limit)
        assert again.notes == ()


@settings(deadline=None, database=None, max_examples=250)
@given(st.one_of(fragments, st.text(max_size=200), fragments.map(lambda text: "SELECT " + text)))
@example("SELECT " + "object_construct(" * 20)
@example("SELECT " + "a like any (" * 30 + "1" + ")" * 30)
@example("SELECT " + "interval " * 8 + "1")
@example("SELECT * FROM " + "table(flatten(" * 15 + "x" + "))" * 15)
@example("SELECT '{{" + "{%" * 9000)
@example("SELECT 1 FROM a.b.c WHERE p_event_time > DATEADD(year, -999999999999, CURRENT_DATE)")
@example("SELECT 1 FROM panther_logs.public.c WHERE p_occurs_since(999999999w)")
@example("SELECT 1 FROM panther_logs.public.c WHERE p_occurs_around('0001-01-01', '99999 w')")
@example("SELECT 1 FROM panther_logs.public.c WHERE p_event_time > '9999-12-31' AND p_event_time::date <= '9999-12-31'")
def test_any_text_is_accepted_or_refused(text: str) -> None:
    """No text raises anything but a refusal."""
    attempt(text)
    attempt(text, window=WINDOW)


TEMPLATE = QueryTemplate.parse(
    "SELECT a FROM panther_logs.public.aws_cloudtrail WHERE b = :one AND c IN (:many) AND ARRAYS_OVERLAP(d, :many)",
    parameters={"one": ParameterType.STRING, "many": ParameterType.STRINGS},
)
texts = st.text(st.characters(codec="utf-8"), max_size=60) | st.sampled_from(["'", "\\", "\\'", "''", "{{x}}", "--", "p_occurs_since('1 d')", "\x00"])  # fmt: skip


@bounded
@given(texts, st.lists(texts, min_size=1, max_size=4))
@example("\\x41\\u0041\\101", ["$$", "\\\\"])
@example("\U000e0041\ufeff\u2028\ue000", ["\u00a0"])
def test_a_bound_string_is_exactly_that_string(one: str, many: list[str]) -> None:
    """Any text that is bound to a template is, to a parser of the emitted statement, exactly that text."""
    query = TEMPLATE.bind({"one": one, "many": many}, window=WINDOW, limit=10, now=NOW)
    tree = sqlglot.parse_one(query.sql, dialect="snowflake")
    found = [
        node.name for node in tree.find_all(exp.Literal) if node.is_string and not node.find_ancestor(exp.GTE, exp.LTE)
    ]
    assert sorted(found) == sorted([one, *many, *many])
    assert {type(node) for node in tree.find_all(exp.Query)} == {exp.Select}
    assert not re.search(r"p_occurs_|p_current_timestamp|\{\{|\{%|--", query.sql, re.IGNORECASE)
