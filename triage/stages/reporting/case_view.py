"""The case that an alert belongs to, as a comment and a terminal show it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, tzinfo

from triage.domain.case import Case, CaseMember
from triage.stages.reporting.evidence_view import Cleaner

LINES = 4
_TITLE, _WHY = 120, 160


@dataclass(frozen=True, slots=True)
class CaseLineView:
    """One line, cleaned."""

    text: str
    link: str = ""
    """The member's address in the user's own console; empty without a console, and where no member is named."""


def case_view(
    case: Case | None, alert_id: str, *, clean: Cleaner, zone: tzinfo, link: Callable[[str], str]
) -> tuple[CaseLineView, ...]:
    """Which alert carries the analysis, and the other members, in at most `LINES` lines.

    Args:
        case: The case; `None` gives no line.
        alert_id: The alert whose comment it is.
        clean: How texts are cleaned.
        zone: In which times are.
        link: The console's address of an alert.
    """
    own = None if case is None else next((each for each in case.members if each.alert_id == alert_id), None)
    if case is None or own is None:
        return ()
    lead, day = case.lead, own.at.astimezone(zone).date()
    count = len(case.members)
    if lead is own:
        head = CaseLineView(f"This alert carries the analysis of {count} related alerts{_why(case, alert_id, clean)}")
    else:
        text = f"The analysis is in: {_member(lead, clean, zone, day)}{_why(case, alert_id, clean)}"
        head = CaseLineView(text, link(lead.alert_id))
    others = [each for each in case.members if each is not own and each is not lead]
    shown = others
    if len(others) >= LINES:
        # The gravest, so that many small alerts can't push one out.
        gravest = sorted(others, key=lambda each: each.gravity, reverse=True)[: LINES - 2]
        shown = [each for each in others if each in gravest]
    lines = [
        CaseLineView(f"Also in this case: {_member(each, clean, zone, day)}", link(each.alert_id)) for each in shown
    ]
    left = len(others) - len(shown)
    return (head, *lines, *([CaseLineView(f"and {left} more")] if left else []))


def _member(member: CaseMember, clean: Cleaner, zone: tzinfo, day: date) -> str:
    at = member.at.astimezone(zone)
    time = at.strftime("%H:%M" if at.date() == day else "%Y-%m-%d %H:%M")
    verdict = f", {member.verdict.value}" if member.verdict is not None else ""
    return f"{clean.sentence(member.title, _TITLE)}, {time}{verdict} (alert {clean.value(member.alert_id[:8], 20)})"


def _why(case: Case, alert_id: str, clean: Cleaner) -> str:
    """What joins the alert to the others, as far as one reason says it."""
    why = next((link.why for link in case.links if alert_id in (link.one, link.other)), "")
    return f"; {clean.sentence(why, _WHY)}" if why else ""
