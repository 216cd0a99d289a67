"""A step as clauses: what each tells its reader to do, without the reasons it gives."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from triage.questions.grammar.tokens import Token, tokenise, written
from triage.questions.grammar.verbs import Mood, mood_of, purpose_start, verb_starts

_ENDS = frozenset({".", ";", "!", "?"})
_ABBREVIATIONS = frozenset({"e.g", "i.e", "etc", "vs", "incl", "approx"})
_CONDITIONS = frozenset({"if", "when", "once", "unless", "where", "should", "otherwise"})
_LABELS = 4
"""Words of a label such as `Phase 1:` before a clause."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One imperative with its object; `mood` is nothing where no imperative is recognised."""

    text: str
    mood: Mood | None
    verb: str
    body: tuple[Token, ...]
    """What follows the verb, as far as it isn't a reason."""
    purpose: tuple[Token, ...] = ()
    condition: str = ""
    """`If unauthorized`: when this is to be done."""


def clauses_of(step: str) -> tuple[Clause, ...]:
    """Split a step."""
    return tuple(clause for sentence in sentences(tokenise(step)) for clause in _clauses(step, sentence))


def sentences(tokens: Sequence[Token]) -> Iterator[tuple[Token, ...]]:
    """Sentences, without the signs that end them; what stands in parentheses is never split."""
    start = depth = 0
    for at, token in enumerate(tokens):
        if token.text == "(" and not token.quoted:
            depth += 1
        elif token.text == ")" and depth:
            depth -= 1
        elif (
            token.text in _ENDS and not token.quoted and not (at and tokens[at - 1].low in _ABBREVIATIONS) and not depth
        ):
            if at > start:
                yield tuple(tokens[start:at])
            start = at + 1
    if start < len(tokens):
        yield tuple(tokens[start:])


def _clauses(step: str, sentence: tuple[Token, ...]) -> Iterator[Clause]:
    sentence = _without_label(sentence)
    condition = ""
    if sentence and sentence[0].low in _CONDITIONS:
        comma = next((at for at, token in enumerate(sentence) if token.low in (",", "then")), len(sentence))
        condition = written(step, sentence[:comma])
        sentence = sentence[comma + 1 :] if comma < len(sentence) else ()
        if not sentence:
            yield Clause(condition, None, "", (), condition=condition)
            return
    starts = [*verb_starts(sentence), len(sentence)]
    for start, end in pairwise(starts):
        part = _trimmed(sentence[start:end])
        if part and part[0].low in _CONDITIONS and start:
            # `..., and if it was not authorized, revert it`: what follows depends on it.
            condition = written(step, part)
            continue
        yield _clause(step, part, condition)


def _without_label(sentence: tuple[Token, ...]) -> tuple[Token, ...]:
    """`Identity check: query ...` without what stands before the colon, if an imperative follows it."""
    for at in range(1, min(len(sentence) - 1, _LABELS + 1)):
        if sentence[at].text == ":" and mood_of(sentence[at + 1].low) is not None:
            return sentence[at + 1 :]
    return sentence


def _trimmed(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    while tokens and tokens[-1].low in (",", "and", "then", "or", "&", "-", "\u2013", "\u2014"):
        tokens = tokens[:-1]
    while tokens and tokens[0].low in (
        ",",
        "and",
        "then",
        "also",
        "first",
        "next",
        "finally",
        "please",
        "-",
        "immediately",
        "\u2013",
        "\u2014",
    ):
        tokens = tokens[1:]
    return tokens


def _clause(step: str, tokens: tuple[Token, ...], condition: str) -> Clause:
    text = written(step, tokens)
    if not tokens:
        return Clause(text, None, "", (), condition=condition)
    mood = mood_of(tokens[0].low)
    end = purpose_start(tokens)
    return Clause(text, mood, tokens[0].low, tokens[1:end], tokens[end:], condition)
