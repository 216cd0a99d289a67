"""Alerts over imported rows, as the user says that they were raised, and the labels that the user gives them.

A label goes to `truth.ndjson` alone: no table, no alert and no rule holds it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal, cast

from pydantic import AwareDatetime, Field, JsonValue, ValidationError

from triage.domain.alert import Severity
from triage.domain.base import Value
from triage.domain.verdict import Disposition
from triage.logtypes import table_of
from triage.logtypes.paths import Part, find, parse_path
from triage.sandbox.importing.event_time import FIRST, LAST
from triage.sandbox.importing.reading import Limits, Rejected, records
from triage.sandbox.importing.rows import LakeRow, RowStore
from triage.sandbox.importing.rules import kind_of
from triage.sandbox.times import iso, lake_time, parse_time
from triage.sandbox.world import Record

MAX_EVENTS = 1_000
"""Rows of one alert; of more, the first count."""
MAX_MATCHES = 20_000
"""Rows that one line may select."""
MAX_ALERTS = 200
"""Most alerts that one line may make."""

_MOST_MINUTES = 366 * 24 * 60
"""A dedup period that a rule's file makes longer counts as a year."""

Scalar = str | int | float | bool | None
WorldTime = Annotated[AwareDatetime, Field(ge=FIRST, lt=LAST)]
"""Limited to the same years as a record's time, because the world's clock follows it."""


