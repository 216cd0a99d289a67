"""What a server, a proxy or a cable can do wrong, and what the client makes of it.

The numbers in the test ids are those of the project's list of HTTP faults (transport, status, GraphQL, paging,
content). What the store holds after such a fault is tested in `test_reading_faults.py`, with the rows that concern
the queue or the store alone: 41 to 43, 46, 51.
"""

import errno
import gzip
import json
import os
import shutil
import socket
import ssl
import subprocess
import tracemalloc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.clocks import START, FakeClock
from tests.support.loopback import Answer, FakePanther, Loopback, drip, raw, reset, respond, silence
from tests.support.panther import TOKEN, config, connected
from triage.domain.alert import Severity
from triage.edges.panther.client import connect
from triage.edges.panther.failures import OutcomeUnknown
from triage.errors import (
    NotFound,
    PantherDenied,
    PantherError,
    PantherProtocolError,
    PantherRefused,
    PantherUnreachable,
    QueryFailed,
    QueryTimeout,
)
from triage.ports import AlertPage, AlertQuery, PantherApi, QueryLimits

pytestmark = pytest.mark.anyio

EMPTY_PAGE = {"data": {"alerts": {"edges": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}}}
GOOD = respond(EMPTY_PAGE)
HTML = respond("<html><script>login()</script></html>", content_type="text/html")
JSON = json.dumps(EMPTY_PAGE).encode()


def head(*lines: str, status: str = "200 OK") -> bytes:
    """The head of an answer."""
    return "\r\n".join([f"HTTP/1.1 {status}", "content-type: application/json", *lines, "", ""]).encode()


def html(status: int) -> Answer:
    return respond("<html>the gateway is unwell</html>", status, content_type="text/html")


async def list_alerts(panther: PantherApi) -> AlertPage:
    return await panther.alerts.page(AlertQuery())


async def comment(panther: PantherApi) -> object:
    return await panther.comments.create("alert-1", "a finding", "PLAIN_TEXT")


@dataclass(frozen=True)
class Case:
    """One fault: what the server does, and what a caller sees."""

    row: str
    script: list[Answer]
    error: type[PantherError] | None = None
    """None: the call succeeds all the same."""
    says: str = ""
    requests: int = 1
    changes: tuple[tuple[str, Any], ...] = ()
    call: Callable[[PantherApi], Awaitable[object]] = list_alerts
    retryable: bool | None = None


MEGABYTE = 1024 * 1024
BOMB = gzip.compress(b" " * (64 * MEGABYTE))

