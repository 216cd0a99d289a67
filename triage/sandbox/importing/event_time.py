"""Finds when a record happened."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from pydantic import JsonValue

from triage.logtypes import log_type_of_table
from triage.logtypes.paths import find, parse_path

_COMMON = """
@timestamp at_sign_timestamp timestamp eventTime event_time eventTimestamp event_timestamp EVENT_TIMESTAMP time
Time published created_at createdAt created creationTime CreationTime creationDateTime date_create date datetime
start startTime start_time START_TIME activityDateTime occurred_at occurredAt logged_at when ts _time id.time
data.date data.timestamp event.timestamp metadata.eventCreationTime processed_at received_at updatedAt updated_at
"""
_NUMBER = re.compile(r"-?\d{9,19}(?:\.\d+)?")
_WEB = "%d/%b/%Y:%H:%M:%S %z"
FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""Between these, the second left out, a time is believed."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCALES = (10**17, 10**9), (10**14, 10**6), (10**11, 10**3)
"""A number from here on counts this many to the second: nano-, micro-, milliseconds."""


def event_time(record: Mapping[str, JsonValue], table: str, named: str = "") -> datetime | None:
    """When a record happened, in UTC.

    Args:
        record: The record as its publisher wrote it.
        table: Table of its log type.
        named: Dotted path of the field that holds the time; then no other is looked at.

    Returns:
        The time; None where no field holds one between 2000 and 2099 (other years are placeholders, and a world's clock
        cannot be moved with them).
    """
    if named:
        return _at(record, named)
    file = log_type_of_table(table)
    paths = (file.event_time if file else "", *_COMMON.split())
    return next((found for path in paths if path and (found := _at(record, path))), None)


def _at(record: Mapping[str, JsonValue], path: str) -> datetime | None:
    if path in record:
        return read_time(record[path])
    if "." not in path:
        return None
    return next((found for _, node in find(record, parse_path(path)) if (found := read_time(node))), None)


def read_time(value: JsonValue) -> datetime | None:
    """Read ISO 8601, RFC 2822, a web server's time, or seconds (milli-, micro-, nanoseconds) since 1970.

    A time without a zone is in UTC. None where the value is none of these, or lies outside 2000-2099.
    """
    if isinstance(value, bool) or value is None or isinstance(value, dict | list):
        return None
    if isinstance(value, int | float):
        found = _since_epoch(float(value))
    else:
        text = value.strip()
        found = _since_epoch(float(text)) if _NUMBER.fullmatch(text) else _read_text(text[:64])
    if found is None:
        return None
    try:
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        return None
    return found if FIRST <= found < LAST else None


def _since_epoch(number: float) -> datetime | None:
    seconds = next((number / scale for least, scale in _SCALES if abs(number) >= least), number)
    try:
        return _EPOCH + timedelta(milliseconds=round(seconds * 1000))
    except (OverflowError, ValueError):
        return None


def _read_text(text: str) -> datetime | None:
    if len(text) < len("2026-01-01"):
        return None
    for candidate in (text, text.removesuffix(" UTC")):
        try:
            return datetime.fromisoformat(candidate)
        except ValueError:
            continue
    try:
        return datetime.strptime(text.strip("[]"), _WEB)  # noqa: DTZ007 - the format has %z
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
