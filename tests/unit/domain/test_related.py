"""Which alerts are one case, and which look alike and are not."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clocks import START
from tests.support.small_dossier import dossier
from triage.domain.actor_values import ActorValues
from triage.domain.alert import Alert, DetectionOrigin, Kind, Severity, Status
from triage.domain.case import Case, CaseMember, KeyKind, LinkKey, LinkKeys, case_of
from triage.domain.derived import DerivedIdentity, Relation
from triage.domain.disposition import Disposition
from triage.domain.identity import Identity, IdentityKind
from triage.domain.related import MOST_SHARING, grouped, link_keys, linked, looked_up

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
OFFICE = "203.0.113.9"
CLOUD, SIGN_INS = "AWS.CloudTrail", "Okta.SystemLog"
MIRA = Identity.of(IdentityKind.EMAIL, "mira.holt@acme.example")
IVAN = Identity.of(IdentityKind.EMAIL, "ivan.petrov@acme.example")
ROLE = Identity.of(IdentityKind.AWS_ROLE_ARN, "arn:aws:iam::111122223333:role/ci-deployer")
STOLEN = "AKIAQ7EXAMPLE0STOLEN"


def actor(*who: Identity, at: datetime = START, log_type: str = CLOUD, **changes: Any) -> ActorValues:
    """Someone in the office who did one thing."""
    lists = {"addresses": (OFFICE,), "targets": changes.pop("targets", ()), "sessions": changes.pop("sessions", ())}
    return ActorValues(first=at, last=at, log_type=log_type, lists=lists, identities=who, **changes)


def alert_of(name: str, *actors: ActorValues, rows: tuple[str, ...] = (), **changes: Any) -> LinkKeys:
    """What an alert of these actors can be linked by."""
    values: dict[str, Any] = {
        "id": name,
        "title": name,
        "severity": Severity.HIGH,
        "status": Status.OPEN,
        "kind": Kind.RULE,
        "created_at": actors[0].first + timedelta(minutes=5),
        "first_event_at": actors[0].first,
        "origin": DetectionOrigin(id=f"Detection.{name}"),
    }
    events = tuple({"p_row_id": row} for row in rows)
    return link_keys(dossier(*events, alert=Alert.model_validate(values | changes), actors=actors))


def made(identity: Identity, relation: Relation = Relation.MADE) -> DerivedIdentity:
    return DerivedIdentity(
        identity=identity, value=identity.value, found_in="actor", relation=relation, action="Act", moment=START
    )


def test_one_stolen_key_over_two_detections() -> None:
    """A key is in one hand for a while, whoever it belongs to; the reason names it."""
    first = alert_of("a", actor(ROLE, sessions=(STOLEN,)))
    later = alert_of("b", actor(ROLE, sessions=(STOLEN,), at=START + 8 * HOUR))

    assert linked(first, later) == f"both were done with the same session or key {STOLEN}"
    assert not linked(first, alert_of("c", actor(ROLE, sessions=(STOLEN,), at=START + 3 * DAY)))


def test_a_short_session_number_is_its_logs_own() -> None:
    """Two products may both have a session 42."""
    first = alert_of("a", actor(MIRA, sessions=("42",), log_type="Slack.AuditLogs"))
    same = alert_of("b", actor(IVAN, sessions=("42",), log_type="Slack.AuditLogs"))
    other = alert_of("c", actor(IVAN, sessions=("42",), log_type="Dropbox.TeamEvent"))

    assert linked(first, same)
    assert not linked(first, other)


def test_a_new_key_and_what_it_does() -> None:
    """Whoever makes a key is found again by the key, not by the name."""
    key = Identity.of(IdentityKind.AWS_ACCESS_KEY, STOLEN)
    making = alert_of("a", actor(MIRA, derived=(made(key),)))
    using = alert_of("b", actor(IVAN, sessions=(STOLEN,), at=START + 5 * HOUR))

    assert linked(making, using) == f"{STOLEN} was made, changed or given rights in one and acted in the other"
    assert looked_up(making) & looked_up(using)


def test_rights_and_their_use_by_the_grantee() -> None:
    """Rights are used in the log in which they were granted; a new credential counts everywhere."""
    granting = alert_of("a", actor(MIRA, log_type=SIGN_INS, derived=(made(IVAN, Relation.GRANTED),)))
    reset = alert_of("b", actor(MIRA, log_type=SIGN_INS, derived=(made(IVAN, Relation.RESET),)))
    there = alert_of("c", actor(IVAN, log_type=SIGN_INS, at=START + 4 * HOUR))
    elsewhere = alert_of("d", actor(IVAN, at=START + 4 * HOUR))

    assert linked(granting, there)
    assert not linked(granting, elsewhere)
    assert linked(reset, elsewhere)


def test_an_account_that_is_attacked_and_then_reset() -> None:
    """The failed sign-ins of an account come before its reset by another."""
    reset = alert_of("a", actor(IVAN, derived=(made(MIRA, Relation.FACTORS_RESET),)))

    assert linked(alert_of("b", actor(MIRA, at=START - HOUR)), reset)
    assert not linked(alert_of("c", actor(MIRA, at=START - 5 * HOUR)), reset)


def test_two_detections_on_one_event() -> None:
    """Whoever did it, it was done once."""
    assert linked(alert_of("a", actor(ROLE), rows=("r1", "r2")), alert_of("b", actor(ROLE), rows=("r2",)))


def test_one_person_on_one_day_and_on_two() -> None:
    """An administrator's alerts of one hour belong together, those of two days do not; the same thing widens it."""
    first = alert_of("a", actor(MIRA, targets=("vault",)))

    why = "mira.holt@acme.example acted in both within 2 hours"
    assert linked(first, alert_of("b", actor(MIRA, at=START + HOUR))) == why
    assert not linked(first, alert_of("c", actor(MIRA, at=START + 5 * HOUR)))
    assert not linked(first, alert_of("d", actor(MIRA, at=START + DAY)))
    assert linked(first, alert_of("e", actor(MIRA, at=START + 5 * HOUR, targets=("vault",))))
    assert not linked(first, alert_of("f", actor(MIRA, at=START + DAY, targets=("vault",))))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(actor(MIRA), actor(IVAN), id="the same office address"),
        pytest.param(actor(MIRA, targets=("logs",)), actor(IVAN, targets=("logs",)), id="the same popular bucket"),
        pytest.param(
            actor(ROLE, sessions=("ASIA" + "1" * 16,)), actor(ROLE, sessions=("ASIA" + "2" * 16,)), id="a role"
        ),
        pytest.param(
            *[actor(Identity.of(IdentityKind.GITHUB_LOGIN, "release[bot]"), targets=("acme/web",))] * 2, id="a bot"
        ),
        pytest.param(
            *[actor(Identity.of(IdentityKind.GCP_SERVICE_ACCOUNT, "ci@p.iam.gserviceaccount.com"))] * 2,
            id="a service account",
        ),
        pytest.param(
            actor(Identity.of(IdentityKind.USERNAME, "admin"), log_type="OneLogin.Events"),
            actor(Identity.of(IdentityKind.USERNAME, "admin"), log_type="Snowflake.LoginHistory"),
            id="a bare name in two systems",
        ),
        pytest.param(
            *[actor(Identity.of(IdentityKind.AWS_SESSION_ARN, f"{ROLE.value}/deploy"))] * 2, id="the name of a session"
        ),
    ],
)
def test_look_alikes(one: ActorValues, other: ActorValues) -> None:
    """What many share joins nothing, even at the same moment."""
    assert not linked(alert_of("a", one), alert_of("b", other))
    assert grouped([alert_of("a", one), alert_of("b", other)]) == ()


