"""Hostile statements stay refused in disguise: case, spaces, comments, odd characters, and inside other queries."""

import random
import re
from collections.abc import Callable

from tests.unit.domain.sql.statements import HOSTILE, SINCE, TRAIL, corpus, outcome
from triage.domain.sql import Dialect, SqlPolicy

ROOMY = SqlPolicy(max_bytes=40_000)

_PIECE = re.compile(r"""('(?:[^'\\]|\\.|'')*'|"(?:[^"]|"")*"|\$\$.*?\$\$|--[^\n]*|/\*.*?\*/)""", re.DOTALL)
"""What must stay as it is while the words between are changed."""


def outside(text: str, change: Callable[[str], str]) -> str:
    """Change a text outside of its strings, quoted names and comments."""
    return "".join(part if n % 2 else change(part) for n, part in enumerate(_PIECE.split(text)))


def swap(text: str) -> str:
    dice = random.Random(7)
    return outside(text, lambda part: "".join(dice.choice([str.upper, str.lower])(c) for c in part))


def bare(text: str) -> str:
    """Without trailing semicolons, so that it fits into parentheses."""
    return re.sub(r"[;\s]+\Z", "", text)


DISGUISES: dict[str, Callable[[str], str]] = {
    "upper case": lambda text: outside(text, str.upper),
    "lower case": lambda text: outside(text, str.lower),
    "mixed case": swap,
    "line breaks": lambda text: outside(text, lambda part: part.replace(" ", "\r\n\t")),
    "comments": lambda text: outside(text, lambda part: part.replace(" ", " /* harmless */ ")),
    "line comments": lambda text: outside(text, lambda part: part.replace(" ", " -- harmless\n ")),
    "a comment around": lambda text: f"/* SELECT 1 */ {text} -- SELECT 1",
    "a semicolon": lambda text: f"{text};",
    "in a CTE": lambda text: f"WITH c AS ({bare(text)}\n) SELECT * FROM c",
    "in a subquery": lambda text: f"SELECT * FROM ({bare(text)}\n) AS s",
    "in IN": lambda text: f"SELECT 1 FROM {TRAIL} WHERE {SINCE} AND a IN ({bare(text)}\n)",
    "in EXISTS": lambda text: f"SELECT 1 FROM {TRAIL} WHERE {SINCE} AND EXISTS ({bare(text)}\n)",
    "in a column": lambda text: f"SELECT ({bare(text)}\n) AS v FROM {TRAIL} WHERE {SINCE}",
    "in ORDER BY": lambda text: f"SELECT 1 FROM {TRAIL} WHERE {SINCE} ORDER BY ({bare(text)}\n)",
    "after UNION": lambda text: f"SELECT 1 FROM {TRAIL} WHERE {SINCE} UNION ALL ({bare(text)}\n)",
    "before UNION": lambda text: f"({bare(text)}\n) UNION ALL SELECT 1 FROM {TRAIL} WHERE {SINCE}",
    "in FLATTEN": lambda text: (
        f"SELECT 1 FROM {TRAIL} AS t, LATERAL FLATTEN(input => ({bare(text)}\n)) AS f WHERE p_occurs_since('1 d', t)"
    ),
    "in JOIN": lambda text: (
        f"SELECT 1 FROM {TRAIL} AS t JOIN ({bare(text)}\n) AS j ON j.a = t.a WHERE p_occurs_since('1 d', t)"
    ),
    "in a function": lambda text: f"SELECT COALESCE(({bare(text)}\n), 1) FROM {TRAIL} WHERE {SINCE}",
}
"""What changes a statement's look and leaves what it does, or puts it into a query that is fine by itself."""

ODD = ["\u00a0", "\u200b", "\u2028", "\u3000", "\ufeff", "\u202e", "\x00", "\x0b", "\x85"]
"""Characters that look like a space, or like nothing."""


# What reads no table does no harm inside a query that does.
OURS = [
    text for code, text in HOSTILE if code not in {"size", "empty", "no_table"} and not text.startswith("SELECT 1 /*")
]


def accepted(text: str) -> bool:
    return outcome(text, policy=ROOMY) == "accepted"


def accepted_in_disguise(texts: list[str]) -> list[tuple[str, str]]:
    return [(name, text) for text in texts for name, disguise in DISGUISES.items() if accepted(disguise(text))]


def test_our_hostile_statements_stay_refused() -> None:
    """A hostile statement of our own list is refused in every disguise."""
    assert accepted_in_disguise(OURS) == []


def test_published_hostile_statements_stay_refused() -> None:
    """The same holds for the published ones."""
    rows = corpus("security/sql_hostile.ndjson")
    assert accepted_in_disguise([row["sql"] for row in rows if row["expect"] == "reject" and row["sql"].strip()]) == []


def test_hostile_statements_are_refused_for_every_lake() -> None:
    """Another lake's language opens nothing."""
    for dialect in (Dialect.DATABRICKS, Dialect.ATHENA):
        policy = SqlPolicy(dialect=dialect)
        assert [text for text in OURS if outcome(text, policy=policy) == "accepted"] == []


def test_odd_spaces_hide_nothing() -> None:
    """A character that looks like a space, or like nothing, is refused wherever a statement's words part."""
    for text in [*OURS[:40], f"SELECT a FROM {TRAIL} WHERE {SINCE}"]:
        for at in [found.end() for found in re.finditer(r"\w+", text)][:6]:
            assert [odd for odd in ODD if accepted(text[:at] + odd + text[at:])] == [], text
