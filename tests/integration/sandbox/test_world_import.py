"""`triage sandbox world import`: from a user's own files to a world that can be served and measured."""

import gzip
import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.cli import Ran, run_cli
from tests.support.tiny_world import write_world
from triage.sandbox.importing import ImportRequest, Logs, import_world
from triage.sandbox.lake import DuckLake
from triage.sandbox.world import load_world

RULE = """\
AnalysisType: rule
Filename: trail_paused.py
RuleID: Org.Trail.Paused
DisplayName: A trail was paused
Enabled: true
LogTypes: [AWS.CloudTrail]
Tags: [AWS, 2026]
Severity: High
Description: Somebody paused a trail.
Runbook: |
  1. Find who did it.
Reports:
  MITRE ATT&CK: [TA0005:T1562.008]
Threshold: 2
DedupPeriodMinutes: 15
SummaryAttributes: [awsRegion]
Tests:
  - Name: Paused
    ExpectedResult: true
    Log: {eventName: StopLogging}
"""
BODY = "open('/tmp/never', 'w')\nraise SystemExit('run')\n\ndef rule(event):\n    return True\n"
QUERY_RULE = (
    "AnalysisType: scheduled_rule\nFilename: q.py\nRuleID: Org.Query\nSeverity: low\nScheduledQueries: [Daily]\n"
)
POLICY = "AnalysisType: policy\nFilename: p.py\nPolicyID: Org.Policy\nSeverity: INFO\nResourceTypes: [AWS.S3.Bucket]\n"
SIMPLE = (
    "AnalysisType: rule\nRuleID: Org.Simple\nSeverity: Info\nLogTypes: [Okta.SystemLog]\nAlertTitle: x\n"
    "Detection:\n  - {KeyPath: eventType, Condition: Equals, Value: user.session.start}\n"
)
CORRELATED = (
    "AnalysisType: correlation_rule\nRuleID: Org.Both\nSeverity: Critical\n"
    "Detection:\n  - Group: [{ID: a, RuleID: Org.Trail.Paused}, {ID: b, RuleID: Org.Simple}]\n"
)


def trail(minute: int, name: str = "DescribeTrails", **more: Any) -> dict[str, Any]:
    """A CloudTrail record."""
    return {
        "eventVersion": "1.09",
        "eventTime": f"2026-03-01T12:{minute:02d}:00Z",
        "eventSource": "cloudtrail.amazonaws.com",
        "eventName": name,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "198.51.100.7",
        "userIdentity": {
            "type": "IAMUser",
            "userName": "ops",
            "arn": "arn:aws:iam::111122223333:user/ops",
            "accountId": "111122223333",
            "principalId": "AIDAEXAMPLEEXAMPLE12",
        },
        "eventID": f"{minute}-{name}",
        **more,
    }


