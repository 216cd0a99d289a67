"""One view of an investigation: what a comment, a page and a terminal show of it.

The view decides what is shown, in which order and in which words; comment, page and terminal only lay it out. Its texts
are cleaned for whoever reads them (`Cleaner`). JSON and CSV hold the domain's values as they are: see `records`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import quote
from zoneinfo import ZoneInfo

import regex

from triage.domain.alert import Alert
from triage.domain.clean import sentences
from triage.domain.entity import Entity, EntityKind, Role
from triage.domain.evidence import Evidence, Source
from triage.domain.finding import CheckedFinding, ValueCitation
from triage.domain.instructions import INSTRUCTION_FINDING
from triage.domain.signal import Direction, Signal
from triage.domain.verdict import STEP_STATES, Analyst, AnswerState, Disposition, Investigation, RunbookAnswer
from triage.stages.reporting.act import Phase
from triage.stages.reporting.case_view import CaseLineView, case_view
from triage.stages.reporting.claim import claim, next_steps, open_question
from triage.stages.reporting.evidence_view import (
    FOR_COMMENT,
    CitationView,
    Cleaner,
    EvidenceView,
    citation_view,
    evidence_view,
    outcome,
)
from triage.stages.reporting.flag_view import FlagView, flag_view
from triage.stages.reporting.story import LINES, listed, tell_story
from triage.stages.reporting.timeline import TimelineEvent, story_events
from triage.stages.reporting.wording import answer_text, count, footer, headline, look_lines

_SENTENCE = 400
_TITLE = 200
_ITEMS = 20
_QUOTED = 100
"""Characters of a text that tries to instruct its reader."""
_OWN_ACT = 2.0
"""By how much an alert's own act matters more than another."""
_CELLS = 6
"""Values of a row that decides."""
_MORE = regex.compile(r"and ([0-9]{1,9}) more")
_TECHNIQUE = regex.compile(r"T\d{4}(?:\.\d{3})?")


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of an investigation is shown."""

    entities: int
    unchecked: int
    story: int = LINES
    """Lines that say what happened."""
    sentences: int = 2
    """Of the summary."""
    all_sql: bool = True
    """Of all evidence; else of what a finding cites, and of what has no answer that counts."""
    rows: int = 0
    """Rows of each answer."""
    question: int = 200
    """Characters of a question or a runbook step."""
    cell: int = 400
    """Characters of a value in a row."""


@dataclass(frozen=True, slots=True)
class FindingView:
    number: int
    text: str
    direction: str
    verified: bool
    evidence: tuple[str, ...]
    citations: tuple[CitationView, ...]
    issues: tuple[str, ...]
    told: bool = False
    """The story says it."""


@dataclass(frozen=True, slots=True)
class StoryLineView:
    time: str
    text: str
    evidence: str
    phase: str
    weight: float
    """How much it matters; the alert's own acts come first."""


@dataclass(frozen=True, slots=True)
class SignalView:
    name: str
    direction: str
    weight: str
    sentence: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EntityView:
    kind: str
    value: str
    role: str
    facts: str


@dataclass(frozen=True, slots=True)
class RunbookView:
    step: int
    text: str
    state: str
    """In words."""
    answered: bool
    answer: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InvestigationView:
    """Every string is cleaned: plain text, nothing in it acts. HTML escaping is left to the template."""

    headline: str
    look: tuple[str, ...]
    """What another look has changed, and until when the verdict is provisional."""
    disposition: str
    summary: str
    """The model's, where all of it holds; else what code says of the verdict."""
    by_model: bool
    """The summary is the model's."""
    reason: str
    story: tuple[StoryLineView, ...]
    """What happened, in order of time."""
    story_left: int
    """Further acts that may matter."""
    case: tuple[CaseLineView, ...]
    """The related alerts, and which of them carries the analysis."""
    open: tuple[str, ...]
    """What is not known, and why it could not be seen."""
    deciding: tuple[str, ...]
    """Rows of answers that a shown finding rests on, a line each."""
    alert_id: str
    title: str
    severity: str
    status: str
    detection: str
    link: str
    """The alert in the configured console, the only active link; empty: none."""
    found: tuple[FindingView, ...]
    """The verified findings that the verdict rests on."""
    against: tuple[FindingView, ...]
    """The verified findings that point the other way."""
    dropped: tuple[FindingView, ...]
    unchecked: tuple[str, ...]
    flags: tuple[FlagView, ...]
    """What speaks against the alert and what answers it, open ones first."""
    runbook: tuple[RunbookView, ...]
    timeline: tuple[TimelineEvent, ...]
    """The story's lines, for a drawing."""
    entities: tuple[EntityView, ...]
    entities_left: int
    techniques: tuple[str, ...]
    steps: tuple[str, ...]
    signals: tuple[SignalView, ...]
    evidence: tuple[EvidenceView, ...]
    sql_left: int
    """Statements that are left out, by `Extent.all_sql`."""
    issues: tuple[str, ...]
    notes: tuple[str, ...]
    """What could not be read, asked or written; among `unchecked` too."""
    footer: tuple[str, ...]
    asks: str = ""
    """Whom to ask what, where the verdict hangs on a person; it may be one of `steps` as well."""
    question: str = ""
    """The same, to the assignee, with how to answer; only in a comment that takes answers."""
    answer: str = ""
    """Who has answered what, and when."""


