"""The program's own secrets: the configured tokens, keys and passwords, by exact match in every usual encoding.

They need no shape and no name beside them, since they are known. `redaction` replaces them in every text that it reads.
"""

import base64
import html
import json
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

import regex

from triage.domain.secret_patterns import MARK

LABEL = f"{MARK}own secret]"
SHORTEST = 8
"""Characters of the shortest secret that is looked for; a shorter one would be found in ordinary words."""
_PERCENT = regex.compile(r"%[0-9A-F]{2}")
_ALPHABETS = str.maketrans("+/", "-_")


class OwnSecrets:
    """Those of this process."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._pattern: regex.Pattern[str] | None = None

    def add(self, secrets: Iterable[str]) -> bool:
        """Look for these as well from now on; returns whether any is new."""
        new = {secret for secret in secrets if len(secret) >= SHORTEST} - self._values
        if new:
            self._values |= new
            forms = {form for secret in self._values for form in _forms(secret)}
            # The longest first, so that no rest of one stays behind.
            longest = sorted(forms, key=lambda form: (-len(form), form))
            self._pattern = regex.compile("|".join(map(regex.escape, longest)))
        return bool(new)

    def forget(self) -> None:
        """Look for none; for tests, each of which has a configuration of its own."""
        self._values, self._pattern = set(), None

    def replace(self, text: str) -> str:
        """The text with a label in the place of each."""
        return text if self._pattern is None else str(self._pattern.sub(LABEL, text))


def _forms(secret: str) -> Iterator[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    yield secret
    for quoted in (quote(raw, safe=""), quote(raw), quote_plus(raw), "".join(f"%{byte:02X}" for byte in raw)):
        yield quoted
        yield _PERCENT.sub(lambda found: found.group().lower(), quoted)
    for escaped in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield from (escaped, escaped.replace("/", "\\/"), json.dumps(escaped)[1:-1])
    yield html.escape(secret)
    yield raw.hex()
    yield raw.hex().upper()
    for encoded in (raw, secret.encode("utf-16-le", "surrogatepass")):
        for before in range(3):
            # The letters that depend on nothing around the secret, wherever it begins in the encoded text.
            text = base64.b64encode(bytes(before) + encoded).decode("ascii")
            whole = text[(0, 2, 3)[before] : (before + len(encoded)) * 8 // 6]
            yield whole
            yield whole.translate(_ALPHABETS)


OWN = OwnSecrets()
"""Of the whole process, since redaction is asked for from every room."""
