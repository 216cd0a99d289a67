"""One investigation as a self-contained HTML page: no network, no script."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from zoneinfo import ZoneInfo

from triage.domain.alert import Alert
from triage.domain.clean import safe_sentence, safe_value
from triage.domain.verdict import Investigation
from triage.ports import AlertRecord, Prompts
from triage.stages.reporting.timeline import TimelineDrawing, TimelineEvent, draw_timeline
from triage.stages.reporting.view import Extent, InvestigationView, investigation_view

TEMPLATE = "page.html.j2"
EXTENT = Extent(entities=60, unchecked=200, story=12, rows=100, question=400)

_TURNS = 200
_LINE = 4_000


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a model or one tool call, for the folded transcript; texts as they came."""

    head: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """What a page stands in where it is served: a template that extends the page's own."""

    template: str
    variables: Mapping[str, object]
    """What that template names besides."""
    link: Callable[[str], str]
    """Where the page of another alert is, by its id."""


@dataclass(frozen=True, slots=True)
class PageView:
    """What a page has besides the investigation. Every string is cleaned; HTML escaping is left to the template."""

    selected: str
    """Why the alert was investigated, or linked."""
    linked: str
    """The alert whose investigation this is, where the alert is linked; else empty."""
    timeline: TimelineDrawing
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
    zone: str = "UTC",
    transcript: Sequence[Turn] = (),
    frame: Frame | None = None,
) -> str:
    """Render an investigation as one HTML document.

    Args:
        alert: The alert.
        record: Why it was investigated, or linked to the one that was.
        investigation: What was found.
        prompts: The templates.
        console_url: Address of the Panther console; empty: no link.
        currency: Currency of what model calls have cost.
        zone: In which the story's times are.
        transcript: The run's conversation, folded at the end; empty: no such part.
        frame: Of the team's pages; `None`: a file of its own.

    Raises:
        PromptError: The template is missing or broken.
    """
    view = investigation_view(
        alert,
        investigation,
        extent=EXTENT,
        console_url=console_url,
        currency=currency,
        zone=zone,
        member_link=frame.link if frame is not None else None,
    )
    shown = page_view(view, alert, record, transcript, zone)
    template, more = (frame.template, frame.variables) if frame is not None else (TEMPLATE, {})
    return prompts.render(template, {"view": asdict(view), "page": asdict(shown), **more})


def page_view(
    view: InvestigationView,
    alert: Alert,
    record: AlertRecord,
    transcript: Sequence[Turn] = (),
    zone: str = "UTC",
) -> PageView:
    """The drawing, the transcript and the selection, for the investigation that `view` shows."""
    anchors = frozenset(
        {entry.id for entry in view.evidence} | {f"{e.id}-{row.number}" for e in view.evidence for row in e.rows}
    )
    return PageView(
        selected=safe_sentence(record.decision.reason, 400),
        linked=safe_value(record.leader or "", 48),
        timeline=draw_timeline(_with_alert(view.timeline, alert, zone), anchors),
        transcript=tuple(
            Turn(safe_sentence(turn.head, 400), tuple(safe_value(line, _LINE) for line in turn.lines))
            for turn in transcript[:_TURNS]
        ),
        turns_left=max(len(transcript) - _TURNS, 0),
    )


def _with_alert(events: Sequence[TimelineEvent], alert: Alert, zone: str) -> tuple[TimelineEvent, ...]:
    """The events, and among them the moment at which the alert was raised."""
    if not events:
        return ()
    time = f"{alert.created_at.astimezone(ZoneInfo(zone)):%H:%M}"
    raised = TimelineEvent(time, "Panther raised the alert", "", "", "", at=alert.created_at)
    after = next((n for n, event in enumerate(events) if event.at is None or event.at > alert.created_at), len(events))
    return (*events[:after], raised, *events[after:])
