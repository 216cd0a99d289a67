"""Playbook queries: typed values bound as nodes of the tree."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
import sqlglot
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from tests.unit.domain.sql.statements import NOW, TRAIL, WINDOW, accept
from triage.domain.sql import (
    ParameterType,
    ParameterValue,
    QueryTemplate,
    SqlPolicy,
    SqlRefused,
    syntax,
)
from triage.domain.sql.template import copy_of
from triage.domain.window import TimeWindow


def make(text: str, **parameters: str) -> QueryTemplate:
    return QueryTemplate.parse(text, parameters={name: ParameterType(kind) for name, kind in parameters.items()})


def bind(template: QueryTemplate, values: Mapping[str, ParameterValue] | None = None, *, limit: int = 50) -> str:
    return template.bind(values or {}, window=WINDOW, limit=limit, now=NOW).sql


def test_every_type_of_value_is_bound() -> None:
    """Strings, lists, times, numbers and a table's name each become the right kind of node."""
    template = make(
        "SELECT data:type AS kind FROM panther_logs.public.:table WHERE p_occurs_between(:start, :end) "
        "AND userIdentity:arn = :arn AND ARRAYS_OVERLAP(p_any_ip_addresses, :ips) AND ip IN (:ips) AND ip NOT IN :ips "
        "AND ARRAY_CONTAINS(:arn::VARIANT, p_any_aws_arns) AND n >= :n AND published < :at LIMIT :limit",
        table="identifier",
        arn="string",
        ips="strings",
        n="integer",
        at="timestamp",
    )
    values: dict[str, ParameterValue] = {"table": "aws_cloudtrail", "arn": "a'b", "ips": ["1", "2"], "n": -3, "at": NOW}
    assert bind(template, values) == (
        f"SELECT data:type AS kind FROM {TRAIL} WHERE p_event_time >= '2026-03-12 12:00:00' AND p_event_time <= "
        r"'2026-03-15 12:00:00' AND userIdentity:arn = 'a\'b' AND ARRAYS_OVERLAP(p_any_ip_addresses, ['1', '2']) "
        r"AND ip IN ('1', '2') AND NOT ip IN ('1', '2') AND ARRAY_CONTAINS(CAST('a\'b' AS VARIANT), p_any_aws_arns) "
        "AND n >= -3 AND published < CAST('2026-03-15 12:00:00' AS TIMESTAMPNTZ) LIMIT 50"
    )


def test_a_template_without_bounds_gets_the_window_and_the_limit() -> None:
    """`:start`, `:end` and `:limit` may be left out: the window and the limit apply in any case."""
    query = make(f"SELECT a FROM {TRAIL} WHERE b = :b", b="string").bind({"b": "x"}, window=WINDOW, limit=20, now=NOW)
    assert query.window == WINDOW
    assert query.limit == 20
    assert query.tables == (TRAIL,)


def test_the_smaller_limit_wins() -> None:
    """A template's own LIMIT, the asked one and the policy's are all upper limits."""
    own = make(f"SELECT a FROM {TRAIL} LIMIT 10")
    assert bind(own, limit=50).endswith("LIMIT 10")
    assert bind(own, limit=5).endswith("LIMIT 5")
    assert bind(make(f"SELECT a FROM {TRAIL} LIMIT :limit"), limit=5000).endswith("LIMIT 1000")


def test_times_reach_back_from_the_window() -> None:
    """A history question is bounded relative to the window's ends."""
    template = make(f"SELECT a FROM {TRAIL} WHERE p_event_time >= DATEADD(day, -30, :start) AND p_event_time < :start")
    query = template.bind({}, window=WINDOW, limit=5, now=NOW)
    assert query.window == TimeWindow(WINDOW.start - timedelta(days=30), WINDOW.start)


def test_the_offset_of_a_macro_may_be_a_number_of_seconds() -> None:
    """An integer parameter serves as the offset of `p_occurs_since`."""
    sql = bind(make(f"SELECT a FROM {TRAIL} WHERE p_occurs_since(:b)", b="integer"), {"b": 3600})
    assert "p_event_time >= '2026-03-15 11:00:00'" in sql


def test_a_template_is_filled_any_number_of_times() -> None:
    """Binding leaves the template as it was."""
    template = make(f"SELECT a FROM {TRAIL} WHERE b IN (:b)", b="strings")
    first = bind(template, {"b": ["x"]})
    assert bind(template, {"b": ["y", "z"]}) != first
    assert bind(template, {"b": ["x"]}) == first


