"""The configuration."""

import contextlib
import string
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.shared import ROOT
from triage.errors import ConfigError
from triage.settings import Settings, is_loopback, load_settings, parse_duration, parse_settings

GOOD = """\
panther:
  url: https://api.example.runpanther.net/public/graphql
  token: ${PANTHER_API_TOKEN}
"""
SECRET = "s3cr3t-token-value"
ENVIRONMENT = {"PANTHER_API_TOKEN": SECRET}


def parse(text: str, **environment: str) -> Settings:
    return parse_settings(text, name="config.yaml", environment=ENVIRONMENT | environment)


def test_the_example_loads() -> None:
    """What `triage init` writes is a valid configuration with the documented defaults."""
    example = ROOT / "config.example.yaml"
    settings = load_settings(example, environment=ENVIRONMENT)
    assert settings.panther.token.get_secret_value() == SECRET
    assert settings == parse(GOOD)


def test_every_setting_is_in_the_example() -> None:
    """A key that the program knows is shown to the newcomer."""
    text = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    for section in Settings.model_fields.values():
        assert section.annotation is not None
        for key in section.annotation.model_fields:
            assert f" {key}:" in text, key


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD + "  tokn: x\n", "line 4: unknown key panther.tokn, did you mean token? allowed here: url, token"),
        (GOOD + "ingets: {}\n", "line 4: unknown key ingets, did you mean ingest? allowed here: panther, ingest"),
        (GOOD + "  colour: red\n", "line 4: unknown key panther.colour; allowed here: url, token"),
        (GOOD + "  auth: basic\n", "line 4: panther.auth: write 'x-api-key' or 'bearer'"),
        (GOOD + "  auth: [bearer]\n", "line 4: panther.auth: write 'x-api-key' or 'bearer'"),
        (GOOD + "  concurrency: many\n", "line 4: panther.concurrency: write a whole number"),
        (GOOD + "  concurrency: 1.5\n", "line 4: panther.concurrency: write a whole number"),
        (GOOD + "  concurrency: 0\n", "line 4: panther.concurrency: write 1 or more"),
        (GOOD + "  concurrency: 999\n", "line 4: panther.concurrency: write 256 or less"),
        (GOOD + "  requests_per_second: 0\n", "line 4: panther.requests_per_second: write a number above 0"),
        (GOOD + "  requests_per_second: fast\n", "line 4: panther.requests_per_second: write a number"),
        (GOOD + "ingest:\n  log_types: AWS.CloudTrail\n", "line 5: ingest.log_types: write a list such as [one,"),
        (GOOD + "ingest:\n  log_types: [5]\n", "line 5: ingest.log_types.0: write text; what YAML reads as a number"),
        (GOOD + "ingest: off\n", "line 4: ingest: write keys with their values"),
        (GOOD + "llm:\n  prices: none\n", "line 5: llm.prices: write keys with their values"),
        (GOOD + "writeback:\n  enabled: maybe\n", "line 5: writeback.enabled: write true or false"),
        (GOOD + "writeback:\n  enabled: [1]\n", "line 5: writeback.enabled: write true or false"),
        (GOOD + "writeback:\n  verdicts: [benin]\n", "or 'benign', did you mean benign?"),
        (
            GOOD + "ingest:\n  dedup_key: titel\n",
            "line 5: ingest.dedup_key: write 'title', 'detection' or 'entities', did",
        ),
        (GOOD.replace("${PANTHER_API_TOKEN}", "''"), "line 3: panther.token: is empty"),
        (GOOD + "  url: https://b.example\n", "line 4: panther.url is given twice; keep one"),
        (GOOD.replace("https://", "http://"), "line 2: panther.url: plain http:// is accepted for this machine"),
        (GOOD + "ingest:\n  poll_interval: 60\n", "line 5: ingest.poll_interval: write a duration such as"),
        (GOOD + "ingest:\n  detection_id_regex: '('\n", "line 5: ingest.detection_id_regex: not a Python regular"),
        (GOOD + "ingest:\n  severities: [HIGH, HUGE]\n", "line 5: ingest.severities.1: write 'CRITICAL', 'HIGH'"),
        (GOOD + "llm:\n  model: ${NOPE}\n", "line 5: llm.model reads the environment variable NOPE"),
        (GOOD + "web: {token: short}\n", "line 4: web.token: write at least 20 characters without spaces; `openssl"),
        (GOOD + "web: {token: a token with spaces in it}\n", "line 4: web.token: write at least 20 characters"),
        (GOOD + "webhook: {secret: short}\n", "line 4: webhook.secret: write at least 20 characters without spaces"),
        (GOOD + "web: {url: 'http://triage.example.com'}\n", "line 4: web.url: plain http:// is accepted for this"),
        (GOOD + "web: {url: 'https://a.example/triage'}\n", "line 4: web.url: write scheme and host only"),
        (GOOD + "web: {user_header: X-User}\n", "line 4: web: user_header: set trusted_proxies"),
        (GOOD + "web: {trusted_proxies: [127.0.0.1]}\n", "line 4: web: trusted_proxies: set user_header"),
        (GOOD + "web: {trusted_proxies: [proxy]}\n", "line 4: web.trusted_proxies.0: write an address or a network"),
        (GOOD + "web: {trusted_proxies: ['::/0']}\n", "line 4: web.trusted_proxies.0: this trusts everyone"),
        (GOOD + "web: {user_header: 'X User'}\n", "line 4: web.user_header"),
        ("panther: [\n", "line 2: "),
        ("!0", "line 1: the file has a YAML tag; write a plain value"),
        (GOOD + "  timeout: !!python/name:os.system x\n", "line 4: panther.timeout has a YAML tag"),
        (GOOD + "  timeout: 2026-99-99\n", "line 4: panther.timeout"),
        ("ingest: {}\n", "line 1: panther is missing"),
        ("- x\n", "line 1: the file must hold keys"),
        (GOOD + "  timeout: [1]\n", "line 4: panther.timeout: write a duration"),
        ("panther:\n  url: ftp://x\n  token: x\n", "line 2: panther.url: write the API URL that Panther shows"),
        ("panther:\n  url: https://u:p@x\n  token: x\n", "line 2: panther.url: leave user and password out"),
    ],
)
def test_what_is_wrong_is_one_line(text: str, expected: str) -> None:
    """Key, line and remedy, and never a secret."""
    with pytest.raises(ConfigError) as caught:
        parse(text)
    message = str(caught.value)
    assert expected in message
    assert "\n" not in message
    assert SECRET not in message


