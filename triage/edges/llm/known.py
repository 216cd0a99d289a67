"""What is known of an endpoint and its model: probed once, kept in the store for a week, corrected by what runs see."""

import asyncio
import hashlib
from datetime import datetime, timedelta

from pydantic import ValidationError

from triage.domain.base import Value
from triage.edges.llm.probe import probe
from triage.ports import Capabilities, ChatModel, Clock, Store
from triage.settings import LlmSettings

KEPT = timedelta(days=7)
"""How long an answer counts; a server may have been updated since."""


class _Kept(Value):
    at: datetime
    capabilities: Capabilities


class KnownAbilities:
    """Implements `ports.Abilities` for one endpoint and model."""

    def __init__(self, model: ChatModel, settings: LlmSettings, store: Store, clock: Clock) -> None:
        """Remember in `store` what `model` can do."""
        self._model = model
        self._store = store
        self._clock = clock
        self._lock = asyncio.Lock()
        self._held: _Kept | None = None
        endpoint = hashlib.sha256(f"{settings.base_url}\n{settings.model}".encode()).hexdigest()
        self.key = f"llm/capabilities/{endpoint[:16]}"
        """Name of the stored value; endpoint and model stand in it as a digest."""

    async def known(self) -> Capabilities:
        """What was probed or learned within a week; else four small calls tell.

        Raises:
            ModelError: Nothing is remembered, and the endpoint can't be asked.
            StoreError: The store can't be read or written.
        """
        async with self._lock:
            kept = self._held or self._read(await self._store.get(self.key))
            if kept is None or self._clock.now() - kept.at > KEPT:
                return await self._keep(await probe(self._model))
            self._held = kept
            return kept.capabilities

    async def probe(self) -> Capabilities:
        """Ask again and remember. Raises ModelError, StoreError."""
        return await self._keep(await probe(self._model))

    async def learn(self, capabilities: Capabilities) -> None:
        """Remember what a run has found. Raises StoreError."""
        if self._held is None or self._held.capabilities != capabilities:
            await self._keep(capabilities)

    async def _keep(self, capabilities: Capabilities) -> Capabilities:
        now = self._clock.now()
        self._held = _Kept(at=now, capabilities=capabilities)
        await self._store.put(self.key, self._held.model_dump(mode="json"), now=now)
        return capabilities

    @staticmethod
    def _read(value: object) -> _Kept | None:
        """A stored value; one of another version is as good as none."""
        try:
            return None if value is None else _Kept.model_validate(value)
        except ValidationError:
            return None
