"""Measured sentences as the judge may read them: names masked, words of the provider's own lists left as they are.

A sentence holds values as `plain` shows them, whole or cut, and identities and objects by their short names. Each form
has the placeholder of the whole value, so that facts can be joined. Where a value comes from need not be among the rows
that the sentence cites, since an absence cites none; so everything that the alert is about is masked as well.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from pydantic import JsonValue

from triage.domain.actor_values import ActorValues
from triage.domain.citation import ValueCitation
from triage.domain.clean import ELLIPSIS, plain
from triage.domain.entity import Entity
from triage.domain.evidence import Evidence, Source
from triage.domain.injection import looks_like_instruction
from triage.domain.names import object_name, sentence_start, short_name
from triage.domain.signal import Signal
from triage.domain.trust import Trust
from triage.logtypes import classify, log_type_files
from triage.stages.decision.proven import Pseudonyms, is_moment, is_number, listed_text
from triage.stages.decision.vocabulary import is_known_action, is_own_word

MIN_CHARS = 3
TELLING_CHARS = 12
"""A value that was cut is known by no fewer characters."""
MAX_CHARS = 600
MAX_DEPTH = 8
_NAMED = re.compile(r"\S*(?:@|\\|arn:|://|…)\S*|\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9a-f]*:[0-9a-f:]{3,}\b", re.IGNORECASE)
"""What looks like a name, an address, a path or a value that was cut, whoever wrote it."""
LEFT_OUT = "(a measured sentence whose names read like an instruction is left out)"
Part = tuple[str, bool]
"""A piece of a sentence, and whether it is a placeholder."""
Pair = tuple[str, str]
"""The column of a value, and the value; the column is empty where the value is never a word of a provider's list."""


def alert_values(
    evidence: Iterable[Evidence], actors: Iterable[ActorValues] = (), entities: Iterable[Entity] = ()
) -> frozenset[Pair]:
    """Every text that an alert's own events hold, or that code has read from them."""
    found: set[Pair] = set()
    for entry in evidence:
        if entry.source is Source.EVENTS:
            found |= set(_pairs_of(entry))
    for actor in actors:
        found |= {("", actor.name), *(("", each.value) for each in actor.identities)}
        found |= {
            ("action" if name == "actions" else "", value) for name, them in actor.lists.items() for value in them
        }
    return frozenset(found | {("", entity.value) for entity in entities})


def _pairs_of(entry: Evidence) -> Iterator[Pair]:
    """Every text of an answer. A column is named where its words are the provider's, or its answer's are our own."""
    counted = entry.measured
    columns = _columns(entry.log_type)
    for row in entry.rows:
        for column, key, value in _texts(row):
            if key:
                # What fields are called is not the actor's choice, but below an object that they filled.
                ours = entry.source not in {Source.EVENTS, Source.TOOL} and "." not in column
                if not (ours or column in columns or classify(entry.log_type, column) is Trust.PROVIDER):
                    yield "", value
            elif counted:
                yield ("" if "." in column or column == "name" else column), value
            else:
                listed = classify(entry.log_type, column, value=value) is Trust.PROVIDER
                yield (column if listed else ""), value


def _texts(
    value: JsonValue | Mapping[str, JsonValue], column: str = "", depth: int = 0
) -> Iterator[tuple[str, bool, str]]:
    """Each text with its column, and whether it is a key rather than a value."""
    if isinstance(value, str):
        yield column, False, value
    elif depth < MAX_DEPTH and isinstance(value, Mapping):
        for key, item in value.items():
            path = f"{column}.{key}" if column else key
            yield path, True, key
            yield from _texts(item, path, depth + 1)
    elif depth < MAX_DEPTH and isinstance(value, list):
        for item in value:
            yield from _texts(item, column, depth + 1)


@lru_cache(maxsize=1024)
def _columns(log_type: str) -> frozenset[str]:
    """The columns of a log type's table."""
    return frozenset(name for file in log_type_files(log_type) for names in file.columns.values() for name in names)


