"""What the README and the documents promise is what the program does."""

import re
import shlex
import tomllib
from collections.abc import Iterator

import click
import pytest

from tests.support.shared import ROOT
from triage.cli import cli
from triage.cli.lazy import LazyGroup
from triage.settings import Settings

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(?:sh|shell|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(triage [^`]+)`")


def commands(text: str) -> Iterator[str]:
    """Every `triage ...` of a document: the lines of its shell blocks, and inline code."""
    for block in _BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            words = line.split("#")[0].strip()
            if words.startswith("triage "):
                yield words
    yield from (" ".join(match.split()) for match in _INLINE.findall(text))


def parse(command: str) -> None:
    """Parse a command as the program would, to its last option, without running it."""
    words = [word for word in shlex.split(re.split(r" [|>&] ?| >> ", command)[0]) if word not in ("...", "…")]
    group: click.Command = cli
    context: click.Context | None = None
    rest = words[1:]
    while isinstance(group, click.Group):
        context = click.Context(group, parent=context, info_name=group.name)
        if rest and rest[0] == "--config":
            rest = rest[2:]
        if not rest or rest[0].startswith("-"):
            assert not rest or rest[0] in ("--help", "-h", "--version", "-V"), command
            return
        names = rest[0].split("|")
        found = [group.get_command(context, name) for name in names]
        assert all(found), f"{command}: no command {rest[0]}"
        if len(names) > 1:
            return
        assert found[0] is not None
        group, rest = found[0], rest[1:]
    if not rest:
        # Only the command's name is mentioned.
        return
    last = next((each for each in group.params if rest[-1] in each.opts), None)
    if isinstance(last, click.Option) and not last.is_flag:
        # The text names the option, such as `triage run --workers`, and not its value.
        rest = [*rest, "1d" if last.metavar in ("AGE", "DURATION") else "1"]
    try:
        group.make_context(group.name, rest, parent=context).close()
    except click.MissingParameter as error:
        # `triage show --evidence` is short for `triage show ALERT --evidence`.
        if not isinstance(error.param, click.Argument):
            raise


def test_every_command_in_the_documents_exists() -> None:
    """Commands and options in shell blocks and inline code parse as written."""
    wrong = []
    for path in DOCUMENTS:
        for command in commands(path.read_text(encoding="utf-8")):
            try:
                parse(command)
            except (click.ClickException, AssertionError) as error:
                wrong.append(f"{path.relative_to(ROOT)}: {command}: {error}")
    assert not wrong


def examples(group: LazyGroup, path: str = "triage") -> Iterator[tuple[str, str]]:
    """Every command below a group, by the words that are typed, and its help."""
    for name, each in group.lazy.items():
        if isinstance(each, LazyGroup):
            yield from examples(each, f"{path} {name}")
        else:
            yield f"{path} {name}", each.load().help or ""


def test_every_command_has_an_example() -> None:
    """One line of a command's help shows how it is called, and parses as written."""
    for name, text in examples(cli):
        (example,) = re.findall(r"^ *Example: (triage .+)$", text, re.MULTILINE)
        assert example.startswith(name)
        parse(example)


WITHOUT_JSON = {
    "triage init": "writes a file",
    "triage writeback pause": "has no result",
    "triage writeback resume": "has no result",
    "triage export alerts": "prints JSON lines or CSV",
    "triage export assets": "prints JSON lines",
    "triage export risks": "prints JSON lines",
    "triage eval record export": "prints JSON",
    "triage eval record import": "has no result",
    "triage sandbox serve": "serves until it is stopped",
    "triage web": "serves until it is stopped",
    "triage mcp": "speaks a protocol on stdout",
}
"""Commands without `--json`, and why."""


def test_every_result_can_be_had_as_json() -> None:
    """Each command with a result takes `--json`; the others are listed with the reason."""
    without = {
        " ".join(path)
        for path, command in leaves(cli)
        if not any("--json" in parameter.opts for parameter in command.params)
    }
    assert without == set(WITHOUT_JSON)


def leaves(group: LazyGroup, path: tuple[str, ...] = ("triage",)) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below a group with the words that are typed."""
    for name, each in group.lazy.items():
        if isinstance(each, LazyGroup):
            yield from leaves(each, (*path, name))
        else:
            yield (*path, name), each.load()


def test_a_command_that_does_not_exist_is_noticed() -> None:
    """The check above can fail: on a wrong command, a wrong option, and a wrong value."""
    for command in ("triage fly", "triage run --faster", "triage eval run --repeat no", "triage queue list"):
        with pytest.raises((click.ClickException, AssertionError)):
            parse(command)


def test_the_named_keys_exist() -> None:
    """Each section of the configuration is explained."""
    texts = [path.read_text(encoding="utf-8") for path in DOCUMENTS]
    for section in Settings.model_fields:
        assert any(f"`{section}." in text for text in texts), section


def test_links_lead_somewhere() -> None:
    """Every relative link points to a file or folder of the repository."""
    for path in DOCUMENTS:
        for part in path.read_text(encoding="utf-8").split("](")[1:]:
            target = part.split(")")[0].split("#")[0]
            if not target or "://" in target:
                continue
            found = (path.parent / target).resolve()
            assert found.exists(), f"{path}: {target}"
            # The site has the documents alone.
            assert path.parent.name != "docs" or found.parent == path.parent, f"{path}: {target} is not in the site"


def test_every_document_is_in_the_site() -> None:
    """The navigation has each page of docs once, and no other."""
    site = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    pages: list[str] = []
    entries = list(site["nav"])
    while entries:
        (target,) = entries.pop().values()
        entries += target if isinstance(target, list) else []
        pages += [target] if isinstance(target, str) else []
    assert sorted(pages) == sorted(path.name for path in (ROOT / "docs").iterdir())


def test_nobody_is_told_to_install_a_name_from_an_index() -> None:
    """The program is on no package index: texts install a checkout (`.`) or the file of a wheel."""
    places = [
        *DOCUMENTS,
        *(path for name in ("triage", "prompts", "examples", "tools") for path in (ROOT / name).rglob("*")),
        ROOT / "config.example.yaml",
    ]
    wrong = []
    for path in places:
        if path.is_dir() or path.suffix in {".png", ".pyc", ".xz"}:
            continue
        for found in re.finditer(
            r"pip3? install(?: -\S+)* ['\"]?(?P<name>[\w.][\w.-]*)(?P<rest>\S*)", path.read_text("utf-8")
        ):
            name = found["name"]
            if not (name.startswith(".") or ".whl" in name + found["rest"]):
                wrong.append(f"{path.relative_to(ROOT)}: {found[0]}")
    assert not wrong


def test_the_named_commands_are_there() -> None:
    """The README's two commands are targets of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in ("demo", "check"):
        assert f"make {name}" in README
        assert f"\n{name}:" in makefile


def test_the_architecture_names_what_there_is() -> None:
    """Every file and folder that ARCHITECTURE.md names is in the package or in the repository."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w./-]+(?:\.py|\.yaml|\.toml|/))`", text)
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists() and not (ROOT / "triage" / name).exists()] == []


def test_the_architecture_has_the_rule_that_is_checked() -> None:
    """The layers on the page are those of the import contract, from top to bottom."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(each["layers"] for each in contracts if each["name"] == "Imports run downwards")
    shown = re.search(r"```text\n(cli\n.*?)```", text, re.DOTALL)
    assert shown is not None
    rows = [re.findall(r"[a-z]+", re.sub(r"\(.*?\)", "", row)) for row in shown[1].splitlines()]
    assert rows == [[name.rpartition(".")[2] for name in layer.split(" | ")] for layer in layers]
