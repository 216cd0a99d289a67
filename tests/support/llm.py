"""A scripted OpenAI-compatible server on loopback. It understands nothing: it plays replies, or a fixed recipe.

`python -m tests.support.llm --port 8099` serves `cite_first_event`, so that the whole program can be run with it:
set `llm.base_url` to `http://127.0.0.1:8099/v1`.
"""

import argparse
import asyncio
import json
import re
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from tests.support.loopback import Answer, Loopback, Request, respond

Reply = Mapping[str, Any] | tuple[int, Mapping[str, str], Any] | Answer
"""A JSON body with status 200; or status, headers and body; or an `Answer` that misbehaves on the socket."""
Script = Sequence[Reply] | Callable[[dict[str, Any]], Reply]
"""One reply per request, the last one repeated; or a function of the request's JSON."""

MODEL = "scripted-1"


def completion(
    content: str | None = None,
    *,
    calls: Sequence[Mapping[str, Any]] = (),
    finish_reason: str = "",
    refusal: str | None = None,
    prompt_tokens: int = 0,
    completion_tokens: int = 100,
) -> dict[str, Any]:
    """A well-formed completion; without a count of its own it counts the prompt by its length."""
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": refusal}
    if calls:
        message["tool_calls"] = [dict(call) for call in calls]
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL,
        "choices": [
            {"index": 0, "message": message, "finish_reason": finish_reason or ("tool_calls" if calls else "stop")}
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
    }


def call(name: str, arguments: Mapping[str, Any] | str, identity: str = "") -> dict[str, Any]:
    """A tool call; text as arguments is sent as it is."""
    written = arguments if isinstance(arguments, str) else json.dumps(dict(arguments))
    return {
        "id": identity or f"call_{name}",
        "type": "function",
        "function": {"name": name, "arguments": written},
    }


def calling(*calls: Mapping[str, Any]) -> dict[str, Any]:
    """A completion that calls tools."""
    return completion(calls=[{**entry, "id": f"call_{place}"} for place, entry in enumerate(calls)])


def draft(**changes: Any) -> dict[str, Any]:
    """A small valid result."""
    return {
        "verdict": "suspicious",
        "confidence": 0.6,
        "summary": "A door stood open.",
        "findings": [],
        "runbook": [],
        "techniques": [],
        "actions": [],
        **changes,
    }


def concluding(given: Mapping[str, Any] | str | None = None, **changes: Any) -> dict[str, Any]:
    """A completion that concludes with a draft, or with any text in its place."""
    return completion(calls=[call("conclude", draft(**changes) if given is None else given)])


class ScriptedLlm:
    """The server. Use as an async context manager."""

    def __init__(self, script: Script, *, probes: bool = False) -> None:
        """Play `script`.

        Args:
            script: The replies.
            probes: The questions of the capability probe are the script's too; else an able endpoint's answers are
                given to them, and they are in `probed`.
        """
        self._script = script
        self._probes = probes
        self.probed: list[dict[str, Any]] = []
        """JSON bodies of the capability probe's questions."""
        self._loopback = Loopback(self._answer)
        self._played = 0
        self.requests: list[dict[str, Any]] = []
        """JSON bodies of the completions asked for, in order."""

    @property
    def url(self) -> str:
        """What `llm.base_url` is set to."""
        return f"{self._loopback.url}/v1"

    @property
    def headers(self) -> list[Mapping[str, str]]:
        """Headers of the requests, names in lower case."""
        return [request.headers for request in self._loopback.requests]

    async def __aenter__(self) -> Self:
        await self._loopback.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._loopback.__aexit__(kind, error, traceback)

    def _answer(self, request: Request) -> Answer:
        if request.path != "/v1/chat/completions":
            return respond({"error": {"message": f"no such path: {request.path}"}}, 404)
        asked = request.json
        if not self._probes and is_probe(asked):
            self.probed.append(asked)
            return respond(able(asked))
        self.requests.append(asked)
        if callable(self._script):
            reply = self._script(asked)
        else:
            reply = self._script[min(self._played, len(self._script) - 1)]
        self._played += 1
        if isinstance(reply, Mapping):
            return respond(counted(reply, asked))
        if isinstance(reply, tuple):
            status, headers, body = reply
            return respond(body, status, headers)
        return reply


