"""Countries that providers set are compared with those of earlier days, against small lakes.

Takes about two seconds a case, most of it for starting the server.
"""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.stages.enrichment.test_log_type_questions import ADA, AT, NOW, enrich
from tests.support.small_lake import event_at, write_lake

OFFICE, OUTSIDE = "203.0.113.9", "198.51.100.77"


def okta(address: str, country: str, result: str = "SUCCESS") -> dict[str, Any]:
    """A sign-in to Okta."""
    return {
        "eventType": "user.session.start",
        "actor": {"alternateId": ADA, "type": "User"},
        "client": {"ipAddress": address, "geographicalContext": {"country": country}},
        "outcome": {"result": result},
    }


def github(address: str, country: str, result: str = "SUCCESS") -> dict[str, Any]:
    """A sign-in to GitHub."""
    return {
        "action": "user.login" if result == "SUCCESS" else "user.failed_login",
        "actor": "ada",
        "actor_ip": address,
        "actor_location": {"country_code": country},
    }


def entra(address: str, country: str, result: str = "SUCCESS") -> dict[str, Any]:
    """A sign-in to Entra."""
    return {
        "category": "SignInLogs",
        "operationName": "Sign-in activity",
        "resultType": "0" if result == "SUCCESS" else "50126",
        "callerIpAddress": address,
        "properties": {
            "userPrincipalName": ADA,
            "ipAddress": address,
            "location": {"countryOrRegion": country},
            "status": {"errorCode": 0 if result == "SUCCESS" else 50126},
        },
    }


def onepassword(address: str, country: str, result: str = "SUCCESS") -> dict[str, Any]:
    """A sign-in to 1Password."""
    return {
        "type": "credentials_ok",
        "category": "success" if result == "SUCCESS" else "credentials_failed",
        "country": country,
        "target_user": {"email": ADA},
        "client": {"ip_address": address},
    }


LOGS = {
    "Okta.SystemLog": okta,
    "GitHub.Audit": github,
    "Azure.Audit": entra,
    "OnePassword.SignInAttempt": onepassword,
}


@pytest.mark.parametrize("log_type", LOGS)
def test_a_sign_in_from_a_country_that_was_only_refused_before_is_a_fact(tmp_path: Path, log_type: str) -> None:
    """Weeks of work from Germany, one failed guess from Romania long ago, and now a success from Romania."""
    event = LOGS[log_type]
    rule = {
        "id": f"{log_type}.SignIn",
        "displayName": "A sign-in",
        "severity": "MEDIUM",
        "runbook": "",
        "body": "def rule(event):\n    return True\n",
        "tags": [],
        "logTypes": [log_type],
        "reports": {},
        "dedupPeriodMinutes": 60,
        "threshold": 1,
        "enabled": True,
    }
    others = [event_at(AT - timedelta(days=day), day, log_type, **event(OFFICE, "DE")) for day in range(1, 25)]
    guess = event("198.51.100.9", "RO", "FAILURE")
    others += [event_at(AT - timedelta(days=20, hours=3), 500, log_type, **guess)]
    act = event_at(AT, 999, log_type, **event(OUTSIDE, "RO"))
    found = asyncio.run(enrich(write_lake(tmp_path, now=NOW, rule=rule, at=AT, matched=act, others=others)))
    sentences = [signal.sentence for signal in found.signals if signal.name == "new_country"]

    assert len(sentences) == 1
    assert "acted from RO, and on " in sentences[0]
    assert sentences[0].endswith(" earlier days only from DE.")
