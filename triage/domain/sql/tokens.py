"""A query's text before it is parsed: the tokens from the SQL library's tokenizer, checked and prepared for the parser.

The text is tokenized once and the parser gets exactly these tokens. In between, comments are dropped, `$$…$$`
strings become ordinary ones, Panther's macros become calls that the parser understands, and each `:name` in a template
becomes a reserved name.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from triage.domain.sql import macros
from triage.domain.sql.characters import check_characters, check_size
from triage.domain.sql.policy import SqlPolicy, SqlRefused, at
from triage.domain.sql.shape import check_shape
from triage.domain.sql.syntax import MARKS, SNOWFLAKE, is_word, source

PARAMETER_PREFIX = "__triage_"
"""Prefix of the reserved name that replaces a template parameter; no query may use it."""

MAX_TOKENS = 6000
MAX_NAME = 255

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")

_ESCAPE = re.compile(r"""\\(?:[\\'"bfnrt]|0(?![0-7])|x[0-9A-Fa-f]{2}|u(?![dD][89A-Fa-f])[0-9A-Fa-f]{4})""")
"""The unambiguous escapes of a Snowflake string; octal ones and those that only drop the backslash are not."""

_PRAGMA = re.compile(r"pragma\s*:", re.IGNORECASE)
_BRACES = (("{{", "}}"), ("{%", "%}"))

_UNNAMEABLE = re.compile(r"--|\{[{%#]|p_occurs_|p_current_timestamp|pragma", re.IGNORECASE)
"""What Panther might act on anywhere in a statement. Strings can escape it, names can't."""

_ENDS = frozenset({TokenType.IDENTIFIER, TokenType.R_PAREN, TokenType.R_BRACKET})
"""What a path may follow, besides a plain name."""

_NOT_IN_WORDS = re.compile(r"[^A-Za-z0-9_$ \t\r\n]")
_ODD_SPACE = re.compile(r"[^\S \t\r\n]")
_BLANKED = re.compile(r"[^\r\n]")
_FIRST_WORDS = frozenset(keyword.split()[0] for keyword in SNOWFLAKE.tokenizer_class.KEYWORDS if " " in keyword)
"""First words of two-word keywords. Alone, such a word is usually one that a comment separates from the second."""

_ONE_LITERAL = ([TokenType.STRING], [TokenType.NUMBER])
_START_OF_STRING = re.compile(r"Missing .+ from [0-9]+:([0-9]+)\Z", re.DOTALL)

_HINTS = {
    "@": ("stage", "stages (@…) may not be read; put the character into a string or a quoted identifier"),
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
    """A query ready for the parser."""

    text: str
    """As written, except that comments may be blanked."""
    tokens: list[Token]
    """The parser's input; their positions refer to `text`."""
    parameters: frozenset[str]
    """Template parameters that occur in it."""


def scan(text: str, policy: SqlPolicy, *, parameters: frozenset[str] | None = None) -> Scanned:
    """Check a query's characters and tokens, and prepare it for the parser.

    Args:
        text: The query as it was written.
        policy: Its `max_bytes` applies.
        parameters: Names that may occur as `:name`; `None` allows none.

    Raises:
        SqlRefused: with the line.
    """
    check_size(text, policy)
    check_characters(text)
    tokens, comments = _tokenize(text)
    if comments and any(is_word(token) and token.text.upper() in _FIRST_WORDS for token in tokens):
        text = _without_comments(text, tokens)
        tokens, _ = _tokenize(text)
    for token in tokens:
        token.comments = []  # the parser would keep them, and sqlglot reads some comments as metadata
    tokens = macros.readable(text, tokens)
    check_shape(text, tokens)
    tokens, used = _with_parameters(text, tokens, parameters)
    return Scanned(text, tokens, used)


def inspect(text: str) -> list[Token]:
    """Check the tokens of a statement that this package wrote, and return them.

    It may contain no comment and no `$$…$$`. Its strings may contain invisible characters beyond U+FFFF, for which
    Snowflake has no escape: a playbook must be able to search for any value that a log contains. Raises SqlRefused.
    """
    tokens, comments = _tokenize(text)
    if comments or any(token.token_type is TokenType.RAW_STRING for token in tokens):
        raise SqlRefused("the emitted statement contains a comment or a $$ string", code="self_check")
    check_shape(text, tokens)
    return tokens


@lru_cache(maxsize=4096)
def check_literal(text: str) -> None:
    """Make sure that an emitted literal is exactly one string or one number. Raises SqlRefused."""
    tokens, comments = _tokenize(text)
    if comments or [token.token_type for token in tokens] not in _ONE_LITERAL or tokens[0].end + 1 != len(text):
        raise SqlRefused("a value can't be written as one literal", code="self_check")


def _tokenize(text: str) -> tuple[list[Token], list[str]]:
    """The checked tokens, and the comments between them."""
    try:
        tokens = SNOWFLAKE.tokenize(f"{text}\n;")
    except TokenError as error:
        found = _START_OF_STRING.search(str(error.__cause__))
        start = int(found.group(1)) if found is not None else text.rfind("/*")
        raise _unreadable(text, start) from error
    comments = [comment for token in tokens for comment in token.comments]
    if tokens.pop().start != len(text) + 1:  # the semicolon is inside an open comment
        raise _unreadable(text, text.rfind("/*"))
    for comment in comments:
        if _PRAGMA.search(comment):
            message = "a pragma comment turns on Panther's server-side templates; write plain SQL"
            raise at(text, text.find(comment), "pragma", message)
    _check_tokens(text, tokens)
    return tokens, comments


def _without_comments(text: str, tokens: list[Token]) -> str:
    """Blank the comments, so that a two-word keyword split by a comment, such as GROUP BY, is read as one."""
    parts: list[str] = []
    end = 0
    for token in tokens:
        parts += [_BLANKED.sub(" ", text[end : token.start]), source(text, token)]
        end = token.end + 1
    return "".join([*parts, _BLANKED.sub(" ", text[end:])])


def _check_spaces(text: str, tokens: Sequence[Token]) -> None:
    """Refuse white space other than space, tab, CR and LF. The tokenizer accepts more, and Snowflake may not."""
    if _ODD_SPACE.search(text):
        end = 0
        for token in tokens:
            if found := _ODD_SPACE.search(text, end, token.start):
                raise _unreadable(text, found.start())
            end = token.end + 1
        if found := _ODD_SPACE.search(text, end):
            raise _unreadable(text, found.start())


def _check_tokens(text: str, tokens: list[Token]) -> None:
    _check_spaces(text, tokens)
    for token in tokens:
        kind = token.token_type
        if kind in MARKS:
            continue
        part = text[token.start : token.end + 1]
        if kind is TokenType.STRING or kind is TokenType.RAW_STRING:
            _check_string(text, token, part)
        elif kind is TokenType.NUMBER or part[:1].isdigit():
            if not _NUMBER.fullmatch(part):
                raise at(text, token.start, "syntax", f"{part[:40]} is neither a number nor a name")
        elif part.startswith('"'):
            _check_quoted(text, token, part)
        else:
            _check_word(text, token, part)
    if len(tokens) > MAX_TOKENS:
        raise SqlRefused(f"the query has {len(tokens)} tokens; at most {MAX_TOKENS} are allowed", code="size")


def _check_string(text: str, token: Token, part: str) -> None:
    if not part.startswith("$$" if token.token_type is TokenType.RAW_STRING else "'"):
        # After some command words, such as EXECUTE, the tokenizer returns the rest of the text as one string.
        raise at(text, token.start, "not_select", "a command is not allowed in a query; write one SELECT")
    if any(0 <= part.find(opening) < part.rfind(closing) for opening, closing in _BRACES):
        raise at(text, token.start, "placeholder", "an unfilled template placeholder; write the value itself")
    if token.token_type is TokenType.STRING and "\\" in part and "\\" in _ESCAPE.sub("", part):
        raise at(
            text,
            token.start,
            "escape",
            "a string contains a backslash that Snowflake would drop or read as an octal number; double it (\\\\)",
        )


def _check_quoted(text: str, token: Token, part: str) -> None:
    if not token.text:
        raise _unreadable(text, token.start)
    if len(part) > MAX_NAME:
        raise at(text, token.start, "name", f"a name is longer than {MAX_NAME} characters")
    if not part.isascii():
        raise at(text, token.start, "character", "quoted identifiers must be ASCII")
    if _UNNAMEABLE.search(part):
        raise at(text, token.start, "name", "a quoted identifier contains a comment, a template or a macro")


def _check_word(text: str, token: Token, part: str) -> None:
    """A keyword may be two words, as in GROUP BY."""
    if part.endswith("'"):
        message = "strings with a letter before the quote (N'…', X'…') are not allowed; write an ordinary string"
        raise at(text, token.start, "character", message)
    if not part.isascii() or not part.isidentifier():
        words = part.replace("$", "_").split()
        odd = _NOT_IN_WORDS.search(part)
        if odd or part[0] == "$" or (len(words) > 1 and " ".join(words).upper() != token.text):
            raise _unreadable(text, token.start + (odd.start() if odd else 0))
        if "$" in part:
            raise at(text, token.start, "function", f"{part[:60]}: names with $ (SYSTEM$…) are not allowed")
    if part[0] == "_" and part.lower().startswith(PARAMETER_PREFIX):
        raise at(text, token.start, "name", f"names that begin with {PARAMETER_PREFIX} are reserved")
    if len(part) > MAX_NAME:
        raise at(text, token.start, "name", f"a name is longer than {MAX_NAME} characters")


def _unreadable(text: str, position: int) -> SqlRefused:
    """The refusal for a character that is not allowed at this position of the text."""
    character = text[position]
    if text.startswith("->", position):
        code, message = "operator", "-> is not allowed; write a JSON path as column:key.key"
    elif character in _HINTS:
        code, message = _HINTS[character]
    elif not character.isascii():
        code, message = "character", f"U+{ord(character):04X} is outside a string; only ASCII is allowed there"
    else:
        code, message = "character", f"{character!r} is not allowed here; write plain SQL and nothing around it"
    return at(text, position, code, message)


def _with_parameters(
    text: str, tokens: list[Token], parameters: frozenset[str] | None
) -> tuple[list[Token], frozenset[str]]:
    """Replace each `:name` with a reserved name, and `$$…$$` with ordinary strings."""
    ready: list[Token] = []
    used: set[str] = set()
    for token in tokens:
        colon = ready[-1] if ready else token
        if colon.token_type is TokenType.COLON and _is_parameter(ready, token):
            name = token.text.lower()
            _check_parameter(text, colon, name, parameters)
            used.add(name)
            token.token_type, token.text, token.start = TokenType.VAR, PARAMETER_PREFIX + name, colon.start
            ready.pop()
        elif token.token_type is TokenType.RAW_STRING:
            token.token_type = TokenType.STRING
        ready.append(token)
    return ready, frozenset(used)


def _is_parameter(before: list[Token], name: Token) -> bool:
    """Whether this is `:name` and not Snowflake's `column:path`, whose colon touches the column."""
    colon = before[-1]
    if not is_word(name) or name.start != colon.end + 1 or len(before) < 2:  # noqa: PLR2004  (the colon and one more)
        return False
    column = before[-2]
    touches = column.end + 1 == colon.start
    return not (touches and (is_word(column) or column.token_type in _ENDS))


def _check_parameter(text: str, colon: Token, name: str, parameters: frozenset[str] | None) -> None:
    if parameters is None:
        raise at(
            text,
            colon.start,
            "parameter",
            f":{name} is an unbound parameter; write the value. A JSON path has no space before its colon: column:{name}",
        )
    if name not in parameters:
        known = ", ".join(f":{known}" for known in sorted(parameters))
        raise at(text, colon.start, "parameter", f":{name} is not declared; there are {known}")
