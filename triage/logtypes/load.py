"""Finds what is known of a log type. A file is read when its log type first comes up, and kept."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from triage.domain.entity import Role
from triage.domain.globs import any_glob
from triage.domain.identity import SHARED_KINDS, IdentityKind
from triage.domain.question import ActionClass
from triage.domain.yaml_lines import read_yaml
from triage.logtypes.fields import FieldKind
from triage.logtypes.names import guessed_harm
from triage.logtypes.parameters import Protection, columns_sql, matching_sql
from triage.logtypes.paths import Part, parse_path
from triage.logtypes.schema import Derivation, EntityPaths, Harm, LogType, Term, TrustPaths, table_of
from triage.logtypes.words import holes

_DIRECTORY: Final = Path(__file__).parent
_MAX_NAME: Final = 200
"""Characters of a log type's name; an event may claim any."""


@dataclass(frozen=True, slots=True)
class EntityField:
    """A path of an event at which an entity is found."""

    role: Role
    kind: FieldKind
    path: tuple[Part, ...]
    below: bool
    """Every scalar at or below the path is meant."""


@dataclass(frozen=True, slots=True)
class HarmfulAction:
    """What an action can be good for."""

    harm: Harm
    seriousness: float


@cache
def _stems() -> frozenset[str]:
    return frozenset(path.stem for path in _DIRECTORY.glob("*.yaml"))


@cache
def _read(stem: str) -> LogType:
    return read_yaml(_DIRECTORY / f"{stem}.yaml").validate(LogType)


def shipped_log_types() -> tuple[LogType, ...]:
    """Every file there is, in order of file name. Reads them all: for rare needs and tests."""
    return tuple(_read(stem) for stem in sorted(_stems()))


@lru_cache(maxsize=1024)
def log_type_files(log_type: str) -> tuple[LogType, ...]:
    """The file of a log type and those of its families, nearest first; empty where nothing is known of it."""
    found = []
    parts = log_type[:_MAX_NAME].casefold().split(".")
    for size in range(len(parts), 0, -1):
        name = ".".join(parts[:size])
        if table_of(name) in _stems():
            file = _read(table_of(name))
            if file.log_type.casefold() in (f"{name}.*", log_type.casefold()):
                found.append(file)
    return tuple(found)


def log_type_of_table(table: str) -> LogType | None:
    """The file of the log type that a table holds."""
    file = _read(table) if table in _stems() else None
    return file if file is not None and not file.is_family else None


def terms_of(log_type: str) -> Mapping[str, Term]:
    """How a log type says who, what, where; empty where that is not known."""
    return next((_derived(log_type) for file in log_type_files(log_type) if file.terms), {})


def with_derived(log_type: str, terms: Mapping[str, Term]) -> Mapping[str, Term]:
    """Terms, and what follows from them and from the lists in a log type's file."""
    files = log_type_files(log_type)
    harmful = [
        glob
        for file in files
        for by_seriousness in file.harmful.values()
        for globs in by_seriousness.values()
        for glob in globs
    ]
    found = {
        "harmful": Term(sql=matching_sql(harmful)),
        "parameters": Term(sql=columns_sql(path for file in files for path in file.parameter_paths())),
        # Most logs show no second factor, and tell only refusals from other calls.
        "second_factor": Term(sql="1 = 0"),
        "failed": terms.get("refused", Term(sql="1 = 0")),
    }
    personal = {kind: term for kind, term in identities_of(log_type).items() if kind not in SHARED_KINDS}
    if personal:
        found["person"] = Term(sql=(personal.get(IdentityKind.EMAIL) or next(iter(personal.values()))).sql)
    conditional = [glob for file in files for rule in file.harmless for glob in rule.actions]
    conditional += [glob for file in files for entry in file.admits for glob in entry.actions]
    conditional += [glob for file in files for entry in file.details for glob in entry.actions]
    # What a harmful call was about is asked for as well where a sentence would name it.
    said = [glob for file in files for entry in file.words if entry.paths for glob in entry.actions]
    conditional += [glob for glob in said if glob not in conditional and any_glob(glob, harmful)]
    conditional += [glob for glob in harmful if glob not in conditional and any_glob(glob, said)]
    if conditional:
        found["conditional"] = Term(sql=matching_sql(conditional))
    sign_ins = [glob for file in files for glob in file.sign_ins]
    if sign_ins:
        found["sign_in"] = Term(sql=matching_sql(sign_ins))
    return {**found, **terms}


