"""What is asked of the lake, as a value: the one language of playbooks, compiled runbooks and the model's own questions.

A question says about whom, in which logs, when, which acts, and what is wanted of them. It holds no SQL: a compiler
writes that from the terms of each log type, so that whoever writes a question can't widen what may be read.
"""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_serializer, model_validator

from triage.domain.base import Value
from triage.domain.identity import Identity, IdentityKind

_EDGE = re.compile(r"([+-])(\d{1,5}(?:\.\d{1,3})?)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_NAMED_EDGES = ("history", "dwell", "now")
_ZERO = ("-0s", "+0s")
_LAST_BEFORE = "-1s"
"""What lies before the alert ends here: the alert's own first event is no part of it."""
MAX_SUBJECTS = 6
MAX_NAMES = 40


def offset(edge: str) -> timedelta:
    """The time span of an edge such as `-24h` or `+90m`. Raises ValueError for the named ones."""
    if edge == _LAST_BEFORE:
        # To the last instant that a lake tells apart: a second is enough to do something in.
        return -timedelta(milliseconds=1)
    match = _EDGE.fullmatch(edge)
    if match is None:
        raise ValueError(f"not an offset: {edge!r}")
    span = timedelta(seconds=float(match.group(2)) * _SECONDS[match.group(3)])
    return -span if match.group(1) == "-" else span


def _edge(value: str) -> str:
    if value not in _NAMED_EDGES and not _EDGE.fullmatch(value):
        raise ValueError("write `history`, `dwell`, `now`, or an offset to the alert's moment such as -24h, -1s or +6h")
    return value


Edge = Annotated[str, AfterValidator(_edge)]


class Window(Value):
    """Which time a question covers, around the alert's events."""

    start: Edge = Field(alias="from")
    """Offsets count from the first event; `history` is as far back as the configuration looks."""
    end: Edge = Field(alias="to")
    """Offsets above zero count from the last event; `dwell` is the start of the dwell time before the first."""

    @model_serializer
    def _write(self) -> dict[str, str]:
        return {"from": self.start, "to": self.end}

    @property
    def without_own_event(self) -> Self:
        """The same window without the alert's own first event, where it ends there."""
        return self.model_copy(update={"end": _LAST_BEFORE}) if self.end in _ZERO else self


class SubjectRole(StrEnum):
    """Whom or what of the alert a question is about."""

    ACTOR = "actor"
    """Whoever acted, under all their linked names."""
    ADDRESS = "address"
    """Where they came from."""
    SESSION = "session"
    """The credential or session they used."""
    TARGET = "target"
    """What was acted on."""
    RECIPIENT = "recipient"
    """The party that was given something: a share, a grant, a trust."""
    DERIVED = "derived"
    """Identities that the act made or reached: the new key, the account whose password was set."""
    HOST = "host"
    """The machine it happened on."""
    HASH = "hash"
    """The files in it, by their hashes."""
    OTHERS = "others"
    """Everyone but the actor."""
    ANYONE = "anyone"


FIELD = "field"
"""Begins a subject that is a field of the alert's own events, searched for in the same field of the same log."""
INDICATORS = ("ip", "domain", "hash", "arn", "account", "any")
"""Kinds of literal values that are no identity, searched for in Panther's indicator columns."""
_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,100}(\.[A-Za-z0-9_-]{1,100}){0,12}")


class Subject(Value):
    """A role of the alert, a field of its events, or a literal value with its kind.

    Written as text: `actor`, `field:requestParameters.bucketName`, `email:alice@example.com`, `ip:203.0.113.9`.
    """

    role: SubjectRole | None = None
    field: str = ""
    """Dotted path into the alert's events."""
    kind: str = ""
    """An `IdentityKind` or one of `INDICATORS`."""
    value: str = Field(default="", max_length=500)

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        kind, separator, value = given.strip().partition(":")
        if not separator:
            return {"role": kind}
        return {"field": value.replace(":", ".")} if kind == FIELD else {"kind": kind, "value": value}

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum((self.role is not None, bool(self.field), bool(self.kind))) != 1 or bool(self.kind) != bool(self.value):
            raise ValueError("a subject is a role, `field:path` or `kind:value`")
        if self.field and not _PATH.fullmatch(self.field):
            raise ValueError(f"not a path of an event: {self.field[:80]!r}")
        if self.kind and self.kind not in (*INDICATORS, *(each.value for each in IdentityKind)):
            raise ValueError(f"unknown kind {self.kind[:40]!r}")
        return self

    @model_serializer
    def _write(self) -> str:
        return str(self)

    def __str__(self) -> str:
        if self.role is not None:
            return self.role.value
        return f"{FIELD}:{self.field}" if self.field else f"{self.kind}:{self.value}"

    @property
    def identity(self) -> Identity | None:
        """The literal value as an identity, where it is one."""
        if not self.kind or self.kind in INDICATORS:
            return None
        return Identity.of(IdentityKind(self.kind), self.value)


