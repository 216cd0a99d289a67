"""Records, assets, risks and shift summaries: what they hold, and that no program acts on them."""

import csv
import io
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.investigations import NOW, alert, benign, inconclusive, malicious, record
from tests.support.kinds_of_alert import three
from tests.support.odd_investigations import suspicious
from tests.support.spoiled import HOSTILE, spoiled
from triage.domain.alert import Actor, Alert, Kind, Severity, Status
from triage.domain.brief import Brief
from triage.domain.entity import Entity, EntityKind, Role
from triage.domain.evidence import NOT_ASKED
from triage.domain.report import UNWRITTEN
from triage.domain.selection import Linked
from triage.domain.verdict import Disposition, Investigation
from triage.edges.prompts import load_prompts
from triage.ports import AlertRecord, Mark, State
from triage.ports.exposure import SeenAsset, Sighting, StoredAsset, StoredRisk
from triage.stages.reporting.exposure import (
    NAMED,
    asset_id,
    asset_of,
    asset_row,
    assets_in,
    cloud_of,
    risk_id,
    risk_row,
    seen_alert,
)
from triage.stages.reporting.records import COLUMNS, csv_cell, csv_line, csv_row
from triage.stages.reporting.shift import Shift, shift_json, shift_page, shift_text

PROMPTS = load_prompts()


def cells(line: str, delimiter: str = ",") -> list[str]:
    return next(csv.reader(io.StringIO(line), delimiter=delimiter))


def known(case: tuple[Alert, Investigation], **changes: object) -> tuple[AlertRecord, Investigation]:
    """A finished alert as the store has it."""
    raised, investigation = case
    verdict = investigation.verdict
    given = {"verdict": verdict.disposition, "confidence": verdict.confidence, "run_id": investigation.run_id}
    return record(raised, **{**given, **changes}), investigation


# ---- CSV -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "  =1",
        "\uff1d1",
        "-1+cmd|' /C calc'!A0",
        "a;=1",
        "a, +1",
        -1,
        -2.5,
    ],
)
def test_a_cell_starts_no_formula(value: str | float) -> None:
    """Neither at its start nor behind a separator at which another program may split."""
    shown = csv_cell(value)
    assert not re.search(r"(?:^|[;,|\t])\s*[=+\-@\uff1d]", shown)
    assert "\t" not in shown
    assert "\r" not in shown


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.one_of(HOSTILE, st.integers(), st.floats(allow_nan=False), st.none()), min_size=1, max_size=6))
@example([-0.0])
def test_no_cell_of_any_input_acts(values: list[str | int | float | None]) -> None:
    """A line stays one line with as many cells; none is a formula, a link or a mention, whichever separator is taken."""
    line = csv_line(values)
    line.encode("utf-8")
    assert line.count("\n") == 1
    assert len(cells(line)) == len(values)
    for delimiter in (",", ";"):
        for cell in cells(line, delimiter):
            assert not re.match(r'["\s]*[=+\-@\t\r]', cell), cell
            assert not re.search(r"https?://|(?<![\w.+-])@(?=[A-Za-z])", cell, re.IGNORECASE)
            assert not re.search("[\u0000-\u001f\u007f-\u009f\u202a-\u202e]", cell)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(spoiled())
def test_a_row_of_any_investigation_is_harmless(case: tuple[Alert, Investigation]) -> None:
    """Foreign text in every field: one line, every column, no formula."""
    line = csv_line(csv_row(*known(case), None))
    found = cells(line)
    assert len(found) == len(COLUMNS)
    assert line.count("\n") == 1
    assert not [cell for cell in found if re.match(r"\s*[=+\-@]", cell)]


def test_a_row_says_what_its_columns_say() -> None:
    """Each column holds what the docstring says; a linked alert has a verdict and nothing else."""
    mark = Mark(alert_id="x", label="malicious", at=NOW)
    row = dict(zip(COLUMNS, csv_row(*known(suspicious()), mark), strict=True))
    assert row["verdict"] == "suspicious"
    assert row["calibration"] == "calibrated on 212 outcomes"
    assert (row["findings"], row["dropped"], row["failed_questions"], row["unproven"]) == (3, 0, 0, 0)
    assert row["mark"] == "malicious"
    assert row["entities"] == "email lena.brandt@kiln.example | ip 192.0.2.80"
    assert row["money"] == 0.01234
    failed = dict(zip(COLUMNS, csv_row(*known(inconclusive()), None), strict=True))
    assert (failed["failed_questions"], failed["unproven"]) == (1, 1)
    linked = record(
        alert(9, "Again", "D", "D"),
        state=State.LINKED,
        decision=Linked(leader="first", reason="same actor"),
        verdict=Disposition.MALICIOUS,
    )
    row = dict(zip(COLUMNS, csv_row(linked, None, mark), strict=True))
    assert (row["verdict"], row["group"], row["mark"], row["run_id"]) == ("malicious", "first", "malicious", None)


