"""Endpoints as they are: each behaviour of `tests.support.endpoints`, with the whole service over a small world."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tests.support.clocks import FakeClock, FastClock
from tests.support.conversations import investigated
from tests.support.endpoints import (
    FAULTS,
    OF_ALERT,
    PARAMETERS,
    SENT_BACK,
    TABLE,
    Behaviour,
    investigator,
    offered,
    refuses,
    unless,
)
from tests.support.llm import ScriptedLlm, completion
from tests.support.loopback import Loopback, Request, respond
from tests.support.notebook import Killed, Notebook
from tests.support.stores import sqlite_url
from tests.support.tiny_world import write_world
from tests.support.wired import wired
from triage.domain.verdict import Analyst, Disposition, Investigation
from triage.edges.llm import open_model
from triage.edges.store import open_store
from triage.errors import ModelError
from triage.ports import ChatRequest, Message, State, ToolSpec
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.service.loop import Service
from triage.service.worker import ATTEMPTS, Tally
from triage.settings import Settings

pytestmark = pytest.mark.anyio

KEY = "sk-test-0123456789abcdefghij"
TOOL = ToolSpec(
    name="note",
    description="Note.",
    parameters={
        "type": "object",
        "properties": {"word": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        "additionalProperties": False,
    },
    strict=True,
)


@pytest.fixture
def panther(tmp_path: Path) -> Iterator[SandboxServer]:
    world = tmp_path / "world"
    world.mkdir()
    with SandboxServer(load_world(write_world(world)), SandboxOptions(query_latency=0.0)) as server:
        yield server


@dataclass
class Ran:
    """What came of one run over all alerts."""

    tally: Tally
    llm: ScriptedLlm
    states: dict[State, int]
    errors: list[str]
    investigations: list[Investigation]
    comments: int
    refused: list[int]
    """Numbers of the requests that were refused."""

    @property
    def verdicts(self) -> list[Disposition]:
        return [found.verdict.disposition for found in self.investigations]


def configured(
    panther: SandboxServer,
    directory: Path,
    url: str,
    *,
    investigation: Mapping[str, Any] = MappingProxyType({}),
    **llm: Any,
) -> Settings:
    """A configuration with one model."""
    return Settings.model_validate(
        {
            "panther": {"url": panther.url, "token": "sandbox-token", "requests_per_second": 1_000},
            "ingest": {"lookback": "48h"},
            "llm": {"base_url": url, "model": "m", "api_key": KEY, **llm},
            "investigation": {"concurrency": 1, **investigation},
            "writeback": {"enabled": True, "audit": ""},
            "store": {"url": sqlite_url(directory)},
        }
    )


async def run(panther: SandboxServer, directory: Path, behaviour: Behaviour, **llm: Any) -> Ran:
    """Triage the world's alerts with a model behind one endpoint, writing comments."""
    refused: list[int] = []

    def serve(asked: dict[str, Any]) -> Any:
        reply = behaviour.serve(asked)
        if isinstance(reply, tuple):
            refused.append(len(server.requests) - 1)
        return reply

    async with ScriptedLlm(serve, probes=True) as server:
        settings = configured(
            panther,
            directory,
            server.url,
            investigation=behaviour.investigation,
            **behaviour.settings,
            **llm,
        )
        async with wired(settings, FastClock(panther.world.clock(), pace=1_000)) as app:
            service = Service(pipeline=app.pipeline, observe=lambda _: None, name="me")
            tally = await service.run_once()
            records = await app.store.records.newest(limit=10)
            investigations = [await app.store.records.investigation(record.alert.id) for record in records]
            listed = [await app.panther.comments.list(record.alert.id) for record in records]
            comments = sum("triage" in comment.body for found in listed for comment in found)
        return Ran(
            tally=tally,
            llm=server,
            states={state: sum(record.state is state for record in records) for state in State},
            errors=list(tally.errors.values()),
            investigations=[found for found in investigations if found is not None],
            comments=comments,
            refused=refused,
        )


@pytest.mark.parametrize("behaviour", TABLE, ids=[behaviour.name for behaviour in TABLE])
async def test_every_endpoint_ends_honestly(panther: SandboxServer, tmp_path: Path, behaviour: Behaviour) -> None:
    """Investigated in spite of it, or nothing concluded: no verdict, no comment, and the reason on the alert."""
    ran = await run(panther, tmp_path, behaviour)
    if not behaviour.done:
        assert ran.verdicts == []
        assert ran.states[State.DONE] == 0
        assert ran.comments == 0
        assert ran.tally.unfinished
        assert ran.errors
        assert all(behaviour.reason in reason for reason in ran.errors)
        return
    assert ran.errors == []
    assert ran.states[State.DONE] == 3
    assert ran.verdicts == [Disposition.SUSPICIOUS] * 3
    assert ran.comments == 3
    # What was learned is not asked for again; a behaviour that refuses nothing here would show nothing.
    assert len(ran.refused) == behaviour.learns


# ---- out of use ------------------------------------------------------------------------------------------------------

