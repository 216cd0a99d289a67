"""Okta: network zones, sign-ins that people report, and prompts that they refuse."""

from dataclasses import replace
from datetime import datetime, timedelta

from tools.worlds.cast import Cast
from tools.worlds.company import Person, Presence
from tools.worlds.lake import Record, Scribe
from tools.worlds.records import aws, gsuite, okta
from tools.worlds.scenarios.stage import Stage, past

from .case import Case, at_work, desk, staff, stranger, today

_ZONE = "Office networks"


def _change_zone(stage: Stage, address: str) -> None:
    """An address is added to the networks that need no second factor."""
    key = "nzo" + stage.scribe.company.dice.child("zone").hex(17)
    okta.event(
        stage.scribe, stage.at, stage.person, today(stage).client, "zone.update",
        targets=[okta.thing("NetworkZone", _ZONE, key)], debug={"addedGateways": f"{address}/32"}, decisive=True,
    )  # fmt: skip


def _zone_history(scribe: Scribe, cast: Cast) -> None:
    """A carrier changes an office's address now and then."""
    for index, days_ago in ((3, 24), (0, 15), (1, 8)):
        stage = past(scribe.aside("zone", days_ago), cast, scribe.company.team("it")[index], days_ago)
        _change_zone(stage, scribe.company.offices[stage.person.office.city].address)


def _over(stage: Stage, at: datetime, person: Person, line: Presence) -> None:
    """A new session with a second factor, on the person's own computer, over a line."""
    using = okta.client(person, line, "idx" + stage.dice.hex(22))
    okta.sign_in(stage.scribe, at, person, using, decisive=True)
    okta.open_app(stage.scribe, at + timedelta(minutes=1), person, using, "Slack", decisive=True)


def zone_for_office(stage: Stage) -> None:
    """A second line of the office: colleagues have come in over it for two days, with their own devices."""
    line = Presence(stage.scribe.company.addresses.take(), stage.person.office)
    colleagues = [person for person in at_work(stage) if person.office is stage.person.office]
    for minutes in (2880, 1440, 55):
        for moment, person in zip(aws.pace(stage.dice, stage.before(minutes), 2, 200, 700), colleagues, strict=False):
            _over(stage, moment, person, line)
    _change_zone(stage, line.address)
    for moment, person in zip(aws.pace(stage.dice, stage.after(5, 9), 3, 200, 700), colleagues, strict=False):
        _over(stage, moment, person, line)
    _over(stage, stage.after(45, 55), stage.person, line)


def zone_for_stranger(stage: Stage) -> None:
    """From the administrator's own computer; then one unknown device comes in as three people, none of whom is asked."""
    where = stage.elsewhere()
    _change_zone(stage, where.address)
    victims = stage.dice.shuffled(stage.scribe.company.team("security")[1:])
    device = stage.dice.hex(40)
    for moment, person in zip(aws.pace(stage.dice, stage.after(5, 9), len(victims), 200, 700), victims, strict=True):
        using = stranger(stage, person, where, device)
        okta.event(stage.scribe, moment, person, using, "user.session.start", decisive=True)
        okta.open_app(stage.scribe, moment + timedelta(minutes=1), person, using, "Google Workspace", decisive=True)


def _report(stage: Stage, using: okta.Client, about: Presence) -> None:
    """Somebody presses the button in the mail that tells of a sign-in."""
    debug: Record = {
        "suspiciousActivityEventType": "system.email.new_device_notification.sent_message",
        "suspiciousActivityEventIp": about.address,
        "suspiciousActivityEventCity": about.place.city,
        "suspiciousActivityEventCountry": about.place.country,
    }
    okta.event(
        stage.scribe, stage.at, stage.person, using, "user.account.report_suspicious_activity_by_enduser",
        about=[stage.person], debug=debug, decisive=True,
    )  # fmt: skip


def _report_history(scribe: Scribe, cast: Cast) -> None:
    for team, index, days_ago in (("engineering", 10, 19), ("people", 0, 10)):
        stage = past(scribe.aside(team), cast, scribe.company.team(team)[index], days_ago)
        _report(stage, okta.phone(stage.person, stage.where), stage.where)


def reported_own(stage: Stage) -> None:
    """On a trip: the phone was new to Okta, the mail named the hotel's city, and work goes on from there."""
    day, person = today(stage), stage.person
    phone = okta.phone(person, day.presence)
    okta.sign_in(stage.scribe, stage.before(11), person, phone, decisive=True)
    _report(stage, day.client, day.presence)
    for moment, app in zip(
        aws.pace(stage.dice, stage.after(3, 6), 3, 200, 700), ("Slack", "Zoom", "Jira"), strict=True
    ):
        okta.open_app(stage.scribe, moment, person, day.client, app, decisive=True)
    okta.open_app(stage.scribe, stage.after(41, 50), person, phone, "Google Workspace", decisive=True)


