"""Creates, changes and deletes S3 log sources for a person at the command line; no stage and no model gets here.

Each write is logged before it is sent and after. None is repeated: where an answer was lost, what Panther has is looked at.
"""

import json

from triage.domain.report import digest
from triage.errors import ConfigError, NotFound, PantherError
from triage.ports import AuditEntry, AuditLog, Clock, LogSource, LogSources
from triage.ports.log_sources import NOT_SERVED, NewS3Source, S3Settings, S3Source, S3Sources
from triage.stages.writeback.audited import logged

S3_TYPE = "aws-s3"
_LOOK = "look at `triage panther sources` before you try again"
_FOUND = "found after the answer was lost"


class S3SourceWriter:
    """Writes to one Panther. `log`: `None` where no audit log is kept."""

    def __init__(self, sources: S3Sources, listed: LogSources, log: AuditLog | None, clock: Clock) -> None:
        self._sources = sources
        self._listed = listed
        self._log = log
        self._clock = clock

    async def refuse_taken(self, label: str) -> None:
        """Raises ConfigError where a source has that label."""
        taken = await self._labelled(label)
        if taken is not None:
            raise ConfigError(f"a log source is already labelled {label!r}: {taken.id}; `update` changes it")

    async def find(self, given: str) -> LogSource:
        """The S3 source of an id or label. Raises NotFound, PantherError, and ConfigError for one of another type."""
        listed = await self._listed.sources()
        alike = [each for each in listed if each.id == given] or [each for each in listed if each.label == given]
        if len(alike) > 1:
            ids = ", ".join(each.id for each in alike)
            raise ConfigError(f"{len(alike)} log sources are labelled {given!r}; give an ID: {ids}")
        found = alike[0] if alike else None
        if found is None:
            raise NotFound(f"Panther has no log source {given!r}; `triage panther sources` lists them")
        if found.type.casefold() not in (S3_TYPE, "s3"):
            raise ConfigError(f"the log source {found.label!r} is of type {found.type}, not {S3_TYPE}")
        return found

    async def current(self, source: LogSource) -> S3Source:
        """A listed source as REST has it. Raises NotFound where this Panther is too old for that, PantherError."""
        try:
            return await self._sources.get(source.id)
        except NotFound as error:
            raise NotFound(f"{source.label!r} is listed but can't be read: {NOT_SERVED}") from error

    async def create(self, new: NewS3Source) -> S3Source:
        """Create a source whose label is free. Raises PantherError."""
        entry = _entry("source.create", new.integration_label, new)
        try:
            return await logged(self._log, self._clock, entry, lambda: self._sources.create(new), _named)
        except PantherError as error:
            if not error.outcome_unknown:
                raise
            made = await self._labelled(new.integration_label)
            if made is None:
                raise PantherError(f"{error}; no source is labelled {new.integration_label!r} now: {_LOOK}") from error
            found = await self._sources.get(made.id)
            await self._settled(entry, source_id=made.id)
            return found

    async def update(self, source: LogSource, settings: S3Settings) -> S3Source:
        """Replace a source's settings. Raises NotFound, PantherError."""
        entry = _entry("source.update", settings.integration_label, settings, source.id)
        try:
            return await logged(
                self._log, self._clock, entry, lambda: self._sources.update(source.id, settings), _named
            )
        except PantherError as error:
            if not error.outcome_unknown:
                raise
            found = await self._sources.get(source.id)
            if changeable(found) != sent(settings):
                raise PantherError(f"{error}; the source is not as it was sent: {_LOOK}") from error
            await self._settled(entry, source_id=source.id)
            return found

    async def delete(self, source: LogSource) -> None:
        """Delete a source. Raises NotFound, PantherError."""
        entry = _entry("source.delete", source.label, None, source.id)
        try:
            await logged(self._log, self._clock, entry, lambda: self._sources.delete(source.id), lambda _none: {})
        except PantherError as error:
            if not error.outcome_unknown:
                raise
            if any(each.id == source.id for each in await self._listed.sources()):
                raise PantherError(f"{error}; the source is still there: {_LOOK}") from error
            await self._settled(entry, source_id=source.id)

    async def _labelled(self, label: str) -> LogSource | None:
        return next((each for each in await self._listed.sources() if each.label == label), None)

    async def _settled(self, entry: AuditEntry, *, source_id: str) -> None:
        if self._log is not None:
            done = entry.model_copy(update={"outcome": "done", "source_id": source_id, "reason": _FOUND})
            await self._log.append(done, now=self._clock.now())


def changeable(source: S3Source) -> dict[str, object]:
    """What of a source `update` can change, by Panther's names; what has no value is left out."""
    names = {field.alias for field in S3Settings.model_fields.values()}
    return {
        name: value
        for name, value in source.model_dump(mode="json", by_alias=True, exclude_none=True).items()
        if name in names and value not in ("", {}, [])
    }


def sent(settings: S3Settings) -> dict[str, object]:
    """The body of a write, by Panther's names."""
    found: dict[str, object] = settings.model_dump(mode="json", by_alias=True, exclude_none=True)
    return found


def _named(source: S3Source) -> dict[str, str]:
    return {"source_id": source.integration_id}


def _entry(action: str, label: str, body: S3Settings | None, source_id: str = "") -> AuditEntry:
    text = json.dumps(sent(body), sort_keys=True) if body is not None else ""
    return AuditEntry.model_validate(
        {"action": action, "source_id": source_id, "value": label[:200], "digest": digest(text), "size": len(text)}
    )
