"""Secrets as people and programs write them down, planted in texts and records: none is left."""

import json

import pytest

from tests.support.planted_secrets import FORMS, SECRETS
from triage.domain.redaction import redact, redact_json

HARMLESS = (
    "docker run -p 8080:80 nginx",
    "mkdir -p /srv/data/2026",
    "ssh -p 2222 host.example",
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db/prod-AbCdEf",
    "iam:ChangePassword",
    "the token was refused",
    "password is required",
    "mysql -u root -p",
    "net use Z: \\\\srv\\share /persistent:yes",
    "curl -u mira https://x.example",
    "identified by its hash",
    "pass: yes",
)
HARMLESS_RECORDS = (
    ["mkdir", "-p", "/srv/data/2026"],
    ["iam:ChangePassword", "iam:CreateLoginProfile"],
    ["ssh", "-p", "2222"],
    {"key": "Name", "value": "prod-1"},
    {"ParameterKey": "InstanceType", "ParameterValue": "m5.large"},
    {"accessKeyId": "AKIAIOSFODNN7EXAMPLE", "userName": "mira.holt"},
)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_planted_secret_is_replaced(form: str) -> None:
    """Also within a JSON text, and among the fields of an event."""
    planted = FORMS[form]
    whole = {"requestParameters": planted, "note": json.dumps({"inner": planted})}

    cleaned = json.dumps(redact_json(whole), ensure_ascii=False)

    if isinstance(planted, str):
        cleaned += redact(planted)
    shown = cleaned.replace("\u200b", "")
    assert not [secret for secret in SECRETS if secret in shown]


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_planted_secret_amid_words_is_replaced(form: str) -> None:
    """As a title quotes it, records as JSON; a second time changes nothing."""
    planted = FORMS[form]
    text = f"Opened [door 3] with {planted if isinstance(planted, str) else json.dumps(planted)} at the {{gate}}"

    cleaned = redact(text)

    shown = cleaned.replace("\u200b", "").replace("\\u200b", "")
    assert not [secret for secret in SECRETS if secret in shown]
    assert redact(cleaned) == cleaned


@pytest.mark.parametrize("text", HARMLESS)
def test_what_looks_alike_stays(text: str) -> None:
    """A port, a path, an action's name or a prompt for a password is none."""
    assert redact(text) == text


@pytest.mark.parametrize("record", HARMLESS_RECORDS, ids=str)
def test_records_that_look_alike_stay(record: object) -> None:
    """The arguments and pairs of ordinary events."""
    assert redact_json(record) == record  # type: ignore[arg-type]
