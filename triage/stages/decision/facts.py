"""What the second call reads: verified findings in code's words, signals, runbook states, and the provider's facts."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue

from triage.domain.actor_values import ActorValues
from triage.domain.argument import Argument, argue
from triage.domain.base import Row
from triage.domain.citation import ValueCitation
from triage.domain.detection import Detection
from triage.domain.evidence import SAME_CASE, Evidence, Source, by_id
from triage.domain.finding import CheckedFinding
from triage.domain.flag import FLAGS, RaisedFlag
from triage.domain.injection import looks_like_instruction
from triage.domain.redaction import redact
from triage.domain.signal import Signal, is_proven
from triage.domain.times import parse_time
from triage.domain.trust import Trust
from triage.domain.verdict import RunbookAnswer
from triage.logtypes import classify
from triage.stages.decision.asked import asked_text
from triage.stages.decision.masked import Masking, Pair, alert_values, within
from triage.stages.decision.proven import Pseudonyms, is_listed, proven_sentence

_MAX_FINDINGS = 40
_MAX_SIGNALS = 40
_MAX_EVENTS = 100
_MAX_COLUMNS = 16
_MAX_VALUES = 6
_MAX_DESCRIPTION_CHARS = 900
_MAX_STEP_CHARS = 300
_MAX_DEPTH = 4
_AROUND = timedelta(days=1)
"""Where some of a fact's times lie in the day before the alert or later, the others are its background."""
_ONE_TIME = timedelta(hours=1)
"""Times further apart are not those of one fact."""
_TIMES = ("first_seen", "last_seen", "day")
_FINDINGS = "those towards benign that rest on `measured` and not on `actor`"
_OLD_FINDINGS = (
    "those of counts of what was so before an intruder can have been here, of the same thing, towards benign"
)
_BESIDE = {"stranger": frozenset({"stranger_known"})}
"""Facts that answer no flag, and without which one is misread."""
_NO_FINDINGS = "none"
_MAX_CASE = 10
_MAX_ACTORS = 5


def facts_of(
    findings: Sequence[CheckedFinding],
    signals: Sequence[Signal],
    evidence: Sequence[Evidence],
    runbook: Sequence[RunbookAnswer],
    detection: Detection,
    *,
    injected: bool,
    by_actor: bool = True,
    argument: Argument | None = None,
    known: frozenset[Pair] | None = None,
    actors: Sequence[ActorValues] = (),
    alert_at: datetime | None = None,
) -> dict[str, JsonValue]:
    """Everything that the judge sees, as JSON, what decides first.

    None of its text was written by a model or chosen by whoever acted: see `proven` for findings and `masked` for the
    sentences of measured facts. A name is `name 1` everywhere, so that facts can be joined.

    Args:
        findings: All of the draft's, checked.
        signals: What enrichment measured.
        evidence: Every answer.
        runbook: How its steps ended.
        detection: What fired.
        injected: Log text tries to instruct its reader.
        by_actor: Whoever acted in the alert could have written that text.
        argument: The flags; by default from `signals`.
        known: Whatever the alert is about, from `alert_values`; by default what its events hold.
        actors: Whoever acted, with every name that they are known by.
        alert_at: When it happened.
    """
    argument = argument if argument is not None else argue(signals, evidence)
    names = Pseudonyms()
    entries = by_id(evidence)
    masking = Masking(entries, names, alert_values(evidence) if known is None else known)
    held = [checked for checked in findings if checked.verified][:_MAX_FINDINGS]
    said = [_finding(checked, entries, names) for checked in held]
    flags = [_flag(flag, signals, masking, alert_at) for flag in argument.flags]
    measured = [_signal(signal, masking) for signal in signals[:_MAX_SIGNALS]]
    return {
        "detection": _detection(detection),
        "alert_at": _time_text(alert_at) if alert_at is not None else None,
        "actors": _actors(actors, names),
        "flags": flags,
        "what_followed_is_unknown": list(argument.gaps),
        "findings": said,
        "questions": _questions(held, masking),
        "findings_that_did_not_hold": sum(not checked.verified for checked in findings),
        "signals": measured,
        "same_case": _same_case(evidence),
        "event_facts": _event_facts(evidence),
        "runbook": [
            {"step": answer.step, "asks": _text(answer.text), "state": answer.state.value} for answer in runbook
        ],
        "log_text_instructs_its_reader": {
            "found": injected,
            "the_alerts_actor_could_have_written_it": bool(injected and by_actor),
        },
    }


