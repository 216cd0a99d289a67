"""`triage runbook test`: the steps of a plan on one alert of a small lake.

Takes about ten seconds, most of it for starting the server and parsing the questions.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.cli import Ran, run_cli, write_config
from tests.support.panther import TOKEN
from tests.support.plans import plan, question, step
from tests.support.small_lake import ALERT, event_at, write_lake
from triage.domain.plan import PlanSource
from triage.questions.plan_files import plan_yaml
from triage.sandbox.server import ApiToken, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

NOW = datetime(2026, 3, 4, 15, tzinfo=UTC)
AT = NOW - timedelta(hours=6)
LOG_TYPE = "Slack.AuditLogs"
RULE = "Slack.Test"
TEXT = "1. Find all events by the user in the 2 hours after the alert\n2. Confirm with the owner that it was planned\n"


def slack(action: str) -> dict[str, object]:
    """An event of Slack's audit log."""
    return {
        "action": action,
        "actor": {"type": "user", "user": {"email": "ada@acme.example", "id": "W1"}},
        "entity": {"user": {"email": "bo@acme.example"}},
        "context": {"ip_address": "198.51.100.7"},
    }


@pytest.fixture(scope="module")
def panther(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    rule = {
        "id": RULE,
        "displayName": "More rights",
        "severity": "HIGH",
        "runbook": TEXT,
        "body": "def rule(event):\n    return True\n",
        "logTypes": [LOG_TYPE],
    }
    others = [event_at(AT - timedelta(days=day), day, LOG_TYPE, **slack("file_uploaded")) for day in range(1, 10)]
    others.append(event_at(AT + timedelta(minutes=29), 60, LOG_TYPE, **slack("private_channel_converted_to_public")))
    matched = event_at(AT, 99, LOG_TYPE, **slack("role_change_to_admin"))
    folder = write_lake(tmp_path_factory.mktemp("lake"), now=NOW, rule=rule, at=AT, matched=matched, others=others)
    with SandboxServer(load_world(folder, as_recorded=True), SandboxOptions(tokens=(ApiToken(TOKEN),))) as server:
        yield server


@pytest.fixture
def work(panther: SandboxServer, tmp_path: Path) -> Path:
    """A directory with a configuration, and a person's plan of an older text."""
    write_config(tmp_path, panther.url, token=TOKEN)
    (tmp_path / "plans").mkdir()
    edited = plan(
        step(1, "What followed?", question(window={"from": "+0s", "to": "+2h"})),
        step(2, "Is the address known to be bad?", needs=("the reputation of the address",)),
        detection=RULE,
        text="an older text",
        source=PlanSource.PERSON,
    )
    (tmp_path / "plans" / f"{RULE}.yaml").write_text(plan_yaml(edited), encoding="utf-8")
    return tmp_path


def tried(*arguments: str, work: Path) -> Ran:
    return run_cli("runbook", "test", *arguments, "--now", NOW.isoformat(), directory=work)


def test_each_step_ends_with_its_evidence(work: Path) -> None:
    """By a person's plan: answered with the rows it rests on, or what is needed; and a note that the text has changed."""
    ran = tried(RULE, "--alert", ALERT, "--plans", "plans", "--sql", work=work)
    assert ran.status == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0] == f"{RULE} on {ALERT}: More rights"
    assert lines[2] == "1. What followed?"
    assert lines[3].startswith("   answered: ")
    assert "private_channel_converted_to_public" in lines[3]
    assert "[panther_logs.public.slack_auditlogs] " in lines[4]
    assert lines[5].strip().startswith("SELECT ")
    assert "   not in the lake: " in ran.out
    assert "the reputation of the address" in ran.out
    assert "has changed since Slack.Test.yaml was edited" in ran.err


def test_the_text_in_panther_is_compiled_where_no_file_is(work: Path) -> None:
    """`--json` has each step with its state, answer and evidence, and nothing else is printed."""
    ran = tried(RULE, "--alert", ALERT, "--json", work=work)
    assert (ran.status, ran.err) == (0, "")
    first, second = ran.json["steps"]
    assert (first["text"], first["state"]) == (TEXT.splitlines()[0][3:], "answered")
    (evidence,) = first["evidence"]
    assert evidence["row_count"] >= 1
    assert evidence["sql"].startswith("SELECT ")
    assert second["state"] == "for a person"


def test_a_new_text_can_be_tried_before_it_is_uploaded(work: Path) -> None:
    """With --file the grammar compiles that text."""
    (work / "new.txt").write_text(TEXT.replace("2 hours", "10 minutes"), encoding="utf-8")
    ran = tried(RULE, "--alert", ALERT, "--file", "new.txt", "--json", work=work)
    assert ran.status == 0, ran.err
    assert "10 minutes" in ran.json["steps"][0]["text"]
    assert "private_channel" not in ran.json["steps"][0]["answer"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("Other.Rule", "--alert", ALERT), f"is of {RULE}, not of Other.Rule"),
        ((RULE, "--alert", "no-such-alert"), "no-such-alert"),
        ((RULE,), "--alert"),
    ],
)
def test_a_wrong_request(arguments: tuple[str, ...], said: str, work: Path) -> None:
    """Another detection's alert, an alert that isn't there, none at all."""
    ran = tried(*arguments, work=work)
    assert ran.status == 2
    assert said in ran.err
    assert ran.out == ""


def test_an_investigation_uses_the_plan_in_the_file(panther: SandboxServer, work: Path) -> None:
    """With `investigation.runbooks` its steps are in the report, and the note that the text has changed."""
    write_config(work, panther.url, token=TOKEN, more="investigation:\n  runbooks: plans\n  analyst: offline\n")
    ran = run_cli("investigate", ALERT, "--json", "--now", NOW.isoformat(), directory=work)
    assert ran.status == 0, ran.err
    assert "What followed?" in ran.out
    assert "has changed since Slack.Test.yaml was edited" in ran.out
