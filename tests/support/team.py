"""The team's pages on loopback, over a state database in which something has happened."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from tests.support.investigations import NOW, benign, inconclusive, injected, malicious
from tests.support.stores import SELECTED, SKIPPED, claimed, saved, sqlite_url
from triage.domain.alert import Alert
from triage.domain.verdict import Investigation
from triage.edges.clock import FixedStartClock
from triage.edges.store import open_store
from triage.ports import Clock, Store
from triage.settings import Settings, parse_settings
from triage.web.pages import team_pages
from triage.web.server import bound, listening, url_of

TOKEN = "a-token-of-the-team-0123456789"
LATER = NOW + timedelta(minutes=5)
HTML = {"Accept": "text/html"}


def settings_for(directory: Path, web: str = "", *, prompts: Path | None = None) -> Settings:
    """A configuration with a section `web`, in flow style, and perhaps templates of one's own."""
    text = f"panther: {{url: 'http://127.0.0.1:1', token: t}}\nstore: {{url: '{sqlite_url(directory)}'}}\n"
    text += f"investigation: {{prompts: '{prompts or ''}'}}\n"
    return parse_settings(f"{text}web: {{{web}}}\n", name="config.yaml", environment={})


def prepare(directory: Path, *steps: Callable[[Store], Awaitable[object]]) -> None:
    """A store in which something has happened."""

    async def act() -> None:
        store = await open_store(sqlite_url(directory))
        for step in steps:
            await step(store)
        await store.close()

    asyncio.run(act())


async def investigated(store: Store, alert: Alert, result: Investigation) -> None:
    """An alert with its verdict."""
    await saved(store, alert)
    claim = await claimed(store, alert_id=alert.id)
    await store.queue.finish(claim, result.model_copy(update={"run_id": claim.run_id}), now=NOW)


async def some_alerts(store: Store) -> None:
    """Four investigated alerts, one skipped, one that waits."""
    for alert, result in (malicious(), benign(), inconclusive(), injected()):
        await investigated(store, alert, result)
    first = malicious()[0]
    await saved(store, first.model_copy(update={"id": "skipped-1", "title": "Skipped"}), decision=SKIPPED)
    await saved(store, first.model_copy(update={"id": "waits-1", "title": "Waits"}), decision=SELECTED)


@dataclass(frozen=True, slots=True)
class Team:
    """A running server."""

    url: str

    def client(self, **headers: str) -> httpx.Client:
        """A visitor with a jar for cookies, who does not follow redirects."""
        return httpx.Client(base_url=self.url, headers={**HTML, **headers}, timeout=30)

    @contextmanager
    def signed_in(self, name: str = "mira") -> Iterator[httpx.Client]:
        """A visitor who has typed in the token."""
        with self.client() as client:
            answer = client.post("/login", data={"name": name, "token": TOKEN}, headers={"Origin": self.url})
            assert answer.status_code == 303, answer.text
            yield client


@contextmanager
def team_server(directory: Path, web: str = "", *, now: datetime = LATER, host: str = "127.0.0.1") -> Iterator[Team]:
    """Serve the pages of the store in a directory."""
    with pages_served(settings_for(directory, web), FixedStartClock(now), host=host) as url:
        yield Team(url)


@contextmanager
def pages_served(settings: Settings, clock: Clock, *, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve the pages from a thread; gives their URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="pages", daemon=True)
    thread.start()
    stack = AsyncExitStack()

    async def start() -> str:
        store = await open_store(settings.store.url)
        stack.push_async_callback(store.close)
        listener = stack.enter_context(bound(host, 0))
        pages = team_pages(settings, store, clock, host=host)
        await stack.enter_async_context(listening(listener, pages))
        return url_of(listener)

    try:
        yield asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    finally:
        asyncio.run_coroutine_threadsafe(stack.aclose(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()
