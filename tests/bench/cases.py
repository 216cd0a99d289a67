"""Measure which alerts are joined into cases: `python tests/bench/cases.py [--seed N] [WORLD ...]`.

Enriches every labelled alert of a world, sorts the alerts into cases, and prints pairwise precision and recall over
all pairs of labelled alerts: a pair is right where the labels name one `incident`. Without arguments: the generated
world, and those beside the project (or in TRIAGE_SHARED) where they are present. `evaluation` is the large generated
set; `--half work` or `--half held-out` takes one half of its incidents, split by a hash of their names, so that rules
are not measured on what they were made with.

`--pairs` prints each wrong and each missed pair.
"""

import argparse
import asyncio
import hashlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from pydantic import JsonValue

from tests.bench.worlds import Case, labelled_worlds, run, share
from triage.domain.related import grouped, link_keys


@dataclass(frozen=True, slots=True)
class Pairs:
    """Every two alerts of a world, by whether they are one incident and whether they were joined."""

    right: int
    wrong: tuple[tuple[str, str], ...]
    """Joined, though the labels name two incidents."""
    missed: tuple[tuple[str, str], ...]
    total: int


def compare(cases: Sequence[Case]) -> Pairs:
    """Join the alerts and look at each pair."""
    groups = grouped([link_keys(case.dossier) for case in cases])
    case_of = {name: number for number, group in enumerate(groups) for name in group.alert_ids}
    right, wrong, missed = 0, [], []
    for one, other in combinations(cases, 2):
        together = case_of.get(one.dossier.alert.id, -1) == case_of.get(other.dossier.alert.id, -2)
        same = one.label["incident"] == other.label["incident"]
        right += together and same
        pair = (_name(one), _name(other))
        wrong += [pair] if together and not same else []
        missed += [pair] if same and not together else []
    return Pairs(right, tuple(wrong), tuple(missed), len(cases) * (len(cases) - 1) // 2)


def _name(case: Case) -> str:
    return f"{case.label['incident']} {case.dossier.alert.detection_id}"


def report(name: str, cases: Sequence[Case], *, details: bool) -> None:
    """Print one world's figures."""
    found = compare(cases)
    joined, related = found.right + len(found.wrong), found.right + len(found.missed)
    print(
        f"{name}: {len(cases)} alerts, {found.total} pairs, {related} of one incident; "
        f"precision {share(found.right, joined)}, recall {share(found.right, related)}"
    )
    if details:
        for title, pairs in (("wrong", found.wrong), ("missed", found.missed)):
            for one, other in pairs:
                print(f"  {title:<7}{one} | {other}")


def half_of(truth: Iterable[dict[str, JsonValue]], half: str) -> list[dict[str, JsonValue]]:
    """The labels of one half of the incidents; all where no half is named."""
    if not half:
        return list(truth)
    wanted = 0 if half == "work" else 1
    return [label for label in truth if hashlib.sha256(str(label["incident"]).encode()).digest()[0] % 2 == wanted]


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "worlds", nargs="*", help="`generated`, `evaluation`, or names of worlds in the shared directory"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--half", choices=("work", "held-out"), default="")
    parser.add_argument("--pairs", action="store_true")
    given = parser.parse_args()
    for name, path, truth in labelled_worlds(given.worlds, seed=given.seed):
        half = given.half if name == "evaluation" else ""
        title = f"{name}, {half} half" if half else name
        report(title, asyncio.run(run(path, half_of(truth, half))), details=given.pairs)


if __name__ == "__main__":
    main()
