"""Drives Debian's Chromium, headless, over its debugging pipe; tests skip visibly where there is none."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-extensions",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--remote-debugging-pipe",
)

_LAUNCH = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
os.dup2(ends[0], 3)
os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""The pipe's ends are the descriptors 3 and 4 in the browser."""
_PATIENCE = 60.0
"""Seconds without a word from the browser."""


class Browser:
    """One tab."""

    def __init__(self, send: int, receive: int) -> None:
        self._send = send
        self._receive = receive
        self._rest = b""
        self._number = 0
        self._session = ""
        self._origin = ""
        self.complaints: list[str] = []
        """What the page wrote to the console, or asked the network for beyond the server that was visited."""

    def start(self) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the DevTools protocol; events that come before its answer are kept."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)

    def open(self, path: Path, *, width: int, dark: bool = False) -> None:
        """Show a file at a width, until it is loaded."""
        self._origin = ""
        self._go(path.resolve().as_uri(), width, dark)

    def visit(self, url: str, *, width: int = 1280, dark: bool = False) -> None:
        """Show a page of a server at a width, until it is loaded; further requests to that server are no complaint."""
        parts = urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.netloc}/"
        self._go(url, width, dark)

    def _go(self, url: str, width: int, dark: bool) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=url)
        self.loaded()

    def loaded(self) -> None:
        """Wait for the next page."""
        while self._note(self._next()) != "Page.loadEventFired":
            pass

    def value(self, expression: str) -> Any:
        """What an expression gives in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press_tab(self) -> None:
        self.press("Tab", 9)

    def press(self, key: str, number: int, text: str = "") -> None:
        """Press a key: its name, its number on Windows, and what it types."""
        for kind in ("keyDown", "keyUp"):
            typed = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=number, **typed)

    def write(self, text: str) -> None:
        """Type into the focused field."""
        self.call("Input.insertText", text=text)

    def picture(self, path: Path, *, height: int, scale: float = 1.0, start: str = "") -> None:
        """A part of the page as a PNG: from its top, or from the element that a selector finds."""
        width = self.value("innerWidth")
        found = f"document.querySelector({json.dumps(start)}).getBoundingClientRect().top + scrollY"
        top = self.value(found) if start else 0
        clip = {"x": 0, "y": top, "width": width, "height": height, "scale": scale}
        shot = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, *_ = select.select([self._receive], [], [], _PATIENCE)
            assert ready, f"the browser says nothing for {_PATIENCE:.0f} s"
            read = os.read(self._receive, 1 << 20)
            assert read, "the browser has ended"
            self._rest += read
        message, _, self._rest = self._rest.partition(b"\0")
        decoded: dict[str, Any] = json.loads(message)
        return decoded

    def _note(self, event: dict[str, Any]) -> str:
        method, parameters = str(event.get("method", "")), event.get("params", {})
        if method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            self.complaints.append(json.dumps(parameters)[:500])
        elif method == "Network.requestWillBeSent" and not parameters["request"]["url"].startswith(
            ("file:", "about:", *([self._origin] if self._origin else []))
        ):
            self.complaints.append(f"asked for {parameters['request']['url'][:200]}")
        return method


@contextmanager
def browser() -> Iterator[Browser]:
    """A running Chromium, or a visible skip."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here (Debian: apt-get install chromium)")
    to_browser, send = os.pipe()
    receive, from_browser = os.pipe()
    with tempfile.TemporaryDirectory(prefix="triage-browser-", ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", _LAUNCH, str(to_browser), str(from_browser)),
                *(CHROMIUM, *_FLAGS, f"--user-data-dir={profile}"),
            ],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        try:
            tab = Browser(send, receive)
            tab.start()
            yield tab
        finally:
            os.close(send)
            os.close(receive)
            process.terminate()
            process.wait(timeout=20)
