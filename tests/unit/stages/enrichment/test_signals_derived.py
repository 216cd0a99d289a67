"""Signals about the identities that the alert's act made or reached."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.facts import MOMENT, PROVEN, answer, at, signals_of, subject
from triage.domain.coverage import Coverage
from triage.domain.derived import DerivedIdentity, Relation
from triage.domain.evidence import Evidence
from triage.domain.identity import Identity, IdentityKind
from triage.domain.signal import Direction, Signal
from triage.stages.enrichment.actor import AlertActor

HOME, NEW, ACTORS = "203.0.113.9", "192.0.2.66", "198.51.100.7"
AFTER = ("identity", "address", "action", "times", "refused", "target", "first_seen", "last_seen")
BEFORE = ("identity", "address", "action", "days", "times", "refused", "first_seen", "last_seen")


def identity(value: str, kind: IdentityKind, relation: Relation, found_in: str = "self") -> DerivedIdentity:
    """What an act at noon led to."""
    return DerivedIdentity(
        identity=Identity.of(kind, value),
        value=value,
        found_in=found_in,
        relation=relation,
        action="SomeAct",
        moment=MOMENT,
    )


BOB = identity("bob", IdentityKind.USERNAME, Relation.RESET)
KEY = identity("AKIANEW", IdentityKind.AWS_ACCESS_KEY, Relation.MADE, "session")


def actor(*derived: DerivedIdentity, **more: Any) -> AlertActor:
    """Whoever did it, from their own address."""
    return subject(derived=derived, **more)


def use(
    who: str, address: str, action: str = "GetCallerIdentity", minutes: float = 31, refused: int = 0
) -> dict[str, Any]:
    """What an identity did after the act."""
    seen = at(minutes=-minutes)
    return dict(zip(AFTER, (who, address, action, 1, refused, "t", seen, seen), strict=True))


def after(*rows: dict[str, Any], **more: Any) -> Evidence:
    """The answer about what followed."""
    return answer("derived_after", ["derived_used"], rows, columns=AFTER, **more)


def before(*places: tuple[str, str], action: str = "GetCallerIdentity") -> Evidence:
    """Where identities had worked for weeks."""
    rows = [
        dict(zip(BEFORE, (who, address, action, 9, 30, 0, at(days=20), at(days=1)), strict=True))
        for who, address in places
    ]
    return answer("derived_before", ["derived_used"], rows, columns=BEFORE)


def places(actors: int = 1, **seen: str) -> Evidence:
    """Since when the log knows addresses, and how many worked there."""
    rows = [
        {
            "address": address.replace("_", "."),
            "actors": actors,
            "times": 3,
            "first_seen": first,
            "last_seen": at(minutes=-40),
        }
        for address, first in seen.items()
    ]
    return answer(
        "derived_places", ["derived_used"], rows, columns=("address", "actors", "times", "first_seen", "last_seen")
    )


def known_at(*addresses: str) -> Evidence:
    """Where the actor works."""
    rows = [
        {"address": address, "days": 9, "times": 9, "first_seen": at(days=20), "last_seen": at(days=1)}
        for address in addresses
    ]
    return answer("actor_addresses", ["known_address", "new_address"], rows)


def quiet() -> list[Evidence]:
    """The actor did nothing else."""
    columns = ("action", "address", "times", "refused", "target", "first_seen", "last_seen")
    return [
        answer("actor_after", ["harmful_aftermath"], [], columns=columns),
        answer("actor_soon_after", ["quiet_aftermath"], [], columns=columns),
    ]


def found(who: AlertActor, *evidence: Evidence) -> dict[str, Signal]:
    """The signals by name."""
    return signals_of(who, known_at(ACTORS), *quiet(), *evidence)


def test_an_identity_that_then_works_from_a_new_place_was_taken_over() -> None:
    """After a reset the account is used from where it never was: what is usual for the helper says little."""
    signals = found(actor(BOB), after(use("bob", HOME), use("bob", NEW)), before(("bob", HOME)))

    assert signals["derived_used"].weight >= 2
    assert signals["derived_used"].sentence == (
        "The user bob, whose password was set at 12:00 UTC, worked at 12:31 UTC from 192.0.2.66, an address not used in "
        "the 30 days before: GetCallerIdentity (allowed)."
    )
    assert "quiet_aftermath" not in signals


def test_a_new_key_that_starts_at_an_address_unknown_to_the_log_was_taken() -> None:
    """Who, what, where, when, and what came of it; harm is named first."""
    rows = [
        use("AKIANEW", NEW),
        use("AKIANEW", NEW, "GetSecretValue", 40),
        use("AKIANEW", NEW, "ListUsers", 50, refused=1),
    ]
    signals = found(actor(KEY), after(*rows), before(), places(**{"192_0_2_66": at(minutes=-31)}))

    assert signals["derived_used"].direction is Direction.MALICIOUS
    assert signals["derived_used"].sentence == (
        "The key AKIANEW, made at 12:00 UTC, was first used at 12:31 UTC from 192.0.2.66, an address not seen in this log "
        "in the 30 days before: GetSecretValue (allowed), GetCallerIdentity (allowed), ListUsers (refused)."
    )


@pytest.mark.parametrize(
    ("address", "first_seen"),
    [(ACTORS, at(days=20)), ("10.3.4.5", at(minutes=-31)), (NEW, at(days=9))],
    ids=["the maker's own place", "inside the network", "known to the log"],
)
def test_a_new_key_that_starts_where_it_might_is_calm(address: str, first_seen: str) -> None:
    """A first use needs a place that is strange to say anything."""
    signals = found(
        actor(KEY),
        after(use("AKIANEW", address)),
        before(),
        places(**{address.replace(".", "_"): first_seen}),
    )

    assert not {"derived_used", "derived_harm"} & signals.keys()
    assert "quiet_aftermath" in signals


def test_a_rotated_key_does_its_owners_work_from_its_owners_place() -> None:
    """The habits of a key are its owner's."""
    owner = identity("bob", IdentityKind.USERNAME, Relation.CREDENTIAL_ADDED)
    signals = found(
        actor(KEY, owner),
        after(use("AKIANEW", HOME, "GetSecretValue")),
        before(("bob", HOME), action="GetSecretValue"),
        places(**{"203_0_113_9": at(days=20)}),
    )

    assert not {"derived_used", "derived_harm"} & signals.keys()
    assert signals["derived_as_usual"].direction is Direction.BENIGN


