"""Calls by their parameters: what harm they can do, whom they let in, and who makes them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from triage.domain.base import Row
from triage.domain.clean import plain
from triage.domain.evidence import Evidence, Source
from triage.domain.signal import Signal
from triage.logtypes import HarmfulAction, terms_of
from triage.logtypes.parameters import Party, from_lake
from triage.logtypes.parties import Admitted, admitted, caller, harm_of_call, own_accounts
from triage.logtypes.terms import take
from triage.stages.enrichment.signals.facts import Facts, number, signal, text
from triage.stages.enrichment.signals.precedent import WEEKLY_DAYS
from triage.stages.enrichment.signals.wording import did, on_object

Event = Mapping[str, JsonValue]
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
ROUTINE_DAYS = 2
"""Earlier days from which an act is part of the actor's work."""


@dataclass(frozen=True, slots=True)
class LetIn:
    """Somebody outside the organisation is let in by a call, or makes one."""

    who: Admitted
    action: str
    target: str
    entry: Evidence


def alert_events(facts: Facts) -> Iterator[tuple[Row, Evidence]]:
    """The alert's events that this actor caused and that succeeded."""
    for entry in facts.evidence:
        if entry.source is not Source.EVENTS or entry.error:
            continue
        for row in entry.rows:
            terms = terms_of(text(row, "p_log_type"))
            if not terms or take(row, terms["failed"].take):
                continue
            if take(row, terms["actor"].take) in (facts.actor.identity, ""):
                yield row, entry


def organisation(facts: Facts) -> frozenset[str]:
    """The accounts whose logs are here."""
    found: set[str] = set()
    for entry in facts.read("own_accounts", "account", "times"):
        found |= {text(row, "account") for row in entry.rows}
    for entry in facts.evidence:
        if entry.source is Source.EVENTS and not entry.error:
            for row in entry.rows:
                found |= own_accounts(text(row, "p_log_type"), row)
    return frozenset(found - {""})


def harm_of(facts: Facts, log_type: str, action: str, *, since: bool = True) -> HarmfulAction | None:
    """What a follow-up can be good for, by its parameters where they are known; `None` for a harmless one.

    Args:
        facts: Have the answers.
        log_type: Of the action.
        action: As the term `action` gives it.
        since: Whether the calls from the alert's first event on are meant; else those before it.
    """
    return harm_of_call(log_type, action, _parameters(facts, log_type, action, since=since), organisation(facts))


def harm_of_alert(facts: Facts, log_type: str, action: str) -> HarmfulAction | None:
    """The same of what the alert itself is about."""
    events: list[Event | None] = (
        [row for row, _ in alert_events(facts) if take(row, terms_of(log_type)["action"].take) == action]
        if terms_of(log_type)
        else []
    )
    return harm_of_call(log_type, action, events, organisation(facts))


def _parameters(facts: Facts, log_type: str, action: str, *, since: bool) -> list[Event | None]:
    """The parameters of the actor's calls of one name; `None` for those that nobody knows."""
    found: list[Event | None] = []
    for entry in facts.named("harm_parameters"):
        if entry.log_type == log_type:
            rows = [row for row in entry.rows if _was_called(row, since=since)]
            found += [from_lake(text(row, "parameters")) for row in rows if text(row, "action") == action]
            if entry.truncated:
                found.append(None)
    return found


def _was_called(row: Row, *, since: bool) -> bool:
    """Whether calls with these parameters were made from the alert's first event on, or before it."""
    return number(row, "since") > 0 if since else number(row, "times") > number(row, "since")


