"""A journal in memory."""

import json
from collections.abc import Awaitable, Callable

from pydantic import JsonValue


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