@dataclass(frozen=True)
class Masking:
    """Writes the facts of one alert without its names; the same name is the same placeholder in all of them."""

    evidence: Mapping[str, Evidence]
    names: Pseudonyms
    known: frozenset[Pair] = field(default_factory=frozenset)
    """From `alert_values`."""
    seen: dict[Pair, str] = field(default_factory=dict)
    """What is shown of each value that came up; empty for a name."""
    read: dict[str, frozenset[Pair]] = field(default_factory=dict)
    """The texts of each answer that facts cite, since many cite the same."""

    def sentence(self, fact: Signal) -> str:
        """A measured sentence: each name or address in it is `name 1`, `address 2`."""
        pairs = {*self.known, *_cited(fact), *(pair for name in fact.evidence for pair in self._cells(name))}
        shown = self._shown(pairs)
        forms = {form: value for form, value in self._forms(pairs).items() if form not in shown}
        parts = self._cut_ones(fact.sentence, forms)
        # The longest first, so that no part of a name is left over; a placeholder is never read again.
        for form in sorted({*forms, *shown}, key=len, reverse=True):
            if len(form) < MIN_CHARS or form not in fact.sentence or is_moment(form) or is_number(form):
                continue
            if form not in shown:
                whole = _whole(form)
                if any(not done and whole.search(part) for part, done in parts):
                    parts = _replaced(parts, whole, self.names.of(forms[form]))
            elif shown[form] != form or not form.isalpha():
                # Nothing within it is a name, such as the `exec` of `create pods/exec`.
                parts = _replaced(parts, _alone(form), shown[form])
        pieces = [part if done else _NAMED.sub(lambda match: self.names.of(match[0]), part) for part, done in parts]
        text = within("".join(pieces), MAX_CHARS)
        return LEFT_OUT if looks_like_instruction(text) else text

    def _shown(self, pairs: Iterable[Pair]) -> dict[str, str]:
        """The forms that stay as they are, or are said by a part of them, with what is shown."""
        # A log type's own name is ours, though an event may hold a part of it.
        found = {log_type: log_type for log_type in self.log_types if log_type_files(log_type)}
        for pair in pairs:
            if pair not in self.seen:
                self.seen[pair] = self._shown_text(*pair)
            if text := self.seen[pair]:
                value = pair[1]
                found |= {form: form if text == value else text for form in (value, plain(value))}
        return found

    def _shown_text(self, column: str, value: str) -> str:
        """What is shown of a value; empty for a name."""
        if is_own_word(value) or any(is_known_action(log_type, value) for log_type in self.log_types):
            return value
        logs = ("", *self.log_types) if column else ()
        return next(filter(None, (listed_text(column, value, log, self.names) for log in logs)), "")

    def words(self) -> frozenset[str]:
        """Words of the provider's lists in the alert's events and in the answers to our own questions."""
        own = (
            name
            for name, entry in self.evidence.items()
            if (entry.measured and entry.source is Source.QUERY) or entry.asked is not None
        )
        pairs = {*self.known, *(pair for name in own for pair in self._cells(name))}
        return frozenset(form for form, text in self._shown(pairs).items() if form == text)

    @cached_property
    def log_types(self) -> tuple[str, ...]:
        """The logs that were asked, and the alert's own."""
        return tuple(dict.fromkeys(entry.log_type for entry in self.evidence.values() if entry.log_type))

    def _forms(self, pairs: Iterable[Pair]) -> dict[str, str]:
        """Every form in which a sentence may show a value, with the value.

        The short name of an identity stands for the identity, also where a column holds the bare name; that of an object
        only where no column does, since whoever makes an object chooses what it is called. Of several values with one
        short name, one that the alert is about counts.
        """
        known = {value for _, value in self.known}
        values = sorted({value for _, value in pairs}, key=lambda value: (value in known, value))
        found = {plain(object_name(value)): value for value in values}
        found |= {form: value for value in values for form in (plain(value), value)}
        for value in values:
            short = short_name(value)
            if short != value:
                found |= dict.fromkeys((plain(short), sentence_start(plain(short))), value)
        return found

    def _cells(self, name: str) -> frozenset[Pair]:
        if name not in self.read:
            entry = self.evidence.get(name)
            self.read[name] = frozenset(_pairs_of(entry)) if entry is not None else frozenset()
        return self.read[name]

    def _cut_ones(self, text: str, forms: Mapping[str, str]) -> list[Part]:
        """The text with each value that ends in an ellipsis replaced, whatever length it was cut to."""
        parts: list[Part] = []
        while (end := text.find(ELLIPSIS)) >= 0:
            begun = {form: length for form in forms if (length := _shared_end(text[:end], form)) >= MIN_CHARS}
            longest = max(begun.values(), default=0)
            whole = {forms[form] for form, length in begun.items() if length == longest}
            sure = len(whole) == 1 and longest >= TELLING_CHARS
            start = end - longest
            if begun:
                parts += [(text[:start], False), (self.names.of(whole.pop() if sure else text[start : end + 1]), True)]
            else:
                parts.append((text[: end + 1], False))
            text = text[end + 1 :]
        return [*parts, (text, False)]


def _replaced(parts: Iterable[Part], form: re.Pattern[str], by: str) -> list[Part]:
    """The parts with a form replaced wherever nothing has been replaced yet."""
    found: list[Part] = []
    for part, done in parts:
        if done:
            found.append((part, done))
            continue
        for place, piece in enumerate(form.split(part)):
            found += [(by, True), (piece, False)] if place else [(piece, False)]
    return found


def within(text: str, limit: int) -> str:
    """A text, cut between words where it is too long."""
    return text if len(text) <= limit else f"{text[:limit].rpartition(' ')[0]} {ELLIPSIS}"


def _cited(fact: Signal) -> Iterator[Pair]:
    for citation in fact.citations:
        if isinstance(citation, ValueCitation) and isinstance(citation.value, str):
            yield citation.column, citation.value


def _alone(form: str) -> re.Pattern[str]:
    """The form where it is no part of an address, a path or a longer name."""
    return re.compile(rf"(?<![^\s(`]){re.escape(form)}(?=[).,;:`]*(?:\s|$))")


def _whole(form: str) -> re.Pattern[str]:
    """The form where it is no part of a longer word."""
    before = r"(?<!\w)" if form[0].isalnum() else ""
    after = r"(?!\w)" if form[-1].isalnum() else ""
    return re.compile(f"{before}{re.escape(form)}{after}")


def _shared_end(text: str, form: str) -> int:
    """How much of the end of a text is the beginning of a value."""
    return next((length for length in range(min(len(text), len(form)), 0, -1) if text.endswith(form[:length])), 0)
