"""One investigation as a self-contained HTML page: no network, no script."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from pydantic import JsonValue

from triage.domain.alert import Alert, DetectionOrigin
from triage.domain.clean import safe_sentence, safe_value
from triage.domain.evidence import Evidence
from triage.domain.finding import AbsenceCitation, CheckedFinding, CountCitation, ValueCitation
from triage.domain.selection import Linked
from triage.domain.verdict import Investigation
from triage.ports import AlertRecord, Prompts
from triage.stages.reporting.drawing import TieDrawing, TimelineDrawing, draw_ties, draw_timeline
from triage.stages.reporting.sections import EXTENTS
from triage.stages.reporting.statement import statement
from triage.stages.reporting.ties import Ties, ties
from triage.stages.reporting.timeline import Happening
from triage.stages.reporting.view import CommentView, comment_view, outcome, unproven, window
from triage.stages.reporting.wording import STATES, moment

TEMPLATE = "page.html.j2"

_ROWS = 100
_COLUMNS = 40
_CELL = 400
_TURNS = 200
_SAID = 4_000


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a model or one tool call, for the folded transcript; texts as they came."""

    head: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CitationView:
    text: str
    evidence: str
    anchor: str
    """Id of the element that shows what is cited."""


@dataclass(frozen=True, slots=True)
class FindingView:
    number: int
    text: str
    direction: str
    verified: bool
    citations: tuple[CitationView, ...]
    issues: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RowView:
    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EvidenceView:
    id: str
    source: str
    question: str
    outcome: str
    window: str
    log_type: str
    sql: str
    note: str
    coverage: str
    """Why an answer without rows proves nothing; else empty."""
    columns: tuple[str, ...]
    rows: tuple[RowView, ...]
    left: str
    """What the table leaves out of what is stored; else empty."""
    digest: str


@dataclass(frozen=True, slots=True)
class SignalView:
    name: str
    direction: str
    weight: str
    sentence: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PageView:
    """Every string is cleaned; HTML escaping is left to the template."""

    comment: CommentView
    disposition: str
    status: str
    selected: str
    """Why the alert was investigated, or linked."""
    linked: str
    """The alert whose investigation this is, where it is another one's; else empty."""
    findings: tuple[FindingView, ...]
    dropped: tuple[FindingView, ...]
    evidence: tuple[EvidenceView, ...]
    signals: tuple[SignalView, ...]
    runbook: tuple[tuple[str, str, str], ...]
    """Step, state, answer."""
    issues: tuple[str, ...]
    timeline: TimelineDrawing
    ties: Ties
    graph: TieDrawing
    transcript: tuple[Turn, ...]
    turns_left: int


def page(
    alert: Alert,
    record: AlertRecord,
    investigation: Investigation,
    *,
    prompts: Prompts,
    console_url: str = "",
    currency: str = "",
    transcript: Sequence[Turn] = (),
) -> str:
    """Render an investigation as one HTML document.

    Args:
        alert: The alert.
        record: Why it was investigated, or linked to the one that was.
        investigation: What was found.
        prompts: The templates.
        console_url: Address of the Panther console; empty: no link.
        currency: Of what model calls have cost.
        transcript: The run's conversation, folded at the end; empty: no such part.

    Raises:
        PromptError: The template is missing or broken.
    """
    view = page_view(alert, record, investigation, console_url=console_url, currency=currency, transcript=transcript)
    return prompts.render(TEMPLATE, {"view": asdict(view)})


