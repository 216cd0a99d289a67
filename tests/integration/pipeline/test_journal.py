"""The journal of a claim: each step happens once, and a run that nobody began before is not looked up step by step."""

import pytest
from pydantic import JsonValue

from tests.support.clocks import FakeClock
from tests.support.stores import NOW, alert, claimed, saved
from triage.pipeline.journal import ClaimJournal
from triage.ports import Claim, Store

pytestmark = pytest.mark.anyio
pytest_plugins = ["tests.support.store_fixtures"]

LONG = "tools/" + "x" * 1_000
"""The store keeps such a key in short."""


class Run:
    """A claim at work; what it performs is counted by key."""

    def __init__(self, store: Store, claim: Claim) -> None:
        self.journal = ClaimJournal(store.journal, claim, FakeClock(NOW))
        self.performed: list[str] = []

    async def step(self, key: str, result: JsonValue = "done") -> JsonValue:
        async def perform() -> JsonValue:
            self.performed.append(key)
            return result

        return await self.journal.step(key, "test", perform)


async def test_a_step_is_performed_once_in_a_claim_and_never_in_the_next(store: Store) -> None:
    """Also one whose result is null, and one with a key too long to be kept whole."""
    await saved(store, alert())
    claim = await claimed(store)
    first, second = Run(store, claim), Run(store, claim)
    for key, result in (("a", "done"), ("b", None), (LONG, 7), ("a", "other")):
        assert await first.step(key, result) == ("done" if key == "a" else result)
    assert first.performed == ["a", "b", LONG]
    assert [await second.step(key, "again") for key in ("a", "b", LONG, "c")] == ["done", None, 7, "again"]
    assert second.performed == ["c"]


async def test_a_fresh_run_looks_up_no_step(store: Store) -> None:
    """What has not begun has no finished steps; one look at the whole run says so."""
    await saved(store, alert())
    claim = await claimed(store)
    looked = Looked(store)
    run = Run(store, claim)
    run.journal.journal = looked  # type: ignore[assignment]  # counts, and passes everything on
    for number in range(20):
        await run.step(f"step/{number}")
    assert looked.calls == ["entries", *["append"] * 20]


class Looked:
    """A store's journal whose calls are noted."""

    def __init__(self, store: Store) -> None:
        self._journal = store.journal
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> object:
        self.calls.append(name)
        return getattr(self._journal, name)
