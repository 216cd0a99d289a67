"""What Panther says about an alert, as rows: its detection, earlier alerts, comments, users, tables and sources."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from triage.domain.alert import Alert, Severity, Status
from triage.domain.base import Row
from triage.domain.detection import Detection, RuleText
from triage.domain.entity import Entity, EntityKind
from triage.domain.profile import ActorProfile
from triage.logtypes import table_of
from triage.ports import AlertQuery, AlertSource, Column, Comment, LogSource, PantherUser
from triage.stages.enrichment.rule_parts import correlation

HISTORY_ALERTS = 100
COMMENTED_ALERTS = 5
"""Earlier alerts whose comments are read."""
COMMENT_CHARS = 1_000
PAGES = 3
OUTCOME_ROWS = 20
TABLE_CHARS = 3_000
DETECTION_CHARS = 6_000
REFERENCE_CHARS = 500
PROFILE_CHARS = 120
PROFILE_NAMES = 8
MAX_INDICATORS = 10
"""Addresses, hashes and keys in one search."""


@dataclass(frozen=True, slots=True)
class PastAlerts:
    """A detection's alerts, newest first."""

    alerts: tuple[Alert, ...]
    since: datetime
    """None created before this were asked for."""
    before: datetime
    """None created after this."""
    cut: bool
    """There are older ones since `since`."""

    def serves(self, alert: Alert, since: datetime) -> bool:
        """Whether all are here that would be listed for an alert."""
        whole = since >= self.since and not self.cut
        return alert.created_at <= self.before and (whole or len(self._before(alert, since)) >= HISTORY_ALERTS)

    def rows_before(self, alert: Alert, since: datetime) -> JsonValue:
        """The earlier ones of an alert, as rows."""
        found = self._before(alert, since)
        rows: list[JsonValue] = [alert_row(past) for past in found[:HISTORY_ALERTS]]
        return {"rows": rows, "truncated": self.cut or len(found) > HISTORY_ALERTS}

    def _before(self, alert: Alert, since: datetime) -> list[Alert]:
        return [past for past in self.alerts if since <= past.created_at <= alert.created_at and past.id != alert.id]


async def alerts_of_detection(
    alerts: AlertSource, detection_id: str, *, since: datetime, before: datetime
) -> PastAlerts:
    """The newest alerts of a detection, at least as many as are listed if there are so many. Raises PantherError."""
    query = AlertQuery(created_after=since, created_before=before, detection_id=detection_id, ascending=False)
    found: list[Alert] = []
    cursor: str | None = None
    for _ in range(PAGES):
        page = await alerts.page(query, cursor)
        found += page.alerts
        cursor = page.cursor
        if cursor is None or len(found) > HISTORY_ALERTS:
            break
    return PastAlerts(tuple(found), since, before, cut=cursor is not None)


def alert_row(past: Alert) -> dict[str, JsonValue]:
    """An earlier alert with its status and who set it."""
    by = past.updated_by.kind if past.updated_by is not None else "unknown"
    # Panther resolves INFO alerts by itself, without anyone's judgement.
    auto = past.severity is Severity.INFO or by in {"system", "api-token"}
    return {
        "alert_id": past.id,
        "created_at": past.created_at.isoformat(),
        "status": past.status.value,
        "severity": past.severity.value,
        "title": past.title,
        "updated_by_kind": by,
        "updated_by": (past.updated_by.email or past.updated_by.name) if past.updated_by is not None else "",
        "auto": auto,
        "judged": not auto and by == "user" and past.status in (Status.RESOLVED, Status.CLOSED),
    }


async def prior_comments(read: Callable[[str], Awaitable[tuple[Comment, ...]]], alert_ids: Sequence[str]) -> JsonValue:
    """What people wrote on earlier alerts, as rows; this program's own comments are left out. Raises PantherError."""
    found = await asyncio.gather(*map(read, alert_ids))
    rows: list[JsonValue] = [
        _comment(comment) for listed in found for comment in listed if comment.created_by.kind == "user"
    ]
    return {"rows": rows, "truncated": False}


def _comment(comment: Comment) -> dict[str, JsonValue]:
    return {
        "alert_id": comment.alert_id,
        "created_at": comment.created_at.isoformat() if comment.created_at else None,
        "author": comment.created_by.email or comment.created_by.id,
        "body": comment.body[:COMMENT_CHARS],
    }


def similar_alerts(rows: Sequence[dict[str, JsonValue]], title: str) -> tuple[str, ...]:
    """Ids of the judged earlier alerts whose comments are worth reading: most similar title first, then newest."""
    words = set(title.lower().split())

    def similarity(row: dict[str, JsonValue]) -> float:
        other = set(str(row.get("title", "")).lower().split())
        return len(words & other) / max(1, len(words | other))

    ranked = sorted(enumerate(rows), key=lambda item: (-similarity(item[1]), item[0]))
    judged = [row for _, row in ranked if row.get("judged")]
    return tuple(str(row["alert_id"]) for row in judged[:COMMENTED_ALERTS])


