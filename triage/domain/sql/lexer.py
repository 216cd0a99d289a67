"""The first look at a query, before any parser.

The result is a cleaned text. Comments are gone (their line breaks stay, so that line numbers hold), `$$…$$` strings
are ordinary ones, Panther's macros are calls that a parser understands, and template placeholders are reserved names.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from triage.domain.sql.characters import check_characters, check_size
from triage.domain.sql.policy import SqlPolicy
from triage.domain.sql.refusal import at
from triage.domain.sql.shape import check_shape
from triage.domain.sql.tokens import PARAMETER_PREFIX, Token, split

_MACROS: Mapping[str, tuple[int, int | None]] = {
    "p_occurs_since": (1, 0),
    "p_occurs_between": (2, None),
    "p_occurs_around": (2, 1),
    "p_occurs_after": (1, None),
    "p_occurs_before": (1, None),
}
"""Number of times and offsets, and the place of the offset; a table alias and a column may follow."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """A query's cleaned text, ready for a parser."""

    text: str
    parameters: frozenset[str]
    """Template parameters that occur in it."""


def scan(text: str, policy: SqlPolicy, *, parameters: frozenset[str] | None = None) -> Scanned:
    """Check a query's characters and tokens, and clean it.

    Args:
        text: The query as it was written.
        policy: Its `max_bytes` applies.
        parameters: Names that may occur as `:name`; `None` allows none.

    Raises:
        SqlRefused: with the line.
    """
    check_size(text, policy)
    check_characters(text)
    tokens = _lift_macros(text, split(text))
    check_shape(text, tokens)
    return _clean(text, tokens, parameters)


def inspect(text: str, policy: SqlPolicy) -> list[Token]:
    """The same checks for a statement that this package wrote, which needs no cleaning; gives its tokens.

    Its strings may hold invisible characters beyond U+FFFF, which no Snowflake escape can name: a playbook must be
    able to search for any value that a log holds. Raises SqlRefused.
    """
    check_size(text, policy)
    tokens = split(text, plain=True)
    check_shape(text, tokens)
    return tokens


def _lift_macros(text: str, tokens: list[Token]) -> list[Token]:
    """Rewrite the arguments of Panther's macros so that a SQL parser can read them.

    `p_occurs_since(90m)` and `p_occurs_since(1 hour, , start_time)` are Panther's own syntax: the offset becomes a
    string, an argument left out becomes NULL.
    """
    if not any(token.kind == "word" and token.text.lower() in _MACROS for token in tokens):
        return tokens
    lifted: list[Token] = []
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


def _arguments(text: str, tokens: list[Token], index: int) -> tuple[list[list[Token]], int]:
    """Split the arguments of a call whose first token stands at `index`; also gives the index behind the call."""
    arguments: list[list[Token]] = [[]]
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
    raise at(text, tokens[index - 1].start, "macro", "a macro call has no closing parenthesis")


def _macro_arguments(text: str, macro: Token, arguments: list[list[Token]]) -> list[Token]:
    name = macro.text.lower()
    required, offset = _MACROS[name]
    usage = f"{name} takes {required} argument{'s' if required > 1 else ''}, then optionally a table alias and a column"
    if not required <= len(arguments) <= required + 2 or not all(arguments[:required]):
        raise at(text, macro.start, "macro", usage)
    result: list[Token] = []
    for place, argument in enumerate(arguments):
        if place:
            result.append(Token("op", ",", macro.end, macro.end))
        if not argument:
            result.append(Token("word", "NULL", macro.end, macro.end))
        elif place == offset and [token.kind for token in argument] in (["number"], ["number", "word"]):
            words = " ".join(token.text for token in argument)
            result.append(Token("string", f"'{words}'", argument[0].start, argument[-1].end))
        else:
            result += argument
    return result


def _clean(text: str, tokens: list[Token], parameters: frozenset[str] | None) -> Scanned:
    """Put the tokens back together, each on its own line of the original."""
    parts: list[str] = []
    used: set[str] = set()
    line_at = 0
    previous: Token | None = None
    pending_colon = False
    flat = "\n" not in text
    for index, token in enumerate(tokens):
        if previous is not None and (token.start > previous.end or token.kind == previous.kind == "word"):
            parts.append(" " if flat else "\n" * text.count("\n", line_at, token.start) or " ")
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


def _is_placeholder(tokens: list[Token], index: int) -> bool:
    """Tell `:name` from Snowflake's `column:path`, whose colon touches the column."""
    following = tokens[index + 1] if index + 1 < len(tokens) else None
    if following is None or following.kind != "word" or following.start != tokens[index].end:
        return False
    before = tokens[index - 1]
    touches = before.end == tokens[index].start
    return not (touches and (before.kind in {"word", "quoted"} or before.text in {")", "]"}))


def _check_parameter(text: str, token: Token, name: str, parameters: frozenset[str] | None) -> None:
    if parameters is None:
        raise at(
            text,
            token.start,
            "parameter",
            f":{name} is an unbound parameter; write the value. A JSON path has no space before its colon: column:{name}",
        )
    if name not in parameters:
        known = ", ".join(f":{known}" for known in sorted(parameters))
        raise at(text, token.start, "parameter", f":{name} is not declared; there are {known}")


def quote(value: str) -> str:
    """Write a value as a Snowflake string."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
