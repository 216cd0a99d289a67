"""What comments say of labelled alerts: `python tests/bench/story.py [WORLD ...]`.

Enriches every labelled alert of the worlds beside the project (or in TRIAGE_SHARED), and prints how many words the comments
have, and in how many stories stands an event that decides the alert by its label (`evidence_row_ids`). `--texts` prints
each comment. An event stands in the story if a line tells an act of its log, of its name and at its time.
"""

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import Iterable
from datetime import UTC, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.worlds import SHARED, Case, labelled_worlds, run
from triage.domain.base import Row
from triage.domain.times import parse_time
from triage.domain.verdict import Analyst, Investigation
from triage.edges.prompts import load_prompts
from triage.logtypes import terms_of
from triage.logtypes.terms import take
from triage.settings import WritebackSettings
from triage.stages.reporting.comment import build_report, count_words
from triage.stages.reporting.story import StoryLine, tell_story

SLACK = timedelta(seconds=3)


def lake_rows(world: Path) -> dict[str, Row]:
    """Every row of a world's lake, by its id."""
    found = {}
    for path in (world / "lake").rglob("*.ndjson"):
        with path.open(encoding="utf-8") as lines:
            rows = map(json.loads, lines)
            found |= {row["p_row_id"]: row for row in rows if "p_row_id" in row}
    return found


def tells(lines: Iterable[StoryLine], row: Row) -> bool:
    """Whether a line tells an event."""
    log_type, at = str(row.get("p_log_type")), parse_time(row.get("p_event_time"))
    terms = terms_of(log_type)
    action = take(row, terms["action"].take).casefold() if "action" in terms else ""
    return at is not None and any(
        act.log_type == log_type
        and act.at - SLACK <= at <= act.until + SLACK
        and (act.raw_action.casefold() == action or act.raw_action.startswith("sign-in"))
        for line in lines
        for act in line.acts
    )


def investigation(case: Case) -> Investigation:
    """A case as the store would hold it."""
    dossier = case.dossier
    return Investigation(
        run_id="bench",
        alert_id=dossier.alert.id,
        analyst=Analyst.OFFLINE,
        started_at=dossier.now,
        finished_at=dossier.now,
        verdict=case.verdict,
        evidence=dossier.evidence,
        signals=dossier.signals,
        entities=dossier.entities,
    )


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worlds", nargs="*")
    parser.add_argument("--texts", action="store_true")
    given = parser.parse_args()
    names = given.worlds or sorted(path.name for path in (SHARED / "worlds").glob("*") if path.is_dir())
    prompts, counted = load_prompts(), {"brief": list[int](), "standard": list[int]()}
    told = judged = 0
    for _, world, labels in labelled_worlds(names):
        rows = lake_rows(world)
        for case in asyncio.run(run(world, labels)):
            found, alert = investigation(case), case.dossier.alert
            for length, words in counted.items():
                settings = WritebackSettings.model_validate({"length": length})
                text = build_report(alert, found, prompts=prompts, settings=settings).text
                words.append(count_words(text.rsplit("triage-marker:", 1)[0]))
                if given.texts and length == "brief":
                    print(f"{text}\n")
            ids = case.label.get("evidence_row_ids")
            deciding = [rows[str(each)] for each in ids if str(each) in rows] if isinstance(ids, list) else []
            if deciding:
                judged += 1
                story = tell_story(alert, found, zone=UTC)
                told += any(tells(story.lines, row) for row in deciding)
    for length, words in counted.items():
        print(f"{length}: median {statistics.median(words):.0f} words, at most {max(words)}, of {len(words)} comments")
    print(f"alerts with a deciding event in the story: {told} of {judged}")


if __name__ == "__main__":
    main()
