"""The hand labels of runbook steps, and how their rules were drawn."""

import hashlib
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from triage.domain.base import Value
from triage.domain.question import OWN, ActionClass, Outcome, Question, Reads, Subject
from triage.domain.runbook import runbook_steps
from triage.domain.yaml_lines import read_yaml

LABELS = Path(__file__).parents[1] / "reference" / "runbooks"
SETS = ("work", "held_out")
ANY = "any"
"""An edge of a labelled window that agrees with every edge on its side of the alert."""
SEED = 14
RULES = 50
MOST_OF_ONE_LOG_TYPE = 8
_NUMBERED = re.compile(r"^\s*(?:step\s*)?\d{1,2}\s*[.):]\s+\S", re.IGNORECASE | re.MULTILINE)

Rule = Mapping[str, Any]
"""A published rule of `data/rules.ndjson`."""


def _tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class Who(Value):
    """Whose acts, and on what."""

    about: Annotated[tuple[Subject, ...], BeforeValidator(_tuple)]
    on: Annotated[tuple[Subject, ...], BeforeValidator(_tuple)] = ()


class LabelWindow(Value):
    """A window; an edge may be `any`."""

    start: str
    end: str


def _windows(value: object) -> object:
    if value == "unspecified":
        return ()
    return [{"start": each["from"], "end": each["to"]} for each in value] if isinstance(value, list) else value


class Filter(Value):
    """Which acts."""

    classes: Annotated[tuple[ActionClass, ...], BeforeValidator(_tuple)] = ()
    classes_among: tuple[ActionClass, ...] = ()
    """Agrees with every choice of these."""
    actions: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    outcome: Outcome = Outcome.ANY


class LabelQuestion(Value):
    """A question that answers a step; each part has alternatives."""

    who: tuple[Who, ...]
    logs: tuple[tuple[str, ...], ...] = ((OWN,),)
    window: Annotated[tuple[LabelWindow, ...], BeforeValidator(_windows)]
    """Empty where the step names none."""
    filter: tuple[Filter, ...]
    reads: tuple[Reads, ...] = tuple(Reads)
    optional: bool = False

    def values(self) -> Iterator[Question]:
        """Every question that the alternatives make."""
        windows = self.window or (LabelWindow(start="-1d", end="-0s"),)
        for who, logs, window, acts in product(self.who, self.logs, windows, self.filter):
            yield Question.model_validate(
                {
                    **who.model_dump(),
                    "logs": logs,
                    "window": {"from": window.start.replace(ANY, "-1h"), "to": window.end.replace(ANY, "+1h")},
                    "classes": acts.classes or acts.classes_among,
                    "actions": acts.actions,
                    "words": acts.words,
                    "outcome": acts.outcome,
                }
            )


class LabelStep(Value):
    """What answers one step."""

    step: int
    sha: str
    questions: tuple[LabelQuestion, ...] = ()
    needs: bool = False
    person: bool = False
    beyond: bool = False


class LabelFile(Value):
    """One of the two sets."""

    seed: Literal[14]
    alternatives: Any
    """YAML anchors that the rules use."""
    rules: dict[str, tuple[LabelStep, ...]]


def read_labels(name: str) -> dict[str, tuple[LabelStep, ...]]:
    """The labelled steps of a set: rule to steps."""
    return read_yaml(LABELS / f"{name}.yaml").validate(LabelFile).rules


def step_digest(text: str) -> str:
    """What a label calls a step's text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def numbered(rules: Sequence[Rule]) -> list[Rule]:
    """The rules whose runbook has at least two numbered steps."""
    return [rule for rule in rules if len(_NUMBERED.findall((rule["runbook"] or "").replace("\\n", "\n"))) > 1]


def draw(rules: Sequence[Rule]) -> tuple[list[Rule], list[Rule]]:
    """Draw the rules of `work` and `held_out`: at random, but no log type has too many."""
    chance = random.Random(SEED)
    order = sorted(numbered(rules), key=lambda rule: str(rule["rule_id"]))
    chance.shuffle(order)
    had: Counter[str] = Counter()
    drawn: list[Rule] = []
    for rule in order:
        log_types = rule["log_types"] or [""]
        if len(drawn) < RULES and all(had[log_type] < MOST_OF_ONE_LOG_TYPE for log_type in log_types):
            had.update(log_types)
            drawn.append(rule)
    chance.shuffle(drawn)
    return drawn[: RULES // 2], drawn[RULES // 2 :]


def steps_of(rule: Rule) -> tuple[str, ...]:
    """The steps of a rule's runbook."""
    return runbook_steps(rule["runbook"] or "")
