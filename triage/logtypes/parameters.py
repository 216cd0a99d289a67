"""What the file of a log type says about the parameters of its actions: which do no harm, and whom they let in."""

import json
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, model_validator

from triage.domain.base import Value
from triage.logtypes.paths import parse_path

MAX_CHARS = 2000
"""Characters of the parameters that the lake is asked for; JSON that was cut can't be read, and then excuses nothing."""


class Party(StrEnum):
    """Who is let in, or calls."""

    OWN = "own"
    """The organisation's own accounts or networks, or anyone under a condition that only those meet."""
    SERVICE = "service"
    """A service of the provider."""
    FEDERATED = "federated"
    """An identity provider vouches for them."""
    FOREIGN = "foreign"
    """Another organisation's account."""
    PUBLIC = "public"
    """Everyone."""
    UNKNOWN = "unknown"


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _is_path(text: str) -> str:
    parse_path(text)
    return text


Path = Annotated[str, AfterValidator(_is_path)]
Paths = Annotated[tuple[Path, ...], BeforeValidator(_as_list)]
Globs = Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1)]


class Harmless(Value):
    """Calls of a harmful name that do no harm: all of the conditions hold, and what they are about could be read."""

    actions: Globs
    where: dict[Path, Globs] = Field(default_factory=dict)
    """Something is found at the path, and all of it matches one of the globs."""
    some: dict[Path, Globs] = Field(default_factory=dict)
    """Something found at the path matches."""
    never: dict[Path, Globs] = Field(default_factory=dict)
    """Nothing found at the path matches; `*`: nothing is found there."""

    @model_validator(mode="after")
    def _has_a_condition(self) -> "Harmless":
        if not (self.where or self.some or self.never):
            raise ValueError("say what makes it harmless: `where`, `some` or `never`")
        return self

    @property
    def paths(self) -> tuple[str, ...]:
        return (*self.where, *self.some, *self.never)


class Admits(Value):
    """Where an action says whom it lets in: a policy document, an account, an address range, a name."""

    actions: Globs
    paths: Paths
    harmless: tuple[Party, ...] = (Party.OWN, Party.SERVICE)
    """To let in none but these is no harm."""


class Details(Value):
    """What a reader wants to see of a harmful call, though it decides nothing by itself: the command, the image, the name."""

    actions: Globs
    paths: Paths


class Protection(Value):
    """A log or a protection that an action takes away from one thing, and how that thing itself is deleted."""

    actions: Globs
    """Those that take it away."""
    gone_by: Globs
    """Those that delete what it was on: nothing is left to protect then."""
    same_target: bool = False
    """Both have the thing as their target; else the log doesn't say on what the protection was."""


class Parties(Value):
    """How a log names parties. `*` alone is itself and no wildcard."""

    own: Paths = ()
    """Whose log this is."""
    caller: Paths = ()
    """Whose account the caller belongs to, or who the caller is."""
    anonymous: tuple[str, ...] = ()
    public: tuple[str, ...] = ()
    services: tuple[str, ...] = ()


def columns_sql(paths: Iterable[str]) -> str:
    """SQL for what lies at these paths, as capped JSON text that `from_lake` reads.

    At most a column's own keys are named: what is below may be JSON within a text.
    """
    stems = dict.fromkeys(_stem(path) for path in paths)
    if not stems:
        return "NULL::string"
    pairs = ", ".join(f"'{stem}', {_sql(stem)}" for stem in sorted(stems))
    return f"LEFT(TO_JSON(OBJECT_CONSTRUCT({pairs})), {MAX_CHARS})"


def matching_sql(globs: Iterable[str]) -> str:
    """SQL for whether the column `action` matches one of the globs, whatever its letter case.

    It may match a little more, as `_` is any letter to LIKE: who reads the answer looks again.
    """
    names = list(dict.fromkeys(glob.casefold().replace("'", "''") for glob in globs))
    exact = [name for name in names if not any(letter in name for letter in "*?[")]
    tests = ["LOWER(action) IN ('" + "', '".join(exact) + "')"] if exact else []
    tests += [f"LOWER(action) LIKE '{_like(name)}'" for name in names if name not in exact]
    return " OR ".join(tests) or "1 = 0"


def _like(glob: str) -> str:
    return re.sub(r"\[[^\]]*\]|[?\\\\]", "_", glob.replace("%", "_")).replace("*", "%")


def _stem(path: str) -> str:
    names = []
    for part in parse_path(path)[:2]:
        if part.key in ("*", "**") or "." in part.name or "'" in part.name:
            break
        names.append(part.name)
        if part.where:
            break
    return ".".join(names)


def _sql(stem: str) -> str:
    column, _, key = stem.partition(".")
    return column if not key else f"{column}:{key}" if key.isidentifier() else f"{column}['{key}']"


def from_lake(text: str) -> Mapping[str, JsonValue] | None:
    """An event with what `columns_sql` asked for; `None` where it can't be read."""
    try:
        flat = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(flat, dict):
        return None
    event: dict[str, JsonValue] = {}
    for name, value in flat.items():
        *outer, last = name.split(".")
        place = event
        for key in outer:
            inner = place.setdefault(key, {})
            if not isinstance(inner, dict):
                return None
            place = inner
        place[last] = value
    return event
