"""A company that was taken over and still works with its own tools: who is there, and who plays which part.

Its people sign in through Entra ID, keep passwords in 1Password, work on laptops with an endpoint sensor, and use Azure,
Google Cloud, Kubernetes or Snowflake by their team. Nobody of the parent company appears in its logs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import product

from . import names
from .company import Company, Person, Presence
from .worktime import DAY

_MIDDAY = 13.0
_COLLEAGUES = 4
TEAMS = ("cloud", "analytics", "support")

NAMESPACES = ("orders", "pricing", "checkout", "catalogue", "returns", "mailing", "search", "stock")
"""Namespaces of the cluster; each has a service account of the same name."""

LOADERS = ("LOADER_SALES", "LOADER_STOCK", "LOADER_WEB")
"""Programs with a Snowflake user."""


@dataclass(frozen=True, slots=True)
class Role:
    """What a scenario asks of whoever plays it."""

    scenario: str
    team: str
    hours_ago: float
    travels: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """Who plays in a scenario, and when."""

    person: Person
    at: datetime


class Branch:
    """The people, addresses and programs of the company that was taken over."""

    def __init__(self, company: Company, roles: Iterable[Role]) -> None:
        self.company = company
        self.dice = company.dice.child("branch")
        self.tenant = self.dice.child("tenant").uuid()
        self.subscription = self.dice.child("subscription").uuid()
        self.customer = self.dice.child("customer").hex(32)
        self.project = f"{company.org}-apps"
        self.builds = company.elsewhere("branch builds")
        """Where its build machines are."""
        self.loaders = company.elsewhere("branch loaders")
        """Where its Snowflake loaders run."""
        self.helper = company.elsewhere("remote support")
        """Where the vendor of the remote support tool relays sessions."""
        self.guest = company.elsewhere("testers")
        """From where hired testers work."""
        self._names = self._unused_names()
        self.colleagues = {
            team: [self._hire(team, index) for index in range(_COLLEAGUES)] for team in TEAMS
        }  # People without a part, who did the same before.
        self.parts: dict[str, Part] = {}
        for role in roles:
            self._give(role)

    @property
    def people(self) -> list[Person]:
        """Everybody."""
        return [*(person for team in TEAMS for person in self.colleagues[team]), *self._players()]

    def part(self, scenario: str) -> Part:
        """Who plays in a scenario."""
        return self.parts[scenario]

    def plays_after(self, person: Person, pair: str, at: datetime, least: timedelta, most: timedelta) -> bool:
        """Whether somebody's part in one of a pair begins so long after a moment."""
        return any(
            name.partition("/")[0] == pair and part.person is person and least <= part.at - at <= most
            for name, part in self.parts.items()
        )

    def presence(self, person: Person, at: datetime) -> Presence:
        """Where somebody works from on the day of a moment."""
        return self.company.whereabouts(person, self.local_date(person, at))

    def local_date(self, person: Person, at: datetime) -> date:
        """The date on the wall of somebody's office."""
        return self.company.timeline.local_date(at, person.office.offset)

    def device(self, person: Person) -> str:
        """The sensor id of somebody's laptop."""
        return self.dice.child("sensor", person.user).hex(32)

    def pod(self, namespace: str) -> str:
        """The address of a namespace's service inside the cluster."""
        return f"10.72.{100 + NAMESPACES.index(namespace)}.{self.dice.child('pod', namespace).between(10, 240)}"

    def vault(self, name: str) -> str:
        """The id of a team's vault."""
        return self.dice.child("vault", name).base32(26).lower()

    def _players(self) -> list[Person]:
        return [part.person for part in self.parts.values()]

    def _unused_names(self) -> list[tuple[str, str]]:
        taken = {(person.given, person.family) for person in self.company.people} | set(self.company.newcomers)
        rest = [pair for pair in product(names.GIVEN, names.FAMILY) if pair not in taken]
        return self.dice.child("names").shuffled(rest)

    def _hire(self, team: str, office: int) -> Person:
        given, family = self._names.pop()
        return self.company.person(given, family, team, names.OFFICES[office % len(names.OFFICES)])

    def _give(self, role: Role) -> None:
        timeline = self.company.timeline
        # The two of a pair draw the same minutes, so that neither the hour nor the age tells them apart.
        minutes = self.dice.child("moment", role.scenario.partition("/")[0]).between(0, 25)
        own = self.dice.child("moment", role.scenario).seconds(0, 240)
        at = timeline.now - timedelta(hours=role.hours_ago) + timedelta(minutes=minutes) + own
        office = min(
            range(len(names.OFFICES)), key=lambda index: (_from_midday(at, names.OFFICES[index].offset), index)
        )
        person = self._hire(role.team, office)
        if role.travels:
            self.company.travel(person, self.local_date(person, at), days=2)
        self.parts[role.scenario] = Part(person, at)


def _from_midday(at: datetime, offset: int) -> float:
    local = at + timedelta(hours=offset)
    hour = (local - local.replace(hour=0, minute=0, second=0, microsecond=0)) / DAY * 24
    return abs(hour - _MIDDAY)
