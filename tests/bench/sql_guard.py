"""Measure the SQL guard: `python tests/bench/sql_guard.py`.

Prints, for the published corpora if they are next to the project (or in TRIAGE_SHARED): how many hostile statements
are accepted, how many benign ones refused, and why each published query is refused. Then the cost of `parse_read_only`,
and of `QueryTemplate.bind` for every question of the shipped playbooks, in milliseconds and as a ratio to one bare
`sqlglot.parse_one` of the same text. Each statement runs several times, and its least CPU time counts, since a shared
machine adds pauses that are not the guard's.
"""

import json
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import sqlglot
import sqlglot.parser

from triage.domain.sql import (
    Dialect,
    ParameterType,
    ParameterValue,
    ReadOnlyQuery,
    SqlPolicy,
    SqlRefused,
    parse_read_only,
    syntax,
)
from triage.domain.sql.tokens import scan
from triage.domain.window import TimeWindow
from triage.stages.enrichment import load_playbooks
from triage.stages.enrichment.playbooks import PlaybookQuestion

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WINDOW = TimeWindow(NOW - timedelta(days=7), NOW)
SHARED = Path(os.environ.get("TRIAGE_SHARED", Path(__file__).parents[2] / ".." / "shared"))
POLICY = SqlPolicy(extra_schemas=frozenset({"snowflake.account_usage"}), allow_fixed_start=True, hoist_or_bounds=True)
REPEATS = 5

OWN = [
    "SELECT COUNT(*) AS n, MIN(p_event_time) AS first, MAX(p_event_time) AS last "
    "FROM panther_logs.public.aws_cloudtrail WHERE p_occurs_since('30 d') AND userIdentity:arn = 'arn:aws:iam::1:user/a'",
    "SELECT eventName, sourceIPAddress, COUNT(*) AS n FROM panther_logs.public.aws_cloudtrail WHERE p_occurs_between("
    "'2026-11-19 10:00:00', '2026-11-19 12:00:00') AND userIdentity:arn = 'a' GROUP BY 1, 2 ORDER BY n DESC LIMIT 50",
    "SELECT actor:alternateId AS actor, client:geographicalContext.country AS country, COUNT(*) AS n "
    "FROM panther_logs.public.okta_systemlog WHERE p_occurs_since('7 d') AND outcome:result = 'FAILURE' GROUP BY 1, 2",
    "SELECT p_log_type, COUNT(*) AS n FROM panther_views.public.all_logs WHERE p_occurs_since('1 d') "
    "AND ARRAY_CONTAINS('198.51.100.7'::VARIANT, p_any_ip_addresses) GROUP BY p_log_type",
    "SELECT p_rule_id, p_alert_id, p_event_time FROM panther_signals.public.correlation_signals "
    "WHERE p_occurs_since('3 d') AND ARRAYS_OVERLAP(p_any_usernames, ['a', 'b']) ORDER BY p_event_time DESC LIMIT 100",
    "SELECT srcAddr, dstPort, SUM(bytes) AS total FROM panther_logs.public.aws_vpcflow WHERE p_occurs_since('6 h') "
    "AND dstAddr NOT LIKE '10.%' GROUP BY 1, 2 HAVING total > 1000000 ORDER BY total DESC LIMIT 20",
    "SELECT p_event_time, event:CommandLine::string AS command FROM panther_logs.public.crowdstrike_fdrevent "
    "WHERE aid = 'x' AND p_occurs_around('2026-11-20 10:00:00', '30 m') ORDER BY p_event_time LIMIT 100",
    "SELECT * FROM panther_logs.public.github_audit WHERE actor = 'a' AND p_occurs_since('2 d') LIMIT 25",
]

PLAYBOOKS = Path(__file__).parents[2] / "prompts" / "playbooks"
LOG_TYPES = (
    "AWS.CloudTrail",
    "AWS.VPCFlow",
    "Amazon.EKS.Audit",
    "Azure.Audit",
    "Azure.MonitorActivity",
    "Crowdstrike.FDREvent",
    "GCP.AuditLog",
    "GSuite.ActivityEvent",
    "GitHub.Audit",
    "Okta.SystemLog",
    "OneLogin.Events",
    "OnePassword.ItemUsage",
    "OnePassword.SignInAttempt",
    "Snowflake.LoginHistory",
    "Snowflake.QueryHistory",
    "Made.Up",
)
LISTS = ("one", "two")


def corpus(name: str) -> list[dict[str, str]]:
    """The rows of a corpus; none if it is missing."""
    path = SHARED / name
    if not path.is_file():
        print(f"{name}: not next to the project")
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def refusal(text: str, policy: SqlPolicy = POLICY) -> SqlRefused | None:
    try:
        parse_read_only(text, policy=policy, now=NOW)
    except SqlRefused as error:
        return error
    return None


