"""The reference material beside the project; its tests skip where it is absent."""

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("TRIAGE_SHARED") or Path(__file__).resolve().parents[2].parent / "shared")


def shared(name: str) -> Path:
    """A file or folder of the reference material, or a visible skip."""
    path = ROOT / name
    if not path.exists():
        pytest.skip(f"the reference material {name} is not here")
    return path
