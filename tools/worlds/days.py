"""One person's working day: when it starts, where, and with which sessions.

A pure function of person and date, so that the background and a scenario speak of the same session.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .company import Person, Presence
from .lake import Scribe
from .records import aws, okta


@dataclass(frozen=True, slots=True)
class Day:
    """A working day; times are in UTC."""

    person: Person
    start: datetime
    presence: Presence
    client: okta.Client
    aws: aws.Session


def day_of(scribe: Scribe, person: Person, day: date) -> Day:
    """The working day of `person` on the local date `day`."""
    company = scribe.company
    presence = company.whereabouts(person, day)
    dice = company.dice.child("day", person.user, day.isoformat())
    start = company.timeline.at(day, person.starts, person.office.offset) + dice.minutes(0, 35)
    return Day(
        person=person,
        start=start,
        presence=presence,
        client=okta.client(person, presence, okta.session_id(scribe, person, day.isoformat())),
        aws=aws.staff_session(company, person, day, start + dice.minutes(4, 12), presence),
    )


def day_at(scribe: Scribe, person: Person, at: datetime) -> Day:
    """The working day of `person` around a moment."""
    found = day_of(scribe, person, scribe.timeline.local_date(at, person.office.offset))
    if found.start > at - timedelta(minutes=30):
        raise ValueError(f"{person.user} has not started to work by {at}")
    return found
