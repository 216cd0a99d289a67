"""The configuration: YAML and the environment in, one frozen value out.

Everything wrong is one line: the key, its line in the file, what is allowed.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, NoReturn
from urllib.parse import urlsplit

import regex
import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from triage.errors import ConfigError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = regex.compile(r"^\s*(\d+(?:\.\d+)?)\s*([smhd])\s*$")
_VARIABLE = regex.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write a duration such as 90s, 15m, 24h or 30d")
    return timedelta(seconds=float(match.group(1)) * _UNITS[match.group(2)])


def parse_duration(text: str) -> timedelta:
    """Read `90s`, `15m`, `24h` or `30d`. Raises ValueError."""
    value = _duration(text)
    assert isinstance(value, timedelta)
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine itself."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _endpoint(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("write a full URL such as https://api.example.runpanther.net/public/graphql")
    if parts.scheme == "http" and not is_loopback(value):
        raise ValueError("plain http:// is accepted for this machine (loopback) only; use https://")
    if parts.username or parts.password:
        raise ValueError("leave user and password out of the URL")
    return value.rstrip("/")


def _optional_endpoint(value: str) -> str:
    return _endpoint(value) if value else value


def _empty_for_none(value: object) -> object:
    return "" if value is None else value


Endpoint = Annotated[str, AfterValidator(_endpoint)]
OptionalEndpoint = Annotated[str, BeforeValidator(_empty_for_none), AfterValidator(_optional_endpoint)]
OptionalText = Annotated[str, BeforeValidator(_empty_for_none)]
OptionalSecret = Annotated[SecretStr, BeforeValidator(lambda value: "" if value is None else value)]


def _upper(value: object) -> object:
    return (
        tuple(item.upper() if isinstance(item, str) else item for item in value) if isinstance(value, list) else value
    )


MAX_PATTERN = 1_000
"""Characters of an expression; longer ones are lists in disguise (`detections_deny`) or an accident."""


def _pattern(value: str) -> str:
    if len(value) > MAX_PATTERN:
        raise ValueError(f"a regular expression of {len(value)} characters; at most {MAX_PATTERN} are taken")
    try:
        regex.compile(value)
    except (RecursionError, MemoryError, OverflowError) as error:
        raise ValueError("a regular expression that is too large or nested too deeply") from error
    except regex.error as error:
        raise ValueError(f"not a Python regular expression: {error}") from error
    return value


Pattern = Annotated[str, BeforeValidator(_empty_for_none), AfterValidator(_pattern)]
StatusName = Literal["OPEN", "TRIAGED", "RESOLVED", "CLOSED"]
SeverityName = Literal["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO"]
KindName = Literal[
    "RULE",
    "SCHEDULED_RULE",
    "CORRELATION_RULE",
    "POLICY",
    "RULE_ERROR",
    "SCHEDULED_RULE_ERROR",
    "CORRELATION_RULE_ERROR",
    "SYSTEM_ERROR",
]


class Section(BaseModel):
    """A part of the configuration; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class PantherSettings(Section):
    url: Endpoint
    """The "API URL" shown above Panther's API tokens."""
    token: SecretStr = Field(min_length=1)
    auth: Literal["x-api-key", "bearer"] = "x-api-key"
    rest_url: OptionalEndpoint = ""
    timeout: Duration = timedelta(seconds=30)
    """Total time of one call."""
    requests_per_second: float = Field(default=50.0, gt=0)
    """Pace of all calls to Panther together; one alert makes about 75."""


class DedupKey(StrEnum):
    TITLE = "title"
    DETECTION = "detection"