REFUSED_AT_LOAD: list[tuple[str, int | None, str, dict[str, str]]] = [
    ("parameter", 2, f"SELECT a FROM {TRAIL}\nWHERE b = :b", {}),
    ("parameter", None, f"SELECT a FROM {TRAIL}", {"b": "string"}),
    ("parameter", None, f"SELECT a FROM {TRAIL} WHERE b = :b", {"b": "string", "start": "timestamp"}),
    ("parameter", None, f"SELECT a FROM {TRAIL} WHERE b = :b", {"b": "string", "Bad Name": "string"}),
    ("parameter", 2, f"SELECT a FROM {TRAIL}\nWHERE t.:b = 1", {"b": "string"}),
    ("parameter", 1, "SELECT a FROM panther_logs.public.:b", {"b": "string"}),
    ("schema", 2, "SELECT a\nFROM secrets.public.b", {}),
    ("schema", 3, "SELECT a\nFROM\n:b.public.c", {"b": "identifier"}),
    ("function", 3, f"SELECT a,\n\nmy_function(b) FROM {TRAIL}", {}),
    ("multi_statement", 2, f"SELECT a FROM {TRAIL};\nSELECT 1", {}),
    ("not_select", 1, f"DELETE FROM {TRAIL} WHERE b = :b", {"b": "string"}),
    ("syntax", 2, f"SELECT a FROM {TRAIL}\nWHERE AND b = :b", {"b": "string"}),
    ("window", 1, f"SELECT a FROM {TRAIL} WHERE p_event_time >= '2020-01-01'", {}),
    ("unbounded", 1, f"SELECT a FROM {TRAIL} x FULL JOIN {TRAIL} y ON x.a = y.a", {}),
    ("limit", None, f"SELECT a FROM {TRAIL} LIMIT :b", {"b": "string"}),
    ("macro", None, f"SELECT a FROM {TRAIL} WHERE p_occurs_since(:b)", {"b": "string"}),
]


def test_a_bad_template_is_refused_at_load() -> None:
    """What isn't one bounded read once it is filled is refused when it is loaded, with its line."""
    for code, line, text, parameters in REFUSED_AT_LOAD:
        with pytest.raises(SqlRefused) as caught:
            make(text, **parameters)
        assert (caught.value.code, caught.value.line) == (code, line), text


WRONG_VALUES: list[tuple[str, ParameterValue]] = [
    ("string", 1),
    ("string", ["x"]),
    ("string", "\ud800"),
    ("strings", "x"),
    ("strings", []),
    ("strings", [1]),  # type: ignore[list-item]  # what is under test
    ("integer", "1"),
    ("integer", True),
    ("timestamp", "2026-03-01"),
    ("timestamp", datetime(2026, 3, 1)),  # noqa: DTZ001  (what is under test)
    ("identifier", "A"),
    ("identifier", "a; DROP TABLE b"),
    ("identifier", "a b"),
    ("identifier", ""),
    ("identifier", "1a"),
]


def test_a_value_of_the_wrong_type_is_refused() -> None:
    """No value is converted on the way: a wrong type is a refusal that names the parameter."""
    for kind, value in WRONG_VALUES:
        text = "SELECT a FROM panther_logs.public.:b" if kind == "identifier" else f"SELECT a FROM {TRAIL} WHERE x = :b"
        with pytest.raises(SqlRefused, match=":b") as caught:
            bind(make(text, b=kind), {"b": value})
        assert caught.value.code == "parameter", (kind, value)


def test_missing_and_unknown_values_are_refused() -> None:
    """Exactly the declared parameters must be given."""
    template = make(f"SELECT a FROM {TRAIL} WHERE x = :b", b="string")
    for values in ({}, {"b": "x", "c": "y"}):
        with pytest.raises(SqlRefused, match="missing or unknown"):
            bind(template, values)


def test_a_value_can_not_leave_its_string() -> None:
    """A value full of syntax is one string of the emitted statement, however it tries to escape."""
    template = make(f"SELECT a FROM {TRAIL} WHERE b = :b", b="string")
    for value in (
        "' OR 1=1; DROP TABLE x --",
        "\\' OR 1=1 --",
        "\\",
        "''",
        "$$ || (SELECT 1) || $$",
        "/* */ -- pragma: template\n{% import 'x' %}{{ y }}",
        "p_occurs_since('9999 d')",
        "\x00\x1b[2J\u202e\u2028\ufeff\U000e0041",
        "Zoë “😀”",
    ):
        sql = bind(template, {"b": value})
        found = sqlglot.parse_one(sql, dialect="snowflake").find_all(exp.EQ)
        assert [node.expression.name for node in found] == [value]
        assert [odd for odd in ("p_occurs_", "{{", "--", *"\x00\u202e\u2028\ufeff") if odd in sql] == []