def verdicts() -> None:
    """What is accepted and refused under the default policy, and what an opened one adds."""
    hostile = corpus("security/sql_hostile.ndjson")
    through = [row for row in hostile if refusal(row["sql"], SqlPolicy()) is None]
    print(f"hostile: {len(hostile)} statements, {len(through)} accepted, {len(hostile) - len(through)} refused")
    for row in through:
        print(f"  accepted: {row['id']} ({row['expect']}): {row['why']}")
    benign = corpus("security/sql_benign.ndjson")
    refused = [row["id"] for row in benign if refusal(row["sql"]) is not None]
    print(f"benign: {len(benign)} statements, {len(refused)} refused {refused or ''}")
    published = corpus("data/queries.ndjson")
    for name, policy in (("default policy", SqlPolicy()), ("account_usage, fixed starts, hoisted bounds", POLICY)):
        reasons: Counter[str] = Counter()
        examples: dict[str, str] = {}
        for row in published:
            error = refusal(row["query"], policy)
            code = error.code if error is not None else "accepted"
            reasons[code] += 1
            examples.setdefault(code, str(error)[:140] if error is not None else "")
        print(f"published queries, {name}: {len(published)} statements")
        for code, count in reasons.most_common():
            print(f"  {count:4d}  {code:12s} {examples[code]}")


def best(work: Callable[[], object]) -> float:
    """The shortest of several runs, in milliseconds."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        times.append((time.process_time() - start) * 1000)
    return min(times)


def guard_cost(text: str) -> tuple[float, float]:
    """Milliseconds, and the ratio to a bare parse."""
    cost = best(lambda: parse_read_only(text, policy=POLICY, now=NOW))
    scanned = scan(text, POLICY)

    def bare() -> None:
        syntax.SNOWFLAKE.tokenize(scanned.text)
        syntax.parse(scanned.text, scanned.tokens)

    return cost, cost / best(bare)


def samples(asked: PlaybookQuestion) -> dict[str, ParameterValue]:
    kinds: dict[ParameterType, ParameterValue] = {ParameterType.STRINGS: LISTS, ParameterType.TIMESTAMP: NOW}
    return {name: kinds.get(kind, "one") for name, kind in asked.template.parameters.items()}


def bind_cost(asked: PlaybookQuestion) -> tuple[float, float]:
    """The same for a playbook's question that has been asked once before."""
    values = samples(asked)

    def bind() -> ReadOnlyQuery:
        return asked.template.bind(values, window=WINDOW, limit=50, now=NOW)

    text = bind().sql
    cost = best(bind)
    return cost, cost / best(lambda: sqlglot.parse_one(text, dialect="snowflake"))


def report(name: str, costs: list[tuple[float, float]]) -> None:
    if costs:
        times, ratios = [cost for cost, _ in costs], [ratio for _, ratio in costs]
        print(
            f"{name}: {len(costs)} statements, median {statistics.median(times):.2f} ms, p95 {p95(times):.2f} ms; "
            f"ratio to a bare parse: median {statistics.median(ratios):.2f}, p95 {p95(ratios):.2f}"
        )


def p95(values: list[float]) -> float:
    return sorted(values)[min(int(len(values) * 0.95), len(values) - 1)]


def translatable(questions: list[PlaybookQuestion]) -> None:
    """How many shipped questions each lake can be asked."""
    for dialect in Dialect:
        count = 0
        for asked in questions:
            try:
                asked.template.bind(samples(asked), window=WINDOW, limit=50, now=NOW, dialect=dialect)
            except SqlRefused:
                continue
            count += 1
        print(f"playbook questions that {dialect.value} can be asked: {count} of {len(questions)}")


def main() -> None:
    compiled = not str(sqlglot.parser.__file__).endswith(".py")
    print(f"sqlglot {version('sqlglot')}, {'compiled' if compiled else 'pure Python'}; best of {REPEATS} runs each")
    verdicts()
    own = [guard_cost(text) for text in OWN]
    report("guard, own", own)
    everything = list(own)
    for name, key in (("security/sql_benign.ndjson", "sql"), ("data/queries.ndjson", "query")):
        costs = [guard_cost(row[key]) for row in corpus(name) if refusal(row[key]) is None]
        report(f"guard, {name}", costs)
        if key == "sql":
            everything += costs
    report("guard, own and benign together", everything)
    books = load_playbooks([PLAYBOOKS])
    asked = {
        found.key: found
        for name in LOG_TYPES
        for found in books.questions_for([name], kinds=[], tags=[], detection_id="x")
    }
    report("bind, every shipped question", [bind_cost(found) for found in asked.values()])
    translatable(list(asked.values()))


if __name__ == "__main__":
    main()
