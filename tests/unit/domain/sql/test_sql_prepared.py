"""A template bound again gives what the whole way through the guard gives: the statement, its windows, or the refusal."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.shared import ROOT, shared_lines
from tests.unit.domain.sql.statements import NOW, WINDOW
from triage.domain.sql import ParameterType, ParameterValue, QueryTemplate, ReadOnlyQuery, SqlPolicy, SqlRefused
from triage.domain.window import TimeWindow
from triage.logtypes import shipped_log_types
from triage.stages.enrichment.playbooks import load_playbooks

TRAIL = "panther_logs.public.aws_cloudtrail"
EVERY_PLACE = (
    "SELECT a, COUNT_IF(p_event_time >= :since AND TO_DATE(p_event_time) >= TO_DATE(:since)) AS n, "
    f"MAX(CASE WHEN a IN (:many) THEN 1 ELSE 0 END) AS m FROM {TRAIL} "
    "WHERE p_event_time BETWEEN :start AND :end AND b = :one AND c IN (:many) AND ARRAYS_OVERLAP(d, :more) "
    "AND LOWER(e) LIKE :one ESCAPE '!' AND f RLIKE :one "
    "GROUP BY 1 ORDER BY 2 DESC LIMIT :limit"
)
TYPES = {
    "one": ParameterType.STRING,
    "many": ParameterType.STRINGS,
    "more": ParameterType.STRINGS,
    "since": ParameterType.TIMESTAMP,
}
PLAIN: Mapping[str, ParameterValue] = {"one": "x", "many": ("x", "y"), "more": ("z",), "since": WINDOW.start}
HOSTILE = (
    "'",
    "\\",
    "\\'",
    "''",
    "x' OR 1=1 --",
    "{{x}}",
    "{%x%}",
    "-- pragma: template",
    "/* x */",
    "$$",
    ";",
    "p_occurs_since('1 d')",
    "\x00",
    "\x001\x00",
    "\x01",
    "\n",
    "\u202e",
    "\u2028",
    "\ud800",
    "\U000e0041",
    ", ",
    "', '",
    "",
    "%",
    "!",
    "x" * 20_001,
)


def whole_way(template: QueryTemplate) -> QueryTemplate:
    """The same template, which has kept nothing."""
    return replace(template, _prepared={}, _proven=set())


def outcome(bind: Callable[[], ReadOnlyQuery]) -> ReadOnlyQuery | tuple[str, str]:
    """The query, or the refusal's code and words."""
    try:
        return bind()
    except SqlRefused as error:
        return error.code, str(error)


def check_same(
    template: QueryTemplate,
    values: Mapping[str, ParameterValue],
    *,
    window: TimeWindow = WINDOW,
    limit: int = 50,
    now: datetime = NOW,
) -> None:
    """Bind both ways, and compare all that comes of it."""
    given = [
        outcome(lambda each=each: each.bind(values, window=window, limit=limit, now=now))  # type: ignore[misc]  # a bound default
        for each in (template, whole_way(template))
    ]
    assert given[0] == given[1]


def kept(text: str, types: Mapping[str, ParameterType], values: Mapping[str, ParameterValue]) -> QueryTemplate:
    """A template that has been bound once."""
    template = QueryTemplate.parse(text, parameters=types, tried=False)
    template.bind(values, window=WINDOW, limit=50, now=NOW)
    return template


TEMPLATE = kept(EVERY_PLACE, TYPES, PLAIN)
texts = st.text(st.characters(), max_size=40) | st.sampled_from(HOSTILE)
lists = st.lists(texts, min_size=1, max_size=4)
moments = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]))


@settings(deadline=None, database=None, max_examples=150)
@given(texts, lists, lists, moments, st.integers(1, 1500))
@example("x", ["x"], ["x"], datetime.max.replace(tzinfo=UTC), 1)
@example("x", ["x"] * 600, ["x"], NOW, 1000)
def test_any_values_give_what_the_guard_gives(
    one: str, many: list[str], more: list[str], since: datetime, limit: int
) -> None:
    """Strings, lists, times and limits of any kind: the same statement or the same refusal."""
    assert any(TEMPLATE._prepared.values())
    check_same(TEMPLATE, {"one": one, "many": many, "more": more, "since": since}, limit=limit)


@settings(deadline=None, database=None, max_examples=100)
@given(moments, moments, moments)
@example(NOW - timedelta(days=2000), NOW, NOW)
@example(NOW - timedelta(days=91), NOW, NOW)
@example(NOW + timedelta(days=1), NOW + timedelta(days=2), NOW)
def test_any_window_gives_what_the_guard_gives(one: datetime, other: datetime, now: datetime) -> None:
    """Windows that are read, narrowed or refused, before and after the present."""
    check_same(TEMPLATE, PLAIN, window=TimeWindow(min(one, other), max(one, other)), now=now)


