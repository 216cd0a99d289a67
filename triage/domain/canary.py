"""A word that only the instructions hold: a reply that carries it comes from a model that was made to repeat them.

The word and half of it are looked for, in any case, set apart by spaces, punctuation or invisible characters, reversed,
rotated by 13 letters, as JSON, URL or HTML escapes, in base64 (once or twice), base32 or hexadecimal, and cut over
neighbouring texts.
"""

import base64
import codecs
import hashlib
import html
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from urllib.parse import unquote

import regex

from triage.domain.encodings import decode_base64

LENGTH = 20
_FRAGMENT = 10
"""Characters in a row that give it away: 40 bits, which no log value contains by accident."""
_BASE64_FRAGMENT = 12
_BASE32_FRAGMENT = 14
_APART = regex.compile(r"[^0-9a-z]+")
_WHITE = regex.compile(r"[\s\p{C}\"'`,;:|]+")
_BASE64 = regex.compile(r"[A-Za-z0-9+/_-]{16,}")
_ESCAPE = regex.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})|\\U([0-9a-fA-F]{8})")
_LAST_CODE = 0x10FFFF


def canary_of(digest: str) -> str:
    """The canary of a set of templates.

    It depends on the templates alone, so that a prompt's beginning is the same for every alert.
    """
    return hashlib.sha256(f"canary {digest}".encode()).hexdigest()[:LENGTH]


def carries(canary: str, texts: Iterable[str]) -> bool:
    """Whether any of the texts, or neighbours read as one, hold the canary in some form.

    Args:
        canary: From `canary_of`.
        texts: Everything that a model wrote, in its order.
    """
    whole = "\n".join(texts)
    if not whole or not canary:
        return False
    plain, base = _needles(canary)
    readings = {whole, _unescaped(whole)}
    readings |= {hidden for reading in readings for hidden in _decoded(reading)}
    for reading in sorted(readings):
        folded = _APART.sub("", unicodedata.normalize("NFKC", reading).lower())
        if any(needle in folded for needle in plain):
            return True
        dense = _WHITE.sub("", reading)
        if any(needle in dense for needle in base):
            return True
    return False


def _decoded(text: str) -> Iterable[str]:
    """What runs of base64 in a text decode to."""
    # A run may be broken by blanks, or be next to other words.
    for match in (*_BASE64.finditer(text), *_BASE64.finditer(_WHITE.sub("", text))):
        with suppress(UnicodeDecodeError):
            yield decode_base64(match.group()).decode("ascii")


def _unescaped(text: str) -> str:
    shown = html.unescape(unquote(unquote(text)))
    return str(_ESCAPE.sub(_letter, shown))


def _letter(match: "regex.Match[str]") -> str:
    code = int(match[1] or match[2] or match[3], 16)
    return chr(code) if code <= _LAST_CODE else match.group()


@lru_cache(maxsize=16)
def _needles(canary: str) -> tuple[frozenset[str], frozenset[str]]:
    """What to look for among letters and digits alone, and with letter case and signs kept."""
    forms = (canary, canary[::-1], codecs.encode(canary, "rot13"))
    plain = {piece for form in forms for piece in _pieces(form, _FRAGMENT)}
    plain |= {piece for form in forms for piece in _pieces(form.encode().hex(), 2 * _FRAGMENT)}
    plain |= set(_pieces(canary.upper().encode().hex(), 2 * _FRAGMENT))
    base: set[str] = set()
    for form in (*forms, canary.upper()):
        for pad in range(5):
            padded = b"\0" * pad + form.encode()
            encoded = base64.b64encode(padded).decode()
            for text in (encoded, encoded[::-1]):
                base.update(_pieces(text.strip("=")[4:-4], _BASE64_FRAGMENT))
            base.update(_pieces(base64.b32encode(padded).decode().strip("=")[8:-2], _BASE32_FRAGMENT))
    return frozenset(plain), frozenset(base)


def _pieces(text: str, length: int) -> Iterable[str]:
    return (text[place : place + length] for place in range(len(text) - length + 1))
