"""What every test shares."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from triage.domain.redaction import forget_own_secrets

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So has a shell set it for what it starts in the background; every process that a test interrupts would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# `make check` draws the same examples each time, so that it passes or fails for everybody alike; `make check-all` draws
# more, and others each time.
settings.register_profile("check", max_examples=40, derandomize=True, deadline=None, database=None)
settings.register_profile("explore", max_examples=200, deadline=None)
settings.load_profile(os.environ.get("TRIAGE_HYPOTHESIS", "check"))


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, which is what the program runs on."""
    return "asyncio"


@pytest.fixture(autouse=True)
def no_own_secrets() -> Iterator[None]:
    """What one test's configuration calls a secret is an ordinary word in the next."""
    yield
    forget_own_secrets()
