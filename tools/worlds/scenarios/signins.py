"""Bursts of failed sign-ins: phones with an old password, and strangers who guess."""

from datetime import datetime, timedelta

from tools.worlds.cast import Cast
from tools.worlds.company import Person, Presence
from tools.worlds.days import day_at
from tools.worlds.lake import Scribe
from tools.worlds.records import aws, okta

from .scenario import Scenario, earlier, recent

_FAILURES = 18
_PAST = (("sales", 2, 21), ("people", 0, 12))


def history(scribe: Scribe, _cast: Cast) -> None:
    """It happens to whoever changes a password and forgets the phone."""
    for team, index, days_ago in _PAST:
        own = scribe.aside(team, days_ago)
        person = scribe.company.team(team)[index]
        _forgotten_phone(own, earlier(own, person, days_ago), person)


def old_password(scribe: Scribe, at: datetime, person: Person, where: Presence) -> None:
    """A person's phone tries the password it knows, over and over."""
    _burst(scribe, at, person, okta.phone(person, where))


def guess_passwords(scribe: Scribe, at: datetime, person: Person, where: Presence) -> None:
    """A stranger tries passwords."""
    agent = okta.phone(person, where).agent
    _burst(scribe, at, person, okta.Client(where, agent, "iOS", "UNKNOWN", scribe.dice.hex(40)))


def _burst(scribe: Scribe, at: datetime, person: Person, using: okta.Client) -> None:
    for moment in aws.pace(scribe.dice, at, _FAILURES, 8, 32):
        okta.event(
            scribe, moment, person, using, "user.session.start", failure="INVALID_CREDENTIALS", decisive=True
        )  # fmt: skip


def _forgotten_phone(scribe: Scribe, at: datetime, person: Person) -> None:
    day = day_at(scribe, person, at)
    okta.event(scribe, at - timedelta(minutes=20), person, day.client, "user.account.update_password", decisive=True)
    home = scribe.company.home(person)
    old_password(scribe, at, person, home)
    okta.event(scribe, at + timedelta(minutes=25), person, okta.phone(person, home), "user.session.start")


def phone_forgotten(scribe: Scribe, _cast: Cast) -> None:
    """A new password on the computer, the old one on the phone, at home."""
    person = scribe.company.team("finance")[3]
    _forgotten_phone(scribe, recent(scribe, person, 14.0), person)


SCENARIOS = (
    Scenario(
        "burst/phone",
        "benign",
        "The password was changed from the person's own session minutes before; the failing phone is at their home.",
        phone_forgotten,
    ),
)
