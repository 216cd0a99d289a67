"""Reference material that lies beside the project, where it is there."""

import json
import os
from pathlib import Path
from typing import Any

import pytest


def shared_path(name: str) -> Path:
    """A file of the reference material; skips the test where there is none."""
    folder = Path(os.environ.get("TRIAGE_SHARED", "") or Path(__file__).parents[2] / ".." / "shared")
    path = folder / name
    if not path.exists():
        pytest.skip(f"the reference material is not here: {name}")
    return path


def shared_lines(name: str) -> list[dict[str, Any]]:
    """The records of an ndjson file of the reference material."""
    return [json.loads(line) for line in shared_path(name).read_text(encoding="utf-8").splitlines()]
