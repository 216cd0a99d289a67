"""Who acted: identities, several actors in an alert, roles, refusals and outsiders.

About twenty seconds: one world is started once, and each of its eleven alerts is triaged.
"""

import re

import pytest

from tests.integration.true_evidence.world import (
    ABROAD,
    AT,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    OFFICE,
    OUTSIDE,
    Columns,
    Triaged,
    World,
    aws,
    okta,
    role,
    triaged,
)
from triage.domain.verdict import Disposition

CLOUD, OKTA, GITHUB = "AWS.CloudTrail", "Okta.SystemLog", "GitHub.Audit"
BOT, EVE, PIA = "bot@acme.example", "eve@acme.example", "pia@acme.example"
ALLOWED = f"""\
investigation:
  allowed:
    - reason: the directory synchronisation
      actors: ["{BOT}"]
"""


def _identity_center(world: World) -> None:
    """A console sign-in names the person by a number; the session that follows is named by the e-mail address.

    The sign-in comes from an address that is new, and there Okta saw her under the e-mail address.
    """
    number = "46aba0f2-af75-5577-b9d0-1f94d15e43f3"
    identity = {"type": "Unknown", "principalId": number, "userName": "nadia", "accountId": "111122223333"}
    sign_in = {**aws("nadia", "UserAuthentication"), "userIdentity": identity}
    reserved, email = "AWSReservedSSO_Admin_0123456789abcdef", "nadia@acme.example"
    for day in range(25, 0, -1):
        world.log(CLOUD, AT - day * DAY, sign_in)
    world.log(OKTA, AT - HOUR, okta(email, "user.session.start"), every=25)
    world.log(OKTA, AT - 9 * MINUTE, okta(email, "user.session.start", OUTSIDE))
    event = world.log(CLOUD, AT, {**sign_in, "sourceIPAddress": OUTSIDE, "p_any_ip_addresses": [OUTSIDE]})
    world.log(CLOUD, AT + 2 * MINUTE, role(reserved, email, "DescribeInstances"), every=25)
    for number_of_minutes, action in ((20, "StopLogging"), (25, "CreateAccessKey")):
        world.log(CLOUD, AT + number_of_minutes * MINUTE, role(reserved, email, action))
    world.alert("identity center", CLOUD, event)


def _strangers(world: World) -> None:
    """Two events of the allowed robot, and one of a person whom nobody knows."""
    events = [world.log(OKTA, AT + n * MINUTE, okta(BOT, "group.user_membership.add"), every=25) for n in range(2)]
    events.append(world.log(OKTA, AT + 3 * MINUTE, okta(EVE, "group.user_membership.add", OUTSIDE)))
    world.alert("stranger", OKTA, *events)


def _reports(world: World) -> None:
    """GitHub reports a secret on many days; the event is a detection of GitHub's, not something that its actor does."""
    event: Columns = {
        "p_any_ip_addresses": [OFFICE],
        "p_any_usernames": ["kim-gh"],
        "action": "secret_scanning_alert.create",
        "actor": "kim-gh",
        "actor_ip": OFFICE,
        "org": "acme",
        "repo": "acme/web",
    }
    for day in (28, 24, 21, 18, 16):
        world.log(GITHUB, AT - day * DAY, event)
    world.alert("report", GITHUB, world.log(GITHUB, AT, event))


def _pool(world: World) -> None:
    """A role that the support team shares: one does this often, another was refused today."""
    for day in range(15, 29):
        session = "dana@acme.example" if day < 20 else "bo@acme.example"
        world.log(CLOUD, AT - day * DAY, role("support-console", session, "AdminResetUserPassword"))
    for n, action in enumerate(("ListUsers", "GetRole", "ListRoles", "GetUser")):
        refused = role("support-console", "bo@acme.example", action, errorCode="AccessDenied")
        world.log(CLOUD, AT - (30 - n) * MINUTE, refused)
    event = world.log(CLOUD, AT, role("support-console", "dana@acme.example", "AdminResetUserPassword"))
    world.alert("shared role", CLOUD, event)


def _guessing(world: World) -> None:
    """Failed console sign-ins have no error code; the address gets in six minutes after the failure that alerted."""
    failure = {"errorMessage": "Failed authentication", "responseElements": {"ConsoleLogin": "Failure"}}
    success = {"responseElements": {"ConsoleLogin": "Success"}, "additionalEventData": {"MFAUsed": "No"}}
    world.log(CLOUD, AT - HOUR, aws("omar", "ListBuckets"), every=25)
    events = [world.log(CLOUD, AT + n * MINUTE, aws("omar", "ConsoleLogin", OUTSIDE, **failure)) for n in range(6)]
    world.log(CLOUD, AT + 6 * MINUTE, aws("omar", "ConsoleLogin", OUTSIDE, **success))
    world.alert("guessing", CLOUD, *events)


