"""Which of the judge's answers count: a flag is answered by what the table allows, and by nothing that is only said."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain.argument import Argument, FlagOfActor
from triage.domain.base import Row
from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence, Source
from triage.domain.finding import CheckedFinding, Citation, ValueCitation
from triage.domain.flag import FLAGS, Preparation, RaisedFlag
from triage.domain.identity import EVERYBODYS_MAIL
from triage.domain.names import object_name
from triage.domain.question import ActionClass
from triage.domain.signal import Direction
from triage.domain.times import parse_time
from triage.domain.trust import Trust
from triage.questions import is_of_class

_SIGNS = ".,:;()\"'"
"""Stand around a word in a sentence of ours."""
_WOUND_DOWN = re.compile(
    r"(?i)stop|deallocat|power_?off|shut_?down|disabl|suspend|deactivat|detach|drain|archiv|schedule\w*delet"
)
_LET_IN = (ActionClass.KEY_CREATION, ActionClass.ACCOUNT_CREATION)
_BOUND_TO_TARGET = ".target_after"
"""A question of ours whose rows are all about the target, so that they don't name it."""
_HALF_A_DAY, _DAY = timedelta(hours=12), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """On whom it falls, and from when on."""

    suspects: frozenset[str]
    """Every name of the alert's actors and of what their acts made or reached, in lower case."""
    moment: datetime
    """Of the alert."""


def suspicion_of(dossier: Dossier) -> Suspicion:
    """The alert's actors, by every name that is known of them."""

    def names() -> Iterator[str]:
        for actor in dossier.actors:
            yield actor.name
            yield from (each.value for each in actor.identities)
            yield from (each.value for each in actor.derived)
            yield from (value for key in ("actors", "names", "derived_actors") for value in actor.lists.get(key, ()))

    return Suspicion(frozenset(name.casefold() for name in names() if name), dossier.alert.moment)


def accepted_answers(
    argument: Argument,
    proposed: Mapping[str, Sequence[int]],
    findings: Sequence[CheckedFinding],
    evidence: Mapping[str, Evidence],
    *,
    dwell_start: datetime,
    suspicion: Suspicion | None = None,
) -> dict[FlagOfActor, tuple[CheckedFinding, ...]]:
    """The open flags that the judge answers with findings that may answer them.

    A soft flag is answered by a verified finding towards benign that rests on our own counts and on nothing that the
    actor chose. A hard one by such a finding only where the table says so, and then by what was counted before the dwell
    time, in an answer over that time or in a row that says how much of it is so old, or by what somebody else had
    prepared. What was asked about one actor of an alert answers for no other; where several have the same flag open, an
    answer has to be about one of them, or name what raised the flag.

    Args:
        argument: The flags.
        proposed: By flag, the numbers of the findings that answer it, as the judge says.
        findings: All of the draft's, checked.
        evidence: By id.
        dwell_start: What is older, no suspect can have made.
        suspicion: Without it nothing counts as somebody else's.
    """
    by_number = {checked.number: checked for checked in findings}
    raised = Counter(flag.name for flag in argument.open)
    found: dict[FlagOfActor, tuple[CheckedFinding, ...]] = {}
    for flag in argument.open:
        cited = [by_number[number] for number in proposed.get(flag.name, ()) if number in by_number]
        row = FLAGS[flag.name]
        by_name = flag.hard and row.old_row_names and not row.old_rows_answer
        fitting = {flag.subject} if raised[flag.name] > 1 and not by_name else {"", flag.subject}
        cited = [checked for checked in cited if _is_solid(checked) and _subjects(checked, evidence) <= fitting]
        if flag.hard:
            cited = [checked for checked in cited if _answers_hard(checked, flag, evidence, dwell_start, suspicion)]
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
    checked: CheckedFinding,
    flag: RaisedFlag,
    evidence: Mapping[str, Evidence],
    dwell_start: datetime,
    suspicion: Suspicion | None,
) -> bool:
    """Whether a finding may answer a hard flag: by an answer over a time before the dwell time where the table says so,
    by rows that are partly so old and name what raised the flag, or by what somebody else had prepared."""
    row = FLAGS[flag.name]
    citations = checked.finding.citations
    if row.old_rows_answer and _is_old(checked, evidence, dwell_start):
        return True
    if suspicion is not None and any(_cites_preparation(each, flag, evidence, suspicion) for each in citations):
        return True
    return bool(row.old_row_names and citations) and all(
        _cites_old_row(citation, evidence, dwell_start) and _names_what_raised(citation, flag, evidence)
        for citation in citations
    )


def _cites_preparation(
    citation: Citation, flag: RaisedFlag, evidence: Mapping[str, Evidence], suspicion: Suspicion
) -> bool:
    """Whether a citation is of a row of our own questions in which somebody else prepared what a flag is about.

    A query that the analyst wrote may say anything of who did what.
    """
    wanted = flag.prepared
    entry = evidence.get(citation.evidence)
    if wanted is None or entry is None or not isinstance(citation, ValueCitation) or citation.row >= len(entry.rows):
        return False
    row = entry.rows[citation.row]
    actor, action, last = str(row.get("actor") or ""), str(row.get("action") or ""), parse_time(row.get("last_seen"))
    ours = entry.asked is not None or entry.source is Source.QUERY
    if not ours or not actor or actor.casefold() in suspicion.suspects or last is None or _is_all_refused(row):
        return False
    if wanted is Preparation.LET_IN:
        account = {flag.subject.casefold()} if flag.subject else suspicion.suspects
        target = str(row.get("target") or "").casefold()
        about = target in account if target else entry.key.endswith(_BOUND_TO_TARGET)
        is_one = any(is_of_class(entry.log_type, action, each) for each in _LET_IN)
        return is_one and about and abs(last - suspicion.moment) <= _DAY
    thing = object_name(str(row.get("target") or "")).casefold()
    same = bool(thing) and any(_is_part_of(word, thing) for word in _words(flag))
    return same and _WOUND_DOWN.search(action) is not None and last <= suspicion.moment - _HALF_A_DAY


def _is_part_of(word: str, thing: str) -> bool:
    """Whether a word names a thing, or a part of it: `shop-5-os` of `shop-5`."""
    return word == thing or (word.startswith(thing) and not word[len(thing)].isalnum())


def _words(flag: RaisedFlag) -> set[str]:
    """Of the sentences that raised a flag."""
    return {word.strip(_SIGNS) for sentence in flag.raised for word in sentence.casefold().split()}


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
    said = _words(flag)
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
    return counted and not _is_all_refused(row)


def _is_all_refused(row: Row) -> bool:
    times, refused = row.get("times"), row.get("refused")
    return isinstance(times, int | float) and isinstance(refused, int | float) and 0 < times <= refused


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
