"""Kinds of acts: what a noun phrase about acts narrows them to."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from triage.domain.question import ActionClass, Outcome
from triage.questions.grammar import lexicon, things
from triage.questions.grammar.book import Book


@dataclass(frozen=True, slots=True)
class Kind:
    """Acts of one kind, as a question's filter says it."""

    classes: tuple[ActionClass, ...] = ()
    actions: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    outcome: Outcome = Outcome.ANY

    @property
    def narrows(self) -> bool:
        """Whether it leaves any act out."""
        return self != Kind()

    @property
    def narrows_acts(self) -> bool:
        """Whether it names classes or actions, which a question may ask for together."""
        return bool(self.classes or self.actions)


@dataclass(slots=True)
class Part:
    """One item of a list such as `role and policy changes`."""

    objects: list[str] = field(default_factory=list)
    classes: list[ActionClass] = field(default_factory=list)
    acts: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    outcome: Outcome | None = None
    head: bool = False
    access: bool = False
    """`access`, to the things of the items before if it names none."""

    @property
    def says_act(self) -> bool:
        """Whether it names an act, and isn't only a thing."""
        return bool(self.classes or self.acts or self.actions or self.head)

    @property
    def bare(self) -> bool:
        """An act without what it is done to."""
        return bool(self.classes or self.acts) and not self.objects


def shared(parts: list[Part]) -> list[Part]:
    """Spread what the items of a list share: `key and secret deletion or modification` is four kinds of acts."""
    found: list[Part] = []
    waiting: list[Part] = []
    """Things whose act comes later in the list."""
    objects: list[list[str]] = []
    """What the acts before were done to."""
    for index, part in enumerate(parts):
        if not part.says_act:
            waiting.append(part)
            continue
        unclear = part.access and not part.objects and len(found) > 1
        if part.actions or unclear or (part.bare and not waiting and not objects):
            objects = []
        elif waiting or not (part.bare or (part.access and not part.objects)):
            objects = [*(each.objects for each in waiting), *([part.objects] if part.objects else [])]
        if waiting and part.head and not (part.objects or part.classes or part.acts):
            found += [*waiting, part]  # `webhooks or suspicious activity`: the first is no act
            waiting = []
            continue
        takes = _takes_object(part) or (part.head and not (part.classes or part.acts))
        own = objects if takes and objects else [part.objects]
        found += [replace(part, objects=list(each)) for each in own]
        if waiting and not takes:
            found += [replace(part, objects=[]) for each in waiting if not part.objects]
        waiting = []
        follows = parts[index + 1] if index + 1 < len(parts) else part
        if part.head and not (follows.bare or follows.access):
            objects = []
    found += waiting
    _leading(found)
    return _outcomes(parts, found) or parts


def _outcomes(parts: Sequence[Part], found: list[Part]) -> list[Part]:
    """Whether acts failed, where the word for it stands apart: `failed or denied calls`, `failed and successful sign-ins`."""
    apart = {part.outcome for part in parts if part.outcome and not part.says_act}
    acts = [part for part in found if part.says_act or part.objects]
    if apart:
        every = apart | {part.outcome for part in acts if part.outcome}
        return [replace(part, outcome=next(iter(every)) if len(every) == 1 else None) for part in acts]
    first = acts[0] if acts else None
    if first is None or first.outcome is None:
        return acts
    # `failed sign-in and authentication attempts`, but not `failed sign-ins or deletions`
    return [
        replace(part, outcome=part.outcome or first.outcome) if part.classes == first.classes else part for part in acts
    ]


def _leading(parts: list[Part]) -> None:
    """`create, modify and delete bucket events`: the object stands with the last act alone."""
    last = parts[-1]
    if last.objects and last.classes:
        for part in parts[:-1]:
            if part.bare and not part.head and _takes_object(part):
                part.objects = list(last.objects)


def _takes_object(part: Part) -> bool:
    return bool(part.acts or part.classes) and all(each in lexicon.TAKES_OBJECT for each in part.classes)


def kinds_of(parts: Sequence[Part], book: Book) -> tuple[Kind, ...] | None:
    """The kinds that items of a list stand for, as few as say the same; nothing where one can't be said."""
    found: list[Kind] = []
    for part in parts:
        kind = _kind(part, book)
        if kind is None:
            return None
        found.append(kind)
    return merged(found)


def merged(kinds: Sequence[Kind]) -> tuple[Kind, ...]:
    """Put kinds together that differ in one respect alone."""
    found: list[Kind] = []
    for kind in kinds:
        for index, other in enumerate(found):
            if other == kind:
                break
            joined = _joined(other, kind)
            if joined is not None:
                found[index] = joined
                break
        else:
            found.append(kind)
    if len(found) < len(kinds):
        return merged(found)
    outcomes = {kind.outcome for kind in found}
    if len(outcomes) > 1 and len({replace(kind, outcome=Outcome.ANY) for kind in found}) == 1:
        return (replace(found[0], outcome=Outcome.ANY),)
    return tuple(found)


def _joined(one: Kind, other: Kind) -> Kind | None:
    if one.outcome is not other.outcome:
        return None
    if one.classes == other.classes and not one.actions and not other.actions and one.words and other.words:
        return replace(one, words=_both(one.words, other.words))
    if one.words == other.words and not one.actions and not other.actions and one.classes and other.classes:
        return replace(one, classes=_both(one.classes, other.classes))
    if not one.words and not other.words and one.narrows_acts and other.narrows_acts:
        return replace(one, classes=_both(one.classes, other.classes), actions=_both(one.actions, other.actions))
    return None