@pytest.mark.parametrize(
    ("where", "values"),
    [
        pytest.param("p_event_time > :one AND b = 'x'", ("2026-03-01", "nothing"), id="a text as a time"),
        pytest.param(
            "p_event_time BETWEEN :start AND :end AND p_event_time > :one",
            ("nothing", "2026-03-14 06:00:00"),
            id="a text that may be a time",
        ),
        pytest.param("p_occurs_since(:one)", ("1 d", "2 d"), id="a macro"),
        pytest.param("p_occurs_since('1 d') AND b = :one", ("x", "y"), id="a macro that counts from the present"),
        pytest.param("p_occurs_between(:start, :end) AND b = :one", ("x", "y"), id="a macro over the window"),
        pytest.param("b = :one", ("x", "y"), id="no bound of its own"),
        pytest.param("(p_event_time > :start OR b = :one)", ("x", "y"), id="a bound within OR"),
        pytest.param(
            "p_event_time BETWEEN DATEADD(:one, -1, :start) AND :end", ("day", "year"), id="a unit within the bound"
        ),
        pytest.param("p_event_time BETWEEN :start AND :end AND GET_PATH(b, :one) = 'x'", ("c", ".."), id="a path"),
        pytest.param("p_event_time BETWEEN :start AND :end AND DATEADD(:one, 1, c) > d", ("day", "hour"), id="a unit"),
        pytest.param(
            "p_event_time BETWEEN :start AND CURRENT_TIMESTAMP AND b = :one", ("x", "y"), id="an end at the present"
        ),
        pytest.param("p_event_time::date BETWEEN :start AND :end AND b = :one", ("x", "y"), id="days"),
        pytest.param(
            "p_event_time > '2026-03-01' AND p_event_time < :end AND b = :one", ("x", "y"), id="a fixed start"
        ),
        pytest.param("p_event_time::date >= TO_DATE(:start) AND b = :one", ("x", "y"), id="a day of a parameter"),
        pytest.param("DATEDIFF(hour, p_event_time, :end) < 24 AND b = :one", ("x", "y"), id="a difference"),
    ],
)
def test_what_depends_on_values_is_seen_by_the_guard_each_time(where: str, values: tuple[str, str]) -> None:
    """Times, units, paths and macros that a value decides about: the second value is judged as if it were the first."""
    text = f"SELECT a FROM {TRAIL} WHERE {where} LIMIT :limit"
    template = QueryTemplate.parse(text, parameters={"one": ParameterType.STRING}, tried=False)
    windows = (WINDOW, TimeWindow(WINDOW.start - timedelta(days=3), WINDOW.end - timedelta(hours=1)))
    for value in (*values, *values):
        for window in windows:
            check_same(template, {"one": value}, window=window)
            check_same(template, {"one": value}, window=window, now=NOW + timedelta(days=1))


@pytest.mark.parametrize("ending", ["", "LIMIT 20", "LIMIT :limit"])
def test_the_limit_is_the_callers(ending: str) -> None:
    """A limit of the template's own, none at all, and the caller's: each is lowered as the guard lowers it."""
    template = QueryTemplate.parse(
        f"SELECT a FROM {TRAIL} WHERE p_event_time BETWEEN :start AND :end {ending}", tried=False
    )
    for limit in (50, 10, 1, 30, 1000, 2000, 0, True):
        check_same(template, {}, limit=limit)


@pytest.mark.parametrize(
    "equality",
    [
        "COALESCE(z, :one) = COALESCE(z, :two)",
        "CASE WHEN a = :one THEN z END = CASE WHEN a = :two THEN z END",
        "CASE WHEN a = :one THEN z END IN (CASE WHEN a = :two THEN z END)",
        "EQUAL_NULL(CASE WHEN a = :one THEN z END, CASE WHEN a = :two THEN z END)",
    ],
)
def test_sides_that_become_alike_are_no_equality(equality: str) -> None:
    """A join that two values turn into a comparison of a column with itself is refused, also after one that was none."""
    template = QueryTemplate.parse(
        f"SELECT x.a FROM {TRAIL} AS x JOIN {TRAIL} AS y ON x.p_event_time > y.p_event_time "
        "WHERE x.p_event_time BETWEEN :start AND :end AND y.p_event_time BETWEEN :start AND :end "
        f"AND {equality} LIMIT :limit",
        parameters={"one": ParameterType.STRING, "two": ParameterType.STRING},
        tried=False,
    )
    for two in ("y", "x", "y"):
        check_same(template, {"one": "x", "two": two})


