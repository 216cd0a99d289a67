"""`routes:` of the configuration: where results are sent on to.

The address of a destination holds a token, so it is never written into the file: `url_env` names an environment variable,
`url_file` a file. The loader reads it; what it has read is a secret from then on.
"""

import re
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from triage.domain.alert import Severity
from triage.domain.route import Conditions, ConfidenceWord, Match
from triage.domain.verdict import Disposition
from triage.settings.section import Section
from triage.settings.values import (
    OptionalEndpoint,
    OptionalText,
    QuietHours,
    SeverityName,
    Zone,
    empty_for_none,
    upper,
)

_TOKEN_LIKE = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9+/=_~-]{16,}")
"""A part of an address that is a token rather than a name: host and channel names have dots, or no digits, or are short."""


class JiraSettings(Section):
    """A Jira project in which issues are created and updated."""

    url: OptionalEndpoint
    """Such as `https://example.atlassian.net`."""
    project: str = Field(min_length=1, pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    """Its key, such as `SEC`."""
    issue_type: str = Field(default="Task", min_length=1)
    user: OptionalText = ""
    """E-mail address that the API token of Jira Cloud belongs to; empty: a personal access token of Data Center."""

    @field_validator("url")
    @classmethod
    def _given(cls, value: str) -> str:
        if not value:
            raise ValueError("write the address of your Jira, such as https://example.atlassian.net")
        return value


class RouteSettings(Section):
    """One route: which results, and where to."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")
    url_env: OptionalText = ""
    """Environment variable with the destination's address; with `jira`, its token."""
    url_file: OptionalText = ""
    """File with the same, on its first line."""
    url: SecretStr = SecretStr("")
    """What they hold. Only the loader sets it: the configuration may not."""
    jira: JiraSettings | None = None
    verdicts: tuple[Disposition, ...] = ()
    confidence: tuple[ConfidenceWord, ...] = ()
    severities: Annotated[tuple[SeverityName, ...], BeforeValidator(upper)] = ()
    detections: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    case: bool | None = None
    quiet_hours: Annotated[QuietHours, BeforeValidator(empty_for_none)] = ""
    """In these hours messages wait."""
    hourly_cap: int = Field(default=0, ge=0, le=500)
    """Messages an hour; what comes on top is sent as one summary. 0: no limit. At most as many as the outbox counts."""

    @model_validator(mode="after")
    def _one_place(self) -> "RouteSettings":
        if bool(self.url_env) == bool(self.url_file):
            raise ValueError("name either url_env or url_file, which holds the address or, with jira, the token")
        return self

    @property
    def conditions(self) -> Conditions:
        """What a result has to be like."""
        return Conditions(
            verdicts=self.verdicts,
            confidence=self.confidence,
            severities=tuple(Severity(name) for name in self.severities),
            detections=self.detections,
            tags=self.tags,
            case=self.case,
        )

    @property
    def updates(self) -> bool:
        """Whether what was sent can be changed afterwards; else a further message refers to it."""
        return self.jira is not None


class RoutesSettings(Section):
    enabled: bool = False
    """Results are sent on as `to` says."""
    match: Match = "first"
    timezone: Zone = "UTC"
    """For `quiet_hours`."""
    to: tuple[RouteSettings, ...] = ()

    @field_validator("to")
    @classmethod
    def _names_differ(cls, value: tuple[RouteSettings, ...]) -> tuple[RouteSettings, ...]:
        names = [route.name for route in value]
        if twice := next((name for name in names if names.count(name) > 1), ""):
            raise ValueError(f"two routes are called {twice}; each needs a name of its own")
        return value

    @property
    def conditions(self) -> tuple[tuple[str, Conditions], ...]:
        """Name and conditions of each route."""
        return tuple((route.name, route.conditions) for route in self.to)

    def route(self, name: str) -> RouteSettings | None:
        """The route of that name."""
        return next((route for route in self.to if route.name == name), None)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no text may hold: each address, and what in it is a token or a password."""
        return tuple(part for route in self.to for part in secret_parts(route.url.get_secret_value()))


def secret_parts(address: str) -> tuple[str, ...]:
    """The secrets in the address of a destination: the whole of it, its password, and every part that looks like a token.

    Names of hosts, channels and people are not among them: they stand in evidence as well.
    """
    if not address:
        return ()
    try:
        parts = urlsplit(address)
        password = unquote(parts.password or "")
    except ValueError:
        return (address,)
    pieces = re.split(r"[/@:?&=#,]", f"{parts.netloc}{parts.path}?{parts.query}")
    tokens = [piece for piece in map(unquote, pieces) if _TOKEN_LIKE.fullmatch(piece)]
    return tuple(dict.fromkeys(filter(None, (address, password, *tokens))))
