"""A value as JSON that can be printed: no control, bidi or invisible character of a log reaches a terminal raw."""

import json
import re

from triage.domain.base import Value

_UNPRINTED = re.compile(r"[^\n -~]+")


def ascii_json(value: Value) -> str:
    """One indented document with a last line break.

    Whatever is not printable ASCII stands as an escape, which any reader of JSON undoes. Such characters occur only
    inside of strings, so that the document can be changed as text.
    """
    return _UNPRINTED.sub(lambda found: "".join(map(_escaped, found.group())), value.model_dump_json(indent=1)) + "\n"


def _escaped(letter: str) -> str:
    # `json.dumps` leaves DEL as it is.
    return "\\u007f" if letter == "\x7f" else json.dumps(letter)[1:-1]
