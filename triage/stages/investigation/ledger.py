"""The tool calls of each turn: which are run, what they bring, and what the model reads of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from triage.domain.evidence import Evidence
from triage.domain.untrusted import Caps
from triage.ports import ToolCall
from triage.stages.investigation.briefing import Briefing
from triage.stages.investigation.budget import Budget
from triage.stages.investigation.replies import canonical_call, describe_call, one_line
from triage.stages.investigation.tools import ASK, ROWS, ShowRows
from triage.stages.investigation.values import ToolAnswer
from triage.stages.model_calls import ReplyInvalid, read_json, validated

QUERYING = frozenset({ASK, "query_lake", "search_indicators", "more_events"})
"""Tools that cost a query, at least."""
MAX_CALLS = 12
"""Calls of one turn that are run."""
_MIN_RESULT_CHARS = 3_000
"""Of one answer of several: about 25 compact rows."""
_MAX_CALL_CHARS = 24_000
"""Of all answers of a turn together, where they are so many that this leaves less for each."""

Narrate = Callable[[str, bool], None]
"""Shows a line of progress, and whether it is good news."""


@dataclass(slots=True)
class EvidenceLedger:
    """All evidence of a run by number, and every question that was asked for it."""

    budget: Budget
    briefing: Briefing
    evidence: list[Evidence]
    narrate: Narrate
    failed: int = 0
    """Calls that failed."""
    paged: int = 0
    """Pages of answers that were read on."""
    _known: dict[str, str] = field(default_factory=dict)
    """Canonical call to its result: an evidence id, or words."""

    def page(self, call: ToolCall, calls: int) -> str:
        """Further rows of an answer, as a `rows` call asks for them, or why there are none; counts a page as new."""
        try:
            asked = validated(ShowRows, read_json(call.arguments or "{}"))
        except ReplyInvalid as error:
            return self.briefing.words(f"The arguments of {call.name}: {one_line(str(error))}.")
        entry = next((each for each in self.evidence if each.id == asked.evidence.strip().upper()), None)
        if entry is None:
            return f"There is no such evidence; there is E1 to {self.evidence[-1].id if self.evidence else 'E0'}."
        self.paged += asked.start < len(entry.rows)
        return self.briefing.page(entry, asked.start, self._caps(calls))

    def _caps(self, calls: int) -> Caps:
        caps = Caps()
        return Caps(
            caps.field, caps.row, caps.rows, max(caps.chars // calls, min(_MIN_RESULT_CHARS, _MAX_CALL_CHARS // calls))
        )

    def plan(self, calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
        """The calls to run: each question once, as far as the budget goes."""
        queries = 0 if self.budget.used_up else self.budget.queries_left
        planned: dict[str, ToolCall] = {}
        for call in calls:
            if call.name == ROWS:
                continue
            question = canonical_call(call)
            if question in self._known or question in planned:
                self.budget.repeated += 1
                continue
            if call.name in QUERYING:
                if queries == 0:
                    continue
                queries -= 1
            planned[question] = call
            self.narrate(describe_call(call), True)
        self.budget.tool_calls += len(calls)
        return tuple(planned.values())

    def take(self, calls: Sequence[ToolCall], answers: Sequence[ToolAnswer]) -> dict[str, ToolAnswer]:
        """Number the evidence in the order of the calls and remember what each question gave.

        Returns:
            The answers by call id, their evidence numbered.
        """
        brought: dict[str, ToolAnswer] = {}
        for call, given in zip(calls, answers, strict=True):
            answer = given
            self.budget.count_tool(answer)
            self.failed += answer.failed
            if answer.answers:
                numbered = [self._numbered(entry) for entry in answer.answers]
                answer = answer.model_copy(update={"evidence": numbered[0], "further": tuple(numbered[1:])})
            elif answer.failed:
                self.narrate(f"{call.name}: {one_line(answer.content)}", False)
            ids = ", ".join(entry.id for entry in answer.answers)
            self._known[canonical_call(call)] = ids or answer.content
            brought[call.id] = answer
        return brought

    def _numbered(self, entry: Evidence) -> Evidence:
        """An answer under the next number, kept."""
        number = 1 + max((int(known.id[1:]) for known in self.evidence), default=0)
        evidence = entry.model_copy(update={"id": f"E{number}"})
        self.evidence.append(evidence)
        rows = f"{evidence.row_count} rows{' (cut)' if evidence.truncated else ''}"
        self.narrate(f"{evidence.id}: {rows if evidence.answered else one_line(evidence.error)}", evidence.answered)
        return evidence

    def text_for(self, call: ToolCall, answer: ToolAnswer | None, calls: int) -> str:
        """What the model reads for one of several calls; `answer` is `None` for one that was not run."""
        if call.name == ROWS:
            return self.page(call, calls)
        if answer is None:
            earlier = self._known.get(canonical_call(call))
            if earlier is None:
                used_up = self.budget.used_up
                if used_up:
                    return f"Not run: {used_up}. Conclude from what you have."
                return f"Not run: the other calls of this turn took what there was. {self.budget.left}."
            return f"You asked this before. The answer is: {self.briefing.words(earlier)}"
        text = self._answer_text(answer, calls)
        return f"{text}\n{self.budget.left}." if call.name in QUERYING else text

    def _answer_text(self, answer: ToolAnswer, calls: int) -> str:
        if answer.evidence is None:
            return self.briefing.words(answer.content)
        shown = [entry for entry in answer.answers if entry.rows or not entry.answered] or [answer.evidence]
        caps = self._caps(calls * len(shown))
        return self.briefing.tool_results(answer.answers, shown, answer.content, caps)