def _outsider(world: World) -> None:
    """A call by another organisation's account."""
    read = aws("crawler", "GetObject", OUTSIDE, requestParameters={"bucketName": "acme-invoices"})
    identity = {"type": "AWSAccount", "principalId": "AIDAFOREIGN", "accountId": "999988887777"}
    event = world.log(CLOUD, AT, {**read, "userIdentity": identity, "p_any_usernames": [], "p_any_aws_arns": []})
    world.alert("outsider", CLOUD, event)


def _github_login(world: World) -> None:
    """The log of GitHub says once a week whose login it is; Okta knows the person under the e-mail address."""
    own = {"actor": "lia-gh", "actor_ip": OFFICE, "org": "acme", "repo": "acme/web", "p_any_usernames": ["lia-gh"]}
    for day in (1, 8, 15, 22):
        response = {**own, "action": "org.sso_response", "external_identity_nameid": "lia@acme.example"}
        world.log(GITHUB, AT - day * DAY, response)
    world.log(OKTA, AT - HOUR, okta("lia@acme.example", "user.session.start", OUTSIDE))
    world.log(OKTA, AT - HOUR + MINUTE, okta("lia@acme.example", "user.authentication.auth_via_mfa", OUTSIDE))
    event = world.log(
        GITHUB, AT, {**own, "action": "repo.access", "actor_ip": OUTSIDE, "p_any_ip_addresses": [OUTSIDE]}
    )
    world.alert("github login", GITHUB, event)


def _bombed(world: World) -> None:
    """Four second factors fail, the fifth is accepted, and a token is made, all in a country that is new for her."""
    there = {"country": "Belize"}
    world.log(OKTA, AT - 3 * HOUR, okta(PIA, "user.session.start"), every=25)
    factor = "user.authentication.auth_via_mfa"
    for n in range(4):
        world.log(OKTA, AT - (20 - n) * MINUTE, okta(PIA, factor, ABROAD, result="FAILURE", **there))
    world.log(OKTA, AT - 15 * MINUTE, okta(PIA, factor, ABROAD, **there))
    world.log(OKTA, AT - 15 * MINUTE, okta(PIA, "user.session.start", ABROAD, **there))
    world.alert("bombed", OKTA, world.log(OKTA, AT, okta(PIA, "system.api_token.create", ABROAD, **there)))


def _pipeline(world: World) -> None:
    """A pipeline sets up a preview and tears it down, each run on another machine of the same network."""
    acts = ("CreateStack", "CreateDBInstance", "DeleteDBInstance", "DeleteVolume", "DeleteStack")
    for day in [*range(29, 14, -1), 0]:
        for n, action in enumerate(acts):
            call = role("preview-deployer", f"run{day}", action, f"203.0.113.{100 + day}")
            event = world.log(CLOUD, AT - day * DAY + 7 * n * MINUTE, call)
            if day == 0 and n == 0:
                world.alert("pipeline", CLOUD, event)


def _crowd(world: World) -> None:
    """120 events of a robot come before the one of the intruder."""
    robot, eve = "robot@acme.example", "mallory@acme.example"
    for day in range(25, 0, -1):
        for n in range(30):
            world.log(OKTA, AT - day * DAY + n * MINUTE, okta(robot, "group.user_membership.add"))
    events = [world.log(OKTA, AT + n * MINUTE / 10, okta(robot, "group.user_membership.add")) for n in range(120)]
    events.append(world.log(OKTA, AT + 15 * MINUTE, okta(eve, "group.user_membership.add", OUTSIDE)))
    world.alert("crowd", OKTA, *events)


def _behind(world: World) -> None:
    """An alert is three hours old, and its log was last delivered 75 minutes ago."""
    event: Columns = {"action": "repo.rename", "actor": "ida-gh", "actor_ip": OFFICE, "org": "acme", "repo": "acme/web"}
    event |= {"p_any_ip_addresses": [OFFICE], "p_any_usernames": ["ida-gh"]}
    world.alert("behind", GITHUB, world.log(GITHUB, NOW - 3 * HOUR, event, every=25), at=NOW - 3 * HOUR)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Triaged:
    """What became of every alert."""
    world = World(behind={GITHUB: 75 * MINUTE})
    for add in (
        _identity_center,
        _strangers,
        _reports,
        _pool,
        _guessing,
        _outsider,
        _github_login,
        _bombed,
        _pipeline,
        _crowd,
        _behind,
    ):
        add(world)
    return triaged(tmp_path_factory.mktemp("who"), world, more=ALLOWED)