class AlertLine(Value):
    """One line of an `--alerts` file: a rule, the rows that it fired on, and what the alert was.

    `row` or `rows` make one alert. `where`, `time`, `since` and `until` select rows of the rule's log types and make an
    alert for each of the rule's dedup periods in which there are any.
    """

    rule: str = Field(min_length=1)
    """Id of a detection of the world."""
    row: str = ""
    """A `p_row_id`."""
    rows: tuple[str, ...] = ()
    where: dict[str, Scalar] = Field(default_factory=dict)
    """Dotted path to value; of a list, one item has to be it."""
    time: WorldTime | None = None
    """Rows of this second."""
    since: WorldTime | None = None
    until: WorldTime | None = None
    log_type: str = ""
    """Default: those of the rule."""

    title: str = ""
    """Default: the rule's name. Rule bodies are not run, so no title is made from the event."""
    severity: Severity | None = None
    status: Literal["OPEN", "TRIAGED", "RESOLVED", "CLOSED"] = "OPEN"
    created: WorldTime | None = None
    """Default: when the first row was parsed. An alert without rows (a policy's) needs it."""
    context: dict[str, JsonValue] = Field(default_factory=dict)
    """What the rule's `alert_context` returned."""

    verdict: Literal["", "malicious", "benign"] = ""
    accept: tuple[Disposition, ...] = ()
    incident: str = ""
    """Alerts of one incident share it."""
    evidence_row_ids: tuple[str, ...] = ()
    """`p_row_id` of the rows that decide it."""
    notes: str = ""

    @property
    def selects(self) -> bool:
        """Whether it looks for its rows."""
        return bool(self.where or self.time or self.since or self.until)


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert with everything that belongs to it."""

    alert: Record
    rows: tuple[tuple[str, LakeRow], ...]
    """Table and row, by time."""
    label: Record | None
    match: Record
    """The columns of a rule match."""


class Unraised(ValueError):
    """A line that makes no alert, and why."""


def read_lines(path: Path, limits: Limits, reject: Rejected) -> Iterator[tuple[int, AlertLine]]:
    """The lines of an `--alerts` file; what is wrong goes to `reject`."""
    for number, record in records(path, limits, reject):
        try:
            yield number, AlertLine.model_validate(record)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            reject(path, number, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")


def raise_alerts(
    line: AlertLine, rules: Mapping[str, Record], rows: RowStore, tables: Mapping[str, Path]
) -> tuple[Raised, ...]:
    """The alerts that a line describes.

    Args:
        line: What the user wrote.
        rules: Detections of the world by id.
        rows: Where rows are looked up; tables are loaded as needed.
        tables: Files of the world's log tables by name.

    Raises:
        Unraised: The rule is not in the world, or no row is what the line says.
    """
    rule = rules.get(line.rule)
    if rule is None:
        raise Unraised(f"the rule {line.rule[:80]!r} is not in the world: import it with --rules")
    searched = _tables(line, rule, {*tables, *rows.tables})
    for table in searched:
        rows.load(table, tables.get(table, Path()))
    named = (line.row, *line.rows) if line.row else line.rows
    found = [_named(row_id, searched, rows) for row_id in dict.fromkeys(named)]
    if line.selects:
        if found:
            raise Unraised("it names rows and also searches for them: use row/rows, or where/time/since/until")
        found = _selected(line, searched, rows)
        groups = list(_windows(found, timedelta(minutes=_minutes(rule))))
        if len(groups) > MAX_ALERTS:
            raise Unraised(f"makes {len(groups)} alerts, more than {MAX_ALERTS}: narrow it")
    elif found:
        groups = [sorted(found, key=lambda each: (each[1].at, each[1].id))]
    elif line.created:
        groups = [[]]
    else:
        raise Unraised("names no row: give row, rows, where, time, or created for an alert without rows")
    return tuple(_raised(line, rule, tuple(group[:MAX_EVENTS])) for group in groups)


def _tables(line: AlertLine, rule: Mapping[str, object], known: Iterable[str]) -> list[str]:
    listed = [line.log_type] if line.log_type else cast("list[str]", rule.get("logTypes") or [])
    wanted = {table_of(log_type) for log_type in listed}
    return sorted(table for table in known if not wanted or table in wanted)


def _named(row_id: str, tables: Iterable[str], rows: RowStore) -> tuple[str, LakeRow]:
    for table in tables:
        row = rows.get(table, row_id)
        if row is not None:
            return table, row
    raise Unraised(f"no row {row_id[:80]!r} in the tables of its log types")


def _selected(line: AlertLine, tables: Iterable[str], rows: RowStore) -> list[tuple[str, LakeRow]]:
    try:
        wanted = [(path, parse_path(path), value) for path, value in line.where.items()]
    except ValueError as error:
        raise Unraised(f"where: {error}") from error
    since, until = line.since, line.until
    if line.time:
        since = line.time.replace(microsecond=0)
        until = since + timedelta(milliseconds=999)
    bounds = (lake_time(since) if since else "", lake_time(until) if until else "~")
    found: list[tuple[str, LakeRow]] = []
    for table in tables:
        fitting = (row for row in rows.ordered(table, *bounds) if _matches(row, wanted))
        found += [(table, row) for row in islice(fitting, MAX_MATCHES + 1 - len(found))]
        if len(found) > MAX_MATCHES:
            raise Unraised(f"selects more than {MAX_MATCHES} rows: narrow it")
    if not found:
        raise Unraised("selects no row in the tables of its log types")
    return sorted(found, key=lambda each: (each[1].at, each[1].id))


def _matches(row: LakeRow, wanted: list[tuple[str, tuple[Part, ...], Scalar]]) -> bool:
    record = json.loads(row.line) if wanted else {}
    return all(any(_equals(node, value) for node in _nodes(record, path, parts)) for path, parts, value in wanted)


def _nodes(record: dict[str, JsonValue], path: str, parts: tuple[Part, ...]) -> Iterator[JsonValue]:
    if path in record:
        yield record[path]
    for _, node in find(record, parts):
        yield node


def _equals(node: JsonValue, value: Scalar) -> bool:
    if isinstance(node, list):
        return any(_equals(item, value) for item in node)
    # `1 == True` in Python, not in a log.
    return node == value and isinstance(node, bool) == isinstance(value, bool)


def _windows(found: list[tuple[str, LakeRow]], period: timedelta) -> Iterator[list[tuple[str, LakeRow]]]:
    """The rows by dedup period: an alert takes in what comes within the period after its first row."""
    group: list[tuple[str, LakeRow]] = []
    end = datetime.min.replace(tzinfo=UTC)
    for each in found:
        at = parse_time(each[1].at)
        if group and at >= end:
            yield group
            group = []
        if not group:
            end = at + period
        group.append(each)
    if group:
        yield group


def _minutes(rule: Mapping[str, object]) -> int:
    minutes = rule.get("dedupPeriodMinutes")
    return min(minutes, _MOST_MINUTES) if isinstance(minutes, int) and minutes > 0 else 60


def _raised(line: AlertLine, rule: Mapping[str, object], rows: tuple[tuple[str, LakeRow], ...]) -> Raised:
    first = json.loads(rows[0][1].line) if rows else {}
    times = [parse_time(row.at) for _, row in rows]
    created = line.created or parse_time(str(first.get("p_parse_time") or rows[0][1].at))
    severity = (line.severity or Severity(str(rule["severity"]))).value
    kind = kind_of(rule)
    named = [line.rule, [row.id for _, row in rows] or iso(created)]
    alert_id = hashlib.sha256(json.dumps(named).encode()).hexdigest()[:32]
    alert: Record = {
        "id": alert_id,
        "title": line.title or str(rule.get("displayName") or line.rule),
        "description": str(rule.get("description") or ""),
        "severity": severity,
        "status": line.status,
        "type": kind,
        "createdAt": iso(created),
        "updatedAt": iso(created),
        "firstEventOccurredAt": iso(times[0]) if times else None,
        "lastReceivedEventAt": iso(times[-1]) if times else None,
        "detectionId": line.rule,
        "detectionType": kind,
        "runbook": str(rule.get("runbook") or ""),
        "reference": "",
        "context": line.context,
        "eventCount": len(rows),
        "assignee": None,
        "updatedBy": None,
    }
    match: Record = {
        "p_alert_id": alert_id,
        "p_alert_creation_time": lake_time(created),
        "p_alert_update_time": lake_time(max([created, *times])),
        "p_rule_id": line.rule,
        "p_rule_severity": str(rule["severity"]),
        "p_alert_severity": severity,
        "p_rule_tags": rule.get("tags") or [],
        "p_rule_reports": rule.get("reports") or {},
        "p_alert_context": line.context,
    }
    return Raised(alert, rows, _label(line, alert_id, str(first.get("p_log_type") or "")), match)


def _label(line: AlertLine, alert_id: str, log_type: str) -> Record | None:
    if not line.verdict:
        return None
    return {
        "alert_id": alert_id,
        "verdict": line.verdict,
        "accept": [verdict.value for verdict in line.accept],
        "incident": line.incident,
        "rule": line.rule,
        "log_type": log_type,
        "tier": "own",
        "evidence_row_ids": list(line.evidence_row_ids),
        "notes": line.notes,
    }
