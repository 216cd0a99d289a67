"""What the state database holds, alert by alert, for the commands that report and export."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from triage.errors import ConfigError
from triage.settings import Settings, parse_duration

if TYPE_CHECKING:
    from triage.domain.verdict import Investigation
    from triage.ports import AlertRecord, Store


def age_of(since: str | None) -> timedelta | None:
    """Read `--since`. Raises ConfigError."""
    try:
        age = parse_duration(since) if since else None
    except ValueError as error:
        raise ConfigError(f"--since: {error}") from error
    if age is not None and not age:
        raise ConfigError("--since: the age must be above zero")
    return age


@asynccontextmanager
async def opened(settings: Settings) -> "AsyncIterator[Store]":
    """The state database, closed at the end. Raises StoreError."""
    from triage.edges.store import open_store  # noqa: PLC0415 - start-up time

    store = await open_store(settings.store.url)
    try:
        yield store
    finally:
        await store.close()


async def walk(store: "Store", *, since: datetime | None) -> "AsyncIterator[tuple[AlertRecord, Investigation | None]]":
    """Every alert created at or after a moment, newest first, with its investigation; one at a time is in memory.

    A linked alert shows its leader's verdict and has no investigation. Raises StoreError.
    """
    from triage.cli.listing import with_pointers  # noqa: PLC0415 - start-up time

    for record in await with_pointers(store, await store.records(since=since)):
        yield record, await store.investigation(record.alert.id)


def json_line(row: object) -> None:
    """One JSON object on one line of stdout, in ASCII."""
    click.echo(json.dumps(row, ensure_ascii=True, separators=(",", ":")))
