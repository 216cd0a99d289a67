"""What may be written, and when. Pure; the first rule that objects decides."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from triage.domain.alert import Alert, Moment, Quality, Severity, Status
from triage.domain.base import Value
from triage.domain.look import AlertSeen
from triage.domain.quiet import quiet_until
from triage.domain.verdict import Disposition, Verdict
from triage.settings import WritebackSettings

PAUSED_FOR = timedelta(minutes=5)
"""How soon a paused comment is tried again; `triage writeback resume` takes effect after this long at most."""

_NEVER_CLOSED = frozenset({Severity.CRITICAL, Severity.HIGH})


@dataclass(frozen=True, slots=True)
class Hold:
    """A comment may not be written now."""

    reason: str
    until: datetime | None = None
    """When to try again; `None`: not at all."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a rule may look at besides the alert and its verdict."""

    now: datetime
    paused: bool = False
    """`triage writeback pause` is in force."""
    written_today: int = 0
    """Comments written since midnight in the configured zone."""


def hold(
    alert: Alert,
    disposition: Disposition | None,
    settings: WritebackSettings,
    situation: Situation,
    *,
    replaces: bool = False,
) -> Hold | None:
    """Why a comment is not written now; `None` where it may be.

    Args:
        alert: The alert as it is in Panther.
        disposition: The verdict; `None` for a comment without one yet.
        settings: The policy.
        situation: Time, pause, and how much was written today.
        replaces: The alert already has a comment by this program. An outdated result must not stay, so only the time
            is checked.
    """
    least = Severity(settings.min_severity)
    if not replaces and alert.severity.known and alert.severity.rank < least.rank:
        return Hold(f"severity {alert.severity.value} is below writeback.min_severity {least.value}")
    unwanted = disposition is not None and settings.verdicts and disposition not in settings.verdicts
    if not replaces and disposition is not None and unwanted:
        return Hold(f"{disposition.value} is not in writeback.verdicts")
    if situation.paused:
        return Hold("writing is paused (`triage writeback resume` continues)", situation.now + PAUSED_FOR)
    ends = quiet_until(situation.now, settings.quiet_hours, settings.timezone)
    if ends is not None:
        return Hold(f"quiet hours ({settings.quiet_hours} {settings.timezone})", ends)
    if settings.daily_cap and not replaces and situation.written_today >= settings.daily_cap:
        return Hold(f"writeback.daily_cap of {settings.daily_cap} is reached", next_day(situation.now, settings))
    return None


def day_start(now: datetime, settings: WritebackSettings) -> datetime:
    """The last midnight before a moment in the configured zone, in UTC."""
    zone = ZoneInfo(settings.timezone)
    return datetime.combine(now.astimezone(zone).date(), time(), zone).astimezone(UTC)


