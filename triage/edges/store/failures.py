"""Translates every failure of a database into a StoreError that says what to do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from triage.errors import StoreError

T = TypeVar("T")

_MESSAGE_CHARACTERS = 200

_DEADLOCK = frozenset({"40001", "40P01"})
DEADLOCKS = 4
"""Retries of one transaction before a deadlock is a failure."""

# SQLite's result codes, by the name of their primary code. Source: https://www.sqlite.org/rescode.html
_SQLITE: dict[str, tuple[str, bool]] = {
    "BUSY": ("is locked by another process; stop that one or use PostgreSQL for several", True),
    "LOCKED": ("is locked by another process; stop that one or use PostgreSQL for several", True),
    "FULL": ("cannot grow: the disk or the quota is full; free some space", True),
    "READONLY": ("is read-only: give this user the right to write the file and its directory", False),
    "CANTOPEN": ("cannot be opened: check that the directory exists and that this user may write in it", False),
    "PERM": ("cannot be opened: this user may not", False),
    "AUTH": ("cannot be opened: this user may not", False),
    "NOTADB": ("is not an SQLite database; name another file in store.url", False),
    "CORRUPT": ("is damaged; restore a backup, or move the file away to start afresh", False),
    "IOERR": ("cannot be read or written: the disk is full or failing", True),
}

# Classes of PostgreSQL's SQLSTATE that a later attempt may not meet again: connection trouble, transaction rollback,
# no resources, operator intervention, system error. Source: PostgreSQL manual, appendix A.
_PASSING_CLASSES = frozenset({"08", "40", "53", "57", "58"})

_POSTGRES: dict[str, str] = {
    "28P01": "refuses the user or the password",
    "28000": "refuses the user",
    "3D000": "does not exist; create it first",
    "42501": "does not let this user do that; grant it",
    "53100": "has no disk space left",
    "53300": "has no connection left; raise max_connections or run fewer processes",
    "57014": "took too long over a statement",
}


def _first_line(error: BaseException) -> str:
    """The server's own words without its details, which may quote rows."""
    lines = str(error).strip().splitlines()
    return lines[0][:_MESSAGE_CHARACTERS] if lines else type(error).__name__


def _failed(text: str, *, retryable: bool) -> StoreError:
    failure = StoreError(text)
    failure.retryable = retryable
    return failure


def store_error(error: BaseException, place: str) -> StoreError:
    """Translate a failure into a message that says what to do.

    Args:
        error: From SQLAlchemy, its driver, or pydantic reading a stored value.
        place: The database, without its password.
    """
    if isinstance(error, ValidationError):
        return StoreError(
            f"the state database {place} holds a {error.title} that this version cannot read; "
            "update the program, or name another database in store.url"
        )
    if isinstance(error, PoolTimeout):
        return _failed(f"the state database {place} had no free connection in time", retryable=True)
    cause: BaseException = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    sqlite_name: str | None = getattr(cause, "sqlite_errorname", None)
    if sqlite_name:
        words, retryable = _SQLITE.get(
            sqlite_name.removeprefix("SQLITE_").split("_")[0], (f"failed: {_first_line(cause)}", False)
        )
        return _failed(f"the state database {place} {words} ({sqlite_name})", retryable=retryable)
    state: str | None = getattr(cause, "sqlstate", None)
    if state:
        words = _POSTGRES.get(state, f"failed: {_first_line(cause)}")
        return _failed(f"the state database {place} {words} ({state})", retryable=state[:2] in _PASSING_CLASSES)
    if isinstance(error, DBAPIError):
        # psycopg gives no SQLSTATE where there was no connection, or where it broke.
        return _failed(
            f"the state database {place} cannot be reached: {_first_line(cause)}", retryable=_unreachable(cause)
        )
    return StoreError(f"the state database {place} failed: {_first_line(cause)}")


def _unreachable(cause: BaseException) -> bool:
    """No server, or a connection that broke; a refused password is neither, though it has no SQLSTATE."""
    return "authentication failed" not in str(cause) and "does not exist" not in str(cause)


@contextmanager
def translated(driver_error: type[Exception], place: str) -> Iterator[None]:
    """The one place where a foreign exception becomes a StoreError.

    Args:
        driver_error: The driver's own base class; hooks on a new connection raise it bare.
        place: The database, without its password.
    """
    try:
        yield
    except (SQLAlchemyError, driver_error, ValidationError) as error:
        raise store_error(error, place) from error


def again_after_deadlock(transaction: Callable[[], T]) -> T:
    """Run a transaction anew where PostgreSQL has chosen it to end a deadlock; nothing of it has happened then."""
    for _ in range(DEADLOCKS):
        try:
            return transaction()
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _DEADLOCK:
                raise
    return transaction()