@lru_cache(maxsize=256)
def _derived(log_type: str) -> Mapping[str, Term]:
    file = next(file for file in log_type_files(log_type) if file.terms)
    return with_derived(log_type, file.terms)


def derivations(log_type: str, action: str) -> Iterator[Derivation]:
    """How to read the identities that an action makes or reaches."""
    for file in log_type_files(log_type):
        yield from (each for each in file.derives if any_glob(action, each.actions))


def identities_of(log_type: str) -> Mapping[IdentityKind, Term]:
    """By which kinds of identity a log type names whoever acts, and where; empty where that is not known."""
    return next((file.identities for file in log_type_files(log_type) if file.identities), {})


def trust_paths(log_type: str) -> TrustPaths:
    """Who chose the content of a log type's fields; without paths where that is not known."""
    return next((file.trust for file in log_type_files(log_type) if file.trust is not None), TrustPaths())


@lru_cache(maxsize=1024)
def entity_fields(log_type: str) -> tuple[EntityField, ...]:
    """The fields of a log type that hold entities; empty where they are not known."""
    entities = next((file.entities for file in log_type_files(log_type) if file.entities is not None), None)
    if entities is None:
        return ()
    found = list(_fields(entities, entities.below))
    for include in entities.include:
        included = _read(table_of(include.log_type.removesuffix(".*"))).entities
        found += _fields(included, include.below) if included is not None else ()
    return tuple(found)


def _fields(entities: EntityPaths, below: Iterable[str]) -> Iterator[EntityField]:
    for role, kind, paths in entities.paths():
        for prefix in below:
            for path in paths:
                whole = f"{prefix}.{path}" if prefix else path
                has_below = path.endswith(".**") or kind is FieldKind.SCAN
                yield EntityField(role, kind, parse_path(whole.removesuffix(".**")), has_below)


def knows_harmful_actions(log_type: str) -> bool:
    """Whether the log type's file lists harmful actions, so that their absence means something."""
    return any(file.harmful for file in log_type_files(log_type))


@lru_cache(maxsize=4096)
def harmful_action(log_type: str, action: str) -> HarmfulAction | None:
    """What an action can be good for; `None` where there is nothing to say. Letter case doesn't matter.

    Of a log type without a catalogue the classes tell, and the words of the name.
    """
    for file in log_type_files(log_type):
        for harm, by_seriousness in file.harmful.items():
            for seriousness, globs in by_seriousness.items():
                if any_glob(action, globs):
                    return HarmfulAction(harm, seriousness)
    if knows_harmful_actions(log_type):
        return None
    for action_class, harm in _BY_CLASS.items():
        if any_glob(action.casefold(), class_globs(log_type, action_class)):
            return HarmfulAction(harm, BY_CLASS)
    guess = guessed_harm(action)
    return HarmfulAction(*guess) if guess is not None else None


_HARM_OF = {
    ActionClass.GRANT: Harm.PRIVILEGE,
    ActionClass.LOG_TAMPERING: Harm.EVASION,
    ActionClass.SECRET_ACCESS: Harm.CREDENTIALS,
    ActionClass.DATA_ACCESS: Harm.COLLECTION,
    ActionClass.SHARING: Harm.EXPOSURE,
    ActionClass.EXECUTION: Harm.EXECUTION,
    ActionClass.DELETION: Harm.DESTRUCTION,
}
_BY_CLASS = {
    ActionClass.LOG_TAMPERING: Harm.EVASION,
    ActionClass.GRANT: Harm.PRIVILEGE,
    ActionClass.KEY_CREATION: Harm.PERSISTENCE,
    ActionClass.FACTOR_CHANGE: Harm.PERSISTENCE,
    ActionClass.ACCOUNT_CREATION: Harm.PERSISTENCE,
    ActionClass.SECRET_ACCESS: Harm.CREDENTIALS,
    ActionClass.SHARING: Harm.EXPOSURE,
}
BY_CLASS = 0.7
"""How grave an act is of which only the class is known."""


