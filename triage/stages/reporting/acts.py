"""What was done, read from an investigation's answers: who did what, to which object, when, from where, how it ended.

The alert's own events are read as they are. Of the answers those count whose rows are acts with a time: what an actor
did before and after, what a new identity did, who signed in. Answers about habits (which days, how often) are no acts.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from triage.domain.evidence import Evidence, Source
from triage.domain.globs import any_glob
from triage.domain.question import ActionClass
from triage.logtypes import class_globs
from triage.stages.reporting.act import Act, Phase
from triage.stages.reporting.act_sources import (
    AlertEvent,
    Reader,
    answer_acts,
    bare_deed,
    event_act,
    flow_acts,
    label_of,
    parameters_of,
    record_acts,
    sign_in_acts,
)

OBJECTS = 3
"""Objects of one line that are named; of more, two are and the rest are counted."""


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
    events = [AlertEvent(entry, number, row) for entry in _events(evidence) for number, row in enumerate(entry.rows)]
    who = [event.term("actor") for event in events]
    reader = Reader(
        first=first,
        last=last,
        actor=next(filter(None, who), ""),
        addresses=frozenset(filter(None, (event.term("address") for event in events))),
        cited=frozenset(cited),
        labels={name: label for event, name in zip(events, who, strict=True) if (label := label_of(event, name))},
    )
    own = _grouped(event_act(reader, event) for event in events)
    parameters = parameters_of(evidence)
    others = [act for entry in evidence for act in answer_acts(reader, entry, parameters)]
    signed_in = [act for entry in evidence for act in sign_in_acts(reader, entry)]
    flows = [act for entry in evidence for act in flow_acts(reader, entry)]
    own, signed_in = _one_sign_in(own, signed_in)
    records = [act for entry in evidence for act in record_acts(reader, entry)]
    found = _once((*own, *signed_in, *flows, *_not_repeated((*others, *records), own)))
    return tuple(sorted(found, key=lambda act: (act.at, act.phase is not Phase.ALERT)))


def _one_sign_in(own: Sequence[Act], signed_in: Sequence[Act]) -> tuple[list[Act], list[Act]]:
    """Where the alert is about a sign-in, the answer that counts sign-ins says it, as the alert's own act."""
    told = [replace(act, phase=Phase.ALERT) if any(_is_part(each, act) for each in own) else act for act in signed_in]
    return [act for act in own if not any(_is_part(act, each) for each in signed_in)], told


def _is_part(act: Act, sign_in: Act) -> bool:
    return (
        any_glob(act.raw_action, class_globs(act.log_type, ActionClass.SIGN_IN))
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


def _grouped(acts: Iterable[Act]) -> list[Act]:
    """Acts alike as one: by the same actor, of the same name, from the same address, with the same outcome."""
    groups: dict[tuple[object, ...], list[Act]] = {}
    for act in sorted(acts, key=lambda each: each.at):
        key = (act.raw_who, act.raw_action, act.address, act.refused, act.failed, act.log_type)
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
        deed = bare_deed(act.log_type, act.raw_action)
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
        failed=sum(each.failed for each in acts),
        weight=max(each.weight for each in acts),
    )


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
