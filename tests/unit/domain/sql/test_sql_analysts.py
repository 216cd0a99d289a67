"""The guard on what analysts write, and on the second set of hostile and benign statements."""

from collections import Counter

from tests.unit.domain.sql.analyst_queries import ANALYST
from tests.unit.domain.sql.statements import WINDOW, corpus, outcome, refuse
from tests.unit.domain.sql.test_sql_corpora import verdict


def test_what_analysts_write_is_accepted_or_refused_for_a_reason() -> None:
    """Sixty usual forms are accepted, and stay what they are when read again; the dozen that are refused say why."""
    assert sum(not code for code, _ in ANALYST) >= 60
    assert [(code, found, text) for code, text in ANALYST if (found := verdict(text)) != (code or "accepted")] == []


def test_a_name_that_hides_the_time_column_is_named_as_the_fault() -> None:
    """The refusal names the alias and what to write, not a bound that is there."""
    text = next(text for code, text in ANALYST if code == "alias")

    refused = str(refuse(text))

    assert "alias p_event_time" in refused
    assert "AS p_event_time_hour" in refused
    assert "no time bound" not in refused


def test_a_join_without_an_equality_says_what_to_write() -> None:
    """The refusal names the table and the form of a join that is accepted."""
    text = next(text for code, text in ANALYST if code == "cross_join")

    assert "b is joined without an equality" in str(refuse(text))
    assert "JOIN … ON a.x = b.y" in str(refuse(text))


def test_the_second_corpus() -> None:
    """Hostile statements are refused, benign ones accepted; where either is right, the refusal counts as an answer."""
    counts: Counter[str] = Counter()
    for row in corpus("security/sql_red2_dev.ndjson"):
        found = outcome(row["sql"], window=WINDOW)
        counts[f"{row['kind']}, {'accepted' if found == 'accepted' else 'refused'}"] += 1
        if row["expect"] == "reject":
            assert found != "accepted", row["id"]
        if row["expect"] == "accept":
            assert found == "accepted", row["id"]
    print(f"\n{dict(counts)}")
