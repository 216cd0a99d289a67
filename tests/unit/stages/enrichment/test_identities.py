"""Which names belong to one actor, and which questions fit them."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.facts import ALERT, DETECTION, MOMENT, NOW, answer, subject
from tests.support.shared import ROOT
from triage.domain.evidence import Evidence, Source
from triage.domain.identity import Identity, IdentityKind, normal_form
from triage.settings import AllowedActivity
from triage.stages.enrichment.actor import AlertActor, alert_actors, draft_actors
from triage.stages.enrichment.identities import IdentityGroup, aliases_of, extend, identities_in, with_aliases
from triage.stages.enrichment.links import LINK_ROWS, link_query, link_rows
from triage.stages.enrichment.playbooks import load_playbooks
from triage.stages.enrichment.questions import QueryPlan, merge_plans, plan_queries
from triage.stages.enrichment.signals import measure

BOOKS = load_playbooks([ROOT / "prompts" / "playbooks"], proven=[ROOT / "prompts" / "playbooks"])
TABLES = {"panther_logs": frozenset({"okta_systemlog", "onelogin_events", "aws_cloudtrail", "github_audit"})}
EMAIL = Identity(kind=IdentityKind.EMAIL, value="ada@example.com")
LOGIN = Identity(kind=IdentityKind.GITHUB_LOGIN, value="ada-gh")
NUMBER = Identity(kind=IdentityKind.ONELOGIN_USER_ID, value="4711")


def plan(actor: AlertActor) -> QueryPlan:
    """Every question about an actor."""
    return plan_queries(
        BOOKS,
        alert=ALERT,
        detection=DETECTION,
        actor=actor,
        log_types=[actor.log_type],
        entities=(),
        tables=TABLES,
        history=timedelta(days=30),
        dwell=timedelta(days=14),
        budget=60,
        now=NOW,
    )


def keys(found: QueryPlan) -> set[str]:
    """Names of the questions asked."""
    return {bound.key for bound in found.queries}


def test_a_number_is_not_searched_for_among_e_mail_addresses() -> None:
    """OneLogin's number can't occur in Okta's log: the question is not asked, and says what it would need."""
    who = subject(
        log_type="OneLogin.Events", identity="4711", aliases=("4711",), people=("4711",), identities=(NUMBER,)
    )

    found = plan(who)

    assert "onelogin_sign_in.person_signins" in keys(found)
    assert "okta_sign_in.person_signins" not in keys(found)
    (missing,) = [each for each in found.not_asked if each.question.table == "okta_systemlog"]
    assert missing.why == (
        "not asked: this log names people by an e-mail address, and of 4711 only a OneLogin user id is known"
    )


@pytest.mark.parametrize(
    ("emails", "linked"),
    [
        (["jo.doe@example.com"], ["jo.doe@example.com"]),
        (["JO-DOE@example.com", "boss@example.com"], ["jo-doe@example.com"]),
        (["jo.doe@example.com", "jo.doe@example.org"], []),
        (["boss@example.com"], []),
        (["jodoe@gmail.com"], []),
        (["jo.doe@example.com", "jodoe@gmail.com"], []),
        (["jo.doe@"], []),
        ("jo.doe@example.com", []),
        (None, []),
    ],
)
def test_an_address_that_an_event_names_beside_its_login_is_the_same_person(emails: object, linked: list[str]) -> None:
    """If it is the only one with the login for its local part; any other may be somebody else's."""
    row = {"USER_NAME": "JO_DOE", "p_any_emails": emails}

    found = identities_in(row, "Snowflake.QueryHistory")

    assert [each.value for each in found if each.kind is IdentityKind.EMAIL] == linked
    assert Identity(kind=IdentityKind.SNOWFLAKE_USER, value="jo_doe") in found


