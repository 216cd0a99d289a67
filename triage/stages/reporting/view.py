"""What a comment says, before it is said: a pure model whose every string is already cleaned."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import quote

import regex

from triage.domain.alert import Alert
from triage.domain.clean import safe_sentence, safe_value, sentences
from triage.domain.entity import Entity, EntityKind, Role
from triage.domain.evidence import Evidence, Source
from triage.domain.finding import CheckedFinding
from triage.domain.signal import Direction
from triage.domain.verdict import AnswerState, Disposition, Investigation, RunbookAnswer
from triage.stages.reporting.sections import EXTENTS, Extent
from triage.stages.reporting.statement import statement
from triage.stages.reporting.timeline import Happening, timeline
from triage.stages.reporting.wording import STATES, author, cost, count, headline, moment, queries, step

_SENTENCE = 400
_TITLE = 200
_ITEMS = 20
_MORE = regex.compile(r"and ([0-9]{1,9}) more")
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
class RunbookLine:
    step: int
    text: str
    state: str
    """In words."""
    answer: str
    evidence: tuple[str, ...]


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
    runbook: tuple[RunbookLine, ...]
    """The steps that have an answer; all of them where `unchecked` is no part of the comment."""
    timeline: tuple[Happening, ...]
    events_left: int
    """Events that the timeline leaves out."""
    entities: tuple[EntityLine, ...]
    entities_left: int
    techniques: tuple[str, ...]
    steps: tuple[str, ...]
    evidence: tuple[EvidenceLine, ...]
    sql_left: int
    """Statements that the comment's length leaves out."""
    footer: tuple[str, ...]


def comment_view(
    alert: Alert,
    detection_name: str,
    investigation: Investigation,
    *,
    console_url: str,
    extent: Extent = EXTENTS["full"],
    currency: str = "",
) -> CommentView:
    """Take from an investigation what a comment says.

    Args:
        alert: The alert.
        detection_name: What people call its detection.
        investigation: What was found.
        console_url: Address of the Panther console; empty: no link.
        extent: Which parts; the others are left empty.
        currency: Of what model calls have cost.
    """
    verdict = investigation.verdict
    against = Direction.MALICIOUS if verdict.disposition is Disposition.BENIGN else Direction.BENIGN
    found = [checked for checked in verdict.verified if checked.finding.direction is not against]
    contrary = [checked for checked in verdict.verified if checked.finding.direction is against]
    happenings, left = timeline(investigation.evidence, verdict, extent.events)
    entities = tuple(dict.fromkeys(map(_entity, sorted(investigation.entities, key=_rank))))
    with_sql = {name for checked in verdict.verified for name in cited(checked)}
    # Where an answer is missing, a person asks again.
    with_sql |= {entry.id for entry in investigation.evidence if not entry.answered or unproven(entry)}
    whole = CommentView(
        headline=headline(verdict),
        summary=safe_sentence(sentences(verdict.summary, 2), 2 * _SENTENCE),
        reason=safe_sentence(verdict.reason, _SENTENCE),
        alert_id=safe_value(alert.id, 48),
        title=safe_sentence(alert.title, _TITLE),
        severity=safe_value(alert.severity.value, 20),
        detection=safe_value(detection_name or alert.detection_id, 120),
        link=console_link(console_url, alert.id),
        found=tuple(map(_finding, found)),
        against=tuple(map(_finding, contrary)),
        unchecked=first(tuple(_unchecked(alert, investigation)), extent.unchecked),
        runbook=tuple(
            _answer(answer)
            for answer in verdict.runbook
            if answer.state is AnswerState.DONE or not extent.has("unchecked")
        ),
        timeline=happenings,
        events_left=left,
        entities=entities[: extent.entities],
        entities_left=max(len(entities) - extent.entities, 0),
        techniques=first(
            tuple(name for name in dict.fromkeys(verdict.techniques) if _TECHNIQUE.fullmatch(name)), _ITEMS
        ),
        steps=first(tuple(dict.fromkeys(map(step, verdict.actions))), _ITEMS),
        evidence=tuple(
            _evidence(entry, sql=extent.all_sql or entry.id in with_sql) for entry in investigation.evidence
        ),
        sql_left=sum(
            bool(entry.sql) and not extent.all_sql and entry.id not in with_sql for entry in investigation.evidence
        ),
        footer=_footer(investigation, currency),
    )
    return _parts(whole, extent)


