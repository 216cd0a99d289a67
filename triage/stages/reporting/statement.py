"""SQL for a comment: it can be pasted into Data Explorer, and nothing in it becomes a link, a tag or a mention."""

from dataclasses import dataclass

import regex

from triage.domain.clean import printable

LONGEST = 3_000
"""Characters; a longer statement is left out, since half of one is of no use."""

_LITERAL = regex.compile(r"'(?:[^'\\]|''|\\.)*+'", regex.DOTALL)
_BREAK = regex.compile(
    r"(?<=:)(?=//)|(?<=<)(?=[\p{L}/!?])|(?<=(?<![\p{L}\p{N}_])@)(?=[^\s'])|(?<=\])(?=[(\[:])"
    # Other schemes are names of columns, too: `data:id`.
    r"|(?<=\b(?i:javascript|vbscript):)(?=[^\s'])"
)
_ONE_BYTE, _TWO_BYTES = 0xFF, 0xFFFF
_ROOM = 12
"""Characters that the longest escape needs."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that is safe to show."""

    text: str
    """Empty where nothing is shown."""
    note: str = ""
    """Why it is not shown, or cannot be pasted."""


def statement(sql: str) -> Statement:
    """Prepare a statement.

    Inside a text literal, an invisible character becomes Snowflake's own escape, and a URL, a tag, a link or a mention is
    split into two texts that are joined again (`('https:' || '//evil.example')`): the meaning stays the same. What
    cannot be written that way (outside literals, or beyond four hexadecimal digits) is shown as an escape, and the note
    says so.

    Source: Snowflake documentation, "Escape sequences in single-quoted string constants".
    """
    sql = sql.replace("\r\n", "\n").strip()
    if len(sql) > LONGEST:
        return Statement("", f"its SQL has {len(sql)} characters and is left out")
    parts: list[str] = []
    exact = True
    end = 0
    for match in _LITERAL.finditer(sql):
        outside, kept = _outside(sql[end : match.start()])
        inside, held = _inside(match.group())
        parts += (outside, inside)
        exact = exact and kept and held
        end = match.end()
    outside, kept = _outside(sql[end:])
    parts.append(outside)
    note = "" if exact and kept else "its SQL holds characters that are shown as escapes; it cannot be pasted"
    return Statement("".join(parts), note)


def _outside(text: str) -> tuple[str, bool]:
    text = text.replace("\t", "    ")
    shown = "".join(letter if letter == "\n" else printable(letter, _ROOM) for letter in text)
    broken = _BREAK.sub(" ", shown)
    return broken, broken == text


def _inside(literal: str) -> tuple[str, bool]:
    exact = True
    letters: list[str] = []
    for letter in literal:
        shown = printable(letter, _ROOM)
        code = ord(letter)
        if shown == letter or letter in "\n\r\t":
            letters.append(shown)
        elif code <= _ONE_BYTE:
            letters.append(f"\\x{code:02x}")
        elif code <= _TWO_BYTES:
            letters.append(f"\\u{code:04x}")
        else:
            letters.append(shown)
            exact = False
    text = "".join(letters)
    broken = _BREAK.sub("' || '", text)
    return (f"({broken})" if broken != text else text), exact
