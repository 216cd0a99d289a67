"""Regular expressions that are compiled when they are first used: compiling them all takes longer than most commands."""

from typing import Any, cast

import regex


class _Later:
    def __init__(self, text: str, flags: int) -> None:
        self._text, self._flags = text, flags

    def __getattr__(self, name: str) -> Any:
        compiled = regex.compile(self._text, self._flags)
        for each in ("search", "match", "fullmatch", "finditer", "findall", "sub", "subn", "split", "pattern"):
            setattr(self, each, getattr(compiled, each))
        return getattr(compiled, name)


def later(text: str, flags: int = 0) -> "regex.Pattern[str]":
    """A pattern of the `regex` library. A wrong one raises `regex.error` when it is used."""
    return cast("regex.Pattern[str]", _Later(text, flags))
