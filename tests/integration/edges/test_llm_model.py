"""The chat model against a scripted server on loopback."""

import asyncio
import gzip
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.clocks import FakeClock
from tests.support.llm import Script, ScriptedLlm, call, completion
from tests.support.loopback import Answer, drip, raw, reset, respond, silence
from triage.app import open_app
from triage.edges.clock import SystemClock
from triage.edges.llm import open_model
from triage.edges.llm.model import MAX_RESPONSE_BYTES
from triage.edges.llm.wire import reply_of
from triage.errors import ModelError
from triage.ports import ChatReply, ChatRequest, Message, ToolCall, ToolSpec
from triage.settings import LlmSettings, Settings

pytestmark = pytest.mark.anyio

KEY = "sk-test-0123456789abcdefghij"
HELLO = ChatRequest(messages=(Message(role="user", content="hello"),))
TOOL = ToolSpec(name="note", description="Note.", parameters={"type": "object", "properties": {}})


async def ask(
    script: Script, request: ChatRequest = HELLO, clock: FakeClock | None = None, **settings: Any
) -> tuple[ChatReply, ScriptedLlm]:
    """Ask a scripted server once."""
    async with ScriptedLlm(script) as server:
        given: dict[str, Any] = {"base_url": server.url, "api_key": KEY, "model": "m", **settings}
        async with open_model(LlmSettings(**given), clock=clock or FakeClock()) as model:
            return await model.complete(request), server


async def refusal(script: Script, clock: FakeClock | None = None, **settings: Any) -> ModelError:
    """The error of asking a scripted server."""
    with pytest.raises(ModelError) as caught:
        await ask(script, clock=clock, **settings)
    return caught.value


def problem(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


async def test_a_reply_is_read_whole() -> None:
    """Content, finish reason, model and usage arrive as they were sent."""
    body = completion("hi", prompt_tokens=7, completion_tokens=3)
    body["usage"]["prompt_tokens_details"] = {"cached_tokens": 5}
    reply, server = await ask([body])
    assert reply == ChatReply(
        content="hi", finish_reason="stop", prompt_tokens=7, completion_tokens=3, cached_tokens=5, model="scripted-1"
    )
    assert server.requests == [{"model": "m", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 4000}]
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


async def test_a_whole_conversation_is_sent() -> None:
    """System, tool calls and tool results take the shape that the API documents; tools and choice too."""
    request = ChatRequest(
        messages=(
            Message(role="system", content="rules"),
            Message(role="assistant", tool_calls=(ToolCall(id="c1", name="note", arguments='{"a":1}'),)),
            Message(role="tool", content="done", tool_call_id="c1"),
        ),
        tools=(TOOL.model_copy(update={"strict": True}),),
        tool_choice="note",
        temperature=0.0,
    )
    _, server = await ask([completion("x")], request)
    sent = server.requests[0]
    assert sent["messages"][1]["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "note", "arguments": '{"a":1}'}}
    ]
    assert sent["messages"][1]["content"] is None
    assert sent["messages"][2] == {"role": "tool", "tool_call_id": "c1", "content": "done"}
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "note"}}
    assert sent["tools"][0]["function"]["strict"] is True
    assert sent["temperature"] == 0.0


async def test_a_schema_is_asked_for_only_without_tools() -> None:
    """Tools and a response format are never in one request."""
    schema: dict[str, Any] = {"type": "object"}
    _, server = await ask([completion("{}")], HELLO.model_copy(update={"response_schema": schema}))
    assert server.requests[0]["response_format"]["json_schema"]["schema"] == schema
    both = HELLO.model_copy(update={"response_schema": schema, "tools": (TOOL,)})
    _, server = await ask([completion("{}")], both)
    assert "response_format" not in server.requests[0]


async def test_a_configured_temperature_and_no_key() -> None:
    """A request without a temperature takes the configured one; local servers need no key."""
    reply, server = await ask([completion("hi")], temperature=0.3, api_key="")
    assert server.requests[0]["temperature"] == 0.3
    assert reply.content == "hi"


