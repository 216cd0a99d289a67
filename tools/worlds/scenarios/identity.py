"""The help desk and the administrators of the identity provider, and those who call them or pose as them."""

from datetime import datetime, timedelta

from tools.worlds.cast import Cast
from tools.worlds.company import Person, Presence
from tools.worlds.days import day_at
from tools.worlds.lake import Scribe
from tools.worlds.records import aws, gsuite, okta

from .scenario import EXERCISE, Scenario, earlier, exercise, recent
from .signins import guess_passwords, old_password

ROLE = "Organization Administrator"
_GRANTS = (22, 15, 8)
_TOKENS = ((4, 27), (0, 18), (4, 10))
# Days ago, and whether a burst of failures made the person call.
_RESETS = ((27, False), (24, True), (20, False), (17, False), (13, True), (9, False), (7, False), (3, False))


def history(scribe: Scribe, cast: Cast) -> None:
    """Phones are replaced, people join, integrations get new tokens."""
    company = scribe.company
    helpers, admins = company.team("it")[:2], company.team("it")[2:]
    callers = scribe.dice.shuffled([*company.team("finance")[1:], *company.team("people"), *company.team("sales")[2:]])
    for index, (days_ago, failed) in enumerate(_RESETS):
        own, caller = scribe.aside("reset", days_ago), callers[index % len(callers)]
        at = earlier(own, caller, days_ago)
        _new_phone(own, at, helpers[index % 2], caller, failed=failed)
    for index, days_ago in enumerate(_GRANTS):
        own, admin = scribe.aside("grant", days_ago), admins[index % 2]
        _welcome(own, earlier(own, admin, days_ago), admin, cast.earlier_starters[index])
    for operator, days_ago in _TOKENS:
        own, person = scribe.aside("token", days_ago), cast.operators[operator]
        at = earlier(own, person, days_ago)
        _replace_token(own, at, person, day_at(own, person, at).client)
    staged = exercise(scribe)
    target = company.team("engineering")[0]
    at = earlier(staged, target, 11)
    _talked_into(staged, at, helpers[0], target, company.elsewhere(EXERCISE, "reset"))
    okta.event(
        staged,
        at + timedelta(minutes=50),
        helpers[0],
        _desk(staged, helpers[0], at),
        "user.session.clear",
        about=[target],
    )


def _desk(scribe: Scribe, person: Person, at: datetime) -> okta.Client:
    """Somebody's own computer, on a working day or not."""
    company = scribe.company
    date = scribe.timeline.local_date(at, person.office.offset)
    presence = company.whereabouts(person, date)
    return okta.client(person, presence, okta.session_id(scribe, person, date.isoformat()))


def _reset(scribe: Scribe, at: datetime, helper: Person, target: Person) -> None:
    okta.event(
        scribe, at, helper, _desk(scribe, helper, at), "user.mfa.factor.reset_all", about=[target], decisive=True
    )


def _new_phone(scribe: Scribe, at: datetime, helper: Person, target: Person, *, failed: bool) -> None:
    """The person signs in again from where they always are, and enrols the new phone."""
    day = day_at(scribe, target, at)
    if failed:
        old_password(scribe, at - timedelta(minutes=24), target, scribe.company.home(target))
    _reset(scribe, at, helper, target)
    back = at + scribe.dice.minutes(6, 14)
    okta.event(scribe, back, target, day.client, "user.session.start", decisive=True)
    enrolled = back + scribe.dice.minutes(1, 3)
    okta.event(
        scribe, enrolled, target, day.client, "user.mfa.factor.activate", targets=[okta.push(scribe)], decisive=True
    )
    okta.open_app(scribe, enrolled + timedelta(minutes=1), target, day.client, "Google Workspace")