def test_a_login_linked_to_an_address_is_asked_for_under_the_address() -> None:
    """The single sign-on names both, so the person's sign-ins are found."""
    who = subject(
        log_type="GitHub.Audit", identity="ada-gh", aliases=("ada-gh",), people=("ada-gh",), identities=(LOGIN,)
    )
    assert "okta_sign_in.person_signins" not in keys(plan(who))

    group = IdentityGroup()
    group.add([LOGIN], "the same event names both")
    row = {"actor": "ada-gh", "github_login": "ada-gh", "email": "Ada@Example.com", "times": 3}
    forms = extend(group, link_rows("GitHub.Audit", [row]), cut=False)
    known = subject(log_type="GitHub.Audit", identity="ada-gh", identities=tuple(group.known), people=("ada-gh",))

    (bound,) = [bound for bound in plan(known).queries if bound.key == "okta_sign_in.person_signins"]
    assert forms == ("ada-gh",)
    assert "'ada@example.com'" in bound.query.sql
    assert bound.value_fits
    assert group.links[0].why == "one event names both"


def test_a_bare_name_finds_rows_but_proves_no_absence() -> None:
    """A log of addresses is searched by the part before the @, which is good for finding and for nothing else."""
    name = Identity(kind=IdentityKind.USERNAME, value="ada")
    arn = "arn:aws:iam::1:user/ada"
    who = subject(identity=arn, aliases=(arn,), people=("ada",), identities=(name,))

    (bound,) = [bound for bound in plan(who).queries if bound.key == "okta_sign_in.person_signins"]

    assert bound.value_fits is False


def cloudtrail(**identity: Any) -> dict[str, Any]:
    """An event of CloudTrail."""
    return {"p_log_type": "AWS.CloudTrail", "p_event_time": "2026-03-04 12:00:00.000", "userIdentity": identity}


SIGN_IN = cloudtrail(type="Unknown", principalId="46aba0f2-af75-5577-b9d0-1f94d15e43f3", userName="ada")
SESSION = cloudtrail(
    type="AssumedRole",
    principalId="AROAX:ada@example.com",
    arn="arn:aws:sts::1:assumed-role/AWSReservedSSO_Dev_0123456789abcdef/ada@example.com",
    sessionContext={
        "sessionIssuer": {"userName": "AWSReservedSSO_Dev_0123456789abcdef", "arn": "arn:aws:iam::1:role/x"}
    },
)


def test_a_console_sign_in_and_the_session_that_follows_are_one_person() -> None:
    """The sign-in names the user, the session the e-mail address: with no other address of that name it is one person."""
    terms = {"AWS.CloudTrail": BOOKS.terms_of("AWS.CloudTrail")}
    (draft,) = draft_actors([SIGN_IN], terms)
    bound = link_query("AWS.CloudTrail", draft.group.personal(), history=timedelta(days=30), moment=MOMENT, now=NOW)
    assert bound is not None
    row = {"actor": "ada@example.com", "email": "ada@example.com", "times": 12}
    own = {"actor": "ada", "username": "ada", "identity_center_user_id": "46aba0f2-af75-5577-b9d0-1f94d15e43f3"}
    draft.forms |= dict.fromkeys(extend(draft.group, link_rows("AWS.CloudTrail", [row, own]), cut=False))

    (actor,) = alert_actors(ALERT, [draft], terms, [SIGN_IN], ())

    assert set(actor.aliases) == {"ada", "ada@example.com"}
    assert EMAIL in actor.identities


def test_a_log_is_not_asked_for_names_that_are_known() -> None:
    """An event of Okta gives the address and the id; the session of a pipeline leads to no other name."""
    okta_id = Identity(kind=IdentityKind.OKTA_USER_ID, value="00u1")
    run = Identity(kind=IdentityKind.AWS_SESSION_ARN, value="arn:aws:sts::1:assumed-role/deploy/run-17")
    for log_type, known in (("Okta.SystemLog", [EMAIL, okta_id]), ("AWS.CloudTrail", [run]), ("AWS.CloudTrail", [])):
        assert link_query(log_type, known, history=timedelta(days=30), moment=MOMENT, now=NOW) is None


