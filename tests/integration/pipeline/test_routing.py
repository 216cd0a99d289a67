"""What a route is told of a result: the first, a changed one, one that no longer meets its conditions; and each once."""

from datetime import timedelta

import pytest

from tests.support.clocks import FakeClock
from tests.support.make import evidence
from tests.support.stores import NOW, alert, claimed, investigation, saved
from tests.support.wired import prompts
from triage.domain.evidence import Source
from triage.domain.verdict import Disposition, Investigation, Verdict
from triage.pipeline.journal import ClaimJournal
from triage.pipeline.routing import Router
from triage.ports import Claim, MessageState, Progress, RouteMessage, Store
from triage.settings import Settings

pytestmark = pytest.mark.anyio
pytest_plugins = ["tests.support.store_fixtures"]

M, S, B = Disposition.MALICIOUS, Disposition.SUSPICIOUS, Disposition.BENIGN
JIRA = {"url": "https://example.atlassian.net", "project": "SEC"}


def settings(*, jira: bool = False) -> Settings:
    """One route, for what is malicious."""
    route = {"name": "soc", "url_env": "X", "verdicts": ["malicious"], **({"jira": JIRA} if jira else {})}
    panther = {"url": "https://api.example.runpanther.net/public/graphql", "token": "abcdefghij"}
    console = {"console_url": "https://example.runpanther.net"}
    return Settings.model_validate(
        {"panther": panther, "writeback": console, "routes": {"enabled": True, "to": [route]}}
    )


def found(claim: Claim, disposition: Disposition, *, run: str = "run-1", did: str = "left") -> Investigation:
    verdict = Verdict(disposition=disposition, confidence=0.9, summary="It was mira.")
    row = evidence(1, {"did": did}, source=Source.EVENTS, key="events")
    return investigation(claim, disposition, run_id=run, verdict=verdict, evidence=(row,))


class Place:
    """A router over a store, with one claimed alert."""

    def __init__(self, store: Store, claim: Claim, *, jira: bool = False) -> None:
        self.store, self.claim, self.clock = store, claim, FakeClock(NOW)
        self.seen: list[Progress] = []
        self.router = Router(settings(jira=jira), store.outbox, prompts(), self.clock)

    async def route(self, result: Investigation) -> None:
        self.clock.advance(60)
        claim = Claim(self.claim.alert, result.run_id, self.claim.epoch, self.claim.worker, attempts=1)
        journal = ClaimJournal(self.store.journal, claim, self.clock)
        await self.router.route(alert(), result, journal=journal, observe=self.seen.append)

    async def sent(self) -> None:
        """Everything that waits has arrived."""
        for each in await self.messages():
            if each.state is MessageState.WAITING:
                done = RouteMessage(**{**_fields(each), "state": MessageState.DONE, "sent_at": self.clock.now()})
                await self.store.outbox.save_message(done, now=self.clock.now())

    async def messages(self) -> tuple[RouteMessage, ...]:
        return await self.store.outbox.messages_of("a")


def _fields(message: RouteMessage) -> dict[str, object]:
    return {name: getattr(message, name) for name in RouteMessage.__dataclass_fields__}


async def place(store: Store, *, jira: bool = False) -> Place:
    await saved(store, alert())
    return Place(store, await claimed(store), jira=jira)


async def test_a_result_is_stored_once(store: Store) -> None:
    """A replay reads the step back; without its entry it meets the same key."""
    here = await place(store)
    for _ in range(2):
        await here.route(found(here.claim, M))
    await here.router.outbox.add_message((await here.messages())[0], now=here.clock.now())
    (message,) = await here.messages()
    assert message.key == "soc:a:run-1"
    assert message.link == "https://example.runpanther.net/alerts-and-errors/a"
    assert message.title.startswith("Malicious (confidence high)")
    assert "triage-marker" not in message.body
    assert [progress.text for progress in here.seen] == ["soc", "soc"]


async def test_what_meets_no_condition_is_sent_nowhere(store: Store) -> None:
    """The route has not heard of the alert."""
    here = await place(store)
    await here.route(found(here.claim, B))
    assert await here.messages() == ()


async def test_a_route_hears_of_a_verdict_that_no_longer_meets_its_conditions(store: Store) -> None:
    """Otherwise what was wrong would be the last word."""
    here = await place(store)
    await here.route(found(here.claim, M))
    await here.sent()
    await here.route(found(here.claim, B, run="run-2"))
    assert [each.verdict for each in await here.messages()] == [M, B]


@pytest.mark.parametrize(("jira", "number"), [(False, 1), (True, 2)])
async def test_a_changed_text_alone_changes_an_issue_and_makes_no_noise(store: Store, jira: bool, number: int) -> None:
    """Verdict, confidence and severity are as before: only what can be changed in place is."""
    here = await place(store, jira=jira)
    await here.route(found(here.claim, M))
    await here.sent()
    await here.route(found(here.claim, M, run="run-2", did="came"))
    assert len(await here.messages()) == number
    await here.sent()
    await here.route(found(here.claim, M, run="run-3", did="came"))
    assert len(await here.messages()) == number


async def test_a_message_that_was_never_sent_is_replaced(store: Store) -> None:
    """The newer result waits in its place."""
    here = await place(store)
    await here.route(found(here.claim, M))
    await here.route(found(here.claim, B, run="run-2"))
    assert [each.state for each in await here.messages()] == [MessageState.REPLACED, MessageState.WAITING]


async def test_a_dry_run_stores_nothing(store: Store) -> None:
    """What was only printed is still to be sent by the run that follows."""
    here = await place(store)
    said: list[str] = []
    dry = Router(settings(), store.outbox, prompts(), here.clock, said.append)
    journal = ClaimJournal(store.journal, here.claim, here.clock)
    result = found(here.claim, M, run=here.claim.run_id)
    await dry.route(alert(), result, journal=journal, observe=here.seen.append)
    assert said
    assert said[0].startswith("dry run: would send to soc: Malicious")
    assert await here.messages() == ()
    await here.router.route(alert(), result, journal=journal, observe=here.seen.append)
    assert len(await here.messages()) == 1
    assert here.clock.now() - NOW < timedelta(hours=1)
