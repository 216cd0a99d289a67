"""The name that a mistyped one was probably meant to be."""

from collections.abc import Iterable
from difflib import get_close_matches

_CUTOFF = 0.7
"""How alike two names must be: one letter left out, doubled or swapped in a short name passes."""


def nearest(name: str, names: Iterable[str]) -> str:
    """The most similar of some names, letter case aside; empty where none is similar."""
    by_folded = {each.casefold(): each for each in names}
    found = get_close_matches(name.casefold(), by_folded, n=1, cutoff=_CUTOFF)
    return by_folded[found[0]] if found else ""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A question for the end of a message, after its comma; empty where no name is similar."""
    near = nearest(name, names)
    return f", did you mean {near}?" if near else ""
