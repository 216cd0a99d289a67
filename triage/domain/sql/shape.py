"""The shape of a query's tokens: one statement, which can be parsed in little time."""

from dataclasses import dataclass

from sqlglot.tokenizer_core import Token, TokenType

from triage.domain.sql.policy import SqlRefused, at
from triage.domain.sql.syntax import SPECIAL_WORDS, is_word, source

MAX_DEPTH = 32
"""Open parentheses, brackets and CASEs. The parser recurses: this keeps it far from the interpreter's limit."""
MAX_SELECTS = 48
MAX_UNARY_RUN = 8
MAX_CONNECTORS = 400
"""ANDs and ORs. The checks walk the tree that they make, whose depth is their number: 1,400 took most of a second."""
MAX_OPEN_JOINS = 5
"""JOINs still waiting for their ON or USING."""
MAX_SPECIAL = 8
"""Open parentheses or brackets after a word with its own grammar, as in `ARRAY[…]`, `CAST(…)` or
`JSON_OBJECT(…)`.

The parser tries some of these forms, and a JOIN without a condition, in two ways, so its time doubles with each level.
Thirty levels would never finish."""

_STARTS = frozenset({TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN})
_COUNTED = frozenset(
    {
        TokenType.L_PAREN,
        TokenType.L_BRACKET,
        TokenType.R_PAREN,
        TokenType.R_BRACKET,
        TokenType.SEMICOLON,
        TokenType.CASE,
        TokenType.END,
        TokenType.SELECT,
        TokenType.LIMIT,
        TokenType.OFFSET,
        TokenType.AND,
        TokenType.OR,
        TokenType.JOIN,
        TokenType.ON,
        TokenType.USING,
    }
)
_PREFIXES = frozenset({TokenType.NOT, TokenType.INTERVAL, TokenType.DISTINCT, TokenType.PLUS, TokenType.DASH})


@dataclass(slots=True)
class _Level:
    """Inside one pair of parentheses or brackets, or outside all of them."""

    special: int = 0
    """How many levels, this one and those around it, the parser may read twice."""
    joins: int = 0
    """JOINs of this level and those around it that still wait for their condition."""
    outer_joins: int = 0
    limited: bool = False
    """Whether a LIMIT came before; parentheses after it are read twice as well."""


def check_shape(text: str, tokens: list[Token]) -> None:
    """Refuse anything but one statement, and one that would take too long to parse.

    Removes trailing semicolons from `tokens`. Raises SqlRefused.
    """
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise SqlRefused("there is no query; write one SELECT", code="empty")
    if tokens[0].token_type not in _STARTS:
        first = source(text, tokens[0])[:40]
        raise at(
            text,
            tokens[0].start,
            "not_select",
            f"the text begins with {first!r}; write one SELECT (or WITH … SELECT) and nothing around it",
        )
    shape = _Shape(text, tokens)
    for index, token in enumerate(tokens):
        kind = token.token_type
        if shape.previous.token_type is TokenType.NUMBER:
            shape.check_number(token)
        if kind in _PREFIXES or (kind is TokenType.VAR and token.text.upper() == "PRIOR"):
            shape.prefixes += 1
            shape.check_depth(token)
        else:
            shape.prefixes = 0
            if kind in _COUNTED:
                shape.read(index, token)
        shape.previous = token
    if shape.connectors > MAX_CONNECTORS:
        raise SqlRefused(
            f"{shape.connectors} ANDs and ORs in one query; at most {MAX_CONNECTORS} are allowed. Write a list as IN (…).",
            code="size",
        )
    if shape.selects > MAX_SELECTS:
        raise SqlRefused(f"{shape.selects} SELECTs in one query; at most {MAX_SELECTS} are allowed", code="size")


class _Shape:
    """The state of the scan."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.levels = [_Level()]
        self.cases = 0
        self.selects = 0
        self.connectors = 0
        self.prefixes = 0
        """How many in a row."""
        self.previous = tokens[0]

    def check_number(self, token: Token) -> None:
        number = self.previous
        if number.end + 1 == token.start and is_word(token):
            written = self.text[number.start : token.end + 1]
            raise at(self.text, token.start, "syntax", f"{written} is neither a number nor a name")

    def read(self, index: int, token: Token) -> None:
        """Process one token of the counted kinds."""
        kind = token.token_type
        previous = self.previous
        level = self.levels[-1]
        match kind:
            case TokenType.L_PAREN | TokenType.L_BRACKET:
                twice = level.limited or (is_word(previous) and previous.text.upper() in SPECIAL_WORDS)
                self.levels.append(_Level(level.special + twice, level.joins, level.joins))
                self.check_depth(token)
            case TokenType.R_PAREN | TokenType.R_BRACKET:
                self.levels = self.levels[:-1] or [_Level()]
            case TokenType.SEMICOLON:
                rest = self.tokens[index:]
                after = next((later for later in rest if later.token_type is not TokenType.SEMICOLON), token)
                message = "only one statement is allowed; remove what follows ;"
                raise at(self.text, after.start, "multi_statement", message)
            case TokenType.CASE:
                self.cases += 1
                self.check_depth(token)
            case TokenType.END:
                self.cases = max(self.cases - 1, 0)
            case TokenType.AND | TokenType.OR:
                self.connectors += 1
            case TokenType.SELECT:
                self.selects += 1
                level.joins, level.limited = level.outer_joins, False
            case TokenType.LIMIT | TokenType.OFFSET:
                level.limited = True
            case TokenType.JOIN:
                level.joins += 1
                if level.joins > MAX_OPEN_JOINS:
                    raise _open_joins(self.text, token)
            case TokenType.ON | TokenType.USING if _is_condition(kind, previous, self.tokens[index + 1 : index + 2]):
                level.joins = max(level.joins - 1, level.outer_joins)

    def check_depth(self, token: Token) -> None:
        if (
            len(self.levels) + self.cases > MAX_DEPTH + 1
            or self.prefixes > MAX_UNARY_RUN
            or self.levels[-1].special > MAX_SPECIAL
        ):
            message = f"nested too deeply (at most {MAX_DEPTH} levels); write it flat"
            raise at(self.text, token.start, "nesting", message)


def _open_joins(text: str, join: Token) -> SqlRefused:
    return at(
        text,
        join.start,
        "cross_join",
        f"more than {MAX_OPEN_JOINS} JOINs wait for their condition; write each as JOIN … ON …, and subqueries as CTEs",
    )


def _is_condition(kind: TokenType, previous: Token, following: list[Token]) -> bool:
    """Whether ON or USING belongs to a JOIN and isn't a name."""
    if kind is TokenType.USING and not (following and following[0].token_type is TokenType.L_PAREN):
        return False
    if previous.token_type in {TokenType.R_PAREN, TokenType.IDENTIFIER}:
        return True
    return is_word(previous) and previous.token_type is not TokenType.JOIN
