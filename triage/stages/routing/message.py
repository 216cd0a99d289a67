"""What a message says: the brief comment's text, without what only its alert's comments need."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import regex

from triage.domain.alert import Alert
from triage.domain.clean import safe_sentence
from triage.domain.report import Report, digest
from triage.domain.verdict import Disposition, Investigation, confidence_word
from triage.ports import RouteMessage

TEST = "TEST"
"""How the title of a test message begins."""
LINES = 20
"""Results that a summary lists."""
_MARKER = "triage-marker:"
_TITLE = 150
_CALLS = regex.compile(r"(?i)@(?=(?:everyone|here|channel|all)\b)|<(?=[@!#/]|\s*at\b)")
"""What a chat would take for a call to everybody, or for markup of its own."""


def build_message(
    route: str, alert: Alert, investigation: Investigation, report: Report, *, link: str, now: datetime
) -> RouteMessage:
    """The message about one result.

    Args:
        route: Where it goes.
        alert: The alert.
        investigation: What was found.
        report: The same as a comment.
        link: The alert in the configured console; empty: none.
        now: When it is stored.
    """
    verdict = investigation.verdict
    text = report.text
    if _MARKER in text:
        text = text[: text.rindex(_MARKER)].rstrip()
    title, _, rest = text.partition("\n")
    said = f"{safe_sentence(alert.severity.value, 40)} alert: {safe_sentence(alert.title, 200)}"
    named = f"{safe_sentence(alert.detection_id or 'no detection', 120)}, alert {safe_sentence(alert.id, 80)}"
    body = "\n".join(line for line in (said, named, link) if line) + "\n\n" + rest.strip()
    gist = "|".join((verdict.disposition.value, confidence_word(verdict.confidence), alert.severity.value))
    return RouteMessage(
        key=f"{route}:{alert.id}:{investigation.run_id}",
        route=route,
        alert_id=alert.id,
        run_id=investigation.run_id,
        title=_inert(title)[:_TITLE],
        body=_inert(body).strip(),
        verdict=verdict.disposition,
        link=link,
        # Each run has an id of its own, which the footer names.
        digest=digest(f"{title}\n{body}".replace(investigation.run_id, "")),
        gist=gist,
        created_at=now,
    )


def _inert(text: str) -> str:
    return _CALLS.sub(lambda found: f"{found[0]}\u200b", text)


def refer(message: RouteMessage, earlier: RouteMessage) -> RouteMessage:
    """The same message, which says that it follows the one that arrived first."""
    at = f"{earlier.sent_at:%Y-%m-%d %H:%M} UTC" if earlier.sent_at else "before"
    was = f"Update: the message of {at} about this alert said {earlier.verdict.value}."
    return replace(message, title=f"Update: {message.title}"[:_TITLE], body=f"{was}\n{message.body}")


def summarise(messages: Sequence[RouteMessage], *, now: datetime) -> RouteMessage:
    """One message in the place of several of one route, oldest first."""
    route = messages[0].route
    gravest = max(messages, key=lambda each: each.verdict.gravity).verdict
    counted = ", ".join(
        f"{number} {verdict.value}"
        for verdict in sorted(Disposition, key=lambda each: -each.gravity)
        if (number := sum(each.verdict is verdict for each in messages))
    )
    # The gravest are named first: what does not fit is the least urgent.
    ordered = sorted(messages, key=lambda each: -each.verdict.gravity)
    lines = [f"{each.title} (alert {each.alert_id}) {each.link}".rstrip() for each in ordered[:LINES]]
    if len(ordered) > LINES:
        lines.append(f"and {len(ordered) - LINES} more")
    since = messages[0].created_at
    body = "\n".join((f"Since {since:%Y-%m-%d %H:%M} UTC, over the cap of this route:", "", *lines))
    keys = hashlib.sha256("\n".join(sorted(each.key for each in messages)).encode()).hexdigest()[:32]
    return RouteMessage(
        key=f"{route}:summary:{keys}",
        route=route,
        alert_id="",
        run_id="",
        title=f"{len(messages)} results: {counted}"[:_TITLE],
        body=body,
        verdict=gravest,
        link="",
        digest=digest(body),
        gist="",
        created_at=now,
    )


def marked_test(route: str, token: str, *, now: datetime) -> RouteMessage:
    """A message that nobody can take for a result.

    Args:
        route: Where it goes.
        token: Different each time.
        now: When it is sent.
    """
    return RouteMessage(
        key=f"{route}:test:{token}",
        route=route,
        alert_id="",
        run_id="",
        title=f"{TEST}: the route {route} works",
        body=f"{TEST} message of `triage routes test`, sent at {now:%Y-%m-%d %H:%M} UTC. No alert is behind it.",
        verdict=Disposition.INCONCLUSIVE,
        link="",
        digest="",
        gist="",
        created_at=now,
    )
