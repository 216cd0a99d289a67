"""Measure the offline analyst on labelled worlds: `python tests/bench/worlds.py [WORLD ...]`.

Serves each world with the embedded Panther, enriches every labelled alert, drafts, verifies and adjudicates, and
prints for each world: the confusion matrix, recall of malicious, rejection of benign, abstentions, and the baselines
always-malicious, severity-only and detection-prior. Without arguments: the generated world, and those beside the
project (or in TRIAGE_SHARED) where they are present. `evaluation` is the large generated set, with its operator's list
(minutes rather than seconds); `unseen`, `unseen-a` and `unseen-b` are those of `tools/worlds` that no rule was made with.

`--alerts` prints a line for each alert; `--signals` its signals too.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).parents[2]))

import yaml
from pydantic import JsonValue

from tools.worlds import ALLOWED_FILE, Set, generate
from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence, Source
from triage.domain.sql import ReadOnlyQuery
from triage.domain.verdict import Draft, Verdict
from triage.edges.clock import FixedStartClock
from triage.edges.panther.client import connect
from triage.edges.panther.config import PantherConfig
from triage.ports import Lake, QueryLimits, QueryResult
from triage.questions.plans import Plans
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world
from triage.settings import InvestigationSettings
from triage.stages.decision import adjudicate
from triage.stages.enrichment import Enricher, Playbooks, load_playbooks
from triage.stages.investigation.offline import offline_draft
from triage.stages.verification import verify

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("TRIAGE_SHARED", ROOT.parent / "shared"))
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ORDER = ("malicious", "suspicious", "inconclusive", "benign")


class NoJournal:
    """Performs each step and keeps nothing."""

    async def step(self, key: str, kind: str, perform: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        """Perform."""
        return await perform()


@dataclass(slots=True)
class CountingLake:
    """Passes statements on and counts them."""

    lake: Lake
    statements: int = 0

    async def run_query(self, query: ReadOnlyQuery, *, limits: QueryLimits) -> QueryResult:
        """Count and pass on."""
        self.statements += 1
        return await self.lake.run_query(query, limits=limits)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.lake, name)


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled alert and what came of it."""

    label: Mapping[str, JsonValue]
    severity: str
    dossier: Dossier
    draft: Draft
    verdict: Verdict
    seconds: float
    statements: int
    """Sent to the lake, nothing being shared with other alerts."""

    @property
    def truth(self) -> str:
        return str(self.label["verdict"])

    @property
    def said(self) -> str:
        return self.verdict.disposition.value

    @property
    def accepted(self) -> bool:
        accept = self.label.get("accept")
        return self.said in (accept if isinstance(accept, list) else [accept])


def labelled_worlds(
    names: Iterable[str] = (), *, seed: int = 1
) -> Iterator[tuple[str, Path, list[dict[str, JsonValue]]]]:
    """Worlds by name with their labels: `generated`, a set of `tools/worlds`, and those beside the project; without names,
    `generated` and those beside the project.
    """
    found = sorted(path.stem for path in (SHARED / "truth").glob("*.ndjson") if "." not in path.stem)
    if not found:
        print(f"no labelled worlds in {SHARED}: only the generated one is measured", file=sys.stderr)
    with tempfile.TemporaryDirectory() as scratch:
        for name in list(names) or ["generated", *found]:
            if name == "generated" or name in set(Set):
                which = Set.DEMO if name == "generated" else Set(name)
                path = generate(Path(scratch) / name, seed=seed, now=NOW, which=which)
                labels = path / "truth.ndjson"
            else:
                path, labels = SHARED / "worlds" / name, SHARED / "truth" / f"{name}.ndjson"
            yield name, path, [json.loads(line) for line in labels.read_text("utf-8").splitlines() if line.strip()]


@cache
def shipped_playbooks() -> Playbooks:
    """Those of the repository; reading them takes as long as an alert."""
    return load_playbooks([ROOT / "prompts" / "playbooks"])