def test_what_a_person_does_after_a_sign_in_through_identity_center_is_what_followed(found: Triaged) -> None:
    """The number in the sign-in, the user name and the session's e-mail address are one person."""
    assert "called StopLogging" in found["identity center"].words
    assert "quiet_aftermath" not in found["identity center"].facts


def test_no_absence_is_proven_of_a_value_that_a_column_cannot_hold(found: Triaged) -> None:
    """Identity Center's number never occurs in Okta's log; Okta knows the sign-in under the person's e-mail address."""
    (asked,) = found["identity center"].answers("person_signins")

    assert any(row["address"] == OUTSIDE for row in asked.rows)
    assert "new_address_without_sign_in" not in found["identity center"].facts


def test_an_allowed_user_does_not_excuse_a_stranger_in_the_same_alert(found: Triaged) -> None:
    """The busiest actor doesn't speak for all: the stranger is named, and the alert is not benign."""
    assert found["stranger"].verdict is not Disposition.BENIGN
    assert EVE in found["stranger"].words


def test_the_reports_of_a_detection_are_nobodys_habit(found: Triaged) -> None:
    """That GitHub has reported secrets before makes this secret no routine."""
    assert not {"routine", "seen_before", "known_automation"} & found["report"].facts.keys()
    assert found["report"].verdict is not Disposition.BENIGN


def test_who_shares_a_role_is_told_apart(found: Triaged) -> None:
    """One person's days and refusals are not another's, though both work under one role."""
    (history,) = found["shared role"].answers("action_history")

    assert len({row["day"] for row in history.rows}) == 5
    assert "refused" not in found["shared role"].facts


def test_guessing_a_password_is_seen_by_its_refusals_and_its_end(found: Triaged) -> None:
    """A failed console sign-in counts as refused though it has no error code, and the success after it is a fact."""
    (after,) = found["guessing"].answers("actor_after")

    assert sum(int(str(row["refused"])) for row in after.rows) == 6
    assert "failed_then_succeeded" in found["guessing"].facts
    assert "quiet_aftermath" not in found["guessing"].facts


def test_a_call_from_another_organisation_is_a_fact(found: Triaged) -> None:
    """And nothing about it is called quiet."""
    assert "quiet_aftermath" not in found["outsider"].facts
    assert "999988887777" in found["outsider"].words


def test_a_new_country_is_a_fact(found: Triaged) -> None:
    """The log says in which country a call was made."""
    assert "Belize" in found["bombed"].words


def test_a_login_is_mapped_to_the_person_whom_the_single_sign_on_names(found: Triaged) -> None:
    """The second factor that the person gave to Okta at the new address counts for the login of GitHub."""
    (signed_in,) = [entry for entry in found["github login"].answers("person_signins") if "okta" in entry.table]

    assert any(row["address"] == OUTSIDE and row["second_factor"] for row in signed_in.rows)


def test_a_second_factor_given_after_four_failed_ones_verifies_nobody(found: Triaged) -> None:
    """It is a fact against the sign-in."""
    assert "verified_sign_in" not in found["bombed"].facts
    assert "failed_then_succeeded" in found["bombed"].facts


def test_a_pipelines_teardown_on_a_new_machine_is_its_usual_work(found: Triaged) -> None:
    """Every run ends so, and every run has an address of its own."""
    assert not {"harmful_aftermath", "new_address_without_sign_in"} & found["pipeline"].facts.keys()
    assert found["pipeline"].facts.get("new_address") is None or found["pipeline"].facts["new_address"].weight < 0.5


def test_the_one_event_behind_a_crowd_is_read(found: Triaged) -> None:
    """The intruder is named, the alert is not benign, and the reader learns that events were left out."""
    assert found["crowd"].verdict is not Disposition.BENIGN
    assert "mallory@acme.example" in found["crowd"].words
    assert any("events" in note for note in found["crowd"].investigation.notes)


def test_the_alerts_own_record_is_evidence(found: Triaged) -> None:
    """How many events it has, its title and its status are in a row that a finding can cite."""
    rows = [row for entry in found["crowd"].investigation.evidence for row in entry.rows if row.get("title") == "crowd"]

    assert [(row["event_count"], row["status"]) for row in rows] == [(121, "OPEN")]


def test_what_has_been_delivered_is_proven_before_a_window_ends(found: Triaged) -> None:
    """Quiet is proven up to what the log has delivered, and said of no more."""
    quiet, alerted = found["behind"].facts["quiet_aftermath"].sentence, NOW - 3 * HOUR

    until = re.fullmatch(
        r"From the alert until (\d\d):(\d\d) UTC, .* shows no harmful action that was new for .*\.", quiet
    )
    assert until is not None
    minutes = int(until[1]) * 60 + int(until[2]) - (alerted.hour * 60 + alerted.minute)
    assert 90 <= minutes <= 105