def outcome_rows(past: Sequence[Row]) -> list[dict[str, JsonValue]]:
    """Earlier alerts counted by status and by who set it, the most frequent first."""
    counted: Counter[tuple[str, str, str]] = Counter()
    judged: Counter[tuple[str, str, str]] = Counter()
    last: dict[tuple[str, str, str], str] = {}
    for row in past:
        key = (str(row.get("status")), str(row.get("updated_by_kind")), str(row.get("updated_by") or ""))
        counted[key] += 1
        judged[key] += row.get("judged") is True
        last[key] = max(last.get(key, ""), str(row.get("created_at") or ""))
    return [
        {
            "status": status,
            "set_by_kind": kind,
            "set_by": who,
            "alerts": count,
            "decided_by_people": judged[status, kind, who],
            "last": last[status, kind, who],
        }
        for (status, kind, who), count in counted.most_common(OUTCOME_ROWS)
    ]


def user_rows(users: Sequence[PantherUser], entities: Sequence[Entity]) -> list[dict[str, JsonValue]]:
    """The users of Panther whose e-mail address occurs in the alert."""
    named = {entity.value.casefold(): entity.role.value for entity in entities if entity.kind is EntityKind.EMAIL}
    return [
        {
            "email": user.email.casefold(),
            "name": user.name,
            "role": user.role,
            "enabled": user.enabled,
            "part_in_alert": named[user.email.casefold()],
        }
        for user in users
        if user.email and user.email.casefold() in named
    ]


def profile_row(profile: ActorProfile) -> dict[str, JsonValue]:
    """What Panther's profile of an actor says."""
    lists: dict[str, JsonValue] = {
        name: [text[:PROFILE_CHARS] for text in getattr(profile, name)[:PROFILE_NAMES]]
        for name in (
            "names", "emails", "usernames", "departments", "job_titles", "managers", "organizations", "employment",
        )
    }  # fmt: skip
    times = {"first_observed_at": profile.first_observed_at, "last_login_at": profile.last_login_at}
    return {"id": profile.id, **lists, **{name: at.isoformat() if at else None for name, at in times.items()}}


def table_row(log_type: str, columns: Sequence[Column]) -> dict[str, JsonValue]:
    """The table of a log type, as one row."""
    names = [column.name.lower() for column in columns]
    return {
        "log_type": log_type,
        "table": f"panther_logs.public.{table_of(log_type)}",
        "exists": bool(columns),
        "columns": ", ".join(f"{column.name.lower()} {column.type}".strip() for column in columns)[:TABLE_CHARS],
        "indicator_columns": ", ".join(name for name in names if name.startswith("p_any_")),
    }


def indicators_of(entities: Sequence[Entity]) -> tuple[str, ...]:
    """What is worth searching for in all log types: values that identify one machine, file or credential."""
    return tuple(
        dict.fromkeys(
            entity.value
            for entity in entities
            if entity.kind in (EntityKind.HASH, EntityKind.ACCESS_KEY)
            or (entity.kind is EntityKind.IP and entity.facts.get("class") == "public")
        )
    )[:MAX_INDICATORS]


def source_rows(sources: Sequence[LogSource], log_types: Sequence[str]) -> list[dict[str, JsonValue]]:
    """The log sources that feed the alert's log types, as rows."""
    wanted = set(log_types)
    return [
        {
            "label": source.label,
            "type": source.type,
            "log_types": list(source.log_types),
            "healthy": source.healthy,
            "last_event_at": source.last_event_at.isoformat() if source.last_event_at else None,
            **({"alarms": list(source.alarms)} if source.alarms else {}),
            **({"no_data_alarm_after_minutes": source.alarm_minutes} if source.alarm_minutes else {}),
        }
        for source in sources
        if not wanted or wanted & set(source.log_types)
    ]


def detection_row(detection: Detection, background: Sequence[RuleText] = ()) -> dict[str, JsonValue]:
    """The detection as one row, with the texts that its own refers to."""
    return {
        "id": detection.id,
        "name": detection.name,
        "type": detection.type,
        "severity": detection.severity.value if detection.severity else None,
        "description": detection.description,
        "runbook": detection.runbook,
        "tags": list(detection.tags),
        "log_types": list(detection.log_types),
        "techniques": list(detection.techniques),
        "threshold": detection.threshold,
        "dedup_minutes": detection.dedup_minutes,
        "deleted": detection.deleted,
        **({"reference": detection.reference[:REFERENCE_CHARS]} if detection.reference else {}),
        **({"signals_only": True} if detection.create_alert is False else {}),
        **correlation_fields(detection),
        "body": detection.body[:DETECTION_CHARS],
        **({"uses": [f"{each.kind} {each.name}:\n{each.text}" for each in background]} if background else {}),
    }


def correlation_fields(detection: Detection) -> dict[str, JsonValue]:
    """What a correlation waits for, in the words of its parts; empty for any other detection."""
    read = correlation(detection.body)
    if not read.parts:
        return {}
    parts: list[JsonValue] = [
        f"{part.id} did not match"
        if part.absent
        else f"{part.id} matched {part.at_least} times or more"
        if part.at_least > 1
        else f"{part.id} matched"
        for part in read.parts
    ]
    return {
        "parts": parts,
        "parts_in_order": read.in_order,
        **({"looks_back_minutes": int(read.lookback.total_seconds() // 60)} if read.lookback else {}),
    }
