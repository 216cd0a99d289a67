"""Is this a country in which the actor works?"""

from collections.abc import Iterator, Sequence
from datetime import date

from triage.domain.base import Row
from triage.domain.clean import plain
from triage.domain.evidence import Evidence
from triage.domain.signal import Signal
from triage.stages.enrichment.signals.facts import Facts, moment, signal, text
from triage.stages.enrichment.signals.place import check_addresses

DAYS = 3
"""Earlier days with a country from which it is known where somebody works."""
SEVERAL = 3
"""From how many countries on one more says less."""
SHOWN = 4


def countries(facts: Facts) -> Iterator[Signal]:
    """A country in which the actor did nothing before the dwell time."""
    actor = facts.actor
    if not actor.identity or not actor.countries:
        return
    for entry in facts.read("new_country", "address", "first_seen", "country"):
        placed = [row for row in entry.rows if text(row, "country")]
        old = [row for row in placed if facts.settled(row)]
        days = _days(facts, old)
        if not entry.complete or days < DAYS or _at_home(facts, entry):
            continue
        usual = {text(row, "country").casefold(): text(row, "country") for row in old}
        new = [country for country in actor.countries if country.casefold() not in usual]
        if not new:
            continue
        yield signal(
            "new_country",
            f"{facts.who} {'was refused from' if actor.refused else 'acted from'} {plain(new[0])}"
            f"{_since(facts, placed, new[0])}, and on {'' if len(old) == 1 else 'at least '}{days} earlier days only from "
            f"{_listed(sorted(usual.values()))}.",
            [entry],
            scale=_scale(facts, len(usual)),
        )
        return


def _days(facts: Facts, old: Sequence[Row]) -> int:
    """On how many days the rows were written, at least: each counts its own, and they can be the same ones."""
    seen: set[date] = set()
    for row in old:
        for column in ("first_seen", "last_seen"):
            when = moment(row, column)
            if when is not None and when < facts.dwell_start:
                seen.add(when.date())
    return max([len(seen), *(facts.old_days(row) for row in old)])


def _at_home(facts: Facts, entry: Evidence) -> bool:
    """Whether the actor has long used every address of the alert: the provider's map has changed, not the place."""
    old = {text(row, "address") for row in entry.rows if facts.settled(row)}
    return bool(facts.actor.addresses) and set(facts.actor.addresses) <= old


def _since(facts: Facts, placed: Sequence[Row], country: str) -> str:
    """When the country first occurred, where that was on a day before the alert."""
    seen = [moment(row, "first_seen") for row in placed if text(row, "country").casefold() == country.casefold()]
    first = min((when for when in seen if when is not None), default=None)
    if first is None or first.date() >= facts.actor.moment.date():
        return ""
    return f", first on {first.date().isoformat()}"


def _scale(facts: Facts, usual: int) -> float:
    """Less for who travels, who gave a second factor there, and for what was refused."""
    confirmed = check_addresses(facts).verified is not None
    return 0.5 if usual >= SEVERAL or confirmed or facts.actor.refused else 1.0


def _listed(names: Sequence[str]) -> str:
    shown = [plain(name) for name in names[:SHOWN]]
    if len(names) > SHOWN:
        shown.append(f"{len(names) - SHOWN} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
