"""What a comment says, before it is said: a pure model whose every string is already cleaned."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

import regex

from triage.domain.alert import Alert
from triage.domain.clean import sentences, shown, told
from triage.domain.entity import Entity
from triage.domain.evidence import Evidence, Source
from triage.domain.finding import CheckedFinding
from triage.domain.signal import Direction
from triage.domain.verdict import AnswerState, Disposition, Investigation
from triage.stages.reporting.statement import statement
from triage.stages.reporting.timeline import Happening, timeline
from triage.stages.reporting.wording import STATES, author, count, headline, moment, step

_SENTENCE = 400
_TITLE = 200
_ITEMS = 20
_EVENTS = 8
_TECHNIQUE = regex.compile(r"T\d{4}(?:\.\d{3})?")


@dataclass(frozen=True, slots=True)
class FindingLine:
    text: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EntityLine:
    kind: str
    value: str
    role: str
    facts: str


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    id: str
    question: str
    outcome: str
    """Rows or failure, in words."""
    window: str
    """Empty where no window was asked."""
    sql: str
    """As `statement` gives it; may have several lines."""
    note: str
    """Why the SQL is not there or cannot be pasted."""


@dataclass(frozen=True, slots=True)
class CommentView:
    """Every string is cleaned: plain text, nothing in it acts. HTML escaping is left to the template."""

    headline: str
    summary: str
    reason: str
    alert_id: str
    title: str
    severity: str
    detection: str
    link: str
    """The alert in the configured console, the only active link; empty: none."""
    found: tuple[FindingLine, ...]
    against: tuple[FindingLine, ...]
    unchecked: tuple[str, ...]
    timeline: tuple[Happening, ...]
    events_left: int
    """Events that the timeline leaves out."""
    entities: tuple[EntityLine, ...]
    entities_left: int
    techniques: tuple[str, ...]
    steps: tuple[str, ...]
    evidence: tuple[EvidenceLine, ...]
    footer: tuple[str, ...]


def comment_view(alert: Alert, detection_name: str, investigation: Investigation, *, console_url: str) -> CommentView:
    """Take from an investigation what a comment says.

    Args:
        alert: The alert.
        detection_name: What people call its detection.
        investigation: What was found.
        console_url: Address of the Panther console; empty: no link.
    """
    verdict = investigation.verdict
    against = Direction.MALICIOUS if verdict.disposition is Disposition.BENIGN else Direction.BENIGN
    found = [checked for checked in verdict.verified if checked.finding.direction is not against]
    contrary = [checked for checked in verdict.verified if checked.finding.direction is against]
    happenings, left = timeline(investigation.evidence, verdict, _EVENTS)
    return CommentView(
        headline=headline(verdict.disposition, verdict.confidence),
        summary=told(sentences(verdict.summary, 2), 2 * _SENTENCE),
        reason=told(verdict.reason, _SENTENCE),
        alert_id=shown(alert.id, 48),
        title=told(alert.title, _TITLE),
        severity=shown(alert.severity.value, 20),
        detection=shown(detection_name or alert.detection_id, 120),
        link=console_link(console_url, alert.id),
        found=tuple(map(_finding, found)),
        against=tuple(map(_finding, contrary)),
        unchecked=tuple(_unchecked(alert, investigation)),
        timeline=happenings,
        events_left=left,
        entities=tuple(dict.fromkeys(map(_entity, investigation.entities)))[:_ITEMS],
        entities_left=max(len(investigation.entities) - _ITEMS, 0),
        techniques=tuple(name for name in dict.fromkeys(verdict.techniques) if _TECHNIQUE.fullmatch(name))[:_ITEMS],
        steps=tuple(dict.fromkeys(map(step, verdict.actions)))[:_ITEMS],
        evidence=tuple(map(_evidence, investigation.evidence)),
        footer=_footer(investigation),
    )


def console_link(console_url: str, alert_id: str) -> str:
    """Where the alert stands in the user's own console; empty without a console."""
    if not console_url:
        return ""
    return f"{console_url.rstrip('/')}/alerts-and-errors/{quote(alert_id, safe='', errors='replace')}"


