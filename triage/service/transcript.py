"""`triage show --transcript`: every turn of the model and every tool call of a run, from its journal."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from pydantic import JsonValue

from triage.domain.clean import printable, printable_sentence
from triage.errors import StoreError
from triage.ports import ChatReply, Journal, ToolCall
from triage.settings import Price
from triage.stages.investigation import ToolCallEntry
from triage.stages.model_calls import ModelCallEntry, read_entry

Entries = Sequence[tuple[str, str, JsonValue]]
"""Key, kind and payload of every step of a run, in order."""

_TEXT = 4_000


@dataclass(frozen=True, slots=True)
class TranscriptStep:
    """One turn or one tool call."""

    key: str
    kind: str
    """`turn` or `tool`."""
    at: datetime | None
    seconds: float
    lines: tuple[str, ...]
    """Text of the turn, or the tool call and its answer; cleaned for a terminal."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    money: float | None = None
    """`None` if the model has no price."""

    def facts(self, currency: str) -> str:
        """Time, duration, tokens and money, in words."""
        parts = [f"{self.at:%H:%M:%S} UTC" if self.at is not None else "", f"{self.seconds:.1f} s"]
        if self.kind == "turn":
            cached = f" ({self.cached_tokens} cached)" if self.cached_tokens else ""
            parts.append(f"{self.prompt_tokens} tokens read{cached}, {self.completion_tokens} written")
            parts.append(f"{self.money:.4f} {currency}" if self.money is not None else "")
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Transcript:
    """The conversation of a run."""

    steps: Sequence[TranscriptStep]

    @classmethod
    async def load(cls, journal: Journal, run_id: str, price: Price | None) -> "Transcript":
        """Read the journal of a run; empty if no model was used. Raises StoreError."""
        return cls.of(await journal.entries(run_id), price)

    @classmethod
    def of(cls, entries: Entries, price: Price | None) -> "Transcript":
        """Leave out steps of other kinds and of other versions.

        Args:
            entries: As `Journal.entries` returns them, each payload wrapped in `result`.
            price: The model's, if known.
        """
        steps = []
        for key, kind, payload in entries:
            value = payload.get("result") if isinstance(payload, dict) else None
            try:
                if kind == "model":
                    steps.append(_turn(key, read_entry(ModelCallEntry, value, key), price))
                elif kind == "tool":
                    steps.append(_tool(key, read_entry(ToolCallEntry, value, key)))
            except StoreError:
                continue
        return cls(steps)

    def text(self, currency: str) -> str:
        """For a terminal."""
        if not self.steps:
            return "no model was used in this run"
        lines: list[str] = []
        for step in self.steps:
            lines += [f"{step.key}  {step.facts(currency)}", *(f"    {line}" for line in step.lines), ""]
        return "\n".join([*lines, self._sum(currency)])

    def rows(self) -> list[dict[str, object]]:
        """For `--json`."""
        return [
            {**asdict(step), "at": step.at.isoformat() if step.at else None, "seconds": round(step.seconds, 3)}
            for step in self.steps
        ]

    def _sum(self, currency: str) -> str:
        turns = [step for step in self.steps if step.kind == "turn"]
        prompt = sum(step.prompt_tokens for step in turns)
        cached = sum(step.cached_tokens for step in turns)
        written = sum(step.completion_tokens for step in turns)
        money = [step.money for step in turns if step.money is not None]
        cost = f", {sum(money):.4f} {currency}" if money else ", no price in llm.prices"
        seconds = sum(step.seconds for step in self.steps)
        return (
            f"{len(turns)} turns, {len(self.steps) - len(turns)} tool calls, {prompt} tokens read ({cached} cached), "
            f"{written} written{cost}, {seconds:.1f} s in total"
        )


def _turn(key: str, entry: ModelCallEntry, price: Price | None) -> TranscriptStep:
    reply = entry.reply
    if reply is None:
        reason = entry.failure.message if entry.failure is not None else ""
        return TranscriptStep(key, "turn", entry.at, entry.seconds, (f"no answer: {printable(reason, 400)}",))
    cached = min(reply.cached_tokens, reply.prompt_tokens)
    return TranscriptStep(
        key=key,
        kind="turn",
        at=entry.at,
        seconds=entry.seconds,
        lines=tuple(_reply_lines(reply)),
        prompt_tokens=reply.prompt_tokens,
        cached_tokens=cached,
        completion_tokens=reply.completion_tokens,
        money=price.cost(prompt=reply.prompt_tokens, completion=reply.completion_tokens, cached=cached)
        if price is not None
        else None,
    )


def _reply_lines(reply: ChatReply) -> Iterable[str]:
    if reply.refusal:
        yield f"refused: {printable(reply.refusal, _TEXT)}"
    if reply.content.strip():
        yield f"says: {printable_sentence(reply.content, _TEXT)}"
    for call in reply.tool_calls:
        yield _call_line(call)
    if reply.finish_reason not in ("", "stop", "tool_calls"):
        yield f"ended: {printable(reply.finish_reason, 40)}"


def _call_line(call: ToolCall) -> str:
    return f"calls {printable(call.name, 80)} {printable_sentence(call.arguments, _TEXT)}"


def _tool(key: str, entry: ToolCallEntry) -> TranscriptStep:
    lines = [_call_line(entry.call)] if entry.call is not None else []
    for found in entry.answer.answers:
        if not found.answered:
            lines.append(f"no answer: {printable(found.error, 400)}")
            continue
        lines.append(f"{found.row_count} rows{' (cut)' if found.truncated else ''}: {printable(found.question, 300)}")
        if found.sql:
            lines.append(f"SQL: {printable_sentence(found.sql, _TEXT)}")
    if entry.answer.content:
        lines.append(printable_sentence(entry.answer.content, 600))
    return TranscriptStep(key, "tool", entry.at, entry.seconds, tuple(lines))
