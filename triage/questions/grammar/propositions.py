"""What a step asks to be checked: `if this user has deleted buckets before`, `whether any sign-ins followed`."""

from collections.abc import Sequence
from dataclasses import replace

from triage.domain.question import Reads, SubjectRole
from triage.questions.grammar import lexicon
from triage.questions.grammar.asking import Draft, draft_of
from triage.questions.grammar.book import Book
from triage.questions.grammar.phrases import phrases_of
from triage.questions.grammar.predicates import (
    ACCESSES,
    ACTED,
    DONE,
    HAPPENS,
    MATCHES,
    PERFORMS,
    SEEN,
    SIGNED_IN,
    multiple,
    predicate,
)
from triage.questions.grammar.tokens import Token

AUXILIARIES = frozenset({"has", "have", "had", "was", "were", "is", "are", "been", "did", "does", "do", "being", "be"})
_PASSIVE = frozenset({"was", "were", "is", "are", "been", "being", "be"})
_HAVE = frozenset({"has", "have", "had"})
_NEGATIONS = frozenset(
    {
        "not",
        "never",
        "without",
        "doesn't",
        "don't",
        "didn't",
        "hasn't",
        "haven't",
        "isn't",
        "wasn't",
        "weren't",
        "cannot",
    }
)
_ADVERBS = frozenset(
    [
        "also",
        "previously",
        "ever",
        "recently",
        "historically",
        "subsequently",
        "typically",
        "normally",
        "immediately",
        "already",
        "since",
        "before",
        "routinely",
        "regularly",
        "actually",
        "successfully",
        "directly",
        "either",
        "publicly",
        "externally",
    ]
)
_PAST_ADVERBS = frozenset(
    {"previously", "ever", "historically", "before", "typically", "normally", "regularly", "routinely"}
)
_VERBS = frozenset({*DONE, *ACTED, *PERFORMS, *ACCESSES, *HAPPENS, *MATCHES, *SEEN, *SIGNED_IN})
_NOUNS_TOO = frozenset({"access", "normal", "typical", "read", "create", "delete", "modify", "run", "reset", "match"})
"""Verbs that are one only after `to`, or after a form of `be`."""
_DESCRIBING = frozenset({*DONE, *ACTED, *SEEN, "generated", "accessed"})
"""Participles that may only describe a noun: `the deleted user`."""
_GERUND = 7
"""Letters of the shortest word in -ing that is taken for a verb."""


def draft_check(tokens: Sequence[Token], book: Book, *, negative: bool = False) -> Draft | None:
    """The draft of one proposition, without its conjunction; nothing where it isn't understood."""
    if any(token.low.replace("\u2019", "'") in _NEGATIONS for token in tokens):
        return None
    if tokens and tokens[0].low == "there":
        rest = tokens[2:] if tokens[1:2] and tokens[1].low in AUXILIARIES else tokens[1:]
        rest = rest[1:] if rest and rest[0].low == "been" else rest
        acts, at_least = multiple(rest)
        return _reading(draft_of(phrases_of(acts, book), book), negative=negative, at_least=at_least)
    first = _first_time(tokens)
    if first is not None:
        return _reading(draft_check(first, book), negative=True, past=True)
    past = any(token.low in _PAST_ADVERBS for token in tokens)
    kept = [token for at, token in enumerate(tokens) if token.low not in _ADVERBS or _is_no_adverb(tokens, at)]
    at = _verb(kept)
    if at is None:
        return None
    subject, verb, rest = _bare_subject(kept[:at]), kept[at].low, kept[at + 1 :]
    auxiliaries = {token.low for token in subject} & AUXILIARIES
    passive = bool(auxiliaries & _PASSIVE) or (bool(rest) and rest[0].low == "by")
    words = [token for token in subject if token.low not in AUXILIARIES]
    draft = predicate(words, verb, rest, book, passive=passive)
    return _reading(draft, negative=negative, past=past or bool(auxiliaries & _HAVE))


def _is_no_adverb(tokens: Sequence[Token], at: int) -> bool:
    """Whether `before` or `previously` belongs to a window or a noun."""
    follows = tokens[at + 1] if at + 1 < len(tokens) else None
    if follows is None:
        return False
    if tokens[at].low == "previously":
        return any(token.low in MATCHES for token in tokens[:at]) and follows.low in (
            "seen",
            "used",
            "observed",
            "known",
        )
    if tokens[at].low == "immediately":
        return follows.low in ("before", "after", "following", "prior", "preceding")
    return tokens[at].low in ("before", "since") and follows.is_word


def _first_time(tokens: Sequence[Token]) -> Sequence[Token] | None:
    """What is asked about in `this is the first time this user has ...`."""
    if [token.low for token in tokens[1:5]] != ["is", "the", "first", "time"] or tokens[0].low not in ("this", "it"):
        return None
    rest = tokens[5:]
    return rest[1:] if rest and rest[0].low == "that" else rest


def _reading(draft: Draft | None, *, negative: bool = False, past: bool = False, at_least: int = 1) -> Draft | None:
    if draft is None:
        return None
    reads = draft.reads if draft.reads is not Reads.VALUE else Reads.YES_IF_ANY
    if at_least > 1:
        reads = Reads.YES_IF_AT_LEAST
    elif negative:
        reads = Reads.YES_IF_ANY if draft.reads is Reads.YES_IF_NONE else Reads.YES_IF_NONE
    return replace(draft, reads=reads, at_least=max(at_least, draft.at_least), past=past or draft.past)


def _verb(tokens: Sequence[Token]) -> int | None:
    """Where the finite verb or participle is."""
    for at in range(1, len(tokens)):
        low = tokens[at].low
        if low in _HAVE and [token.low for token in tokens[at + 1 : at + 4]] == ["a", "history", "of"]:
            return at
        if low not in _VERBS or tokens[at].quoted:
            continue
        before = tokens[at - 1].low
        helps = low in _HAVE and _goes_on(tokens, at)
        describes = (
            low in _DESCRIBING and before in ("the", "this", "a", "newly", "any", "new") and at + 1 < len(tokens)
        )
        noun = low in _NOUNS_TOO and before not in ("to", "is", "are")
        if not (helps or describes or noun):
            return at
    return None


def _goes_on(tokens: Sequence[Token], at: int) -> bool:
    """Whether `had` only helps the verb after it."""
    return any(
        token.low == "been" or (token.low in _VERBS and token.low not in _HAVE) for token in tokens[at + 1 : at + 3]
    )


def _bare_subject(tokens: Sequence[Token]) -> Sequence[Token]:
    """`the identity accessing the key`, `the user who created the pod`: whoever did what the alert is about."""
    for at in range(1, len(tokens)):
        role = lexicon.ROLES.get((lexicon.stem(tokens[at - 1].low),))
        low = tokens[at].low
        if role is SubjectRole.ACTOR and (low == "who" or (low.endswith("ing") and len(low) >= _GERUND)):
            return [*tokens[:at], *(token for token in tokens[at:] if token.low in AUXILIARIES)]
    return tokens
