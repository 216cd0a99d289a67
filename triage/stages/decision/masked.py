"""Measured sentences as the judge may read them: names masked, words of the provider's own lists left as they are."""

import re
from collections.abc import Iterator, Mapping, Sequence

from triage.domain.citation import ValueCitation
from triage.domain.evidence import Evidence
from triage.domain.signal import Signal
from triage.stages.decision.proven import Pseudonyms, is_listed, is_moment

MIN_CHARS = 3
MAX_CHARS = 600
_NAMED = re.compile(r"\S*(?:@|\\|arn:|://|…)\S*|\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9a-f]*:[0-9a-f:]{3,}\b", re.IGNORECASE)
"""What looks like a name, an address, a path or a value that was cut, whoever wrote it."""


def masked_sentence(fact: Signal, evidence: Mapping[str, Evidence], names: Pseudonyms) -> str:
    """A fact in code's words: each name or address in it is `name 1`, `address 2`, the same in every fact."""
    return mask(fact.sentence, fact.evidence, evidence, names, fact.citations)


def mask(
    sentence: str,
    cited: Sequence[str],
    evidence: Mapping[str, Evidence],
    names: Pseudonyms,
    citations: Sequence[object] = (),
) -> str:
    """Mask what a sentence took from the answers it rests on."""
    found = dict.fromkeys(
        [
            *_values(citations),
            *(pair for name in cited if name in evidence for pair in _cells(evidence[name], sentence)),
        ]
    )
    # The longest first, so that no part of a name is left over.
    for column, value in sorted(found, key=lambda pair: -len(pair[1])):
        if value in sentence and not is_listed(column, value) and not is_moment(value):
            sentence = sentence.replace(value, names.of(value))
    return _NAMED.sub(lambda match: names.of(match.group(0)), sentence)[:MAX_CHARS]


def _values(citations: Sequence[object]) -> Iterator[tuple[str, str]]:
    for citation in citations:
        if isinstance(citation, ValueCitation) and isinstance(citation.value, str) and len(citation.value) >= MIN_CHARS:
            yield citation.column, citation.value


def _cells(entry: Evidence, sentence: str) -> Iterator[tuple[str, str]]:
    for row in entry.rows:
        for column, value in row.items():
            if isinstance(value, str) and len(value) >= MIN_CHARS and value in sentence:
                yield column, value
