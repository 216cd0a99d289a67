"""Which of the judge's answers count: a flag is answered by what the table allows, and by nothing that is only said."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from triage.domain.argument import Argument
from triage.domain.evidence import Evidence
from triage.domain.finding import CheckedFinding
from triage.domain.flag import FLAGS
from triage.domain.signal import Direction
from triage.domain.trust import Trust


def accepted_answers(
    argument: Argument,
    proposed: Mapping[str, Sequence[int]],
    findings: Sequence[CheckedFinding],
    evidence: Mapping[str, Evidence],
    *,
    dwell_start: datetime,
) -> dict[str, tuple[str, ...]]:
    """The open flags that the judge answers with findings that may answer them.

    A soft flag is answered by a verified finding towards benign that rests on our own counts and on nothing that the
    actor chose. A hard one by such a finding only where the table says so, and then over a time before the dwell time.

    Args:
        argument: The flags.
        proposed: By flag, the numbers of the findings that answer it, as the judge says.
        findings: All of the draft's, checked.
        evidence: By id.
        dwell_start: What is older, no suspect can have made.
    """
    by_number = {checked.number: checked for checked in findings}
    found: dict[str, tuple[str, ...]] = {}
    for flag in argument.open:
        cited = [by_number[number] for number in proposed.get(flag.name, ()) if number in by_number]
        cited = [checked for checked in cited if _is_solid(checked)]
        if flag.hard:
            row = FLAGS.get(flag.name)
            allowed = row is not None and row.old_rows_answer
            cited = [checked for checked in cited if allowed and _is_old(checked, evidence, dwell_start)]
        if cited:
            found[flag.name] = tuple(checked.finding.text for checked in cited)
    return found


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
