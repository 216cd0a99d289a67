"""Whatever a model writes into a call of `ask`, it gets a result, and only statements that the guard accepts are sent."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.clocks import START
from tests.support.small_dossier import dossier
from triage.domain.actor_values import ActorValues
from triage.domain.coverage import Coverage
from triage.domain.evidence import Evidence, Source
from triage.domain.identity import Identity, IdentityKind
from triage.domain.question import COUNTED_COLUMNS, ActionClass, Asked, Outcome, PlannedQuestion, Question, SubjectRole
from triage.domain.sql import ReadOnlyQuery, parse_read_only
from triage.domain.window import TimeWindow
from triage.errors import QueryFailed, QueryTimeout
from triage.logtypes import shipped_log_types
from triage.logtypes.schema import table_of
from triage.ports import QueryLimits, QueryResult, Table, ToolCall
from triage.questions import NotAskable, compile_question
from triage.settings import InvestigationSettings
from triage.stages.investigation import Toolbox
from triage.stages.investigation.ask_form import read_question
from triage.stages.investigation.replies import describe_call, questions_in
from triage.stages.investigation.tools import tool_specs
from triage.stages.investigation.values import ToolAnswer

LIMITS = QueryLimits(rows=50, bytes=100_000, seconds=20)
CLOUD, OKTA = "AWS.CloudTrail", "Okta.SystemLog"


@dataclass
class Lake:
    """Has two logs without rows; keeps what it was sent."""

    sent: list[ReadOnlyQuery] = field(default_factory=list)

    async def tables(self, database: str) -> Sequence[Table]:
        names = [CLOUD, OKTA] if database == "panther_logs" else []
        return tuple(Table(database, table_of(name), name) for name in names)

    async def run_query(self, query: ReadOnlyQuery, *, limits: QueryLimits) -> QueryResult:
        self.sent.append(query)
        return QueryResult((), (), 0, False)


WORDS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["*", "Delete*", "own", "x' OR 1=1 --", "%", "a'; DROP TABLE t; --", "\\", "\x00", ":limit", "\ud800"]
    ),
)
SUBJECTS = st.one_of(
    st.sampled_from([role.value for role in SubjectRole]),
    st.sampled_from(["field:userIdentity.arn", "field:requestParameters.x", "email:a@b.example", "ip:203.0.113.9"]),
    WORDS.map(lambda text: f"any:{text}"),
    WORDS.map(lambda text: f"field:{text}"),
)
EDGES = st.one_of(
    st.sampled_from(["history", "dwell", "now", "-24h", "-1s", "+0s", "+6h", "-99999d", "+99999d"]), WORDS
)
NEAR = st.fixed_dictionaries(
    {"reason": WORDS, "from": EDGES, "to": EDGES},
    optional={
        "about": st.one_of(SUBJECTS, st.lists(SUBJECTS, max_size=7)),
        "on": st.lists(SUBJECTS, max_size=3),
        "logs": st.lists(st.one_of(st.sampled_from(["own", "sign-ins", "alerts", CLOUD, OKTA, "okta.systemlog"]), WORDS), max_size=4),
        "classes": st.lists(st.one_of(st.sampled_from([each.value for each in ActionClass]), WORDS), max_size=3),
        "actions": st.lists(WORDS, max_size=4),
        "words": st.lists(WORDS, max_size=4),
        "outcome": st.sampled_from([each.value for each in Outcome]),
        "ask": st.sampled_from([each.value for each in Asked]),
        "actor": st.integers(-1, 3),
    },
)  # fmt: skip
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def toolbox(lake: Lake, *more: str) -> Toolbox:
    """The tools on an alert of CloudTrail, whose actor is known by name and address; with further actors, by their names."""
    event = {
        "eventName": "CreateUser",
        "userIdentity": {"arn": "arn:aws:iam::111122223333:user/ada"},
        "p_log_type": CLOUD,
    }
    actor = ActorValues(
        name="ada",
        log_type=CLOUD,
        first=START - timedelta(hours=3),
        last=START - timedelta(hours=3),
        lists={"actors": ("ada",), "actions": ("CreateUser",), "addresses": ("203.0.113.9",), "values": ("ada",)},
    )
    others = [actor.model_copy(update={"name": name, "lists": {**actor.lists, "actors": (name,)}}) for name in more]
    known = dossier(event).model_copy(update={"log_types": (CLOUD,), "actors": (actor, *others)})
    unused: Any = None
    return Toolbox(known, lake=lake, alerts=unused, rules=unused, settings=InvestigationSettings())  # type: ignore[arg-type]  # only what `ask` needs


@settings(max_examples=150, deadline=None)
@given(arguments=st.one_of(ANY_JSON, st.fixed_dictionaries({"questions": st.lists(NEAR | ANY_JSON, max_size=7)})))
def test_any_arguments_give_a_result_and_no_statement_that_the_guard_refuses(arguments: Any) -> None:
    """Never an exception; each question that is sent alone passes the guard as it is."""
    lake = Lake()
    try:
        text = json.dumps(arguments)
    except ValueError:
        return
    call = ToolCall(id="c", name="ask", arguments=text)
    answer = asyncio.run(toolbox(lake).run(call, LIMITS))

    assert answer.content or answer.answers
    assert answer.failed is not any(entry.answered for entry in answer.answers)
    assert answer.queries == len(lake.sent) <= 1
    window = TimeWindow(START - timedelta(days=30), START)
    for entry in answer.answers:
        assert parse_read_only(entry.sql, window=window, now=START).sql
    assert describe_call(call)
    assert 1 <= questions_in(call) <= 6


def test_every_column_is_counted_by_us_or_traced_to_the_log() -> None:
    """What a compiled question's answer holds is either in the list of counts or a plain term."""
    terms = {"action", "actor", "target", "address", "country", "session", "recipient", "rule", "alert"}
    for file in shipped_log_types():
        for ask in Asked:
            for about in ("actor", "anyone", "session"):
                question = Question.model_validate(
                    {"about": about, "ask": ask, "window": {"from": "history", "to": "-1s"}}
                )
                try:
                    columns = compile_question(question, file.log_type).columns
                except NotAskable:
                    continue
                assert set(columns) <= COUNTED_COLUMNS | terms, (file.log_type, ask)


