"""Reads one noun phrase, word by word, without what stands in parentheses."""

import re
from collections.abc import Sequence

from triage.domain.question import SIGN_INS, ActionClass, Outcome, Subject, SubjectRole
from triage.questions.grammar import lexicon, things
from triage.questions.grammar.book import Book
from triage.questions.grammar.conclusion import conclude
from triage.questions.grammar.elements import (
    DEFINITE,
    Act,
    Action,
    Alerts,
    Element,
    Head,
    Named,
    Noun,
    longest,
    many,
    role_by_name,
)
from triage.questions.grammar.kinds import Part
from triage.questions.grammar.known_names import RELATIONS, called_at, held_at, with_office
from triage.questions.grammar.tokens import Token, is_name

_AFTER_FIELD = frozenset(
    {"address", "addresses", "field", "value", "values", "email", "user", "principal", "name", "account"}
)
_ACRONYM = re.compile(r"[A-Z][A-Z0-9]{1,6}")
_RULE_ID = re.compile(r"[A-Z][A-Za-z0-9]*(?:\.[A-Za-z0-9]+){1,6}")
_NOT_THIS = frozenset({"each", "every", "other", "another", "different", "additional"})
_SOME = frozenset({"any", "all", "new"})
_SIGNS = frozenset({":", '"', "`", "=", "-", "\u2013", "[", "]"})