async def run(path: Path, truth: list[dict[str, JsonValue]]) -> list[Case]:
    """Every labelled alert of a world, under the operator's list that the world brings, if it brings one."""
    world = load_world(path, as_recorded=True)
    listed = path / ALLOWED_FILE
    allowed = yaml.safe_load(listed.read_text(encoding="utf-8")) if listed.is_file() else []
    settings = InvestigationSettings.model_validate({"allowed": allowed})
    cases = []
    with SandboxServer(world) as server:
        clock = FixedStartClock(world.now)
        config = PantherConfig(url=server.url, token="sandbox-token", requests_per_second=1e6)
        async with connect(config, clock=clock) as panther:
            lake = CountingLake(panther.lake)
            playbooks = shipped_playbooks()
            counted = replace(panther, lake=cast("Lake", lake))
            plans = Plans().current
            room = Enricher(panther=counted, playbooks=playbooks, settings=settings, clock=clock, plans=plans)
            for label in truth:
                start, sent = time.monotonic(), lake.statements
                alert = await panther.alerts.alert(str(label["alert_id"]))
                dossier = await room.enrich(alert, now=world.now, journal=NoJournal(), observe=lambda _: None)
                draft = offline_draft(dossier)
                findings = verify(draft.findings, dossier.evidence)
                verdict = adjudicate(draft, findings, dossier.signals, dossier.evidence)
                spent = time.monotonic() - start
                cases.append(Case(label, alert.severity.value, dossier, draft, verdict, spent, lake.statements - sent))
    return cases


def share(found: int, of: int) -> str:
    """`3/4 (75 %)`."""
    return f"{found}/{of} ({100 * found / of:.0f} %)" if of else "-"


def report(name: str, cases: list[Case]) -> None:
    """Print one world's figures."""
    print(f"\n== {name}: {len(cases)} alerts, {sum(case.seconds for case in cases):.1f} s")
    print(f"{'truth':<12}" + "".join(f"{said:>14}" for said in ORDER))
    for truth in ("malicious", "benign"):
        counted = Counter(case.said for case in cases if case.truth == truth)
        print(f"{truth:<12}" + "".join(f"{counted[said]:>14}" for said in ORDER))
    silent = [case for case in cases if case.label.get("absence")]
    plain = [case for case in cases if not case.label.get("absence")]
    bad = [case for case in plain if case.truth == "malicious"]
    good = [case for case in plain if case.truth == "benign"]
    print("without the alerts whose decisive log is silent:")
    print(f"  recall of malicious          {share(sum(case.said == 'malicious' for case in bad), len(bad))}")
    print(f"  … counting suspicious        {share(sum(case.said in ORDER[:2] for case in bad), len(bad))}")
    print(f"  benign called benign         {share(sum(case.said == 'benign' for case in good), len(good))}")
    print(f"  benign called malicious      {share(sum(case.said == 'malicious' for case in good), len(good))}")
    print(f"  malicious called benign      {share(sum(case.said == 'benign' for case in bad), len(bad))}")
    print(f"  abstentions                  {share(sum(case.said == 'inconclusive' for case in plain), len(plain))}")
    print(f"accepted by the label (all)    {share(sum(case.accepted for case in cases), len(cases))}")
    if silent:
        print(f"silent log: neither extreme    {share(sum(case.accepted for case in silent), len(silent))}")
    sure = [case for case in cases if not case.label.get("inferred")]
    if len(sure) < len(cases):
        print(f"accepted, without inferred     {share(sum(case.accepted for case in sure), len(sure))}")
    for line in baselines(cases):
        print(line)
    issues = Counter(issue.code.value for case in cases for issue in case.verdict.issues)
    failed = Counter(entry.key for case in cases for entry in case.dossier.evidence if entry.error)
    print(f"issues {dict(issues)}; questions without an answer {dict(failed)}")
    print(absences(cases))
    queries = [sum(1 for entry in case.dossier.evidence if entry.sql) for case in cases]
    print(f"questions per alert: {min(queries)} to {max(queries)}")
    sent = sorted(case.statements for case in cases)
    print(f"statements per alert: {sent[0]} to {sent[-1]}, median {sent[len(sent) // 2]}")


