"""Looks one citation up in the stored rows, and says who chose what it cites."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import assert_never, cast

from pydantic import JsonValue

from triage.domain.base import Row
from triage.domain.citation import AbsenceCitation, Citation, Comparison, CountCitation, LacksCitation, ValueCitation
from triage.domain.evidence import MISSING, Evidence, Source, lookup
from triage.domain.finding import IssueCode
from triage.domain.trust import Trust
from triage.logtypes import classify
from triage.logtypes.origins import origins_of
from triage.stages.verification.counts import COMPARE, cannot_fail, is_complete, possible_rows

_MAX_VALUE_CHARS = 120
"""Characters of a value in a message to the model."""

_LARGE = 10**20
_LOWER_BOUNDS = {Comparison.AT_LEAST, Comparison.MORE}
_MAX_COLUMN_CHARS = 500
_COUNTED = {Source.QUERY, Source.HISTORY, Source.SEARCH}
"""Sources whose number of rows we measured: the alert has events, a detection and comments in any case."""
_ASKED_OF_LOGS = {Source.QUERY, Source.TOOL, Source.SEARCH}
"""Sources whose answers lack what the log did not deliver."""

_PANTHERS_OWN = {"id", "severity", "status", "type", "created_at", "event_count"}
"""Fields of an alert that no event fills, as it may the title and the times of the events."""
_MORE_EVENTS = "tool.more_events"
"""The tool whose rows are the alert's own events."""


