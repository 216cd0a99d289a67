"""An account whose owner has left, by Panther's actor profile. Somebody's being employed is no fact: so are insiders."""

from collections.abc import Iterator
from datetime import timedelta

from triage.domain.base import Row
from triage.domain.signal import Signal
from triage.stages.enrichment.signals.facts import Facts, signal

LEFT = frozenset({"terminated", "former", "former employee", "left", "offboarded", "deprovisioned", "separated"})
"""Words of identity providers; others, such as `inactive` or `suspended`, are said of people on leave, too."""
YOUNG = timedelta(days=2)
"""A profile says what holds now: of an older alert it doesn't tell whether its actor had left by then."""


def departed(facts: Facts) -> Iterator[Signal]:
    """The actor's own profile says that they have left."""
    if facts.now - facts.actor.moment > YOUNG:
        return
    own = {name.casefold() for name in (facts.actor.identity, *facts.actor.people)}
    for entry in facts.evidence:
        if entry.key != "profiles" or entry.error:
            continue
        for row in entry.rows:
            # Where providers disagree, one of them has hired the person again, or not yet noticed.
            words = _texts(row, "employment")
            if words and all(word.casefold() in LEFT for word in words) and own & _names(row):
                sentence = (
                    f"{facts.who} has left: Panther's actor profile says {words[0].casefold()} ({facts.now:%Y-%m-%d})."
                )
                yield signal("departed", sentence, [entry])
                return


def _names(row: Row) -> set[str]:
    return {name.casefold() for column in ("emails", "usernames") for name in _texts(row, column)}


def _texts(row: Row, column: str) -> list[str]:
    value = row.get(column)
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
