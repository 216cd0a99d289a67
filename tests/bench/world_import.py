"""Measures the importer: `python tests/bench/world_import.py`.

* indicators: for each log type of the sample worlds, how the `p_any_` columns that the importer finds compare with those
  that the worlds' rows have (recall: of theirs, how many are found; extra: found ones that theirs lack, per row);
* size: records a second and the peak of memory for a small and a ten times larger import.
"""

import gzip
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from triage.sandbox.importing.indicators import indicators

ROOT = Path(__file__).resolve().parents[2]
WORLDS = ROOT.parent / "shared" / "worlds"

CHILD = """
import resource, sys
from pathlib import Path
from triage.sandbox.importing import Logs, Request, import_world
report = import_world(Request(Path(sys.argv[2]), logs=(Logs.cloudtrail(sys.argv[1]),)))
print(report.records_read, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def compare() -> None:
    """Print the comparison of the indicator columns."""
    print(f"{'log type':24} {'column':26} {'theirs':>7} {'found':>7} {'recall':>7} {'extra/row':>9}")
    theirs: Counter[tuple[str, str]] = Counter()
    found: Counter[tuple[str, str]] = Counter()
    extra: Counter[tuple[str, str]] = Counter()
    rows: Counter[str] = Counter()
    for file in sorted(WORLDS.glob("*/lake/panther_logs/*.ndjson")):
        for line in file.read_text(encoding="utf-8").split("\n"):
            if not line:
                continue
            record = json.loads(line)
            log_type = record["p_log_type"]
            rows[log_type] += 1
            made = indicators(record)
            for column in {*made, *(name for name in record if name.startswith("p_any_"))}:
                wanted, have = set(record.get(column) or ()), set(made.get(column, ()))
                theirs[log_type, column] += len(wanted)
                found[log_type, column] += len(wanted & have)
                extra[log_type, column] += len(have - wanted)
    for key in sorted({*theirs, *extra}):
        recall = f"{found[key] / theirs[key]:.3f}" if theirs[key] else "-"
        print(f"{key[0]:24} {key[1]:26} {theirs[key]:7} {found[key]:7} {recall:>7} {extra[key] / rows[key[0]]:9.2f}")
    total = sum(theirs.values())
    print(
        f"all: recall {sum(found.values()) / total:.3f} of {total}, extra {sum(extra.values()) / rows.total():.2f} a row"
    )


def write_logs(path: Path, count: int) -> None:
    """A gzip file as AWS delivers it."""
    with gzip.open(path, "wt", compresslevel=1) as stream:
        stream.write('{"Records":[')
        for number in range(count):
            record = {
                "eventVersion": "1.09",
                "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_780_000_000 + (number * 7919) % 86_400)),
                "eventSource": "s3.amazonaws.com",
                "eventName": "GetObject",
                "sourceIPAddress": f"198.51.100.{number % 250}",
                "userIdentity": {"type": "IAMUser", "userName": "worker", "accountId": "111122223333"},
                "requestParameters": {"bucketName": "reports", "key": f"part-{number}", "padding": "x" * 400},
                "eventID": f"{number:032x}",
            }
            stream.write(("," if number else "") + json.dumps(record))
        stream.write("]}")


def weigh() -> None:
    """Print speed and memory."""
    for count in (5_000, 50_000):
        with tempfile.TemporaryDirectory() as folder:
            logs = Path(folder) / "trail.json.gz"
            write_logs(logs, count)
            started = time.perf_counter()
            ran = subprocess.run(
                [sys.executable, "-c", CHILD, str(logs), str(Path(folder) / "world")],
                cwd=ROOT, capture_output=True, text=True, check=True,
            )  # fmt: skip
            seconds = time.perf_counter() - started
            read, peak = ran.stdout.split()
            print(f"{read} records: {seconds:.1f} s, {int(read) / seconds:.0f} records a second, peak {peak} MiB")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    if WORLDS.is_dir():
        compare()
    else:
        print("the sample worlds are not here: no comparison")
    weigh()
