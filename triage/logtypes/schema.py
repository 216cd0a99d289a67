"""What the file of a log type may hold. `docs/log-types.md` explains each key to the people who write these files."""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from triage.domain.base import Value
from triage.domain.derived import Relation
from triage.domain.entity import Role
from triage.domain.identity import IdentityKind
from triage.domain.question import ActionClass
from triage.logtypes.columns import column_of
from triage.logtypes.fields import FieldKind
from triage.logtypes.parameters import Admits, Details, Harmless, Parties, Protection
from triage.logtypes.paths import parse_path
from triage.logtypes.words import Words

TERMS = (
    "actor",
    "action",
    "target",
    "address",
    "recipient",
    "receiver",
    "session",
    "refused",
    "failed",
    "second_factor",
    "self",
    "workload",
    "country",
    "service",
    "host",
    "step",
    "result",
    "verified",
    "device",
    "owner",
    "reported_address",
)
"""What a log type may say of itself; `docs/log-types.md` says what each term means."""

DERIVED_TERMS = ("harmful", "conditional", "sign_in", "parameters", "person")
"""What follows from a file's lists, for questions alone: the identity by which the log knows people; whether the column `action` of a subquery is one of the harmful
actions, of those whose harm depends on parameters, or of the sign-ins; and these parameters."""


class ColumnKind(StrEnum):
    """What a column of a table holds."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"
    JSON = "json"
    """An object or a list."""


class Harm(StrEnum):
    """What an action can be good for, after the tactics of MITRE ATT&CK."""

    PERSISTENCE = "a way back in"
    PRIVILEGE = "more rights"
    EVASION = "blinding of logs or protections"
    CREDENTIALS = "access to secrets"
    COLLECTION = "access to data"
    EXPOSURE = "exposure to outsiders"
    DESTRUCTION = "destruction"
    EXECUTION = "running of code"


def _is_path(text: str) -> str:
    if any(part.key == "**" for part in parse_path(text.removesuffix(".**"))):
        raise ValueError(f"`**` belongs at the end of a path: {text!r}")
    return text


def _is_term_path(text: str) -> str:
    if text and any(part.key == "*" or part.where for part in parse_path(text)):
        raise ValueError(f"a term is one value, so its path has no `*` and no condition: {text!r}")
    return text


def _is_term(name: str) -> str:
    if name not in TERMS:
        raise ValueError(f"unknown term; known: {', '.join(TERMS)}")
    return name


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _as_texts(value: object) -> object:
    return [str(item) if type(item) is int else item for item in value] if isinstance(value, list) else value


def _harm(name: object) -> object:
    if not isinstance(name, str) or name.upper() not in Harm.__members__:
        raise ValueError(f"unknown kind of harm; known: {', '.join(each.lower() for each in Harm.__members__)}")
    return Harm[name.upper()]


TermName = Annotated[str, AfterValidator(_is_term)]
Path = Annotated[str, AfterValidator(_is_path)]
TermPath = Annotated[str, AfterValidator(_is_term_path)]
"""A path to one value, or nothing."""
Paths = Annotated[tuple[Path, ...], BeforeValidator(_as_list)]
"""One path or several."""
Globs = Annotated[tuple[str, ...], BeforeValidator(_as_list)]
"""One glob or several."""


class Take(Value):
    """One way to read a term's value from an event."""

    path: TermPath = ""
    """Dotted path; a key that itself holds dots is written in braces."""
    text: str = ""
    """A text with paths in braces, such as `{verb} {objectRef.resource}`, in place of `path`. It counts where one of the
    paths has a value, and always where it has no path."""
    after: str = ""
    """Keep what follows the first occurrence of this."""
    before: str = ""
    """Keep what comes before the first occurrence of this."""
    where: dict[str, Globs] = Field(default_factory=dict)
    """Paths that must match one of these globs each."""
    lower: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of a path in which one holds dots itself; empty for every other path."""
        return tuple(part.name for part in parse_path(self.path)) if "{" in self.path else ()


class Term(Value):
    """How a log type says one thing: in SQL for the lake, and as paths for the alert's own events.

    In a file, a path, a list of paths or one `Take` is enough where SQL follows from it.
    """

    sql: str = Field(min_length=1)
    take: tuple[Take, ...] = ()
    """Tried in order; the first that gives a value counts."""

    @model_validator(mode="before")
    @classmethod
    def _spell_out(cls, given: object) -> object:
        """Turn the short forms into the full one."""
        match given:
            case str() | list():
                given = {"take": given}
            case {"path": _} | {"text": _}:
                given = {"take": [given]}
        if not isinstance(given, dict) or "take" not in given:
            return given
        takes = given["take"] if isinstance(given["take"], list) else [given["take"]]
        takes = [{"path": take} if isinstance(take, str) else take for take in takes]
        return {**given, "take": takes, "sql": given.get("sql") or _sql(takes)}


def _sql(takes: list[object]) -> str:
    """The SQL that follows from paths alone, and from what a value has after a sign that it holds once."""
    plain = [take for take in takes if isinstance(take, dict) and take.keys() <= {"path", "lower", "after"}]
    lower = {take.get("lower", False) for take in takes if isinstance(take, dict)}
    if not plain or len(plain) < len(takes) or len(lower) > 1:
        raise ValueError("no SQL follows from these paths; give `sql` as well")
    columns = [_column(str(take["path"]), str(take.get("after", ""))) for take in plain]
    found = columns[0] if len(columns) == 1 else f"COALESCE({', '.join(columns)})"
    return f"LOWER({found})" if True in lower else found


def _column(path: str, after: str) -> str:
    column, sign = column_of(path), after.replace("'", "''")
    return f"NULLIF(SPLIT_PART({column}, '{sign}', 2), '')" if after else column


class Include(Value):
    """The paths of another log type, whose record this one holds or resembles; not what that one includes."""

    log_type: str
    below: tuple[str, ...] = ("",)
    """As in `EntityPaths`, whose own `below` it replaces."""


class EntityPaths(Value):
    """Who acted, from where, and on what: by role, then by what the field holds."""

    below: tuple[str, ...] = ("",)
    """The fields that may hold the record, each tried for every path; an empty one is the event itself."""

    actor: dict[FieldKind, Paths] = Field(default_factory=dict)
    source: dict[FieldKind, Paths] = Field(default_factory=dict)
    target: dict[FieldKind, Paths] = Field(default_factory=dict)
    other: dict[FieldKind, Paths] = Field(default_factory=dict)
    include: tuple[Include, ...] = ()

    def paths(self) -> Iterator[tuple[Role, FieldKind, tuple[str, ...]]]:
        """The file's own paths, in its order."""
        for role in Role:
            for kind, paths in getattr(self, role.value).items():
                yield role, kind, paths


