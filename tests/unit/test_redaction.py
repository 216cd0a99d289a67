"""Secrets leave a text, identity stays."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.redaction import redact, redact_json, redact_row

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcDEF123_-x"

SECRETS = [
    ("Authorization: Bearer abcdef0123456789abcdef", "abcdef0123456789abcdef"),
    ("authorization=Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA"),
    (f"token {JWT} used", JWT),
    ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI"),
    ('"secretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"', "wJalrXUtnFEMI"),
    ('{\\"password\\":\\"hunter2hunter\\"}', "hunter2hunter"),
    ("mysql -u root --password hunter2hunter db", "hunter2hunter"),
    ('["mysql", "--password", "hunter2hunter"]', "hunter2hunter"),
    ("curl https://bob:s3cr3tpw@host.example/x", "s3cr3tpw"),
    ("git clone https://ghp_0123456789abcdefghijABCDEFGHIJ012345@github.com/a/b", "ghp_0123456789"),
    ("xoxb-123456789012-abcdefghijkl", "xoxb-123456789012"),
    ("sk-proj-0123456789abcdefghijkl", "sk-proj-0123456789"),
    ("Cookie: sid=abcdef; theme=dark", "abcdef"),
    ("GET /?a=1&JSESSIONID=0123456789ABCDEF0123 HTTP/1.1", "0123456789ABCDEF0123"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----", "MIIEow"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk", "b3BlbnNzaC1rZXk"),
    ("https://x.blob.example/c?sv=1&sig=abcdefghijklmnop%2Bqrstu%3D", "abcdefghijklmnop"),
    ("IQoJb3JpZ2luX2VjEDEaCXVzLWVhc3QtMSJHMEUCIQD", "IQoJb3JpZ2luX2VjEDEa"),
    ("api_key: 0123456789abcdef", "0123456789abcdef"),
    ("client_secret=abcd-efgh-ijkl", "abcd-efgh-ijkl"),
    ("SSWS 00abcdefghijklmnopqrstuv", "00abcdefghijklmnopqrstuv"),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_a_secret_is_replaced(text: str, secret: str) -> None:
    """What stands in its place says that something stood there."""
    cleaned = redact(text)
    assert secret not in cleaned
    assert "[redacted " in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "arn:aws:sts::123456789012:assumed-role/Deploy/session",
        "password must be changed",
        "PasswordLastUsed",
        "GetSecretValue",
        '["iam:ChangePassword","iam:CreateLoginProfile"]',
        '"name": "1Password", "raw_type": "1password"',
        "the token was valid",
        "password=HIDDEN_DUE_TO_SECURITY_REASONS",
        "password: ********",
        "eventName=CreateAccessKey accessKeyId=ASIAEXAMPLE",
        "https://host.example/path?session=short",
    ],
)
def test_what_identifies_stays(text: str) -> None:
    """Key ids, roles and words about secrets are evidence."""
    assert redact(text) == text


def test_names_of_keys_count() -> None:
    """A value under `password`, `sessionToken` or `cookie` goes whole, wherever it stands; other types stay."""
    row: dict[str, Any] = {
        "responseElements": {"credentials": {"accessKeyId": "ASIA1", "sessionToken": "abc", "expiration": "x"}},
        "masterUserPassword": "pw",
        "headers": {"Cookie": ["a=b"], "X-Api-Key": "k"},
        "password": True,
        "secret": "",
    }
    cleaned = redact_row(row)
    assert cleaned["responseElements"]["credentials"]["accessKeyId"] == "ASIA1"  # type: ignore[index, call-overload] # JSON
    assert str(cleaned).count("[redacted ") == 4
    assert cleaned["password"] is True
    assert cleaned["secret"] == ""


def test_the_same_token_has_the_same_label() -> None:
    """A reader can tell whether two records hold one token; a password's label gives nothing away."""
    assert redact("Bearer aaaaaaaaaaaaaaaa") == redact("Bearer aaaaaaaaaaaaaaaa")
    assert redact("Bearer aaaaaaaaaaaaaaaa") != redact("Bearer bbbbbbbbbbbbbbbb")
    assert redact("password=aaaaaaaa") == redact("password=bbbbbbbb")


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_doing_it_twice_changes_nothing(text: str, secret: str) -> None:
    """Rows are cleaned when they arrive and again on their way into a prompt."""
    assert redact(redact(text)) == redact(text)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_any_json_survives(value: Any) -> None:
    """The shape stays, and cleaning is stable."""
    cleaned = redact_json(value)
    assert type(cleaned) is type(value)
    assert redact_json(cleaned) == cleaned
