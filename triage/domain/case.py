"""A case: the alerts of one incident, and what they can be linked by. `related` has the rules."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from triage.domain.alert import Moment
from triage.domain.base import Value
from triage.domain.disposition import Disposition


class KeyKind(StrEnum):
    """What an alert can be linked by."""

    EVENT = "event"
    """A row of the log that is in the alert."""
    SESSION = "session"
    """The session, token or access key that it was done with."""
    ACTOR = "actor"
    """Who acted, a person."""
    AGENT = "agent"
    """Who acted, maybe shared by many: counts only where another alert made or reached it."""
    MADE = "made"
    """An identity or key that the alert's acts made or reached."""
    TARGET = "target"
    """What it was done to: counts only together with the person."""


class LinkKey(Value):
    """One value that an alert can be linked by, and when it was seen there."""

    kind: KeyKind
    value: str
    """For an identity, its kind and its value: `email:mira.holt@example.com`."""
    first: Moment
    last: Moment
    log_type: str = ""
    """The log in which it was seen; empty for what counts in every log."""

    @property
    def shown(self) -> str:
        """The value as people know it."""
        named = self.kind in (KeyKind.ACTOR, KeyKind.AGENT, KeyKind.MADE)
        return self.value.partition(":")[2] if named else self.value


class LinkKeys(Value):
    """All that one alert can be linked by."""

    alert_id: str
    keys: tuple[LinkKey, ...] = ()

    @property
    def first(self) -> datetime:
        return min(key.first for key in self.keys)

    @property
    def last(self) -> datetime:
        return max(key.last for key in self.keys)


class CaseMember(Value):
    """One alert of a case."""

    alert_id: str
    title: str
    detection: str
    """Its name, or its id where it has none."""
    at: Moment
    """Its first event."""
    verdict: Disposition | None = None

    @property
    def gravity(self) -> int:
        """That of its verdict; below all of them without one."""
        return -1 if self.verdict is None else self.verdict.gravity


class CaseLink(Value):
    """Why two alerts belong together."""

    one: str
    other: str
    why: str
    """In words, with values as the logs hold them."""


class Case(Value):
    """Alerts that belong to one incident."""

    members: tuple[CaseMember, ...]
    """In order of time; at least two."""
    links: tuple[CaseLink, ...] = ()

    @property
    def id(self) -> str:
        """The id of its first alert."""
        return self.members[0].alert_id

    @property
    def lead(self) -> CaseMember:
        """The one that carries the analysis: of the gravest verdict, and of several such the earliest."""
        return max(self.members, key=lambda each: each.gravity)

    @property
    def verdict(self) -> Disposition | None:
        """The gravest."""
        return self.lead.verdict


def case_of(members: Iterable[CaseMember], links: Iterable[CaseLink]) -> Case:
    """The case of these members, in order of time."""
    return Case(members=tuple(sorted(members, key=lambda each: (each.at, each.alert_id))), links=tuple(links))
