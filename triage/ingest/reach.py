"""Filters that can match nothing: names that this Panther doesn't have would hide every alert without a word."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from triage.domain.near import did_you_mean
from triage.ingest.listing import listings, read_window
from triage.ingest.selection import Match, match_all
from triage.ports import PantherApi
from triage.settings import IngestSettings

SPAN = timedelta(days=7)
"""How far back alerts are read for the ids of detections."""
LOG_TABLES = "panther_logs"
"""Databases with this in their names have one table per log type; those of rule matches and signals repeat them."""


async def unmatched(
    panther: PantherApi, settings: IngestSettings, *, now: datetime, listed: Iterable[str] | None = None
) -> tuple[str, ...]:
    """What the filters name and this Panther doesn't have, one line each, with the nearest name that it has.

    Panther is asked only about filters that are set.

    Args:
        panther: Whose detections, log sources, tables and alerts are compared.
        settings: The filters.
        now: The end of the week whose alerts are read.
        listed: Detection ids of alerts that the caller has read, in place of that week's.

    Raises:
        PantherError: Panther can't be asked, or the token may not read this.
    """
    lines = [
        f"ingest.{name} is empty: no alert passes it"
        for name in ("statuses", "severities", "types")
        if not getattr(settings, name)
    ]
    if settings.log_types:
        names = await _log_types(panther)
        lines += _missing("log_types", settings.log_types, names, "no log source and no table has this type")
    if settings.detections_allow or settings.detections_deny or settings.detection_id_regex:
        rules = {detection.id for detection in await panther.rules.detections()}
        # Panther lists no correlation rules and policies, so that what their alerts name counts too.
        recent = set(await _recent(panther, settings, now) if listed is None else listed)
        known = rules | recent
        for key in ("detections_allow", "detections_deny"):
            lines += _missing(key, getattr(settings, key), known, "no rule and no recent alert has this id")
        pattern = settings.detection_id_regex
        if pattern and recent and set((await match_all(pattern, recent)).values()) == {Match.NOT_FOUND}:
            near = did_you_mean(pattern.strip("^$").replace("\\", ""), known)
            lines.append(f"ingest.detection_id_regex matches no detection id of the recent alerts{near}")
    return tuple(lines)


def _missing(key: str, wanted: Sequence[str], known: Iterable[str], why: str) -> list[str]:
    names = sorted(known)
    return [
        f"ingest.{key}: {name} matches nothing: {why}{did_you_mean(name, names)}"
        for name in wanted
        if names and name not in names
    ]


async def _log_types(panther: PantherApi) -> set[str]:
    names = {name for source in await panther.sources.sources() for name in source.log_types}
    for database in await panther.lake.databases():
        if LOG_TABLES in database:
            names |= {table.log_type for table in await panther.lake.tables(database) if table.log_type}
    return names


async def _recent(panther: PantherApi, settings: IngestSettings, now: datetime) -> set[str]:
    """The detection ids of the last week's alerts, whatever their status and severity."""
    anything = settings.model_copy(update={"statuses": (), "severities": (), "log_types": ()})
    found, _ = await read_window(panther.alerts, listings(settings), start=now - SPAN, end=now, settings=anything)
    return {alert.detection_id for alert in found.values() if alert.detection_id}
