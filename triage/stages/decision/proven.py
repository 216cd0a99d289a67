"""Verified findings as sentences that code writes from their citations: no word is a model's or a log's.

What a sentence may show:

| in the citation | shown |
|---|---|
| number, true, false or null of a provider's or a measured field | as it is |
| a moment | as it is |
| text of a field whose words come from the provider's own list (`eventName`, `errorCode`, …) | as it is, if it looks like such a word |
| a word of a closed list (see `vocabulary`) | as it is, whoever wrote it |
| other text of a provider's or a measured field: names, ids, addresses | `name 1`, `address 2`: the same for the same text |
| text that the actor chose | `text 1`, or what stands for the same text elsewhere; different for different ones; with the programs and statement words of a closed list that it names |
| a column of a query that the model wrote | the field that it comes from, as above; neither its name nor its text where it comes from several or from none |
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
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
from triage.domain.sql.lineage import Kind
from triage.domain.trust import Trust
from triage.logtypes import classify, identities_of, name_of_number, terms_of
from triage.logtypes.origins import AnswerOrigins, origins_of
from triage.stages.decision.vocabulary import (
    is_foreign_cluster_method,
    is_known_action,
    is_own_word,
    is_published_action,
    is_rule_id,
    program_of,
    told_words,
)

LISTED = frozenset(
    {"eventname", "eventsource", "eventtype", "eventcategory", "legacyeventtype", "awsregion", "region", "errorcode"}
    | {"type", "kind", "verb", "stage", "level", "code", "status", "result", "severity", "category", "action"}
    | {"operation", "operationname", "operationtype", "operationversion", "methodname", "servicename", "resulttype"}
    | {"resultsignature", "country", "countrycode", "country_code", "p_log_type", "mfaused", "mfaauthenticated"}
    | {"credentialtype", "credentialprovider", "authenticationprovider", "transport_protocol_name", "operation_type"}
    | {"authenticationrequirement", "authenticationprotocol", "clientappused", "trusttype", "incomingtokentype"}
    | {"conditionalaccessstatus", "risklevelaggregated", "riskstate", "granted", "permission", "decision"}
    | {"login_type", "login_failure_type", "login_challenge_status", "event_type", "query_type", "execution_status"}
    | {"factor", "second_factor", "first_authentication_factor", "second_authentication_factor", "visibility"}
    | {"enforcement", "ruleset_enforcement"}
)
"""Last parts of columns whose values are words of the provider's own list."""
_WORD = regex.compile(r"[A-Za-z][A-Za-z0-9_.:/-]{0,79}")
_MOST_PARTS = 6
_OPERATION = regex.compile(r"(?i)microsoft\.[a-z0-9]+(?:/[a-z0-9]+){1,10}")
"""Of Azure's resource providers: however long, it is no sentence."""
_TIMES = ("first_seen", "last_seen")
_MINUTES = len("2026-01-31 12:00")
_ACT = "action"
"""The column of our own questions that says what was done."""
_PARTS = regex.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_COLUMN = regex.compile(r"[A-Za-z_@][A-Za-z0-9_@:/-]{0,60}(?:\.[A-Za-z0-9_@:/-]{1,60}){0,12}")
_LARGE = 1e18
_SEPARATOR = regex.compile(r"[/\\]")
_NUMBER = regex.compile(r"-?\d{1,20}(?:\.\d{1,9})?")


@dataclass(slots=True)
class Pseudonyms:
    """Gives each name, and each text that an actor chose, one placeholder per run."""

    texts: str = "text"
    """What stands for texts that an actor chose: people, who read a sentence or two, have not been told what it means."""
    _folded: dict[str, str] = field(default_factory=dict)
    """By a name in lower case."""
    _spelled: dict[str, str] = field(default_factory=dict)
    """By a name or a text, letter by letter."""
    _counts: Counter[str] = field(default_factory=Counter)

    def of(self, text: str) -> str:
        """`address 1`, `ARN 2`, `name 3`: the same text has the same one, in any letter case."""
        folded = text.casefold()
        found = self._folded.get(folded) or self._spelled.get(text) or self._next(_kind(text))
        self._folded.setdefault(folded, found)
        self._spelled.setdefault(text, found)
        return found

    def of_text(self, text: str, *, folds: bool = False) -> str:
        """`text 1` for what an actor chose, or what the same text is called already as a name; an address is one still.

        Args:
            text: Anything; no character of it shows, nor how many there are.
            folds: Letter case makes no difference in the field that holds it.
        """
        if folds or _kind(text) != "name":
            kind = _kind(text) if _kind(text) == "address" else self.texts
            found = self._folded.get(text.casefold()) or self._spelled.get(text) or self._next(kind)
            self._folded.setdefault(text.casefold(), found)
        else:
            found = self._spelled.get(text) or self._next(self.texts)
        self._spelled.setdefault(text, found)
        return found

    def forms_of(self, text: str) -> tuple[str, ...]:
        """How a name is shown, if it has come up: its placeholder, and itself where it is a plain number."""
        known = self._folded.get(text.casefold()) or self._spelled.get(text)
        return (*([known] if known else []), *([text] if is_number(text) else []))

    def _next(self, kind: str) -> str:
        self._counts[kind] += 1
        return f"{kind} {self._counts[kind]}"


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
    if is_foreign_cluster_method(value):
        return False
    if _OPERATION.fullmatch(value) is not None:
        return not looks_like_instruction(value)
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


