"""Whether a compiled question agrees with a hand label of the same runbook step."""

import re
from collections.abc import Sequence
from functools import cached_property
from glob import escape

from tests.support.action_names import ActionNames
from tests.support.runbook_labels import ANY, Filter, LabelQuestion
from triage.domain.entity import Role
from triage.domain.question import OWN, Question, Subject, offset
from triage.logtypes import FieldKind, entity_fields, terms_of

PARTS = ("who", "logs", "window", "filter")
SAME_SECONDS = 1.0
"""Edges this close are the same: `-1s` is `-0s`."""
_NAMES = (FieldKind.USER, FieldKind.EMAIL, FieldKind.ARN, FieldKind.ACTOR_ID, FieldKind.PRINCIPAL, FieldKind.NAME)
"""What an actor is known by. A key or a session of theirs is less than the actor, and an account more."""


def _seconds(edge: str) -> float | None:
    """An edge as seconds to the alert; None where it has a name."""
    try:
        return offset(edge).total_seconds()
    except ValueError:
        return None


def _edge_agrees(given: str, label: str, *, sign: int) -> bool:
    have, want = _seconds(given), _seconds(label)
    if label == ANY:
        return have is None or have * sign >= -SAME_SECONDS
    if have is None or want is None:
        return given == label
    return abs(have - want) <= SAME_SECONDS


class Agreement:
    """Compares the questions of a plan with the labels of one rule."""

    def __init__(self, rule: str, log_types: Sequence[str], names: ActionNames) -> None:
        """Compare for a rule.

        Args:
            rule: Its id; what it matches is what `own` among the actions stands for.
            log_types: Of the rule.
            names: The actions that are known to occur in each log type.
        """
        self._own = tuple(log_types)
        self._names = names
        self._own_actions = tuple(escape(action) for action in sorted(names.of_rule(rule)))

    def parts(self, question: Question, label: LabelQuestion) -> frozenset[str]:
        """The parts in which a question agrees with a label."""
        agree = {
            "who": any(self._who(question.about, question.on) == self._who(who.about, who.on) for who in label.who),
            "logs": any(self._logs(question.logs) == self._logs(logs) for logs in label.logs),
            "window": not label.window
            or any(
                _edge_agrees(question.window.start, each.start, sign=-1)
                and _edge_agrees(question.window.end, each.end, sign=1)
                for each in label.window
            ),
            "filter": any(self._filter_agrees(question, each) for each in label.filter),
        }
        return frozenset(part for part, agrees in agree.items() if agrees)

    def _who(self, about: Sequence[Subject], on: Sequence[Subject]) -> frozenset[frozenset[str]]:
        """Subjects without order; a field may be searched for by itself or in anyone's acts, which is the same."""
        sides = [frozenset(self._subject(each) for each in side) for side in (about, on)]
        if sides[0] == {"anyone"} and sides[1] and all(each.startswith("field:") for each in sides[1]):
            sides[0] = frozenset()
        return frozenset(
            frozenset((f"{place} {each}" if not each.startswith("field:") else each) for each in side)
            for place, side in zip(("about", "on"), sides, strict=True)
            if side
        )

    def _subject(self, subject: Subject) -> str:
        text = str(subject)
        return self._roles.get(subject.field.casefold(), text.casefold()) if subject.field else text

    @cached_property
    def _roles(self) -> dict[str, str]:
        """The fields that are the actor or the address by the log type's file."""
        found: dict[str, str] = {}
        for log_type in self._own:
            for each in entity_fields(log_type):
                path = ".".join(part.name for part in each.path).casefold()
                if each.role is Role.ACTOR and each.kind in _NAMES:
                    found.setdefault(path, "actor")
                if each.role is Role.SOURCE and each.kind == FieldKind.IP:
                    found[path] = "address"
            for name in ("actor", "address"):
                term = terms_of(log_type).get(name)
                found.update({take.path.casefold(): name for take in term.take if take.path} if term else {})
        return found

    def _logs(self, logs: Sequence[str]) -> frozenset[str]:
        named = frozenset(logs)
        return named - frozenset(self._own) | {OWN} if self._own and named.issuperset(self._own) else named

    def _filter_agrees(self, question: Question, label: Filter) -> bool:
        actions = [name for each in question.actions for name in (self._own_actions if each == OWN else (each,))]
        given = Filter(classes=question.classes, actions=tuple(actions), words=question.words, outcome=question.outcome)
        if given.outcome is not label.outcome:
            return False
        if label.classes_among:
            return (
                bool(given.classes)
                and set(given.classes) <= set(label.classes_among)
                and not (given.actions or given.words)
            )
        if _written(given) == _written(label):
            return True
        if label == Filter(outcome=label.outcome):
            return False
        logs = [name for log in question.logs for name in (self._own if log == OWN else (log,))]
        have, want = (self._names.fitting(logs, each.classes, each.actions, each.words) for each in (given, label))
        return bool(want) and have == want


def _written(acts: Filter) -> tuple[frozenset[str], ...]:
    """A filter without regard to order, letter case, signs and the plural."""
    return (
        frozenset(acts.classes),
        frozenset(each.casefold() for each in acts.actions),
        frozenset(re.sub(r"[^a-z0-9]", "", each.casefold()).removesuffix("s") for each in acts.words),
    )
