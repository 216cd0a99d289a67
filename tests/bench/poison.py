"""Measure what an intruder gains by preparing the ground: `python tests/bench/poison.py [WORLD ...] [--modes ...]`.

Each labelled alert of a world is judged by the offline analyst as it is, and again in copies of the world in which
whoever acted has written rows to look harmless. `evaluation` is the set that ships, the other worlds are samples; these,
and the tool that writes most of the copies, are no part of the project: they are read from the directory beside it, or
where TRIAGE_SHARED points. A copy takes about five seconds on an idle core; `--every` judges a part of the alerts.

| mode | on | what was written |
|---|---|---|
| rehearse | malicious | the alert's acts on three earlier days |
| resolved, triaged | malicious | the same, and people handled or triaged the alerts on those days |
| flood-action, flood-address | malicious | 250 harmless calls right after the first event |
| testcall | malicious | one harmless call from the same place days before |
| bot | malicious | three events of a routine actor join the alert |
| crowd | malicious | 120 of them, before the first event |
| intruder | benign | a stranger's event joins the alert, and harm follows it |

No malicious alert may get a softer verdict than without, and no benign one may stay benign with an intruder in it.
"""

import argparse
import asyncio
import copy
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.worlds import ORDER, SHARED, Case, labelled_worlds, run
from triage.logtypes import terms_of
from triage.stages.enrichment.actor import take

TOOL = SHARED / "tools" / "poison_world.py"
REHEARSED = (11, 8, 5)
MODES: dict[str, list[str] | None] = {
    "rehearse": ["rehearse", ",".join(map(str, REHEARSED))],
    "resolved": ["rehearse", ",".join(map(str, REHEARSED))],
    "triaged": ["rehearse", ",".join(map(str, REHEARSED))],
    "flood-action": ["flood", "250", "action"],
    "flood-address": ["flood", "250", "address"],
    "testcall": ["testcall", "4"],
    "bot": None,
    "crowd": None,
    "intruder": ["intruder"],
}
"""The tool's arguments; without any, this file writes the copy itself."""
CLOUDTRAIL_ONLY = {"testcall", "intruder"}
BOT_EVENTS = {"bot": 3, "crowd": 120}
Row = dict[str, Any]


def read(path: Path) -> list[Row]:
    """The records of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def append(path: Path, rows: Iterable[Row]) -> None:
    """Add records to a file."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def moved(row: Row, by: timedelta, **changes: object) -> Row:
    """A record at another time, by Panther's column alone."""
    at = datetime.fromisoformat(str(row["p_event_time"])[:26]) + by
    return {**copy.deepcopy(row), "p_event_time": at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3], **changes}


def matches(world: Path, alert: str) -> tuple[str, list[Row]]:
    """The table of an alert's events, and the events, oldest first."""
    for path in sorted((world / "lake/panther_rule_matches").glob("*.ndjson")):
        found = [row for row in read(path) if row.get("p_alert_id") == alert]
        if found:
            return path.stem, sorted(found, key=lambda row: str(row["p_event_time"]))
    return "", []


def judge_rehearsals(world: Path, alert: str, status: str) -> None:
    """Each rehearsal raised an alert of the same detection, and a person gave it this status."""
    table, events = matches(world, alert)
    known = next(each for each in read(world / "alerts.ndjson") if each["id"] == alert)
    person = next(iter(read(world / "users.ndjson")), {"id": "someone"})
    for days in REHEARSED:
        back, name = -timedelta(days=days), f"{days:02d}{alert[2:]}"
        append(
            world / f"lake/panther_rule_matches/{table}.ndjson",
            [moved(row, back, p_alert_id=name, p_row_id=f"{days:02d}{row['p_row_id'][2:]}") for row in events],
        )
        times = {
            key: (datetime.fromisoformat(known[key]) + back).isoformat()
            for key in ("createdAt", "firstEventOccurredAt", "lastReceivedEventAt")
            if known.get(key)
        }
        by = {"id": person["id"], "type": "user"}
        append(world / "alerts.ndjson", [{**known, **times, "id": name, "status": status, "updatedBy": by}])


