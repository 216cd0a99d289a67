"""A case of the unseen sets: one story or a pair of twins, the history that it rests on, and its half."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from tools.worlds.cast import Cast
from tools.worlds.company import Person, Presence
from tools.worlds.days import Day, day_at, day_of
from tools.worlds.dice import Dice
from tools.worlds.lake import Scribe
from tools.worlds.records import aws, okta
from tools.worlds.scenarios.scenario import Post, Scenario, Verdict
from tools.worlds.scenarios.stage import Stage
from tools.worlds.sets import Set
from tools.worlds.worktime import SETTLED

_DAY_LENGTH = timedelta(hours=7)
_PLAYERS: set[tuple[str, int]] = set()
"""Team and place of everybody of the parent company who plays a scenario."""


def _no_history(_scribe: Scribe, _cast: Cast) -> None:
    """What happened before is in the background."""


@dataclass(frozen=True, slots=True)
class Case:
    """Scenarios that share a history, and so belong in the same half."""

    scenarios: tuple[Scenario, ...]
    history: Callable[[Scribe, Cast], None] = _no_history

    @property
    def pair(self) -> str:
        return self.scenarios[0].pair

    @property
    def half(self) -> Set:
        """Drawn from the name alone: further cases move none from one half to the other."""
        return Dice("half", self.pair).pick((Set.UNSEEN_A, Set.UNSEEN_B))


def staff(
    name: str,
    verdict: Verdict,
    notes: str,
    play: Callable[[Stage], None],
    *,
    team: str,
    index: int,
    hour: float = 14.0,
    youngest: timedelta = SETTLED,
    travels: bool = False,
    subtle: bool = False,
    fair: tuple[str, ...] = (),
    near: bool = False,
    players: set[tuple[str, int]] = _PLAYERS,
) -> Scenario:
    """A scenario that somebody of the parent company plays, at `hour` on their own clock.

    Team and place are added to `players`, those of one set.
    """
    post = Post(team, index, hour, youngest, travels=travels, near=near)
    players.add((team, index))

    def played(scribe: Scribe, cast: Cast) -> None:
        at = post.at(scribe.company) + scribe.dice.minutes(0, 9)
        play(Stage(scribe, cast, cast.branch, post.person(scribe.company), at))

    return Scenario(name, verdict, notes, played, subtle=subtle, post=post, fair=fair)


def today(stage: Stage) -> Day:
    """The working day of the one who plays."""
    return day_at(stage.scribe, stage.person, stage.at)


def at_work(stage: Stage, team: str = "") -> list[Person]:
    """Others of the parent company in the middle of their working day, of one team or of all.

    Nobody on a trip, and nobody whose own case this could be mistaken for.
    """
    company = stage.scribe.company
    busy = {company.team(team)[index].user for team, index in _PLAYERS}
    busy |= {person.user for person in company.people if person.user in company.trips}
    found = []
    for person in company.team(team) if team else company.people:
        if person.user in busy:
            continue
        date = company.timeline.local_date(stage.at, person.office.offset)
        since = stage.at - day_of(stage.scribe, person, date).start
        working = date.weekday() not in company.timeline.rest
        if person is not stage.person and working and timedelta(hours=1) <= since <= _DAY_LENGTH:
            found.append(person)
    return found


def stranger(stage: Stage, person: Person, where: Presence, device: str = "") -> okta.Client:
    """Somebody else's computer that claims to be like the person's."""
    dice = stage.dice
    return okta.Client(where, person.agent, person.system, person.browser, device or dice.hex(40), "idx" + dice.hex(22))


def open_aws(stage: Stage) -> aws.Session:
    """The person goes on to AWS from their own computer, half an hour before."""
    day = today(stage)
    okta.open_aws(stage.scribe, stage.before(27), stage.person, day.client)
    aws.console_login(stage.scribe, stage.before(26.5), day.aws, stage.person.agent)
    return day.aws


def desk(stage: Stage, person: Person) -> okta.Client:
    """A colleague's own computer and session of the day."""
    date = stage.scribe.timeline.local_date(stage.at, person.office.offset)
    presence = stage.scribe.company.whereabouts(person, date)
    return okta.client(person, presence, okta.session_id(stage.scribe, person, date.isoformat()))