def _talked_into(scribe: Scribe, at: datetime, helper: Person, target: Person, where: Presence) -> None:
    """The caller is not the person: a stranger's device in a new country is enrolled, and opens everything."""
    dice = scribe.dice
    guess_passwords(scribe, at - timedelta(minutes=24), target, where)
    _reset(scribe, at, helper, target)
    stranger = okta.Client(where, target.agent, target.system, target.browser, dice.hex(40), "idx" + dice.hex(22))
    back = at + dice.minutes(6, 14)
    okta.event(scribe, back, target, stranger, "user.session.start", decisive=True)
    enrolled = back + dice.minutes(1, 3)
    okta.event(
        scribe, enrolled, target, stranger, "user.mfa.factor.activate", targets=[okta.push(scribe)], decisive=True
    )
    okta.open_app(scribe, enrolled + timedelta(minutes=1), target, stranger, "Google Workspace")
    okta.open_aws(scribe, enrolled + timedelta(minutes=3), target, stranger)
    gsuite.login(scribe, enrolled + timedelta(minutes=1, seconds=5), gsuite.account(target, where), decisive=True)
    papers = dice.sample(scribe.company.documents[target.team], 9)
    for moment, document in zip(aws.pace(dice, enrolled + timedelta(minutes=4), 9, 20, 80), papers, strict=True):
        gsuite.drive(scribe, moment, gsuite.account(target, where), "download", document, decisive=True)


def reset_for_owner(scribe: Scribe, _cast: Cast) -> None:
    """Mail on the old phone kept failing; its owner calls, and comes back with a new one."""
    target = scribe.company.team("data")[2]
    _new_phone(scribe, recent(scribe, target, 13.0), scribe.company.team("it")[0], target, failed=True)


def reset_for_stranger(scribe: Scribe, _cast: Cast) -> None:
    """Passwords were tried from a new country before the call."""
    target = scribe.company.team("data")[1]
    where = scribe.company.elsewhere("reset")
    _talked_into(scribe, recent(scribe, target, 13.4), scribe.company.team("it")[1], target, where)


def _grant(scribe: Scribe, at: datetime, admin: Person, using: okta.Client, target: Person) -> None:
    role = okta.thing("ROLE", ROLE, "ra" + scribe.company.dice.child("role", ROLE).hex(18))
    debug: dict[str, object] = {"privilegeGranted": ROLE}
    okta.event(
        scribe, at, admin, using, "user.account.privilege.grant",
        about=[target], targets=[role], debug=debug, decisive=True,
    )  # fmt: skip


def _welcome(scribe: Scribe, at: datetime, admin: Person, starter: Person) -> None:
    """An account is made for somebody new in IT, who signs in from the office within the hour."""
    using = _desk(scribe, admin, at)
    group = okta.thing("UserGroup", "IT operations", "00g" + scribe.company.dice.child("it group").hex(17))
    app = okta.thing("AppInstance", "Google Workspace", "0oa" + scribe.company.dice.child("app", "Google").hex(17))
    begin = at - timedelta(minutes=9)
    okta.event(scribe, begin, admin, using, "user.lifecycle.create", about=[starter], decisive=True)
    okta.event(scribe, begin + timedelta(minutes=1), admin, using, "user.lifecycle.activate", about=[starter])
    okta.event(
        scribe, begin + timedelta(minutes=3), admin, using, "group.user_membership.add",
        about=[starter], targets=[group], decisive=True,
    )  # fmt: skip
    okta.event(
        scribe, begin + timedelta(minutes=4), admin, using, "application.user_membership.add",
        about=[starter], targets=[app],
    )  # fmt: skip
    _grant(scribe, at, admin, using, starter)
    first = at + scribe.dice.minutes(20, 45)
    desk = okta.client(starter, scribe.company.offices[starter.office.city], "idx" + scribe.dice.hex(22))
    okta.sign_in(scribe, first, starter, desk, decisive=True)


def grant_to_starter(scribe: Scribe, cast: Cast) -> None:
    """The first day of somebody in IT, as three times this month."""
    admin = scribe.company.team("it")[2]
    _welcome(scribe, recent(scribe, admin, 13.2), admin, cast.recent_starter)