ODD: list[tuple[str, dict[str, Any], ChatReply]] = [
    ("no choices", {"choices": []}, ChatReply(finish_reason="no_choices")),
    ("choices are null", {"choices": None}, ChatReply(finish_reason="no_choices")),
    ("a choice is text", {"choices": ["x"]}, ChatReply(finish_reason="no_choices")),
    ("null content", {"choices": [{"message": {"content": None}}]}, ChatReply()),
    ("no message", {"choices": [{"finish_reason": "stop"}]}, ChatReply(finish_reason="stop")),
    ("content in parts", {"choices": [{"message": {"content": [{"type": "text", "text": "a"}, {"text": "b"}]}}]}, ChatReply(content="ab")),
    ("usage is null", {"choices": [{"message": {"content": "a"}}], "usage": None}, ChatReply(content="a")),
    ("usage is nonsense", {"choices": [{"message": {"content": "a"}}], "usage": {"prompt_tokens": "many", "completion_tokens": -4}}, ChatReply(content="a")),
    ("a refusal", {"choices": [{"message": {"content": None, "refusal": "no"}}]}, ChatReply(refusal="no")),
    ("a filter", {"choices": [{"finish_reason": "content_filter", "message": {}}]}, ChatReply(refusal="the endpoint's content filter stopped the reply", finish_reason="content_filter")),
    ("arguments as an object", {"choices": [{"message": {"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}}]}, ChatReply(tool_calls=(ToolCall(id="f66c0626c", name="f", arguments='{"a": 1}'),))),
    ("a call without a name", {"choices": [{"message": {"tool_calls": [{"id": "x", "function": {}}, None, "y"]}}]}, ChatReply()),
    ("a lone surrogate", {"choices": [{"message": {"content": "a\ud800b"}}]}, ChatReply(content="a?b")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "expected"), ODD, ids=[name for name, _, _ in ODD])
def test_an_odd_reply_is_read_as_far_as_it_goes(name: str, body: dict[str, Any], expected: ChatReply) -> None:
    """What is missing reads as empty; nothing raises."""
    assert reply_of(json.loads(json.dumps(body))) == expected


async def test_several_calls_keep_their_order_and_get_their_own_ids() -> None:
    """Two calls with one id could not be answered separately."""
    reply, _ = await ask([completion(calls=[call("a", {}, "c"), call("b", {}, "c")])])
    assert [entry.name for entry in reply.tool_calls] == ["a", "b"]
    assert len({entry.id for entry in reply.tool_calls}) == 2


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
async def test_a_failure_that_may_pass_is_retried(status: int) -> None:
    """Busy and broken servers are asked again, with growing pauses."""
    clock = FakeClock()
    reply, server = await ask(
        [(status, {}, problem("busy")), (status, {}, problem("busy")), completion("hi")], clock=clock
    )
    assert reply.content == "hi"
    assert len(server.requests) == 3
    assert clock.sleeps == [0.75, 1.5]


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Tue, 06 May 2031 12:00:09 GMT"}, 9.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "999999"}, 120.0),
    ],
)
async def test_retry_after_is_honoured(headers: dict[str, str], wait: float) -> None:
    """In seconds, in milliseconds and as a date; never longer than two minutes."""
    clock = FakeClock()
    await ask([(429, headers, problem("slow down")), completion("hi")], clock=clock)
    assert clock.sleeps == [wait]


async def test_retries_end() -> None:
    """After four tries the error says that it may pass."""
    clock = FakeClock()
    error = await refusal([(503, {}, problem("down"))], clock)
    assert (error.status, error.retryable) == (503, True)
    assert len(clock.sleeps) == 3


@pytest.mark.parametrize(
    ("status", "key"), [(401, "llm.api_key"), (403, "llm.model"), (404, "llm.base_url"), (402, "account")]
)
async def test_a_wrong_configuration_is_one_line_with_the_key_to_check(status: int, key: str) -> None:
    """It is not retried, and the secret does not show."""
    clock = FakeClock()
    error = await refusal([(status, {}, problem(f"Incorrect API key provided: {KEY}"))], clock)
    assert key in str(error)
    assert KEY not in str(error)
    assert "\n" not in str(error)
    assert not error.retryable
    assert clock.sleeps == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, problem("This model's maximum context length is 8192 tokens.", code="context_length_exceeded")),
        (400, {"message": "prompt is too long: 210000 tokens > 200000 maximum"}),
        (400, {"object": "error", "message": "Please reduce the length of the messages or completion."}),
        (500, {"error": "the request exceeds the available context size"}),
        (413, problem("Input is too long for requested model.")),
        (400, problem("x", code="context_length_exceeded", param="messages")),
    ],
)
async def test_a_prompt_that_is_too_long_is_recognised(status: int, body: Any) -> None:
    """By code or by the words of the common servers; it is not retried."""
    clock = FakeClock()
    error = await refusal([(status, {}, body)], clock)
    assert error.overflow
    assert not error.retryable
    assert clock.sleeps == []