def test_two_addresses_of_one_name_link_neither() -> None:
    """`ada` may be either; a cut answer may hide the other."""
    name = Identity(kind=IdentityKind.USERNAME, value="ada")
    rows = [
        {"actor": "ada@example.com", "email": "ada@example.com"},
        {"actor": "ada@other.example", "email": "ada@other.example"},
    ]
    for found, cut in ((rows, False), (rows[:1], True)):
        group = IdentityGroup({name: None})
        extend(group, link_rows("AWS.CloudTrail", found), cut=cut)
        assert list(group.known) == [name]


def test_what_many_share_links_no_one() -> None:
    """A user id that occurs with many addresses is a shared account."""
    shared = {"identity_center_user_id": "u-1"}
    rows = [{"actor": f"p{n}@example.com", "email": f"p{n}@example.com", **shared} for n in range(5)]
    group = IdentityGroup({Identity(kind=IdentityKind.IDENTITY_CENTER_USER_ID, value="u-1"): None})

    extend(group, link_rows("AWS.CloudTrail", rows), cut=False)

    assert len(group.known) == 1


def test_the_operators_aliases_link() -> None:
    """Names that the configuration lists together belong together."""
    group = IdentityGroup({LOGIN: None})
    with_aliases(group, aliases_of([["ada@example.com", "github_login:ada-gh", "ada"]]))

    assert EMAIL in group.known
    assert Identity(kind=IdentityKind.USERNAME, value="ada") in group.known


def okta(who: str, action: str = "user.session.start", address: str = "192.0.2.1") -> dict[str, Any]:
    """An event of Okta."""
    return {
        "p_log_type": "Okta.SystemLog",
        "p_event_time": "2026-03-04 12:00:00.000",
        "actor": {"alternateId": who},
        "eventType": action,
        "client": {"ipAddress": address},
    }


def test_every_actor_of_an_alert_is_asked_about() -> None:
    """Two events of one person and one of a stranger: both are actors, and each has questions of their own."""
    terms = {"Okta.SystemLog": BOOKS.terms_of("Okta.SystemLog")}
    rows = [okta("bot@example.com"), okta("bot@example.com"), okta("eve@example.com", "zone.delete", "203.0.113.9")]
    actors = alert_actors(ALERT, draft_actors(rows, terms), terms, rows, ())
    assert [actor.identity for actor in actors] == ["bot@example.com", "eve@example.com"]
    assert actors[1].addresses == ("203.0.113.9",)

    merged = merge_plans([(actor, plan(actor)) for actor in actors], budget=100)

    asked = {(bound.key, bound.subject) for bound in merged.queries}
    assert ("okta_systemlog.action_history", "bot@example.com") in asked
    assert ("actor2/okta_systemlog.action_history", "eve@example.com") in asked
    assert not merged.unexamined

    small = merge_plans([(actor, plan(actor)) for actor in actors], budget=12)
    assert small.unexamined[-1] == "eve@example.com"


def test_questions_for_alerts_of_a_kind_come_after_those_about_everybody() -> None:
    """Where the budget ends, they are left out first, and whom all else was asked about has been looked at."""
    terms = {"Okta.SystemLog": BOOKS.terms_of("Okta.SystemLog")}
    rows = [okta(who, "zone.delete") for who in ("ada@example.com", "ada@example.com", "eve@example.com")]
    plans = [(actor, plan(actor)) for actor in alert_actors(ALERT, draft_actors(rows, terms), terms, rows, ())]
    whole = merge_plans(plans, budget=200)
    of_a_kind = [bound.question.definition.when is not None for bound in whole.queries]
    assert of_a_kind.count(True) == len(plans)
    assert of_a_kind == sorted(of_a_kind)

    small = merge_plans(plans, budget=len(of_a_kind) - len(plans))
    assert not small.unexamined
    assert not any(bound.question.definition.when for bound in small.queries)


