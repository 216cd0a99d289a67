"""Raise alerts as Panther does: run every rule on every event, and group matches by dedup key, period and threshold."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tools.worlds.dice import Dice
from tools.worlds.lake import LogType, Record, Row

from . import DETECTIONS
from .rule import Detection, Event, Functions, Kind

_CORRELATION_WINDOW = timedelta(minutes=60)


@dataclass(frozen=True, slots=True)
class Match:
    """An event on which a detection fired, with the context of the event."""

    row: Row
    context: Record


@dataclass(slots=True)
class Alert:
    """One alert, while it is being raised."""

    id: str
    detection: Detection
    title: str
    created: datetime
    matches: list[Match] = field(default_factory=list)

    @property
    def context(self) -> Record:
        return self.matches[0].context

    @property
    def first(self) -> datetime:
        """Time of its first event."""
        return min(match.row.at for match in self.matches)

    @property
    def last(self) -> datetime:
        """Time of its last event."""
        return max(match.row.at for match in self.matches)

    @property
    def stories(self) -> set[str]:
        """The scenarios that its events come from."""
        return {match.row.story for match in self.matches if match.row.story is not None}


def raise_alerts(
    rows: Sequence[Row], seed: int, now: datetime, detections: Sequence[Detection] = DETECTIONS
) -> list[Alert]:
    """All alerts of the detections that exist at `now`, oldest first; rows in the order of their time."""
    dice = Dice("alerts", seed)
    by_type: dict[LogType, list[Row]] = defaultdict(list)
    for row in rows:
        by_type[row.log_type].append(row)
    alerts: list[Alert] = []
    for detection in detections:
        if detection.kind is Kind.RULE and detection.log_type is not None:
            alerts += _run(detection, by_type[detection.log_type], dice)
    for detection in detections:
        if detection.kind is Kind.CORRELATION_RULE:
            alerts += _correlate(detection, alerts, dice)
    return sorted((alert for alert in alerts if alert.created <= now), key=lambda alert: (alert.created, alert.id))


def _run(detection: Detection, rows: Iterable[Row], dice: Dice) -> list[Alert]:
    """The alerts of one rule. A group is open for the dedup period, counted from its first match."""
    functions = detection.compile()
    open_groups: dict[str, list[Match]] = {}
    groups: list[list[Match]] = []
    period = timedelta(minutes=detection.dedup_minutes)
    for row in rows:
        event = Event(row.record)
        if not functions.rule(event):
            continue
        match = Match(row, functions.alert_context(event))
        key = functions.dedup(event)
        group = open_groups.get(key)
        if group is None or row.at - group[0].row.at >= period:
            group = open_groups[key] = []
            groups.append(group)
        group.append(match)
    return [_alert(detection, functions, group, dice) for group in groups if len(group) >= detection.threshold]


def _alert(detection: Detection, functions: Functions, group: list[Match], dice: Dice) -> Alert:
    reaching = group[detection.threshold - 1].row
    return Alert(
        id=dice.child(detection.id, group[0].row.id).hex(32),
        detection=detection,
        title=functions.title(Event(group[0].row.record)),
        created=reaching.parsed + dice.child("delay", reaching.id).seconds(20, 70),
        matches=group,
    )


def _correlate(detection: Detection, alerts: Sequence[Alert], dice: Dice) -> list[Alert]:
    """The two steps of the sequence are alerts about the same user."""
    firsts = [alert for alert in alerts if alert.detection.id == "Okta.User.FailedSignInBurst"]
    seconds = [alert for alert in alerts if alert.detection.id == "Okta.User.FactorsReset"]
    return [
        Alert(
            id=dice.child(detection.id, second.id).hex(32),
            detection=detection,
            title=detection.name,
            created=max(first.created, second.created) + dice.child("delay", second.id).minutes(2, 14),
            matches=[
                Match(
                    match.row, {"user": first.context["user"], "sub_rules": [first.detection.id, second.detection.id]}
                )
                for match in (*first.matches, *second.matches)
            ],
        )
        for first in firsts
        for second in seconds
        if first.context["user"] == second.context["user"]
        and timedelta(0) <= second.first - first.first <= _CORRELATION_WINDOW
    ]
