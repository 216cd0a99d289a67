"""The plans in `docs/runbooks.md` are those that the compiler makes. `TRIAGE_GOLDEN=1` writes them anew."""

import os
import re

import yaml

from tests.support.shared import ROOT
from triage.cli.runbook_text import plan_lines, understood
from triage.questions.plan_files import plan_yaml
from triage.questions.plans import compiled

PAGE = ROOT / "docs" / "runbooks.md"
_EXAMPLE = re.compile(
    r"(?P<before><!-- (?P<kind>runbook|plan): (?P<log_type>[\w.]+) -->\n```text\n(?P<text>.*?)```\n\n```(?:text|yaml)\n)"
    r"(?P<shown>.*?)```",
    re.DOTALL,
)


def made(example: re.Match[str]) -> str:
    """What the compiler makes of an example's text."""
    log_type = example["log_type"]
    plan = compiled("Example.Rule", example["text"], (log_type,)).plan
    if example["kind"] == "plan":
        return plan_yaml(plan)
    return "\n".join(plan_lines(plan, (log_type,), sql=False)) + "\n"


def test_the_examples_are_what_the_compiler_makes() -> None:
    """Each text on the page has the plan that it gets, word for word."""
    page = PAGE.read_text(encoding="utf-8")
    expected = _EXAMPLE.sub(lambda example: f"{example['before']}{made(example)}```", page)
    if os.environ.get("TRIAGE_GOLDEN"):
        PAGE.write_text(expected, encoding="utf-8")
    assert len(_EXAMPLE.findall(page)) >= 3
    assert page == expected


def test_the_page_shows_one_step_that_is_not_understood() -> None:
    """All others are: the page is a guide to writing steps that compile."""
    left = [
        step.text
        for example in _EXAMPLE.finditer(PAGE.read_text(encoding="utf-8"))
        for step in compiled("Example.Rule", example["text"], (example["log_type"],)).plan.steps
        if not understood(step)
    ]
    assert left == ["Find out how the wind was that day"]


def test_the_page_has_every_key_of_a_file() -> None:
    """The tables name each key that an example's YAML has."""
    page = PAGE.read_text(encoding="utf-8")
    for example in _EXAMPLE.finditer(page):
        if example["kind"] == "plan":
            for key in yaml.safe_load(example["shown"]):
                assert f"| `{key}` |" in page
