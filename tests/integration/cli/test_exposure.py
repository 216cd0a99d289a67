"""`triage export assets|risks` against the embedded Panther: what is read, what is written, and what a kill leaves."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.support.cli import Ran, run_cli, write_config
from tests.support.tiny_world import NOW, RULES, SOURCES, USERS, alert, event, write_files
from triage.sandbox.backend import READ_PERMISSIONS
from triage.sandbox.server import ApiToken, Fault, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

READS = frozenset({"Alerts", "AlertEvents", "Alert", "AlertIds"})
NAMES = {number: f"{number:032x}" for number in range(1, 10)}


def matched(number: int, **more: Any) -> dict[str, Any]:
    """An event of an alert."""
    plain = {name: value for name, value in event(1).items() if name != "p_any_ip_addresses"}
    return {**plain, "p_row_id": f"m{number}", "p_alert_id": NAMES[number], "p_rule_id": "Door.Open", **more}


ALERTS = [
    alert(1),
    alert(2, severity="LOW", status="CLOSED"),
    alert(3, severity="INFO", status="RESOLVED"),
    alert(4, type="POLICY", detectionId="Door.Policy", detectionType="POLICY", severity="MEDIUM"),
    alert(5, type="CORRELATION_RULE", detectionId="Door.Twice", detectionType="CORRELATION_RULE", severity="CRITICAL"),
    alert(6, type="RULE_ERROR", title="Door.Open failed"),
    alert(
        7, type="SCHEDULED_RULE", detectionId="Door.Nightly", detectionType="SCHEDULED_RULE", title="From 198.51.100.7"
    ),
    alert(8, createdAt="2031-03-01T10:00:00.000Z", title="Long ago"),
]
AWS_BUCKET = "arn:aws:s3:::doors-archive"
AZURE_VM = "/subscriptions/0f5c/resourceGroups/Doors/providers/Microsoft.Compute/virtualMachines/porter"
GOOGLE = "projects/doors/buckets/plans"
MATCHES = [
    matched(1, p_log_type="AWS.CloudTrail", sourceIPAddress="203.0.113.5", p_any_aws_arns=[AWS_BUCKET]),
    matched(2, p_log_type="AWS.CloudTrail", sourceIPAddress="203.0.113.5", p_any_aws_account_ids=["111122223333"]),
    matched(3, p_log_type="Azure.MonitorActivity", callerIpAddress="203.0.113.6", resourceId=AZURE_VM),
    matched(
        5,
        p_log_type="GCP.AuditLog",
        protoPayload={"resourceName": GOOGLE, "requestMetadata": {"callerIp": "2001:DB8::1"}},
    ),
]


@pytest.fixture
def panther(tmp_path: Path) -> Iterator[SandboxServer]:
    """A Panther whose alerts have every type, severity and status; the token may only read."""
    (tmp_path / "world").mkdir()
    world = write_files(
        tmp_path / "world",
        NOW,
        {
            "alerts": ALERTS,
            "rules": RULES,
            "users": USERS,
            "sources": SOURCES,
            "lake/panther_logs/custom_door": [event(1)],
            "lake/panther_rule_matches/custom_door": MATCHES,
        },
    )
    options = SandboxOptions(
        tokens=(ApiToken("sandbox-token", frozenset({"AlertRead"})), ApiToken("blind", frozenset()))
    )
    with SandboxServer(load_world(world, as_recorded=True), options) as server:
        write_config(tmp_path, server.url)
        yield server


Export = Callable[..., Ran]


@pytest.fixture
def export(panther: SandboxServer, tmp_path: Path) -> Export:
    """Runs `triage export` at the world's time."""
    return lambda *arguments: run_cli("export", *arguments, "--now", NOW, directory=tmp_path)


def rows(ran: Ran) -> list[dict[str, Any]]:
    """The lines of an export that ended well."""
    assert ran.status == 0, ran.err
    return [json.loads(line) for line in ran.out.splitlines()]


def test_risks_are_all_alerts_of_the_window(export: Export, panther: SandboxServer) -> None:
    """Every severity and status, policies and correlations too, which `ingest` would not take; no detection error, and
    nothing older. Only reading requests are sent."""
    found = rows(export("risks"))
    assert [(row["alert_id"], row["category"]) for row in found] == [
        (NAMES[5], "correlation"),
        (NAMES[1], "threat"),
        (NAMES[7], "threat"),
        (NAMES[4], "policy_violation"),
        (NAMES[2], "threat"),
        (NAMES[3], "threat"),
    ]
    assert {row["status"] for row in found} == {"OPEN", "CLOSED", "RESOLVED"}
    assert {operation for _, _, operation in panther.requests} <= READS
    assert [row["severity"] for row in rows(export("risks", "--min-severity", "high"))] == ["CRITICAL", "HIGH", "HIGH"]
    assert len(rows(export("risks", "--since", "90d"))) == 7