def _parts(view: CommentView, extent: Extent) -> CommentView:
    """Empty what is no part of the comment."""
    return replace(
        view,
        summary=view.summary if extent.has("summary") else "",
        reason=view.reason if extent.has("summary") else "",
        found=view.found if extent.has("findings") else (),
        against=view.against if extent.has("against") else (),
        unchecked=view.unchecked if extent.has("unchecked") else (),
        runbook=view.runbook if extent.has("runbook") else (),
        timeline=view.timeline if extent.has("timeline") else (),
        events_left=view.events_left if extent.has("timeline") else 0,
        entities=view.entities if extent.has("entities") else (),
        entities_left=view.entities_left if extent.has("entities") else 0,
        techniques=view.techniques if extent.has("techniques") else (),
        steps=view.steps if extent.has("actions") else (),
        evidence=view.evidence if extent.has("evidence") else (),
        sql_left=view.sql_left if extent.has("evidence") else 0,
        footer=view.footer if extent.has("footer") else (),
    )


def first(lines: tuple[str, ...], number: int) -> tuple[str, ...]:
    """The first lines, and how many more there are."""
    before = _MORE.fullmatch(lines[-1]) if lines else None
    if before is not None:
        lines = lines[:-1]
    left = max(len(lines) - number, 0) + (int(before[1]) if before is not None else 0)
    return (*lines[:number], f"and {left} more") if left else lines


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
        return f"failed: {safe_sentence(entry.error, 200)}"
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
    asked = entry.source in {Source.QUERY, Source.TOOL, Source.SEARCH}
    return asked and entry.answered and not entry.row_count and not entry.measured and not entry.coverage.proves_absence


def _finding(checked: CheckedFinding) -> FindingLine:
    return FindingLine(safe_sentence(checked.finding.text, _SENTENCE), cited(checked))


def _unchecked(alert: Alert, investigation: Investigation) -> Iterable[str]:
    for entry in investigation.evidence:
        if not entry.answered:
            yield f"{entry.id} {_asked(entry.question)} {outcome(entry)}"
        elif unproven(entry):
            gaps = "; ".join(entry.coverage.gaps) or "the coverage of the log is not known"
            yield f"{entry.id} {_asked(entry.question)} no rows, which proves nothing here, since {gaps}"
    verdict = investigation.verdict
    for answer in verdict.runbook:
        if answer.state is not AnswerState.DONE:
            why = f": {safe_sentence(answer.answer, 200)}" if answer.answer.strip() else ""
            yield f"Runbook step {answer.step}, {_asked(answer.text)} {STATES[answer.state]}{why}"
    if verdict.dropped:
        yield f"{count(verdict.dropped, 'proposed finding')} left out, not holding against the evidence"
    for note in (*alert.notes, *investigation.notes):
        yield safe_sentence(note, _SENTENCE)


def _asked(question: str) -> str:
    text = safe_sentence(question, 200)
    return text if text.endswith(("?", ".", ":", "!")) else f"{text}:"


def _rank(entity: Entity) -> tuple[bool, int]:
    """Who acted, from where and on what comes first; each event's own trace ids last."""
    return entity.kind is EntityKind.TRACE, tuple(Role).index(entity.role)


def _entity(entity: Entity) -> EntityLine:
    facts = ", ".join(
        f"{safe_value(name, 30)} {safe_value(value, 60)}" for name, value in sorted(entity.facts.items())[:4]
    )
    return EntityLine(entity.kind.value, safe_value(entity.value, 160), entity.role.value, facts)


def _answer(answer: RunbookAnswer) -> RunbookLine:
    return RunbookLine(
        answer.step,
        safe_sentence(answer.text, 200),
        STATES[answer.state],
        safe_sentence(answer.answer, _SENTENCE),
        answer.evidence,
    )


def _evidence(entry: Evidence, *, sql: bool) -> EvidenceLine:
    asked = statement(entry.sql) if sql and entry.sql else None
    return EvidenceLine(
        id=entry.id,
        question=safe_sentence(entry.question, 200),
        outcome=outcome(entry),
        window=window(entry),
        sql=asked.text if asked else "",
        note=asked.note if asked else "",
    )


def _footer(investigation: Investigation, currency: str) -> tuple[str, ...]:
    usage = investigation.usage
    seconds = usage.seconds or (investigation.finished_at - investigation.started_at).total_seconds()
    spent = [queries(usage.queries), count(usage.rows, "row")]
    tokens = usage.prompt_tokens + usage.completion_tokens
    if tokens:
        priced = cost(usage.money, currency) if usage.money else "no price in llm.prices"
        spent += [count(tokens, "token"), priced]
    parts = [
        f"Run {safe_value(investigation.run_id, 48)}",
        author(investigation),
        f"prompts {safe_value(investigation.prompt_digest[:12], 12)}" if investigation.prompt_digest else "",
        f"{seconds:.1f} s, {', '.join(spent)}",
        "times are UTC",
    ]
    return tuple(part for part in parts if part)
