"""What an endpoint supports: probed once, remembered, corrected, and used to choose how a result is asked for."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.clocks import FakeClock
from tests.support.conversations import inquisitive, investigated
from tests.support.llm import Script, ScriptedLlm, call, calling, completion, concluding, draft
from tests.support.notebook import Notebook
from tests.support.panther import TOKEN
from tests.support.tiny_world import write_world
from triage.domain.verdict import Disposition
from triage.edges.llm import StoredCapabilities, open_model, probe
from triage.edges.store import open_store
from triage.errors import ModelError
from triage.ports import Capabilities
from triage.sandbox.server import ApiToken, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.settings import LlmSettings
from triage.stages.model_calls import ResultMode, result_mode

pytestmark = pytest.mark.anyio

GOOD = draft(verdict="malicious")
ALL = Capabilities(tools=True, parallel_tools=True, strict_tools=True, json_schema=True)
LOOSE = ALL.model_copy(update={"strict_tools": False})
SCHEMA = Capabilities(json_schema=True)
NOTHING = Capabilities()
NOTE = call("note", {"word": "alpha"})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    """The tiny world."""
    world = load_world(write_world(tmp_path_factory.mktemp("doors")), as_recorded=True)
    with SandboxServer(world, SandboxOptions(tokens=(ApiToken(TOKEN),))) as running:
        yield running


def obliging(asked: dict[str, Any]) -> Any:
    """Gives the result in whichever form it is asked for."""
    return concluding(GOOD) if "tools" in asked else completion(json.dumps(GOOD))


@pytest.mark.parametrize(
    ("capabilities", "mode"),
    [(ALL, ResultMode.TOOL), (LOOSE, ResultMode.SCHEMA), (SCHEMA, ResultMode.SCHEMA), (NOTHING, ResultMode.TEXT), (Capabilities(tools=True), ResultMode.TOOL)],
)  # fmt: skip
def test_the_most_reliable_mode_is_chosen(capabilities: Capabilities, mode: ResultMode) -> None:
    """A strict tool, else a schema, else a tool, else text."""
    assert result_mode(capabilities) is mode


async def test_a_strict_endpoint_gets_a_strict_conclude_only(server: SandboxServer) -> None:
    """The reading tools stay as they are, so that several may be called at once."""
    async with ScriptedLlm(obliging) as llm:
        await investigated(server, llm, Notebook(), more={"capabilities": ALL})
    strict = {tool["function"]["name"]: tool["function"].get("strict", False) for tool in llm.requests[0]["tools"]}
    assert [name for name, value in strict.items() if value] == ["conclude"]


async def test_without_tools_the_model_concludes_from_the_dossier(server: SandboxServer) -> None:
    """One request, with the schema, without tools, and without a word about calling them."""
    async with ScriptedLlm(obliging) as llm:
        end = await investigated(server, llm, Notebook(), more={"capabilities": SCHEMA})
    assert end.draft.verdict is Disposition.MALICIOUS
    (asked,) = llm.requests
    assert "tools" not in asked
    assert asked["response_format"]["json_schema"]["schema"]["required"][0] == "verdict"
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert "# Tools" not in asked["messages"][0]["content"]
    assert "there are no tools here" in asked["messages"][1]["content"]


async def test_without_anything_the_form_is_in_the_prompt(server: SandboxServer) -> None:
    """Plain JSON is asked for and read out of whatever surrounds it."""
    reply = completion(f"Sure! {obliging({})['choices'][0]['message']['content']}")
    async with ScriptedLlm([reply]) as llm:
        end = await investigated(server, llm, Notebook(), more={"capabilities": NOTHING})
    assert end.draft.verdict is Disposition.MALICIOUS
    assert "response_format" not in llm.requests[0]
    assert '"verdict"' in llm.requests[0]["messages"][-1]["content"]


async def test_a_loose_endpoint_concludes_by_its_schema(server: SandboxServer) -> None:
    """After tool calls, where only a result may follow: the conversation is retold without calls, with the schema."""

    def stubborn(asked: dict[str, Any]) -> Any:
        if "tools" in asked:
            number = len(asked["messages"])
            return calling(call("lookup_alert", {"id": f"{number:032x}"}))
        return obliging(asked)

    async with ScriptedLlm(stubborn) as llm:
        end = await investigated(server, llm, Notebook(), max_turns=2, more={"capabilities": LOOSE})
    assert end.draft.verdict is Disposition.MALICIOUS
    last = llm.requests[-1]
    assert "response_format" in last
    assert "tools" not in last
    assert {message["role"] for message in last["messages"]} == {"system", "user", "assistant"}
    assert not any("tool_calls" in message for message in last["messages"])
    assert "lookup_alert" in last["messages"][2]["content"]


async def test_a_refused_schema_falls_back_to_text_and_is_learned(server: SandboxServer) -> None:
    """One refusal; the run goes on and reports what it has learned."""

    def old(asked: dict[str, Any]) -> Any:
        if "response_format" in asked:
            return (400, {}, {"error": {"message": "response_format is not supported by this model"}})
        return obliging(asked)

    async with ScriptedLlm(old) as llm:
        end = await investigated(server, llm, Notebook(), more={"capabilities": SCHEMA})
    assert end.draft.verdict is Disposition.MALICIOUS
    assert len(llm.requests) == 2
    assert end.learned == NOTHING


async def test_a_model_that_merely_chats_teaches_nothing(server: SandboxServer) -> None:
    """Log text may have made it do so; the next alert gets its tools again."""

    def chatty(asked: dict[str, Any]) -> Any:
        return obliging(asked) if "tools" not in asked else completion("I'd rather not call anything.")

    async with ScriptedLlm(chatty) as llm:
        end = await investigated(server, llm, Notebook(), more={"capabilities": ALL})
    assert end.draft.verdict is Disposition.MALICIOUS
    assert end.learned is None
    assert len(llm.requests) == 3


async def test_capabilities_are_asked_once_and_remembered(tmp_path: Path) -> None:
    """By endpoint and model, over processes, for a week; a run's correction counts from then on."""
    store = await open_store(f"sqlite:///{tmp_path}/triage.db")
    clock = FakeClock()
    try:
        async with ScriptedLlm(inquisitive) as llm:
            settings = LlmSettings(base_url=llm.url)
            async with open_model(settings, clock=clock) as model:
                first = await StoredCapabilities(model, settings, store.values, clock).known()
                assert (first.tools, first.strict_tools, first.json_schema) == (True, True, True)
                assert len(llm.probed) == 4
                again = StoredCapabilities(model, settings, store.values, clock)
                assert await again.known() == first
                assert len(llm.probed) == 4
                await again.learn(first.without("tools"))
                assert not (await StoredCapabilities(model, settings, store.values, clock).known()).tools
                clock.advance(timedelta(days=8).total_seconds())
                assert (await StoredCapabilities(model, settings, store.values, clock).known()).tools
                assert len(llm.probed) == 8
                other = LlmSettings(base_url=llm.url, model="another")
                await StoredCapabilities(model, other, store.values, clock).known()
                assert len(llm.probed) == 12
                await store.values.put(again.key, {"something": "else"}, now=clock.now())
                await StoredCapabilities(model, settings, store.values, clock).known()
                assert len(llm.probed) == 16
    finally:
        await store.close()


