"""A comment in both forms, within the size that the user allows.

HTML: the shipped template makes `p`, `strong`, `ul`, `li`, `pre`, `code`, and one `a href` to the alert in the user's
own console; no attribute otherwise, no image, no script. The plain text says the same.
"""

import html
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace

from triage.domain.alert import Alert, DetectionOrigin
from triage.domain.clean import ELLIPSIS, indent_formulas
from triage.domain.report import RESERVE, Format, Marker, Report
from triage.domain.verdict import Investigation
from triage.ports import Prompts
from triage.settings import WritebackSettings
from triage.stages.reporting.sections import Extent
from triage.stages.reporting.view import CommentView, comment_view, first

TEMPLATES: dict[Format, str] = {"HTML": "comment.html.j2", "PLAIN_TEXT": "comment.txt.j2"}
BRIEF = 1_000
"""Characters of the form for a Panther that refuses the whole one as too large; the least that a limit can be."""

_MANY = (40, 30, 20, 12)
_FEW = 3
_SOME = 8


def build_report(
    alert: Alert, investigation: Investigation, *, prompts: Prompts, settings: WritebackSettings, currency: str = ""
) -> Report:
    """Render an investigation as a comment, with the parts that `sections` describes.

    Each form holds at most `settings.max_chars` characters, even after `domain.report.related` has added its note.
    What has to go goes in this order: SQL of evidence that no finding cites, all SQL, long lists, findings beyond the
    first ones; the first line, the summary and the marker stay, and a line says what was cut.

    Args:
        alert: The alert.
        investigation: What was found.
        prompts: The templates.
        settings: Parts, length, longest form, console.
        currency: Of what model calls have cost; empty: the bare number.

    Raises:
        PromptError: A template is missing or broken.
    """
    name = alert.origin.name if isinstance(alert.origin, DetectionOrigin) else ""
    view = comment_view(
        alert,
        name,
        investigation,
        console_url=settings.console_url,
        extent=Extent.of(settings),
        currency=currency,
    )

    def form(kind: Format) -> tuple[str, str]:
        def sign(content: str) -> str:
            return Marker.of(alert.id, investigation.run_id, content).sign(content, kind)

        whole = _content(view, kind, prompts)
        short = sign(_brief(view, kind, BRIEF - RESERVE, len(whole), sign))
        return _fitted(view, kind, whole, prompts, settings.max_chars - RESERVE, sign), short

    (as_html, brief_html), (as_text, brief_text) = form("HTML"), form("PLAIN_TEXT")
    return Report(html=as_html, text=as_text, brief_html=brief_html, brief_text=brief_text)


def _fitted(
    view: CommentView, kind: Format, whole: str, prompts: Prompts, limit: int, sign: Callable[[str], str]
) -> str:
    body = sign(whole)
    if len(body) <= limit:
        return body
    for less in _reductions(view):
        content = _content(less, kind, prompts)
        left = len(view.found) + len(view.against) - len(less.found) - len(less.against)
        body = sign(_with_note(content, _note(view, left, len(whole) - len(content)), kind))
        if len(body) <= limit:
            return body
    return sign(_brief(view, kind, limit, len(whole), sign))


def _content(view: CommentView, kind: Format, prompts: Prompts) -> str:
    rendered = prompts.render(TEMPLATES[kind], {"view": asdict(view)}).strip()
    return rendered if kind == "HTML" else indent_formulas(rendered)


def _reductions(view: CommentView) -> Iterator[CommentView]:
    cited = {name for line in (*view.found, *view.against) for name in line.evidence}
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


def _with_findings(view: CommentView, number: int) -> CommentView:
    """The first findings, and the evidence that these cite."""
    found, against = view.found[:number], view.against[: max(number // 2, _FEW)]
    cited = {name for line in (*found, *against) for name in line.evidence}
    return replace(
        view, found=found, against=against, evidence=tuple(line for line in view.evidence if line.id in cited)
    )


def _note(view: CommentView, findings: int, characters: int) -> str:
    return (
        f"{ELLIPSIS} cut: {findings} findings, {max(characters, 0)} characters left out; "
        f"`triage show {view.alert_id}` has all"
    )


def _with_note(content: str, note: str, kind: Format) -> str:
    return f"{content}\n<p>{html.escape(note)}</p>" if kind == "HTML" else f"{content}\n\n{note}"


def _brief(view: CommentView, kind: Format, limit: int, whole: int, sign: Callable[[str], str]) -> str:
    """Verdict and as much of the summary as there is room for, whatever the templates say."""
    findings = len(view.found) + len(view.against)
    summary = view.summary
    while True:
        if kind == "HTML":
            content = f"<p><strong>{html.escape(view.headline)}</strong></p>\n<p>{html.escape(summary)}</p>"
        else:
            content = indent_formulas(f"{view.headline}\n\n{summary}")
        content = _with_note(content, _note(view, findings, whole - len(content)), kind)
        spare = limit - len(sign(content))
        if spare >= 0 or not summary:
            return content
        # Each round takes off at least one character and the mark of the cut.
        summary = summary[: max(len(summary) + min(spare, -2), 0)]
        summary = f"{summary[:-1]}{ELLIPSIS}" if summary else ""