def test_a_question_is_stored_with_its_answer_and_read_back_equal() -> None:
    """Also one of a runbook's plan; an answer that was stored without one is still read."""
    planned = PlannedQuestion.model_validate(
        {"window": {"from": "-24h", "to": "+6h"}, "classes": "deletion", "at_least": 3}
    )
    entry = Evidence(id="E1", source=Source.TOOL, key="tool.ask", question="?", asked=planned.plain)
    stored = entry.model_dump(mode="json")

    assert Evidence.model_validate(stored) == entry
    assert stored["asked"]["window"] == {"from": "-24h", "to": "+6h"}
    del stored["asked"]
    assert Evidence.model_validate(stored).asked is None


def test_the_schema_has_texts_for_subjects_and_words_for_enums() -> None:
    """As a model can fill it in: no references, no objects where a text is meant."""
    (spec,) = (spec for spec in tool_specs() if spec.name == "ask")
    (question,) = (spec.parameters["properties"]["questions"]["items"],)  # type: ignore[index,call-overload]
    fields = question["properties"]  # type: ignore[index,call-overload]

    assert fields["about"]["items"] == fields["on"]["items"] == {"type": "string"}  # type: ignore[index,call-overload]
    assert "deletion" in fields["classes"]["items"]["enum"]  # type: ignore[index,call-overload,operator]
    assert question["required"] == ["reason", "from", "to"]  # type: ignore[index,call-overload]
    assert "$ref" not in json.dumps(spec.parameters)


@pytest.mark.parametrize(("edge", "kept"), [("+0s", "-1s"), ("-0s", "-1s"), ("+1h", "+1h")])
def test_what_lies_before_the_alert_ends_before_its_own_event(edge: str, kept: str) -> None:
    """The alert's own event is no earlier occasion."""
    question = Question.model_validate({"window": {"from": "-24h", "to": edge}})

    assert question.window.without_own_event.end == kept


# ---- which logs, and what is left ------------------------------------------------------------------------------------