class Scan:
    """Reads a noun phrase from its first word to its last, the longest entry that fits at each place."""

    def __init__(self, tokens: Sequence[Token], book: Book, *, listed: bool = False) -> None:
        self.listed = listed
        """In parentheses, after what it gives the kinds of."""
        self.tokens = [token for token in tokens if token.low not in _SIGNS or token.quoted]
        self.stems = [lexicon.stem(token.low) for token in self.tokens]
        self.book = book
        self.noun = Noun()
        self.parts: list[Part] = []
        self.item: list[Element] = []
        self.rule_ids = False
        self.uncertain = False
        """A word is an action's name only if the phrase is about acts."""
        self.detections = False
        """The item means detections of a product, in the alert's own log."""
        self.quantifiers: set[str] = set()
        self.unknown: list[str] = []
        """Of the item that is being read."""

    def read(self) -> Noun:
        at = 0
        while at < len(self.tokens):
            at += (
                self._join(at)
                or self._name(at)
                or self._called(at)
                or self._sign_in_logs(at)
                or self._listed(at)
                or self._plain(at)
            )
        self._close()
        about_acts = self.listed or any(part.head for part in self.parts) or "type" in self.stems
        of_rules = self.rule_ids and all(part.actions for part in self.parts)
        conclude(self.noun, self.parts, self.book, of_rules=of_rules, certain=about_acts or not self.uncertain)
        return self.noun

    def _join(self, at: int) -> int:
        if self.tokens[at].quoted or self.tokens[at].low not in lexicon.JOINS:
            return 0
        self._close()
        return 1

    def _name(self, at: int) -> int:
        """Names of actions and fields."""
        token = self.tokens[at]
        if not (token.quoted or is_name(token.text)):
            return 0
        action = self.book.actions.find(token)
        known = action is not None and action.casefold() in self.book.actions.known
        subject = self.book.fields.find(token.text) if not known else None
        if subject is None and action is not None:
            self.uncertain = self.uncertain or not (known or token.quoted or self.book.actions.is_certain(action))
            self.item.append(Element(Action(action), token.text))
            return 1
        subject = subject or role_by_name(token, self.book)
        if subject is None:
            return self._rule_id(token)
        if at and self.tokens[at - 1].low in ("any", "all", "every", "each"):
            if subject.role not in (SubjectRole.ACTOR, SubjectRole.ADDRESS):
                return 0
            if subject.role is SubjectRole.ADDRESS and not any(other.low in lexicon.JOINS for other in self.tokens):
                self.noun.anywhere = True
                return 1
            subject = Subject(role=SubjectRole.ANYONE)
        # `the actor ARN userIdentity:arn` says one thing twice; the field is the exact one.
        self.item = [
            element for element in self.item if element.owner or not isinstance(element.value, SubjectRole | str)
        ]
        self.unknown = [word for word in self.unknown if word.casefold() in RELATIONS]
        self.item.append(Element(subject, token.text, token.possessive))
        return 1

    def _rule_id(self, token: Token) -> int:
        """The id of a detection, beside the alerts that are asked for."""
        alerts = any(other.low in ("alert", "alerts", "id", "ids") for other in self.tokens)
        if not alerts or not _RULE_ID.fullmatch(token.text) or self.book.logs.find([token.low])[1]:
            return 0
        self.item.append(Element(Action(token.text), token.text))
        self.rule_ids = True
        return 1

    def _called(self, at: int) -> int:
        name = called_at(self.tokens, self.stems, at, self.book)
        if name:
            self._thing(name)
        return len(name.split())

    def _sign_in_logs(self, at: int) -> int:
        """`sign-in logs` are those of every identity provider, unless one is named."""
        for size in (1, 2):
            words = tuple(self.stems[at : at + size])
            if lexicon.CLASSES.get(words) is ActionClass.SIGN_IN and self.stems[at + size : at + size + 1] == ["log"]:
                if not self.noun.logs or (at and self.tokens[at - 1].low in lexicon.JOINS):
                    self.noun.logs.append(SIGN_INS)
                return size + 1
        return 0

    def _listed(self, at: int) -> int:
        """Entries of the lexicon and names of logs."""
        logs, size = self.book.logs.find([token.low for token in self.tokens[at : at + 6]])
        # `the user's sign-ins`: no entry goes on past a possessive.
        ends = (index for index, token in enumerate(self.tokens[at:], 1) if token.possessive)
        entry = longest(self.stems, at, size, next(ends, lexicon.MAX_WORDS))
        size, value = entry if entry[0] else (size, Named(logs))
        goes_on = at + size < len(self.tokens) and self.tokens[at + size].low not in lexicon.JOINS
        owner = size and self.tokens[at + size - 1].possessive
        if goes_on and not owner and value in (SubjectRole.ANYONE, SubjectRole.OTHERS):
            return 0  # `all user creations`
        if size:
            self._take(value, at, size)
        return size

    def _take(self, value: object, at: int, size: int) -> None:
        if isinstance(value, Named):
            self.noun.logs += [log for log in value.names if log not in self.noun.logs]
        elif value is SubjectRole.TARGET and many(self.tokens, self.stems, at, size):
            name = " ".join(self.stems[at : at + size])
            self._thing(name if things.is_single(name) else self.stems[at + size - 1])
        elif isinstance(value, Alerts):
            follows = tuple(self.stems[at + size : at + size + 1])
            if follows in (("rule",), ("suppression",)) or follows in lexicon.CLASSES:
                self.item.append(Element("alert", "alert"))
            elif self.stems[at] in ("detection", "finding") and self.book.own_detections:
                self.detections = True
                self.item.append(Element(Head(log=False), "detection"))
            else:
                self.item.append(Element(value, "alert"))
        else:
            plural = self.stems[at + size - 1] != self.tokens[at + size - 1].low
            certain = any(token.low in DEFINITE for token in self.tokens)
            owner = self.tokens[at + size - 1].possessive
            self.item.append(Element(value, " ".join(self.stems[at : at + size]), owner, plural and not certain))

    def _plain(self, at: int) -> int:
        """Things, words that narrow nothing, and what isn't understood."""
        token, low = self.tokens[at], self.stems[at]
        related = token.low.removesuffix("-related")
        if low == "rule" and self.tokens[at + 1 : at + 2] and self.tokens[at + 1].low in ("id", "ids"):
            return 2
        if token.low in lexicon.JUDGEMENTS:
            self.noun.judged = True
        elif low == "anomaly":
            self.noun.judged = True
            self.item.append(Element(Head(log=False), low))
        elif token.low in _AFTER_FIELD and self.item and isinstance(self.item[-1].value, Subject):
            pass
        elif token.low in _NOT_THIS | _SOME:
            self.quantifiers.add(token.low)
        elif token.low in lexicon.NEUTRAL or (token.low in lexicon.DESCRIBING and at + 1 < len(self.tokens)):
            self.noun.this = self.noun.this or token.low in ("this", "same", "affected")
        elif low in things.ABBREVIATIONS:
            self._thing(things.ABBREVIATIONS[low])
        elif low in things.OBJECTS or (_ACRONYM.fullmatch(token.text) and at + 1 < len(self.tokens)):
            self._thing(low if low in things.OBJECTS else token.text)
        elif related != token.low and (
            related in things.OBJECTS or related in things.ABBREVIATIONS or token.text[:2].isupper()
        ):
            self._thing(things.ABBREVIATIONS.get(related, related if related in things.OBJECTS else related.upper()))
        else:
            inside = any(isinstance(element.value, str) for element in self.item)
            name = "" if inside else held_at(self.tokens, self.stems, at, self.book)
            if not name:
                self.unknown.append(token.text)
                return 1
            self._thing(name)
            return len(name.split())
        return 1

    def _thing(self, name: str) -> None:
        self.item.append(Element(name, name))

    def _close(self) -> None:
        """End an item of a list: its parties are what acts are done to, or stand for themselves."""
        part, before = Part(), len(self.noun.subjects)
        if len(self.item) > 1 and self.item[-1].value == "deployment" and isinstance(self.item[-2].value, str):
            self.item[-1] = Element(ActionClass.CREATION, "deployment")  # `DaemonSet deployments`
        self.item = with_office(self.item, self.book)
        acts = [at for at, element in enumerate(self.item) if isinstance(element.value, ActionClass | Act)]
        last = acts[-1] if acts else -1
        heads = [element.value for element in self.item if isinstance(element.value, Head)]
        part.head = bool(heads)
        part.access = any(head.access for head in heads)
        for at, element in enumerate(self.item):
            match element.value:
                case ActionClass() as value if at == last:
                    part.classes.append(value)
                case Act() as value if at == last:
                    part.acts.append(value.name)
                case Outcome() as value:
                    part.outcome = value
                case Action() as value:
                    part.actions.append(value.name)
                case SubjectRole() | Subject():
                    self._party(part, element, acted_on=last > -1, last=at == len(self.item) - 1)
                case ActionClass() | Act() | str():
                    part.objects.append(element.text)
                case _:
                    pass
        if len(self.noun.subjects) > before and not part.says_act:
            part.objects = []  # `the GCS service account`: they only describe it
        if heads and heads[-1].log and part.objects and last < 0:
            # `WAF log entries` of a WAF's own log; any other log isn't known here.
            own = "".join(self.book.logs.own).casefold()
            self.unknown += [name for name in part.objects if name.casefold() not in own]
            part.objects = []
        self._end(part, alerts=any(isinstance(element.value, Alerts) for element in self.item))

    def _end(self, part: Part, *, alerts: bool) -> None:
        if alerts:
            self.noun.alerts = True
            own = "".join(self.book.logs.own).casefold()
            self.unknown += [name for name in part.objects if name.casefold() not in own]
            if part.classes or part.acts or part.outcome:
                self.unknown.append("alert")
            self.noun.rules += part.actions
        elif part != Part():
            self.parts.append(part)
        if self.detections:
            # `vulnerability findings`: the word before says what they are of.
            part.objects += [word.casefold() for word in self.unknown if word.isalpha() and word.casefold() != "threat"]
            self.unknown = [word for word in self.unknown if not word.isalpha()]
        self.noun.unknown += self.unknown
        self.item, self.unknown, self.detections, self.quantifiers = [], [], False, set()

    def _party(self, part: Part, element: Element, *, acted_on: bool, last: bool) -> None:
        role = element.value
        if element.owner and not isinstance(role, Subject) and self.quantifiers & _NOT_THIS:
            self.noun.unknown.append(element.text)  # `each user's`
        alone = last and not (isinstance(role, Subject) or element.owner or acted_on or part.head)
        if alone and self._is_vague(element):
            if element.several and not self.quantifiers & _NOT_THIS:
                part.objects.append(element.text)  # `has created users`: a kind of thing
            else:
                self.noun.unknown.append(element.text)
        elif isinstance(role, Subject) or element.owner or not (acted_on or part.head or not last):
            self.noun.subjects.append(role if isinstance(role, Subject) else Subject(role=SubjectRole(str(role))))
            self.noun.owner = self.noun.owner or element.owner
        elif role is SubjectRole.ADDRESS or (part.head and not acted_on and role is not SubjectRole.TARGET):
            self.noun.unknown.append(element.text)
        else:
            words = element.text.removeprefix("s3 ").removeprefix("gcs ").removeprefix("lambda ").split()
            part.objects.append(
                " ".join(word for word in words if word not in ("other", "new", "any", "all", "affected"))
            )

    def _is_vague(self, element: Element) -> bool:
        """`each user`, `from other addresses`: somebody, but not the one that the alert is about."""
        if element.value in (SubjectRole.ANYONE, SubjectRole.OTHERS, SubjectRole.DERIVED):
            return False
        certain = any(token.low in DEFINITE for token in self.tokens)
        return bool(self.quantifiers & _NOT_THIS) or (
            not certain and (element.several or bool(self.quantifiers & _SOME))
        )
