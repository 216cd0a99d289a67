"""Signals from amounts, from machines' rhythms, from how alerts ended; and what each of them points at."""

from typing import Any

import pytest
from pydantic import JsonValue

from tests.support.facts import MOMENT, answer, at, signals_of, subject
from triage.domain.coverage import Coverage
from triage.domain.entity import Entity, EntityKind
from triage.domain.evidence import Evidence, Source
from triage.domain.finding import Finding
from triage.domain.signal import Direction, Signal, is_proven, net_weight
from triage.ports import Column, PantherUser
from triage.stages.enrichment.context_rows import indicators_of, outcome_rows, table_row, user_rows
from triage.stages.enrichment.signals.weights import WEIGHTS
from triage.stages.verification import verify


def amounts(today: int, *earlier: int) -> Evidence:
    """So much on the alert's day, and so much on each of the days before."""
    rows = [{"day": MOMENT.date().isoformat(), "amount": today}]
    rows += [{"day": at(days=number)[:10], "amount": amount} for number, amount in enumerate(earlier, 1)]
    return answer("rows_a_day", ["volume_burst"], rows)


@pytest.mark.parametrize(
    ("found", "burst"),
    [
        (amounts(4_000, 900, 1_000, 800), True),
        (amounts(3_900, 900, 1_000, 800), False),
        (amounts(4_000, 900, 1_000), False),
        (amounts(4_000), False),
        (amounts(4_000, 0, 0, 0), False),
        (amounts(4_000, 900, 1_000, 800).model_copy(update={"truncated": True}), False),
    ],
)
def test_far_more_than_on_any_known_day_is_a_haul(found: Evidence, burst: bool) -> None:
    """Four times the largest of at least three earlier days; of a cut answer nobody knows the largest."""
    assert ("volume_burst" in signals_of(subject(), found)) is burst


def machine(
    *back: int, hours: int = 3, at_work: int = -1, address: str = "198.51.100.7", **who: Any
) -> dict[str, Signal]:
    """A role that did this so many days ago, at work at so many hours of the day."""
    role = {"identity": "arn:aws:iam::111122223333:role/nightly", "people": (), **who}
    rows = [{"day": at(days=ago)[:10], "address": "198.51.100.7", "times": 1, "refused": 0} for ago in back]
    places = [
        {"address": address, "days": 20, "times": 90, "first_seen": at(days=25), "last_seen": at(days=1)},
    ]
    return signals_of(
        subject(**role),
        answer("action_history", ["routine"], rows),
        answer("actor_addresses", ["new_address", "known_address"], places),
        answer(
            "actor_hours",
            ["off_hours"],
            [{"hour": (MOMENT.hour + shift) % 24, "days": 9, "times": 20} for shift in range(at_work, at_work + hours)],
        ),
    )


@pytest.mark.parametrize(
    ("found", "known"),
    [
        (machine(16, 19, 22, 25), True),
        (machine(15, 16, hours=22), True),
        (machine(15, 16, hours=9), False),
        (machine(1, 2, 9, hours=22), False),
        (machine(16, 19, 22, 25, at_work=6), False),
        (machine(16, 19, 22, 25, address="203.0.113.9"), False),
        (machine(16, 19, 22, 25, people=("ada@example.com",)), False),
    ],
)
def test_known_automation_is_a_machine_at_its_place_and_its_work(found: dict[str, Signal], known: bool) -> None:
    """A steady rhythm or work around the clock counts for a service identity at a settled place, for an act done before."""
    assert ("known_automation" in found) is known


def test_a_program_off_its_schedule_is_not_excused_by_its_routine() -> None:
    """A person may work late; a service identity that never ran at this hour did not choose to."""
    usual, odd = machine(16, 19, 22, 25), machine(16, 19, 22, 25, at_work=6)

    assert odd["routine"].weight == usual["routine"].weight / 2
    assert "off_hours" not in usual
    person = machine(16, 19, 22, 25, at_work=6, people=("ada@example.com",))
    assert odd["off_hours"].weight == 2 * person["off_hours"].weight
    assert person["routine"].weight == usual["routine"].weight