async def probed(script: Script) -> Capabilities:
    async with (
        ScriptedLlm(script, probes=True) as server,
        open_model(LlmSettings(base_url=server.url), clock=FakeClock()) as model,
    ):
        return await probe(model)


def able(asked: dict[str, Any]) -> Any:
    if "response_format" in asked:
        return completion('{"word": "alpha"}')
    return calling(NOTE, NOTE) if "twice" in asked["messages"][0]["content"] else calling(NOTE)


def refusing(
    text: str, *, status: int = 400, schema: bool = False, tools: bool = False, strict: bool = False
) -> Script:
    """An endpoint that refuses one feature and is able otherwise."""

    def answer(asked: dict[str, Any]) -> Any:
        is_strict = any(tool["function"].get("strict") for tool in asked.get("tools", ()))
        if (schema and "response_format" in asked) or (tools and "tools" in asked) or (strict and is_strict):
            return (status, {}, {"error": {"message": text}})
        return able(asked)

    return answer


@pytest.mark.parametrize(
    ("script", "expected", "problems"),
    [
        (able, ALL, ()),
        # Prose is no tool call and no JSON.
        ([completion("alpha")], NOTHING, ()),
        # A 400 for a feature is its answer.
        (
            refusing("response_format is not supported", schema=True),
            ALL.model_copy(update={"json_schema": False}),
            ("response_format",),
        ),
        # A router answers 404 where no model behind it takes tools: a missing feature, not a wrong address.
        (refusing("No endpoints found that support tool use.", status=404, tools=True), SCHEMA, ("tool use",)),
        # Who refuses `strict` and then calls the tool without it does not take strict tools.
        (refusing("Unknown parameter: 'tools[0].function.strict'", strict=True), LOOSE, ()),
    ],
)
async def test_each_capability_is_seen_not_assumed(
    script: Script, expected: Capabilities, problems: tuple[str, ...]
) -> None:
    """Four small calls find out what an endpoint does; what it refuses is missing, not fatal."""
    found = await probed(script)
    assert found.model_copy(update={"problems": ()}) == expected.model_copy(update={"model": "scripted-1"})
    assert [word in problem for word, problem in zip(problems, found.problems, strict=True)] == [True] * len(problems)


def test_capabilities_are_described_in_one_line() -> None:
    """For `triage check`."""
    assert ALL.describe() == "tools yes, parallel tools yes, strict tools yes, JSON schema yes"


@pytest.mark.parametrize("status", [401, 404, 503])
async def test_an_endpoint_that_cannot_be_used_is_an_error(status: int) -> None:
    """A wrong key, a wrong name and a server that is down are not missing features."""
    with pytest.raises(ModelError):
        await probed([(status, {}, {"error": {"message": "no"}})])
