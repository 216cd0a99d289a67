"""Noun phrases: the acts, the parties and the logs that a few words name."""

from collections.abc import Sequence

from triage.questions.grammar.book import Book
from triage.questions.grammar.elements import Noun
from triage.questions.grammar.kinds import Part, kinds_of
from triage.questions.grammar.scan import Scan
from triage.questions.grammar.tokens import Token

_EXAMPLES = frozenset({"e.g", "i.e", "such", "like", "including", "example", "especially", "eg"})


def read_noun(tokens: Sequence[Token], book: Book) -> Noun:
    """Read a noun phrase; what stands in parentheses makes the rest exact, unless it gives examples."""
    outer, groups = _parenthesised(tokens)
    noun = Scan(outer, book).read()
    for group in groups:
        if not group or group[0].low in _EXAMPLES:
            continue
        if any(token.text in ("=", ":", "<", ">") for token in group):
            noun.unknown.append(group[0].text)
            continue
        inner = Scan(group, book, listed=noun.acts or noun.judged or bool(noun.unknown)).read()
        if any(kind.actions for kind in inner.kinds) and inner.understood:
            noun.acts, noun.kinds, noun.unknown = True, inner.kinds, []
        elif inner.subjects and not inner.acts and not inner.unknown:
            noun.subjects = [*noun.subjects[:-1], *inner.subjects] if noun.subjects else inner.subjects
            noun.unknown = [] if not noun.acts else noun.unknown
        elif inner.things and not inner.unknown and noun.acts and len(noun.kinds) == 1 and not noun.kinds[0].words:
            part = [
                Part(objects=thing.split("|"), classes=list(noun.kinds[0].classes), head=True) for thing in inner.things
            ]
            noun.kinds = kinds_of(part, book) or noun.kinds
        elif noun.unknown and inner.acts and inner.understood:
            noun.acts, noun.kinds, noun.unknown = True, inner.kinds, []
        elif not noun.understood:
            noun.unknown.append(group[0].text)
    return noun


def _parenthesised(tokens: Sequence[Token]) -> tuple[list[Token], list[list[Token]]]:
    outer: list[Token] = []
    groups: list[list[Token]] = []
    depth = 0
    for token in tokens:
        if token.text == "(" and not token.quoted:
            if not depth:
                groups.append([])
            depth += 1
        elif token.text == ")" and not token.quoted:
            depth = max(0, depth - 1)
        elif depth:
            groups[-1].append(token)
        else:
            outer.append(token)
    return outer, groups
