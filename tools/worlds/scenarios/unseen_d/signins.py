"""Sign-ins: from a country that is new, with an authenticator that is new, and many that are refused at one address."""

from dataclasses import replace

from tools.worlds.cast import Cast
from tools.worlds.company import Person
from tools.worlds.lake import Record, Scribe
from tools.worlds.names import PHONE
from tools.worlds.records import aws, gsuite, okta, onelogin
from tools.worlds.scenarios.stage import Stage, past
from tools.worlds.scenarios.unseen.case import Case, stranger, today
from tools.worlds.worktime import DAY

from .players import nearby, staff

_BEHAVIORS = "{New Geo-Location=POSITIVE, New Country=POSITIVE, New City=POSITIVE, New IP=POSITIVE}"
_TEMPORARY = 3
"""How many people have a password that others chose for them."""


def _arrive(stage: Stage, using: okta.Client) -> None:
    """A sign-in that Okta finds new, confirmed with the second factor."""
    debug: Record = {"behaviors": _BEHAVIORS, "risk": "{level=MEDIUM}"}
    okta.event(
        stage.scribe, stage.at, stage.person, using, "user.session.start", debug=debug, decisive=True
    )  # fmt: skip
    okta.event(
        stage.scribe, stage.after(0.1, 0.3), stage.person, using, "user.authentication.auth_via_mfa",
        targets=[okta.push(stage.scribe)], decisive=True,
    )  # fmt: skip


def _country_history(scribe: Scribe, cast: Cast) -> None:
    """Whoever was on a trip this month signed in there, early on the first day, with their own computer."""
    company = scribe.company
    for person in company.people:
        trip = company.trips.get(person.user)
        if trip is None or company.timeline.local_date(company.timeline.now, person.office.offset) - trip.last < DAY:
            continue
        own = scribe.aside("arrival", person.user)
        at = company.timeline.at(trip.first, 6.9, person.office.offset) + own.dice.minutes(0, 25)
        using = okta.client(person, trip.presence, "idx" + own.dice.hex(22))
        _arrive(Stage(own, cast, cast.branch, person, at), using)


def arrived_on_trip(stage: Stage) -> None:
    """The person is on a trip, which nobody has announced.

    An analyst finds the computer of every earlier sign-in, a whole working day from the new address with it, on the
    person's own papers, and nothing from the old address on that day.
    """
    scribe, person, where = stage.scribe, stage.person, stage.where
    using = okta.client(person, where, "idx" + stage.dice.hex(22))
    _arrive(stage, using)
    for moment, app in zip(aws.pace(stage.dice, stage.after(2, 4), 2, 60, 300), ("Slack", "Zoom"), strict=True):
        okta.open_app(scribe, moment, person, using, app, decisive=True)
    mine = [paper for paper in scribe.company.documents[person.team] if paper[2] is person]
    account = gsuite.account(person, where)
    for moment, paper in zip(aws.pace(stage.dice, stage.after(14, 18), 2, 300, 700), mine, strict=False):
        gsuite.drive(scribe, moment, account, "edit", paper, decisive=True)


def relayed_sign_in(stage: Stage) -> None:
    """A page between the person and Okta took the session over.

    An analyst finds a computer that no log names before, while the person works on at the usual address with theirs;
    then invoices are fetched and all mail is forwarded to a mailbox outside.
    """
    scribe, person, where, day = stage.scribe, stage.person, stage.elsewhere(), today(stage)
    thief = stranger(stage, person, where)
    okta.open_app(scribe, stage.before(6), person, day.client, "Jira", decisive=True)
    _arrive(stage, thief)
    okta.open_app(scribe, stage.after(2, 3), person, thief, "Google Workspace", decisive=True)
    okta.open_app(scribe, stage.after(8, 10), person, day.client, "Slack", decisive=True)
    papers = [paper for paper in scribe.company.documents[person.team] if "invoice" in paper[1]]
    account = gsuite.account(person, where)
    for moment, paper in zip(aws.pace(stage.dice, stage.after(4, 6), 7, 20, 70), papers, strict=False):
        gsuite.drive(scribe, moment, account, "download", paper, decisive=True)
    mine = stage.dice.pick(scribe.company.documents[person.team])
    gsuite.drive(scribe, stage.after(13, 17), gsuite.account(person, day.presence), "edit", mine, decisive=True)
    address = f"{person.family.lower()}.office@letterbox.example"
    gsuite.forward(scribe, stage.after(20, 25), account, address, decisive=True)


