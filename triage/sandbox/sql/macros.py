"""Panther's time macros, expanded into Snowflake SQL before the statement is parsed.

`p_occurs_since(1h, , p_parse_time)` is not SQL: Panther replaces the macros in the text, and so does this module, but
token by token, so that a macro's name inside a literal or a comment is left alone.
"""

import re
from collections.abc import Sequence
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

_MACROS = {
    "p_current_timestamp": 0,
    "p_occurs_since": 1,
    "p_occurs_after": 1,
    "p_occurs_before": 1,
    "p_occurs_between": 2,
    "p_occurs_around": 2,
}
"""Arguments that each macro needs; a table alias and a column may follow, except for `p_current_timestamp`."""

_DURATION = re.compile(r"\s*'?\s*(\d+)\s*([a-z]*)\s*'?\s*", re.IGNORECASE)
_TEMPLATE = re.compile(r"^\s*--\s*pragma:\s*template", re.IGNORECASE | re.MULTILINE)


def expand_macros(sql: str, now: datetime) -> tuple[str, list[Token]]:
    """Expand `p_occurs_since/between/around/after/before` and `p_current_timestamp`.

    Args:
        sql: The statement as a user wrote it.
        now: The time that `p_occurs_since` counts back from.

    Returns:
        The text, and its tokens where they are those of the given text.

    Raises:
        QueryError: The text is not exactly one query, or a macro's arguments are wrong.
    """
    if _TEMPLATE.search(sql):
        raise QueryError("SQL templates (-- pragma: template) are not available in this sandbox")
    tokens = _one_query(sql)
    pieces: list[str] = []
    copied = 0
    index = 0
    while index < len(tokens) - 1:
        macro = tokens[index].text.lower()
        opens = tokens[index + 1].token_type is TokenType.L_PAREN
        if macro not in _MACROS or not opens or tokens[index].token_type is TokenType.STRING:
            index += 1
            continue
        end, arguments = _arguments(sql, tokens, index + 1)
        pieces += [sql[copied : tokens[index].start], _expanded(macro, arguments, now)]
        copied = tokens[end].end + 1
        index = end + 1
    return "".join(pieces) + sql[copied:], [] if pieces else tokens


def _one_query(sql: str) -> list[Token]:
    """The tokens of a text that, judging by its first words, is one query."""
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
    """The index of the closing parenthesis, and the texts between the commas; an empty string for one that was left out."""
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


def _expanded(macro: str, arguments: Sequence[str], now: datetime) -> str:
    """The SQL that a macro expands to. Raises QueryError."""
    if macro == "p_current_timestamp":
        return "CURRENT_TIMESTAMP()"
    needed = _MACROS[macro]
    if not needed <= len(arguments) <= needed + 2 or not all(arguments[:needed]):
        raise QueryError(f"{macro} takes {needed} argument(s), then optionally a table alias and a column")
    first, second, *_ = [*arguments, ""]
    alias, column, *_ = [*arguments[needed:], "", ""]
    column = f"{alias}." * bool(alias) + (column or "p_event_time")
    if macro == "p_occurs_between":
        return f"({column} BETWEEN {_timestamp(first)} AND {_timestamp(second)})"
    if macro == "p_occurs_around":
        seconds = int(_duration(second, macro).total_seconds())
        start, end = (f"DATEADD(second, {offset}, {_timestamp(first)})" for offset in (-seconds, seconds))
        return f"({column} BETWEEN {start} AND {end})"
    if macro == "p_occurs_since":
        try:
            first = repr(lake_time(now - _duration(first, macro)))
        except OverflowError as error:
            raise QueryError(f"{macro}: {first} is too long") from error
    return f"({column} {'<=' if macro == 'p_occurs_before' else '>='} {_timestamp(first)})"


def _duration(text: str, macro: str) -> timedelta:
    """A time offset. Raises QueryError."""
    match = _DURATION.fullmatch(text)
    seconds = _UNITS.get(match[2].lower()) if match else None
    if match is None or seconds is None:
        raise QueryError(f"{macro}: {text or 'nothing'} is not a time offset such as '1 d', '90 m' or 3600")
    try:
        return timedelta(seconds=int(match[1]) * seconds)
    except OverflowError as error:
        raise QueryError(f"{macro}: {text} is too long") from error


def _timestamp(text: str) -> str:
    return f"({text})::TIMESTAMP_NTZ"
