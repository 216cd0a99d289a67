"""The comments on an alert: the result, the pointer to another alert's result, and the announcement.

Each is rendered as HTML and as plain text that say the same, within the size that the user allows. The shipped HTML
templates make `p`, `strong`, `ul`, `li`, `pre`, `code`, and one `a href` to the alert in the user's own console; no other
attribute, no image, no script.

| `writeback.length` | parts of a result | how much |
|---|---|---|
| `brief` | summary, findings, against, unchecked, actions, footer | 5 lines of what could not be checked |
| `standard` | all | 8 events, 12 entities, SQL of what a finding cites and of what has no answer that counts |
| `full` | all | 20 events, 60 entities, all SQL |

`writeback.sections` names the parts instead; `length` then only says how much of each. The first line, the alert and
the marker are always there. The last line of a part counts what it leaves out.
"""

import html
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from triage.domain.alert import Alert
from triage.domain.clean import ELLIPSIS, indent_formulas, safe_sentence, safe_value
from triage.domain.entity import Entity
from triage.domain.report import RESERVE, Format, Marker, Report
from triage.domain.verdict import Investigation
from triage.ports import Prompts
from triage.settings import SectionName, WritebackSettings
from triage.stages.reporting.view import Extent, FindingView, InvestigationView, console_link, first, investigation_view
from triage.stages.reporting.wording import author, headline, look_lines, moment

SECTIONS: tuple[SectionName, ...] = get_args(SectionName)
"""In the comment's order."""
EXTENTS: dict[Literal["brief", "standard", "full"], Extent] = {
    "brief": Extent(events=4, entities=8, unchecked=5, all_sql=False),
    "standard": Extent(events=8, entities=12, unchecked=40, all_sql=False),
    "full": Extent(events=20, entities=60, unchecked=200),
}
BRIEF = 1_000
"""Characters of the form for a Panther that refuses the whole one as too large; the least that a limit can be."""

_BRIEF_SECTIONS: tuple[SectionName, ...] = ("summary", "findings", "against", "unchecked", "actions", "footer")
_SUFFIX: dict[Format, str] = {"HTML": "html.j2", "PLAIN_TEXT": "txt.j2"}
_MANY = (40, 30, 20, 12)
_FEW = 3
_SOME = 8
_SHARED = 5
"""Shared entities that a pointer names."""
_FIELDS: dict[SectionName, tuple[str, ...]] = {
    "summary": ("summary", "reason"),
    "findings": ("found",),
    "against": ("against",),
    "unchecked": ("unchecked",),
    "runbook": ("runbook",),
    "timeline": ("timeline", "events_left"),
    "entities": ("entities", "entities_left"),
    "techniques": ("techniques",),
    "actions": ("steps",),
    "evidence": ("evidence", "sql_left"),
    "footer": ("footer",),
}


def build_report(
    alert: Alert, investigation: Investigation, *, prompts: Prompts, settings: WritebackSettings, currency: str = ""
) -> Report:
    """Render an investigation as a comment.

    Each form holds at most `settings.max_chars` characters, even after `domain.report.related` has added its note.
    Where it is too long, parts are dropped in this order: SQL of evidence that no finding cites, all SQL, long lists,
    all but the first findings. The first line, the summary and the marker stay, and a line says what was left out.

    Args:
        alert: The alert.
        investigation: What was found.
        prompts: The templates.
        settings: Parts, length, longest form, console.
        currency: Currency of what model calls have cost; empty: the bare number.

    Raises:
        PromptError: A template is missing or broken.
    """
    usual = _BRIEF_SECTIONS if settings.length == "brief" else SECTIONS
    extent = EXTENTS[settings.length]
    view = investigation_view(alert, investigation, extent=extent, console_url=settings.console_url, currency=currency)
    view = _only(view, settings.sections or usual)
    forms = {}
    for kind in _SUFFIX:
        sign = _signature(alert.id, investigation.run_id, kind)
        whole = _render("comment", {"view": asdict(view)}, kind, prompts)
        body = next(
            (body for body in _shorter(view, whole, kind, prompts, sign) if len(body) <= settings.max_chars - RESERVE),
            "",
        )
        brief = _brief(view, kind, BRIEF - RESERVE, len(whole), sign)
        forms[kind] = body or _brief(view, kind, settings.max_chars - RESERVE, len(whole), sign), brief
    (as_html, brief_html), (as_text, brief_text) = forms["HTML"], forms["PLAIN_TEXT"]
    return Report(html=as_html, text=as_text, brief_html=brief_html, brief_text=brief_text)


