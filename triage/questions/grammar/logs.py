"""Which logs: names of log types as people write them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from triage.logtypes import shipped_log_types

_HUMP = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_GENERIC = frozenset(
    """audit auditlog auditlogs event events activity alert alerts unknown report reports sessions production
    administrator authentication webhook issue issues detections connect dns operation firewall login""".split()  # noqa: SIM905
)
"""Products' names that are everyday words: they name a log only beside the vendor's name, or if the alert has such a log."""
_MAX_WORDS = 5
_MIN_KEY = 3


@dataclass(frozen=True, slots=True)
class Logs:
    """How an alert's runbook may name logs."""

    own: tuple[str, ...]
    names: dict[str, tuple[str, ...]]
    """Words without spaces: the log types meant."""

    def find(self, words: Sequence[str]) -> tuple[tuple[str, ...], int]:
        """The log types that the first words name, and how many words do; none if they don't."""
        for size in range(min(len(words), _MAX_WORDS), 0, -1):
            squeezed = _squeeze(words[:size])
            found = self.names.get(squeezed)
            if found:
                return found, size
        return (), 0


def _squeeze(words: Sequence[str]) -> str:
    text = "".join(words)
    return "".join(letter for letter in text if letter.isalnum())


def _humps(text: str) -> list[str]:
    return [part.casefold() for part in _HUMP.findall(text)]


@cache
def _all_names() -> dict[str, tuple[str, ...]]:
    """Every log type with a file of its own: what else people call it."""
    return {file.log_type: file.names for file in shipped_log_types() if not file.is_family}


def logs_of(own: Sequence[str]) -> Logs:
    """The names that log types go by, for an alert in these logs."""
    return _logs(tuple(own))


@lru_cache(maxsize=256)
def _logs(own: tuple[str, ...]) -> Logs:
    keys: dict[str, set[str]] = {}
    for log_type in dict.fromkeys((*own, *_all_names())):
        for key in _keys(log_type, own=log_type in own) | _other_keys(log_type):
            keys.setdefault(key, set()).add(log_type)
    names = {}
    for key, found in keys.items():
        # A name that several logs share means those of the alert.
        kept = [log_type for log_type in own if log_type in found] or sorted(found)
        if len(kept) == 1 or all(log_type in own for log_type in kept):
            names[key] = tuple(kept)
    return Logs(own, names)


def _other_keys(log_type: str) -> set[str]:
    """The names in the log type's own file, which are of more than one kind of log only with these words after them."""
    names = {_squeeze([name.casefold()]) for name in _all_names().get(log_type, ())}
    return {name + suffix for name in names for suffix in ("", "log", "logs", "auditlog", "auditlogs")}


def _keys(log_type: str, *, own: bool) -> set[str]:
    vendor, _, product = log_type.partition(".")
    words = _humps(product.replace(".", " ").replace("_", " "))
    start = _squeeze([vendor.casefold()])
    whole = _squeeze(words)
    bare = whole.removesuffix("logs").removesuffix("log")
    found = {start + whole, start + bare}
    # `Azure activity` for Azure.MonitorActivity: the vendor with some of the words.
    found |= {start + word for word in words if len(words) > 1 and word not in ("log", "logs")}
    if own:
        found.add(start)
    generic = bare in _GENERIC or whole in _GENERIC
    if not generic:
        found |= {whole, bare}
    suffixed = {bare + suffix for suffix in ("log", "logs") if own and generic}
    suffixed |= {start + suffix for suffix in ("log", "logs")}
    found = {key for key in found if len(key) >= _MIN_KEY}
    return suffixed | found | {key + suffix for key in found for suffix in ("log", "logs")}
