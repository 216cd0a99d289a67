"""The evaluation set, read from its files: its twins, its labels, and what simple guesses make of it.

Takes about 10 seconds: 60 MB of logs are read.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.shared import shared_lines
from tests.support.worlds import (
    EVALUATION_NOW,
    LEVELS,
    Json,
    WorldFiles,
    demo_world,
    evaluation_world,
    read,
    read_world,
)
from tools.worlds import ALLOWED_FILE, Set, generate
from tools.worlds.detections import ALL as DETECTIONS
from tools.worlds.scenarios import ALL as SCENARIOS
from triage.settings import InvestigationSettings

NOW = EVALUATION_NOW
BOUND = 0.7


@pytest.fixture(scope="module")
def world() -> WorldFiles:
    return read_world(evaluation_world())


def test_the_set_is_as_large_as_promised(world: WorldFiles) -> None:
    """At least 40 labelled scenarios over at least 8 log types, of both verdicts, in like numbers."""
    assert len({label["incident"] for label in world.truth}) == len(SCENARIOS) >= 40
    assert len({label["log_type"] for label in world.truth}) >= 8
    assert len(world.logs) == len(Set.EVALUATION.log_types) == 15
    assert all(len(rows) > 250 for rows in world.logs.values())
    counted = Counter(label["verdict"] for label in world.definite)
    assert abs(counted["malicious"] - counted["benign"]) <= 4


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("seed", "now"),
    [
        (7, datetime(2026, 5, 10, 3, 5, tzinfo=UTC)),
        # A password is opened 50 minutes before a part in which many are.
        (1, datetime(2031, 3, 5, 15, tzinfo=UTC)),
    ],
)
def test_the_stories_are_the_same_at_any_hour(seed: int, now: datetime, world: WorldFiles, tmp_path: Path) -> None:
    """On a Sunday night, and with another seed, every scenario raises the same alerts with the same labels."""
    other = generate(tmp_path, seed=seed, now=now, days=18, which=Set.EVALUATION)

    def stories_of(labels: list[Json]) -> Counter[tuple[str, str, str]]:
        return Counter((label["incident"], label["rule"], str(label["accept"])) for label in labels)

    assert stories_of(read(other / "truth.ndjson")) == stories_of(world.truth)


def test_the_demo_holds_nothing_of_it() -> None:
    """The small world has five tables, no operator's list, and none of the further scenarios."""
    demo = demo_world()

    assert len(list((demo / "lake" / "panther_logs").iterdir())) == 5
    assert not (demo / ALLOWED_FILE).exists()
    assert len({label["incident"] for label in read(demo / "truth.ndjson")}) < 30


def test_every_scenario_has_a_twin(world: WorldFiles) -> None:
    """Each pair has both verdicts, save the burst, whose counterparts are parts of larger incidents."""
    verdicts: dict[str, set[str]] = defaultdict(set)
    for label in world.truth:
        verdicts[label["pair"]].add(label["verdict"])

    assert {pair for pair, found in verdicts.items() if len(found) == 1} == {"burst"}


def test_twins_raise_alike_alerts(world: WorldFiles) -> None:
    """Same rule, severity, fields and shape of title; as many events; sizes of an event within a tenth."""
    sides: dict[tuple[str, str], dict[str, list[Json]]] = defaultdict(lambda: defaultdict(list))
    for label in world.truth:
        if label["pair"] != "burst" and label["rule"] != "Okta.User.FailedSignInBurst" and not label["injection"]:
            sides[label["pair"], label["rule"]][label["verdict"]].append(label)
    assert len(sides) >= 30
    for pair, labels in sides.items():
        for attack in labels["malicious"]:
            for other in labels["benign"]:
                ours, theirs = (world.alerts[label["alert_id"]] for label in (attack, other))
                first, second = (world.matches[label["alert_id"]][0] for label in (attack, other))
                assert ours["severity"] == theirs["severity"]
                assert list(ours["context"]) == list(theirs["context"]), pair
                assert len(ours["title"].split()) == len(theirs["title"].split()), pair
                assert set(first) == set(second), pair
                # A title may speak of several events, whose number is the incident's own.
                assert abs(ours["eventCount"] - theirs["eventCount"]) <= 1 + ours["eventCount"] / 10, pair
                sizes = sorted(len(json.dumps(row)) for row in (first, second))
                assert sizes[1] <= sizes[0] * 1.1, pair


