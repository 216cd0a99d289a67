"""The HTTP clients for Panther and for the model."""

import os
from typing import Any

import httpx
import httpx2
import openai
import pytest

from tests.support.loopback import Loopback, respond
from triage.edges.http import http_client
from triage.errors import ConfigError

pytestmark = pytest.mark.anyio

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from an environment without proxies."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


def build(library: Any = httpx, *urls: str) -> Any:
    return http_client(library, urls=urls, headers={"x-api-key": "k"}, connections=4, read_seconds=30.0)


@pytest.mark.parametrize("library", [httpx, httpx2])
async def test_a_client_follows_nothing_and_waits_for_nothing_for_ever(library: Any) -> None:
    """No redirects, which would carry the key along, and every wait has a limit."""
    async with build(library, "https://panther.invalid") as client:
        assert isinstance(client, library.AsyncClient)
        assert not client.follow_redirects
        assert None not in client.timeout.as_dict().values()
        assert client.headers["user-agent"].startswith("panther-triage/")
        assert client.headers["x-api-key"] == "k"


async def test_openai_takes_the_client_with_its_limits() -> None:
    """openai 3 wants httpx2."""
    client = build(httpx2, "http://127.0.0.1:1/v1")
    async with openai.AsyncOpenAI(api_key="k", base_url="http://127.0.0.1:1/v1", http_client=client) as model:
        assert model.timeout == client.timeout


@pytest.mark.parametrize("proxy", ["HTTP_PROXY", "ALL_PROXY"])
async def test_loopback_is_never_reached_through_a_proxy(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A corporate proxy in the environment would see the tokens of a sandbox or of a local model."""
    async with Loopback([respond({"through": "proxy"})]) as bad, Loopback([respond({"through": "nothing"})]) as good:
        monkeypatch.setenv(proxy, bad.url)
        async with build(httpx, good.url) as client:
            assert (await client.get(good.url)).json() == {"through": "nothing"}
        async with build(httpx2, good.url) as model:
            assert (await model.get(good.url)).json() == {"through": "nothing"}
        assert bad.requests == []


async def test_another_host_is_reached_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's proxy is honoured for everything else."""
    async with Loopback([respond({"through": "proxy"})]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        async with build() as client:
            assert (await client.get("http://panther.invalid/x")).json() == {"through": "proxy"}
        assert proxy.requests[0].target == "http://panther.invalid/x"


@pytest.mark.parametrize("value", ["socks5://u:hunter2@127.0.0.1:1", "nonsense://u:hunter2@x"])
async def test_an_unusable_proxy_is_a_configuration_error_without_its_password(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line that names the variables, not their values."""
    monkeypatch.setenv("ALL_PROXY", value)
    for library in (httpx, httpx2):
        with pytest.raises(ConfigError, match="ALL_PROXY") as caught:
            build(library)
        assert "hunter2" not in str(caught.value)


async def test_missing_certificates_are_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typo in SSL_CERT_FILE is named before anything is sent."""
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull + "/none.pem")
    for library in (httpx, httpx2):
        with pytest.raises(ConfigError, match="SSL_CERT_FILE"):
            build(library)


async def test_cookies_are_not_kept() -> None:
    """A load balancer's cookie is not sent back."""
    async with Loopback([respond({}, headers={"set-cookie": "stick=1; Path=/"})]) as server:
        async with build(httpx, server.url) as client:
            await client.get(server.url)
            await client.get(server.url)
        assert "cookie" not in server.requests[1].headers