def test_an_alert_of_several_people_joins_by_the_busiest_only() -> None:
    """A detection that groups by account takes in people who have nothing to do with each other; a correlation means
    them to belong together."""
    mixed = (actor(MIRA), actor(IVAN))
    alone = alert_of("b", actor(IVAN))

    assert not linked(alert_of("a", *mixed), alone)
    assert linked(alert_of("a", *mixed, kind=Kind.CORRELATION_RULE), alone)


def test_a_case_is_what_hangs_together() -> None:
    """Members need not all share the same; each link that was needed is named, once."""
    key = Identity.of(IdentityKind.AWS_ACCESS_KEY, STOLEN)
    alerts = [
        alert_of("a", actor(MIRA, derived=(made(key),))),
        alert_of("b", actor(ROLE, sessions=(STOLEN,), at=START + 3 * HOUR)),
        alert_of("c", actor(MIRA, at=START - HOUR)),
        alert_of("d", actor(IVAN)),
    ]

    (group,) = grouped(alerts)

    assert group.alert_ids == {"a", "b", "c"}
    assert {(link.one, link.other) for link in group.links} == {("a", "b"), ("a", "c")}


def test_a_busy_person_does_not_chain_a_week() -> None:
    """Alerts an hour apart would join without end: a case by a person alone ends after half a day."""
    groups = grouped([alert_of(f"{number:03}", actor(MIRA, at=START + number * HOUR)) for number in range(100)])

    assert sum(len(group.alert_ids) for group in groups) == 100
    assert all(len(group.alert_ids) <= 13 for group in groups)


