"""Destinations that apprise knows: Slack, Teams, mail, PagerDuty, Opsgenie, webhooks, and many more.

apprise is synchronous and answers with a boolean, so a message is sent on a thread of its own, with a deadline, and what
apprise logs meanwhile tells the rest. That is read only to *allow* another try: a status that the server has answered
with, or a connection that was never made. Whatever is not recognised counts as a lost answer, so that a change of
apprise's wording can cost a try and never repeat a message.

Redirects are not followed, since they would carry the token to another host; certificates are always checked.
"""

import asyncio
import hashlib
import logging
import re
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import apprise
from apprise.plugins import url_to_dict

from triage.domain.clean import printable_sentence
from triage.domain.redaction import redact
from triage.domain.verdict import Disposition
from triage.errors import ConfigError, RouteError
from triage.ports import Delivery, RouteMessage
from triage.settings import is_loopback

CONNECT_SECONDS = 5
READ_SECONDS = 15
DEADLINE_SECONDS = 30.0
"""For one message, whatever the server does with the limits above."""
_LONGEST_TITLE = 150
"""Slack takes no longer header."""

_KINDS = {
    "slack": "slack",
    "workflows": "teams",
    "email": "mail",
    "pagerduty": "pagerduty",
    "opsgenie": "opsgenie",
    "custom_json": "webhook",
}
"""By apprise's module; any other is called as its scheme."""
_DEDUPLICATED = frozenset({"pagerduty", "opsgenie", "webhook"})
_TYPES = {
    Disposition.MALICIOUS: apprise.NotifyType.FAILURE,
    Disposition.SUSPICIOUS: apprise.NotifyType.WARNING,
    Disposition.INCONCLUSIVE: apprise.NotifyType.INFO,
    Disposition.BENIGN: apprise.NotifyType.SUCCESS,
}
_STATUS = re.compile(r"\berror=(\d{3})\.?$")
"""How apprise ends the line about an answer other than a success."""
_NEVER_CONNECTED = re.compile(
    r"\ASocket Exception: .*(?:NewConnectionError|ConnectTimeoutError|NameResolutionError|Connection refused|"
    r"Name or service not known|Network is unreachable|No route to host)",
    re.DOTALL,
)
_TRANSIENT = frozenset({408, 425, 429, 503})
"""The server has not acted, and may later."""
_ANSWERS = range(400, 500)
"""The server has refused it."""

for _name in ("apprise", "urllib3"):
    # They write addresses, tokens and messages to their logs, which nobody is to see; `_error` reads what is needed.
    _log = logging.getLogger(_name)
    _log.addHandler(logging.NullHandler())
    _log.propagate = False
logging.getLogger("apprise").setLevel(logging.DEBUG)

with warnings.catch_warnings():
    # Reading the first address imports all plugins, and what some of them use is deprecated.
    warnings.simplefilter("ignore")
    url_to_dict("json://localhost")  # type: ignore[no-untyped-call]  # apprise has annotated its other half


@dataclass(frozen=True, slots=True)
class _Sent:
    arrived: bool
    logged: tuple[tuple[str, str], ...] = ()
    """Level and text."""


