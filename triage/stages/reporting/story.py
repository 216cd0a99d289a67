"""The story of an alert: at most so many lines that say what happened, before, at and after it.

Code writes it from the answers (`acts`), so it holds whatever the analyst proposed and whatever a log says of itself.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from triage.domain.alert import Alert
from triage.domain.finding import ValueCitation
from triage.domain.names import sentence_start
from triage.domain.signal import Direction
from triage.domain.verdict import Investigation
from triage.stages.reporting.act import Act, Phase
from triage.stages.reporting.acts import read_acts

LINES = 6
"""Lines of a story where nothing else is said."""
_OWN = 3
"""Lines that the alert's own events may take of these, where more of them happened."""
_SIGNED_IN = "signed in "
_OF_ONE = re.compile(r"\ban? [\w-]+( [\w-]+)?$")
_ALIKE_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class StoryLine:
    """One line; its texts are printable and otherwise as the log has them."""

    time: str
    """`10:12`, with the day where it is not the alert's, and `10:12 to 10:40` for several acts."""
    text: str
    """A sentence without its full stop: `jarek.lovell ran AWS-RunShellScript over Systems Manager`."""
    evidence: str
    phase: Phase
    acts: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class Story:
    lines: tuple[StoryLine, ...]
    left: int
    """Acts that may matter and that no line says."""
    acts: tuple[Act, ...]
    """All of them."""


def tell_story(alert: Alert, investigation: Investigation, *, zone: tzinfo, limit: int = LINES) -> Story:
    """Say what happened, in order of time.

    Args:
        alert: The alert.
        investigation: Its answers, and the findings and facts that tell what matters.
        zone: In which times are shown.
        limit: Lines at most.
    """
    first = alert.first_event_at or alert.created_at
    last = max(alert.last_event_at or first, first)
    acts = read_acts(investigation.evidence, _cited(investigation), first=first, last=last)
    chosen = _chosen(acts, limit)
    day = first.astimezone(zone).date()
    lines = []
    before: Act | None = None
    for act in sorted(chosen, key=lambda each: (each.at, each.phase is not Phase.ALERT)):
        text = sentence_start(act_text(act, with_address=before is None or act.address != before.address))
        lines.append(StoryLine(span_text(act, zone, day), text, act.evidence, act.phase, (act,)))
        before = act
    return Story(tuple(lines), len(acts) - len(chosen), acts)


def act_text(act: Act, *, with_address: bool = True) -> str:
    """An act as a clause: who did what, to what, from where, how often, with which outcome."""
    refused = act.all_refused and act.deed.startswith(_SIGNED_IN)
    deed = f"was refused at sign-in {act.deed.removeprefix(_SIGNED_IN)}" if refused else act.deed
    if act.objects:
        more = f" and {act.more_objects} more" if act.more_objects else ""
        # "a file: x.csv", but "flow logs fl-1".
        deed += f"{':' if _OF_ONE.search(deed) else ''} {listed(act.objects, last_and=not more)}{more}"
    parts = [deed if act.bare else f"{act.who or 'an unnamed caller'} {deed}"]
    if act.action:
        parts.append(f"({act.action})")
    if with_address and act.address and act.address != act.who:
        parts.append(f"from {act.address}")
    text = " ".join(parts)
    if act.times > 1 and act.times != len(act.objects) + act.more_objects:
        text += f", {act.times:,} times"
    if act.all_refused and "refused" not in deed:
        text += ", refused"
    elif act.refused and "refused" not in deed:
        text += f", {act.refused:,} of them refused"
    if act.failed:
        text += ", without success" if act.failed >= act.times else f", {act.failed:,} of them without success"
    return text


def span_text(act: Act, zone: tzinfo, day: object) -> str:
    """When an act was: to the minute, with its day where that is not the given one."""
    start, end = act.at.astimezone(zone), act.until.astimezone(zone)

    def at(moment: datetime) -> str:
        return f"{moment:%H:%M}" if moment.date() == day else f"{moment:%b} {moment.day} {moment:%H:%M}"

    if act.times == 1 or act.until - act.at < _ALIKE_WITHIN:
        return at(start)
    return f"{at(start)} to {end:%H:%M}" if start.date() == end.date() else f"{at(start)} to {at(end)}"


def listed(names: Sequence[str], *, last_and: bool = True) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *others, last = names or ("",)
    return f"{', '.join(others)} and {last}" if others and last_and else ", ".join(names)


def _cited(investigation: Investigation) -> Iterable[tuple[str, int]]:
    for signal in investigation.signals:
        if signal.direction is Direction.MALICIOUS:
            for citation in signal.citations:
                if isinstance(citation, ValueCitation):
                    yield citation.evidence, citation.row
    for checked in investigation.verdict.verified:
        for citation in checked.finding.citations:
            if isinstance(citation, ValueCitation):
                yield citation.evidence, citation.row


def _chosen(acts: Sequence[Act], limit: int) -> list[Act]:
    """The acts with a line each: the alert's own gravest ones, then whatever else matters most."""
    own = sorted((act for act in acts if act.phase is Phase.ALERT and act.rows), key=_rank)
    others = sorted((act for act in acts if act not in own[:_OWN]), key=_rank)
    return (own[:_OWN] + others)[:limit]


def _rank(act: Act) -> tuple[float, datetime]:
    return -act.weight, act.at
