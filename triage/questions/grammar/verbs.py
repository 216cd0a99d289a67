"""Verbs: what a sentence of a runbook tells its reader to do."""

from collections.abc import Sequence
from enum import StrEnum

from triage.questions.grammar.tokens import Token


class Mood(StrEnum):
    """What an imperative wants."""

    FIND = "find"
    """Rows: query, search, list, review."""
    CHECK = "check"
    """Yes or no, if a proposition follows."""
    COUNT = "count"
    COMPARE = "compare"
    ACT = "act"
    """Something that a person does: revoke, contact, decide."""


_FIND = "query search find list retrieve pull get gather collect look review examine inspect analyze analyse extract fetch enumerate locate track trace map show correlate summarize investigate scan audit obtain identify"
_CHECK = "check determine verify confirm identify validate assess evaluate establish see ascertain ensure"
_ACT = """revoke disable contact escalate reset remove delete rotate isolate block terminate suspend notify ask reach
    consider follow open create document report treat update reach initiate restore revert engage work discuss interview
    deactivate lock quarantine preserve capture decide enforce apply add change rollback roll re-enable enable alert
    coordinate raise file close mark tune request require remediate respond take make implement whitelist allowlist
    acknowledge inform force invalidate expire tighten restrict limit do perform use if when unless otherwise"""
_VERBS: dict[str, Mood] = {
    **dict.fromkeys(_ACT.split(), Mood.ACT),
    **dict.fromkeys(_CHECK.split(), Mood.CHECK),
    **dict.fromkeys(_FIND.split(), Mood.FIND),
    "identify": Mood.CHECK,
    "count": Mood.COUNT,
    "calculate": Mood.COUNT,
    "quantify": Mood.COUNT,
    "compare": Mood.COMPARE,
    "cross-reference": Mood.COMPARE,
}
_JOINS = frozenset({"and", ",", "then", ";", "or", "&", "-", "\u2013", "\u2014"})
_CONDITIONS = frozenset({"if", "when", "unless", "otherwise"})
_PURPOSE_VERBS = frozenset(
    """determine identify establish understand assess see verify confirm find detect check evaluate build correlate
    ensure validate look map gauge spot uncover trace distinguish reveal scope ascertain rule help provide gain get
    know learn discover show reconstruct measure quantify decide tell evaluate analyze capture know corroborate
    investigate judge locate track compare count review explain estimate pinpoint recognize calculate compute flag
    surface monitor understand look quantify characterize correlate contextualize""".split()  # noqa: SIM905
)
_RELATIVE = frozenset(
    "indicate indicates suggest suggests suggesting imply implies implying".split()  # noqa: SIM905
)
_MODAL = frozenset(
    {"may", "might", "could", "would", "can", "that", "which", "also", "potentially", "possibly", "it", "this"}
)
_REASONS = frozenset({"because", "as", "since", "so"})


def mood_of(word: str) -> Mood | None:
    """What an imperative wants; nothing where the word is no verb known here."""
    return _VERBS.get(word)


def verb_starts(tokens: Sequence[Token]) -> list[int]:
    """Where a new imperative begins within a sentence, the first included."""
    starts = [0]
    for at in range(1, len(tokens)):
        token = tokens[at]
        if (
            token.low == "if"
            and tokens[at - 1].low in ("and", ",", "then")
            and _mood(tokens, starts[-1]) is not Mood.CHECK
        ):
            starts.append(at)
        if token.quoted or token.low not in _VERBS or token.low in _CONDITIONS or tokens[at - 1].low not in _JOINS:
            continue
        if _is_imperative(tokens, at) and not _still_purpose(tokens, starts[-1], at):
            starts.append(at)
    return starts


def _still_purpose(tokens: Sequence[Token], start: int, at: int) -> bool:
    """Whether a verb goes on with a reason: `to see how often and determine if it recurs`."""
    if tokens[at].low not in _GOES_ON or tokens[at - 1].low != "and" or tokens[at - 2].low == ",":
        return False
    return any(
        tokens[before].low == "to" and tokens[before + 1].low in _PURPOSE_VERBS for before in range(start + 1, at - 1)
    )


def _mood(tokens: Sequence[Token], at: int) -> Mood | None:
    return _VERBS.get(tokens[at].low) if at < len(tokens) else None


def _is_imperative(tokens: Sequence[Token], at: int) -> bool:
    """Whether a verb after `and` or a comma is told to the reader: an object or a conjunction has to follow."""
    if at + 1 >= len(tokens):
        return False
    follows = tokens[at + 1]
    if follows.low in _OBJECT_STARTS:
        return True
    if tokens[at].low in _NEVER_NOUNS and tokens[at - 1].low in ("and", "then") and follows.is_word:
        return not any(
            tokens[before].low == "to" and tokens[before + 1].low in _PURPOSE_VERBS for before in range(at - 1)
        )
    asks = _VERBS.get(tokens[at].low) is not Mood.ACT
    return asks and (
        follows.low in _FOR
        or follows.quoted
        or follows.text[:1].isupper()
        or any(sign in follows.text for sign in ":._")
    )


_OBJECT_STARTS = frozenset(
    """the a an any all if whether that for this these other each its their with who what which when where how by to
    against recent out access credentials potential suspicious further additional affected related similar external
    internal active new your user users account accounts permissions security log logs multiple""".split()  # noqa: SIM905
)
_NEVER_NOUNS = frozenset("compare verify identify determine assess confirm examine analyze evaluate validate".split())  # noqa: SIM905
_GOES_ON = frozenset({"determine", "assess", "understand", "establish", "evaluate", "identify"})
_FOR = frozenset({"for", "into", "at", "through"})


def purpose_start(tokens: Sequence[Token]) -> int:
    """Where the reason for a clause begins, which narrows nothing; its end if there is none."""
    for at in range(1, len(tokens)):
        low = tokens[at].low
        follows = tokens[at + 1].low if at + 1 < len(tokens) else ""
        if low == "to" and follows in _PURPOSE_VERBS and tokens[at - 1].low not in ("prior", "due", "up"):
            return at - 2 if tokens[at - 2 : at] and [t.low for t in tokens[at - 2 : at]] == ["in", "order"] else at
        if low in _RELATIVE and tokens[at - 1].low in _MODAL:
            start = at
            while start > 1 and tokens[start - 1].low in _MODAL:
                start -= 1
            return start
        if (
            low in _REASONS
            and follows in ("this", "it", "that", "they", "these", "such", "well", "to")
            and follows != "well"
        ):
            return at
        if low == "because":
            return at
    return len(tokens)
