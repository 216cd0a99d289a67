"""Refused calls, refused attempts to sign in, and what became of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain.base import Row
from triage.domain.clean import plain
from triage.domain.evidence import Evidence
from triage.domain.signal import Signal
from triage.stages.enrichment.signals.facts import Facts, moment, number, plural, signal, text
from triage.stages.enrichment.signals.known_devices import check_devices
from triage.stages.enrichment.signals.wording import article, before, clock, service

FAILURES = 5
DENIED_PROMPTS = 3
REFUSED = 3
HOUR = timedelta(hours=1)
ITSELF = timedelta(seconds=5)
_SUCCEEDED = ("SUCCESS", "ALLOW", "")


@dataclass(frozen=True, slots=True)
class DeniedFactors:
    """Second factors that one person denied or failed, so many within an hour that it was no slip."""

    count: int
    first: datetime
    last: datetime
    addresses: frozenset[str]
    prompts: bool
    """Prompts that the person denied, rather than codes that were wrong."""

    def ended_in(self, row: Row) -> bool:
        """Whether a row counts a success that came of it: within an hour after, or around it at the same address."""
        first, last = moment(row, "first_seen"), moment(row, "last_seen")
        if text(row, "result") != "SUCCESS" or first is None or last is None or last <= self.first:
            return False
        return self.first < first <= self.last + HOUR or (
            first <= self.first and text(row, "address") in self.addresses
        )


def _is_prompt(row: Row) -> bool:
    return "deny" in text(row, "step")


def denied_factors(rows: Sequence[Row]) -> DeniedFactors | None:
    """Denied and failed second factors among one person's sign-ins, at whichever addresses: the telephone has its own."""
    prompts = [row for row in rows if _is_prompt(row)]
    failed = [
        row
        for row in rows
        if row.get("second_factor") is True and not _is_prompt(row) and text(row, "result") not in _SUCCEEDED
    ]
    # A log may note one denial under both names.
    counted = max((prompts, failed), key=lambda found: sum(number(row, "times") for row in found))
    count = sum(number(row, "times") for row in counted)
    times = [time for row in counted for name in ("first_seen", "last_seen") if (time := moment(row, name))]
    if not times:
        return None
    first, last = min(times), max(times)
    if count * (HOUR / max(HOUR, last - first)) < DENIED_PROMPTS:
        return None
    places = frozenset(text(row, "address") for row in [*prompts, *failed])
    return DeniedFactors(count, first, last, places, counted is prompts)


def refusals_of(rows: Sequence[Row]) -> int:
    """Refused sign-ins among the rows of one address; 0 where there are no more than a slip makes."""
    failed = sum(number(row, "times") for row in rows if not _is_prompt(row) and text(row, "result") not in _SUCCEEDED)
    denied = denied_factors(rows)
    return denied.count if denied is not None else failed if failed >= FAILURES else 0


def succeeded_after(facts: Facts) -> tuple[Evidence, str, datetime] | None:
    """The alert is about a refused sign-in, and one from the same address succeeded afterwards: the answer, where, when."""
    actor = facts.actor
    if not actor.refused:
        return None
    for entry in facts.read("failed_then_succeeded", "address", "step", "result"):
        for address in actor.addresses:
            here = [row for row in entry.rows if text(row, "address") == address]
            refused = any(
                text(row, "result") not in _SUCCEEDED
                and (first := moment(row, "first_seen")) is not None
                and (last := moment(row, "last_seen")) is not None
                and first <= actor.last + ITSELF
                and last >= actor.moment - ITSELF
                for row in here
            )
            after = [
                last
                for row in here
                if text(row, "result") == "SUCCESS"
                and not _is_prompt(row)
                and (last := moment(row, "last_seen")) is not None
                and last > actor.moment
            ]
            if refused and after:
                return entry, address, min(after)
    return None


