"""What `triage check` learns about a model's endpoint."""

from typing import Any

import pytest

from tests.support.clocks import FakeClock
from tests.support.llm import Script, ScriptedLlm, call, calling, completion
from triage.edges.llm import Capabilities, open_model, probe
from triage.errors import ModelError
from triage.settings import LlmSettings

pytestmark = pytest.mark.anyio

NOTE = call("note", {"word": "alpha"})


async def probed(script: Script) -> Capabilities:
    async with (
        ScriptedLlm(script, probes=True) as server,
        open_model(LlmSettings(base_url=server.url), clock=FakeClock()) as model,
    ):
        return await probe(model)


async def test_an_able_endpoint() -> None:
    """Each ability is seen, not assumed."""

    def able(asked: dict[str, Any]) -> Any:
        if "response_format" in asked:
            return completion('{"word": "alpha"}')
        return calling(NOTE, NOTE) if "twice" in asked["messages"][0]["content"] else calling(NOTE)

    found = await probed(able)
    assert found == Capabilities(
        model="scripted-1", tools=True, parallel_tools=True, strict_tools=True, json_schema=True
    )
    assert found.describe() == "tools yes, parallel tools yes, strict tools yes, JSON schema yes"


async def test_an_endpoint_that_only_talks() -> None:
    """Prose is no tool call and no JSON."""
    assert await probed([completion("alpha")]) == Capabilities(model="scripted-1")


async def test_refused_features_are_missing_not_fatal() -> None:
    """A 400 for a feature is its answer."""

    def plain(asked: dict[str, Any]) -> Any:
        if "response_format" in asked:
            return (400, {}, {"error": {"message": "response_format is not supported"}})
        return calling(NOTE)

    found = await probed(plain)
    assert (found.tools, found.parallel_tools, found.json_schema) == (True, False, False)
    assert "response_format" in found.problems[0]


@pytest.mark.parametrize("status", [401, 404, 503])
async def test_an_endpoint_that_cannot_be_used_is_an_error(status: int) -> None:
    """A wrong key, a wrong name and a server that is down are not missing features."""
    with pytest.raises(ModelError):
        await probed([(status, {}, {"error": {"message": "no"}})])
