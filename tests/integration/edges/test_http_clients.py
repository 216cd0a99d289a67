"""The two HTTP client factories."""

import os

import httpx
import httpx2
import openai
import pytest

from tests.support.loopback import Loopback, respond
from triage.edges.http import is_loopback, model_client, panther_client
from triage.errors import ConfigError

pytestmark = pytest.mark.anyio

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from an environment without proxies."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


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


async def test_the_panther_client_follows_nothing_and_waits_for_nothing_for_ever() -> None:
    """No redirects, and every wait has a limit."""
    async with panther_client(urls=["https://panther.invalid"], headers={"x-api-key": "k"}) as client:
        assert not client.follow_redirects
        assert None not in client.timeout.as_dict().values()
        assert client.headers["user-agent"].startswith("panther-triage/")


async def test_the_model_client_is_what_openai_takes_and_follows_nothing() -> None:
    """openai 3 wants httpx2; its own default would follow redirects with the key."""
    client = model_client(urls=["http://127.0.0.1:1/v1"])
    assert isinstance(client, httpx2.AsyncClient)
    assert not client.follow_redirects
    assert None not in client.timeout.as_dict().values()
    async with openai.AsyncOpenAI(api_key="k", base_url="http://127.0.0.1:1/v1", http_client=client) as model:
        assert model.timeout == client.timeout


@pytest.mark.parametrize("proxy", ["HTTP_PROXY", "ALL_PROXY"])
async def test_loopback_is_never_reached_through_a_proxy(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A corporate proxy in the environment would see the tokens of a sandbox or of a local model."""
    async with Loopback([respond({"through": "proxy"})]) as bad, Loopback([respond({"through": "nothing"})]) as good:
        monkeypatch.setenv(proxy, bad.url)
        async with panther_client(urls=[good.url], headers={}) as client:
            assert (await client.get(good.url)).json() == {"through": "nothing"}
        async with model_client(urls=[good.url]) as model:
            assert (await model.get(good.url)).json() == {"through": "nothing"}
        assert bad.requests == []


async def test_another_host_is_reached_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's proxy is honoured for everything else."""
    async with Loopback([respond({"through": "proxy"})]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        async with panther_client(urls=[], headers={}) as client:
            assert (await client.get("http://panther.invalid/x")).json() == {"through": "proxy"}
        assert proxy.requests[0].target == "http://panther.invalid/x"


@pytest.mark.parametrize("value", ["socks5://u:hunter2@127.0.0.1:1", "nonsense://u:hunter2@x"])
async def test_an_unusable_proxy_is_a_configuration_error_without_its_password(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line that names the variables, not their values."""
    monkeypatch.setenv("ALL_PROXY", value)
    for build in (lambda: panther_client(urls=[], headers={}), lambda: model_client(urls=[])):
        with pytest.raises(ConfigError, match="ALL_PROXY") as caught:
            build()
        assert "hunter2" not in str(caught.value)


async def test_missing_certificates_are_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typo in SSL_CERT_FILE is named before anything is sent."""
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull + "/none.pem")
    with pytest.raises(ConfigError, match="SSL_CERT_FILE"):
        panther_client(urls=[], headers={})
    with pytest.raises(ConfigError, match="SSL_CERT_FILE"):
        model_client(urls=[])


async def test_cookies_are_not_kept() -> None:
    """A load balancer's cookie is not sent back."""
    async with Loopback([respond({}, headers={"set-cookie": "stick=1; Path=/"})]) as server:
        async with panther_client(urls=[server.url], headers={}) as client:
            await client.get(server.url)
            await client.get(server.url)
        assert "cookie" not in server.requests[1].headers


def test_httpx_and_httpx2_are_two_libraries() -> None:
    """The factories must not be confused: the types are unrelated."""
    assert not issubclass(httpx2.AsyncClient, httpx.AsyncClient)
