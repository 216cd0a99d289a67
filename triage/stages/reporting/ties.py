"""What ties the entities of an alert to each other: findings that name several of them, and events that hold them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import regex
from pydantic import JsonValue

from triage.domain.clean import safe_sentence, safe_value
from triage.domain.entity import Entity, EntityKind, Role
from triage.domain.evidence import Evidence, Source
from triage.domain.finding import CheckedFinding, ValueCitation
from triage.domain.verdict import Investigation

_ENTITIES = 30
_COLUMNS = 8
_FINDINGS = 6
_EVENTS = 100
"""Rows that are looked at."""
_LEAVES = 20_000
"""Values that are looked at in one row."""
_NAME = 5
"""Characters; the last part of an ARN that is shorter means too many things."""
_LETTERS = "abcdefgh"
_ORDER = {Role.ACTOR: 0, Role.SOURCE: 1, Role.TARGET: 2, Role.OTHER: 3}


@dataclass(frozen=True, slots=True)
class TiedEntity:
    kind: str
    value: str
    role: str


@dataclass(frozen=True, slots=True)
class TieLine:
    """One finding, or events alike."""

    label: str
    """The finding's number, or a letter."""
    title: str
    direction: str
    anchor: str
    entities: tuple[int, ...]
    """Places in `Ties.entities`."""


@dataclass(frozen=True, slots=True)
class Ties:
    """Every text cleaned."""

    entities: tuple[TiedEntity, ...]
    """By role, in the order of the investigation."""
    columns: tuple[TieLine, ...]
    left: int
    """Entities that are left out."""


def ties(investigation: Investigation, anchors: frozenset[str]) -> Ties:
    """Find which entities each finding and each event names.

    A finding names an entity in its sentence or in a value that it cites; an event where one of its values is the
    entity. Events with the same entities are one line; the most frequent come first.

    Args:
        investigation: What was found.
        anchors: Ids of the page's elements that a line may lead to.
    """
    known = _distinct(investigation.entities)
    found = [_of_finding(checked, known) for checked in investigation.verdict.verified]
    lines = [line for line in found if line.entities][:_FINDINGS]
    events = next((entry for entry in investigation.evidence if entry.source is Source.EVENTS and entry.answered), None)
    if events is not None:
        lines += _of_events(events, known, anchors)[: _COLUMNS - len(lines)]
    named = {place for line in lines for place in line.entities}
    # Each event has traces of its own: they tie nothing, unless a finding names them.
    drawn = [place for place, entity in enumerate(known) if place in named or entity.kind is not EntityKind.TRACE]
    # Those that something names stay where there are too many.
    kept = sorted(sorted(drawn, key=lambda place: (place not in named, place))[:_ENTITIES])
    moved = {place: number for number, place in enumerate(kept)}
    return Ties(
        entities=tuple(
            TiedEntity(known[place].kind.value, safe_value(known[place].value, 160), known[place].role.value)
            for place in kept
        ),
        columns=tuple(
            TieLine(
                line.label,
                line.title,
                line.direction,
                line.anchor,
                tuple(moved[place] for place in line.entities if place in moved),
            )
            for line in lines
            if any(place in moved for place in line.entities)
        ),
        left=len(known) - len(kept),
    )


def _distinct(entities: Iterable[Entity]) -> list[Entity]:
    one: dict[tuple[EntityKind, str], Entity] = {}
    for entity in entities:
        if entity.value:
            one.setdefault((entity.kind, entity.value.casefold()), entity)
    return sorted(one.values(), key=lambda entity: _ORDER[entity.role])


def _of_finding(checked: CheckedFinding, entities: Sequence[Entity]) -> TieLine:
    finding = checked.finding
    cited = " \n ".join(
        str(citation.value) for citation in finding.citations if isinstance(citation, ValueCitation)
    ).casefold()
    text = f"{finding.text.casefold()} \n {cited}"
    places = tuple(
        place for place, entity in enumerate(entities) if any(_names(text, name) for name in _called(entity))
    )
    return TieLine(
        label=str(checked.number),
        title=safe_sentence(finding.text, 200),
        direction=finding.direction.value,
        anchor=f"finding-{checked.number}",
        entities=places,
    )


def _called(entity: Entity) -> tuple[str, ...]:
    """What a sentence may call it: its value, and the last part of an ARN where that is no common word."""
    value = entity.value.casefold()
    last = regex.split("[/:]", value)[-1]
    return (value, last) if entity.kind is EntityKind.ARN and len(last) >= _NAME else (value,)


def _names(text: str, value: str) -> bool:
    if value not in text:
        return False
    return regex.search(rf"(?<![\w.@-]){regex.escape(value, literal_spaces=True)}(?![\w@]|[.-]\w)", text) is not None


def _of_events(events: Evidence, entities: Sequence[Entity], anchors: frozenset[str]) -> list[TieLine]:
    places: dict[str, set[int]] = {}
    for place, entity in enumerate(entities):
        if entity.kind is EntityKind.TRACE:
            continue
        places.setdefault(entity.value.casefold(), set()).add(place)
    rows: dict[tuple[int, ...], list[int]] = {}
    for number, row in enumerate(events.rows[:_EVENTS]):
        found = tuple(sorted({place for leaf in _leaves(row) for place in places.get(leaf, ())}))
        if found:
            rows.setdefault(found, []).append(number)
    lines = []
    for letter, (found, numbers) in zip(_LETTERS, sorted(rows.items(), key=lambda item: -len(item[1])), strict=False):
        many = f"{events.id} row {numbers[0]} and {len(numbers) - 1} others alike"
        anchor = f"{events.id}-{numbers[0]}"
        lines.append(
            TieLine(
                label=letter,
                title=many if len(numbers) > 1 else f"{events.id} row {numbers[0]}",
                direction="neutral",
                anchor=anchor if anchor in anchors else "",
                entities=found,
            )
        )
    return lines


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