def absences(cases: list[Case]) -> str:
    """What the empty answers of the lake are worth, and which questions were not asked at all."""
    counted: Counter[str] = Counter()
    for case in cases:
        for entry in case.dossier.evidence:
            if entry.error.startswith("not asked"):
                counted["not asked"] += 1
            elif entry.source is Source.QUERY and entry.answered and not entry.row_count:
                counted[worth(entry)] += 1
    each = ", ".join(f"{name} {counted[name]}" for name in ("proven", "provisional", "unproven", "not asked"))
    per_alert = ", ".join(
        f"{counted[name] / max(1, len(cases)):.2f}" for name in ("proven", "provisional", "unproven", "not asked")
    )
    return f"empty answers: {each} (per alert {per_alert})"


def worth(entry: Evidence) -> str:
    """Whether an empty answer proves an absence, may do so once more rows have come, or proves nothing."""
    if entry.coverage.proves_absence and not entry.truncated:
        return "proven"
    return "provisional" if entry.coverage.open_until is not None else "unproven"


def baselines(cases: list[Case]) -> Iterable[str]:
    """What three simple guesses would have reached, by accepted labels."""

    def accepted(guess: Callable[[Case], str]) -> str:
        right = 0
        for case in cases:
            accept = case.label.get("accept")
            right += guess(case) in (accept if isinstance(accept, list) else [accept])
        return share(right, len(cases))

    def prior(case: Case) -> str:
        history = next((entry for entry in case.dossier.evidence if entry.key == "history"), None)
        judged = [row for row in history.rows if row.get("judged")] if history else []
        closed = sum(row.get("status") == "CLOSED" for row in judged)
        return "benign" if closed * 2 >= len(judged) and judged else "malicious"

    yield f"baseline always malicious      {accepted(lambda case: 'malicious')}"
    yield f"baseline severity (>= HIGH)    {accepted(lambda c: 'malicious' if c.severity in ('HIGH', 'CRITICAL') else 'benign')}"
    yield f"baseline detection prior       {accepted(prior)}"


def details(cases: list[Case], *, signals: bool) -> None:
    """A line for each alert."""
    for case in cases:
        mark = "  " if case.accepted else "X "
        score = sum(s.weight * {"malicious": 1, "benign": -1}.get(s.direction.value, 0) for s in case.dossier.signals)
        name = str(case.label.get("case") or case.label.get("incident"))
        print(f"{mark}{case.truth:<10}{case.said:<13}{score:+6.2f}  {case.label.get('rule')!s:<52}{name}")
        if signals:
            by_id = {entry.id: entry for entry in case.dossier.evidence}
            for found in case.dossier.signals:
                sign = "+" if found.direction.value == "malicious" else "-"
                proven = (
                    ""
                    if not found.absence or all(by_id[e].coverage.proves_absence for e in found.evidence)
                    else " UNPROVEN"
                )
                print(f"      {sign}{found.weight:.2f} {found.name}: {found.sentence} {found.evidence}{proven}")
            if case.verdict.reason:
                print(f"      reason: {case.verdict.reason}")


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "worlds", nargs="*", help="`generated`, `evaluation`, or names of worlds in the shared directory"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--alerts", action="store_true")
    parser.add_argument("--signals", action="store_true")
    given = parser.parse_args()
    for name, path, truth in labelled_worlds(given.worlds, seed=given.seed):
        cases = asyncio.run(run(path, truth))
        if given.alerts or given.signals:
            details(cases, signals=given.signals)
        report(name, cases)


if __name__ == "__main__":
    main()
