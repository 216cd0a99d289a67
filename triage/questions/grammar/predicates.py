"""What is asked where a proposition says of somebody or something that it did or underwent an act."""

from collections.abc import Sequence
from dataclasses import replace

from triage.domain.question import OWN, ActionClass, Reads, Subject, SubjectRole
from triage.questions.grammar import lexicon, things
from triage.questions.grammar.asking import Draft, draft_of
from triage.questions.grammar.book import Book
from triage.questions.grammar.elements import Noun
from triage.questions.grammar.kinds import Kind, Part, kinds_of, merged
from triage.questions.grammar.nouns import read_noun
from triage.questions.grammar.phrases import Phrases, phrases_of
from triage.questions.grammar.tokens import Token
from triage.questions.grammar.windows import HISTORY, window_at

DONE = lexicon.DONE
ACTED: dict[str, str] = {
    "rebooted": "reboot", "stopped": "stop", "started": "start", "copied": "copy", "restored": "restore",
    "disabled": "disable", "enabled": "enable", "suspended": "suspend", "rotated": "rotat", "uploaded": "upload",
    "installed": "install", "attached": "attach", "detached": "detach", "generated": "generat", "invited": "invit",
    "transferred": "transfer", "revoked": "revok", "mounted": "mount", "encrypted": "encrypt", "reset": "reset",
    "connected": "connect", "triggered": "trigger", "voided": "void", "corrected": "correct", "approved": "approv",
    "archived": "archiv", "published": "publish", "merged": "merge",
}  # fmt: skip
"""Verbs of other acts: what their action's name holds."""
PERFORMS = frozenset(
    [
        "performed",
        "made",
        "executed",
        "conducted",
        "taken",
        "initiated",
        "issued",
        "invoked",
        "attempted",
        "run",
        "carried",
        "done",
        "had",
        "have",
        "perform",
        "generated",
        "showed",
        "exhibited",
        "undertaken",
        "caused",
    ]
)
ACCESSES = frozenset({"accessed", "access", "used", "viewed", "read", "interacted", "touched", "opened"})
HAPPENS = frozenset(
    {"occurred", "occur", "happened", "followed", "preceded", "exist", "exists", "appear", "succeeded", "occurring"}
)
MATCHES = frozenset(
    {"matches", "match", "matched", "aligns", "fits", "consistent", "normal", "typical", "belongs", "corresponds"}
)
SIGNED_IN = frozenset({"signed", "logged", "authenticated"})
SEEN = frozenset({"seen", "observed", "used"})
_USUAL = frozenset(
    {"typical", "usual", "normal", "previously", "previous", "historical", "established", "prior", "past", "regular"}
)
_PLACES = frozenset(
    {"pattern", "ip", "ips", "address", "location", "access", "behavior", "source", "range", "geographic"}
)
_SWITCHES = frozenset({"disabled", "enabled", "suspended"})
_RECORDS = frozenset({"logging", "log", "trail", "flow log", "detector", "access log", "event log"})
_BY_THEMSELVES = frozenset({SubjectRole.ADDRESS, SubjectRole.SESSION, SubjectRole.DERIVED})
"""What is used to act, so that its use is acts of its own."""


def predicate(words: Sequence[Token], verb: str, rest: Sequence[Token], book: Book, *, passive: bool) -> Draft | None:
    """The draft of a subject, a verb, and what follows it."""
    if len(words) > 2 and words[-1].low == "to" and words[-2].low in ("attempted", "tried"):  # noqa: PLR2004
        words = words[:-2]
    if verb in MATCHES:
        return _usual_place(words, rest, book)
    noun = read_noun(words, book) if words else Noun()
    if not noun.understood and not (passive and not noun.unknown):
        return None
    if verb in HAPPENS:
        return _of_acts(words, rest, book) if noun.acts else None
    if passive:
        return _passive(words, noun, verb, rest, book)
    if noun.acts or noun.things or not noun.subjects:
        return None
    if verb in SIGNED_IN:
        rest = rest[1:] if rest and rest[0].low in ("in", "on") else rest
        draft = draft_of(phrases_of(rest, book), book, subjects=noun.subjects)
        return _with_kinds(draft, (Kind(classes=(ActionClass.SIGN_IN,)),))
    return _active(noun, verb, rest, book)


def _of_acts(words: Sequence[Token], rest: Sequence[Token], book: Book) -> Draft | None:
    """`successful sign-ins occurred from ...`."""
    acts, at_least = multiple(words)
    draft = draft_of(phrases_of([*acts, *rest], book), book)
    return _at_least(draft, at_least)


