"""What one alert's model calls may cost, and what they have cost."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from triage.domain.verdict import Usage
from triage.ports import ChatReply, ChatRequest, Opaque, Spend
from triage.settings import InvestigationSettings, Price
from triage.stages.model_calls.caller import ModelContext

BYTES_PER_TOKEN = 3
"""Until the server has reported a count of its own."""
_MIN_RATIO, _MAX_RATIO = 1.5, 6.0


@dataclass(slots=True)
class ModelBudget:
    """Counts the tokens, money and seconds of an alert's model calls against the configured limits."""

    context: ModelContext
    elapsed: Callable[[], float]
    """Seconds that the alert has taken so far; the same when a run is replayed."""
    before: Usage = field(default_factory=Usage)
    """What earlier stages spent; it counts against the limits."""
    spent: Spend = field(default_factory=Spend)
    """On the calls counted here."""
    _bytes_per_token: float = BYTES_PER_TOKEN

    @property
    def settings(self) -> InvestigationSettings:
        return self.context.settings

    @property
    def tokens_left(self) -> int:
        before = self.before.prompt_tokens + self.before.completion_tokens
        return self.settings.max_tokens - before - self.spent.tokens

    @property
    def money_left(self) -> float:
        """In `llm.currency`; infinite without a limit."""
        limit = self.settings.max_money
        return limit - self.before.money - self.spent.money if limit else math.inf

    def estimate(self, request: ChatRequest) -> Spend:
        """The most that a request may cost: its whole prompt read anew, and the longest reply."""
        prompt = self._prompt_tokens(request)
        return self._spend(prompt, self.context.max_output_tokens)

    def refusal(self, request: ChatRequest, *, in_time: bool = True) -> str:
        """Why a request doesn't fit; empty if it does.

        Args:
            request: What would be sent.
            in_time: Whether seconds count. They don't for the turn that concludes: what was found is not thrown away.
        """
        settings = self.settings
        if in_time and self.elapsed() >= settings.max_seconds:
            return f"the budget of {settings.max_seconds:g} seconds is used up"
        cost = self.estimate(request)
        if cost.tokens > self.tokens_left:
            return f"the budget of {settings.max_tokens} tokens is used up"
        if cost.money > self.money_left:
            return f"the budget of {settings.max_money:g} of money is used up"
        return ""

    def count(self, request: ChatRequest, reply: ChatReply) -> None:
        """Count a reply, and learn from the server's own count how long a token is."""
        self.spent = self.spent.plus(cost_of(reply, self.estimate(request), self.context.price))
        if reply.prompt_tokens > 0:
            ratio = _request_bytes(request) / reply.prompt_tokens
            self._bytes_per_token = min(max(ratio, _MIN_RATIO), _MAX_RATIO)

    def count_failure(self, request: ChatRequest) -> None:
        """Count a refused request as if its prompt had been read."""
        self.spent = self.spent.plus(self._spend(self._prompt_tokens(request), 0))

    def _prompt_tokens(self, request: ChatRequest) -> int:
        return int(_request_bytes(request) / self._bytes_per_token) + 1

    def _spend(self, prompt: int, completion: int) -> Spend:
        price = self.context.price
        money = price.cost(prompt=prompt, completion=completion) if price is not None else 0.0
        return Spend(calls=1, prompt_tokens=prompt, completion_tokens=completion, money=money)


def cost_of(reply: ChatReply, estimate: Spend, price: Price | None) -> Spend:
    """What a reply cost by the server's own count; what the server leaves out is estimated.

    Args:
        reply: As it came.
        estimate: What the request was expected to cost.
        price: Of the model; without one no money is counted.
    """
    written = len(reply.content) + sum(len(call.arguments) for call in reply.tool_calls)
    prompt = reply.prompt_tokens or estimate.prompt_tokens
    completion = reply.completion_tokens or written // BYTES_PER_TOKEN
    cached = min(reply.cached_tokens, prompt)
    money = price.cost(prompt=prompt, completion=completion, cached=cached) if price is not None else 0.0
    return Spend(calls=1, prompt_tokens=prompt, cached_tokens=cached, completion_tokens=completion, money=money)


def _opaque_bytes(opaque: Opaque) -> int:
    return len(json.dumps(opaque)) if opaque else 0


def _request_bytes(request: ChatRequest) -> int:
    messages = sum(
        len(message.content.encode("utf-8", "replace"))
        + sum(len(call.arguments) + len(call.name) + _opaque_bytes(call.opaque) for call in message.tool_calls)
        + _opaque_bytes(message.opaque)
        for message in request.messages
    )
    schema = 0 if request.response_schema is None else len(json.dumps(request.response_schema))
    return messages + schema + sum(len(tool.model_dump_json()) for tool in request.tools)
