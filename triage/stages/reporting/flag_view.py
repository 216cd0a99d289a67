"""A red flag as it is shown: what it asks, which facts raised it, and which answer it."""

from collections.abc import Sequence
from dataclasses import dataclass

from triage.domain.flag import RaisedFlag
from triage.stages.reporting.evidence_view import Cleaner

SENTENCE = 400
"""Characters of a fact."""


@dataclass(frozen=True, slots=True)
class FlagView:
    asks: str
    hard: bool
    raised: tuple[str, ...]
    """Facts, each with its evidence."""
    answers: tuple[str, ...]
    """Empty: nothing answers it."""


def flag_view(flag: RaisedFlag, clean: Cleaner) -> FlagView:
    """A flag with its facts, each cleaned and followed by its evidence."""

    def said(sentences: Sequence[str], evidence: Sequence[str]) -> tuple[str, ...]:
        cited = f" [{', '.join(evidence)}]" if evidence else ""
        return tuple(
            f"{clean.sentence(text, SENTENCE)}{cited if place == len(sentences) else ''}"
            for place, text in enumerate(sentences, 1)
        )

    who = f" ({clean.value(flag.subject, 80)})" if flag.subject else ""
    return FlagView(
        asks=f"{flag.asks}{who}",
        hard=flag.hard,
        raised=said(flag.raised, flag.raised_evidence),
        answers=said(flag.answers, flag.answer_evidence),
    )