def protections_taken(log_type: str, action: str) -> tuple[Protection, ...]:
    """What is known of the protection that an action takes away from one thing; empty where it is not that of one."""
    files = log_type_files(log_type)
    return tuple(entry for file in files for entry in file.protections if any_glob(action, entry.actions))


@lru_cache(maxsize=1024)
def class_globs(log_type: str, action_class: ActionClass) -> tuple[str, ...]:
    """The actions that the log type's file puts into a class, as globs in lower case; empty where it names none."""
    files = log_type_files(log_type)
    found = [glob for file in files for glob in file.classes.get(action_class, ())]
    if action_class is ActionClass.SIGN_IN:
        found += [glob for file in files for glob in file.sign_ins]
    harm = _HARM_OF.get(action_class)
    if harm is not None and not any(action_class in file.classes for file in files):
        found += [glob for file in files for globs in file.harmful.get(harm, {}).values() for glob in globs]
    return tuple(dict.fromkeys(glob.casefold() for glob in found))


def is_override(log_type: str, action: str) -> bool:
    """Whether an action goes past a protection once and leaves it as it is."""
    return any(any_glob(action, file.overrides) for file in log_type_files(log_type))


def tells_harmless_calls(log_type: str, action: str) -> bool:
    """Whether the parameters of an action tell its harmless calls from the others."""
    return any(any_glob(action, rule.actions) for file in log_type_files(log_type) for rule in file.harmless)


def is_self_service(log_type: str, action: str) -> bool:
    """Whether people do this on their own account."""
    return any(action in file.self_service for file in log_type_files(log_type))


@lru_cache(maxsize=4096)
def is_detection_event(log_type: str, action: str) -> bool:
    """Whether an event reports on its actor instead of something that the actor did.

    The action is as the term `action` gives it, or empty for a log type without that term. Letter case doesn't matter.
    """
    return any(any_glob(action, file.detections) for file in log_type_files(log_type))


@lru_cache(maxsize=4096)
def phrases_of(log_type: str, action: str) -> tuple[str, ...]:
    """How an action is said in a sentence, the fullest phrase first; empty where no file says it."""
    words = (each for file in log_type_files(log_type) for each in file.words)
    return next((each.say for each in words if any_glob(action, each.actions)), ())


def name_of_number(log_type: str, action: str) -> str:
    """What an action is called that the log gives as a number, such as `set a password`; empty for others."""
    if not action.isdecimal():
        return ""
    return next((phrase for phrase in phrases_of(log_type, action) if not holes(phrase)), "")


def product_of(log_type: str) -> str:
    """What people call the product whose log it is: `Okta` of `Okta.SystemLog`."""
    said = (file.product for file in log_type_files(log_type) if file.product)
    return next(said, log_type.partition(".")[0])


def is_emergency_account(log_type: str, actor: str) -> bool:
    """Whether an actor is an account for emergencies, such as the root user: what it usually does excuses nothing."""
    return any(any_glob(actor, file.emergency_accounts) for file in log_type_files(log_type))


@cache
def _recognised() -> tuple[tuple[str, frozenset[str]], ...]:
    return tuple((file.log_type, frozenset(file.recognised_by)) for file in shipped_log_types() if file.recognised_by)


def recognise(columns: Iterable[str]) -> str:
    """The log type that an event's columns show; empty where they fit none."""
    folded = frozenset(column.casefold() for column in columns)
    return next((log_type for log_type, needed in _recognised() if needed <= folded), "")
