"""A plan as a YAML file that a person can review, edit and keep in git.

One file per detection, named after it. Defaults are left out, and an edit says `source: person`, so that no compiler
replaces it without being asked to.
"""

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from triage.domain.plan import PlannedStep, RunbookPlan
from triage.domain.question import PlannedQuestion
from triage.domain.yaml_lines import YamlFile, parse_yaml, read_yaml
from triage.errors import ConfigError

MAX_BYTES = 200_000
"""Of one plan's file; the longest plan that passes the checks is a tenth of it."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 120
_WIDTH = 100
_SHORT = 80
"""Characters of a list that is written on one line, and of a text that needs no block."""
_HEAD = """\
# The runbook of this detection as questions to the data lake: docs/runbooks.md says what may stand here.
# If you edit it, write `source: person`; then it is kept when the text of the runbook changes.
"""


def file_name(detection_id: str) -> str:
    """The name of a detection's file; ids that differ have names that differ.

    Args:
        detection_id: Any text; what a file name can't hold is replaced, and a digest added.
    """
    safe = _UNSAFE.sub("_", detection_id).strip("._-")[:_LONGEST_NAME]
    if safe == detection_id and safe:
        return f"{safe}.yaml"
    digest = hashlib.sha256(detection_id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe or 'detection'}-{digest}.yaml"


# ---- reading -----------------------------------------------------------------------------------------------------


def read_plan(path: Path) -> tuple[RunbookPlan, YamlFile]:
    """Read a plan's file.

    Raises:
        YamlError: In one line: the file, the line, and what to write instead.
    """
    file = read_yaml(path)
    if path.stat().st_size > MAX_BYTES:
        raise file.error((), f"larger than {MAX_BYTES} bytes, which no plan needs")
    return _plan_in(file), file


def parse_plan(text: str, *, name: str = "") -> RunbookPlan:
    """Read a plan from YAML. Raises YamlError."""
    return _plan_in(parse_yaml(text, name=name))


def _plan_in(file: YamlFile) -> RunbookPlan:
    if not isinstance(file.value, dict):
        raise file.error((), "a plan holds the keys detection, digest, source and steps")
    plan = file.validate(RunbookPlan)
    for place, step in enumerate(plan.steps):
        if step.step != place + 1:
            raise file.error(("steps", place, "step"), f"this is step {place + 1} of the file; write step: {place + 1}")
    return plan


# ---- writing -----------------------------------------------------------------------------------------------------


def plan_yaml(plan: RunbookPlan) -> str:
    """A plan as YAML; `parse_plan` reads it back equal."""
    document: dict[str, object] = {
        "detection": plan.detection,
        "digest": plan.digest,
        "source": plan.source.value,
        "steps": [_step(step) for step in plan.steps],
    }
    return _HEAD + yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)


def question_form(question: PlannedQuestion) -> dict[str, object]:
    """A question as it stands in a file: defaults left out, a list of one as its only member."""
    given: Mapping[str, object] = question.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    found: dict[str, object] = {}
    for name, value in given.items():
        if isinstance(value, dict):
            found[name] = _OneLine(value)
        elif isinstance(value, list) and len(value) == 1:
            found[name] = value[0]
        else:
            found[name] = value
    return found


def _step(step: PlannedStep) -> dict[str, object]:
    found: dict[str, object] = {"step": step.step, "text": step.text}
    if step.questions:
        found["questions"] = [question_form(question) for question in step.questions]
    if step.needs:
        found["needs"] = list(step.needs)
    if step.person:
        found["person"] = step.person
    return found


def write_atomically(path: Path, text: str) -> None:
    """Replace a file in one step: a reader finds the old text or the new one. A link is replaced, not followed.

    Raises:
        ConfigError: It can't be written.
    """
    beside = path.with_name(f".{path.stem[:_LONGEST_NAME]}-{uuid4().hex}.tmp")
    try:
        with beside.open("x", encoding="utf-8") as stream:
            stream.write(text)
        beside.replace(path)
    except (OSError, UnicodeEncodeError) as error:
        with suppress(OSError):
            beside.unlink()
        reason = error.strerror if isinstance(error, OSError) else "it holds half of a surrogate pair"
        raise ConfigError(f"{path} cannot be written ({reason})") from error


class _OneLine(dict[str, object]):
    """A mapping that is written on one line."""


class _Dumper(yaml.SafeDumper):
    """Writes lists of short texts on one line, and long texts as folded blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - its signature
        # Members of a list stand below their key, not beside it.
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - its signature
        return True


def _one_line(dumper: yaml.SafeDumper, value: _OneLine) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style=True)


def _mapping(dumper: yaml.SafeDumper, value: dict[str, object]) -> yaml.Node:
    node = dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style=False)
    for key, _ in node.value:
        if key.value == "on":
            # A word that YAML 1.1 reads as true; our loader takes keys as they stand, so it needs no quotes.
            key.tag = "tag:yaml.org,2002:bool"
    return node


def _sequence(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.Node:
    short = all(isinstance(each, str) for each in value) and sum(len(each) + 2 for each in value) <= _SHORT
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=short)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    # A folded block keeps only single blanks between words.
    folds = len(value) > _SHORT and value == " ".join(value.split()) and value.isprintable()
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=">" if folds else None)


_Dumper.add_representer(_OneLine, _one_line)
_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(list, _sequence)
_Dumper.add_representer(str, _text)
