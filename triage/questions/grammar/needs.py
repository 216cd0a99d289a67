"""What isn't in the lake, and what is left to a person."""

from collections.abc import Sequence

from triage.questions.grammar.clauses import Clause
from triage.questions.grammar.verbs import Mood

_OUTSIDE: tuple[tuple[str, frozenset[str]], ...] = (
    (
        "the reputation of the address, domain or file (threat intelligence)",
        frozenset(
            """reputation intelligence greynoise virustotal botnets tor anonymization actors scanners malware
            feeds otx enrichment infrastructure""".split()  # noqa: SIM905
        ),
    ),
    ("lists of VPN, proxy and provider addresses", frozenset({"vpn", "vpns", "proxy", "proxies", "hosting", "isps"})),
    ("the organization's own address ranges", frozenset({"corporate", "ranges"})),
    (
        "where addresses are (geolocation)",
        frozenset({"geolocation", "geographic", "asn", "location", "locations", "countries", "travel"}),
    ),
    (
        "documents and approvals of the organization",
        frozenset(
            """documentation documented ticket tickets change-management approved approval workflow maintenance policies
            process procedures onboarding offboarding hr cases""".split()  # noqa: SIM905
        ),
    ),
    (
        "current settings and contents of the affected systems",
        frozenset(
            """configuration configurations settings console permissions policy contents content code
            template specification backups versioning image images spec privileges scopes
            sensitivity sensitive classification classifications pii quarantined""".split()  # noqa: SIM905
        ),
    ),
)
_JUDGED = frozenset(
    """authorized expected legitimate legitimately approved intended intentional intentionally appropriate necessary
    justified aligns valid warranted permitted allowed""".split()  # noqa: SIM905
)
_EVENTS = frozenset(
    """sign-in sign-ins signin signins login logins logon logons event events call calls request requests activity
    activities query queries statement statements connection connections download downloads upload uploads command commands
    log logs usage""".split()  # noqa: SIM905
)
_LOOKS = frozenset({Mood.FIND, Mood.CHECK, Mood.COUNT, Mood.COMPARE})


def outside(clause: Clause) -> tuple[str, ...]:
    """What a clause that no question answers needs from outside the lake; nothing where it is a person's to judge."""
    if clause.mood not in _LOOKS:
        return ()
    words = {token.low for token in clause.body}
    if words & _EVENTS:
        # Events are what a lake holds, whatever else the clause names.
        return ()
    found = [need for need, signs in _OUTSIDE if words & signs]
    return tuple(found[:2])


def is_judgement(clause: Clause) -> bool:
    """Whether a person has to say that something was right, whatever is found."""
    return clause.mood is Mood.CHECK and any(token.low in _JUDGED for token in clause.body)


def persons(clauses: Sequence[Clause]) -> str:
    """What is left to a person, in the runbook's own words."""
    return " ".join(
        f"{clause.condition}, {clause.text}."
        if clause.condition and clause.text != clause.condition
        else f"{clause.text}."
        for clause in clauses
    )
