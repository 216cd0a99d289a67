"""Which act undoes which, by their names."""

import re
from collections.abc import Iterator

_INVERSE = (
    ("Stop", "Start"),
    ("Delete", "Put"),
    ("Delete", "Create"),
    ("Remove", "Add"),
    ("Detach", "Attach"),
    ("Disable", "Enable"),
    ("Revoke", "Authorize"),
    ("Deregister", "Register"),
    ("disable", "enable"),
    ("destroy", "create"),
    ("delete", "create"),
    ("remove", "add"),
    ("deactivate", "activate"),
    ("revoke", "grant"),
    ("deactivate", "reactivate"),
    ("suspend", "unsuspend"),
    ("delete", "write"),
    ("delete", "insert"),
    ("Cancel", "Schedule"),
    ("cancel", "schedule"),
    ("Disassociate", "Associate"),
    ("Restore", "Delete"),
    ("restore", "delete"),
    ("untrash", "trash"),
    ("unlock", "lock"),
    ("unarchive", "archive"),
    ("unassign", "assign"),
    ("unpublish", "publish"),
)


def inverses(action: str) -> Iterator[str]:
    """The names of the acts that undo an act, and of those that it undoes."""
    for one, other in _INVERSE:
        for here, there in ((one, other), (other, one)):
            # Whole words only: at the start of a name in capitals, or between dots, slashes or blanks.
            pattern = rf"^{here}(?=[A-Z])|(?<![a-z]){here}(?![a-z])"
            changed = re.sub(pattern, there, action, count=1)
            if changed != action:
                yield changed
