"""YAML and environment in, one frozen value out.

Everything wrong is one line: the key, its line in the file, what is allowed.
"""

import os
from collections.abc import Mapping, Set
from pathlib import Path

import regex
from pydantic import JsonValue

from triage.domain.yaml_lines import YamlError, YamlFile, YamlPath, parse_yaml, read_yaml
from triage.errors import ConfigError
from triage.settings.sections import Settings

_VARIABLE = regex.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_OPTIONAL = {
    ("llm", "api_key"),
    ("llm", "base_url"),
    ("writeback", "token"),
    ("web", "token"),
    ("webhook", "secret"),
}
"""May stay unset: without a model the offline analyst works, without a second token the first one writes, and without
`web.token` the pages are for this host only or behind a proxy, and without `webhook.secret` Panther's calls are not
taken."""
_TOKEN = ("panther", "token")
_NO_TOKEN = "-"  # noqa: S105 - none
"""Stands for the token where nothing asks Panther; whoever only reads the state needs none."""


def load_settings(path: Path, *, environment: Mapping[str, str] | None = None, needs_token: bool = True) -> Settings:
    """Read a configuration file.

    Args:
        path: The file.
        environment: What `${NAME}` reads; `None`: the process's own.
        needs_token: Panther is asked; otherwise `panther.token` may be unset, empty or missing, and is no secret.

    Raises:
        ConfigError: one line that names key, line and remedy.
    """
    try:
        file = read_yaml(path)
    except YamlError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise ConfigError(f"{error}; `triage init` writes one") from error
        raise
    return _settings(file, os.environ if environment is None else environment, needs_token=needs_token)


def parse_settings(text: str, *, name: str, environment: Mapping[str, str]) -> Settings:
    """Read a configuration from text. Raises ConfigError."""
    return _settings(parse_yaml(text, name=name), environment)


def _settings(file: YamlFile, environment: Mapping[str, str], *, needs_token: bool = True) -> Settings:
    optional = _OPTIONAL if needs_token else _OPTIONAL | {_TOKEN}
    values = {} if file.value is None else _filled(file, file.value, (), environment, optional)
    if not isinstance(values, dict):
        raise YamlError("the file must hold keys such as `panther:`", name=file.name, line=1)
    values = {key: {} if value is None else value for key, value in values.items()}
    panther = values.get(_TOKEN[0])
    if not needs_token and isinstance(panther, dict) and not panther.get(_TOKEN[1]):
        values |= {_TOKEN[0]: {**panther, _TOKEN[1]: _NO_TOKEN}}
    routes = values.get("routes")
    if isinstance(routes, dict):
        values |= {"routes": _with_addresses(file, routes, environment, needed=needs_token)}
    return file.validate(Settings, values)


def _with_addresses(
    file: YamlFile, routes: dict[str, JsonValue], environment: Mapping[str, str], *, needed: bool
) -> dict[str, JsonValue]:
    """The same section with the address of each route, read from where it is kept. Raises ConfigError.

    Where nothing is sent, an address may be missing, and is no secret.
    """
    to = routes.get("to")
    if not isinstance(to, list):
        return routes
    needed = needed and routes.get("enabled") is True
    filled: list[JsonValue] = []
    for number, route in enumerate(to):
        path: YamlPath = ("routes", "to", number)
        if not isinstance(route, dict):
            filled.append(route)
            continue
        if "url" in route:
            raise file.error((*path, "url"), "an address holds a token: name url_env or url_file in place of url")
        address = _address(file, route, path, environment, needed=needed)
        filled.append({**route, "url": address} if address else route)
    return {**routes, "to": filled}


def _address(
    file: YamlFile, route: Mapping[str, JsonValue], path: YamlPath, environment: Mapping[str, str], *, needed: bool
) -> str:
    name, kept = route.get("url_env"), route.get("url_file")
    if isinstance(name, str) and name:
        found = environment.get(name, "").strip()
        if not found and needed:
            raise file.error((*path, "url_env"), f"the environment variable {name} is not set")
        return found
    if isinstance(kept, str) and kept:
        try:
            lines = Path(kept).expanduser().read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            if not needed:
                return ""
            raise file.error((*path, "url_file"), f"{kept} cannot be read ({type(error).__name__})") from error
        found = next((line.strip() for line in lines if line.strip()), "")
        if not found and needed:
            raise file.error((*path, "url_file"), f"{kept} is empty")
        return found
    return ""


def _filled(
    file: YamlFile, value: JsonValue, path: YamlPath, environment: Mapping[str, str], optional: Set[YamlPath]
) -> JsonValue:
    """The same value with `${NAME}` and `${NAME:-default}` replaced from the environment. Raises ConfigError."""

    def replace(match: "regex.Match[str]") -> str:
        name, default = match.group(1), match.group(2)
        found: str | None = environment.get(name, default)
        if found is None and path not in optional:
            key = ".".join(map(str, path))
            raise file.error(path, f"{key} reads the environment variable {name}, which is not set")
        return found or ""

    match value:
        case dict():
            return {key: _filled(file, item, (*path, key), environment, optional) for key, item in value.items()}
        case list():
            return [_filled(file, item, (*path, index), environment, optional) for index, item in enumerate(value)]
        case str():
            return str(_VARIABLE.sub(replace, value))
        case _:
            return value
