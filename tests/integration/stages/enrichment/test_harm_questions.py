"""Harm is asked for before everything else, with the parameters that decide whether it is any.

Takes about five seconds, most of it for starting the server and parsing the questions.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.stages.enrichment.test_log_type_questions import enrich
from tests.support.small_lake import event_at, write_lake
from triage.domain.dossier import Dossier

NOW = datetime(2026, 3, 4, 15, tzinfo=UTC)
AT = NOW - timedelta(hours=6)
OWN, HERE = "111122223333", "198.51.100.7"
ADA = f"arn:aws:iam::{OWN}:user/ada"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def call(name: str, **more: Any) -> dict[str, Any]:
    """A call of Ada's."""
    return {
        "eventName": name,
        "eventSource": "iam.amazonaws.com",
        "sourceIPAddress": HERE,
        "recipientAccountId": OWN,
        "userIdentity": {"type": "IAMUser", "arn": ADA, "userName": "ada", "accountId": OWN},
        **more,
    }


def dossier(folder: Path, *after: tuple[timedelta, dict[str, Any]], matched: dict[str, Any] | None = None) -> Dossier:
    """What is found out about an alert on Ada, with these calls after it."""
    rule = {
        "id": "AWS.Test",
        "displayName": "Something changed",
        "severity": "HIGH",
        "runbook": "",
        "body": "def rule(event):\n    return True\n",
        "tags": [],
        "logTypes": ["AWS.CloudTrail"],
        "reports": {},
        "dedupPeriodMinutes": 60,
        "threshold": 1,
        "enabled": True,
    }
    days = [event_at(AT - timedelta(days=day), day, "AWS.CloudTrail", **call("ListUsers")) for day in range(1, 25)]
    later = [event_at(AT + offset, 100 + n, "AWS.CloudTrail", **event) for n, (offset, event) in enumerate(after)]
    one = event_at(AT, 99, "AWS.CloudTrail", **(matched or call("ModifyVpcAttribute")))
    world = write_lake(folder, now=NOW, rule=rule, at=AT, matched=one, others=[*days, *later])
    return asyncio.run(enrich(world))


def attach(policy: str) -> dict[str, Any]:
    """A managed policy is attached to a role."""
    return call("AttachRolePolicy", requestParameters={"roleName": "r", "policyArn": policy})


def test_no_volume_of_harmless_calls_pushes_the_harm_out(tmp_path: Path) -> None:
    """250 kinds of harmless calls come first in time; the key that is made after them is still seen."""
    noise = [(timedelta(seconds=n), call(f"Describe{n}")) for n in range(1, 251)]
    found = dossier(tmp_path, *noise, (timedelta(hours=1), call("CreateAccessKey")))
    after = next(entry for entry in found.evidence if entry.key.endswith(".actor_after"))

    assert after.truncated
    assert after.rows[0]["action"] == "CreateAccessKey"
    names = {signal.name for signal in found.signals}
    assert "harmful_aftermath" in names
    assert "quiet_aftermath" not in names


@pytest.mark.parametrize(("policy", "harm"), [(BASIC, False), (ADMINISTRATOR, True)])
def test_the_policy_that_was_attached_decides(tmp_path: Path, policy: str, harm: bool) -> None:
    """The lake gives the parameters of calls whose harm depends on them."""
    found = dossier(tmp_path, (timedelta(minutes=9), attach(policy)))

    assert ("harmful_aftermath" in {signal.name for signal in found.signals}) is harm


@pytest.mark.parametrize(("policy", "harm"), [(BASIC, False), (ADMINISTRATOR, True)])
def test_what_was_attached_an_hour_before_decides(tmp_path: Path, policy: str, harm: bool) -> None:
    """Harm before the alert is known, by its own parameters and not by those of what followed."""
    other = BASIC if policy is ADMINISTRATOR else ADMINISTRATOR
    found = dossier(tmp_path, (timedelta(hours=-1), attach(policy)), (timedelta(hours=1), attach(other)))
    told = {signal.name for signal in found.signals}

    assert ("harm_before" in told) is harm
    assert ("harmful_aftermath" in told) is not harm


def test_a_reader_sees_what_was_run_and_which_secret_was_read(tmp_path: Path) -> None:
    """The command of a task, its image and role, and the name of a secret are shown beside the harmful calls."""
    image = {
        "family": "nightly",
        "taskRoleArn": "arn:aws:iam::1:role/r",
        "containerDefinitions": [{"image": "x/miner"}],
    }
    command = {"taskDefinition": "nightly:3", "overrides": {"containerOverrides": [{"command": ["sh", "-c", "id"]}]}}
    found = dossier(
        tmp_path,
        (timedelta(minutes=-5), call("RegisterTaskDefinition", requestParameters=image)),
        (timedelta(minutes=5), call("RunTask", requestParameters=command)),
        (timedelta(minutes=9), call("GetSecretValue", requestParameters={"secretId": "payroll/db"})),
    )
    entry = next(entry for entry in found.evidence if entry.key.endswith(".harm_parameters"))
    shown = {str(row["action"]): row for row in entry.rows}

    # A family of task definitions is shared by all who register one, so it is a parameter and no target.
    assert {name: row["target"] for name, row in shown.items()} == {
        "RegisterTaskDefinition": None, "RunTask": None, "GetSecretValue": "payroll/db"
    }  # fmt: skip
    assert "nightly:3" in str(shown["RunTask"]["parameters"])
    assert "x/miner" in str(shown["RegisterTaskDefinition"]["parameters"])
    assert '"sh","-c","id"' in str(shown["RunTask"]["parameters"]).replace(", ", ",")
    assert "payroll/db" in str(shown["GetSecretValue"]["parameters"])


def test_an_attempt_that_failed_excuses_and_accuses_nobody(tmp_path: Path) -> None:
    """A role that was there already was not made; the failed call is not a refusal."""
    failed = call("CreateUser", errorCode="EntityAlreadyExistsException", requestParameters={"userName": "x"})
    found = dossier(tmp_path, *[(timedelta(minutes=n), failed) for n in range(1, 5)])
    after = next(entry for entry in found.evidence if entry.key.endswith(".actor_after"))
    (row,) = [row for row in after.rows if row["action"] == "CreateUser"]

    assert (row["times"], row["refused"], row["failed"]) == (4, 0, 4)
    assert not {"harmful_aftermath", "refused"} & {signal.name for signal in found.signals}


def test_a_sign_in_after_the_refused_one_is_found_in_the_log_itself(tmp_path: Path) -> None:
    """No sign-in log of another kind is needed to see that the address that failed got in."""
    failure = call("ConsoleLogin", errorMessage="Failed authentication", responseElements={"ConsoleLogin": "Failure"})
    success = call("ConsoleLogin", responseElements={"ConsoleLogin": "Success"})
    found = dossier(tmp_path, (timedelta(minutes=6), success), matched=failure)

    names = {signal.name for signal in found.signals}
    assert "failed_then_succeeded" in names
    assert "quiet_aftermath" not in names