def test_a_makers_unfamiliar_place_taints_what_was_made() -> None:
    """A key made and used from a place that is new for its maker is the intruder's own."""
    who = actor(KEY)
    signals = signals_of(who, known_at(HOME), *quiet(), after(use("AKIANEW", ACTORS)), before())

    assert "an address that is new for ada@example.com, too" in signals["derived_used"].sentence


def test_harm_under_another_name_is_named_wherever_it_comes_from() -> None:
    """A service account that was given rights reads secrets from inside the cluster."""
    name = "system:serviceaccount:web:deployer"
    bound = identity(name, IdentityKind.KUBERNETES_USER, Relation.GRANTED, "actor")
    log = {"log_type": "Amazon.EKS.Audit"}
    known = before((name, "10.0.0.4"), action="get configmaps/")
    signals = found(actor(bound, **log), after(use(name, "10.0.0.4", "list secrets/"), **log), known)

    assert signals["derived_harm"].sentence == (
        "The service account web/deployer, given rights at 12:00 UTC, performed list secrets/ on t at 12:31 UTC from "
        "10.0.0.4, with no such event in the 30 days before."
    )
    assert "quiet_aftermath" not in signals
    usual = before((name, "10.0.0.4"), action="list secrets/")
    again = found(actor(bound, **log), after(use(name, "10.0.0.4", "list secrets/"), **log), usual)
    assert "derived_harm" not in again


