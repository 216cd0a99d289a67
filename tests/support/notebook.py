"""A run in memory: its journal, and a model that gives scripted replies."""

import json
from collections.abc import Awaitable, Callable

from pydantic import JsonValue

from triage.errors import ModelError
from triage.ports import ChatReply, ChatRequest


class Killed(BaseException):
    """The process ends here."""


class Notebook:
    """A journal on the heap; `dies_after` steps the process is killed."""

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}
        self.performed: list[str] = []
        self.dies_after: int | None = None

    async def step(self, key: str, kind: str, perform: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        if key not in self.entries:
            if self.dies_after is not None and len(self.entries) >= self.dies_after:
                raise Killed
            result = await perform()
            self.performed.append(key)
            self.entries[key] = json.dumps(result, allow_nan=False)
        found: JsonValue = json.loads(self.entries[key])
        return found


class ScriptedModel:
    """Gives its replies in order, the last one again and again; an error is raised."""

    name = "scripted-1"

    def __init__(self, *replies: ChatReply | ModelError) -> None:
        self.replies = replies
        self.requests: list[ChatRequest] = []

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.requests.append(request)
        reply = self.replies[min(len(self.requests), len(self.replies)) - 1]
        if isinstance(reply, ModelError):
            raise reply
        return reply