def test_twins_leave_as_many_rows(world: WorldFiles) -> None:
    """In the further scenarios what followed is as long on both sides: only what it is tells them apart."""
    told = {label["incident"]: label for label in world.truth}
    new = [story for story in SCENARIOS if story.role is not None and not story.payload and not story.silent]
    by_pair: dict[str, list[int]] = defaultdict(list)
    for story in new:
        by_pair[story.pair].append(len(told[story.name]["evidence_row_ids"]))
    for pair, counts in by_pair.items():
        # A sign-in, an approval or a run of the pipeline is what decides some of them.
        assert max(counts) - min(counts) <= 3, pair


def test_trivial_baselines_stay_under_seventy_percent(world: WorldFiles) -> None:
    """Neither a constant, severity, the rule's past, nor any count or length of the alert tells attacks from twins.

    Thresholds are the best ones, chosen with the labels in hand, in either direction.
    """
    past: dict[str, list[bool]] = defaultdict(list)
    for each in world.alerts.values():
        if each["updatedBy"]:
            past[each["detectionId"]].append(each["status"] != "CLOSED")

    def alert(label: Json) -> Json:
        return world.alerts[label["alert_id"]]

    def events(label: Json) -> list[Json]:
        return world.matches[label["alert_id"]]

    def length(label: Json) -> float:
        times = [datetime.fromisoformat(alert(label)[key]) for key in ("firstEventOccurredAt", "lastReceivedEventAt")]
        return (times[1] - times[0]).total_seconds()

    measures: dict[str, Callable[[Json], float]] = {
        "always malicious": lambda label: 1,
        "severity": lambda label: LEVELS.index(alert(label)["severity"]),
        "outcomes of the detection": lambda label: sum(past[label["rule"]]) / len(past[label["rule"]]),
        "events": lambda label: alert(label)["eventCount"],
        "length of the title": lambda label: len(alert(label)["title"]),
        "words of the title": lambda label: len(alert(label)["title"].split()),
        "digits of the title": lambda label: sum(character.isdigit() for character in alert(label)["title"]),
        "length of the context": lambda label: len(json.dumps(alert(label)["context"])),
        "size of an event": lambda label: len(json.dumps(events(label)[0])),
        "size of all events": lambda label: sum(len(json.dumps(row)) for row in events(label)),
        "columns": lambda label: len(events(label)[0]),
        "addresses": lambda label: len(events(label)[0].get("p_any_ip_addresses", [])),
        "seconds from first to last": length,
        "hour": lambda label: int(alert(label)["createdAt"][11:13]),
        "minute": lambda label: int(alert(label)["createdAt"][14:16]),
        "age": lambda label: datetime.fromisoformat(alert(label)["createdAt"]).timestamp(),
    }
    reached = {name: world.best_threshold(measure) for name, measure in measures.items()}
    assert {name: accuracy for name, accuracy in reached.items() if accuracy >= BOUND} == {}


def test_what_other_incidents_of_a_detection_were_tells_nothing(world: WorldFiles) -> None:
    """The verdict of most other incidents of the same detection, this one left out, stays under 70 %."""

    def prior(label: Json) -> bool:
        others = [each for each in world.definite if each["incident"] != label["incident"]]
        same = [each for each in others if each["rule"] == label["rule"]] or others
        return 2 * [each["verdict"] for each in same].count("malicious") >= len(same)

    assert world.balanced_accuracy(prior) < BOUND


