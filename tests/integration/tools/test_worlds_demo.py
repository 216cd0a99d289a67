"""The generated world, read from its files as the sandbox and an evaluation read it."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.shared import SHARED
from tests.support.worlds import DEMO_NOW, LEVELS, Json, WorldFiles, demo_world, read, read_world

NOW = DEMO_NOW
TABLES = ("aws_cloudtrail", "aws_vpcflow", "github_audit", "gsuite_activityevent", "okta_systemlog")


@pytest.fixture(scope="module")
def world() -> WorldFiles:
    return read_world(demo_world())


def test_the_world_is_as_large_as_promised(world: WorldFiles) -> None:
    """Five log types over thirty days, 40 people, eight roles, and a history of alerts."""
    assert sum(map(len, world.logs.values())) >= 20_000
    for rows in world.logs.values():
        assert len(rows) > 2_000
        assert rows[0]["p_event_time"] < "2026-02-04"
    people = {row["actor"]["alternateId"] for row in world.logs["okta_systemlog"]}
    assert len(people) >= 40
    roles = {
        row["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"]
        for row in world.logs["aws_cloudtrail"]
        if row["userIdentity"]["type"] == "AssumedRole"
    }
    assert len({role for role in roles if "SSO" not in role}) == 8
    past = [alert for alert in world.alerts.values() if alert["status"] != "OPEN"]
    assert 50 <= len(past) <= 90
    assert {alert["status"] for alert in past} == {"RESOLVED", "CLOSED", "TRIAGED"}


def test_at_least_fourteen_alerts_are_labelled_over_all_log_types(world: WorldFiles) -> None:
    """Attacks and look-alikes are as many, and one case cannot be decided because its source is silent."""
    verdicts = Counter(label["verdict"] for label in world.definite)
    assert verdicts["malicious"] == verdicts["benign"] >= 14
    assert sum(label["absence"] is not None for label in world.truth) == 1
    rules = {rule["id"]: rule for rule in read(world.path / "rules.ndjson")}
    log_types = {log_type for label in world.truth for log_type in rules[label["rule"]]["logTypes"]}
    assert len(log_types | {"Okta.SystemLog"}) == 5
    important = [label for label in world.truth if LEVELS.index(world.alert(label)["severity"]) >= 2]
    assert len(important) >= 8


def test_alerts_under_test_are_open_untouched_and_of_the_last_day(world: WorldFiles) -> None:
    """Nobody has looked at them: no assignee, no update by a person, no comment."""
    commented = {comment["alertId"] for comment in read(world.path / "comments.ndjson")}
    for label in world.truth:
        alert = world.alert(label)
        assert alert["status"] == "OPEN"
        assert alert["assignee"] is None
        assert alert["updatedBy"] is None
        assert alert["id"] not in commented
        created = datetime.fromisoformat(alert["createdAt"])
        assert NOW - timedelta(days=1) < created <= NOW


def test_every_alert_with_events_has_exactly_those_rows(world: WorldFiles) -> None:
    """The event count, the first and last time, and the context are those of the matched rows."""
    for alert in world.alerts.values():
        rows = world.matches.get(alert["id"], [])
        assert len(rows) == alert["eventCount"]
        if rows:
            times = sorted(row["p_event_time"] for row in rows)
            assert alert["firstEventOccurredAt"] == times[0].replace(" ", "T") + "Z"
            assert alert["lastReceivedEventAt"] == times[-1].replace(" ", "T") + "Z"
            assert alert["context"] in [row["p_alert_context"] for row in rows]
            assert {row["p_rule_id"] for row in rows} == {alert["detectionId"]}


def test_every_matched_row_is_in_the_logs_too(world: WorldFiles) -> None:
    """A match is the log row with the alert's columns added, and the row id is unique in the logs."""
    logs = {row["p_row_id"]: row for rows in world.logs.values() for row in rows}
    assert len(logs) == sum(map(len, world.logs.values()))
    for rows in world.matches.values():
        for row in rows:
            log = logs[row["p_row_id"]]
            assert {name: row[name] for name in log} == log
    signals = read(world.path / "lake" / "panther_signals" / "correlation_signals.ndjson")
    assert Counter(signal["p_alert_id"] for signal in signals) == {
        alert_id: len(rows) for alert_id, rows in world.matches.items()
    }


def test_titles_and_contexts_are_what_the_rules_python_gives(world: WorldFiles) -> None:
    """Run from the published body, each rule fires on its rows with the alert's title and context."""

    class Event(dict[str, Any]):
        def deep_get(self, *path: str, default: Any = None) -> Any:
            found: Any = self
            for key in path:
                found = found.get(key) if isinstance(found, dict) else None
            return default if found is None else found

    alerts = world.alerts
    for rule in read(world.path / "rules.ndjson"):
        if "body" not in rule or "logTypes" not in rule or not rule["logTypes"]:
            continue
        names: dict[str, Any] = {}
        exec(rule["body"], names)
        for alert_id, rows in world.matches.items():
            if alerts[alert_id]["detectionId"] != rule["id"]:
                continue
            first = min(rows, key=lambda row: (row["p_event_time"], row["p_row_id"]))
            assert all(names["rule"](Event(row)) for row in rows)
            assert names["title"](Event(first)) == alerts[alert_id]["title"]
            assert names["alert_context"](Event(first)) == alerts[alert_id]["context"]
            assert len(rows) >= rule["threshold"]