@dataclass(frozen=True, slots=True)
class PointerView:
    """Every string is cleaned: plain text, nothing in it acts. HTML escaping is left to the template."""

    headline: str
    look: tuple[str, ...]
    """What another look at the investigated alert has changed, and until when its verdict is provisional."""
    leader_id: str
    leader_title: str
    leader_at: str
    link: str
    """The investigated alert in the configured console; empty: none."""
    shares: str
    """Why they belong together."""
    entities: tuple[str, ...]
    entities_left: int
    footer: str


def build_pointer(
    alert: Alert,
    leader: Alert,
    investigation: Investigation,
    *,
    shares: str,
    entities: Sequence[Entity],
    run_id: str,
    prompts: Prompts,
    settings: WritebackSettings,
) -> Report:
    """Render the comment on an alert that takes the verdict of another alert's investigation.

    Args:
        alert: The linked alert, which gets the comment.
        leader: The alert that was investigated.
        investigation: What was found about the leader.
        shares: Why they belong together.
        entities: Who acted, and from where, in both.
        run_id: Goes into the marker.
        prompts: The templates.
        settings: Longest form, console.

    Raises:
        PromptError: A template is missing or broken.
    """
    view = PointerView(
        headline=headline(investigation.verdict),
        look=look_lines(investigation),
        leader_id=safe_value(leader.id, 48),
        leader_title=safe_sentence(leader.title, 120),
        leader_at=moment(leader.created_at),
        link=console_link(settings.console_url, leader.id),
        shares=safe_sentence(shares, 160),
        entities=tuple(dict.fromkeys(f"{each.kind.value} {safe_value(each.value, 60)}" for each in entities))[:_SHARED],
        entities_left=max(len(entities) - _SHARED, 0),
        footer=f"{author(investigation)}; times are UTC",
    )
    unnamed = replace(view, entities=(), entities_left=len(view.entities) + view.entities_left)
    views = (view, unnamed, replace(unnamed, leader_title="", link=""))

    def form(kind: Format) -> str:
        sign = _signature(alert.id, run_id, kind)
        for each in views:
            body = sign(_render("pointer", {"view": asdict(each)}, kind, prompts))
            if len(body) <= settings.max_chars - RESERVE:
                return body
        # A template of the user's own may be as long as it likes; this fits into any limit.
        return sign(_paragraph(f"{view.headline}, as alert {view.leader_id}", kind))

    return _same_in_brief(form)


def build_started(alert: Alert, run_id: str, *, prompts: Prompts) -> Report:
    """Announce a run on its alert; the result takes the comment's place.

    Raises:
        PromptError: A template is missing or broken.
    """
    return _same_in_brief(
        lambda kind: _signature(alert.id, run_id, kind)(_render("started", {"run_id": run_id}, kind, prompts))
    )


def _same_in_brief(form: Callable[[Format], str]) -> Report:
    as_html, as_text = form("HTML"), form("PLAIN_TEXT")
    return Report(html=as_html, text=as_text, brief_html=as_html, brief_text=as_text)


def _render(name: str, variables: dict[str, object], kind: Format, prompts: Prompts) -> str:
    rendered = prompts.render(f"{name}.{_SUFFIX[kind]}", variables).strip()
    return rendered if kind == "HTML" else indent_formulas(rendered)


def _signature(alert_id: str, run_id: str, kind: Format) -> Callable[[str], str]:
    """What puts the marker below a text."""
    return lambda content: Marker.of(alert_id, run_id, content).sign(content, kind)


def _paragraph(text: str, kind: Format) -> str:
    return f"<p>{html.escape(text)}</p>" if kind == "HTML" else text


