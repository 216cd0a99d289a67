"""Which claims hold: every citation is looked up in the stored rows."""

import json
import operator
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import assert_never, cast

from pydantic import JsonValue

from triage.domain.base import Row
from triage.domain.evidence import MISSING, Evidence, Source, by_id, lookup
from triage.domain.finding import (
    AbsenceCitation,
    CheckedFinding,
    Citation,
    Comparison,
    CountCitation,
    Finding,
    Issue,
    IssueCode,
    ValueCitation,
)
from triage.domain.trust import Trust
from triage.logtypes import classify

_COMPARE: Mapping[Comparison, Callable[[int, int], bool]] = {
    Comparison.EQUAL: operator.eq,
    Comparison.AT_LEAST: operator.ge,
    Comparison.AT_MOST: operator.le,
    Comparison.MORE: operator.gt,
    Comparison.LESS: operator.lt,
}
_MAX_VALUE_CHARS = 120
"""Characters of a value in a message to the model."""

_LARGE = 10**20
_LOWER_BOUNDS = {Comparison.AT_LEAST, Comparison.MORE}
_MAX_COLUMN_CHARS = 500
_COUNTED = {Source.QUERY, Source.HISTORY, Source.SEARCH}
"""Sources whose number of rows we measured: the alert has events, a detection and comments in any case."""

# Concrete values that a sentence may only name if the cited rows hold them.
_CONCRETE = re.compile(
    r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)"  # IPv4
    r"|(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){2,7}(?::?[0-9A-Fa-f]{1,4}){1,7}(?![\w:])"  # IPv6, and MAC addresses
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # e-mail
    r"|arn:aws[\w-]*:[^\s,;\"')\]]+"  # ARN
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"  # access key
    r"|\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b"  # UUID
    r"|\b(?=[0-9A-Fa-f]*[A-Fa-f])(?=[A-Fa-f]*[0-9])[0-9A-Fa-f]{32,128}\b"  # hash
    r"|(?<![\w.-])\d{12}(?![\w.-]*\w)"  # AWS account
    r"|\bhttps?://[^\s,;\"')\]]+"  # URL
)
_CLOCK = re.compile(r"\d{1,2}(?::\d{2}){1,2}")