@pytest.mark.parametrize(
    ("message", "param", "before", "after"),
    [
        ("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", "max_tokens", "max_tokens", "max_completion_tokens"),
        ("Unsupported value: 'temperature' does not support 0.5 with this model.", "temperature", "temperature", None),
        ("tool_choice is not supported in thinking mode", None, "tool_choice", "tool_choice"),
    ],
)  # fmt: skip
async def test_a_parameter_that_a_server_refuses_is_given_up(
    message: str, param: str | None, before: str, after: str | None
) -> None:
    """One refusal teaches it; the next request is right at once."""

    def server(asked: dict[str, Any]) -> Any:
        refused = (
            asked.get("tool_choice") == {"type": "function", "function": {"name": "note"}}
            if before == "tool_choice"
            else before in asked
        )
        return (400, {}, problem(message, param=param)) if refused else completion("hi")

    request = HELLO.model_copy(update={"temperature": 0.5, "tools": (TOOL,), "tool_choice": "note"})
    async with (
        ScriptedLlm(server) as scripted,
        open_model(LlmSettings(base_url=scripted.url, api_key=KEY), clock=FakeClock()) as model,
    ):
        assert (await model.complete(request)).content == "hi"
        assert (await model.complete(request)).content == "hi"
    assert len(scripted.requests) == 3
    assert before in scripted.requests[0]
    assert after is None or after in scripted.requests[2]
    if before == "tool_choice":
        assert scripted.requests[2]["tool_choice"] == "auto"
    else:
        assert before not in scripted.requests[2]


async def test_a_server_that_refuses_everything_is_left_alone() -> None:
    """The fallbacks end."""

    def server(asked: dict[str, Any]) -> Any:
        key = "max_tokens" if "max_tokens" in asked else "max_completion_tokens"
        return (400, {}, problem(f"unknown parameter '{key}'", param=key))

    assert (await refusal(server)).status == 400


async def test_another_refusal_is_reported_in_the_servers_words() -> None:
    """A 400 that names nothing we can leave out is reported as it is, and not repeated."""
    clock = FakeClock()
    error = await refusal([(400, {}, problem("Invalid prompt: flagged", code="invalid_prompt"))], clock)
    assert "flagged" in str(error)
    assert (error.status, error.retryable, error.overflow) == (400, False, False)


