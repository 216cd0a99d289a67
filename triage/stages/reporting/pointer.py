"""The short comment on an alert that takes the verdict of another one's investigation."""

import html
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from triage.domain.alert import Alert
from triage.domain.clean import indent_formulas, safe_sentence, safe_value
from triage.domain.entity import Entity
from triage.domain.report import RESERVE, Format, Marker, Report
from triage.domain.verdict import Investigation
from triage.ports import Prompts
from triage.settings import WritebackSettings
from triage.stages.reporting.view import console_link
from triage.stages.reporting.wording import author, headline, moment

TEMPLATES: dict[Format, str] = {"HTML": "pointer.html.j2", "PLAIN_TEXT": "pointer.txt.j2"}
_MOST = 5
"""Shared entities that are named."""


@dataclass(frozen=True, slots=True)
class PointerView:
    """Every string is cleaned: plain text, nothing in it acts. HTML escaping is left to the template."""

    headline: str
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
    """Render the comment that points to the investigated alert.

    Args:
        alert: The linked alert, which gets the comment.
        leader: The alert that was investigated.
        investigation: What was found about that one.
        shares: Why they belong together.
        entities: Who acted, and from where, in both.
        run_id: Stands in the marker.
        prompts: The templates.
        settings: Its longest form, and the console.

    Raises:
        PromptError: A template is missing or broken.
    """
    view = PointerView(
        headline=headline(investigation.verdict),
        leader_id=safe_value(leader.id, 48),
        leader_title=safe_sentence(leader.title, 120),
        leader_at=moment(leader.created_at),
        link=console_link(settings.console_url, leader.id),
        shares=safe_sentence(shares, 160),
        entities=tuple(dict.fromkeys(f"{each.kind.value} {safe_value(each.value, 60)}" for each in entities))[:_MOST],
        entities_left=max(len(entities) - _MOST, 0),
        footer=f"{author(investigation)}; times are UTC",
    )
    as_html = _fitted(alert, view, "HTML", run_id, prompts, settings.max_chars)
    as_text = _fitted(alert, view, "PLAIN_TEXT", run_id, prompts, settings.max_chars)
    return Report(html=as_html, text=as_text, brief_html=as_html, brief_text=as_text)


def _fitted(alert: Alert, view: PointerView, kind: Format, run_id: str, prompts: Prompts, limit: int) -> str:
    for less in _reductions(view):
        content = prompts.render(TEMPLATES[kind], {"view": asdict(less)}).strip()
        content = content if kind == "HTML" else indent_formulas(content)
        body = Marker.of(alert.id, run_id, content).sign(content, kind)
        if len(body) <= limit - RESERVE:
            return body
    # A template of the user's own may be as long as it likes; this holds in any limit.
    line = f"{view.headline}, as alert {view.leader_id}"
    content = f"<p>{html.escape(line)}</p>" if kind == "HTML" else line
    return Marker.of(alert.id, run_id, content).sign(content, kind)


def _reductions(view: PointerView) -> Iterator[PointerView]:
    yield view
    view = replace(view, entities=(), entities_left=len(view.entities) + view.entities_left)
    yield view
    yield replace(view, leader_title="", link="")