def test_assets_are_of_three_clouds(export: Export) -> None:
    """Source addresses, ARNs, Azure and Google resources with the alerts that name them, over all statuses."""
    found = {(row["type"], row["value"]): row for row in rows(export("assets"))}
    address = found["ip", "203.0.113.5"]
    assert address["alerts"] == [NAMES[2], NAMES[1]]
    assert (address["highest_severity"], address["status"], address["statuses"]) == (
        "HIGH",
        "OPEN",
        {"CLOSED": 1, "OPEN": 1},
    )
    assert address["roles"] == ["source"]
    assert (address["first_seen"], address["last_seen"]) == (
        "2031-05-06T09:01:00.000000+00:00",
        "2031-05-06T09:02:30.000000+00:00",
    )
    assert found["cloud_arn", AWS_BUCKET]["provider"] == "aws"
    assert found["cloud_account", "111122223333"]["provider"] == "aws"
    assert found["cloud_resource", AZURE_VM.casefold()]["provider"] == "azure"
    assert found["cloud_resource", GOOGLE]["provider"] == "gcp"
    assert ("ip", "2001:db8::1") in found
    # Without events of its own, an alert's title is all there is.
    assert found["ip", "198.51.100.7"]["alerts"] == [NAMES[7]]
    assert {name for row in rows(export("risks")) for name in row["assets"]} == {row["id"] for row in found.values()}


def test_every_line_keeps_to_the_schema(export: Export) -> None:
    """What `--schema` prints accepts each line, and refuses one with a field more."""
    for kind in ("assets", "risks"):
        schema = json.loads(export(kind, "--schema").out)
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
        found = rows(export(kind))
        assert found
        for row in found:
            validator.validate(row)
        assert not validator.is_valid({**found[0], "more": 1})


def test_csv_has_a_head_and_a_row_each(export: Export) -> None:
    """Lists are joined, nothing is a formula."""
    ran = export("assets", "--format", "csv")
    head, *table = csv.reader(io.StringIO(ran.out))
    assert len(table) == len(rows(export("assets")))
    first = dict(zip(head, next(row for row in table if "203.0.113.5" in row), strict=True))
    assert first["alerts"] == f"{NAMES[2]} | {NAMES[1]}"
    assert first["statuses"] == "CLOSED=1 | OPEN=1"


def test_what_it_costs_is_said(export: Export, panther: SandboxServer) -> None:
    """A request for each alert's events, none with `--no-events`; then only titles name assets."""
    ran = export("risks")
    assert "6 alerts listed, 6 of them new or changed (1 requests for pages of alerts, 6 for events)" in ran.err
    panther.requests.clear()
    ran = export("assets", "--no-events")
    assert [row["value"] for row in rows(ran)] == ["198.51.100.7"]
    assert "0 for events" in ran.err
    assert [operation for _, _, operation in panther.requests] == ["Alerts"]


def test_a_second_run_writes_what_has_changed(export: Export, panther: SandboxServer, tmp_path: Path) -> None:
    """With `--state`: a new status, and the assets of that alert; a kind of row that was not delivered yet is whole. The
    events of an alert that got no new ones are not read again."""
    state = ("--state", "exposure.db")
    assert len(rows(export("risks", *state))) == 6
    assert rows(export("risks", *state)) == []
    panther.requests.clear()
    panther.world.alerts[NAMES[1]].update(status="RESOLVED", updatedAt=NOW)
    (changed,) = rows(export("risks", *state))
    assert (changed["alert_id"], changed["status"]) == (NAMES[1], "RESOLVED")
    assert len(changed["assets"]) == 2
    assert [operation for _, _, operation in panther.requests] == ["Alerts"]
    assert len(rows(export("assets", *state))) > 6
    assert rows(export("assets", *state)) == []
    panther.world.alerts[NAMES[1]].update(lastReceivedEventAt="2031-05-06T11:00:00.000Z")
    panther.requests.clear()
    assert [row["alert_id"] for row in rows(export("risks", *state))] == [NAMES[1]]
    assert [operation for _, _, operation in panther.requests] == ["Alerts", "AlertEvents"]
    assert {row["last_seen"][:13] for row in rows(export("assets", *state))} == {"2031-05-06T11"}
    # What was only listed is read once events are asked for.
    bare = ("--state", "bare.db")
    assert rows(export("assets", *bare, "--no-events"))
    assert len(rows(export("assets", *bare))) > 6
    assert rows(export("assets", *bare, "--no-events")) == []
    assert (tmp_path / "exposure.db").stat().st_mode & 0o077 == 0


def test_an_asset_that_no_alert_names_any_more_is_none(export: Export, panther: SandboxServer) -> None:
    """The title named it; the events, once they are read, do not."""
    panther.world.alerts[NAMES[1]].update(title="From 192.0.2.99")
    state = ("--state", "exposure.db")
    before = {row["value"] for row in rows(export("assets", *state, "--no-events"))}
    after = {row["value"] for row in rows(export("assets", *state))}
    assert ("192.0.2.99" in before, "192.0.2.99" in after, AWS_BUCKET in after) == (True, False, True)


