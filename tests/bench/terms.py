"""Compares each term in the lake with the same term in the event, on published events: `python -m tests.bench.terms`.

A term says one thing twice, in SQL and as paths; a log type whose two ways differ loses its history. Needs the shared
data beside the project (`../shared/data/rule_tests.ndjson`, or `TRIAGE_SHARED`). A few published events hold
placeholders (`redacted`) or an object for a text; one in a hundred may differ. Exit status 1 where more do.
"""

import json
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.logtypes import published_events, terms_in
from tests.support.small_lake import RULE, event_at, write_lake
from triage.logtypes import shipped_log_types, table_of, terms_of
from triage.logtypes.load import log_type_files
from triage.sandbox.lake import DuckLake
from triage.sandbox.world import load_world

NOW = datetime(2026, 3, 4, 15, tzinfo=UTC)
YES_OR_NO = ("refused", "failed", "second_factor", "verified")
"""Terms that are a condition in SQL; in an event, any value means yes."""


def differences(folder: Path, log_types: Iterable[str]) -> Iterator[tuple[str, str, int, int]]:
    """Each term whose SQL and `take` disagree on rows of a world: log type, term, rows that differ, and all rows."""
    lake = DuckLake(load_world(folder, as_recorded=True))
    for log_type in log_types:
        table = table_of(log_type)
        lines = (folder / f"lake/panther_logs/{table}.ndjson").read_text(encoding="utf-8").splitlines()
        events = {event["p_row_id"]: terms_in(event) for event in map(json.loads, lines)}
        terms = {name: term.sql for name, term in terms_of(log_type).items() if term.take}
        columns = ", ".join(f"{sql} AS {name}_term" for name, sql in terms.items())
        rows = lake.run(f"SELECT p_row_id, {columns} FROM panther_logs.public.{table}").rows
        assert len(rows) == len(events)
        for name in terms:
            pairs = [(row[f"{name}_term"] or "", events[str(row["p_row_id"])].get(name, "")) for row in rows]
            if name in YES_OR_NO:
                differ = [pair for pair in pairs if bool(pair[0]) != bool(pair[1])]
            else:
                # Where an event lacks all parts of a text, the lake still gives what joins them.
                differ = [pair for pair in pairs if pair[0] != pair[1] and str(pair[0]).strip(" /")]
            if differ:
                yield log_type, name, len(differ), len(rows)
    lake.close()


def write_published(folder: Path, log_types: Collection[str] = ()) -> list[str]:
    """Write a world of the published events of these log types, or of all with terms, and give those that have some."""
    named = {file.log_type for file in shipped_log_types() if file.terms}
    wanted = named & set(log_types) if log_types else named
    return write_events(folder, {log_type: published_events(log_type) for log_type in sorted(wanted)})


def write_events(folder: Path, events: Mapping[str, Iterable[Mapping[str, Any]]]) -> list[str]:
    """Write a world of events by log type, and give the log types that have some."""
    write_lake(folder, now=NOW, rule=RULE, at=NOW, matched=event_at(NOW, 0, RULE["logTypes"][0]), others=[])
    written = []
    for log_type, each in events.items():
        file = log_type_files(log_type)[0]
        # A table has each column once, and events are published in the letter case of more than one lake.
        spelled = {name.casefold(): name for names in file.columns.values() for name in names}
        rows = []
        for number, event in enumerate(each):
            own = [(name, value) for name, value in event.items() if not name.startswith("p_")]
            columns = {spelled.setdefault(name.casefold(), name): value for name, value in own}
            rows.append(columns | event_at(NOW, number, log_type))
        if rows:
            lines = "".join(json.dumps(row) + "\n" for row in rows)
            (folder / f"lake/panther_logs/{table_of(log_type)}.ndjson").write_text(lines, encoding="utf-8")
            written.append(log_type)
    return written


def main() -> int:
    """Print what differs."""
    with tempfile.TemporaryDirectory() as folder:
        log_types = write_published(Path(folder))
        found = list(differences(Path(folder), log_types))
    for log_type, name, differ, rows in found:
        print(f"{log_type:32} {name:10} {differ:4} of {rows}")
    print(f"{len(log_types)} log types looked at")
    return 1 if any(differ > rows / 100 for _, _, differ, rows in found) else 0


if __name__ == "__main__":
    sys.exit(main())
