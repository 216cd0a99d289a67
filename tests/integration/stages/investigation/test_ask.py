"""The tool `ask` against an embedded Panther: compiled questions, each evidence of its own, in one statement."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.true_evidence.world import ABROAD, AT, HOUR, NOW, OFFICE, World, aws, okta
from tests.support.conversations import investigated
from tests.support.llm import ScriptedLlm, call, calling, concluding
from tests.support.notebook import Notebook
from tests.support.panther import TOKEN, config
from tests.support.small_dossier import dossier
from tests.support.tiny_world import write_world
from triage.domain.actor_values import ActorValues
from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence, Source
from triage.domain.finding import AbsenceCitation, CheckedFinding, Citation, Finding, LacksCitation, ValueCitation
from triage.domain.identity import Identity, IdentityKind
from triage.domain.trust import Trust
from triage.edges.clock import SystemClock
from triage.edges.panther.client import connect
from triage.ports import QueryLimits, ToolCall
from triage.sandbox.server import ApiToken, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.settings import InvestigationSettings
from triage.stages.enrichment.coverage import ToolCoverage
from triage.stages.investigation import ToolAnswer, Toolbox
from triage.stages.verification import verify

pytestmark = pytest.mark.anyio

CLOUD, OKTA = "AWS.CloudTrail", "Okta.SystemLog"
ADA = "ada@acme.example"
ARN = "arn:aws:iam::111122223333:user/ada"
LIMITS = QueryLimits(rows=50, bytes=100_000, seconds=20)
AFTER = {"reason": "What followed?", "from": "+0s", "to": "+2h"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    """Ada deletes a user after days of other work; her sign-ins are in another log."""
    world = World()
    world.log(CLOUD, AT, aws("ada", "CreateUser", OFFICE), every=5)
    world.log(CLOUD, AT + timedelta(minutes=20), aws("ada", "DeleteUser", OFFICE))
    world.log(OKTA, AT - HOUR, okta(ADA, "user.session.start", OFFICE), every=3)
    place = tmp_path_factory.mktemp("ask")
    with SandboxServer(
        load_world(world.write(place), as_recorded=True), SandboxOptions(tokens=(ApiToken(TOKEN),))
    ) as running:
        yield running


def about_ada(*, email: str = ADA) -> Dossier:
    """The dossier of an alert on what Ada did."""
    event = {**aws("ada", "CreateUser", OFFICE), "p_event_time": f"{AT:%Y-%m-%d %H:%M:%S}.000", "p_log_type": CLOUD}
    given = dossier(event)
    alert = given.alert.model_copy(update={"first_event_at": AT, "last_event_at": AT, "created_at": AT})
    actor = ActorValues(
        name=ARN,
        log_type=CLOUD,
        first=AT,
        last=AT,
        lists={"actors": (ARN,), "actions": ("CreateUser",), "addresses": (OFFICE,), "values": (ARN, "ada")},
        identities=(Identity.of(IdentityKind.EMAIL, email),) if email else (),
    )
    first = given.evidence[0].model_copy(update={"log_type": CLOUD})
    return given.model_copy(
        update={"alert": alert, "now": NOW, "log_types": (CLOUD,), "actors": (actor,), "evidence": (first,)}
    )


async def ask(server: SandboxServer, *questions: Any, known: Dossier | None = None, **settings: Any) -> ToolAnswer:
    """Call the tool with these questions."""
    given = known or about_ada()
    async with connect(config(server.rest_url, attempts=1), clock=SystemClock()) as panther:
        box = Toolbox(
            given,
            lake=panther.lake,
            alerts=panther.alerts,
            rules=panther.rules,
            settings=InvestigationSettings(**settings),
            coverage=ToolCoverage(
                given, lake=panther.lake, sources=panther.sources, history=timedelta(days=30), seconds=20, batch=14
            ),
        )
        arguments = json.dumps({"questions": list(questions)})
        return await box.run(ToolCall(id="c", name="ask", arguments=arguments), LIMITS)


def checked(citation: Citation, text: str, *entries: Evidence) -> CheckedFinding:
    """One finding, verified against an answer under E2 beside the alert's events."""
    numbered = [entry.model_copy(update={"id": f"E{place}"}) for place, entry in enumerate(entries, 2)]
    (found,) = verify([Finding(text=text, citations=(citation,))], [*about_ada().evidence, *numbered])
    return found


