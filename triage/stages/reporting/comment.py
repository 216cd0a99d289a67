"""The comments on an alert: the result, the pointer to another alert's result, and the announcement.

Each is rendered as HTML and as plain text that say the same, within the size that the user allows. The shipped HTML
templates make `p`, `strong`, `ul`, `li`, `pre`, `code`, and one `a href` to the alert in the user's own console; no other
attribute, no image, no script.

| `writeback.length` | parts of a result | at most |
|---|---|---|
| `brief` | summary, story, findings, against, unchecked, actions, footer | 150 words |
| `standard` | the same, the runbook's answers and the rows that decide | 350 words |
| `full` | all, with all SQL | `writeback.max_chars` |

`writeback.sections` names the parts instead; `length` then only says how much of each. The first line and the marker
are always there. Nothing refers to a command: whoever reads a comment in Panther has no terminal.
"""

import html
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from triage.domain.alert import Alert
from triage.domain.clean import ELLIPSIS, indent_formulas, safe_sentence, safe_value, sentences
from triage.domain.entity import Entity
from triage.domain.reply import HINT, Command, Reply
from triage.domain.report import RESERVE, Format, Marker, Report
from triage.domain.verdict import Investigation
from triage.ports import Prompts
from triage.settings import SectionName, WritebackSettings
from triage.stages.reporting.view import (
    Extent,
    FindingView,
    InvestigationView,
    StoryLineView,
    console_link,
    first,
    investigation_view,
)
from triage.stages.reporting.wording import author, headline, look_lines, moment, short_footer

SECTIONS: tuple[SectionName, ...] = get_args(SectionName)
"""In the comment's order."""
EXTENTS: dict[Literal["brief", "standard", "full"], Extent] = {
    "brief": Extent(entities=8, unchecked=5, story=5, all_sql=False),
    "standard": Extent(entities=12, unchecked=40, story=6, all_sql=False),
    "full": Extent(entities=60, unchecked=200, story=12),
}
WORDS: dict[Literal["brief", "standard", "full"], int | None] = {"brief": 150, "standard": 350, "full": None}
"""Words that a comment may have, without its marker."""
BRIEF = 1_000
"""Characters of the form for a Panther that refuses the whole one as too large; the least that a limit can be."""

_BRIEF_SECTIONS: tuple[SectionName, ...] = (
    "summary",
    "story",
    "findings",
    "against",
    "unchecked",
    "actions",
    "footer",
)
_SECTIONS: dict[Literal["brief", "standard", "full"], tuple[SectionName, ...]] = {
    "brief": _BRIEF_SECTIONS,
    "standard": (*_BRIEF_SECTIONS, "runbook", "evidence"),
    "full": SECTIONS,
}
_SUFFIX: dict[Format, str] = {"HTML": "html.j2", "PLAIN_TEXT": "txt.j2"}
_MANY = (40, 30, 20, 12)
_FEW = 3
_SOME = 8
_SHARED = 5
"""Shared entities that a pointer names."""
_FIELDS: dict[SectionName, tuple[str, ...]] = {
    "summary": ("summary",),
    "story": ("story", "story_left"),
    "findings": ("found",),
    "against": ("against",),
    "unchecked": ("open", "unchecked"),
    "runbook": ("runbook",),
    "entities": ("entities", "entities_left"),
    "techniques": ("techniques",),
    "actions": ("steps",),
    "evidence": ("deciding", "evidence", "sql_left"),
    "footer": ("footer",),
}


def build_report(
    alert: Alert,
    investigation: Investigation,
    *,
    prompts: Prompts,
    settings: WritebackSettings,
    currency: str = "",
    zone: str = "UTC",
    asks: bool = False,
    reply: Reply | None = None,
) -> Report:
    """Render an investigation as a comment.

    Each form holds at most `settings.max_chars` characters, even after `domain.report.related` has added its note, and
    the words that `settings.length` allows. Where it is too long, parts are dropped in this order: SQL of evidence that
    no finding cites, all SQL, long lists, all but the first findings. The first line, the summary and the marker stay,
    and a line says what was left out for the sake of the characters.

    Args:
        alert: The alert.
        investigation: What was found.
        prompts: The templates.
        settings: Parts, length, longest form, console.
        currency: Currency of what model calls have cost; empty: the bare number.
        zone: In which the story's times are.
        asks: Where the verdict hangs on a person, the comment ends with the question and how to answer it.
        reply: What a person has answered, which the comment acknowledges.

    Raises:
        PromptError: A template is missing or broken.
    """
    length = settings.length
    view = investigation_view(
        alert,
        investigation,
        extent=EXTENTS[length],
        console_url=settings.console_url,
        currency=currency,
        zone=zone,
    )
    view = _only(view, settings.sections or _SECTIONS[length])
    view = _asking(replace(view, timeline=()), alert, reply) if asks else replace(view, timeline=())
    if length != "full" and not settings.sections:
        view = _within(_as_read(view, investigation, zone), WORDS[length], prompts)
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