def next_day(now: datetime, settings: WritebackSettings) -> datetime:
    """The next midnight after a moment in the configured zone, in UTC."""
    zone = ZoneInfo(settings.timezone)
    return datetime.combine(now.astimezone(zone).date() + timedelta(days=1), time(), zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class StatusDecision:
    """What policy says about an alert's status."""

    status: Status | None
    """`None`: it stays unchanged."""
    reason: str = ""
    """Why it stays unchanged."""


def wanted_status(
    alert: Alert, verdict: Verdict, settings: WritebackSettings, *, ended_by_us: bool = False
) -> StatusDecision | None:
    """The status that policy sets; `None` where there is no policy for the verdict.

    Args:
        alert: Its severity counts.
        verdict: The final one, or a provisional one.
        settings: The policy.
        ended_by_us: Policy has resolved or closed the alert after an earlier look. It is open again once the verdict is
            no longer benign.
    """
    decided = _by_policy(alert, verdict, settings)
    reopens = ended_by_us and verdict.disposition is not Disposition.BENIGN
    return StatusDecision(Status.OPEN) if reopens and (decided is None or decided.status is None) else decided


def _by_policy(alert: Alert, verdict: Verdict, settings: WritebackSettings) -> StatusDecision | None:
    name = settings.status_for(verdict.disposition)
    if name is None:
        return None
    wanted = Status(name)
    if reason := objection(verdict, settings):
        return StatusDecision(None, reason)
    if wanted is Status.CLOSED and _for_people(alert):
        return StatusDecision(None, f"only a person may close a {alert.severity.value} alert")
    return StatusDecision(wanted)


def objection(verdict: Verdict, settings: WritebackSettings) -> str:
    """Why a verdict is not sure enough to change a status, or to label an alert; empty where it is."""
    if waits(verdict):
        return "the verdict is provisional"
    if verdict.confidence < settings.status_min_confidence:
        return f"confidence {verdict.confidence:.2f} is below writeback.status_min_confidence"
    if settings.status_needs_judge and verdict.weighed is not verdict.disposition:
        return "the judge has not given the same verdict (writeback.status_needs_judge)"
    return ""


def _for_people(alert: Alert) -> bool:
    """Whether only a person may call the alert useless."""
    return alert.severity in _NEVER_CLOSED or not alert.severity.known


@dataclass(frozen=True, slots=True)
class LabelDecision:
    """What policy says about an alert's labels."""

    quality: Quality | None
    """Of the verdict; `None`: it has none."""
    tags: tuple[str, ...]
    give: bool = True
    """The alert gets them."""
    take_back: bool = True
    """What this program gave for another verdict goes."""
    reason: str = ""
    """Why something is not given."""


def wanted_labels(alert: Alert, verdict: Verdict, settings: WritebackSettings) -> LabelDecision:
    """The labels that policy gives.

    Args:
        alert: Its severity counts.
        verdict: The final one, or a provisional one.
        settings: The policy.
    """
    name, tags = settings.quality_for(verdict.disposition), settings.tags_for(verdict.disposition)
    quality = Quality(name) if name else None
    if reason := objection(verdict, settings):
        # To take back what was said of an alert that is no longer benign needs no certainty.
        doubted = verdict.disposition is not Disposition.BENIGN
        return LabelDecision(quality, tags, give=False, take_back=doubted, reason=reason if name or tags else "")
    if quality is Quality.NOISE and _for_people(alert):
        return LabelDecision(None, tags, reason=f"only a person may call a {alert.severity.value} alert noise")
    return LabelDecision(quality, tags)


def waits(verdict: Verdict) -> bool:
    """Whether status and assignee wait for the next look: what a benign verdict could not see may change it."""
    return verdict.provisional_until is not None and verdict.disposition is Disposition.BENIGN


class AlertAtStart(Value):
    """Status and assignee of an alert when its investigation began."""

    status: Status
    updated_at: Moment | None = None
    assignee: str = ""
    """Id of the assignee; empty: none."""
    seen: AlertSeen | None = None
    """What tells whether Panther has changed it since; `None` in what older versions stored."""
    ended_by_us: bool = False
    """Policy has given it its status, resolved or closed, after an earlier look."""

    @classmethod
    def of(cls, alert: Alert, *, ended_by_us: bool = False) -> Self:
        """Take them from the alert."""
        return cls(
            status=alert.status,
            updated_at=alert.updated_at,
            assignee=alert.assignee.id if alert.assignee else "",
            seen=AlertSeen.of(alert),
            ended_by_us=ended_by_us,
        )


def changed_by_person(at_start: AlertAtStart, current: Alert) -> str:
    """What someone has changed on an alert since its investigation began; empty where nothing."""
    if current.status.value != at_start.status.value:
        return f"the status changed to {current.status.value} during the investigation"
    by = current.updated_by
    moved = current.updated_at is not None and (at_start.updated_at is None or current.updated_at > at_start.updated_at)
    if moved and by is not None and by.kind == "user":
        return f"{by.email or by.name or 'a person'} changed the alert during the investigation"
    if (current.assignee.id if current.assignee else "") != at_start.assignee:
        return "the assignee changed during the investigation"
    return ""
