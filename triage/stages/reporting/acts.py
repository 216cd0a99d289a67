"""What was done, read from an investigation's answers: who did what, to which object, when, from where, how it ended.

The alert's own events are read as they are. Of the answers those count whose rows are acts with a time: what an actor
did before and after, what a new identity did, who signed in. Answers about habits (which days, how often) are no acts.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import JsonValue

from triage.domain.base import Row
from triage.domain.clean import plain
from triage.domain.evidence import Evidence, Source, lookup
from triage.domain.names import object_name, short_name
from triage.domain.times import parse_time
from triage.logtypes import entity_fields, harmful_action, is_detection_event, phrases_of, product_of, terms_of
from triage.logtypes.parameters import from_lake
from triage.logtypes.paths import find
from triage.logtypes.terms import take
from triage.logtypes.words import RECIPIENT, TARGET, said, spelled_out

OBJECTS = 3
"""Objects of one line that are named; of more, two are and the rest are counted."""
_ACT_COLUMNS = {"action", "times", "first_seen"}
_HABITS = {"days", "old_days", "occasions", "rule", "runs"}
"""Columns of answers that count days, occasions, runs or matches instead of listing acts."""
_FLOW_COLUMNS = {"source", "target", "port", "flows", "first_seen"}
_SIGN_IN_COLUMNS = {"address", "result", "times", "first_seen"}
_HARMFUL_WEIGHT = 0.5
"""Of what an answer calls harmful and the log type's file does not name."""
_SIGN_IN_WEIGHT, _REFUSALS_WEIGHT, _REFUSED_WEIGHT, _DERIVED_WEIGHT, _CITED_WEIGHT = 0.6, 0.7, 0.3, 0.9, 0.8
_MANY_REFUSALS = 3
_NAME, _OBJECT, _FIELD = 80, 60, 40
FIELDS = 5
"""Fields that are shown of an event of which nothing is known."""
_CALL = re.compile(r"[A-Z][a-z]+[A-Z]\w{2,40}")
"""The name of an API call, which people search for; other names say nothing that the sentence does not."""


class Phase(StrEnum):
    """When an act was, as seen from the alert."""

    BEFORE = "before"
    ALERT = "alert"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Act:
    """One act, or several alike; its texts are printable and otherwise as the log has them."""

    at: datetime
    until: datetime
    phase: Phase
    who: str
    """The short name; empty where the log names no one."""
    deed: str
    """In the past tense, with the object where it is known: `deleted the trail audit`."""
    action: str
    """The log's own name for it; empty where a sentence says all."""
    address: str
    log_type: str
    evidence: str
    rows: tuple[int, ...]
    objects: tuple[str, ...] = ()
    """What it was done to, as far as the deed does not say so."""
    named: str = ""
    """What the deed names, for when several such are one line."""
    more_objects: int = 0
    times: int = 1
    refused: int = 0
    weight: float = 0.0
    """How much it matters, from 0 to about 2: how serious the act is, and whether a fact rests on it."""
    raw_action: str = ""
    raw_who: str = ""
    bare: bool = False
    """An event of which no one knows what it says: the deed holds its fields."""
    sources: frozenset[tuple[str, int]] = frozenset()
    """Evidence and row of every answer that holds it."""

    @property
    def told_by(self) -> frozenset[tuple[str, int]]:
        """Evidence and row of the answers that hold it."""
        return self.sources or frozenset((self.evidence, row) for row in self.rows)

    @property
    def all_refused(self) -> bool:
        return self.refused >= self.times > 0


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the acts of one investigation."""

    first: datetime
    """The alert's first event."""
    last: datetime
    actor: str
    """The alert's actor, where the answers do not name theirs."""
    addresses: frozenset[str]
    """Where the alert's events came from."""
    cited: frozenset[tuple[str, int]]
    """Evidence and row of what a fact against the actor, or a verified finding, rests on."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """For actors whom the log names by a number or an opaque id: what it calls them besides."""

    def name(self, who: str) -> str:
        return plain(self.labels.get(who) or short_name(who), _NAME)

    def phase(self, at: datetime) -> Phase:
        if at < self.first:
            return Phase.BEFORE
        return Phase.ALERT if at <= self.last else Phase.AFTER


def read_acts(
    evidence: Sequence[Evidence], cited: Iterable[tuple[str, int]], *, first: datetime, last: datetime
) -> tuple[Act, ...]:
    """Every act that the answers hold and that may matter, in order of time.

    Args:
        evidence: The investigation's.
        cited: Evidence id and row of what a fact rests on.
        first: The alert's first event.
        last: Its last event.
    """
    # What a model's own SQL gives may be shaped to say anything; its findings are checked, and tell it as they are.
    evidence = [entry for entry in evidence if entry.source is not Source.TOOL or entry.asked is not None]
    events = [_Event(entry, number, row) for entry in _events(evidence) for number, row in enumerate(entry.rows)]
    who = [event.term("actor") for event in events]
    reader = _Reader(
        first=first,
        last=last,
        actor=next(filter(None, who), ""),
        addresses=frozenset(filter(None, (event.term("address") for event in events))),
        cited=frozenset(cited),
        labels={name: label for event, name in zip(events, who, strict=True) if (label := _label(event, name))},
    )
    own = _grouped(_event_act(reader, event) for event in events)
    parameters = _parameters(evidence)
    others = [act for entry in evidence for act in _answer_acts(reader, entry, parameters)]
    signed_in = [act for entry in evidence for act in _sign_in_acts(reader, entry)]
    flows = [act for entry in evidence for act in _flow_acts(reader, entry)]
    own, signed_in = _one_sign_in(own, signed_in)
    records = [act for entry in evidence for act in _record_acts(reader, entry)]
    found = _once((*own, *signed_in, *flows, *_not_repeated((*others, *records), own)))
    return tuple(sorted(found, key=lambda act: (act.at, act.phase is not Phase.ALERT)))


def _one_sign_in(own: Sequence[Act], signed_in: Sequence[Act]) -> tuple[list[Act], list[Act]]:
    """Where the alert is about a sign-in, the answer that counts sign-ins says it, as the alert's own act."""
    told = [replace(act, phase=Phase.ALERT) if any(_is_part(each, act) for each in own) else act for act in signed_in]
    return [act for act in own if not any(_is_part(act, each) for each in signed_in)], told


