"""Bodies and texts of a server: read under a cap, parsed strictly, printed safely."""

import contextlib
import gzip
import json
import math
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.cuts import NO_NUMBER, TOO_DEEP
from triage.edges.http import ErrorCleaner
from triage.edges.panther.body import BodyError, BodyTooLarge, canonical, finite, parse_json, read_body
from triage.edges.panther.mending import MAX_LEVELS

pytestmark = pytest.mark.anyio


class Chunks:
    """A response that arrives in pieces."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.pieces = pieces
        self.read = 0

    async def aiter_raw(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            self.read += 1
            yield piece


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_gzip_is_the_same_however_it_is_cut(size: int) -> None:
    """Pieces of any size, and several gzip members in a row, give the whole text."""
    data = gzip.compress(b"first " * 50) + gzip.compress(b"second " * 50)
    assert await read_body(Chunks(cut(data, size)), "GZIP", 10_000) == b"first " * 50 + b"second " * 50


async def test_reading_stops_at_the_cap() -> None:
    """What lies behind the cap is not even received; exactly the cap is allowed."""
    endless = Chunks([b"x" * 10] * 1000)
    with pytest.raises(BodyTooLarge, match="larger than 100 bytes"):
        await read_body(endless, "", 100)
    assert endless.read == 11
    assert len(await read_body(Chunks([b"x" * 10] * 10), "identity", 100)) == 100
    assert len(await read_body(Chunks([gzip.compress(b"x" * 100)]), "gzip", 100)) == 100
    with pytest.raises(BodyTooLarge, match="when decompressed"):
        await read_body(Chunks([gzip.compress(b"x" * 101)]), "gzip", 100)


@pytest.mark.parametrize(
    "data",
    [b"", b"plain", gzip.compress(b"x" * 99)[:-1], gzip.compress(b"a")[:-1] + b"\x01"],
    # Named: the compressed bytes hold the time, and the workers of a parallel run must agree on the names.
    ids=["empty", "plain", "cut", "wrong length"],
)
async def test_broken_gzip_is_refused(data: bytes) -> None:
    """A stream that breaks off or fails its checksum is no answer."""
    with pytest.raises(BodyError, match=r"breaks off|broken"):
        await read_body(Chunks([data]), "gzip", 1000)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def visible(value: Any) -> Any:
    """What parsing makes of a value: lone surrogates and NUL as their escapes."""
    match value:
        case str():
            return "".join(f"\\u{ord(x):04x}" if x == "\0" or 0xD800 <= ord(x) < 0xE000 else x for x in value)
        case list():
            return [visible(item) for item in value]
        case dict():
            return {visible(key): visible(item) for key, item in value.items()}
        case _:
            return value


@given(json_values, st.booleans())
def test_json_survives_parsing(value: Any, ascii_only: bool) -> None:
    """Whatever JSON can express arrives as it was sent."""
    assert parse_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == visible(value)


@given(st.text(st.characters(), max_size=30))
def test_any_text_can_be_encoded_after_parsing(text: str) -> None:
    """Lone surrogates, which Python's own parser lets through, never arrive."""
    spoiled = json.dumps(text + "\ud800\udc00\udfff\ud83d")
    parsed = parse_json(spoiled.encode())
    assert isinstance(parsed, str)
    parsed.encode("utf-8")
    assert "\0" not in parsed


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (rb'"\ud800"', "\\ud800"),
        (rb'"\uDFFF\uD83D\uDE00"', "\\uDFFF\U0001f600"),
        (rb'"\ud83d\ud83d\ude00"', "\\ud83d\U0001f600"),
        (rb'"\\ud800"', "\\ud800"),
        (rb'"\\\ud800"', "\\\\ud800"),
        (rb'"\u0000"', "\\u0000"),
        (rb'{"\ud800": 1}', {"\\ud800": 1}),
        (rb'"\u00e9\n"', "é\n"),
    ],
)
def test_escapes_that_no_utf_8_can_carry_become_visible(written: bytes, read: Any) -> None:
    """Only the lone ones; pairs, escaped backslashes and ordinary escapes stay."""
    assert parse_json(written) == read


