"""The SQL guard on our own hostile and benign statements, and what it changes in the benign ones."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.domain.sql.statements import (
    BENIGN,
    DAY,
    HOSTILE,
    NOW,
    OKTA,
    SINCE,
    TRAIL,
    accept,
    outcome,
    refuse,
    where,
)
from triage.domain.sql import SqlPolicy, SqlRefused, parse_read_only
from triage.domain.window import TimeWindow
from triage.errors import TriageError

SNOWFLAKE = SqlPolicy(extra_schemas=frozenset({"snowflake.account_usage"}))


def test_hostile_and_broken_queries_are_refused() -> None:
    """Everything that is not one bounded read of an allowed table is refused, under a stable code."""
    assert [(code, found, text) for code, text in HOSTILE if (found := outcome(text)) != code] == []
    assert issubclass(SqlRefused, TriageError)


def is_faithful(text: str) -> bool:
    """Whether a query is accepted, bounded, and stays what it is when its emitted statement is read again."""
    query = accept(text)
    return (
        accept(query.sql).sql == query.sql
        and query.sql.startswith(("SELECT", "WITH", "(SELECT"))
        and query.limit <= SqlPolicy().max_limit
        and query.sql.endswith(f"LIMIT {query.limit}")
        and all(name.count(".") == 2 and name == name.lower() for name in query.tables)
        and (not query.tables or (query.window is not None and query.window.duration <= SqlPolicy().max_window))
    )


def test_bounded_reads_are_accepted_and_stay_what_they_are() -> None:
    """A bounded read is accepted, and reading the emitted statement again gives the same statement."""
    assert [text for text in BENIGN if outcome(text) != "accepted" or not is_faithful(text)] == []


def test_the_emitted_statement_is_written_from_the_tree() -> None:
    """Comments vanish, macros become explicit bounds, JSON paths stay readable, and the limit is added."""
    query = accept(f"""
        SELECT data:type AS kind  -- what it was
        FROM {TRAIL}
        WHERE p_occurs_since(90m) AND eventName != 'x'""")
    assert query.sql == (
        f"SELECT data:type AS kind FROM {TRAIL} WHERE p_event_time >= '2026-03-15 10:30:00' "
        "AND p_event_time <= '2026-03-15 12:00:00' AND eventName <> 'x' LIMIT 1000"
    )
    assert query.tables == (TRAIL,)
    assert query.window == TimeWindow(NOW - timedelta(minutes=90), NOW)
    assert query.notes == ()


def utc(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


WINDOWS = [
    ("p_occurs_since('1 d')", NOW - DAY, NOW),
    ("p_occurs_since(3600)", NOW - timedelta(hours=1), NOW),
    ("p_occurs_around('2026-03-14', '1 h')", utc(2026, 3, 13, 23), utc(2026, 3, 14, 1)),
    ("p_occurs_between('2021-01-01', '2021-01-02')", utc(2021, 1, 1), utc(2021, 1, 2)),
    ("p_occurs_between('2026-03-14 00:00:00 +02:00', '2026-03-14')", utc(2026, 3, 13, 22), utc(2026, 3, 14)),
    ("p_occurs_after('2026-03-14')", utc(2026, 3, 14), NOW),
    ("p_event_time >= '2026-03-01' AND p_event_time >= '2026-03-10'", utc(2026, 3, 10), NOW),
    ("p_occurs_since('30 d') AND p_event_time < '2026-03-01'", NOW - 30 * DAY, utc(2026, 3, 1)),
    ("p_event_time >= DATEADD(month, -1, CURRENT_TIMESTAMP)", utc(2026, 2, 15, 12), NOW),
    ("p_event_time >= DATE_TRUNC('week', CURRENT_TIMESTAMP)", utc(2026, 3, 9), NOW),
    ("p_event_time::date = '2026-03-14'", utc(2026, 3, 14), utc(2026, 3, 15)),
    ("p_event_time >= CURRENT_TIMESTAMP - INTERVAL '7 days'", NOW - 7 * DAY, NOW),
    ("p_event_time >= '2027-01-01'", utc(2027, 1, 1), utc(2027, 1, 1)),
]  # fmt: skip


def test_the_window_is_what_the_condition_means() -> None:
    """The window is the intersection of the bounds, with the present as the end where none is written."""
    for condition, start, end in WINDOWS:
        assert accept(where(condition)).window == TimeWindow(start, end), condition


def test_the_window_spans_all_tables() -> None:
    """With several tables the window reaches from the earliest start to the latest end."""
    query = accept(
        f"WITH old AS (SELECT * FROM {TRAIL} WHERE p_occurs_between('2026-02-01', '2026-03-01')) "
        f"SELECT * FROM {OKTA} WHERE p_occurs_since('1 d') AND eventType NOT IN (SELECT eventName FROM old)"
    )
    assert query.window == TimeWindow(datetime(2026, 2, 1, tzinfo=UTC), NOW)
    assert query.tables == (TRAIL, OKTA)


WINDOW = TimeWindow(NOW - 3 * DAY, NOW - 2 * DAY)
LOW, HIGH = "'2026-03-12 12:00:00'", "'2026-03-13 12:00:00'"


IN_WINDOW = f"p_event_time >= {LOW} AND p_event_time <= {HIGH}"
ADDED = [
    (f"SELECT a FROM {TRAIL}", f"SELECT a FROM {TRAIL} WHERE {IN_WINDOW} LIMIT 1000"),
    (
        f"SELECT a FROM {TRAIL} WHERE a = 1 OR b = 2",
        f"SELECT a FROM {TRAIL} WHERE (a = 1 OR b = 2) AND {IN_WINDOW} LIMIT 1000",
    ),
    (  # The optional side of a LEFT JOIN is bounded in ON.
        f"SELECT a FROM {TRAIL} t LEFT JOIN {OKTA} o ON t.a = o.a WHERE p_occurs_since('1 d', t)",
        f"SELECT a FROM {TRAIL} AS t LEFT JOIN {OKTA} AS o ON t.a = o.a AND o.p_event_time >= {LOW} "
        f"AND o.p_event_time <= {HIGH} WHERE t.p_event_time >= '2026-03-14 12:00:00' "
        "AND t.p_event_time <= '2026-03-15 12:00:00' LIMIT 1000",
    ),
    (
        f"SELECT a FROM (SELECT * FROM {TRAIL}) WHERE a IN (SELECT b FROM {OKTA})",
        f"SELECT a FROM (SELECT * FROM {TRAIL} WHERE {IN_WINDOW}) WHERE a IN "
        f"(SELECT b FROM {OKTA} WHERE {IN_WINDOW}) LIMIT 1000",
    ),
]


def test_a_missing_bound_is_added_where_the_window_is_known() -> None:
    """A table without a bound gets the known window, in a place that leaves the query's meaning alone."""
    for text, expected in ADDED:
        query = accept(text, window=WINDOW)
        assert query.sql == expected
        assert query.notes
        assert all("time bound added" in note for note in query.notes)