def test_whoever_was_given_rights_works_from_where_they_like() -> None:
    """Only a change of credentials lets somebody else in."""
    member = identity("bob", IdentityKind.USERNAME, Relation.GRANTED)
    signals = found(actor(member), after(use("bob", NEW)), before(("bob", HOME)))

    assert 0 < signals["derived_used"].weight < 1


def test_an_identity_that_goes_on_as_before_was_helped() -> None:
    """The account goes on from its usual place."""
    signals = found(actor(BOB), after(use("bob", HOME)), before(("bob", HOME)))

    assert "derived_as_usual" in signals
    assert signals["quiet_aftermath"].sentence.startswith(
        "From the alert until 16:00 UTC, AWS.CloudTrail shows no harmful action that was new for ada@example.com or for "
        "what the act led to (bob)."
    )


@pytest.mark.parametrize(
    "evidence",
    [
        (),
        (after(error="the query timed out"),),
        (after(use("bob", HOME), truncated=True),),
        (after(coverage=Coverage()),),
    ],
    ids=["not asked", "failed", "cut", "not proven"],
)
def test_nothing_is_called_quiet_while_the_identities_were_not_looked_at(evidence: tuple[Evidence, ...]) -> None:
    """Quiet takes in those under whose names the harm would run."""
    assert "quiet_aftermath" in found(actor())
    assert "quiet_aftermath" not in found(actor(BOB), *evidence, before(("bob", HOME)))
    assert "quiet_aftermath" in found(actor(BOB), after(coverage=PROVEN), before(("bob", HOME)))


def test_without_a_known_past_no_place_is_strange() -> None:
    """An unanswered question about the past is no sign of a new place."""
    failed = answer("derived_before", ["derived_used"], [], columns=BEFORE, error="the query timed out")

    assert "derived_used" not in found(actor(BOB), after(use("bob", NEW)), failed)


def test_what_follows_half_a_day_later_is_another_story() -> None:
    """Uses count for twelve hours."""
    late = after(use("bob", NEW, minutes=13 * 60))

    assert "derived_used" not in found(actor(BOB), late, before(("bob", HOME)))


def test_a_person_who_signs_in_elsewhere_than_ever_before_was_taken_over() -> None:
    """The reset was in one log, the sign-in is in another."""
    person = identity("bob@example.com", IdentityKind.EMAIL, Relation.RESET, "actor")
    columns = ("identity", "address", "days", "times", "refused", "since", "first_seen", "last_seen")
    rows = [
        dict(zip(columns, ("bob@example.com", HOME, 9, 20, 0, 0, at(days=20), at(days=1)), strict=True)),
        dict(zip(columns, ("bob@example.com", NEW, 1, 2, 0, 2, at(minutes=-20), at(minutes=-30)), strict=True)),
    ]
    signals = found(actor(person), after(), before(), answer("okta", ["derived_used"], rows))

    assert signals["derived_used"].sentence == (
        "bob@example.com, whose password was set at 12:00 UTC, signed in to AWS at 12:20 UTC from 192.0.2.66, with no "
        "sign-in from there in the 30 days before."
    )


def test_each_further_identity_adds_less() -> None:
    """One act on two accounts is one act."""
    other = identity("cy", IdentityKind.USERNAME, Relation.RESET)
    rows = after(use("bob", NEW), use("cy", NEW)), before(("bob", HOME), ("cy", HOME))
    one = found(actor(BOB), *rows)["derived_used"]
    last = found(actor(BOB, other), *rows)["derived_used"]

    assert last.weight == pytest.approx(one.weight * 0.3, abs=0.01)


