"""Compile every published runbook with the grammar, and compare with the hand labels: `python tests/bench/runbooks.py`.

Prints how many steps get a question, of all rules with numbered runbooks; then, for the labelled rules of
`tests/reference/runbooks`, how often the compiled questions agree with the labels in each part, what was asked that is
nobody's question, and which labelled questions are missing. `--held-out` takes the set that the grammar was not written
from. `--plans DIR` compares plan files, such as a model's or a person's, in place of the grammar's plans; rules without
a file are left out. `--list` names each disagreement, with the step's text. Needs the reference data beside the project
(or in TRIAGE_SHARED). Exit status 1 where a step is answered by a question that isn't its own.

A question counts with the label of its step that it agrees with in most parts. Where the label has no question, it agrees
in none.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.action_names import ActionNames
from tests.support.runbook_agreement import PARTS, Agreement
from tests.support.runbook_labels import SETS, LabelStep, Rule, numbered, read_labels, steps_of
from tests.support.shared import SHARED, shared_lines
from triage.domain.plan import PlannedStep, RunbookPlan, digest_of
from triage.domain.question import PlannedQuestion
from triage.questions.grammar import compile_runbook
from triage.questions.plan_files import read_plan

QUERY_VERBS = ("query", "find", "search", "check", "look", "identify", "review")
"""First words of steps that ask for a look at the logs."""


@dataclass(slots=True)
class Score:
    """How the questions of a labelled set agree."""

    steps: int = 0
    questions: int = 0
    whole: int = 0
    """Questions that agree with a label in every part."""
    parts: Counter[str] = field(default_factory=Counter)
    """Part to how many questions agree in it."""
    reads: int = 0
    """Of those that agree in every part, how many are read as the label says."""
    asked: int = 0
    """Steps whose label has a question that can't be left out, and that have a question."""
    to_ask: int = 0
    foreign: list[tuple[str, int]] = field(default_factory=list)
    """Steps with a question though the label has none."""
    wanted: int = 0
    found: int = 0
    """Labelled questions that can't be left out, and those of them that some question agrees with."""
    needs: Counter[tuple[bool, bool]] = field(default_factory=Counter)
    person: Counter[tuple[bool, bool]] = field(default_factory=Counter)
    """Labelled and planned: in how many steps."""
    notes: list[str] = field(default_factory=list)


def said(question: PlannedQuestion) -> str:
    """A question in one line."""
    window = f"{question.window.start} to {question.window.end}"
    on = f" on {', '.join(map(str, question.on))}" if question.on else ""
    acts = [*question.classes, *question.actions, *(f"'{word}'" for word in question.words)]
    outcome = "" if question.outcome == "any" else f", {question.outcome}"
    filters = f"; {', '.join(acts) or 'every act'}{outcome}"
    return f"{', '.join(map(str, question.about))}{on}; {', '.join(question.logs)}; {window}{filters}; {question.reads}"


def compare_step(score: Score, rule: str, label: LabelStep, planned: PlannedStep, agreement: Agreement) -> None:
    """Add one step to the score."""
    score.steps += 1
    met = set()
    for question in planned.questions:
        score.questions += 1
        fits = [(agreement.parts(question, each), number) for number, each in enumerate(label.questions)]
        best, number = max(fits, key=lambda fit: len(fit[0]), default=(frozenset(), 0))
        score.parts.update(best)
        if len(best) == len(PARTS):
            met.update(other for parts, other in fits if len(parts) == len(PARTS))
            score.whole += 1
            score.reads += question.reads in label.questions[number].reads
        else:
            wrong = ", ".join(part for part in PARTS if part not in best) if fits else "not its own question"
            score.notes.append(f"{rule} {label.step}: {wrong}: {said(question)}")
    if planned.questions and not label.questions:
        score.foreign.append((rule, label.step))
    required = [number for number, each in enumerate(label.questions) if not each.optional]
    missing = [number for number in required if number not in met]
    score.wanted += len(required)
    score.found += len(required) - len(missing)
    score.to_ask += bool(required)
    score.asked += bool(required and planned.questions)
    score.needs[label.needs, bool(planned.needs)] += 1
    score.person[label.person, bool(planned.person)] += 1
    if missing:
        score.notes.append(f"{rule} {label.step}: missing: {len(missing)} of {len(required)}")