def investigation_view(
    alert: Alert,
    investigation: Investigation,
    *,
    extent: Extent,
    clean: Cleaner = FOR_COMMENT,
    console_url: str = "",
    currency: str = "",
    zone: str = "UTC",
    member_link: Callable[[str], str] | None = None,
) -> InvestigationView:
    """Take from an investigation what is shown of it.

    Args:
        alert: The alert.
        investigation: Its investigation, or that of the alert it is linked to.
        extent: How much is shown.
        clean: How texts are cleaned.
        console_url: Address of the Panther console; empty: no link.
        currency: Currency of what model calls have cost.
        zone: In which the story's times are.
        member_link: Where the other alerts of the case are, by id; `None`: in the console.
    """
    link = member_link or (lambda name: console_link(console_url, name))
    verdict = investigation.verdict
    at = ZoneInfo(zone)
    story = tell_story(alert, investigation, zone=at, limit=extent.story)
    told = frozenset(source for line in story.lines for act in line.acts for source in act.told_by)
    contrary = Direction.MALICIOUS if verdict.disposition is Disposition.BENIGN else Direction.BENIGN
    stored = {entry.id: entry for entry in investigation.evidence}
    checked = [(each, _finding(each, stored, extent, clean, told)) for each in verdict.findings]
    entities = tuple(dict.fromkeys(_entity(each, clean) for each in sorted(investigation.entities, key=_rank)))
    with_sql = {name for each in verdict.verified for name in each.evidence}
    # Where an answer is missing, a person asks again.
    with_sql |= {entry.id for entry in investigation.evidence if not entry.answered or entry.unproven}
    if extent.all_sql:
        with_sql = set(stored)
    return InvestigationView(
        headline=headline(verdict, clean.sentence(claim(investigation, story), _SENTENCE)),
        look=look_lines(investigation),
        disposition=verdict.disposition.value,
        summary=clean.sentence(sentences(verdict.summary, extent.sentences), extent.sentences * _SENTENCE),
        by_model=investigation.analyst is Analyst.LLM
        and verdict.proposed is verdict.disposition
        and verdict.as_written,
        reason=clean.sentence(verdict.reason, _SENTENCE),
        story=tuple(
            StoryLineView(
                line.time,
                clean.sentence(line.text, _SENTENCE),
                line.evidence,
                line.phase.value,
                max(act.weight + (_OWN_ACT if act.phase is Phase.ALERT else 0) for act in line.acts),
            )
            for line in story.lines
        ),
        story_left=story.left,
        case=case_view(investigation.case, alert.id, clean=clean, zone=at, link=link),
        open=tuple(clean.sentence(text, _SENTENCE) for text in _open(investigation)),
        deciding=tuple(_deciding(checked, stored, clean)),
        alert_id=clean.value(alert.id, 48),
        title=clean.sentence(alert.title, _TITLE),
        severity=clean.value(alert.severity.value, 20),
        status=clean.value(alert.status.value, 20),
        detection=clean.value(alert.detection_name or alert.detection_id, 120),
        link=console_link(console_url, alert.id),
        found=tuple(view for each, view in checked if each.verified and each.finding.direction is not contrary),
        against=tuple(view for each, view in checked if each.verified and each.finding.direction is contrary),
        dropped=tuple(view for each, view in checked if not each.verified),
        unchecked=first(tuple(_unchecked(alert, investigation, clean)), extent.unchecked),
        flags=tuple(flag_view(flag, clean) for flag in verdict.flags),
        runbook=tuple(_answer(answer, extent, clean) for answer in verdict.runbook),
        timeline=story_events(story, clean),
        entities=entities[: extent.entities],
        entities_left=max(len(entities) - extent.entities, 0),
        techniques=first(
            tuple(name for name in dict.fromkeys(verdict.techniques) if _TECHNIQUE.fullmatch(name)), _ITEMS
        ),
        steps=tuple(clean.sentence(text, _SENTENCE) for text in next_steps(investigation, story, at)),
        signals=tuple(_signal(signal, stored, clean) for signal in investigation.signals),
        evidence=tuple(
            evidence_view(
                entry,
                clean,
                question=extent.question,
                rows=extent.rows,
                cell_size=extent.cell,
                sql=entry.id in with_sql,
            )
            for entry in investigation.evidence
        ),
        sql_left=sum(bool(entry.sql) and entry.id not in with_sql for entry in investigation.evidence),
        issues=tuple(clean.sentence(issue.message, _SENTENCE) for issue in verdict.issues),
        notes=tuple(_notes(alert, investigation, clean)),
        footer=footer(investigation, currency),
        asks=clean.sentence(open_question(investigation, story, at), _SENTENCE),
    )


