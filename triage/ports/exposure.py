"""What the exports of assets and risks keep of each alert between reading Panther and writing rows."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class SeenAsset:
    """An address, host, cloud resource or user in one alert."""

    id: str
    """The same on every machine: see `stages.reporting.exposure.asset_id`."""
    type: str
    value: str
    provider: str = ""
    """`aws`, `azure` or `gcp`; empty where the value doesn't show one."""
    roles: tuple[str, ...] = ()
    facts: str = "{}"
    """A JSON object of texts."""


@dataclass(frozen=True, slots=True)
class SeenAlert:
    """One alert as it was listed, with the assets in it."""

    id: str
    created_at: datetime
    first_seen: datetime
    last_seen: datetime
    severity: str
    rank: int
    """0 for INFO to 4 for CRITICAL."""
    status: str
    detection_id: str
    body: str
    """The other fields of its risk: a JSON object."""
    version: str
    """Changes when the alert gets events."""
    events_read: bool = False
    assets: tuple[SeenAsset, ...] | None = ()
    """`None`: those that are stored."""


@dataclass(frozen=True, slots=True)
class KnownAlert:
    """What is stored of an alert that is listed again."""

    number: int
    digest: bytes
    version: str
    events_read: bool


@dataclass(frozen=True, slots=True)
class FreshAlert:
    """An alert that is new, or not as it is stored."""

    alert: SeenAlert
    digest: bytes
    """What tells it from the same alert after a change."""
    known: KnownAlert | None


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """What this program says of an alert that it has polled."""

    state: str
    verdict: str | None = None
    confidence: float | None = None
    leader: str | None = None


@dataclass(frozen=True, slots=True)
class StoredRisk:
    """One alert, as it is exported."""

    alert_id: str
    body: Mapping[str, JsonValue]
    verdict: StoredVerdict | None
    events_read: bool
    assets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One alert of an asset."""

    alert_id: str
    severity: str
    rank: int
    status: str
    detection_id: str
    verdict: str | None
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredAsset:
    """One asset, as it is exported."""

    id: str
    type: str
    value: str
    provider: str
    facts: Mapping[str, str]
    first_seen: str
    last_seen: str
    sightings: Iterator[Sighting]
    """The newest alert first; read it before the next asset."""


@dataclass(frozen=True, slots=True)
class ReadWindow:
    """How far Panther has been read."""

    read_from: datetime
    """Every alert created since is stored."""
    as_of: datetime
    """As it was at this time, or later."""


@dataclass(frozen=True, slots=True)
class UnfinishedRead:
    """A reading that was broken off."""

    read_from: datetime
    as_of: datetime
    """When it began."""
    at: datetime
    """Alerts created before this are stored."""


class ExposureStore(Protocol):
    """Alerts and their assets in one file. Raises StoreError."""

    def complete(self) -> ReadWindow | None: ...

    def unfinished(self) -> UnfinishedRead | None: ...

    def begin(self, read: UnfinishedRead) -> None:
        """Note that a reading begins, or goes on under other terms."""

    def known(self, ids: Sequence[str]) -> Mapping[str, KnownAlert]: ...

    def add(self, alerts: Collection[FreshAlert], *, at: datetime | None) -> None:
        """Store alerts in place of what was stored of them, and how far the reading has come."""

    def finish(self) -> None:
        """The reading that was begun has reached its end."""

    def forget(self, before: datetime) -> None:
        """Delete alerts that were created before, and assets that no other alert has."""
