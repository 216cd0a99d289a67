"""Who works in a generated world, from where, with what: people, service roles, accounts, hosts, documents."""

import math
from dataclasses import dataclass
from datetime import date
from functools import partial

from . import names
from .dice import Dice
from .names import Place
from .worktime import DAY, Timeline

TEAMS = {
    "platform": 6,
    "engineering": 12,
    "data": 4,
    "security": 4,
    "it": 4,
    "finance": 4,
    "people": 2,
    "sales": 4,
}
SERVICE_ROLES = (
    "infra-pipeline",
    "app-deployer",
    "backup-runner",
    "secrets-rotator",
    "metrics-reader",
    "log-shipper",
    "data-loader",
    "image-builder",
)
HOSTS = (
    "bastion", "backup", "ledger-a", "ledger-b", "ledger-db", "search-a", "search-db", "rates-a", "notify-a",
    "partner-gw", "reporting-a", "build-a",
)  # fmt: skip
AUDITOR = "fieldwork@graniteledger-audit.example"
CUSTOMER = "purchasing@orchard-retail.example"
# Accounts that nobody could mistake for real ones: two digits, six times.
_ACCOUNTS = tuple(pair * 6 for pair in ("12", "34", "56", "78", "90", "21", "43", "65", "87"))


class Addresses:
    """Public addresses set aside for documentation (RFC 5737) and for benchmarks (RFC 2544), each handed out once."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._taken: set[str] = set()

    def take(self) -> str:
        """An address that nobody else in this world has."""
        while True:
            block = self._dice.pick(("192.0.2", "198.51.100", "203.0.113", "198.18", "198.19", "198.18", "198.19"))
            tail = self._dice.between(2, 253)
            address = f"{block}.{tail}" if block.count(".") == 2 else f"{block}.{self._dice.between(0, 255)}.{tail}"  # noqa: PLR2004 - a /24 has three numbers, a /16 two
            if address not in self._taken:
                self._taken.add(address)
                return address


@dataclass(frozen=True, slots=True)
class Person:
    """An employee and the things that stay the same about them from day to day."""

    given: str
    family: str
    team: str
    domain: str
    office: Place
    home_address: str
    system: str
    browser: str
    agent: str
    command_line: str
    device: str
    okta_id: str
    google_id: str
    github_id: int
    starts: float
    """Hour of the local day."""

    @property
    def user(self) -> str:
        return f"{self.given}.{self.family}".lower()

    @property
    def email(self) -> str:
        return f"{self.user}@{self.domain}"

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"

    @property
    def login(self) -> str:
        """Name on GitHub."""
        return f"{self.given}{self.family[:3]}".lower()


@dataclass(frozen=True, slots=True)
class Presence:
    """An address that somebody acts from."""

    address: str
    place: Place


def distance(one: Place, other: Place) -> float:
    """Kilometres between two places, as the crow flies."""
    north, south = math.radians(one.latitude), math.radians(other.latitude)
    across = math.radians(other.longitude - one.longitude)
    cosine = math.sin(north) * math.sin(south) + math.cos(north) * math.cos(south) * math.cos(across)
    return 6371 * math.acos(min(1.0, cosine))


@dataclass(frozen=True, slots=True)
class Trip:
    """Days away from the office, both included."""

    first: date
    last: date
    presence: Presence


@dataclass(frozen=True, slots=True)
class ServiceRole:
    """An AWS role that programs assume, from one address."""

    name: str
    role_id: str
    account: str
    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class Host:
    """An EC2 instance with one network interface."""

    name: str
    instance: str
    interface: str
    private: str


class Company:
    """Everybody and everything that a world's logs speak of, drawn from one seed."""

    def __init__(self, seed: int, timeline: Timeline) -> None:
        self.dice = Dice("company", seed)
        self.timeline = timeline
        self.addresses = Addresses(self.dice.child("addresses"))
        self.org = self.dice.pick(names.COMPANIES)
        self.domain = f"{self.org}.example"
        self.customer_id = "C0" + self.dice.hex(7)
        accounts = self.dice.shuffled(_ACCOUNTS)
        self.production, self.staging, self.vault, *self.outside_accounts = accounts
        self.offices = {place.city: Presence(self.addresses.take(), place) for place in names.OFFICES}
        self.vpn = Presence(self.addresses.take(), names.OFFICES[0])
        self.people = self._hire()
        self.roles = {name: self._role(name) for name in SERVICE_ROLES}
        self.hosts = {name: self._host(name, index) for index, name in enumerate(HOSTS)}
        self.sso_role = "AWSReservedSSO_PlatformOperator_" + self.dice.hex(16)
        self.sso_role_id = "AROA" + self.dice.base32(17)
        self.documents = {team: self._documents(team) for team in TEAMS}
        self.storage = self.addresses.take()
        """Where backups go."""
        self.runner = Presence(self.addresses.take(), names.OFFICES[1])
        """Where continuous integration runs."""
        self.guests = {email: self.elsewhere("guest", email) for email in (AUDITOR, CUSTOMER)}
        """Where outsiders open what is shared with them."""
        self.trips: dict[str, Trip] = {}
        for person in self.dice.sample([*self.team("sales"), *self.team("engineering")[8:]], 6):
            today = timeline.local_date(timeline.now, person.office.offset)
            self.travel(person, today - self.dice.between(6, 24) * DAY, days=self.dice.between(2, 4))

    def team(self, name: str) -> list[Person]:
        """The members of one team, in a stable order."""
        return [person for person in self.people if person.team == name]

    def elsewhere(self, *key: str | int) -> Presence:
        """An address outside the company, never seen before, in some country; the same for the same key."""
        return Presence(self.addresses.take(), self.dice.child("elsewhere", *key).pick(names.ELSEWHERE))

    def travel(self, person: Person, first: date, days: int, *, near: bool = False) -> None:
        """Send somebody on a trip that starts on their local date `first`, to where they can be overnight if `near`."""
        presence = self.elsewhere("trip", person.user)
        if near:
            presence = Presence(presence.address, min(names.ELSEWHERE, key=partial(distance, person.office)))
        self.trips[person.user] = Trip(first, first + (days - 1) * DAY, presence)

    def whereabouts(self, person: Person, day: date) -> Presence:
        """Where a person works from on a day: on a trip, in the office, or at home."""
        trip = self.trips.get(person.user)
        if trip is not None and trip.first <= day <= trip.last:
            return trip.presence
        if self.dice.child("whereabouts", person.user, day.isoformat()).chance(0.45):
            return self.offices[person.office.city]
        return self.home(person)

    @staticmethod
    def home(person: Person) -> Presence:
        """Where a person works from when not in the office."""
        return Presence(person.home_address, person.office)

    def person(self, given: str, family: str, team: str, office: Place) -> Person:
        """Somebody with devices and ids of their own."""
        dice = self.dice.child("person", given, family)
        system, browser, agent = dice.pick(names.BROWSERS)
        return Person(
            given=given,
            family=family,
            team=team,
            domain=self.domain,
            office=office,
            home_address=self.addresses.take(),
            system=system,
            browser=browser,
            agent=agent,
            command_line=dice.pick(names.COMMAND_LINES),
            device=dice.hex(40),
            okta_id="00u" + dice.base32(17).lower(),
            google_id=dice.digits(21),
            github_id=int(dice.digits(8)),
            starts=dice.between(80, 95) / 10,
        )

    def _hire(self) -> list[Person]:
        teams = [team for team, size in TEAMS.items() for _ in range(size)]
        given = self.dice.shuffled(names.GIVEN)
        family = self.dice.shuffled(names.FAMILY)
        # The names left over are for people who join during the world's month.
        self.newcomers = list(zip(given[len(teams) :], family[len(teams) :], strict=True))
        # Desks are dealt in turn, so that every team has somebody at work at every hour of the day.
        return [
            self.person(*each, names.OFFICES[index % len(names.OFFICES)])
            for index, each in enumerate(zip(given, family, teams, strict=False))
        ]

    def _role(self, name: str) -> ServiceRole:
        dice = self.dice.child("role", name)
        agent = names.TERRAFORM if name in {"infra-pipeline", "app-deployer"} else dice.pick(names.COMMAND_LINES[1:])
        return ServiceRole(name, "AROA" + dice.base32(17), self.production, self.addresses.take(), agent)

    def _host(self, name: str, index: int) -> Host:
        dice = self.dice.child("host", name)
        return Host(
            name, "i-0" + dice.hex(16), "eni-0" + dice.hex(16), f"10.72.{index // 4 + 1}.{dice.between(10, 250)}"
        )

    def _documents(self, team: str) -> list[tuple[str, str, Person]]:
        dice = self.dice.child("documents", team)
        members = self.team(team)
        titles = [f"{self.org} {subject} {month}" for subject in names.SUBJECTS[team] for month in range(1, 13)]
        return [("1" + dice.base32(32), title, dice.pick(members)) for title in titles]