def test_a_missing_token_variable_names_its_line() -> None:
    """A variable that is not set is found before anything is asked."""
    with pytest.raises(ConfigError, match=r"config.yaml, line 3: panther.token reads the environment variable PANTHER"):
        parse_settings(GOOD, name="config.yaml", environment={})


def test_a_missing_model_key_leaves_the_offline_analyst() -> None:
    """`${OPENAI_API_KEY}` may stay unset; then no model is asked."""
    text = GOOD + "llm:\n  api_key: ${OPENAI_API_KEY}\n"
    assert not parse(text).uses_llm
    assert parse(text, OPENAI_API_KEY="k").uses_llm
    assert not parse(text + "investigation:\n  analyst: offline\n", OPENAI_API_KEY="k").uses_llm


def test_secrets_do_not_show() -> None:
    """Neither repr nor str of the settings holds the token."""
    settings = parse(GOOD + "llm:\n  api_key: another-secret\n")
    assert SECRET not in repr(settings) + str(settings)
    assert "another-secret" not in repr(settings)


def test_loopback_may_be_plain_http() -> None:
    """The sandbox is reached without TLS."""
    for host in ("127.0.0.1:8000", "localhost:1", "[::1]:9"):
        text = GOOD.replace("https://api.example.runpanther.net", f"http://{host}")
        assert parse(text).panther.url.startswith("http://")


@pytest.mark.parametrize(
    "key",
    [
        "panther.timeout",
        "ingest.poll_interval",
        "ingest.lookback",
        "ingest.backlog_window",
        "llm.timeout",
        "investigation.history",
    ],
)
def test_an_interval_is_above_zero(key: str) -> None:
    """A wait or a span of no length would poll without pause or ask about nothing; it is refused, with its line."""
    section, name = key.split(".")
    head = GOOD if section == "panther" else f"{GOOD}{section}:\n"
    with pytest.raises(ConfigError, match=rf"line \d: {key}: write a duration above zero, such as 90s"):
        parse(f"{head}  {name}: 0s\n")


