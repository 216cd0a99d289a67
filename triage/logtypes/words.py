"""What an action of a log is called in a sentence: a verb in the past tense, and what it was done to.

A log type's file says it for the actions that matter (`words`); for others the name itself is read, since most logs name
an action by a verb and a noun: `DeleteFlowLogs` is "deleted flow logs".
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, Field

from triage.domain.base import Value
from triage.logtypes.paths import parse_path

TARGET, RECIPIENT = "target", "recipient"
"""What a phrase may name besides paths of the event: the terms of the same name."""
_HOLE = re.compile(r"\{([^{}]+)\}")


def holes(text: str) -> tuple[str, ...]:
    """What a phrase names: paths of the event, `target` or `recipient`."""
    return tuple(_HOLE.findall(text))


def _is_phrase(text: str) -> str:
    for hole in holes(text):
        parse_path(hole)
    return text


Phrase = Annotated[str, AfterValidator(_is_phrase)]


class Words(Value):
    """How actions are said."""

    actions: Annotated[tuple[str, ...], Field(min_length=1)]
    """Globs, as the term `action` gives them."""
    say: Annotated[tuple[Phrase, ...], Field(min_length=1)]
    """Phrases in the past tense, the fullest first, such as `attached {requestParameters.policyArn} to {target}`; the
    first of which every part has a value counts, so the last should need none."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the event that the phrases name."""
        return tuple(hole for text in self.say for hole in holes(text) if hole not in (TARGET, RECIPIENT))


def said(phrases: tuple[str, ...], value_of: Callable[[str], str]) -> tuple[str, str]:
    """The first phrase whose parts are all known, and the first thing that it names; both empty if there is none.

    Args:
        phrases: As `Words.say` has them.
        value_of: The value of a path, of `target` or of `recipient`; empty where it is not known.
    """
    for phrase in phrases:
        values = {hole: value_of(hole) for hole in holes(phrase)}
        if all(values.values()):
            text = _HOLE.sub(lambda hole, known=values: known[hole[1]], phrase)  # type: ignore[misc]  # a bound default
            return text, next(iter(values.values()), "")
    return "", ""


@lru_cache(maxsize=4096)
def spelled_out(action: str) -> str:
    """An action by its name alone: `deleted flow logs`; empty where no verb is in it."""
    parts = [part for part in re.split(r"[./:\s]+", action) if part]
    words = [word for part in parts[-1:] for word in _split(part)]
    if not words:
        return ""
    if len(parts) > 1 and len(words) == 1:
        # The noun comes before the verb: `microsoft.insights/diagnosticsettings/delete`; or after it: `create pods`.
        first = _split(parts[0])
        words = (
            [*first, *words] if first and first[0] in _PAST and words[0] not in _PAST else [*words, *_split(parts[-2])]
        )
    verb, *noun = words
    if verb not in _PAST and len(words) > 1 and words[-1] in _PAST:
        verb, noun = words[-1], words[:-1]
    return " ".join([_PAST[verb], *noun]) if verb in _PAST else ""


def _split(name: str) -> list[str]:
    """`AttachRolePolicy20150331v2` as `attach role policy`."""
    name = re.sub(r"(?<=[a-z])\d{8}(v\d+)?$", "", name)
    return [word for word in _words(name) if word]


def _words(name: str) -> Iterator[str]:
    for part in re.split(r"[_\W]+", name):
        for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|\d+", part):
            yield word if word.isupper() and len(word) > 1 and not part.isupper() else word.lower()


_PAST = {
    "accept": "accepted",
    "activate": "activated",
    "add": "added",
    "allocate": "allocated",
    "allow": "allowed",
    "approve": "approved",
    "archive": "archived",
    "assign": "assigned",
    "associate": "associated",
    "assume": "assumed",
    "attach": "attached",
    "authenticate": "authenticated",
    "authorize": "authorized",
    "block": "blocked",
    "cancel": "cancelled",
    "change": "changed",
    "clone": "cloned",
    "close": "closed",
    "copy": "copied",
    "create": "created",
    "deactivate": "deactivated",
    "delete": "deleted",
    "deregister": "deregistered",
    "describe": "looked at",
    "destroy": "deleted",
    "detach": "detached",
    "disable": "disabled",
    "disassociate": "disassociated",
    "download": "downloaded",
    "drop": "dropped",
    "edit": "edited",
    "empty": "emptied",
    "enable": "enabled",
    "enroll": "enrolled",
    "exec": "ran",
    "execute": "ran",
    "export": "exported",
    "fetch": "fetched",
    "filter": "searched",
    "generate": "generated",
    "get": "read",
    "grant": "granted",
    "import": "imported",
    "insert": "created",
    "install": "installed",
    "invite": "invited",
    "invoke": "invoked",
    "issue": "issued",
    "join": "joined",
    "launch": "launched",
    "leave": "left",
    "list": "listed",
    "login": "signed in",
    "logout": "signed out",
    "lookup": "looked up",
    "modify": "modified",
    "move": "moved",
    "open": "opened",
    "patch": "patched",
    "publish": "published",
    "purge": "purged",
    "push": "pushed",
    "put": "set",
    "query": "queried",
    "read": "read",
    "reboot": "rebooted",
    "register": "registered",
    "release": "released",
    "reject": "rejected",
    "remove": "removed",
    "rename": "renamed",
    "replace": "replaced",
    "request": "requested",
    "reset": "reset",
    "restart": "restarted",
    "restore": "restored",
    "revoke": "revoked",
    "rotate": "rotated",
    "run": "ran",
    "schedule": "scheduled",
    "search": "searched",
    "send": "sent",
    "set": "set",
    "share": "shared",
    "start": "started",
    "stop": "stopped",
    "suspend": "suspended",
    "terminate": "terminated",
    "transfer": "transferred",
    "trash": "moved to the trash",
    "unassign": "unassigned",
    "uninstall": "uninstalled",
    "unshare": "unshared",
    "unsuspend": "unsuspended",
    "update": "updated",
    "upload": "uploaded",
    "verify": "verified",
    "view": "viewed",
    "watch": "watched",
    "write": "changed",
}
"""Verbs as logs name actions, and how they are said of what has happened."""
