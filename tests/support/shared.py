"""The reference material beside the project; its tests skip where it is absent."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""
SHARED = Path(os.environ.get("TRIAGE_SHARED") or ROOT.parent / "shared")


def shared_path(name: str) -> Path:
    """A file or folder of the reference material, or a visible skip."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"the reference material {name} is not here")
    return path


def shared_lines(name: str) -> list[dict[str, Any]]:
    """The records of an ndjson file of the reference material, or a visible skip."""
    return [json.loads(line) for line in shared_path(name).read_text(encoding="utf-8").splitlines()]