def first(lines: tuple[str, ...], number: int) -> tuple[str, ...]:
    """The first lines, and how many more there are."""
    before = _MORE.fullmatch(lines[-1]) if lines else None
    if before is not None:
        lines = lines[:-1]
    left = max(len(lines) - number, 0) + (int(before[1]) if before is not None else 0)
    return (*lines[:number], f"and {left} more") if left else lines


def console_link(console_url: str, alert_id: str) -> str:
    """The alert's address in the user's own console; empty without a console."""
    if not console_url:
        return ""
    return f"{console_url.rstrip('/')}/alerts-and-errors/{quote(alert_id, safe='', errors='replace')}"


def _finding(
    checked: CheckedFinding,
    stored: dict[str, Evidence],
    extent: Extent,
    clean: Cleaner,
    told: frozenset[tuple[str, int]],
) -> FindingView:
    cited = checked.finding.citations
    return FindingView(
        told=bool(cited)
        and all(isinstance(each, ValueCitation) and (each.evidence, each.row) in told for each in cited),
        number=checked.number,
        text=_finding_text(checked, clean),
        direction=checked.finding.direction.value,
        verified=checked.verified,
        evidence=checked.evidence,
        citations=tuple(
            citation_view(citation, stored, clean, rows=extent.rows, cell_size=extent.cell)
            for citation in checked.finding.citations
        ),
        issues=tuple(clean.sentence(issue.message, _SENTENCE) for issue in checked.issues),
    )


def _finding_text(checked: CheckedFinding, clean: Cleaner) -> str:
    """The sentence; where it is about a text that tries to instruct its reader, that text is quoted, once."""
    finding = checked.finding
    quoted = next((each for each in finding.citations if isinstance(each, ValueCitation)), None)
    if quoted is None or not finding.text.startswith(INSTRUCTION_FINDING):
        return clean.sentence(finding.text, _SENTENCE)
    return (
        f'{INSTRUCTION_FINDING}: {clean.value(quoted.column, 60)} holds "{clean.sentence(str(quoted.value), _QUOTED)}"'
    )


def _signal(signal: Signal, stored: dict[str, Evidence], clean: Cleaner) -> SignalView:
    return SignalView(
        clean.value(signal.name, 60),
        signal.direction.value,
        f"{signal.weight:.2f}",
        clean.sentence(signal.sentence, _SENTENCE),
        tuple(name for name in signal.evidence if name in stored),
    )


