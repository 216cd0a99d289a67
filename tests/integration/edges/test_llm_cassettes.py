"""The wire format of the model calls, pinned by recordings of a scripted server.

They show what this program sends and that it reads the answers; no real model was asked. `TRIAGE_RECORD=1` records
them anew.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.cassettes import FOLDER, HOST, RECORDING, cassette
from tests.support.clocks import FakeClock
from tests.support.llm import ScriptedLlm, call, calling, completion, concluding
from triage.edges.llm import open_model, probe
from triage.ports import ChatModel, ChatRequest, Message, ToolSpec
from triage.settings import LlmSettings

pytestmark = pytest.mark.anyio
KEY = "sk-not-a-real-key-0123456789"
TOOL = ToolSpec(
    name="query_lake", description="Ask.", parameters={"type": "object", "properties": {"sql": {"type": "string"}}}
)


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """What each kind of request gets."""
    names = [tool["function"]["name"] for tool in asked.get("tools", ())]
    if "response_format" in asked:
        return completion('{"word": "alpha"}')
    if not names:
        return completion("Nothing to add.")
    if names == ["note"]:
        return calling(call("note", {"word": "alpha"}), call("note", {"word": "beta"}))
    if any(message["role"] == "tool" for message in asked["messages"]):
        return concluding()
    return calling(call("query_lake", {"sql": "SELECT 1"}))


@asynccontextmanager
async def taped(name: str) -> AsyncIterator[ChatModel]:
    def settings(url: str) -> LlmSettings:
        return LlmSettings.model_validate({"base_url": url, "api_key": KEY, "model": "scripted-1"})

    if RECORDING:
        async with ScriptedLlm(answer, probes=True) as server:
            with cassette(name):
                async with open_model(settings(server.url), clock=FakeClock()) as model:
                    yield model
    else:
        with cassette(name):
            async with open_model(settings(f"https://{HOST}/v1"), clock=FakeClock()) as model:
                yield model


async def test_a_conversation_with_a_tool() -> None:
    """System and user message, a tool call, its result, and the conclusion."""
    async with taped("model_conversation") as model:
        messages = [Message(role="system", content="Be exact."), Message(role="user", content="What happened?")]
        first = await model.complete(ChatRequest(messages=tuple(messages), tools=(TOOL,)))
        assert [entry.name for entry in first.tool_calls] == ["query_lake"]
        messages.append(Message(role="assistant", tool_calls=first.tool_calls))
        messages.append(Message(role="tool", content="1 row", tool_call_id=first.tool_calls[0].id))
        second = await model.complete(ChatRequest(messages=tuple(messages), tools=(TOOL,)))
        assert [entry.name for entry in second.tool_calls] == ["conclude"]
        assert second.prompt_tokens > 0


async def test_the_probe_of_an_endpoint() -> None:
    """`triage check` asks four small questions."""
    async with taped("model_probe") as model:
        found = await probe(model)
    assert found.tools
    assert found.parallel_tools
    assert found.json_schema


@pytest.mark.parametrize("name", ["model_conversation", "model_probe"])
def test_no_secret_is_recorded(name: str) -> None:
    """Neither the key nor a cookie is in a cassette."""
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").casefold()
    assert KEY not in text
    for word in ("authorization", "cookie", "api-key"):
        assert word not in text
