"""What a playbook file may hold."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from triage.domain.base import Value
from triage.domain.identity import IdentityKind
from triage.domain.question import Question as Ask
from triage.domain.question import Window
from triage.logtypes import Term, TermName
from triage.stages.enrichment.rule_parts import When

LISTS = (
    "actors",
    "identities",
    "actions",
    "targets",
    "addresses",
    "recipients",
    "receivers",
    "sessions",
    "runs",
    "people",
    "names",
    "values",
    "hashes",
    "derived",
    "derived_actors",
    "derived_selves",
    "derived_sessions",
    "derived_workloads",
    "derived_emails",
    "sub_rules",
)
"""Parameters that hold one or more texts."""

TEXTS = ("actor", "account", "alert_id", "detection_id")
"""Parameters that hold one text."""

TIMES = ("moment", "last", "dwell_start", "raised")
"""Parameters that hold a time: the alert's first and last event, the start of the dwell time before it, and when Panther
raised the alert."""

MIN_SQL = 8
_NAME = re.compile(r"^[a-z][a-z0-9_]{0,63}$")


def _named(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("use lower-case letters, digits and underscores")
    return value


def _parameter(value: str) -> str:
    if value not in {*LISTS, *TEXTS, *TIMES}:
        raise ValueError(f"unknown parameter; known: {', '.join((*TEXTS, *LISTS, *TIMES))}")
    return value


Name = Annotated[str, AfterValidator(_named)]
Parameter = Annotated[str, AfterValidator(_parameter)]


class Question(Value):
    """One question to the lake."""

    id: Name
    question: str = Field(min_length=3)
    sql: str = ""
    ask: Ask | None = None
    """In place of `sql`: the question as a value, of which the compiler writes the SQL for each log type that has the
    terms it needs. Its window is that of this entry."""
    table: Name | None = None
    """Table of `panther_logs`; left out: the table of each log type of the alert."""
    database: Name = "panther_logs"
    parameters: tuple[Parameter, ...] = ()
    optional: tuple[Parameter, ...] = ()
    """Parameters without which the question is asked all the same."""
    window: Window
    limit: int = Field(default=200, ge=1, le=1000)
    measured: bool = False
    """The rows are counts and comparisons of ours rather than records."""
    kinds: tuple[IdentityKind, ...] = ()
    """Of `identities`: what the searched column holds. Without one of these kinds the question is not asked."""
    control: Annotated[str, Field(pattern="^(actor|address|any)$")] = "any"
    """What rows of anyone must hold in the window for an absence to count."""
    signals: tuple[Name, ...] = ()
    log_types: tuple[str, ...] = ()
    """Narrows the playbook's own log types."""
    optional_terms: tuple[TermName, ...] = ()
    """Terms that a log type may lack; they are NULL then."""
    when: When | None = None
    """Asked only of such alerts."""
    actions: tuple[str, ...] = ()
    """Globs; asked only where the alert's events do one of these."""

    @model_validator(mode="before")
    @classmethod
    def _give_window(cls, given: object) -> object:
        if isinstance(given, dict) and isinstance(given.get("ask"), dict) and "window" in given:
            return {**given, "ask": {"window": given["window"], **given["ask"]}}
        return given

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.ask is None) == (len(self.sql) < MIN_SQL):
            raise ValueError("give either `sql` or `ask`")
        if self.ask is not None and (
            self.parameters or self.optional or self.kinds or self.table or self.optional_terms
        ):
            raise ValueError(
                "`ask` says itself about whom and what it is: leave out parameters, kinds, table and terms"
            )
        return self


class Provider(Value):
    """An identity provider that is asked whatever the alert is about."""

    log_type: str
    product: str
    """Takes the place of `{product}` in the text of a question."""


class Playbook(Value):
    """One file."""

    playbook: Name
    log_types: tuple[str, ...] = ("*",)
    """Globs."""
    without_terms: bool = False
    """Only for log types whose terms are not known."""
    every_alert: bool = False
    """Asked whatever the log types are, once; each question names its table, unless the playbook has `asked_of`."""
    asked_of: dict[Name, Provider] = Field(default_factory=dict)
    """Of every alert: asked of each of these that has the terms. The names begin the keys of the questions."""
    entity_kinds: tuple[str, ...] = ()
    """Asked only where the alert has an entity of one of these kinds."""
    tags: tuple[str, ...] = ()
    """Globs over the detection's tags; asked only where one matches."""
    detections: tuple[str, ...] = ()
    """Globs over detection ids."""
    terms: dict[TermName, Term] = Field(default_factory=dict)
    """Of a log type that has no file, or in place of that file's."""
    questions: tuple[Question, ...] = ()
