"""What became of the target: worked on or reached by strangers."""

from collections.abc import Iterator
from datetime import timedelta

from triage.domain.base import Row
from triage.domain.clean import plain
from triage.domain.question import ActionClass
from triage.domain.signal import Signal
from triage.questions.classes import is_of_class
from triage.stages.enrichment.signals.facts import SETTLED, Facts, done, is_address, moment, number, signal, text
from triage.stages.enrichment.signals.followups import HOURS


def _existed(facts: Facts, row: Row) -> bool:
    """In use for longer than a day or two, so that a new place is one."""
    return facts.older(row, SETTLED) and is_address(text(row, "address"))


def _since(facts: Facts, row: Row) -> bool:
    """In use after the change, with success, and not for longer than a day before it."""
    first, last = moment(row, "first_seen"), moment(row, "last_seen")
    return (
        first is not None
        and last is not None
        and last > facts.actor.moment
        and facts.actor.moment - timedelta(days=1) < first <= facts.actor.last + HOURS
        and done(row) > 0
        and is_address(text(row, "address"))
    )


def strangers(facts: Facts) -> Iterator[Signal]:
    """After the change someone unknown works on the target, or connects through what was opened."""
    actor = facts.actor
    for entry in facts.read("stranger_on_target", "address", "on_target", "first_seen"):
        settled = any(_existed(facts, row) for row in entry.rows)
        for row in entry.rows:
            if settled and _since(facts, row) and number(row, "on_target") and text(row, "actor") != actor.identity:
                address = text(row, "address")
                if address not in actor.addresses:
                    sentence = f"Afterwards {plain(address)}, not seen in this log before, worked on the same target."
                    yield signal("stranger_on_target", sentence, [entry])
                    return
    for entry in facts.read("opened_to_strangers", "target", "port", "first_seen"):
        fresh = [row for row in entry.rows if _opened(facts, row)]
        if fresh and len(fresh) < len(entry.rows):
            row = fresh[-1]
            sentence = (
                f"After the change {plain(text(row, 'source'))} connected to {plain(text(row, 'target'))} port "
                f"{number(row, 'port')}, which no outside address had reached before."
            )
            yield signal("opened_to_strangers", sentence, [entry])
            return


def new_target(facts: Facts) -> Iterator[Signal]:
    """What was acted on, or who was let in, never occurs in this log before; what the act itself creates is new anyway."""
    actor = facts.actor
    if not actor.targets or actor.refused:
        return
    if any(is_of_class(actor.log_type, action, ActionClass.CREATION) for action in actor.actions):
        return
    for entry in facts.named("target_history"):
        if not entry.row_count:
            shown = plain(actor.targets[0]) if len(actor.targets) == 1 else f"the {len(actor.targets)} targets"
            yield signal("new_target", f"Nobody did anything to {shown} before.", [entry], absence=True)
            return


def _opened(facts: Facts, row: Row) -> bool:
    first = moment(row, "first_seen")
    return first is not None and facts.actor.moment < first <= facts.actor.last + HOURS
