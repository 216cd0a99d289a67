"""Is it the person's own device that is at the alert's address?"""

from collections.abc import Iterator, Sequence

from triage.domain.base import Row
from triage.domain.clean import plain
from triage.domain.signal import Signal
from triage.stages.enrichment.signals.facts import Facts, number, signal
from triage.stages.enrichment.signals.known_devices import check_devices
from triage.stages.enrichment.signals.place import check_addresses
from triage.stages.enrichment.signals.wording import service


def devices(facts: Facts) -> Iterator[Signal]:
    """At a place that is new to the actor: their own device, or one that nobody has seen there of them."""
    found = check_devices(facts)
    place = check_addresses(facts)
    if found is None or not place.address or place.known is not None:
        return
    shown, where = plain(place.address), service(found.entry)
    if found.new and not found.own:
        # Where their own device is as well, a new one is another of theirs: a phone beside a computer.
        yield signal(
            "new_device", f"{facts.who} signed in to {where} from {shown} {_on_new(facts, found.new)}.", [found.entry]
        )
    elif found.own:
        days = max(number(row, "old_days") for row in found.own)
        sentence = (
            f"{facts.who} signed in to {where} from {shown} on a device of their own, used on {days} days by "
            f"{facts.dwell_start:%Y-%m-%d}."
        )
        yield signal("known_device", sentence, [found.entry])


def _on_new(facts: Facts, new: Sequence[Row]) -> str:
    what = "a device" if len(new) == 1 else f"{len(new)} devices"
    return f"on {what} that the log has not seen them use by {facts.dwell_start:%Y-%m-%d}, as it has others"
