"""Who plays what in the scenarios, decided before the background is written: trips and silences show in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .branch import Branch, Role
from .company import Company, Person
from .dice import Dice
from .worktime import DAY, SETTLED

CODE_SETTLED = timedelta(hours=8)
"""How old a GitHub scenario is at least: the source falls silent after the last of them."""

MIDDAY = 14.5
_KEYS = 4
_SILENT_HOURS = (4.5, 5, 5.5, 6)


@dataclass(frozen=True, slots=True)
class ServiceUser:
    """An IAM user whose access key sits in one program."""

    name: str
    principal: str
    address: str
    agent: str
    keys: tuple[str, ...]
    """Its access keys, in the order in which they replace each other."""


@dataclass(frozen=True, slots=True)
class Cast:
    """People and programs by their part."""

    operators: list[Person]
    """The platform team."""

    service_users: list[ServiceUser]
    fixture_pusher: Person
    scanning_victim: Person
    key_replacer: Person
    key_planter: Person
    key_unseen: Person
    code_silent_from: datetime
    """When the GitHub source stops to deliver."""

    recent_starter: Person
    earlier_starters: list[Person]
    spare: list[Person] = field(default_factory=list)
    """Engineers without a part, those first who are at work when GitHub scenarios play."""
    taken_over: Branch | None = None

    @property
    def branch(self) -> Branch:
        """The company that was taken over; only the evaluation set has one."""
        if self.taken_over is None:
            raise ValueError("this world has no branch")
        return self.taken_over


def choose(company: Company, roles: Sequence[Role] = (), *, trips: bool = True) -> Cast:
    """Give out the parts, and with `trips` send those on a trip who act from a hotel.

    `roles` are those in the company taken over.
    """
    operators = company.team("platform")
    engineers = company.team("engineering")
    fixture_pusher, key_replacer, *_ = _awake(company, engineers[0:4])
    scanning_victim, key_planter, *_ = _awake(company, engineers[4:8])
    key_unseen, silent_from = _last_seen(company, engineers[8:12])
    arrivals = ((operators[1], SETTLED), (operators[3], SETTLED), (fixture_pusher, CODE_SETTLED))
    for traveller, youngest in arrivals if trips else ():
        # The hotel is new on the very day: their sign-in of that morning is all that speaks for it.
        offset = traveller.office.offset
        company.travel(
            traveller, company.timeline.local_date(company.timeline.recent(MIDDAY, offset, youngest), offset), 3
        )
    starters = [
        company.person(*name, "it", company.people[index].office) for index, name in enumerate(company.newcomers)
    ]
    busy = {fixture_pusher, scanning_victim, key_replacer, key_planter, key_unseen, engineers[0]}
    return Cast(
        operators=operators,
        service_users=[_service_user(company, name) for name in ("feed", "rates", "mailer", "archive")],
        fixture_pusher=fixture_pusher,
        scanning_victim=scanning_victim,
        key_replacer=key_replacer,
        key_planter=key_planter,
        key_unseen=key_unseen,
        code_silent_from=silent_from,
        recent_starter=starters[0],
        earlier_starters=starters[1:],
        spare=_awake(company, [engineer for engineer in engineers if engineer not in busy]),
        taken_over=Branch(company, roles) if roles else None,
    )


def _awake(company: Company, people: list[Person]) -> list[Person]:
    """Those first whose midday lies well inside the hours that GitHub scenarios may use."""
    timeline = company.timeline

    def shift(person: Person) -> float:
        at = timeline.recent(MIDDAY, person.office.offset, CODE_SETTLED)
        return abs(_hour(at, person) - MIDDAY)

    return sorted(people, key=lambda person: (shift(person), person.user))


def _hour(at: datetime, person: Person) -> float:
    local = at + timedelta(hours=person.office.offset)
    return (local - local.replace(hour=0, minute=0, second=0, microsecond=0)) / DAY * 24


def _last_seen(company: Company, people: list[Person]) -> tuple[Person, datetime]:
    """Who is at work when the source falls silent, and when that is."""
    moments = [company.timeline.now - timedelta(hours=hours) for hours in _SILENT_HOURS]
    options = [(abs(_hour(at, person) - MIDDAY), person.user, person, at) for person in people for at in moments]
    best = min(options, key=lambda option: option[:2])
    return best[2], best[3]


def _service_user(company: Company, name: str) -> ServiceUser:
    dice: Dice = company.dice.child("service user", name)
    return ServiceUser(
        name=f"svc-{name}",
        principal="AIDA" + dice.base32(17),
        address=company.addresses.take(),
        agent="aws-sdk-java/2.28.29 Linux/6.1 OpenJDK_64-Bit_Server_VM/21.0.4",
        keys=tuple("AKIA" + dice.base32(16) for _ in range(_KEYS)),
    )
