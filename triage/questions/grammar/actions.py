"""Actions that a runbook calls by their names in the log."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from triage.logtypes.load import log_type_files
from triage.questions.grammar.tokens import Token

_CAMEL = re.compile(r"[A-Z][a-z]+(?:[A-Z0-9][A-Za-z0-9]*)+\*?")
_LOWER_CAMEL = re.compile(r"[a-z]+(?:[A-Z][a-z0-9]+)+")
_FORMS = {
    "camel": _CAMEL,
    "dotted": re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+){1,8}(?:\.?\*)?"),
    "path": re.compile(r"[A-Za-z][A-Za-z0-9.]*(?:/[A-Za-z0-9.*_]+){1,8}"),
    "upper": re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+){1,8}"),
    "snake": re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+){1,8}"),
}
_VERB = re.compile(
    r"(?:Create|Delete|Get|List|Describe|Put|Update|Attach|Detach|Add|Remove|Modify|Enable|Disable|Start|Stop|Assume|Run|"
    r"Terminate|Authorize|Revoke|Set|Reset|Invoke|Send|Share|Copy|Restore|Import|Export|Generate|Deregister|Register|"
    r"Associate|Disassociate|Batch|Head|Decrypt|Encrypt|Schedule|Cancel|Change|Replace|Accept|Invite|Leave|Pass|Tag|"
    r"Untag|Upload|Download|Publish|Retrieve|Lookup|Query|Select|Scan|Deactivate|Activate|Resync|Request|Release|Allocate)"
    r"(?:[A-Z0-9][A-Za-z0-9]*)?\*?"
)
"""What programs' calls begin with, in any cloud."""


_FIELD_ENDINGS = (
    "_id", "_ids", "_email", "_name", "_ip", "_ips", "_address", "_type", "_time", "_ratio", "_count", "_event", "_hour",
    "_at", "_url", "_arn", "_key", "_score", "_uri",
)  # fmt: skip
"""Names in small letters that end so are fields."""
_MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class Actions:
    """How these logs write their actions."""

    known: frozenset[str]
    """In lower case."""
    forms: frozenset[str]
    squeezed: str
    """All of them without signs, one a line."""

    def hold(self, word: str) -> bool:
        """Whether a word, spaces and signs aside, occurs in one of the actions."""
        bare = "".join(letter for letter in word if letter.isalnum())
        return len(bare) > 1 and bare in self.squeezed

    def is_certain(self, action: str) -> bool:
        """Whether a text in this form can only be an action's name in these logs."""
        return not _FORMS["snake"].fullmatch(action) and (bool(self.forms) or not _FORMS["dotted"].fullmatch(action))

    def find(self, token: Token) -> str | None:
        """The action that a token names, as a glob; nothing where it is no action's name."""
        text = token.text.strip("()")
        if not text or len(text) > _MAX_NAME:
            return None
        if text.casefold() in self.known and (token.quoted or not text.isalpha() or text[1:] != text[1:].lower()):
            return text
        if _CAMEL.fullmatch(text) or text.endswith("*"):
            if "path" in self.forms and _VERB.fullmatch(text):
                return f"*{text.strip('*')}*"  # the log has it within a path
            return text if _VERB.fullmatch(text) and ("*" in text or _CAMEL.fullmatch(text)) else None
        if "path" in self.forms and _LOWER_CAMEL.fullmatch(text) and _VERB.fullmatch(text[0].upper() + text[1:]):
            return f"*{text}*"
        for form in ("dotted", "path", "upper"):
            if (form in self.forms or (form == "dotted" and not self.forms)) and _FORMS[form].fullmatch(text):
                return text
        may_be = token.quoted or "snake" in self.forms or not self.forms
        return text if may_be and _FORMS["snake"].fullmatch(text) and not text.endswith(_FIELD_ENDINGS) else None


def actions_of(log_types: Sequence[str]) -> Actions:
    """The names of actions that the files of these log types give."""
    return _actions(tuple(log_types))


@lru_cache(maxsize=256)
def _actions(log_types: tuple[str, ...]) -> Actions:
    names = {name for log_type in log_types for name in _named(log_type)}
    forms = {form for form, pattern in _FORMS.items() for name in names if pattern.fullmatch(name.strip("*/"))}
    squeezed = "\n".join("".join(letter for letter in name.casefold() if letter.isalnum()) for name in sorted(names))
    return Actions(frozenset(name.casefold() for name in names), frozenset(forms), squeezed)


def _named(log_type: str) -> Iterator[str]:
    for file in log_type_files(log_type):
        yield from (name for by in file.harmful.values() for globs in by.values() for name in globs)
        yield from (*file.sign_ins, *file.self_service, *file.detections)
        yield from (name for globs in file.classes.values() for name in globs)
        for derivation in file.derives:
            yield from derivation.actions