def _enrol(stage: Stage, using: okta.Client) -> None:
    okta.event(
        stage.scribe, stage.at, stage.person, using, "user.mfa.factor.activate", about=[stage.person],
        targets=[okta.push(stage.scribe)], decisive=True,
    )  # fmt: skip


def _change_phone(stage: Stage) -> None:
    """The new phone is set up at the desk, the old one goes, and the new one is used on the way home."""
    scribe, person, day = stage.scribe, stage.person, today(stage)
    okta.event(
        scribe, stage.before(2), person, day.client, "user.authentication.auth_via_mfa", targets=[okta.push(scribe)],
        decisive=True,
    )  # fmt: skip
    _enrol(stage, day.client)
    okta.event(
        scribe, stage.after(2, 3), person, day.client, "user.mfa.factor.deactivate", about=[person],
        targets=[okta.push(scribe)], decisive=True,
    )  # fmt: skip
    where = nearby(stage)
    phone = okta.Client(where, PHONE, "iOS", "UNKNOWN", stage.dice.hex(40), "idx" + stage.dice.hex(22))
    okta.sign_in(scribe, stage.after(9, 14), person, phone, decisive=True)
    okta.open_app(scribe, stage.after(16, 20), person, phone, "Slack", decisive=True)
    okta.event(
        scribe, stage.after(31, 40), person, day.client, "user.authentication.auth_via_mfa",
        targets=[okta.push(scribe)], decisive=True,
    )  # fmt: skip
    okta.open_app(scribe, stage.after(41, 46), person, day.client, "Expensify", decisive=True)


def _factor_history(scribe: Scribe, cast: Cast) -> None:
    for team, index, days_ago in (("engineering", 5, 21), ("data", 1, 8)):
        _change_phone(past(scribe.aside("phone", team), cast, scribe.company.team(team)[index], days_ago))


def phone_replaced(stage: Stage) -> None:
    """A new phone.

    An analyst finds that the session began in the morning with the second factor on the usual computer, that the old
    authenticator is removed, and that the usual computer goes on with the new one. The phone's address is new, in the
    person's own town.
    """
    _change_phone(stage)


def prompts_tired_out(stage: Stage) -> None:
    """Somebody with the password sent prompts until one was accepted.

    An analyst finds four refused prompts before the session, from a computer never seen in the person's own town; the
    person works on at the usual address, is then refused on the phone with the old password, and the other computer goes on with the
    new authenticator.
    """
    scribe, person, day, where = stage.scribe, stage.person, today(stage), nearby(stage)
    thief = stranger(stage, person, where)
    for moment in aws.pace(stage.dice, stage.before(25), 4, 40, 120):
        okta.event(
            scribe, moment, person, replace(thief, session=""), "user.mfa.okta_verify.deny_push",
            targets=[okta.push(scribe)], failure="DENIED", decisive=True,
        )  # fmt: skip
    okta.sign_in(scribe, stage.before(14), person, thief, decisive=True)
    _enrol(stage, thief)
    okta.open_app(scribe, stage.after(2, 4), person, day.client, "Slack", decisive=True)
    again = replace(thief, session="idx" + stage.dice.hex(22))
    okta.event(scribe, stage.after(6, 8), person, thief, "user.account.update_password", decisive=True)
    okta.sign_in(scribe, stage.after(10, 13), person, again, decisive=True)
    for moment, app in zip(
        aws.pace(stage.dice, stage.after(15, 18), 2, 60, 200), ("Expensify", "Google Workspace"), strict=True
    ):
        okta.open_app(scribe, moment, person, again, app, decisive=True)
    for moment in aws.pace(stage.dice, stage.after(33, 38), 2, 20, 60):
        okta.event(
            scribe, moment, person, okta.phone(person, day.presence), "user.session.start",
            failure="INVALID_CREDENTIALS", decisive=True,
        )  # fmt: skip


def _refuse(stage: Stage, users: list[Person], address: str) -> None:
    """Each user is refused twice at one address, in turn."""
    moments = aws.pace(stage.dice, stage.at, 2 * len(users), 40, 100)
    for moment, user in zip(moments, [*users, *users], strict=True):
        onelogin.event(stage.scribe, moment, onelogin.REFUSED, user, address, decisive=True)


