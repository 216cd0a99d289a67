"""One database: each call to a part of the store is one transaction, on one of the database's threads."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy import Connection, Engine

from triage.edges.store import migrations
from triage.edges.store.engine import Engines, open_engines
from triage.edges.store.failures import again_after_deadlock, translated
from triage.errors import StoreError

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """Runs functions in transactions, so that the event loop never waits for a disk.

    On SQLite all writes share one thread. Times in leases and waits follow `columns.clock`.
    """

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._writers = ThreadPoolExecutor(engines.writers, thread_name_prefix="store")
        self._readers = (
            ThreadPoolExecutor(engines.readers, thread_name_prefix="store-read") if engines.readers else self._writers
        )
        self._closed = False

    @classmethod
    async def open(cls, url: str) -> Self:
        """Open the database and bring its schema up to date.

        Args:
            url: `sqlite:///relative.db`, `sqlite:////absolute.db`, or `postgresql://user:password@host/database`.

        Raises:
            StoreError: the database cannot be reached, read, written, or belongs to a newer version.
        """
        database = cls(open_engines(url))
        try:
            if await database.read(migrations.pending):
                await database.write(migrations.migrate)
        except BaseException:
            await database.close()
            raise
        return database

    async def read(self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that only reads, with a connection in a transaction. Raises StoreError."""
        return await self._run(self._readers, self._engines.reader, function, *args, **kwargs)

    async def write(self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in a transaction, which is committed when it returns. Raises StoreError."""
        return await self._run(self._writers, self._engines.writer, function, *args, **kwargs)

    async def _run(
        self,
        threads: ThreadPoolExecutor,
        engine: Engine,
        function: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        if self._closed:
            raise StoreError("the state database has been closed")

        def once() -> T:
            with engine.begin() as connection:
                return function(connection, *args, **kwargs)

        def transaction() -> T:
            with translated(self._engines.driver_error, self._engines.place):
                return again_after_deadlock(once)

        return await asyncio.get_running_loop().run_in_executor(threads, transaction)

    async def close(self) -> None:
        """Finish what is under way and close the connections; a second call does nothing."""
        if self._closed:
            return
        self._closed = True

        def wait() -> None:
            self._readers.shutdown()
            self._writers.shutdown()
            with translated(self._engines.driver_error, self._engines.place):
                self._engines.writer.dispose()

        await asyncio.to_thread(wait)


class StorePart:
    """A part of the store: methods on one database, each made from a function that takes a connection."""

    def __init__(self, database: Database) -> None:
        self.database = database


def reads(
    function: Callable[Concatenate[Connection, P], T],
) -> Callable[Concatenate[StorePart, P], Coroutine[Any, Any, T]]:
    """Turn a function that only reads into a method."""

    @wraps(function)
    async def method(part: StorePart, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await part.database.read(function, *args, **kwargs)

    return method


def writes(
    function: Callable[Concatenate[Connection, P], T],
) -> Callable[Concatenate[StorePart, P], Coroutine[Any, Any, T]]:
    """Turn a function that writes into a method; either all of its writes take effect or none."""

    @wraps(function)
    async def method(part: StorePart, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await part.database.write(function, *args, **kwargs)

    return method