def value_text(value: JsonValue, column: str, trust: Trust, names: Pseudonyms, log_type: str = "") -> str:
    """A value as the rules above allow it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float | str) and (said := _numbered_action(value, column, log_type)):
        return said
    if isinstance(value, int | float):
        return f"{value:.10g}" if abs(value) < _LARGE else "a large number"
    if not isinstance(value, str):
        return "a nested value"
    if is_number(value) or is_moment(value) or is_own_word(value) or is_known_action(log_type, value):
        return value
    if trust is Trust.ACTOR:
        named = told_words(value)
        told = f" (with the words {', '.join(named)})" if named else ""
        return f"{names.of_text(value, folds=_folds(log_type, column))}{told}"
    return listed_text(column, value, log_type, names) or names.of(value)


def _numbered_action(value: float | str, column: str, log_type: str) -> str:
    """An action that the log gives as a number, with what our file calls it; empty for everything else."""
    said = name_of_number(log_type, str(value)) if _is_action(log_type, column) else ""
    return f"{value} ({said})" if said else ""


def listed_text(column: str, value: str, log_type: str, names: Pseudonyms) -> str:
    """What may be shown of a text of the provider's; empty for a name."""
    if is_listed(column, value) or is_rule_id(column, value):
        return value
    if not _is_action(log_type, column):
        return ""
    if is_published_action(log_type, value):
        return value
    kind, program = program_of(log_type, value)
    return f"{kind} {names.of(program) if _SEPARATOR.search(program) else program}" if kind else ""


def _is_action(log_type: str, column: str) -> bool:
    """Whether a column holds actions: that of our own questions, or the log type's own."""
    term = terms_of(log_type).get("action")
    own = {take.path.casefold() for take in term.take} if term is not None else set()
    return column.casefold() in {"action", "actions"} | (own - {""})


@lru_cache(maxsize=1024)
def _folds(log_type: str, column: str) -> bool:
    """Whether a log type's terms read a field without regard to letter case."""
    terms = (*terms_of(log_type).values(), *identities_of(log_type).values())
    return any(take.lower and take.path.casefold() == column.casefold() for term in terms for take in term.take)


def _citation_text(citation: Citation, evidence: Mapping[str, Evidence], names: Pseudonyms) -> tuple[str, str]:
    """One citation in words: what it is about, and what that shows; both empty if its value is missing."""
    entry = evidence.get(citation.evidence)
    if entry is None:
        return "", ""
    match citation:
        case ValueCitation():
            cell = _cell_text(citation.column, citation.row, entry, evidence, names)
            return (f"row {citation.row} of {_answer_name(entry)}", cell) if cell else ("", "")
        case CountCitation():
            return _answer_name(entry), f"has a number of rows {citation.comparison.value} {citation.number}"
        case AbsenceCitation():
            until = f" up to {citation.until:%Y-%m-%d %H:%M} UTC" if citation.until is not None else ""
            return _answer_name(entry), f"has no rows{until}, and rows would have been seen"
        case LacksCitation():
            return _answer_name(entry), _lacks_text(citation, entry, evidence, names)
        case _:
            assert_never(citation)


def _lacks_text(citation: LacksCitation, entry: Evidence, evidence: Mapping[str, Evidence], names: Pseudonyms) -> str:
    """What no row of an answer has. The value is the analyst's own, so it shows only as a word of a closed list."""
    shown = value_text(citation.value, citation.column, Trust.ACTOR, names, entry.log_type)
    if entry.source is Source.TOOL:
        column = cell_name(citation.column, entry, origins_of(entry, tuple(evidence.values())), Trust.ACTOR)
    else:
        column = column_name(citation.column, classify(entry.log_type, citation.column, measured=entry.measured))
    return f"is complete, and in no row of it {column} is {shown}"