def test_what_very_many_share_joins_none() -> None:
    """A user in whose name everything runs is a hub, whatever kind of identity the log gives it."""
    shared = [alert_of(f"{number:03}", actor(MIRA)) for number in range(MOST_SHARING + 20)]

    assert len(grouped(shared[:MOST_SHARING])) == 1
    named = {name for group in grouped(shared) for name in group.alert_ids}
    assert len(named) <= MOST_SHARING


def test_volume_does_not_pull_a_stolen_key_apart() -> None:
    """Whoever has the key can cause as many alerts as they like."""
    alerts = [alert_of(f"{number:03}", actor(ROLE, sessions=(STOLEN,))) for number in range(3 * MOST_SHARING)]

    (group,) = grouped(alerts)

    assert len(group.alert_ids) == len(alerts)


def test_the_gravest_alert_carries_the_analysis() -> None:
    """Of several such, the earliest; an alert without a verdict only where none has one."""

    def member(name: str, hours: int, verdict: Disposition | None) -> CaseMember:
        return CaseMember(alert_id=name, title=name, detection="D", at=START + hours * HOUR, verdict=verdict)

    first = member("b", 0, Disposition.SUSPICIOUS)
    case = case_of([member("c", 2, Disposition.MALICIOUS), member("d", 1, Disposition.MALICIOUS), first], ())

    assert (case.id, case.lead.alert_id, case.verdict) == ("b", "d", Disposition.MALICIOUS)
    assert Case(members=(member("a", 0, None), first)).lead is first


_VALUES = st.sampled_from(["email:a@x.example", "email:b@x.example", "aws_access_key:K1", "K1", "K2", "r1"])
_KEYS = st.builds(
    lambda kind, value, at, length: LinkKey(
        kind=kind, value=value, first=START + at * HOUR, last=START + (at + length) * HOUR
    ),
    st.sampled_from(KeyKind),
    _VALUES,
    st.integers(0, 60),
    st.integers(0, 3),
)


def _alerts(least: int, most: int) -> st.SearchStrategy[list[LinkKeys]]:
    return st.lists(st.lists(_KEYS, max_size=4).map(tuple), min_size=least, max_size=most).map(
        lambda found: [LinkKeys(alert_id=f"{number:02}", keys=keys) for number, keys in enumerate(found)]
    )


@given(_alerts(2, 2))
def test_the_order_of_two_alerts_does_not_matter(alerts: list[LinkKeys]) -> None:
    """And what is linked is found: the two have a value to look up in common."""
    one, other = alerts

    assert linked(one, other) == linked(other, one)
    assert not linked(one, one)
    if linked(one, other):
        assert looked_up(one) & looked_up(other)


@given(_alerts(0, 9), st.randoms(use_true_random=False))
def test_the_order_of_all_alerts_does_not_matter(alerts: list[LinkKeys], random: Any) -> None:
    """The cases are the same, no alert is in two, and what joins a member is a link between members."""
    mixed = list(alerts)
    random.shuffle(mixed)

    groups = grouped(alerts)

    assert groups == grouped(mixed)
    named = [name for group in groups for name in group.alert_ids]
    assert len(named) == len(set(named))
    for group in groups:
        assert len(group.links) == len(group.alert_ids) - 1
        assert all({link.one, link.other} <= group.alert_ids for link in group.links)


@given(st.lists(st.sampled_from([MIRA, IVAN, ROLE]), min_size=1, max_size=3), st.integers(0, 9))
def test_an_address_never_joins(who: list[Identity], hours: int) -> None:
    """Whoever else acted from it, and whenever."""
    stranger = Identity.of(IdentityKind.EMAIL, "stranger@acme.example")

    assert not linked(alert_of("a", actor(*who)), alert_of("b", actor(stranger, at=START + hours * HOUR)))
    assert not any(OFFICE in key.value for key in alert_of("a", actor(*who)).keys)
