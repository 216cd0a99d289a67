"""Which claims hold: every citation is looked up in the stored rows."""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import assert_never, cast

from pydantic import JsonValue

from triage.domain.base import Row
from triage.domain.evidence import MISSING, Evidence, Source, lookup
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
    Comparison.EQUAL: lambda found, said: found == said,
    Comparison.AT_LEAST: lambda found, said: found >= said,
    Comparison.AT_MOST: lambda found, said: found <= said,
    Comparison.MORE: lambda found, said: found > said,
    Comparison.LESS: lambda found, said: found < said,
}
MAX_SHOWN = 120
"""Characters of a value in a message to the model."""

_LOWER_BOUNDS = {Comparison.AT_LEAST, Comparison.MORE}
_LONGEST_COLUMN = 500
_OURS = {Source.QUERY, Source.HISTORY, Source.SEARCH}
"""Sources whose number of rows says something: the alert has events, a detection and comments in any case."""

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

_Outcome = tuple[Trust | None, IssueCode | None, str]


def _holds(trust: Trust) -> _Outcome:
    return trust, None, ""


def _fails(code: IssueCode, message: str) -> _Outcome:
    return None, code, message


def _same(found: object, said: object) -> bool:
    """Exact JSON equality: `true` is not `1`, but `1` is `1.0`."""
    if isinstance(found, bool) or isinstance(said, bool):
        return found is said
    return (type(found) in {int, float} and type(said) in {int, float} and found == said) or (
        type(found) is type(said) and found == said
    )


def _shown(value: object, limit: int = MAX_SHOWN) -> str:
    if isinstance(value, int) and abs(value) >= _LARGE:
        return "a number of more than 20 digits"
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= limit else text[: limit - 3] + "..."


_LARGE = 10**20


def _stored(row: Row, column: str) -> object:
    """What a row holds under a name or path that is written the one right way; `MISSING` where there is nothing.

    Other spellings of a list index (`00`, digits of other scripts) would name one value in many ways.
    """
    if column in row:
        return row[column]
    parts = column.split(".")
    if len(column) > _LONGEST_COLUMN:
        return MISSING
    if any(part.isdecimal() and not (part.isascii() and str(int(part)) == part) for part in parts):
        return MISSING
    return lookup(row, column)


def _absence(entry: Evidence) -> _Outcome:
    if entry.truncated:
        return _fails(IssueCode.UNPROVEN_ABSENCE, f"{entry.id} was cut, so it cannot prove an absence")
    if entry.coverage.proves_absence:
        # The model wrote a tool's query: it can ask for what nobody has, and prove that it isn't there.
        return _holds(Trust.ACTOR if entry.source is Source.TOOL else Trust.MEASURED)
    gaps = "; ".join(entry.coverage.gaps) or "its coverage was not measured"
    return _fails(IssueCode.UNPROVEN_ABSENCE, f"{entry.id} cannot prove an absence: {gaps}")


def _check_value(citation: ValueCitation, entry: Evidence) -> _Outcome:
    if citation.row >= len(entry.rows):
        return _fails(
            IssueCode.UNKNOWN_ROW, f"{entry.id} has {len(entry.rows)} stored rows; row {citation.row} is not there"
        )
    row = entry.rows[citation.row]
    found = _stored(row, citation.column)
    if found is MISSING:
        return _fails(
            IssueCode.UNKNOWN_COLUMN,
            f"{entry.id} row {citation.row} has no {_shown(citation.column)}; it has {_shown(', '.join(list(row)[:40]), 600)}",
        )
    if not _same(found, citation.value):
        return _fails(
            IssueCode.WRONG_VALUE,
            f"{entry.id} row {citation.row} {_shown(citation.column)} is {_shown(found)}, not {_shown(citation.value)}",
        )
    if entry.measured and not found:
        # A count of nothing is an absence in other words.
        return _absence(entry)
    if entry.source is Source.TOOL:
        # The model wrote this query: a column can carry any alias, so its name says nothing about who chose the value.
        return _holds(Trust.ACTOR)
    return _holds(classify(entry.log_type, citation.column, value=cast("JsonValue", found), measured=entry.measured))


