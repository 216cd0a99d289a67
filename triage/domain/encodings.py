"""What encoded runs in a text decode to."""

import base64
import binascii
import re
from collections.abc import Iterator

_URL_SAFE = str.maketrans("-_", "+/")
_LINE_ENDS = str.maketrans("", "", "\n\r\t")
_RUN = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_LETTERS = re.compile(r"[A-Za-z]{3}")
_MIN_WIDE_BYTES = 6
"""Fewer are not read as UTF-16."""


def decode_base64(run: str) -> bytes:
    """The bytes of a run in the standard or the URL-safe alphabet, padded or not; empty if it isn't base64."""
    bare = run.rstrip("=").translate(_URL_SAFE)
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def text_of(raw: bytes) -> str:
    """Bytes as text, UTF-8 or UTF-16 as PowerShell encodes its commands; empty if they aren't printable text."""
    encoding = "utf-16-le" if len(raw) > _MIN_WIDE_BYTES and not any(raw[1:40:2]) else "utf-8"
    try:
        text = raw.decode(encoding)
    except ValueError:
        return ""
    return text if text.translate(_LINE_ENDS).isprintable() else ""


def decoded_texts(text: str) -> Iterator[str]:
    """What the base64 runs of a text say, such as the command that PowerShell is given encoded; runs of other kinds, such
    as ids and digests, give nothing.
    """
    for match in _RUN.finditer(text):
        plain = text_of(decode_base64(match.group()))
        if _LETTERS.search(plain):
            yield plain