def _both(one: tuple[lexicon.T, ...], other: tuple[lexicon.T, ...]) -> tuple[lexicon.T, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def _kind(part: Part, book: Book) -> Kind | None:
    outcome = part.outcome or Outcome.ANY
    if part.actions:
        return Kind(actions=tuple(part.actions), outcome=outcome)
    if not part.says_act and outcome is Outcome.ANY:
        return None
    if part.classes == [ActionClass.CREATION] and " ".join(part.objects).casefold() in things.CREDENTIALS:
        return Kind(classes=(ActionClass.KEY_CREATION,), outcome=outcome)
    if part.classes == [ActionClass.GRANT] and part.objects and part.objects[-1].split()[-1] not in things.RIGHTS:
        return None
    if part.objects and any(each not in lexicon.TAKES_OBJECT for each in part.classes):
        return None
    words: tuple[str, ...] = ()
    if part.objects:
        described = part.objects[0].islower() and not things.is_thing(part.objects[0])
        alone = not (part.classes or part.acts) or (described and part.classes == [ActionClass.CHANGE])
        found = words_of(part.objects, book, alone=alone)
        if found is None:
            return None
        words = found
    if part.acts and any(name.isupper() or name in book.called for name in part.objects):
        return None  # no action's name holds its service and what it does
    if {"path", "dotted"} & book.actions.forms and not all(map(book.actions.hold, part.acts)):
        return None  # the log's own word for it may be another
    if part.acts:
        return Kind(actions=_globs(part.acts, words), outcome=outcome)
    if words and "*" in words[0]:
        return Kind(actions=words, outcome=outcome)
    return Kind(classes=tuple(part.classes), words=words, outcome=outcome)


def _globs(acts: Sequence[str], words: tuple[str, ...]) -> tuple[str, ...]:
    """Actions that hold an act and its object, in either order."""
    found: list[str] = []
    for act in acts:
        if not words:
            found.append(f"*{act}*")
        for word in words:
            thing = "*".join(word.split())
            found += [f"*{act}*{thing}*", f"*{thing}*{act}*"]
    return tuple(found)


def words_of(objects: Sequence[str], book: Book, *, alone: bool) -> tuple[str, ...] | None:
    """The words by which actions on a thing are known; none if any are, nothing if that isn't clear.

    Args:
        objects: The thing, such as `storage account` or `iam`, `role`: the last is what it is.
        book: The actions that the log's file names.
        alone: No act narrows it further, so that a glob will do.
    """
    names = list(objects)
    if any(name.isupper() for name in names[1:]):
        return None
    if len(names) > 1 and names[-1] in ("setting", "configuration") and not book.actions.hold(" ".join(names)):
        names.pop()
    if len(names) > 1 and names[0] == "resource":
        names.pop(0)
    if len(names) > 1 and names[-1] == "resource":
        names.pop()
    whole = " ".join(names).casefold()
    known = _known_as(names, book)
    if known is not None:
        return known or None
    if whole in ("resource", "service", "api", "configuration", "setting"):
        return ()
    held = tuple(word for word in _forms(whole) if book.actions.hold(word))
    if held:
        return held
    if names[0].isupper():
        # A service's name before the thing: `s3 bucket`, `kms key`.
        if all(each in things.GENERIC_OBJECTS for each in names[1:]):
            return _service(names[0], book)
        return words_of(names[1:], book, alone=alone)
    if len(names) == 1:
        return _unheld(whole, book, alone=alone)
    if alone:
        return (f"*{'*'.join(whole.split())}*",)
    if names[-1] in things.GENERIC_OBJECTS:
        return None
    if {"path", "dotted"} & book.actions.forms:
        return tuple(word for word in _forms(names[-1]) if book.actions.hold(word)) or None
    return (whole,)


def _known_as(names: Sequence[str], book: Book) -> tuple[str, ...] | None:
    """Words for what the log calls otherwise than people do: none if that isn't clear, nothing if no part is known so."""
    for size in range(len(names), 0, -1):
        called = book.called.get(" ".join(names[:size]).casefold())
        if called and all(each in things.GENERIC_OBJECTS for each in names[size:]):
            return called
        if called:
            both = (f"{each} {' '.join(names[size:])}" for each in called)
            return tuple(word for word in both if book.actions.hold(word))
    whole = " ".join(names).casefold()
    return () if any(name in book.called for name in names[1:]) and not book.actions.hold(whole) else None


def _service(name: str, book: Book) -> tuple[str, ...] | None:
    """A service by its acronym; where names of actions hold the service's, only one that is known there."""
    everywhere = name in ("IAM", "KMS")
    if {"path", "dotted"} & book.actions.forms and not (everywhere or book.actions.hold(name.casefold())):
        return None
    return (name.casefold(),)


def _unheld(name: str, book: Book, *, alone: bool) -> tuple[str, ...] | None:
    """Words for a thing that the log's file doesn't name, as such things are called in most logs."""
    first, _, last = name.partition(" ")
    if last and first in ("iam", "kms"):
        return (last,) if last != "key" else (first,)
    if last and not alone and "dotted" in book.actions.forms:
        return None
    if last and alone:
        return (f"*{name.replace(' ', '*')}*",)
    return (name, things.SYNONYMS[name]) if name in things.SYNONYMS else (name,)


def _forms(name: str) -> tuple[str, ...]:
    """A name, its plural in -ies, and what else it is called."""
    plural = f"{name[:-1]}ies" if name.endswith("y") else name
    return tuple(dict.fromkeys((name, plural, things.SYNONYMS.get(name, name))))
