"""Whose acts, or from where: `other users who accessed this bucket`, `all addresses used by this user`."""

from collections.abc import Sequence
from dataclasses import replace

from triage.domain.question import Asked, Reads, Subject, SubjectRole
from triage.questions.grammar import lexicon
from triage.questions.grammar.asking import Draft, draft_of
from triage.questions.grammar.book import Book
from triage.questions.grammar.nouns import read_noun
from triage.questions.grammar.phrases import phrases_of
from triage.questions.grammar.propositions import AUXILIARIES, draft_check
from triage.questions.grammar.tokens import Token

_PEOPLE = frozenset({"users", "accounts", "principals", "identities", "actors", "administrators", "admins"})
_WHICH = frozenset({"which", "what", "any", "all", "other", "the", "different"})
_RATES = frozenset({"rate", "volume", "count", "number"})
_HIGH = frozenset({"high", "large", "unusual", "excessive", "elevated", "frequent"})


def asked_whom(body: Sequence[Token], book: Book) -> Draft | None:
    """The draft of a clause that wants to know who acted or from where; nothing where it wants something else."""
    size = next((at for at, token in enumerate(body[:4]) if token.low not in _WHICH), 4)
    subject = body[size : size + 1]
    if not subject:
        return None
    others = any(token.low in ("other", "different") for token in body[:size])
    rest = body[size + 1 :]
    if subject[0].low in _PEOPLE and rest:
        return _people(rest, book, others=others)
    return _addresses(body, book)


def _people(rest: Sequence[Token], book: Book, *, others: bool) -> Draft | None:
    """`which users have accessed this bucket`, `users with high download rates`."""
    about = [Subject(role=SubjectRole.OTHERS if others else SubjectRole.ANYONE)]
    if rest[0].low == "with":
        return _busy(rest[1:], about, book)
    verb = rest[1:] if rest[0].low in ("who", "that") else rest
    if not verb or (verb is rest and rest[0].low not in AUXILIARIES):
        return None
    draft = draft_check([*_named(others=others), *verb], book)
    return replace(draft, asked=Asked.ACTORS, reads=Reads.VALUE) if draft is not None else None


def _named(*, others: bool) -> tuple[Token, ...]:
    return tuple(Token(word, word, 0, 0) for word in (("other" if others else "any"), "user"))


def _busy(rest: Sequence[Token], about: Sequence[Subject], book: Book) -> Draft | None:
    """`high download rates in the past 30 days`: the downloads, by actor."""
    at = next((at for at, token in enumerate(rest) if lexicon.stem(token.low) in _RATES), 0)
    if at < 2 or rest[0].low not in _HIGH:  # noqa: PLR2004 - `high`, and what is done
        return None
    noun = read_noun(rest[1:at], book)
    if not noun.understood or not noun.acts or noun.judged or not all(kind.narrows for kind in noun.kinds):
        return None
    draft = draft_of(phrases_of(rest[at + 1 :], book), book, subjects=about)
    if draft is None or draft.acts:
        return None
    return replace(draft, acts=True, kinds=noun.kinds, asked=Asked.ACTORS)


def _addresses(body: Sequence[Token], book: Book) -> Draft | None:
    """`all source addresses used by this user`."""
    phrases = phrases_of(body, book)
    first = phrases.found[0] if phrases.found and not phrases.found[0].preposition else None
    if first is None or len(phrases.found) < 2 or first.noun.acts:  # noqa: PLR2004 - the addresses, and whose
        return None
    named = tuple(lexicon.stem(token.low) for token in first.tokens if token.low not in lexicon.NEUTRAL)
    if lexicon.ROLES.get(named) is not SubjectRole.ADDRESS or not first.tokens[-1].low.endswith("s"):
        return None
    phrases.found = phrases.found[1:]
    phrases.unknown = [word for phrase in phrases.found for word in phrase.noun.unknown]
    draft = draft_of(phrases, book)
    if (
        draft is None
        or draft.acts
        or {subject.role for subject in draft.about} - {SubjectRole.ACTOR, None}
        or not draft.about
    ):
        return None
    return replace(draft, acts=True, asked=Asked.ADDRESSES, past=True)