def add_bot(world: Path, alert: str, count: int) -> bool:
    """Events of the log's most regular actor other than the alert's own join the alert; false where there is none."""
    table, events = matches(world, alert)
    terms = terms_of(str(events[0].get("p_log_type") or "")) if events else {}
    if "actor" not in terms:
        return False
    own = {take(row, terms["actor"].take) for row in events}
    days: dict[str, set[str]] = {}
    last: dict[str, Row] = {}
    for row in read(world / f"lake/panther_logs/{table}.ndjson"):
        who = take(row, terms["actor"].take)
        if who and who not in own:
            days.setdefault(who, set()).add(str(row["p_event_time"])[:10])
            last[who] = row
    if not days:
        return False
    bot = last[max(days, key=lambda who: len(days[who]))]
    start = datetime.fromisoformat(str(events[0]["p_event_time"])[:26])
    shift = start - datetime.fromisoformat(str(bot["p_event_time"])[:26]) - timedelta(minutes=3)
    marks = {key: value for key, value in events[0].items() if key.startswith(("p_rule", "p_alert"))}
    found = [moved(bot, shift + timedelta(seconds=number), p_row_id=f"{number:032x}") for number in range(count)]
    append(world / f"lake/panther_logs/{table}.ndjson", found)
    append(world / f"lake/panther_rule_matches/{table}.ndjson", [{**row, **marks} for row in found])
    alerts = read(world / "alerts.ndjson")
    for each in alerts:
        if each["id"] == alert:
            each["firstEventOccurredAt"] = str(found[0]["p_event_time"]).replace(" ", "T") + "Z"
            each["eventCount"] = (each.get("eventCount") or 1) + count
    (world / "alerts.ndjson").write_text("".join(json.dumps(each) + "\n" for each in alerts), encoding="utf-8")
    return True


def poisoned(world: Path, out: Path, alert: str, mode: str) -> bool:
    """Write the copy; false where the mode doesn't apply to the alert."""
    table, events = matches(world, alert)
    if not events or (mode in CLOUDTRAIL_ONLY and table != "aws_cloudtrail"):
        return False
    arguments = MODES[mode]
    if arguments is None:
        subprocess.run(["cp", "-r", str(world), str(out)], check=True)
        return add_bot(out, alert, BOT_EVENTS[mode])
    made = subprocess.run(
        [sys.executable, str(TOOL), str(world), str(out), alert, *arguments],
        capture_output=True,
        check=False,
        text=True,
    )
    if made.returncode:
        print(f"  {alert}: {made.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return False
    if mode in {"resolved", "triaged"}:
        judge_rehearsals(out, alert, mode.upper())
    return True


def measure(world: Path, before: Case, mode: str) -> Case | None:
    """The same alert in the copy."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "world"
        if not poisoned(world, out, str(before.label["alert_id"]), mode):
            return None
        return asyncio.run(run(out, [dict(before.label)]))[0]


def details(case: Case) -> None:
    """Why."""
    for signal in case.dossier.signals:
        sign = "+" if signal.direction.value == "malicious" else "-"
        print(f"        {sign}{signal.weight:.2f} {signal.name} {signal.subject}: {signal.sentence}")


def main() -> int:
    """Parse, run, and say how many verdicts got softer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worlds", nargs="*", help="`evaluation`, or names of samples; default: all samples")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="one alert in so many")
    parser.add_argument("--modes", nargs="+", choices=sorted(MODES), default=list(MODES))
    parser.add_argument("--signals", action="store_true", help="what was measured where a verdict got softer")
    given = parser.parse_args()
    if not TOOL.is_file():
        print(f"not measured: {TOOL} is not here", file=sys.stderr)
        return 0
    names = given.worlds or sorted(path.stem for path in (SHARED / "truth").glob("*.ndjson") if "." not in path.stem)
    counted: Counter[tuple[str, str]] = Counter()
    for name, world, truth in labelled_worlds(names):
        judged = {
            wanted: asyncio.run(run(world, [each for each in truth if each["verdict"] == wanted][:: given.every]))
            for wanted in {wanted_of(mode) for mode in given.modes}
        }
        for mode in given.modes:
            wanted = wanted_of(mode)
            for before in judged[wanted]:
                after = measure(world, before, mode)
                if after is None:
                    continue
                counted[mode, "alerts"] += 1
                softer = ORDER.index(after.said) > ORDER.index(before.said)
                if after.said == "benign" if wanted == "benign" else softer:
                    counted[mode, "lost"] += 1
                    counted[mode, "benign"] += after.said == "benign"
                    label = before.label.get("case") or before.label.get("incident") or before.label["alert_id"]
                    print(f"{mode:<14}{name:<12}{label!s:<24}{before.said} -> {after.said}", flush=True)
                    if given.signals:
                        details(before)
                        print("        --")
                        details(after)
            print(f"{mode:<14}{name:<12}done; so far {row(counted, mode)}", file=sys.stderr, flush=True)
    print(f"\n{'mode':<14}{'alerts':>8}{'softer':>8}{'benign':>8}")
    for mode in given.modes:
        print(f"{mode:<14}{row(counted, mode)}")
    return 0


def wanted_of(mode: str) -> str:
    """The label of the alerts that a mode is about."""
    return "benign" if mode == "intruder" else "malicious"


def row(counted: Counter[tuple[str, str]], mode: str) -> str:
    """How many alerts, how many of them with a softer verdict, and called benign."""
    return "".join(f"{counted[mode, what]:>8}" for what in ("alerts", "lost", "benign"))


if __name__ == "__main__":
    sys.exit(main())
