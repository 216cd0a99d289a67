"""What the README promises is what the program does."""

from pathlib import Path

import pytest

from tests.support.cli import run_cli
from tests.support.shared import ROOT
from triage.settings import Settings

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_help_is_the_programs(tmp_path: Path) -> None:
    """The overview of commands stands word for word in the README."""
    assert run_cli("--help", directory=tmp_path).out.strip() in README


@pytest.mark.parametrize("section", [name for name in Settings.model_fields if name != "store"])
def test_the_named_keys_exist(section: str) -> None:
    """Each section of the configuration is explained, with keys that exist."""
    model = Settings.model_fields[section].annotation
    assert model is not None
    assert f"`{section}." in README


def test_links_lead_somewhere() -> None:
    """Every relative link of the README points to a file or folder of the repository."""
    for part in README.split("](")[1:]:
        target = part.split(")")[0]
        if "://" not in target:
            assert (ROOT / target).exists(), target
