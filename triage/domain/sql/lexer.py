"""The first look at a query, before any parser: characters, tokens, sizes.

The result is a cleaned text. Comments are gone (their line breaks stay, so that line numbers hold), `$$…$$` strings
are ordinary ones, Panther's macros are calls that a parser understands, and template placeholders are reserved names.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from triage.domain.sql.policy import SqlPolicy
from triage.domain.sql.refusal import SqlRefused

PARAMETER_PREFIX = "__triage_"
"""Stands before a template parameter's name in the cleaned text; no query may use it."""

MAX_TOKENS = 6000
MAX_DEPTH = 32
"""Open parentheses, brackets and CASEs. The parser recurses: this keeps it far from the interpreter's limit."""
MAX_SELECTS = 48
MAX_UNARY_RUN = 8
MAX_NAME = 255

_HIDDEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
"""Characters that show nothing although Unicode files them under letters, marks or symbols; variation selectors, tags."""

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\r\n]+)
    | (?P<comment>--[^\r\n]*|//[^\r\n]*|/\*.*?\*/)
    | (?P<string>'(?:[^'\\]|\\.|'')*')
    | (?P<dollar>\$\$.*?\$\$)
    | (?P<quoted>"(?:[^"]|"")+")
    | (?P<number>[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?(?![0-9])|\.[0-9]+(?:[eE][+-]?[0-9]+)?)
    | (?P<word>[A-Za-z_][A-Za-z0-9_$]*)
    | (?P<op>::|=>|<=|>=|<>|!=|\|\||/(?!\*)|-(?!>)|[(),.;:*+%=<>\[\]])
    """,
    re.VERBOSE | re.DOTALL,
)

_ESCAPE = re.compile(r"""\\(?:[\\'"bfnrt]|0(?![0-7])|x[0-9A-Fa-f]{2}|u(?![dD][89A-Fa-f])[0-9A-Fa-f]{4})""")
"""The escapes of a Snowflake string that mean one thing; octal ones and those that only drop the backslash do not."""

_PRAGMA = re.compile(r"pragma\s*:", re.IGNORECASE)
_BRACES = (("{{", "}}"), ("{%", "%}"))

_UNNAMEABLE = re.compile(r"--|\{[{%#]|p_occurs_|p_current_timestamp|pragma", re.IGNORECASE)
"""What Panther might act upon wherever it stands; in a string it is written with escapes, in a name it can't be."""

_MACROS: Mapping[str, tuple[int, int | None]] = {
    "p_occurs_since": (1, 0),
    "p_occurs_between": (2, None),
    "p_occurs_around": (2, 1),
    "p_occurs_after": (1, None),
    "p_occurs_before": (1, None),
}
"""Number of times and offsets, and the place of the offset; a table alias and a column may follow."""

_HINTS = {
    "@": ("stage", "stages (@…) are not readable; put the character into a string or a quoted identifier"),
    "$": ("variable", "variables and positional columns ($name, $1) are not allowed; write the value or the column"),
    "?": ("parameter", "a question mark is an unbound parameter; write the value"),
    "{": ("placeholder", "braces belong to templates or object literals; use OBJECT_CONSTRUCT or write the value"),
    "}": ("placeholder", "braces belong to templates or object literals; use OBJECT_CONSTRUCT or write the value"),
    "`": ("character", "backquotes are not Snowflake SQL; write plain SQL without Markdown, names without quotes"),
    "'": ("unterminated", "a string does not end; double a quote inside a string"),
    '"': ("unterminated", "a quoted identifier does not end, or is empty"),
    "/": ("unterminated", "a comment does not end"),
}


@dataclass(frozen=True, slots=True)
class Scanned:
    """A query's cleaned text, ready for a parser."""

    text: str
    parameters: frozenset[str]
    """Template parameters that occur in it."""


@dataclass(slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


def scan(
    text: str, policy: SqlPolicy, *, parameters: frozenset[str] | None = None, written_here: bool = False
) -> Scanned:
    """Check a query's characters and tokens, and clean it.

    Args:
        text: The query as it was written.
        policy: Its `max_bytes` applies.
        parameters: Names that may occur as `:name`; `None` allows none.
        written_here: The text is this package's own. Its strings may hold invisible characters beyond U+FFFF, which
            no Snowflake escape can name: a playbook must be able to search for any value that a log holds.

    Raises:
        SqlRefused: with the line.
    """
    _check_size(text, policy)
    if not written_here:
        _check_characters(text)
    tokens = _lift_macros(text, _tokens(text))
    _check_shape(text, tokens)
    return _clean(text, tokens, parameters)


def _refuse(text: str, position: int, code: str, message: str) -> SqlRefused:
    return SqlRefused(message, code=code, line=text.count("\n", 0, position) + 1)


def _check_size(text: str, policy: SqlPolicy) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise SqlRefused("the text holds half of a surrogate pair", code="character") from error
    if size > policy.max_bytes:
        raise SqlRefused(
            f"the query has {size} bytes; at most {policy.max_bytes} are allowed. Ask for less at once.", code="size"
        )


def _check_characters(text: str) -> None:
    """Refuse what a reviewer can't see, wherever it stands."""
    if found := _CONTROL.search(text):
        raise _refuse(
            text,
            found.start(),
            "character",
            f"control character U+{ord(found.group()):04X}; write CHR({ord(found.group())})",
        )
    if text.isascii():
        return
    for position, character in enumerate(text):
        if character.isascii():
            continue
        if is_hidden(character):
            point = ord(character)
            raise _refuse(
                text,
                position,
                "character",
                f"invisible or direction-changing character U+{point:04X}; to search for it, write CHR({point})",
            )


def is_hidden(character: str) -> bool:
    """Whether a reader can't see a character, or sees it change what stands around it."""
    return bool(_HIDDEN.match(character)) or unicodedata.category(character) in _HIDDEN_CATEGORIES


def _tokens(text: str) -> list[_Token]:
    """Split the text; comments and spaces are dropped here."""
    tokens: list[_Token] = []
    position = 0
    for found in _TOKEN.finditer(text):
        if found.start() != position:
            break
        kind = found.lastgroup or ""
        position = found.end()
        if kind == "space":
            continue
        part = found.group()
        if kind == "comment":
            if _PRAGMA.search(part):
                raise _refuse(
                    text,
                    found.start(),
                    "pragma",
                    "a pragma comment turns on Panther's server-side templates; write plain SQL",
                )
            continue
        if kind != "op" and (kind != "word" or "$" in part or part[0] == "_" or len(part) > MAX_NAME):
            _check_token(text, kind, part, found.start())
        tokens.append(_Token(kind, part, found.start(), position))
    if position != len(text):
        raise _unreadable(text, position)
    if len(tokens) > MAX_TOKENS:
        raise SqlRefused(f"the query has {len(tokens)} tokens; at most {MAX_TOKENS} are allowed", code="size")
    return tokens


def _unreadable(text: str, position: int) -> SqlRefused:
    character = text[position]
    if text.startswith("->", position):
        code, message = "operator", "-> is not allowed; write a JSON path as column:key.key"
    elif character in _HINTS:
        code, message = _HINTS[character]
    elif not character.isascii():
        code, message = "character", f"U+{ord(character):04X} stands outside a string; only ASCII is allowed there"
    else:
        code, message = "character", f"{character!r} is not allowed here; write plain SQL and nothing around it"
    return _refuse(text, position, code, message)


def _check_token(text: str, kind: str, part: str, position: int) -> None:
    if kind == "word":
        if "$" in part:
            raise _refuse(text, position, "function", f"{part[:60]}: names with $ (SYSTEM$…) are not allowed")
        if part.lower().startswith(PARAMETER_PREFIX):
            raise _refuse(text, position, "name", f"names that begin with {PARAMETER_PREFIX} are reserved")
    elif kind in {"string", "dollar"}:
        if any(0 <= part.find(opening) < part.rfind(closing) for opening, closing in _BRACES):
            raise _refuse(text, position, "placeholder", "an unfilled template placeholder; write the value itself")
        if kind == "string" and "\\" in part and "\\" in _ESCAPE.sub("", part):
            raise _refuse(
                text,
                position,
                "escape",
                "a string holds a backslash that Snowflake would drop or read as an octal number; double it (\\\\)",
            )
    if kind in {"word", "quoted"} and len(part) > MAX_NAME:
        raise _refuse(text, position, "name", f"a name is longer than {MAX_NAME} characters")
    if kind == "quoted" and not part.isascii():
        raise _refuse(text, position, "character", "quoted identifiers must be ASCII")
    if kind == "quoted" and _UNNAMEABLE.search(part):
        raise _refuse(text, position, "name", "a quoted identifier holds a comment, a template or a macro")


def _lift_macros(text: str, tokens: list[_Token]) -> list[_Token]:
    """Rewrite the arguments of Panther's macros so that a SQL parser can read them.

    `p_occurs_since(90m)` and `p_occurs_since(1 hour, , start_time)` are Panther's own syntax: the offset becomes a
    string, an argument left out becomes NULL.
    """
    if not any(token.kind == "word" and token.text.lower() in _MACROS for token in tokens):
        return tokens
    lifted: list[_Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        name = token.text.lower()
        called = index + 1 < len(tokens) and tokens[index + 1].text == "("
        if token.kind == "word" and name in _MACROS and called:
            opening = tokens[index + 1]
            arguments, index = _arguments(text, tokens, index + 2)
            lifted += [token, opening]
            lifted += _macro_arguments(text, token, arguments)
            lifted.append(tokens[index - 1])
        else:
            lifted.append(token)
            index += 1
    return lifted


def _arguments(text: str, tokens: list[_Token], index: int) -> tuple[list[list[_Token]], int]:
    """Split the arguments of a call whose first token stands at `index`; also gives the index behind the call."""
    arguments: list[list[_Token]] = [[]]
    depth = 0
    for position in range(index, len(tokens)):
        token = tokens[position]
        if token.kind == "op":
            if token.text == ")" and depth == 0:
                return arguments, position + 1
            if token.text == "," and depth == 0:
                arguments.append([])
                continue
            depth += (token.text in "([") - (token.text in ")]")
        arguments[-1].append(token)
    raise _refuse(text, tokens[index - 1].start, "macro", "a macro call has no closing parenthesis")


def _macro_arguments(text: str, macro: _Token, arguments: list[list[_Token]]) -> list[_Token]:
    name = macro.text.lower()
    required, offset = _MACROS[name]
    usage = f"{name} takes {required} argument{'s' if required > 1 else ''}, then optionally a table alias and a column"
    if not required <= len(arguments) <= required + 2 or not all(arguments[:required]):
        raise _refuse(text, macro.start, "macro", usage)
    result: list[_Token] = []
    for place, argument in enumerate(arguments):
        if place:
            result.append(_Token("op", ",", macro.end, macro.end))
        if not argument:
            result.append(_Token("word", "NULL", macro.end, macro.end))
        elif place == offset and [token.kind for token in argument] in (["number"], ["number", "word"]):
            words = " ".join(token.text for token in argument)
            result.append(_Token("string", f"'{words}'", argument[0].start, argument[-1].end))
        else:
            result += argument
    return result


def _check_shape(text: str, tokens: list[_Token]) -> None:
    """Refuse what would not be one statement, or would be one that no parser should be asked to read."""
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    if not tokens:
        raise SqlRefused("there is no query; write one SELECT", code="empty")
    first = tokens[0].text.upper()
    if first not in {"SELECT", "WITH", "("}:
        raise _refuse(
            text,
            tokens[0].start,
            "not_select",
            f"the text begins with {tokens[0].text[:40]!r}; write one SELECT (or WITH … SELECT) and nothing around it",
        )
    depth = selects = run = 0
    previous: _Token | None = None
    for index, token in enumerate(tokens):
        word = token.text.lower() if token.kind in {"word", "op"} else ""
        if word == ";":
            after = next((later for later in tokens[index:] if later.text != ";"), token)
            raise _refuse(text, after.start, "multi_statement", "only one statement is allowed; remove what follows ;")
        if word in {"(", "[", "case"}:
            depth += 1
        elif word in {")", "]", "end"}:
            depth = max(depth - 1, 0)
        elif word == "select":
            selects += 1
        run = run + 1 if word in {"not", "-", "+", "interval", "prior", "distinct"} else 0
        if depth > MAX_DEPTH or run > MAX_UNARY_RUN:
            raise _refuse(
                text, token.start, "nesting", f"nested too deeply (at most {MAX_DEPTH} levels); write it flat"
            )
        if token.kind == "word" and previous is not None and previous.kind == "number" and previous.end == token.start:
            raise _refuse(text, token.start, "syntax", f"{previous.text}{token.text} is neither a number nor a name")
        previous = token
    if selects > MAX_SELECTS:
        raise SqlRefused(f"{selects} SELECTs in one query; at most {MAX_SELECTS} are allowed", code="size")


def _clean(text: str, tokens: list[_Token], parameters: frozenset[str] | None) -> Scanned:
    """Put the tokens back together, each on its own line of the original."""
    parts: list[str] = []
    used: set[str] = set()
    line_at = 0
    previous: _Token | None = None
    pending_colon = False
    for index, token in enumerate(tokens):
        if previous is not None and (token.start > previous.end or token.kind == previous.kind == "word"):
            parts.append("\n" * text.count("\n", line_at, token.start) or " ")
        line_at = max(line_at, token.end)
        part = token.text
        if pending_colon:
            pending_colon = False
            part = PARAMETER_PREFIX + part.lower()
        elif part == ":" and _is_placeholder(tokens, index):
            name = tokens[index + 1].text.lower()
            _check_parameter(text, token, name, parameters)
            used.add(name)
            pending_colon = True
            part = ""
        elif token.kind == "dollar":
            part = quote(part[2:-2])
        parts.append(part)
        previous = token
    return Scanned("".join(parts), frozenset(used))


def _is_placeholder(tokens: list[_Token], index: int) -> bool:
    """Tell `:name` from Snowflake's `column:path`, whose colon touches the column."""
    following = tokens[index + 1] if index + 1 < len(tokens) else None
    if following is None or following.kind != "word" or following.start != tokens[index].end:
        return False
    before = tokens[index - 1]
    touches = before.end == tokens[index].start
    return not (touches and (before.kind in {"word", "quoted"} or before.text in {")", "]"}))


def _check_parameter(text: str, token: _Token, name: str, parameters: frozenset[str] | None) -> None:
    if parameters is None:
        raise _refuse(
            text,
            token.start,
            "parameter",
            f":{name} is an unbound parameter; write the value. A JSON path has no space before its colon: column:{name}",
        )
    if name not in parameters:
        known = ", ".join(f":{known}" for known in sorted(parameters))
        raise _refuse(text, token.start, "parameter", f":{name} is not declared; there are {known}")


def quote(value: str) -> str:
    """Write a value as a Snowflake string."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