def _actors(actors: Sequence[ActorValues], names: Pseudonyms) -> JsonValue:
    """Under which names each actor of the alert, and what its acts made or reached, stands in the facts."""

    def called(values: Iterable[str]) -> list[JsonValue]:
        # Only names that the facts hold: a placeholder that occurs nowhere says nothing.
        return [*dict.fromkeys(form for value in values if value for form in names.forms_of(value))]

    found: list[JsonValue] = []
    for actor in actors[:_MAX_ACTORS]:
        them = called((actor.name, *(each.value for each in actor.identities)))
        made: list[JsonValue] = [
            {"names": those, "what_was_done": each.relation.value}
            for each in actor.derived[:_MAX_VALUES]
            if (those := called((each.value, each.identity.value)))
        ]
        if them or made:
            found.append({"names": them, **({"made_or_reached": made} if made else {})})
    return found


def _same_case(evidence: Sequence[Evidence]) -> JsonValue:
    """This program's verdicts on the alerts of the same case: detections by their authors' names, times, verdicts."""
    rows = [
        row for entry in evidence if entry.key == SAME_CASE and entry.source is Source.HISTORY for row in entry.rows
    ]
    return [
        {"detection": _text(str(row.get("detection"))), "at": row.get("at"), "verdict": row.get("verdict")}
        for row in rows[:_MAX_CASE]
    ]


def _questions(findings: Sequence[CheckedFinding], masking: Masking) -> JsonValue:
    """What each answer that a finding cites was asked for."""
    cited = dict.fromkeys(name for checked in findings for name in checked.evidence if name in masking.evidence)
    known = masking.words()
    texts = {name: asked_text(masking.evidence[name], masking.evidence, masking.names, known) for name in cited}
    return {name: text for name, text in texts.items() if text}


def _finding(checked: CheckedFinding, evidence: Mapping[str, Evidence], names: Pseudonyms) -> JsonValue:
    trust: list[JsonValue] = [*sorted(trust.value for trust in checked.trust)]
    return {
        "number": checked.number,
        "supports": checked.finding.direction.value,
        "rests_on": trust,
        "shows": proven_sentence(checked, evidence, names),
    }


def _flag(flag: RaisedFlag, signals: Sequence[Signal], masking: Masking, alert_at: datetime | None) -> JsonValue:
    """A flag with what raised it and when, what answers it already, and what may; open where nothing does."""

    def facts(sentences: Sequence[str]) -> list[Signal]:
        return list(dict.fromkeys(signal for signal in signals if signal.sentence in sentences))

    def said(signal: Signal) -> JsonValue:
        when = _time_of(signal, masking.evidence, alert_at)
        return {"says": masking.sentence(signal), **({"at": when} if when else {})}

    row = FLAGS[flag.name]
    found: dict[str, JsonValue] = {
        "flag": flag.name,
        "asks": flag.asks,
        "supports": row.supports.value,
        "hard": flag.hard,
        "raised_by": [said(fact) for fact in facts(flag.raised)],
        "answered_by": [said(fact) for fact in facts(flag.answers)],
        "may_be_answered_by": {
            "facts": [name.replace("_", " ") for name in sorted(row.answered_by)],
            "findings": _findings_for(flag),
        },
    }
    beside = [
        signal for signal in signals if signal.name in _BESIDE.get(flag.name, ()) and _is_about_same(signal, flag)
    ]
    if beside:
        found["see_as_well"] = [said(fact) for fact in beside]
    return found | ({"actor": masking.names.of(flag.subject)} if flag.subject else {})


