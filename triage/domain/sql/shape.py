"""The shape of a query's tokens: one statement, which no parser needs long for."""

from dataclasses import dataclass

from triage.domain.sql.refusal import SqlRefused, at
from triage.domain.sql.syntax import SPECIAL_WORDS
from triage.domain.sql.tokens import Token

MAX_DEPTH = 32
"""Open parentheses, brackets and CASEs. The parser recurses: this keeps it far from the interpreter's limit."""
MAX_SELECTS = 48
MAX_UNARY_RUN = 8
MAX_OPEN_JOINS = 5
"""JOINs whose ON or USING has not come yet."""
MAX_SPECIAL = 8
"""Open parentheses or brackets that follow a word with a grammar of its own, as in `ARRAY[…]`, `CAST(…)` or
`JSON_OBJECT(…)`.

The parser reads some of these forms, and a JOIN without a condition, in one way and then again in another, so that its
time doubles with each level. Thirty levels would never end."""

_PREFIXES = frozenset({"not", "interval", "prior", "distinct"})
_COUNTED = _PREFIXES | {"on", "using", "limit", "offset", "case", "end", "select", "join"}


@dataclass(slots=True)
class _Level:
    """Inside one pair of parentheses or brackets, or outside of all."""

    special: int = 0
    """Of this level and those around it: how many are open to be read twice."""
    joins: int = 0
    """JOINs of this level and those around it whose condition has not come yet."""
    outer_joins: int = 0
    limited: bool = False
    """A LIMIT has come, behind which parentheses are read twice as well."""


def check_shape(text: str, tokens: list[Token]) -> None:
    """Refuse what would not be one statement, or would be one that no parser should be asked to read.

    Closing semicolons are taken off `tokens`. Raises SqlRefused.
    """
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    if not tokens:
        raise SqlRefused("there is no query; write one SELECT", code="empty")
    if tokens[0].text.upper() not in {"SELECT", "WITH", "("}:
        raise at(
            text,
            tokens[0].start,
            "not_select",
            f"the text begins with {tokens[0].text[:40]!r}; write one SELECT (or WITH … SELECT) and nothing around it",
        )
    shape = _Shape(text, tokens)
    for index, token in enumerate(tokens):
        prefix = False
        if token.kind == "op":
            prefix = shape.mark(index, token)
        elif token.kind == "word":
            prefix = shape.word(index, token)
        shape.run = shape.run + 1 if prefix else 0
        if shape.too_deep():
            raise at(text, token.start, "nesting", f"nested too deeply (at most {MAX_DEPTH} levels); write it flat")
        shape.previous = token
    if shape.selects > MAX_SELECTS:
        raise SqlRefused(f"{shape.selects} SELECTs in one query; at most {MAX_SELECTS} are allowed", code="size")


class _Shape:
    """What has been seen so far. Both readers of a token say whether it is one that repeats without an end."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.levels = [_Level()]
        self.cases = 0
        self.selects = 0
        self.run = 0
        self.previous = tokens[0]

    def too_deep(self) -> bool:
        return (
            len(self.levels) + self.cases > MAX_DEPTH + 1
            or self.run > MAX_UNARY_RUN
            or self.levels[-1].special > MAX_SPECIAL
        )

    def mark(self, index: int, token: Token) -> bool:
        mark = token.text
        if mark in "([":
            level, previous = self.levels[-1], self.previous
            twice = level.limited or (previous.kind == "word" and previous.text.upper() in SPECIAL_WORDS)
            self.levels.append(_Level(level.special + twice, level.joins, level.joins))
        elif mark in ")]":
            self.levels = self.levels[:-1] or [_Level()]
        elif mark == ";":
            after = next((later for later in self.tokens[index:] if later.text != ";"), token)
            raise at(self.text, after.start, "multi_statement", "only one statement is allowed; remove what follows ;")
        return mark in "+-"

    def word(self, index: int, token: Token) -> bool:
        previous = self.previous
        if previous.kind == "number" and previous.end == token.start:
            raise at(self.text, token.start, "syntax", f"{previous.text}{token.text} is neither a number nor a name")
        word = token.text.lower()
        if word not in _COUNTED:
            return False
        level = self.levels[-1]
        match word:
            case "case":
                self.cases += 1
            case "end":
                self.cases = max(self.cases - 1, 0)
            case "select":
                self.selects += 1
                level.joins, level.limited = level.outer_joins, False
            case "join":
                level.joins += 1
                if level.joins > MAX_OPEN_JOINS:
                    raise _open_joins(self.text, token)
            case "limit" | "offset":
                level.limited = True
            case "on" | "using" if _is_condition(word, previous, self.tokens[index + 1 : index + 2]):
                level.joins = max(level.joins - 1, level.outer_joins)
        return word in _PREFIXES


def _open_joins(text: str, join: Token) -> SqlRefused:
    return at(
        text,
        join.start,
        "cross_join",
        f"more than {MAX_OPEN_JOINS} JOINs wait for their condition; write each as JOIN … ON …, and subqueries as CTEs",
    )


def _is_condition(word: str, previous: Token, rest: list[Token]) -> bool:
    """Tell the ON or USING of a JOIN from a name."""
    if word == "using" and (not rest or rest[0].text != "("):
        return False
    return previous.text == ")" or (previous.kind in {"word", "quoted"} and previous.text.lower() != "join")
