"""The language model: any OpenAI-compatible endpoint, over the openai library.

`model.py` asks, `wire.py` has the bodies, `failures.py` maps refusals and the library's errors, `quirks.py` learns from
refusals, `capabilities.py` probes an endpoint.
"""

import importlib
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from triage.edges.llm.capabilities import StoredCapabilities, probe, round_trip
from triage.edges.llm.quirks import EndpointQuirks, first_quirks
from triage.ports import ChatModel, Clock, Values
from triage.settings import LlmSettings

__all__ = ["EndpointModel", "EndpointQuirks", "StoredCapabilities", "first_quirks", "open_model", "probe", "round_trip"]


class EndpointModel(ChatModel, Protocol):
    """A model behind an endpoint, of which something is learned."""

    @property
    def quirks(self) -> EndpointQuirks: ...

    async def find_window(self, chars: int) -> str:
        """Why a prompt of this length is not read whole; empty if it is. Raises ModelError, StoreError."""


def open_model(
    settings: LlmSettings, *, clock: Clock, at_once: int = 16, values: Values | None = None
) -> AbstractAsyncContextManager[EndpointModel]:
    """Open the configured model; closes its connections on exit.

    The library takes 0.4 s to import: `model.py` is imported here, so that only a run with a model pays for it.

    Args:
        settings: Endpoint, key, model, timeout.
        clock: Waits, and gives the jitter.
        at_once: Requests that will be under way at the same time; one beyond that waits for a free connection only as
            long as for connecting.
        values: Where what is learned of the endpoint is kept; `None`: it is learned anew.

    Raises:
        ConfigError: The environment's proxy or certificate settings cannot be used.
    """
    opened: AbstractAsyncContextManager[EndpointModel] = importlib.import_module("triage.edges.llm.model").opened(
        settings, clock=clock, at_once=at_once, values=values
    )
    return opened
