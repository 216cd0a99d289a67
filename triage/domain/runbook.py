"""A runbook's text as steps that can be answered one by one."""

import re

_NUMBERED = re.compile(r"^\s*(?:step\s*)?(\d{1,2})\s*[.):]\s+(?=\S)", re.IGNORECASE)
_BULLET = re.compile(r"^\s*[-*+\u2022]\s+(?=\S)")
_HEADING = re.compile(r"^\s*(?:#{1,6}\s|[^.!?]{1,80}:\s*$)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])")
_LINK_ONLY = re.compile(r"^(?:see\s+|runbook:?\s+)?<?https?://\S+>?\.?$", re.IGNORECASE)
_INLINE_NUMBER = re.compile(r"(?:(?<=\s)|^)(\d{1,2})[.)]\s+(?=\S)")
_ENDS = re.compile(r"[.!?:;]$")
_PLACEHOLDER = re.compile(r"^(?:tbd|tba|todo|n/?a|none|null|-+|runbook)\W*$", re.IGNORECASE)
_SPACE = re.compile(r"\s+")

MAX_STEPS = 20
MAX_STEP_CHARS = 600


def runbook_steps(text: str) -> tuple[str, ...]:
    """Split a runbook into its steps, in order.

    Numbered items are the steps if there are any; otherwise bullets; otherwise each sentence. A line that continues an item
    or a sentence belongs to it, and a heading is not a step. A text that is only a link or a placeholder has no step.

    Args:
        text: As the detection has it: plain text or Markdown.

    Returns:
        At most `MAX_STEPS` steps of at most `MAX_STEP_CHARS` characters, white space collapsed.
    """
    lines = text.replace("\r\n", "\n").replace("\\n", "\n").split("\n")
    if sum(bool(_NUMBERED.match(line)) for line in lines) == 1 and (inline := _inline(text)):
        return _tidy(inline)
    for pattern in (_NUMBERED, _BULLET):
        if sum(bool(pattern.match(line)) for line in lines) >= (2 if pattern is _BULLET else 1):
            return _tidy(_items(lines, pattern))
    inline = _inline(text)
    if inline:
        return _tidy(inline)
    found: list[str] = []
    for line in _unwrapped(lines):
        found += _SENTENCE.split(line)
    return _tidy(found)


def _unwrapped(lines: list[str]) -> list[str]:
    """Lines of prose without headings; a line that continues a sentence is joined to the one before."""
    found: list[str] = []
    goes_on = False
    for line in lines:
        text = line.strip()
        if text and not text.startswith("#"):
            if goes_on and text[0].islower():
                found[-1] += " " + text
            else:
                found.append(text)
        goes_on = bool(text) and bool(found) and not _ENDS.search(text)
    return found


def _items(lines: list[str], pattern: re.Pattern[str]) -> list[str]:
    items: list[str] = []
    broken = False
    for line in lines:
        start = pattern.match(line)
        if start:
            items.append(line[start.end() :])
            broken = False
        elif not line.strip():
            broken = True
        elif items and not (broken and _HEADING.match(line)):
            # Lines below an item continue it: a sub-list, a query, a wrapped line.
            items[-1] += " " + line.strip()
    return items


def _inline(text: str) -> list[str]:
    """Steps that are numbered within one paragraph: `1. Do this. 2. Do that.`"""
    marks = list(_INLINE_NUMBER.finditer(text))
    if [int(mark.group(1)) for mark in marks[:3]] not in ([1, 2], [1, 2, 3]):
        return []
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return [text[mark.end() : end] for mark, end in zip(marks, ends, strict=True)]


def _tidy(steps: list[str]) -> tuple[str, ...]:
    found = (_SPACE.sub(" ", step).strip(" -*\u2022") for step in steps)
    kept = [
        step
        for step in found
        if any(letter.isalpha() for letter in step) and not (_LINK_ONLY.match(step) or _PLACEHOLDER.match(step))
    ]
    return tuple(step if len(step) <= MAX_STEP_CHARS else step[: MAX_STEP_CHARS - 1] + "…" for step in kept[:MAX_STEPS])