def test_rows_carry_panthers_fields(world: WorldFiles) -> None:
    """The `p_` columns have Panther's form, and indicators are sorted lists without repeats."""
    for table, rows in world.logs.items():
        for row in rows[:: max(1, len(rows) // 300)]:
            assert row["p_log_type"].lower().replace(".", "_") == table
            assert re.fullmatch(r"[0-9a-f]{32}", row["p_row_id"])
            assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", row["p_event_time"])
            assert row["p_event_time"] < row["p_parse_time"]
            assert any(name.startswith("p_any_") for name in row)
            for name, values in row.items():
                if name.startswith("p_any_"):
                    assert values == sorted(set(values)) != []


def test_public_addresses_are_documentation_addresses(world: WorldFiles) -> None:
    """Every address is private or set aside for documentation and benchmarks (RFC 5737, RFC 2544)."""
    allowed = re.compile(r"10\.72\.|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|198\.1[89]\.")
    for rows in world.logs.values():
        for row in rows:
            assert all(allowed.match(address) for address in row.get("p_any_ip_addresses", [])), row


def test_nothing_is_later_than_now(world: WorldFiles) -> None:
    """No time in any file lies in the world's future."""
    now = NOW.strftime("%Y-%m-%d %H:%M:%S")
    for path in world.path.rglob("*.*"):
        found = re.findall(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d", path.read_text(encoding="utf-8"))
        assert max((each.replace("T", " ") for each in found), default="") <= now, path


def test_labels_stand_nowhere_but_in_the_truth(world: WorldFiles) -> None:
    """No verdict, incident or note can be read in the lake, the alerts, the rules or the comments."""
    words = {"malicious", "benign", "decisive", "truth"}
    words |= {label[name] for label in world.truth for name in ("incident", "notes")}
    for path in world.path.rglob("*.*"):
        if path.name != "truth.ndjson":
            text = path.read_text(encoding="utf-8").lower()
            assert [word for word in words if word.lower() in text] == [], path


def test_labels_point_at_rows_of_the_lake(world: WorldFiles) -> None:
    """What decides a case can be found, and the alert's own events are not all of it, save where the source is silent."""
    logs = {row["p_row_id"] for rows in world.logs.values() for row in rows}
    for label in world.truth:
        assert label["evidence_row_ids"]
        assert set(label["evidence_row_ids"]) <= logs
        assert label["tier"] == "G"
        own = {row["p_row_id"] for row in world.matches[label["alert_id"]]}
        others = set(label["evidence_row_ids"]) - own
        assert bool(others) == (label["absence"] is None) or label["incident"] == "bulk/leaver"


def test_the_two_sides_of_a_pair_raise_alike_alerts(world: WorldFiles) -> None:
    """Same rules, severities, counts of alerts, context keys and shapes of title; sizes within a tenth."""
    sides: dict[tuple[str, str], dict[str, list[Json]]] = defaultdict(lambda: defaultdict(list))
    for label in world.definite:
        if label["pair"] != "burst" and label["rule"] != "Okta.User.FailedSignInBurst":
            sides[label["pair"], label["rule"]][label["verdict"]].append(world.alert(label))
    assert len(sides) >= 13
    for pair, alerts in sides.items():
        attacks, lookalikes = alerts["malicious"], alerts["benign"]
        assert len(attacks) == len(lookalikes), pair
        for attack, lookalike in zip(attacks, lookalikes, strict=True):
            assert list(attack["context"]) == list(lookalike["context"])
            assert len(attack["title"].split()) == len(lookalike["title"].split())
            assert abs(attack["eventCount"] - lookalike["eventCount"]) <= attack["eventCount"] / 10


def test_near_duplicates_exist_on_both_sides(world: WorldFiles) -> None:
    """Three alerts of one rule with one title within a quarter of an hour: of an attack, and of a look-alike."""
    groups: dict[tuple[str, str, str], list[datetime]] = defaultdict(list)
    for label in world.definite:
        alert = world.alert(label)
        created = datetime.fromisoformat(alert["createdAt"])
        groups[label["verdict"], alert["detectionId"], alert["title"]].append(created)
    close = Counter(
        verdict
        for (verdict, _, _), times in groups.items()
        if len(times) >= 3 and max(times) - min(times) <= timedelta(minutes=15)
    )
    assert close["malicious"] >= 1
    assert close["benign"] >= 1


def test_trivial_baselines_stay_under_seventy_percent(world: WorldFiles) -> None:
    """Neither a constant, nor severity, nor the rule's past outcomes, nor size or hour tell attacks from look-alikes."""
    past: dict[str, list[bool]] = defaultdict(list)
    for alert in world.alerts.values():
        if alert["updatedBy"]:
            past[alert["detectionId"]].append(alert["status"] != "CLOSED")

    measures: dict[str, Callable[[Json], float]] = {
        "severity": lambda label: LEVELS.index(world.alert(label)["severity"]),
        "outcomes of the detection": lambda label: sum(past[label["rule"]]) / len(past[label["rule"]]),
        "events": lambda label: world.alert(label)["eventCount"],
        "hour": lambda label: int(world.alert(label)["createdAt"][11:13]),
    }
    assert all(world.best_threshold(measure) < 0.7 for measure in measures.values())


def test_a_new_address_alone_decides_little(world: WorldFiles) -> None:
    """People travel and attackers sit on known machines: "address first seen these days" stays under 70 %."""
    first: dict[str, str] = {}
    for rows in world.logs.values():
        for row in rows:
            for address in row.get("p_any_ip_addresses", []):
                first[address] = min(first.get(address, "9"), row["p_event_time"])

    for days in (0, 1, 4, 10):

        def new(label: Json, days: int = days) -> bool:
            row = world.matches[label["alert_id"]][0]
            since = datetime.fromisoformat(row["p_event_time"]) - timedelta(days=days)
            return any(first[address] >= str(since) for address in row["p_any_ip_addresses"])

        assert world.balanced_accuracy(new) < 0.7, days


def test_past_outcomes_are_mixed_within_the_rules(world: WorldFiles) -> None:
    """Every labelled rule has past alerts, most of them closed one way and another, by people."""
    outcomes: dict[str, set[str]] = defaultdict(set)
    users = {user["id"] for user in read(world.path / "users.ndjson")}
    for alert in world.alerts.values():
        if alert["updatedBy"]:
            assert alert["updatedBy"]["id"] in users
            assert alert["updatedAt"] > alert["createdAt"]
            outcomes[alert["detectionId"]].add("false" if alert["status"] == "CLOSED" else "true")
    rules = {label["rule"] for label in world.truth}
    assert rules <= set(outcomes)
    assert all(outcomes[rule] == {"true", "false"} for rule in rules)
    commented = read(world.path / "comments.ndjson")
    assert len(commented) >= 10
    assert {comment["createdBy"]["id"] for comment in commented} <= users


def test_alerts_of_other_kinds_are_there(world: WorldFiles) -> None:
    """A policy, a scheduled rule, a correlation rule, a system error, a deleted rule and an INFO alert are open."""
    rules = {rule["id"] for rule in read(world.path / "rules.ndjson")}
    unlabelled = set(world.alerts) - {label["alert_id"] for label in world.truth}
    noise = [alert for alert in world.alerts.values() if alert["id"] in unlabelled and alert["status"] == "OPEN"]
    assert {alert["type"] for alert in noise} == {"POLICY", "SCHEDULED_RULE", "SYSTEM_ERROR", "RULE"}
    assert [alert["severity"] for alert in noise if alert["eventCount"]] == ["INFO"]
    gone = [alert for alert in noise if alert["detectionId"] and alert["detectionId"] not in rules]
    assert len(gone) == 1
    system = next(alert for alert in noise if alert["type"] == "SYSTEM_ERROR")
    assert system["detectionId"] is None
    sources = {source["integrationId"] for source in read(world.path / "sources.ndjson")}
    assert system["systemError"]["sourceId"] in sources
    assert "CORRELATION_RULE" in {world.alert(label)["type"] for label in world.truth}


def test_the_silent_source_is_unhealthy_and_ends_with_the_undecidable_alert(world: WorldFiles) -> None:
    """What followed on that alert never arrived; every other source is healthy and fresh, save one long idle."""
    label = next(label for label in world.truth if label["absence"])
    assert label["accept"] == ["inconclusive", "suspicious"]
    rows = [row for rows in world.logs.values() for row in rows if row["p_log_type"] == label["absence"]["log"]]
    event = world.matches[label["alert_id"]][0]
    last = datetime.fromisoformat(max(row["p_event_time"] for row in rows))
    assert last - datetime.fromisoformat(event["p_event_time"]) < timedelta(minutes=4)
    assert NOW.replace(tzinfo=None) - last > timedelta(hours=4)
    for source in read(world.path / "sources.ndjson"):
        received = datetime.fromisoformat(source["lastEventReceivedAtTime"])
        silent = source["logTypes"][0] in {label["absence"]["log"], "Zoom.Activity"}
        assert source["isHealthy"] is not silent
        assert (NOW - received < timedelta(minutes=5)) is not silent


def test_the_format_is_that_of_the_sample_worlds(world: WorldFiles) -> None:
    """Alerts, sources, users and comments have the fields of the sample worlds, no more and no fewer."""
    sample = SHARED / "worlds" / "larkfield"
    if not sample.is_dir():
        pytest.skip(f"no sample worlds at {sample}")
    for name in ("alerts", "users", "comments", "sources"):
        theirs = {key for record in read(sample / f"{name}.ndjson") for key in record}
        ours = {key for record in read(world.path / f"{name}.ndjson") for key in record}
        assert ours == theirs, name
    kinds = {"body", "detection", "scheduledQueries", "resourceTypes", "suppressions"}
    theirs = {key for record in read(sample / "rules.ndjson") for key in record} | kinds
    assert {key for record in read(world.path / "rules.ndjson") for key in record} == theirs
