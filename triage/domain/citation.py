"""What a claim cites: a value, a number of rows, or their absence."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from triage.domain.alert import Moment
from triage.domain.base import EvidenceId, Value
from triage.domain.clean import plain
from triage.domain.evidence import Evidence, Source
from triage.domain.names import object_name, short_name
from triage.domain.negation import denies

CITED_ROWS = 3
MAX_DIGITS = 10
MIN_CHARS = 4
"""Cells shorter than this match a sentence by accident."""
_TOKEN = re.compile(r"[0-9]+|[^\s,;()]+")

JsonScalar = str | int | float | bool | None


class ValueCitation(Value):
    """A value that a reader can find again in the evidence."""

    kind: Literal["value"] = "value"
    evidence: EvidenceId
    row: int = Field(ge=0)
    """Zero-based index into the stored rows."""
    column: str
    """Column name as the lake returned it; a dotted path reaches into JSON."""
    value: JsonScalar
    """The value the finding rests on, compared exactly."""


class Comparison(StrEnum):
    EQUAL = "=="
    AT_LEAST = ">="
    AT_MOST = "<="
    MORE = ">"
    LESS = "<"


class CountCitation(Value):
    """A statement about the number of rows of an answer."""

    kind: Literal["count"] = "count"
    evidence: EvidenceId
    comparison: Comparison = Comparison.EQUAL
    number: int = Field(ge=0)


class AbsenceCitation(Value):
    """A statement that an answer had no rows."""

    kind: Literal["absence"] = "absence"
    evidence: EvidenceId
    until: Moment | None = None
    """Up to when; `None`: in the whole window of the question."""


class LacksCitation(Value):
    """A statement that a value is in no row of a complete answer."""

    kind: Literal["lacks"] = "lacks"
    evidence: EvidenceId
    column: str
    """As in `ValueCitation`."""
    value: JsonScalar
    """What no row holds there, neither as the cell nor as an item of a list."""


Citation = Annotated[
    ValueCitation | CountCitation | AbsenceCitation | LacksCitation,
    Field(discriminator="kind"),
]

ALWAYS_WITH_ROWS = frozenset({Source.EVENTS, Source.DETECTION, Source.ALERT})
"""Sources of which an alert has rows in any case: that there are some says nothing."""


def cite(sentence: str, entry: Evidence, *, until: Moment | None = None) -> tuple[Citation, ...]:
    """The citations for a sentence that code wrote from an answer.

    Args:
        sentence: Holds entity values and counts as they are in the rows.
        entry: An answer that the sentence rests on.
        until: Up to when the sentence says that something is absent; `None`: in the whole window.

    Returns:
        The cells of up to three rows that the sentence names; the number of rows if it names none; the absence if
        there are none. A sentence that denies something gets the number of rows of the whole answer as well, where
        nothing of it was cut.
    """
    if entry.row_count == 0:
        return (AbsenceCitation(evidence=entry.id, until=None if entry.proves_absence else until),)
    found = [citation for index, row in enumerate(entry.rows) for citation in _cells(sentence, entry.id, index, row)]
    rows: list[int] = []
    kept: list[Citation] = []
    for citation in found:
        if citation.row not in rows:
            if len(rows) == CITED_ROWS:
                continue
            rows.append(citation.row)
        kept.append(citation)
    if denies(sentence) and not entry.truncated:
        return (*kept, *(_zeros(entry) or (CountCitation(evidence=entry.id, number=entry.row_count),)))
    if kept:
        return tuple(kept)
    if entry.source in ALWAYS_WITH_ROWS and entry.rows:
        return tuple(_first_cell(entry))
    count = min(entry.row_count, len(entry.rows))
    return (CountCitation(evidence=entry.id, comparison=Comparison.AT_LEAST, number=count),)


def _cells(sentence: str, name: str, index: int, row: Mapping[str, JsonValue]) -> Iterator[ValueCitation]:
    """The cells of a row that the sentence names; its numbers too, where it names the row."""
    numbers = {int(token) for token in _TOKEN.findall(sentence) if token.isdecimal() and len(token) < MAX_DIGITS}
    named = False
    for column, value in row.items():
        if isinstance(value, str) and len(value) >= MIN_CHARS and _is_named(value, sentence):
            named = True
            yield ValueCitation(evidence=name, row=index, column=column, value=value)
    if named:
        for column, value in row.items():
            if isinstance(value, int) and not isinstance(value, bool) and value > 0 and value in numbers:
                yield ValueCitation(evidence=name, row=index, column=column, value=value)


def _is_named(value: str, sentence: str) -> bool:
    """Whether a sentence holds a value, or calls it by its short name."""
    if value in sentence:
        return True
    short = {plain(short_name(value)), plain(object_name(value))} - {value}
    return any(
        len(form) >= MIN_CHARS and form in sentence and re.search(rf"(?<![\w.-]){re.escape(form)}(?![\w-])", sentence)
        for form in short
    )


def _zeros(entry: Evidence) -> tuple[ValueCitation, ...]:
    """The counts of an only row that are zero: such an answer has one row whatever the log holds."""
    if entry.row_count != 1 or len(entry.rows) != 1:
        return ()
    return tuple(
        ValueCitation(evidence=entry.id, row=0, column=column, value=value)
        for column, value in entry.rows[0].items()
        if value == 0 and isinstance(value, int) and not isinstance(value, bool)
    )


def _first_cell(entry: Evidence) -> Iterator[ValueCitation]:
    """When the first event happened, or else its first plain value: what stands for the event itself."""
    row = entry.rows[0]
    columns = [name for name in ("p_event_time", *row) if isinstance(row.get(name), str) and row[name]]
    for column in columns[:1]:
        yield ValueCitation(evidence=entry.id, row=0, column=column, value=str(row[column]))