def sign_ins(facts: Facts, usual: frozenset[str]) -> Iterator[Signal]:
    """Refusals that end in success.

    Args:
        facts: The answers.
        usual: Addresses that the actor has used for long.
    """
    for entry in facts.read("failed_then_succeeded", "address", "step", "result"):
        denied = denied_factors(entry.rows)
        if denied is not None and any(denied.ended_in(row) for row in entry.rows):
            sentence = _denials(facts, entry, denied)
            # Wrong codes at the usual place are clumsiness; a prompt is denied because somebody else asked for it.
            # Neither did, where the success came at the usual place on the person's own device.
            accepted = {text(row, "address") for row in entry.rows if denied.ended_in(row)}
            slip = (not denied.prompts and denied.addresses <= usual) or (accepted <= usual and _on_own_device(facts))
            yield signal("failed_then_succeeded", sentence, [entry], scale=0.4 if slip else 1.0)
            return
        for address in dict.fromkeys(text(row, "address") for row in entry.rows):
            here = [row for row in entry.rows if text(row, "address") == address]
            refusals = refusals_of(here)
            if refusals and _ended_well(here):
                began = clock(facts, min(_refused_at(here)))
                sentence = (
                    f"{plural(refusals, f'{service(entry)} sign-in')} from {plain(address)} "
                    f"{'was' if refusals == 1 else 'were'} refused, the first at {began}, before one succeeded."
                )
                yield signal("failed_then_succeeded", sentence, [entry], scale=0.2 if address in usual else 1.0)
                return
    found = succeeded_after(facts)
    if found is not None:
        entry, address, when = found
        minutes = max(1, round((when - facts.actor.moment).total_seconds() / 60))
        sentence = (
            f"{minutes} min after the refused sign-in of the alert, {article(service(entry))} sign-in from {plain(address)} "
            "succeeded."
        )
        yield signal("failed_then_succeeded", sentence, [entry], scale=0.2 if address in usual else 0.8)


def _on_own_device(facts: Facts) -> bool:
    """Whether the person's own device is at the alert's addresses, and no other."""
    found = check_devices(facts)
    return found is not None and bool(found.own) and not found.new


def _denials(facts: Facts, entry: Evidence, denied: DeniedFactors) -> str:
    """What became of a person's second factors; refused ones of others may be among those from the same address."""
    whose = f" of {facts.who}" if entry.key.endswith(".person_signins") else ""
    what = f"{service(entry)} {'second-factor prompt' if denied.prompts else 'second factor'}"
    came = ("was denied" if denied.count == 1 else "were denied") if denied.prompts else "failed"
    began = clock(facts, denied.first)
    return f"{plural(denied.count, what)}{whose} {came}, the first at {began}, before one was accepted."


def _refused_at(rows: Sequence[Row]) -> list[datetime]:
    return [first for row in rows if text(row, "result") != "SUCCESS" and (first := moment(row, "first_seen"))]


def _ended_well(rows: Sequence[Row]) -> bool:
    """Whether a success followed the first refusal."""
    firsts = _refused_at(rows)
    return bool(firsts) and any(
        text(row, "result") == "SUCCESS" and (last := moment(row, "last_seen")) is not None and last > min(firsts)
        for row in rows
    )


def _refused_before(facts: Facts, row: Row) -> bool:
    if "old_refused" in row:
        return number(row, "old_refused") > 0
    return number(row, "refused") > 0 and facts.settled(row)


def refused(facts: Facts) -> Iterator[Signal]:
    """Calls refused around the alert, of kinds that were not refused before and that are not the alert itself."""
    known = set(facts.actor.actions) if facts.actor.refused else set()
    for entry in facts.read("first_seen_actor", "action", "refused"):
        if not entry.complete:
            return
        known |= {text(row, "action") for row in entry.rows if _refused_before(facts, row)}
    for entry in facts.read("refused", "action", "address", "refused"):
        if "days" in entry.columns:
            continue
        rows = [row for row in entry.rows if number(row, "refused") and text(row, "action") not in known]
        total = sum(number(row, "refused") for row in rows)
        if total >= REFUSED:
            example = plain(text(rows[0], "action"))
            what = example if len(rows) == 1 else f"{len(rows)} actions such as {example}"
            earlier = entry.end is not None and entry.end <= facts.actor.moment
            when = before(facts, [entry]) if earlier else "after the alert"
            sentence = f"{facts.who} was refused {total} times {when}, at {what}."
            yield signal("refused", sentence, [entry], scale=1.0 if len(rows) > 1 else 0.6)
            return
