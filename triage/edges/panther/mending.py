"""Makes JSON readable that a strict parser refuses because of one value in it.

A log event may be nested a thousand levels deep, or hold `NaN` where its producer divided by zero. The answer that
carries it would be refused as a whole, and with it an alert and everything else on the page.
"""

import json
import re

from triage.domain.cuts import NO_NUMBER, TOO_DEEP

MAX_LEVELS = 100
"""Levels of a body that are kept. The parsers further on stop at about two hundred."""
_TOKEN = re.compile(
    rb'"(?:[^"\\]|\\.)*+"'
    rb"|(?P<open>[\[{])|(?P<close>[\]}])"
    rb"|(?P<number>-?(?:NaN|Infinity)\b|-?\d{400,}[\d.eE+-]*)"
    rb'|(?P<broken>")',
    re.DOTALL,
)
_DEEP = json.dumps(TOO_DEEP).encode()
_NUMBER = json.dumps(NO_NUMBER).encode()


def mend(data: bytes) -> bytes:
    """JSON with texts in place of what is nested too deeply and of numbers that JSON lacks.

    Takes one pass; what is broken in another way stays so.
    """
    kept: list[bytes] = []
    copied = depth = 0
    for token in _TOKEN.finditer(data):
        if token["broken"]:
            # A text without an end: the body breaks off.
            return data
        if token["open"]:
            depth += 1
            if depth == MAX_LEVELS + 1:
                kept += [data[copied : token.start()], _DEEP]
                copied = len(data)
        elif token["close"]:
            depth -= 1
            if depth == MAX_LEVELS:
                copied = token.end()
        elif token["number"] and depth <= MAX_LEVELS:
            kept += [data[copied : token.start()], _NUMBER]
            copied = token.end()
    return b"".join([*kept, data[copied:]])
