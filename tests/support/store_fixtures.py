"""Fixtures that run a store's test on SQLite and on PostgreSQL; loaded by `pytest_plugins` in the test modules."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support import stores
from triage.edges.store import open_store
from triage.ports import Store


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[str]:
    with stores.migrated_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database: a file, or a database of a real server."""
    if request.param == "sqlite":
        return stores.sqlite_url(tmp_path)
    url: str = request.getfixturevalue("postgres_database")
    stores.empty(url)
    return url


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await open_store(store_url)
    yield opened
    await opened.close()
