"""The phrases of a clause: its object, and each preposition with what follows it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from triage.domain.question import ActionClass, Window
from triage.questions.grammar import lexicon
from triage.questions.grammar.book import Book
from triage.questions.grammar.elements import Noun
from triage.questions.grammar.kinds import Part, kinds_of
from triage.questions.grammar.nouns import read_noun
from triage.questions.grammar.tokens import Token
from triage.questions.grammar.windows import window_at

PREPOSITIONS = frozenset(
    """by from for on to in into against involving of with using across via at targeting within through under during
    regarding about affecting""".split()  # noqa: SIM905
)
_CARRIERS = {
    "associated": "for", "related": "for", "originating": "from", "coming": "from", "belonging": "of", "tied": "for",
    "performed": "by", "made": "by", "initiated": "by", "executed": "by", "conducted": "by", "attempted": "by",
    "issued": "by", "generated": "by", "taken": "by", "triggered": "by", "raised": "by", "linked": "for", "seen": "by",
    "submitted": "by", "used": "by", "sent": "by", "done": "by",
}  # fmt: skip
"""Participles that only carry the preposition after them, and the one they stand for without it."""
_TOUCHED = frozenset({"accessed", "touched", "sent"})
"""Acts of every kind on something."""
_TAILS = frozenset(
    {"including", "focusing", "noting", "listing", "grouped", "filtering", "particularly", "especially", "filtered"}
)
"""What follows one of these gives examples or says how to read the answer."""
_ALL = frozenset({"all", "multiple", "every", "any", "other", "different", "the"})
_EVERYWHERE = frozenset(
    {
        "the",
        "this",
        "your",
        "our",
        "entire",
        "whole",
        "organization",
        "environment",
        "tenant",
        "company",
        "infrastructure",
    }
)
"""Where everything is that the lake has."""
_CONJUNCTIONS = frozenset({"and", "or", ",", "-", "and/or"})


@dataclass(slots=True)
class Phrase:
    """A preposition (empty for the object) and its noun phrase."""

    preposition: str
    noun: Noun
    tokens: tuple[Token, ...]
    alternative: bool = False
    """`or` joins it to the phrase before."""


@dataclass(slots=True)
class Phrases:
    """A clause as its phrases."""

    windows: list[Window] = field(default_factory=list)
    found: list[Phrase] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


class _Reader:
    def __init__(self, tokens: Sequence[Token], book: Book) -> None:
        self.tokens = tokens
        self.book = book
        self.result = Phrases()
        self.preposition = ""
        self.start = 0

    def close(self, end: int) -> None:
        """End the phrase that began at `start`."""
        part = list(self.tokens[self.start : end])
        alternative = False
        while part and part[-1].low in _CONJUNCTIONS and not part[-1].quoted:
            part.pop()
        while part and part[0].low in _CONJUNCTIONS and not part[0].quoted:
            alternative = part.pop(0).low == "or"
        before = self.tokens[self.start - 2] if self.start > 1 else None
        if not part:
            return
        if self.preposition == "for" and self.result.found and lexicon.stem(part[-1].low) in lexicon.SIGNS_OF:
            return  # `for suspicious patterns`: how to read them
        if all(token.low in lexicon.NEUTRAL for token in part):
            return
        if self.preposition in ("in", "within", "across") and all(token.low in _EVERYWHERE for token in part):
            return
        noun = read_noun(part, self.book)
        alternative = alternative or (before is not None and before.low == "or")
        self.result.found.append(Phrase(self.preposition, noun, tuple(part), alternative))
        scope = self.preposition == "across" and (part[0].low in _ALL or (noun.understood and bool(noun.things)))
        if noun.unknown and not scope:
            self.result.unknown += noun.unknown
        elif not noun.understood and not scope:
            self.result.unknown.append(part[0].text)

    def read(self) -> Phrases:
        at = depth = 0
        while at < len(self.tokens):
            token = self.tokens[at]
            if not token.quoted:
                depth += (token.text == "(") - (token.text == ")")
            at = at + 1 if token.quoted or depth > 0 else self._step(at)
        self.close(at)
        return self.result

    def _step(self, at: int) -> int:
        """Go on by one token, or by a window or preposition that begins here."""
        token = self.tokens[at]
        if (
            token.low in _TAILS
            or (token.low == "such" and self._low(at + 1) == "as")
            or (token.low == "like" and at > self.start)
        ):
            return self._tail(at)
        window = window_at(self.tokens, at)
        if window is not None:
            self.close(at)
            self.result.windows.append(window.window)
            self.preposition = ""
            self.start = at + window.size
            return self.start
        done = lexicon.DONE.get(token.low)
        after = ("by", "", "to", "from") if token.low in _TOUCHED else ("by", "")
        if (
            (done or token.low in _TOUCHED)
            and at > self.start
            and (self._low(at + 1) in after or window_at(self.tokens, at + 1))
        ):
            self._done(at, done)
            return at + 1
        if token.low in PREPOSITIONS or (token.low in _CARRIERS and at > self.start):
            self.close(at)
            self.preposition = token.low
            if token.low in _CARRIERS:
                self.preposition = _CARRIERS[token.low]
                if self._low(at + 1) in PREPOSITIONS:
                    at += 1
                    self.preposition = "for" if self._low(at) == "with" else self._low(at)
            self.start = at + 1
        return at + 1

    def _done(self, at: int, done: ActionClass | None) -> None:
        """`pods created by ...`: the acts that the participle says, on the things before it."""
        before = len(self.result.unknown)
        self.close(at)
        self.start = at + 1
        noun = self.result.found[-1].noun if self.result.found else None
        if noun is None or noun.acts or noun.subjects or not noun.things or len(self.result.unknown) > before:
            self.result.unknown.append(self.tokens[at].text)
            return
        part = Part(classes=[done]) if done else Part(head=True)
        kinds = kinds_of([replace(part, objects=thing.split("|")) for thing in noun.things], self.book)
        if kinds is None:
            self.result.unknown.append(self.tokens[at].text)
        else:
            noun.acts, noun.kinds, noun.things = True, kinds, ()

    def _low(self, at: int) -> str:
        return self.tokens[at].low if at < len(self.tokens) else ""

    def _tail(self, at: int) -> int:
        """Leave examples out, up to a window that closes the clause."""
        self.close(at)
        for later in range(at + 1, len(self.tokens)):
            window = (
                window_at(self.tokens, later) if self.tokens[later].low in ("in", "within", "over", "during") else None
            )
            if window is not None:
                self.result.windows.append(window.window)
                break
        self.start = len(self.tokens)
        return self.start


def phrases_of(tokens: Sequence[Token], book: Book) -> Phrases:
    """Take a clause's body apart."""
    return _Reader(tokens, book).read()
