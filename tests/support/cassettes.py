"""Recorded HTTP conversations that pin the wire format.

`TRIAGE_RECORD=1` records them anew (against the embedded Panther or a scripted model); without it they are played,
no socket is opened, and a request that was not recorded, or a recorded one that is not made, fails the test.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import vcr
from vcr.cassette import Cassette
from vcr.record_mode import RecordMode
from vcr.request import Request

FOLDER = Path(__file__).parents[1] / "cassettes"
RECORDING = os.environ.get("TRIAGE_RECORD") == "1"
HOST = "recorded.invalid"
"""Stands in every cassette for whatever host was recorded; play with `https://recorded.invalid`."""

_KEPT_HEADERS = frozenset({"content-type", "retry-after"})


class HalfPlayed(AssertionError):
    """A cassette holds requests that the test did not make."""


@contextmanager
def cassette(name: str, *, folder: Path = FOLDER, recording: bool = RECORDING) -> Iterator[Cassette]:
    """Play a cassette to its end, or record it anew.

    Requests match on method, path, query and JSON body. Hosts, ports and every header but the content type are
    scrubbed before anything is written, so that neither tokens nor cookies can be in a cassette.

    Args:
        name: File name without its ending.
        folder: Where it lies.
        recording: Record instead of playing.

    Raises:
        HalfPlayed: After a test that passed but left recorded requests unmade.
    """
    path = folder / f"{name}.yaml"
    if recording:
        path.unlink(missing_ok=True)
    recorder = vcr.VCR(
        serializer="yaml",
        record_mode=RecordMode.ALL if recording else RecordMode.NONE,
        match_on=("method", "path", "query", "json_body"),
        before_record_request=_scrubbed_request,
        before_record_response=_scrubbed_response,
        decode_compressed_response=True,
    )
    recorder.register_matcher("json_body", _same_json)
    with recorder.use_cassette(str(path)) as tape:
        yield tape
    if not recording and not tape.all_played:
        left = [
            f"{request.method} {request.path}"
            for number, request in enumerate(tape.requests)
            if not tape.play_counts[number]
        ]
        raise HalfPlayed(f"{path.name}: not played: {', '.join(left)}")


def requests_of(name: str) -> list[Request]:
    """The requests that a cassette holds."""
    return list(Cassette.load(path=str(FOLDER / f"{name}.yaml"), record_mode=RecordMode.NONE).requests)


def _same_json(one: Request, other: Request) -> bool:
    return bool(_json(one) == _json(other))


def _json(request: Request) -> Any:
    body = request.body
    return json.loads(body) if body else None


def _scrubbed_request(request: Request) -> Request:
    parts = urlsplit(request.uri)
    uri = urlunsplit(("https", HOST, parts.path, parts.query, ""))
    return Request(request.method, uri, request.body, {})


def _scrubbed_response(response: dict[str, Any]) -> dict[str, Any]:
    kept = {name: values for name, values in response["headers"].items() if name.lower() in _KEPT_HEADERS}
    return {**response, "headers": kept}
