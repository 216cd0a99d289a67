"""An alert's quality and context tags, which only the newer generation of Panther's REST API has."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator

from triage.domain.alert import Quality
from triage.edges.panther.failures import no_alert, not_found_as
from triage.edges.panther.rest import Rest
from triage.edges.panther.wire import Id, Wire, read_each, stamp
from triage.errors import PantherProtocolError, PantherRefused

_logger = logging.getLogger(__name__)
TAGS = "/alert-context-tags"


class QualityNode(Wire):
    """Of `AlertAPI.Alert` in the REST definition, what a list of qualities needs."""

    id: Id
    quality: Annotated[Quality | None, BeforeValidator(lambda value: value or None)] = None


class PantherLabels:
    """Implements `ports.Labels`.

    Nothing that writes is retried; a lost answer raises `failures.OutcomeUnknown`, as for comments.

    Source: Panther REST definition of July 2026, `/alert-context-tags`, `GET /alerts`, `PATCH /alerts/{id}`.
    """

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._found = False
        self._warned = False

    async def served(self) -> bool:
        """Whether this Panther has labels; where it hasn't, one warning says so.

        A Panther of 2025 ignores an unknown field of a `PATCH` without a word, so the list of tags is asked for.

        Raises:
            PantherError: denied or unreachable.
        """
        served = await self._served()
        if not (served or self._warned):
            _logger.warning("this Panther does not serve the quality and the context tags of alerts to this token")
            self._warned = True
        return served

    async def _served(self) -> bool:
        if not self._found:
            try:
                self._found = await self._rest.get_later(TAGS, params={"limit": "1"}) is not None
            except (PantherRefused, PantherProtocolError):
                # Gateways have words and pages of their own for a path that they don't know.
                self._rest.lack(TAGS)
        return self._found

    async def qualities(self, *, start: datetime, end: datetime) -> dict[str, Quality]:
        """The quality of every alert created in a span that has one; nothing where Panther serves none.

        Raises:
            PantherError: denied or unreachable, or the list has no end.
        """
        found: dict[str, Quality] = {}
        # Who only reads has asked for nothing that a warning would be about.
        if not await self._served():
            return found
        for wanted in Quality:
            params = {"quality": wanted.value, "created-after": stamp(start), "created-before": stamp(end, up=True)}
            async for results in self._rest.pages("/alerts", params=params):
                for node in read_each(QualityNode, results, "alert"):
                    if node.quality is not None:
                        found[node.id] = node.quality
        return found

    async def set_quality(self, alert_id: str, quality: Quality | None) -> None:
        """Set an alert's quality, or take it back. Raises NotFound, PantherError; never retried."""
        with not_found_as(no_alert(alert_id)):
            await self._rest.patch("/alerts/{}", alert_id, body={"quality": quality.value if quality else ""})

    async def set_tags(self, alert_id: str, tags: Sequence[str]) -> None:
        """Replace an alert's context tags. Raises NotFound, PantherError; never retried."""
        with not_found_as(no_alert(alert_id)):
            await self._rest.patch("/alerts/{}", alert_id, body={"contextTags": list(tags)})