def test_the_consoles_word_for_closed_is_accepted() -> None:
    """Panther's console shows CLOSED as Invalid; both are read, in any case, as filter and as policy."""
    ingest = f"{GOOD}ingest:\n  statuses: [open, Invalid, INVALID, closed, Triaged]\n"
    assert parse(ingest).ingest.statuses == ("OPEN", "CLOSED", "CLOSED", "CLOSED", "TRIAGED")
    assert parse(f"{GOOD}writeback:\n  status: {{benign: invalid}}\n").writeback.status == {"benign": "CLOSED"}
    with pytest.raises(ConfigError, match="Invalid"):
        parse(f"{GOOD}writeback:\n  status: {{malicious: invalid}}\n")


@pytest.mark.parametrize(
    "written",
    [
        "acme.runpanther.net",
        "api.acme.runpanther.net",
        "https://acme.runpanther.net",
        "https://acme.runpanther.net/alerts-and-errors/?status=OPEN#top",
        "https://ACME.runpanther.net/",
        "https://api.acme.runpanther.net/public/v1",
        "https://acme.runpanther.net/public/graphql",
        "https://api.acme.runpanther.net/public/graphql/",
    ],
)
def test_the_api_url_follows_from_the_console(written: str) -> None:
    """On Panther's own hosting the console's address and the bare host leave no doubt which API is meant."""
    url = "https://api.acme.runpanther.net/public/graphql"
    assert parse(GOOD.replace("https://api.example.runpanther.net/public/graphql", written)).panther.url == url


def test_another_host_is_taken_as_written() -> None:
    """Nothing is guessed about an address that Panther's own hosting did not give."""
    for url in ("https://panther.corp.example/v9", "https://runpanther.net.example/public/graphql"):
        assert parse(GOOD.replace("https://api.example.runpanther.net/public/graphql", url)).panther.url == url


@pytest.mark.parametrize(
    ("text", "expected"), [("90s", 90), ("15m", 900), ("1.5h", 5400), ("30d", 30 * 86400), (" 2 m ", 120)]
)
def test_durations(text: str, expected: float) -> None:
    """A number and a unit."""
    assert parse_duration(text) == timedelta(seconds=expected)


@pytest.mark.parametrize("text", ["36501d", "99999999d", "9999999999999999d", "9" * 400 + "s"])
def test_a_duration_that_no_calendar_has_is_refused(text: str) -> None:
    """In words, wherever one is written: it is subtracted from the present."""
    with pytest.raises(ValueError, match="at most 36500d"):
        parse_duration(text)


@given(st.text(alphabet=string.printable, max_size=200))
def test_any_text_is_settings_or_one_line(text: str) -> None:
    """Nothing but ConfigError comes out of a bad file."""
    with contextlib.suppress(ConfigError):
        assert isinstance(parse(text), Settings)


def test_aliases_that_expand_without_end_are_refused() -> None:
    """A configuration is bounded in what its aliases expand to."""
    bomb = "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    with pytest.raises(ConfigError, match=r"config.yaml, line 10: holds more than 200000 values"):
        parse(GOOD + bomb)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("127.0.0.1", True),
        ("127.9.8.7", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_only(host: str, expected: bool) -> None:
    """Names that merely look like loopback are not."""
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("off", timedelta(0)),
        ("'off'", timedelta(0)),
        ("0", timedelta(0)),
        ("0s", timedelta(0)),
        ("6h", timedelta(hours=6)),
    ],
)
def test_a_second_look_can_be_turned_off_in_every_spelling(written: str, means: timedelta) -> None:
    """YAML reads a bare `off` as false."""
    settings = parse(f"{GOOD}ingest:\n  second_look: {written}\n")
    assert settings.ingest.second_look == means
    assert (settings.ingest.growth is None) is (not means)
    with pytest.raises(ConfigError, match="write a duration"):
        parse(f"{GOOD}ingest:\n  second_look: sometimes\n")