def reported_stranger(stage: Stage) -> None:
    """An unknown device far from the office came in; the help desk throws it out."""
    day, person, where = today(stage), stage.person, stage.elsewhere()
    thief = stranger(stage, person, where)
    okta.sign_in(stage.scribe, stage.before(11), person, thief, decisive=True)
    okta.open_app(stage.scribe, stage.before(9), person, thief, "Expensify", decisive=True)
    _report(stage, day.client, where)
    okta.open_app(stage.scribe, stage.after(1, 2), person, thief, "Google Workspace", decisive=True)
    _throw_out(stage, 17)
    okta.event(stage.scribe, stage.after(31, 36), person, day.client, "user.account.update_password", decisive=True)


def _throw_out(stage: Stage, minutes: float) -> None:
    """The help desk ends all sessions."""
    helper = (at_work(stage, "it") or stage.scribe.company.team("it")[2:])[0]
    okta.event(
        stage.scribe, stage.after(minutes, minutes + 5), helper, desk(stage, helper), "user.session.clear",
        about=[stage.person], decisive=True,
    )  # fmt: skip


def _refuse(stage: Stage, person: Person, using: okta.Client) -> None:
    for moment in aws.pace(stage.dice, stage.at, 6, 30, 90):
        okta.event(
            stage.scribe, moment, person, using, "user.mfa.okta_verify.deny_push", targets=[okta.push(stage.scribe)],
            failure="DENIED", decisive=True,
        )  # fmt: skip


def refused_own(stage: Stage) -> None:
    """The prompts come from the person's own computer at its usual address; in the end one is accepted."""
    day = today(stage)
    _refuse(stage, stage.person, replace(day.client, session=""))
    browser = replace(day.client, session="idx" + stage.dice.hex(22))
    okta.sign_in(stage.scribe, stage.after(14, 18), stage.person, browser, decisive=True)
    for moment, app in zip(aws.pace(stage.dice, stage.after(20, 22), 2, 60, 300), ("Slack", "Jira"), strict=True):
        okta.open_app(stage.scribe, moment, stage.person, browser, app, decisive=True)
    view = stage.dice.pick(stage.scribe.company.documents[stage.person.team])
    gsuite.drive(
        stage.scribe, stage.after(33, 40), gsuite.account(stage.person, day.presence), "edit", view, decisive=True
    )


def refused_stranger(stage: Stage) -> None:
    """The prompts come from a device and a country that the person never used; none is accepted, the password changes."""
    day, where = today(stage), stage.elsewhere()
    _refuse(stage, stage.person, replace(stranger(stage, stage.person, where), session=""))
    okta.open_app(stage.scribe, stage.after(3, 5), stage.person, day.client, "Jira", decisive=True)
    okta.event(
        stage.scribe, stage.after(14, 18), stage.person, day.client, "user.account.update_password", decisive=True
    )
    _throw_out(stage, 21)


CASES = (
    Case(
        (
            staff(
                "zone/office",
                "benign",
                "Colleagues with their own devices have come in over the line for two days, and go on over it after.",
                zone_for_office,
                team="it",
                index=0,
                hour=13.0,
                youngest=timedelta(hours=3),
                subtle=True,
            ),
            staff(
                "zone/stranger",
                "malicious",
                "Usual administrator and computer; one unknown device then signs in as three people from the address.",
                zone_for_stranger,
                team="it",
                index=1,
                hour=13.0,
                youngest=timedelta(hours=3),
                subtle=True,
            ),
        ),
        _zone_history,
    ),
    Case(
        (
            staff(
                "reported/own-phone",
                "benign",
                "The reported sign-in is the person's own phone at the hotel where they work; nothing else happens.",
                reported_own,
                team="sales",
                index=0,
                travels=True,
            ),
            staff(
                "reported/stranger",
                "malicious",
                "The reported sign-in is an unknown device elsewhere, while the person works from their usual address.",
                reported_stranger,
                team="finance",
                index=0,
            ),
        ),
        _report_history,
    ),
    Case(
        (
            staff(
                "refused/own",
                "benign",
                "The prompts come from the person's own computer and address, and one is accepted in the end.",
                refused_own,
                team="finance",
                index=1,
            ),
            staff(
                "refused/stranger",
                "malicious",
                "The prompts come from an unknown device elsewhere: somebody has the password. None is accepted.",
                refused_stranger,
                team="sales",
                index=1,
                fair=("suspicious",),
            ),
        ),
    ),
)