def test_an_old_change_needs_a_longer_reread(export: Export, panther: SandboxServer) -> None:
    """Panther does not say what has changed: alerts older than `--reread` are not listed again."""
    state = ("--state", "exposure.db", "--since", "90d")
    assert len(rows(export("risks", *state))) == 7
    panther.world.alerts[NAMES[8]].update(status="RESOLVED")
    assert rows(export("risks", *state)) == []
    assert [row["alert_id"] for row in rows(export("risks", *state, "--reread", "90d"))] == [NAMES[8]]


def test_what_leaves_the_window_is_forgotten(export: Export) -> None:
    """The file does not grow for ever; a longer window later reads again."""
    state = ("--state", "exposure.db")
    assert len(rows(export("risks", *state, "--since", "90d"))) == 7
    assert rows(export("risks", *state, "--since", "30d")) == []
    assert [row["alert_id"] for row in rows(export("risks", *state, "--since", "90d"))] == [NAMES[8]]


def test_a_file_of_another_panther_is_refused(export: Export, tmp_path: Path) -> None:
    """Ids of two instances must not mix; nor is a file read that is something else."""
    assert len(rows(export("risks", "--state", "exposure.db"))) == 6
    text = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    (tmp_path / "other.yaml").write_text(text.replace("127.0.0.1", "localhost"), encoding="utf-8")
    ran = export("risks", "--state", "exposure.db", "--config", "other.yaml")
    assert (ran.status, "belongs to http://127.0.0.1" in ran.err) == (2, True)
    (tmp_path / "notes.txt").write_text("notes" * 1000, encoding="utf-8")
    ran = export("risks", "--state", "notes.txt")
    assert (ran.status, "no file of `triage export`" in ran.err) == (2, True)
    assert run_cli("status", directory=tmp_path).status == 0
    before = (tmp_path / "triage.db").read_bytes()
    ran = export("risks", "--state", "triage.db")
    assert (ran.status, "no file of `triage export`" in ran.err) == (2, True)
    assert (tmp_path / "triage.db").read_bytes() == before


def test_an_output_file_is_whole_or_not_there(export: Export, tmp_path: Path, panther: SandboxServer) -> None:
    """It is only its owner's; with `--state` one that exists is not overwritten, for it has what no later one will."""
    ran = export("risks", "--state", "s.db", "--out", "risks.jsonl")
    assert (ran.status, ran.out) == (0, "")
    written = tmp_path / "risks.jsonl"
    assert len(written.read_text(encoding="utf-8").splitlines()) == 6
    assert written.stat().st_mode & 0o077 == 0
    again = export("risks", "--state", "s.db", "--out", "risks.jsonl")
    assert (again.status, "move it away" in again.err) == (2, True)
    assert export("risks", "--out", "risks.jsonl", "--min-severity", "critical").status == 0
    assert len(written.read_text(encoding="utf-8").splitlines()) == 1
    panther.fail("Alerts", Fault(status=500), times=20)
    assert export("risks", "--out", "none.jsonl").status == 1
    assert not (tmp_path / "none.jsonl").exists()


def test_an_unreadable_alert_is_named(export: Export, panther: SandboxServer) -> None:
    """Events that Panther refuses leave the risk without them, and the export ends unfinished; the next one tries again."""
    panther.fail("AlertEvents", Fault(status=400, body=b'{"message": "no"}'))
    ran = export("risks", "--state", "exposure.db")
    assert ran.status == 1
    assert "could not be read" in ran.err
    assert [json.loads(line)["events_read"] for line in ran.out.splitlines()].count(False) == 1
    assert [row["events_read"] for row in rows(export("risks", "--state", "exposure.db"))] == [True]


def test_a_busy_panther_is_waited_for(export: Export, panther: SandboxServer) -> None:
    """429 with Retry-After is kept to, and loses nothing."""
    panther.fail("Alerts", Fault(status=429, headers=(("retry-after", "0"),)))
    panther.fail("AlertEvents", Fault(status=429, headers=(("retry-after", "0"),)), times=2)
    assert len(rows(export("risks"))) == 6


def test_the_token_needs_to_read_alerts(export: Export, tmp_path: Path, panther: SandboxServer) -> None:
    """Another one is refused with the permission's name; a bearer token works as well."""
    write_config(tmp_path, panther.url, token="blind")
    ran = export("risks")
    assert ran.status == 2
    assert "permission" in ran.err
    assert READ_PERMISSIONS
    write_config(tmp_path, panther.url)
    text = (tmp_path / "config.yaml").read_text(encoding="utf-8").replace("  token:", "  auth: bearer\n  token:")
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    assert len(rows(export("risks"))) == 6
