"""What a scenario is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from tools.worlds.branch import Role
from tools.worlds.cast import Cast
from tools.worlds.company import Company, Person
from tools.worlds.lake import LogType, Scribe
from tools.worlds.worktime import SETTLED

Verdict = Literal["malicious", "benign"]
Difficulty = Literal["plain", "subtle", "undecidable"]

EXERCISE = "exercise"
"""Story of what the security team staged in earlier weeks: past alerts that were no false alarms."""


@dataclass(frozen=True, slots=True)
class Post:
    """Somebody of the parent company who plays a scenario, and when; `hour` is on their own clock."""

    team: str
    index: int
    hour: float
    youngest: timedelta = SETTLED
    travels: bool = False
    near: bool = False
    """Whether a trip goes no further than a night's journey."""

    def person(self, company: Company) -> Person:
        """Who it is."""
        return company.team(self.team)[self.index]

    def at(self, company: Company) -> datetime:
        """The hour, moved into the last day where it has to be."""
        return company.timeline.recent(self.hour, self.person(company).office.offset, self.youngest)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One labelled story: what happened, and what an investigation can know of it."""

    name: str
    """`<pair>/<part>`; also the incident that its alerts belong to."""

    verdict: Verdict
    notes: str
    play: Callable[[Scribe, Cast], None]
    silent: LogType | None = None
    """The log that would decide it, where its source does not deliver any more: then no verdict can be definite."""

    subtle: bool = False
    """Whether what decides it is spread over several logs, or small beside what looks the other way."""

    role: Role | None = None
    """Who plays it in the company that was taken over, if somebody does."""

    post: Post | None = None
    """Who plays it in the parent company, where that is not the cast's affair."""

    fair: tuple[str, ...] = ()
    """Verdicts that count as right besides its own."""

    authorised: bool = False
    """Whether only the operator's list of allowed activity makes it benign."""

    claim: str = ""
    """What the actor says of it in a field of their own choice: words that prove nothing, on both of a pair."""

    variant_of: str = ""
    """The scenario of which this is the same again, but for `payload`."""

    payload: Mapping[str, str] = field(default_factory=dict)
    """Text for whoever reads the logs, by the field that a part of it stands in."""

    @property
    def pair(self) -> str:
        return self.name.partition("/")[0]

    @property
    def difficulty(self) -> Difficulty:
        if self.silent:
            return "undecidable"
        return "subtle" if self.subtle else "plain"

    @property
    def accept(self) -> list[str]:
        """The verdicts that count as right."""
        return ["inconclusive", "suspicious"] if self.silent else [self.verdict, *self.fair]

    @property
    def near(self) -> list[str]:
        """The verdicts that are neither right nor the opposite."""
        if self.silent:
            return []
        near = "suspicious" if self.verdict == "malicious" else "inconclusive"
        return [] if near in self.fair else [near]


def recent(scribe: Scribe, person: Person, hour: float) -> datetime:
    """`hour` on the person's clock, within the last day, plus a few minutes."""
    return scribe.timeline.recent(hour, person.office.offset) + scribe.dice.minutes(0, 9)


def earlier(scribe: Scribe, person: Person, days_ago: int) -> datetime:
    """Some moment of a person's working day, days ago."""
    return scribe.timeline.past(days_ago, 12.5, person.office.offset) + scribe.dice.minutes(0, 180)


def exercise(scribe: Scribe) -> Scribe:
    """Writes on behalf of the security team's exercises."""
    return Scribe(scribe.company, scribe.lake, scribe.dice.child(EXERCISE), EXERCISE)