def compare(
    labels: Mapping[str, Sequence[LabelStep]],
    rules: Mapping[str, Rule],
    compiled: Mapping[str, RunbookPlan],
    names: ActionNames,
) -> Score:
    """Compare the plans of the labelled rules with their labels."""
    score = Score()
    for rule, steps in labels.items():
        if rule not in compiled:
            continue
        agreement = Agreement(rule, rules[rule]["log_types"] or (), names)
        planned = {step.step: step for step in compiled[rule].steps}
        for label in steps:
            compare_step(
                score, rule, label, planned.get(label.step) or PlannedStep(step=label.step, text=""), agreement
            )
    return score


def compile_all(rules: Sequence[Rule]) -> dict[str, RunbookPlan]:
    """The grammar's plan of each rule."""
    return {
        rule["rule_id"]: compile_runbook(rule["runbook"], rule["rule_id"], tuple(rule["log_types"] or ()))
        for rule in rules
    }


def read_plans(folder: Path, rules: Sequence[Rule]) -> dict[str, RunbookPlan]:
    """The plans of a folder, without those of texts that have changed since."""
    plans = [read_plan(path)[0] for path in sorted(folder.glob("*.yaml"))]
    digests = {rule["rule_id"]: digest_of(rule["runbook"]) for rule in rules}
    return {plan.detection: plan for plan in plans if digests.get(plan.detection) == plan.digest}


def share(part: int, whole: int) -> str:
    """A share as people read it."""
    return f"{part} of {whole}" + (f" ({part / whole:.1%})" if whole else "")


def coverage(rules: Sequence[Rule], compiled: Mapping[str, RunbookPlan]) -> Iterator[str]:
    """What share of the published steps gets a question."""
    steps = [
        (text, step)
        for rule in rules
        for number, text in enumerate(steps_of(rule), 1)
        for step in [{each.step: each for each in compiled[rule["rule_id"]].steps}.get(number)]
    ]
    asking = [(text, step) for text, step in steps if text.split()[0].strip(",.:*").casefold() in QUERY_VERBS]
    yield f"{len(rules)} rules with numbered runbooks, {len(steps)} steps"
    yield f"steps with a question: {share(sum(bool(step and step.questions) for _, step in steps), len(steps))}"
    having = sum(bool(step and step.questions) for _, step in asking)
    yield f"of those that begin with {', '.join(QUERY_VERBS)}: {share(having, len(asking))}"
    empty = sum(not (step and (step.questions or step.needs or step.person)) for _, step in steps)
    yield f"steps without a question, a need or a person: {share(empty, len(steps))}"


def agreement_lines(name: str, score: Score) -> Iterator[str]:
    """What the comparison gave."""
    yield f"labelled rules of {name}: {score.steps} steps, {score.questions} questions compiled"
    for part in PARTS:
        yield f"  {part:7} agrees: {share(score.parts[part], score.questions)}"
    yield f"  every part agrees: {share(score.whole, score.questions)}; read as labelled: {share(score.reads, score.whole)}"
    yield f"  steps answered by a question that isn't theirs: {len(score.foreign)}"
    yield f"  steps with a question, of those that have one to ask: {share(score.asked, score.to_ask)}"
    yield f"  labelled questions that are asked: {share(score.found, score.wanted)}"
    for title, counts in (("needs", score.needs), ("person", score.person)):
        right = counts[True, True]
        planned, labelled = right + counts[False, True], right + counts[True, False]
        yield f"  {title}: right {share(right, planned)}, found {share(right, labelled)}"


def main(arguments: Sequence[str]) -> int:
    """Print the measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held-out", action="store_true", help="the labels that the grammar was not written from")
    parser.add_argument("--list", action="store_true", help="name each disagreement")
    parser.add_argument("--plans", type=Path, metavar="DIR", help="plan files in place of the grammar's plans")
    options = parser.parse_args(arguments)
    if not (SHARED / "data/rules.ndjson").exists():
        print(f"there is no reference data at {SHARED}", file=sys.stderr)
        return 2
    name = SETS[options.held_out]
    published = numbered(shared_lines("data/rules.ndjson"))
    compiled = read_plans(options.plans, published) if options.plans else compile_all(published)
    published = [rule for rule in published if rule["rule_id"] in compiled]
    rules = {rule["rule_id"]: rule for rule in published}
    score = compare(read_labels(name), rules, compiled, ActionNames())
    print(*coverage(published, compiled), "", *agreement_lines(name, score), sep="\n")
    if options.list:
        for note in score.notes:
            rule, _, rest = note.partition(" ")
            print(f"\n{note}\n    {steps_of(rules[rule])[int(rest.split(':')[0]) - 1]}")
    return 1 if score.foreign else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
