"""YAML as plain values that remember their lines.

One loader for everything in YAML that people write or bring along: the configuration, playbooks, log types, the
detections of an imported world. It takes plain values only, refuses a key that is given twice, and bounds the size,
the depth and what aliases expand to. Dates stay text, and a merge key (`<<`) is a key like any other.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar, get_args

import yaml
from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import ErrorDetails

from triage.domain.near import did_you_mean
from triage.errors import ConfigError

MAX_SIZE: Final = 2 << 20
"""Bytes of one file."""
MAX_DEPTH: Final = 48
MAX_NODES: Final = 200_000
"""Values in one file, aliases expanded."""

YamlPath = tuple[str | int, ...]
"""Keys and list positions from the top of a file, such as `("questions", 3, "sql")`."""

M = TypeVar("M", bound=BaseModel)

# The C parser is ten times as fast; some platforms have no wheel with it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LONG_TEXT = 1_000
"""Characters of a text that counts as one value."""
_RESOLVER = yaml.SafeLoader("")
_TYPED = frozenset({"tag:yaml.org,2002:" + name for name in ("null", "bool", "int", "float")})
_PLAIN_TAGS = (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:str")
_LONGEST_KEY = 60
"""Characters of a key in a message."""


class YamlError(ConfigError):
    """A file is not YAML, holds more than is accepted, or does not fit its schema."""

    def __init__(self, reason: str, *, name: str = "", line: int = 0) -> None:
        """Say what is wrong and where.

        Args:
            reason: What is wrong, in one line.
            name: The file.
            line: One-based; 0 where the problem has no line.
        """
        place = ", ".join(filter(None, (name, f"line {line}" if line else "")))
        super().__init__(f"{place}: {reason}" if place else reason)
        self.reason = reason
        self.line = line


@dataclass(frozen=True, slots=True)
class YamlFile:
    """One parsed file."""

    name: str
    """What messages call it."""
    value: JsonValue
    """`None` for an empty file."""
    _lines: Mapping[YamlPath, int]
    _blocks: frozenset[YamlPath]

    def line(self, path: YamlPath) -> int:
        """The one-based line of a value, or of the nearest value around it that the file has."""
        return next(self._lines[path[:size]] for size in range(len(path), -1, -1) if path[:size] in self._lines)

    def text_line(self, path: YamlPath) -> int:
        """The line on which the text of a value begins: a block (`|`, `>`) begins on the line after its key."""
        return self.line(path) + (path in self._blocks)

    def error(self, path: YamlPath, reason: str) -> YamlError:
        """An error about one value."""
        return YamlError(reason, name=self.name, line=self.line(path))

    def validate(self, model: type[M], value: object = None) -> M:
        """Read the file's value as a model.

        Args:
            model: Its field names, or their aliases, are the file's keys.
            value: What to read in place of the file's own value, with the same keys.

        Raises:
            YamlError: In one line: the key, its line, and what is allowed. It quotes no value, which may be a secret.
        """
        try:
            return model.model_validate(self.value if value is None else value)
        except ValidationError as error:
            found = error.errors(include_url=False)
        # A mistyped key leaves another one missing; the typo is the one to name.
        first = next((entry for entry in found if entry["type"] == "extra_forbidden"), found[0])
        path = tuple(first["loc"])
        match first["type"]:
            case "extra_forbidden":
                keys = _keys_beside(model, path)
                near = did_you_mean(str(path[-1]), keys)
                reason = f"unknown key {_key(path)}{near or ';'} allowed here: {', '.join(keys)}"
            case "missing":
                reason = f"{_key(path)} is missing"
            case _:
                reason = f"{_key(path)}: {_remedy(first)}"
        # Raised outside the `except`: pydantic's own text could quote a secret.
        raise self.error(path, reason)


def read_yaml(path: Path) -> YamlFile:
    """Read one file. Raises YamlError, also where it is missing or not UTF-8."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_SIZE + 1)
        text = data[:MAX_SIZE].decode("utf-8-sig", "strict" if len(data) <= MAX_SIZE else "ignore")
    except FileNotFoundError as error:
        raise YamlError("no such file", name=str(path)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise YamlError(f"cannot be read as UTF-8 text ({type(error).__name__})", name=str(path)) from error
    if len(data) > MAX_SIZE:
        raise YamlError(f"larger than {MAX_SIZE} bytes", name=str(path))
    return parse_yaml(text, name=str(path))


def parse_yaml(text: str, *, name: str = "") -> YamlFile:
    """Read one YAML document as JSON values.

    Args:
        text: At most `MAX_SIZE` bytes of UTF-8.
        name: The file, for messages.

    Raises:
        YamlError: It is not YAML, has a tag, gives a key twice, or is larger, deeper or expands to more
            than is accepted.
    """
    if len(text) > MAX_SIZE or len(text.encode("utf-8", "replace")) > MAX_SIZE:
        raise YamlError(f"larger than {MAX_SIZE} bytes", name=name)
    builder = _Builder(name)
    for event in _events(text, name):
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
    if len(builder.documents) > 1:
        raise YamlError("more than one document", name=name)
    value = builder.documents[0] if builder.documents else None
    return YamlFile(name, value, {(): 1} | builder.lines, frozenset(builder.blocks))


def _events(text: str, name: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = f"not YAML: {error.problem}" if error.problem else "not YAML"
        if "nesting depth" in reason:
            # The C parser has its own bound, and looks ahead.
            reason = "nested too deeply"
        # At the end of a text without a final newline, the C parser counts one line too many.
        line = min(mark.line, text.count("\n")) + 1 if mark else 0
        raise YamlError(reason, name=name, line=line) from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise YamlError("not YAML", name=name) from error


@dataclass(slots=True)
class _Open:
    """A mapping or sequence that has not ended yet."""

    value: dict[str, JsonValue] | list[JsonValue]
    path: YamlPath
    anchor: str | None
    nodes_before: int
    line: int
    key: str | None = None
    """Of a mapping: the key whose value comes next."""

    def next_path(self) -> YamlPath:
        return (*self.path, len(self.value) if isinstance(self.value, list) else self.key or "")


@dataclass(slots=True)
class _Builder:
    """Turns the parser's events into values without recursion, so that depth costs no stack."""

    name: str
    opened: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[JsonValue, int]] = field(default_factory=dict)
    """Value and number of nodes by the name of the anchor."""
    nodes: int = 0
    documents: list[JsonValue] = field(default_factory=list)
    lines: dict[YamlPath, int] = field(default_factory=dict)
    blocks: set[YamlPath] = field(default_factory=set)

    @property
    def path(self) -> YamlPath:
        return self.opened[-1].next_path() if self.opened else ()

    @property
    def awaits_key(self) -> bool:
        return bool(self.opened) and isinstance(self.opened[-1].value, dict) and self.opened[-1].key is None

    def fail(self, reason: str, line: int) -> YamlError:
        return YamlError(reason, name=self.name, line=line)

    def count(self, nodes: int, line: int) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise self.fail(f"holds more than {MAX_NODES} values", line)

    def add(self, value: JsonValue, line: int) -> None:
        """Add a value at the parser's position. The line of a mapping's value is that of its key."""
        self.lines.setdefault(self.path, line)
        if not self.opened:
            self.documents.append(value)
            return
        around = self.opened[-1]
        if isinstance(around.value, list):
            around.value.append(value)
        else:
            assert around.key is not None
            around.value[around.key] = value
            around.key = None

    def add_key(self, key: str, line: int) -> None:
        around = self.opened[-1]
        if key in around.value:
            raise self.fail(f"{_key((*around.path, key))} is given twice; keep one", line)
        around.key = key
        self.lines[*around.path, key] = line

    def open(self, event: yaml.CollectionStartEvent, value: dict[str, JsonValue] | list[JsonValue], line: int) -> None:
        if self.awaits_key:
            raise self.fail("a key must be plain text", line)
        if len(self.opened) >= MAX_DEPTH:
            raise self.fail("nested too deeply", line)
        self.refuse_tag(event, line)
        self.opened.append(_Open(value, self.path, event.anchor, self.nodes, line))
        self.count(1, line)

    def close(self) -> None:
        ended = self.opened.pop()
        if ended.anchor:
            self.anchors[ended.anchor] = (ended.value, self.nodes - ended.nodes_before)
        self.add(ended.value, ended.line)

    def scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        # A long text counts for more, since an alias may repeat it.
        weight = 1 + len(event.value) // _LONG_TEXT
        self.count(weight, line)
        self.refuse_tag(event, line)
        is_key = self.awaits_key
        value = str(event.value) if is_key else _scalar(event)
        if event.anchor:
            self.anchors[event.anchor] = (value, weight)
        if is_key:
            self.add_key(str(event.value), line)
            return
        if event.style in ("|", ">"):
            self.blocks.add(self.path)
        self.add(value, line)

    def alias(self, event: yaml.AliasEvent, line: int) -> None:
        if event.anchor not in self.anchors:
            raise self.fail("an alias refers to nothing that ends before it", line)
        value, nodes = self.anchors[event.anchor]
        self.count(nodes, line)
        if not self.awaits_key:
            self.add(value, line)
        elif isinstance(value, str):
            self.add_key(value, line)
        else:
            raise self.fail("a key must be plain text", line)

    def refuse_tag(self, event: yaml.NodeEvent, line: int) -> None:
        if getattr(event, "tag", None) not in _PLAIN_TAGS:
            raise self.fail(f"{_key(self.path)} has a YAML tag; write a plain value", line)


def _scalar(event: yaml.ScalarEvent) -> JsonValue:
    if event.tag is not None or not event.implicit[0]:
        return str(event.value)
    tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, (True, False))  # type: ignore[no-untyped-call]  # of the stubs
    if tag not in _TYPED:
        return str(event.value)
    try:
        value = _RESOLVER.construct_object(yaml.ScalarNode(tag, event.value))
    except (ValueError, OverflowError):
        return str(event.value)
    # JSON has no `.inf` and `.nan`.
    known = value is None or isinstance(value, bool | int) or (isinstance(value, float) and abs(value) < float("inf"))
    return value if known else str(event.value)


