"""Our side of the conversation: instructions, dossier, tool results, and objections."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from triage.domain.canary import canary_of
from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence
from triage.domain.finding import Issue, IssueCode
from triage.domain.step import StepOutcome
from triage.domain.untrusted import Caps, Fence, shorten, visible, visible_json
from triage.ports import Prompts
from triage.stages.investigation.dossier_parts import (
    MAX_QUESTION_CHARS,
    alert_record,
    decoded_lines,
    detection_record,
    entity_lines,
    flag_lines,
    note_lines,
    question_list,
    shortened_line,
    signal_lines,
    step_line,
    without_runbook,
)
from triage.stages.investigation.entries import EntryWriter
from triage.stages.investigation.legend import legend_of

_MAX_DETECTION_CHARS = 3_000
"""Characters shown of a detection's source or description."""
_MAX_ASKED_CHARS = 160
"""Of a question whose answer has no rows."""
_RHYTHM = "rhythm."
"""Start of the keys of questions that ask in which hours a table has rows."""


@dataclass(frozen=True, slots=True)
class Briefing:
    """Renders everything that the model reads in one run."""

    prompts: Prompts
    fence: Fence
    steps: tuple[StepOutcome, ...]
    """Of the runbook, with what code made of each."""
    moment: datetime | None = None
    """The alert's first event."""
    now: datetime | None = None
    """Of the run."""

    @property
    def _entries(self) -> EntryWriter:
        return EntryWriter(self.fence, self.moment, self.now)

    @property
    def texts(self) -> tuple[str, ...]:
        """The steps as the runbook has them."""
        return tuple(outcome.text for outcome in self.steps)

    @property
    def canary(self) -> str:
        """A word that only the instructions hold: a reply that carries it comes from a model that leaks them."""
        return canary_of(self.prompts.digest)

    def system(self, *, tools: bool = True) -> str:
        """The instructions: no alert data and no nonce, the same for every alert.

        Args:
            tools: The model can call tools; otherwise it judges from the dossier.
        """
        return self.prompts.render("system.md.j2", {"canary": self.canary, "tools": tools})

    def dossier(self, dossier: Dossier, *, chars: int, turns: int, queries: int, tools: bool = True) -> str:
        """The detection, then the alert with its evidence, in about `chars` characters."""
        caps = Caps()
        while True:
            text = self._dossier(dossier, caps, turns=turns, queries=queries, tools=tools)
            if len(text) <= chars or caps == caps.halved():
                return text
            caps = caps.halved()

    def _dossier(self, dossier: Dossier, caps: Caps, *, turns: int, queries: int, tools: bool) -> str:
        # In which hours a table receives rows is coverage, which each answer states; it says nothing about the alert.
        shown = tuple(entry for entry in dossier.evidence if not entry.key.startswith(_RHYTHM))
        variables: dict[str, object] = {
            "detection": without_runbook(detection_record(dossier, min(_MAX_DETECTION_CHARS, caps.chars)), self.steps),
            "runbook": list(self.texts),
            "steps": self.fence.wrap("runbook", "\n".join(map(step_line, self.steps))) if self.steps else "",
            "questions": question_list(shown),
            "nonce": self.fence.nonce,
            "alert": self.fence.wrap("alert", visible_json(alert_record(dossier, caps))),
            "now": dossier.now.isoformat(),
            "entities": self.fence.wrap("entities", entity_lines(dossier, caps)),
            "flags": self.fence.wrap("flags", flag_lines(dossier, caps)),
            "signals": self.fence.wrap("signals", signal_lines(dossier, caps)),
            "decoded": self.fence.wrap("decoded", decoded) if (decoded := decoded_lines(dossier, caps)) else "",
            "evidence": self._entries.dossier(shown, caps),
            "notes": self.fence.wrap("notes", notes) if (notes := note_lines(dossier, caps)) else "",
            "turns": turns,
            "queries": queries,
            "tools": tools,
        }
        return self.prompts.render("dossier.md.j2", variables)

    def tool_result(self, entry: Evidence, content: str, caps: Caps) -> str:
        """What the model reads for a tool's rows."""
        head, rows = self._entries.parts(entry, caps)
        question = f"question: {visible_json(shortened_line(entry.question, MAX_QUESTION_CHARS))}"
        body = self.fence.wrap(entry.id, f"{question}\n{rows}" if rows else question)
        table = f"table {visible(entry.table)}; " if entry.table else ""
        legend = legend_of(entry)
        head = f"{head} {legend}" if legend and rows else head
        return "\n".join(part for part in (f"{entry.id}: {table}{head}", body, content and self.words(content)) if part)

    def tool_results(self, entries: Sequence[Evidence], shown: Sequence[Evidence], content: str, caps: Caps) -> str:
        """What the model reads for a call that brought several answers.

        Args:
            entries: All of them.
            shown: Those with a block of their own; the others have no rows, and share one.
            content: What is said of the call.
            caps: Of each block.
        """
        parts = [self.tool_result(entry, "", caps) for entry in shown]
        others = [entry for entry in entries if entry not in shown]
        if others:
            asked = (f"{each.id} {visible_json(shortened_line(each.question, _MAX_ASKED_CHARS))}" for each in others)
            lines = self._entries.dossier(others, caps).rest
            parts.append("\n".join([self.fence.wrap("no rows", "\n".join(asked)), *lines]))
        return "\n\n".join([*parts, *([self.words(content)] if content else [])])

    def page(self, entry: Evidence, start: int, caps: Caps) -> str:
        """Stored rows of an answer from a number on."""
        return self._entries.page(entry, start, caps)

    def words(self, text: str) -> str:
        """What the model reads for a tool beside rows: names and messages, which others may have chosen."""
        return self.fence.wrap("message", "\n".join(map(visible, text.splitlines())))

    def removed(self, entry: Evidence) -> str:
        """What is left of a tool's rows after they had to make room."""
        return f"{entry.id}: {entry.row_count} rows, removed from this conversation to make room. They can be cited."

    def repair(self, problems: Sequence[str]) -> str:
        """Everything that is wrong with a result's form."""
        return self.prompts.render("repair.md.j2", {"problems": list(problems)})

    def objections(self, issues: Sequence[Issue], *, may_ask: bool = False) -> str:
        """Everything that verification objects to in a draft.

        Args:
            issues: What is wrong, and which hard flags a benign verdict leaves open.
            may_ask: Whether one more turn of questions is possible.
        """
        listed = [
            {"finding": issue.finding, "message": shorten(issue.message, 600)}
            for issue in issues
            if issue.code is not IssueCode.UNANSWERED_FLAG
        ]
        flags = [shorten(issue.message, 600) for issue in issues if issue.code is IssueCode.UNANSWERED_FLAG]
        return self.prompts.render("issues.md.j2", {"issues": listed, "flags": flags, "may_ask": may_ask})

    def last_turn(self, reason: str) -> str:
        """Says that the budget is used up."""
        return self.prompts.render("last_turn.md.j2", {"reason": reason})

    def form(self, schema: str) -> str:
        """Asks for the result as JSON, without a tool."""
        return self.prompts.render("form.md.j2", {"schema": schema})

    def nudge(self, reason: str) -> str:
        """Says that a turn called no tool."""
        return self.prompts.render("nudge.md.j2", {"reason": reason})
