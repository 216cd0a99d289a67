"""What looks odd and is not: work at night, mail clients with old passwords, strangers who guess."""

from dataclasses import replace
from datetime import timedelta

from tools.worlds.days import day_of
from tools.worlds.lake import Scribe
from tools.worlds.records import aws, okta

_NIGHTS = (3, 6, 9, 13, 18, 24)
_GUESSES = 14


def fill(scribe: Scribe) -> None:
    """Some of it every week."""
    _on_call(scribe.aside("on-call"))
    _guesses(scribe.aside("guesses"))


def _on_call(scribe: Scribe) -> None:
    """Somebody of the platform team is woken up, signs in from home and looks after a service."""
    team = scribe.company.team("platform")
    for index, days_ago in enumerate(_NIGHTS):
        person = team[index % len(team)]
        own = scribe.aside(days_ago)
        at = scribe.timeline.past(days_ago, 2.4, person.office.offset) + own.dice.minutes(0, 80)
        day = day_of(own, person, scribe.timeline.local_date(at, person.office.offset))
        home = scribe.company.home(person)
        using = okta.client(person, home, okta.session_id(own, person, f"night {days_ago}"))
        okta.sign_in(own, at, person, using)
        okta.open_aws(own, at + timedelta(seconds=40), person, using)
        session = aws.staff_session(scribe.company, person, at.date(), at + timedelta(minutes=1), home)
        night = replace(session, key="ASIA" + own.dice.base32(16))
        aws.console_login(own, at + timedelta(minutes=1), night, day.client.agent)
        names = ("DescribeInstances", "DescribeInstanceStatus", "GetConsoleOutput", "RebootInstances")
        for moment, name in zip(aws.pace(own.dice, at + timedelta(minutes=2), 4, 20, 90), names, strict=True):
            aws.call(own, moment, night, f"ec2:{name}")


def _guesses(scribe: Scribe) -> None:
    """A few wrong passwords from somewhere, against one account, that come to nothing."""
    for index in range(_GUESSES):
        own = scribe.aside(index)
        person = own.dice.pick(scribe.company.people)
        at = scribe.timeline.start + own.dice.minutes(60, (scribe.timeline.days - 2) * 24 * 60)
        using = okta.Client(
            scribe.company.elsewhere("guess", index), person.agent, "Unknown", "UNKNOWN", own.dice.hex(40)
        )
        for moment in aws.pace(own.dice, at, own.dice.between(2, 6), 3, 40):
            okta.event(own, moment, person, using, "user.session.start", failure="INVALID_CREDENTIALS")