def _cell_text(column: str, row: int, entry: Evidence, evidence: Mapping[str, Evidence], names: Pseudonyms) -> str:
    """A cell of an answer; empty if there is none."""
    found = lookup(entry.rows[row], column) if row < len(entry.rows) else MISSING
    if found is MISSING:
        return ""
    value = cast("JsonValue", found)
    if entry.source is Source.TOOL:
        return _tool_cell_text(column, value, entry, evidence, names)
    trust = classify(entry.log_type, column, value=value, measured=entry.measured)
    return f"{column_name(column, trust)} is {value_text(value, column, trust, names, entry.log_type)}"


def _act_text(
    cited: Sequence[ValueCitation], entry: Evidence, evidence: Mapping[str, Evidence], names: Pseudonyms
) -> str:
    """Which act a row of our own counts is about, where the citations don't say: "times is 3" alone shows nothing."""
    ours = entry.measured or entry.asked is not None
    row = cited[0].row
    if not ours or any(each.column == _ACT for each in cited) or row >= len(entry.rows):
        return ""
    return _cell_text(_ACT, row, entry, evidence, names) if isinstance(entry.rows[row].get(_ACT), str) else ""


def _when_text(cited: Sequence[ValueCitation], entry: Evidence) -> str:
    """When what a row of our own counts is about happened, where the citations don't say: a fact without a time joins
    nothing."""
    row = cited[0].row
    if not (entry.measured or entry.asked is not None) or row >= len(entry.rows):
        return ""
    times = [name for name in _TIMES if isinstance(value := entry.rows[row].get(name), str) and is_moment(value)]
    if not times or {each.column for each in cited} & set(_TIMES):
        return ""
    found = dict.fromkeys(str(entry.rows[row][name])[:_MINUTES] for name in times)
    return f"from {' to '.join(found)}"


def _tool_cell_text(
    column: str, value: JsonValue, entry: Evidence, evidence: Mapping[str, Evidence], names: Pseudonyms
) -> str:
    """A cell of a query that the model wrote, by what it comes from rather than what it is called."""
    origins = origins_of(entry, tuple(evidence.values()))
    trust = origins.trust_of(column, value) if origins is not None else Trust.ACTOR
    path = origins.field(column) if origins is not None else ""
    log_type = origins.log_type(column) if origins is not None else ""
    name = cell_name(column, entry, origins, trust)
    # A field's own words; what was counted or put together has none.
    return f"{name} is {value_text(value, path, trust, names, log_type or entry.log_type)}"


def cell_name(column: str, entry: Evidence, origins: AnswerOrigins | None, trust: Trust) -> str:
    """What a column of an answer holds, in code's words: the alias that a model gives it never shows."""
    if entry.asked is not None and column in entry.columns and _COLUMN.fullmatch(column):
        # Compiled from a question, so that the names are ours.
        return column
    if origins is None:
        return "a column"
    return _origin_name(origins, column, trust)


def _origin_name(origins: AnswerOrigins, column: str, trust: Trust) -> str:
    path = origins.field(column)
    match origins.kind(column):
        case Kind.COLUMN:
            return column_name(path, trust) if path else "a column"
        case Kind.EXTREME:
            return f"first or last {column_name(path, trust)}" if path else "a first or last value"
        case Kind.COUNT:
            counted = [column_name(each, Trust.ACTOR) for each in origins.counted(column)]
            return f"count or sum over {' and '.join(counted)}" if counted else "count"
        case _:
            return "a computed value"


def column_name(column: str, trust: Trust) -> str:
    """A field's name, as far as it is not the actor's choice."""
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
    """A verified finding as one sentence, in code's words: what the cited rows hold, each row named once."""
    about: dict[str, list[str]] = {}
    rows: dict[str, list[ValueCitation]] = {}
    for citation in checked.finding.citations:
        what, shows = _citation_text(citation, evidence, names)
        if not what:
            continue
        about.setdefault(what, []).append(shows)
        if isinstance(citation, ValueCitation):
            rows.setdefault(what, []).append(citation)
    parts = []
    for what, shown in about.items():
        if what not in rows:
            parts.append(f"{what} {' and '.join(dict.fromkeys(shown))}")
            continue
        entry = evidence[rows[what][0].evidence]
        beside = [
            text for text in (_act_text(rows[what], entry, evidence, names), _when_text(rows[what], entry)) if text
        ]
        parts.append(f"{what}: {', '.join(dict.fromkeys([*beside, *shown]))}")
    return "; ".join(parts)[:1_200]