def let_in(facts: Facts) -> Iterator[LetIn]:
    """Whom the alert's calls and those that followed let in, if they are nobody's own or a provider's service."""
    own = organisation(facts)
    outside = (Party.PUBLIC, Party.FOREIGN)
    for row, entry in alert_events(facts):
        log_type = text(row, "p_log_type")
        terms = terms_of(log_type)
        action, target = take(row, terms["action"].take), take(row, terms["target"].take) if "target" in terms else ""
        for who in admitted(log_type, action, row, own):
            if who.party in outside:
                yield LetIn(who, action, target, entry)
    for entry in facts.named("harm_parameters"):
        for row in entry.rows:
            action, event = text(row, "action"), from_lake(text(row, "parameters"))
            if not _was_called(row, since=True):
                continue
            for who in admitted(entry.log_type, action, event, own) if event is not None else ():
                if who.party in outside:
                    yield LetIn(who, action, text(row, "target"), entry)


def outside_callers(facts: Facts) -> Iterator[LetIn]:
    """Calls of the alert that somebody outside the organisation made, or that nobody signed."""
    own = organisation(facts)
    for row, entry in alert_events(facts):
        log_type = text(row, "p_log_type")
        who = caller(log_type, row, own)
        if who is not None:
            yield LetIn(who, take(row, terms_of(log_type)["action"].take), "", entry)


def _known_caller(facts: Facts, name: str) -> Iterator[Signal]:
    """An account that was let in has called here for long: a part of the organisation, or somebody who works for it."""
    number_in = _ACCOUNT.search(name)
    account = number_in[0] if number_in is not None else name
    for entry in facts.read("known_caller", "account", "old_days"):
        days = max((number(row, "old_days") for row in entry.rows if text(row, "account") == account), default=0)
        if days >= WEEKLY_DAYS:
            sentence = f"Account {plain(account)} had called here on {days} days by {facts.dwell_start:%Y-%m-%d}."
            yield signal("known_recipient", sentence, [entry])
            return


def _all_known(facts: Facts, admitted_here: Sequence[LetIn]) -> Iterator[Signal]:
    """What makes the accounts known that were let in; nothing where one of them is not, or where everyone was."""
    names = dict.fromkeys(each.who.name for each in admitted_here)
    known = [next(_known_caller(facts, name), None) for name in names]
    if known and all(known) and all(each.who.party is Party.FOREIGN for each in admitted_here):
        yield from (each for each in known[:1] if each is not None)


def parties(facts: Facts) -> Iterator[Signal]:
    """Everyone, or another organisation's account, is let in; or one of them makes the alert's calls."""
    seen: set[str] = set()
    days = earlier_days(facts)
    known = any(
        True for entry in facts.read("known_recipient", "recipient", "days") for row in entry.rows if facts.settled(row)
    )
    admitted_here = tuple(let_in(facts))
    for found in admitted_here:
        name = "public_principal" if found.who.party is Party.PUBLIC else "foreign_principal"
        if name in seen:
            continue
        seen.add(name)
        who = (
            f"everyone ({plain(found.who.name)})"
            if found.who.party is Party.PUBLIC
            else f"{plain(found.who.name)}, an account whose logs are not here,"
        )
        sentence = f"{facts.who} let in {who} with {plain(found.action)}{on_object(found.target)}."
        usual = days.get(found.action, 0) >= ROUTINE_DAYS or (known and name == "foreign_principal")
        yield signal(name, sentence, [found.entry], scale=0.3 if usual else 1.0)
    yield from _all_known(facts, admitted_here)
    for found in outside_callers(facts):
        who = (
            f"The caller of {plain(found.action)} did not sign in: {plain(found.who.name)}."
            if found.who.party is Party.PUBLIC
            else f"Account {plain(found.who.name)}, whose logs are not here, {did(found.action)}."
        )
        yield signal("outside_caller", who, [found.entry])
        return


def earlier_days(facts: Facts) -> dict[str, int]:
    """Earlier days on which the actor did each action, from before the days that may belong to an intrusion."""
    return {
        text(row, "action"): facts.own_days(row, (text(row, "action"),))
        for entry in facts.read("routine_aftermath", "action", "days")
        for row in entry.rows
        if facts.settled(row)
    }
