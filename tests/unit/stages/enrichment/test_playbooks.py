"""Playbooks: what loads, what is refused and where, and how values enter."""

from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from tests.support.shared import ROOT
from triage.domain.globs import any_glob
from triage.domain.question import offset
from triage.domain.sql import ParameterType, ParameterValue
from triage.domain.window import TimeWindow
from triage.errors import ConfigError
from triage.logtypes import shipped_log_types, table_of
from triage.stages.enrichment.playbooks import Playbooks, load_playbooks
from triage.stages.enrichment.signals.weights import WEIGHTS

SHIPPED = ROOT / "prompts" / "playbooks"
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
LOG_TYPES = [*(file.log_type for file in shipped_log_types() if file.terms), "Made.Up"]

SAMPLES: dict[ParameterType, ParameterValue] = {
    ParameterType.STRING: "a",
    ParameterType.STRINGS: ("a", "b"),
    ParameterType.TIMESTAMP: NOW,
}

QUESTION = """\
playbook: mine
log_types: [Made.Up]
questions:
  - id: who
    question: Who was it?
    parameters: [actor]
    window: {from: history, to: -1s}
    measured: true
    sql: |
      SELECT COUNT(*) AS times
      FROM {table}
      WHERE p_event_time BETWEEN :start AND :end AND name = :actor
      LIMIT :limit
"""


ASKED = """\
playbook: mine
log_types: [Made.Up]
terms:
  actor: {sql: who}
  action: {sql: LOWER(what)}
questions:
  - id: often
    question: How often does this actor do what?
    window: {from: history, to: -1s}
    ask: {ask: count}
  - id: places
    question: From where does this actor work?
    window: {from: history, to: -1s}
    ask: {ask: by address}
"""


@pytest.fixture(scope="module")
def shipped() -> Playbooks:
    """The playbooks of the project."""
    return load_playbooks([SHIPPED])


def directory(tmp_path: Path, **files: str) -> Path:
    """A directory with playbook files."""
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_every_log_type_is_asked_several_questions_and_each_becomes_one_bounded_read(shipped: Playbooks) -> None:
    """Each shipped question binds for each log type that it is asked of; its own log has at least four questions."""
    values: dict[str, ParameterValue] = {
        "actor": "a",
        "account": "1",
        "alert_id": "x",
        "detection_id": "d",
        "moment": NOW,
        "last": NOW,
        "dwell_start": NOW,
        "raised": NOW,
    }
    for log_type in LOG_TYPES:
        found = list(shipped.questions_for([log_type], kinds=[], tags=[], detection_id="d"))

        for asked in found:
            given = {name: values.get(name, ("a", "b")) for name in asked.definition.parameters}
            query = asked.template.bind(given, window=TimeWindow(NOW - timedelta(days=30), NOW), limit=10, now=NOW)
            assert query.limit <= 10
            assert f"{asked.database}.public.{asked.table}" in query.tables
        assert sum(asked.key.startswith(f"{table_of(log_type)}.") for asked in found) >= 4


def test_keys_are_unique_within_an_alert_of_several_log_types(shipped: Playbooks) -> None:
    """Evidence keys name one question each, even where an alert spans log types."""
    asked = list(shipped.questions_for(["AWS.CloudTrail", "Okta.SystemLog"], kinds=[], tags=[], detection_id=""))
    own = [entry.key for entry in asked if not entry.playbook.every_alert]

    assert len(own) == len(set(own))


def test_a_log_type_without_terms_gets_the_generic_questions_only(shipped: Playbooks) -> None:
    """A log type that no playbook knows is asked from the p_any_* fields."""
    keys = {asked.key for asked in shipped.questions_for(["Made.Up"], kinds=[], tags=[], detection_id="")}

    assert "made_up.indicator_days" in keys
    assert "made_up.action_history" not in keys


def test_questions_feed_only_signals_that_have_a_weight(shipped: Playbooks) -> None:
    """A playbook's `signals` name rules that exist, or notes on what an answer is for."""
    notes = {
        "known_caller",
        "own_accounts",
        "address_spread",
        "factor_enrolled",
        "address_signed_in",
        "target_aftermath",
        "new_credential_use",
        "shared_address",
    }
    named = {name for book in shipped.books for question in book.questions for name in question.signals}

    assert named - notes <= set(WEIGHTS)


