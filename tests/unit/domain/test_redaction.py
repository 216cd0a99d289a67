"""Secrets leave a text, identity stays."""

import base64
import hashlib
import json
import re
import string
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.make import alert
from tests.support.shared import shared_lines
from triage.domain import secret_patterns
from triage.domain.alert import Actor, DetectionOrigin
from triage.domain.redaction import redact, redact_json, redact_row, without_secrets

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


def test_a_secret_is_replaced() -> None:
    """What stands in its place says that something stood there."""
    for text, secret in SECRETS:
        cleaned = redact(text)
        assert secret not in cleaned, text
        assert "[redacted " in cleaned, text


def test_what_identifies_stays() -> None:
    """Key ids, roles and words about secrets are evidence."""
    cases = [
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
    ]
    for text in cases:
        assert redact(text) == text, text


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


def test_doing_it_twice_changes_nothing() -> None:
    """Rows are cleaned when they arrive and again on their way into a prompt."""
    for text, _ in SECRETS:
        assert redact(redact(text)) == redact(text), text


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


LETTERS = string.ascii_letters + string.digits
bodies = st.text(alphabet=LETTERS, min_size=36, max_size=44)


def _aws_secret(body: str) -> str:
    return f"aA0{body}"[:40].ljust(40, "Z")


PLANTED: dict[str, Callable[[str], tuple[str, str]]] = {
    "bearer": lambda body: (f"Authorization: Bearer {body}", body),
    "basic": lambda body: (f"Authorization: Basic {b64(f'kim:{body}')}", b64(f"kim:{body}")),
    "password": lambda body: (f"password={body}", body),
    "quoted password": lambda body: (f'password="{body[:9]} {body[9:]}"', body[9:]),
    "json password": lambda body: (json.dumps({"user": "kim", "password": body}), body),
    "aws secret": lambda body: (f"AKIAABCDEFGHIJKLMNOP {_aws_secret(body)}", _aws_secret(body)),
    "aws variable": lambda body: (f"AWS_SECRET_ACCESS_KEY={body}", body),
    "github": lambda body: (f"ghp_{body}", body),
    "slack": lambda body: (f"xoxb-{body}", body),
    "jwt": lambda body: (f"eyJhbGciOiJIUzI1NiJ9.eyJ{body}.{body[::-1]}", body),
    "cookie": lambda body: (f"Cookie: sid={body}; theme=dark", body),
    "session": lambda body: (f"JSESSIONID={body}", body),
    "private key": lambda body: (f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----", body),
    "url password": lambda body: (f"postgresql://kim:{body}@db.harbor.example/x", body),
    "password with @": lambda body: (f"https://kim:{body[:9]}@{body[9:]}@db.harbor.example/x", body[9:]),
    "query": lambda body: (f"https://x.harbor.example/cb?state=1&access_token={body}&v=2", body),
    "signature": lambda body: (f"https://x.harbor.example/o?sig={body}", body),
    "connection string": lambda body: (f"AccountName=ledger;AccountKey={body};EndpointSuffix=x", body),
    "sql": lambda body: (f"create user kim password = '{body}'", body),
    "flag": lambda body: (f"mysql --user kim --password {body}", body),
}


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "url": lambda text: quote(text, safe=""),
    "twice url": lambda text: quote(quote(text, safe=""), safe=""),
    "base64": b64,
    "url-safe base64": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 twice": lambda text: b64(b64(text)),
    "url in base64": lambda text: b64(quote(text, safe="")),
    "base64 in a url": lambda text: f"/x?blob={quote(b64(text), safe='')}",
    "utf-16 base64": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "json text": lambda text: json.dumps({"body": json.dumps({"text": text})}),
    "quoted": lambda text: f'level=info msg="{text}"' if '"' not in text else text,
}
SURROUNDINGS = ("{}", "before {} after", '{{"k": 1}} {}', "x={}", "[{}]", "<{}>", "a,{},b")


@given(bodies, st.sampled_from(sorted(PLANTED)), st.sampled_from(sorted(ENCODINGS)), st.sampled_from(SURROUNDINGS))
@settings(max_examples=400)
def test_a_planted_secret_never_survives(body: str, kind: str, encoding: str, around: str) -> None:
    """Whatever the secret, how it is encoded and what stands around it: neither it nor an encoding of it is left."""
    text, secret = PLANTED[kind](body)
    encoded = ENCODINGS[encoding](text)
    cleaned = redact(around.format(encoded))
    assert "[redacted " in cleaned
    assert secret not in cleaned
    assert encoded not in cleaned
    assert secret not in unquote(unquote(cleaned))
    row = redact_row({"a": [{"deep": {"b": encoded}}]})
    assert secret not in json.dumps(row)
    assert redact(cleaned) == cleaned


@given(bodies, st.sampled_from(sorted(set(ENCODINGS) - {"quoted"})))
def test_a_token_has_one_label_in_every_encoding(body: str, encoding: str) -> None:
    """A reader can tell that a record holds the token of another one."""
    token = f"ghp_{body}"
    assert redact(token) in redact(ENCODINGS[encoding](token))