@dataclass
class ManyLogs(Lake):
    """Has every log that ships; none has rows."""

    async def tables(self, database: str) -> Sequence[Table]:
        names = [file.log_type for file in shipped_log_types()] if database == "panther_logs" else []
        return tuple(Table(database, table_of(name), name) for name in names)


class Measured:
    """Coverage that knows in which tables there is anything at all; says what it was asked."""

    def __init__(self, *with_rows: str) -> None:
        self.with_rows = {f"panther_logs.public.{table_of(name)}" for name in with_rows}
        self.prepared: list[Sequence[str]] = []

    async def prepare(self, tables: Sequence[str]) -> int:
        self.prepared.append(tables)
        return 1

    async def __call__(
        self, table: str, window: TimeWindow, *, control: str = "", wanted_end: datetime | None = None
    ) -> tuple[Coverage, int]:
        return Coverage(table_has_rows=table in self.with_rows), 0


ADA = ActorValues(
    name="ada@acme.example",
    log_type=CLOUD,
    first=START,
    last=START,
    lists={
        "actors": ("ada",),
        "addresses": ("192.0.2.1",),
        "targets": tuple(f"bucket-{number}" for number in range(12)),
    },
    identities=(Identity.of(IdentityKind.EMAIL, "ada@acme.example"),),
)


def asking(lake: Lake, coverage: Any, *questions: dict[str, Any]) -> ToolAnswer:
    """One call, about an alert of CloudTrail."""
    given = dossier().model_copy(update={"log_types": (CLOUD,), "actors": (ADA,), "now": START + timedelta(days=1)})
    box: Any = {"alerts": None, "rules": None, "settings": InvestigationSettings(), "coverage": coverage}
    toolbox = Toolbox(given, lake=lake, **box)  # type: ignore[arg-type]
    call = ToolCall(id="c", name="ask", arguments=json.dumps({"questions": questions}))
    return asyncio.run(toolbox.run(call, LIMITS))


SIGN_INS = {"reason": "?", "about": ["anyone"], "on": ["address"], "logs": ["sign-ins"], "from": "-7d", "to": "-1s"}


def test_sign_ins_are_asked_for_sign_ins() -> None:
    """In every log that has them, without saying so twice; another class, or a name, is taken as it is given."""
    plain = asking(ManyLogs(), None, SIGN_INS)
    assert len(plain.answers) > 10
    assert {entry.asked.classes for entry in plain.answers if entry.asked} == {(ActionClass.SIGN_IN,)}
    grants = asking(ManyLogs(), None, {**SIGN_INS, "classes": ["grant"]})
    assert {entry.asked.classes for entry in grants.answers if entry.asked} == {(ActionClass.GRANT,)}


def test_a_call_costs_the_statements_that_it_sends() -> None:
    """However many logs it fans out to: fourteen questions in one, and all tables measured in another."""
    lake, measured = ManyLogs(), Measured(CLOUD, OKTA)
    answer = asking(lake, measured, SIGN_INS)
    assert answer.queries == len(lake.sent) + 1
    assert len(measured.prepared) == 1


def test_logs_without_rows_of_anyone_are_no_answers() -> None:
    """There is nothing to cite in them; they are named in one line. A log that was asked by name stays."""
    answer = asking(ManyLogs(), Measured(OKTA), SIGN_INS, {**SIGN_INS, "logs": ["Zoom.Activity"]})
    assert [entry.log_type for entry in answer.answers] == [OKTA, "Zoom.Activity"]
    assert "Asked too, without any rows of anyone in the window: " in answer.content
    assert "Dropbox.TeamEvent" in answer.content


def test_the_logs_that_are_named_come_first() -> None:
    """Where one call asks more than it may, what fans out makes room, and is named."""
    own = {**SIGN_INS, "about": ["actor"], "on": [], "logs": ["own"]}
    answer = asking(ManyLogs(), None, SIGN_INS, {**SIGN_INS, "to": "-2s"}, own)
    assert answer.answers[-1].log_type == CLOUD
    assert "Question 2: one call asks 28 logs at most; ask in another of " in answer.content
    assert "Question 3" not in answer.content


