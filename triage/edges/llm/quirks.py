"""How an endpoint differs from OpenAI's API: learned from its refusals, kept in the store, or configured by hand."""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Literal

import regex
from pydantic import ValidationError

from triage.domain.base import Value
from triage.ports import Clock, Values
from triage.settings import LlmSettings

MAX_AGE = timedelta(days=7)
"""How long what was learned counts; a server may have been updated since."""

ToolChoice = Literal["named", "required", "auto", "none"]
"""A tool by its name; only as the word `required`; only as the word `auto`; or left out."""
SystemRole = Literal["system", "developer", "user"]
"""The role of the instructions; `user`: they begin the first message of the user."""

_CHOICES: tuple[ToolChoice, ...] = ("named", "required", "auto", "none")
_UNKNOWN = regex.compile(
    r"(?i)not (?:supported|permitted|allowed|available|enabled)|unsupported|unknown|unrecogni[sz]ed|unexpected"
    r"|extra (?:inputs|fields)|does(?: not|n't) support|additional propert|not expected"
)
_NO_PARAMETER = regex.compile(
    r"(?i)(?:unsupported|unknown|unrecogni[sz]ed|unexpected|extra) (?:\w+ ){0,3}(?:parameter|argument|field|input|key)"
    r"|(?:parameter|argument|field|input)s? .{0,40}not (?:supported|permitted|allowed|recogni[sz]ed)"
    r"|tool_choice[`'\"]? (?:is |are )?not (?:supported|permitted|allowed)"
)
_ONLY_AUTO = regex.compile(r"(?i)(?:only|must be|should be|expected) .{0,60}\bauto\b")
_CLOSED = regex.compile(r"(?i)additional_?properties")
_UNIONS = regex.compile(r"(?i)\b(?:any_?of|one_?of|union types?|type arrays?)\b")
_DEVELOPER = regex.compile(r"(?i)\bdeveloper\b(?! instruction)")
_SYSTEM = regex.compile(
    r"(?i)(?:developer instruction|system (?:role|message|prompt|instruction)|role [`'\"]?system|[`'\"]system[`'\"]).{0,80}"
    r"(?:not (?:supported|enabled|allowed|available|permitted|valid)|unsupported|invalid|unknown|one of|unexpected)"
    r"|(?:does(?: not|n't) support|unsupported|invalid|unexpected|no) .{0,30}(?:system|[`'\"]system[`'\"])(?: role| message| prompt|[`'\"])"
    r"|only (?:user|supports? user)"
)
_AFTER_TOOL = regex.compile(
    r"(?i)\brole\b.{0,20}\buser\b.{0,30}\bafter\b.{0,20}\btool|\bafter\b.{0,30}\btool\b.{0,40}\bassistant\b"
)
_ALTERNATE = regex.compile(
    r"(?i)\balternat(?:e|ing)|consecutive .{0,30}(?:messages|roles)|same role|two .{0,20}messages? .{0,20}in a row"
)
_FIELD = regex.compile(r"(?i)messages[.\[\]0-9a-z_]*|reasoning_content|extra_content|thought")


