"""What one alert may spend on its investigation, and what it has spent: model calls, tool calls and queries."""

import json
from dataclasses import dataclass

from triage.domain.evidence import Evidence
from triage.domain.verdict import Usage
from triage.ports import ChatReply, ChatRequest, QueryLimits
from triage.stages.investigation.values import ToolAnswer
from triage.stages.model_calls import ModelBudget

_QUERY_BYTES = 200_000
_RESERVE_SECONDS = 60.0
_RESERVE_SHARE = 0.2
_RUNS_OUT = 0.3
"""Below this share what is left of rows or bytes is worth saying."""


@dataclass(slots=True)
class Budget(ModelBudget):
    """Counts an investigation's spending against the configured limits; `before` is what enrichment spent."""

    turns: int = 0
    tool_calls: int = 0
    repeated: int = 0
    """Tool calls that had been made before and were answered from the ledger."""
    queries: int = 0
    rows: int = 0
    bytes: int = 0

    @property
    def queries_left(self) -> int:
        return max(self.queries_given - self.queries, 0)

    @property
    def queries_given(self) -> int:
        """What enrichment has left of the alert's queries, up to the model's own share."""
        return max(min(self.settings.max_queries - self.before.queries, self.settings.max_model_queries), 0)

    @property
    def rows_left(self) -> int:
        return max(self.settings.max_rows - self.before.rows - self.rows, 0)

    @property
    def bytes_left(self) -> int:
        return max(self.settings.max_bytes - self.before.bytes - self.bytes, 0)

    @property
    def left(self) -> str:
        """What is left for queries, in words; of rows and bytes only where they may end first."""
        parts = [f"{self.queries_left} {'query' if self.queries_left == 1 else 'queries'}"]
        if self.rows_left < self.settings.max_rows * _RUNS_OUT:
            parts.append(f"{self.rows_left:,} rows")
        if self.bytes_left < self.settings.max_bytes * _RUNS_OUT:
            parts.append(f"{self.bytes_left // 1_000:,} kB of rows")
        return f"{', '.join(parts)} left"

    @property
    def used_up(self) -> str:
        """Which budget of queries is used up, in words; empty if none is."""
        if not self.queries_left:
            own = self.queries_given == self.settings.max_model_queries
            most = self.settings.max_model_queries if own else self.settings.max_queries
            return f"the {'model' if own else 'alert'}'s budget of queries is used up ({most})"
        if not self.rows_left:
            return f"the alert's budget of rows is used up ({self.settings.max_rows:,})"
        return "" if self.bytes_left else f"the alert's budget of bytes is used up ({self.settings.max_bytes:,})"

    @property
    def usage(self) -> Usage:
        """What the investigation itself has spent."""
        return Usage(
            turns=self.turns,
            tool_calls=self.tool_calls,
            queries=self.queries,
            rows=self.rows,
            bytes=self.bytes,
            prompt_tokens=self.spent.prompt_tokens,
            completion_tokens=self.spent.completion_tokens,
            cached_tokens=self.spent.cached_tokens,
            money=round(self.spent.money, 9),
            seconds=round(self.elapsed(), 3),
        )

    def exhausted(self, request: ChatRequest) -> str:
        """Why only one more turn, to conclude, is left; empty if another full turn fits."""
        settings = self.settings
        if self.turns >= settings.max_turns:
            return f"{settings.max_turns} turns"
        reserve = min(_RESERVE_SECONDS, _RESERVE_SHARE * settings.max_seconds)
        if self.elapsed() >= settings.max_seconds - reserve:
            return f"{settings.max_seconds:g} seconds"
        # This turn, and after it the one that concludes.
        cost = self.estimate(request)
        if 2 * cost.tokens > self.tokens_left:
            return f"{settings.max_tokens} tokens"
        if 2 * cost.money > self.money_left:
            return f"{settings.max_money:g} of money"
        return ""

    def limits(self, questions: int) -> QueryLimits:
        """What the answer to each of several questions of one turn may bring."""
        share = max(questions, 1)
        seconds = min(self.settings.query_seconds, max(self.settings.max_seconds - self.elapsed(), 1.0))
        return QueryLimits(
            rows=max(min(self.settings.query_rows, self.rows_left // share), 1),
            bytes=max(min(_QUERY_BYTES, self.bytes_left // share), 1),
            seconds=seconds,
        )

    def count_turn(self, request: ChatRequest, reply: ChatReply) -> None:
        """Count a turn of the model."""
        self.turns += 1
        self.count(request, reply)

    def count_tool(self, answer: ToolAnswer) -> None:
        """Count what a tool call brought."""
        self.queries += answer.queries
        self.bytes += answer.bytes
        self.rows += sum(len(entry.rows) for entry in answer.answers)


def spent_on(evidence: tuple[Evidence, ...]) -> Usage:
    """What gathering a dossier's evidence has spent, as far as the evidence shows it."""
    asked = [entry for entry in evidence if entry.sql]
    return Usage(
        queries=len(asked),
        rows=sum(len(entry.rows) for entry in asked),
        bytes=sum(len(json.dumps(entry.rows, separators=(",", ":"))) for entry in asked if entry.rows),
    )
