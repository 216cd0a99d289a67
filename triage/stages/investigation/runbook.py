"""A runbook's steps, taken from its text by code."""

import regex

_STEP = regex.compile(r"^[ \t]{0,8}(?:(?P<number>\d{1,2})[.)]|[-*•])[ \t]+(?P<text>\S.*)$")
_MOST = 20
_LONGEST = 600


def steps(runbook: str) -> tuple[str, ...]:
    """Extract the steps of a runbook in order; empty where it has none.

    Numbered lines are steps; without any, bulleted ones are. Lines that follow a step belong to it up to an empty
    line. At most 20 steps of 600 characters.
    """
    numbered = _collect(runbook, numbered=True)
    return numbered or _collect(runbook, numbered=False)


def _collect(runbook: str, *, numbered: bool) -> tuple[str, ...]:
    found: list[str] = []
    inside = False
    for line in runbook.splitlines():
        match = _STEP.match(line)
        if match is not None and (match["number"] is not None) == numbered:
            found.append(match["text"].strip())
            inside = True
        elif not line.strip():
            inside = False
        elif inside:
            found[-1] = f"{found[-1]} {line.strip()}"
    return tuple(step[:_LONGEST] for step in found[:_MOST])
