"""The types of single values in the configuration; each refusal says what to write instead."""

from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import regex
from pydantic import AfterValidator, BeforeValidator, SecretStr, StringConstraints

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = 36_500 * 86_400
"""Seconds. What lies further back is before what a calendar has."""
_FULL_URL = "write a full URL such as https://api.example.runpanther.net/public/graphql"
_CLOUD = ".runpanther.net"
"""Under which Panther's own hosting gives each organisation a console, and an API below `api.`"""
_API_URL = (
    "write the API URL that Panther shows above its API tokens, https://api.<name>.runpanther.net/public/graphql for a "
    "console at https://<name>.runpanther.net"
)
GRAPHQL_PATHS = ("/public/graphql", "/graphql")
"""How the path of a GraphQL address ends; the REST paths begin where it does."""
_DURATION = regex.compile(r"^\s*(\d+(?:\.\d+)?)\s*([smhd])\s*$")


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write a duration such as 90s, 15m, 24h or 30d")
    seconds = float(match.group(1)) * _UNITS[match.group(2)]
    if seconds > _LONGEST:
        raise ValueError("write a duration of at most 36500d")
    return timedelta(seconds=seconds)


def parse_duration(text: str) -> timedelta:
    """Read `90s`, `15m`, `24h` or `30d`. Raises ValueError."""
    value = _duration(text)
    assert isinstance(value, timedelta)
    return value


def _above_zero(value: timedelta) -> timedelta:
    if not value:
        raise ValueError("write a duration above zero, such as 90s, 15m, 24h or 30d")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Interval = Annotated[Duration, AfterValidator(_above_zero)]
"""A duration above zero."""


def _switched_duration(value: object) -> object:
    # YAML reads `off` as false.
    return timedelta(0) if value is False or value in (0, "0", "off") else _duration(value)


SwitchedDuration = Annotated[timedelta, BeforeValidator(_switched_duration)]
"""A duration, or `off`, which is zero."""


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def parse_endpoint(url: str) -> SplitResult:
    """Split the address of an API. Raises ValueError that says what to write instead."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        # The resolver would refuse empty or overlong labels with an error that names no setting.
        host.encode("idna")
    except ValueError as error:
        raise ValueError(_FULL_URL) from error
    if parts.scheme not in {"https", "http"} or not host:
        raise ValueError(_FULL_URL)
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("plain http:// is accepted for this machine (loopback) only; use https://")
    if "@" in parts.netloc:
        raise ValueError("leave user and password out of the URL")
    return parts


def _optional_endpoint(value: str) -> str:
    if value:
        parse_endpoint(value)
    return value.rstrip("/")


def organisation_of(url: str) -> str:
    """The organisation's name in an address of Panther's own hosting; empty for any other host."""
    host = (urlsplit(url).hostname or "").removeprefix("api.")
    return host.removesuffix(_CLOUD) if host.endswith(_CLOUD) else ""


def _panther_url(value: str) -> str:
    """The API URL; made of the console's, or of the host alone, where Panther's own hosting leaves no doubt.

    Raises ValueError that says what to write instead.
    """
    text = value.strip().rstrip("/")
    if "://" not in text and urlsplit(f"//{text}").hostname:
        text = f"https://{text}"
    try:
        parts = parse_endpoint(text)
    except ValueError as error:
        raise ValueError(_API_URL if str(error) == _FULL_URL else str(error)) from error
    organisation = organisation_of(text)
    if organisation and not parts.path.rstrip("/").endswith(GRAPHQL_PATHS):
        return f"https://api.{organisation}{_CLOUD}{GRAPHQL_PATHS[0]}"
    if organisation and not (parts.hostname or "").startswith("api."):
        return f"https://api.{organisation}{_CLOUD}{parts.path}"
    return text


def empty_for_none(value: object) -> object:
    return "" if value is None else value


PantherUrl = Annotated[str, AfterValidator(_panther_url)]
OptionalEndpoint = Annotated[str, BeforeValidator(empty_for_none), AfterValidator(_optional_endpoint)]
OptionalText = Annotated[str, BeforeValidator(empty_for_none)]
OptionalSecret = Annotated[SecretStr, BeforeValidator(lambda value: "" if value is None else value)]


def upper(value: object) -> object:
    """Enum values may be written in any case."""
    if isinstance(value, list):
        return tuple(upper(item) for item in value)
    return value.upper() if isinstance(value, str) else value


MAX_PATTERN = 1_000
"""Characters of an expression; longer ones should be lists (`detections_deny`) or are a mistake."""


def _pattern(value: str) -> str:
    if len(value) > MAX_PATTERN:
        raise ValueError(f"a regular expression of {len(value)} characters; the limit is {MAX_PATTERN}")
    try:
        regex.compile(value)
    except (RecursionError, MemoryError, OverflowError) as error:
        raise ValueError("a regular expression that is too large or nested too deeply") from error
    except regex.error as error:
        raise ValueError(f"not a Python regular expression: {error}") from error
    return value


def status_name(value: object) -> object:
    """A status in any case; `Invalid` is what Panther's console calls CLOSED."""
    name = upper(value)
    if isinstance(name, tuple):
        return tuple(map(status_name, name))
    return "CLOSED" if name == "INVALID" else name


Pattern = Annotated[str, BeforeValidator(empty_for_none), AfterValidator(_pattern)]
StatusName = Literal["OPEN", "TRIAGED", "RESOLVED", "CLOSED"]
QualityName = Literal["NOISE", "USEFUL"]
Tag = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,30}$")]
"""A context tag of an alert, as Panther allows it."""
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


_QUIET = regex.compile(r"^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$")


def _quiet_hours(value: str) -> str:
    match = _QUIET.match(value)
    if value and (match is None or match.group(1, 2) == match.group(3, 4)):
        raise ValueError("write two times of day such as 22:00-06:00")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("write a time zone such as Europe/Berlin or UTC") from error
    return value


QuietHours = Annotated[str, AfterValidator(_quiet_hours)]
Zone = Annotated[str, AfterValidator(_zone)]