def starters_refused(stage: Stage) -> None:
    """Three people on their first day mistype the passwords that they were given.

    An analyst finds that an administrator made the three accounts in the two hours before, that the address is the office's,
    that the administrator then set each password anew, and that each signed in and opened the applications of a shop.
    """
    scribe, helper = stage.scribe, today(stage)
    starters = stage.cast.earlier_starters[:_TEMPORARY]
    office = scribe.company.offices[stage.person.office.city]
    group = okta.thing("UserGroup", "Shop staff", "00g" + scribe.company.dice.child("group", "shop").hex(17))
    steps: tuple[tuple[str, list[Record]], ...] = (
        ("user.lifecycle.create", []),
        ("user.lifecycle.activate", []),
        ("group.user_membership.add", [group]),
    )
    for starter, start in zip(starters, aws.pace(stage.dice, stage.before(112), _TEMPORARY, 200, 400), strict=True):
        for moment, (kind, targets) in zip(aws.pace(stage.dice, start, 3, 10, 40), steps, strict=True):
            okta.event(
                scribe, moment, stage.person, helper.client, kind, about=[starter], targets=targets, decisive=True
            )  # fmt: skip
    _refuse(stage, starters, office.address)
    for starter, start in zip(starters, aws.pace(stage.dice, stage.after(16, 19), _TEMPORARY, 150, 300), strict=True):
        onelogin.event(
            scribe, start, onelogin.PASSWORD_CHANGED, stage.person, helper.presence.address, user=starter, decisive=True
        )  # fmt: skip
        signed_in, till, rota = aws.pace(stage.dice, start, 3, 40, 120)
        onelogin.event(scribe, signed_in, onelogin.SIGNED_IN, starter, office.address, decisive=True)
        onelogin.event(scribe, till, onelogin.OPENED_APP, starter, office.address, app="Till", decisive=True)
        onelogin.event(scribe, rota, onelogin.OPENED_APP, starter, office.address, app="Rota", decisive=True)


def passwords_sprayed(stage: Stage) -> None:
    """Two common passwords are tried on three people, and one of a third try fits.

    An analyst finds an address never seen, three people of different offices, and that the one who is signed in there
    works at the usual address at the same time; the password is changed from the unknown address.
    """
    scribe, where, day = stage.scribe, stage.elsewhere().address, today(stage)
    company, victim = scribe.company, stage.person
    okta.open_app(scribe, stage.before(7), victim, day.client, "Slack", decisive=True)
    _refuse(stage, [company.team("sales")[2], victim, company.team("people")[1]], where)
    onelogin.event(scribe, stage.after(14, 16), onelogin.SIGNED_IN, victim, where, decisive=True)
    okta.open_app(scribe, stage.after(17, 18), victim, day.client, "Jira", decisive=True)
    for moment, app in zip(
        aws.pace(stage.dice, stage.after(19, 21), 3, 30, 90), ("Payroll", "Stock", "Till"), strict=True
    ):
        onelogin.event(scribe, moment, onelogin.OPENED_APP, victim, where, app=app, decisive=True)
    onelogin.event(scribe, stage.after(27, 30), onelogin.PASSWORD_CHANGED, victim, where, decisive=True)
    onelogin.event(scribe, stage.after(41, 48), onelogin.REFUSED, victim, day.presence.address, decisive=True)


CASES = (
    Case(
        (
            staff(
                "new-country/trip",
                "benign",
                "The computer of every earlier sign-in, a working day on the own papers from the new address, and "
                "nothing from the old one.",
                arrived_on_trip,
                team="finance",
                index=0,
                hour=7.2,
                travels=True,
                near=True,
            ),
            staff(
                "new-country/relayed",
                "malicious",
                "A computer never seen, while the person works at the usual address with theirs; invoices are fetched "
                "and mail is forwarded outside.",
                relayed_sign_in,
                team="finance",
                index=1,
                hour=13.5,
            ),
        ),
        _country_history,
    ),
    Case(
        (
            staff(
                "authenticator/phone",
                "benign",
                "The morning's session on the usual computer; the old authenticator goes and the usual computer uses "
                "the new one.",
                phone_replaced,
                team="finance",
                index=3,
            ),
            staff(
                "authenticator/prompts",
                "malicious",
                "Four refused prompts, then a session of a computer never seen in the same town; the password changes "
                "and the person is shut out.",
                prompts_tired_out,
                team="finance",
                index=2,
                subtle=True,
            ),
        ),
        _factor_history,
    ),
    Case(
        (
            staff(
                "refused-logins/starters",
                "benign",
                "Three accounts made in the two hours before by an administrator, at the office; passwords are set anew and "
                "the three open a shop's applications.",
                starters_refused,
                team="it",
                index=0,
                hour=14.5,
            ),
            staff(
                "refused-logins/sprayed",
                "malicious",
                "An address never seen, three offices; one is signed in there while working at the usual address, and "
                "the password is changed.",
                passwords_sprayed,
                team="sales",
                index=3,
                hour=14.5,
            ),
        ),
    ),
)
