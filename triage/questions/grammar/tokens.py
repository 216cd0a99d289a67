"""A step's text as words, in one pass over it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
    (?P<quoted>`[^`\n]{1,120}`|"[^"\n]{1,120}"|(?<![A-Za-z0-9])'[^'\n]{1,120}'(?![A-Za-z0-9]))
    |(?P<word>[A-Za-z0-9_$*@\u00c0-\u024f][\w$*@:/.\[\]+\u2019'-]*)
    |(?P<sign>[^\s])
    """,
    re.VERBOSE,
)
_TRAILING = ".:/'\u2019-["
_MIN_NAME = 3
_POSSESSIVE = ("'s", "\u2019s", "s'", "s\u2019")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a sign, or what stood in quotes."""

    text: str
    """As it is written, without quotes."""
    low: str
    """In lower case, without a possessive ending."""
    start: int
    end: int
    quoted: bool = False
    possessive: bool = False

    @property
    def is_word(self) -> bool:
        """Whether it is more than a sign."""
        return self.quoted or self.text[:1].isalnum() or self.text[:1] in "_$*@"


def tokenise(text: str) -> tuple[Token, ...]:
    """Read a text as tokens, in order; white space between them is dropped."""
    return tuple(_tokens(text))


def _tokens(text: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(text):
        if match["quoted"]:
            inner = match["quoted"][1:-1].strip()
            yield Token(inner, inner.casefold(), match.start(), match.end(), quoted=True)
        elif match["word"]:
            yield from _word(match["word"], match.start())
        else:
            yield Token(match["sign"], match["sign"], match.start(), match.end())


def _word(text: str, start: int) -> Iterator[Token]:
    """One word; the signs that end it stand apart."""
    if text.startswith("p_") or not _is_pair(text):
        kept = text.rstrip(_TRAILING) or text
        possessive = kept.endswith(_POSSESSIVE[:2]) or text[: len(kept) + 1].endswith(_POSSESSIVE[2:])
        low = kept.casefold()
        for ending in _POSSESSIVE[:2]:
            low = low.removesuffix(ending)
        yield Token(kept, low, start, start + len(kept), possessive=possessive)
        for at in range(len(kept), len(text)):
            if text[at] not in "'\u2019":
                yield Token(text[at], text[at], start + at, start + at + 1)
        return
    at = start
    for index, part in enumerate(text.split("/")):
        if index:
            yield Token("/", "/", at, at + 1)
            at += 1
        if part:
            yield from _word(part, at)
        at += len(part)


def _is_pair(text: str) -> bool:
    """Whether a slash joins two plain words, as in `user/role`, and is no part of a name."""
    parts = [part.strip(_TRAILING) for part in text.split("/")]
    return len(parts) > 1 and all(
        (part.replace("-", "").isalpha() and part[1:].islower()) or (part.isupper() and part.isalpha())
        for part in parts
    )


def lows(tokens: Sequence[Token]) -> tuple[str, ...]:
    """The words in lower case."""
    return tuple(token.low for token in tokens)


def written(text: str, tokens: Sequence[Token]) -> str:
    """What the tokens cover of a text."""
    return text[tokens[0].start : tokens[-1].end].strip() if tokens else ""


def is_name(text: str) -> bool:
    """Whether a word can only be a name: signs or capitals inside it."""
    return len(text) >= _MIN_NAME and (any(sign in text for sign in ":._*/") or text[1:] != text[1:].lower())