def test_no_bound_is_added_beside_a_right_or_full_join() -> None:
    """There a condition in WHERE or ON would change which rows are kept, so the author is asked."""
    for side in ("RIGHT", "FULL"):
        assert refuse(f"SELECT a FROM {TRAIL} t {side} JOIN {OKTA} o ON t.a = o.a", window=WINDOW).code == "unbounded"


def test_lookup_tables_need_no_bound_and_get_none() -> None:
    """An enrichment table is read whole: a bound would hide entries that are still valid."""
    query = accept("SELECT * FROM panther_lookups.public.known_hosts", window=WINDOW)
    assert "p_event_time" not in query.sql
    assert query.window is None
    strict = SqlPolicy(unbounded=frozenset())
    assert refuse("SELECT * FROM panther_lookups.public.known_hosts", policy=strict).code == "unbounded"


def test_a_long_range_with_both_ends_is_narrowed_and_says_so() -> None:
    """A written range longer than the policy allows is narrowed to its end; beyond `narrow_up_to` it is refused."""
    query = accept(where("p_occurs_between('2024-04-14', CURRENT_TIMESTAMP)"))
    assert query.window == TimeWindow(NOW - 90 * DAY, NOW)
    assert "p_event_time >= '2025-12-15 12:00:00'" in query.sql
    assert any("narrowed" in note for note in query.notes)
    assert accept(query.sql).sql == query.sql
    never = SqlPolicy(narrow_up_to=timedelta())
    assert refuse(where("p_occurs_between('2024-04-14', CURRENT_TIMESTAMP)"), policy=never).code == "window"


def test_a_fixed_start_is_a_matter_of_policy() -> None:
    """An open window from a date long ago is refused, or narrowed where the operator allows fixed starts."""
    text = where("p_event_time >= TIMESTAMP '2025-11-01 03:00:00'")
    assert refuse(text).code == "window"
    assert accept(text, policy=SqlPolicy(allow_fixed_start=True)).window == TimeWindow(NOW - 90 * DAY, NOW)
    assert accept(where("p_event_time >= '2026-03-01'")).window is not None


def test_a_bound_in_one_branch_can_be_applied_to_all() -> None:
    """Where the policy allows it, the bound of one OR branch covers the whole condition."""
    text = where("eventName = 'a' OR eventName = 'b' AND p_occurs_since('1 d')")
    assert refuse(text).code == "unbounded"
    query = accept(text, policy=SqlPolicy(hoist_or_bounds=True))
    assert query.window == TimeWindow(NOW - DAY, NOW)
    assert re.search(r"WHERE \(.* OR .*\) AND p_event_time >= '2026-03-14 12:00:00'", query.sql)
    assert any("OR branch" in note for note in query.notes)