class EndpointQuirks(Value):
    """What of a request an endpoint and its model take, and in which form."""

    output_key: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """`max_completion_tokens` for OpenAI's newer models, which refuse the old name."""
    temperature: bool = True
    """Reasoning models refuse any temperature but their default."""
    reasoning_effort: bool = True
    """Models that don't think refuse it."""
    tool_choice: ToolChoice = "named"
    strict: bool = True
    """Some servers don't know `strict`."""
    closed_schemas: bool = True
    """Takes `additionalProperties` in a schema."""
    unions: bool = True
    """Takes `anyOf` in a schema."""
    system_role: SystemRole = "system"
    user_after_tool: bool = True
    """Takes a message of the user right after a tool's result."""
    alternating: bool = False
    """User and assistant must take turns."""
    opaque: bool = True
    """Takes its own further fields back with the assistant's message that they came with."""
    counts_prompt: bool = True
    """Reports how many tokens of a prompt the model has read; a low count means that the prompt was cut."""

    def adapted(self, said: str, parameter: str, *, kept: frozenset[str] = frozenset()) -> "EndpointQuirks | None":
        """What to try after a refusal; `None` if it names nothing that can be changed.

        Args:
            said: The server's message, in any case.
            parameter: The parameter that it names in a separate field, if it does.
            kept: Names of fields that were configured by hand and stay.
        """
        for changes in self._candidates(said, parameter):
            wanted = {name: value for name, value in changes.items() if name not in kept}
            if wanted and any(getattr(self, name) != value for name, value in wanted.items()):
                return self.model_copy(update=wanted)
        return None

    def describe(self, first: "EndpointQuirks") -> str:
        """What differs from what was assumed at first, as `llm.quirks` writes it; empty if nothing does."""
        values = self.model_dump(mode="json")
        before = first.model_dump(mode="json")
        return ", ".join(
            f"{name}: {json.dumps(value).strip(chr(34))}" for name, value in values.items() if value != before[name]
        )

    def _candidates(self, said: str, parameter: str) -> Iterator[dict[str, Any]]:
        """What a refusal may mean, the surest reading first."""
        text = f"{parameter} {said}"
        lower = text.lower()
        other = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}[self.output_key]
        named = (f"'{self.output_key}'", f"`{self.output_key}`", f'"{self.output_key}"')
        if parameter == self.output_key or any(each in lower for each in named) or self.output_key in lower.split():
            yield {"output_key": other}
        if parameter == "" and other in lower:
            yield {"output_key": other}
        if "temperature" in lower:
            yield {"temperature": False}
        if "reasoning_effort" in lower:
            yield {"reasoning_effort": False}
        if "tool_choice" in lower or "tool choice" in lower:
            yield {"tool_choice": self._next_choice(text)}
        if _CLOSED.search(text):
            # A server's own complaint may use the word of JSON Schema about a field of the request: `strict`, say.
            yield {"strict": False} if "strict" in lower and self.strict else {"closed_schemas": False}
        if _UNIONS.search(text):
            yield {"unions": False}
        if "strict" in lower:
            yield {"strict": False}
        if _AFTER_TOOL.search(text):
            yield {"user_after_tool": False}
        if _ALTERNATE.search(text):
            # A template that wants turns has often no place for instructions before them either.
            if self.alternating:
                yield {"system_role": "user"}
            yield {"alternating": True}
        if _SYSTEM.search(text):
            suggested = self.system_role == "system" and _DEVELOPER.search(text) is not None
            yield {"system_role": "developer" if suggested else "user"}
        if _FIELD.search(text) and _UNKNOWN.search(text):
            yield {"opaque": False}

    def _next_choice(self, text: str) -> ToolChoice:
        """The form of `tool_choice` to try next: always a weaker one, so that learning ends."""
        place = _CHOICES.index(self.tool_choice)
        if place < _CHOICES.index("auto") and (_ONLY_AUTO.search(text) or "thinking" in text.lower()):
            return "auto"
        return "none" if _NO_PARAMETER.search(text) else _CHOICES[min(place + 1, len(_CHOICES) - 1)]


def configured_quirks(settings: LlmSettings) -> dict[str, Any]:
    """What the configuration says by hand, by field name."""
    return settings.quirks.model_dump(exclude_none=True)


def first_quirks(settings: LlmSettings) -> EndpointQuirks:
    """What is assumed before anything was learned."""
    own = not settings.base_url or "api.openai.com" in settings.base_url
    start = {"output_key": "max_completion_tokens" if own else "max_tokens"}
    return EndpointQuirks.model_validate({**start, **configured_quirks(settings)})


class _Remembered(Value):
    at: datetime
    quirks: EndpointQuirks


class QuirkMemory:
    """What was learned of one endpoint and model, kept in the store for all runs and processes."""

    def __init__(self, settings: LlmSettings, values: Values | None, clock: Clock) -> None:
        """Remember in `values`; `None`: only as long as the process runs."""
        self._settings = settings
        self._values = values
        self._clock = clock
        self._read = values is None
        self.kept = frozenset(configured_quirks(settings))
        self.quirks = first_quirks(settings)
        """As known now."""
        digest = hashlib.sha256(f"{settings.base_url}\n{settings.model}".encode()).hexdigest()
        self.key = f"llm/quirks/{digest[:16]}"

    async def load(self) -> None:
        """Read what was learned before, once. Raises StoreError."""
        if self._read or self._values is None:
            return
        found = await self._values.get(self.key)
        self._read = True
        try:
            stored = None if found is None else _Remembered.model_validate(found)
        except ValidationError:
            return
        if stored is not None and self._clock.now() - stored.at <= MAX_AGE:
            self.quirks = stored.quirks.model_copy(update=configured_quirks(self._settings))

    async def learn(self, quirks: EndpointQuirks) -> None:
        """Remember. Raises StoreError."""
        self.quirks = quirks
        if self._values is not None:
            now = self._clock.now()
            await self._values.put(self.key, _Remembered(at=now, quirks=quirks).model_dump(mode="json"), now=now)
