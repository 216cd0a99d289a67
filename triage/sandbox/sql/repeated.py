"""Statements that repeat but for their values, translated once.

A client asks the same questions about each alert: a batch is a UNION ALL of them, with other names and times. Each branch
is translated with placeholders for its times and lists, and the translation is remembered. The values are then put in as
they were written, which is the same in both dialects for texts without a backslash. What looks different in any way is
translated as a whole.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from triage.sandbox.columns import Columns
from triage.sandbox.errors import QueryError
from triage.sandbox.sql.translate import Translated, translate
from triage.sandbox.world import LakeTable

_TEXT = r"'(?:[^'\\]|\\.|'')*'"
_PIECES = re.compile(rf"""{_TEXT}|"[^"]*"|[(\[]|[)\]]|--|/\*|//|\$\$|\ UNION\ ALL\ """, re.VERBOSE | re.DOTALL)
_BRANCH = re.compile(r"SELECT '' AS \w+, \w+\(\) AS \w+ FROM \(\)")
"""A branch without what is inside of its texts and parentheses."""
_LIMIT = re.compile(r" LIMIT \d+\Z")
_SIMPLE = r"'(?![{\[])(?:[^'\\]|'')*'"
"""A text that both dialects write alike, and that no rule takes for JSON."""
_VALUES = re.compile(
    rf"""(?P<head>\ASELECT\ (?='\d+'\ AS)|CAST\((?='[-0-9:.\ ]+'\ AS\ TIMESTAMPNTZ\))|\ IN\ \(|(?<![\w"\])])\[)"""
    rf"""(?P<value>{_SIMPLE}(?:,\ {_SIMPLE})*)(?=(?P<tail>\ AS|\)|\]))""",
    re.VERBOSE | re.DOTALL,
)
_OTHERWISE = re.compile(
    r"current_|localtime|sysdate|systimestamp|getdate|now\s*\(|p_occurs_|placeholder-|1001-01-01", re.IGNORECASE
)
"""What depends on the time, and what looks like a placeholder."""
_MOST: Final = 2_000
"""Branches that are remembered."""


@dataclass(slots=True)
class Translator:
    """Translates the statements of one lake."""

    catalog: Mapping[LakeTable, Columns]
    _known: dict[tuple[str, str], Translated | None] = field(default_factory=dict)
    """By database and branch, with placeholders in both; `None` where a placeholder did not come through."""

    def translate(self, sql: str, *, database: str, now: datetime) -> Translated:
        """As `translate.translate`. Raises QueryError."""
        found = self._batch(sql, database, now)
        return found or translate(sql, self.catalog, database=database, now=now)

    def _batch(self, sql: str, database: str, now: datetime) -> Translated | None:
        limit = _LIMIT.search(sql)
        branches = _branches(sql[: limit.start()] if limit else sql)
        if not branches or _OTHERWISE.search(sql):
            return None
        translated: list[Translated] = []
        for branch in branches:
            found = self._branch(branch, database, now)
            if found is None:
                return None
            translated.append(found)
        return Translated(
            " UNION ALL ".join(each.sql for each in translated) + (limit.group() if limit else ""),
            frozenset[LakeTable]().union(*(each.tables for each in translated)),
        )

    def _branch(self, branch: str, database: str, now: datetime) -> Translated | None:
        values: list[str] = []

        def placed(found: re.Match[str]) -> str:
            values.append(found["value"])
            return found["head"] + _placeholder(len(values) - 1, moment=found["head"].startswith("CAST"))

        form = _VALUES.sub(placed, branch)
        if (database, form) not in self._known:
            if len(self._known) >= _MOST:
                return None
            self._known[database, form] = self._translated(form, len(values), database, now)
        known = self._known[database, form]
        if known is None:
            return None
        return Translated(_PLACEHOLDER.sub(lambda found: values[_number(found)], known.sql), known.tables)

    def _translated(self, form: str, count: int, database: str, now: datetime) -> Translated | None:
        try:
            found = translate(form, self.catalog, database=database, now=now)
        except QueryError:
            return None  # the whole statement says what is wrong with it
        came = {_number(each) for each in _PLACEHOLDER.finditer(found.sql)}
        return found if came == set(range(count)) else None


def _number(found: re.Match[str]) -> int:
    return int(found.group(1) or found.group(2))


def _placeholder(number: int, *, moment: bool) -> str:
    return f"'1001-01-01 01:01:01.{number:06d}'" if moment else f"'placeholder-{number}-of-a-value'"


_PLACEHOLDER = re.compile(r"'1001-01-01 01:01:01\.(\d{6})'|'placeholder-(\d+)-of-a-value'")


def _branches(sql: str) -> list[str]:
    """The branches of a batch; empty for any other statement."""
    found: list[str] = []
    skeleton: list[str] = []
    depth = start = copied = 0
    for piece in _PIECES.finditer(sql):
        mark = piece.group()
        if mark in {"--", "/*", "//", "$$"}:
            return []
        outside = depth == 0
        if mark in {"(", "["}:
            depth += 1
        elif mark in {")", "]"}:
            depth -= 1
        if depth < 0:
            return []
        if outside:
            skeleton.append(sql[copied : piece.start()])
            skeleton.append("''" if mark[0] == "'" else mark if mark != " UNION ALL " else "\n")
        elif depth == 0:
            skeleton.append(mark)
        copied = piece.end()
        if outside and mark == " UNION ALL ":
            found.append(sql[start : piece.start()])
            start = piece.end()
    skeleton.append(sql[copied:])
    found.append(sql[start:])
    forms = "".join(skeleton).split("\n")
    return found if depth == 0 and all(map(_BRANCH.fullmatch, forms)) else []
