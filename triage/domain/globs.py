"""Names with wildcards, as people write them in files: `AWS.*`, `*DeleteSink`."""

import re
from collections.abc import Iterable
from fnmatch import translate
from functools import lru_cache


def any_glob(value: str, globs: Iterable[str]) -> bool:
    """Whether a name matches one of the globs, without regard to case."""
    folded = value.casefold()
    return any(_compiled(glob).match(folded) is not None for glob in globs)


@lru_cache(maxsize=16_384)
def _compiled(glob: str) -> re.Pattern[str]:
    """A glob as a pattern. `fnmatch` caches 256 patterns; the playbooks and log types have more."""
    return re.compile(translate(glob.casefold()))