def _at_least(draft: Draft | None, number: int) -> Draft | None:
    if draft is None or number == 1:
        return draft
    return replace(draft, reads=Reads.YES_IF_AT_LEAST, at_least=number)


def multiple(tokens: Sequence[Token]) -> tuple[Sequence[Token], int]:
    """`multiple failed attempts`, `more than 5 failed attempts`: the rest, and how many that is at least."""
    if tokens and tokens[0].low in ("multiple", "several", "repeated", "numerous", "many"):
        return tokens[1:], 2
    start = [token.low for token in tokens[:2]]
    if start in (["more", "than"], ["at", "least"]) and tokens[2:3] and tokens[2].low.isdecimal():
        number = int(tokens[2].low[:6]) + (start[0] == "more")
        return tokens[3:], min(max(1, number), 1_000_000)
    return tokens, 1


def _active(noun: Noun, verb: str, rest: Sequence[Token], book: Book) -> Draft | None:
    """A party has done something."""
    if [token.low for token in rest[:3]] == ["a", "history", "of"]:
        verb, rest = "had", rest[3:]
    verbs = [verb]
    if rest[1:] and rest[0].low in ("or", "and") and (rest[1].low in DONE or rest[1].low in ACTED):
        verbs.append(rest[1].low)  # `created or modified`
        rest = rest[2:]
    rest, at_least = multiple(rest)
    phrases = phrases_of(rest, book)
    if verb in PERFORMS and len(verbs) == 1:
        draft = draft_of(phrases, book, subjects=noun.subjects)
        if draft is not None and (draft.acts or draft.alerts):
            return _at_least(draft, at_least)
        if verb not in DONE:
            return None
    return _done(noun, verbs, phrases, book)


def _done(noun: Noun, verbs: Sequence[str], phrases: Phrases, book: Book) -> Draft | None:
    """A party has done something to something: `deleted buckets`, `accessed this bucket`."""
    target = phrases.found[0] if phrases.found and not phrases.found[0].preposition else None
    if target is None or target.noun.unknown or target.noun.logs:
        return None
    certain = replace(target, preposition="on")
    if verbs[0] in ACCESSES:
        if target.noun.acts or target.noun.things or not target.noun.subjects:
            return None
        phrases.found = [certain, *phrases.found[1:]]
        return _with_kinds(draft_of(phrases, book, subjects=noun.subjects), (Kind(),))
    kinds: list[Kind] = []
    for verb in verbs:
        found = _kinds_done(verb, target.noun, target.tokens, book)
        if found is None:
            return None
        kinds += found
    specific = bool(target.noun.subjects) and not target.noun.things and not _indefinite(target.tokens)
    phrases.found = [*([certain] if specific else []), *phrases.found[1:]]
    phrases.unknown = [word for phrase in phrases.found for word in phrase.noun.unknown]
    return _with_kinds(draft_of(phrases, book, subjects=noun.subjects), merged(kinds))


def _indefinite(tokens: Sequence[Token]) -> bool:
    """`other users`, `databases`: no certain one is meant."""
    if tokens[0].low in ("other", "any", "new", "multiple", "additional"):
        return True
    return tokens[-1].low.endswith("s") and tokens[0].low not in ("the", "this", "these", "that", "those")


def _kinds_done(verb: str, noun: Noun, tokens: Sequence[Token], book: Book) -> tuple[Kind, ...] | None:
    """Acts of a verb on things: `deleted buckets`, `disabled logging`."""
    part = Part()
    if verb in DONE:
        part.classes = [DONE[verb]]
    elif verb in ACTED:
        if verb in _SWITCHES:
            # Hardly a log says `disable` of what was disabled, except that its file knows when logs were.
            logs = all(thing.split("|")[-1] in _RECORDS for thing in noun.things) and verb not in ("enabled", "started")
            return (Kind(classes=(ActionClass.LOG_TAMPERING,)),) if noun.things and logs else None
        part.acts = [ACTED[verb]]
    else:
        return None
    if noun.things:
        return kinds_of([replace(part, objects=thing.split("|")) for thing in noun.things], book)
    if noun.subjects and _indefinite(tokens):
        stems = [lexicon.stem(token.low) for token in tokens if token.low not in lexicon.NEUTRAL]
        whole = " ".join(stems)
        word = [whole] if things.is_thing(whole) else [stem for stem in stems if stem in things.OBJECTS]
        return kinds_of([replace(part, objects=word)], book) if word else None
    return kinds_of([part], book) if noun.subjects and not noun.acts else None