CASES = [
    Case("03-reset-before-headers", [reset(), GOOD], requests=2),
    Case("03-reset-of-a-write", [reset()], OutcomeUnknown, "look before writing", call=comment, retryable=False),
    Case("04-reset-in-the-body", [reset(head("content-length: 900") + JSON[:20]), GOOD], requests=2),
    Case(
        "06-slow-drip-of-the-body",
        [drip(head("content-length: 90000"), b" ")],
        PantherUnreachable,
        "no complete answer within 0.3 s",
        changes=(("total_seconds", 0.3),),
        retryable=True,
    ),
    Case(
        "06-slow-drip-of-the-headers",
        [drip(b"HTTP/1.1 200 OK\r\nx-slow: ", b"a")],
        PantherUnreachable,
        "no complete answer within 0.3 s",
        changes=(("total_seconds", 0.3),),
    ),
    Case(
        "06-slow-drip-against-the-limit-of-one-read",
        [drip(head("content-length: 90000"), b" "), GOOD],
        requests=2,
        changes=(("read_seconds", 0.3),),
    ),
    Case(
        "06-silence",
        [silence()],
        PantherUnreachable,
        "no answer in time",
        requests=2,
        changes=(("read_seconds", 0.1), ("attempts", 2)),
    ),
    Case(
        "06-silence-after-a-write",
        [silence()],
        OutcomeUnknown,
        "it may have taken effect",
        changes=(("total_seconds", 0.2),),
        call=comment,
        retryable=False,
    ),
    Case(
        "07-headers-never-end",
        [drip(b"HTTP/1.1 200 OK\r\n", b"x-more: " + b"a" * 5_000 + b"\r\n", 0)],
        PantherUnreachable,
        "broke off",
        requests=2,
        changes=(("attempts", 2),),
    ),
    Case("09-content-length-too-large", [raw(head("content-length: 5000") + JSON), GOOD], requests=2),
    Case(
        "10-last-chunk-missing",
        [raw(head("transfer-encoding: chunked") + b"%x\r\n%s\r\n" % (len(JSON), JSON)), GOOD],
        requests=2,
    ),
    Case("10-broken-chunk", [raw(head("transfer-encoding: chunked") + b"zz\r\n" + JSON), GOOD], requests=2),
    Case(
        "11-gzip-bomb",
        [respond(BOMB, headers={"content-encoding": "gzip"})],
        PantherProtocolError,
        "larger than 1 MiB when decompressed",
        changes=(("max_response_bytes", MEGABYTE),),
        retryable=False,
    ),
    Case(
        "11-endless-body",
        [drip(head("transfer-encoding: chunked"), b"10000\r\n" + b" " * 65536 + b"\r\n", 0)],
        PantherProtocolError,
        "larger than 1 MiB",
        changes=(("max_response_bytes", MEGABYTE),),
        retryable=False,
    ),
    Case(
        "12-brotli",
        [respond(b"\x0b\x02\x80", headers={"content-encoding": "br"})],
        PantherProtocolError,
        "encoding that was not asked for",
        requests=2,
    ),
    Case("12-zstd-once", [respond(b"(\xb5", headers={"content-encoding": "zstd"}), GOOD], requests=2),
    Case(
        "12-corrupt-gzip",
        [respond(gzip.compress(JSON)[:-12] + b"\xff" * 12, headers={"content-encoding": "gzip"})],
        PantherProtocolError,
        "compress",
        requests=2,
    ),
    Case(
        "12-gzip-breaks-off",
        [respond(gzip.compress(JSON)[:-9], headers={"content-encoding": "gzip"})],
        PantherProtocolError,
        "breaks off",
        requests=2,
    ),
    Case("12-good-gzip", [respond(gzip.compress(JSON), headers={"content-encoding": "gzip"})]),
    Case("13-captive-portal", [HTML], PantherProtocolError, "not JSON", requests=2),
    Case("13-proxy-login", [html(407)], PantherRefused, "the proxy requires a login"),
    Case("14-unauthorised", [respond({"message": f"no {TOKEN}"}, 401)], PantherDenied, "panther.token"),
    Case("14-forbidden", [respond({"message": "Forbidden"}, 403)], PantherDenied, "lacks the permission"),
    Case("15-wrong-path", [html(404)], PantherRefused, "check panther.url"),
    Case("16-request-timeout", [html(408), GOOD], requests=2),
    Case("16-too-early", [html(425), GOOD], requests=2),
    Case("17-comment-too-large", [html(413)], PantherRefused, "send less", call=comment, retryable=False),
    Case("21-too-many", [html(429)], PantherUnreachable, "too many requests", requests=4, retryable=True),
    Case("21-too-many-writes", [html(429)], PantherUnreachable, "too many requests", call=comment, retryable=True),
    *(Case(f"22-{status}", [html(status), html(status), GOOD], requests=3) for status in (500, 502, 503, 504)),
    Case("22-for-ever", [html(503)], PantherUnreachable, "HTTP 503", requests=4, retryable=True),
    Case("22-of-a-write", [html(502)], OutcomeUnknown, "it may have taken effect", call=comment, retryable=False),
    Case("23-login-page", [HTML, HTML], PantherProtocolError, "not JSON", requests=2),
    Case("24-no-content", [raw(head(status="204 No Content"))], PantherProtocolError, "empty", requests=2),
    Case("24-empty-body", [respond(b""), GOOD], requests=2),
    Case("28-errors-without-data", [respond({"errors": [{"message": "bad input"}]})], PantherRefused, "bad input"),
    Case("28-errors-as-text", [respond({"errors": "bad input", "data": None})], PantherRefused, "bad input"),
    Case("28-with-status-400", [respond({"errors": [{"message": "no field x"}]}, 400)], PantherRefused, "no field x"),
    Case("28-page-with-400", [html(400)], PantherRefused, "HTTP 400"),
    Case(
        "28-denied-in-words",
        [respond({"errors": [{"message": "Not Authorized to access alerts on type Query"}]})],
        PantherDenied,
        "panther.token",
    ),
    Case(
        "28-denied-by-code",
        [respond({"errors": [{"message": "no", "extensions": {"code": "FORBIDDEN"}}], "data": {"alerts": None}})],
        PantherDenied,
        "its permissions",
    ),
    Case(
        "28-trouble-by-code",
        [respond({"errors": [{"message": "oops", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}), GOOD],
        requests=2,
    ),
    Case("30-data-null", [respond({"data": None})], PantherProtocolError, "no data", requests=2),
    Case("30-not-an-object", [respond([1, 2])], PantherProtocolError, "no data", requests=2),
    Case("38-answer-unreadable", [HTML], OutcomeUnknown, "it may have taken effect", call=comment, retryable=False),
    Case(
        "38-answer-without-comment",
        [respond({"data": {"createAlertComment": {"comment": {"body": "x"}}}})],
        OutcomeUnknown,
        "it may have taken effect",
        call=comment,
    ),
    Case("47-truncated-json", [respond(JSON[:-1]), GOOD], requests=2),
    Case("47-trailing-garbage", [respond(JSON + b"}")], PantherProtocolError, "not JSON", requests=2),
    Case("47-byte-order-mark", [respond(b"\xef\xbb\xbf" + JSON)], PantherProtocolError, "not JSON", requests=2),
    Case("47-ndjson", [respond(JSON + b"\n" + JSON)], PantherProtocolError, "not JSON", requests=2),
    Case("48-nan", [respond(b'{"data": NaN}')], PantherProtocolError, "has no data", requests=2),
    Case(
        "48-huge-integer", [respond(b'{"data": %s}' % (b"9" * 5000))], PantherProtocolError, "has no data", requests=2
    ),
    Case("49-broken-utf-8", [respond(b'{"data": "\xed\xa0\x80"}')], PantherProtocolError, "not JSON", requests=2),
    Case(
        "50-nested-100000-deep",
        [respond(b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}")],
        PantherProtocolError,
        "has no data",
        requests=2,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.row)
async def test_a_fault_is_survived_or_named(case: Case) -> None:
    """A passing fault is retried for a read; a lasting one becomes one typed error without the token or the body."""
    clock = FakeClock()
    async with connected(case.script, clock, **dict(case.changes)) as (panther, server):
        if case.error is None:
            await case.call(panther)
        else:
            with pytest.raises(PantherError) as caught:
                await case.call(panther)
            error = caught.value
            assert type(error) is case.error or (case.error is PantherUnreachable and isinstance(error, case.error))
            assert case.says in str(error)
            assert error.operation in ("Alerts", "CreateComment")
            assert error.operation in str(error)
            for hidden in (TOKEN, "<html>", "login()", "unwell"):
                assert hidden not in str(error)
            if case.retryable is not None:
                assert error.retryable is case.retryable
        assert len(server.requests) == case.requests
        assert len(clock.sleeps) == case.requests - 1


async def test_01_an_unknown_host_is_retried_then_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that does not resolve gives growing waits and an error that names the configuration key."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    clock = FakeClock()
    async with connect(config("https://api.panther.invalid"), clock=clock) as panther:
        with pytest.raises(
            PantherUnreachable, match=r"no connection \(.*does not resolve\); check panther\.url"
        ) as caught:
            await list_alerts(panther)
    assert str(caught.value).startswith("Panther at api.panther.invalid:443, Alerts: ")
    assert caught.value.retryable
    assert clock.sleeps == sorted(clock.sleeps)
    assert len(clock.sleeps) == 3


async def test_02_a_refused_connection_is_retried_then_named() -> None:
    """A closed port gives the same, and a write to it is known not to have happened."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    clock = FakeClock()
    async with connect(config(f"http://127.0.0.1:{port}"), clock=clock) as panther:
        with pytest.raises(PantherUnreachable, match="no connection") as read:
            await list_alerts(panther)
        with pytest.raises(PantherUnreachable, match="no connection") as written:
            await comment(panther)
    refused = f"no connection (127.0.0.1: {os.strerror(errno.ECONNREFUSED).lower()}); check panther."
    for caught in (read, written):
        assert str(caught.value).startswith(f"Panther at 127.0.0.1:{port}, ")
        assert refused in str(caught.value)
    assert read.value.retryable
    assert len(clock.sleeps) == 3
    assert not isinstance(written.value, OutcomeUnknown)
    assert written.value.retryable


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for another name, with its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=other.invalid"
    names = ["-addext", "subjectAltName=DNS:other.invalid", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([openssl, *options.split(), *names], check=True, capture_output=True)
    return cert, key


@pytest.mark.parametrize("trusted", [False, True], ids=["unknown-issuer", "wrong-host"])
async def test_05_a_bad_certificate_stops_at_once(
    trusted: bool, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate that is not accepted is not retried, and the token never leaves."""
    cert, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    clock = FakeClock()
    async with Loopback([GOOD], tls=context) as server, connect(config(server.url), clock=clock) as panther:
        with pytest.raises(PantherUnreachable, match=r"TLS certificate was not accepted.*SSL_CERT_FILE") as caught:
            await list_alerts(panther)
        assert not caught.value.retryable
        assert server.requests == []
    assert clock.sleeps == []


async def test_05_a_server_without_tls_is_named() -> None:
    """Plain HTTP where TLS was expected is a failed handshake."""
    async with (
        Loopback([GOOD]) as server,
        connect(config(server.url.replace("http:", "https:"), attempts=1), clock=FakeClock()) as panther,
    ):
        with pytest.raises(PantherUnreachable, match="TLS handshake failed"):
            await list_alerts(panther)


async def test_08_a_connection_closed_between_calls_is_opened_anew() -> None:
    """A server that closes idle connections costs neither an error nor a retry."""

    async def answer_and_close(writer: Any) -> None:
        await GOOD(writer)
        writer.close()

    clock = FakeClock()
    async with connected([answer_and_close], clock) as (panther, server):
        for _ in range(3):
            await list_alerts(panther)
        assert server.connections == 3
    assert clock.sleeps == []


async def test_11_a_gzip_bomb_costs_no_memory() -> None:
    """64 MiB of blanks are refused before they exist: the peak stays near the cap of 1 MiB."""
    answer = respond(BOMB, headers={"content-encoding": "gzip"})
    async with connected([answer], max_response_bytes=MEGABYTE) as (panther, _):
        tracemalloc.start()
        try:
            with pytest.raises(PantherProtocolError):
                await list_alerts(panther)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 6 * MEGABYTE


async def test_14_a_denied_call_is_not_repeated_and_masks_the_token() -> None:
    """One request, one clear error; what Panther quotes of the token is masked."""
    said = f"token {TOKEN} has no access\n\x1b[31m" + "x" * 500
    async with connected([respond({"message": said}, 403, {"x-amzn-RequestId": "req-77"})]) as (panther, server):
        with pytest.raises(PantherDenied) as caught:
            await list_alerts(panther)
        assert len(server.requests) == 1
    text = str(caught.value)
    assert "token *** has no access \\x1b[31m" in text
    assert TOKEN not in text
    assert "(HTTP 403, request req-77)" in text
    assert caught.value.status == 403
    assert len(text) < 400


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("30", 30.0),
        ("0", 0.0),
        (format_datetime(START + timedelta(seconds=20), usegmt=True), 20.0),
        (format_datetime(START - timedelta(days=3), usegmt=True), 0.0),
        (format_datetime(datetime(2999, 1, 1, tzinfo=UTC), usegmt=True), 60.0),
        ("99999999999999999999", 60.0),
        ("-5", None),
        ("abc", None),
        ("1e9", None),
        ("5, 10", None),
        ("", None),
        ("Fri, 99 Nov 2026 99:99:99 GMT", None),
    ],
)
async def test_18_to_20_retry_after_is_honoured_within_reason(value: str, expected: float | None) -> None:
    """Seconds and dates are waited for up to the cap; anything else means the usual pause."""
    clock = FakeClock()
    async with connected([respond(b"", 429, {"retry-after": value}), GOOD], clock) as (panther, _):
        await list_alerts(panther)
    assert clock.sleeps == [0.375 if expected is None else expected]


async def test_20_two_retry_after_headers_mean_the_usual_pause() -> None:
    """Of two values neither is believed."""
    clock = FakeClock()
    twice = respond(b"", 503, [("retry-after", "7"), ("retry-after", "9")])
    async with connected([twice, GOOD], clock) as (panther, _):
        await list_alerts(panther)
    assert clock.sleeps == [0.375]


async def test_21_pauses_grow_and_stop_at_the_total_limit() -> None:
    """Without a header the pauses double; a pause that would pass the limit is not begun."""
    clock = FakeClock()
    async with connected([html(503)], clock, attempts=20, total_seconds=30) as (panther, _):
        with pytest.raises(PantherUnreachable, match="HTTP 503"):
            await list_alerts(panther)
    assert clock.sleeps == [0.375, 0.75, 1.5, 3.0, 6.0, 12.0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_25_a_redirect_is_not_followed(status: int) -> None:
    """Another host never sees the token: neither for a query nor for a write nor for REST."""
    async with Loopback([GOOD]) as other:
        moved = respond(b"", status, {"location": f"{other.url}/public/graphql"})
        async with connected([moved]) as (panther, server):
            for call in (list_alerts, comment, lambda panther: panther.comments.list("a")):
                with pytest.raises(PantherRefused, match=r"a redirect.*check panther\.url"):
                    await call(panther)
            assert len(server.requests) == 3
        assert other.requests == []


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1:9/public/graphql", "http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "", "//"],
)
async def test_26_27_no_redirect_leads_anywhere(target: str) -> None:
    """Not to plain HTTP, not to a metadata address, not to a file."""
    async with connected([respond(b"", 302, {"location": target})]) as (panther, server):
        with pytest.raises(PantherRefused, match="HTTP 302"):
            await list_alerts(panther)
        assert len(server.requests) == 1


def node(alert_id: object = "a-1", **changes: Any) -> dict[str, Any]:
    """An alert as GraphQL gives it."""
    return {
        "id": alert_id,
        "title": "A door was left open",
        "severity": "HIGH",
        "status": "OPEN",
        "type": "RULE",
        "createdAt": "2031-05-06T11:00:00.000Z",
        "origin": {"__typename": "Detection", "id": "Door.Open", "name": "Door", "detectionType": "RULE"},
        **changes,
    }


def page(*nodes: Any, cursor: object = None, more: bool = False, errors: Any = None) -> Answer:
    info = {"hasNextPage": more, "endCursor": cursor}
    data = {"alerts": {"edges": [{"node": found} for found in nodes], "pageInfo": info}}
    return respond({"data": data, "errors": errors} if errors else {"data": data})


async def test_29_37_a_partial_answer_keeps_what_is_usable() -> None:
    """The alert whose part is missing says so in its notes; Panther's words stay out of them."""
    errors = [{"message": "verdict is benign", "path": ["alerts", "edges", 1, "node", "origin"]}]
    async with connected([page(node("a-1"), node("a-2", origin=None, title=None), errors=errors)]) as (panther, _):
        found = await list_alerts(panther)
    whole, part = found.alerts
    assert whole.notes == ()
    assert part.notes == (
        "partial answer: `alerts.edges.node.origin` is missing",
        "`title` is missing",
        "`origin` could not be read",
        "`origin` is missing or of an unknown kind",
    )
    assert part.detection_id == ""
    assert found.problems == ("alerts.edges.node.origin is missing: verdict is benign",)


async def test_31_null_edges_and_nodes_are_counted() -> None:
    """Nothing is made of them, and the page says how many there were."""
    nothing = respond({"data": {"alerts": {"edges": None, "pageInfo": None}}})
    async with connected([page(None, node(), None), nothing]) as (panther, _):
        first = await list_alerts(panther)
        second = await list_alerts(panther)
    assert [alert.id for alert in first.alerts] == ["a-1"]
    assert first.problems == ("2 of 3 nodes are null",)
    assert second == AlertPage((), None, ("the page has no list of edges",), complete=False)


async def test_32_unknown_names_are_kept() -> None:
    """A severity that this program does not know ranks with the most severe."""
    strange = node(severity="APOCALYPTIC", status="SNOOZED", type="OMEN")
    async with connected([page(strange)]) as (panther, _):
        (alert,) = (await list_alerts(panther)).alerts
    assert (alert.severity, alert.status, alert.kind) == ("APOCALYPTIC", "SNOOZED", "OMEN")
    assert not alert.severity.known
    assert alert.severity.rank == Severity.CRITICAL.rank


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"createdAt": None}, "`createdAt`: value error"),
        ({"createdAt": 1_900_000_000}, "`createdAt`: value error"),
        ({"createdAt": "1900000000"}, "`createdAt`: value error"),
        ({"createdAt": "0001-01-01T00:00:00+05:00"}, "`createdAt`: value error"),
        ({"title": ["a", "list"]}, "`title`: string type"),
        ({"title": None}, "`title`: string type"),
        ({"severity": 5}, "`severity`: enum"),
        ({"status": None}, "`status`: enum"),
        ({"id": ""}, "`id`: string too short"),
        ({"id": {"a": 1}}, "`id`: string type"),
    ],
)
async def test_33_35_a_broken_alert_is_named_and_the_others_are_kept(changes: dict[str, Any], problem: str) -> None:
    """What lacks a needed field is put aside with the field's name; its neighbours arrive."""
    async with connected([page(node("a-0"), node(**changes), node("a-2"))]) as (panther, _):
        found = await list_alerts(panther)
    assert [alert.id for alert in found.alerts] == ["a-0", "a-2"]
    (said,) = found.problems
    assert said.endswith(f"cannot be read: {problem}")


