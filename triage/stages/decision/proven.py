"""Verified findings as sentences that code writes from their citations: no word is a model's or a log's.

What a sentence may show:

| in the citation | shown |
|---|---|
| number, true, false or null of a provider's or a measured field | as it is |
| a moment | as it is |
| text of a field whose words come from the provider's own list (`eventName`, `errorCode`, …) | as it is, if it looks like such a word |
| other text of a provider's or a measured field: names, ids, addresses | `name 1`, `address 2`: the same for the same text |
| text that the actor chose | its length |
| a column of a query that the model wrote | the field that it comes from, as above; neither its name nor its text where it comes from several or from none |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from typing import assert_never, cast

import regex
from pydantic import JsonValue

from triage.domain.evidence import MISSING, Evidence, Source, lookup
from triage.domain.finding import (
    AbsenceCitation,
    CheckedFinding,
    Citation,
    CountCitation,
    LacksCitation,
    ValueCitation,
)
from triage.domain.injection import looks_like_instruction
from triage.domain.trust import Trust
from triage.logtypes import classify
from triage.logtypes.origins import origins_of

LISTED = frozenset(
    {"eventname", "eventsource", "eventtype", "eventcategory", "legacyeventtype", "awsregion", "region", "errorcode"}
    | {"type", "kind", "verb", "stage", "level", "code", "status", "result", "severity", "category", "action"}
    | {"operation", "operationname", "operationtype", "operationversion", "methodname", "servicename", "resulttype"}
    | {"resultsignature", "country", "countrycode", "country_code", "p_log_type", "mfaused", "mfaauthenticated"}
    | {"credentialtype", "credentialprovider", "authenticationprovider", "transport_protocol_name", "operation_type"}
    | {"conditionalaccessstatus", "risklevelaggregated", "riskstate", "granted", "permission", "decision"}
    | {"login_type", "login_failure_type", "login_challenge_status", "event_type", "query_type", "execution_status"}
)
"""Last parts of columns whose values are words of the provider's own list."""
_WORD = regex.compile(r"[A-Za-z][A-Za-z0-9_.:/-]{0,79}")
_MOST_PARTS = 6
_PARTS = regex.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_COLUMN = regex.compile(r"[A-Za-z_@][A-Za-z0-9_@:/-]{0,60}(?:\.[A-Za-z0-9_@:/-]{1,60}){0,12}")
_LARGE = 1e18
_NUMBER = regex.compile(r"-?\d{1,20}(?:\.\d{1,9})?")


@dataclass(slots=True)
class Pseudonyms:
    """Gives each name one placeholder per run."""

    _known: dict[tuple[str, str], int] = field(default_factory=dict)

    def of(self, text: str) -> str:
        """`address 1`, `ARN 2`, `name 3`: the same text has the same one, in any letter case."""
        kind = _kind(text)
        key = (kind, text.casefold())
        count = sum(known == kind for known, _ in self._known)
        return f"{kind} {self._known.setdefault(key, count + 1)}"


def _kind(text: str) -> str:
    try:
        ip_address(text)
    except ValueError:
        pass
    else:
        return "address"
    if text.startswith("arn:"):
        return "ARN"
    return "e-mail address" if "@" in text else "name"


def is_listed(column: str, value: str) -> bool:
    """Whether a text may be shown as a word of the provider's own list."""
    last = column.casefold().rpartition(".")[2]
    if last not in LISTED and column != "name":
        return False
    # However it got there, a sentence is not such a word.
    few = len(_PARTS.findall(value)) <= _MOST_PARTS
    return _WORD.fullmatch(value) is not None and few and not looks_like_instruction(value)


def is_number(text: str) -> bool:
    """Whether a text is a plain number."""
    return _NUMBER.fullmatch(text) is not None


def is_moment(text: str) -> bool:
    """Whether a text is a time."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def value_text(value: JsonValue, column: str, trust: Trust, names: Pseudonyms) -> str:
    """A value as the rules above allow it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return f"{value:.10g}" if abs(value) < _LARGE else "a large number"
    if not isinstance(value, str):
        return "a nested value"
    if is_number(value) or is_moment(value):
        return value
    if trust is Trust.ACTOR:
        return f"text that the actor chose, {len(value)} characters"
    return value if is_listed(column, value) else names.of(value)


def _citation_text(citation: Citation, evidence: Mapping[str, Evidence], names: Pseudonyms) -> str:
    """One citation in words; empty if its value is missing."""
    entry = evidence.get(citation.evidence)
    if entry is None:
        return ""
    match citation:
        case ValueCitation():
            return _value_citation_text(citation, entry, evidence, names)
        case CountCitation():
            return f"{_answer_name(entry)} has a number of rows {citation.comparison.value} {citation.number}"
        case AbsenceCitation():
            return f"{_answer_name(entry)} has no rows, and rows would have been seen"
        case LacksCitation():
            return f"{_answer_name(entry)} is complete, and no row of it has the value that was looked for"
        case _:
            assert_never(citation)


def _value_citation_text(
    citation: ValueCitation, entry: Evidence, evidence: Mapping[str, Evidence], names: Pseudonyms
) -> str:
    found = lookup(entry.rows[citation.row], citation.column) if citation.row < len(entry.rows) else MISSING
    if found is MISSING:
        return ""
    value = cast("JsonValue", found)
    if entry.source is Source.TOOL:
        return f"row {citation.row} of {_answer_name(entry)} {_tool_cell_text(citation.column, value, entry, evidence, names)}"
    trust = classify(entry.log_type, citation.column, value=value, measured=entry.measured)
    return f"row {citation.row} of {_answer_name(entry)}: {_column_name(citation.column, trust)} is {value_text(value, citation.column, trust, names)}"


def _tool_cell_text(
    column: str, value: JsonValue, entry: Evidence, evidence: Mapping[str, Evidence], names: Pseudonyms
) -> str:
    """A cell of a query that the model wrote, by what it comes from rather than what it is called."""
    origins = origins_of(entry, tuple(evidence.values()))
    trust = origins.trust_of(column, value) if origins is not None else Trust.ACTOR
    if origins is None or trust is Trust.ACTOR:
        return f"has {value_text(value, '', Trust.ACTOR, names)}"
    field_path = origins.field(column)
    what = f"has {_column_name(field_path, trust)}" if field_path else "counts"
    return f"{what} {value_text(value, field_path, trust, names)}"


def _column_name(column: str, trust: Trust) -> str:
    # Below an object that the actor filled, the keys are the actor's too.
    if trust is Trust.ACTOR:
        column = column.partition(".")[0]
    return column if _COLUMN.fullmatch(column) and not looks_like_instruction(column) else "a column"


def _answer_name(entry: Evidence) -> str:
    match entry.source:
        case Source.TOOL:
            what = "a query that the analyst wrote"
        case Source.EVENTS:
            what = "the alert's events"
        case _:
            what = f"the question {entry.key.rsplit('.', 1)[-1]}"
    return f"{entry.id} ({what})"


def proven_sentence(checked: CheckedFinding, evidence: Mapping[str, Evidence], names: Pseudonyms) -> str:
    """A verified finding as one sentence, in code's words."""
    parts = [text for citation in checked.finding.citations if (text := _citation_text(citation, evidence, names))]
    return "; ".join(dict.fromkeys(parts))[:1_200]
