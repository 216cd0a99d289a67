"""What alerts can be linked by, on both engines."""

import asyncio
from datetime import timedelta

import pytest

from tests.support.stores import NOW, alert, claimed, investigation, saved
from triage.domain.alert import Alert
from triage.domain.case import KeyKind, LinkKey, LinkKeys
from triage.domain.disposition import Disposition
from triage.edges.clock import FixedStartClock
from triage.edges.store.cases import MOST_FOUND
from triage.pipeline.cases import find_case, stored_case, stored_cases
from triage.pipeline.journal import ClaimJournal
from triage.ports import Store

pytest_plugins = ["tests.support.store_fixtures"]
pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def key(value: str, hours: int = 0, kind: KeyKind = KeyKind.SESSION) -> LinkKey:
    at = NOW + hours * HOUR
    return LinkKey(kind=kind, value=value, first=at, last=at + HOUR, log_type="Custom.Door")


async def finished(store: Store, given: Alert, *keys: LinkKey, verdict: Disposition = Disposition.BENIGN) -> None:
    """Store an alert whose investigation found these keys."""
    await saved(store, given)
    claim = await claimed(store, alert_id=given.id)
    assert await store.queue.finish(claim, investigation(claim, verdict, links=keys), now=NOW)


async def test_alerts_are_found_by_a_value_within_a_span(store: Store) -> None:
    """With all that each of them can be linked by, exactly as it was stored."""
    odd = key("é\x00\ud800 %_'", kind=KeyKind.ACTOR)
    await finished(store, alert("a"), key("s1"), odd)
    await finished(store, alert("b"), key("s1", hours=30))
    await finished(store, alert("c"), key("s2"))

    async def found(*values: str, first: int = -1, last: int = 50) -> dict[str, set[LinkKey]]:
        rows = await store.records.sharing(values, first=NOW + first * HOUR, last=NOW + last * HOUR)
        return {keys.alert_id: set(keys.keys) for keys in rows}

    assert await found("s1") == {"a": {key("s1"), odd}, "b": {key("s1", hours=30)}}
    assert (await found("s1", last=29)).keys() == {"a"}
    assert (await found("s1", first=2)).keys() == {"b"}
    assert (await found(odd.value, "s2", "nothing")).keys() == {"a", "c"}
    assert await found() == {}
    assert set((await store.records.keys_of("a")).keys) == {key("s1"), odd}
    assert await store.records.keys_of("nobody") == LinkKeys(alert_id="nobody")


async def test_another_look_replaces_what_the_one_before_found(store: Store) -> None:
    """Only the newest investigation speaks for its alert."""
    await finished(store, alert("a"), key("s1"), key("s2"))
    await store.queue.enqueue("a", now=NOW, fresh=True)
    claim = await claimed(store)

    assert await store.queue.finish(claim, investigation(claim, links=(key("s2"), key("s3"))), now=NOW)

    assert {each.value for each in (await store.records.keys_of("a")).keys} == {"s2", "s3"}
    assert await store.records.sharing({"s1"}, first=NOW - DAY, last=NOW + DAY) == ()


async def test_a_stale_claim_stores_no_keys(store: Store) -> None:
    """They are written in the transaction that ends the investigation, or not at all."""
    await saved(store, alert("a"))
    claim = await claimed(store, lease_seconds=0.0)
    await claimed(store, "heir")

    assert not await store.queue.finish(claim, investigation(claim, links=(key("s1"),)), now=NOW)

    assert await store.records.link_keys() == ()


async def test_keys_are_stored_ahead_of_the_result(store: Store) -> None:
    """So that of two alerts that are investigated at once, one finds the other; only the holder of a claim stores any."""
    await saved(store, alert("a"))
    old = await claimed(store, lease_seconds=0.0)
    claim = await claimed(store, "heir")

    assert await store.records.save_keys(claim, (key("s1"), key("s2")))
    assert await store.records.save_keys(claim, (key("s1"),))
    assert not await store.records.save_keys(old, (key("s3"),))

    (found,) = await store.records.sharing({"s1", "s3"}, first=NOW, last=NOW)
    assert found == LinkKeys(alert_id="a", keys=(key("s1"),))


async def test_the_keys_of_recent_alerts(store: Store) -> None:
    """An alert is recent if one of its keys is, and comes with all of them."""
    await finished(store, alert("old"), key("s1", hours=-100))
    await finished(store, alert("new"), key("s2", hours=-100), key("s3"))

    recent = await store.records.link_keys(NOW)

    assert {keys.alert_id: len(keys.keys) for keys in recent} == {"new": 2}
    assert {keys.alert_id for keys in await store.records.link_keys()} == {"old", "new"}


async def test_retention_takes_the_keys_along(store: Store) -> None:
    """An alert that is gone is in no case, and what is left of one is none."""
    await finished(store, alert("a"), key("s1"))
    await finished(store, alert("b"), key("s1"))
    assert await stored_case("b", store.records) is not None

    assert (await store.records.prune(NOW + DAY)).alerts == 2

    assert await store.records.link_keys() == ()
    assert await stored_cases(store.records) == ()
    assert await stored_case("b", store.records) is None


async def test_a_search_gives_no_more_than_it_may(store: Store) -> None:
    """What very many share joins none, so the latest are enough. About two seconds: it stores 205 alerts."""
    for number in range(MOST_FOUND + 5):
        await finished(store, alert(f"{number:03}"), key("s1", hours=-number))

    found = await store.records.sharing({"s1"}, first=NOW - 30 * DAY, last=NOW + DAY)

    assert {keys.alert_id for keys in found} == {f"{number:03}" for number in range(MOST_FOUND)}


async def test_a_case_is_the_same_from_each_of_its_members(store: Store) -> None:
    """However far a member is from the one that is asked for; the gravest carries the analysis, whatever came first."""
    chain = [("a", "s1", "s2"), ("b", "s2", "s3"), ("c", "s3", "s4"), ("d", "s4", "s5")]
    for number, (name, *values) in enumerate(chain):
        given = alert(name, minutes=60 - number)
        verdict = Disposition.MALICIOUS if name == "c" else Disposition.SUSPICIOUS
        await finished(store, given, *map(key, values), verdict=verdict)
    await finished(store, alert("alone"), key("s9"))

    (case,) = await stored_cases(store.records, since=NOW - DAY)

    assert [member.alert_id for member in case.members] == ["a", "b", "c", "d"]
    assert (case.lead.alert_id, case.verdict) == ("c", Disposition.MALICIOUS)
    for name in "abcd":
        assert await stored_case(name, store.records) == case
    assert await stored_case("alone", store.records) is None
    assert await stored_cases(store.records, since=NOW + 9 * DAY) == ()


async def test_of_two_that_search_at_once_one_finds_the_other(store: Store) -> None:
    """Each stores what it can be linked by before it searches, so at most one comment lacks a member."""
    for number in range(5):
        keys = (key(f"s{number}"),)
        names = (f"{number}a", f"{number}b")
        await saved(store, *map(alert, names))
        claims = [await claimed(store, alert_id=name) for name in names]

        found = await asyncio.gather(
            *(
                find_case(
                    claim.alert,
                    LinkKeys(alert_id=claim.alert.id, keys=keys),
                    Disposition.SUSPICIOUS,
                    records=store.records,
                    journal=ClaimJournal(store.journal, claim, FixedStartClock(NOW)),
                )
                for claim in claims
            )
        )

        cases = [case for case in found if case is not None]
        assert cases
        assert all([member.alert_id for member in case.members] == list(names) for case in cases)
        now = await stored_case(names[0], store.records)
        assert now is not None
        assert now.lead.verdict is None
