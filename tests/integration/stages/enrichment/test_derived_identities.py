"""What an act leads to is followed under the names of the identities that it makes or reaches, against small lakes.

Takes about two seconds a case, most of it for starting the server.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.stages.enrichment.test_log_type_questions import AT, NOW, enrich
from tests.support.small_lake import event_at, write_lake
from triage.domain.dossier import Dossier

OFFICE, CLUSTER, OUTSIDE = "203.0.113.9", "10.0.0.4", "198.51.100.77"
ADA, BO, SA = "ada@acme.example", "bo@acme.example", "system:serviceaccount:web:deployer"


def aws(user: str, key: str, address: str, name: str, request: Any = None, response: Any = None) -> dict[str, Any]:
    """A call of an IAM user."""
    return {
        "eventName": name,
        "eventSource": "iam.amazonaws.com",
        "sourceIPAddress": address,
        "userIdentity": {
            "type": "IAMUser",
            "arn": f"arn:aws:iam::1:user/{user}",
            "userName": user,
            "accessKeyId": key,
        },
        "requestParameters": request,
        "responseElements": response,
    }


def kube(who: str, address: str, verb: str, resource: str, name: str = "", request: Any = None) -> dict[str, Any]:
    """A request to Kubernetes."""
    return {
        "verb": verb,
        "user": {"username": who},
        "sourceIPs": [address],
        "objectRef": {"resource": resource, "namespace": "web", "name": name},
        "responseStatus": {"code": 200},
        "requestObject": request,
    }


def okta(who: str, address: str, action: str, *targets: str) -> dict[str, Any]:
    """An event of Okta."""
    return {
        "eventType": action,
        "actor": {"alternateId": who, "type": "User"},
        "client": {"ipAddress": address},
        "outcome": {"result": "SUCCESS"},
        "target": [{"type": "User", "alternateId": target} for target in targets],
    }


@dataclass(frozen=True)
class Story:
    """An act, what was usual before it, and what followed."""

    log_type: str
    act: dict[str, Any]
    usual: tuple[dict[str, Any], ...]
    """Each day's work."""
    then: tuple[dict[str, Any], ...]
    """From half an hour after the act on."""


MADE = aws(
    "ada",
    "AKIAADA",
    OFFICE,
    "CreateAccessKey",
    {"userName": "pipeline"},
    {"accessKey": {"accessKeyId": "AKIANEW", "userName": "pipeline"}},
)
BINDING = {"subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": "web"}]}
POD = {"spec": {"nodeName": "node-7", "containers": [{"name": "a", "securityContext": {"privileged": True}}]}}
BY_ADA = kube(ADA, OFFICE, "get", "pods", "web-0")
ACCESS = (aws("ada", "AKIAADA", OFFICE, "ListUsers"), aws("pipeline", "AKIAOLD", CLUSTER, "GetSecretValue"))

HARMFUL = {
    "the service account that a binding serves": Story(
        "Amazon.EKS.Audit",
        kube(ADA, OFFICE, "create", "clusterrolebindings", "admins", BINDING),
        (BY_ADA, kube(SA, CLUSTER, "get", "configmaps", "settings")),
        (kube(SA, CLUSTER, "list", "secrets"),),
    ),
    "the node of a privileged pod": Story(
        "Amazon.EKS.Audit",
        kube(ADA, OFFICE, "create", "pods", "debug", POD),
        (BY_ADA, kube("system:node:node-7", CLUSTER, "get", "pods", "web-0")),
        (kube("system:node:node-7", OUTSIDE, "get", "configmaps", "settings"),),
    ),
    "the owner of a token that was read": Story(
        "Amazon.EKS.Audit",
        kube(ADA, OFFICE, "get", "secrets", "deployer-token-x7k2p"),
        (BY_ADA, kube(SA, CLUSTER, "get", "configmaps", "settings")),
        (kube(SA, OUTSIDE, "get", "configmaps", "settings"),),
    ),
    "the key that was made": Story(
        "AWS.CloudTrail", MADE, ACCESS, (aws("pipeline", "AKIANEW", OUTSIDE, "GetSecretValue"),)
    ),
    "the password that was reset": Story(
        "Okta.SystemLog",
        okta(ADA, OFFICE, "user.account.reset_password", BO),
        (okta(ADA, OFFICE, "user.session.start"), okta(BO, CLUSTER, "user.session.start")),
        (okta(BO, OUTSIDE, "user.session.start"),),
    ),
}
CALM = {
    "a key that was rotated": Story(
        "AWS.CloudTrail", MADE, ACCESS, (aws("pipeline", "AKIANEW", CLUSTER, "GetSecretValue"),)
    ),
    "a person whom the help desk helped": Story(
        "Okta.SystemLog",
        okta(ADA, OFFICE, "user.account.reset_password", BO),
        (okta(ADA, OFFICE, "user.session.start"), okta(BO, CLUSTER, "user.session.start")),
        (okta(BO, CLUSTER, "user.session.start"),),
    ),
}


def told(folder: Path, story: Story) -> Dossier:
    """The dossier of the alert on the act."""
    rule = {
        "id": f"{story.log_type}.Act",
        "displayName": "An act",
        "severity": "HIGH",
        "runbook": "",
        "body": "def rule(event):\n    return True\n",
        "tags": [],
        "logTypes": [story.log_type],
        "reports": {},
        "dedupPeriodMinutes": 60,
        "threshold": 1,
        "enabled": True,
    }
    others = [
        event_at(AT - timedelta(days=day, minutes=number), 100 * day + number, story.log_type, **event)
        for day in range(1, 25)
        for number, event in enumerate(story.usual)
    ]
    others += [
        event_at(AT + timedelta(minutes=31 + number), 5000 + number, story.log_type, **event)
        for number, event in enumerate(story.then)
    ]
    # Somebody's work of today shows that the log was delivered.
    others += [event_at(NOW - timedelta(minutes=5), 6000, story.log_type, **story.usual[0])]
    act = event_at(AT, 9999, story.log_type, **story.act)
    return asyncio.run(enrich(write_lake(folder, now=NOW, rule=rule, at=AT, matched=act, others=others)))


@pytest.mark.parametrize("name", HARMFUL)
def test_harm_under_another_name_is_found_and_nothing_is_called_quiet(tmp_path: Path, name: str) -> None:
    """Whoever did the act is silent afterwards; the identity that it led to isn't."""
    signals = {signal.name: signal for signal in told(tmp_path, HARMFUL[name]).signals}
    sentence = next(signals[each].sentence for each in ("derived_used", "derived_harm") if each in signals)

    assert " at 09:00 UTC, " in sentence
    assert " at 09:31 " in sentence
    assert OUTSIDE in sentence or CLUSTER in sentence
    assert "quiet_aftermath" not in signals


@pytest.mark.parametrize("name", CALM)
def test_an_identity_that_goes_on_as_before_stays_calm(tmp_path: Path, name: str) -> None:
    """The same act as ordinary work raises nothing, and quiet takes in the identity too."""
    found = told(tmp_path, CALM[name])
    signals = {signal.name: signal for signal in found.signals}
    asked = {entry.id: entry.key.partition(".")[2] for entry in found.evidence}

    assert not {"derived_used", "derived_harm"} & signals.keys()
    assert "derived_as_usual" in signals
    assert {asked[each] for each in signals["quiet_aftermath"].evidence} == {"actor_soon_after", "derived_after"}
