"""Puts a result into the outbox of each route that it takes; `service.routes` sends it.

The message is stored before the alert is done, under a key that a replay makes again, so that a kill neither loses it nor
doubles it. A destination that is away keeps no alert waiting.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from triage.domain.alert import Alert
from triage.domain.route import RoutedResult, choose
from triage.domain.verdict import Investigation
from triage.pipeline.journal import ClaimJournal
from triage.ports import Clock, MessageState, Observer, Outbox, Progress, Prompts, RouteMessage
from triage.settings import RouteSettings, Settings
from triage.stages.reporting.comment import build_report
from triage.stages.reporting.view import console_link
from triage.stages.routing import build_message

_HEARD = (MessageState.DONE, MessageState.SENT, MessageState.SUMMARISED, MessageState.WAITING)
"""States of messages that people have read, or will have unless a newer one replaces them."""


@dataclass(frozen=True, slots=True)
class Router:
    """The routes of the configuration."""

    settings: Settings
    outbox: Outbox
    prompts: Prompts
    clock: Clock
    dry_run: Callable[[str], None] | None = None
    """Called with what would be sent; then nothing is."""

    async def route(
        self, alert: Alert, investigation: Investigation, *, journal: ClaimJournal, observe: Observer
    ) -> None:
        """Store the messages about one result. Raises StoreError."""

        async def store() -> JsonValue:
            return list(await self._store(alert, investigation))

        # A dry run leaves no trace: what it has only printed is still to be sent.
        names = await (journal.step("routes", "route", store) if self.dry_run is None else store())
        if isinstance(names, list) and names:
            observe(Progress("routes", ", ".join(map(str, names))))

    async def _store(self, alert: Alert, investigation: Investigation) -> Sequence[str]:
        routes = self.settings.routes
        chosen = {
            choice.name
            for choice in choose(routes.conditions, RoutedResult.of(alert, investigation), routes.match)
            if choice.chosen
        }
        stored = []
        for route in routes.to:
            message = await self.message(route, alert, investigation, told=route.name in chosen)
            if message is None:
                continue
            if self.dry_run is not None:
                self.dry_run(f"dry run: would send to {route.name}: {message.title}\n{message.body}")
            else:
                await self.outbox.add_message(message, now=self.clock.now())
            stored.append(route.name)
        return stored

    async def message(
        self, route: RouteSettings, alert: Alert, investigation: Investigation, *, told: bool
    ) -> RouteMessage | None:
        """What a route is told of a result; `None` where it needs to hear nothing.

        Args:
            route: The route.
            alert: The alert.
            investigation: What was found.
            told: Its conditions are met. A route that has heard of the alert hears of a change all the same: a verdict
                that no longer holds must not be the last word.
        """
        known = await self.outbox.messages_of(alert.id, route.name)
        heard = [each for each in known if each.state in _HEARD and each.run_id != investigation.run_id]
        if not told and not heard:
            return None
        writeback = self.settings.writeback.model_copy(update={"length": "brief", "sections": ()})
        report = build_report(
            alert, investigation, prompts=self.prompts, settings=writeback, zone=self.settings.report.timezone
        )
        link = console_link(self.settings.writeback.console_url, alert.id)
        message = build_message(route.name, alert, investigation, report, link=link, now=self.clock.now())
        if heard:
            last = heard[-1]
            same = last.digest == message.digest if route.updates else last.gist == message.gist
            if same:
                return None
        return message
