"""Addresses and tokens that the client accepts."""

from typing import Any

import pytest

from triage.edges.panther.config import PantherConfig
from triage.errors import ConfigError

URL = "https://api.acme.runpanther.invalid/public/graphql"


@pytest.mark.parametrize(
    ("url", "rest_url", "expected"),
    [
        (URL, "", "https://api.acme.runpanther.invalid"),
        (URL + "/", "", "https://api.acme.runpanther.invalid"),
        ("https://h.invalid/graphql", "", "https://h.invalid"),
        ("https://h.invalid/base/public/graphql", "", "https://h.invalid/base"),
        ("http://127.0.0.1:8080/public/graphql", "", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/public/graphql", "", "http://[::1]:8080"),
        ("https://gw.invalid/v9", "https://rest.invalid/", "https://rest.invalid"),
        (URL, "https://rest.invalid/public/v1", "https://rest.invalid/public/v1"),
    ],
)
def test_the_rest_address_follows_from_the_graphql_address(url: str, rest_url: str, expected: str) -> None:
    """Unless it is given; both the bare base and .../public/v1 stay as they are."""
    assert PantherConfig(url=url, token="t", rest_url=rest_url).rest_base == expected


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"url": "http://api.acme.runpanther.invalid/public/graphql"}, "plain http"),
        ({"url": "http://127.0.0.1.evil.invalid/public/graphql"}, "plain http"),
        ({"url": "ftp://h.invalid/public/graphql"}, "write a full URL"),
        ({"url": "h.invalid/public/graphql"}, "write a full URL"),
        ({"url": ""}, "write a full URL"),
        ({"url": "https://[bad/public/graphql"}, "write a full URL"),
        ({"url": "https://h.invalid:99999/public/graphql"}, "write a full URL"),
        ({"url": f"https://{'a' * 64}.invalid/public/graphql"}, "write a full URL"),
        ({"url": "https://a..invalid/public/graphql"}, "write a full URL"),
        ({"url": "https://h.invalid/somewhere"}, r"panther\.rest_url too"),
        ({"url": "https://user:pw-77@h.invalid/public/graphql"}, "leave user and password out"),
        ({"url": "https://h.invalid/public/graphql?key=1"}, "query"),
        ({"url": "https://h.invalid/public/graph ql"}, "space"),
        ({"rest_url": "http://h.invalid"}, r"panther\.rest_url: plain http"),
        ({"token": ""}, r"panther\.token: is empty"),
        ({"token": "pw-77\n"}, r"panther\.token: contains a space, a line break"),
        ({"token": "pw-77é"}, "no token has"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_sent(changes: dict[str, Any], says: str) -> None:
    """One line with the key; neither a token nor a password in it."""
    given = {"url": URL, "token": "t", **changes}
    with pytest.raises(ConfigError, match=says) as caught:
        PantherConfig(**given)
    assert "pw-77" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_token_travels_in_one_header_and_shows_nowhere() -> None:
    """In `x-api-key` or as a bearer; never in the representation."""
    config = PantherConfig(url=URL, token="tok-123")
    assert config.headers == {"x-api-key": "tok-123"}
    assert PantherConfig(url=URL, token="tok-123", auth="bearer").headers == {"authorization": "Bearer tok-123"}
    assert "tok-123" not in repr(config)
