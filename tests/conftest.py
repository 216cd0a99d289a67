"""What every test shares."""

import os

import pytest
from hypothesis import settings

# `make check` draws the same examples each time, so that it passes or fails for everybody alike; `make check-all` draws
# more, and others each time.
settings.register_profile("check", max_examples=40, derandomize=True, deadline=None, database=None)
settings.register_profile("explore", max_examples=200, deadline=None)
settings.load_profile(os.environ.get("TRIAGE_HYPOTHESIS", "check"))


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, which is what the program runs on."""
    return "asyncio"
