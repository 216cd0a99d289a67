"""The Panther client against a server on loopback."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from tests.support.clocks import FakeClock
from tests.support.loopback import FakePanther, Loopback, Script
from triage.edges.panther.client import connect
from triage.edges.panther.config import PantherConfig

Opening = Callable[..., AbstractAsyncContextManager[Any]]
"""`connect` or `open_probes`."""

TOKEN = "tok-3f9a-not-a-secret-77c1"


def config(url: str, **changes: Any) -> PantherConfig:
    """A configuration for a server at `url`; its pace never makes a test wait."""
    given: dict[str, Any] = {"url": f"{url}/public/graphql", "token": TOKEN, "requests_per_second": 1e6, **changes}
    return PantherConfig(**given)


@asynccontextmanager
async def connected(
    script: Script | FakePanther, clock: FakeClock | None = None, *, opening: Opening = connect, **changes: Any
) -> AsyncIterator[tuple[Any, Loopback]]:
    """A client, or what else `opening` opens, that talks to a scripted server."""
    async with (
        Loopback(script) as server,
        opening(config(server.url, **changes), clock=clock or FakeClock()) as panther,
    ):
        yield panther, server
