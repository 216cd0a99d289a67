"""What `triage run --listen` serves; imported only where it is asked for, since it needs the extra `web`."""

import socket
from contextlib import AsyncExitStack

from triage.cli.logs import run_log
from triage.domain.alert import Alert
from triage.ports import Clock, Store
from triage.service.loop import Service
from triage.service.worker import TurnResult
from triage.settings import Settings
from triage.web.access import check_guarded
from triage.web.metrics import Metrics
from triage.web.pages import team_pages
from triage.web.server import address, bound, serving, url_of
from triage.web.webhook import PATH, Webhook


class Listener:
    """An address that is listened on, and what is counted for `/metrics`."""

    def __init__(self, stack: AsyncExitStack, settings: Settings, listen: str, *, pages: bool) -> None:
        """Listen on an address until the stack closes; nothing is answered yet.

        Raises:
            ConfigError: that is impossible, or the pages would be open to a network.
        """
        self._host, port = address(listen)
        if pages:
            check_guarded(settings.web, self._host)
        self._settings = settings
        self._pages = pages
        self._socket: socket.socket = stack.enter_context(bound(self._host, port))
        self._metrics = Metrics(settings.llm.currency)

    def ended(self, _alert: Alert, result: TurnResult) -> None:
        """Count an alert whose turn ended."""
        self._metrics.ended(result)

    async def serve(self, stack: AsyncExitStack, service: Service, store: Store, clock: Clock) -> None:
        """Answer until the stack closes; say what is served where."""
        webhook = pages = None
        served = {"metrics": "/metrics"}
        if service.announced is not None:
            secret = self._settings.webhook.secret.get_secret_value()
            webhook = Webhook(secret, service.announced.announce, clock)
            served["webhook"] = PATH
        if self._pages:
            pages = team_pages(self._settings, store, clock, host=self._host)
            served["pages"] = "/"
        answers = serving(self._socket, store, service.health, self._metrics, clock, webhook=webhook, pages=pages)
        await stack.enter_async_context(answers)
        for what, path in served.items():
            url = f"{url_of(self._socket)}{path}"
            run_log.info("%s: %s", what, url, extra={"event": "listening", "url": url})