def _findings_for(flag: RaisedFlag) -> str:
    """Which findings may answer a flag, in words."""
    if not flag.hard:
        return _FINDINGS
    prepared = f"those in which somebody else {flag.prepared.value}" if flag.prepared is not None else ""
    return "; ".join(filter(None, (_OLD_FINDINGS if FLAGS[flag.name].old else "", prepared))) or _NO_FINDINGS


def _is_about_same(signal: Signal, flag: RaisedFlag) -> bool:
    """Whether a fact is about the actor of a flag, or about the alert as a whole."""
    return signal.subject in ("", flag.subject)


def _time_of(signal: Signal, evidence: Mapping[str, Evidence], alert_at: datetime | None) -> str:
    """From when to when what a fact rests on happened, by the rows that it cites; empty where they don't say."""
    found: set[datetime] = set()
    for citation in signal.citations:
        entry = evidence.get(citation.evidence)
        if not isinstance(citation, ValueCitation) or entry is None or citation.row >= len(entry.rows):
            continue
        found |= {when for column in _TIMES if (when := parse_time(entry.rows[citation.row].get(column))) is not None}
    if alert_at is not None and (around := {when for when in found if when >= alert_at - _AROUND}):
        # Since when something is known says nothing of when the fact happened.
        found = around
        if max(found) - min(found) > _ONE_TIME:
            # The sentence has its times; the first of such a span would read as the time of the fact.
            return ""
    if not found:
        return ""
    return " to ".join(dict.fromkeys(map(_time_text, (min(found), max(found)))))


def _time_text(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _signal(signal: Signal, masking: Masking) -> JsonValue:
    cited = [masking.evidence[name] for name in signal.evidence if name in masking.evidence]
    found: dict[str, JsonValue] = {
        "name": signal.name,
        "supports": signal.direction.value,
        "proven": is_proven(signal, masking.evidence),
        "says": masking.sentence(signal),
        "from": [entry.key.rsplit(".", 1)[-1] for entry in cited],
    }
    return found | ({"actor": masking.names.of(signal.subject)} if signal.subject else {})


def _text(text: str) -> str:
    """The detection author's own words; left out where they read like an order."""
    return "" if looks_like_instruction(text) else within(redact(text), _MAX_STEP_CHARS)


def _detection(detection: Detection) -> JsonValue:
    """The detection's own words, since its authors run the SIEM; nothing that an alert filled in."""
    found: dict[str, JsonValue] = {
        "id": detection.id,
        "name": detection.name,
        "severity": detection.severity.value if detection.severity is not None else None,
        "description": within(redact(detection.description), _MAX_DESCRIPTION_CHARS),
        "techniques": [*detection.techniques],
        "log_types": [*detection.log_types],
    }
    return {
        key: value
        for key, value in found.items()
        if value not in (None, "", []) and not (isinstance(value, str) and looks_like_instruction(value))
    }


def _event_facts(evidence: Sequence[Evidence]) -> JsonValue:
    """How often each word of the provider's lists occurs in the alert's events, by column."""
    counted: dict[str, Counter[str]] = {}
    for entry in evidence:
        if entry.source is not Source.EVENTS:
            continue
        for row in entry.rows[:_MAX_EVENTS]:
            for column, value in _texts(row):
                if classify(entry.log_type, column, value=value) is Trust.PROVIDER and is_listed(column, value):
                    counted.setdefault(column, Counter())[value] += 1
    return {column: dict(values.most_common(_MAX_VALUES)) for column, values in list(counted.items())[:_MAX_COLUMNS]}


def _texts(row: Row, above: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    for key, value in row.items():
        column = f"{above}.{key}" if above else key
        if isinstance(value, str):
            yield column, value
        elif isinstance(value, Mapping) and depth < _MAX_DEPTH:
            yield from _texts(value, column, depth + 1)
