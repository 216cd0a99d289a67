"""Values that a sentence names and no cited answer holds."""

import json
import re
import unicodedata
from collections.abc import Sequence

from triage.domain.evidence import Evidence, Source

# Concrete values that a sentence may only name if the cited rows hold them.
_CONCRETE = re.compile(
    r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)"  # IPv4
    r"|(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){2,7}(?::?[0-9A-Fa-f]{1,4}){1,7}(?![\w:])"  # IPv6, and MAC addresses
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # e-mail
    r"|arn:aws[\w-]*:[^\s,;\"')\]]+"  # ARN
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"  # access key
    r"|\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b"  # UUID
    r"|\b(?=[0-9A-Fa-f]*[A-Fa-f])(?=[A-Fa-f]*[0-9])[0-9A-Fa-f]{32,128}\b"  # hash
    r"|(?<![\w.-])\d{12}(?![\w.-]*\w)"  # AWS account
    r"|\bhttps?://[^\s,;\"')\]]+"  # URL
)
_CLOCK = re.compile(r"\d{1,2}(?::\d{2}){1,2}")
_ONE_TOKEN = re.compile(r"[0-9a-z-]+")
"""Account numbers, keys, UUIDs and hashes: they hold no mark that divides a longer name."""
_ADDRESS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")


def invented_value(text: str, cited: Sequence[Evidence], *, missed: Sequence[str] = ()) -> str | None:
    """The first address, e-mail, ARN, key or the like in a text that none of the given answers holds.

    Args:
        text: A sentence.
        cited: The answers.
        missed: Values that the sentence rightly says are in none of them.

    An account number, key, UUID or hash may be a whole part of a longer name, such as an ARN; an address may have a port
    behind it. Everything else has to be a value of its own. `None` if they hold all of them.
    """
    # Wide and stacked forms of letters and digits look like the plain ones to a reader.
    named = [value for value in _CONCRETE.findall(unicodedata.normalize("NFKC", text)) if not _CLOCK.fullmatch(value)]
    if not named:
        return None
    held = "\n".join([*map(_texts, cited), json.dumps(list(missed), ensure_ascii=False)]).casefold()
    for value in named:
        if not _pattern(value.rstrip(".:/").casefold()).search(held):
            return str(value)
    return None


def _pattern(value: str) -> re.Pattern[str]:
    wanted = re.escape(json.dumps(value, ensure_ascii=False)[1:-1])
    if _ONE_TOKEN.fullmatch(value):
        # Neither the whole nor the fraction of a decimal number.
        return re.compile(rf"(?<![\w+-])(?<!\d\.){wanted}(?![\w-]|\.\d)")
    if _ADDRESS.fullmatch(value):
        return re.compile(rf"(?<![\w.+-]){wanted}(?![\w-]|\.\w|:(?!\d{{1,5}}(?![\w.:])))")
    return re.compile(rf"(?<![\w.+-]){wanted}(?![\w-]|[.:]\w)")


def _texts(entry: Evidence) -> str:
    """What an answer says, with what was asked; a model's own SQL counts only if it found nothing.

    A typed question is written by code: its rows are about the values that it names.
    """
    rows = json.dumps([dict(row) for row in entry.rows], ensure_ascii=False)
    if entry.source is Source.TOOL and entry.asked is None and entry.row_count:
        return rows
    return f"{rows} {entry.question} {entry.sql}"
