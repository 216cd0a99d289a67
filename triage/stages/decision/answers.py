"""Which of the judge's answers count: a flag is answered by what the table allows, and by nothing that is only said."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from triage.domain.argument import Argument, FlagOfActor
from triage.domain.base import Row
from triage.domain.evidence import Evidence, Source
from triage.domain.finding import CheckedFinding, Citation, ValueCitation
from triage.domain.flag import FLAGS, RaisedFlag
from triage.domain.identity import EVERYBODYS_MAIL
from triage.domain.signal import Direction
from triage.domain.times import parse_time
from triage.domain.trust import Trust

_SIGNS = ".,:;()\"'"
"""Stand around a word in a sentence of ours."""


def accepted_answers(
    argument: Argument,
    proposed: Mapping[str, Sequence[int]],
    findings: Sequence[CheckedFinding],
    evidence: Mapping[str, Evidence],
    *,
    dwell_start: datetime,
) -> dict[FlagOfActor, tuple[CheckedFinding, ...]]:
    """The open flags that the judge answers with findings that may answer them.

    A soft flag is answered by a verified finding towards benign that rests on our own counts and on nothing that the
    actor chose. A hard one by such a finding only where the table says so, and then by what was counted before the dwell
    time: in an answer over that time, or in a row that says how much of it is so old.
    What was asked about one actor of an alert answers for no other; where several have the same flag open, an answer
    has to be about one of them.

    Args:
        argument: The flags.
        proposed: By flag, the numbers of the findings that answer it, as the judge says.
        findings: All of the draft's, checked.
        evidence: By id.
        dwell_start: What is older, no suspect can have made.
    """
    by_number = {checked.number: checked for checked in findings}
    raised = Counter(flag.name for flag in argument.open)
    found: dict[FlagOfActor, tuple[CheckedFinding, ...]] = {}
    for flag in argument.open:
        cited = [by_number[number] for number in proposed.get(flag.name, ()) if number in by_number]
        fitting = {flag.subject} if raised[flag.name] > 1 else {"", flag.subject}
        cited = [checked for checked in cited if _is_solid(checked) and _subjects(checked, evidence) <= fitting]
        if flag.hard:
            cited = [checked for checked in cited if _answers_hard(checked, flag, evidence, dwell_start)]
        if cited:
            found[flag.name, flag.subject] = tuple(cited)
    return found


def vouches(checked: CheckedFinding, subject: str, evidence: Mapping[str, Evidence], dwell_start: datetime) -> bool:
    """Whether a finding shows what no suspect can have made: work or a party of before the dwell time, by our own counts.

    Args:
        checked: A finding of the draft.
        subject: The actor that it has to be about, or the alert as a whole.
        evidence: By id.
        dwell_start: What is older, no suspect can have made.
    """
    if not _is_solid(checked) or not _subjects(checked, evidence) <= {"", subject}:
        return False
    if _is_old(checked, evidence, dwell_start):
        return True
    return any(_cites_old_row(citation, evidence, dwell_start) for citation in checked.finding.citations)


def _answers_hard(
    checked: CheckedFinding, flag: RaisedFlag, evidence: Mapping[str, Evidence], dwell_start: datetime
) -> bool:
    """Whether a finding may answer a hard flag: by an answer over a time before the dwell time where the table says so,
    or by rows that are partly so old and name what raised the flag."""
    row = FLAGS[flag.name]
    if row.old_rows_answer and _is_old(checked, evidence, dwell_start):
        return True
    citations = checked.finding.citations
    return bool(row.old_row_names and citations) and all(
        _cites_old_row(citation, evidence, dwell_start) and _names_what_raised(citation, flag, evidence)
        for citation in citations
    )


def _names_what_raised(citation: Citation, flag: RaisedFlag, evidence: Mapping[str, Evidence]) -> bool:
    """Whether the row of a citation names what a flag is about, in a column in which it may."""
    if not isinstance(citation, ValueCitation):
        return False
    entry = evidence[citation.evidence]
    row = entry.rows[citation.row]
    columns = FLAGS[flag.name].old_row_names
    named = {str(row[name]).casefold() for name in columns if row.get(name)}
    if entry.asked is not None:
        # The question named it, so that each row of its answer is about it. Not so where it named something else that the
        # flag speaks of, such as the actor: rows about them show nothing of a place or a party.
        if "address" in columns:
            named |= {each.value.casefold() for each in entry.asked.about if each.kind == "ip" and each.value}
        if "target" in columns:
            named |= {each.value.casefold() for each in entry.asked.on if each.value}
    said = {word.strip(_SIGNS) for sentence in flag.raised for word in sentence.casefold().split()}
    # Whoever has long dealt with a company knows its people by their mail domain.
    said |= {word.rpartition("@")[2] for word in said if "@" in word} - EVERYBODYS_MAIL
    return bool(named & said)


def _cites_old_row(citation: Citation, evidence: Mapping[str, Evidence], dwell_start: datetime) -> bool:
    """Whether a citation is of a row of our own questions that counts what succeeded before the dwell time."""
    entry = evidence.get(citation.evidence)
    return (
        isinstance(citation, ValueCitation)
        and entry is not None
        and (entry.source is Source.QUERY or entry.asked is not None)
        and citation.row < len(entry.rows)
        and _is_old_row(entry.rows[citation.row], dwell_start)
    )


def _is_old_row(row: Row, dwell_start: datetime) -> bool:
    """Whether what a row of our own questions counts succeeded before the dwell time.

    Refused acts are no habit: anyone may try.
    """
    old = row.get("old_days")
    if old is not None:
        counted = isinstance(old, int | float) and old > 0
    else:
        first = parse_time(row.get("first_seen"))
        counted = first is not None and first < dwell_start
    times, refused = row.get("times"), row.get("refused")
    all_refused = isinstance(times, int | float) and isinstance(refused, int | float) and 0 < times <= refused
    return counted and not all_refused


def _subjects(checked: CheckedFinding, evidence: Mapping[str, Evidence]) -> set[str]:
    """Whom the answers that a finding cites are about; an empty name for the alert as a whole."""
    return {evidence[name].subject for name in checked.evidence if name in evidence}


def _is_solid(checked: CheckedFinding) -> bool:
    return (
        checked.verified
        and checked.finding.direction is Direction.BENIGN
        and Trust.MEASURED in checked.trust
        and Trust.ACTOR not in checked.trust
    )


def _is_old(checked: CheckedFinding, evidence: Mapping[str, Evidence], dwell_start: datetime) -> bool:
    """Whether everything that a finding cites lies before the dwell time, and was answered with rows."""
    entries = [evidence.get(citation.evidence) for citation in checked.finding.citations]
    return bool(entries) and all(
        entry is not None and entry.end is not None and entry.end <= dwell_start and entry.row_count > 0
        for entry in entries
    )
