"""The journal, named values and receipts, on SQLite and on PostgreSQL, and text that databases do not like."""

import asyncio
import math
from datetime import timedelta

import pytest
from pydantic import JsonValue

from tests.support.stores import HOLDS, NOW, RUN_OUT, SKIPPED, alert, claimed, investigation, record, saved
from triage.domain.alert import DetectionOrigin
from triage.domain.selection import SkipCode, Skipped
from triage.edges.store import open_store
from triage.edges.store.columns import KEY_CHARACTERS, dump
from triage.errors import StoreError
from triage.ports import Receipt, Store

pytest_plugins = ["tests.support.store_fixtures"]
pytestmark = pytest.mark.anyio

PAYLOADS: dict[str, JsonValue] = {
    "null": None,
    "text": 'ü \\u0000 \\ "',
    "number": 10**30,
    "small": -1.5e-300,
    "nested": {"b": [1, {"a": []}], "a": {"": None}},
    "nul": {"a\x00b": "\x00"},
    "surrogate": {"\udfff": "\ud800 and \udcff"},
    "emoji": "🙂",
    "infinite": [math.inf],
}


async def test_a_step_is_recalled_as_it_was_written(store: Store) -> None:
    """Every JSON value comes back equal, keys in their order; a step that never ran gives nothing."""
    await saved(store, alert("a"))
    claim = await claimed(store)

    for key, payload in PAYLOADS.items():
        assert await store.journal.append(claim, key, "query", payload, now=NOW)

    assert await store.journal.recall(claim.run_id, "never") is None
    assert {key: await store.journal.recall(claim.run_id, key) for key in PAYLOADS} == PAYLOADS
    assert dump(await store.journal.recall(claim.run_id, "nested")) == dump(PAYLOADS["nested"])
    assert await store.journal.entries(claim.run_id) == tuple(
        (key, "query", payload) for key, payload in PAYLOADS.items()
    )


async def test_the_first_writer_of_a_step_wins(store: Store) -> None:
    """A second write of the key is accepted and changes nothing, in this claim and in a later one."""
    await saved(store, alert("a"))
    first = await claimed(store, lease_seconds=RUN_OUT)
    await store.journal.append(first, "step", "query", "first", now=NOW)

    assert await store.journal.append(first, "step", "turn", "second", now=NOW)
    heir = await claimed(store)
    assert await store.journal.append(heir, "step", "turn", "third", now=NOW)

    assert await store.journal.entries(heir.run_id) == (("step", "query", "first"),)


async def test_steps_written_at_once_are_all_kept(store: Store) -> None:
    """Queries that are asked in parallel are journalled in parallel."""
    await saved(store, alert("a"))
    claim = await claimed(store)

    written = await asyncio.gather(
        *(store.journal.append(claim, f"step {number % 20}", "query", number, now=NOW) for number in range(40))
    )

    assert all(written)
    assert sorted(key for key, _, _ in await store.journal.entries(claim.run_id)) == sorted(
        f"step {n}" for n in range(20)
    )


async def test_runs_do_not_share_steps(store: Store) -> None:
    """The same key in two alerts' runs names two steps."""
    await saved(store, alert("a"), alert("b"))
    first, second = await claimed(store), await claimed(store)

    await store.journal.append(first, "step", "query", 1, now=NOW)
    await store.journal.append(second, "step", "query", 2, now=NOW)

    assert await store.journal.recall(first.run_id, "step") == 1
    assert await store.journal.recall(second.run_id, "step") == 2


async def test_steps_of_another_version_are_done_again(store: Store, store_url: str) -> None:
    """A program whose payloads have another shape doesn't see the old steps, and may write them anew."""
    await saved(store, alert("a"))
    claim = await claimed(store)
    await store.journal.append(claim, "step", "query", {"old": 1}, now=NOW)
    newer = await open_store(store_url, journal_version=2)

    assert await newer.journal.recall(claim.run_id, "step") is None
    assert await newer.journal.entries(claim.run_id) == ()
    assert await newer.journal.append(claim, "step", "query", {"new": 1}, now=NOW)

    assert await newer.journal.recall(claim.run_id, "step") == {"new": 1}
    assert await store.journal.recall(claim.run_id, "step") is None
    await newer.close()


async def test_named_values(store: Store) -> None:
    """A value is replaced as a whole; one that was never put is not there."""
    assert await store.values.get("cursor") is None

    await store.values.put("cursor", {"at": "2031-05-06", "seen": ["a"]}, now=NOW)
    assert await store.values.get("cursor") == {"at": "2031-05-06", "seen": ["a"]}
    await store.values.put("cursor", [], now=NOW)
    assert await store.values.get("cursor") == []
    assert await store.values.get("another") is None