@given(st.binary(max_size=60))
def test_garbage_is_parsed_or_refused_never_worse(data: bytes) -> None:
    """Any bytes give a value or a BodyError."""
    with contextlib.suppress(BodyError):
        json.dumps(finite(parse_json(data)), allow_nan=False).encode()


def levels(value: Any) -> int:
    """How deeply a value is nested."""
    deepest, left = 0, [(value, 1)]
    while left:
        node, depth = left.pop()
        items = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        deepest = max(deepest, depth - 1)
        left += [(item, depth + 1) for item in items]
    return deepest


@pytest.mark.parametrize("depth", [MAX_LEVELS - 1, MAX_LEVELS + 101, 10_000, 200_000])
def test_deep_nesting_costs_only_what_lies_deep(depth: int) -> None:
    """Nothing exhausts the stack, and what stands beside it arrives."""
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        body = b'{"before": 1, "deep": ' + opening * depth + b'"\\"]}"' + closing * depth + b', "after": ["]", 2]}'
        parsed: Any = parse_json(body)

        assert (parsed["before"], parsed["after"]) == (1, ["]", 2])
        assert levels(parsed) == min(depth + 1, MAX_LEVELS)
        assert (TOO_DEEP in json.dumps(parsed)) is (depth >= MAX_LEVELS)
    with pytest.raises(BodyError):
        parse_json(opening * 100_000)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "Infinity", "9" * 5_000, "-" + "1" * 5_000])
def test_numbers_that_json_lacks_cost_only_themselves(number: str) -> None:
    """They become visible text; the same words in a text stay."""
    assert parse_json(f'{{"ratio": [{number}, 1], "said": "NaN, Infinity"}}'.encode()) == {
        "ratio": [NO_NUMBER, 1],
        "said": "NaN, Infinity",
    }


@given(json_values, st.integers(0, 300), st.sampled_from(["NaN", "-Infinity", "1", '"\\""']))
def test_mending_changes_nothing_else(value: Any, depth: int, odd: str) -> None:
    """Beside a deep or odd value, everything arrives as it was sent."""
    body = f"[{json.dumps(value)}, {'[' * depth}{odd}{']' * depth}, {json.dumps(value)}]"
    parsed: Any = parse_json(body.encode())

    assert parsed[0] == parsed[2] == visible(value)
    assert levels(canonical({"row": parsed[1]})[0]) <= MAX_LEVELS


@given(st.dictionaries(st.text(), json_values | st.just(math.inf) | st.lists(st.just(-math.inf)), max_size=4))
def test_a_canonical_row_is_json(row: dict[str, Any]) -> None:
    """What is kept can be written as strict JSON, and its size is that of its canonical text."""
    clean, size = canonical(row)
    text = json.dumps(clean, sort_keys=True, separators=(",", ":"), allow_nan=False)
    assert len(text) == size
    assert clean == finite(row)


def test_what_a_server_says_is_one_safe_line() -> None:
    """At most 200 visible characters; nothing that would move a cursor or turn a line around reaches a terminal."""
    said = ErrorCleaner().clean("a\x1b[2Jb\u202ec\U000e0041\ud800\n\td" + 900 * "\x07")
    assert said.startswith("a\\x1b[2Jb\\u202ec\\U000e0041\\ud800 d")
    assert len(said) == 200


def test_masking_comes_before_cutting() -> None:
    """A cut in the middle of a secret would leave its first half."""
    cleaner = ErrorCleaner(("supersecret",))
    assert cleaner.clean("x" * 195 + "supersecret") == "x" * 195 + "***"
    assert "secret" not in cleaner.clean("supersecretsupersecret" * 30)
    assert "supersecret" not in repr(cleaner)
