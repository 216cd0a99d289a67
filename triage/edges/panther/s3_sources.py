"""S3 log sources over REST, which only the newer generation of Panther serves."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from pydantic import BaseModel, JsonValue, ValidationError

from triage.edges.panther.failures import unreadable
from triage.edges.panther.rest import Rest
from triage.errors import NotFound, PantherDenied, PantherRefused
from triage.ports.log_sources import NOT_SERVED, NewS3Source, S3Settings, S3Source

_PATH = "/log-sources/s3"
_ONE = "/log-sources/s3/{}"
_NO_SOURCE = "00000000-0000-0000-0000-000000000000"
"""No source has this id: Panther makes random ones."""


class PantherS3Sources:
    """Implements `ports.log_sources.S3Sources`. Source: Panther REST definition of July 2026, `/log-sources/s3`."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def get(self, source_id: str) -> S3Source:
        """One source. Raises NotFound, PantherError."""
        return _source(await self._rest.get(_ONE, source_id), "GET /log-sources/s3/{id}", write=False)

    async def create(self, new: NewS3Source) -> S3Source:
        """Create a source. Raises PantherError; `OutcomeUnknown` where the answer was lost."""
        with _writing():
            answer = await self._rest.post(_PATH, body=_json(new))
        return _source(answer, "POST /log-sources/s3", write=True)

    async def update(self, source_id: str, settings: S3Settings) -> S3Source:
        """Replace a source's settings. Raises NotFound, PantherError."""
        with _writing():
            answer = await self._rest.put(_ONE, source_id, body=_json(settings))
        return _source(answer, "PUT /log-sources/s3/{id}", write=True)

    async def delete(self, source_id: str) -> None:
        """Delete a source. Raises NotFound, PantherError."""
        with _writing():
            await self._rest.delete(_ONE, source_id)

    async def prove_modify(self) -> None:
        """Prove the permission to change sources: delete one that cannot exist. Raises PantherError without it."""
        try:
            await self.delete(_NO_SOURCE)
        except PantherRefused as error:
            if error.status != HTTPStatus.BAD_REQUEST:
                raise
        except NotFound as error:
            raise PantherRefused(NOT_SERVED, status=HTTPStatus.NOT_FOUND) from error


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except PantherRefused as error:
        if error.status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
            raise PantherRefused(NOT_SERVED, status=error.status) from error
        raise
    except PantherDenied as error:
        needs = "it needs Manage Log Sources (LogSourceModify), and a Panther of July 2026 or later"
        raise PantherDenied(f"{error}; {needs}", operation=error.operation, status=error.status) from error


def _json(body: BaseModel) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = body.model_dump(mode="json", by_alias=True, exclude_none=True)
    return found


def _source(answer: dict[str, JsonValue], operation: str, *, write: bool) -> S3Source:
    try:
        return S3Source.model_validate(answer)
    except ValidationError as error:
        raise unreadable(operation, "the answer is no S3 source", write=write) from error