class CitationFails(Exception):
    """A citation doesn't hold."""

    def __init__(self, code: IssueCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def trust_of(citation: Citation, evidence: Mapping[str, Evidence]) -> Trust:
    """Look a citation up: who chose what it cites. Raises CitationFails."""
    entry = evidence.get(citation.evidence)
    if entry is None:
        known = ", ".join(list(evidence)[:40])
        raise CitationFails(IssueCode.UNKNOWN_EVIDENCE, f"there is no evidence {citation.evidence}; there is {known}")
    if not entry.answered:
        raise CitationFails(IssueCode.UNANSWERED_EVIDENCE, f"{entry.id} has no answer: {entry.error[:200]}")
    match citation:
        case ValueCitation():
            return _trust_of_value(citation, entry, evidence)
        case CountCitation():
            return _trust_of_count(citation, entry, evidence)
        case LacksCitation():
            return _trust_of_lack(citation, entry, evidence)
        case AbsenceCitation():
            if entry.row_count:
                raise CitationFails(
                    IssueCode.NOT_ABSENT, f"{entry.id} has {entry.row_count} rows, so nothing is absent"
                )
            return _trust_of_absence(entry, evidence, until=citation.until)
        case _:
            assert_never(citation)


# ---- values ------------------------------------------------------------------------------------------------------


def _equal(stored: object, cited: object) -> bool:
    """Exact JSON equality: `true` is not `1`, but `1` is `1.0`."""
    types = {type(stored), type(cited)}
    return stored == cited and (len(types) == 1 or types == {int, float})


def value_text(value: object, limit: int = _MAX_VALUE_CHARS) -> str:
    """A value as JSON, cut."""
    if isinstance(value, int) and abs(value) >= _LARGE:
        return "a number of more than 20 digits"
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _stored(row: Row, column: str) -> object:
    """What a row holds under a name or a canonical path; `MISSING` if there is nothing.

    Other spellings of a list index (`00`, digits of other scripts) would name one value in many ways.
    """
    if column in row:
        return row[column]
    parts = column.split(".")
    if len(column) > _MAX_COLUMN_CHARS:
        return MISSING
    if any(part.isdecimal() and not (part.isascii() and str(int(part)) == part) for part in parts):
        return MISSING
    return lookup(row, column)


def _trust_of_value(citation: ValueCitation, entry: Evidence, evidence: Mapping[str, Evidence]) -> Trust:
    if citation.row >= len(entry.rows):
        raise CitationFails(
            IssueCode.UNKNOWN_ROW, f"{entry.id} has {len(entry.rows)} stored rows; row {citation.row} is not there"
        )
    row = entry.rows[citation.row]
    found = _stored(row, citation.column)
    if found is MISSING:
        raise CitationFails(
            IssueCode.UNKNOWN_COLUMN,
            f"{entry.id} row {citation.row} has no {value_text(citation.column)}; it has {value_text(', '.join(list(row)[:40]), 600)}",
        )
    if not _equal(found, citation.value):
        raise CitationFails(
            IssueCode.WRONG_VALUE,
            f"{entry.id} row {citation.row} {value_text(citation.column)} is {value_text(found)}, not {value_text(citation.value)}",
        )
    if entry.source is Source.ALERT:
        return Trust.PROVIDER if citation.column in _PANTHERS_OWN else Trust.ACTOR
    if entry.source is Source.TOOL:
        return _trust_of_tool_cell(citation.column, cast("JsonValue", found), entry, evidence)
    if entry.measured and not found:
        return _trust_of_nothing(row, entry, evidence)
    return classify(entry.log_type, citation.column, value=cast("JsonValue", found), measured=entry.measured)


def _trust_of_tool_cell(column: str, value: JsonValue, entry: Evidence, evidence: Mapping[str, Evidence]) -> Trust:
    """A cell of what the model asked for: in its own query a column can have any alias, so its origin decides."""
    if not entry.sql:
        # Further events of the alert are as the log has them.
        return classify(entry.log_type, column, value=value) if entry.key == _MORE_EVENTS else Trust.ACTOR
    origins = origins_of(entry, tuple(evidence.values()))
    trust = origins.trust_of(column, value) if origins is not None else Trust.ACTOR
    if trust is not Trust.MEASURED or value:
        return trust
    return trust if entry.proves_absence and _could_have_found(entry, evidence) else Trust.ACTOR


def _could_have_found(entry: Evidence, evidence: Mapping[str, Evidence]) -> bool:
    """Whether a model's query asks for something that could be there."""
    origins = origins_of(entry, tuple(evidence.values()))
    return origins is not None and origins.proves_absence(tuple(evidence.values()))


def _trust_of_nothing(row: Row, entry: Evidence, evidence: Mapping[str, Evidence]) -> Trust:
    """A zero, a "no" or an empty text of our own counting.

    A row that counts something else shows that the log delivered there; how much of the window it delivered is for
    coverage to say, and without that the nothing is no measurement. A row of nothing is an absence.
    """
    if not any(isinstance(value, int | float) and not isinstance(value, bool) and value > 0 for value in row.values()):
        return _trust_of_absence(entry, evidence)
    return Trust.MEASURED if entry.proves_absence else Trust.ACTOR


# ---- counts and absences -----------------------------------------------------------------------------------------


def _trust_of_count(citation: CountCitation, entry: Evidence, evidence: Mapping[str, Evidence]) -> Trust:
    if not COMPARE[citation.comparison](entry.row_count, citation.number):
        raise CitationFails(
            IssueCode.WRONG_COUNT,
            f"{entry.id} has {entry.row_count} rows, which is not {citation.comparison.value} {value_text(citation.number)}",
        )
    if entry.truncated and citation.comparison not in _LOWER_BOUNDS:
        raise CitationFails(
            IssueCode.CUT_COUNT, f"the answer {entry.id} was cut: only a lower bound (>= or >) on its rows can hold"
        )
    if cannot_fail(citation, entry):
        low, high = possible_rows(entry)
        raise CitationFails(
            IssueCode.WRONG_COUNT,
            f"a count that can't fail shows nothing: any answer to {entry.id} has {low} to {high} rows, so "
            f"{citation.comparison.value} {value_text(citation.number)} always holds; cite its number of rows "
            f"({entry.row_count}) with `==`, or a value of a row",
        )
    if entry.row_count == 0:
        return _trust_of_absence(entry, evidence)
    if entry.source is Source.TOOL:
        # The model can shape its query to any number of rows, and leave out what it likes.
        origins = origins_of(entry, tuple(evidence.values()))
        if origins is None or not origins.counts:
            return Trust.ACTOR
        # As many rows as the answer to a question of ours has are at least there; that there are no more is not claimed.
        lower = citation.comparison in _LOWER_BOUNDS or (
            entry.asked is not None and citation.comparison is Comparison.EQUAL
        )
        return Trust.MEASURED if lower or (entry.proves_absence and _could_have_found(entry, evidence)) else Trust.ACTOR
    return Trust.MEASURED if entry.source in _COUNTED or entry.measured else Trust.PROVIDER


def _trust_of_absence(entry: Evidence, evidence: Mapping[str, Evidence], *, until: datetime | None = None) -> Trust:
    if entry.truncated:
        raise CitationFails(IssueCode.UNPROVEN_ABSENCE, f"{entry.id} was cut, so it cannot prove an absence")
    if entry.proves_absence if until is None else entry.proves_until(until):
        # The model can ask for what no one has, and prove that it isn't there.
        own = entry.source is not Source.TOOL
        return Trust.MEASURED if own or _could_have_found(entry, evidence) else Trust.ACTOR
    gaps = "; ".join(entry.coverage.gaps) or "its coverage was not measured"
    raise CitationFails(IssueCode.UNPROVEN_ABSENCE, f"{entry.id} cannot prove an absence in its window: {gaps}")


def _trust_of_lack(citation: LacksCitation, entry: Evidence, evidence: Mapping[str, Evidence]) -> Trust:
    name, value = value_text(citation.column), citation.value
    if not is_complete(entry):
        raise CitationFails(
            IssueCode.NOT_LACKING, f"{entry.id} was cut, so a value may be in the rows that are not stored"
        )
    known = citation.column in entry.columns or citation.column.partition(".")[0] in entry.columns
    if not known and not any(_stored(row, citation.column) is not MISSING for row in entry.rows):
        raise CitationFails(
            IssueCode.UNKNOWN_COLUMN,
            f"{entry.id} has no column {name}; it has {value_text(', '.join(entry.columns[:40]), 600)}",
        )
    if value is None:
        raise CitationFails(IssueCode.NOT_LACKING, "a lacks citation needs a value that is not null")
    for number, row in enumerate(entry.rows):
        found = _stored(row, citation.column)
        if _equal_folded(found, value) or (
            isinstance(found, list) and any(_equal_folded(each, value) for each in found)
        ):
            raise CitationFails(IssueCode.NOT_LACKING, f"{entry.id} row {number} has {name} {value_text(value)}")
    if entry.source not in _ASKED_OF_LOGS:
        return Trust.MEASURED if entry.source is Source.HISTORY or entry.measured else Trust.PROVIDER
    origins = origins_of(entry, tuple(evidence.values()))
    if origins is not None and origins.restricts(citation.column):
        raise CitationFails(
            IssueCode.NOT_LACKING,
            f"the question of {entry.id} asks for certain values of {name} only, so that others are missing there says "
            f"nothing; cite `lacks` of an answer that lists every {citation.column[:40]}, or ask for {value_text(value)} "
            "alone and cite the `absence`",
        )
    trust = _trust_of_absence(entry, evidence)
    if entry.source is Source.TOOL and (origins is None or origins.trust_of(citation.column, value) is Trust.ACTOR):
        return Trust.ACTOR
    # Anything that nobody has is missing everywhere: only a value that occurs elsewhere can be missed here.
    occurs = any(
        _is_text_of(value, other.rows) for other in evidence.values() if other is not entry and _is_given(other)
    )
    return trust if occurs else Trust.ACTOR


def _is_given(entry: Evidence) -> bool:
    """Whether the rows are none that the model could have made up."""
    return entry.answered and entry.source is not Source.TOOL


def _equal_folded(stored: object, cited: object) -> bool:
    """Equality that letter case can't hide from."""
    if isinstance(stored, str) and isinstance(cited, str):
        return stored.casefold() == cited.casefold()
    return _equal(stored, cited)


def _is_text_of(value: object, rows: tuple[dict[str, JsonValue], ...]) -> bool:
    return any(_equal_folded(found, value) for row in rows for found in _scalars(row))


def _scalars(value: JsonValue) -> Iterator[JsonValue]:
    """Every scalar in a JSON value."""
    stack = [value]
    while stack:
        each = stack.pop()
        if isinstance(each, dict):
            stack += each.values()
        elif isinstance(each, list):
            stack += each
        else:
            yield each