def test_a_hostile_value_stays_one_literal(tmp_path: Path) -> None:
    """A quote in a value can't end the literal that holds it."""
    playbooks = load_playbooks([directory(tmp_path, mine=QUESTION)])
    (asked,) = playbooks.questions_for(["Made.Up"], kinds=[], tags=[], detection_id="")
    hostile = "x' OR 1=1 --"

    query = asked.template.bind({"actor": hostile}, window=TimeWindow(NOW - timedelta(days=1), NOW), limit=5, now=NOW)

    literals = [node.this for node in sqlglot.parse_one(query.sql, dialect="snowflake").find_all(exp.Literal)]
    assert hostile in literals


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (QUESTION.replace("playbook: mine", "playbook: Mine!"), "line 1: playbook: "),
        (
            QUESTION.replace("    measured: true", "    measure: true"),
            "line 8: unknown key questions.0.measure, did you mean measured? allowed here: id, question, sql",
        ),
        (QUESTION.replace("{from: history, to: -1s}", "{from: lately, to: -1s}"), "line 7: questions.0.window.from: "),
        (QUESTION.replace("[actor]", "[nobody]"), "line 6: questions.0.parameters.0: unknown parameter"),
        (QUESTION.replace("FROM {table}", "FROM {tables}"), "line 9: unknown term {tables}"),
        (QUESTION.replace("SELECT COUNT(*) AS times", "DELETE"), "question who: "),
        (QUESTION.replace("{table}", "information_schema.tables"), "question who: "),
        (QUESTION.replace("id: who\n", "id: who\n    id: what\n"), "line 5: questions.0.id is given twice; keep one"),
        (QUESTION + QUESTION.partition("questions:\n")[2], "line 14: question who is given twice"),
        ("- a\n- b\n", "line 1: "),
        ("playbook: [", "line 1: "),
        ('playbook: x\nlog_types: ["A.*"]\nterms:\n  actor: {sql: name}\n', "line 2: a playbook with terms names its"),
        ("playbook: x\nlog_types: [A.B]\nterms:\n  actor: {sql: SYSTEM$WAIT(5)}\n", "line 4: the term: "),
    ],
)
def test_a_wrong_playbook_is_refused_with_its_file_and_line(tmp_path: Path, text: str, said: str) -> None:
    """One line says which file, which line and what is wrong."""
    with pytest.raises(ConfigError) as caught:
        load_playbooks([directory(tmp_path, wrong=text)])

    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'wrong.yaml'}, line ")
    assert said in message
    assert "\n" not in message


def test_a_refused_query_is_placed_at_its_own_line(tmp_path: Path) -> None:
    """The line counts within the file, not within the query."""
    text = QUESTION.replace("WHERE p_event_time", "WHERE @stage = 1 AND p_event_time")

    with pytest.raises(ConfigError, match=r"line 12: question who: "):
        load_playbooks([directory(tmp_path, wrong=text)])


def test_a_directory_of_ones_own_adds_and_replaces(tmp_path: Path, shipped: Playbooks) -> None:
    """Playbooks of a later directory join the shipped ones; the same name takes the place of the shipped one."""
    text = QUESTION.replace("playbook: mine", "playbook: generic").replace("log_types: [Made.Up]", "log_types: ['*']")
    both = load_playbooks([SHIPPED, directory(tmp_path, other=text)])

    keys = {asked.key for asked in both.questions_for(["Made.Up"], kinds=[], tags=[], detection_id="")}
    assert "made_up.who" in keys
    assert "made_up.indicator_days" not in keys
    assert len(both.books) == len(shipped.books)


@pytest.mark.parametrize(
    ("condition", "kinds", "tags", "detection", "asked"),
    [
        ("entity_kinds: [ip]", ["ip"], [], "", True),
        ("entity_kinds: [ip]", ["user"], [], "", False),
        ("tags: ['IAM*']", [], ["iam abuse"], "", True),
        ("tags: ['IAM*']", [], ["network"], "", False),
        ("detections: ['My.*']", [], [], "My.Rule", True),
        ("detections: ['My.*']", [], [], "Other.Rule", False),
    ],
)
def test_a_playbook_can_be_narrowed(
    tmp_path: Path, condition: str, kinds: list[str], tags: list[str], detection: str, asked: bool
) -> None:
    """Entity kinds, tags and detection ids decide whether a playbook is asked."""
    text = QUESTION.replace("questions:", f"{condition}\nquestions:")
    playbooks = load_playbooks([directory(tmp_path, mine=text)])

    assert bool(list(playbooks.questions_for(["Made.Up"], kinds=kinds, tags=tags, detection_id=detection))) is asked


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """A wrong path in the configuration is one line."""
    with pytest.raises(ConfigError, match="no such directory"):
        load_playbooks([tmp_path / "nowhere"])


def test_every_shipped_query_is_one_bounded_read(shipped: Playbooks) -> None:
    """Loading the shipped directory as one's own checks each term and each question: nothing is left to first use."""
    assert shipped.books  # the fixture loads with every check, and raises for the first that fails


