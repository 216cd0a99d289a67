"""SQL in a comment: it means what was asked, and nothing in it acts."""

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.stages.reporting.statement import LONGEST, statement

DATABASE = duckdb.connect()
ACTING = st.text(alphabet="ab@<>/:[](!'. ", max_size=30) | st.sampled_from(
    ["https://evil.example/a", "<script>alert(1)</script>", "[x](y)", "@channel", "javascript:alert(1)", "a@b.example"]
)


@settings(max_examples=60, deadline=None)
@given(ACTING, ACTING)
def test_a_literal_that_is_broken_up_means_the_same(first: str, second: str) -> None:
    """A database reads the same texts from the shown statement as from the original one."""
    quoted = [value.replace("'", "''") for value in (first, second)]
    sql = f"SELECT '{quoted[0]}' AS a, '{quoted[1]}' AS b, '{quoted[0]}' IN ('{quoted[1]}', 'x') AS c"
    shown = statement(sql)
    assert shown.note == ""
    assert DATABASE.execute(shown.text).fetchall() == DATABASE.execute(sql).fetchall()
    assert "://" not in shown.text
    assert "<s" not in shown.text


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a:b.c AS d FROM t WHERE x['y'] = 'it''s' AND p BETWEEN '2031-01-01' AND '2031-01-02' LIMIT 10",
        "SELECT 1 FROM t\nWHERE a < 3 AND data:id = 'x'\nLIMIT 1",
    ],
)
def test_an_ordinary_statement_stays_as_it_is(sql: str) -> None:
    """Character for character, so that it can be pasted into Data Explorer."""
    assert statement(sql).text == sql
    assert statement(sql).note == ""


def test_what_cannot_be_pasted_says_so() -> None:
    """An invisible character outside a literal is shown as an escape with a note; a very long statement is left out."""
    assert "cannot be pasted" in statement("SELECT 1 \u202e FROM t").note
    assert statement("SELECT '" + "x" * LONGEST + "'").text == ""
