"""Which plan a detection's runbook has: the one in a file, or the one that the grammar makes of the text.

A runbook is compiled once per text. A file with the digest of the text stands for it; one that a person has edited
stands even when the text has changed, and says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG

from triage.domain.plan import PlanSource, RunbookPlan, digest_of
from triage.domain.yaml_lines import YamlError, YamlFile, YamlPath
from triage.errors import ConfigError
from triage.questions.grammar import compile_runbook
from triage.questions.plan_check import PlanProblem, fitted, plan_problems
from triage.questions.plan_files import file_name, plan_yaml, read_plan, write_atomically

MAX_FILES = 5_000
"""Of one directory."""


@dataclass(frozen=True, slots=True)
class ChosenPlan:
    """The plan that counts for a detection now."""

    plan: RunbookPlan
    file: Path | None = None
    """Where it stands; `None`: compiled from the text."""
    outdated: bool = False
    """The text has changed since a person wrote the plan."""
    problems: tuple[PlanProblem, ...] = ()
    """What was left out of it, and why."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader has to know about the plan, a sentence each."""
        found = []
        if self.outdated:
            found.append(
                f"The runbook's text has changed since {self.file.name if self.file else 'its plan'} was edited; the old plan"
                f" is used. `triage runbook diff {self.plan.detection}` shows what changed."
            )
        found += [
            f"Step {problem.step}: {problem.why}." if problem.step else f"The plan: {problem.why}."
            for problem in self.problems
        ]
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Plans:
    """The plans of a directory. Make them with `load_plans`."""

    directory: Path | None = None
    files: Mapping[str, tuple[Path, RunbookPlan]] = field(default_factory=dict)
    """By detection id."""

    def plan_for(self, detection_id: str, runbook_text: str, log_types: Sequence[str]) -> ChosenPlan:
        """The plan of a detection's runbook.

        Args:
            detection_id: As Panther has it.
            runbook_text: As it reads now.
            log_types: Of the detection.
        """
        path, plan = self.files.get(detection_id, (None, None))
        if plan is not None:
            same = plan.digest == digest_of(runbook_text)
            if same or plan.source is PlanSource.PERSON:
                kept, problems = fitted(plan, log_types)
                return ChosenPlan(kept, path, outdated=not same, problems=problems)
        return compiled(detection_id, runbook_text, tuple(log_types))

    def current(self, text: str, detection_id: str, log_types: Sequence[str]) -> RunbookPlan:
        """The plan that counts for a text, with a note where a person wrote it for another one."""
        chosen = self.plan_for(detection_id, text, log_types)
        return chosen.plan.model_copy(update={"notes": chosen.notes[:1]}) if chosen.outdated else chosen.plan

    def path_of(self, detection_id: str) -> Path:
        """Where the plan of a detection is, or would be written. Raises ConfigError without a directory."""
        if self.directory is None:
            raise ConfigError("investigation.runbooks: set a directory for the plans, or give --out DIR")
        return self.files[detection_id][0] if detection_id in self.files else self.directory / file_name(detection_id)

    def write(self, plan: RunbookPlan) -> Path:
        """Write a plan into the directory, atomically; an earlier one of the same detection is replaced.

        Raises:
            ConfigError: There is no directory, or it can't be written to.
        """
        path = self.path_of(plan.detection)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"{path.parent} cannot be made ({error.strerror})") from error
        write_atomically(path, plan_yaml(plan))
        return path


@lru_cache(maxsize=2048)
def compiled(detection_id: str, runbook_text: str, log_types: tuple[str, ...]) -> ChosenPlan:
    """What the grammar makes of a runbook; the same text is compiled once in a process."""
    plan, problems = fitted(compile_runbook(runbook_text, detection_id, log_types), log_types)
    return ChosenPlan(plan, problems=problems)


def load_plans(directory: Path | None) -> Plans:
    """Read every `*.yaml` of a directory.

    Args:
        directory: `None`, or one that doesn't exist yet: there are no files.

    Raises:
        ConfigError: In one line, with the file, the line and what to write instead: bad YAML, an unknown key, a
            question that can't be asked, a link that leads out of the directory, two plans of one detection.
    """
    if directory is None or not directory.exists():
        return Plans(directory)
    if not directory.is_dir():
        raise ConfigError(f"investigation.runbooks: {directory} is not a directory")
    found: dict[str, tuple[Path, RunbookPlan]] = {}
    paths = sorted(path for path in directory.glob("*.yaml") if not path.name.startswith("."))
    if len(paths) > MAX_FILES:
        raise ConfigError(f"{directory} has {len(paths)} plans; at most {MAX_FILES} are read")
    for path in paths:
        _refuse_outside(path, directory)
        plan, file = read_plan(path)
        for problem in plan_problems(plan):
            raise file.error(*_placed(problem, plan))
        if plan.detection in found:
            other = found[plan.detection][0].name
            raise file.error(("detection",), f"{other} is a plan of the same detection; keep one")
        found[plan.detection] = (path, plan)
    return Plans(directory, found)


def _refuse_outside(path: Path, directory: Path) -> None:
    """Plans are plain files below their directory: what a link elsewhere leads to is not read."""
    try:
        inside = path.resolve(strict=True).is_relative_to(directory.resolve())
        plain = S_ISREG(path.stat().st_mode)
    except (OSError, RuntimeError) as error:
        raise YamlError(f"cannot be read ({type(error).__name__})", name=str(path)) from error
    if not inside or not plain:
        raise YamlError("not a plain file of this directory; put the file itself here", name=str(path))


def _placed(problem: PlanProblem, plan: RunbookPlan) -> tuple[YamlPath, str]:
    """Where a problem is in the file, and what to say of it."""
    if not problem.step:
        return ("steps",), problem.why
    place: YamlPath = ("steps", [step.step for step in plan.steps].index(problem.step))
    if problem.question is None:
        return place, f"step {problem.step}: {problem.why}"
    return (
        *place,
        "questions",
        problem.question,
    ), f"step {problem.step}, question {problem.question + 1}: {problem.why}"


__all__ = ["ChosenPlan", "Plans", "YamlFile", "compiled", "load_plans"]