class AppriseDestination:
    """One address. Implements `ports.Destination`."""

    def __init__(self, name: str, address: str, *, seconds: float = DEADLINE_SECONDS) -> None:
        """Read the address; nothing is sent.

        Args:
            name: The route's, for messages.
            address: An apprise URL, or an address that apprise makes one of, such as a Slack webhook's.
            seconds: Deadline of one message.

        Raises:
            ConfigError: It is none that apprise can use, or one that this program refuses.
        """
        self._name = name
        self._seconds = seconds
        parsed = url_to_dict(address)  # type: ignore[no-untyped-call]  # as above
        if parsed is None:
            raise ConfigError(
                f"route {name}: the address is none that apprise knows; docs/routes.md has one of each kind"
            )
        query = {key.lower() for key in parsed.get("qsd", {})}
        for refused in ("verify", "redirect", "retry", "template"):
            if refused in query:
                raise ConfigError(f"route {name}: take `{refused}` out of the address; this program decides it")
        self._parts: dict[str, Any] = parsed
        plugin = self._plugin({})
        self._kind = _kind(plugin, str(parsed["schema"]))
        if better := _in_the_clear(plugin, self._kind, str(parsed["schema"])):
            raise ConfigError(f"route {name}: use {better}; {parsed['schema']}:// is accepted for this machine only")

    @property
    def kind(self) -> str:
        return self._kind

    @property
    def delivery(self) -> Delivery:
        """PagerDuty and Opsgenie know a message by its key; a webhook gets the key and can."""
        return Delivery.DEDUPLICATED if self._kind in _DEDUPLICATED else Delivery.AT_MOST_ONCE

    async def send(self, message: RouteMessage, earlier: RouteMessage | None) -> str:  # noqa: ARG002 - nothing can be changed afterwards
        """Implements `ports.Destination.send`."""
        plugin = self._plugin(self._more(message))
        title, body = message.title[:_LONGEST_TITLE], message.body
        if self._kind == "pagerduty":
            # Its summary is an incident's title; the text is in the details.
            title, body = "", title
        service = apprise.Apprise(asset=plugin.asset)
        service.add(plugin)

        def notify() -> _Sent:
            with service.notify(
                body=body,
                title=title,
                notify_type=_TYPES[message.verdict],
                body_format=apprise.NotifyFormat.TEXT,
                log_level=logging.DEBUG,
            ) as result:
                return _Sent(bool(result), tuple((entry.level, entry.message) for entry in result.logs()))

        sent = await _on_a_thread(notify, self._seconds)
        if not sent.arrived:
            error = _error(sent)
            # Of several targets, one may have it already.
            raise error if len(plugin) <= 1 else RouteError(str(error), outcome_unknown=True)
        return ""

    async def close(self) -> None:
        """Nothing is open between two messages."""

    def _more(self, message: RouteMessage) -> dict[str, object]:
        """What tells the other side that it has had a message, and what it has a place of its own for."""
        if self._kind == "pagerduty":
            # One incident per alert: a further result joins it.
            dedup = _key(f"{message.route}/{message.alert_id or message.key}")
            details = {**self._parts.get("details", {}), "finding": message.body}
            return {"dedup": dedup, "details": details, "click": message.link or self._parts.get("click")}
        if self._kind == "opsgenie":
            # Opsgenie does not change an alert that it has under an alias, so each result has its own.
            return {"alias": _key(message.key), "action": "new"}
        if self._kind == "webhook":
            more = {"dedup_key": _key(message.key), "alert_id": message.alert_id, "verdict": message.verdict.value}
            payload = {**self._parts.get("payload", {}), **more}
            return {
                "payload": payload,
                "headers": {**self._parts.get("headers", {}), "Idempotency-Key": _key(message.key)},
            }
        return {}

    def _plugin(self, more: dict[str, object]) -> Any:
        parts = {
            **self._parts,
            "overflow": "truncate",
            "redirect": "no",
            "verify": True,
            "cto": str(CONNECT_SECONDS),
            "rto": str(READ_SECONDS),
            **more,
        }
        plugin = apprise.Apprise.instantiate(parts, asset=_asset())
        if plugin is None:
            raise ConfigError(
                f"route {self._name}: the address lacks something that {parts['schema']}:// needs; "
                "docs/routes.md has one of each kind"
            )
        return plugin


def _asset() -> apprise.AppriseAsset:
    # No pictures: they would be loaded from another host.
    return apprise.AppriseAsset(
        app_id="triage",
        app_desc="panther-triage",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        async_mode=False,
        secure_logging=True,
        storage_mode="memory",
        # What was logged is read at once.
        result_log_disk_size=0,
    )


def _kind(plugin: Any, scheme: str) -> str:
    parts = type(plugin).__module__.split(".")
    return next((_KINDS[part] for part in parts if part in _KINDS), scheme)


def _in_the_clear(plugin: Any, kind: str, scheme: str) -> str:
    """What to write in place of an address over which everybody can read along; empty where nobody can."""
    if kind == "mail":
        clear, host = str(plugin.secure_mode) == "insecure", str(plugin.smtp_host or "")
    else:
        protocols = (plugin.protocol,) if isinstance(plugin.protocol, str) else plugin.protocol or ()
        clear, host = scheme in protocols and bool(plugin.secure_protocol), str(plugin.host or "")
    return f"{scheme}s://" if clear and not is_loopback(host) else ""


def _key(text: str) -> str:
    return f"triage-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def _error(sent: _Sent) -> RouteError:
    """What a failure means for another try."""
    said = [text for level, text in sent.logged if level in ("WARNING", "ERROR")]
    reason = printable_sentence(redact(said[-1] if said else "apprise gave no reason"), 200)
    if any(level == "DEBUG" and _NEVER_CONNECTED.search(text) for level, text in sent.logged):
        return RouteError(f"{reason} (no connection)", retryable=True)
    statuses = [int(found[1]) for text in said if (found := _STATUS.search(text))]
    if len(statuses) != 1:
        return RouteError(reason, outcome_unknown=True)
    if statuses[0] in _TRANSIENT:
        return RouteError(reason, retryable=True)
    return RouteError(reason, outcome_unknown=statuses[0] not in _ANSWERS and not 300 <= statuses[0] < 400)  # noqa: PLR2004 - a redirect, not followed


async def _on_a_thread(work: Callable[[], _Sent], seconds: float) -> _Sent:
    """Run on a thread that does not keep the process from ending.

    Raises RouteError when the time is over; the thread may still go on.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[_Sent] = loop.create_future()

    def give(result: _Sent | BaseException) -> None:
        if ended.done():
            return
        if isinstance(result, BaseException):
            ended.set_exception(result)
        else:
            ended.set_result(result)

    def run() -> None:
        try:
            result: _Sent | BaseException = work()
        except Exception as error:  # noqa: BLE001 - whatever a plugin raises belongs to the message, not to this thread
            result = RouteError(f"apprise failed: {type(error).__name__}", outcome_unknown=True)
        # The loop may have ended meanwhile.
        if not loop.is_closed():
            loop.call_soon_threadsafe(give, result)

    threading.Thread(target=run, name="route", daemon=True).start()
    try:
        return await asyncio.wait_for(ended, seconds)
    except TimeoutError as error:
        raise RouteError(f"no answer within {seconds:g} s", outcome_unknown=True) from error
