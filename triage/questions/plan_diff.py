"""What a new plan of a runbook changes: steps added, removed, changed, and their questions before and after."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from triage.domain.plan import PlannedStep, RunbookPlan

_ALIKE = 0.5
"""From here on two texts are one step that was reworded."""


class ChangeKind(StrEnum):
    SAME = "same"
    CHANGED = "changed"
    """Another text, or other questions, needs or decisions for the same text."""
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class StepChange:
    """One step before and after."""

    kind: ChangeKind
    before: PlannedStep | None
    after: PlannedStep | None

    @property
    def reworded(self) -> bool:
        """The text itself has changed."""
        return self.before is not None and self.after is not None and _words(self.before) != _words(self.after)


def plan_changes(before: RunbookPlan, after: RunbookPlan) -> tuple[StepChange, ...]:
    """Every step of either plan, in order; a moved step is removed and added."""
    return tuple(_changes(before.steps, after.steps))


def _changes(before: Sequence[PlannedStep], after: Sequence[PlannedStep]) -> Iterator[StepChange]:
    matcher = SequenceMatcher(None, [_words(step) for step in before], [_words(step) for step in after], autojunk=False)
    for tag, start, end, new_start, new_end in matcher.get_opcodes():
        old, new = before[start:end], after[new_start:new_end]
        if tag == "equal":
            for was, now in zip(old, new, strict=True):
                kind = ChangeKind.SAME if _plan(was) == _plan(now) else ChangeKind.CHANGED
                yield StepChange(kind, was, now)
        else:
            yield from _replaced(old, new)


def _replaced(old: Sequence[PlannedStep], new: Sequence[PlannedStep]) -> Iterator[StepChange]:
    """Steps in whose place others stand now: each is paired with the first later one that reads alike."""
    first = 0
    for step in old:
        place = next((index for index in range(first, len(new)) if _alike(step, new[index])), None)
        if place is None:
            yield StepChange(ChangeKind.REMOVED, step, None)
            continue
        for added in new[first:place]:
            yield StepChange(ChangeKind.ADDED, None, added)
        yield StepChange(ChangeKind.CHANGED, step, new[place])
        first = place + 1
    for added in new[first:]:
        yield StepChange(ChangeKind.ADDED, None, added)


def _alike(one: PlannedStep, other: PlannedStep) -> bool:
    return SequenceMatcher(None, _words(one), _words(other), autojunk=False).ratio() >= _ALIKE


def _words(step: PlannedStep) -> str:
    return " ".join(step.text.casefold().split())


def _plan(step: PlannedStep) -> tuple[object, ...]:
    return step.questions, step.needs, step.person
