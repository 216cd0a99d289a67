"""Signals about whose things an act is about, who took it back, and whom it let in."""

import json
from typing import Any

import pytest

from tests.support.facts import MOMENT, answer, at, signals_of, subject
from triage.domain.derived import DerivedIdentity, Relation
from triage.domain.evidence import Evidence, Source
from triage.domain.identity import Identity, IdentityKind

ADA, BO = "ada@example.com", "bo@example.com"
PARTNER = "222233334444"


def events(*rows: dict[str, Any], **more: Any) -> Evidence:
    """The alert's events."""
    return answer("events", [], rows, source=Source.EVENTS, measured=False, **more)


def thrown_away(*owners: str, **more: Any) -> Evidence:
    """Documents that Ada moved to the trash, by their owners; an empty one isn't known."""
    rows = [
        {
            "p_log_type": "GSuite.ActivityEvent",
            "name": "trash",
            "actor": {"email": ADA},
            "parameters": {"doc_id": f"d{number}", **({"owner": owner} if owner else {})},
        }
        for number, owner in enumerate(owners)
    ]
    return events(*rows, log_type="GSuite.ActivityEvent", **more)


@pytest.mark.parametrize(
    ("owners", "named"),
    [
        pytest.param((ADA, ADA), "own_making", id="the actor's"),
        pytest.param((BO, BO), "others_property", id="one colleague's"),
        pytest.param((ADA, BO), "", id="of both"),
        pytest.param((BO, "cy@example.com"), "", id="of several"),
        pytest.param(("", ""), "", id="unknown"),
    ],
)
def test_whose_the_things_are_is_the_logs_to_say(owners: tuple[str, ...], named: str) -> None:
    """People clear away their own; what belongs to one other person is that person's question."""
    who = subject(log_type="GSuite.ActivityEvent", actions=("trash",), targets=("d0", "d1"))
    found = signals_of(who, thrown_away(*owners))
    assert {"own_making", "others_property"} & found.keys() == ({named} if named else set())
    assert not {"own_making", "others_property"} & signals_of(who, thrown_away(*owners, truncated=True)).keys()


@pytest.mark.parametrize(
    ("row", "undone"),
    [
        pytest.param({"action": "StartLogging", "actor": BO}, True, id="a colleague"),
        pytest.param({"action": "StartLogging", "actor": ADA}, False, id="the actor"),
        pytest.param({"action": "GetTrailStatus", "actor": BO}, False, id="no reversal"),
        pytest.param({"action": "StartLogging", "actor": BO, "refused": 1}, False, id="refused"),
    ],
)
def test_what_somebody_else_takes_back_was_not_wanted(row: dict[str, Any], undone: bool) -> None:
    """By the opposite act on the same thing, that succeeded."""
    given = {"address": "203.0.113.9", "times": 1, "refused": 0, "first_seen": at(hours=-1), "last_seen": at(hours=-1)}
    found = signals_of(subject(), answer("target_after", [], [given | row]))
    assert ("undone_by_others" in found) is undone


def test_an_account_that_has_called_here_for_long_is_a_known_party() -> None:
    """A company has more accounts than send their logs."""
    policy = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{PARTNER}:root"}}]}
    trust = {
        "p_log_type": "AWS.CloudTrail",
        "eventName": "UpdateAssumeRolePolicy",
        "eventSource": "iam.amazonaws.com",
        "recipientAccountId": "111122223333",
        "userIdentity": {"accountId": "111122223333"},
        "requestParameters": {"roleName": "builder", "policyDocument": json.dumps(policy)},
    }
    who = subject(actions=("UpdateAssumeRolePolicy",), targets=("builder",))
    for account, days, known in ((PARTNER, 5, True), (PARTNER, 0, False), ("555566667777", 5, False)):
        row = {"account": account, "days": 9, "old_days": days, "times": 90}
        found = signals_of(who, events(trust), answer("account_callers", ["known_caller"], [row]))
        assert "foreign_principal" in found
        assert ("known_recipient" in found) is known


