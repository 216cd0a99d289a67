"""Measure what the SQL guard costs: `python tests/bench/sql_guard.py`.

Times `parse_read_only` over our own statements, which look like a playbook's and a model's, and over the published
ones where they stand beside the project (or in TRIAGE_SHARED); then `QueryTemplate.bind`. Each statement runs
several times, and its least CPU time counts, since a shared machine adds pauses that are not the guard's. Prints the
median and the 95th percentile over the statements, in milliseconds.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import sqlglot.parser

from triage.domain.sql import ParameterType, QueryTemplate, SqlPolicy, SqlRefused, parse_read_only
from triage.domain.window import TimeWindow

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WINDOW = TimeWindow(NOW - timedelta(days=7), NOW)
SHARED = Path(os.environ.get("TRIAGE_SHARED", Path(__file__).parents[2] / ".." / "shared"))
POLICY = SqlPolicy(extra_schemas=frozenset({"snowflake.account_usage"}), allow_fixed_start=True, hoist_or_bounds=True)
REPEATS = 7

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

TEMPLATE = QueryTemplate.parse(
    "SELECT sourceIPAddress, COUNT(*) AS n, MIN(p_event_time) AS first FROM panther_logs.public.aws_cloudtrail "
    "WHERE p_occurs_between(:start, :end) AND userIdentity:arn = :actor AND eventName IN (:names) "
    "GROUP BY 1 ORDER BY n DESC LIMIT :limit",
    parameters={"actor": ParameterType.STRING, "names": ParameterType.STRINGS},
)


def published(name: str, key: str) -> list[str]:
    """The accepted statements of a corpus; none where it is absent."""
    path = SHARED / name
    if not path.is_file():
        print(f"{name}: not beside the project")
        return []
    texts = [json.loads(line)[key] for line in path.read_text(encoding="utf-8").splitlines()]
    return [text for text in texts if accepted(text)]


def accepted(text: str) -> bool:
    try:
        parse_read_only(text, policy=POLICY, now=NOW)
    except SqlRefused:
        return False
    return True


def best(work: Callable[[], object]) -> float:
    """The shortest of several runs, in milliseconds."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        times.append((time.process_time() - start) * 1000)
    return min(times)


def guard_cost(text: str) -> float:
    return best(lambda: parse_read_only(text, policy=POLICY, now=NOW))


def report(name: str, times: list[float]) -> None:
    if times:
        p95 = sorted(times)[min(int(len(times) * 0.95), len(times) - 1)]
        print(f"{name}: {len(times)} statements, median {statistics.median(times):.2f} ms, p95 {p95:.2f} ms")


def main() -> None:
    compiled = not str(sqlglot.parser.__file__).endswith(".py")
    print(f"sqlglot {version('sqlglot')}, {'compiled' if compiled else 'pure Python'}; best of {REPEATS} runs each")
    own = [guard_cost(text) for text in OWN]
    report("own", own)
    everything = list(own)
    for name, key in (("security/sql_benign.ndjson", "sql"), ("data/queries.ndjson", "query")):
        texts = published(name, key)
        times = [guard_cost(text) for text in texts]
        report(name, times)
        if key == "sql":
            everything += times
    report("own and benign together", everything)
    values = {"actor": "arn:aws:iam::1:user/a", "names": ["CreateUser", "AttachUserPolicy"]}
    bound = best(lambda: TEMPLATE.bind(values, window=WINDOW, limit=50, now=NOW))
    print(f"template filled: {bound:.2f} ms")


if __name__ == "__main__":
    main()