def _asking(view: InvestigationView, alert: Alert, reply: Reply | None) -> InvestigationView:
    """With the question, which then is no step of its own, or with its answer."""
    if reply is not None:
        said = {Command.AGAIN: "asked for another investigation"}.get(reply.command, f"says {reply.command.value}")
        reason = f", because {safe_sentence(reply.reason, 160)}" if reply.reason else ""
        view = replace(view, answer=f"{safe_value(reply.by, 80)} {said}{reason} ({moment(reply.at)} UTC).")
    if not view.asks or (reply is not None and reply.label is not None):
        return view
    assignee = alert.assignee
    to = safe_value(assignee.name or assignee.email, 80) if assignee is not None else ""
    end = "" if view.asks.endswith(("?", ")", ".")) else "."
    question = f"{to or 'Whoever takes this alert'}: {view.asks}{end} Answer in a comment of your own: {HINT}."
    return replace(view, question=question, steps=tuple(step for step in view.steps if step != view.asks))


# ---- parts and lengths of a result ----------------------------------------------------------------------------------


def _only(view: InvestigationView, sections: Sequence[SectionName]) -> InvestigationView:
    """Empty the parts that the comment does not have."""
    empty: dict[str, Any] = {}
    for section, names in _FIELDS.items():
        if section not in sections:
            empty.update({name: type(getattr(view, name))() for name in names})
    return replace(view, **empty)


def _as_read(view: InvestigationView, investigation: Investigation, zone: str) -> InvestigationView:
    """Without what only the full form has, and with each thing said once."""
    return replace(
        view,
        # Where code wrote the summary, the story says more.
        summary=view.summary if view.by_model or not view.story else "",
        found=tuple(finding for finding in view.found if not finding.told) or view.found[:1],
        against=tuple(finding for finding in view.against if not finding.told),
        unchecked=(),
        runbook=tuple(line for line in view.runbook if line.answered),
        entities=(),
        entities_left=0,
        techniques=(),
        evidence=(),
        sql_left=0,
        footer=short_footer(investigation, zone) if view.footer else (),
    )


def _within(view: InvestigationView, words: int | None, prompts: Prompts) -> InvestigationView:
    """The view with as much as so many words allow; what matters least goes first."""
    if words is None:
        return view
    for less in _fewer_words(view):
        view = less
        if count_words(_render("comment", {"view": asdict(less)}, "PLAIN_TEXT", prompts)) <= words:
            break
    return view


def count_words(text: str) -> int:
    """Words as a reader counts them: marks that only set off a list are none."""
    return sum(any(letter.isalnum() for letter in word) for word in text.split())


def _fewer_words(view: InvestigationView) -> Iterator[InvestigationView]:
    yield view
    cuts: tuple[tuple[str, int], ...] = (
        ("deciding", 6), ("runbook", 4), ("open", 4), ("found", 5), ("against", 3), ("deciding", 3), ("runbook", 2),
        ("found", 4), ("open", 3), ("steps", 3), ("story", 5), ("against", 2), ("deciding", 1), ("found", 3), ("open", 2),
        ("deciding", 0), ("runbook", 1), ("story", 4), ("steps", 2), ("against", 1), ("runbook", 0), ("open", 1),
        ("case", 2), ("found", 2), ("story", 3), ("found", 1), ("steps", 1), ("story", 2), ("against", 0), ("open", 0),
    )  # fmt: skip
    for name, number in cuts:
        lines = getattr(view, name)
        if len(lines) > number:
            kept = _gravest(lines, number) if name == "story" else lines[:number]
            less: dict[str, Any] = {name: kept}
            if name == "story":
                less["story_left"] = view.story_left + len(lines) - number
            view = replace(view, **less)
            yield view
    view = replace(view, summary=sentences(view.summary, 1))
    yield view
    for limit in (160, 110):
        view = replace(
            view,
            summary=safe_sentence(view.summary, limit),
            found=tuple(replace(finding, text=safe_sentence(finding.text, limit)) for finding in view.found),
            against=tuple(replace(finding, text=safe_sentence(finding.text, limit)) for finding in view.against),
            open=tuple(safe_sentence(text, limit) for text in view.open),
            steps=tuple(safe_sentence(text, limit) for text in view.steps),
            story=tuple(replace(line, text=safe_sentence(line.text, limit)) for line in view.story),
        )
        yield view


def _gravest(lines: Sequence[StoryLineView], number: int) -> tuple[StoryLineView, ...]:
    """The heaviest lines of a story, in its order."""
    kept = sorted(range(len(lines)), key=lambda place: (-lines[place].weight, place))[:number]
    return tuple(lines[place] for place in sorted(kept))


def _shorter(
    view: InvestigationView, whole: str, kind: Format, prompts: Prompts, sign: Callable[[str], str]
) -> Iterator[str]:
    """The signed comment, then ever shorter ones that say what they leave out."""
    yield sign(whole)
    for less in _reductions(view):
        content = _render("comment", {"view": asdict(less)}, kind, prompts)
        left = len(view.found) + len(view.against) - len(less.found) - len(less.against)
        yield sign(_with_note(content, left, len(whole) - len(content), kind))


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
        open=view.open[:_FEW],
        deciding=(),
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


def _with_note(content: str, findings: int, characters: int, kind: Format) -> str:
    """A shortened comment, and how much it leaves out."""
    note = f"{ELLIPSIS} shortened: {findings} findings, {max(characters, 0)} characters left out"
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
        body = sign(_with_note(content, findings, whole - len(content), kind))
        spare = limit - len(body)
        if spare >= 0 or not summary:
            return body
        # Each round takes off at least one character and the mark of the cut.
        summary = summary[: max(len(summary) + min(spare, -2), 0)]
        summary = f"{summary[:-1]}{ELLIPSIS}" if summary else ""