# ---- parts and lengths of a result ----------------------------------------------------------------------------------


def _only(view: InvestigationView, sections: Sequence[SectionName]) -> InvestigationView:
    """Empty the parts that the comment does not have."""
    if "unchecked" in sections:
        # A step without an answer is among what could not be checked, and is not repeated.
        view = replace(view, runbook=tuple(line for line in view.runbook if line.answered))
    empty: dict[str, Any] = {}
    for section, names in _FIELDS.items():
        if section not in sections:
            empty.update({name: type(getattr(view, name))() for name in names})
    return replace(view, **empty)


def _shorter(
    view: InvestigationView, whole: str, kind: Format, prompts: Prompts, sign: Callable[[str], str]
) -> Iterator[str]:
    """The signed comment, then ever shorter ones that say what they leave out."""
    yield sign(whole)
    for less in _reductions(view):
        content = _render("comment", {"view": asdict(less)}, kind, prompts)
        left = len(view.found) + len(view.against) - len(less.found) - len(less.against)
        yield sign(_with_note(content, view, left, len(whole) - len(content), kind))


def _reductions(view: InvestigationView) -> Iterator[InvestigationView]:
    cited = _cited((*view.found, *view.against))
    view = replace(view, evidence=tuple(line if line.id in cited else replace(line, sql="") for line in view.evidence))
    yield view
    view = replace(view, evidence=tuple(replace(line, sql="") for line in view.evidence))
    yield view
    view = replace(
        view,
        evidence=tuple(line for line in view.evidence if line.id in cited),
        unchecked=first(view.unchecked, _SOME),
        entities=view.entities[:_SOME],
        entities_left=view.entities_left + max(len(view.entities) - _SOME, 0),
    )
    yield view
    for number in (*_MANY, _SOME):
        if number <= len(view.found):
            yield _with_findings(view, number)
    view = replace(_with_findings(view, _SOME), evidence=(), sql_left=0)
    yield view
    yield replace(
        view,
        found=view.found[:_FEW],
        unchecked=first(view.unchecked, _FEW),
        timeline=(),
        entities=(),
        entities_left=0,
        steps=view.steps[:_FEW],
        runbook=(),
    )


def _with_findings(view: InvestigationView, number: int) -> InvestigationView:
    """The first findings, and the evidence that these cite."""
    found, against = view.found[:number], view.against[: max(number // 2, _FEW)]
    cited = _cited((*found, *against))
    return replace(
        view, found=found, against=against, evidence=tuple(line for line in view.evidence if line.id in cited)
    )


def _cited(findings: Iterable[FindingView]) -> set[str]:
    return {name for finding in findings for name in finding.evidence}


def _with_note(content: str, view: InvestigationView, findings: int, characters: int, kind: Format) -> str:
    """A shortened comment, and how much of the one in `view` it leaves out."""
    note = (
        f"{ELLIPSIS} shortened: {findings} findings, {max(characters, 0)} characters left out; "
        f"`triage show {view.alert_id}` has everything"
    )
    return f"{content}\n{_paragraph(note, kind)}" if kind == "HTML" else f"{content}\n\n{note}"


def _brief(view: InvestigationView, kind: Format, limit: int, whole: int, sign: Callable[[str], str]) -> str:
    """Verdict and as much of the summary as there is room for, whatever the templates say."""
    findings = len(view.found) + len(view.against)
    summary = " ".join((*view.look, view.summary))
    while True:
        if kind == "HTML":
            content = f"<p><strong>{html.escape(view.headline)}</strong></p>\n{_paragraph(summary, kind)}"
        else:
            content = indent_formulas(f"{view.headline}\n\n{summary}")
        body = sign(_with_note(content, view, findings, whole - len(content), kind))
        spare = limit - len(body)
        if spare >= 0 or not summary:
            return body
        # Each round takes off at least one character and the mark of the cut.
        summary = summary[: max(len(summary) + min(spare, -2), 0)]
        summary = f"{summary[:-1]}{ELLIPSIS}" if summary else ""
