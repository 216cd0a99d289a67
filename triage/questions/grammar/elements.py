"""What a noun phrase says, and the entries of the lexicon as they are met in it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from triage.domain.question import Subject, SubjectRole
from triage.questions.grammar import lexicon, things
from triage.questions.grammar.book import Book
from triage.questions.grammar.kinds import Kind
from triage.questions.grammar.tokens import Token

_NAMED = re.compile(r"[A-Za-z]+(?:[_]?[A-Za-z]+)*")
_NAME_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

DEFINITE = frozenset({"the", "this", "these", "those", "same", "affected", "its", "their", "targeted", "target"})
"""Words that say that certain things are meant."""


@dataclass(frozen=True, slots=True)
class Act:
    """An act without a class of its own."""

    name: str
    """What its action's name holds."""


@dataclass(frozen=True, slots=True)
class Action:
    """An action by its name in the log."""

    name: str


@dataclass(frozen=True, slots=True)
class Named:
    """Logs by name."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """A noun for acts of any kind."""

    log: bool = False
    """It means the log that has them."""
    access: bool = False
    """It is done to something."""


@dataclass(frozen=True, slots=True)
class Alerts:
    """Other detections' matches."""


_TABLES: tuple[lexicon.Table[object], ...] = (
    dict(lexicon.CLASSES),
    {words: Head(log=name == lexicon.LOG, access=name == lexicon.ACCESS) for words, name in lexicon.HEADS.items()},
    dict(lexicon.OUTCOMES),
    {words: Act(name) for words, name in lexicon.ACTS.items()},
    dict(lexicon.ROLES),
    {words: " ".join(words) for words in things.THINGS},
    dict.fromkeys(lexicon.ALERT_NOUNS, Alerts()),
)


@dataclass(frozen=True, slots=True)
class Element:
    """One entry of the lexicon, or a thing, in an item of a list."""

    value: object
    text: str
    owner: bool = False
    several: bool = False
    """In the plural, and not said to be certain ones."""


@dataclass(slots=True)
class Noun:
    """What a noun phrase says, as far as it is understood."""

    acts: bool = False
    """It names acts, of these kinds."""
    kinds: tuple[Kind, ...] = ()
    things: tuple[str, ...] = ()
    """It names things by what they are, not which they are: `storage accounts`."""
    subjects: list[Subject] = field(default_factory=list)
    owner: bool = False
    """The subjects do the acts or have the things: `the user's sign-ins`."""
    logs: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    """Detections by id, of alerts."""
    alerts: bool = False
    """Other detections' matches, beside what `acts` says."""
    judged: bool = False
    """A reader has to judge: `suspicious activity`."""
    this: bool = False
    """It means the alert's own: `this action`."""
    anywhere: bool = False
    """`any address`: no matter which."""
    scope: tuple[str, ...] = ()
    """Words that every act in it has, where a service's own log is named: `Unity Catalog audit logs`."""
    unknown: list[str] = field(default_factory=list)

    @property
    def understood(self) -> bool:
        """Whether every word has a meaning here, and there is one."""
        return not self.unknown and bool(
            self.anywhere or self.acts or self.alerts or self.rules or self.subjects or self.logs or self.things
        )


def longest(stems: Sequence[str], at: int, least: int, most: int) -> tuple[int, object]:
    """The longest entry of more than `least` and at most `most` words that begins at a word: how many it has, and what it means."""
    best: tuple[int, object] = (0, None)
    for table in _TABLES:
        for length in range(min(lexicon.MAX_WORDS, len(stems) - at, most), max(best[0], least), -1):
            value = table.get(tuple(stems[at : at + length]))
            if value is not None:
                best = (length, value)
                break
    return best


def many(tokens: Sequence[Token], stems: Sequence[str], at: int, size: int) -> bool:
    """`on buckets`, not `on the buckets`: things of a kind, not the alert's own."""
    if not any(token.low in DEFINITE or token.possessive for token in tokens):
        return True
    last = tokens[at + size - 1]
    plural = stems[at + size - 1] != last.low and not last.possessive
    return plural and not any(token.low in DEFINITE for token in tokens[: at + size])


def role_by_name(token: Token, book: Book) -> Subject | None:
    """A field that no file knows, by the words in its name: `admin_email`."""
    if not _NAMED.fullmatch(token.text) or book.fields.has_leaf(token.text):
        return None
    words = tuple(lexicon.stem(word.casefold()) for word in _NAME_WORD.findall(token.text))
    role = lexicon.ROLES.get(words) if len(words) > 1 else None
    return Subject(role=role) if role in (SubjectRole.ACTOR, SubjectRole.ADDRESS) else None