def _is_part(act: Act, sign_in: Act) -> bool:
    return (
        "sign" in act.deed
        and (act.raw_who, act.log_type, act.address) == (sign_in.raw_who, sign_in.log_type, sign_in.address)
        and bool(act.refused) == bool(sign_in.refused)
        and sign_in.at <= act.at <= sign_in.until
    )


def _once(acts: Iterable[Act]) -> Iterable[Act]:
    """Each act once, though several answers hold it: the fullest account of it, with the weight of the weightiest."""
    kept: dict[tuple[object, ...], Act] = {}
    for act in acts:
        key = (act.raw_who, act.raw_action or act.deed, act.at)
        other = kept.get(key)
        if other is None:
            kept[key] = act
            continue
        # The fuller one names its object and its address; an answer about parameters has no address.
        full, less = (
            (act, other)
            if (bool(act.address), len(act.deed)) > (bool(other.address), len(other.deed))
            else (other, act)
        )
        deed = less.deed if less.objects == () and full.objects and len(less.deed) > len(full.deed) else full.deed
        named = deed != full.deed
        kept[key] = replace(
            full,
            deed=deed,
            objects=() if named else full.objects,
            more_objects=0 if named else full.more_objects,
            weight=max(act.weight, other.weight),
            sources=act.told_by | other.told_by,
        )
    return kept.values()


def _events(evidence: Iterable[Evidence]) -> Iterator[Evidence]:
    return (entry for entry in evidence if entry.source is Source.EVENTS and entry.answered)


@dataclass(frozen=True, slots=True)
class _Event:
    """One event of the alert."""

    entry: Evidence
    number: int
    row: Row

    @property
    def log_type(self) -> str:
        return _text(self.row, "p_log_type") or self.entry.log_type

    def term(self, name: str) -> str:
        terms = terms_of(self.log_type)
        return take(self.row, terms[name].take) if name in terms else ""


def _text(row: Row, column: str) -> str:
    value = row.get(column)
    return value if isinstance(value, str) else ""


def _number(row: Row, column: str) -> int:
    value = row.get(column)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _label(event: _Event, name: str) -> str:
    """What an event calls an actor whom it identifies by a number or an id."""
    if not name or "@" in name or not (name.isdecimal() or _opaque(name)):
        return ""
    for entity in entity_fields(event.log_type):
        if entity.role.value == "actor" and entity.kind in ("name", "email", "user"):
            for _, node in find(event.row, entity.path):
                if isinstance(node, str) and node and node != name and not _opaque(node):
                    return f"{node} ({name})" if name.isdecimal() else node
    return ""


