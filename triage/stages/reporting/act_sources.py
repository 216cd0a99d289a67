"""Reads acts from an alert's events and from the answers whose rows are acts with a time."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

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
from triage.stages.reporting.act import Act, Phase

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
_ID_LENGTH, _ID_DIGITS = 16, 4
"""From here on a name without spaces, dots and slashes is an id that tells people nothing."""
FIELDS = 5
"""Fields that are shown of an event of which nothing is known."""
_CALL = re.compile(r"[A-Z][a-z]+[A-Z]\w{2,40}")
"""The name of an API call, which people search for; other names say nothing that the sentence does not."""


@dataclass(frozen=True, slots=True)
class Reader:
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


@dataclass(frozen=True, slots=True)
class AlertEvent:
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


def label_of(event: AlertEvent, name: str) -> str:
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
    return len(name) >= _ID_LENGTH and digits >= _ID_DIGITS and not {" ", ".", "/"} & set(name)


# ---- the alert's own events -------------------------------------------------------------------------------------------


def event_act(reader: Reader, event: AlertEvent) -> Act:
    log_type, action, row = event.log_type, event.term("action"), event.row
    at = parse_time(row.get("p_event_time")) or reader.first
    who = event.term("actor")
    target = "" if event.term("target") == who else event.term("target")
    refused = bool(event.term("refused"))
    failed = bool(event.term("failed")) and not refused
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
        failed=int(failed),
        weight=(harm.seriousness if harm is not None else 0.0)
        + (_CITED_WEIGHT if (entry.id, number) in reader.cited else 0),
        raw_action=action,
        raw_who=who,
    )


def _bare_event(event: AlertEvent, at: datetime, reader: Reader) -> Act:
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


def bare_deed(log_type: str, action: str) -> str:
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
    return bare_deed(log_type, action), ""


def _shown_action(action: str, deed: str) -> str:
    """The log's own name for an act, where it is one and the sentence does not hold it."""
    return action if _CALL.fullmatch(action) and action not in deed else ""


# ---- answers ------------------------------------------------------------------------------------------------------


def parameters_of(evidence: Iterable[Evidence]) -> dict[tuple[str, str, str], Mapping[str, JsonValue]]:
    """The parameters of calls, by log type, action and time of the first."""
    found = {}
    for entry in evidence:
        if "parameters" in entry.columns:
            for row in entry.rows:
                event = from_lake(_text(row, "parameters"))
                if event is not None:
                    found[entry.log_type, _text(row, "action"), _text(row, "first_seen")] = event
    return found


def answer_acts(
    reader: Reader, entry: Evidence, parameters: Mapping[tuple[str, str, str], Mapping[str, JsonValue]]
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
            deed, named = bare_deed(entry.log_type, action), ""
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
            failed=max(_number(row, "failed") - _number(row, "refused"), 0),
            weight=weight,
            raw_action=action,
            raw_who=who,
        )


def record_acts(reader: Reader, entry: Evidence) -> Iterator[Act]:
    """Single events of an answer, as far as a finding cites them: what the analyst asked for, or a search has found."""
    if not entry.answered or entry.source is Source.EVENTS:
        return
    for number, row in enumerate(entry.rows):
        at = parse_time(row.get("p_event_time"))
        if at is None or (entry.id, number) not in reader.cited:
            continue
        event = AlertEvent(entry, number, row)
        action = event.term("action") or _text(row, "action")
        if not action:
            continue
        who = event.term("actor") or _text(row, "who") or entry.subject or reader.actor
        target = event.term("target") or _text(row, "target")
        deed, named = _deed(event.log_type, action, row, target, event.term("recipient"))
        refused = bool(event.term("refused")) or _text(row, "outcome") == "refused"
        failed = bool(event.term("failed")) and not refused
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
            failed=int(failed),
            weight=_CITED_WEIGHT,
            raw_action=action,
            raw_who=who,
        )


def _weight(reader: Reader, entry: Evidence, number: int, row: Row) -> float:
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


def flow_acts(reader: Reader, entry: Evidence) -> Iterator[Act]:
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


def sign_in_acts(reader: Reader, entry: Evidence) -> Iterator[Act]:
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