# ---- assets and risks ------------------------------------------------------------------------------------------------


def asset(kind: EntityKind, value: str, **more: Any) -> SeenAsset | None:
    return asset_of(Entity(kind=kind, value=value, **more))


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (EntityKind.IP, "2001:DB8:0:0::1", ("ip", "2001:db8::1", "")),
        (EntityKind.IP, "not an address", None),
        (EntityKind.HOST, "Web-01.Kiln.Example", ("host", "web-01.kiln.example", "")),
        (EntityKind.EMAIL, "Ada@Kiln.Example", ("user", "ada@kiln.example", "")),
        (EntityKind.ARN, "arn:aws:s3:::Reports", ("cloud_arn", "arn:aws:s3:::Reports", "aws")),
        (EntityKind.ARN, "arn:aws:sts::111122223333:assumed-role/Admin/ada", None),
        (EntityKind.ACCOUNT, "111122223333", ("cloud_account", "111122223333", "")),
        (EntityKind.RESOURCE, "i-0123456789abcdef0", ("cloud_resource", "i-0123456789abcdef0", "aws")),
        (
            EntityKind.RESOURCE,
            "/SUBSCRIPTIONS/0F/resourceGroups/Kiln",
            ("cloud_resource", "/subscriptions/0f/resourcegroups/kiln", "azure"),
        ),
        (
            EntityKind.RESOURCE,
            "//storage.googleapis.com/Kiln",
            ("cloud_resource", "//storage.googleapis.com/Kiln", "gcp"),
        ),
        (EntityKind.RESOURCE, "projects/kiln", ("cloud_resource", "projects/kiln", "gcp")),
        (EntityKind.RESOURCE, "kiln/payments", ("resource", "kiln/payments", "")),
        (EntityKind.HASH, "ab" * 32, None),
        (EntityKind.TRACE, "session-1", None),
    ],
)
def test_an_asset_has_one_form(kind: EntityKind, value: str, expected: tuple[str, str, str] | None) -> None:
    """The same thing has the same id however it was written; what is no asset, or lives for an hour, is left out."""
    found = asset(kind, value)
    assert (found and (found.type, found.value, found.provider)) == expected
    if found is not None:
        assert found.id == asset_id(found.type, found.value)


@pytest.mark.parametrize(
    ("log_types", "expected"),
    [
        (["AWS.CloudTrail", "Amazon.EKS.Audit"], ("cloud_resource", "aws")),
        (["Azure.Audit"], ("cloud_resource", "azure")),
        (["GCP.AuditLog"], ("cloud_resource", "gcp")),
        (["GitHub.Audit"], ("resource", "")),
        (["AWS.CloudTrail", "GitHub.Audit"], ("resource", "")),
        ([], ("resource", "")),
    ],
)
def test_a_bare_name_is_of_the_cloud_that_logged_it(log_types: list[str], expected: tuple[str, str]) -> None:
    """A bucket's name doesn't show its cloud; where logs of several vendors name it, nothing is assumed."""
    (found,) = assets_in([Entity(kind=EntityKind.RESOURCE, value="kiln-archive")], cloud_of(log_types))
    assert (found.type, found.provider) == expected


def test_a_cell_that_is_compared_keeps_its_links() -> None:
    """It starts no formula and has no control characters, like any other."""
    assert csv_line(["ada@kiln.example", "http://kiln.example", "=1\x1b"], exact={0, 1, 2}) == (
        '"ada@kiln.example","http://kiln.example","\'=1\\x1b"\r\n'
    )


def test_an_account_of_an_aws_field_is_awss() -> None:
    """Twelve digits alone may be a project of another cloud."""
    found = asset(EntityKind.ACCOUNT, "111122223333", fields=("p_any_aws_account_ids.0",))
    assert found is not None
    assert found.provider == "aws"


def test_two_spellings_in_one_alert_are_one_asset() -> None:
    """With the roles of both."""
    ada = [
        Entity(kind=EntityKind.EMAIL, value="Ada@kiln.example", role=Role.ACTOR),
        Entity(kind=EntityKind.EMAIL, value="ada@kiln.example", role=Role.TARGET),
    ]
    assets = assets_in(ada)
    assert [(each.value, each.roles) for each in assets] == [("ada@kiln.example", ("actor", "target"))]