class TrustPaths(Value):
    """Who chose a field's content. What no list names is the acting party's; see `logtypes.trust`."""

    provider: tuple[Path, ...] = ()
    session: tuple[Path, ...] = ()
    """The provider's unless it holds a session name, which the caller of an assumed role chooses."""
    identifier: tuple[Path, ...] = ()
    """The provider's where it reads like an identifier; a failed login is logged under whatever was typed."""
    actor: tuple[Path, ...] = ()
    """Wins over the others: it takes something out of a `**`."""


Actions = Annotated[tuple[str, ...], BeforeValidator(_as_texts)]
Seriousness = Annotated[float, Field(ge=0.3, le=1.0)]
"""From 0.3 (ordinary work that intruders do too) to 1.0 (rarely done, and then by few people)."""


class Derivation(Take):
    """An identity that an act makes or reaches, and under which its harm may run; read as a term's value is."""

    actions: Annotated[Actions, Field(min_length=1)]
    """Globs, as the term `action` gives them."""
    relation: Relation
    kind: IdentityKind
    each: Path = ""
    """Paths of which each hit is called `item`: `{item.name}` is then the name of each."""
    found_in: TermName = "actor"
    """The term that holds the identity where it acts itself."""


class LogType(Value):
    """One file. What it leaves out comes from its family's file, if there is one."""

    log_type: Annotated[str, Field(pattern=r"^[A-Za-z0-9]+(\.[A-Za-z0-9_]+)*(\.\*)?$")]
    """Panther's name; one that ends in `.*` covers every log type of the family that has no file."""
    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    """Where the names are published."""
    names: tuple[str, ...] = ()
    """What people call the log beside Panther's name for it, such as `Entra ID`."""
    product: str = ""
    """What people call the product whose log it is, such as `Google Workspace`; empty: the first part of the name."""
    called: dict[Annotated[str, Field(pattern=r"^[a-z0-9]+([ -][a-z0-9]+)*$")], Globs] = Field(default_factory=dict)
    """What people call services and things, in the singular: the words that this log's actions or services hold for them."""
    recognised_by: tuple[str, ...] = ()
    """Columns, in lower case, that together only this log type has, for events that don't name theirs."""
    event_time: TermPath = ""
    """The field that says when the event happened, where it has several times or one under an unusual name."""
    columns: dict[ColumnKind, tuple[str, ...]] = Field(default_factory=dict)
    """The table's columns, so that the sandbox's lake has those that never occurred."""
    terms: dict[TermName, Term] = Field(default_factory=dict)
    identities: dict[IdentityKind, Term] = Field(default_factory=dict)
    """Whoever acts, as each kind of identity that the log has for them: in which column each is found again."""
    entities: EntityPaths | None = None
    trust: TrustPaths | None = None
    harmful: dict[Annotated[Harm, BeforeValidator(_harm)], dict[Seriousness, Actions]] = Field(default_factory=dict)
    """Globs of actions that serve an intruder once inside, as the term `action` gives them; the first match counts."""
    harmless: tuple[Harmless, ...] = ()
    """Calls that are named above and do no harm, by their parameters; one that fits is enough."""
    admits: tuple[Admits, ...] = ()
    """Where calls say whom they let in."""
    details: tuple[Details, ...] = ()
    """Further parameters of harmful calls that are shown with them."""
    protections: tuple[Protection, ...] = ()
    """Which logs and protections belong to one thing, and go with it."""
    parties: Parties | None = None
    """How those and callers are named."""
    classes: dict[ActionClass, Actions] = Field(default_factory=dict)
    """Globs of the actions of each class; one that is left out follows from `harmful`. See `questions.classes`."""
    sign_ins: Actions = ()
    """Globs of actions that are sign-ins, refused or not; empty where a playbook of its own asks for them."""
    overrides: Actions = ()
    """Globs of actions that go past a protection once, so that none of it stays off."""
    self_service: tuple[str, ...] = ()
    """Actions that people take on their own account; from their usual place these are housekeeping."""
    emergency_accounts: tuple[str, ...] = ()
    """Globs of actors that are meant for emergencies, such as the root user: no habit of theirs excuses their use."""
    detections: tuple[str, ...] = ()
    """Globs of actions that nobody takes: the product reports something about the actor. `*` is every event."""
    derives: tuple[Derivation, ...] = ()
    """Identities that actions make or reach."""
    words: tuple[Words, ...] = ()
    """How actions are said in a sentence; the first entry that fits counts."""

    @property
    def is_family(self) -> bool:
        """Whether the file speaks for several log types."""
        return self.log_type.endswith(".*")

    def parameter_paths(self) -> tuple[str, ...]:
        """The paths that decide whether a call does harm, whom it lets in, and what it is shown and said to have done."""
        found = [path for rule in self.harmless for path in rule.paths]
        found += [path for entry in self.admits for path in entry.paths]
        found += [path for entry in self.details for path in entry.paths]
        found += [path for entry in self.words for path in entry.paths]
        own = self.parties.own if self.parties is not None and self.admits else ()
        return tuple(dict.fromkeys((*own, *found)))

    @model_validator(mode="after")
    def _family_has_no_terms(self) -> "LogType":
        if self.is_family and (self.terms or self.harmful or self.detections):
            raise ValueError("a family has no terms or actions: its log types have different columns")
        return self

    @model_validator(mode="after")
    def _detections_can_match(self) -> "LogType":
        if "action" not in self.terms and any(glob != "*" for glob in self.detections):
            raise ValueError("without the term `action`, `detections` can only be `*`, for every event")
        return self


def table_of(log_type: str) -> str:
    """The table of a log type: `AWS.CloudTrail` is stored in `aws_cloudtrail`."""
    return re.sub(r"[^a-z0-9_]", "_", log_type.lower())