def test_ordinary_text_is_not_destroyed() -> None:
    """Names, hashes, images, cursors and paths read like secrets to no pattern."""
    cases = [
        "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_ReadOnly_0123456789abcdef",
        "c0ffee00-1234-4abc-8def-0123456789ab",
        hashlib.sha256(b"x").hexdigest(),
        hashlib.sha1(b"x", usedforsecurity=False).hexdigest(),
        base64.b64encode(hashlib.sha256(b"y").digest()).decode(),
        base64.b64encode(bytes(range(256))).decode(),
        base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(60)).decode(),
        base64.b64encode(b"the quick brown fox jumps over it").decode(),
        base64.b64encode(b"cursor:2031-05-06T09:00:00Z").decode(),
        base64.b64encode(b"arn:aws:sqs:eu-west-1:123456789012:q").decode(),
        "AKIAIOSFODNN7EXAMPLE",
        "https://host.example/a%20b?next=%2Fhome%3Ftab%3D1",
        "AmazonEC2RoleforSSM/Policy/2031-abcdefg",
        "/aws/lambda/ThumbnailMaker2/2031/05/06/$LATEST",
        '{"alg":"none","tokens":12,"secretName":"db/prod"}',
        "basic authentication failed",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db/prod-AbCdEf",
        "o=ZXlKaGJHY2lPaUpJVXpJMU5pSjk",
    ]
    for value in cases:
        assert redact(value) == value, value
        assert redact_row({"value": value}) == {"value": value}, value


def test_a_name_beside_a_value_counts() -> None:
    """An environment variable of a container is a pair of name and value."""
    row = redact_row({"env": [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "MODE", "value": "fast"}]})
    assert row == {"env": [{"name": "DB_PASSWORD", "value": "[redacted password]"}, {"name": "MODE", "value": "fast"}]}


def test_a_bare_private_key_is_known_by_its_structure() -> None:
    """Base64 without its armour still holds a key; a certificate stays."""
    key = base64.b64encode(bytes.fromhex("308204a50201000282010100") + bytes(range(200))).decode()
    certificate = base64.b64encode(bytes.fromhex("308203a53082028da00302010202") + bytes(range(200))).decode()
    assert redact(f"value {key}") == "value [redacted private key]"
    assert redact(certificate) == certificate


def test_hostile_text_is_read_in_bounded_time() -> None:
    """No input makes the patterns run away; each of these takes well under a second, and a quadratic one minutes."""
    cases = [
        "password=" * 20_000,
        "a" * 200_000,
        "%41" * 60_000,
        "%" * 100_000,
        "://" * 60_000,
        "://a:" * 40_000,
        "eyJ" * 60_000,
        "Bearer " * 30_000,
        "-----BEGIN PRIVATE KEY" * 8_000,
        "A" * 39 + "/" + "akia" * 40_000,
        "ab:" * 60_000,
        "{" * 100_000 + "}",
        "[" * 900 + "]" * 900,
        "deadbeef" * 20_000,
        "key=" * 40_000,
        "-" * 100_000,
        '\\"' * 60_000,
    ]
    for text in cases:
        assert len(redact(text)) <= 2 * len(text), text[:40]


def test_published_events_lose_secrets_only() -> None:
    """Of the events of published detections, every text that changes stood under a secret's name or beside one."""
    changed = []
    for entry in shared_lines("data/rule_tests.ndjson"):
        before, after = entry["event"], redact_json(entry["event"])
        if before != after:
            changed.append(json.dumps(after))
    assert len(changed) <= 10


def test_an_alert_loses_the_secrets_in_its_texts() -> None:
    """Title, context, reference and notes may quote an event; what names and dates the alert stays."""
    token = f"ghp_{'a1B2c3' * 6}"
    whole = alert(
        title=f"Token {token} used",
        description=token,
        runbook=token,
        reference=f"https://example.test/?token={token}",
        context={"password": "hunter2hunter", "who": "ada@corp.example"},
        notes=(f"cut at {token}",),
    )
    cleaned = without_secrets(whole)
    assert token not in cleaned.model_dump_json()
    assert cleaned.context == {"password": "[redacted password]", "who": "ada@corp.example"}
    kept = {"id", "severity", "status", "kind", "created_at", "origin"}
    assert cleaned.model_dump(include=kept) == whole.model_dump(include=kept)
    assert without_secrets(cleaned) == cleaned


TEXTS = st.one_of(
    st.sampled_from(
        ["", "Root was used", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "DB_PASSWORD"]
    ),
    st.sampled_from([secret for secret, _ in SECRETS]),
    st.text(max_size=40),
)


@given(
    title=TEXTS,
    description=TEXTS,
    name=TEXTS,
    severity=TEXTS,
    email=TEXTS,
    context=st.dictionaries(TEXTS, TEXTS, max_size=2),
    notes=st.lists(TEXTS, max_size=3).map(tuple),
)
def test_an_alert_is_read_as_its_json_would_be(
    title: str, description: str, name: str, severity: str, email: str, context: dict[str, str], notes: tuple[str, ...]
) -> None:
    """Whether or not an alert has secrets, it becomes what its record as JSON becomes."""
    whole = alert(
        title=title,
        description=description,
        severity=severity,
        origin=DetectionOrigin(id="D", name=name),
        assignee=Actor(id="u", kind="user", email=email),
        context=context,
        notes=notes,
    )
    assert without_secrets(whole).model_dump(mode="json") == redact_json(whole.model_dump(mode="json"))


@given(st.from_regex(re.compile(secret_patterns._WORTH._text), fullmatch=False))  # type: ignore[attr-defined]  # of `later`
def test_no_text_worth_reading_is_passed_over(text: str) -> None:
    """The quick look for stems never says no where the patterns' own test says yes."""
    assert secret_patterns._is_worth(text) == bool(secret_patterns._WORTH.search(text))
