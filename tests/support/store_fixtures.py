"""Fixtures that run a store's test on SQLite and on PostgreSQL; loaded by `pytest_plugins` in the test modules."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.support import stores
from triage.edges.store import open_store
from triage.ports import Store


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[str]:
    with stores.migrated_postgres() as url:
        yield url


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with the schema in it, for a module's tests: a file, or a database of a real server."""
    if request.param == "sqlite":
        url = stores.sqlite_url(tmp_path_factory.mktemp("store"))
        asyncio.run(stores.migrate(url))
        return url
    postgres_url: str = request.getfixturevalue("postgres_database")
    return postgres_url


@pytest.fixture(scope="module")
def module_store(database_url: str) -> Iterator[Store]:
    store = asyncio.run(open_store(database_url))
    yield store
    asyncio.run(store.close())


@pytest.fixture
def store_url(database_url: str) -> str:
    """The URL of an empty database, to which a module without `store` has no open connection."""
    stores.empty(database_url)
    return database_url


@pytest.fixture
def store(store_url: str, module_store: Store) -> Store:
    """An empty store, opened once for all tests of a module."""
    return module_store
