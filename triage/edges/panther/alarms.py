"""The drop-off alarms of log sources, which only the newer generation of Panther's REST API serves."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from pydantic import JsonValue

from triage.edges.panther.rest import Rest
from triage.errors import NotFound, PantherError

_logger = logging.getLogger(__name__)

NO_DATA = "SOURCE_NO_DATA"
"""The only type of alarm that the API exposes; Panther counts the others into a source's health."""

PATH = "/log-source-alarms/{}/{}"

ALARM_SECONDS = 10.0
"""Limit for all sources together: alarms add to what is known, and no alert waits long for them."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A source's drop-off alarm. Source: Panther REST definition of July 2026, `LogSourceAlarmAPI.SourceAlarm`."""

    state: str = ""
    """`OK`, `ALARM` or `INSUFFICIENT_DATA`; empty where it is unknown."""
    minutes: int | None = None
    """Of silence, after which it comes."""

    @property
    def active(self) -> tuple[str, ...]:
        """Its type, while it is active."""
        return (NO_DATA,) if self.state == "ALARM" else ()


class PantherAlarms:
    """The drop-off alarms of log sources. Source: Panther REST definition of July 2026, `/log-source-alarms`.

    A Panther of the generation before answers 404 or 403, as one whose token may not read alarms does. It is not asked
    again for an hour.
    """

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._served = False
        """Some source's alarm has been read: a 404 is about a source then."""

    async def of(self, source_ids: Sequence[str]) -> dict[str, Alarm]:
        """The alarm of each source that has one, as far as Panther says; never raises."""
        if not source_ids or self._rest.lacks(PATH):
            return {}
        found: dict[str, Alarm | None] = {}
        try:
            async with asyncio.timeout(ALARM_SECONDS):
                # The first answer often settles whether there is anything to ask for.
                await self._read(source_ids[0], found)
                if not self._rest.lacks(PATH):
                    await asyncio.gather(*(self._read(each, found) for each in source_ids[1:]))
        except TimeoutError:
            _logger.warning("the alarms of log sources were not read within %g s", ALARM_SECONDS)
        self._served = self._served or any(alarm is not None for alarm in found.values())
        if not self._served and len(found) == len(source_ids):
            self._rest.lack(PATH)
        return {name: alarm for name, alarm in found.items() if alarm is not None}

    async def _read(self, source_id: str, found: dict[str, Alarm | None]) -> None:
        """Read one source's alarm; `None` where Panther has no such alarm."""
        try:
            alarm = await self._rest.get_later(PATH, source_id, NO_DATA)
        except NotFound:
            found[source_id] = None
        except PantherError as error:
            # A source of another kind, such as a cloud account, has no alarm and is refused.
            _logger.log(
                logging.DEBUG if error.status == HTTPStatus.BAD_REQUEST else logging.WARNING,
                "the alarm of a log source could not be read: %s",
                error,
            )
        else:
            found[source_id] = _alarm(alarm) if alarm is not None else None


def _alarm(found: Mapping[str, JsonValue]) -> Alarm:
    state, minutes = found.get("state"), found.get("minutesThreshold")
    return Alarm(state if isinstance(state, str) else "", minutes if type(minutes) is int and minutes > 0 else None)