def _opaque(name: str) -> bool:
    digits = sum(letter.isdigit() for letter in name)
    return len(name) >= 16 and " " not in name and "." not in name and "/" not in name and digits >= 4  # noqa: PLR2004 - an id


# ---- the alert's own events -------------------------------------------------------------------------------------------


def _event_act(reader: _Reader, event: _Event) -> Act:
    log_type, action, row = event.log_type, event.term("action"), event.row
    at = parse_time(row.get("p_event_time")) or reader.first
    who = event.term("actor")
    target = "" if event.term("target") == who else event.term("target")
    refused = bool(event.term("refused"))
    harm = harmful_action(log_type, action)
    entry, number = event.entry, event.number
    if not action and not who:
        return _bare_event(event, at, reader)
    deed, named = _deed(log_type, action, row, target, event.term("recipient"))
    return Act(
        at=at,
        until=at,
        phase=Phase.ALERT,
        who=reader.name(who),
        deed=deed,
        action=_shown_action(action, deed),
        address=event.term("address"),
        log_type=log_type,
        evidence=entry.id,
        rows=(number,),
        objects=() if named or not target else (plain(object_name(target), _OBJECT),),
        named=named,
        refused=int(refused),
        weight=(harm.seriousness if harm is not None else 0.0)
        + (_CITED_WEIGHT if (entry.id, number) in reader.cited else 0),
        raw_action=action,
        raw_who=who,
    )


def _bare_event(event: _Event, at: datetime, reader: _Reader) -> Act:
    """An event of which no term is known: its own fields, as they are."""
    cells = [
        f"{plain(name, _FIELD)} {plain(str(value), _FIELD)}"
        for name, value in event.row.items()
        if not name.startswith("p_") and isinstance(value, str | int | float) and value != ""
    ]
    left = len(cells) - FIELDS
    cells = [*cells[:FIELDS], f"{left} more fields"] if left > 0 else cells
    return Act(
        at=at,
        until=at,
        phase=Phase.ALERT,
        who="",
        deed=f"{event.log_type or 'a row'}: {', '.join(cells)}" if cells else event.log_type or "a row",
        action="",
        address="",
        log_type=event.log_type,
        evidence=event.entry.id,
        rows=(event.number,),
        weight=_CITED_WEIGHT if (event.entry.id, event.number) in reader.cited else 0,
        raw_action=f"event {event.number}",
        bare=True,
    )


def _grouped(acts: Iterable[Act]) -> list[Act]:
    """Acts alike as one: by the same actor, of the same name, from the same address, with the same outcome."""
    groups: dict[tuple[object, ...], list[Act]] = {}
    for act in sorted(acts, key=lambda each: each.at):
        key = (act.raw_who, act.raw_action, act.address, act.refused, act.log_type)
        groups.setdefault(key, []).append(act)
    return [_merged(group) for group in groups.values()]


def _merged(acts: Sequence[Act]) -> Act:
    act = acts[0]
    if len(acts) == 1:
        return act
    objects = list(dict.fromkeys(name for each in acts for name in each.objects))
    deed = act.deed
    if len({each.deed for each in acts}) > 1:
        # The fullest phrase names one object each; several are the bare phrase and a list.
        deed = _bare(act.log_type, act.raw_action)
        objects = list(dict.fromkeys(each.named for each in acts if each.named)) or objects
    shown = objects if len(objects) <= OBJECTS else objects[: OBJECTS - 1]
    return replace(
        act,
        until=max(each.until for each in acts),
        deed=deed,
        objects=tuple(shown),
        more_objects=len(objects) - len(shown),
        rows=tuple(number for each in acts for number in each.rows),
        times=sum(each.times for each in acts),
        refused=sum(each.refused for each in acts),
        weight=max(each.weight for each in acts),
    )


def _bare(log_type: str, action: str) -> str:
    """An action without its object."""
    return next(
        (phrase for phrase in reversed(phrases_of(log_type, action)) if "{" not in phrase),
        spelled_out(action) or f"did {plain(action, _NAME)}" if action else "acted",
    )


def _deed(log_type: str, action: str, row: Mapping[str, JsonValue], target: str, recipient: str) -> tuple[str, str]:
    """An action in words, and what they name; empty if nothing."""

    def value_of(hole: str) -> str:
        if hole in (TARGET, RECIPIENT):
            value: JsonValue | object = target if hole == TARGET else recipient
        else:
            value = lookup(row, hole)
        if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
            return ""
        return "everyone" if value == "*" else plain(object_name(str(value)), _OBJECT)

    if is_detection_event(log_type, action):
        return f"was reported by {product_of(log_type)}{f': {plain(action, _NAME)}' if action else ''}", ""
    deed, named = said(phrases_of(log_type, action), value_of)
    if deed:
        return deed, named
    return _bare(log_type, action), ""


