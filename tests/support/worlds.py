"""The worlds that ship, unpacked once for all tests of a worker, and their files as tests read them."""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tools.worlds.ship import MOMENTS
from triage.sandbox.shipped import Shipped, unpack_world

LEVELS = ("INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL")
DEMO_NOW = MOMENTS[Shipped.DEMO]
EVALUATION_NOW = MOMENTS[Shipped.EVALUATION]

_KEPT: list["TemporaryDirectory[str]"] = []
"""Removed when the worker ends."""


@cache
def shipped(world: Shipped) -> Path:
    """The directory of a shipped world. Tests read it and leave it as it is."""
    scratch = TemporaryDirectory(prefix="triage-tests-")
    _KEPT.append(scratch)
    return unpack_world(world, Path(scratch.name))


def demo_world() -> Path:
    """The demo's company: five log types."""
    return shipped(Shipped.DEMO)


def evaluation_world() -> Path:
    """The labelled set: fifteen log types."""
    return shipped(Shipped.EVALUATION)


Json = dict[str, Any]


def read(path: Path) -> list[Json]:
    """The records of an NDJSON file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _at_least(values: dict[str, float], bound: float, label: Json) -> bool:
    return values[label["alert_id"]] >= bound


@dataclass(frozen=True)
class WorldFiles:
    """The files of one world."""

    path: Path
    alerts: dict[str, Json]
    truth: list[Json]
    logs: dict[str, list[Json]]
    """Rows by table."""
    matches: dict[str, list[Json]]
    """Rows of rule matches by alert."""
    rows: dict[str, Json]
    """The rows of all logs, by id."""

    @property
    def definite(self) -> list[Json]:
        """Labels that a verdict can be right or wrong about."""
        return [label for label in self.truth if label["verdict"] in label["accept"]]

    def alert(self, label: Json) -> Json:
        """The alert that a label is about."""
        return self.alerts[label["alert_id"]]

    def balanced_accuracy(self, calls_malicious: Callable[[Json], bool]) -> float:
        """Mean of the shares of attacks and of look-alikes that are called what they are."""
        right: dict[str, list[bool]] = defaultdict(list)
        for label in self.definite:
            right[label["verdict"]].append(calls_malicious(label) == (label["verdict"] == "malicious"))
        return sum(sum(each) / len(each) for each in right.values()) / 2

    def best_threshold(self, measure: Callable[[Json], float]) -> float:
        """What the best cut of a number would reach, in either direction, chosen with the labels in hand."""
        values = {label["alert_id"]: measure(label) for label in self.definite}
        found = []
        for bound in set(values.values()):
            accuracy = self.balanced_accuracy(partial(_at_least, values, bound))
            found += [accuracy, 1 - accuracy]
        return max(found)


def read_world(path: Path) -> WorldFiles:
    """All files of a world that tests look at."""
    matches: dict[str, list[Json]] = defaultdict(list)
    for table in sorted((path / "lake" / "panther_rule_matches").glob("*.ndjson")):
        for row in read(table):
            matches[row["p_alert_id"]].append(row)
    logs = {table.stem: read(table) for table in sorted((path / "lake" / "panther_logs").glob("*.ndjson"))}
    return WorldFiles(
        path=path,
        alerts={alert["id"]: alert for alert in read(path / "alerts.ndjson")},
        truth=read(path / "truth.ndjson"),
        logs=logs,
        matches=matches,
        rows={row["p_row_id"]: row for rows in logs.values() for row in rows},
    )
