"""The detection behind an alert."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.clocks import FakeClock
from tests.support.loopback import FakePanther, respond
from tests.support.panther import connected
from triage.domain.alert import DeletedOrigin, DetectionOrigin, Origin, SystemOrigin
from triage.domain.detection import Detection
from triage.errors import PantherDenied, PantherProtocolError
from triage.ports import RuleBook

pytestmark = pytest.mark.anyio

RULE: dict[str, Any] = {
    "id": "Door.Open",
    "displayName": "Door open",
    "severity": "HIGH",
    "description": "Doors should be shut.",
    "runbook": "Shut it.",
    "body": "def rule(event): return True",
    "tags": ["doors"],
    "logTypes": ["Door.Log"],
    "reports": {"MITRE ATT&CK": ["TA0001:T1078"], "odd": "no list"},
    "dedupPeriodMinutes": 60,
    "threshold": 1,
    "enabled": True,
    "managed": False,
    "createdAt": "2030-01-01T00:00:00Z",
    "lastModified": "2030-02-01T00:00:00.5Z",
    "tests": [{"name": "ignored"}],
}


async def find(origin: Origin, rest: dict[tuple[str, str], Any]) -> tuple[Detection, list[str]]:
    fake = FakePanther(rest=rest)
    async with connected(fake) as (panther, _):
        book: RuleBook = panther.rules
        return await book.detection(origin), [name for name, _ in fake.calls]


async def test_a_rule_arrives_with_its_text() -> None:
    """Python body, runbook, tags, reports, dedup period and threshold."""
    found, _ = await find(DetectionOrigin(id="Door.Open"), {("GET", "/rules/Door.Open"): RULE})
    assert found == Detection(
        id="Door.Open",
        name="Door open",
        type="RULE",
        severity="HIGH",
        description="Doors should be shut.",
        runbook="Shut it.",
        body="def rule(event): return True",
        tags=("doors",),
        log_types=("Door.Log",),
        reports={"MITRE ATT&CK": ("TA0001:T1078",)},
        dedup_minutes=60,
        threshold=1,
        enabled=True,
        managed=False,
        created_at=datetime(2030, 1, 1, tzinfo=UTC),
        updated_at=datetime(2030, 2, 1, 0, 0, 0, 500_000, tzinfo=UTC),
    )
    assert found.techniques == ("T1078",)


@pytest.mark.parametrize(
    ("origin_type", "path", "expected_type", "asked"),
    [
        ("RULE", "/rules/X", "RULE", ["/rules/X"]),
        ("RULE", "/simple-rules/X", "SIMPLE_RULE", ["/rules/X", "/simple-rules/X"]),
        ("RULE", "/scheduled-rules/X", "SCHEDULED_RULE", ["/rules/X", "/simple-rules/X", "/scheduled-rules/X"]),
        ("SCHEDULED_RULE", "/scheduled-rules/X", "SCHEDULED_RULE", ["/scheduled-rules/X"]),
        ("SCHEDULED_RULE", "/rules/X", "RULE", ["/scheduled-rules/X", "/rules/X"]),
        ("POLICY", "/policies/X", "POLICY", ["/policies/X"]),
        ("CORRELATION_RULE", "/correlation-rules/X", "CORRELATION_RULE", ["/correlation-rules/X"]),
        (
            "CORRELATION_RULE",
            "/rules/X",
            "CORRELATION_RULE",
            ["/correlation-rules/X", "/correlation-rules", "/rules/X"],
        ),
        ("SOMETHING_NEW", "/rules/X", "RULE", ["/rules/X"]),
    ],
)
async def test_each_kind_is_sought_where_it_is_kept(
    origin_type: str, path: str, expected_type: str, asked: list[str]
) -> None:
    """The likely path first; not found goes on to the next."""
    found, calls = await find(DetectionOrigin(id="X", type=origin_type), {("GET", path): {**RULE, "id": "X"}})
    assert found.type == expected_type
    assert calls == [f"GET {path}" for path in asked]


async def test_a_simple_rule_gives_its_yaml_or_else_its_python() -> None:
    """Both are asked for."""
    simple = {"id": "X", "detection": "MatchFilters: []", "pythonBody": "def rule..."}
    origin = DetectionOrigin(id="X")
    found, _ = await find(origin, {("GET", "/simple-rules/X"): simple})
    assert found.body == "MatchFilters: []"
    found, _ = await find(origin, {("GET", "/simple-rules/X"): {**simple, "detection": None}})
    assert found.body == "def rule..."
    fake = FakePanther(rest={("GET", "/simple-rules/X"): simple})
    async with connected(fake) as (panther, _):
        await panther.rules.detection(origin)
    assert fake.calls[-1] == ("GET /simple-rules/X", {"include-python": "true"})


@pytest.mark.parametrize(
    ("rule_id", "path"),
    [
        ("A/B C%D?e#f", "/rules/A%2FB%20C%25D%3Fe%23f"),
        ("../users", "/rules/..%2Fusers"),
        ("..", "/rules/%2E%2E"),
        (".", "/rules/%2E"),
        ("ü\ud800", "/rules/%C3%BC%5Cud800"),
    ],
)
async def test_an_id_stays_one_path_segment(rule_id: str, path: str) -> None:
    """Slashes, spaces and dots in an id reach no other path."""
    found, calls = await find(
        DetectionOrigin(id=rule_id),
        {("GET", path): {**RULE, "id": rule_id.encode().hex() if rule_id.isascii() else "x"}},
    )
    assert found.name == "Door open"
    assert calls == [f"GET {path}"]


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (DeletedOrigin(id="D"), Detection(id="D", deleted=True)),
        (
            SystemOrigin(component="LOG_SOURCE", type="SOURCE_NO_DATA"),
            Detection(id="", name="LOG_SOURCE SOURCE_NO_DATA", type="SYSTEM_ERROR"),
        ),
        (DetectionOrigin(id="", name="n"), Detection(id="", name="n")),
    ],
)
async def test_what_has_no_text_is_not_asked_for(origin: Origin, expected: Detection) -> None:
    """A deleted detection, a system error and an unknown origin give what is known, without a call."""
    assert await find(origin, {}) == (expected, [])


@pytest.mark.parametrize(
    ("origin_type", "deleted"), [("RULE", True), ("POLICY", True), ("CORRELATION_RULE", False), ("DERIVED_RULE", False)]
)
async def test_a_detection_that_is_nowhere_is_taken_for_deleted(origin_type: str, deleted: bool) -> None:
    """Unless REST has no path for its kind, where not finding it proves nothing."""
    found, _ = await find(DetectionOrigin(id="X", name="n", type=origin_type), {})
    assert found == Detection(id="X", name="n", type=origin_type, deleted=deleted)


CORRELATION = {
    "id": "X",
    "severity": "HIGH",
    "detection": "- Group:\n    - {ID: a, RuleID: Door.Open}\n",
    "logTypes": ["Door.Log"],
    "createAlert": False,
    "reference": "https://doors.example/why",
}
ORIGIN = DetectionOrigin(id="X", name="n", type="CORRELATION_RULE")


async def test_a_correlation_rule_arrives_with_its_text() -> None:
    """Its YAML, the log types of its parts, whether it makes alerts, its reference."""
    found, calls = await find(ORIGIN, {("GET", "/correlation-rules/X"): CORRELATION})
    assert calls == ["GET /correlation-rules/X"]
    assert found == Detection(
        id="X",
        name="n",
        type="CORRELATION_RULE",
        severity="HIGH",
        body=CORRELATION["detection"],
        log_types=("Door.Log",),
        create_alert=False,
        reference="https://doors.example/why",
    )


async def test_a_correlation_rule_that_is_gone_is_deleted_where_panther_lists_the_others() -> None:
    """404 of a path that exists says that the rule does not."""
    found, calls = await find(ORIGIN, {("GET", "/correlation-rules"): {"results": []}})
    assert found == Detection(id="X", name="n", type="CORRELATION_RULE", deleted=True)
    assert calls == ["GET /correlation-rules/X", "GET /correlation-rules"]


@pytest.mark.parametrize("status", [403, 404])
async def test_a_panther_without_correlation_rules_is_asked_again_an_hour_later(status: int) -> None:
    """What an older Panther lacks, or the token may not read, is noticed once; the rest is asked as ever."""
    refusal = respond({"message": "Forbidden"}, status)
    paths = {("GET", path): refusal for path in ("/correlation-rules/X", "/correlation-rules")}
    empty = {("GET", path): {"results": []} for path in ("/rules", "/simple-rules", "/scheduled-rules")}
    fake, clock = FakePanther(rest={**paths, **empty}), FakeClock()
    async with connected(fake, clock) as (panther, _):
        for _ in range(3):
            assert (await panther.rules.detection(ORIGIN)).deleted is False
        await panther.rules.detections()
        asked = [name for name, _ in fake.calls if "correlation" in name]
        assert asked == ["GET /correlation-rules/X", "GET /correlation-rules"][: 1 if status == 403 else 2]
        clock.advance(3601)
        await panther.rules.detections()
        assert len([name for name, _ in fake.calls if "correlation" in name]) == len(asked) + 1


async def test_correlation_rules_are_listed_where_panther_serves_them() -> None:
    """Beside the others, with their kind."""
    found, _ = await listed({("GET", "/correlation-rules"): {"results": [CORRELATION]}})
    assert [(each.id, each.type) for each in found] == [("X", "CORRELATION_RULE")]


async def test_broken_fields_are_dropped_and_a_broken_rule_is_an_error() -> None:
    """A rule needs its id, all else can be missing."""
    odd: dict[str, Any] = {
        "id": 12,
        "severity": 7,
        "tags": None,
        "threshold": "many",
        "createdAt": 5,
        "reports": [],
        "logTypes": "x",
    }
    found, _ = await find(DetectionOrigin(id="X", name="known"), {("GET", "/rules/X"): odd})
    assert found == Detection(id="12", name="known")
    with pytest.raises(PantherProtocolError, match="`id`: missing"):
        await find(DetectionOrigin(id="X"), {("GET", "/rules/X"): {"body": "x"}})


async def test_a_missing_permission_is_no_missing_rule() -> None:
    """403 is an error, not a deleted detection."""
    with pytest.raises(PantherDenied):
        await find(DetectionOrigin(id="X"), {("GET", "/rules/X"): respond({}, 403)})


async def listed(rest: dict[tuple[str, str], Any]) -> tuple[tuple[Detection, ...], list[Any]]:
    """Every detection that such a Panther lists, and what it was asked."""
    empty = {("GET", path): {"results": []} for path in ("/rules", "/simple-rules", "/scheduled-rules")}
    fake = FakePanther(rest={**empty, **rest})
    async with connected(fake) as (panther, _):
        book: RuleBook = panther.rules
        return await book.detections(), fake.calls


async def test_every_detection_is_listed_over_all_pages() -> None:
    """Rules, simple rules and scheduled rules, each with its text and kind; the cursor leads from page to page."""

    pages = [{"results": [{**RULE, "id": "A"}, None], "next": "two"}, {"results": [{**RULE, "id": "B"}]}]
    found, calls = await listed(
        {
            ("GET", "/rules"): pages,
            ("GET", "/simple-rules"): {"results": [{**RULE, "id": "C"}]},
            ("GET", "/scheduled-rules"): {"results": [{**RULE, "id": "D"}], "next": ""},
        }
    )
    assert [(each.id, each.type, each.runbook) for each in found] == [
        ("A", "RULE", "Shut it."),
        ("B", "RULE", "Shut it."),
        ("C", "SIMPLE_RULE", "Shut it."),
        ("D", "SCHEDULED_RULE", "Shut it."),
    ]
    assert calls[:2] == [("GET /rules", {"limit": "50"}), ("GET /rules", {"limit": "50", "cursor": "two"})]


async def test_a_list_without_end_or_without_results_is_an_error() -> None:
    """A cursor that leads back, and an answer that is no list."""
    with pytest.raises(PantherProtocolError):
        await listed({("GET", "/rules"): {"results": [RULE], "next": "again"}})
    with pytest.raises(PantherProtocolError, match="no list of results"):
        await listed({("GET", "/rules"): {}})
