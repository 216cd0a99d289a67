"""The known fields of each log type: who acted, from where, and on what.

A table has one line per role and hint, then the paths (`entities.paths` has their notation):

```text
actor   user      actor.alternateId
source  ip        client.ipAddress
target  scan      requestParameters
other   detect    responseElements.**
```

The hints are those of `values.read`, and two more: `scan` reads every scalar of an object by the field names in it, and
`words` reads the e-mail addresses in a sentence. `**` at the end of a path stands for every scalar below.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from triage.domain.entity import Role
from triage.stages.enrichment.entities.fields import aws, clouds, identity, saas, security
from triage.stages.enrichment.entities.paths import Part, parse_path
from triage.stages.enrichment.entities.values import HINTS

_TABLES: Final[Mapping[str, str]] = {
    **aws.TABLES,
    **clouds.TABLES,
    **identity.TABLES,
    **saas.TABLES,
    **security.TABLES,
}


@dataclass(frozen=True, slots=True)
class Field:
    """One path of a table."""

    role: Role
    hint: str
    path: tuple[Part, ...]
    below: bool
    """Every scalar at or below the path is meant."""


def parse_table(text: str) -> tuple[Field, ...]:
    """Read a table.

    Raises:
        ValueError: a line has no known role, hint or path.
    """
    fields: list[Field] = []
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        role, hint, *paths = words
        if hint not in HINTS | {"scan", "words"} or not paths:
            raise ValueError(f"not a line of a field table: {line!r}")
        for path in paths:
            below = path.endswith(".**")
            fields.append(Field(Role(role), hint, parse_path(path.removesuffix(".**")), below or hint == "scan"))
    return tuple(fields)


@cache
def _parsed() -> Mapping[str, tuple[Field, ...]]:
    return {name.casefold(): parse_table(text) for name, text in _TABLES.items()}


def table_of(log_type: str) -> tuple[Field, ...]:
    """The fields of a log type, else of its family (`Salesforce.*`); empty where neither has a table."""
    tables = _parsed()
    name = log_type.casefold()
    while name:
        found = tables.get(name) or tables.get(f"{name}.*")
        if found:
            return found
        name = name.rpartition(".")[0]
    return ()


def known_log_types() -> tuple[str, ...]:
    """The log types with a table; a name that ends in `.*` stands for its family."""
    return tuple(sorted(_TABLES))