@pytest.mark.parametrize(("crowd", "rota"), [(2, True), (12, False)])
def test_whose_turn_it_is_says_nothing_of_what_everybody_does(crowd: int, rota: bool) -> None:
    """What a dozen do to a thing is nobody's turn; what two do to a thing that a dozen work with, is."""
    times = {"days": 3, "times": 3, "old_days": 2, "first_seen": at(days=20), "last_seen": at(days=5)}
    mates = [{"action": "StopLogging", "actor": f"mate{number}", **times} for number in range(2)]
    others = [{"action": "StopLogging", "actor": f"other{number}", **times} for number in range(crowd)]
    others += [{"action": "ListTrails", "actor": f"reader{number}", **times} for number in range(12)]
    elsewhere = [{"actor": f"mate{number}", "on_target": 3, **times} for number in range(2)]
    found = signals_of(
        subject(),
        answer("action_others", ["team_routine", "rare_among_peers"], elsewhere),
        answer("target_history", ["team_routine"], [*mates, *others]),
    )

    assert ("team_routine" in found) is rota
    assert ("common_here" in found) is not rota


@pytest.mark.parametrize(("minutes", "log_type", "vouched"), [(0, "Okta.SystemLog", False), (20, "Okta.SystemLog", True), (0, "AWS.CloudTrail", True)])  # fmt: skip
def test_the_sign_in_that_raised_the_alert_does_not_vouch_for_itself(
    minutes: int, log_type: str, vouched: bool
) -> None:
    """Who was tricked into giving a second factor gave it; an earlier sign-in, or one in another log, may vouch."""
    row = {
        "address": "203.0.113.9",
        "step": "user.session.start",
        "result": "SUCCESS",
        "second_factor": True,
        "times": 1,
        "first_seen": at(minutes=minutes),
        "last_seen": at(minutes=minutes),
    }
    signed = answer("person_signins", ["verified_sign_in", "new_address"], [row], log_type="Okta.SystemLog")
    found = signals_of(subject(addresses=("203.0.113.9",), log_type=log_type), signed)

    assert ("verified_sign_in" in found) is vouched


def outcomes(*judged: str, unjudged: int = 0, kind: str = "user") -> Evidence:
    """Earlier alerts with these statuses, and some that nobody judged."""
    rows = [{"alert_id": f"p{number}", "status": status, "judged": True} for number, status in enumerate(judged)]
    rows += [{"alert_id": f"u{number}", "status": "RESOLVED", "judged": False} for number in range(unjudged)]
    return answer("history", [], rows, source=Source.HISTORY, measured=False).model_copy(update={"key": "history"})


def test_how_earlier_alerts_ended_counts_by_its_sample() -> None:
    """Mostly invalid speaks for benign, mostly handled for neither side, four alerts for nothing."""
    closed = signals_of(subject(), outcomes(*["CLOSED"] * 9))["outcome_history"]
    handled = signals_of(subject(), outcomes(*["RESOLVED"] * 9))["outcome_handled"]

    assert (closed.direction, handled.direction) == (Direction.BENIGN, Direction.NEUTRAL)
    assert signals_of(subject(), outcomes(*["CLOSED"] * 4)) == {}
    assert signals_of(subject(), outcomes(*["CLOSED"] * 5, *["RESOLVED"] * 5)) == {}


def test_alerts_that_nobody_judged_count_for_neither_side() -> None:
    """A hundred alerts that Panther resolved by itself change nothing."""
    assert signals_of(subject(), outcomes(unjudged=100)) == {}
    with_others = signals_of(subject(), outcomes(*["CLOSED"] * 9, unjudged=100))["outcome_history"]
    alone = signals_of(subject(), outcomes(*["CLOSED"] * 9))["outcome_history"]
    assert (with_others.weight, with_others.sentence) == (alone.weight, alone.sentence)


def test_outcomes_are_summed_by_status_and_by_whom() -> None:
    """One row for each status and person, the judged ones counted apart."""
    past: list[dict[str, JsonValue]] = [
        {
            "status": "CLOSED",
            "updated_by_kind": "user",
            "updated_by": "ada@x.example",
            "judged": True,
            "created_at": "1",
        },
        {
            "status": "CLOSED",
            "updated_by_kind": "user",
            "updated_by": "ada@x.example",
            "judged": True,
            "created_at": "3",
        },
        {"status": "RESOLVED", "updated_by_kind": "system", "updated_by": "", "judged": False, "created_at": "2"},
    ]

    assert outcome_rows(past) == [
        {"status": "CLOSED", "set_by_kind": "user", "set_by": "ada@x.example", "alerts": 2, "decided_by_people": 2, "last": "3"},
        {"status": "RESOLVED", "set_by_kind": "system", "set_by": "", "alerts": 1, "decided_by_people": 0, "last": "2"},
    ]  # fmt: skip


