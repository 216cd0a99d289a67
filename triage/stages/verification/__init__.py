"""Which claims hold: every citation is looked up in the stored rows.

`citations` looks one citation up and says who chose what it cites, `counts` says which numbers of rows an answer can
have at all, and `names` finds values in a sentence that no cited answer holds.
"""

from collections.abc import Mapping, Sequence

from triage.domain.citation import Citation, Comparison, CountCitation, ValueCitation
from triage.domain.evidence import Evidence, by_id
from triage.domain.finding import AbsenceCitation, CheckedFinding, Finding, Issue, IssueCode, LacksCitation
from triage.domain.negation import denies
from triage.domain.trust import Trust
from triage.stages.verification.citations import CitationFails, trust_of, value_text
from triage.stages.verification.counts import is_complete
from triage.stages.verification.names import invented_value

__all__ = ["check_finding", "invented_value", "verify"]

_NO_LOWER_BOUND = {Comparison.EQUAL, Comparison.AT_MOST, Comparison.LESS}
_NO = {"", "no", "none", "false", "null", "0"}
_DENIAL = (
    "the sentence says that something did not happen, and rows can't show that: cite an `absence`, a `lacks` "
    "(no row has a value in a column), a value that is 0, or `==` the number of rows of a complete answer"
)


def check_finding(finding: Finding, number: int, evidence: Mapping[str, Evidence]) -> CheckedFinding:
    """Look up every citation of one finding.

    Args:
        finding: The sentence and its citations.
        number: One-based place in the draft.
        evidence: All evidence by id.
    """
    issues: list[Issue] = []
    trust: set[Trust] = set()
    if not finding.citations:
        issues.append(
            Issue(code=IssueCode.NO_CITATION, message="cite evidence, or leave the sentence out", finding=number)
        )
    missed: list[str] = []
    for citation in finding.citations:
        try:
            trust.add(trust_of(citation, evidence))
        except CitationFails as failure:
            issues.append(Issue(code=failure.code, message=str(failure), finding=number))
        else:
            missed += [str(citation.value)] if isinstance(citation, LacksCitation) else []
    cited = [evidence[citation.evidence] for citation in finding.citations if citation.evidence in evidence]
    invented = invented_value(finding.text, cited, missed=missed)
    if invented is not None:
        message = f"the sentence names {value_text(invented)}, which none of its citations hold"
        issues.append(Issue(code=IssueCode.INVENTED_VALUE, message=message, finding=number))
    if (
        finding.citations
        and denies(finding.text)
        and not any(_carries_denial(citation, evidence) for citation in finding.citations)
    ):
        issues.append(Issue(code=IssueCode.UNSUPPORTED_DENIAL, message=_DENIAL, finding=number))
    return CheckedFinding(
        finding=finding, number=number, verified=not issues, trust=frozenset(trust), issues=tuple(issues)
    )


def _carries_denial(citation: Citation, evidence: Mapping[str, Evidence]) -> bool:
    """Whether a citation says something about rows that are not there, or cites a field that says no itself."""
    match citation:
        case AbsenceCitation() | LacksCitation():
            return True
        case CountCitation():
            entry = evidence.get(citation.evidence)
            return entry is not None and citation.comparison in _NO_LOWER_BOUND and is_complete(entry)
        case ValueCitation():
            value = citation.value
            return not value or (isinstance(value, str) and value.casefold() in _NO)


def verify(findings: Sequence[Finding], evidence: Sequence[Evidence]) -> tuple[CheckedFinding, ...]:
    """Check every finding of a draft against the stored rows; pure."""
    entries = by_id(evidence)
    return tuple(check_finding(finding, number, entries) for number, finding in enumerate(findings, 1))
