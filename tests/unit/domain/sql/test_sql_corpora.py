"""The guard on the shared corpora: published, benign and hostile queries."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from tests.unit.domain.sql.statements import accept, corpus
from triage.domain.sql import SqlPolicy, SqlRefused

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)

PROFILES = {
    "fixed_start_date": SqlPolicy(allow_fixed_start=True),
    "snowflake.account_usage": SqlPolicy(extra_schemas=frozenset({"snowflake.account_usage"})),
    "or_precedence": SqlPolicy(extra_schemas=frozenset({"snowflake.account_usage"}), hoist_or_bounds=True),
    "window_90d": SqlPolicy(max_window=timedelta(days=90)),
}
STRICT = {"window_90d": SqlPolicy(max_window=timedelta(days=31), narrow_up_to=timedelta(), unbounded=frozenset())}
"""A policy under which a profile's queries are refused; the default one for the others."""


def verdict(text: str, policy: SqlPolicy | None = None) -> str:
    """`accepted`, or the refusal's code. An accepted query must survive being read again."""
    policy = policy or SqlPolicy()
    try:
        query = accept(text, policy=policy, now=NOW)
    except SqlRefused as error:
        return error.code
    assert accept(query.sql, policy=policy, now=NOW).sql == query.sql
    assert query.limit <= policy.max_limit
    assert query.window is None or query.window.duration <= policy.max_window
    return "accepted"


def test_every_hostile_statement_is_refused() -> None:
    """All are refused but those that are a matter of policy, which are accepted with their cost bounded."""
    counts: Counter[str] = Counter()
    for row in corpus("security/sql_hostile.ndjson"):
        found = verdict(row["sql"])
        counts[found] += 1
        if found == "accepted":
            assert row["expect"].startswith("policy") or row["expect"] == "reject_or_clamp", row["id"]
    print(
        f"\nhostile: {sum(counts.values())} statements, {counts.pop('accepted', 0)} accepted by policy, refused: {dict(counts)}"
    )


def test_every_benign_statement_is_accepted() -> None:
    """All are accepted; those of a profile when the policy is set for it, and refused when it is not."""
    counts: Counter[str] = Counter()
    for row in corpus("security/sql_benign.ndjson"):
        profile = row["expect"].removeprefix("accept_if:")
        assert verdict(row["sql"], PROFILES.get(profile)) == "accepted", row["id"]
        if profile in PROFILES:
            assert verdict(row["sql"], STRICT.get(profile)) != "accepted", row["id"]
        counts[profile] += 1
    print(f"\nbenign: {sum(counts.values())} statements accepted: {dict(counts)}")


PUBLISHED = {
    "pragma": 11,  # Panther's server-side templates
    "schema": 19,  # snowflake.account_usage, which an operator may add
    "unbounded": 4,  # no bound on one table, or one under OR
    "window": 2,  # an open window since a date in 2025
    "clause": 1,  # MATCH_RECOGNIZE
    "table_function": 1,  # GENERATOR
    "accepted": 57,
}
"""Why each of the published queries that is refused by default is refused."""


def test_published_queries_are_refused_for_a_reason() -> None:
    """Of Panther's published queries the bounded reads are accepted, and every refusal has a known reason."""
    counts: Counter[str] = Counter()
    opened = SqlPolicy(
        extra_schemas=frozenset({"snowflake.account_usage"}), allow_fixed_start=True, hoist_or_bounds=True
    )
    more: Counter[str] = Counter()
    for row in corpus("data/queries.ndjson"):
        found = verdict(row["query"])
        counts[found] += 1
        more[found if found == "accepted" else verdict(row["query"], opened)] += 1
    print(f"\npublished: {dict(counts)}; with account_usage, fixed starts and hoisted bounds: {dict(more)}")
    assert dict(counts) == PUBLISHED
    assert more["accepted"] > counts["accepted"]
