"""Paths into an event: their notation in the files of log types, and the walk along them.

```text
userIdentity.arn            a value
sourceIPs.*                 each item of a list (or each value of an object)
target.*[type=User].id      the id of those items whose type is User
claims.{http://x.y/upn}.0   a key that itself holds dots, in braces
```

Letter case doesn't matter, since lakes differ in it; the walk gives paths back in the event's own spelling. A text that
holds JSON is opened where a path goes on below it.
"""

import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import regex
from pydantic import JsonValue

MAX_ITEMS: Final = 200
"""Items of one list or object that are looked at."""
MAX_DEPTH: Final = 12
MAX_JSON: Final = 200_000
"""Characters of a text that may be read as JSON."""
MAX_KEY: Final = 160

_PART: Final = regex.compile(
    r"(?:\{(?P<braced>[^}]*)\}|(?P<plain>[^.\[{]+))(?:\[(?P<key>[^=\]]+)=(?P<value>[^\]]*)\])?(?:\.|$)"
)


@dataclass(frozen=True, slots=True)
class Part:
    """One step of a path."""

    name: str
    """The key as it is written, or `*`."""
    key: str
    """The same, case-folded."""
    where: tuple[str, str] | None = None
    """Only where this key of the object found has this value, both case-folded."""


@cache
def parse_path(text: str) -> tuple[Part, ...]:
    """Read a path.

    Raises:
        ValueError: it doesn't follow the notation.
    """
    parts: list[Part] = []
    end = 0
    for match in _PART.finditer(text):
        if match.start() != end:
            break
        end = match.end()
        key = match["braced"] if match["braced"] is not None else match["plain"]
        where = (match["key"].casefold(), match["value"].casefold()) if match["key"] is not None else None
        parts.append(Part(key, key.casefold(), where))
    if not parts or end != len(text) or text.endswith("."):
        raise ValueError(f"not a path: {text!r}")
    return tuple(parts)


def readable(text: str) -> bool:
    """Whether every character can be seen and stored: no control, format, surrogate or unassigned ones."""
    return (text.isascii() and text.isprintable()) or not any(unicodedata.category(each)[0] == "C" for each in text)


def _items(node: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    """Keys and values of an object or list; keys that could harm a reader are left out."""
    if isinstance(node, Mapping):
        for count, (key, value) in enumerate(node.items()):
            if count >= MAX_ITEMS:
                return
            if isinstance(key, str) and 0 < len(key) <= MAX_KEY and readable(key):
                yield key, value
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node[:MAX_ITEMS]):
            yield str(index), value


def opened(node: JsonValue) -> JsonValue:
    """Give what a JSON text holds, and anything else as it is."""
    if not isinstance(node, str) or len(node) > MAX_JSON or node[:1] not in ("{", "["):
        return node
    try:
        value: JsonValue = json.loads(node)
    except (ValueError, RecursionError):
        return node
    return value


def _step(node: JsonValue, key: str) -> Iterator[tuple[str, JsonValue]]:
    if key == "*":
        yield from _items(node)
    elif isinstance(node, Mapping):
        if key in node:
            yield key, node[key]
            return
        for found, value in node.items():
            if isinstance(found, str) and len(found) == len(key) and found.casefold() == key and readable(found):
                yield found, value
    elif isinstance(node, list | tuple) and key.isdecimal() and int(key) < len(node):
        yield key, node[int(key)]


def _holds(node: JsonValue, where: tuple[str, str] | None) -> bool:
    if where is None:
        return True
    return any(isinstance(value, str) and value.casefold() == where[1] for _, value in _step(node, where[0]))


def find(event: Mapping[str, JsonValue], path: tuple[Part, ...]) -> Iterator[tuple[str, JsonValue]]:
    """Give each (dotted path, node) of an event that a path leads to."""
    yield from _find(event if isinstance(event, dict) else dict(event), path, "")


def _find(node: JsonValue, path: tuple[Part, ...], at: str) -> Iterator[tuple[str, JsonValue]]:
    if not path:
        yield at, node
        return
    part, rest = path[0], path[1:]
    for key, value in _step(opened(node), part.key):
        if _holds(opened(value) if part.where else value, part.where):
            yield from _find(value, rest, f"{at}.{key}" if at else key)


def leaves(node: JsonValue, at: str = "", depth: int = 0) -> Iterator[tuple[str, JsonValue]]:
    """Give each (dotted path, scalar) at or below a node, outer ones of an object in their order."""
    inner = opened(node) if depth < MAX_DEPTH else node
    if not isinstance(inner, Mapping | list | tuple):
        yield at, node
        return
    if depth >= MAX_DEPTH:
        return
    for key, value in _items(inner):
        yield from leaves(value, f"{at}.{key}" if at else key, depth + 1)
