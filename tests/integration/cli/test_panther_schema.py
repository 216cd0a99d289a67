"""`triage check`, `triage panther schema` and a poll against Panthers of both generations, and odd ones."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import run_cli, write_config
from tests.support.tiny_world import ALERTS, COMMENTS, LOGS, MATCHES, NOW, RULES, SOURCES, USERS, alert, write_files
from triage.cli.panther_schema import is_fine, summary
from triage.edges.panther import Difference, Drift
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

ODD_RULE = {**RULES[0], "id": "Door.Odd", "severity": "SEVERE", "logTypes": ["Custom.Unheard"]}
ODD: dict[str, list[dict[str, Any]]] = {
    "alerts": [
        alert(1, detectionId="Door.Odd", detectionType="NEURAL", updatedBy={"id": "x", "type": "robot"}),
        alert(2, severity="SEVERE"),
        alert(3, status="SNOOZED"),
        alert(4, type="ANOMALY"),
        alert(
            5,
            type="SYSTEM_ERROR",
            detectionId=None,
            detectionType="SYSTEM",
            systemError={"type": "SOURCE_ON_FIRE", "relatedComponent": "FURNACE"},
        ),
    ],
    "rules": [*RULES, ODD_RULE],
    "users": [{**USERS[0], "status": "ON_LEAVE", "role": {"id": "r", "name": "Oracle", "permissions": ["TeaMake"]}}],
    "sources": [{**SOURCES[0], "integrationType": "carrier-pigeon", "logTypes": ["Custom.Door", "Custom.Unheard"]}],
    "comments": [{**COMMENTS[0], "format": "MARKDOWN", "createdBy": {"id": "x", "type": "robot"}}],
}
"""A world with values that this program has never heard of, wherever there is an enumeration."""


@dataclass(frozen=True)
class Case:
    """A server, and what is said of it."""

    options: dict[str, Any]
    state: str
    """Of the line of `check`."""
    line: str
    """A part of that line."""
    diff: list[tuple[str, str]]
    """Kind and name of each difference."""
    files: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    compared: bool = True
    taken: int = 3
    """Alerts that a poll takes: those that are open, of a type that is wanted."""


LATER = ["GET /alert-context-tags", "GET /correlation-rules", "GET /log-source-alarms/{id}/{id}"]
LACKED = [("missing", path) for path in LATER]
CASES = {
    "2026": Case({"generation": "2026"}, "ok", "Panther has all that the program asks for", []),
    "2025": Case({"generation": "2025"}, "ok", f"not served to this token: {', '.join(LATER)}", LACKED),
    "a field removed": Case(
        {"lacking": frozenset({"Alert.runbook", "AlertsInput.statuses"})},
        "warning",
        "left out, since this Panther lacks it: Alert.runbook, AlertsInput.statuses (triage panther schema --diff)",
        [("missing", "Alert.runbook"), ("missing", "AlertsInput.statuses")],
    ),
    "introspection forbidden": Case(
        {"introspection": False, "generation": "2025"},
        "ok",
        "Panther does not let its schema be read, so nothing was compared",
        LACKED,
        compared=False,
    ),
    "introspection forbidden, a field removed": Case(
        {"introspection": False, "lacking": frozenset({"Alert.reference"})},
        "warning",
        "left out, since this Panther lacks it: Alert.reference",
        [],
        compared=False,
    ),
    # A filter for known severities and statuses, applied by the server, leaves out the others.
    "unknown values": Case({}, "ok", "Panther has all that the program asks for", [], files=ODD, taken=1),
    "unknown values, no filters": Case(
        {"lacking": frozenset({"AlertsInput.severities", "AlertsInput.statuses"})},
        "warning",
        "left out, since this Panther lacks it: AlertsInput.severities, AlertsInput.statuses",
        [("missing", "AlertsInput.severities"), ("missing", "AlertsInput.statuses")],
        files=ODD,
    ),
}


@contextmanager
def served(case: Case, directory: Path) -> Iterator[SandboxServer]:
    """The server of a case, with a configuration for it in the directory."""
    files: dict[str, list[dict[str, Any]]] = {
        "alerts": ALERTS,
        "rules": RULES,
        "users": USERS,
        "sources": SOURCES,
        "comments": COMMENTS,
        "lake/panther_logs/custom_door": LOGS,
        "lake/panther_rule_matches/custom_door": MATCHES,
        **case.files,
    }
    world = write_files(directory / "world", NOW, files)
    with SandboxServer(load_world(world), SandboxOptions(**case.options)) as server:
        write_config(directory, server.url)
        yield server


@pytest.mark.parametrize("name", CASES)
def test_check_says_how_the_api_differs(name: str, tmp_path: Path) -> None:
    """One line, which never makes the check fail."""
    case = CASES[name]
    with served(case, tmp_path):
        ran = run_cli("check", "--json", directory=tmp_path)
    assert ran.status == 0, ran.out
    (line,) = (each for each in ran.json if each["check"] == "schema")
    assert line["state"] == case.state
    assert case.line in line["text"]


@pytest.mark.parametrize("name", CASES)
def test_the_difference_is_listed(name: str, tmp_path: Path) -> None:
    """As a table and as JSON; where the schema can't be read, stderr says so and the rest is compared."""
    case = CASES[name]
    with served(case, tmp_path):
        ran = run_cli("panther", "schema", "--diff", directory=tmp_path)
        as_json = run_cli("panther", "schema", "--diff", "--json", directory=tmp_path)
    assert (ran.status, as_json.status) == (0, 0)
    for kind, difference in case.diff:
        assert f"{kind}  {difference}" in ran.out
    assert len(ran.out.splitlines()) == max(len(case.diff), 1)
    if not case.diff:
        assert ran.out == ("no difference was found\n" if case.compared else "the REST paths in use are served\n")
    document = json.loads(as_json.out)
    names = [each["name"] for each in document["missing"]] + document["paths"]
    assert names == [difference for _, difference in case.diff]
    assert (document["deprecated"], document["new"]) == ([], [])
    assert document["compared"] is case.compared
    assert ("only REST paths were compared" in ran.err) is not case.compared
    assert (document["reason"] is None) is case.compared


