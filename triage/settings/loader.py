"""YAML and environment in, one frozen value out.

Everything wrong is one line: the key, its line in the file, what is allowed.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import regex
import yaml
from pydantic import BaseModel, ValidationError

from triage.errors import ConfigError
from triage.settings.sections import AllowedActivity, Settings

_VARIABLE = regex.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")

Lines = dict[tuple[str | int, ...], int]


class _Loader:
    """Turns YAML nodes into plain values, refusing duplicate keys and remembering each key's line."""

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        self.name = name
        self.environment = environment
        self.lines: Lines = {}

    def fail(self, line: int, message: str) -> NoReturn:
        raise ConfigError(f"{self.name}, line {line}: {message}")

    def take(self, node: yaml.Node, path: tuple[str | int, ...]) -> object:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if isinstance(node, yaml.MappingNode):
            found: dict[str, object] = {}
            for key_node, value_node in node.value:
                at = key_node.start_mark.line + 1
                if not isinstance(key_node, yaml.ScalarNode):
                    self.fail(at, "a key must be plain text")
                key = str(key_node.value)
                if key in found:
                    self.fail(at, f"{'.'.join(map(str, (*path, key)))} stands twice; keep one")
                self.lines[*path, key] = at
                found[key] = self.take(value_node, (*path, key))
            return found
        if isinstance(node, yaml.SequenceNode):
            return [self.take(child, (*path, index)) for index, child in enumerate(node.value)]
        try:
            value = yaml.SafeLoader("").construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            raise ConfigError(
                f"{self.name}, line {line}: {'.'.join(map(str, path)) or 'the file'} holds a value that is not plain YAML"
            ) from error
        return self.fill(value, line, path) if isinstance(value, str) else value

    def fill(self, text: str, line: int, path: tuple[str | int, ...]) -> str:
        def replace(match: "regex.Match[str]") -> str:
            name, default = match.group(1), match.group(2)
            value = self.environment.get(name)
            if value is not None:
                return str(value)
            if default is not None:
                return str(default)
            if path in _OPTIONAL_SECRETS:
                return ""
            key = ".".join(map(str, path))
            raise ConfigError(
                f"{self.name}, line {line}: {key} reads the environment variable {name}, which is not set"
            )

        return _VARIABLE.sub(replace, text)


_OPTIONAL_SECRETS = {("llm", "api_key"), ("writeback", "token")}
"""May stay unset: without a model key the offline analyst works, without a second token the first one writes."""


def _explain(error: ValidationError, lines: Lines, name: str) -> str:
    found = error.errors(include_url=False, include_input=False)
    # A mistyped key leaves another one missing; the typo is the one to name.
    first = next((entry for entry in found if entry["type"] == "extra_forbidden"), found[0])
    path = tuple(first["loc"])
    kind = first["type"]
    line = next((lines[path[:size]] for size in range(len(path), -1, -1) if path[:size] in lines), 1)
    key = ".".join(str(part) for part in path) or "the file"
    if kind == "extra_forbidden":
        allowed = ", ".join(_keys_beside(path))
        return f"{name}, line {line}: unknown key {key}; allowed here: {allowed}"
    if kind == "missing":
        return f"{name}, line {line}: {key} is missing"
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{name}, line {line}: {key}: {message[:1].lower()}{message[1:]}"


def _keys_beside(path: tuple[str | int, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in path[:-1]:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
        elif part == "allowed":
            model = AllowedActivity
    return list(model.model_fields)


def load_settings(path: Path, *, environment: Mapping[str, str] | None = None) -> Settings:
    """Read a configuration file. Raises ConfigError with one line that names key, line and remedy."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file; `triage init` writes one") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text ({type(error).__name__})") from error
    return parse_settings(text, name=str(path), environment=os.environ if environment is None else environment)


def parse_settings(text: str, *, name: str, environment: Mapping[str, str]) -> Settings:
    """Read a configuration from text. Raises ConfigError."""
    loader = _Loader(name, environment)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        problem = getattr(error, "problem", None) or "not YAML"
        raise ConfigError(f"{name}, line {line}: {problem}") from error
    except RecursionError as error:
        raise ConfigError(f"{name}, line 1: nested too deeply") from error
    values = {} if node is None else loader.take(node, ())
    if not isinstance(values, dict):
        raise ConfigError(f"{name}, line 1: the file must hold keys such as `panther:`")
    try:
        return Settings.model_validate({key: {} if value is None else value for key, value in values.items()})
    except ValidationError as error:
        # The chain is cut: pydantic's own text could quote a secret.
        raise ConfigError(_explain(error, loader.lines, name)) from None