WRONG_KEY = FAULTS[0]


async def test_after_some_failures_no_further_alert_is_taken(panther: SandboxServer, tmp_path: Path) -> None:
    """The alerts that were tried have the reason, the others are untouched, and the endpoint is left alone."""
    ran = await run(panther, tmp_path, WRONG_KEY, max_failures=1, pause="30d")
    assert len(ran.llm.requests) == 1
    assert len(ran.errors) == 1
    assert ran.states[State.QUEUED] == 3
    assert ran.comments == 0


async def test_the_offline_analyst_answers_only_where_that_is_configured(
    panther: SandboxServer, tmp_path: Path
) -> None:
    """Each comment then says that no model has judged, and the endpoint was asked no oftener than before."""
    ran = await run(panther, tmp_path, WRONG_KEY, max_failures=1, pause="30d", fallback="offline")
    assert ran.errors == []
    assert ran.states[State.DONE] == 3
    assert len(ran.llm.requests) == 1
    assert {found.analyst for found in ran.investigations} == {Analyst.OFFLINE}
    assert all(
        any("No language model has judged this alert" in note for note in each.notes) for each in ran.investigations
    )


@pytest.mark.parametrize("behaviour", OF_ALERT, ids=[behaviour.name for behaviour in OF_ALERT])
async def test_what_one_alerts_text_brings_about_stops_no_other(
    panther: SandboxServer, tmp_path: Path, behaviour: Behaviour
) -> None:
    """Whoever writes the logs could switch the model off otherwise. It is left to a person, not to the offline analyst."""
    ran = await run(panther, tmp_path, behaviour, max_failures=1, pause="30d", fallback="offline")
    assert ran.states[State.FAILED] == 3
    assert len(ran.errors) == 3
    assert ran.verdicts == []
    assert ran.comments == 0


async def test_alerts_wait_out_a_fault_and_are_then_investigated(panther: SandboxServer, tmp_path: Path) -> None:
    """However long it lasts: no attempt is counted while the model is out of use, so that none is parked."""
    broken = True

    def serve(asked: dict[str, Any]) -> Any:
        return WRONG_KEY.serve(asked) if broken else investigator(asked)

    async with ScriptedLlm(serve, probes=True) as server:
        settings = configured(panther, tmp_path, server.url, max_failures=1, pause="1m")
        async with wired(settings, FastClock(panther.world.clock(), pace=1_000)) as app:
            service = Service(pipeline=app.pipeline, observe=lambda _: None, name="me")
            for _ in range(2 * ATTEMPTS):
                await service.run_once()
                await app.pipeline.clock.sleep(120)
            assert (await app.store.queue.status(now=app.pipeline.clock.now())).by_state == {State.QUEUED: 3}
            broken = False
            await service.run_once()
            assert (await app.store.queue.status(now=app.pipeline.clock.now())).by_state == {State.DONE: 3}


@pytest.mark.parametrize("fallback", ["none", "offline"])
async def test_a_judge_that_cannot_be_asked_has_not_abstained(
    panther: SandboxServer, tmp_path: Path, fallback: str
) -> None:
    """The rules don't decide alone because of a fault. Two of the alerts have no finding that could be judged."""
    judge_down = Behaviour("judge", unless(lambda asked: "weigh" in offered(asked), refuses("no key", 401)))
    ran = await run(panther, tmp_path, judge_down, fallback=fallback, max_failures=9)
    (reason,) = ran.errors
    assert "llm.api_key" in reason
    assert (ran.states[State.DONE], ran.comments) == (2, 2)


# ---- what is remembered ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behaviour", PARAMETERS, ids=[behaviour.name for behaviour in PARAMETERS])
async def test_another_process_need_not_learn_again(
    panther: SandboxServer, tmp_path: Path, behaviour: Behaviour
) -> None:
    """What a refusal taught stands in the store, by endpoint and model."""
    refused: list[dict[str, Any]] = []

    def serve(asked: dict[str, Any]) -> Any:
        reply = behaviour.serve(asked)
        if isinstance(reply, tuple):
            refused.append(asked)
        return reply

    asks = ChatRequest(
        messages=(Message(role="system", content="rules"), Message(role="user", content="hello")),
        tools=(TOOL,),
        tool_choice="note",
    )
    store = await open_store(sqlite_url(tmp_path))
    try:
        async with ScriptedLlm(serve, probes=True) as server:
            settings = configured(panther, tmp_path, server.url, **behaviour.settings).llm
            for _ in range(2):
                async with open_model(settings, clock=FakeClock(), values=store.values) as model:
                    await model.complete(asks)
                    await model.complete(asks)
            assert len(refused) <= behaviour.learns
            other = settings.model_copy(update={"model": "another"})
            async with open_model(other, clock=FakeClock(), values=store.values) as model:
                await model.complete(asks)
            assert len(refused) <= 2 * behaviour.learns
    finally:
        await store.close()


