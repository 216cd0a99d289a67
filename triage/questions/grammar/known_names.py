"""Names in a noun phrase that only the alert's own log explains: what people call its services, and words in its actions."""

from collections.abc import Sequence

from triage.domain.question import ActionClass, Outcome
from triage.questions.grammar import lexicon
from triage.questions.grammar.book import Book
from triage.questions.grammar.elements import Act, Element, Head, longest
from triage.questions.grammar.tokens import Token

RELATIONS = frozenset(
    """between except excluding not without outside inside than unless who which that when where if while over above
    below only but beyond non""".split()  # noqa: SIM905
)
"""What may turn a noun phrase into another, so that an exact name in it doesn't make up for not understanding it."""
_SAYS_LITTLE = frozenset(
    """security network external internal public private data system service control cloud platform admin general
    access user account setting level action event activity operation other same legitimate expected monitoring
    infrastructure critical""".split()  # noqa: SIM905
)
"""Words that names of many unlike actions hold."""
_MAX_CALLED = 4
_MAX_HELD = 3
_MIN_HELD = 5


def called_at(tokens: Sequence[Token], stems: Sequence[str], at: int, book: Book) -> str:
    """What people call something that the log names otherwise; empty where no such name, or a log's, begins here."""
    log = book.logs.find([token.low for token in tokens[at : at + 6]])[1] if book.called else 0
    for size in range(min(_MAX_CALLED, len(stems) - at), log, -1):
        name = " ".join(stems[at : at + size])
        if name in book.called:
            return name
    return ""


def held_at(tokens: Sequence[Token], stems: Sequence[str], at: int, book: Book) -> str:
    """Words before a noun for acts that the log's own actions hold, such as `session reset` events; empty without."""
    most = next((size for size in range(_MAX_HELD) if not _may_name(tokens, stems, at + size)), _MAX_HELD)
    for size in range(most, 0, -1):
        name = " ".join(stems[at : at + size])
        if len(name) >= _MIN_HELD and _acts_follow(tokens, stems, at + size) and book.actions.hold(name):
            return name
    return ""


def _may_name(tokens: Sequence[Token], stems: Sequence[str], at: int) -> bool:
    if at >= len(tokens) or tokens[at].quoted or tokens[at].possessive or not tokens[at].low.isalpha():
        return False
    return stems[at] not in _SAYS_LITTLE and tokens[at].low not in RELATIONS


def _acts_follow(tokens: Sequence[Token], stems: Sequence[str], at: int) -> bool:
    """Whether nothing but acts follows in the item."""
    start = at
    while at < len(tokens) and tokens[at].low not in lexicon.JOINS:
        size, value = longest(stems, at, 0, lexicon.MAX_WORDS)
        if not size or not isinstance(value, ActionClass | Act | Head | Outcome) or getattr(value, "log", False):
            return False
        at += size
    return at > start


def with_office(item: list[Element], book: Book) -> list[Element]:
    """`account admin grants`: the office by the name that the log has for it."""
    if len(item) < 2 or item[-1].value is not ActionClass.GRANT:  # noqa: PLR2004 - the office and its grant
        return item
    office = f"{item[-2].text} admin"
    if not item[-1].text.startswith("admin") or not book.actions.hold(office):
        return item
    return [*item[:-2], Element(office, office), item[-1]]
