"""`triage web` as a process, and the pages beside the metrics of `triage run`."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.support.cli import run_cli
from tests.support.investigations import malicious
from tests.support.shared import ROOT
from tests.support.stores import sqlite_url
from tests.support.team import TOKEN, prepare, settings_for, some_alerts
from tests.support.tiny_world import ALERTS, write_world
from triage.edges.clock import SystemClock
from triage.edges.store import open_store
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world
from triage.service.status import ProcessHealth
from triage.web.metrics import Metrics
from triage.web.pages import team_pages
from triage.web.server import LOOPBACK, bound, serving, url_of


def configure(directory: Path, web: str = "") -> None:
    text = "panther: {url: 'http://127.0.0.1:1', token: '${PANTHER_API_TOKEN}'}\n"
    text += f"store: {{url: '{sqlite_url(directory)}'}}\nweb: {{{web}}}\n"
    (directory / "config.yaml").write_text(text, encoding="utf-8")


def test_the_command_serves_until_it_is_ended(tmp_path: Path) -> None:
    """It prints where, needs no token of Panther's, logs who signs in but no token, and ends on SIGTERM with status 0."""
    prepare(tmp_path, some_alerts)
    configure(tmp_path, "token: '${TRIAGE_WEB_TOKEN}'")
    process = subprocess.Popen(
        [sys.executable, "-m", "triage", "web", "--listen", "0"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TRIAGE_WEB_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        found = re.search(r"pages: (http://127\.0\.0\.1:\d+)/", process.stderr.readline())
        assert found is not None
        with httpx.Client(base_url=found[1], headers={"Origin": found[1]}) as client:
            assert client.get("/").status_code == 401
            assert client.post("/login", data={"name": "eve", "token": TOKEN + "x"}).status_code == 403
            assert client.post("/login", data={"name": "mi\tra", "token": TOKEN}).status_code == 303
            alert = client.get(f"/alerts/{malicious()[0].id}").text
            form = re.findall(r'name="form" value="(\w+)"', alert)[-1]
            sent = {"form": form, "label": "true-positive", "reason": "INC-42"}
            assert client.post(f"/alerts/{malicious()[0].id}", data=sent).status_code == 303
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out) == (0, "")
    assert "warning: refused a sign-in from 127.0.0.1" in err
    assert "mi ra signed in from 127.0.0.1" in err
    assert f"mi ra marked alert {malicious()[0].id}: true-positive" in err
    assert TOKEN not in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("listen", "web", "message"),
    [
        ("0.0.0.0:0", "", "the pages would be open to everyone who reaches 0.0.0.0: set web.token, or web.user_header"),
        ("[::]:0", "", "the pages would be open to everyone who reaches ::"),
        ("nonsense", "", "--listen: 'nonsense' is not PORT or HOST:PORT"),
        ("0", "token: short", "web.token: write at least 20 characters"),
    ],
)
def test_what_would_be_unsafe_is_refused_at_the_start(tmp_path: Path, listen: str, web: str, message: str) -> None:
    """One line that says what to set, and status 2."""
    configure(tmp_path, web)
    ran = run_cli("web", "--listen", listen, directory=tmp_path)
    assert ran.status == 2
    assert message in ran.err
    assert len(ran.err.splitlines()) == 1


def test_the_pages_stand_beside_the_metrics(tmp_path: Path) -> None:
    """One port: `/metrics` and `/healthz` as ever, without a token, and everything else behind the guard of the pages."""
    prepare(tmp_path, some_alerts)
    settings = settings_for(tmp_path, f"token: {TOKEN}")

    async def ask() -> list[httpx.Response]:
        store = await open_store(settings.store.url)
        try:
            with bound(LOOPBACK, 0) as listener:
                clock = SystemClock()
                pages = team_pages(settings, store, clock, host=LOOPBACK)
                metrics = Metrics("USD")
                async with (
                    serving(listener, store, ProcessHealth(), metrics, clock, pages=pages),
                    httpx.AsyncClient(base_url=url_of(listener)) as client,
                ):
                    bearer = {"Authorization": f"Bearer {TOKEN}"}
                    return [
                        await client.get("/metrics"),
                        await client.get("/healthz"),
                        await client.get("/"),
                        await client.get("/", headers=bearer),
                        await client.get("/nothing", headers=bearer),
                        await client.get("/style.css"),
                    ]
        finally:
            await store.close()

    answers = asyncio.run(ask())
    assert [each.status_code for each in answers] == [200, 503, 401, 200, 404, 200]
    assert 'triage_alerts_stored{state="done"} 4.0' in answers[0].text
    assert "<h1>Queue</h1>" in answers[3].text


@pytest.mark.slow
def test_one_process_triages_and_serves_everything(tmp_path: Path) -> None:
    """`triage run --listen --web` with a secret: metrics, the webhook and the pages on one port, each with its own guard.

    Takes about 5 seconds: the program is started.
    """
    folder, secret = tmp_path / "world", "a-secret-of-the-destination-0123456789"
    folder.mkdir()
    with SandboxServer(load_world(write_world(folder))) as panther:
        configure(tmp_path, f"token: {TOKEN}")
        config = (tmp_path / "config.yaml").read_text("utf-8").replace("http://127.0.0.1:1", panther.url)
        config += "webhook: {secret: '${TRIAGE_WEBHOOK_SECRET}'}\n"
        (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-m", "triage", "run", "--no-poll", "--listen", "0", "--web"],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT),
                "PANTHER_API_TOKEN": "sandbox-token",
                "TRIAGE_WEBHOOK_SECRET": secret,
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stderr is not None
            lines: list[str] = []
            while "pages: " not in "".join(lines):
                lines.append(process.stderr.readline())
                assert lines[-1], lines
            found = re.search(r"webhook: (http://127\.0\.0\.1:\d+)/panther", "".join(lines))
            assert found is not None
            alert_id = ALERTS[0]["id"]
            with httpx.Client(base_url=found[1], timeout=30) as client:
                bearer = {"Authorization": f"Bearer {TOKEN}"}
                assert client.get("/metrics").status_code == 200
                assert client.get("/").status_code == 401
                assert client.post("/panther", json={"alertId": alert_id}, headers=bearer).status_code == 401
                called = client.post("/panther", json={"alertId": alert_id}, headers={"X-Triage-Secret": secret})
                assert called.status_code == 202
                page = client.get(f"/alerts/{alert_id}", headers=bearer)
                deadline = time.monotonic() + 30
                while page.status_code == 404 and time.monotonic() < deadline:
                    time.sleep(0.1)
                    page = client.get(f"/alerts/{alert_id}", headers=bearer)
                assert page.status_code == 200
                assert ALERTS[0]["title"] in page.text
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
            process.communicate()
    assert process.returncode == 0, err
    assert secret not in "".join(lines) + err