def _key(path: YamlPath) -> str:
    """A path for a message, such as `ingest.severities.1`."""
    text = ".".join(map(str, path))
    shown = text if text.isprintable() else repr(text)
    return (shown if len(shown) <= _LONGEST_KEY else f"{shown[:_LONGEST_KEY]}…") or "the file"


_REMEDIES: Final[Mapping[str, str]] = {
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "dict_type": "write keys with their values",
    "finite_number": "write a number",
    "float_parsing": "write a number",
    "float_type": "write a number",
    "greater_than": "write a number above {gt}",
    "greater_than_equal": "write {ge} or more",
    "int_from_float": "write a whole number",
    "int_parsing": "write a whole number",
    "int_type": "write a whole number",
    "less_than": "write a number below {lt}",
    "less_than_equal": "write {le} or less",
    "list_type": "write a list such as [one, another]",
    "model_type": "write keys with their values",
    "string_too_long": "write at most {max_length} characters",
    "string_too_short": "is too short; write at least {min_length} characters",
    "string_type": "write text; what YAML reads as a number, a date, true or a list needs quotes",
    "too_long": "write at most {max_length} of them",
    "too_short": "write at least {min_length} of them",
    "tuple_type": "write a list such as [one, another]",
}
"""By pydantic's name of an error: what to write instead, in the words of the file."""
_CHOICE = re.compile(r"'([^']*)'")


def _remedy(error: ErrorDetails) -> str:
    """What to write in place of a value that was refused; it quotes what is allowed, never the value."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in ("enum", "literal_error"):
        allowed = str(context["expected"])
        return f"write {allowed}{did_you_mean(str(error['input'])[:_LONGEST_KEY], _CHOICE.findall(allowed))}"
    if context.get("min_length") == 1:
        return "is empty"
    if kind in _REMEDIES:
        return _REMEDIES[kind].format_map(context)
    message = error["msg"].removeprefix("Value error, ")
    return f"{message[:1].lower()}{message[1:]}"


def _keys_beside(model: type[BaseModel], path: YamlPath) -> list[str]:
    """The keys that a model has where `path` ends."""
    for part in path[:-1]:
        # The one field of a `RootModel` does not appear in the path.
        field_info = model.model_fields.get(str(part)) or model.model_fields.get("root")
        inner = next(_models(field_info.annotation), None) if field_info is not None else None
        model = model if inner is None else inner
    return [info.alias or name for name, info in model.model_fields.items()]


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """The models in an annotation, such as the `Price` of `dict[str, Price]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
