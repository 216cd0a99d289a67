"""A batch whose branches were translated before gives what its own translation gives."""

import re
from datetime import UTC, datetime

import pytest

from triage.sandbox.columns import SqlKind
from triage.sandbox.errors import QueryError
from triage.sandbox.sql.repeated import Translator
from triage.sandbox.sql.translate import translate

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
CATALOG = {
    ("panther_logs", "aws_cloudtrail"): {
        "eventName": SqlKind.TEXT,
        "p_event_time": SqlKind.MOMENT,
        "p_any_emails": SqlKind.TEXTS,
        "requestParameters": SqlKind.VARIANT,
    }
}
PARTS = (
    "SELECT eventName AS a, COUNT(*) AS n FROM panther_logs.public.aws_cloudtrail WHERE p_event_time BETWEEN "
    "CAST('2026-03-01 10:00:00' AS TIMESTAMPNTZ) AND CAST('2026-03-02 11:00:00.5' AS TIMESTAMPNTZ) AND eventName IN ({one}) "
    "GROUP BY 1 ORDER BY 2 DESC LIMIT 20",
    "SELECT requestParameters['x-amz-acl'] AS a, MAX(requestParameters:\"policy\"::string) AS n FROM "
    "panther_logs.public.aws_cloudtrail WHERE ARRAYS_OVERLAP(p_any_emails, [{one}]) AND requestParameters:b IN ({one}) "
    "AND eventName LIKE 'Get%' GROUP BY 1 LIMIT 5",
)


def batch(*lists: str) -> str:
    """A UNION ALL of each part with each list."""
    parts = [part.format(one=one) for one in lists for part in PARTS]
    rows = "TO_JSON(OBJECT_CONSTRUCT('a', a, 'n', n))"
    return (
        " UNION ALL ".join(
            f"SELECT '{number}' AS question, {rows} AS answer FROM ({part})" for number, part in enumerate(parts)
        )
        + " LIMIT 99"
    )


@pytest.mark.parametrize(
    "one",
    [
        "'x'",
        "'x', 'y', 'z'",
        "'it''s', ''",
        "'\\\\x', 'y'",
        "'{\"a\": 1}'",
        "'[1]', 'x'",
        "'placeholder-0-of-a-value'",
        "') UNION ALL ('",
        "'a -- b', '/*'",
        "'current_user'",
    ],
)
def test_a_batch_of_known_questions_is_translated_as_any_other(one: str) -> None:
    """Texts, lists, JSON and texts that look like SQL: the statement is the one that translating it as a whole gives."""
    translator = Translator(CATALOG)
    translator.translate(batch("'warm', 'up'", "'again'"), database="panther_logs", now=NOW)

    found = translator.translate(batch(one, "'b'", one), database="panther_logs", now=NOW)

    assert found == translate(batch(one, "'b'", one), CATALOG, database="panther_logs", now=NOW)


def test_branches_are_known_by_their_form() -> None:
    """Other values and another place in the batch are no new branch."""
    translator = Translator(CATALOG)
    for one in ("'a'", "'b', 'c'"):
        translator.translate(batch(one, one), database="panther_logs", now=NOW)

    assert len(translator._known) == len(PARTS)


def test_what_depends_on_the_time_is_translated_each_time() -> None:
    """CURRENT_TIMESTAMP is the present of each run."""
    translator = Translator(CATALOG)
    sql = batch("'a'").replace("CAST('2026-03-02 11:00:00.5' AS TIMESTAMPNTZ)", "CURRENT_TIMESTAMP")
    texts = {
        translator.translate(sql, database="panther_logs", now=NOW.replace(hour=hour)).sql for hour in range(10, 13)
    }

    assert len(texts) == 3


def test_a_refusal_is_that_of_the_whole_statement() -> None:
    """A missing table in one branch is reported as ever."""
    sql = batch("'a'").replace("aws_cloudtrail", "nothing")
    with pytest.raises(QueryError, match="NOTHING") as refusal:
        Translator(CATALOG).translate(sql, database="panther_logs", now=NOW)
    with pytest.raises(QueryError, match=re.escape(str(refusal.value))):
        translate(sql, CATALOG, database="panther_logs", now=NOW)