def test_a_colon_that_touches_its_column_is_a_json_path() -> None:
    """`column:name` stays a path even where a parameter of that name exists; `= :name` is the parameter."""
    template = make(f"SELECT actor:email, x[0]:email FROM {TRAIL} WHERE actor:email = :email", email="string")
    assert bind(template, {"email": "e"}).startswith(
        f"SELECT actor:email, GET_PATH(x[0], 'email') FROM {TRAIL} WHERE actor:email = 'e' AND"
    )


def test_a_filled_template_passes_the_guard_like_any_query() -> None:
    """The bound statement is itself a query that the guard accepts unchanged."""
    sql = bind(make(f"SELECT a FROM {TRAIL} WHERE b = :b", b="string"), {"b": "it's {{x}}"})
    assert accept(sql).sql.replace("LIMIT 1000", "LIMIT 50") == sql


def test_a_narrow_policy_also_holds_at_load() -> None:
    """A policy whose windows are shorter than a day still loads templates."""
    policy = SqlPolicy(max_window=timedelta(hours=6))
    template = QueryTemplate.parse(f"SELECT a FROM {TRAIL} WHERE p_occurs_between(:start, :end)", policy=policy)
    with pytest.raises(SqlRefused) as caught:
        template.bind({}, window=TimeWindow(NOW - timedelta(days=2000), NOW), limit=5, now=NOW)
    assert caught.value.code == "window"


SHAPE_TEXT = f"SELECT a FROM {TRAIL} WHERE b = :one AND c IN (:many) AND d >= :number LIMIT :limit"
SHAPE_TYPES = {"one": "string", "many": "strings", "number": "integer"}
SEASONED = make(SHAPE_TEXT, **SHAPE_TYPES)
"""Filled many times, so that it knows the shapes."""


@settings(deadline=None, database=None, max_examples=40)
@given(
    st.text(st.characters(codec="utf-8"), max_size=30),
    st.lists(st.text(max_size=10).filter(lambda text: text.isprintable()), min_size=1, max_size=6),
    st.integers(-(10**12), 10**12),
    st.integers(1, 2000),
)
@example("'", ["\\"], 0, 1)
def test_a_statement_of_a_known_shape_is_what_a_first_one_would_be(
    one: str, many: list[str], number: int, limit: int
) -> None:
    """Only new shapes are read back; the statement is the same as from a template that has seen none."""
    values: dict[str, ParameterValue] = {"one": one, "many": many, "number": number}
    seasoned, fresh = (
        template.bind(values, window=WINDOW, limit=limit, now=NOW)
        for template in (SEASONED, make(SHAPE_TEXT, **SHAPE_TYPES))
    )
    assert seasoned == fresh


def test_a_copied_tree_is_the_library_s_own_copy() -> None:
    """Node for node, with parents, places and the lines of names; and nothing of the copy is the original's."""
    text = f"""WITH a AS (SELECT x, COUNT(*) AS n FROM {TRAIL} AS t
        WHERE p_event_time BETWEEN '2026-03-01' AND '2026-03-02' AND d:k.l[0] IN ('a', 'b')
        GROUP BY 1) SELECT x::VARCHAR AS y, CASE WHEN n > 1 THEN 'm' END AS z FROM a
        LEFT JOIN panther_logs.public.okta AS o ON o.i = a.x ORDER BY 1 DESC LIMIT 5"""
    tree = syntax.parse(text)
    copied, names = copy_of(tree)
    theirs = tree.copy()

    assert copied == theirs
    assert names == list(copied.find_all(exp.Identifier))
    pairs = list(zip(copied.walk(), theirs.walk(), tree.walk(), strict=True))
    assert len(pairs) > 50
    for mine, other, original in pairs:
        assert mine is not original
        assert (type(mine), mine.arg_key, mine.index) == (type(other), other.arg_key, other.index)
        assert (mine.meta, mine.comments or [], mine.type) == (other.meta, other.comments or [], other.type)
        assert (mine.parent is None) is (other.parent is None)
    assert all(child.parent is node for node in copied.walk() for child in node.iter_expressions())
    assert syntax.emit(copied) == syntax.emit(theirs)
