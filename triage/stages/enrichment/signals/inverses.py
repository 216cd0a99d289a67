"""Which act undoes which, by their names."""

import re
from collections.abc import Iterator

_INVERSE = (
    ("stop", "start"),
    ("delete", "put"),
    ("delete", "create"),
    ("drop", "create"),
    ("remove", "add"),
    ("detach", "attach"),
    ("disable", "enable"),
    ("revoke", "authorize"),
    ("deregister", "register"),
    ("unregister", "register"),
    ("destroy", "create"),
    ("deactivate", "activate"),
    ("revoke", "grant"),
    ("deactivate", "reactivate"),
    ("suspend", "unsuspend"),
    ("delete", "write"),
    ("delete", "insert"),
    ("cancel", "schedule"),
    ("disassociate", "associate"),
    ("restore", "delete"),
    ("untrash", "trash"),
    ("unlock", "lock"),
    ("unblock", "block"),
    ("unarchive", "archive"),
    ("unassign", "assign"),
    ("unpublish", "publish"),
    ("unset", "set"),
    ("uninstall", "install"),
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
"""A word of a name: small, with a capital, or all in capitals."""


def inverses(action: str) -> Iterator[str]:
    """The names of the acts that undo an act, and of those that it undoes, in the letter case of its own name."""
    for one, other in _INVERSE:
        for here, there in ((one, other), (other, one)):
            for past in ("", "d", "ed"):
                found = next((word for word in _WORD.finditer(action) if word[0].casefold() == here + past), None)
                if found is not None:
                    yield action[: found.start()] + _cased(there + _past(there, past), found[0]) + action[found.end() :]


def _past(verb: str, past: str) -> str:
    """The ending of a verb in the past."""
    return "" if not past else "d" if verb.endswith("e") else "ed"


def _cased(word: str, like: str) -> str:
    return word.upper() if like.isupper() else word.capitalize() if like[0].isupper() else word