def test_a_new_address_or_a_busy_day_decides_little(world: WorldFiles) -> None:
    """People travel and attackers sit on known machines; who did much that day is as often harmless."""
    first: dict[str, str] = {}
    for rows in world.logs.values():
        for row in rows:
            for address in row.get("p_any_ip_addresses", []):
                first[address] = min(first.get(address, "9"), row["p_event_time"])

    for days in (0, 1, 4, 10):

        def new(label: Json, days: int = days) -> bool:
            row = world.matches[label["alert_id"]][0]
            since = datetime.fromisoformat(row["p_event_time"]) - timedelta(days=days)
            return any(first[address] >= str(since) for address in row.get("p_any_ip_addresses", []))

        assert world.balanced_accuracy(new) < BOUND, days
    assert world.best_threshold(lambda label: len(label["evidence_row_ids"])) < BOUND


def test_past_outcomes_are_mixed_within_the_rules(world: WorldFiles) -> None:
    """Every labelled rule has past alerts that people closed one way and another."""
    outcomes: dict[str, set[bool]] = defaultdict(set)
    for alert in world.alerts.values():
        if alert["updatedBy"]:
            outcomes[alert["detectionId"]].add(alert["status"] == "CLOSED")
    assert all(outcomes[label["rule"]] == {True, False} for label in world.truth)


def test_labels_stand_nowhere_but_in_the_truth(world: WorldFiles) -> None:
    """No verdict, incident or note can be read in the world, save the words of a payload that lies about them."""
    words = {"malicious", "benign", "decisive", "undecidable", "hostile"}
    words |= {label["incident"] for label in world.truth}
    notes = {label["notes"].lower() for label in world.truth}
    hostile = {row for label in world.truth if label["injection"] for row in label["injection"]["row_ids"]}
    hostile |= {label["alert_id"] for label in world.truth if label["injection"]}
    for path in world.path.rglob("*.*"):
        if path.name == "truth.ndjson":
            continue
        lower = path.read_text(encoding="utf-8").lower()
        # Notes are sentences; the lake has too much text to look for each of them there.
        for word in words if "lake" in path.parts else words | notes:
            at = lower.find(word)
            while at >= 0:
                line = lower[lower.rfind("\n", 0, at) + 1 : lower.find("\n", at)]
                assert any(key in line for key in hostile), (path, word)
                at = lower.find(word, at + 1)


def test_labels_say_what_an_evaluation_needs(world: WorldFiles) -> None:
    """Verdicts, incident, twin, detection, log type, difficulty, and the deciding rows with their tables."""
    for label in world.truth:
        alert = world.alerts[label["alert_id"]]
        assert label["rule"] == alert["detectionId"]
        assert label["log_type"] == world.matches[alert["id"]][0]["p_log_type"]
        assert label["difficulty"] in {"plain", "subtle", "undecidable"}
        assert (label["difficulty"] == "undecidable") == bool(label["absence"])
        assert label["incident"].startswith(f"{label['pair']}/")
        assert [row["row_id"] for row in label["evidence_rows"]] == label["evidence_row_ids"] != []
        for row in label["evidence_rows"]:
            assert world.rows[row["row_id"]]["p_log_type"].lower().replace(".", "_") == row["table"]
        assert not {"malicious", "benign"} & set(label["accept"]) or label["accept"] == [label["verdict"]]


def test_most_cases_are_decided_outside_of_their_alert(world: WorldFiles) -> None:
    """The deciding rows are more than the alert's own events, save where the source is silent."""
    for label in world.truth:
        own = {row["p_row_id"] for row in world.matches[label["alert_id"]]}
        others = set(label["evidence_row_ids"]) - own
        if not label["absence"] and label["incident"] != "bulk/leaver":
            assert others, label["incident"]


