"""The files of a world: its log sources, its rule matches and signals, and how new files replace the old."""

import json
import os
import shutil
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import cast

from triage.logtypes import table_of
from triage.sandbox.importing.alerts import Raised
from triage.sandbox.importing.rows import encode
from triage.sandbox.times import iso, parse_time
from triage.sandbox.world import Record

_NAMESPACE = uuid.UUID("8f2e2f0c-6f0a-5d5b-9a51-0d6f3f2b7a10")
_MATCHES = Path("lake/panther_rule_matches")
_SIGNALS = Path("lake/panther_signals/correlation_signals.ndjson")


def write(path: Path, records: Iterable[Mapping[str, object]]) -> None:
    """Write records, one a line."""
    write_lines(path, (encode(record) for record in records))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines as they come."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(line + "\n" for line in lines)


def write_matches(raised: Iterable[Raised], world: Path, out: Path) -> None:
    """Append the rows of new alerts to the rule matches and the signals of a world, as copies below `out`."""
    added: dict[Path, list[str]] = {}
    for each in raised:
        for table, row in each.rows:
            record = cast("Record", json.loads(row.line))
            standard = {name: value for name, value in record.items() if name.startswith("p_")}
            added.setdefault(_MATCHES / f"{table}.ndjson", []).append(encode({**record, **each.match}))
            added.setdefault(_SIGNALS, []).append(encode({**standard, **each.match}))
    for file, lines in added.items():
        target = out / file
        target.parent.mkdir(parents=True, exist_ok=True)
        if (world / file).is_file():
            shutil.copyfile(world / file, target)
        with target.open("a", encoding="utf-8", newline="\n") as stream:
            stream.writelines(line + "\n" for line in lines)


def replace(new: Path, world: Path) -> None:
    """Move files into a world, each at once and its head last: one that is made anew is none before it is whole."""
    for file in sorted(new.rglob("*.*"), key=lambda path: (path.name == "world.json", path)):
        target = world / file.relative_to(new)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(file, target)  # noqa: PTH105 - says that it overwrites


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