def test_what_one_of_two_actors_shares_is_no_answer_about_a_third() -> None:
    """A person known in two logs has the same sign-ins in both; they are not the stranger's."""
    ada = subject(identities=(EMAIL,))
    twin = subject(identities=(EMAIL,), identity="ada")
    eve = subject(identity="eve@example.com", people=("eve@example.com",), identities=())

    merged = merge_plans([(actor, plan(actor)) for actor in (ada, twin, eve)], budget=200)

    about = {bound.subject for bound in merged.queries if bound.question.key == "okta_sign_in.person_signins"}
    assert about == {"ada@example.com", "ada", "eve@example.com"}


def test_an_allowed_user_does_not_cover_a_stranger() -> None:
    """The operator's entry must hold for every actor of the alert, and no event may be missing."""
    allowed = (AllowedActivity(reason="bot", actors=("bot@example.com",)),)
    bot = subject(identity="bot@example.com", events=2)
    eve = subject(identity="eve@example.com")
    events = Evidence(id="E1", source=Source.EVENTS, key="events", question="?", rows=({"a": 1},), row_count=1)

    def names(actors: list[AlertActor], entry: Evidence) -> set[str]:
        return {found.name for found in measure(ALERT, DETECTION, actors, [entry], allowed=allowed, now=NOW)}

    assert "allowed" in names([bot], events)
    assert "allowed" not in names([bot, eve], events)
    assert "allowed" not in names([bot], events.model_copy(update={"truncated": True}))


def test_the_facts_of_each_actor_are_their_own() -> None:
    """A habit of the one is none of the other."""
    days = [{"day": f"2026-02-{day:02}", "times": 1, "refused": 0, "address": "198.51.100.7"} for day in (1, 8, 15)]
    ada, eve = subject(), subject(identity="eve@example.com")
    mine = answer("action_history", ["routine"], days, 1, subject=ada.identity)
    theirs = answer("action_history", ["routine"], [], 2, subject=eve.identity, columns=("day", "times"))

    found = measure(ALERT, DETECTION, [ada, eve], [mine, theirs], now=NOW)

    assert {(each.name, each.subject) for each in found} >= {("routine", ada.identity)}
    assert ("routine", eve.identity) not in {(each.name, each.subject) for each in found}


def test_whoever_was_not_looked_at_is_said() -> None:
    """More actors than questions allow: the alert can't be called harmless."""
    events = Evidence(id="E1", source=Source.EVENTS, key="events", question="?", rows=({"a": 1},), row_count=1)

    found = measure(ALERT, DETECTION, [subject()], [events], now=NOW, unexamined=("eve@example.com",))

    assert [each.sentence for each in found if each.name == "unexamined_actors"] == [
        "eve@example.com, an actor of this alert, was examined only in part."
    ]


@given(st.sampled_from(list(IdentityKind)), st.text(max_size=40))
def test_the_normal_form_is_its_own_normal_form(kind: IdentityKind, value: str) -> None:
    """Comparing normal forms twice is comparing them once."""
    once = normal_form(kind, value)
    assert normal_form(kind, once) == once


_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "actor": st.sampled_from(["a", "b", "c@example.com"]),
            "email": st.sampled_from(["", "a@example.com", "b@example.com", "c@example.com"]),
            "username": st.sampled_from(["", "a", "b"]),
            "identity_center_user_id": st.sampled_from(["", "u1", "u2"]),
        }
    ),
    max_size=LINK_ROWS,
)


@given(_ROWS, st.booleans())
def test_linking_only_takes_in_what_rows_name_and_ends(rows: list[dict[str, str]], cut: bool) -> None:
    """Whatever the log says, the group holds its own identities and ones from the rows."""
    start = Identity(kind=IdentityKind.USERNAME, value="a")
    group = IdentityGroup({start: None})
    named = {each for row in link_rows("AWS.CloudTrail", rows) for each in row.identities}

    extend(group, link_rows("AWS.CloudTrail", rows), cut=cut)

    assert set(group.known) <= named | {start}