def read_tokens(asked: Mapping[str, Any]) -> int:
    """How many tokens of a prompt the model has read, by its length."""
    return 1_000 + sum(len(message.get("content") or "") for message in asked["messages"]) // 4


def counted(reply: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """A completion whose usage counts the prompt, as servers do."""
    usage = reply.get("usage")
    if not isinstance(usage, dict) or usage.get("prompt_tokens") != 0:
        return dict(reply)
    read = read_tokens(asked)
    return {**reply, "usage": {**usage, "prompt_tokens": read, "total_tokens": read + usage["completion_tokens"]}}


def is_probe(asked: Mapping[str, Any]) -> bool:
    """Whether a request is one of the capability probe's."""
    said = asked["messages"][0]["content"] if len(asked["messages"]) == 1 else ""
    return said.startswith(("Call the tool `note`", 'Answer in JSON: {"word": "alpha"}'))


def able(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What an endpoint that can do everything answers to the capability probe."""
    if "response_format" in asked:
        return completion('{"word": "alpha"}')
    note = call("note", {"word": "alpha"})
    return calling(note, note) if "twice" in asked["messages"][0]["content"] else calling(note)


_EVENTS = re.compile(r"^## (E\d+) source events;[^\n]*\n(?:(?!## |DATA ).*\n)*?\[0\] (\{.*\})\n", re.MULTILINE)
_STEPS = re.compile(r"<<<DATA \w+ runbook\n((?:\{[^\n]*\n)+)")
_PREFERRED = ("eventName", "eventType", "action", "sourceIPAddress", "p_event_time", "p_log_type")


def cite_first_event() -> Callable[[dict[str, Any]], Reply]:
    """A recipe, not an analyst: it calls every alert suspicious and cites values of the first event in the prompt."""

    def answer(asked: dict[str, Any]) -> Reply:
        if "conclude" not in {tool["function"]["name"] for tool in asked.get("tools", ())}:
            return completion("This is a script; it only concludes.")
        text = "\n".join(message["content"] or "" for message in asked["messages"] if message["role"] == "user")
        return concluding(recipe(text))

    return answer


def recipe(prompt: str) -> dict[str, Any]:
    """A valid draft from the dossier's text."""
    findings: list[dict[str, Any]] = []
    match = _EVENTS.search(prompt)
    if match is not None:
        evidence = match[1]
        row = json.loads(match[2])
        for column, value in list(_scalars(row))[:3]:
            findings.append(
                {
                    "text": f"The first event has a value in {column}.",
                    "direction": "neutral",
                    "citations": [{"kind": "value", "evidence": evidence, "row": 0, "column": column, "value": value}],
                }
            )
    steps = _STEPS.search(prompt)
    count = len(steps[1].splitlines()) if steps is not None else 0
    return draft(
        confidence=0.3,
        summary="Written by a script that cites the first event; nobody has judged this alert.",
        findings=findings,
        runbook=[
            {"step": number, "state": "for_a_person", "answer": "A script can't answer this.", "evidence": []}
            for number in range(1, count + 1)
        ],
        actions=[{"kind": "escalate", "entity": ""}],
    )


def _scalars(row: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found = [
        (column, value)
        for column, value in row.items()
        if isinstance(value, str | int | float) and "…" not in f"{column}{value}"
    ]
    return sorted(found, key=lambda pair: _PREFERRED.index(pair[0]) if pair[0] in _PREFERRED else len(_PREFERRED))


async def _serve(port: int) -> None:
    llm = ScriptedLlm(cite_first_event())
    server = await asyncio.start_server(llm._loopback._serve, "127.0.0.1", port)
    async with server:
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve a scripted model that cites the first event.")
    parser.add_argument("--port", type=int, default=8099)
    asyncio.run(_serve(parser.parse_args().port))
