"""The one door to the SQL library: text to tree, tree to text. Whatever fails behind it is a refusal."""

import logging
import re
from collections.abc import Callable
from typing import TypeVar, cast

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect as SqlglotDialect
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError
from sqlglot.generator import Generator

from triage.domain.sql.characters import is_hidden
from triage.domain.sql.refusal import SqlRefused

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_READS_ON = frozenset({exp.Bracket, exp.Dot, exp.JSONExtract})
"""Parents that would read on where a colon path ends."""

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
"""What the library is known to raise on odd input, beside its own errors; RuntimeError covers RecursionError."""

_SNOWFLAKE = SqlglotDialect.get_or_raise("snowflake")

_KEYWORDS: frozenset[str] = frozenset(_SNOWFLAKE.tokenizer_class.KEYWORDS)

_PLAIN_WORDS = frozenset(
    {"AND", "OR", "IN", "ON", "AS", "BY", "FROM", "WHERE", "HAVING", "THEN", "ELSE", "WHEN", "SELECT"}
)

SPECIAL_WORDS: frozenset[str] = (
    frozenset(_SNOWFLAKE.tokenizer_class.KEYWORDS)
    | frozenset(_SNOWFLAKE.parser_class.FUNCTION_PARSERS)
    | frozenset(_SNOWFLAKE.parser_class.NO_PAREN_FUNCTION_PARSERS)
) - _PLAIN_WORDS
"""Words, in upper case, that the parser reads by a rule of their own where a parenthesis or a bracket follows: types,
and functions with keywords among their arguments."""

# The library logs the beginning of a text that it takes for a command. Queries have no place in logs.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

HAZARD = re.compile(r"[^\x20-\x7e]|p(?=_occurs_|_current_timestamp)|\{(?=[{%#])|-(?=-)", re.IGNORECASE)
"""Where a string of the emitted text would carry something that Panther's own text passes (macros, templates, pragma
comments) could take for theirs, or that a reader can't see."""

_MISSING = re.compile(r"Required (?:keyword|argument):? '\w+' missing for <class '[\w.]*?(\w+)'>")

_LAST_SHORT = 0xFFFF
"""The last character that a Snowflake escape can name."""

LITERAL = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"]|\"\")*\"", re.DOTALL)


def guarded(work: Callable[[], Result]) -> Result:
    """Run library code; any failure of it is a refusal."""
    try:
        return work()
    except SqlRefused:
        raise
    except FAILURES as error:
        why = plain(str(error))[:160] if isinstance(error, SqlglotError) else type(error).__name__
        raise SqlRefused(f"the query can't be processed ({why}); write it in a simpler way", code="syntax") from error


def parse(text: str) -> exp.Query:
    """Read one cleaned statement. Raises SqlRefused with the line."""
    try:
        trees = [tree for tree in _SNOWFLAKE.parse(text) if tree is not None]
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


def emit(tree: exp.Query) -> str:
    """Write a tree as one line of Snowflake SQL without comments."""
    generator = _SNOWFLAKE.generator(comments=False, unsupported_level=ErrorLevel.RAISE)
    _tune(generator)
    return _harden(guarded(lambda: generator.generate(tree, copy=False)))


def copy_of(tree: exp.Query) -> tuple[exp.Query, list[exp.Identifier]]:
    """Copy a tree, node by node; also gives the copy's identifiers, the ones nearer to the root first.

    The library's own copy takes several times as long: it copies the notes on each name's place deeply.
    """
    root = type(tree)()
    names: list[exp.Identifier] = []
    pairs: list[tuple[exp.Expr, exp.Expr]] = [(tree, root)]
    for node, twin in pairs:
        if node.meta:
            twin.meta.update(node.meta)
        if node.comments:
            twin.comments = [*node.comments]
        if type(twin) is exp.Identifier:
            names.append(twin)
        for key, value in node.args.items():
            if isinstance(value, exp.Expr):
                twin.args[key] = child = type(value)()
                child.parent, child.arg_key = twin, key
                pairs.append((value, child))
            elif type(value) is list:
                twin.args[key] = items = []
                for place, item in enumerate(value):
                    if not isinstance(item, exp.Expr):
                        items.append(item)
                        continue
                    child = type(item)()
                    child.parent, child.arg_key, child.index = twin, key, place
                    items.append(child)
                    pairs.append((item, child))
            else:
                twin.args[key] = value
    return root, names


def line_of(node: exp.Expr) -> int | None:
    """The line on which a node's first name stands, where the parser noted one."""
    for part in node.walk():
        line = part.meta.get("line") if type(part) is exp.Identifier else None
        if isinstance(line, int):
            return line
    return None


def _given(node: exp.Expr) -> list[str]:
    return [key for key, value in node.args.items() if value not in (None, False, [])]


def _tune(generator: Generator) -> None:
    """Leave out the generator's rewrites of a SELECT, and keep JSON paths as analysts write them.

    The rewrites serve other input dialects and take most of the time. Both switches are private to the library, so
    they are only used where they are found; the text is parsed and checked again in any case.
    """
    dispatch = getattr(generator, "_dispatch", None)
    if isinstance(dispatch, dict):
        generator._dispatch = _tuned(type(generator), dispatch)  # noqa: SLF001  (no public switch exists)


_Writer = Callable[[Generator, exp.Expr], str]
_TUNED: dict[type[Generator], dict[type[exp.Expr], _Writer]] = {}
"""Each has several hundred entries; the library makes its own once per kind of generator, too."""


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
    """`column:key.key[0]`; empty where GET_PATH is the safer form."""
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
    """Write the risky characters of strings as escapes, which mean the same to Snowflake and nothing to others."""
    if not HAZARD.search(text):
        return text

    def escape(found: re.Match[str]) -> str:
        character = found.group()
        point = ord(character)
        if character.isascii():
            return f"\\x{point:02x}"
        seen = character.isprintable() and not is_hidden(character)
        return character if seen or point > _LAST_SHORT else f"\\u{point:04x}"

    return LITERAL.sub(
        lambda found: found.group() if found.group()[0] == '"' else HAZARD.sub(escape, found.group()), text
    )


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
    """The library marks places with terminal colours; a model or a log must not see them."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text).replace("\n", " ").strip()