async def test_receipts(store: Store) -> None:
    """A receipt goes from intended to done under one key."""
    assert await store.values.receipt("comment:a") is None
    intended = Receipt(key="comment:a", state="intended", digest="d1")
    done = Receipt(key="comment:a", state="done", comment_id="c1", digest="d1", at=NOW + timedelta(microseconds=1))

    await store.values.save_receipt(intended, now=NOW)
    assert await store.values.receipt("comment:a") == intended
    await store.values.save_receipt(done, now=NOW)

    assert await store.values.receipt("comment:a") == done


HOSTILE = {
    "nul": "a\x00b",
    "surrogate": "a\ud800b",
    "quotes": "'; DROP TABLE alerts; --\"",
    "escape": "\\u0000 \\\\ \\",
    "percent": "%(a)s %s :b ?",
    "long": "x" * 5_000,
    "long and escaped": "\ud800" * KEY_CHARACTERS,
    "empty": "",
    "emoji": "🙂\u202e",
}


async def test_hostile_text_comes_back_as_it_went_in(store: Store) -> None:
    """Text that SQL, UTF-8 or PostgreSQL dislike may be used wherever text is accepted."""
    for name, text in HOSTILE.items():
        try:
            await text_comes_back(store, text)
        except BaseException as error:
            error.add_note(f"the text was {name}")
            raise


async def text_comes_back(store: Store, text: str) -> None:
    """Write one text in every place that takes text, and read it from there."""
    hostile = alert(
        f"id {text}", title=text, description=text, origin=DetectionOrigin(id=text), context={"a": [text, {"b": text}]}
    )
    await saved(store, hostile)

    claim = await claimed(store, f"w{text}")
    assert claim.alert == hostile
    assert await store.journal.append(claim, f"k{text}", f"q{text}", {"a": text}, now=NOW)
    assert await store.journal.recall(claim.run_id, f"k{text}") == {"a": text}
    assert [step[1:] for step in await store.journal.entries(claim.run_id)] == [(f"q{text}", {"a": text})]
    assert await store.queue.give_back(claim, now=NOW, error=text or "no", retry_at=NOW)
    again = await claimed(store, alert_id=hostile.id)
    result = investigation(again, notes=(text,))
    assert await store.queue.finish(again, result, now=NOW)
    assert await store.records.investigation(hostile.id) == result
    await store.queue.decide(hostile.id, Skipped(code=SkipCode.GONE, reason=text), now=NOW)
    assert await store.queue.group_leaders([text], since=NOW - timedelta(days=1)) == (hostile,)
    assert (await record(store, hostile.id)).worker == ""
    await store.values.put(text, text, now=NOW)
    assert await store.values.get(text) == text
    receipt = Receipt(key=text, state="done", comment_id=text, digest=text)
    await store.values.save_receipt(receipt, now=NOW)
    assert await store.values.receipt(text) == receipt
    assert await store.values.acquire_lease(text, text, now=NOW, seconds=HOLDS)


async def test_the_error_of_an_attempt_is_kept_whatever_it_says(store: Store) -> None:
    """Errors quote what the other side said."""
    await saved(store, alert("a"))
    await store.queue.give_back(await claimed(store), now=NOW, error="".join(HOSTILE.values()), failed=True)

    assert (await record(store)).error == "".join(HOSTILE.values())


async def test_five_megabytes(store: Store) -> None:
    """A very large alert, step and investigation pass through whole."""
    large = "".join(chr(0x20 + number % 0x2000) for number in range(1_000_000)) * 2
    await saved(store, alert("a", description=large))
    claim = await claimed(store)

    assert claim.alert.description == large
    assert await store.journal.append(claim, "step", "query", {"rows": [large]}, now=NOW)
    assert await store.journal.recall(claim.run_id, "step") == {"rows": [large]}
    assert await store.queue.finish(claim, result := investigation(claim, notes=(large,)), now=NOW)
    assert await store.records.investigation("a") == result


def deep(levels: int) -> JsonValue:
    value: JsonValue = 1
    for _ in range(levels):
        value = [value]
    return value


async def test_what_is_no_json_is_refused(store: Store) -> None:
    """A payload nested too deep for the encoder is a StoreError, and the store works on."""
    await saved(store, alert("a"), alert("b"), decision=SKIPPED)

    with pytest.raises(StoreError, match="cannot be written as JSON: RecursionError"):
        await store.values.put("deep", deep(100_000), now=NOW)

    assert await store.values.get("deep") is None