async def test_34_35_safe_differences_are_coerced() -> None:
    """A number for an id becomes text, unknown fields are ignored, a broken side field is dropped with a note."""
    odd = node(4711, novelty={"a": 1}, assignee="bob", description=None, updatedAt="2031-05-06 11:30:00.123")
    async with connected([page(odd)]) as (panther, _):
        found = await list_alerts(panther)
    (alert,) = found.alerts
    assert alert.id == "4711"
    assert alert.description == ""
    assert alert.updated_at == datetime(2031, 5, 6, 11, 30, 0, 123000, tzinfo=UTC)
    assert alert.assignee is None
    assert alert.notes == ("`assignee` could not be read",)


async def test_36_an_error_that_quotes_token_and_query_is_masked() -> None:
    """Neither the token nor our operation's text comes back out of an error."""

    def quote(request: Any) -> Answer:
        return respond({"errors": [{"message": f"{TOKEN} sent {request.json['query']}"}]})

    async with connected(quote) as (panther, _):
        with pytest.raises(PantherRefused, match=r'refused: "\*\*\* sent \*\*\*"'):
            await list_alerts(panther)


@pytest.mark.parametrize("cursor", ["same", "x" * MEGABYTE, "'\"}{\n) { __schema }"], ids=["short", "1MB", "braces"])
async def test_39_40_cursors_travel_as_variables_and_cannot_loop(cursor: str) -> None:
    """A cursor is passed back as it came, never inside the query; one that points to its own page ends the list."""
    async with connected([page(node(), cursor=cursor, more=True)]) as (panther, server):
        first = await list_alerts(panther)
        assert first.cursor == cursor
        second = await panther.alerts.page(AlertQuery(), first.cursor)
        texts = {request.json["query"] for request in server.requests}
        assert server.requests[1].json["variables"]["input"]["cursor"] == cursor
    assert second.cursor is None
    assert second.problems == ("the page's cursor points to the page itself",)
    assert not second.complete
    assert len(texts) == 1