def _open(investigation: Investigation) -> Iterable[str]:
    """What nothing answers: open flags, what a verdict lacks, and what could not be seen."""
    verdict = investigation.verdict
    for entry in investigation.evidence:
        if entry.source is Source.EVENTS and entry.truncated:
            yield f"Only {len(entry.rows):,} of the alert's events were read."
    asked = list(dict.fromkeys(flag.asks for flag in verdict.flags if flag.open))
    yield from asked
    if not asked and verdict.disposition is Disposition.INCONCLUSIVE and verdict.reason:
        yield f"{verdict.reason[:1].upper()}{verdict.reason[1:].rstrip('.')}."
    gaps = dict.fromkeys(
        gap for entry in investigation.evidence if entry.unproven for gap in entry.coverage.gaps if entry.signals
    )
    for gap in gaps:
        yield f"Could not be seen: {gap}."
    steps = [answer.step for answer in verdict.runbook if answer.state is AnswerState.NO_ANSWER]
    if steps:
        yield f"Not answered of the runbook: {'step' if len(steps) == 1 else 'steps'} {listed(list(map(str, steps)))}."


def _deciding(
    checked: Iterable[tuple[CheckedFinding, FindingView]], stored: dict[str, Evidence], clean: Cleaner
) -> Iterable[str]:
    """The rows that verified findings cite by value, a line each; what the story says is left out."""
    seen = set()
    for each, view in checked:
        if not each.verified or view.told:
            continue
        for citation in each.finding.citations:
            if not isinstance(citation, ValueCitation) or (citation.evidence, citation.row) in seen:
                continue
            seen.add((citation.evidence, citation.row))
            entry = stored.get(citation.evidence)
            if entry is None or entry.source is Source.EVENTS or citation.row >= len(entry.rows):
                continue
            cells = [
                f"{clean.value(name, 40)} {clean.value(str(value), 60)}"
                for name, value in entry.rows[citation.row].items()
                if isinstance(value, str | int | float) and not isinstance(value, bool) and value not in ("", 0)
            ]
            if cells:
                yield f"{entry.id} {clean.sentence(entry.question, 120)} {', '.join(cells[:_CELLS])}"


def _unchecked(alert: Alert, investigation: Investigation, clean: Cleaner) -> Iterable[str]:
    def asked(question: str) -> str:
        text = clean.sentence(question, 200)
        return text if text.endswith(("?", ".", ":", "!")) else f"{text}:"

    for entry in investigation.evidence:
        if not entry.answered:
            yield f"{entry.id} {asked(entry.question)} {outcome(entry, clean)}"
        elif entry.unproven:
            gaps = "; ".join(entry.coverage.gaps) or "the coverage of the log is unknown"
            yield f"{entry.id} {asked(entry.question)} no rows, but that proves nothing: {gaps}"
    verdict = investigation.verdict
    for answer in verdict.runbook:
        if answer.state is not AnswerState.ANSWERED:
            why = clean.sentence(answer_text(answer), 300)
            yield f"Runbook step {answer.step}, {asked(answer.text)} {STEP_STATES[answer.state]}{why and f': {why}'}"
    if verdict.dropped:
        yield f"{count(verdict.dropped, 'proposed finding')} left out: not supported by the evidence"
    yield from _notes(alert, investigation, clean)


def _notes(alert: Alert, investigation: Investigation, clean: Cleaner) -> Iterable[str]:
    return (clean.sentence(note, _SENTENCE) for note in (*alert.notes, *investigation.notes))


def _rank(entity: Entity) -> tuple[bool, int]:
    """Who acted, from where and on what comes first; each event's own trace ids last."""
    return entity.kind is EntityKind.TRACE, tuple(Role).index(entity.role)


def _entity(entity: Entity, clean: Cleaner) -> EntityView:
    facts = sorted(entity.facts.items())[:4]
    text = ", ".join(f"{clean.value(name, 30)} {clean.value(value, 60)}" for name, value in facts)
    return EntityView(entity.kind.value, clean.value(entity.value, 160), entity.role.value, text)


def _answer(answer: RunbookAnswer, extent: Extent, clean: Cleaner) -> RunbookView:
    return RunbookView(
        step=answer.step,
        text=clean.sentence(answer.text, extent.question),
        state=STEP_STATES[answer.state],
        answered=answer.state is AnswerState.ANSWERED,
        answer=clean.sentence(answer_text(answer), _SENTENCE),
        evidence=answer.evidence,
    )
