"""Parsing and emitting SQL with sqlglot. A failure inside the library becomes a refusal."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar, cast

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect as SqlglotDialect
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError
from sqlglot.generator import Generator
from sqlglot.tokenizer_core import Token, TokenType

from triage.domain.sql.characters import HAZARD, escaped
from triage.domain.sql.policy import SqlRefused

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_READS_ON = frozenset({exp.Bracket, exp.Dot, exp.JSONExtract})
"""Parents whose text would continue a colon path."""

PARAMETER = "parameter"
"""Key in a literal's `meta`: the template parameter whose value it is."""

Result = TypeVar("Result")

FAILURES = (
    SqlglotError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What the library is known to raise on unusual input, besides its own errors; RuntimeError covers RecursionError."""

SNOWFLAKE = SqlglotDialect.get_or_raise("snowflake")

MARKS = frozenset(
    {
        TokenType.L_PAREN,
        TokenType.R_PAREN,
        TokenType.L_BRACKET,
        TokenType.R_BRACKET,
        TokenType.COMMA,
        TokenType.SEMICOLON,
        TokenType.COLON,
        TokenType.DCOLON,
        TokenType.DOT,
        TokenType.STAR,
        TokenType.PLUS,
        TokenType.DASH,
        TokenType.SLASH,
        TokenType.MOD,
        TokenType.EQ,
        TokenType.NEQ,
        TokenType.LT,
        TokenType.GT,
        TokenType.LTE,
        TokenType.GTE,
        TokenType.NULLSAFE_EQ,
        TokenType.DPIPE,
        TokenType.FARROW,
        TokenType.JOIN_MARKER,
    }
)
"""The tokens a query may contain besides words, names and values."""

_NO_WORDS = MARKS | {TokenType.STRING, TokenType.RAW_STRING, TokenType.NUMBER, TokenType.IDENTIFIER}

_KEYWORDS: frozenset[str] = frozenset(SNOWFLAKE.tokenizer_class.KEYWORDS)

_PLAIN_WORDS = frozenset(
    {"AND", "OR", "IN", "ON", "AS", "FROM", "WHERE", "HAVING", "THEN", "ELSE", "WHEN", "SELECT"}
    | {"GROUP BY", "ORDER BY", "PARTITION BY"}
)

SPECIAL_WORDS: frozenset[str] = (
    _KEYWORDS
    | frozenset(SNOWFLAKE.parser_class.FUNCTION_PARSERS)
    | frozenset(SNOWFLAKE.parser_class.NO_PAREN_FUNCTION_PARSERS)
) - _PLAIN_WORDS
"""Words, in upper case, for which the parser has a special rule when a parenthesis or a bracket follows: types, and
functions with keywords among their arguments."""

# The library logs the beginning of a text that it takes for a command. Queries don't belong in logs.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

_SLOT = re.compile("[\x00\x01]([0-9]+)[\x00\x01]")
_WITHOUT_SLOTS = {0: None, 1: None}

_LISTS = re.compile("\x00(?:, \x00)+")
"""Lists of two or more strings. Only a template's parameters vary, and a list parameter is in an IN or an array, so the
number of its entries doesn't change how the rest is parsed."""

_MISSING = re.compile(r"Required (?:keyword|argument):? '\w+' missing for <class '[\w.]*?(\w+)'>")


def guarded(work: Callable[[], Result]) -> Result:
    """Run library code, and turn its failures into SqlRefused."""
    try:
        return work()
    except SqlRefused:
        raise
    except FAILURES as error:
        why = plain(str(error))[:160] if isinstance(error, SqlglotError) else type(error).__name__
        raise SqlRefused(f"the query can't be processed ({why}); write it more simply", code="syntax") from error


def is_word(token: Token) -> bool:
    """Whether a token is a keyword or an unquoted name."""
    return token.token_type not in _NO_WORDS


def source(text: str, token: Token) -> str:
    """A token as written in the text."""
    return text[token.start : token.end + 1]


def parse(text: str, tokens: list[Token] | None = None) -> exp.Query:
    """Parse one statement, from its tokens if given. Raises SqlRefused with the line."""
    try:
        tokens = SNOWFLAKE.tokenize(text) if tokens is None else tokens
        trees = [tree for tree in SNOWFLAKE.parser().parse(tokens, text) if tree is not None]
    except ParseError as error:
        raise _syntax(error) from error
    except FAILURES as error:
        raise SqlRefused(f"the query can't be parsed ({type(error).__name__})", code="syntax") from error
    if len(trees) != 1:
        raise SqlRefused("write exactly one statement", code="multi_statement")
    tree: exp.Expr = trees[0]
    while type(tree) is exp.Subquery and set(_given(tree)) == {"this"}:
        tree = cast("exp.Expr", tree.this)
        tree.parent = None
    if not isinstance(tree, exp.Select | exp.SetOperation):
        raise SqlRefused("write one SELECT (or WITH … SELECT, or a UNION ALL of SELECTs)", code="not_select")
    return tree


@dataclass(frozen=True, slots=True)
class Written:
    """A statement emitted from its tree."""

    sql: str
    shape: str
    """The same without the text of its literals and the length of its lists. Two statements of one shape whose
    literals are each one token have the same tokens, but for the length of lists."""
    literals: tuple[str, ...]
    parameters: tuple[str, ...]
    """The template parameter of each literal; empty for the others."""
    slotted: tuple[tuple[str, ...], tuple[int, ...]]
    """The text before, between and after the literals, and the number of the literal in each gap."""


def emit(tree: exp.Query) -> Written:
    """Emit a tree as one line of Snowflake SQL without comments."""
    generator = SNOWFLAKE.generator(comments=False, unsupported_level=ErrorLevel.RAISE)
    literals: list[str] = []
    parameters: list[str] = []
    _tune(generator, literals, parameters)
    slotted = guarded(lambda: _harden(generator.generate(tree, copy=False)))
    parts = _SLOT.split(slotted)
    texts, slots = tuple(parts[::2]), tuple(map(int, parts[1::2]))
    if sorted(slots) != list(range(len(literals))):
        raise SqlRefused("a string contains control characters; write them another way", code="self_check")
    sql = _SLOT.sub(lambda found: literals[int(found.group(1))], slotted)
    shape = _LISTS.sub("\x02", _SLOT.sub(lambda found: found.group()[0], slotted))
    return Written(sql, shape, tuple(literals), tuple(parameters), (texts, slots))


def string_text(value: str) -> str:
    """A string as `emit` writes it."""
    return escaped(guarded(lambda: _literals().sql(exp.Literal.string(value))))


@lru_cache(maxsize=1)
def _literals() -> Generator:
    return SNOWFLAKE.generator(comments=False, unsupported_level=ErrorLevel.RAISE)


def line_of(node: exp.Expr) -> int | None:
    """The line of the first name inside a node, if the parser recorded one."""
    for part in node.walk():
        line = part.meta.get("line") if type(part) is exp.Identifier else None
        if isinstance(line, int):
            return line
    return None


def _given(node: exp.Expr) -> list[str]:
    return [key for key, value in node.args.items() if value not in (None, False, [])]


def _tune(generator: Generator, literals: list[str], parameters: list[str]) -> None:
    """Skip the generator's rewrites of a SELECT, keep JSON paths as analysts write them, and collect literals.

    The rewrites serve other input dialects and take most of the time. The hooks are private to the library, so they are
    used only if they exist; the text is parsed and checked again in any case.
    """
    dispatch = getattr(generator, "_dispatch", None)
    if isinstance(dispatch, dict):
        own = {**_tuned(type(generator), dispatch), exp.Literal: _slots(dispatch[exp.Literal], literals, parameters)}
        generator._dispatch = own  # noqa: SLF001  (no public switch exists)


def _slots(write: "_Writer", literals: list[str], parameters: list[str]) -> "_Writer":
    """A writer that collects literals and puts numbered slots in their place."""

    def slot(generator: Generator, node: exp.Expr) -> str:
        literal = write(generator, node)
        mark = "\x00" if literal[:1] == "'" else "\x01"
        literals.append(escaped(literal))
        parameters.append(str(node.meta.get(PARAMETER, "")))
        return f"{mark}{len(literals) - 1}{mark}"

    return slot


_Writer = Callable[[Generator, exp.Expr], str]
_TUNED: dict[type[Generator], dict[type[exp.Expr], _Writer]] = {}
"""Each has several hundred entries; the library, too, builds its own once per generator class."""


def _tuned(kind: type[Generator], dispatch: dict[type[exp.Expr], _Writer]) -> dict[type[exp.Expr], _Writer]:
    if kind in _TUNED:
        return _TUNED[kind]
    plain = getattr(kind, "select_sql", None)
    if exp.Select not in dispatch or plain is None:
        return dispatch
    get_path = dispatch.get(exp.JSONExtract)

    def json_path(writer: Generator, node: exp.Expr) -> str:
        return _colon_path(writer, node) or str(get_path(writer, node) if get_path is not None else "")

    _TUNED[kind] = {**dispatch, exp.Select: plain, exp.JSONExtract: json_path}
    return _TUNED[kind]


def _colon_path(writer: Generator, node: exp.Expr) -> str:
    """`column:key.key[0]`; empty if GET_PATH is safer."""
    path = node.args.get("expression")
    if type(node.this) is not exp.Column or type(path) is not exp.JSONPath or type(node.parent) in _READS_ON:
        return ""
    parts: list[str] = []
    for part in path.expressions[1:]:
        step = part.this
        if type(part) is exp.JSONPathKey and isinstance(step, str):
            plain = _PLAIN_KEY.fullmatch(step) and step.upper() not in _KEYWORDS
            quoted = step if plain else '"' + step.replace('"', '""') + '"'
            parts.append(f"{'.' if parts else ':'}{quoted}")
        elif type(part) is exp.JSONPathSubscript and isinstance(step, int) and parts:
            parts.append(f"[{step}]")
        else:
            return ""
    return writer.sql(node.this) + "".join(parts) if parts else ""


def _harden(text: str) -> str:
    """Escape risky characters in strings. Snowflake reads the escapes as the same text; Panther doesn't act on them."""
    if not HAZARD.search(text.translate(_WITHOUT_SLOTS)):
        return text
    parts: list[str] = []
    end = 0
    for token in SNOWFLAKE.tokenize(text):
        if token.token_type is TokenType.STRING:
            parts += [text[end : token.start], escaped(source(text, token))]
            end = token.end + 1
    return "".join([*parts, text[end:]])


def _syntax(error: ParseError) -> SqlRefused:
    details = error.errors[0] if error.errors else {}
    line = details.get("line")
    what = _MISSING.sub(
        lambda found: f"{found.group(1)} is incomplete", plain(details.get("description") or str(error))
    )
    what = what.split("<Token", 1)[0].strip()
    near = plain(details.get("highlight") or "")
    return SqlRefused(
        f"syntax error{f' near {near[:40]!r}' if near else ''}: {what[:160]}",
        code="syntax",
        line=line if isinstance(line, int) else None,
    )


def plain(text: str) -> str:
    """Remove the terminal colours with which the library marks positions; they don't belong in a prompt or a log."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text).replace("\n", " ").strip()