async def test_40_a_missing_cursor_is_named() -> None:
    """More pages without a cursor cannot be reached, and the page says so."""
    async with connected([page(node(), cursor=None, more=True)]) as (panther, _):
        found = await list_alerts(panther)
    assert found.cursor is None
    assert found.problems == ("the page says that there are more but has no cursor",)
    assert not found.complete


async def test_44_an_alert_deleted_meanwhile_is_not_found() -> None:
    """Between the list and the detail an alert can vanish."""
    gone = respond({"errors": [{"message": "alert a-1 not found", "path": ["alert"]}], "data": None})
    async with connected(FakePanther(graphql={"Alert": gone, "AlertEvents": gone})) as (panther, _):
        with pytest.raises(NotFound, match="no alert 'a-1'"):
            await panther.alerts.alert("a-1")
        with pytest.raises(NotFound, match="no alert 'a-1'"):
            await panther.alerts.events("a-1", limit=5, max_bytes=1000)


async def test_45_an_empty_page_in_the_middle_goes_on() -> None:
    """A page without alerts still says where the next one starts."""
    async with connected([page(cursor="next", more=True)]) as (panther, _):
        assert await list_alerts(panther) == AlertPage((), "next")


async def test_48_numbers_beyond_json_become_null() -> None:
    """`1e400` would be infinity, which nothing may write back; it reads as null."""
    body = b'{"data":{"alert":{"events":{"edges":[{"node":{"a":1e400,"b":[-1e999,-0]}}],"pageInfo":null}}}}'
    async with connected([respond(body)]) as (panther, _):
        events = await panther.alerts.events("a-1", limit=5, max_bytes=1000)
    assert [dict(row) for row in events.rows] == [{"a": None, "b": [None, 0]}]