def test_shipped_queries_are_parsed_when_they_are_first_wanted(shipped: Playbooks) -> None:
    """What a proven directory gives later is what a checked one gives: the same questions and the same statements."""
    lazy = load_playbooks([SHIPPED], proven=[SHIPPED])
    window = TimeWindow(NOW - timedelta(days=7), NOW)

    def statements(playbooks: Playbooks) -> list[tuple[str, str]]:
        found = []
        for asked in playbooks.questions_for(["AWS.CloudTrail", "Made.Up"], kinds=["ip"], tags=[], detection_id="d"):
            kinds = asked.template.parameters
            given = {name: SAMPLES[kind] for name, kind in kinds.items()}
            found.append((asked.key, asked.template.bind(given, window=window, limit=10, now=NOW).sql))
        return found

    assert lazy.books == shipped.books
    assert len(statements(lazy)) > 10
    assert statements(lazy) == statements(shipped)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (QUESTION.replace("{table}", "information_schema.tables"), "question who: "),
        ("playbook: x\nlog_types: [A.B]\nterms:\n  actor: {sql: SYSTEM$WAIT(5)}\n", "line 4: the term: "),
    ],
)
def test_a_directory_of_ones_own_is_checked_beside_a_proven_one(tmp_path: Path, text: str, said: str) -> None:
    """Only the shipped directory is taken on trust: one's own is refused at load, with its file and line."""
    with pytest.raises(ConfigError) as caught:
        load_playbooks([SHIPPED, directory(tmp_path, wrong=text)], proven=[SHIPPED])

    assert str(caught.value).startswith(f"{tmp_path / 'wrong.yaml'}, line ")
    assert said in str(caught.value)


def test_a_proven_question_is_checked_again_with_terms_of_ones_own(tmp_path: Path) -> None:
    """Terms that fill another directory's question make a query that no test has proven."""
    proven, own = tmp_path / "proven", tmp_path / "own"
    for made in (proven, own):
        made.mkdir()
    question = QUESTION.replace("name = :actor", "{actor} = :actor AND {name}")
    directory(proven, mine=question.replace("{name}", "({target} = 'a' OR {target} = 'b')"))
    terms = "playbook: terms\nlog_types: [Made.Up]\nterms:\n  actor: {sql: name, take: name}\n"
    terms += "  target: {sql: SELECT_ME, take: name}\n"
    directory(own, terms=terms)

    assert load_playbooks([proven, own], proven=[proven]).books

    directory(own, terms=terms.replace("SELECT_ME", f"\"CONCAT(name, '{12_000 * 'x'}')\""))
    with pytest.raises(ConfigError, match=r"mine\.yaml, line .*question who: .*20"):
        load_playbooks([proven, own], proven=[proven])


@given(st.text("aAbBß?*[]!-é.", max_size=8), st.text("aAbBß?*[]!-é.", max_size=8))
def test_a_glob_matches_as_fnmatch_does(value: str, glob: str) -> None:
    """Compiled once, a glob means what it means to `fnmatch`, whatever the case."""
    assert any_glob(value, [glob]) is fnmatchcase(value.casefold(), glob.casefold())


def test_offsets_have_a_sign() -> None:
    """`-24h` lies before the alert, `+6h` after it."""
    assert offset("-24h") == timedelta(hours=-24)
    assert offset("+6h") == timedelta(hours=6)


def test_a_question_can_be_a_value_in_place_of_sql(tmp_path: Path) -> None:
    """The compiler writes it from the playbook's own terms; what the log has no term for is not asked."""
    playbooks = load_playbooks([directory(tmp_path, mine=ASKED)])
    (asked,) = playbooks.questions_for(["Made.Up"], kinds=[], tags=[], detection_id="")

    assert (asked.key, asked.table) == ("made_up.often", "made_up")
    assert asked.compiled is not None
    assert "(who) IN (:actors)" in asked.compiled.sql
    assert {"action", "times", "days", "old_days", "first_seen", "last_seen"} <= {*asked.template.columns}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    ask: {ask: count}\n", "", "give either `sql` or `ask`"),
        ("    ask: {ask: count}\n", "    ask: {ask: count}\n    parameters: [actors]\n", "leave out parameters"),
        ("{ask: count}", "{ask: everything}", "line 10: questions.0.ask.ask"),
        ("{ask: count}", "{about: nobody}", "questions.0.ask.about.0"),
        ("log_types: [Made.Up]", "log_types: [Made.Up]\nevery_alert: true", "names its logs"),
    ],
)
def test_a_wrong_value_is_refused_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """As wrong SQL is."""
    with pytest.raises(ConfigError) as caught:
        load_playbooks([directory(tmp_path, wrong=ASKED.replace(old, new))])
    assert said in str(caught.value)
