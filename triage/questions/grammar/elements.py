"""Entries of the lexicon as they are met in a noun phrase."""

from collections.abc import Sequence
from dataclasses import dataclass

from triage.questions.grammar import lexicon


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

    log: bool
    """It means the log that has them."""


@dataclass(frozen=True, slots=True)
class Alerts:
    """Other detections' matches."""


_TABLES: tuple[lexicon.Table[object], ...] = (
    dict(lexicon.CLASSES),
    {words: Head(name == lexicon.LOG) for words, name in lexicon.HEADS.items()},
    dict(lexicon.OUTCOMES),
    {words: Act(name) for words, name in lexicon.ACTS.items()},
    dict(lexicon.ROLES),
    {words: " ".join(words) for words in lexicon.THINGS},
    dict.fromkeys(lexicon.ALERT_NOUNS, Alerts()),
)


@dataclass(frozen=True, slots=True)
class Element:
    """One entry of the lexicon, or a thing, in an item of a list."""

    value: object
    text: str
    owner: bool = False


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
