"""Templates: sandboxed, strict, overridable, named by their digest."""

from pathlib import Path

import pytest

from triage.edges.prompts import load_prompts
from triage.errors import PromptError
from triage.resources import shipped

SHIPPED = ("dossier.md.j2", "issues.md.j2", "last_turn.md.j2", "nudge.md.j2", "repair.md.j2", "system.md.j2")


def own(folder: Path, **templates: str) -> Path:
    for name, text in templates.items():
        (folder / f"{name}.j2").write_text(text, encoding="utf-8")
    return folder


def test_the_shipped_templates_are_found_and_parse() -> None:
    """A checkout finds the top-level directory."""
    assert set(SHIPPED) <= set(load_prompts().names)
    assert shipped("system.md.j2").is_file()


def test_something_that_is_not_shipped_is_named() -> None:
    """A damaged installation says what is missing."""
    with pytest.raises(PromptError, match=r"nothing\.j2 is missing"):
        shipped("nothing.j2")
    with pytest.raises(PromptError):
        shipped("pyproject.toml")


def test_a_users_template_comes_first(tmp_path: Path) -> None:
    """Same name, other text; the others stay."""
    prompts = load_prompts(own(tmp_path, **{"nudge.md": "Go on: {{ reason }}"}))
    assert prompts.render("nudge.md.j2", {"reason": "silence"}) == "Go on: silence"
    assert "system.md.j2" in prompts.names


def test_the_digest_names_the_text(tmp_path: Path) -> None:
    """It changes with any template, and only then."""
    assert load_prompts().digest == load_prompts().digest
    assert len(load_prompts().digest) == 64
    assert load_prompts(own(tmp_path, **{"nudge.md": "x"})).digest != load_prompts().digest


def test_a_missing_variable_is_refused() -> None:
    """Nothing renders as empty by accident."""
    with pytest.raises(PromptError, match=r"nudge\.md\.j2.*reason"):
        load_prompts().render("nudge.md.j2", {})


def test_a_missing_template_is_named() -> None:
    """A typo in a name is an error of ours, with that name."""
    with pytest.raises(PromptError, match=r"none\.j2"):
        load_prompts().render("none.j2", {})


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ values.append(1) }}",
        "{{ '{0.__class__}'.format(values) }}",
        "{% include '/etc/passwd' %}",
        "{% include '../pyproject.toml' %}",
    ],
)
def test_a_template_cannot_reach_out(tmp_path: Path, text: str) -> None:
    """The sandbox refuses Python's internals, changing values, and files elsewhere."""
    prompts = load_prompts(own(tmp_path, evil=text))
    with pytest.raises(PromptError):
        prompts.render("evil.j2", {"values": [1]})


def test_a_broken_template_is_found_at_the_start(tmp_path: Path) -> None:
    """The error has its name and line."""
    with pytest.raises(PromptError, match=r"broken\.j2, line 2"):
        load_prompts(own(tmp_path, broken="fine\n{% if %}"))


def test_a_wrong_expression_is_a_prompt_error(tmp_path: Path) -> None:
    """Division by zero in a template does not look like a fault of the program."""
    with pytest.raises(PromptError, match="ZeroDivisionError"):
        load_prompts(own(tmp_path, zero="{{ 1 / 0 }}")).render("zero.j2", {})


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """The error has the key of the configuration."""
    with pytest.raises(PromptError, match=r"investigation\.prompts"):
        load_prompts(tmp_path / "none")


def test_prompts_are_plain_text_and_pages_are_escaped(tmp_path: Path) -> None:
    """Only `.html.j2` escapes; in a prompt data goes through the `json` filter."""
    prompts = load_prompts(
        own(tmp_path, **{"page.html": "{{ x }}", "page.md": "{{ x }} {{ x | json }} {{ x | visible }}"})
    )
    assert prompts.render("page.html.j2", {"x": "<b>"}) == "&lt;b&gt;"
    assert (
        prompts.render("page.md.j2", {"x": "<b\u202e>"}) == '<b\u202e> "\\u003cb\\u202e\\u003e" \\u003cb\\u202e\\u003e'
    )


def test_the_instructions_hold_nothing_of_an_alert() -> None:
    """The system message is the same for every alert: it names no nonce, and takes the canary and whether there are tools."""
    prompts = load_prompts()
    text = prompts.render("system.md.j2", {"canary": "C4N4RY", "tools": True})
    assert text.count("C4N4RY") == 1
    for word in ("malicious", "suspicious", "benign", "inconclusive", "conclude", "absence", "two verified findings"):
        assert word in text
