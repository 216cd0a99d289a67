"""The configured secrets are replaced by exact match, in every usual encoding."""

import base64
import html
import json
from urllib.parse import quote

import pytest

from triage.domain.own_secrets import LABEL, OwnSecrets
from triage.domain.redaction import know_own_secrets, redact, redact_json
from triage.settings import Settings

SECRET = 'Own"Pa/ss+w\u00f6rd?7'
FORMS = {
    "plain": SECRET,
    "in a word": f"x{SECRET}y",
    "url": quote(SECRET, safe=""),
    "url, lower case": quote(SECRET, safe="").lower().replace(SECRET[:3].lower(), SECRET[:3]),
    "every byte in per cent": "".join(f"%{byte:02x}" for byte in SECRET.encode()),
    "json": json.dumps({"a": SECRET}),
    "json, not ascii": json.dumps({"a": SECRET}, ensure_ascii=False),
    "json in json": json.dumps({"a": json.dumps({"b": SECRET})}),
    "html": html.escape(SECRET),
    "hex": SECRET.encode().hex(),
    "HEX": SECRET.encode().hex().upper(),
    **{f"base64, {n} before": base64.b64encode(b"a" * n + SECRET.encode() + b"tail").decode() for n in range(4)},
    "base64, url-safe": base64.urlsafe_b64encode(b"user:" + SECRET.encode()).decode(),
    "base64, utf-16": base64.b64encode(f"echo {SECRET}".encode("utf-16-le")).decode(),
    "base64 in a url": quote(base64.b64encode(SECRET.encode()).decode(), safe=""),
}


def own() -> OwnSecrets:
    secrets = OwnSecrets()
    assert secrets.add([SECRET, "short"])
    return secrets


@pytest.mark.parametrize("form", sorted(set(FORMS) - {"url, lower case", "base64 in a url"}))
def test_a_configured_secret_is_replaced_in_every_encoding(form: str) -> None:
    """A label takes its place; nothing of it is left, and nothing else is touched."""
    cleaned = own().replace(f"before {FORMS[form]} after")

    assert LABEL in cleaned
    assert FORMS[form] not in cleaned
    assert cleaned.startswith("before ")
    assert cleaned.endswith(" after")


def test_a_short_one_is_not_looked_for() -> None:
    """It would be found in ordinary words."""
    assert own().replace("a short text") == "a short text"


def test_redaction_knows_the_secrets_of_the_settings() -> None:
    """Tokens, the model's key and the database's password are known from the settings on; also in keys, and within an
    encoding of an encoding."""
    settings = Settings.model_validate(
        {
            "panther": {"url": "https://api.acme.example/public/graphql", "token": "acme-panther-reading-9"},
            "llm": {"api_key": "acme-model-key-value-9"},
            "writeback": {"token": "acme-panther-writing-9"},
            "store": {"url": "postgresql://triage:acme-data%2Fbase-9@db.acme.example/triage"},
        }
    )
    secrets = ("acme-panther-reading-9", "acme-panther-writing-9", "acme-model-key-value-9", "acme-data/base-9")
    assert set(settings.secrets) == set(secrets)
    assert all(secret in redact(f"noted {secret} here") for secret in secrets)

    know_own_secrets(settings.secrets)

    for secret in secrets:
        assert redact(f"noted {secret} here") == f"noted {LABEL} here"
        twice = quote(base64.b64encode(base64.b64encode(secret.encode())).decode(), safe="")
        assert redact_json({secret: [secret], "again": twice}) != {secret: [secret], "again": twice}
        assert secret not in json.dumps(redact_json({secret: [secret]}))
        assert twice not in redact(f"noted {twice} here")
