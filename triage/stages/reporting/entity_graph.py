"""The entities of an alert as a drawing: which findings and events name which of them.

Entities are rows, grouped by role; findings and events are upright lines with a dot on each entity that they name. The
template writes the SVG and escapes every text. As in the timeline, a unit is a CSS pixel, and each label comes in a long
and a short form.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import regex
from pydantic import JsonValue

from triage.domain.clean import safe_sentence, safe_value
from triage.domain.entity import Entity, EntityKind, Role
from triage.domain.evidence import Evidence, Source
from triage.domain.finding import CheckedFinding, ValueCitation
from triage.domain.verdict import Investigation
from triage.stages.reporting.wording import shorten_middle

_ENTITIES = 30
_COLUMNS = 8
_FINDINGS = 6
_EVENTS = 100
"""Rows that are searched."""
_LEAVES = 20_000
"""Values that are searched in one row."""
_NAME = 5
"""Characters; the last part of an ARN that is shorter could mean too many things."""
_LETTERS = "abcdefgh"
_ORDER = {Role.ACTOR: 0, Role.SOURCE: 1, Role.TARGET: 2, Role.OTHER: 3}

_STEP, _LEFT = 18, 12
_ROW, _HEAD = 24, 24
_LABEL_LONG, _LABEL_SHORT = 90, 26


@dataclass(frozen=True, slots=True)
class GraphColumn:
    """One finding, or similar events; every text cleaned."""

    x: int
    top: int
    bottom: int
    label: str
    """The finding's number, or a letter."""
    direction: str
    """Of a finding; `neutral` for events."""
    anchor: str
    """Id of the page's element that shows it; empty: none."""
    title: str
    dots: tuple[int, ...]
    """The `y` of each entity that it names."""


@dataclass(frozen=True, slots=True)
class GraphRow:
    """One entity; every text cleaned."""

    y: int
    kind: str
    role: str
    label: str
    label_short: str
    named: bool
    """By a finding or an event."""


@dataclass(frozen=True, slots=True)
class GraphGroup:
    y: int
    role: str


@dataclass(frozen=True, slots=True)
class EntityGraph:
    height: int
    label_x: int
    columns: tuple[GraphColumn, ...]
    rows: tuple[GraphRow, ...]
    groups: tuple[GraphGroup, ...]
    left: int
    """Entities that are not drawn."""


@dataclass(frozen=True, slots=True)
class _Link:
    """One finding, or similar events, and the places of the entities that it names."""

    label: str
    title: str
    direction: str
    anchor: str
    entities: tuple[int, ...]


def entity_graph(investigation: Investigation, anchors: frozenset[str]) -> EntityGraph:
    """Find which entities each finding and each event names, and draw them.

    A finding names an entity in its sentence or in a value that it cites; an event names it where one of its values is
    the entity. Events with the same entities are one column; the most frequent come first.

    Args:
        investigation: What was found.
        anchors: Ids of the page's elements that a column may link to.
    """
    known = _distinct(investigation.entities)
    links = [_of_finding(checked, known) for checked in investigation.verdict.verified]
    links = [link for link in links if link.entities][:_FINDINGS]
    events = next((entry for entry in investigation.evidence if entry.source is Source.EVENTS and entry.answered), None)
    if events is not None:
        links += _of_events(events, known, anchors)[: _COLUMNS - len(links)]
    named = {place for link in links for place in link.entities}
    # Each event has its own trace ids: they connect nothing, unless a finding names them.
    drawn = [place for place, entity in enumerate(known) if place in named or entity.kind is not EntityKind.TRACE]
    # Where there are too many, those that something names are kept.
    kept = sorted(sorted(drawn, key=lambda place: (place not in named, place))[:_ENTITIES])
    links = [link for link in links if any(place in kept for place in link.entities)]

    heights: dict[int, int] = {}
    groups: list[GraphGroup] = []
    y = _HEAD
    for place in kept:
        role = known[place].role.value
        if not groups or groups[-1].role != role:
            groups.append(GraphGroup(y + 16, role))
            y += _ROW
        heights[place] = y + _ROW // 2
        y += _ROW
    return EntityGraph(
        height=y + 8,
        label_x=_LEFT + _STEP * len(links) + 4,
        columns=tuple(
            _column(link, _LEFT + _STEP * number, tuple(heights[place] for place in link.entities if place in heights))
            for number, link in enumerate(links)
        ),
        rows=tuple(_row(known[place], heights[place], named=place in named) for place in kept),
        groups=tuple(groups),
        left=len(known) - len(kept),
    )


