"""The drawing of a story: where the marks of its acts are.

The template writes the SVG and escapes every text. The drawing has no `viewBox`: a unit is a CSS pixel, so that text
keeps its size on a phone. Each text comes in a long and a short form; the style sheet shows the one that fits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from triage.domain.clean import printable
from triage.stages.reporting.act import Act
from triage.stages.reporting.evidence_view import Cleaner
from triage.stages.reporting.story import Story, act_text
from triage.stages.reporting.wording import shorten_middle

_TOP = 14
_LINE = 44
_GAP_AT_LEAST = 60.0
"""Seconds; shorter gaps are not drawn."""
_GAP_PER_DOUBLING = 4
_GAP_AT_MOST = 60
_GAP_LABELLED = 20
"""Pixels, which a word needs."""
_LONG, _SHORT, _SHORT_ACTION = 110, 45, 30
_DEED = 200


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One line of the story, taken apart for a drawing; every text cleaned."""

    time: str
    action: str
    """What was done, without who and from where."""
    actor: str
    address: str
    source: str
    """Evidence that it comes from, such as `E1`; empty for the moment at which the alert was raised."""
    phase: str = ""
    anchor: str = ""
    """The first row as `E1-0`."""
    at: datetime | None = None
    until_at: datetime | None = None


def story_events(story: Story, clean: Cleaner) -> tuple[TimelineEvent, ...]:
    """The lines of a story, for a drawing and a table."""

    def event(time: str, act: Act) -> TimelineEvent:
        deed = act_text(act, with_address=False).removeprefix(f"{act.who} ")
        return TimelineEvent(
            time=time,
            action=clean.sentence(deed, _DEED),
            actor=clean.value(act.who, 90),
            address=clean.value(act.address, 50),
            source=act.evidence,
            phase=act.phase.value,
            anchor=f"{act.evidence}-{act.rows[0]}" if act.rows else act.evidence,
            at=act.at,
            until_at=act.until,
        )

    return tuple(event(line.time, act) for line in story.lines for act in line.acts)


@dataclass(frozen=True, slots=True)
class TimelineMark:
    """One event of the drawing."""

    y: int
    kind: str
    """`cited` for the alert's own acts, `event` for others, `alert` for the moment at which it was raised."""
    head: str
    head_short: str
    body: str
    body_short: str
    anchor: str
    """Id of the element that shows it; empty: none."""
    gap: str
    """Time since the mark above, where it is worth mentioning."""
    gap_y: int


@dataclass(frozen=True, slots=True)
class TimelineDrawing:
    height: int
    bottom: int
    """Where the axis ends."""
    marks: tuple[TimelineMark, ...]


def draw_timeline(events: Sequence[TimelineEvent], anchors: frozenset[str]) -> TimelineDrawing:
    """Put events below each other; the longer the time between two, the wider the gap (by its logarithm).

    Args:
        events: In order of time.
        anchors: Ids of the page's elements that a mark may link to.
    """
    marks: list[TimelineMark] = []
    y = _TOP
    before: TimelineEvent | None = None
    for event in events:
        gap, gap_y = "", 0
        if before is not None:
            extra, gap = _gap(before, event)
            gap_y = y + _LINE
            y += _LINE + extra
        body = " · ".join(part for part in (event.actor, event.address, event.source) if part)
        marks.append(
            TimelineMark(
                y=y,
                kind="alert" if not event.source else "cited" if event.phase == "alert" else "event",
                head=f"{event.time}  {printable(event.action, _LONG)}",
                head_short=f"{event.time}  {printable(event.action, _SHORT_ACTION)}",
                body=printable(body, _LONG),
                body_short=_short_body(event),
                anchor=_anchor(event, anchors),
                gap=gap,
                gap_y=gap_y,
            )
        )
        before = event
    return TimelineDrawing(height=y + _LINE - 10, bottom=y, marks=tuple(marks))


def _short_body(event: TimelineEvent) -> str:
    address = shorten_middle(event.address, _SHORT - 10)
    actor = shorten_middle(event.actor, _SHORT - 3 - len(address))
    return " · ".join(part for part in (actor, address) if part)


def _anchor(event: TimelineEvent, anchors: frozenset[str]) -> str:
    whole = event.anchor.partition("-")[0]
    return next((name for name in (event.anchor, whole) if name in anchors), "")


def _gap(before: TimelineEvent, event: TimelineEvent) -> tuple[int, str]:
    last = before.until_at or before.at
    if last is None or event.at is None:
        return 0, ""
    seconds = (event.at - last).total_seconds()
    if seconds < _GAP_AT_LEAST:
        return 0, ""
    extra = min(round(_GAP_PER_DOUBLING * math.log2(seconds / 30)), _GAP_AT_MOST)
    return extra, _span(seconds) if extra >= _GAP_LABELLED else ""


def _span(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("hours", 3_600), ("min", 60)):
        if seconds >= 2 * length or unit == "min":
            return f"{round(seconds / length)} {unit} later"
    return ""