def test_a_new_key_at_a_place_of_others_is_in_their_hands() -> None:
    """Old, and not the maker's own: whoever makes a key and uses it at the own desk keeps it."""
    key, old = actor(KEY), places(actors=3, **{"192_0_2_66": at(days=20)})
    uses = after(use("AKIANEW", NEW, "GetSecretValue"))
    signals = found(key, uses, before(), old)

    assert signals["derived_as_usual"].sentence == (
        "The key AKIANEW, made at 12:00 UTC, was used only from addresses at which others have worked since 2026-02-18 or "
        "earlier, last 192.0.2.66: GetSecretValue (allowed)."
    )
    for fewer in (
        found(key, uses, before(), places(actors=1, **{"192_0_2_66": at(days=20)})),
        found(key, uses, before(), places(actors=3, **{"192_0_2_66": at(days=9)})),
        found(
            key,
            after(use("AKIANEW", ACTORS, "GetSecretValue")),
            before(),
            places(actors=3, **{"198_51_100_7": at(days=20)}),
        ),
    ):
        assert "derived_as_usual" not in fewer


def test_whoever_sets_up_a_second_factor_again_where_they_always_work_was_helped() -> None:
    """It is what the reset was for; from anywhere else it is a way in."""
    reset = identity("bob@example.com", IdentityKind.EMAIL, Relation.FACTORS_RESET)

    def signals(place: str) -> dict[str, Signal]:
        enrolled = use("bob@example.com", place, "user.mfa.factor.activate")
        past = before(("bob@example.com", HOME), ("bob@example.com", "203.0.113.77"), action="user.session.start")
        okta = [each.model_copy(update={"log_type": "Okta.SystemLog"}) for each in (after(enrolled), past)]
        return found(actor(reset, log_type="Okta.SystemLog"), *okta)

    assert {"derived_harm", "derived_used"} & signals(HOME).keys() == set()
    assert "derived_as_usual" in signals(HOME)
    assert "derived_used" in signals(NEW)


def test_a_second_factor_of_whoever_was_given_rights_confirms_their_place() -> None:
    """No act has touched their credentials; without a past of their own a factor confirms nobody."""
    given = identity("bob@example.com", IdentityKind.EMAIL, Relation.GRANTED)

    def signed_in(factors: int) -> Evidence:
        row = {"identity": "bob@example.com", "address": NEW, "days": 1, "times": 2, "refused": 0, "since": 2}
        seen = {"second_factor": factors, "first_seen": at(minutes=-30), "last_seen": at(minutes=-30)}
        return answer("okta.derived_signins", ["derived_used"], [row | seen])

    def weight(factors: int, *past: tuple[str, str]) -> float:
        evidence = (after(use("bob@example.com", NEW)), before(*past), places(**{"192_0_2_66": at(minutes=-31)}))
        return found(actor(given), *evidence, signed_in(factors))["derived_used"].weight

    assert weight(1, ("bob@example.com", HOME)) < 0.5 <= weight(0, ("bob@example.com", HOME))
    assert weight(1) == weight(0)


def test_one_key_in_the_right_hands_says_nothing_of_another() -> None:
    """Nor does an identity that goes on as before say anything of one that is used from a strange place."""
    other = identity("AKIAOTHER", IdentityKind.AWS_ACCESS_KEY, Relation.MADE, "session")
    known = places(actors=3, **{"192_0_2_66": at(days=20)})
    here, elsewhere = use("AKIANEW", NEW, "GetSecretValue"), use("AKIAOTHER", HOME, "GetSecretValue")
    both = found(actor(KEY, other), after(here, use("AKIAOTHER", NEW, "GetSecretValue")), before(), known)
    one = found(actor(KEY, other), after(here, elsewhere), before(), known)
    calm = found(
        actor(BOB, KEY), after(use("bob", HOME), elsewhere | {"identity": "AKIANEW"}), before(("bob", HOME)), known
    )

    assert "derived_as_usual" in both
    for signals in (one, calm):
        assert "derived_harm" in signals
        assert "derived_as_usual" not in signals


def test_somebody_who_was_at_work_here_is_no_new_target() -> None:
    """Nobody had reset their password before; they themselves are well known."""
    nothing = answer("target_history", [], [], columns=("action", "actor"))
    who = replace(actor(BOB), targets=("bob",))
    assert "new_target" not in found(who, nothing, after(use("bob", HOME)), before(("bob", HOME)))
    assert "new_target" in found(who, nothing, after(use("bob", HOME)), before())
