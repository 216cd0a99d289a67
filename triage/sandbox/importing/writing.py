"""Writes the files of a world."""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

from triage.sandbox.importing.alerts import Raised
from triage.sandbox.importing.rows import encode
from triage.sandbox.world import Record

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
