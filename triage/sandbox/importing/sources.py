"""The log sources that imported records are said to come from."""

import uuid
from datetime import datetime
from typing import cast

from triage.logtypes import table_of
from triage.sandbox.times import iso, parse_time
from triage.sandbox.world import Record

_NAMESPACE = uuid.UUID("8f2e2f0c-6f0a-5d5b-9a51-0d6f3f2b7a10")


def source_of(log_type: str, sources: dict[str, Record]) -> Record:
    """The log source of a log type: the one that the world has, else a new one, which is added.

    A new one is listed as healthy: files don't say whether their source was. Whether it delivered in a window is seen by
    its rows.
    """
    for source in sources.values():
        if log_type in _log_types(source):
            return source
    identity = str(uuid.uuid5(_NAMESPACE, log_type))
    sources[identity] = {
        "integrationId": identity,
        "integrationLabel": f"imported-{table_of(log_type).replace('_', '-')}",
        "integrationType": "aws-s3" if log_type.startswith("AWS.") else "http",
        "logTypes": [log_type],
        "isEditable": True,
        "isHealthy": True,
    }
    return sources[identity]


def note_delivery(sources: dict[str, Record], table: str, last: datetime) -> None:
    """Move the time of the last event of a table's sources on, never back."""
    for identity, source in sources.items():
        known = source.get("lastEventReceivedAtTime")
        newer = not isinstance(known, str) or last > parse_time(known)
        if newer and any(table_of(log_type) == table for log_type in _log_types(source)):
            times = {"lastEventReceivedAtTime": iso(last), "lastEventProcessedAtTime": iso(last)}
            sources[identity] = {**source, **times}


def _log_types(source: Record) -> list[str]:
    return [str(log_type) for log_type in cast("list[object]", source.get("logTypes") or [])]
