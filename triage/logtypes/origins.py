"""Who chose what a free query's answer holds: the lineage of its columns, classified by log type.

A base column keeps the class of its field, whatever its alias. A count, a least or a greatest value is measured where
every condition of the query, every key that it groups by and what is counted are the provider's. Everything else is the
actor's. Importing this imports the SQL parser.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from pydantic import JsonValue

from triage.domain.evidence import Evidence, Source, lookup
from triage.domain.question import COUNTED_COLUMNS, Question, SubjectRole
from triage.domain.sql.lineage import BaseColumn, Kind, Lineage, Origin, lineage_of
from triage.domain.trust import Trust
from triage.logtypes.fields import FieldKind
from triage.logtypes.load import entity_fields, log_type_files, log_type_of_table, terms_of
from triage.logtypes.schema import table_of
from triage.logtypes.trust import classify

_DATABASES: Final = ("panther_logs.public.", "panther_rule_matches.public.", "panther_signals.public.")
"""Whose tables have the columns of the log type that they are named after."""
_ACTING: Final = {SubjectRole.ACTOR, SubjectRole.OTHERS, SubjectRole.ANYONE}
_RANK: Final = {Trust.ACTOR: 0, Trust.PROVIDER: 1, Trust.MEASURED: 2}


@dataclass(frozen=True, slots=True)
class AnswerOrigins:
    """What an answer's statement says about its cells and its number of rows."""

    lineage: Lineage
    columns: tuple[str, ...]
    """Of the answer, in order."""
    known: tuple[str, ...]
    """Log types of the alert, for tables of which no file speaks."""
    asked: Question | None = None
    """The question that this program compiled to the statement; `None`: the model wrote the statement."""

    def trust_of(self, column: str, value: JsonValue) -> Trust:
        """Who chose a cell, or what stands below it.

        Args:
            column: As a citation names it: a column, or a dotted path that begins with one.
            value: What is there.
        """
        name, below = self._split(column)
        if self.asked is not None and name in COUNTED_COLUMNS and name in self.columns:
            # Compiled from the terms of the log type, which say what each column counts or times.
            return Trust.ACTOR if below or value is None else Trust.MEASURED
        output = self.lineage.output(name, self.columns)
        return min((self._trust(origin, output.name, below, value) for origin in output.origins), key=_RANK.__getitem__)

    def field(self, column: str) -> str:
        """The path of the one base column that a cell comes from; empty if it doesn't come from one."""
        name, below = self._split(column)
        origins = self.lineage.output(name, self.columns).origins
        paths = {each.path for origin in origins for each in origin.columns}
        if len(paths) != 1 or any(origin.kind not in (Kind.COLUMN, Kind.EXTREME) for origin in origins):
            return ""
        return ".".join(filter(None, (*paths, below)))

    def kind(self, column: str) -> Kind:
        """How a cell comes about; computed where that isn't one way."""
        name, _ = self._split(column)
        kinds = {origin.kind for origin in self.lineage.output(name, self.columns).origins}
        return kinds.pop() if len(kinds) == 1 else Kind.COMPUTED

    def counted(self, column: str) -> tuple[str, ...]:
        """The paths that a count is about; empty where it counts rows."""
        name, _ = self._split(column)
        return tuple(sorted({each.path for each in self._columns_of(name)}))

    def log_type(self, column: str) -> str:
        """The log type of the one table that a cell comes from; empty where that isn't known."""
        name, _ = self._split(column)
        found = {self.table_log_type(each) for each in self._columns_of(name)}
        return found.pop() if len(found) == 1 else ""

    def table_log_type(self, column: BaseColumn) -> str:
        """The log type of a column's table; empty where that isn't known."""
        return self._log_type(column) or ""

    def _columns_of(self, name: str) -> set[BaseColumn]:
        return {each for origin in self.lineage.output(name, self.columns).origins for each in origin.columns}

    @property
    def counts(self) -> bool:
        """Whether the number of rows, and what is counted, depends on the provider's fields alone, or on a compiled
        question."""
        if self.asked is not None:
            return True
        keys = all(
            origin.kind is not Kind.COMPUTED and all(map(self._is_provider, origin.columns))
            for origin in self.lineage.keys
        )
        return not self.lineage.shaped and keys and self._conditions_hold()

    def proves_absence(self, evidence: Sequence[Evidence]) -> bool:
        """Whether the query could have had rows, as far as its text says.

        Every condition compares one field, once, with values that this field is known to hold, or with an action of
        the log type's list. Anything else may ask for what nobody has. A compiled question could, if the values that it
        names itself are among what is known.

        Args:
            evidence: What is known of the alert, for its values.
        """
        conditions = self.lineage.conditions
        columns = [column for condition in conditions for column in condition.columns]
        if self.asked is not None:
            # Its control shows whether such acts occur at all; its roles and fields are filled from the alert.
            named = [subject.value for subject in (*self.asked.about, *self.asked.on) if subject.value]
            given = [entry for entry in evidence if entry.answered and entry.source is not Source.TOOL]
            return all(any(_occurs(value, entry) for entry in given) for value in named)
        return (
            self.counts
            and not self.lineage.combined
            and len(self.lineage.tables) == 1
            and len(columns) == len(set(columns))
            and all(condition.exact for condition in conditions)
            and all(
                self._may_hold(column, literal, evidence)
                for condition in conditions
                for column in condition.columns
                for literal in condition.literals
            )
        )

    def restricts(self, column: str) -> bool:
        """Whether a condition of the query is about what this column holds, so that values are missing by it."""
        name, below = self._split(column)
        if self.asked is not None and name in _restricted(self.asked):
            return True
        origins = self.lineage.output(name, self.columns).origins
        paths = {".".join(filter(None, (each.path, below))) for origin in origins for each in origin.columns}
        return any(each.path in paths for condition in self.lineage.conditions for each in condition.columns)

    # ---- one value -----------------------------------------------------------------------------------------------

    def _split(self, column: str) -> tuple[str, str]:
        if column in self.columns:
            return column, ""
        name, _, below = column.partition(".")
        return name, below.lower()

    def _trust(self, origin: Origin, name: str, below: str, value: JsonValue) -> Trust:
        match origin.kind:
            case Kind.COMPUTED:
                return Trust.ACTOR
            case Kind.COUNT:
                solid = self.counts and all(map(self._is_provider, origin.columns))
                number = isinstance(value, int | float) and not isinstance(value, bool)
                return Trust.MEASURED if solid and number and not below else Trust.ACTOR
            case Kind.COLUMN | Kind.EXTREME:
                (column,) = origin.columns
                if (value is None and self.lineage.nulls) or (below and not origin.whole):
                    return Trust.ACTOR
                path, log_type = ".".join(filter(None, (column.path, below))), self._log_type(column)
                trust = (
                    Trust.ACTOR if log_type is None else classify(log_type, path, value=value if origin.whole else None)
                )
                if trust is Trust.ACTOR or self._misleads(log_type or "", column, name):
                    return Trust.ACTOR
                if origin.kind is Kind.COLUMN:
                    return trust
                return Trust.MEASURED if self.counts and value is not None else Trust.ACTOR

    def _misleads(self, log_type: str, column: BaseColumn, name: str) -> bool:
        """Whether an alias is the name of another field that its provider sets."""
        last = column.path.rpartition(".")[2]
        return name not in (column.path, last, "") and classify(log_type, name) is not Trust.ACTOR

    def _log_type(self, column: BaseColumn) -> str | None:
        """The log type of a column's table, empty where it isn't known; `None` for a table that holds no events."""
        database, _, table = column.table.rpartition(".")
        if f"{database}." not in _DATABASES:
            return None
        file = log_type_of_table(table)
        if file is not None:
            return file.log_type
        return next((name for name in self.known if name and table_of(name) == table), "")

    def _is_provider(self, column: BaseColumn) -> bool:
        log_type = self._log_type(column)
        return log_type is not None and classify(log_type, column.path) is Trust.PROVIDER

    # ---- conditions ----------------------------------------------------------------------------------------------

    def _conditions_hold(self) -> bool:
        return all(
            not condition.opaque
            and all(
                self._is_provider(column)
                or (condition.exact and bool(condition.literals) and self._are_provided(column, condition.literals))
                for column in condition.columns
            )
            for condition in self.lineage.conditions
        )

    def _are_provided(self, column: BaseColumn, literals: Sequence[str]) -> bool:
        """Whether a field that is the provider's for some values is so for these."""
        log_type = self._log_type(column)
        return log_type is not None and all(
            classify(log_type, column.path, value=literal) is Trust.PROVIDER for literal in literals
        )

    def _may_hold(self, column: BaseColumn, literal: str, evidence: Sequence[Evidence]) -> bool:
        log_type = self._log_type(column) or ""
        action = terms_of(log_type).get("action")
        paths = {take.path.casefold() for take in action.take} if action is not None else set()
        if column.path in paths and _is_listed_action(log_type, literal):
            return True
        given = [entry for entry in evidence if entry.answered and entry.source is not Source.TOOL]
        if any(
            _text(_folded_lookup(row, column.path)) == literal
            for entry in given
            if entry.source is Source.EVENTS and entry.log_type in ("", log_type)
            for row in entry.rows
        ):
            return True
        kinds = {
            field.kind for field in entity_fields(log_type) if ".".join(part.key for part in field.path) == column.path
        }
        fits = any(kind in _FORMS and _FORMS[kind](literal) for kind in kinds)
        return fits and any(_occurs(literal, entry) for entry in given)


