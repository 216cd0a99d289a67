"""How the rows of an answer are written for the model."""

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from triage.domain.untrusted import Caps
from triage.stages.investigation.shown_rows import show_answer

COUNTS: list[dict[str, Any]] = [
    {"action": f"Act{number}", "times": number, "refused": 0, "target": "", "address": "192.0.2.1"}
    for number in range(30)
]
EVENT: dict[str, Any] = {
    "who": {"name": "ada", "kind": "person", "session": "s1"},
    "what": "trash",
    "doc": "d0",
    "agent": "browser 1.2 of a long enough name to matter here",
    "at": "10:00",
}


def show(rows: list[dict[str, Any]], caps: Caps | None = None, **how: Any) -> tuple[list[str], tuple[int, ...]]:
    """The lines, and the rows shown."""
    text, shown = show_answer(rows, range(len(rows)), caps or Caps(), **how)
    return text.splitlines(), shown


def test_counts_are_a_table() -> None:
    """The names of columns once, what all rows share once; what no row has is left out."""
    lines, shown = show(COUNTS[:3])
    assert lines == [
        "columns action,times",
        'in all shown rows {"refused":0,"address":"192.0.2.1"}',
        "[0] Act0,0",
        "[1] Act1,1",
        "[2] Act2,2",
    ]
    assert shown == (0, 1, 2)


def test_twenty_five_compact_rows_are_shown_at_once() -> None:
    """So that nobody spends a turn on turning pages."""
    lines, shown = show(COUNTS, Caps(chars=2_000))
    assert shown == tuple(range(25))
    assert len("\n".join(lines)) < 600


def test_what_is_shared_is_said_of_the_shown_rows_alone() -> None:
    """A row that isn't shown may differ."""
    rows = [*({"a": number, "b": 1} for number in range(3)), {"a": 9, "b": 2}]
    lines, shown = show(rows, Caps(rows=3))
    assert shown == (0, 1, 2)
    assert lines[1] == 'in all shown rows {"b":1}'


def test_long_cells_are_cut_before_rows_are_left_out() -> None:
    """Each row keeps its line; a cut cell says by how much."""
    rows = [{"name": f"{number}" + "x" * 280, "times": number} for number in range(20)]
    lines, shown = show(rows, Caps(chars=4_000))
    assert len(shown) == 20
    assert lines[1].endswith('xxx…[+161 characters]",0')
    assert len(show(rows, Caps(chars=2_000))[1]) < 20


def test_one_row_is_an_object() -> None:
    """Where it has few columns; one with many is shorter as a table."""
    assert show([{"times": 3, "target": None}])[0] == ['[0] {"times":3}']
    wide = show([{"who": "ada", "days": 3, "times": 4, "first_seen": "2026-03-04 12:00:00.000"}])[0]
    assert wide == ["columns who,days,times,first_seen", "[0] ada,3,4,2026-03-04 12:00:00"]


def test_of_like_events_only_the_difference_is_repeated() -> None:
    """Within objects too; a value that only the first one has is null in the others."""
    other = {**EVENT, "who": {**EVENT["who"], "session": "s2"}, "doc": "d1", "at": ""}
    another = {"kind": "something else altogether", "x": 1}
    lines, _ = show([EVENT, other, another], records=True)
    assert lines[1] == '[1] as [0], but {"who":{"session":"s2"},"doc":"d1","at":null}'
    assert lines[2] == '[2] {"kind":"something else altogether","x":1}'


def test_the_number_in_brackets_is_the_rows_own() -> None:
    """Also on a later page, where a difference is to the page's first row."""
    lines, _ = show([EVENT, {**EVENT, "doc": "d9"}], first=40, records=True)
    assert lines[0].startswith("[40] {")
    assert lines[1] == '[41] as [40], but {"doc":"d9"}'


cells = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(max_size=12)
    | st.sampled_from(
        ["null", "True", "1e5", "-7", "NaN", "Infinity", "2026-11-20 14:36:46", "a b", " a", "a,b", "PutObject"]
    )
    | st.lists(st.text(max_size=3), max_size=2)
)
nested = cells | st.dictionaries(st.sampled_from("xyz"), cells, max_size=3)


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), nested, max_size=4), min_size=1, max_size=8), st.booleans())
def test_each_value_can_be_read_back(rows: list[dict[str, Any]], records: bool) -> None:
    """Whatever the shape, what is written out is what is stored, but for what is empty; and each line has one meaning."""
    lines, shown = show(rows, records=records)
    assert shown == tuple(range(len(rows)))
    read = [read_row(line, lines) for line in lines if line.startswith("[")]
    assert [full(row) for row in read] == [full(row) for row in rows]


def read_row(line: str, lines: list[str]) -> Any:
    """A row as a reader puts it together."""
    rest = line.split("] ", 1)[1]
    if like := re.match(r"as \[(\d+)\], but ", rest):
        base = json.loads(next(each for each in lines if each.startswith(f"[{like[1]}] "))[len(like[1]) + 3 :])
        return over(base, json.loads(rest[like.end() :]))
    if rest.startswith("{"):
        return json.loads(rest)
    values = read_values(rest)
    columns = read_values(next(each for each in lines if each.startswith("columns "))[8:])
    shared = [json.loads(each[18:]) for each in lines if each.startswith("in all shown rows ")]
    return {**dict(zip(columns, values, strict=True)), **(shared[0] if shared else {})}


def read_values(line: str) -> list[Any]:
    """Values between commas: as JSON where they are JSON, else the text as it stands."""
    found: list[Any] = []
    while True:
        value, end = read_value(line)
        found.append(value)
        if end >= len(line):
            return found
        line = line[end + 1 :]


def read_value(line: str) -> tuple[Any, int]:
    """The first value, and where it ends."""
    bare = line.split(",", 1)[0]
    try:
        value, end = json.JSONDecoder().raw_decode(line)
    except ValueError:
        return bare, len(bare)
    return (value, end) if line[end : end + 1] in ("", ",") else (bare, len(bare))


def over(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A record with changes, objects field by field."""
    inner = {
        name: over(base[name], value) if isinstance(value, dict) and isinstance(base.get(name), dict) else value
        for name, value in changes.items()
    }
    return {**base, **inner}


def full(row: Any) -> Any:
    """A row without what is empty, and `true` apart from 1."""
    if isinstance(row, dict):
        found = {name: full(value) for name, value in row.items() if value not in (None, "", [], {})}
        return {name: value for name, value in found.items() if value != {}}
    return row if not isinstance(row, bool) else str(row)