BROKEN = {
    "a page": respond("<html>hello</html>", content_type="text/html"),
    "cut JSON": respond('{"choices": [{"mess'),
    "reset": reset(),
    "reset in the middle": reset(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{"),
    "no HTTP": raw(b"\x00\x01\x02"),
    "cut body": raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{"),
    "not gzip": respond(b"{}", headers={"content-encoding": "gzip"}),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_answer_is_a_model_error_that_may_pass(name: str) -> None:
    """Nothing of the library's own escapes, and it was tried again."""
    clock = FakeClock()
    error = await refusal([BROKEN[name]], clock)
    assert error.retryable
    assert len(clock.sleeps) == 3
    assert "html" not in str(error)


@pytest.mark.parametrize("body", ["[]", '"x"', "3", "{}", '{"object": "list"}'])
async def test_json_that_is_no_completion_is_not_asked_for_again(body: str) -> None:
    """It would come again."""
    clock = FakeClock()
    error = await refusal([respond(body)], clock)
    assert (error.status, error.retryable) == (200, False)
    assert clock.sleeps == []


@pytest.mark.parametrize(
    ("answer", "status", "retryable"),
    [
        # 429 with `insufficient_quota` is for the operator, not a rate limit.
        ((429, {}, problem("You exceeded your current quota", code="insufficient_quota")), 402, False),
        ((500, {"x-should-retry": "false"}, problem("no")), 500, False),
        # Some gateways answer 200 with an error.
        (respond(problem("Rate limited upstream", code=429)), 429, True),
        # The key would go to another host.
        ((302, {"location": "http://127.0.0.1:1/v1"}, {}), 302, False),
    ],
    ids=["empty account", "retries forbidden", "error inside a success", "redirect"],
)
async def test_what_an_answer_means(answer: Any, status: int, retryable: bool) -> None:
    """The status that counts, and whether asking again may help."""
    error = await refusal([answer])
    assert (error.status, error.retryable) == (status, retryable)


@pytest.mark.parametrize("answer", [silence(), drip(b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n{", b" ")])
async def test_an_answer_that_never_ends_is_given_up(answer: Any) -> None:
    """The whole call has a deadline, however the bytes come."""
    error = await refusal([answer], timeout=timedelta(seconds=0.1))
    assert "llm.timeout" in str(error)
    assert error.retryable


async def test_a_huge_answer_is_not_read_to_its_end() -> None:
    """The cap counts inflated bytes."""
    body = gzip.compress(b" " * (MAX_RESPONSE_BYTES + 1))
    error = await refusal([respond(body, headers={"content-encoding": "gzip"})])
    assert "larger than" in str(error)
    assert not error.retryable


async def test_a_huge_refusal_is_cut() -> None:
    """An error's body is read up to 64 kB; its status still counts."""
    error = await refusal([(400, {}, "x" * 3_000_000)])
    assert error.status == 400
    assert len(str(error)) < 300


def test_the_library_is_imported_only_to_open_a_model() -> None:
    """Importing the edge costs no openai."""
    code = "import sys, triage.edges.llm; sys.exit('openai' in sys.modules or 'httpx2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_every_alert_at_once_gets_its_turn(tmp_path: Path) -> None:
    """As many calls are under way as alerts are investigated at once; none waits for another's connection."""
    many = 24
    everybody = asyncio.Event()
    waiting = 0

    def together(_asked: dict[str, Any]) -> Answer:
        async def answer(writer: asyncio.StreamWriter) -> None:
            nonlocal waiting
            waiting += 1
            if waiting == many:
                everybody.set()
            await everybody.wait()
            await respond(completion("here"))(writer)

        return answer

    async with ScriptedLlm(together) as llm:
        settings = Settings.model_validate(
            {
                "panther": {"url": "http://127.0.0.1:1/public/graphql", "token": "t"},
                "llm": {"base_url": llm.url, "model": "scripted-1", "timeout": "20s"},
                "investigation": {"concurrency": many},
                "store": {"url": f"sqlite:///{tmp_path}/triage.db"},
            }
        )
        async with asyncio.timeout(60), open_app(settings, clock=SystemClock(), write=False) as app:
            model = app.pipeline.model
            assert model is not None
            replies = await asyncio.gather(*(model.complete(HELLO) for _ in range(many)))
        assert len(llm.requests) == many, "each was sent once"
    assert [reply.content for reply in replies] == ["here"] * many
