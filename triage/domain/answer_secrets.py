"""Secrets in the answers to queries: the source of a column says what it holds, never its alias.

The one place for answers of the lake, whoever asked: playbooks, runbook steps, the model. Records that no query gave
go by their own keys (`redaction`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from triage.domain.redaction import redact, redact_json, redact_row
from triage.domain.secret_patterns import names_secret, replace_value
from triage.domain.sql.source import ANY_KEY, KEY_NAME, Source
from triage.domain.sql.sources import Sources

_NAMES_OF_VALUES = {ANY_KEY: (KEY_NAME,), "value": ("name", "key")}
"""The key of a value in a pair, and those under which its name may be."""
_PAIRED = "password"
"""The name of a value of which a condition says that its name is a secret's."""


def rows_without_secrets(
    rows: Sequence[Mapping[str, JsonValue]], columns: Sequence[str], sources: Sources | None
) -> tuple[dict[str, JsonValue], ...]:
    """Replace the secrets in the rows of a query.

    What comes from a field named like a secret goes whole under any alias; everything else is read by its content, and
    objects by the keys that the log gave them. What a query cuts out of a text has no field, so its alias counts too.

    Args:
        rows: The answer's.
        columns: Its columns, in the lake's order.
        sources: Of the statement; `None` for records that no query gave.
    """
    if sources is None:
        return tuple(redact_row(row) for row in rows)
    every = dict.fromkeys([*columns, *(column for row in rows for column in row)])
    record = _record({column: sources.of(column, columns or tuple(every)) for column in every}, sources.named)
    return tuple(_clean_record(row, record, sources.named) for row in rows)


@dataclass(frozen=True, slots=True)
class _Cell:
    """How the value of one column, or of one key that a query made up, is read."""

    shown: str
    """The column's name, without secrets."""
    source: Source
    secret: str
    """The name of the secret that it holds; empty if it holds none by its source."""
    named_in: tuple[str, ...]
    """The columns that hold its name, where it is the value of a pair."""


def _record(sources: Mapping[str, Source], named: frozenset[str]) -> dict[str, _Cell]:
    places = {path: column for column, source in sources.items() for path in source.paths}
    return {column: _cell(column, source, places, named) for column, source in sources.items()}


def _cell(column: str, source: Source, places: Mapping[str, str], named: frozenset[str]) -> _Cell:
    fields = [key for path in source.paths if (key := _last_key(path))]
    names = [
        f"{parent}.{key}" if parent else key
        for path in source.paths
        for parent, _, last in [path.rpartition(".")]
        for key in _NAMES_OF_VALUES.get(last, ())
    ]
    if named.intersection(names):
        fields.append(_PAIRED)
    secret = next(filter(names_secret, [*fields, *([column] if source.cut else [])]), "")
    return _Cell(redact(column), source, secret, tuple(places[name] for name in names if name in places))


def _last_key(path: str) -> str:
    """The last key of a path that is no list index."""
    return next((part for part in reversed(path.split(".")) if not part.isdecimal() and part != ANY_KEY), "")


def _clean_record(
    row: Mapping[str, JsonValue], record: Mapping[str, _Cell], named: frozenset[str]
) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for column, value in row.items():
        cell = record.get(column)
        if cell is None:
            found[redact(column)] = redact_json(value, column)
        elif value is None or isinstance(value, int | float):
            # Most values of a row; no call is spent on them.
            found[cell.shown] = value
        else:
            secret = cell.secret or (_name_beside(row, cell) if cell.named_in else "")
            if isinstance(value, str) and not secret and not cell.source.parts:
                found[cell.shown] = redact(value)
            else:
                found[cell.shown] = _clean(value, cell.source, secret, named)
    return found


def _name_beside(row: Mapping[str, JsonValue], cell: _Cell) -> str:
    """The name of a secret that another column of the row gives to a value."""
    names = (row.get(column) for column in cell.named_in)
    return next((name for name in names if isinstance(name, str) and names_secret(name)), "")


def _clean(value: JsonValue, source: Source, secret: str, named: frozenset[str]) -> JsonValue:
    if source.parts:
        return _clean_parts(value, source, named)
    return _replaced(value, secret) if secret and source.made else redact_json(value, secret)


def _clean_parts(value: JsonValue, source: Source, named: frozenset[str]) -> JsonValue:
    """An object that the query put together: its keys are aliases."""
    if isinstance(value, list):
        return [_clean_parts(item, source, named) for item in value]
    if isinstance(value, str):
        try:
            inner = json.loads(value)
        except (ValueError, RecursionError):
            inner = None
        if isinstance(inner, dict | list):
            cleaned = _clean_parts(inner, source, named)
            return value if cleaned == inner else json.dumps(cleaned, ensure_ascii=False)
        # The beginning of such a text: what is under a key that names a secret is known by its content.
        hidden = [part.flat for key, part in source.parts if not names_secret(key)]
        paths = source.paths.union(*(part.paths for part in hidden))
        return _replaced(value, next(filter(names_secret, map(_last_key, paths)), ""))
    if not isinstance(value, dict):
        return value
    parts = dict(source.parts)
    record = _record({key: parts[key.lower()] for key in value if key.lower() in parts}, named)
    return _clean_record(value, record, named)


def _replaced(value: JsonValue, secret: str) -> JsonValue:
    """Every text within a value that was put together from a secret."""
    match value:
        case str():
            return replace_value(value, secret) if secret else redact(value)
        case list():
            return [_replaced(item, secret) for item in value]
        case dict():
            return {redact(key): _replaced(item, secret) for key, item in value.items()}
        case _:
            return value