TRAIL = [trail(40), trail(10, "StopLogging"), trail(12, "StopLogging"), trail(50, "StopLogging"), trail(5)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory with CloudTrail files, an NDJSON file and rules."""
    deep = tmp_path / "trail" / "AWSLogs" / "111122223333" / "CloudTrail" / "eu-west-1"
    deep.mkdir(parents=True)
    (deep / "a.json.gz").write_bytes(gzip.compress(json.dumps({"Records": TRAIL[:3]}).encode()))
    (deep / "b.json").write_text("\n".join(json.dumps(record) for record in TRAIL[2:]), encoding="utf-8")
    okta = {"published": "2026-03-01T11:00:00.123Z", "eventType": "user.session.start", "uuid": "u1"}
    actor = {"id": "00u1", "alternateId": "Ops@Acme.Example", "displayName": "Ops"}
    (tmp_path / "okta.ndjson").write_text(
        json.dumps({**okta, "actor": actor, "client": {"ipAddress": "203.0.113.9"}}) + "\n", encoding="utf-8"
    )
    rules = tmp_path / "rules"
    (rules / "more").mkdir(parents=True)
    files = {
        "trail_paused.yml": RULE, "trail_paused.py": BODY, "q.yml": QUERY_RULE, "q.py": BODY, "more/p.yaml": POLICY,
        "more/p.py": BODY, "simple.yml": SIMPLE, "both.yml": CORRELATED, "pack.yml": "AnalysisType: pack\nPackID: x\n",
    }  # fmt: skip
    for name, text in files.items():
        (rules / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(home: Path, *arguments: str, into: str = "w") -> Ran:
    return run_cli("sandbox", "world", "import", "--into", into, *arguments, directory=home)


def everything(home: Path, *more: str) -> Ran:
    logs = ("--cloudtrail", "trail", "--logs", "Okta.SystemLog=okta.ndjson", "--rules", "rules")
    return run(home, *logs, "--org", "acme", *more)


def write_lines(path: Path, *records: object) -> None:
    """One JSON document a line."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def digest(world: Path) -> dict[str, str]:
    """What a world holds, byte for byte."""
    found = sorted(path for path in world.rglob("*") if path.is_file())
    return {str(path.relative_to(world)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def test_a_world_is_made_and_answers_queries(home: Path) -> None:
    """Logs become tables in order of time with Panther's columns, each record once; the world loads and is queried."""
    ran = everything(home)
    assert ran.status == 0, ran.err
    assert "records: 7 read, 6 new, 1 already there" in ran.out
    assert "rules: 5 read (1 CORRELATION_RULE, 1 POLICY, 2 RULE, 1 SCHEDULED_RULE), 5 new" in ran.out
    assert "not detections, left out: 1 pack" in ran.out
    assert "the world has no alerts yet" in ran.out

    rows = lines(home / "w/lake/panther_logs/aws_cloudtrail.ndjson")
    assert [row["p_event_time"][14:16] for row in rows] == ["05", "10", "12", "40", "50"]
    assert {name: value for name, value in rows[0].items() if not name.startswith("p_")} == TRAIL[4]
    columns = {name: value for name, value in rows[0].items() if name.startswith("p_")}
    assert len(columns.pop("p_row_id")) == 32
    assert columns.pop("p_source_id")
    assert columns == {
        "p_event_time": "2026-03-01 12:05:00.000",
        "p_parse_time": "2026-03-01 12:05:00.000",
        "p_log_type": "AWS.CloudTrail",
        "p_schema_version": 0,
        "p_source_label": "imported-aws-cloudtrail",
        "p_any_actor_ids": ["AIDAEXAMPLEEXAMPLE12"],
        "p_any_aws_account_ids": ["111122223333"],
        "p_any_aws_arns": ["arn:aws:iam::111122223333:user/ops"],
        "p_any_ip_addresses": ["198.51.100.7"],
        "p_any_usernames": ["ops"],
    }
    okta = lines(home / "w/lake/panther_logs/okta_systemlog.ndjson")[0]
    assert okta["p_any_emails"] == ["ops@acme.example"]
    assert "ops" in okta["p_any_usernames"]

    world = load_world(home / "w", as_recorded=True)
    assert (world.org, world.now.isoformat()) == ("acme", "2026-03-01T12:50:01+00:00")
    lake = DuckLake(world)
    found = lake.run(
        "SELECT eventName, count(*) AS n FROM panther_logs.public.aws_cloudtrail "
        "WHERE p_event_time > '2026-03-01' AND ARRAY_CONTAINS('ops'::variant, p_any_usernames) GROUP BY 1 ORDER BY 1"
    )
    lake.close()
    assert [(row["eventName"], row["n"]) for row in found.rows] == [("DescribeTrails", 2), ("StopLogging", 3)]
    assert {source["lastEventReceivedAtTime"] for source in world.sources.values()} == {
        "2026-03-01T12:50:00.000Z", "2026-03-01T11:00:00.123Z",
    }  # fmt: skip


def test_rules_are_kept_as_the_sandbox_serves_them(home: Path) -> None:
    """Metadata, runbook, mapping and text of every kind arrive; no body is run."""
    assert everything(home).status == 0
    rules = {rule["id"]: rule for rule in lines(home / "w/rules.ndjson")}
    assert rules["Org.Trail.Paused"] == {
        "id": "Org.Trail.Paused", "displayName": "A trail was paused", "description": "Somebody paused a trail.",
        "severity": "HIGH", "tags": ["AWS", "2026"], "reports": {"MITRE ATT&CK": ["TA0005:T1562.008"]}, "tests": [],
        "enabled": True, "managed": False, "outputIDs": [], "runbook": "1. Find who did it.\n",
        "logTypes": ["AWS.CloudTrail"], "dedupPeriodMinutes": 15, "threshold": 2, "summaryAttributes": ["awsRegion"],
        "inlineFilters": "", "body": BODY,
    }  # fmt: skip
    assert rules["Org.Query"]["scheduledQueries"] == ["Daily"]
    assert rules["Org.Policy"]["resourceTypes"] == ["AWS.S3.Bucket"]
    assert "logTypes" not in rules["Org.Policy"]
    assert json.loads(rules["Org.Simple"]["detection"])[0]["KeyPath"] == "eventType"
    assert json.loads(rules["Org.Both"]["detection"])[0]["Group"][1]["RuleID"] == "Org.Simple"
    assert not Path("/tmp/never").exists()


BAD_RULES = {
    "no-severity.yml": "AnalysisType: rule\nRuleID: A\nFilename: trail_paused.py\n",
    "odd-severity.yml": "AnalysisType: rule\nRuleID: B\nFilename: trail_paused.py\nSeverity: Grave\n",
    "climbing.yml": "AnalysisType: rule\nRuleID: C\nFilename: ../secret.py\nSeverity: Low\n",
    "linked.yml": "AnalysisType: rule\nRuleID: D\nFilename: linked.py\nSeverity: Low\n",
    "missing.yml": "AnalysisType: rule\nRuleID: E\nFilename: gone.py\nSeverity: Low\n",
    "bodiless.yml": "AnalysisType: rule\nRuleID: F\nSeverity: Low\n",
    "twice.yml": RULE,
    "tagged.yml": "AnalysisType: !!python/name:os.system rule\n",
}


def test_bad_rules_are_named_and_the_rest_goes_in(home: Path) -> None:
    """A rule that is broken, stands twice or points outside of its directory is left out with its reason."""
    (home / "secret.py").write_text("SECRET = 1\n", encoding="utf-8")
    (home / "rules/linked.py").symlink_to(home / "secret.py")
    for name, text in BAD_RULES.items():
        (home / "rules" / name).write_text(text, encoding="utf-8")
    ran = run(home, "--rules", "rules", "--json")
    assert ran.status == 1
    assert ran.json["rules_read"] == 5
    named = {Path(problem["file"]).name: problem["reason"] for problem in ran.json["problems"]}
    assert set(named) == set(BAD_RULES)
    assert "not the name of a Python file beside it" in named["climbing.yml"]
    assert "is not there" in named["linked.yml"]
    assert "is already used in" in named["twice.yml"]
    assert "SECRET" not in (home / "w/rules.ndjson").read_text(encoding="utf-8")


def test_a_file_name_that_no_file_can_have_is_left_out(home: Path) -> None:
    """A NUL in a rule's Filename costs that rule, not the import."""
    (home / "rules/nul.yml").write_text(RULE.replace("trail_paused.py", '"trail\\0.py"'), encoding="utf-8")
    ran = run(home, "--rules", "rules", "--json")
    assert ran.status == 1
    assert [Path(problem["file"]).name for problem in ran.json["problems"]] == ["nul.yml"]


@pytest.mark.parametrize("minutes", [10**10, 10**20])
def test_a_dedup_period_of_ages_makes_one_alert(minutes: int, home: Path) -> None:
    """A period that no clock can count is a long one."""
    text = RULE.replace("DedupPeriodMinutes: 15", f"DedupPeriodMinutes: {minutes}")
    (home / "rules/trail_paused.yml").write_text(text, encoding="utf-8")
    (home / "a.ndjson").write_text(
        json.dumps({"rule": "Org.Trail.Paused", "where": {"eventName": "StopLogging"}}), encoding="utf-8"
    )
    assert everything(home, "--alerts", "a.ndjson").status == 0
    assert len(lines(home / "w/alerts.ndjson")) == 1


def test_a_second_import_changes_nothing(home: Path) -> None:
    """The same files again leave every byte as it was, alerts and labels included; so does another order of them."""
    write_lines(home / "alerts.ndjson", STOPPED)
    assert everything(home, "--alerts", "alerts.ndjson").status == 0
    before = digest(home / "w")
    again = everything(home, "--alerts", "alerts.ndjson")
    assert again.status == 0
    assert "nothing new: the world is unchanged" in again.out
    assert digest(home / "w") == before
    other = run(
        home, "--org", "acme", "--rules", "rules", "--logs", "Okta.SystemLog=okta.ndjson",
        "--cloudtrail", "trail/AWSLogs/111122223333/CloudTrail/eu-west-1/b.json", "--cloudtrail", "trail",
        "--alerts", "alerts.ndjson", into="v",
    )  # fmt: skip
    assert other.status == 0, other.err
    assert digest(home / "v") == before


STOPPED = {"rule": "Org.Trail.Paused", "where": {"eventName": "StopLogging"}, "verdict": "malicious", "incident": "i-1"}


@pytest.mark.slow
def test_from_logs_and_rules_to_a_measured_alert(home: Path) -> None:
    """Logs, rules and one line of alerts give a world that `triage eval run` runs; the label is in truth.ndjson alone.

    About six seconds: the whole program runs twice over a served world.
    """
    write_lines(home / "alerts.ndjson", STOPPED)
    ran = everything(home, "--alerts", "alerts.ndjson")
    assert ran.status == 0, ran.err
    assert "alerts: 2 (2 new); labels: 2" in ran.out
    alerts = lines(home / "w/alerts.ndjson")
    # 12:10 and 12:12 lie within the rule's quarter of an hour, 12:50 does not.
    assert [(alert["eventCount"], alert["createdAt"]) for alert in alerts] == [
        (2, "2026-03-01T12:10:00.000Z"), (1, "2026-03-01T12:50:00.000Z"),
    ]  # fmt: skip
    assert {(alert["severity"], alert["type"], alert["status"]) for alert in alerts} == {("HIGH", "RULE", "OPEN")}
    matches = lines(home / "w/lake/panther_rule_matches/aws_cloudtrail.ndjson")
    assert [match["p_alert_id"] for match in matches] == [alerts[0]["id"]] * 2 + [alerts[1]["id"]]
    assert len(lines(home / "w/lake/panther_signals/correlation_signals.ndjson")) == 3
    told = [path for path in (home / "w").rglob("*.ndjson") if "malicious" in path.read_text(encoding="utf-8")]
    assert [path.name for path in told] == ["truth.ndjson"]

    measured = run_cli(
        "eval", "run", "--world", "w", "--offline", "--no-alert-only", "--json", directory=home,
        environment={"OPENAI_API_KEY": "unused"},
    )  # fmt: skip
    assert measured.status == 0, measured.err
    assert measured.json["scores"]["alerts"] == 2
    assert {entry["outcome"]["alert_id"] for entry in measured.json["alerts"]} == {alert["id"] for alert in alerts}


def test_a_world_grows_by_alerts_and_logs(home: Path) -> None:
    """Later alerts are raised over rows that the world has; later logs move its moment; a changed verdict is a change."""
    assert everything(home).status == 0
    row = lines(home / "w/lake/panther_logs/aws_cloudtrail.ndjson")[1]["p_row_id"]
    table = digest(home / "w")["lake/panther_logs/aws_cloudtrail.ndjson"]
    ran = run(home, "--alert", f"Org.Trail.Paused:{row}")
    assert ran.status == 0, ran.err
    assert "no alert is labelled yet" in ran.out
    ran = run(home, "--alert", f"Org.Trail.Paused:{row}=benign", "--json")
    assert (ran.json["alerts_added"], ran.json["labels_added"], ran.json["changed"]) == (0, 1, True)
    ran = run(home, "--alert", f"Org.Trail.Paused:{row}=malicious", "--json")
    assert (ran.json["labels_added"], ran.json["labels_changed"]) == (0, 1)
    assert [label["verdict"] for label in lines(home / "w/truth.ndjson")] == ["malicious"]
    assert digest(home / "w")["lake/panther_logs/aws_cloudtrail.ndjson"] == table

    write_lines(home / "later.ndjson", trail(59))
    ran = run(home, "--cloudtrail", "later.ndjson", "--json")
    assert ran.json["records_added"] == {"aws_cloudtrail": 1}
    world = load_world(home / "w", as_recorded=True)
    assert (world.org, world.now.isoformat()) == ("acme", "2026-03-01T12:59:01+00:00")
    assert len(world.alerts) == 1
    assert len(lines(home / "w/lake/panther_logs/aws_cloudtrail.ndjson")) == 6


WRONG_LINES: list[tuple[dict[str, Any], str]] = [
    ({"rule": "Nobody", "where": {"eventName": "StopLogging"}}, "not in the world"),
    ({"rule": "Org.Trail.Paused"}, "names no row"),
    ({"rule": "Org.Trail.Paused", "row": "0" * 32}, "no row"),
    ({"rule": "Org.Trail.Paused", "where": {"eventName": "Nothing"}}, "selects no row"),
    ({"rule": "Org.Trail.Paused", "where": {"a..b": 1}}, "not a path"),
    ({"rule": "Org.Trail.Paused", "where": {"eventName": "StopLogging"}, "verdict": "evil"}, "verdict"),
    ({"rule": "Org.Trail.Paused", "where": {"eventName": "StopLogging"}, "surprise": 1}, "surprise"),
    ({"rule": "Org.Trail.Paused", "time": "2026-03-01T12:10:00"}, "time"),
    ({"rule": "Org.Trail.Paused", "since": "0001-01-01T00:00:00+23:00"}, "since"),
    ({"rule": "Org.Trail.Paused", "created": "9999-12-31T23:59:59Z"}, "created"),
]


def test_an_alert_that_cannot_be_raised_says_why(home: Path) -> None:
    """A wrong line is named; where none is right nothing is written."""
    for line, why in WRONG_LINES:
        write_lines(home / "alerts.ndjson", line)
        ran = everything(home, "--alerts", "alerts.ndjson")
        assert ran.status == 2, line
        assert "alerts.ndjson:1" in ran.err
        assert why in ran.err
        assert not (home / "w").exists(), line


@pytest.mark.parametrize(
    ("line", "minutes"),
    [
        ({"time": "2026-03-01T12:10:00Z"}, [10]),
        ({"since": "2026-03-01T12:11:00Z"}, [12, 40, 50]),
        ({"until": "2026-03-01T13:10:00+01:00"}, [5, 10]),
        (
            {"where": {"userIdentity.userName": "ops", "eventName": "StopLogging"}, "until": "2026-03-01T12:11:00Z"},
            [10],
        ),
        ({"where": {"p_any_ip_addresses": "198.51.100.7"}, "since": "2026-03-01T12:45:00Z"}, [50]),
    ],
)
def test_rows_are_selected_by_time_and_by_field(line: dict[str, Any], minutes: list[int], home: Path) -> None:
    """Bounds are included, paths reach into objects, and of a list one item is enough."""
    (home / "a.ndjson").write_text(json.dumps({"rule": "Org.Trail.Paused", **line}), encoding="utf-8")
    assert everything(home, "--alerts", "a.ndjson").status == 0
    matches = lines(home / "w/lake/panther_rule_matches/aws_cloudtrail.ndjson")
    assert [int(match["p_event_time"][14:16]) for match in matches] == minutes


def test_bad_lines_are_counted_and_all_bad_is_an_error(home: Path) -> None:
    """Some bad lines end with 1 and their places; nothing but bad lines ends with 2 and leaves no world."""
    (home / "some.ndjson").write_text(f"x\n{json.dumps(trail(1))}\n{{}}\n" + '{"eventName": "X"}\n', encoding="utf-8")
    ran = run(home, "--cloudtrail", "some.ndjson")
    assert ran.status == 1
    for named in ("some.ndjson:1: not JSON", "some.ndjson:3: not a CloudTrail record", "some.ndjson:4: no time"):
        assert named in ran.out
    (home / "all.ndjson").write_text("x\ny\n", encoding="utf-8")
    ran = run(home, "--logs", "A.B=all.ndjson", into="v")
    assert ran.status == 2
    assert "2 left out, such as all.ndjson:1: not JSON" in ran.err
    assert not (home / "v").exists()


def test_records_without_a_time_need_one(home: Path) -> None:
    """A named field or one time for all dates what the importer cannot."""
    (home / "app.ndjson").write_text('{"when_it_was": "2026-03-01", "a": 1}\n', encoding="utf-8")
    assert run(home, "--logs", "Custom.App=app.ndjson").status == 2
    assert run(home, "--logs", "Custom.App=app.ndjson", "--time-field", "Custom.App=when_it_was").status == 0
    assert lines(home / "w/lake/panther_logs/custom_app.ndjson")[0]["p_event_time"] == "2026-03-01 00:00:00.000"
    ran = run(home, "--logs", "Custom.App=app.ndjson", "--undated", "2026-04-01", into="v")
    assert ran.status == 0
    assert lines(home / "v/lake/panther_logs/custom_app.ndjson")[0]["p_event_time"] == "2026-04-01 00:00:00.000"


WRONG_REQUESTS: list[tuple[str, ...]] = [
    (), ("--logs", "okta.ndjson"), ("--logs", "../x=okta.ndjson"), ("--cloudtrail", "nowhere"), ("--rules", "trail"),
    ("--cloudtrail", "trail", "--now", "2020-01-01"), ("--cloudtrail", "trail", "--now", "soon"),
    ("--cloudtrail", "trail", "--time-field", "=x"), ("--alerts", "nowhere"), ("--alert", "rule"),
    ("--alert", "rule:row=evil"), ("--alert", "Nobody:row"),
]  # fmt: skip


def test_a_wrong_request_is_one_line(home: Path) -> None:
    """What cannot be meant ends with 2, says so in a line, and leaves nothing behind."""
    for arguments in WRONG_REQUESTS:
        ran = run(home, *arguments)
        assert ran.status == 2, arguments
        assert ran.err.startswith("triage: ")
        assert ran.err.count("\n") == 1
        assert not (home / "w").exists(), arguments


def test_another_directory_is_not_taken_for_a_world(home: Path) -> None:
    """A directory with other files in it is left alone."""
    (home / "w").mkdir()
    (home / "w/mine.txt").write_text("x", encoding="utf-8")
    ran = everything(home)
    assert ran.status == 2
    assert "neither empty nor a world" in ran.err
    assert os.listdir(home / "w") == ["mine.txt"]  # noqa: PTH208 - names are what counts


def test_a_killed_import_is_no_obstacle(home: Path) -> None:
    """The scratch directory of an import that was killed does not keep the next one from making the world."""
    (home / "w/.import-abc").mkdir(parents=True)
    (home / "w/.import-abc/rows.db").write_bytes(b"half")
    assert everything(home).status == 0
    assert load_world(home / "w", as_recorded=True).rules


def test_a_row_from_panther_keeps_its_columns(home: Path) -> None:
    """An exported row keeps id, times and indicators; `p_` fields of other records, and those of a match, are dropped."""
    exported = {
        **trail(1), "p_row_id": "abc123abc123", "p_event_time": "2026-03-01 12:01:00.500", "p_log_type": "AWS.CloudTrail",
        "p_parse_time": "2026-03-01 12:04:00.000", "p_any_usernames": ["as-panther-had-it"], "p_alert_id": "x",
    }  # fmt: skip
    forged = {**trail(2), "p_any_usernames": ["forged"], "p_alert_id": "x", "p_event_time": "2020-01-01 00:00:00"}
    (home / "x.ndjson").write_text(json.dumps(exported) + "\n" + json.dumps(forged), encoding="utf-8")
    assert run(home, "--cloudtrail", "x.ndjson").status == 0
    first, second = lines(home / "w/lake/panther_logs/aws_cloudtrail.ndjson")
    assert (first["p_row_id"], first["p_event_time"]) == ("abc123abc123", "2026-03-01 12:01:00.500")
    assert (first["p_parse_time"], first["p_any_usernames"]) == ("2026-03-01 12:04:00.000", ["as-panther-had-it"])
    assert (second["p_event_time"], second["p_any_usernames"]) == ("2026-03-01 12:02:00.000", ["ops"])
    assert not any("p_alert_id" in row for row in (first, second))


def test_a_row_of_another_age_does_not_move_the_clock(home: Path) -> None:
    """Times that no log has are not believed of an exported row either: then the record's own time counts."""
    row = {**trail(1), "p_row_id": "abc123abc123", "p_log_type": "AWS.CloudTrail"}
    early = {"p_event_time": "2026-03-01 12:01:00.500", "p_parse_time": "9999-12-31 23:59:59.999"}
    late = {"p_row_id": "abc123abc124", "p_event_time": "9999-12-31 23:59:59.999"}
    (home / "x.ndjson").write_text(json.dumps({**row, **early}) + "\n" + json.dumps({**row, **late}), encoding="utf-8")
    assert run(home, "--cloudtrail", "x.ndjson").status == 0
    rows = lines(home / "w/lake/panther_logs/aws_cloudtrail.ndjson")
    assert [row["p_event_time"] for row in rows] == ["2026-03-01 12:01:00.000", "2026-03-01 12:01:00.500"]
    assert rows[1]["p_parse_time"] == "2026-03-01 12:01:00.500"
    assert load_world(home / "w", as_recorded=True).now.year == 2026


names = st.text(max_size=8) | st.sampled_from(
    ["Level", "level", "@timestamp", "a/b", 'a"b', "select", "p_x", "ip", "user"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**90), 2**90) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["\x00", "\ud800", "10.1.2.3", "a@b.example", "arn:aws:iam::111122223333:role/x", "d" * 64]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(made=st.lists(st.dictionaries(names, values, min_size=1, max_size=5), min_size=1, max_size=8))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_records_make_a_world_that_loads(
    made: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever shape records have, those that are taken in can be queried, and a second import adds nothing."""
    folder = tmp_path_factory.mktemp("any")
    (folder / "x.ndjson").write_text("\n".join(map(json.dumps, [{"a": 1}, *made])), encoding="utf-8")
    request = ImportRequest(
        folder / "w", logs=(Logs.parse(f"Custom.Any={folder / 'x.ndjson'}"),), time_fields={"": "no.such.field"},
        undated=datetime(2026, 3, 1, tzinfo=UTC),
    )  # fmt: skip
    report = import_world(request)
    lake = DuckLake(load_world(folder / "w", as_recorded=True))
    found = lake.run("SELECT count(*) AS n FROM panther_logs.public.custom_any WHERE p_event_time > '2020-01-01'")
    lake.close()
    assert found.rows[0]["n"] == sum(report.records_added.values())
    assert report.records_read + report.rejected == len(made) + 1
    before = digest(folder / "w")
    assert not import_world(request).changed
    assert digest(folder / "w") == before


def test_another_world_is_extended_without_losing_anything(home: Path) -> None:
    """Rows, alerts, rules, users and sources that a world has stay; new rows come in between by their time."""
    (home / "t").mkdir()
    other = write_world(home / "t")
    before = load_world(other, as_recorded=True)
    rows_before = {table: before.lines(table) for table in before.lake}
    ran = run(home, "--cloudtrail", "trail", "--rules", "rules", into=str(other))
    assert ran.status == 0, ran.err
    after = load_world(other, as_recorded=True)
    assert (after.alerts, after.users, after.comments) == (before.alerts, before.users, before.comments)
    assert before.rules.items() <= after.rules.items()
    assert set(before.sources) <= set(after.sources)
    assert (after.org, after.now) == (before.org, max(before.now, datetime(2026, 3, 1, 12, 50, 1, tzinfo=UTC)))
    for table, rows in rows_before.items():
        assert set(rows) <= set(after.lines(table))
    times = [json.loads(line)["p_event_time"] for line in after.lines(("panther_logs", "aws_cloudtrail"))]
    assert times == sorted(times)
    assert len(times) == len(rows_before.get(("panther_logs", "aws_cloudtrail"), [])) + 5
    DuckLake(after).close()


def test_name_and_moment_of_a_world_can_be_set(home: Path) -> None:
    """`--org` and `--now` count for a world that is there, too, even where nothing else is new."""
    assert everything(home).status == 0
    ran = run(home, "--cloudtrail", "trail", "--org", "other", "--now", "2026-04-01T00:00:00+02:00")
    assert ran.status == 0, ran.err
    assert json.loads((home / "w/world.json").read_text(encoding="utf-8")) == {
        "now": "2026-03-31T22:00:00Z", "org": "other",
    }  # fmt: skip


def test_an_alert_without_rows_needs_its_time(home: Path) -> None:
    """A policy's alert has no events; it is raised at the time that the line gives."""
    line = {"rule": "Org.Policy", "created": "2026-03-01T12:00:00Z", "title": "A bucket", "status": "RESOLVED"}
    write_lines(home / "a.ndjson", line)
    assert everything(home, "--alerts", "a.ndjson").status == 0
    (alert,) = lines(home / "w/alerts.ndjson")
    assert (alert["type"], alert["title"], alert["status"], alert["eventCount"]) == (
        "POLICY",
        "A bucket",
        "RESOLVED",
        0,
    )


def test_a_broken_table_is_named(home: Path) -> None:
    """A world whose table cannot be read is refused with file and line, and stays as it is."""
    assert everything(home).status == 0
    table = home / "w/lake/panther_logs/okta_systemlog.ndjson"
    table.write_text(table.read_text(encoding="utf-8") + "broken\n", encoding="utf-8")
    before = digest(home / "w")
    ran = run(home, "--logs", "Okta.SystemLog=okta.ndjson")
    assert ran.status == 2
    assert "okta_systemlog.ndjson:2: not a JSON object" in ran.err
    assert digest(home / "w") == before


def test_a_table_gets_only_so_many_columns(home: Path) -> None:
    """Records whose keys are data do not make a table that nothing can load."""
    made = [{"time": "2026-03-01", **{f"k{number}-{key}": 1 for key in range(700)}} for number in range(4)]
    write_lines(home / "x.ndjson", *made)
    ran = run(home, "--logs", "Custom.Wide=x.ndjson")
    assert ran.status == 1
    assert "2 x its table would have more than 2000 columns" in ran.out