def test_anyone_beside_somebody_is_not_asked() -> None:
    """It would be a question about anyone, with the other silently dropped."""
    answer = asking(ManyLogs(), None, {**SIGN_INS, "logs": ["own"], "about": ["anyone", "any:x"]})
    assert "Question 1 was not asked: about: `anyone` takes in whoever else is named" in answer.content


def test_a_role_of_many_values_says_for_how_many_it_stands() -> None:
    """No more than twelve are known of an alert, and three are in the question's words."""
    answer = asking(ManyLogs(), None, {**SIGN_INS, "logs": ["own"], "on": ["target"]})
    assert "bucket-0, bucket-1, bucket-2 and 9 more" in answer.answers[0].question
    assert "`target` stands for the 12 values that most of the alert's events have" in answer.content


def test_a_login_is_no_e_mail_address() -> None:
    """No log holds it under that kind: its absence would be proven everywhere, and mean nothing."""
    given = {"reason": "?", "about": ["email:jodoe"], "from": "history", "to": "-1s"}
    assert read_question(given) == "'jodoe' is no e-mail address; write `any:jodoe`"
    assert not isinstance(read_question({**given, "about": ["email:jo@example.com"]}), str)


def test_others_are_none_of_the_alerts_actors() -> None:
    """With several of them, `others` leaves out all, whichever of them the question is put for."""
    lake = Lake()
    box = toolbox(lake, "bo")
    question = {"reason": "Who else?", "about": ["others"], "from": "-6h", "to": "+2h", "ask": "list"}
    for number in (1, 2):
        arguments = json.dumps({"questions": [{**question, "actor": number}]})
        asyncio.run(box.run(ToolCall(id="c", name="ask", arguments=arguments), LIMITS))
    others = [query.sql for query in lake.sent if "NOT COALESCE" in query.sql]
    assert len(others) == 2
    assert all("'ada'" in sql and "'bo'" in sql for sql in others)


def test_one_question_that_fails_costs_few_statements() -> None:
    """Halves find the ones that the lake refuses: 17 statements for two questions and their controls among 24, in place of 25."""

    class Choosy(Lake):
        async def run_query(self, query: ReadOnlyQuery, *, limits: QueryLimits) -> QueryResult:
            found = await super().run_query(query, limits=limits)
            if "poison" in query.sql.lower():
                raise QueryFailed("it refuses poison")
            return found

    lake = Choosy()
    question = {"reason": "Who?", "about": ["anyone"], "from": "-6h", "to": "+2h", "ask": "list", "logs": [CLOUD, OKTA]}
    questions = [{**question, "actions": [name]} for name in ("A", "B", "C", "Poison", "D", "E")]
    call = ToolCall(id="c", name="ask", arguments=json.dumps({"questions": questions}))
    answer = asyncio.run(toolbox(lake).run(call, LIMITS))
    entries = (answer.evidence, *answer.further)
    assert sum("refuses poison" in entry.error for entry in entries if entry is not None) == 2
    assert sum(entry.answered for entry in entries if entry is not None) == 10
    assert len(lake.sent) <= 17


def test_a_statement_that_takes_too_long_is_not_halved() -> None:
    """Each half might wait as long again: after one wait the questions go one by one, several at a time."""

    class Slow(Lake):
        async def run_query(self, query: ReadOnlyQuery, *, limits: QueryLimits) -> QueryResult:
            found = await super().run_query(query, limits=limits)
            if len(self.sent) == 1:
                raise QueryTimeout("still running")
            return found

    lake = Slow()
    question = {"reason": "Who?", "about": ["anyone"], "from": "-6h", "to": "+2h", "ask": "list"}
    questions = [{**question, "actions": [name]} for name in "ABCDEF"]
    call = ToolCall(id="c", name="ask", arguments=json.dumps({"questions": questions}))
    answer = asyncio.run(toolbox(lake).run(call, LIMITS))
    assert all(entry.answered for entry in (answer.evidence, *answer.further) if entry is not None)
    assert not [query for query in lake.sent[1:] if len(query.sql) > len(lake.sent[0].sql) / 3]
