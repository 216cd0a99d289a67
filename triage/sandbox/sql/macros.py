"""Panther's time macros, written out as Snowflake SQL before the statement is parsed.

`p_occurs_since(1h, , p_parse_time)` is not SQL: Panther replaces the macros in the text, and so does this module, but
token by token, so that a macro's name within a literal or a comment stays what it is.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlglot import Dialect, Token, TokenType
from sqlglot.errors import SqlglotError

from triage.sandbox.errors import QueryError
from triage.sandbox.times import lake_time

_UNITS = {
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "wk", "week", "weeks"), 604_800),
}
"""Seconds by suffix, as Panther documents them for `p_occurs_since`."""

_DURATION = re.compile(r"\s*'?\s*(\d+)\s*([a-z]*)\s*'?\s*", re.IGNORECASE)
_TEMPLATE = re.compile(r"^\s*--\s*pragma:\s*template", re.IGNORECASE | re.MULTILINE)


def expand_macros(sql: str, now: datetime) -> str:
    """Write out `p_occurs_since/between/around/after/before` and `p_current_timestamp`.

    Args:
        sql: The statement as a user wrote it.
        now: The moment that `p_occurs_since` counts back from.

    Raises:
        QueryError: It is not one query, or a macro has wrong arguments.
    """
    if _TEMPLATE.search(sql):
        raise QueryError("SQL templates (-- pragma: template) are not available in this sandbox")
    tokens = _one_query(sql)
    pieces: list[str] = []
    copied = 0
    index = 0
    while index < len(tokens) - 1:
        expand = _MACROS.get(tokens[index].text.lower())
        opens = tokens[index + 1].token_type is TokenType.L_PAREN
        if expand is None or not opens or tokens[index].token_type is TokenType.STRING:
            index += 1
            continue
        end, arguments = _arguments(sql, tokens, index + 1)
        pieces += [sql[copied : tokens[index].start], expand(arguments, now)]
        copied = tokens[end].end + 1
        index = end + 1
    return "".join(pieces) + sql[copied:]


def _one_query(sql: str) -> list[Token]:
    """The tokens of a text that is one query, as far as its first words tell."""
    try:
        tokens = Dialect.get_or_raise("snowflake").tokenize(sql)
    except SqlglotError as error:
        raise QueryError.syntax(str(error)) from error
    separators = [index for index, token in enumerate(tokens) if token.token_type is TokenType.SEMICOLON]
    ends = zip([-1, *separators], [*separators, len(tokens)], strict=True)
    statements = sum(end - start > 1 for start, end in ends)
    if statements != 1:
        raise QueryError(f"000008 (0A000): Actual statement count {statements} did not match the desired count 1.")
    first = next(token for token in tokens if token.token_type is not TokenType.SEMICOLON)
    if first.token_type is TokenType.VAR:
        raise QueryError.syntax(f"unexpected '{first.text}'")
    if first.token_type not in (TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN):
        raise QueryError.unsupported(first.text.upper())
    return tokens


def _arguments(sql: str, tokens: Sequence[Token], opening: int) -> tuple[int, list[str]]:
    """The index of the closing parenthesis, and the texts between the commas; an empty text where one is left out."""
    depth = 0
    start = tokens[opening].end + 1
    arguments: list[str] = []
    for index in range(opening, len(tokens)):
        token = tokens[index]
        if token.token_type in (TokenType.L_PAREN, TokenType.L_BRACKET):
            depth += 1
        elif token.token_type in (TokenType.R_PAREN, TokenType.R_BRACKET):
            depth -= 1
            if depth == 0:
                return index, [*arguments, sql[start : token.start].strip()]
        elif token.token_type is TokenType.COMMA and depth == 1:
            arguments.append(sql[start : token.start].strip())
            start = token.end + 1
    raise QueryError.syntax(f"missing ')' after {tokens[opening - 1].text}")


def _column(arguments: Sequence[str], first: int) -> str:
    """The time column: `p_event_time`, of the table alias in argument `first`, or the column that follows it."""
    alias = arguments[first] if len(arguments) > first else ""
    column = arguments[first + 1] if len(arguments) > first + 1 else ""
    return f"{alias}." * bool(alias) + (column or "p_event_time")


def _duration(text: str, macro: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    seconds = _UNITS.get(match[2].lower()) if match else None
    if match is None or seconds is None:
        raise QueryError(f"{macro}: {text or 'nothing'} is not a time offset such as '1 d', '90 m' or 3600")
    try:
        return timedelta(seconds=int(match[1]) * seconds)
    except OverflowError as error:
        raise QueryError(f"{macro}: {text} is too long") from error


def _moment(text: str) -> str:
    return f"({text})::TIMESTAMP_NTZ"


def _expect(arguments: Sequence[str], needed: int, macro: str) -> None:
    if not needed <= len(arguments) <= needed + 2 or not all(arguments[:needed]):
        raise QueryError(f"{macro} takes {needed} argument(s), then optionally a table alias and a column")


def _since(arguments: Sequence[str], now: datetime) -> str:
    _expect(arguments, 1, "p_occurs_since")
    try:
        start = now - _duration(arguments[0], "p_occurs_since")
    except OverflowError as error:
        raise QueryError(f"p_occurs_since: {arguments[0]} is too long") from error
    return f"({_column(arguments, 1)} >= {_moment(repr(lake_time(start)))})"


def _between(arguments: Sequence[str], _now: datetime) -> str:
    _expect(arguments, 2, "p_occurs_between")
    start, end = map(_moment, arguments[:2])
    return f"({_column(arguments, 2)} BETWEEN {start} AND {end})"


def _around(arguments: Sequence[str], _now: datetime) -> str:
    _expect(arguments, 2, "p_occurs_around")
    seconds = int(_duration(arguments[1], "p_occurs_around").total_seconds())
    middle = _moment(arguments[0])
    start, end = (f"DATEADD(second, {offset}, {middle})" for offset in (-seconds, seconds))
    return f"({_column(arguments, 2)} BETWEEN {start} AND {end})"


def _after(arguments: Sequence[str], _now: datetime) -> str:
    _expect(arguments, 1, "p_occurs_after")
    return f"({_column(arguments, 1)} >= {_moment(arguments[0])})"


def _before(arguments: Sequence[str], _now: datetime) -> str:
    _expect(arguments, 1, "p_occurs_before")
    return f"({_column(arguments, 1)} <= {_moment(arguments[0])})"


def _current(_arguments: Sequence[str], _now: datetime) -> str:
    return "CURRENT_TIMESTAMP()"


_MACROS: dict[str, Callable[[Sequence[str], datetime], str]] = {
    "p_occurs_since": _since,
    "p_occurs_between": _between,
    "p_occurs_around": _around,
    "p_occurs_after": _after,
    "p_occurs_before": _before,
    "p_current_timestamp": _current,
}
