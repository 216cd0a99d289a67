"""`routes:` of the configuration: addresses come from the environment or a file, and are secrets from then on."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support.shared import ROOT
from triage.domain.redaction import know_own_secrets, redact
from triage.domain.route import Precedence
from triage.errors import ConfigError
from triage.settings import Settings, load_settings, parse_settings
from triage.settings.routes import RouteSettings, RoutesSettings, secret_parts

HEAD = """\
panther:
  url: https://api.example.runpanther.net/public/graphql
  token: abcdefghij
routes:
  enabled: true
  to:
"""
SLACK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
GOOD = HEAD + "  - {name: soc, url_env: SLACK}\n"


def parse(text: str, environment: Mapping[str, str] = {"SLACK": SLACK}) -> Settings:
    return parse_settings(text, name="config.yaml", environment=environment)


def test_the_default_is_off() -> None:
    """No route, nothing enabled."""
    assert (RoutesSettings().enabled, RoutesSettings().to) == (False, ())


def test_an_address_is_read_from_the_environment() -> None:
    """It is among the secrets, with the parts of it that are tokens, and in no text about the settings."""
    settings = parse(GOOD)
    assert settings.routes.to[0].url.get_secret_value() == SLACK
    assert {SLACK, "TIiajkdnlazkcOXrIdevi7FQ"} <= set(settings.secrets)
    assert "TIiajkdn" not in repr(settings)


def test_an_address_is_read_from_a_file(tmp_path: Path) -> None:
    """Its first line that is not empty."""
    (tmp_path / "slack").write_text(f"\n{SLACK}\nmore\n", encoding="utf-8")
    settings = parse(HEAD + f"  - {{name: soc, url_file: {tmp_path}/slack}}\n")
    assert settings.routes.to[0].url.get_secret_value() == SLACK


@pytest.mark.parametrize(
    ("route", "said"),
    [
        ("{name: soc, url_env: NONE}", "line 7: the environment variable NONE is not set"),
        ("{name: soc, url_file: /nowhere/at-all}", "line 7: /nowhere/at-all cannot be read (FileNotFoundError)"),
        (f"{{name: soc, url: '{SLACK}'}}", "line 7: an address holds a token: name url_env or url_file"),
        ("{name: soc}", "line 7: routes.to.0: name either url_env or url_file"),
        ("{name: soc, url_env: SLACK, url_file: /x}", "name either url_env or url_file"),
        ("{name: Soc!, url_env: SLACK}", "line 7: routes.to.0.name"),
        ("{name: soc, url_env: SLACK, confidence: [sure]}", "line 7: routes.to.0.confidence.0"),
        ("{name: soc, url_env: SLACK, verdict: [benign]}", "did you mean verdicts?"),
        ("{name: soc, url_env: SLACK, quiet_hours: nights}", "write two times of day such as 22:00-06:00"),
        ("{name: soc, url_env: SLACK, jira: {url: 'http://jira.example.com', project: SEC}}", "loopback"),
        ("{name: soc, url_env: SLACK, jira: {url: 'https://j.example.com', project: 'a b'}}", "jira.project"),
    ],
)
def test_a_wrong_route_is_one_line(route: str, said: str) -> None:
    """With its line and the remedy, and never with an address."""
    with pytest.raises(ConfigError) as caught:
        parse(f"{HEAD}  - {route}\n")
    assert said in str(caught.value)
    assert "TIiajkdn" not in str(caught.value)


def test_two_routes_of_one_name_are_refused() -> None:
    """Their messages could not be told apart."""
    with pytest.raises(ConfigError, match="two routes are called soc"):
        parse(GOOD + "  - {name: soc, url_env: SLACK}\n")


@pytest.mark.parametrize("off", [GOOD.replace("enabled: true", "enabled: false")])
def test_where_nothing_is_sent_no_address_is_needed(off: str) -> None:
    """A configuration that is switched off still loads without its secrets."""
    assert parse(off, {}).routes.to[0].url.get_secret_value() == ""


def test_reading_the_state_needs_no_address(tmp_path: Path) -> None:
    """`triage status` works where the service's environment is not."""
    (tmp_path / "config.yaml").write_text(GOOD, encoding="utf-8")
    assert load_settings(tmp_path / "config.yaml", environment={}, needs_token=False).routes.to


def test_the_example_of_a_route_loads() -> None:
    """What `config.example.yaml` shows in comments is a valid section, with every key of a route."""
    lines = (ROOT / "config.example.yaml").read_text("utf-8").splitlines()
    start = lines.index("  to: []")
    shown = []
    for line in lines[start + 1 :]:
        if not line.startswith("  # "):
            break
        shown.append(line.removeprefix("  # "))
    routes = yaml.safe_load("\n".join(shown))
    assert set(routes[0]) | set(routes[1]) | {"url"} == set(
        Settings.model_fields["routes"].annotation.model_fields["to"].annotation.__args__[0].model_fields
    )  # type: ignore[union-attr]
    loaded = RoutesSettings.model_validate({"to": routes})
    assert [route.conditions.precedence for route in loaded.to] == [Precedence.FINDING, Precedence.VERDICT]


@pytest.mark.parametrize(
    ("address", "hidden", "shown"),
    [
        (SLACK, ["TIiajkdnlazkcOXrIdevi7FQ"], ["hooks.slack.com", "services"]),
        (
            "mailtos://triage:s3cret-pass@smtp.example.com?to=soc@example.com",
            ["s3cret-pass"],
            ["smtp.example.com", "soc@example.com", "triage"],
        ),
        (f"pagerduty://{'a1' * 16}@{'b2' * 10}", ["a1" * 16, "b2" * 10], []),
        ("jsons://hooks.example.com/in/Zx81Qwertz0123456789abcd", ["Zx81Qwertz0123456789abcd"], ["hooks.example.com"]),
    ],
)
def test_only_what_is_secret_in_an_address_is_hidden(address: str, hidden: list[str], shown: list[str]) -> None:
    """Tokens and passwords are replaced wherever they stand; names of hosts and people stay readable in evidence."""
    know_own_secrets(secret_parts(address))
    for part in [address, *hidden]:
        assert part not in redact(f"it said {part} here")
    for part in shown:
        assert part in redact(f"it said {part} here")


KEYS = st.sampled_from([*RouteSettings.model_fields, "urls", "to", "enabled"])
WORDS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from(["", "soc", "SLACK", "malicious", "HIGH", "{", "/"])
)
ANY = st.recursive(WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))


@given(st.dictionaries(st.sampled_from(["enabled", "to", "match", "more"]), ANY | st.lists(st.dictionaries(KEYS, ANY))))
def test_any_section_is_read_or_refused(section: dict[str, object]) -> None:
    """Whatever stands below `routes:`, it is a value, or one line that names its place."""
    text = HEAD.partition("routes:")[0] + yaml.safe_dump({"routes": section})
    try:
        routes, refused = parse(text).routes.to, ""
    except ConfigError as error:
        routes, refused = (), str(error)
    assert not refused or ("line " in refused and "\n" not in refused)
    assert all(route.url_env or route.url_file for route in routes)


@given(st.text(max_size=80))
def test_any_text_has_secret_parts(text: str) -> None:
    """An address that cannot be read is a secret as a whole."""
    parts = secret_parts(text)
    assert (text in parts) is bool(text)
    assert all(parts)