def test_people_of_the_alert_are_found_among_panthers_users() -> None:
    """By e-mail address, whatever its case."""
    users = (PantherUser("1", "Ada@X.example", "Ada", role="Analyst"), PantherUser("2", "ben@x.example"))
    named = (Entity(kind=EntityKind.EMAIL, value="ada@x.example"), Entity(kind=EntityKind.USER, value="ben"))

    assert [row["role"] for row in user_rows(users, named)] == ["Analyst"]


def test_the_indicator_search_asks_for_what_stands_for_one_machine_file_or_key() -> None:
    """Private addresses mean another machine in every network; names are asked in the playbooks."""
    entities = (
        Entity(kind=EntityKind.IP, value="198.51.100.7", facts={"class": "public"}),
        Entity(kind=EntityKind.IP, value="10.0.0.1", facts={"class": "private"}),
        Entity(kind=EntityKind.HASH, value="ab" * 32, facts={"algorithm": "sha256"}),
        Entity(kind=EntityKind.USER, value="ada"),
    )

    assert indicators_of(entities) == ("198.51.100.7", "ab" * 32)


def test_a_log_type_without_a_table_is_told_so() -> None:
    """The row says that the table is missing rather than that it is empty."""
    assert table_row("A.B", ())["exists"] is False
    assert table_row("A.B", (Column("p_any_emails", "array"),))["indicator_columns"] == "p_any_emails"


@pytest.mark.parametrize(
    ("kind", "facts", "column"),
    [
        (EntityKind.HASH, {"algorithm": "sha256"}, "p_any_sha256_hashes"),
        (EntityKind.HASH, {"algorithm": "md5"}, "p_any_md5_hashes"),
        (EntityKind.HASH, {"algorithm": "sha384"}, ""),
        (EntityKind.IP, {}, "p_any_ip_addresses"),
        (EntityKind.URL, {}, ""),
    ],
)
def test_an_entity_knows_the_column_that_finds_it_again(kind: EntityKind, facts: dict[str, str], column: str) -> None:
    """A hash has one column for each algorithm."""
    assert Entity(kind=kind, value="x", facts=facts).indicator_column == column


def test_a_signal_carries_citations_that_hold() -> None:
    """Whoever makes a finding of a signal points at the rows that bear it."""
    evidence = amounts(4_000, 900, 1_000, 800)
    found = signals_of(subject(), evidence)["volume_burst"]
    (checked,) = verify(
        (Finding(text=found.sentence, direction=found.direction, citations=found.citations),), (evidence,)
    )

    assert found.citations
    assert checked.verified


def test_a_signal_from_an_older_store_has_no_citations() -> None:
    """What was stored before signals carried them still loads."""
    stored = {"name": "burst", "direction": "malicious", "weight": 1.0, "sentence": "x", "evidence": ["E1"]}

    assert Signal.model_validate(stored).citations == ()


def test_a_signal_on_an_unproven_absence_weighs_nothing() -> None:
    """Nor does one whose evidence has no answer."""
    entry = answer("q", [], [])
    up = Signal(name="a", direction=Direction.MALICIOUS, weight=2.0, sentence="x", evidence=("E1",), absence=True)
    down = up.model_copy(update={"direction": Direction.BENIGN, "weight": 0.5, "absence": False})

    assert net_weight([up, down], {"E1": entry}) == 1.5
    assert net_weight([up, down], {"E1": entry.model_copy(update={"coverage": Coverage()})}) == -0.5
    assert net_weight([up, down], {"E1": entry.model_copy(update={"error": "timed out"})}) == 0
    assert not is_proven(up, {})


def test_every_weight_has_a_reason_and_a_direction() -> None:
    """The table is what a reader judges the offline analyst by."""
    for name, weight in WEIGHTS.items():
        assert weight.reason.endswith("."), name
        # How people filed other alerts says nothing of this one.
        assert (weight.direction is Direction.NEUTRAL) is (
            name in {"outcome_handled", "confirmed_before", "known_service"}
        ), name
        assert 0 < weight.weight <= 4, name
