"""The tokens of a query's text, and what none of them may be."""

import re
from dataclasses import dataclass

from triage.domain.sql.refusal import SqlRefused, at

PARAMETER_PREFIX = "__triage_"
"""Stands before a template parameter's name in the cleaned text; no query may use it."""

MAX_TOKENS = 6000
MAX_NAME = 255

_TOKEN = re.compile(
    r"""
    [ \t\r\n]*+
    (?: (?P<word>[A-Za-z_][A-Za-z0-9_$]*)
      | (?P<comment>--[^\r\n]*|//[^\r\n]*|/\*.*?\*/)
      | (?P<op>::|=>|<=|>=|<>|!=|\|\||/(?!\*)|-(?!>)|[(),;:*+%=<>\[\]]|\.(?![0-9]))
      | (?P<string>'(?:[^'\\]|\\.|'')*')
      | (?P<number>[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?(?![0-9])|\.[0-9]+(?:[eE][+-]?[0-9]+)?)
      | (?P<quoted>"(?:[^"]|"")+")
      | (?P<dollar>\$\$.*?\$\$)
      | (?P<end>\Z)
    )
    """,
    re.VERBOSE | re.DOTALL,
)

_ESCAPE = re.compile(r"""\\(?:[\\'"bfnrt]|0(?![0-7])|x[0-9A-Fa-f]{2}|u(?![dD][89A-Fa-f])[0-9A-Fa-f]{4})""")
"""The escapes of a Snowflake string that mean one thing; octal ones and those that only drop the backslash do not."""

_PRAGMA = re.compile(r"pragma\s*:", re.IGNORECASE)
_BRACES = (("{{", "}}"), ("{%", "%}"))

_UNNAMEABLE = re.compile(r"--|\{[{%#]|p_occurs_|p_current_timestamp|pragma", re.IGNORECASE)
"""What Panther might act upon wherever it stands; in a string it is written with escapes, in a name it can't be."""

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


@dataclass(slots=True)
class Token:
    """A piece of the text that means something; spaces and comments are none."""

    kind: str
    text: str
    start: int
    end: int


def split(text: str, *, plain: bool = False) -> list[Token]:
    """Split the text; comments and spaces are dropped here. `plain` refuses comments and `$$…$$` strings instead."""
    tokens: list[Token] = []
    position = 0
    while found := _TOKEN.match(text, position):
        kind = found.lastgroup or ""
        start, position = found.span(kind)
        if kind == "end":
            break
        part = found[kind]
        if plain and kind in {"comment", "dollar"}:
            raise at(text, start, "self_check", f"a {kind} has no place in a written statement")
        if kind == "comment":
            if _PRAGMA.search(part):
                raise at(
                    text, start, "pragma", "a pragma comment turns on Panther's server-side templates; write plain SQL"
                )
            continue
        if kind != "op" and (kind != "word" or "$" in part or part[0] == "_" or len(part) > MAX_NAME):
            _check_token(text, kind, part, start)
        tokens.append(Token(kind, part, start, position))
    else:
        raise _unreadable(text, position + len(text[position:]) - len(text[position:].lstrip(" \t\r\n")))
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
    return at(text, position, code, message)


def _check_token(text: str, kind: str, part: str, position: int) -> None:
    if kind == "word":
        if "$" in part:
            raise at(text, position, "function", f"{part[:60]}: names with $ (SYSTEM$…) are not allowed")
        if part.lower().startswith(PARAMETER_PREFIX):
            raise at(text, position, "name", f"names that begin with {PARAMETER_PREFIX} are reserved")
    elif kind in {"string", "dollar"}:
        if any(0 <= part.find(opening) < part.rfind(closing) for opening, closing in _BRACES):
            raise at(text, position, "placeholder", "an unfilled template placeholder; write the value itself")
        if kind == "string" and "\\" in part and "\\" in _ESCAPE.sub("", part):
            raise at(
                text,
                position,
                "escape",
                "a string holds a backslash that Snowflake would drop or read as an octal number; double it (\\\\)",
            )
    if kind in {"word", "quoted"} and len(part) > MAX_NAME:
        raise at(text, position, "name", f"a name is longer than {MAX_NAME} characters")
    if kind == "quoted" and not part.isascii():
        raise at(text, position, "character", "quoted identifiers must be ASCII")
    if kind == "quoted" and _UNNAMEABLE.search(part):
        raise at(text, position, "name", "a quoted identifier holds a comment, a template or a macro")
