"""Alerts: pages of them, one of them, and their events."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue

from triage.domain.alert import Alert, Kind
from triage.edges.panther.alert_nodes import AlertDetail, is_partial, notes_on, read_alert
from triage.edges.panther.failures import no_alert, not_found_as, unreadable
from triage.edges.panther.graphql import GraphQL
from triage.edges.panther.operations import ALERT, ALERT_EVENTS, ALERT_IDS, ALERTS
from triage.edges.panther.rest import Rest
from triage.edges.panther.rows import RowBuffer
from triage.edges.panther.wire import Connection, Trail, Unreadable, label, read, row_of, stamp
from triage.errors import NotFound, PantherError, PantherRefused
from triage.ports import AlertPage, AlertQuery, Clock, Events

_EVENTS_PAGE = 50
_DAY_ONE = datetime(2015, 1, 1, tzinfo=UTC)
"""Before the first Panther."""
_SKEW = timedelta(days=1)
"""Panther's clock may be ahead of ours."""
_logger = logging.getLogger(__name__)


class PantherAlerts:
    """Implements `ports.AlertSource`.

    Source: Panther GraphQL schema, `alerts`, `alert`, `Alert.events`; REST definition, `GET /alerts/{id}`.
    """

    def __init__(self, graphql: GraphQL, rest: Rest, clock: Clock) -> None:
        self._graphql = graphql
        self._rest = rest
        self._clock = clock

    async def page(self, query: AlertQuery, cursor: str | None = None) -> AlertPage:
        """One page of alerts in order of creation.

        An alert that cannot be read is named in `problems`; the others are kept. Where Panther gives only a part of an
        alert, its `notes` say which part is missing. Where Panther refuses the page because of one of its alerts, the
        others are read one by one, and that alert has an id and a time only.

        Raises:
            PantherError: refused, denied or unreachable.
        """
        variables: Mapping[str, JsonValue] = {"input": self._variables(query, cursor)}
        try:
            answer = await self._graphql.execute(ALERTS, variables)
        except PantherRefused as error:
            if not any(isinstance(step, int) for step in error.path):
                raise
            return await self._page_by_parts(variables, cursor, error)
        page = Connection.of(answer.data.get("alerts"), cursor)
        alerts: list[Alert] = []
        problems = list(page.skipped)
        for index, node in enumerate(page.nodes):
            try:
                alerts.append(read_alert(node, notes_on(answer, index), partial=is_partial(answer)))
            except Unreadable as error:
                problems.append(f"alert {label(node, index)} cannot be read: {error}")
        problems += [f"{problem.field} is missing: {problem.message}" for problem in answer.problems]
        for problem in problems:
            _logger.warning("a page of alerts: %s", problem)
        return AlertPage(tuple(alerts), page.cursor, tuple(problems), page.complete)

    async def _page_by_parts(
        self, variables: Mapping[str, JsonValue], cursor: str | None, refusal: PantherRefused
    ) -> AlertPage:
        """The same page, its alerts asked for one by one: a field that can't be given takes a whole list with it.

        Raises PantherError; the refusal itself where the list of ids is refused too, or is empty.
        """
        try:
            answer = await self._graphql.execute(ALERT_IDS, variables)
        except PantherRefused:
            raise refusal from None
        page = Connection.of(answer.data.get("alerts"), cursor)
        if not page.nodes or answer.problems:
            raise refusal
        alerts: list[Alert] = []
        problems = list(page.skipped)
        for found in await asyncio.gather(*map(self._listed_alone, page.nodes)):
            if isinstance(found, Alert):
                alerts.append(found)
                # The first note says why the others came about.
                problems += [f"alert {found.id}: {note}" for note in found.notes[:1]]
            else:
                problems.append(found)
        for problem in problems:
            _logger.warning("a page of alerts: %s", problem)
        return AlertPage(tuple(alerts), page.cursor, tuple(problems), page.complete)

    async def _listed_alone(self, node: JsonValue) -> Alert | str:
        """An alert of a list as Panther gives it alone, with id and time where it can't; or what is wrong with it."""
        name = node.get("id") if isinstance(node, dict) else None
        try:
            try:
                answer = await self._graphql.execute(ALERT, {"id": name})
                return read_alert(answer.data.get("alert"), notes_on(answer, None), partial=is_partial(answer))
            except PantherRefused as error:
                return read_alert(node, [f"only its id and time could be read: {error}"], partial=True)
        except Unreadable as error:
            return f"alert {label(node, 0)} cannot be read: {error}"

    async def alert(self, alert_id: str) -> Alert:
        """One alert with its `context` and `event_count`; where REST does not give these, `notes` say so.

        Raises:
            NotFound: Panther has no such alert.
            PantherError: refused, denied or unreachable.
        """
        return await self._with_detail(await self.listed(alert_id))

    async def listed(self, alert_id: str) -> Alert:
        """One alert as the list gives it: without `context` and `event_count`.

        Raises:
            NotFound: Panther has no such alert.
            PantherError: refused, denied or unreachable.
        """
        with not_found_as(no_alert(alert_id)):
            answer = await self._graphql.execute(ALERT, {"id": alert_id})
        node = answer.data.get("alert")
        if node is None:
            raise NotFound(no_alert(alert_id))
        try:
            return read_alert(node, notes_on(answer, None), partial=is_partial(answer))
        except Unreadable as error:
            raise unreadable("Alert", f"the alert cannot be read: {error}") from error

    async def events(self, alert_id: str, *, limit: int, max_bytes: int) -> Events:
        """The alert's events in Panther's order, page by page.

        Args:
            alert_id: Whose events.
            limit: Events at most.
            max_bytes: Bytes of canonical JSON at most.

        Raises:
            NotFound: Panther has no such alert.
            PantherError: refused, denied or unreachable.
        """
        buffer = RowBuffer(limit, max_bytes)
        trail = Trail("AlertEvents")
        cursor: str | None = None
        while not buffer.full:
            page = await self._events_page(alert_id, min(_EVENTS_PAGE, limit), cursor)
            for node in page.nodes:
                buffer.add(row_of(node))
            if page.skipped:
                _logger.warning("events of an alert: %s", "; ".join(page.skipped), extra={"alert_id": alert_id})
                buffer.truncated = True
            cursor = page.cursor
            if cursor is None:
                break
            if trail.loops(cursor) or buffer.full:
                buffer.truncated = True
                break
        return Events(tuple(buffer.rows), buffer.truncated)

    async def _events_page(self, alert_id: str, size: int, cursor: str | None) -> Connection:
        variables: dict[str, JsonValue] = {"id": alert_id, "input": {"pageSize": size, "cursor": cursor}}
        with not_found_as(no_alert(alert_id)):
            answer = await self._graphql.execute(ALERT_EVENTS, variables)
        alert = answer.data.get("alert")
        if not isinstance(alert, dict):
            raise NotFound(no_alert(alert_id))
        page = Connection.of(alert.get("events"), cursor)
        lost = tuple(f"{problem.field} is missing" for problem in answer.problems)
        return replace(page, skipped=(*page.skipped, *lost)) if lost else page

    async def _with_detail(self, alert: Alert) -> Alert:
        try:
            detail, dropped = read(AlertDetail, await self._rest.get("/alerts/{}", alert.id))
        except (NotFound, PantherError, Unreadable) as error:
            _logger.warning("no detail of an alert: %s", error, extra={"alert_id": alert.id})
            note = "Panther's REST API did not give the alert's context and event count"
            return alert.model_copy(update={"notes": (*alert.notes, note)})
        notes = tuple(f"`{name}` could not be read" for name in dropped)
        # GraphQL reports an alert of a correlation rule as a rule's; REST is exact.
        kind = Kind(detail.type) if detail.type.startswith("CORRELATION_RULE") else alert.kind
        return alert.model_copy(
            update={
                "kind": kind,
                "event_count": detail.event_count,
                "context": detail.object_context(),
                "quality": detail.quality,
                # What could not be read is not absent: whoever writes labels would overwrite it.
                "context_tags": None if {"quality", "contextTags"} & set(dropped) else detail.context_tags,
                "first_event_at": alert.first_event_at or detail.first_event_occurred_at,
                "notes": (*alert.notes, *notes),
            }
        )

    def _variables(self, query: AlertQuery, cursor: str | None) -> JsonValue:
        after, before = query.created_after, query.created_before
        if not query.detection_id:
            # Without a detection, Panther requires both ends.
            after = after or _DAY_ONE
            before = before or self._clock.now() + _SKEW
        given: dict[str, JsonValue] = {
            "createdAtAfter": stamp(after) if after else None,
            "createdAtBefore": stamp(before, up=True) if before else None,
            "cursor": cursor,
            "detectionId": query.detection_id,
            "logTypes": list(query.log_types),
            "pageSize": query.page_size,
            "severities": list(query.severities),
            "sortBy": "createdAt",
            "sortDir": "ascending" if query.ascending else "descending",
            "statuses": list(query.statuses),
            "type": query.listing.value,
        }
        return {name: value for name, value in given.items() if value not in (None, "", [])}
