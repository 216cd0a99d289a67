"""Panther's published detections and the events of their unit tests, imported, served and queried."""

import gzip
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.cli import run_cli
from tests.support.shared import shared_lines
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

QUERIES = "Scheduled.Query"
"""Stands for the log type of rows that scheduled queries return."""
EXECUTE = "mutation Run($input: ExecuteDataLakeQueryInput!) { executeDataLakeQuery(input: $input) { id } }"
RESULTS = """query Rows($id: ID!) { dataLakeQuery(id: $id) { status message results(input: {}) { edges { node } } } }"""

KEYS = {
    "analysis_type": "AnalysisType", "display_name": "DisplayName", "enabled": "Enabled", "severity": "Severity",
    "description": "Description", "runbook": "Runbook", "reference": "Reference", "tags": "Tags", "reports": "Reports",
    "log_types": "LogTypes", "scheduled_queries": "ScheduledQueries", "threshold": "Threshold", "status": "Status",
    "dedup_period_minutes": "DedupPeriodMinutes", "summary_attributes": "SummaryAttributes",
    "inline_detection": "Detection", "detection": "Detection", "rule_id": "RuleID",
}  # fmt: skip


def write_detections(folder: Path, rules: list[dict[str, Any]]) -> None:
    """The records as a directory of YAML and Python files."""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    for number, rule in enumerate(rules):
        spec = {KEYS[name]: value for name, value in rule.items() if name in KEYS and value is not None}
        if rule.get("python_body"):
            spec["Filename"] = f"rule_{number}.py"
            (folder / f"rule_{number}.py").write_text(rule["python_body"], encoding="utf-8")
        (folder / f"rule_{number}.yml").write_text(yaml.dump(spec, Dumper=dumper, sort_keys=False), encoding="utf-8")


def log_type(test: dict[str, Any]) -> str:
    """The log type of a unit test's event: its own, else the first of its rule."""
    return test["event_log_type"] or test["event"].get("p_log_type") or (test["log_types"] or [QUERIES])[0]


def ask(server: SandboxServer, sql: str) -> list[dict[str, Any]]:
    """The rows of a data-lake query."""
    with httpx.Client(headers={"X-API-Key": "any"}) as http:
        started = http.post(server.url, json={"query": EXECUTE, "variables": {"input": {"sql": sql}}}).json()
        variables = {"id": started["data"]["executeDataLakeQuery"]["id"]}
        for _ in range(1000):
            query = http.post(server.url, json={"query": RESULTS, "variables": variables}).json()["data"][
                "dataLakeQuery"
            ]
            if query["status"] != "running":
                assert query["status"] == "succeeded", query["message"]
                return [edge["node"] for edge in query["results"]["edges"]]
            time.sleep(0.01)
    raise AssertionError("the query does not end")


@pytest.mark.slow
def test_every_published_detection_and_event_is_imported(tmp_path: Path) -> None:
    """All detections and correlation rules go in, all events but those that are empty; the world is served and answers.

    About 15 seconds: 954 YAML files are written and read, and a lake of a hundred tables is loaded.
    """
    rules, correlated = shared_lines("data/rules.ndjson"), shared_lines("data/correlation_rules.ndjson")
    tests = shared_lines("data/rule_tests.ndjson")
    (tmp_path / "rules").mkdir()
    write_detections(tmp_path / "rules", [*rules, *correlated])
    events: dict[str, list[str]] = defaultdict(list)
    for test in tests:
        events[log_type(test)].append(json.dumps(test["event"]))
    arguments = []
    for name, lines in events.items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
        arguments += ["--logs", f"{name}={name}.gz"]

    ran = run_cli(
        "sandbox", "world", "import", "--into", "w", "--rules", "rules", "--undated", "2026-06-01", "--json", *arguments,
        directory=tmp_path,
    )  # fmt: skip
    empty = sum(not {name for name in test["event"] if not name.startswith("p_")} for test in tests)
    report = ran.json
    print({name: report[name] for name in ("records_read", "duplicates", "rules_by_kind", "rejected", "reasons")})
    assert ran.status == (1 if empty else 0)
    assert report["rules_read"] == len(rules) + len(correlated)
    assert report["rules_by_kind"]["CORRELATION_RULE"] == len(correlated)
    assert report["records_read"] == len(tests) - empty
    assert report["reasons"] == ({"the record is empty": empty} if empty else {})
    # Tests of the same rule often share an event.
    assert sum(report["records_added"].values()) == report["records_read"] - report["duplicates"]
    assert {rule["rule_id"] for rule in (*rules, *correlated)} == {
        json.loads(line)["id"] for line in (tmp_path / "w/rules.ndjson").read_text(encoding="utf-8").splitlines()
    }

    world = load_world(tmp_path / "w", as_recorded=True)
    with SandboxServer(world, SandboxOptions(any_token=True)) as server:
        for table in ("aws_cloudtrail", "okta_systemlog", "gcp_auditlog", "github_audit"):
            rows = ask(
                server, f"SELECT count(*) AS n FROM panther_logs.public.{table} WHERE p_event_time > '2000-01-01'"
            )
            assert rows[0]["n"] == report["tables"][table]
        rows = ask(
            server,
            "SELECT eventName, p_any_usernames FROM panther_logs.public.aws_cloudtrail "
            "WHERE eventName = 'ConsoleLogin' AND p_event_time > '2000-01-01' LIMIT 5",
        )
        assert len(rows) == 5
        scheduled = next(rule for rule in rules if rule["analysis_type"] == "scheduled_rule")
        for path, rule in (("rules", rules[0]), ("scheduled-rules", scheduled)):
            url = f"{server.rest_url}/{path}/{rule['rule_id']}"
            served = httpx.get(url, headers={"X-API-Key": "any"}).json()
            assert served["body"] == rule["python_body"]
            assert served["severity"] == rule["severity"].upper()
            assert served["runbook"] == (rule["runbook"] or "")