@pytest.mark.parametrize("name", CASES)
def test_the_poll_goes_on(name: str, tmp_path: Path) -> None:
    """Every alert is listed, and those that pass the filters are investigated to their end."""
    case = CASES[name]
    with served(case, tmp_path) as server:
        ran = run_cli("run", "--once", directory=tmp_path)
        listed = run_cli("list", "--json", directory=tmp_path).json
        assert server.requests
    assert ran.status == 0, ran.err
    assert sum(row["state"] == "done" for row in listed) == case.taken, ran.err
    assert all(row["state"] in ("done", "skipped") for row in listed)


def test_unknown_values_are_kept(tmp_path: Path) -> None:
    """As Panther sent them: an unknown severity or status keeps no alert from being looked at, an unknown type does."""
    with served(CASES["unknown values, no filters"], tmp_path):
        assert run_cli("run", "--once", directory=tmp_path).status == 0
    rows = {row["alert_id"]: row for row in run_cli("list", "--json", directory=tmp_path).json}
    assert rows[f"{2:032x}"]["severity"] == "SEVERE"
    assert [rows[f"{number:032x}"]["state"] for number in (1, 2, 3)] == ["done"] * 3
    odd = rows[f"{4:032x}"]
    assert odd["state"] == "skipped"
    assert "type ANOMALY is not among ingest.types" in json.dumps(odd)


def test_what_is_needed_fails_with_a_line_that_names_it(tmp_path: Path) -> None:
    """`check` and a poll end with status 2; the command that lists the differences works."""
    case = Case({"lacking": frozenset({"Alert.createdAt"})}, "", "", [])
    with served(case, tmp_path):
        checked = run_cli("check", directory=tmp_path)
        ran = run_cli("run", "--once", directory=tmp_path)
        diff = run_cli("panther", "schema", "--diff", directory=tmp_path)
    assert (checked.status, ran.status, diff.status) == (2, 2, 0)
    for text in (checked.out, ran.err):
        assert "this Panther has no `Alert.createdAt`, which the operation can't do without" in text
    assert diff.out.split() == ["missing", "Alert.createdAt", "needed", "by", "Alerts,", "Alert,", "AlertIds"]


@pytest.mark.parametrize(
    ("drift", "fine", "line"),
    [
        (Drift(), True, "Panther has all that the program asks for"),
        (Drift(new=("Alert.quality",)), True, "new: Alert.quality (triage panther schema --diff)"),
        (
            Drift(new=("Alert.quality", "Severity.FATAL")),
            False,
            "not listed by a filter of ingest: Severity.FATAL; new: Alert.quality (triage panther schema --diff)",
        ),
        (
            Drift(deprecated=tuple(Difference(f"Alert.{name}") for name in "abcde")),
            False,
            "deprecated: Alert.a, Alert.b, Alert.c and 2 more (triage panther schema --diff)",
        ),
        (Drift(missing=(Difference("Alert.id", needed=True),)), False, "this Panther lacks Alert.id (triage panther schema --diff)"),
    ],
)  # fmt: skip
def test_the_line_of_check(drift: Drift, fine: bool, line: str) -> None:
    """What is lost or will be is a warning; what is only new, or of a later generation, is not."""
    assert (is_fine(drift), summary(drift)) == (fine, line)


def test_the_schema_is_printed(tmp_path: Path) -> None:
    """As text, or in a JSON document."""
    with served(CASES["2026"], tmp_path):
        ran = run_cli("panther", "schema", directory=tmp_path)
        as_json = run_cli("panther", "schema", "--json", directory=tmp_path)
    assert "\ntype Alert {\n" in ran.out
    assert as_json.json == {"schema": ran.out.removesuffix("\n")}


def test_a_schema_that_may_not_be_read_is_a_failure(tmp_path: Path) -> None:
    """Nothing is printed, and the line says what Panther said."""
    with served(CASES["introspection forbidden"], tmp_path):
        ran = run_cli("panther", "schema", directory=tmp_path)
    assert (ran.status, ran.out) == (2, "")
    assert "introspection has been disabled" in ran.err
