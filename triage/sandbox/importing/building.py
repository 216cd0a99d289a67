"""Puts what was read into a world directory: complete, or not at all."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from pydantic import JsonValue

from triage.errors import ConfigError
from triage.logtypes import table_of
from triage.sandbox.importing.alerts import AlertLine, Raised, Unraised, raise_alerts, read_lines
from triage.sandbox.importing.event_time import event_time
from triage.sandbox.importing.interface import ImportReport, ImportRequest, Logs
from triage.sandbox.importing.reading import LOG_FILES, files, records
from triage.sandbox.importing.rows import RowStore, Unfit, make_row
from triage.sandbox.importing.rules import read_rules
from triage.sandbox.importing.world_files import note_delivery, replace, source_of, write, write_lines, write_matches
from triage.sandbox.times import iso, parse_time
from triage.sandbox.world import Record, World, load_world

_SCRATCH = ".import-"
_OWN_TIMES = ("createdAt", "lastModified", "createdBy")


def import_world(request: ImportRequest) -> ImportReport:
    """Make a world, or extend one.

    Logs first, then rules, then alerts over both. Files are replaced one by one when everything has been read; a world
    that gets nothing new keeps its bytes.

    Raises:
        ConfigError: A path is wrong, the world cannot be read or written, or nothing at all could be imported from some
            kind of input.
    """
    world = load_world(request.into, as_recorded=True) if (request.into / "world.json").is_file() else None
    existed = request.into.is_dir()
    # An import that was killed leaves its scratch directory behind, and nothing else.
    if world is None and existed and any(not path.name.startswith(_SCRATCH) for path in request.into.iterdir()):
        raise ConfigError(f"{request.into} is neither empty nor a world (world.json is missing)")
    try:
        request.into.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=_SCRATCH, dir=request.into) as scratch, RowStore(Path(scratch)) as rows:
            work = _Import(request, world, rows, Path(scratch) / "new")
            report = work.run()
            if report.changed:
                replace(Path(scratch) / "new", request.into)
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"--into: {request.into} cannot be written ({reason})") from error
    finally:
        if not existed and request.into.is_dir() and not any(request.into.iterdir()):
            request.into.rmdir()
    return report


@dataclass(slots=True)
class _Import:
    request: ImportRequest
    world: World | None
    rows: RowStore
    out: Path
    report: ImportReport = field(default_factory=ImportReport)
    sources: dict[str, Record] = field(default_factory=dict)
    rules: dict[str, Record] = field(default_factory=dict)
    alerts: dict[str, Record] = field(default_factory=dict)

    def run(self) -> ImportReport:
        if self.world is not None:
            self.sources = dict(self.world.sources)
            self.rules = dict(self.world.rules)
            self.alerts = dict(self.world.alerts)
        for logs in self.request.logs:
            self._logs(logs)
        if self.request.logs and not self.report.records_read:
            self._nothing("the log files hold no record that can be imported", 0)
        for directory in self.request.rules:
            self._rules(directory)
        raised = self._alerts()
        labels = self._labels(raised)
        self._write(raised, labels)
        return self.report

    def _table_file(self, table: str) -> Path:
        return self.request.into / "lake" / "panther_logs" / f"{table}.ndjson"

    # ---- Logs ----------------------------------------------------------------------------------------------------

    def _logs(self, logs: Logs) -> None:
        table = table_of(logs.log_type)
        self.rows.load(table, self._table_file(table))
        source = source_of(logs.log_type, self.sources)
        named = self.request.time_fields.get(logs.log_type) or self.request.time_fields.get("", "")

        def find_time(record: Mapping[str, JsonValue]) -> datetime | None:
            return event_time(record, table, named) or self.request.undated

        for file in files(logs.path, LOG_FILES, self._skipped):
            for number, record in records(file, self.request.limits, self.report.reject):
                if logs.delivered and not record.keys() & {"eventName", "eventType"}:
                    self.report.reject(file, number, "not a CloudTrail record")
                    continue
                try:
                    added = self.rows.add(table, make_row(record, logs.log_type, source, find_time))
                except Unfit as unfit:
                    self.report.reject(file, number, str(unfit))
                    continue
                self.report.records_read += 1
                self.report.duplicates += not added

    def _skipped(self, _path: Path) -> None:
        self.report.skipped_files += 1

    def _nothing(self, text: str, rejected: int) -> None:
        """Raises ConfigError, with the first reason where there is one."""
        left_out = self.report.rejected - rejected
        named = self.report.problems[rejected : rejected + 1]
        such = f", such as {named[0]}" if named else ""
        raise ConfigError(f"{text}; {left_out} left out{such}" if left_out else text)

    # ---- Rules ---------------------------------------------------------------------------------------------------

    def _rules(self, directory: Path) -> None:
        before, rejected = self.report.rules_read, self.report.rejected

        def left_aside(kind: str) -> None:
            self.report.not_detections[kind] = self.report.not_detections.get(kind, 0) + 1

        for kind, rule in read_rules(directory, reject=self.report.reject, left_aside=left_aside):
            self.report.rules_read += 1
            self.report.rules_by_kind[kind] = self.report.rules_by_kind.get(kind, 0) + 1
            known = self.rules.get(str(rule["id"]))
            whole = {**rule, **{name: known[name] for name in _OWN_TIMES if known and name in known}}
            self.report.rules_added += known is None
            self.report.rules_changed += known is not None and known != whole
            self.rules[str(rule["id"])] = whole
        if self.report.rules_read == before:
            self._nothing(f"--rules: {directory} holds no detection that can be imported", rejected)

    # ---- Alerts and labels ---------------------------------------------------------------------------------------

    def _alerts(self) -> list[Raised]:
        tables = {file.stem: file for file in (self.request.into / "lake" / "panther_logs").glob("*.ndjson")}
        raised: dict[str, Raised] = {}
        for given in self.request.alerts:
            line = AlertLine(rule=given.rule, row=given.row, verdict=given.verdict)
            self._raise(line, tables, raised, Path("--alert"), 0)
        for path in self.request.alert_files:
            if not path.is_file():
                raise ConfigError(f"--alerts: {path} is not there")
            before, rejected = len(raised), self.report.rejected
            for number, line in read_lines(path, self.request.limits, self.report.reject):
                self._raise(line, tables, raised, path, number)
            if len(raised) == before:
                self._nothing(f"--alerts: {path} gives no alert", rejected)
        if self.request.alerts and not raised:
            self._nothing("--alert: none can be raised", 0)
        for each in raised.values():
            alert_id = str(each.alert["id"])
            self.report.alerts_added += alert_id not in self.alerts
        return list(raised.values())

    def _raise(
        self, line: AlertLine, tables: Mapping[str, Path], raised: dict[str, Raised], path: Path, number: int
    ) -> None:
        try:
            found = raise_alerts(line, self.rules, self.rows, tables)
        except Unraised as error:
            self.report.reject(path, number, str(error))
            return
        for each in found:
            raised.setdefault(str(each.alert["id"]), each)

    def _labels(self, raised: Iterable[Raised]) -> dict[str, Record]:
        """The labels of the world with those that are new; counts what changes."""
        path = self.request.into / "truth.ndjson"
        labels = {}
        if path.is_file():
            for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
                if line.strip():
                    labels[self._label_id(line, path, number)] = cast("Record", json.loads(line))
        for each in raised:
            if each.label is None:
                continue
            alert_id = str(each.alert["id"])
            known = labels.get(alert_id)
            # Fields that the user leaves empty here may already be in the file.
            said = {name: value for name, value in each.label.items() if value or name not in (known or {})}
            whole = {**(known or {}), **said}
            self.report.labels_added += known is None
            self.report.labels_changed += known is not None and known != whole
            labels[alert_id] = whole
        self.report.labels = len(labels)
        return labels

    @staticmethod
    def _label_id(line: str, path: Path, number: int) -> str:
        try:
            return str(json.loads(line)["alert_id"])
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{path}:{number}: not a label") from error

    # ---- Writing -------------------------------------------------------------------------------------------------

    def _write(self, raised: list[Raised], labels: Mapping[str, Record]) -> None:
        new = [each for each in raised if str(each.alert["id"]) not in self.alerts]
        newest = self._write_tables()
        write_matches(new, self.request.into, self.out)
        self.alerts.update({str(each.alert["id"]): each.alert for each in new})
        self.report.alerts = len(self.alerts)
        created = [parse_time(str(each.alert["createdAt"])) for each in new]
        head = self._head([*newest, *created])
        listed = sorted(self.alerts.values(), key=lambda alert: (str(alert["createdAt"]), str(alert["id"])))
        write(self.out / "alerts.ndjson", listed)
        write(self.out / "rules.ndjson", (self.rules[name] for name in sorted(self.rules)))
        write(self.out / "sources.ndjson", (self.sources[name] for name in sorted(self.sources)))
        if labels:
            write(self.out / "truth.ndjson", labels.values())
        (self.out / "world.json").write_text(json.dumps(head, indent=1) + "\n", encoding="utf-8")

    def _write_tables(self) -> list[datetime]:
        """Write each table that has new rows, bring sources up to date, and give the newest times."""
        firsts, newest = [], []
        for table, added in sorted(self.rows.tables.items()):
            count, first, last = self.rows.span(table)
            self.report.tables[table] = count
            if last:
                firsts.append(first)
                newest.append(parse_time(last))
                note_delivery(self.sources, table, parse_time(last))
            if added:
                self.report.records_added[table] = added
                write_lines(
                    self.out / "lake" / "panther_logs" / f"{table}.ndjson",
                    (row.line for row in self.rows.ordered(table)),
                )
        if newest:
            self.report.first, self.report.last = min(firsts), iso(max(newest))
            self.report.first = iso(parse_time(self.report.first)) if self.report.first else ""
        return newest

    def _head(self, moments: list[datetime]) -> Record:
        """`world.json`: the moment is after everything that happened."""
        known = self.world.now if self.world is not None else None
        after = max((moment.replace(microsecond=0) + timedelta(seconds=1) for moment in moments), default=None)
        wanted = self.request.now
        if wanted is not None and after is not None and wanted < after:
            raise ConfigError(f"--now: {iso(wanted)} is before the newest record or alert; at least {iso(after)}")
        if wanted is None and known is None and after is None:
            # Rules alone: a world in which nothing has happened yet.
            wanted = datetime(2000, 1, 1, tzinfo=UTC)
        now = wanted or max(moment for moment in (known, after) if moment is not None)
        self.report.now = now.astimezone(UTC).isoformat().replace("+00:00", "Z")
        org = self.request.org or (self.world.org if self.world is not None else "imported")
        self.report.head_changed = self.world is not None and (now, org) != (self.world.now, self.world.org)
        return {"now": self.report.now, "org": org}