def test_one_row_and_several_are_told_apart() -> None:
    """What is joined without an equality because it has one row is refused where the caller's limit allows more."""
    bound = "p_event_time BETWEEN :start AND :end"
    template = QueryTemplate.parse(
        f"SELECT y.a FROM (SELECT b FROM {TRAIL} WHERE {bound} LIMIT :limit) AS x JOIN {TRAIL} AS y ON y.{bound} "
        "LIMIT :limit",
        tried=False,
    )
    for limit in (1, 50, 1):
        check_same(template, {}, limit=limit)


def test_values_of_other_types_are_refused_as_ever() -> None:
    """What is no text, list or time of the declared kind has the same refusal after a good one."""
    for name, value in (("one", 1), ("one", ("x",)), ("many", "x"), ("many", ()), ("since", "x"), ("many", ("x", 1))):
        check_same(TEMPLATE, {**PLAIN, name: value})  # type: ignore[dict-item]  # on purpose
    check_same(TEMPLATE, {**PLAIN, "since": datetime(2026, 1, 1)})  # noqa: DTZ001 - on purpose
    check_same(TEMPLATE, {"one": "x"})
    with pytest.raises(ValueError, match="aware"):
        TEMPLATE.bind(PLAIN, window=WINDOW, limit=5, now=datetime(2026, 1, 1))  # noqa: DTZ001 - on purpose


def test_policies_are_kept_apart() -> None:
    """A narrower policy's template narrows and refuses by its own bounds after it has kept a statement."""
    policy = SqlPolicy(max_window=timedelta(hours=2), narrow_up_to=timedelta(), max_limit=20, max_bytes=900)
    template = QueryTemplate.parse(EVERY_PLACE, parameters=TYPES, policy=policy, tried=False)
    short = TimeWindow(NOW - timedelta(hours=2), NOW)
    for window, limit, one in (
        (short, 20, "x"),
        (short, 21, "x"),
        (WINDOW, 20, "x"),
        (short, 20, "x" * 900),
        (short, 5, "y"),
    ):
        check_same(template, {**PLAIN, "one": one}, window=window, limit=limit)


# ---- What ships --------------------------------------------------------------------------------------------------------

SHIPPED = ROOT / "prompts" / "playbooks"


def shipped_templates() -> list[QueryTemplate]:
    """The template of every shipped question, for every log type that it is asked of."""
    playbooks = load_playbooks([SHIPPED], proven=[SHIPPED])
    found: dict[str, QueryTemplate] = {}
    for log_type in [*(file.log_type for file in shipped_log_types() if file.terms), "Made.Up"]:
        for asked in playbooks.questions_for([log_type], kinds=["ip"], tags=[], detection_id="d"):
            found.setdefault(asked.template.text, asked.template)
    return list(found.values())


def check_shipped(templates: list[QueryTemplate], hostile: list[str], values_each: int) -> None:
    """Each template is kept, and gives what the guard gives for some of the hostile values, in turn."""
    turn = 0
    for template in templates:
        for size in (2, 1):
            for _ in range(values_each + 1):
                given: dict[str, ParameterValue] = {}
                for name, kind in template.parameters.items():
                    turn += 1
                    value = hostile[turn % len(hostile)]
                    several = tuple(hostile[(turn + place) % len(hostile)] for place in range(size))
                    since = NOW - timedelta(minutes=turn, microseconds=turn)
                    given[name] = {ParameterType.STRING: value, ParameterType.STRINGS: several}.get(kind, since)
                window = TimeWindow(
                    NOW - timedelta(days=1 + turn % 89, seconds=turn % 3), NOW - timedelta(minutes=turn % 50)
                )
                check_same(template, given, window=window, limit=1 + turn % 300)
        assert any(template._prepared.values()), template.text


def test_shipped_questions_with_hostile_values_give_what_the_guard_gives() -> None:
    """Every ninth question of the project, with values that try to end their literal; all of them in the slow tier."""
    check_shipped(shipped_templates()[::9], [each for each in HOSTILE if len(each) < 100 and each.isascii()], 1)


@pytest.mark.exhaustive
def test_every_shipped_question_with_every_kind_of_hostile_value_gives_what_the_guard_gives() -> None:
    """All questions, with the hostile statements and injected texts of the reference material; two to four minutes."""
    hostile = [row["sql"] for row in shared_lines("security/sql_hostile.ndjson")]
    hostile += [row["payload"] for row in shared_lines("security/injections.ndjson")]
    check_shipped(shipped_templates(), [*HOSTILE, *(text[:2000] for text in hostile)], 2)
