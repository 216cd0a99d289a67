"""Where the marks of the page's two drawings stand. The template writes the SVG, and escapes every text.

Both drawings have no `viewBox`: a unit is a CSS pixel, so that text keeps its size on a phone. Each text is there in a
long form and in a short one, of which the style sheet shows the one that fits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from triage.domain.clean import ELLIPSIS
from triage.stages.reporting.ties import Ties
from triage.stages.reporting.timeline import Happening

_TOP = 14
_LINE = 44
_GAP_AT_LEAST = 60.0
"""Seconds; shorter gaps are not drawn."""
_GAP_PER_DOUBLING = 4
_GAP_AT_MOST = 60
_GAP_LABELLED = 20
"""Pixels, which a word needs."""
_LONG, _SHORT, _SHORT_ACTION = 110, 45, 24

_STEP = 18
_LEFT = 12
_ROW = 24
_HEAD = 24
_LABEL_LONG, _LABEL_SHORT = 90, 26


@dataclass(frozen=True, slots=True)
class Mark:
    """One line of the timeline."""

    y: int
    kind: str
    """`cited`, `event` or `alert`."""
    head: str
    head_short: str
    body: str
    body_short: str
    anchor: str
    """Id of the element that shows it; empty: none."""
    gap: str
    """Time since the mark above, where it is worth a word."""
    gap_y: int


@dataclass(frozen=True, slots=True)
class TimelineDrawing:
    height: int
    bottom: int
    """Where the axis ends."""
    marks: tuple[Mark, ...]


def draw_timeline(events: Sequence[Happening], anchors: frozenset[str]) -> TimelineDrawing:
    """Put events below each other; the longer the time between two, the wider the gap (by its logarithm)."""
    marks: list[Mark] = []
    y = _TOP
    before: Happening | None = None
    for event in events:
        gap, gap_y = "", 0
        if before is not None:
            extra, gap = _gap(before, event)
            gap_y = y + _LINE
            y += _LINE + extra
        head = f"{event.action}{_times(event)}"
        cited = f"finding {', '.join(map(str, event.findings))}" if event.findings else ""
        body = " · ".join(part for part in (event.actor, event.address, event.source, cited) if part)
        marks.append(
            Mark(
                y=y,
                kind="alert" if not event.source else "cited" if event.findings else "event",
                head=f"{event.time}  {_cut(head, _LONG)}",
                head_short=f"{event.time}  {_cut(head, _SHORT_ACTION)}",
                body=_cut(body, _LONG),
                body_short=_short(event),
                anchor=_anchor(event, anchors),
                gap=gap,
                gap_y=gap_y,
            )
        )
        before = event
    return TimelineDrawing(height=y + _LINE - 10, bottom=y, marks=tuple(marks))


def _short(event: Happening) -> str:
    address = _middle(event.address, _SHORT - 10)
    actor = _middle(event.actor, _SHORT - 3 - len(address))
    return " · ".join(part for part in (actor, address) if part)


def _anchor(event: Happening, anchors: frozenset[str]) -> str:
    whole = event.anchor.partition("-")[0]
    return next((name for name in (event.anchor, whole) if name in anchors), "")


def _times(event: Happening) -> str:
    return f", {event.times} times" if event.times > 1 else ""


def _gap(before: Happening, event: Happening) -> tuple[int, str]:
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


@dataclass(frozen=True, slots=True)
class TieColumn:
    x: int
    top: int
    bottom: int
    label: str
    direction: str
    """Of a finding; `neutral` for events."""
    anchor: str
    title: str
    dots: tuple[int, ...]
    """The height of each entity that it names."""


@dataclass(frozen=True, slots=True)
class TieRow:
    y: int
    kind: str
    label: str
    label_short: str
    title: str
    tied: bool


@dataclass(frozen=True, slots=True)
class TieGroup:
    y: int
    role: str


@dataclass(frozen=True, slots=True)
class TieDrawing:
    height: int
    label_x: int
    columns: tuple[TieColumn, ...]
    rows: tuple[TieRow, ...]
    groups: tuple[TieGroup, ...]


def draw_ties(ties: Ties) -> TieDrawing:
    """Entities by role below each other, findings and events as lines that join the entities they name."""
    label_x = _LEFT + _STEP * len(ties.columns) + 4
    y = _HEAD
    places: list[int] = []
    rows: list[TieRow] = []
    groups: list[TieGroup] = []
    role = ""
    named = {place for column in ties.columns for place in column.entities}
    for place, entity in enumerate(ties.entities):
        if entity.role != role:
            role = entity.role
            groups.append(TieGroup(y + 16, role))
            y += _ROW
        places.append(y + _ROW // 2)
        rows.append(
            TieRow(
                y=y + _ROW // 2,
                kind=entity.kind,
                label=_middle(entity.value, _LABEL_LONG),
                label_short=_middle(entity.value, _LABEL_SHORT),
                title=f"{entity.kind} {entity.value}",
                tied=place in named,
            )
        )
        y += _ROW
    columns = tuple(
        TieColumn(
            x=_LEFT + _STEP * number,
            top=min(places[place] for place in column.entities),
            bottom=max(places[place] for place in column.entities),
            label=column.label,
            direction=column.direction,
            anchor=column.anchor,
            title=column.title,
            dots=tuple(places[place] for place in column.entities),
        )
        for number, column in enumerate(ties.columns)
    )
    return TieDrawing(height=y + 8, label_x=label_x, columns=columns, rows=tuple(rows), groups=tuple(groups))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS


def _middle(text: str, limit: int) -> str:
    """Cut in the middle: names differ at their ends."""
    if len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return text[:head] + ELLIPSIS + text[len(text) - (limit - 1 - head) :]
