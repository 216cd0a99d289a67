"""Which identities belong to one actor: read from events that name several, and from the log's own earlier events.

Only evidence links: one event that names both, a bare name that is the local part of exactly one e-mail address in the
event or in the log, or the operator's list of aliases. What many share, such as a role, links no one.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from triage import logtypes
from triage.domain.base import Row
from triage.domain.identity import EVERYBODYS_MAIL, SHARED_KINDS, Identity, IdentityKind, IdentityLink, is_email
from triage.logtypes.terms import take
from triage.stages.enrichment.entities.values import text_of

MAX_IDENTITIES = 24
MAX_PER_PERSON = 3
"""A value that occurs with more e-mail addresses or user names than this belongs to several people."""
_LOGINS = frozenset({IdentityKind.USERNAME, IdentityKind.GITHUB_LOGIN, IdentityKind.SNOWFLAKE_USER})
_SIGNS = re.compile(r"[._-]")
_NO_NAMES = frozenset(
    {"", "-", "unknown", "none", "null", "system", "root", "anonymous", "hidden_due_to_security_reasons"}
)


def identity_of(kind: IdentityKind, value: str) -> Identity | None:
    """A column's value as an identity; `None` for placeholders and for what doesn't have the form of its kind.

    A column for e-mail addresses holds a bare name at times, which is a user name.
    """
    if not text_of(value) or value.strip().lower() in _NO_NAMES:
        return None
    if kind is IdentityKind.EMAIL and not is_email(value):
        return None
    if kind is IdentityKind.USERNAME and is_email(value):
        return None
    return Identity.of(kind, value)


def identities_in(row: Row, log_type: str) -> tuple[Identity, ...]:
    """Every identity that an event gives whoever acted."""
    found = (
        identity_of(kind, take(row, term.take)) for kind, term in logtypes.identities_of(log_type).items() if term.take
    )
    known = tuple(identity for identity in found if identity is not None)
    return (*known, *_email_beside(known, row))


def _email_beside(known: Sequence[Identity], row: Row) -> tuple[Identity, ...]:
    """The e-mail address that an event names beside a login and that has the login for its local part.

    A login is unique within its system, and Panther takes addresses from fields that name people, not from free text.
    """
    if any(identity.kind is IdentityKind.EMAIL for identity in known):
        return ()
    logins = {_letters(identity.value) for identity in known if identity.kind in _LOGINS}
    listed = row.get("p_any_emails")
    named = (
        identity_of(IdentityKind.EMAIL, each)
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, str)
    )
    fitting = {each for each in named if each is not None and each.local_part and _letters(each.local_part) in logins}
    # Where anybody can have an address, one that looks like a colleague's is nobody's proof.
    own = {each for each in fitting if each.value.rpartition("@")[2] not in EVERYBODYS_MAIL}
    return tuple(own) if len(fitting) == 1 else ()


def _letters(name: str) -> str:
    """A name without the signs that systems put between its parts: `jo.doe`, `JO_DOE` and `jodoe` are one."""
    return _SIGNS.sub("", name.casefold())


@dataclass(slots=True)
class IdentityGroup:
    """The identities of one actor, each once, in the order in which they were found."""

    known: dict[Identity, None] = field(default_factory=dict)
    links: list[IdentityLink] = field(default_factory=list)

    def add(self, identities: Iterable[Identity], why: str) -> None:
        """Take in what one record names together."""
        found = list(identities)
        anchor = next((identity for identity in found if identity in self.known), None)
        for identity in found:
            if identity not in self.known and len(self.known) < MAX_IDENTITIES:
                self.known[identity] = None
                if anchor is not None and identity.kind not in SHARED_KINDS and anchor.kind not in SHARED_KINDS:
                    self.links.append(IdentityLink(one=anchor, other=identity, why=why))

    def personal(self) -> tuple[Identity, ...]:
        """Those that belong to this actor alone."""
        return tuple(identity for identity in self.known if identity.kind not in SHARED_KINDS)


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One combination of names that a log's events use for whoever acted."""

    log_type: str
    actor: str
    """As the term `actor` gives it."""
    identities: tuple[Identity, ...]


def extend(group: IdentityGroup, rows: Sequence[LinkRow], *, cut: bool) -> tuple[str, ...]:
    """Take in what a log's own events show about a group's identities.

    Args:
        group: Of one actor; is extended.
        rows: From `link_rows`.
        cut: Rows are missing, so that nothing can be said to be unique.

    Returns:
        The forms in which the log's term `actor` gives this actor.
    """
    shared = _shared_values(rows)
    emails = {each for row in rows for each in row.identities if each.kind is IdentityKind.EMAIL}
    forms: dict[str, None] = {}
    grown = True
    while grown:
        before = len(group.known)
        for row in rows:
            own = [each for each in row.identities if each not in shared]
            if any(each in group.known for each in own):
                group.add(own, "one event names both")
                if row.actor:
                    forms.setdefault(row.actor)
        for name in [each for each in group.known if each.kind is IdentityKind.USERNAME and not cut]:
            fitting = [email for email in emails if email.local_part == name.value]
            if len(fitting) == 1:
                group.add([name, fitting[0]], "the name is that of exactly one e-mail address in this log")
        grown = len(group.known) > before
    return tuple(forms)


def _shared_values(rows: Sequence[LinkRow]) -> frozenset[Identity]:
    """Identities that occur with so many names that they belong to several people."""
    names: dict[Identity, set[Identity]] = {}
    for row in rows:
        for each in row.identities:
            others = {o for o in row.identities if o.kind in (IdentityKind.EMAIL, IdentityKind.USERNAME) and o != each}
            names.setdefault(each, set()).update(others)
    return frozenset(each for each, others in names.items() if len(others) > MAX_PER_PERSON)


def aliases_of(listed: Sequence[Sequence[str]]) -> tuple[tuple[Identity, ...], ...]:
    """The operator's list of names that belong together, as `kind:value` or as an e-mail address or user name."""
    groups = []
    for names in listed:
        group = []
        for name in names:
            kind, separator, value = name.partition(":")
            if separator and kind in {each.value for each in IdentityKind}:
                group.append(Identity.of(IdentityKind(kind), value))
            else:
                group.append(Identity.of(IdentityKind.EMAIL if is_email(name) else IdentityKind.USERNAME, name))
        groups.append(tuple(group))
    return tuple(groups)


def with_aliases(group: IdentityGroup, listed: Iterable[Sequence[Identity]]) -> None:
    """Take in the names that the operator has listed together with one of the group's."""
    for names in listed:
        if any(name in group.known for name in names):
            group.add(names, "the configuration lists them together")


def values_of(identities: Iterable[Identity], kind: IdentityKind) -> tuple[str, ...]:
    """The values of one kind."""
    return tuple(identity.value for identity in identities if identity.kind is kind)