class ActionClass(StrEnum):
    """Kinds of act; the file of a log type says which of its actions are of which class."""

    SIGN_IN = "sign-in"
    FACTOR_CHANGE = "factor change"
    """Second factors are enrolled, reset or removed."""
    ACCOUNT_CREATION = "account creation"
    KEY_CREATION = "key creation"
    """Keys, tokens, passwords, certificates and other credentials are made."""
    GRANT = "grant"
    """Rights, roles or memberships are given."""
    LOG_TAMPERING = "log tampering"
    """Logs, detections or protections are switched off or weakened."""
    SECRET_ACCESS = "secret access"  # noqa: S105 - the name of a class
    DATA_ACCESS = "data access"
    """Data is read, downloaded, copied or exported."""
    SHARING = "sharing"
    """Data or access is opened to others."""
    EXECUTION = "execution"
    """Code or commands are run."""
    DELETION = "deletion"
    CREATION = "creation"
    CHANGE = "change"
    """Anything is created, changed or deleted: every act that is no mere read."""
    READ = "read"
    """Listing, describing, getting."""


class Outcome(StrEnum):
    ANY = "any"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"


class Asked(StrEnum):
    """What is wanted of the acts that fit."""

    LIST = "list"
    """Each action with its target, address and outcome: how often, first and last."""
    SUMMARY = "summary"
    """Each action with its address: how often, how often refused, on how many targets and one of them, first and last."""
    COUNT = "count"
    """Each action: how often, on how many days, first and last."""
    FIRST_SEEN = "first seen"
    """One row: since when, last when, on how many days, how often."""
    DAYS = "by day"
    ADDRESSES = "by address"
    ACTORS = "by actor"
    TARGETS = "by target"


OWN = "own"
"""In `logs`: the log types of the alert. In `actions`: what the alert's actor did."""
SIGN_INS = "sign-ins"
"""In `logs`: every identity provider whose log is there."""
ALERTS = "alerts"
"""In `logs`: what other detections matched, in the logs of the alert."""


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Names = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=200)], ...],
    BeforeValidator(_as_list),
    Field(max_length=MAX_NAMES),
]
Subjects = Annotated[tuple[Subject, ...], BeforeValidator(_as_list), Field(max_length=MAX_SUBJECTS)]


class Question(Value):
    """One question, to each of its logs."""

    about: Subjects = (Subject(role=SubjectRole.ACTOR),)
    """Acts of any of these count. `anyone`: no matter whose."""
    on: Subjects = ()
    """If given, only acts that also have one of these: what was acted on, an address, a field's value."""
    logs: Names = (OWN,)
    """Log types by Panther's name, or `own`, `sign-ins`, `alerts`."""
    window: Window
    classes: Annotated[tuple[ActionClass, ...], BeforeValidator(_as_list)] = ()
    """Only acts of one of these classes."""
    actions: Names = ()
    """Only actions that fit one of these globs, without regard to letter case; `own` stands for the alert's own actions.
    With `classes`: of either."""
    words: Names = ()
    """Only acts whose action or service holds one of these words, such as `snapshot`; spaces, signs and letter case
    don't count."""
    outcome: Outcome = Outcome.ANY
    ask: Asked = Asked.LIST

    @property
    def plain(self) -> "Question":
        """The question alone, without what a plan adds to it."""
        return Question(**{name: getattr(self, name) for name in Question.model_fields})


COUNTED_COLUMNS = frozenset(
    {
        "day", "days", "times", "refused", "failed", "harmful", "actors", "addresses", "targets", "alerts", "on_target",
        "same_detection", "old_days", "old_refused", "first_seen", "last_seen",
    }
)  # fmt: skip
"""Columns of a compiled question's answer that are counted or timed by us. All others hold what the log says."""


class Reads(StrEnum):
    """How the answer to a planned question reads."""

    VALUE = "value"
    """It tells what there was."""
    YES_IF_ANY = "yes if any"
    YES_IF_NONE = "yes if none"
    YES_IF_AT_LEAST = "yes if at least"
    """As many acts as `at_least` says."""


class PlannedQuestion(Question):
    """A question of a runbook's step, with how its answer reads."""

    reads: Reads = Reads.VALUE
    at_least: int = Field(default=1, ge=1, le=1_000_000)