def _check_count(citation: CountCitation, entry: Evidence) -> _Outcome:
    if citation.comparison is Comparison.AT_LEAST and citation.number == 0:
        return _fails(IssueCode.WRONG_COUNT, f"any answer has at least 0 rows: {entry.id} shows nothing by that")
    if not _COMPARE[citation.comparison](entry.row_count, citation.number):
        return _fails(
            IssueCode.WRONG_COUNT,
            f"{entry.id} has {entry.row_count} rows, which is not {citation.comparison.value} {_shown(citation.number)}",
        )
    if entry.truncated and citation.comparison not in _LOWER_BOUNDS:
        return _fails(
            IssueCode.CUT_COUNT, f"the answer {entry.id} was cut: only a lower bound (>= or >) on its rows can hold"
        )
    if entry.row_count == 0:
        return _absence(entry)
    if entry.source is Source.TOOL:
        # A query of the model's own can be shaped to any number of rows.
        return _holds(Trust.ACTOR)
    return _holds(Trust.MEASURED if entry.source in _OURS or entry.measured else Trust.PROVIDER)


def _check(citation: Citation, evidence: Mapping[str, Evidence]) -> _Outcome:
    entry = evidence.get(citation.evidence)
    if entry is None:
        known = ", ".join(list(evidence)[:40])
        return _fails(IssueCode.UNKNOWN_EVIDENCE, f"there is no evidence {citation.evidence}; there is {known}")
    if not entry.answered:
        return _fails(IssueCode.UNANSWERED_EVIDENCE, f"{entry.id} has no answer: {entry.error[:200]}")
    match citation:
        case ValueCitation():
            return _check_value(citation, entry)
        case CountCitation():
            return _check_count(citation, entry)
        case AbsenceCitation():
            if entry.row_count:
                return _fails(IssueCode.NOT_ABSENT, f"{entry.id} has {entry.row_count} rows, so nothing is absent")
            return _absence(entry)
        case _:
            assert_never(citation)


def _invented(text: str, cited: Sequence[Evidence]) -> str | None:
    """The first concrete value of a sentence that none of the given answers holds, as a whole value of its own."""
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
    """What an answer says, with what was asked; a model's own query says only what it did not find."""
    rows = json.dumps([dict(row) for row in entry.rows], ensure_ascii=False)
    if entry.source is Source.TOOL and entry.row_count:
        return rows
    return f"{rows} {entry.question} {entry.sql}"


def invented_value(text: str, evidence: Sequence[Evidence]) -> str | None:
    """The first address, e-mail, ARN or key in a summary that no evidence of the run holds; `None` where all do."""
    return _invented(text, evidence)


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
        held, code, message = _check(citation, evidence)
        if code is not None:
            issues.append(Issue(code=code, message=message, finding=number))
        elif held is not None:
            trust.add(held)
    cited = [evidence[citation.evidence] for citation in finding.citations if citation.evidence in evidence]
    invented = _invented(finding.text, cited)
    if invented is not None:
        message = f"the sentence names {_shown(invented)}, which none of its citations hold"
        issues.append(Issue(code=IssueCode.INVENTED_VALUE, message=message, finding=number))
    return CheckedFinding(
        finding=finding, number=number, verified=not issues, trust=frozenset(trust), issues=tuple(issues)
    )


def verify(findings: Sequence[Finding], evidence: Sequence[Evidence]) -> tuple[CheckedFinding, ...]:
    """Check every finding of a draft against the stored rows; pure."""
    by_id = {entry.id: entry for entry in evidence}
    return tuple(check_finding(finding, number, by_id) for number, finding in enumerate(findings, 1))
