"""Scenarios of the company that was taken over: one function plays a part, its roles and words come from a table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tools.worlds.branch import Branch, Role
from tools.worlds.cast import Cast
from tools.worlds.company import Person, Presence
from tools.worlds.dice import Dice
from tools.worlds.lake import LogType, Scribe

from .scenario import Scenario, Verdict, earlier


@dataclass(frozen=True, slots=True)
class Stage:
    """Where and when a part is played, by whom."""

    scribe: Scribe
    cast: Cast
    branch: Branch
    person: Person
    at: datetime
    words: Mapping[str, str] = field(default_factory=dict)
    """Text for fields that the actor fills, by name; what is missing has the field's ordinary text."""

    @property
    def dice(self) -> Dice:
        return self.scribe.dice

    @property
    def where(self) -> Presence:
        """Where the person works from on that day."""
        return self.branch.presence(self.person, self.at)

    def elsewhere(self) -> Presence:
        """An address that no log has named before; a new one at each call."""
        return self.scribe.company.elsewhere("stage", str(self.scribe.story))

    def word(self, name: str, usual: str) -> str:
        """What stands in a field that the actor fills."""
        return self.words.get(name, usual)

    def after(self, low: float, high: float) -> datetime:
        """A moment so many minutes after the start."""
        return self.at + self.dice.minutes(low, high)

    def before(self, minutes: float) -> datetime:
        """A moment so many minutes before the start."""
        return self.at - timedelta(minutes=minutes)


def part(
    name: str,
    verdict: Verdict,
    notes: str,
    play: Callable[[Stage], None],
    *,
    team: str,
    hours_ago: float,
    travels: bool = False,
    subtle: bool = False,
    silent: LogType | None = None,
    fair: tuple[str, ...] = (),
    authorised: bool = False,
    claim: Mapping[str, str] | None = None,
    variant_of: str = "",
    payload: Mapping[str, str] | None = None,
) -> Scenario:
    """A scenario that somebody of `team` plays `hours_ago`; a claim and a payload are texts by field."""
    words = {**(claim or {}), **(payload or {})}

    def played(scribe: Scribe, cast: Cast) -> None:
        given = cast.branch.part(name)
        play(Stage(scribe, cast, cast.branch, given.person, given.at, words))

    return Scenario(
        name,
        verdict,
        notes,
        played,
        silent=silent,
        subtle=subtle,
        role=Role(name, team, hours_ago, travels=travels),
        fair=fair,
        authorised=authorised,
        claim="; ".join((claim or {}).values()),
        variant_of=variant_of,
        payload=payload or {},
    )


def past(scribe: Scribe, cast: Cast, person: Person, days_ago: int) -> Stage:
    """The stage of something that somebody did on an earlier day."""
    own = scribe.aside(person.user, days_ago)
    return Stage(own, cast, cast.branch, person, earlier(own, person, days_ago))