def _column(link: _Link, x: int, dots: tuple[int, ...]) -> GraphColumn:
    return GraphColumn(x, min(dots), max(dots), link.label, link.direction, link.anchor, link.title, dots)


def _row(entity: Entity, y: int, *, named: bool) -> GraphRow:
    value = safe_value(entity.value, 160)
    return GraphRow(
        y=y,
        kind=entity.kind.value,
        role=entity.role.value,
        label=shorten_middle(value, _LABEL_LONG),
        label_short=shorten_middle(value, _LABEL_SHORT),
        named=named,
    )


def _distinct(entities: Iterable[Entity]) -> list[Entity]:
    distinct: dict[tuple[EntityKind, str], Entity] = {}
    for entity in entities:
        if entity.value:
            distinct.setdefault((entity.kind, entity.value.casefold()), entity)
    return sorted(distinct.values(), key=lambda entity: _ORDER[entity.role])


def _of_finding(checked: CheckedFinding, entities: Sequence[Entity]) -> _Link:
    finding = checked.finding
    cited = " \n ".join(
        str(citation.value) for citation in finding.citations if isinstance(citation, ValueCitation)
    ).casefold()
    text = f"{finding.text.casefold()} \n {cited}"
    places = tuple(
        place for place, entity in enumerate(entities) if any(_names(text, name) for name in _aliases(entity))
    )
    return _Link(
        label=str(checked.number),
        title=safe_sentence(finding.text, 200),
        direction=finding.direction.value,
        anchor=f"finding-{checked.number}",
        entities=places,
    )


def _aliases(entity: Entity) -> tuple[str, ...]:
    """What a sentence may call it: its value, and the last part of an ARN unless that is too short."""
    value = entity.value.casefold()
    last = regex.split("[/:]", value)[-1]
    return (value, last) if entity.kind is EntityKind.ARN and len(last) >= _NAME else (value,)


def _names(text: str, value: str) -> bool:
    if value not in text:
        return False
    return regex.search(rf"(?<![\w.@-]){regex.escape(value, literal_spaces=True)}(?![\w@]|[.-]\w)", text) is not None


def _of_events(events: Evidence, entities: Sequence[Entity], anchors: frozenset[str]) -> list[_Link]:
    places: dict[str, set[int]] = {}
    for place, entity in enumerate(entities):
        if entity.kind is not EntityKind.TRACE:
            places.setdefault(entity.value.casefold(), set()).add(place)
    rows: dict[tuple[int, ...], list[int]] = {}
    for number, row in enumerate(events.rows[:_EVENTS]):
        found = tuple(sorted({place for leaf in _leaves(row) for place in places.get(leaf, ())}))
        if found:
            rows.setdefault(found, []).append(number)
    links = []
    for letter, (found, numbers) in zip(_LETTERS, sorted(rows.items(), key=lambda item: -len(item[1])), strict=False):
        others = f" and {len(numbers) - 1} similar rows" if len(numbers) > 1 else ""
        anchor = f"{events.id}-{numbers[0]}"
        links.append(
            _Link(
                label=letter,
                title=f"{events.id} row {numbers[0]}{others}",
                direction="neutral",
                anchor=anchor if anchor in anchors else "",
                entities=found,
            )
        )
    return links


def _leaves(row: Mapping[str, JsonValue]) -> Iterable[str]:
    waiting: list[JsonValue] = list(row.values())
    for _ in range(_LEAVES):
        if not waiting:
            return
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, str):
            yield value.casefold()
