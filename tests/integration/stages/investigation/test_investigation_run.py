"""The whole investigation with a scripted model: each effect once, also over restarts."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest
from pydantic import JsonValue

from tests.support.conversations import NAMES, inquisitive, investigated
from tests.support.llm import ScriptedLlm, call, calling, cite_first_event, concluding
from tests.support.notebook import Killed, Notebook
from tests.support.panther import TOKEN
from tests.support.tiny_world import write_world
from triage.domain.verdict import Disposition
from triage.errors import ModelError, StoreError
from triage.pipeline.judgement import objections
from triage.ports import Progress
from triage.sandbox.server import ApiToken, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    """The tiny world."""
    world = load_world(write_world(tmp_path_factory.mktemp("doors")), as_recorded=True)
    with SandboxServer(world, SandboxOptions(tokens=(ApiToken(TOKEN),))) as running:
        yield running


async def test_an_investigation_from_question_to_verdict(server: SandboxServer) -> None:
    """Model, tools and evidence come together; each effect has its entry."""
    journal, seen = Notebook(), list[Progress]()
    async with ScriptedLlm(inquisitive) as llm:
        end = await investigated(server, llm, journal, seen)
    assert end.draft.verdict is Disposition.MALICIOUS
    assert [entry.id for entry in end.evidence] == ["E1", "E2", "E3"]
    assert objections(end.draft, end.evidence) == ()
    assert sorted(journal.entries) == ["model/1", "model/2", "model/3", "tools/1/0", "tools/1/1", "tools/2/0"]
    assert end.usage.turns == 3
    assert any("E2: 3 rows" in event.text for event in seen)


async def test_a_restart_pays_nothing_twice(server: SandboxServer) -> None:
    """Killed after any number of effects, the run goes on where it stopped and ends alike."""
    whole = Notebook()
    async with ScriptedLlm(inquisitive) as llm:
        expected = await investigated(server, llm, whole)
        for died in range(len(whole.entries)):
            journal = Notebook()
            journal.dies_after = died
            with pytest.raises(Killed):
                await investigated(server, llm, journal)
            journal.dies_after = None
            asked = len(llm.requests)
            left = [key for key in whole.entries if key.startswith("model") and key not in journal.entries]
            end = await investigated(server, llm, journal)
            assert end.draft == expected.draft
            assert [entry.rows for entry in end.evidence] == [entry.rows for entry in expected.evidence]
            assert len(llm.requests) - asked == len(left)
            assert len(journal.performed) == len(set(journal.performed)) == len(whole.entries)


async def test_a_finished_run_is_read_back_whole(server: SandboxServer) -> None:
    """No request is sent, and the result is equal to the last field."""
    journal = Notebook()
    async with ScriptedLlm(inquisitive) as llm:
        first = await investigated(server, llm, journal)
        asked = len(llm.requests)
        assert await investigated(server, llm, journal) == first
        assert len(llm.requests) == asked


async def test_a_model_that_is_down_is_for_later(server: SandboxServer) -> None:
    """The error is raised, the journal keeps what was done, and the next attempt goes on from there."""
    journal = Notebook()
    down = [calling(call("list_tables", NAMES)), (503, {}, {"error": {"message": "down"}})]
    async with ScriptedLlm(down) as llm:
        with pytest.raises(ModelError) as caught:
            await investigated(server, llm, journal)
    assert caught.value.retryable
    assert sorted(journal.entries) == ["model/1", "tools/1/0"]
    async with ScriptedLlm([concluding()]) as llm:
        assert (await investigated(server, llm, journal)).draft.verdict is Disposition.SUSPICIOUS
        assert len(llm.requests) == 1


async def test_a_wrong_configuration_is_for_the_operator(server: SandboxServer) -> None:
    """It is no verdict on an alert."""
    cases = [401, 403, 404]
    for status in cases:
        async with ScriptedLlm([(status, {}, {"error": {"message": "no"}})]) as llm:
            with pytest.raises(ModelError):
                await investigated(server, llm, Notebook())


async def test_what_the_endpoint_does_not_answer_is_no_verdict(server: SandboxServer) -> None:
    """Refused prompts, prompts that are too long and empty replies: an error, and the next attempt asks anew."""
    cases = [
        (400, {}, {"error": {"message": "flagged", "code": "invalid_prompt"}}),
        (400, {}, {"error": {"message": "maximum context length is 10", "code": "context_length_exceeded"}}),
        {"choices": []},
        {"choices": [{"message": {"content": None}}]},
    ]
    for reply in cases:
        journal = Notebook()
        async with ScriptedLlm([reply]) as llm:
            with pytest.raises(ModelError):
                await investigated(server, llm, journal)
        if journal.entries.get("model/2") is None:
            async with ScriptedLlm([concluding()]) as llm:
                assert (await investigated(server, llm, journal)).draft.verdict is Disposition.SUSPICIOUS, reply


async def test_what_the_model_wrote_and_nobody_can_read_ends_with_it(server: SandboxServer) -> None:
    """Inconclusive, and journalled."""
    journal = Notebook()
    async with ScriptedLlm([concluding("{")]) as llm:
        end = await investigated(server, llm, journal)
        asked = len(llm.requests)
        assert await investigated(server, llm, journal) == end
        assert len(llm.requests) == asked
    assert end.draft.verdict is Disposition.INCONCLUSIVE


async def test_calls_of_one_turn_run_together(server: SandboxServer) -> None:
    """Two calls that wait for each other both end."""
    waiting = asyncio.Barrier(2)

    class Together(Notebook):
        async def step(self, key: str, kind: str, perform: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
            if kind == "tool":
                await waiting.wait()
            return await super().step(key, kind, perform)

    tables = calling(call("list_tables", NAMES), call("list_tables", {"database": "panther_rule_matches"}))
    async with ScriptedLlm([tables, concluding()]) as llm:
        async with asyncio.timeout(20):
            end = await investigated(server, llm, Together())
    assert end.usage.tool_calls == 2


async def test_a_journal_of_another_version_is_not_guessed_at(server: SandboxServer) -> None:
    """It is an error that says what to do."""
    journal = Notebook()
    journal.entries["model/1"] = '{"something": "else"}'
    async with ScriptedLlm([concluding()]) as llm:
        with pytest.raises(StoreError, match="afresh"):
            await investigated(server, llm, journal)


async def test_the_recipe_cites_what_holds(server: SandboxServer) -> None:
    """The script that stands in for a model in runs over whole worlds writes drafts that verification accepts."""
    async with ScriptedLlm(cite_first_event()) as llm:
        end = await investigated(server, llm, Notebook())
    assert len(end.draft.findings) == 3
    assert objections(end.draft, end.evidence) == ()
    assert end.draft.verdict is Disposition.SUSPICIOUS
    assert len(end.draft.runbook) == 2
