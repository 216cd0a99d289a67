"""Which routes a result takes: conditions, and which of them come first. Pure.

The order is that of Panther's own destinations: what the finding says comes before what its detection says, that before
the verdict, that before the severity; a route without conditions comes last. Routes of one rank stand in the order of the
configuration.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Literal

from triage.domain.alert import Alert, Severity
from triage.domain.base import Value
from triage.domain.evidence import Source
from triage.domain.globs import any_glob
from triage.domain.verdict import Disposition, Investigation, confidence_word

ConfidenceWord = Literal["high", "medium", "low"]
Match = Literal["first", "all"]


class Precedence(IntEnum):
    """What a route's most specific condition looks at; the least comes first."""

    FINDING = 0
    """Its tags, or the case it belongs to."""
    DETECTION = 1
    VERDICT = 2
    """With or without its confidence."""
    SEVERITY = 3
    ANYTHING = 4
    """No condition at all."""


class RoutedResult(Value):
    """What conditions may look at."""

    verdict: Disposition
    confidence: ConfidenceWord
    severity: Severity
    detection: str
    """Id; empty for a system error."""
    tags: tuple[str, ...] = ()
    """Names of the open flags, which measured facts raise, then the detection's own tags and techniques. What a model
    names is none: a misled one could send its result to where nobody looks."""
    case: bool = False
    """Whether other alerts belong to the same incident."""

    @classmethod
    def of(cls, alert: Alert, investigation: Investigation) -> "RoutedResult":
        """Read it from a finished investigation."""
        rows = (row for entry in investigation.evidence if entry.source is Source.DETECTION for row in entry.rows)
        of_detection = [
            tag
            for row in rows
            for tags in (row.get("tags"), row.get("techniques"))
            if isinstance(tags, list)
            for tag in tags
        ]
        flags = [flag.name for flag in investigation.verdict.flags if flag.open]
        verdict = investigation.verdict
        word = confidence_word(verdict.confidence)
        return cls(
            verdict=verdict.disposition,
            confidence="high" if word == "high" else "medium" if word == "medium" else "low",
            severity=alert.severity,
            detection=alert.detection_id,
            tags=tuple(dict.fromkeys((*flags, *map(str, of_detection)))),
            case=investigation.case is not None,
        )


class Conditions(Value):
    """All of them have to hold; one that is empty always does."""

    verdicts: tuple[Disposition, ...] = ()
    confidence: tuple[ConfidenceWord, ...] = ()
    severities: tuple[Severity, ...] = ()
    """A severity that this program doesn't know counts as CRITICAL."""
    detections: tuple[str, ...] = ()
    """Globs over the detection's id, without regard to case."""
    tags: tuple[str, ...] = ()
    """Globs, of which one has to match one tag."""
    case: bool | None = None
    """`None`: in a case or not."""

    @property
    def precedence(self) -> Precedence:
        """That of the most specific condition."""
        if self.tags or self.case is not None:
            return Precedence.FINDING
        if self.detections:
            return Precedence.DETECTION
        if self.verdicts or self.confidence:
            return Precedence.VERDICT
        return Precedence.SEVERITY if self.severities else Precedence.ANYTHING

    def unmet(self, result: RoutedResult) -> tuple[str, ...]:
        """Each condition that a result does not meet, in words; empty if the route matches."""
        severity = result.severity if result.severity.known else Severity.CRITICAL
        found = []
        if self.verdicts and result.verdict not in self.verdicts:
            found.append(f"the verdict is {result.verdict.value}, not {_any(self.verdicts)}")
        if self.confidence and result.confidence not in self.confidence:
            found.append(f"the confidence is {result.confidence}, not {_any(self.confidence)}")
        if self.severities and severity not in self.severities:
            found.append(f"the severity is {result.severity.value}, not {_any(self.severities)}")
        if self.detections and not any_glob(result.detection, self.detections):
            found.append(f"the detection is {result.detection or 'none'}, not {_any(self.detections)}")
        if self.tags and not any(any_glob(tag, self.tags) for tag in result.tags):
            found.append(f"no tag is {_any(self.tags)}")
        if self.case is not None and self.case is not result.case:
            found.append("it is in a case" if result.case else "it is in no case")
        return tuple(found)


def _any(values: Iterable[str]) -> str:
    return " or ".join(map(str, values))


class RouteChoice(Value):
    """What became of one route for one result."""

    name: str
    chosen: bool
    why: str


def choose(
    routes: Sequence[tuple[str, Conditions]], result: RoutedResult, match: Match = "first"
) -> tuple[RouteChoice, ...]:
    """Decide on every route, in order of precedence.

    Args:
        routes: Names and conditions, in the order of the configuration.
        result: What was found.
        match: `first`: only the first that matches is taken; `all`: each that does.
    """
    choices: list[RouteChoice] = []
    taken = ""
    # Sorting is stable: the configuration's order decides within a rank.
    for name, conditions in sorted(routes, key=lambda route: route[1].precedence):
        unmet = conditions.unmet(result)
        if unmet:
            choices.append(RouteChoice(name=name, chosen=False, why="; ".join(unmet)))
        elif taken and match == "first":
            choices.append(RouteChoice(name=name, chosen=False, why=f"matches, but {taken} comes first"))
        else:
            rank = conditions.precedence
            why = "it has no conditions" if rank is Precedence.ANYTHING else f"matches by {rank.name.lower()}"
            choices.append(RouteChoice(name=name, chosen=True, why=why))
            taken = taken or name
    return tuple(choices)