async def test_what_is_configured_by_hand_is_asked_at_once(panther: SandboxServer, tmp_path: Path) -> None:
    """No refusal is needed, and none changes it."""
    asks = ChatRequest(messages=(Message(role="system", content="rules"), Message(role="user", content="hi")))
    quirks = {"output_key": "max_completion_tokens", "system_role": "user"}
    async with ScriptedLlm([completion("hi")]) as server:
        settings = configured(panther, tmp_path, server.url, quirks=quirks).llm
        async with open_model(settings, clock=FakeClock()) as model:
            await model.complete(asks)
    (asked,) = server.requests
    assert asked["max_completion_tokens"] == settings.max_output_tokens
    assert asked["messages"] == [{"role": "user", "content": "rules\n\nhi"}]
    wants = unless(lambda asked: "max_completion_tokens" in asked, refuses("unknown 'max_completion_tokens'"))
    async with ScriptedLlm(wants) as server:
        settings = configured(panther, tmp_path, server.url, quirks=quirks).llm
        async with open_model(settings, clock=FakeClock()) as model:
            with pytest.raises(ModelError, match="max_completion_tokens"):
                await model.complete(asks)


@pytest.mark.parametrize("behaviour", SENT_BACK, ids=[behaviour.name for behaviour in SENT_BACK])
async def test_a_killed_run_still_sends_back_what_came(
    panther: SandboxServer, tmp_path: Path, behaviour: Behaviour
) -> None:
    """The journal holds an assistant's message with all of its fields: killed after any effect, the run goes on."""
    whole = Notebook()
    async with ScriptedLlm(behaviour.serve) as llm:
        expected = await investigated(panther, llm, whole)
    for died in range(len(whole.entries)):
        journal = Notebook()
        journal.dies_after = died
        async with ScriptedLlm(behaviour.serve) as llm:
            with pytest.raises(Killed):
                await investigated(panther, llm, journal)
            journal.dies_after = None
            assert (await investigated(panther, llm, journal)).draft == expected.draft


# ---- gateways --------------------------------------------------------------------------------------------------------


async def test_a_gateway_gets_its_headers_its_query_and_its_key(panther: SandboxServer, tmp_path: Path) -> None:
    """As Azure wants them: the key in a header of its own, the version in the query, the deployment in the path."""
    asks = ChatRequest(messages=(Message(role="user", content="hi"),))

    def answer(request: Request) -> Any:
        return respond(completion("hi"))

    async with Loopback(answer) as server:
        settings = configured(
            panther,
            tmp_path,
            f"{server.url}/openai/deployments/d?api-version=2024-10-21",
            api_key_header="api-key",
            headers={"X-Team": "soc"},
        ).llm
        async with open_model(settings, clock=FakeClock()) as model:
            assert (await model.complete(asks)).content == "hi"
    (request,) = server.requests
    assert request.path == "/openai/deployments/d/chat/completions"
    assert request.query == {"api-version": "2024-10-21"}
    assert request.headers["api-key"] == KEY
    assert request.headers["x-team"] == "soc"
    assert "authorization" not in request.headers


async def test_a_gateways_secret_header_is_not_quoted(panther: SandboxServer, tmp_path: Path) -> None:
    """Even where the gateway quotes it."""
    secret = "gw-0123456789"
    async with ScriptedLlm([refuses(f"header X-Key {secret} is unknown", 401)]) as server:
        settings = configured(panther, tmp_path, server.url, headers={"X-Key": secret}).llm
        async with open_model(settings, clock=FakeClock()) as model:
            with pytest.raises(ModelError) as caught:
                await model.complete(ChatRequest(messages=(Message(role="user", content="hi"),)))
    assert secret not in str(caught.value)
    assert secret not in repr(settings)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for this machine, with its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=gateway.invalid"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([openssl, *options.split(), *names], check=True, capture_output=True)
    return cert, key


async def test_an_own_certificate_authority_is_named_in_the_environment(
    panther: SandboxServer, tmp_path: Path, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_FILE; without it the gateway is not spoken to."""
    cert, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    asks = ChatRequest(messages=(Message(role="user", content="hi"),))
    async with Loopback(lambda _request: respond(completion("hi")), tls=context) as server:
        settings = configured(panther, tmp_path, f"{server.url}/v1").llm
        async with open_model(settings, clock=FakeClock()) as model:
            with pytest.raises(ModelError):
                await model.complete(asks)
        assert server.requests == []
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        async with open_model(settings, clock=FakeClock()) as model:
            assert (await model.complete(asks)).content == "hi"


async def test_a_proxy_is_taken_from_the_environment(
    panther: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTPS_PROXY gets a tunnel to the endpoint's host, and never the key."""
    async with Loopback([respond({}, 502)]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        settings = configured(panther, tmp_path, "https://gateway.invalid/v1").llm
        async with open_model(settings, clock=FakeClock()) as model:
            with pytest.raises(ModelError, match="can't be reached"):
                await model.complete(ChatRequest(messages=(Message(role="user", content="hi"),)))
    assert proxy.requests[0].method == "CONNECT"
    assert proxy.requests[0].target == "gateway.invalid:443"
    assert KEY not in str(proxy.requests[0].headers)