def _restricted(question: Question) -> set[str]:
    """Columns of a compiled question's answer whose values its own filter may leave out."""
    found = set()
    if not any(subject.role is SubjectRole.ANYONE for subject in question.about):
        found.add("actor")
    if question.on or any(each.role not in _ACTING and not each.identity for each in question.about):
        found |= {"actor", "target", "address", "session", "recipient"}
    if question.classes or question.actions or question.words:
        found |= {"action", "rule"}
    return found


def origins_of(entry: Evidence, evidence: Sequence[Evidence] = ()) -> AnswerOrigins | None:
    """The origins of an answer to a free query; `None` where no statement is known or it can't be read.

    Args:
        entry: The answer.
        evidence: Everything known of the alert, for the log types of its tables.
    """
    lineage = lineage_of(entry.sql) if entry.sql else None
    if lineage is None:
        return None
    columns = entry.columns or (tuple(entry.rows[0]) if entry.rows else ())
    known = tuple(dict.fromkeys(other.log_type for other in (entry, *evidence) if other.log_type))
    return AnswerOrigins(lineage, columns, known, entry.asked)


# ---- values ------------------------------------------------------------------------------------------------------


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


_FORMS: Final[Mapping[FieldKind, Callable[[str], bool]]] = {
    FieldKind.IP: _is_address,
    FieldKind.EMAIL: lambda text: "@" in text and text == text.lower(),
    FieldKind.ARN: lambda text: text.startswith("arn:"),
    FieldKind.ACCESS_KEY: lambda text: text.startswith(("AKIA", "ASIA")),
    FieldKind.ACCOUNT: lambda text: len(text) == len("123456789012") and text.isdecimal(),
}
"""Kinds of field whose values are known by their form, so that one from another log fits."""


def _is_listed_action(log_type: str, text: str) -> bool:
    """Whether a log type's file lists an action, letter by letter; a glob would match names that nothing has."""
    lists = (each for file in log_type_files(log_type) for kinds in file.harmful.values() for each in kinds.values())
    return any(text in actions for actions in lists)


def _folded_lookup(row: Mapping[str, JsonValue], path: str) -> object:
    """What a row holds under a path in any letter case."""
    current: object = dict(row)
    for part in path.split("."):
        if isinstance(current, dict):
            current = next((value for key, value in current.items() if str(key).casefold() == part), None)
        elif isinstance(current, list):
            current = lookup({"x": current}, f"x.{part}")
        else:
            return None
    return current


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value) if type(value) in (int, float) else ""


def _occurs(text: str, entry: Evidence) -> bool:
    return any(found == text for row in entry.rows for found in _texts(row))


def _texts(value: JsonValue) -> Iterator[str]:
    stack = [value]
    while stack:
        each = stack.pop()
        if isinstance(each, dict):
            stack += each.values()
        elif isinstance(each, list):
            stack += each
        elif isinstance(each, str):
            yield each