def grant_by_intruder(scribe: Scribe, _cast: Cast) -> None:
    """An administrator's password is guessed, a prompt is accepted; a colleague's account becomes the second foothold."""
    admin, target = scribe.company.team("it")[3], scribe.company.team("sales")[3]
    dice, at = scribe.dice, recent(scribe, admin, 13.6)
    where = scribe.company.elsewhere("grant")
    guess_passwords(scribe, at - timedelta(minutes=31), admin, where)
    using = okta.Client(where, admin.agent, admin.system, admin.browser, dice.hex(40), "idx" + dice.hex(22))
    okta.sign_in(scribe, at - timedelta(minutes=15), admin, using, decisive=True)
    okta.open_app(scribe, at - timedelta(minutes=13), admin, using, "Okta Admin Console")
    _grant(scribe, at, admin, using, target)
    okta.event(scribe, at + timedelta(minutes=2), admin, using, "user.account.reset_password", about=[target])
    other = okta.Client(where, target.agent, target.system, target.browser, using.device, "idx" + dice.hex(22))
    okta.sign_in(scribe, at + dice.minutes(20, 45), target, other, decisive=True)


def _token(scribe: Scribe, at: datetime, person: Person, using: okta.Client, kind: str) -> None:
    token = okta.thing("Token", "directory-sync", "00T" + scribe.ids.hex(17))
    okta.event(scribe, at, person, using, f"system.api_token.{kind}", targets=[token], decisive=True)


def _replace_token(scribe: Scribe, at: datetime, person: Person, using: okta.Client) -> None:
    okta.open_app(scribe, at - timedelta(minutes=5), person, using, "Okta Admin Console")
    _token(scribe, at, person, using, "create")
    _token(scribe, at + scribe.dice.minutes(8, 15), person, using, "revoke")


def token_replaced(scribe: Scribe, cast: Cast) -> None:
    """As every ten days; today over the company's VPN, which this operator seldom uses."""
    person = cast.operators[4]
    at = recent(scribe, person, 14.0)
    using = okta.client(person, scribe.company.vpn, "idx" + scribe.dice.hex(22))
    okta.sign_in(scribe, at - timedelta(minutes=35), person, using, decisive=True)
    _replace_token(scribe, at, person, using)


def token_by_cookie(scribe: Scribe, _cast: Cast) -> None:
    """The session of the day goes on at another address without any sign-in there, and makes a token."""
    person = scribe.company.team("security")[0]
    at = recent(scribe, person, 13.8)
    where = scribe.company.elsewhere("token")
    day = day_at(scribe, person, at)
    using = okta.client(person, where, day.client.session)
    okta.open_app(scribe, at - timedelta(minutes=5), person, using, "Okta Admin Console", decisive=True)
    _token(scribe, at, person, using, "create")
    for minutes, colleague in enumerate(scribe.dice.sample(scribe.company.team("engineering"), 4), start=4):
        moment = at + timedelta(minutes=minutes)
        okta.event(scribe, moment, person, using, "user.account.reset_password", about=[colleague], decisive=True)


SCENARIOS = (
    Scenario(
        "reset/owner",
        "benign",
        "The failures came from the person's own phone and address; they come back from where they always are.",
        reset_for_owner,
    ),
    Scenario(
        "reset/stranger",
        "malicious",
        "The failures came from a new country, and so do the sign-in, the new factor and the downloads.",
        reset_for_stranger,
    ),
    Scenario(
        "grant/starter",
        "benign",
        "The account was made minutes before by the same administrator, with group and app, as for other starters.",
        grant_to_starter,
    ),
    Scenario(
        "grant/intruder",
        "malicious",
        "The administrator's session began after a burst of wrong passwords at the same unknown address; the promoted "
        "account is then used from there.",
        grant_by_intruder,
    ),
    Scenario(
        "token/replaced",
        "benign",
        "Signed in over the company's VPN with a second factor; the older token is revoked, as at each replacement.",
        token_replaced,
    ),
    Scenario(
        "token/cookie",
        "malicious",
        "One session id at two addresses and no sign-in at the second; passwords of colleagues are reset afterwards.",
        token_by_cookie,
    ),
)