class _CitationFails(Exception):
    """A citation doesn't hold."""

    def __init__(self, code: IssueCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def _equal(stored: object, cited: object) -> bool:
    """Exact JSON equality: `true` is not `1`, but `1` is `1.0`."""
    types = {type(stored), type(cited)}
    return stored == cited and (len(types) == 1 or types == {int, float})


def _value_text(value: object, limit: int = _MAX_VALUE_CHARS) -> str:
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


def _trust_of_absence(entry: Evidence) -> Trust:
    if entry.truncated:
        raise _CitationFails(IssueCode.UNPROVEN_ABSENCE, f"{entry.id} was cut, so it cannot prove an absence")
    if entry.coverage.proves_absence:
        # The model wrote a tool's query: it can ask for what no one has, and prove that it isn't there.
        return Trust.ACTOR if entry.source is Source.TOOL else Trust.MEASURED
    gaps = "; ".join(entry.coverage.gaps) or "its coverage was not measured"
    raise _CitationFails(IssueCode.UNPROVEN_ABSENCE, f"{entry.id} cannot prove an absence: {gaps}")


def _trust_of_value(citation: ValueCitation, entry: Evidence) -> Trust:
    if citation.row >= len(entry.rows):
        raise _CitationFails(
            IssueCode.UNKNOWN_ROW, f"{entry.id} has {len(entry.rows)} stored rows; row {citation.row} is not there"
        )
    row = entry.rows[citation.row]
    found = _stored(row, citation.column)
    if found is MISSING:
        raise _CitationFails(
            IssueCode.UNKNOWN_COLUMN,
            f"{entry.id} row {citation.row} has no {_value_text(citation.column)}; it has {_value_text(', '.join(list(row)[:40]), 600)}",
        )
    if not _equal(found, citation.value):
        raise _CitationFails(
            IssueCode.WRONG_VALUE,
            f"{entry.id} row {citation.row} {_value_text(citation.column)} is {_value_text(found)}, not {_value_text(citation.value)}",
        )
    if entry.measured and not found:
        # A measured zero is an absence.
        return _trust_of_absence(entry)
    if entry.source is Source.TOOL:
        # The model wrote this query: a column can have any alias, so its name says nothing about who chose the value.
        return Trust.ACTOR
    return classify(entry.log_type, citation.column, value=cast("JsonValue", found), measured=entry.measured)


def _trust_of_count(citation: CountCitation, entry: Evidence) -> Trust:
    if citation.comparison is Comparison.AT_LEAST and citation.number == 0:
        raise _CitationFails(IssueCode.WRONG_COUNT, f"any answer has at least 0 rows: {entry.id} shows nothing by that")
    if not _COMPARE[citation.comparison](entry.row_count, citation.number):
        raise _CitationFails(
            IssueCode.WRONG_COUNT,
            f"{entry.id} has {entry.row_count} rows, which is not {citation.comparison.value} {_value_text(citation.number)}",
        )
    if entry.truncated and citation.comparison not in _LOWER_BOUNDS:
        raise _CitationFails(
            IssueCode.CUT_COUNT, f"the answer {entry.id} was cut: only a lower bound (>= or >) on its rows can hold"
        )
    if entry.row_count == 0:
        return _trust_of_absence(entry)
    if entry.source is Source.TOOL:
        # The model can shape its query to any number of rows.
        return Trust.ACTOR
    return Trust.MEASURED if entry.source in _COUNTED or entry.measured else Trust.PROVIDER


def _trust_of(citation: Citation, evidence: Mapping[str, Evidence]) -> Trust:
    """Look a citation up: who chose what it cites. Raises _CitationFails."""
    entry = evidence.get(citation.evidence)
    if entry is None:
        known = ", ".join(list(evidence)[:40])
        raise _CitationFails(IssueCode.UNKNOWN_EVIDENCE, f"there is no evidence {citation.evidence}; there is {known}")
    if not entry.answered:
        raise _CitationFails(IssueCode.UNANSWERED_EVIDENCE, f"{entry.id} has no answer: {entry.error[:200]}")
    match citation:
        case ValueCitation():
            return _trust_of_value(citation, entry)
        case CountCitation():
            return _trust_of_count(citation, entry)
        case AbsenceCitation():
            if entry.row_count:
                raise _CitationFails(
                    IssueCode.NOT_ABSENT, f"{entry.id} has {entry.row_count} rows, so nothing is absent"
                )
            return _trust_of_absence(entry)
        case _:
            assert_never(citation)


def invented_value(text: str, cited: Sequence[Evidence]) -> str | None:
    """The first address, e-mail, ARN, key or the like in a text that none of the given answers holds as a whole value.

    `None` if they hold all of them.
    """
    # Wide and stacked forms of letters and digits look like the plain ones to a reader.
    named = [value for value in _CONCRETE.findall(unicodedata.normalize("NFKC", text)) if not _CLOCK.fullmatch(value)]
    if not named:
        return None
    held = "\n".join(_texts(entry) for entry in cited).casefold()
    for value in named:
        wanted = json.dumps(value.rstrip(".:/").casefold(), ensure_ascii=False)[1:-1]
        if not re.search(rf"(?<![\w.+-]){re.escape(wanted)}(?![\w-]|[.:]\w)", held):
            return str(value)
    return None


def _texts(entry: Evidence) -> str:
    """What an answer says, with what was asked; a model's own query counts only if it found nothing."""
    rows = json.dumps([dict(row) for row in entry.rows], ensure_ascii=False)
    if entry.source is Source.TOOL and entry.row_count:
        return rows
    return f"{rows} {entry.question} {entry.sql}"


def check_finding(finding: Finding, number: int, evidence: Mapping[str, Evidence]) -> CheckedFinding:
    """Look up every citation of one finding.

    Args:
        finding: The sentence and its citations.
        number: One-based place in the draft.
        evidence: All evidence by id.
    """
    issues: list[Issue] = []
    trust: set[Trust] = set()
    if not finding.citations:
        issues.append(
            Issue(code=IssueCode.NO_CITATION, message="cite evidence, or leave the sentence out", finding=number)
        )
    for citation in finding.citations:
        try:
            trust.add(_trust_of(citation, evidence))
        except _CitationFails as failure:
            issues.append(Issue(code=failure.code, message=str(failure), finding=number))
    cited = [evidence[citation.evidence] for citation in finding.citations if citation.evidence in evidence]
    invented = invented_value(finding.text, cited)
    if invented is not None:
        message = f"the sentence names {_value_text(invented)}, which none of its citations hold"
        issues.append(Issue(code=IssueCode.INVENTED_VALUE, message=message, finding=number))
    return CheckedFinding(
        finding=finding, number=number, verified=not issues, trust=frozenset(trust), issues=tuple(issues)
    )


def verify(findings: Sequence[Finding], evidence: Sequence[Evidence]) -> tuple[CheckedFinding, ...]:
    """Check every finding of a draft against the stored rows; pure."""
    entries = by_id(evidence)
    return tuple(check_finding(finding, number, entries) for number, finding in enumerate(findings, 1))