def page_view(
    alert: Alert,
    record: AlertRecord,
    investigation: Investigation,
    *,
    console_url: str,
    currency: str = "",
    transcript: Sequence[Turn] = (),
) -> PageView:
    """Take from an investigation what the page says: the comment's view and everything that a comment has no room for."""
    verdict = investigation.verdict
    name = alert.origin.name if isinstance(alert.origin, DetectionOrigin) else ""
    stored = {entry.id: entry for entry in investigation.evidence}
    comment = comment_view(
        alert, name, investigation, console_url=console_url, extent=EXTENTS["full"], currency=currency
    )
    evidence = tuple(map(_evidence, investigation.evidence))
    anchors = frozenset({entry.id for entry in evidence} | {f"{e.id}-{row.number}" for e in evidence for row in e.rows})
    tied = ties(investigation, anchors)
    return PageView(
        comment=comment,
        timeline=draw_timeline(_with_alert(comment.timeline, alert), anchors),
        ties=tied,
        graph=draw_ties(tied),
        transcript=tuple(
            Turn(safe_sentence(turn.head, _CELL), tuple(safe_value(line, _SAID) for line in turn.lines))
            for turn in transcript[:_TURNS]
        ),
        turns_left=max(len(transcript) - _TURNS, 0),
        disposition=verdict.disposition.value,
        status=safe_value(alert.status.value, 20),
        selected=safe_sentence(record.decision.reason, _CELL),
        linked=safe_value(record.decision.leader, 48) if isinstance(record.decision, Linked) else "",
        findings=tuple(_finding(checked, stored) for checked in verdict.verified),
        dropped=tuple(_finding(checked, stored) for checked in verdict.findings if not checked.verified),
        evidence=evidence,
        signals=tuple(
            SignalView(
                safe_value(signal.name, 60),
                signal.direction.value,
                f"{signal.weight:.2f}",
                safe_sentence(signal.sentence, _CELL),
                tuple(name for name in signal.evidence if name in stored),
            )
            for signal in investigation.signals
        ),
        runbook=tuple(
            (
                f"{answer.step}. {safe_sentence(answer.text, _CELL)}",
                STATES[answer.state],
                safe_sentence(answer.answer, _CELL),
            )
            for answer in verdict.runbook
        ),
        issues=tuple(safe_sentence(issue.message, _CELL) for issue in verdict.issues),
    )


def _with_alert(events: Sequence[Happening], alert: Alert) -> tuple[Happening, ...]:
    """The events, and among them the moment at which the alert was raised."""
    if not events:
        return ()
    raised = Happening(moment(alert.created_at), "Panther raised the alert", "", "", "", at=alert.created_at)
    after = next((n for n, event in enumerate(events) if event.at is None or event.at > alert.created_at), len(events))
    return (*events[:after], raised, *events[after:])


def _finding(checked: CheckedFinding, stored: Mapping[str, Evidence]) -> FindingView:
    return FindingView(
        number=checked.number,
        text=safe_sentence(checked.finding.text, _CELL),
        direction=checked.finding.direction.value,
        verified=checked.verified,
        citations=tuple(_citation(citation, stored) for citation in checked.finding.citations),
        issues=tuple(safe_sentence(issue.message, _CELL) for issue in checked.issues),
    )


def _citation(
    citation: ValueCitation | CountCitation | AbsenceCitation, stored: Mapping[str, Evidence]
) -> CitationView:
    anchor = citation.evidence if citation.evidence in stored else ""
    match citation:
        case ValueCitation(evidence=evidence, row=row, column=column, value=value):
            if anchor and row < min(len(stored[evidence].rows), _ROWS):
                anchor = f"{evidence}-{row}"
            text = f"row {row}, {_column(column)}: {_cell(value)}"
        case CountCitation(comparison=comparison, number=number):
            # The sign stands behind a word, so that the cell cannot start a formula.
            text = f"rows {comparison.value} {number}"
        case AbsenceCitation():
            text = "no rows"
    return CitationView(text, citation.evidence, anchor)


def _evidence(entry: Evidence) -> EvidenceView:
    columns = tuple(dict.fromkeys((*entry.columns, *(name for row in entry.rows for name in row))))
    # A column that is empty throughout the shown rows tells nothing and makes the table wide.
    rows = entry.rows[:_ROWS]
    filled = [name for name in columns if any(row.get(name) not in (None, "", [], {}) for row in rows)]
    left = [f"{len(entry.rows) - _ROWS} rows"] if len(entry.rows) > _ROWS else []
    left += [f"{len(filled) - _COLUMNS} columns"] if len(filled) > _COLUMNS else []
    asked = statement(entry.sql) if entry.sql else None
    return EvidenceView(
        id=entry.id,
        source=entry.source.value,
        question=safe_sentence(entry.question, _CELL),
        outcome=outcome(entry),
        window=window(entry),
        log_type=safe_value(entry.log_type, 60),
        sql=asked.text if asked else "",
        note=asked.note if asked else "",
        coverage="; ".join(entry.coverage.gaps) if unproven(entry) else "",
        columns=tuple(_column(name) for name in filled[:_COLUMNS]),
        rows=tuple(
            RowView(number, tuple(_cell(row.get(name)) for name in filled[:_COLUMNS]))
            for number, row in enumerate(rows)
        ),
        left=f"{' and '.join(left)} are not shown here; `triage show --json` has them" if left else "",
        digest=entry.digest[:12],
    )


def _column(name: str) -> str:
    # The colon is Snowflake's own way into JSON, and keeps `target.id` from looking like a domain.
    return safe_value(name.replace(".", ":"), 80)


def _cell(value: JsonValue) -> str:
    if value is None:
        return ""
    return safe_value(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), _CELL)