async def test_several_questions_are_one_statement_and_each_is_evidence(server: SandboxServer) -> None:
    """In their order, measured, with the question as a value and in plain words, its window and its coverage."""
    signed_in = {
        "reason": "?", "logs": ["sign-ins"], "from": "history", "to": "-1s", "classes": ["sign-in"], "ask": "first seen",
    }  # fmt: skip
    answer = await ask(server, AFTER, {**AFTER, "classes": ["deletion"], "ask": "count"}, signed_in)
    everything, deletions, *sign_ins = answer.answers

    assert [row["action"] for row in everything.rows] == ["CreateUser", "DeleteUser"]
    assert [(row["action"], row["times"]) for row in deletions.rows] == [("DeleteUser", 1)]
    assert [(entry.log_type, entry.rows[0]["days"]) for entry in sign_ins if entry.rows] == [(OKTA, 4)]
    assert everything.question.startswith(f"What did {ARN} do in AWS.CloudTrail")
    assert all(entry.measured and entry.asked is not None for entry in answer.answers)
    assert all((entry.source, entry.key) == (Source.TOOL, "tool.ask") for entry in answer.answers)
    assert not any(entry.truncated for entry in answer.answers)
    # One for all, and one for the activity of all their tables.
    assert len({entry.table for entry in answer.answers}) > 1
    assert answer.queries == 2
    assert not answer.failed


async def test_one_by_one_where_batches_are_off(server: SandboxServer) -> None:
    """As for a lake that takes no batches: the same answers."""
    questions = (AFTER, {**AFTER, "classes": ["deletion"], "ask": "count"})
    together, apart = await ask(server, *questions), await ask(server, *questions, questions_per_query=1)

    assert [entry.rows for entry in together.answers] == [entry.rows for entry in apart.answers]


NOT_ASKED: list[tuple[str, dict[str, Any], str]] = [
    ("a log that isn't there", {"logs": ["GCP.AuditLog"]}, "no log 'GCP.AuditLog'; there is"),
    ("a log type that is none", {"logs": ["x; DROP TABLE y"]}, "no log 'x; DROP TABLE y'"),
    ("a role without a value", {"about": ["host"]}, "host"),
    ("a kind that the log lacks", {"about": ["github_login:ada"]}, "doesn't name people by"),
    ("no such actor", {"actor": 2}, "the alert has 1 actor; there is no 2"),
    ("no window", {"to": "later"}, "an offset to the alert"),
    ("an empty window", {"from": "+2h", "to": "+1h"}, "its window is empty"),
    ("an unknown class", {"classes": ["mischief"]}, "classes.0"),
    ("a subject that is none", {"about": ["somebody"]}, "about.0"),
    ("an unknown field", {"sql": "SELECT 1"}, "sql: is not a field"),
]


@pytest.mark.parametrize(("changes", "said"), [case[1:] for case in NOT_ASKED], ids=[case[0] for case in NOT_ASKED])
async def test_what_cannot_be_asked_says_why_and_the_rest_is_answered(
    server: SandboxServer, changes: dict[str, Any], said: str
) -> None:
    """Nothing of it is evidence, and the other question of the call is answered."""
    answer = await ask(server, {**AFTER, **changes}, AFTER)

    assert "Question 1 was not asked" in answer.content
    assert said in answer.content
    assert len(answer.answers) == 1
    assert answer.answers[0].rows
    assert not answer.failed
    alone = await ask(server, {**AFTER, **changes})
    assert (alone.answers, alone.queries, alone.failed) == ((), 0, True)


HOSTILE = ["x' OR 1=1 --", "%", "a'; DELETE FROM t; --", "*' ESCAPE '", "\\'", ":limit", "$$", "{{ x }}", "\u202e"]


@pytest.mark.parametrize("value", HOSTILE)
async def test_hostile_values_are_literals(server: SandboxServer, value: str) -> None:
    """SQL in globs, words and values finds what is named so, which is nothing, and changes no statement."""
    answer = await ask(
        server,
        {**AFTER, "actions": [value]},
        {**AFTER, "words": [f"unheardof{value}"]},
        {**AFTER, "about": ["anyone"], "on": [f"any:{value}"]},
    )

    for entry in answer.answers:
        assert (entry.error, entry.rows) == ("", ())


async def test_a_row_counts_for_what_it_is(server: SandboxServer) -> None:
    """Our counts are measured; what the rows are grouped by keeps the class of its field."""
    (entry,) = (await ask(server, AFTER)).answers
    cited = {
        "times": Trust.MEASURED,
        "first_seen": Trust.MEASURED,
        "action": Trust.PROVIDER,
        "address": Trust.PROVIDER,
    }
    for column, trust in cited.items():
        citation = ValueCitation(evidence="E2", row=0, column=column, value=entry.rows[0][column])  # type: ignore[arg-type]
        found = checked(citation, "It was seen.", entry)
        assert (found.verified, found.trust) == (True, {trust}), column


