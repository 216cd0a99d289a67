"""The drop-off alarms of log sources, which only the newer generation of Panther's REST API serves."""

import asyncio
import logging
from collections.abc import Sequence
from http import HTTPStatus

from triage.edges.panther.rest import Rest
from triage.errors import NotFound, PantherDenied, PantherError

_logger = logging.getLogger(__name__)

NO_DATA = "SOURCE_NO_DATA"
"""The only type of alarm that the API exposes; Panther counts the others into a source's health."""

ALARM_SECONDS = 10.0
"""Limit for all sources together: alarms add to what is known, and no alert waits long for them."""


class PantherAlarms:
    """Which log sources have an active alarm. Source: Panther REST definition of July 2026, `/log-source-alarms`.

    A Panther of the generation before answers 404 or 403, as one whose token may not read alarms does. It is asked
    once, and never again by this process.
    """

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._offered: bool | None = None

    async def active(self, source_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """The types of active alarms by source, as far as Panther says; never raises."""
        if self._offered is False or not source_ids:
            return {}
        found: dict[str, str | None] = {}
        try:
            async with asyncio.timeout(ALARM_SECONDS):
                # The first answer often settles whether there is anything to ask for.
                if await self._read(source_ids[0], found):
                    await asyncio.gather(*(self._read(each, found) for each in source_ids[1:]))
        except TimeoutError:
            _logger.warning("the alarms of log sources were not read within %g s", ALARM_SECONDS)
        if self._offered is None and len(found) == len(source_ids):
            self._offered = any(state is not None for state in found.values())
        if self._offered is False:
            _logger.info("this Panther does not serve alarms of log sources")
        return {name: (NO_DATA,) for name, state in found.items() if state == "ALARM"}

    async def _read(self, source_id: str, found: dict[str, str | None]) -> bool:
        """Read one source's alarm; its state is empty where it is unknown and `None` where Panther has no such alarm.

        Returns:
            Whether it makes sense to ask for others.
        """
        try:
            alarm = await self._rest.get("/log-source-alarms/{}/{}", source_id, NO_DATA)
        except NotFound:
            found[source_id] = None
        except PantherDenied:
            self._offered = False
            return False
        except PantherError as error:
            # A source of another kind, such as a cloud account, has no alarm and is refused.
            _logger.log(
                logging.DEBUG if error.status == HTTPStatus.BAD_REQUEST else logging.WARNING,
                "the alarm of a log source could not be read: %s",
                error,
            )
        else:
            state = alarm.get("state")
            found[source_id] = state if isinstance(state, str) else ""
        return True