async def test_49_text_that_no_file_can_hold_becomes_visible() -> None:
    """Lone surrogates and NUL turn into their escapes, everything else stays as it is."""
    title = r'"a\ud800b\u0000c\ud83d\ude00d\\ud800\u202e"'
    body = json.dumps({"data": json.loads(json.dumps({"alerts": {"edges": [{"node": node()}], "pageInfo": None}}))})
    body = body.replace('"A door was left open"', title)
    async with connected([respond(body)]) as (panther, _):
        (alert,) = (await list_alerts(panther)).alerts
    assert alert.title == "a\\ud800b\\u0000c\U0001f600d\\ud800\u202e"
    assert alert.title.encode()


async def test_50_of_a_doubled_key_the_last_value_wins() -> None:
    """As with every JSON parser; 200,000 keys are only a question of size."""
    many = ",".join(f'"k{number}":{number}' for number in range(200_000))
    body = JSON[:-1] + b',"data":{"alerts":{"edges":[],"pageInfo":null}},' + many.encode() + b"}"
    async with connected([respond(body)]) as (panther, _):
        assert await list_alerts(panther) == AlertPage((), None)


LAKE_PAGE = {
    "status": "succeeded",
    "message": "",
    "results": {
        "columnInfo": {"order": ["a", "b"]},
        "edges": [{"node": {"a": 1}}, {"node": '{"a": 2, "b": 3}'}],
        "pageInfo": {"hasNextPage": False, "endCursor": None},
        "stats": {"rowCount": 1_000_001},
        "tryAgain": False,
    },
}