def test_hostile_variants_point_at_their_clean_scenario(world: WorldFiles) -> None:
    """Each is the same case again, its text split over fields or events, none of whose parts the clean one holds."""
    by_id = {label["alert_id"]: label for label in world.truth}
    variants = [label for label in world.truth if label["hostile_of"]]
    assert len(variants) >= 4
    assert [label for label in world.truth if label["injection"]] == variants
    surfaces = 0
    for label in variants:
        clean, injection = by_id[label["hostile_of"]], label["injection"]
        assert clean["injection"] is None
        assert (clean["rule"], clean["verdict"], clean["pair"]) == (label["rule"], "malicious", label["pair"])
        assert label["verdict"] == "malicious"
        assert len(injection["parts"]) == 2
        assert injection["in_alert_event"]
        written = json.dumps([world.rows[row] for row in injection["row_ids"]])
        assert all(part in written for part in injection["parts"])
        assert not any(part in json.dumps(world.matches[clean["alert_id"]]) for part in injection["parts"])
        assert len(clean["evidence_row_ids"]) == len(label["evidence_row_ids"])
        surfaces += len(injection["row_ids"]) > 1
    assert surfaces >= 2


def test_a_claim_stands_on_both_twins(world: WorldFiles) -> None:
    """What an actor says of the change is the same text in the attack and in the ordinary case."""
    claims: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for label in world.truth:
        if label["claim"]:
            claims[label["pair"]][label["verdict"]].add(label["claim"])
            words = json.dumps(world.matches[label["alert_id"]][0])
            assert label["claim"].strip() in words, label["incident"]
    assert len(claims) >= 5
    assert all(sides["malicious"] == sides["benign"] for sides in claims.values())


def test_the_operators_list_is_what_a_configuration_takes(world: WorldFiles) -> None:
    """It loads as `investigation.allowed`; each authorised case is covered by an entry, no attack by one that holds."""
    entries = yaml.safe_load((world.path / ALLOWED_FILE).read_text(encoding="utf-8"))
    settings = InvestigationSettings.model_validate({"allowed": entries})
    authorised = [label for label in world.truth if label["authorised"]]
    assert len(authorised) >= 3
    assert {label["verdict"] for label in authorised} == {"benign"}

    def covered(label: Json) -> bool:
        row = world.matches[label["alert_id"]][0]
        told = json.dumps(row)
        return any(
            label["rule"] in entry.detections
            and (not entry.until or entry.until >= row["p_event_time"][:10])
            and (not entry.actors or any(f'"{actor}"' in told for actor in entry.actors))
            and (not entry.addresses or any(f'"{address.split("/")[0]}"' in told for address in entry.addresses))
            for entry in settings.allowed
        )

    assert {label["incident"] for label in world.truth if covered(label)} == {label["incident"] for label in authorised}
    assert any(entry.until and entry.until < f"{NOW:%Y-%m-%d}" for entry in settings.allowed)


def test_silent_sources_end_with_the_undecidable_alerts(world: WorldFiles) -> None:
    """Their log has no row after the silence; one silence is reported, another is not; twins leave like rows."""
    sources = {source["logTypes"][0]: source for source in read(world.path / "sources.ndjson")}
    silent = {label["absence"]["log"]: label["absence"] for label in world.truth if label["absence"]}
    assert len(silent) >= 3
    for log_type, absence in silent.items():
        table = log_type.lower().replace(".", "_")
        last = max(row["p_event_time"] for row in world.logs[table])
        assert last.replace(" ", "T") < absence["silent_from"]
        assert NOW - datetime.fromisoformat(absence["silent_from"]) > timedelta(hours=3)
        assert sources[log_type]["isHealthy"] is not absence["reported_unhealthy"]
        assert NOW - datetime.fromisoformat(sources[log_type]["lastEventReceivedAtTime"]) > timedelta(hours=3)
    assert {absence["reported_unhealthy"] for absence in silent.values()} == {True, False}
    shapes: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for label in world.truth:
        if label["absence"]:
            assert label["accept"] == ["inconclusive", "suspicious"]
            rows = [world.rows[row] for row in label["evidence_row_ids"]]
            shapes[label["pair"]][label["verdict"]] = [
                f"{row['p_log_type']} {row.get('operationName')} {row.get('action')}" for row in rows
            ]
    twins = [sides for sides in shapes.values() if len(sides) == 2]
    assert len(twins) >= 2
    assert all(sides["malicious"] == sides["benign"] for sides in twins)


