"""Answers from outside, numbered `E1`, `E2`, …: what every claim of a verdict must point at."""

import hashlib
import json
from collections.abc import Iterable
from enum import StrEnum

from pydantic import JsonValue

from triage.domain.alert import Moment
from triage.domain.base import EvidenceId, Row, Value
from triage.domain.coverage import Coverage
from triage.domain.question import Question


class Source(StrEnum):
    """Where an answer comes from."""

    EVENTS = "events"
    """The alert's own events."""
    QUERY = "query"
    """A data-lake query of a playbook."""
    TOOL = "tool"
    """A data-lake query that the model asked for."""
    HISTORY = "history"
    """Earlier alerts of the detection or of the entities."""
    DETECTION = "detection"
    SOURCES = "sources"
    """The state of the log sources."""
    COMMENTS = "comments"
    """What people wrote on like alerts."""
    USERS = "users"
    """Who the people of the alert are to Panther."""
    SEARCH = "search"
    """Panther's indicator search over all log types."""
    ALERT = "alert"
    """The alert's own record, as Panther lists it."""


SAME_CASE = "same_case"
"""Key of the answer that holds this program's own verdicts on the alerts of the same case."""
NOT_ASKED = "not asked: this log names people by "
"""Begins the error of a question for which no identity of a fitting kind is known."""


class Evidence(Value):
    """One answer from outside, with its question."""

    id: EvidenceId
    source: Source
    key: str
    """Stable name of the question within a run, such as `aws_cloudtrail.actor_history`."""
    question: str
    """The question in words."""
    log_type: str = ""
    table: str = ""
    """Fully qualified table, where one was asked."""
    sql: str = ""
    """The question's statement, as it runs in Data Explorer; it may have been sent joined with others. Empty where
    nothing was asked of the lake by SQL."""
    start: Moment | None = None
    end: Moment | None = None
    columns: tuple[str, ...] = ()
    rows: tuple[dict[str, JsonValue], ...] = ()
    """Rows kept, in the server's order."""
    row_count: int = 0
    """Rows the answer had, kept or not."""
    truncated: bool = False
    """Rows or bytes were cut."""
    error: str = ""
    """Why there is no answer; empty where there is one."""
    coverage: Coverage = Coverage()
    seconds: float = 0.0
    signals: tuple[str, ...] = ()
    """Names of the signal rules that may read this answer."""
    measured: bool = False
    """The rows are our own counts and comparisons rather than records."""
    subject: str = ""
    """Whom of an alert's several actors the question is about, as the log names them; empty: the alert as a whole."""
    asked: Question | None = None
    """The question as a value, where one was compiled: of a runbook, a playbook, or what the model asked with `ask`."""

    @property
    def answered(self) -> bool:
        return not self.error

    @property
    def not_asked(self) -> bool:
        """Nothing that is known could be asked for, so its answer is not missed."""
        return self.error.startswith(NOT_ASKED)

    @property
    def complete(self) -> bool:
        """Whether it is the whole answer: what isn't among the rows of a cut one may have been cut."""
        return self.answered and not self.truncated

    @property
    def proves_absence(self) -> bool:
        """Whether what isn't among its rows is proven not to have happened in the whole window that was wanted.

        Everything that judges an absence, a silence or a "never before" asks this, or `proves_until`.
        """
        return self.complete and self.coverage.proves_absence

    def proves_until(self, moment: Moment) -> bool:
        """Whether what isn't among its rows is proven not to have happened up to a moment within the asked window."""
        return self.complete and self.coverage.proves_until(moment if self.end is None else min(moment, self.end))

    @property
    def proven_until(self) -> Moment | None:
        """Up to when what isn't among its rows is proven not to have happened; `None` if nothing is proven."""
        if not self.complete:
            return None
        return self.end if self.coverage.proves_absence else self.coverage.proven_until

    @property
    def unproven(self) -> bool:
        """Whether it is an answer without rows that proves nothing."""
        if self.source not in {Source.QUERY, Source.TOOL, Source.SEARCH} or not self.answered:
            return False
        # A count of ours that came back without a row was not needed; what the model asked for may be.
        counted = self.measured and self.source is not Source.TOOL
        return not self.row_count and not counted and not self.proves_absence

    @property
    def digest(self) -> str:
        """SHA-256 over what was answered; the same rows give the same digest."""
        return digest_rows(self.rows, self.row_count)


def by_id(evidence: Iterable[Evidence]) -> dict[str, Evidence]:
    """Evidence by its id."""
    return {entry.id: entry for entry in evidence}


def digest_rows(rows: tuple[dict[str, JsonValue], ...] | tuple[Row, ...], row_count: int) -> str:
    """Name rows by their content: hexadecimal SHA-256 of their canonical JSON."""
    text = json.dumps([row_count, [dict(row) for row in rows]], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


_INDEX_DIGITS = 9
"""Digits of an index into a list: a model can write thousands, which Python refuses to read."""
MISSING = object()
"""What `lookup` gives where a row has no such value; distinct from a JSON null."""


def lookup(row: Row, path: str) -> JsonValue | object:
    """Find a value by column name or dotted path (`userIdentity.arn`, `target.0.id`).

    A column whose own name holds the dots wins over a path. Gives `MISSING` where there is nothing.
    """
    if path in row:
        return row[path]
    current: JsonValue | object = dict(row)
    for part in path.split("."):
        if isinstance(current, dict) and part in current:
            current = current[part]
        elif isinstance(current, list) and len(part) <= _INDEX_DIGITS and part.isdecimal() and int(part) < len(current):
            current = current[int(part)]
        else:
            return MISSING
    return current