def test_limits_are_clamped_and_added() -> None:
    """A higher limit is lowered with a note, a missing one is added, a lower one stays."""
    assert accept(where(f"{SINCE} LIMIT 7")).limit == 7
    assert accept(where(SINCE)).limit == 1000
    assert accept(where(f"{SINCE} LIMIT 100 OFFSET 100")).sql.endswith(" LIMIT 100 OFFSET 100")
    clamped = accept(where(f"{SINCE} LIMIT 1000000"), policy=SqlPolicy(max_limit=50))
    assert (clamped.limit, clamped.notes) == (50, ("LIMIT 1000000 was lowered to 50",))
    union = accept(f"{where(SINCE)} LIMIT 5 UNION ALL {where(SINCE)}".replace(" LIMIT 5", ""))
    assert union.sql.endswith(" LIMIT 1000")


def test_the_operators_own_schemas_are_opened_by_policy() -> None:
    """An extra schema is readable once it is listed, bounded by its own time columns."""
    for text in (
        "SELECT user_name FROM snowflake.account_usage.login_history WHERE p_occurs_since(1d, , event_timestamp)",
        "SELECT start_time AS p_event_time, query_text FROM snowflake.account_usage.query_history WHERE p_occurs_since('1 d')",
        "SELECT 1 FROM snowflake.account_usage.login_history WHERE DATEDIFF(HOUR, event_timestamp, CURRENT_TIMESTAMP) < 24",
    ):
        assert refuse(text).code == "schema"
        assert accept(text, policy=SNOWFLAKE).tables[0].startswith("snowflake.account_usage.")
    for text in (
        "SELECT * FROM snowflake.account_usage.users",
        "SELECT CURRENT_TIMESTAMP AS p_event_time FROM snowflake.account_usage.query_history WHERE p_occurs_since('1 d')",
        "SELECT 1 FROM snowflake.account_usage.users WHERE password_age >= '2026-03-14'",
        "SELECT CURRENT_TIMESTAMP AS start_time FROM snowflake.account_usage.users WHERE start_time > CURRENT_DATE",
        "SELECT 1 FROM snowflake.account_usage.users u, (SELECT CURRENT_TIMESTAMP AS created_on) c "
        "WHERE created_on > CURRENT_DATE",
    ):
        assert refuse(text, policy=SNOWFLAKE).code == "unbounded"
        assert refuse(text, policy=SNOWFLAKE, window=WINDOW).code == "unbounded"


def test_a_refusal_says_where_and_what_to_write() -> None:
    """The message carries the line of the author's text, comments and macros included, and a remedy."""
    error = refuse(f"SELECT a -- first\n/* two\nlines */\nFROM {TRAIL} t\nWHERE p_occurs_since(\n1 hour, o)")
    assert error.line == 4
    assert str(error).startswith("line 4: ")
    assert "p_occurs_since('1 d')" in str(error)
    assert refuse(f"SELECT a\nFROM {TRAIL}\nWHERE a = 'x").line == 3
    assert refuse(f"SELECT a\nFROM {TRAIL}\nWHERE {SINCE} AND AND b").line == 3


def test_a_text_that_looks_like_a_command_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The SQL library would log the beginning of the query; queries have no place in logs."""
    refuse("WITH a AS (SET secret = 1) SELECT 1")
    refuse("WITH a AS (FETCH secret) SELECT 1")
    assert caplog.records == []


def test_nesting_that_people_write_is_accepted() -> None:
    """The limits on forms that are slow to read leave room for real queries."""
    accept(where(SINCE).replace("eventName", "REPLACE(" * 7 + "eventName" + ", 'a', 'b')" * 7))
    accept(where(SINCE).replace("eventName", "COALESCE(" * 25 + "eventName" + ", 'a')" * 25))
    accept(where(SINCE).replace("eventName", "IFF(a, 1, " * 20 + "eventName" + ")" * 20))
    joins = " ".join(f"JOIN panther_lookups.public.x t{n} ON t{n}.a = t.a" for n in range(20))
    accept(f"SELECT 1 FROM {TRAIL} t {joins} WHERE {SINCE}")


def test_panther_finds_nothing_of_its_own_in_the_strings() -> None:
    """A macro, a template or a pragma comment in a string is escaped, and the string means the same."""
    query = accept(where(SINCE + r" AND a = 'p_occurs_since(1) {\x7b x }} -- pragma: template' AND b = '\u202e'"))
    assert "p_occurs_since" not in query.sql
    assert "{{" not in query.sql
    assert "--" not in query.sql
    assert query.sql.isascii()
    assert r"'\x70_occurs_since(1) \x7b{ x }} \x2d- pragma: template'" in query.sql
    assert accept(query.sql).sql == query.sql


def test_the_present_must_have_a_zone() -> None:
    """A naive clock is a programming error, not a refusal of the query."""
    with pytest.raises(ValueError, match="aware"):
        parse_read_only("SELECT 1", now=datetime(2026, 3, 15))  # noqa: DTZ001  (what is under test)


def test_a_window_wider_than_the_policy_is_not_added() -> None:
    """An injected window is held to the same limit as a written one."""
    assert refuse(f"SELECT a FROM {TRAIL}", window=TimeWindow(NOW - 100 * DAY, NOW)).code == "window"