class IngestSettings(Section):
    poll_interval: Duration = timedelta(seconds=60)
    lookback: Duration = timedelta(hours=24)
    overlap: Duration = timedelta(minutes=15)
    """How far each poll reaches back behind the last one: alerts can appear late."""
    statuses: Annotated[tuple[StatusName, ...], BeforeValidator(_upper)] = ("OPEN",)
    severities: Annotated[tuple[SeverityName, ...], BeforeValidator(_upper)] = ("CRITICAL", "HIGH", "MEDIUM")
    types: Annotated[tuple[KindName, ...], BeforeValidator(_upper)] = ("RULE", "SCHEDULED_RULE", "CORRELATION_RULE")
    detection_id_regex: Pattern = ""
    """Python syntax, searched for in the detection id; empty: any."""
    detections_allow: tuple[str, ...] = ()
    detections_deny: tuple[str, ...] = ()
    min_events: int = Field(default=0, ge=0)
    dedup_window_minutes: float = Field(default=15, ge=0)
    dedup_key: DedupKey = DedupKey.TITLE
    page_size: int = Field(default=50, ge=1, le=50)


class LlmSettings(Section):
    base_url: OptionalEndpoint = ""
    """Any OpenAI-compatible endpoint; empty: OpenAI."""
    api_key: OptionalSecret = SecretStr("")
    model: OptionalText = "gpt-5-mini"
    timeout: Duration = timedelta(seconds=120)
    max_output_tokens: int = Field(default=4_000, ge=256)
    temperature: float | None = Field(default=None, ge=0, le=2)

    @property
    def configured(self) -> bool:
        """Whether a key or an endpoint is set."""
        return bool(self.base_url or self.api_key.get_secret_value())


class AnalystChoice(StrEnum):
    AUTO = "auto"
    LLM = "llm"
    OFFLINE = "offline"


class AllowedActivity(Section):
    """The operator's own word that somebody may do something; the only authorisation that counts."""

    reason: str = Field(min_length=1)
    """Ticket or sentence; it is quoted in the comment."""
    actors: tuple[str, ...] = ()
    """User names, e-mail addresses, ARNs or service names, compared exactly and without case; empty: anyone."""
    detections: tuple[str, ...] = ()
    """Detection ids; empty: any."""
    addresses: tuple[str, ...] = ()
    """IP addresses or networks; empty: any."""
    until: str = ""
    """ISO date after which the entry no longer counts; empty: for good."""


class InvestigationSettings(Section):
    analyst: AnalystChoice = AnalystChoice.AUTO
    concurrency: int = Field(default=4, ge=1, le=64)
    """Alerts investigated at once."""
    query_concurrency: int = Field(default=8, ge=1, le=64)
    """Lake queries of one alert under way at once."""
    history: Duration = timedelta(days=30)
    """How far playbook questions look back."""
    max_turns: int = Field(default=8, ge=1)
    max_queries: int = Field(default=40, ge=1)
    max_rows: int = Field(default=5_000, ge=1)
    max_bytes: int = Field(default=2_000_000, ge=10_000)
    max_tokens: int = Field(default=200_000, ge=1_000)
    max_seconds: float = Field(default=600, gt=0)
    query_seconds: float = Field(default=60, gt=0)
    query_rows: int = Field(default=100, ge=1)
    max_events: int = Field(default=100, ge=1)
    """Events of the alert that are read."""
    playbooks: OptionalText = ""
    """A directory with playbooks of your own, added to the shipped ones."""
    prompts: OptionalText = ""
    """A directory with templates of your own, in place of the shipped ones of the same name."""
    allowed: tuple[AllowedActivity, ...] = ()


class WritebackSettings(Section):
    enabled: bool = False
    format: Literal["html", "text"] = "html"
    token: OptionalSecret = SecretStr("")
    """A second token with Manage Alerts; empty: the reading token writes."""
    max_chars: int = Field(default=20_000, ge=1_000)
    console_url: OptionalEndpoint = ""
    """Address of your Panther console; alerts are linked there. Empty: no links."""


class StoreSettings(Section):
    url: str = "sqlite:///triage.db"


class Settings(Section):
    """The whole configuration."""

    panther: PantherSettings
    ingest: IngestSettings = IngestSettings()
    llm: LlmSettings = LlmSettings()
    investigation: InvestigationSettings = InvestigationSettings()
    writeback: WritebackSettings = WritebackSettings()
    store: StoreSettings = StoreSettings()

    @property
    def uses_llm(self) -> bool:
        """Whether a language model investigates."""
        choice = self.investigation.analyst
        return choice is AnalystChoice.LLM or (choice is AnalystChoice.AUTO and self.llm.configured)


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
