"""The hostile model: one row for each malformed, refusing, endless or broken answer, over a real socket.

Each row says how the investigation ends, and how many requests that takes at most. Whatever the answer, the end is
honest: a verdict that the model really gave and that code could read; or `inconclusive` with the reason and a person
asked, where the model said what it wanted to and it was no result; or, where the endpoint kept it from answering, an
error that says that the alert has to wait for its model or for a person.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tests.support.conversations import DOORS, investigated
from tests.support.llm import Script, ScriptedLlm, call, calling, completion, concluding, draft
from tests.support.loopback import drip, raw, reset, respond, silence
from tests.support.notebook import Notebook
from tests.support.panther import TOKEN
from tests.support.tiny_world import write_world
from triage.domain.verdict import ActionKind, Disposition
from triage.errors import ModelError
from triage.sandbox.server import ApiToken, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

pytestmark = pytest.mark.anyio

TURNS = 4
"""Of the budget; then one to conclude, one to repair, one to correct."""
DEAD = -1
"""The outcome of a row whose model did not answer: nothing is concluded, and the alert waits."""


def error(message: str, status: int = 400, **more: Any) -> Any:
    return (status, {}, {"error": {"message": message, **more}})


def choice(message: Any, **more: Any) -> dict[str, Any]:
    return {"choices": [{"message": message, **more}]}


def sse(*chunks: Any) -> Any:
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    return respond(body, content_type="text/event-stream")


def asking(number: int) -> dict[str, Any]:
    return calling(call("query_lake", {**DOORS, "reason": f"Question {number}?"}))


def raw_call(function: Any, **more: Any) -> dict[str, Any]:
    return choice({"content": None, "tool_calls": [{"type": "function", "function": function, **more}]})


def endless(asked: dict[str, Any]) -> Any:
    """Asks something new for ever, even where it may only conclude."""
    return asking(len(asked["messages"]))


GOOD = json.dumps(draft(verdict="malicious", confidence=0.5))
MALICIOUS, INCONCLUSIVE, SUSPICIOUS = Disposition.MALICIOUS, Disposition.INCONCLUSIVE, Disposition.SUSPICIOUS


@dataclass(frozen=True)
class Row:
    name: str
    script: Script
    ends: Disposition | int
    requests: int
    """At most."""
    reason: str = ""
    """Stands in the summary, or in the error."""


TABLE = [
    # what is no answer
    Row("refuses", [completion(refusal="I can't help with that.")], DEAD, 1, "a person has to look at this alert: I can't help"),
    Row("is filtered", [completion(finish_reason="content_filter")], DEAD, 1, "content filter"),
    Row("prompt is filtered", [error("The response was filtered", code="content_filter")], DEAD, 1, "content filter"),
    Row("no choices", [{"choices": []}], DEAD, 4, "replies are empty"),
    Row("choices are null", [{"choices": None}], DEAD, 4, "replies are empty"),
    Row("empty content", [completion("")], DEAD, 4, "replies are empty"),
    Row("white space", [completion(" \n\t ")], DEAD, 4, "replies are empty"),
    Row("chats for ever", [completion("The alert looks benign to me.")], INCONCLUSIVE, 4, "not JSON"),
    Row("finish length, empty", [completion("", finish_reason="length")], DEAD, 2, "llm.max_output_tokens"),
    Row("no JSON at all", [respond("<html>busy</html>", content_type="text/html")], DEAD, 4, "did not answer in JSON"),
    Row("JSON that is no completion", [respond("[1, 2]")], DEAD, 1, "not a completion"),
    Row("an object without choices", [respond('{"ok": true}')], DEAD, 1, "not a completion"),
    Row("a stream of nothing", [sse({"choices": []})], DEAD, 1, "only streams"),
    # errors in place of one
    Row("200 with an error", [respond({"error": {"message": "overloaded", "code": 529}})], DEAD, 4, "overloaded"),
    Row("200 with a refusal", [respond({"error": {"message": "flagged", "code": 400}})], DEAD, 1, "content filter"),
    Row("429 for ever", [(429, {"retry-after": "3"}, {"error": {"message": "slow down"}})], DEAD, 4, "busy"),
    Row("500 for ever", [error("oops", 500)], DEAD, 4, "500"),
    Row("429, then good", [(429, {"retry-after": "3"}, {}), concluding(GOOD)], MALICIOUS, 2),
    Row("wrong key", [error("bad key", 401)], DEAD, 1, "llm.api_key"),
    Row("400 without words", [(400, {}, "")], DEAD, 1, "400"),
    Row("socket closed", [reset()], DEAD, 4, "can't be reached"),
    Row("closed in the middle", [reset(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{")], DEAD, 4),
    Row("cut body", [raw(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{")], DEAD, 4),
    Row("slow drip", [drip(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n{", b" ")], DEAD, 4, "llm.timeout"),
    Row("silence", [silence()], DEAD, 4, "llm.timeout"),
    Row("5 MB of spaces", [respond(b" " * 5_000_000)], DEAD, 1, "larger than"),
    # a prompt that is too long
    Row("overflow for ever", [error("maximum context length is 10", code="context_length_exceeded")], DEAD, 3, "too long"),
    Row("overflow, then good", [error("prompt is too long"), concluding(GOOD)], MALICIOUS, 2),
    Row("overflow after rows", [asking(1), asking(2), error("context window exceeded"), concluding(GOOD)], MALICIOUS, 4),
    Row("413, then good", [error("Input is too long", 413), concluding(GOOD)], MALICIOUS, 2),
    # results that can't be used
    Row("arguments empty", [concluding("")], INCONCLUSIVE, 2, "it is empty"),
    Row("arguments prose", [concluding("It is benign.")], INCONCLUSIVE, 2, "not JSON"),
    Row("arguments cut", [completion(calls=[call("conclude", GOOD[:40])], finish_reason="length")], DEAD, 4, "llm.max_output_tokens"),
    Row("arguments null", [raw_call({"name": "conclude", "arguments": None})], INCONCLUSIVE, 2, "is missing"),
    Row("arguments a list", [concluding("[]")], INCONCLUSIVE, 2),
    Row("arguments deep", [concluding("[" * 90_000)], INCONCLUSIVE, 2, "nested too deeply"),
    Row("arguments huge", [concluding('{"a": "' + "x" * 300_000 + '"}')], INCONCLUSIVE, 2, "characters"),
    Row("wrong types", [concluding({"verdict": 1, "confidence": [], "summary": {}, "findings": "x"})], INCONCLUSIVE, 2),
    Row("unknown verdict", [concluding(verdict="fine")], INCONCLUSIVE, 2, "verdict"),
    Row("unknown field", [concluding(approved=True)], INCONCLUSIVE, 2, "approved"),
    Row("NaN", [concluding('{"verdict": "benign", "confidence": NaN, "summary": "x", "findings": []}')], INCONCLUSIVE, 2),
    Row("lone surrogate", [concluding(GOOD.replace("A door", "\\ud800"))], INCONCLUSIVE, 2, "not JSON"),
    Row("99 findings", [concluding(findings=[{"text": "x", "direction": "neutral", "citations": []}] * 99)], INCONCLUSIVE, 2, "findings"),
    Row("refuses to repair", [concluding("{"), completion(refusal="no more")], DEAD, 2, "refused"),
    Row("calls while repairing", [concluding("{"), asking(1)], INCONCLUSIVE, 2),
    # results that are odd and can be used
    Row("repaired", [concluding("{"), concluding(GOOD)], MALICIOUS, 2),
    Row("arguments as an object", [raw_call({"name": "conclude", "arguments": json.loads(GOOD)})], MALICIOUS, 1),
    Row("call without an id", [raw_call({"name": "conclude", "arguments": GOOD}, id=None)], MALICIOUS, 1),
    Row("plain JSON", [completion(GOOD)], MALICIOUS, 1),
    Row("fenced JSON", [completion(f"```json\n{GOOD}\n```")], MALICIOUS, 1),
    Row("JSON among prose", [completion(f"<think>hm {{ }}</think> Here it is: {GOOD} I hope it helps.")], MALICIOUS, 1),
    Row("content in parts", [choice({"content": [{"type": "text", "text": GOOD}]})], MALICIOUS, 1),
    Row("two results in prose", [completion(f"{GOOD} or {GOOD.replace('malicious', 'benign')}")], INCONCLUSIVE, 4),
    Row("usage is nonsense", [{**concluding(GOOD), "usage": {"prompt_tokens": "many"}}], MALICIOUS, 1),
    # tools
    Row("unknown tool for ever", [calling(call("close_alert", {"id": "1"}))], INCONCLUSIVE, TURNS + 2),
    Row("unknown tool, then good", [calling(call("rm", {})), concluding(GOOD)], MALICIOUS, 2),
    Row("broken arguments for ever", [calling(call("query_lake", "{"))], INCONCLUSIVE, TURNS + 2),
    Row("arguments a number", [raw_call({"name": "query_lake", "arguments": 7}), concluding(GOOD)], MALICIOUS, 2),
    Row("no name", [raw_call({"arguments": "{}"})], DEAD, 4, "replies are empty"),
    Row("no function", [choice({"content": None, "tool_calls": [{"id": "a"}, None, "b", 3]})], DEAD, 4, "replies are empty"),
    Row("tool_calls a text", [choice({"content": None, "tool_calls": "query_lake"})], DEAD, 4, "replies are empty"),
    Row("no ids", [raw_call({"name": "query_lake", "arguments": json.dumps(DOORS)}), concluding(GOOD)], MALICIOUS, 2),
    Row("one id twice", [completion(calls=[call("query_lake", DOORS, "c"), call("list_tables", {}, "c")]), concluding(GOOD)], MALICIOUS, 2),
    Row("a name of odd letters", [calling(call("x; drop\u202e" * 40, {})), concluding(GOOD)], MALICIOUS, 2),
    Row("the same call for ever", [asking(1)], INCONCLUSIVE, TURNS + 2, "conclude"),
    Row("new calls for ever", endless, INCONCLUSIVE, TURNS + 2),
    Row("200 calls at once", [calling(*(call("query_lake", {**DOORS, "reason": f"{n}?"}) for n in range(200))), concluding(GOOD)], MALICIOUS, 2),
    Row("conclude beside calls", [calling(call("query_lake", DOORS), call("conclude", GOOD))], MALICIOUS, 1),
    Row("writes SQL", [calling(call("query_lake", {"sql": "DROP TABLE x", "reason": "x"})), concluding(GOOD)], MALICIOUS, 2),
    # an endpoint that lacks something
    Row("no tools: 400", lambda asked: error("this model does not support tools") if "tools" in asked else completion(GOOD), MALICIOUS, 2),
    Row("no tools: 404", lambda asked: error("No endpoints found that support tool use.", 404) if "tools" in asked else completion(GOOD), MALICIOUS, 2),
    Row("no tools: parameter", lambda asked: error("Extra inputs", 422, param="tools") if "tools" in asked else completion(GOOD), MALICIOUS, 2),
    Row("refuses everything", [error("this model does not support tools")], DEAD, 2, "does not support tools"),
]  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    """The tiny world."""
    world = load_world(write_world(tmp_path_factory.mktemp("doors")), as_recorded=True)
    with SandboxServer(world, SandboxOptions(tokens=(ApiToken(TOKEN),))) as running:
        yield running


def sound(requests: list[dict[str, Any]]) -> None:
    """What a strict server would refuse is never in a request, whatever the model wrote before."""
    for asked in requests:
        assert not ("tools" in asked and "response_format" in asked)
        opened: list[str] = []
        for message in asked["messages"]:
            if message["role"] == "tool":
                opened.remove(message["tool_call_id"])
                continue
            assert opened == []
            for entry in message.get("tool_calls", ()):
                assert isinstance(json.loads(entry["function"]["arguments"]), dict)
                assert entry["function"]["name"].replace("_", "").replace("-", "").isalnum()
                opened.append(entry["id"])
        assert opened == []
        assert not opened or "tools" in asked


@pytest.mark.parametrize("row", TABLE, ids=[row.name for row in TABLE])
async def test_every_malformed_answer_ends_honestly(server: SandboxServer, row: Row) -> None:
    """As the row says, within its requests and the budget, and a restart reads the same end back without asking."""
    journal = Notebook()
    quick = {"timeout": timedelta(seconds=0.15)} if row.name in {"slow drip", "silence"} else {}
    async with ScriptedLlm(row.script) as llm:
        if row.ends == DEAD:
            with pytest.raises(ModelError) as caught:
                await investigated(server, llm, journal, max_turns=TURNS, llm_settings=quick)
            assert row.reason in str(caught.value)
            assert len(llm.requests) <= row.requests
            return
        end = await investigated(server, llm, journal, max_turns=TURNS, max_queries=20)
        asked = len(llm.requests)
        assert await investigated(server, llm, journal, max_turns=TURNS, max_queries=20) == end
        assert len(llm.requests) == asked
    assert end.draft.verdict is row.ends
    assert asked <= row.requests
    assert end.usage.turns <= TURNS + 3
    assert end.usage.queries <= 20
    assert end.usage.prompt_tokens + end.usage.completion_tokens <= 200_000
    sound(llm.requests)
    if row.ends is INCONCLUSIVE:
        assert end.draft.confidence == 0
        assert end.draft.findings == ()
        assert row.reason in end.draft.summary
        assert end.draft.actions[0].kind is ActionKind.ESCALATE
    else:
        assert end.draft.summary == draft()["summary"]
