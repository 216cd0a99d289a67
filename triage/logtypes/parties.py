"""Who is let in by a call, who makes it, and whether its parameters make it harmless."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_network
from urllib.parse import unquote

from pydantic import JsonValue

from triage.domain.globs import any_glob
from triage.logtypes.load import HarmfulAction, harmful_action, log_type_files
from triage.logtypes.parameters import Admits, Harmless, Parties, Party
from triage.logtypes.paths import find, opened, parse_path

Event = Mapping[str, JsonValue]
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
_NARROWING = re.compile(
    r"(?i)^(aws:(source|principal)(account|arn|orgid|orgpaths|vpce|vpc|ip|ownerid)|aws:principalisawsservice)$"
)
_NARROWS = re.compile(
    r"(?i)^(forallvalues:|foranyvalue:)?(string|arn)(equals|like)(ignorecase)?(ifexists)?$|^ipaddress$|^bool$"
)
_EVERYWHERE = ("*", "0.0.0.0/0", "::/0")
MAX_NAMES = 20


@dataclass(frozen=True, slots=True)
class Admitted:
    """Whom a call lets in."""

    party: Party
    name: str


@cache
def _parties(log_type: str) -> Parties:
    return next((file.parties for file in log_type_files(log_type) if file.parties is not None), Parties())


def values_at(event: Event, paths: Iterable[str]) -> Iterator[JsonValue]:
    """What lies at these paths of an event."""
    for path in paths:
        for _, node in find(event, parse_path(path)):
            if node is not None:
                yield node


def own_accounts(log_type: str, event: Event) -> frozenset[str]:
    """The accounts that the event says the log belongs to."""
    return frozenset(str(value) for value in values_at(event, _parties(log_type).own))


def admitted(log_type: str, action: str, event: Event, own: frozenset[str]) -> tuple[Admitted, ...]:
    """Whom a call lets in, as far as its parameters say.

    Args:
        log_type: Of the event.
        action: As the term `action` gives it.
        event: The event, or what the lake told of it.
        own: The organisation's account numbers; the event's own are added.
    """
    parties = _parties(log_type)
    accounts = own | own_accounts(log_type, event)
    found = [
        each
        for entry in _admitting(log_type, action)
        for value in values_at(event, entry.paths)
        for each in _read(value, accounts, parties)
    ]
    return tuple(dict.fromkeys(found))[:MAX_NAMES]


def _admitting(log_type: str, action: str) -> tuple[Admits, ...]:
    return tuple(entry for file in log_type_files(log_type) for entry in file.admits if any_glob(action, entry.actions))


def caller(log_type: str, event: Event, own: frozenset[str]) -> Admitted | None:
    """Who calls, where it is nobody of the organisation: anonymous, or a foreign account."""
    parties = _parties(log_type)
    accounts = own | own_accounts(log_type, event)
    for value in values_at(event, parties.caller):
        name = str(value)
        if any_glob(name, parties.anonymous):
            return Admitted(Party.PUBLIC, name)
        if accounts and _ACCOUNT.fullmatch(name) and name not in accounts:
            return Admitted(Party.FOREIGN, name)
    return None


def harm_of_call(
    log_type: str, action: str, events: Iterable[Event | None], own: frozenset[str] = frozenset()
) -> HarmfulAction | None:
    """What calls can be good for; `None` where the parameters of all of them say that they do no harm.

    Args:
        log_type: Of the events.
        action: As the term `action` gives it.
        events: The calls, or what the lake told of them; `None` for one whose parameters are unknown.
        own: The organisation's account numbers.
    """
    note = harmful_action(log_type, action)
    if note is None:
        return None
    calls = list(events)
    return (
        None if calls and all(call is not None and _harmless(log_type, action, call, own) for call in calls) else note
    )


def _harmless(log_type: str, action: str, event: Event, own: frozenset[str]) -> bool:
    rules = [rule for file in log_type_files(log_type) for rule in file.harmless if any_glob(action, rule.actions)]
    if any(_holds(rule, event) for rule in rules):
        return True
    entries = _admitting(log_type, action)
    let_in = {each.party for each in admitted(log_type, action, event, own)}
    return bool(let_in) and all(let_in <= set(entry.harmless) for entry in entries)


def _holds(rule: Harmless, event: Event) -> bool:
    def texts(path: str) -> list[str]:
        return [str(value).lower() if isinstance(value, bool) else str(value) for value in values_at(event, [path])]

    return (
        all(
            (found := texts(path)) and all(any_glob(text, globs) for text in found)
            for path, globs in rule.where.items()
        )
        and all(any(any_glob(text, globs) for text in texts(path)) for path, globs in rule.some.items())
        and not any(any_glob(text, globs) for path, globs in rule.never.items() for text in texts(path))
    )


def _read(value: JsonValue, own: frozenset[str], parties: Parties) -> Iterator[Admitted]:
    """Read a policy document, a list, or one name."""
    if isinstance(value, str) and value[:3].upper() == "%7B":
        value = unquote(value)
    value = opened(value)
    if isinstance(value, Mapping):
        statements = _at(value, "statement")
        for statement in statements if isinstance(statements, list) else [statements]:
            if isinstance(statement, Mapping):
                yield from _statement(statement, own, parties)
    elif isinstance(value, list):
        for each in value:
            yield from _read(each, own, parties)
    elif value is not None:
        yield Admitted(_party(str(value), own, parties), str(value))


def _at(mapping: Mapping[str, JsonValue], key: str) -> JsonValue:
    return next((value for name, value in mapping.items() if name.casefold() == key), None)


def _statement(statement: Mapping[str, JsonValue], own: frozenset[str], parties: Parties) -> Iterator[Admitted]:
    """Whom one statement of a policy lets in."""
    if str(_at(statement, "effect")).casefold() != "allow":
        return
    narrowed = _narrowed(_at(statement, "condition"), own)
    for kind, name in _principals(statement):
        if kind == "service":
            party = Party.SERVICE
        elif kind == "federated":
            party = Party.FEDERATED
        else:
            party = _party(name, own, parties)
        yield Admitted(narrowed if party is Party.PUBLIC and narrowed is not None else party, name)


def _principals(statement: Mapping[str, JsonValue]) -> Iterator[tuple[str, str]]:
    if _at(statement, "notprincipal") is not None:
        yield "aws", "*"
    principal = _at(statement, "principal")
    groups = principal.items() if isinstance(principal, Mapping) else [("aws", principal)]
    for kind, names in groups:
        for name in names if isinstance(names, list) else [names]:
            if isinstance(name, str):
                yield kind.casefold(), name


def _narrowed(condition: JsonValue, own: frozenset[str]) -> Party | None:
    """Who is left of everyone under a statement's conditions; `None` where these keep nobody out."""
    if not isinstance(condition, Mapping):
        return None
    for operator, tests in condition.items():
        if not _NARROWS.match(operator) or not isinstance(tests, Mapping):
            continue
        for key, wanted in tests.items():
            values = [str(value) for value in (wanted if isinstance(wanted, list) else [wanted])]
            if not _NARROWING.match(key) or not values or any(value in _EVERYWHERE for value in values):
                continue
            accounts = {account for value in values for account in _ACCOUNT.findall(value)}
            return Party.FOREIGN if own and accounts - own else Party.OWN
    return None


def _party(name: str, own: frozenset[str], parties: Parties) -> Party:
    """What kind of party a name is."""
    if any(name.casefold() == each.casefold() if each == "*" else any_glob(name, [each]) for each in parties.public):
        return Party.PUBLIC
    if any_glob(name, parties.services):
        return Party.SERVICE
    accounts = set(_ACCOUNT.findall(name))
    if accounts:
        return Party.UNKNOWN if not own else Party.OWN if accounts <= own else Party.FOREIGN
    try:
        network = ip_network(name, strict=False)
    except ValueError:
        return Party.UNKNOWN
    return Party.PUBLIC if network.prefixlen == 0 else Party.OWN if network.is_private else Party.UNKNOWN
