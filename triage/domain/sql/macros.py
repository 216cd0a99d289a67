"""Panther's time macros, expanded to plain bounds.

Panther would expand them itself, but the explicit form is exact: the window that was checked is the window that runs,
a repeated or replayed query covers the same window, an evaluation at a past moment can't see later events, and the
other engines need no macros. `p_occurs_since` gets an upper bound at `now` for the same reason.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from triage.domain.sql import times
from triage.domain.sql.policy import SqlPolicy, SqlRefused, at
from triage.domain.sql.syntax import is_word, line_of

NAMES = frozenset(
    {
        "P_OCCURS_SINCE",
        "P_OCCURS_BETWEEN",
        "P_OCCURS_AROUND",
        "P_OCCURS_AFTER",
        "P_OCCURS_BEFORE",
        "P_CURRENT_TIMESTAMP",
    }
)

_SIGNATURES: Mapping[str, tuple[int, int | None]] = {
    "P_OCCURS_SINCE": (1, 0),
    "P_OCCURS_BETWEEN": (2, None),
    "P_OCCURS_AROUND": (2, 1),
    "P_OCCURS_AFTER": (1, None),
    "P_OCCURS_BEFORE": (1, None),
}
"""Number of times and offsets, and the index of the offset; a table alias and a column may follow."""

_OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET})

_FLAT = (exp.And, exp.Or, exp.Where, exp.Join, exp.Paren)
"""Parents in which `a AND b` needs no parentheses."""


def readable(text: str, tokens: list[Token]) -> list[Token]:
    """Rewrite the arguments of macro calls so that the parser can read them.

    `p_occurs_since(90m)` and `p_occurs_since(1 hour, , start_time)` are Panther's own syntax: the offset becomes a
    string, an omitted argument becomes NULL.
    """
    ready: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        index += 1
        ready.append(token)
        called = index < len(tokens) and tokens[index].token_type is TokenType.L_PAREN
        if called and token.token_type is TokenType.VAR and token.text.upper() in _SIGNATURES:
            ready.append(tokens[index])
            arguments, index = _split_arguments(text, tokens, index + 1)
            ready += _readable_arguments(text, token, arguments)
    return ready


def _split_arguments(text: str, tokens: list[Token], first: int) -> tuple[list[list[Token]], int]:
    """The arguments of a call, and the index of its closing parenthesis."""
    arguments: list[list[Token]] = [[]]
    depth = 0
    for index in range(first, len(tokens)):
        token = tokens[index]
        kind = token.token_type
        if depth == 0 and kind is TokenType.R_PAREN:
            return arguments, index
        if depth == 0 and kind is TokenType.COMMA:
            arguments.append([])
            continue
        depth += (kind in _OPENING) - (kind in _CLOSING)
        arguments[-1].append(token)
    raise at(text, tokens[first - 1].start, "macro", "a macro call has no closing parenthesis")


def _readable_arguments(text: str, macro: Token, arguments: list[list[Token]]) -> list[Token]:
    required, offset = _SIGNATURES[macro.text.upper()]
    if not required <= len(arguments) <= required + 2 or not all(arguments[:required]):
        plural = "s" if required > 1 else ""
        usage = f"takes {required} argument{plural}, then optionally a table alias and a column"
        raise at(text, macro.start, "macro", f"{macro.text.lower()} {usage}")
    ready: list[Token] = []
    for place, argument in enumerate(arguments):
        if place:
            ready.append(_made(TokenType.COMMA, ",", macro))
        if not argument:
            ready.append(_made(TokenType.NULL, "NULL", macro))
        elif place == offset and _is_offset(argument):
            ready.append(_made(TokenType.STRING, " ".join(token.text for token in argument), argument[0]))
        else:
            ready += argument
    return ready


def _is_offset(argument: list[Token]) -> bool:
    """Whether an argument is a number, or a number and a unit."""
    number, *unit = argument
    return number.token_type is TokenType.NUMBER and len(unit) <= 1 and all(map(is_word, unit))


def _made(kind: TokenType, text: str, place: Token) -> Token:
    return Token(kind, text, place.line, place.col, place.start, place.end)


def expand(calls: list[exp.Anonymous], *, policy: SqlPolicy, now: datetime) -> None:
    """Replace macro calls in the tree. Raises SqlRefused for a malformed one."""
    for call in calls:
        name = call.name.upper()
        if not isinstance(call.this, str):
            raise _malformed(call, "write the macro's name without quotes")
        if name == "P_CURRENT_TIMESTAMP":
            call.replace(exp.CurrentTimestamp())
    for call in calls:
        if call.name.upper() != "P_CURRENT_TIMESTAMP":
            condition = _condition(call, call.name.upper(), policy, now)
            flat = isinstance(call.parent, _FLAT) or not isinstance(condition, exp.And)
            call.replace(condition if flat else exp.Paren(this=condition))


def _condition(call: exp.Anonymous, name: str, policy: SqlPolicy, now: datetime) -> exp.Expr:
    arguments: list[exp.Expr] = list(call.expressions)
    given = 2 if name in {"P_OCCURS_BETWEEN", "P_OCCURS_AROUND"} else 1
    if not given <= len(arguments) <= given + 2:
        raise _malformed(call, f"it takes {given} to {given + 2} arguments")
    column = _column(call, arguments[given:])
    match name:
        case "P_OCCURS_SINCE":
            span = _offset(call, arguments[0])
            if span > policy.max_window:
                days = policy.max_window.days
                raise SqlRefused(
                    f"p_occurs_since reaches further back than {days} days; write p_occurs_since('{days} d') or less",
                    code="window",
                    line=line_of(call),
                )
            return _between(column, times.literal(now - span), times.literal(now))
        case "P_OCCURS_BETWEEN":
            return _between(column, _time(call, arguments[0], now), _time(call, arguments[1], now))
        case "P_OCCURS_AROUND":
            middle = times.moment(arguments[0], now)
            span = _offset(call, arguments[1])
            if middle is None:
                raise _malformed(call, "its first argument must be a time such as '2026-01-31 10:00:00'")
            try:
                return _between(column, times.literal(middle - span), times.literal(middle + span))
            except OverflowError as error:
                raise _malformed(call, "the window is outside the calendar") from error
        case "P_OCCURS_AFTER":
            return exp.GTE(this=column, expression=_time(call, arguments[0], now))
        case _:
            return exp.LTE(this=column, expression=_time(call, arguments[0], now))


def _between(column: exp.Column, start: exp.Expr, end: exp.Expr) -> exp.And:
    return exp.And(this=exp.GTE(this=column, expression=start), expression=exp.LTE(this=column.copy(), expression=end))


def _offset(call: exp.Anonymous, argument: exp.Expr) -> timedelta:
    span = times.offset(argument.name) if isinstance(argument, exp.Literal) else None
    if span is None:
        raise _malformed(call, f"its offset must be {times.OFFSET_USAGE}")
    return span


def _time(call: exp.Anonymous, argument: exp.Expr, now: datetime) -> exp.Expr:
    """A bound of the window: a constant is evaluated, a column of another table is kept."""
    found = times.moment(argument, now)
    if found is not None:
        return times.literal(found)
    if isinstance(argument, exp.Column) and type(argument.this) is exp.Identifier:
        return argument.copy()
    raise _malformed(
        call, "its times must be literals such as '2026-01-31 10:00:00', or computed from CURRENT_TIMESTAMP"
    )


def _column(call: exp.Anonymous, arguments: list[exp.Expr]) -> exp.Column:
    names: list[exp.Identifier | None] = []
    for argument in arguments:
        if isinstance(argument, exp.Null):
            names.append(None)
        elif (
            isinstance(argument, exp.Column)
            and set(argument.args) <= {"this"}
            and type(argument.this) is exp.Identifier
        ):
            names.append(argument.this.copy())
        else:
            raise _malformed(
                call, "the alias and the column are plain names, as in p_occurs_since('1 d', t, start_time)"
            )
    alias = names[0] if names else None
    column = names[1] if len(names) > 1 else None
    return exp.Column(this=column or exp.to_identifier("p_event_time"), table=alias)


def _malformed(call: exp.Anonymous, why: str) -> SqlRefused:
    return SqlRefused(f"{call.name.lower()}: {why}", code="macro", line=line_of(call))