@pytest.mark.parametrize(
    ("admitted", "known"),
    [
        pytest.param([PARTNER], True, id="the known one"),
        pytest.param([PARTNER, "555566667777"], False, id="the known one first"),
        pytest.param(["555566667777", PARTNER], False, id="the known one last"),
        pytest.param([PARTNER, "*"], False, id="everyone besides"),
    ],
)
def test_a_known_account_makes_no_other_one_known(admitted: list[str], known: bool) -> None:
    """All that were let in have to be known: the one that is not hides behind it."""
    arns = [each if each == "*" else f"arn:aws:iam::{each}:root" for each in admitted]
    policy = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": each}} for each in arns]}
    trust = {
        "p_log_type": "AWS.CloudTrail",
        "eventName": "UpdateAssumeRolePolicy",
        "eventSource": "iam.amazonaws.com",
        "recipientAccountId": "111122223333",
        "userIdentity": {"accountId": "111122223333"},
        "requestParameters": {"roleName": "builder", "policyDocument": json.dumps(policy)},
    }
    row = {"account": PARTNER, "days": 9, "old_days": 5, "times": 90}
    who = subject(actions=("UpdateAssumeRolePolicy",), targets=("builder",))
    found = signals_of(who, events(trust), answer("account_callers", ["known_caller"], [row]))
    assert {"foreign_principal", "public_principal"} & found.keys()
    assert ("known_recipient" in found) is known


def test_a_role_that_others_were_let_into_may_be_used_from_where_others_work() -> None:
    """Its own places say nothing of theirs; an address that nobody had used stays strange."""
    role = DerivedIdentity(
        identity=Identity.of(IdentityKind.AWS_ROLE_NAME, "builder"),
        value="builder",
        found_in="self",
        relation=Relation.TRUST_CHANGED,
        action="UpdateAssumeRolePolicy",
        moment=MOMENT,
    )
    use = {
        "identity": "builder",
        "address": "192.0.2.66",
        "action": "CopyImage",
        "times": 1,
        "refused": 0,
        "target": "",
    }
    after = answer("derived_after", ["derived_used"], [use | {"first_seen": at(hours=-1), "last_seen": at(hours=-1)}])
    past = {
        "identity": "builder",
        "address": "203.0.113.9",
        "action": "CopyImage",
        "days": 9,
        "times": 30,
        "refused": 0,
    }
    before = answer("derived_before", ["derived_used"], [past | {"first_seen": at(days=20), "last_seen": at(days=1)}])
    for actors, calm in ((3, True), (1, False)):
        known = {"address": "192.0.2.66", "actors": actors, "times": 99}
        places = answer(
            "derived_places", ["derived_used"], [known | {"first_seen": at(days=20), "last_seen": at(hours=-1)}]
        )
        found = signals_of(subject(derived=(role,)), after, before, places)
        assert ("derived_as_usual" in found) is calm
        assert ("derived_used" in found) is not calm


def test_reading_what_one_was_let_into_is_what_the_access_is_for() -> None:
    """Once; a haul, or another thing, is more than that."""
    guest = DerivedIdentity(
        identity=Identity.of(IdentityKind.GITHUB_LOGIN, "guest"),
        value="guest",
        found_in="self",
        relation=Relation.INVITED,
        action="repo.add_member",
        moment=MOMENT,
    )
    who = subject(log_type="GitHub.Audit", targets=("acme/app",), actions=("repo.add_member",), derived=(guest,))
    weights = {}
    for target, times in (("acme/app", 1), ("acme/other", 1), ("acme/app", 9)):
        use = {"identity": "guest", "address": "192.0.2.66", "action": "git.clone", "times": times, "refused": 0}
        use |= {"target": target, "first_seen": at(hours=-1), "last_seen": at(hours=-1)}
        after = answer("derived_after", ["derived_used"], [use], log_type="GitHub.Audit")
        columns = ("identity", "address", "action", "days", "times", "refused", "first_seen", "last_seen")
        before = answer("derived_before", ["derived_used"], [], columns=columns, log_type="GitHub.Audit")
        weights[target, times] = signals_of(who, after, before)["derived_harm"].weight
    assert weights["acme/app", 1] < weights["acme/other", 1] / 2
    assert weights["acme/app", 9] == weights["acme/other", 1]
