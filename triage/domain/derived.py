"""Identities that an act makes or reaches: what it leads to runs under their names, not the actor's."""

from datetime import datetime
from enum import StrEnum

from triage.domain.base import Value
from triage.domain.identity import Identity, IdentityKind, is_email


class Relation(StrEnum):
    """What an act did to an identity, as a participle that follows its name."""

    MADE = "made"
    """New with the act: a key, an account, a session, a token."""
    RESET = "whose password was set"
    FACTORS_RESET = "whose second factors were changed"
    CREDENTIAL_ADDED = "given a new credential"
    ISSUED_FOR = "for which a token was issued"
    READ_OF = "whose token was read"
    GRANTED = "given rights"
    TRUST_CHANGED = "whose trust was changed"
    INVITED = "let in"
    OPENED = "opened to others"
    """Someone else may act as it: an impersonation, a delegation."""
    COMMANDED = "on which code was run or changed"
    HOSTED_ON = "reached through a privileged pod"


HANDED_OVER = frozenset(Relation) - {Relation.GRANTED, Relation.INVITED}
"""After these somebody else than before may hold the identity's credentials."""

_NOUNS = {
    IdentityKind.AWS_ACCESS_KEY: "The key",
    IdentityKind.GCP_KEY: "The key",
    IdentityKind.GCP_SERVICE_ACCOUNT: "The service account",
    IdentityKind.AWS_ROLE_NAME: "The role",
    IdentityKind.USERNAME: "The user",
    IdentityKind.GITHUB_LOGIN: "The user",
    IdentityKind.WORKLOAD: "The workload",
    IdentityKind.ENTRA_OBJECT_ID: "The principal",
    IdentityKind.ONELOGIN_USER_ID: "The OneLogin user",
}


class DerivedIdentity(Value):
    """An identity that an act of the alert made or reached."""

    identity: Identity
    value: str
    """As the log's own columns hold it."""
    found_in: str
    """The term of the log type that holds it."""
    relation: Relation
    action: str
    """The act."""
    moment: datetime
    """When the act was done, in UTC."""

    @property
    def noun(self) -> str:
        """The word for it that begins a sentence; empty where the name says enough."""
        return _NOUNS.get(self.identity.kind, "")

    @property
    def email(self) -> str:
        """The address under which the person signs in elsewhere; empty where it isn't one."""
        return self.identity.value if self.identity.kind is IdentityKind.EMAIL and is_email(self.value) else ""