def test_rows_carry_panthers_fields(world: WorldFiles) -> None:
    """The `p_` columns have Panther's form in every table, indicators are sorted, addresses are documentation's."""
    allowed = re.compile(r"10\.72\.|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|198\.1[89]\.")
    for table, rows in world.logs.items():
        assert len({row["p_row_id"] for row in rows}) == len(rows)
        for row in rows[:: max(1, len(rows) // 200)]:
            assert row["p_log_type"].lower().replace(".", "_") == table
            assert re.fullmatch(r"[0-9a-f]{32}", row["p_row_id"])
            assert row["p_event_time"] < row["p_parse_time"] <= f"{NOW:%Y-%m-%d %H:%M:%S}.999"
            assert all(allowed.match(address) for address in row.get("p_any_ip_addresses", []))
            for name, values in row.items():
                if name.startswith("p_any_"):
                    assert values == sorted(set(values)) != []


OWN_FIELDS = {
    # Panther's schema has it; the published tests of these log types do not happen to show it.
    "Snowflake.LoginHistory": {"SECOND_AUTHENTICATION_FACTOR", "ERROR_CODE", "ERROR_MESSAGE"},
    "Snowflake.QueryHistory": {
        "QUERY_ID", "QUERY_TAG", "DATABASE_NAME", "SCHEMA_NAME", "SESSION_ID", "START_TIME", "ROWS_PRODUCED",
        "BYTES_SCANNED",
    },
    "OneLogin.Events": {"uuid", "event_timestamp", "account_id", "app_id", "app_name"},
    "OnePassword.ItemUsage": {"used_version", "action"},
    "OnePassword.SignInAttempt": {"location"},
    "Crowdstrike.FDREvent": {"ComputerName"},
    "Azure.Audit": {"resultType"},
}  # fmt: skip


def test_columns_are_those_of_the_published_events(world: WorldFiles) -> None:
    """Every column of a further log type stands in Panther's published events of it, or in the short list above."""
    known: dict[str, set[str]] = defaultdict(set)
    for test in shared_lines("data/rule_tests.ndjson"):
        for log_type in {*test["log_types"], test["event_log_type"]}:
            known[str(log_type)] |= set(test["event"])
    for log_type in Set.EVALUATION.log_types[5:]:
        ours = {name for row in world.logs[log_type.table] for name in row if not name.startswith("p_")}
        assert ours <= known[log_type.value] | OWN_FIELDS.get(log_type.value, set()), log_type


def test_rules_fire_from_their_published_body(world: WorldFiles) -> None:
    """Every row of every alert under test matches the rule as published, and the title and context follow from it."""

    class Event(dict[str, Any]):
        def deep_get(self, *path: str, default: Any = None) -> Any:
            found: Any = self
            for key in path:
                found = found.get(key) if isinstance(found, dict) else None
            return default if found is None else found

    rules = {rule["id"]: rule for rule in read(world.path / "rules.ndjson")}
    assert set(rules) == {detection.id for detection in DETECTIONS}
    for label in world.truth:
        alert, rule = world.alerts[label["alert_id"]], rules[label["rule"]]
        rows = world.matches[alert["id"]]
        assert len(rows) == alert["eventCount"]
        if not rule.get("body"):
            continue
        names: dict[str, Any] = {}
        exec(rule["body"], names)
        first = min(rows, key=lambda row: (row["p_event_time"], row["p_row_id"]))
        assert all(names["rule"](Event(row)) for row in rows)
        assert names["title"](Event(first)) == alert["title"]
        assert names["alert_context"](Event(first)) == alert["context"]
        assert len(rows) >= rule["threshold"]
