"""The drop-off alarms of log sources, which only the newer generation of Panther's REST API serves."""

import asyncio
import logging
from collections.abc import Sequence
from http import HTTPStatus

from triage.edges.panther.rest import Rest
from triage.errors import NotFound, PantherError

_logger = logging.getLogger(__name__)

NO_DATA = "SOURCE_NO_DATA"
"""The only type of alarm that the API exposes; Panther counts the others into a source's health."""

PATH = "/log-source-alarms/{}/{}"

ALARM_SECONDS = 10.0
"""Limit for all sources together: alarms add to what is known, and no alert waits long for them."""


class PantherAlarms:
    """Which log sources have an active alarm. Source: Panther REST definition of July 2026, `/log-source-alarms`.

    A Panther of the generation before answers 404 or 403, as one whose token may not read alarms does. It is not asked
    again for an hour.
    """

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._served = False
        """Some source's alarm has been read: a 404 is about a source then."""

    async def active(self, source_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """The types of active alarms by source, as far as Panther says; never raises."""
        if not source_ids or self._rest.lacks(PATH):
            return {}
        found: dict[str, str | None] = {}
        try:
            async with asyncio.timeout(ALARM_SECONDS):
                # The first answer often settles whether there is anything to ask for.
                await self._read(source_ids[0], found)
                if not self._rest.lacks(PATH):
                    await asyncio.gather(*(self._read(each, found) for each in source_ids[1:]))
        except TimeoutError:
            _logger.warning("the alarms of log sources were not read within %g s", ALARM_SECONDS)
        self._served = self._served or any(state is not None for state in found.values())
        if not self._served and len(found) == len(source_ids):
            self._rest.lack(PATH)
        return {name: (NO_DATA,) for name, state in found.items() if state == "ALARM"}

    async def _read(self, source_id: str, found: dict[str, str | None]) -> None:
        """Read one source's alarm; its state is empty where it is unknown and `None` where Panther has no such alarm."""
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
            state = alarm.get("state", "") if alarm is not None else None
            found[source_id] = state if state is None or isinstance(state, str) else ""
