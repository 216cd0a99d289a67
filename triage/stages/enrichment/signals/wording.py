"""How the sentences of signals say who did what to which object, when, and over which period.

Periods are those of the question that was asked: a sentence says no more than its answer covers.
"""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from triage.domain.clean import plain
from triage.domain.evidence import Evidence
from triage.domain.names import object_name, sentence_start, short_name
from triage.domain.signal import Signal
from triage.logtypes import name_of_number
from triage.stages.enrichment.signals.facts import Facts, plural

_CALL = re.compile(r"(?:\w+\.)*[A-Z][a-z0-9]+(?:[A-Z]\w*)+")
"""The name of an API's method: `SendCommand`, `google.iam.admin.v1.CreateServiceAccountKey`."""
_SLACK = timedelta(hours=1)
"""By how much a period may be shorter than its whole days: an alert's time and its first event's differ by minutes."""
_MINUTE = timedelta(minutes=1)
_MINUTES, _HOURS = 120, 48
"""Up to how many of them a time is said in minutes, and in hours."""
_CONCRETE = re.compile(r"@|\d{8}|[0-9a-f]{8}-|(?:\d+\.){3}\d|[0-9a-f]*:[0-9a-f]*:", re.IGNORECASE)
"""Names of these kinds are looked up in the cited answers when a finding is verified."""


def did(action: str, log_type: str = "") -> str:
    """An act as a verb: `called SendCommand`, `performed user.session.start`; in words where the log gives a number."""
    said = name_of_number(log_type, action)
    if said:
        return said
    return f"{'called' if _CALL.fullmatch(action) else 'performed'} {plain(action)}"


def event_of(action: str, log_type: str = "") -> str:
    """An act as a noun: `SendCommand call`, `user.session.start event`."""
    said = name_of_number(log_type, action)
    if said:
        return f'"{said}" event'
    return f"{plain(action)} {'call' if _CALL.fullmatch(action) else 'event'}"


def did_own(facts: Facts) -> str:
    """The alert's act as a verb of its actor: `called SendCommand`, `was refused SendCommand`."""
    if not facts.actor.actions:
        return "was refused this act" if facts.actor.refused else "did this"
    action = facts.actor.actions[0]
    return f"was refused {plain(action)}" if facts.actor.refused else did(action, facts.actor.log_type)


def named(identity: str) -> str:
    """Anyone but the actor, as people would say their name."""
    return plain(short_name(identity)) or "an unnamed actor"


def shown_object(target: str) -> str:
    """An object by its own name; empty where there is none."""
    return plain(object_name(target)) if target.strip("/") else ""


def on_object(target: str, more: int = 0) -> str:
    """` on trail-1`, ` on trail-1 and 2 others`; empty where no object is known.

    Args:
        target: One of the objects.
        more: How many others there are.
    """
    others = "" if more <= 0 else " and 1 other" if more == 1 else f" and {more} others"
    shown = shown_object(target)
    return f" on {shown}{others}" if shown else ""


def times(count: int) -> str:
    """How often, where that is more than once: ` 3 times`."""
    return f" {count} times" if count > 1 else ""


def later(facts: Facts, when: datetime) -> str:
    """When something followed, from the alert's first event on, to begin a sentence with: `21 min later`."""
    since = when - facts.actor.moment
    return f"{_span(since)} later" if since >= _MINUTE / 2 else "Within a minute"


def earlier(facts: Facts, when: datetime) -> str:
    """When something came before the alert's first event, to begin a sentence with: `58 min before the alert`."""
    ago = facts.actor.moment - when
    return f"{_span(ago)} before the alert" if ago >= _MINUTE / 2 else "Within a minute before the alert"


def _span(time: timedelta) -> str:
    minutes = max(1, round(time / _MINUTE))
    hours = round(minutes / 60)
    if minutes < _MINUTES:
        return f"{minutes} min"
    return f"{hours} h" if hours < _HOURS else f"{round(hours / 24)} days"


def clock(facts: Facts, when: datetime) -> str:
    """A time of day, with its date where that is not the alert's."""
    same = when.date() == facts.actor.moment.date()
    return f"{when:%H:%M} UTC" if same else f"{when:%H:%M} UTC on {when:%Y-%m-%d}"


def before(facts: Facts, answers: Iterable[Evidence], since: datetime | date | None = None) -> str:
    """The period before the alert that all answers cover: `in the 30 days before`.

    Args:
        facts: Give the alert's moment.
        answers: What a statement about the period rests on.
        since: The day on which the period ends, where that is earlier: `in the 25 days before 2026-10-31`.
    """
    start = max((entry.start for entry in answers if entry.start is not None), default=None)
    moment = facts.actor.moment
    end = moment if since is None else datetime(since.year, since.month, since.day, tzinfo=moment.tzinfo)
    day = "" if since is None else f" {since:%Y-%m-%d}"
    span = timedelta(0) if start is None else end - start + _SLACK
    if span.days > 1:
        return f"in the {span.days} days before{day}"
    hours = int((span - _SLACK / 2) / timedelta(hours=1))
    return f"in the {hours} hours before" if hours > 1 and not day else f"before{day or ' the alert'}"


def over(entry: Evidence, until: datetime) -> str:
    """How long an answer looks back from a moment: ` in the 30 days`; empty where its question has no beginning."""
    days = 0 if entry.start is None else (until - entry.start + _SLACK).days
    return f" in the {plural(days, 'day')}" if days else ""


def log_name(entry: Evidence) -> str:
    """The log that was asked, by its log type."""
    return plain(entry.log_type) or "this log"


def service(entry: Evidence) -> str:
    """The product whose log was asked: `Okta` of `Okta.SystemLog`."""
    return plain(entry.log_type.partition(".")[0]) or "this log"


def either(words: Sequence[str]) -> str:
    """`Okta`, `Okta or GSuite`, `Azure, GSuite or Okta`."""
    unique = list(dict.fromkeys(words))
    return unique[0] if len(unique) == 1 else f"{', '.join(unique[:-1])} or {unique[-1]}"


def article(noun: str) -> str:
    """A noun with the indefinite article before it, by its first letters."""
    spoken = noun.lower()
    return f"{'an' if spoken[:1] in 'aeio' and not spoken.startswith('one') else 'a'} {noun}"


def only_known_names(signal: Signal, facts: Facts, cited: Sequence[Evidence]) -> Signal:
    """The signal, its actor called `the actor` where the answers that it cites know them by another name.

    A sign-in log may know the person by another address than the alert's own log: a reader who looks for the name there
    would not find it, and verification refuses the sentence.
    """
    wanted = [part.strip("()").casefold() for part in facts.who.split() if _CONCRETE.search(part)]
    if not wanted or facts.who not in signal.sentence:
        return signal
    for entry in cited:
        rows = json.dumps([dict(row) for row in entry.rows], ensure_ascii=False)
        held = f"{rows} {entry.question} {entry.sql}".casefold()
        if all(part in held for part in wanted):
            return signal
    whole = re.compile(rf"(?<![\w.@+-]){re.escape(facts.who)}(?![\w@])")
    return signal.model_copy(update={"sentence": sentence_start(whole.sub("the actor", signal.sentence))})
