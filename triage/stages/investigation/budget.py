"""What one alert may spend on its investigation, and what it has spent."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from triage.domain.evidence import Evidence
from triage.domain.verdict import Usage
from triage.ports import ChatReply, ChatRequest, Spend
from triage.settings import InvestigationSettings, Price
from triage.stages.investigation.effects import ToolAnswer, ToolLimits
from triage.stages.investigation.tools import size_of_specs

_BYTES_PER_TOKEN = 3.5
"""Until the server has reported its own count."""
_LEAST_RATIO, _MOST_RATIO = 1.5, 6.0
_QUERY_BYTES = 200_000
_RESERVE_SECONDS = 60.0
_RESERVE_SHARE = 0.2


@dataclass(slots=True)
class Budget:
    """Counts an investigation's spending against the configured limits."""

    settings: InvestigationSettings
    max_output_tokens: int
    elapsed: Callable[[], float]
    """Seconds that the effects so far have taken; the same again when they are replayed."""
    price: Price | None = None
    """Of the model; without one no money is counted."""
    turns: int = 0
    tool_calls: int = 0
    repeated: int = 0
    """Tool calls that had been made before and were answered from the ledger."""
    queries: int = 0
    rows: int = 0
    bytes: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    before: Usage = field(default_factory=Usage)
    """What gathering the dossier has spent already; it counts against queries, rows and bytes."""
    _ratio: float = _BYTES_PER_TOKEN

    @property
    def queries_left(self) -> int:
        return max(self.settings.max_queries - self.before.queries - self.queries, 0)

    @property
    def rows_left(self) -> int:
        return max(self.settings.max_rows - self.before.rows - self.rows, 0)

    @property
    def bytes_left(self) -> int:
        return max(self.settings.max_bytes - self.before.bytes - self.bytes, 0)

    @property
    def tokens_left(self) -> int:
        return self.settings.max_tokens - self.prompt_tokens - self.completion_tokens

    @property
    def turns_left(self) -> int:
        return max(self.settings.max_turns - self.turns, 0)

    @property
    def money(self) -> float:
        """Spent on the model so far, in `llm.currency`."""
        return self._cost(self.prompt_tokens, self.completion_tokens, self.cached_tokens)

    @property
    def money_left(self) -> float:
        return self.settings.max_money - self.money if self.settings.max_money else math.inf

    @property
    def usage(self) -> Usage:
        """What the investigation itself has spent."""
        return Usage(
            turns=self.turns,
            tool_calls=self.tool_calls,
            queries=self.queries,
            rows=self.rows,
            bytes=self.bytes,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            cached_tokens=self.cached_tokens,
            money=round(self.money, 9),
            seconds=round(self.elapsed(), 3),
        )

    def estimate(self, request: ChatRequest) -> int:
        """Tokens of a request's prompt, from its bytes and what the server said of earlier ones."""
        return int(size_of(request) / self._ratio) + 1

    def cost(self, request: ChatRequest) -> Spend:
        """What a request may cost at most: its whole prompt read anew, and the longest reply."""
        prompt = self.estimate(request)
        money = self._cost(prompt, self.max_output_tokens)
        return Spend(calls=1, prompt_tokens=prompt, completion_tokens=self.max_output_tokens, money=money)

    def exhausted(self, request: ChatRequest) -> str:
        """Why only one more turn, to conclude, is left; empty where another full turn fits."""
        settings = self.settings
        if self.turns >= settings.max_turns:
            return f"{settings.max_turns} turns"
        reserve = min(_RESERVE_SECONDS, _RESERVE_SHARE * settings.max_seconds)
        if self.elapsed() >= settings.max_seconds - reserve:
            return f"{settings.max_seconds:g} seconds"
        # This turn, and after it the one that concludes.
        cost = self.cost(request)
        if 2 * cost.tokens > self.tokens_left:
            return f"{settings.max_tokens} tokens"
        if 2 * cost.money > self.money_left:
            return f"{settings.max_money:g} of money"
        return ""

    def refusal(self, request: ChatRequest, *, in_time: bool = True) -> str:
        """Why not even one more turn fits; empty where it does.

        Args:
            request: What would be asked.
            in_time: Seconds count. They don't for the turn that concludes: what was found shall not be lost.
        """
        settings = self.settings
        if in_time and self.elapsed() >= settings.max_seconds:
            return f"the budget of {settings.max_seconds:g} seconds is used up"
        cost = self.cost(request)
        if cost.tokens > self.tokens_left:
            return f"the budget of {settings.max_tokens} tokens is used up"
        if cost.money > self.money_left:
            return f"the budget of {settings.max_money:g} of money is used up"
        return ""

    def limits(self, calls: int) -> ToolLimits:
        """What each of several calls of one turn may bring."""
        share = max(calls, 1)
        seconds = min(self.settings.query_seconds, max(self.settings.max_seconds - self.elapsed(), 1.0))
        return ToolLimits(
            rows=max(min(self.settings.query_rows, self.rows_left // share), 1),
            bytes=max(min(_QUERY_BYTES, self.bytes_left // share), 1),
            seconds=seconds,
        )

    def spend_turn(self, request: ChatRequest, reply: ChatReply) -> None:
        """Count a reply; what the server doesn't report is estimated."""
        written = len(reply.content) + sum(len(call.arguments) for call in reply.tool_calls)
        self.prompt_tokens += reply.prompt_tokens or self.estimate(request)
        self.completion_tokens += reply.completion_tokens or int(written / self._ratio)
        self.cached_tokens += min(reply.cached_tokens, reply.prompt_tokens)
        if reply.prompt_tokens > 0:
            self._ratio = min(max(size_of(request) / reply.prompt_tokens, _LEAST_RATIO), _MOST_RATIO)

    def spend_failure(self, request: ChatRequest) -> None:
        """Count a request that was refused as if its prompt had been read."""
        self.prompt_tokens += self.estimate(request)

    def spend_tool(self, answer: ToolAnswer) -> None:
        """Count what a tool call brought."""
        self.queries += answer.queries
        self.bytes += answer.bytes
        self.rows += len(answer.evidence.rows) if answer.evidence is not None else 0

    def _cost(self, prompt: int, completion: int, cached: int = 0) -> float:
        return self.price.cost(prompt=prompt, completion=completion, cached=cached) if self.price is not None else 0.0


def size_of(request: ChatRequest) -> int:
    """Bytes of everything that a request says."""
    said = sum(
        len(message.content.encode("utf-8", "replace"))
        + sum(len(call.arguments) + len(call.name) for call in message.tool_calls)
        for message in request.messages
    )
    schema = 0 if request.response_schema is None else len(json.dumps(request.response_schema))
    return said + schema + size_of_specs(request.tools)


def spent_on(evidence: tuple[Evidence, ...]) -> Usage:
    """What gathering a dossier's evidence has spent, as far as the evidence shows it."""
    asked = [entry for entry in evidence if entry.sql]
    return Usage(
        queries=len(asked),
        rows=sum(len(entry.rows) for entry in asked),
        bytes=sum(len(json.dumps(entry.rows, separators=(",", ":"))) for entry in asked if entry.rows),
    )
