"""What a question's SQL is put together from: what is known of a log, and the parameters by which values enter.

Nothing that a question, an alert or a runbook says becomes SQL text: globs, words, paths' values and names are typed
parameters. The text holds the terms of the log type's own file, and a path that has the form of one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from triage import logtypes
from triage.domain.identity import IdentityKind
from triage.domain.sql import ParameterType
from triage.logtypes import Term, table_of

DWELL_START = "dwell_start"
"""The parameter with the start of the dwell time: what is older, an intruder who was noticed now can't have written."""
OwnTerms = tuple[tuple[str, str], ...]
"""Terms that a playbook gives for a log type: name and SQL."""
ParameterValues = str | tuple[str, ...]


class NotAskable(ValueError):
    """The question can't be put to this log, or not for this alert."""

    def __init__(self, why: str) -> None:
        """Keep the reason, in words for the report."""
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Log:
    """A table, and how its log type says who, what and where."""

    log_type: str
    database: str
    terms: Mapping[str, str]
    """SQL by name."""
    identities: Mapping[IdentityKind, Term]
    takes: Mapping[str, Term] = field(default_factory=dict)
    """How the terms of the log type's own file are read from an event."""

    @classmethod
    def of(cls, log_type: str, database: str, terms: OwnTerms = ()) -> Self:
        """What the files say of a log type, with other terms than theirs where some are given."""
        takes = {} if terms else logtypes.terms_of(log_type)
        known = dict(terms) or {name: term.sql for name, term in takes.items()}
        return cls(log_type, database, known, logtypes.identities_of(log_type), takes)

    @property
    def table(self) -> str:
        return table_of(self.log_type)

    @property
    def holds_matches(self) -> bool:
        """Whether it holds what detections matched, which is found by the columns that Panther fills."""
        return self.database in ("panther_rule_matches", "panther_signals")

    @property
    def name(self) -> str:
        """What a reader calls it."""
        return {
            "panther_rule_matches": f"the matches of detections in {self.log_type}",
            "panther_signals": "the signals of detections",
        }.get(self.database, self.log_type)

    def term(self, name: str) -> str:
        """The SQL of a term. Raises NotAskable where the log type's file lacks it."""
        if name not in self.terms:
            raise NotAskable(f"it isn't known which field of {self.log_type} holds the {name.replace('_', ' ')}")
        return f"({self.terms[name]})"


@dataclass(slots=True)
class Parameters:
    """The parameters of one question's SQL, while it is written."""

    known: frozenset[str] | None = None
    """The names that have a value; what needs another one is left out of the SQL. `None`: all of them."""
    types: dict[str, ParameterType] = field(default_factory=dict)
    constants: dict[str, ParameterValues] = field(default_factory=dict)
    """Those whose value the question itself gives."""
    fields: dict[str, str] = field(default_factory=dict)
    """Those whose values are in a field of the alert's events: the path."""
    kinds: dict[IdentityKind, None] = field(default_factory=dict)
    """What the searched columns hold."""
    _paths: list[str] = field(default_factory=list)

    def given(self, name: str) -> bool:
        """Whether a parameter has a value."""
        return self.known is None or name in self.known

    def texts(self, name: str) -> str:
        """A list of texts that the alert fills."""
        self.types[name] = ParameterType.STRINGS
        return f":{name}"

    def dwell_start(self) -> str:
        """The start of the dwell time."""
        self.types[DWELL_START] = ParameterType.TIMESTAMP
        return f":{DWELL_START}"

    def field_name(self, path: str) -> str:
        """The parameter with the values of a field; the same whether or not others have values."""
        if path not in self._paths:
            self._paths.append(path)
        return f"field_{self._paths.index(path) + 1}"

    def constant(self, stem: str, value: ParameterValues) -> str:
        """A value that the question gives."""
        for name, present in self.constants.items():
            if present == value:
                return f":{name}"
        name = f"{stem}_{sum(known.startswith(f'{stem}_') for known in self.constants) + 1}"
        self.constants[name] = value
        self.types[name] = ParameterType.STRING if isinstance(value, str) else ParameterType.STRINGS
        return f":{name}"
