"""Reads YAML that nobody vouches for: plain values only, bounded in size, depth and in what its aliases unfold to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import yaml
from pydantic import JsonValue

MAX_SIZE: Final = 2 << 20
"""Bytes of one file."""
MAX_DEPTH: Final = 48
MAX_NODES: Final = 200_000
"""Values in one file, aliases unfolded."""

# The C parser where it is there: it is ten times as fast and gives the same events.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER = yaml.SafeLoader("")
_PLAIN = frozenset({"tag:yaml.org,2002:" + name for name in ("null", "bool", "int", "float")})


class YamlError(ValueError):
    """The text is not YAML, or more than is taken; `line` is one-based, 0 where there is none."""

    def __init__(self, reason: str, line: int = 0) -> None:
        """Keep the reason and the line."""
        super().__init__(reason)
        self.line = line


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not come."""

    value: dict[str, JsonValue] | list[JsonValue]
    anchor: str | None
    before: int
    """Nodes counted before it."""
    line: int
    key: str | None = None


@dataclass(slots=True)
class _Builder:
    opened: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[JsonValue, int]] = field(default_factory=dict)
    nodes: int = 0
    done: list[JsonValue] = field(default_factory=list)

    def count(self, nodes: int, line: int) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise YamlError(f"holds more than {MAX_NODES} values", line)

    def add(self, value: JsonValue, line: int, *, scalar: bool) -> None:
        if not self.opened:
            self.done.append(value)
            return
        inside = self.opened[-1]
        if isinstance(inside.value, list):
            inside.value.append(value)
        elif inside.key is None:
            if not scalar:
                raise YamlError("a key is no text", line)
            key = value if isinstance(value, str) else str(value)
            if key in inside.value:
                raise YamlError(f"the key {key[:40]!r} stands twice", line)
            inside.key = key
        else:
            inside.value[inside.key] = value
            inside.key = None

    def open(self, event: yaml.CollectionStartEvent, value: dict[str, JsonValue] | list[JsonValue], line: int) -> None:
        if len(self.opened) >= MAX_DEPTH:
            raise YamlError("nested too deeply", line)
        _plain_tag(event, line)
        self.opened.append(_Open(value, event.anchor, self.nodes, line))
        self.count(1, line)

    def close(self) -> None:
        ended = self.opened.pop()
        if ended.anchor:
            self.anchors[ended.anchor] = (ended.value, self.nodes - ended.before)
        self.add(ended.value, ended.line, scalar=False)

    def scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        self.count(1, line)
        value = _scalar(event, line)
        if event.anchor:
            self.anchors[event.anchor] = (value, 1)
        self.add(value, line, scalar=True)

    def alias(self, event: yaml.AliasEvent, line: int) -> None:
        if event.anchor not in self.anchors:
            raise YamlError("an alias stands for nothing that has ended before it", line)
        value, nodes = self.anchors[event.anchor]
        self.count(nodes, line)
        self.add(value, line, scalar=not isinstance(value, dict | list))


def parse(text: str) -> JsonValue:
    """Read one YAML document as JSON values; dates stay text, merge keys (`<<`) are keys like others.

    Raises:
        YamlError: It is not YAML, has a tag of its own, holds a key twice, or is larger, deeper or unfolds to more than
            is taken.
    """
    if len(text.encode("utf-8", "replace")) > MAX_SIZE:
        raise YamlError(f"larger than {MAX_SIZE} bytes")
    builder = _Builder()
    for event in _events(text):
        line = event.start_mark.line + 1 if event.start_mark else 0
        match event:
            case yaml.ScalarEvent():
                builder.scalar(event, line)
            case yaml.AliasEvent():
                builder.alias(event, line)
            case yaml.MappingStartEvent():
                builder.open(event, {}, line)
            case yaml.SequenceStartEvent():
                builder.open(event, [], line)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                builder.close()
    if len(builder.done) > 1:
        raise YamlError("more than one document")
    return builder.done[0] if builder.done else None


def _events(text: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError("not YAML", mark.line + 1 if mark else 0) from error
    except yaml.YAMLError as error:
        raise YamlError("not YAML") from error


def _plain_tag(event: yaml.NodeEvent, line: int) -> None:
    tag = getattr(event, "tag", None)
    if tag not in (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:str"):
        raise YamlError("has a tag", line)


def _scalar(event: yaml.ScalarEvent, line: int) -> JsonValue:
    _plain_tag(event, line)
    if event.tag is not None or not event.implicit[0]:
        return str(event.value)
    tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, (True, False))  # type: ignore[no-untyped-call]  # of the stubs
    if tag not in _PLAIN:
        return str(event.value)
    try:
        value = _RESOLVER.construct_object(yaml.ScalarNode(tag, event.value))
    except (ValueError, OverflowError):
        return str(event.value)
    # JSON has no `.inf` and `.nan`.
    known = value is None or isinstance(value, bool | int) or (isinstance(value, float) and abs(value) < float("inf"))
    return value if known else str(event.value)