async def test_an_absence_is_proven_only_where_it_could_have_been_seen(server: SandboxServer) -> None:
    """Acts that this log is known to name, in a window that was delivered; a made-up word or value proves nothing."""
    known, made_up, stranger, future = (
        await ask(
            server,
            {**AFTER, "classes": ["log tampering"]},
            {**AFTER, "words": ["unheardof"]},
            {**AFTER, "on": ["ip:203.0.113.77"]},
            {**AFTER, "from": "+3h", "to": "+90d", "actions": ["own"]},
        )
    ).answers
    absence = AbsenceCitation(evidence="E2")

    assert not known.rows
    assert known.proves_absence
    assert checked(absence, "No log was tampered with.", known).trust == {Trust.MEASURED}
    assert not checked(absence, "Nothing unheard of was done.", made_up).verified
    assert checked(absence, "Nothing came from there.", stranger).trust == {Trust.ACTOR}
    assert not future.proves_absence
    assert made_up.unproven


async def test_what_the_question_leaves_out_is_not_lacking(server: SandboxServer) -> None:
    """A question about one actor has no rows of another: that is no finding."""
    (entry,) = (await ask(server, {**AFTER, "actions": ["DeleteUser"]})).answers

    for column, value in (("action", "CreateUser"), ("actor", "eve")):
        assert not checked(LacksCitation(evidence="E2", column=column, value=value), "It never did.", entry).verified


async def test_another_log_that_names_the_actor_otherwise_is_not_asked(server: SandboxServer) -> None:
    """And says by what it names people, which is what would be needed."""
    answer = await ask(server, {**AFTER, "logs": [OKTA]}, known=about_ada(email=""))

    assert answer.failed
    assert "names people by" in answer.content


async def test_any_address_that_is_new_is_not_among_the_rows(server: SandboxServer) -> None:
    """A value of the question that the alert doesn't know finds nothing, in any log."""
    answer = await ask(server, {**AFTER, "about": ["anyone"], "on": [f"ip:{ABROAD}"], "from": "-7d"})

    assert [entry.row_count for entry in answer.answers] == [0]


# ---- the real loop -----------------------------------------------------------------------------------------------

DOORS = {
    "questions": [
        {"reason": "Since when?", "about": ["ip:192.0.2.7"], "from": "-6h", "to": "+2h", "ask": "first seen"},
        {"reason": "On which days?", "about": "ip:192.0.2.7", "window": {"from": "-6h", "to": "+2h"}, "ask": "by day"},
        {"reason": "What else?", "about": ["actor"], "from": "-6h", "to": "+2h", "ask": "by target"},
    ]
}


def curious(asked: dict[str, Any]) -> Any:
    """Asks three questions in one call, then concludes from the second answer."""
    if not any(message["role"] == "tool" for message in asked["messages"]):
        return calling(call("ask", DOORS))
    cited = {"kind": "value", "evidence": "E3", "row": 0, "column": "times", "value": 3}
    return concluding(
        verdict="malicious", findings=[{"text": "It was 3 times.", "direction": "malicious", "citations": [cited]}]
    )


async def test_the_loop_numbers_each_answer_and_a_resumed_run_asks_nothing_twice(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """One call of one model, without parallel calls: two answers, one refusal; read back from the journal afterwards."""
    world = load_world(write_world(tmp_path_factory.mktemp("doors")), as_recorded=True)
    journal = Notebook()
    with SandboxServer(world, SandboxOptions(tokens=(ApiToken(TOKEN),))) as server:
        async with ScriptedLlm(curious) as llm:
            first = await investigated(server, llm, journal)
            told = llm.requests[1]["messages"][-1]["content"]
            asked = len(llm.requests)
            again = await investigated(server, llm, journal)
            assert len(llm.requests) == asked

    assert [entry.id for entry in first.evidence] == ["E1", "E2", "E3"]
    assert [entry.row_count for entry in first.evidence[1:]] == [1, 1]
    assert "E2:" in told
    assert "E3:" in told
    assert "Question 3 was not asked" in told
    assert first.usage.queries == 1
    assert again.evidence == first.evidence
    assert verify(first.draft.findings, first.evidence)[0].trust == {Trust.MEASURED}