def cited(checked: CheckedFinding) -> tuple[str, ...]:
    """The evidence that a finding cites, each once."""
    return tuple(dict.fromkeys(citation.evidence for citation in checked.finding.citations))


def outcome(entry: Evidence) -> str:
    """What came of a question, in words."""
    if not entry.answered:
        return f"failed: {told(entry.error, 200)}"
    kept, number = len(entry.rows), max(entry.row_count, len(entry.rows))
    if entry.truncated or kept < number:
        at_least = "at least " if entry.truncated and kept == number else ""
        return f"{at_least}{count(number, 'row')}, of which {kept:,} kept"
    return count(number, "row") if number else "no rows"


def window(entry: Evidence) -> str:
    """The time a question covers; empty where none was given."""
    ends = (("from", entry.start), ("to", entry.end))
    return " ".join(f"{word} {moment(at)}" for word, at in ends if at is not None)


def unproven(entry: Evidence) -> bool:
    """Whether an answer without rows proves nothing."""
    asked = entry.source in {Source.QUERY, Source.TOOL}
    return asked and entry.answered and not entry.row_count and not entry.measured and not entry.coverage.proves_absence


def _finding(checked: CheckedFinding) -> FindingLine:
    return FindingLine(told(checked.finding.text, _SENTENCE), cited(checked))


def _unchecked(alert: Alert, investigation: Investigation) -> Iterable[str]:
    for entry in investigation.evidence:
        if not entry.answered:
            yield f"{entry.id}, {told(entry.question, 200)}: {outcome(entry)}"
        elif unproven(entry):
            gaps = "; ".join(entry.coverage.gaps) or "the coverage of the log is not known"
            yield f"{entry.id}, {told(entry.question, 200)}: no rows, which proves nothing here, since {gaps}"
    verdict = investigation.verdict
    for answer in verdict.runbook:
        if answer.state is not AnswerState.DONE:
            why = f": {told(answer.answer, 200)}" if answer.answer.strip() else ""
            yield f"Runbook step {answer.step}, {told(answer.text, 200)}: {STATES[answer.state]}{why}"
    if verdict.dropped:
        yield f"{count(verdict.dropped, 'proposed finding')} left out, not holding against the evidence"
    for note in (*alert.notes, *investigation.notes):
        yield told(note, _SENTENCE)


def _entity(entity: Entity) -> EntityLine:
    facts = ", ".join(f"{shown(name, 30)} {shown(value, 60)}" for name, value in sorted(entity.facts.items())[:4])
    return EntityLine(entity.kind.value, shown(entity.value, 160), entity.role.value, facts)


def _evidence(entry: Evidence) -> EvidenceLine:
    asked = statement(entry.sql) if entry.sql else None
    return EvidenceLine(
        id=entry.id,
        question=told(entry.question, 200),
        outcome=outcome(entry),
        window=window(entry),
        sql=asked.text if asked else "",
        note=asked.note if asked else "",
    )


def _footer(investigation: Investigation) -> tuple[str, ...]:
    usage = investigation.usage
    seconds = usage.seconds or (investigation.finished_at - investigation.started_at).total_seconds()
    spent = [count(usage.queries, "query").replace("querys", "queries"), count(usage.rows, "row")]
    tokens = usage.prompt_tokens + usage.completion_tokens
    spent += [count(tokens, "token")] if tokens else []
    parts = [
        f"Run {shown(investigation.run_id, 48)}",
        author(investigation),
        f"prompts {shown(investigation.prompt_digest[:12], 12)}" if investigation.prompt_digest else "",
        f"{seconds:.1f} s, {', '.join(spent)}",
        "times are UTC",
    ]
    return tuple(part for part in parts if part)