def _passive(words: Sequence[Token], noun: Noun, verb: str, rest: Sequence[Token], book: Book) -> Draft | None:
    """Something has been done: to a thing, from an address, by somebody."""
    parties = bool(noun.subjects) and not noun.acts
    if verb == "granted" and parties and not noun.owner:
        return _granted(noun, rest, book)
    draft = draft_of(phrases_of(rest, book), book)
    if verb in SEEN and parties:
        return _seen(noun, draft)
    if noun.acts:
        if verb not in PERFORMS:
            return None
        # `this change has been made by`: the act of the alert.
        return _with_kinds(draft, (Kind(actions=(OWN,)),)) if noun.this else _of_acts(words, rest, book)
    if noun.things or (parties and _indefinite(words) and (verb in DONE or verb in ACTED)):
        kinds = _kinds_done(verb, noun, words, book)
        return _with_kinds(draft, kinds) if kinds else None
    if not parties or noun.owner or draft is None or draft.on:
        return None
    if verb in ACCESSES or verb in DONE:
        draft.on = list(noun.subjects)
        return _with_kinds(draft, (Kind(classes=(DONE[verb],)) if verb in DONE else Kind(),))
    return None


def _seen(noun: Noun, draft: Draft | None) -> Draft | None:
    """`the address was used by this user`, `the token has been used`."""
    if draft is None or not draft.logs:
        return None
    fields = bool(draft.about) and all(subject.field for subject in noun.subjects)
    if not fields and not {subject.role for subject in noun.subjects} & _BY_THEMSELVES:
        return None
    draft.acts = True
    if draft.about:
        draft.on += noun.subjects
    else:
        draft.about = list(noun.subjects)
    return draft


def _granted(noun: Noun, rest: Sequence[Token], book: Book) -> Draft | None:
    """`the group was granted admin permissions`: grants to it."""
    size = next((at for at, token in enumerate(rest) if not _is_right(token)), len(rest))
    if not any(lexicon.stem(token.low) in things.RIGHTS for token in rest[:size]):
        return None
    draft = draft_of(phrases_of(rest[size:], book), book)
    if draft is None or draft.on or draft.acts:
        return None
    draft.on = list(noun.subjects)
    return _with_kinds(draft, (Kind(classes=(ActionClass.GRANT,)),))


def _is_right(token: Token) -> bool:
    low = token.low
    return (
        lexicon.stem(low) in things.RIGHTS
        or low in lexicon.JUDGEMENTS
        or low in lexicon.NEUTRAL
        or low in ("or", "and", ",")
    )


def _with_kinds(draft: Draft | None, kinds: tuple[Kind, ...]) -> Draft | None:
    if draft is None or any(kind.narrows for kind in draft.kinds):
        return None
    return replace(draft, kinds=kinds, acts=True)


def _usual_place(words: Sequence[Token], rest: Sequence[Token], book: Book) -> Draft | None:
    """`the address matches the user's typical ones`: was this actor there before?"""
    noun = read_noun([word for word in words if word.low != "is"], book)
    if noun.unknown or not noun.subjects or {subject.role for subject in noun.subjects} != {SubjectRole.ADDRESS}:
        return None
    low = [lexicon.stem(token.low) for token in rest]
    if not _names_actor(rest, book) or not _USUAL & set(low) or not _PLACES & set(low):
        return None
    windows = [found.window for at in range(len(rest)) if (found := window_at(rest, at))]
    window = next((each for each in windows if each != HISTORY), HISTORY)
    return Draft(
        about=[Subject(role=SubjectRole.ACTOR)],
        on=list(noun.subjects),
        logs=[OWN] if book.logs.own else [],
        kinds=(Kind(),),
        acts=True,
        window=window,
    )


def _names_actor(tokens: Sequence[Token], book: Book) -> bool:
    """Whether it is the actor's: `the user's usual ones`, `seen for this actor`."""
    for at, token in enumerate(tokens):
        role = lexicon.ROLES.get((lexicon.stem(token.low),))
        field = book.fields.find(token.text) if role is None else None
        role = field.role if field else role
        before = [other.low for other in tokens[max(0, at - 2) : at]]
        if role is SubjectRole.ACTOR and (
            token.possessive or field or "this" in before or {"for", "by", "of"} & set(before)
        ):
            return True
    return False