def _shown_action(action: str, deed: str) -> str:
    """The log's own name for an act, where it is one and the sentence does not hold it."""
    return action if _CALL.fullmatch(action) and action not in deed else ""


# ---- answers ------------------------------------------------------------------------------------------------------


def _parameters(evidence: Iterable[Evidence]) -> dict[tuple[str, str, str], Mapping[str, JsonValue]]:
    """The parameters of calls, by log type, action and time of the first."""
    found = {}
    for entry in evidence:
        if "parameters" in entry.columns:
            for row in entry.rows:
                event = from_lake(_text(row, "parameters"))
                if event is not None:
                    found[entry.log_type, _text(row, "action"), _text(row, "first_seen")] = event
    return found


def _answer_acts(
    reader: _Reader, entry: Evidence, parameters: Mapping[tuple[str, str, str], Mapping[str, JsonValue]]
) -> Iterator[Act]:
    columns = set(entry.columns)
    if not entry.answered or entry.source is Source.EVENTS or not columns >= _ACT_COLUMNS or columns & _HABITS:
        return
    for number, row in enumerate(entry.rows):
        action, at = _text(row, "action"), parse_time(row.get("first_seen"))
        if not action or at is None:
            continue
        weight = _weight(reader, entry, number, row)
        if not weight:
            continue
        who = _text(row, "actor") or _text(row, "identity") or entry.subject or reader.actor
        target = _text(row, "target") if _text(row, "target") not in ("unknown", "/") else ""
        event = parameters.get((entry.log_type, action, _text(row, "first_seen"))) or {}
        count, objects = max(_number(row, "times"), 1), _number(row, "targets")
        deed, named = _deed(entry.log_type, action, event, target, "")
        if named and objects > 1:
            deed, named = _bare(entry.log_type, action), ""
        yield Act(
            at=at,
            until=parse_time(row.get("last_seen")) or at,
            phase=reader.phase(at),
            who=reader.name(who),
            deed=deed,
            action=_shown_action(action, deed),
            address=_text(row, "address"),
            log_type=entry.log_type,
            evidence=entry.id,
            rows=(number,),
            objects=() if named or not target else (plain(object_name(target), _OBJECT),),
            more_objects=max(objects - 1, 0) if target and not named else 0,
            times=count,
            refused=_number(row, "refused"),
            weight=weight,
            raw_action=action,
            raw_who=who,
        )


def _record_acts(reader: _Reader, entry: Evidence) -> Iterator[Act]:
    """Single events of an answer, as far as a finding cites them: what the analyst asked for, or a search has found."""
    if not entry.answered or entry.source is Source.EVENTS:
        return
    for number, row in enumerate(entry.rows):
        at = parse_time(row.get("p_event_time"))
        if at is None or (entry.id, number) not in reader.cited:
            continue
        event = _Event(entry, number, row)
        action = event.term("action") or _text(row, "action")
        if not action:
            continue
        who = event.term("actor") or _text(row, "who") or entry.subject or reader.actor
        target = event.term("target") or _text(row, "target")
        deed, named = _deed(event.log_type, action, row, target, event.term("recipient"))
        refused = bool(event.term("refused")) or _text(row, "outcome") == "refused"
        yield Act(
            at=at,
            until=at,
            phase=reader.phase(at),
            who=reader.name(who),
            deed=deed,
            action=_shown_action(action, deed),
            address=event.term("address") or _text(row, "address") or _text(row, "ip_address"),
            log_type=event.log_type,
            evidence=entry.id,
            rows=(number,),
            objects=() if named or not target or target == who else (plain(object_name(target), _OBJECT),),
            refused=int(refused),
            weight=_CITED_WEIGHT,
            raw_action=action,
            raw_who=who,
        )


def _weight(reader: _Reader, entry: Evidence, number: int, row: Row) -> float:
    harm = harmful_action(entry.log_type, _text(row, "action"))
    times = max(_number(row, "times"), 1)
    failed = _number(row, "failed") or _number(row, "refused")
    weight = harm.seriousness if harm is not None and failed < times else 0.0
    if harm is None and _number(row, "harmful") and failed < times:
        weight = _HARMFUL_WEIGHT
    if not weight and _number(row, "refused"):
        weight = _REFUSED_WEIGHT
    if "identity" in entry.columns:
        weight = max(weight, _DERIVED_WEIGHT)
    if (entry.id, number) in reader.cited:
        weight += _CITED_WEIGHT
    return weight


