"""Investigations and tables as text for a terminal. Foreign text is cleaned on its way."""

from collections.abc import Callable, Sequence

from triage.cli.common import VERDICT_COLOURS
from triage.domain.alert import Alert
from triage.domain.case import Case
from triage.domain.clean import printable, printable_sentence
from triage.domain.selection import Selected
from triage.domain.verdict import Investigation
from triage.ports import AlertRecord
from triage.stages.reporting.evidence_view import FOR_TERMINAL, EvidenceView, RowView
from triage.stages.reporting.flag_view import FlagView
from triage.stages.reporting.view import Extent, FindingView, investigation_view
from triage.stages.reporting.wording import count, moment

SHORT = Extent(entities=0, unchecked=0, story=12, sentences=5)
FINDINGS = 6
"""Findings of a kind on the screen; `--json` has all."""
WHOLE = Extent(entities=0, unchecked=0, rows=20, question=300, cell=120)


Style = Callable[..., str]
"""As `click.style`."""


def unstyled(text: str, **_: object) -> str:
    """The text as it is."""
    return text


def investigation_text(
    record: AlertRecord,
    investigation: Investigation | None,
    currency: str = "",
    zone: str = "UTC",
    style: Style = unstyled,
) -> str:
    """One investigation on one screen: claim, story, flags with what raised and what answers them, next steps."""
    alert = record.alert
    lines = [
        f"{printable(alert.severity.value, 20)}  {printable_sentence(alert.title, 200)}",
        f"alert {printable(alert.id, 80)}, detection {printable(alert.detection_id, 120) or '(none)'}, "
        f"status {printable(alert.status.value, 20)}, created {moment(alert.created_at)} UTC",
    ]
    if not isinstance(record.decision, Selected):
        lines.append(f"not investigated separately: {printable(record.decision.reason, 200)}")
    if investigation is None:
        lines.append(f"state {record.state.value}{': ' + printable(record.error, 400) if record.error else ''}")
        return "\n".join(lines)
    view = investigation_view(alert, investigation, extent=SHORT, clean=FOR_TERMINAL, currency=currency, zone=zone)
    colour = VERDICT_COLOURS.get(view.disposition, "white")
    lines += ["", style(view.headline, fg=colour, bold=True), *view.look]
    lines += [view.summary] if view.by_model or not view.story else []
    width = max((len(line.time) for line in view.story), default=0)
    told = [f"{style(line.time.ljust(width), dim=True)}  {line.text} [{line.evidence}]" for line in view.story]
    if view.story_left:
        told.append(f"and {count(view.story_left, 'more act')} of less weight")
    lines += _part("What happened", told, style)
    lines += _part("Same case", [line.text for line in view.case], style)
    lines += _part("Flags", [line for flag in view.flags for line in _flag(flag, style)], style)
    flagged = " ".join(text for flag in view.flags for text in (*flag.raised, *flag.answers))
    findings = [each for each in (*view.found, *view.against) if not each.told and each.text not in flagged]
    lines += _part("Also found", [line for each in findings[:FINDINGS] for line in _finding(each)], style)
    lines += _part("Dropped", [line for each in view.dropped[:FINDINGS] for line in _finding(each)], style)
    lines += _part("Open", view.open, style)
    answered = [
        f"{each.step}. {each.text} ({each.state}){': ' if each.answer else ''}{each.answer}" for each in view.runbook
    ]
    lines += _part("Runbook", answered, style)
    lines += _part("Next steps", view.steps, style)
    lines += _part("Notes", view.notes, style)
    if view.reason:
        lines += ["", f"Why this verdict: {view.reason}"]
    return "\n".join([*lines, "", style(" · ".join(view.footer), dim=True)])


def _part(title: str, lines: Sequence[str], style: Style) -> list[str]:
    return ["", style(title, bold=True), *(f"  {line}" for line in lines)] if lines else []


def case_lines(case: Case) -> list[str]:
    """One case: its span and its gravest verdict, then a line per member and per link."""
    first, last = case.members[0].at, case.members[-1].at
    verdict = case.verdict.value if case.verdict is not None else "no verdict yet"
    lines = [
        f"{printable(case.id, 80)}  {verdict}, {len(case.members)} alerts, {moment(first)} to {moment(last)} UTC",
    ]
    for member in case.members:
        said = member.verdict.value if member.verdict is not None else ""
        lines.append(
            f"  {'*' if member is case.lead else ' '} {moment(member.at)}  {said:<12}  {printable(member.alert_id, 40)}  "
            f"{printable_sentence(member.title, 100)} ({printable(member.detection, 80)})"
        )
    return lines + [
        f"    because {printable_sentence(why, 200)}" for why in dict.fromkeys(link.why for link in case.links)
    ]


def _flag(flag: FlagView, style: Style) -> list[str]:
    state = "answered" if flag.answers else "open, hard" if flag.hard else "open"
    mark = style("+", fg="green") if flag.answers else style("!", fg="red")
    return [
        f"{mark} {flag.asks} ({state})",
        *(f"    raised by: {text}" for text in flag.raised),
        *(f"    answered by: {text}" for text in flag.answers),
    ]


def _finding(finding: FindingView) -> list[str]:
    mark = "+" if finding.verified else "x"
    cited = ", ".join(finding.evidence)
    return [
        f"{mark} {finding.number}. [{finding.direction}] {finding.text} [{cited}]",
        *(f"    {issue}" for issue in finding.issues),
    ]


def _row(entry: EvidenceView, row: RowView) -> str:
    return "  ".join(f"{name}={cell}" for name, cell in zip(entry.columns, row.cells, strict=True))


def evidence_text(alert: Alert, investigation: Investigation, *, sql: bool) -> str:
    """Every question of one investigation with its rows and its coverage, and with its SQL as it runs in Data Explorer."""
    view = investigation_view(alert, investigation, extent=WHOLE, clean=FOR_TERMINAL)
    answered = sum(entry.answered for entry in view.evidence)
    blocks = [f"{len(view.evidence)} questions, {answered} answered, for alert {view.alert_id}"]
    for entry in view.evidence:
        took = f", {entry.seconds:.1f} s, digest {entry.digest}" if entry.answered else ""
        lines = [
            f"{entry.id}  {entry.question}",
            "    " + ", ".join(part for part in (entry.key, entry.source, entry.log_type, entry.table) if part),
            f"    window   {entry.window} UTC" if entry.window else "",
            f"    answer   {entry.outcome}{took}",
            f"    coverage {entry.checks}" if entry.checks else "",
            f"    SQL      {entry.sql}" if sql and entry.sql else "",
            *(f"    {row.number:>3}  {_row(entry, row)}" for row in entry.rows),
            f"         … {entry.left}" if entry.left else "",
        ]
        blocks.append("\n".join(line for line in lines if line))
    return "\n\n".join(blocks)
