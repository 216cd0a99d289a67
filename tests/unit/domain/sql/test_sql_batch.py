"""Several queries in one statement: what is built, and how its rows are split again."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from triage.domain.sql import QueryTemplate, SqlRefused, parse_read_only
from triage.domain.sql.batch import batch_queries, split_batch
from triage.domain.window import TimeWindow

NOW = datetime(2031, 3, 5, 15, tzinfo=UTC)
ONE = """SELECT p_log_type AS log_type, COUNT(*) AS times FROM panther_logs.public.okta_systemlog
    WHERE p_event_time BETWEEN '2031-03-01' AND '2031-03-02' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20"""
FROM = "FROM panther_logs.public.okta_systemlog WHERE p_event_time BETWEEN :start AND :end"


COLUMNS_AND_ORDER: list[tuple[str, tuple[str, ...], tuple[tuple[int, bool], ...]]] = [
    (f"SELECT COALESCE(a, ', b AS c') AS x, COUNT(*) AS n {FROM} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT :limit", ("x", "n"), ((1, True), (0, False))),
    (f"SELECT a AS x {FROM} ORDER BY x LIMIT :limit", ("x",), ()),
    (f"SELECT a AS x {FROM} ORDER BY 2 LIMIT :limit", ("x",), ()),
    (f"SELECT a, b AS x {FROM} LIMIT :limit", (), ()),
    (f"SELECT a AS x, b AS x {FROM} LIMIT :limit", (), ()),
    (f"SELECT a AS {'x' * 64} {FROM} LIMIT :limit", (), ()),
]  # fmt: skip


def test_a_template_knows_its_columns_and_the_order_of_its_rows() -> None:
    """Both are empty where a batch could not restore them: an order by name, a column without a plain name."""
    for sql, columns, order in COLUMNS_AND_ORDER:
        template = QueryTemplate.parse(sql, tried=False)
        assert (template.columns, template.row_order) == (columns, order), sql


def test_a_batch_passes_the_guard_unchanged() -> None:
    """What is added around checked queries is itself one bounded read of the same tables."""
    query = parse_read_only(ONE, now=NOW)
    batch = batch_queries([(query, ("log_type", "times"))] * 3)

    again = parse_read_only(batch.sql, now=NOW)
    assert again.sql == batch.sql
    assert again.tables == batch.tables == query.tables
    assert (again.limit, again.window) == (batch.limit, query.window)


def test_only_plain_column_names_are_batched() -> None:
    """Whatever could mean something else in SQL is refused."""
    query = parse_read_only(ONE, now=NOW)

    for name in ("", "a b", 'a"', "a'", "A", "1a", "a;", "a" * 70):
        with pytest.raises(SqlRefused):
            batch_queries([(query, (name,))])


VALUES = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=20)
ROWS = st.lists(st.tuples(st.integers(0, 2), st.fixed_dictionaries({"a": VALUES, "b": VALUES})), max_size=20)


@given(ROWS)
def test_splitting_a_batch_loses_and_mixes_nothing(rows: list[tuple[int, dict[str, JsonValue]]]) -> None:
    """Each row goes to its question, NULL columns included, whether the lake gives text or an object."""
    sent: list[dict[str, JsonValue]] = []
    for number, row in rows:
        answer: dict[str, JsonValue] = {name: value for name, value in row.items() if value is not None}
        sent.append({"QUESTION": str(number), "ANSWER": json.dumps(answer) if number else answer})

    split = split_batch(sent, [("a", "b")] * 3)

    assert [list(part) for part in split] == [[row for number, row in rows if number == place] for place in range(3)]


def test_rows_of_another_shape_are_an_error() -> None:
    """The caller then asks the questions one by one."""
    for row in (
        {},
        {"question": "5", "answer": "{}"},
        {"question": "x", "answer": "{}"},
        {"question": "0", "answer": "[]"},
        {"question": "0", "answer": '{"a":' + "[" * 100_000 + "]" * 100_000 + "}"},
    ):
        with pytest.raises(ValueError, match=r"question|row"):
            split_batch([row], [("a",)])


def test_the_window_of_a_batch_spans_all_its_queries() -> None:
    """It starts with the earliest and ends with the latest."""
    first = parse_read_only(ONE, now=NOW)
    later = replace(first, window=TimeWindow(NOW - timedelta(days=1), NOW))

    batch = batch_queries([(first, ("a",)), (later, ("a",))])

    assert first.window is not None
    assert batch.window == TimeWindow(first.window.start, NOW)