async def test_52_short_rows_and_a_million_of_them() -> None:
    """Rows with fewer columns than the header are kept as they came; the count includes what was not fetched."""
    script = {"ExecuteQuery": {"executeDataLakeQuery": {"id": "q"}}, "QueryResults": {"dataLakeQuery": LAKE_PAGE}}
    async with connected(FakePanther(graphql=script)) as (panther, _):
        result = await panther.lake.run_sql("SELECT 1", limits=QueryLimits(rows=10))
    assert result.columns == ("a", "b")
    assert result.rows == ({"a": 1}, {"a": 2, "b": 3})
    assert result.row_count == 1_000_001
    assert result.truncated


@pytest.mark.parametrize(
    ("status", "error", "cancelled"),
    [("running", QueryTimeout, True), ("cancelled", QueryFailed, False), ("failed", QueryFailed, False)],
)
async def test_52_a_query_that_gives_no_rows(status: str, error: type[QueryFailed], cancelled: bool) -> None:
    """One that runs for ever is cancelled on the server; one that ended otherwise says why."""
    query = {"status": status, "message": "warehouse suspended", "results": None}
    script = {
        "ExecuteQuery": {"executeDataLakeQuery": {"id": "q"}},
        "QueryResults": {"dataLakeQuery": query},
        "CancelQuery": {"cancelDataLakeQuery": {"id": "q"}},
    }
    fake = FakePanther(graphql=script)
    async with connected(fake) as (panther, _):
        with pytest.raises(error) as caught:
            await panther.lake.run_sql("SELECT 1", limits=QueryLimits(seconds=5))
    assert type(caught.value) is error
    assert (fake.calls[-1] == ("CancelQuery", {"input": {"id": "q"}})) is cancelled
    assert ("after 5 s" if cancelled else "warehouse suspended") in str(caught.value)
