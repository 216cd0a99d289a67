"""Clauses that ask on what somebody acted: `which buckets the user attempted to access`."""

from collections.abc import Sequence
from dataclasses import replace

from triage.domain.question import Reads
from triage.questions.grammar.asking import Draft, draft_of
from triage.questions.grammar.book import Book
from triage.questions.grammar.kinds import Kind, Part, kinds_of
from triage.questions.grammar.lexicon import stem
from triage.questions.grammar.nouns import read_noun
from triage.questions.grammar.phrases import phrases_of
from triage.questions.grammar.predicates import ACCESSES, DONE, PERFORMS
from triage.questions.grammar.tokens import Token

_WHICH = frozenset({"which", "what", "all", "any", "other"})
_HELPS = frozenset({"has", "have", "had", "was", "attempted", "tried", "to", "also", "been", "being"})
_MOST = 14
_LEAST = 4
"""Words of `which buckets users accessed`."""
_EVERYTHING = frozenset(
    {"resource", "data", "system", "service", "asset", "operation", "action", "activity", "api", "endpoint"}
)


def asked_what(body: Sequence[Token], book: Book) -> Draft | None:
    """The draft of such a clause; nothing where it is another."""
    if len(body) < _LEAST or body[0].low not in _WHICH:
        return None
    verb = next((at for at, token in enumerate(body[:_MOST]) if at > 1 and _is_verb(body, at)), None)
    if verb is None:
        return None
    end = verb
    while end > 1 and body[end - 1].low in _HELPS:
        end -= 1
    for start in range(end - 1, max(0, end - 4), -1):
        party = read_noun(body[start:end], book)
        objects = [token for token in body[1:start] if token.low != "specific"]
        if not objects or party.unknown or party.acts or party.things or len(party.subjects) != 1 or party.owner:
            continue
        kinds = _kinds(objects, body[verb].low, book)
        draft = draft_of(phrases_of(body[verb + 1 :], book), book, subjects=party.subjects)
        if kinds is not None and draft is not None and not draft.acts:
            return replace(draft, acts=True, kinds=kinds, reads=Reads.VALUE)
    return None


def _is_verb(body: Sequence[Token], at: int) -> bool:
    low = body[at].low
    follows = body[at + 1].low if at + 1 < len(body) else ""
    if low not in ACCESSES | PERFORMS | DONE.keys() or low in ("have", "had") or follows == "to":
        return False
    return body[at - 1].low == "to" or low.endswith("ed") or low in ("read", "made", "done", "taken", "run")


def _kinds(objects: Sequence[Token], verb: str, book: Book) -> tuple[Kind, ...] | None:
    """Acts of a verb on these objects; of every kind where they are everything."""
    if all(stem(token.low) in _EVERYTHING or token.low in ("or", "and", ",") for token in objects):
        return (Kind(classes=(DONE[verb],)) if verb in DONE else Kind(),)
    noun = read_noun(objects, book)
    if not noun.understood or noun.subjects or noun.logs or noun.alerts:
        return None
    if noun.acts:
        return noun.kinds or (Kind(),) if verb not in DONE else None
    part = Part(classes=[DONE[verb]]) if verb in DONE else Part(head=True)
    return kinds_of([replace(part, objects=thing.split("|")) for thing in noun.things], book)