def test_an_asset_names_its_newest_alerts_and_counts_all() -> None:
    """An account of every alert would otherwise be a line of megabytes."""
    stored = StoredAsset(
        *(asset_id("ip", "203.0.113.77"), "ip", "203.0.113.77", "", {}),
        *("2031-05-06T09:00:00+00:00", "2031-05-06T10:00:00+00:00"),
        (
            Sighting(
                f"{number:04}",
                *(("HIGH", 3) if number == 700 else ("LOW", 1)),
                "CLOSED",
                f"D{number}",
                None,
                ("source",),
            )
            for number in range(1_000)
        ),
    )
    row = asset_row(stored, console_url="https://console.acme.example")
    assert (row["alert_count"], row["detection_count"], row["highest_severity"]) == (1_000, 1_000, "HIGH")
    assert (row["status"], row["statuses"]) == ("CLOSED", {"CLOSED": 1_000})
    assert row["alerts"] == [f"{number:04}" for number in range(NAMED)]
    assert row["risks"] == [risk_id(f"{number:04}") for number in range(NAMED)]
    assert row["urls"] == [f"https://console.acme.example/alerts-and-errors/{number:04}" for number in range(NAMED)]


@given(statuses=st.lists(st.sampled_from(["OPEN", "TRIAGED", "RESOLVED", "CLOSED", "NEW"]), min_size=1))
def test_an_asset_is_as_open_as_its_most_open_alert(statuses: list[str]) -> None:
    """A status that Panther adds counts as open: it must not close an asset."""
    seen = (Sighting("a", "LOW", 1, status, "", None, ()) for status in statuses)
    row = asset_row(StoredAsset("asset-", "ip", "", "", {}, "", "", seen), console_url="")
    order = ["OPEN", "TRIAGED", "RESOLVED", "CLOSED"]
    expected = min(order.index(status) if status in order else 0 for status in statuses)
    assert row["status"] == order[expected] or (expected == 0 and row["status"] == "NEW")


def test_ids_stay_the_same() -> None:
    """Another platform keeps them: they must not change with a release."""
    assert asset_id("ip", "203.0.113.77") == "asset-bf4870ea5f5d6a26cecbf2af655f4a4a"
    assert risk_id("a1") == "risk-f55ff16f66f43360266b95db6f8fec01"


@pytest.mark.parametrize(
    ("kind", "category"),
    [
        (Kind.RULE, "threat"),
        (Kind.CORRELATION_RULE, "correlation"),
        (Kind.POLICY, "policy_violation"),
        (Kind.RULE_ERROR, "detection_error"),
        (Kind.SYSTEM_ERROR, "system_error"),
        (Kind("SOMETHING_NEW"), "other"),
    ],
)
def test_every_alert_is_a_risk(kind: Kind, category: str) -> None:
    """Policy violations, correlation alerts and unknown kinds too, investigated or not."""
    raised = alert(1, "A title", "Some.Detection", "Some detection").model_copy(update={"kind": kind})
    stored = StoredRisk(raised.id, json.loads(seen_alert(raised).body), None, False, ())
    row = risk_row(stored, console_url="https://console.acme.example")
    assert (row["category"], row["type"], row["verdict"], row["assets"]) == (category, kind.value, None, [])
    assert row["url"] == f"https://console.acme.example/alerts-and-errors/{raised.id}"
    assert risk_row(stored, console_url="")["url"] is None


# ---- the shift -------------------------------------------------------------------------------------------------------


def a_shift(*found: tuple[AlertRecord, Investigation | None], marks: dict[str, Mark] | None = None) -> Shift:
    shift = Shift(since=NOW - timedelta(days=7), until=NOW, currency="EUR")
    for one, investigation in found:
        brief = Brief.of(investigation) if investigation is not None else None
        shift.add(one, brief, marked=one.alert.id in (marks or {}))
    return shift


