"""Where the files that ship with the program lie, and how its extras are installed."""

from pathlib import Path

from triage.errors import PromptError

_INSTALLED = Path(__file__).parent / "_prompts"
"""In an installed wheel."""
_CHECKOUT = Path(__file__).parent.parent
"""In a checkout of the repository."""


def shipped(name: str = "") -> Path:
    """Find a shipped file or directory.

    Args:
        name: Path below `prompts/`, such as `playbooks` or `system.md.j2`; empty for the directory itself.
            `config.example.yaml` is found too.

    Raises:
        PromptError: It is not there; the installation is damaged.
    """
    for base in (_INSTALLED, _CHECKOUT / "prompts", _CHECKOUT):
        # The repository's root offers its example configuration only.
        if base == _CHECKOUT and name != "config.example.yaml":
            continue
        found = base / name
        if found.exists():
            return found
    raise PromptError(f"{name or 'prompts'} is missing from the installation; install the program again")


def panther_schema() -> str:
    """The part of Panther's GraphQL schema that this program was written against, and that its embedded one serves."""
    return (Path(__file__).parent / "sandbox" / "schema.graphql").read_text(encoding="utf-8")


def how_to_install(extra: str) -> str:
    """Say how an extra is installed. The program is on no package index: a bare name would install somebody else's."""
    return f"from a checkout, pip install '.[{extra}]'; from a wheel, pip install 'panther_triage-….whl[{extra}]'"