def _not_repeated(acts: Iterable[Act], own: Sequence[Act]) -> Iterator[Act]:
    """Without what the alert's own events say already; what went on after the alert is kept as from then on."""
    spans: dict[tuple[str, str], tuple[datetime, datetime]] = {}
    for act in own:
        low, high = spans.get((act.raw_action, act.address), (act.at, act.until))
        spans[act.raw_action, act.address] = min(low, act.at), max(high, act.until)
    for act in acts:
        span = spans.get((act.raw_action, act.address))
        if span is None or not span[0] - timedelta(seconds=2) <= act.at <= span[1] + timedelta(seconds=2):
            yield act
        elif act.until > span[1] + timedelta(minutes=1):
            yield replace(act, at=act.until, phase=Phase.AFTER, times=1, objects=(), more_objects=0)


def _flow_acts(reader: _Reader, entry: Evidence) -> Iterator[Act]:
    """Connections from outside to what the alert has opened."""
    if not entry.answered or not set(entry.columns) >= _FLOW_COLUMNS:
        return
    for number, row in enumerate(entry.rows):
        at, source = parse_time(row.get("first_seen")), _text(row, "source")
        if at is None or not source:
            continue
        yield Act(
            at=at,
            until=parse_time(row.get("last_seen")) or at,
            phase=reader.phase(at),
            who=plain(source, _NAME),
            deed=f"connected to {plain(_text(row, 'target'), _OBJECT)} port {plain(str(row.get('port')), 10)}",
            action="",
            address="",
            log_type=entry.log_type,
            evidence=entry.id,
            rows=(number,),
            times=max(_number(row, "flows"), 1),
            weight=_DERIVED_WEIGHT + (_CITED_WEIGHT if (entry.id, number) in reader.cited else 0),
            raw_action=f"flow to {row.get('port')}",
            raw_who=source,
        )


def _sign_in_acts(reader: _Reader, entry: Evidence) -> Iterator[Act]:
    """The sign-ins of one answer: for each address how many were refused, and the first that succeeded."""
    columns = set(entry.columns)
    if not entry.answered or not columns >= _SIGN_IN_COLUMNS or "step" not in columns:
        return
    by_address: dict[str, list[tuple[int, Row]]] = {}
    for number, row in enumerate(entry.rows):
        by_address.setdefault(_text(row, "address"), []).append((number, row))
    who = entry.subject or reader.actor
    for address, rows in by_address.items():
        here = address in reader.addresses
        for refused in (True, False):
            results = _REFUSED if refused else _ADMITTED
            alike = [(number, row) for number, row in rows if _text(row, "result").upper() in results]
            times = [at for _, row in alike for at in (parse_time(row.get("first_seen")),) if at is not None]
            if not times:
                continue
            count = sum(max(_number(row, "times"), 1) for _, row in alike)
            cited = any((entry.id, number) in reader.cited for number, _ in alike)
            if not (here or cited) or (refused and count < _MANY_REFUSALS and not cited):
                continue
            ends = [at for _, row in alike for at in (parse_time(row.get("last_seen")),) if at is not None]
            factor = any(row.get("second_factor") in (True, 1) for _, row in alike)
            deed = (
                f"was refused at sign-in to {product_of(entry.log_type)}"
                if refused
                else (f"signed in to {product_of(entry.log_type)}{' with a second factor' if factor else ''}")
            )
            yield Act(
                at=min(times),
                until=max(ends or times) if refused else min(times),
                phase=reader.phase(min(times)),
                who=reader.name(who),
                deed=deed,
                action="",
                address=address,
                log_type=entry.log_type,
                evidence=entry.id,
                rows=tuple(number for number, _ in alike),
                times=count if refused else 1,
                refused=count if refused else 0,
                weight=(_REFUSALS_WEIGHT if refused else _SIGN_IN_WEIGHT) + (_CITED_WEIGHT if cited else 0),
                raw_action=f"sign-in {'refused' if refused else ''}",
                raw_who=who,
            )


_REFUSED = frozenset({"FAILURE", "DENY", "DENIED"})
_ADMITTED = frozenset({"SUCCESS", "ALLOW", "ALLOWED"})
"""Results of a sign-in's steps; a challenge is neither."""