def test_a_shift_is_summed_up() -> None:
    """Verdicts, detections by noise, time, cost and questions without an answer."""
    linked = record(
        alert(9, "Again", "AWS.Trail.Off", "Audit trail stopped"),
        state=State.LINKED,
        decision=Linked(leader=malicious()[0].id, reason="same actor"),
        verdict=Disposition.MALICIOUS,
    )
    shift = a_shift(*map(known, (malicious(), suspicious(), benign(), inconclusive())), (linked, None))
    assert shift.alerts == 5
    assert shift.verdicts == {"malicious": 2, "suspicious": 1, "inconclusive": 1, "benign": 1}
    assert shift.money == pytest.approx(0.01234)
    assert shift.seconds == pytest.approx(31.5 + 44.2 + 7.25 + 7.25)
    assert (shift.detections[0].id, shift.detections[0].alerts, shift.detections[0].linked) == ("AWS.Trail.Off", 2, 1)
    assert shift.failed_questions == (
        ("events", 1, "Panther, AlertEvents: no whole answer within 120 s; try again later"),
    )
    assert [(each.alert_id, each.linked) for each in shift.waiting] == [
        (malicious()[0].id, 1),
        (suspicious()[0].id, 0),
        (inconclusive()[0].id, 0),
    ]


def changed(case: tuple[Alert, Investigation], **changes: object) -> tuple[Alert, Investigation]:
    return case[0].model_copy(update=changes), case[1]


@pytest.mark.parametrize(
    "taken_up",
    [
        changed(malicious(), status=Status.TRIAGED),
        changed(malicious(), assignee=Actor(id="u1", kind="user")),
        changed(inconclusive(), status=Status.RESOLVED),
        benign(),
    ],
)
def test_what_was_taken_up_does_not_wait(taken_up: tuple[Alert, Investigation]) -> None:
    """A status, an assignee or a verdict that needs no one takes an alert off the list; so does a person's mark."""
    assert a_shift(known(taken_up)).waiting == ()
    mark = Mark(alert_id=malicious()[0].id, label="benign", at=NOW)
    assert a_shift(known(malicious()), marks={mark.alert_id: mark}).waiting == ()


def test_what_was_not_asked_is_no_unanswered_question() -> None:
    """Nobody is known whom the log could be asked about, so nothing has failed."""
    alert, investigation = benign()
    entry = investigation.evidence[0].model_copy(update={"error": f"{NOT_ASKED}an e-mail address", "rows": ()})
    changed = investigation.model_copy(update={"evidence": (entry,)})
    assert a_shift((record(alert, verdict=investigation.verdict.disposition), changed)).failed_questions == ()


def test_a_shift_names_the_case_of_what_waits() -> None:
    """How many alerts belong to it, so that one person takes them together."""
    (waiting,) = a_shift(known(three())).waiting
    assert waiting.why == "malicious, and no one has picked it up; one case with 2 other alerts"


def test_a_console_links_what_waits() -> None:
    """Each waiting alert leads to itself in the configured console; without one there is no link."""
    shift = a_shift(known(malicious()))
    html = shift_page(shift, prompts=load_prompts(), console_url="https://console.acme.example")
    assert f'<a href="https://console.acme.example/alerts-and-errors/{malicious()[0].id}"' in html
    assert "<a href" not in shift_page(shift, prompts=load_prompts())


def test_what_failed_or_is_put_off_waits() -> None:
    """An alert that was given up, and a comment that policy has put off or that could not be written."""
    given_up = record(
        alert(8, "Given up", "D", "D", Severity.CRITICAL), state=State.FAILED, error="Panther is away", verdict=None
    )
    late, unwritten = (
        (case[0].model_copy(update={"status": Status.TRIAGED}), case[1].model_copy(update={"notes": (note,)}))
        for case, note in (
            (malicious(), "the comment waits until 2031-05-07T06:00+00:00: quiet hours"),
            (suspicious(), f"{UNWRITTEN}no answer"),
        )
    )
    waiting = a_shift((given_up, None), known(late), known(unwritten)).waiting
    assert sorted(each.why.partition(":")[0] for each in waiting) == [
        "given up",
        "the comment waits until 2031-05-07T06",
        "the comment was not written",
    ]


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(spoiled(), HOSTILE)
def test_a_shift_of_any_input_is_inert(case: tuple[Alert, Investigation], error: str) -> None:
    """Titles, detections, errors and reasons stay text on the page and on the terminal."""
    failed = record(case[0], state=State.FAILED, error=error, verdict=None)
    shift = a_shift(known(case), (failed, None))
    html = shift_page(shift, prompts=PROMPTS)
    html.encode("utf-8")
    body = html.partition("</style>")[2]
    assert not re.search(r"<(?:script|img|a|svg onload|!channel)", body)
    assert not re.search(r"https?://|(?<![\w.+-])@(?=[A-Za-z])", body, re.IGNORECASE)
    assert not re.search("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]", shift_text(shift) + html)
    json.dumps(shift_json(shift))
