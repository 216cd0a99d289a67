"""Who acted, as a log names them: an identity is a value with its kind.

A column of a log holds identities of certain kinds, and only those are searched for in it: an absence of a value that
could not have been there proves nothing.
"""

import re
from enum import StrEnum
from typing import Self

from triage.domain.base import EvidenceId, Value


class IdentityKind(StrEnum):
    """What a value identifies, and in whose naming."""

    EMAIL = "email"
    """Lower case; also user principal names, which look the same."""
    USERNAME = "username"
    """A bare account name, lower case. Unique within one system only."""
    OKTA_USER_ID = "okta_user_id"
    ONELOGIN_USER_ID = "onelogin_user_id"
    ENTRA_OBJECT_ID = "entra_object_id"
    """Of a user, a service principal or an application."""
    GITHUB_LOGIN = "github_login"
    AWS_USER_ARN = "aws_user_arn"
    AWS_ROLE_ARN = "aws_role_arn"
    """A role, which may be shared by many."""
    AWS_ROLE_NAME = "aws_role_name"
    """Without the account, as its own calls carry it."""
    AWS_SESSION_ARN = "aws_session_arn"
    """A role session; who assumes the role chooses its last part."""
    AWS_PRINCIPAL_ID = "aws_principal_id"
    """`AIDA…` of a user, `AROA…` of a role."""
    AWS_ACCESS_KEY = "aws_access_key"
    IDENTITY_CENTER_USER_ID = "identity_center_user_id"
    KUBERNETES_USER = "kubernetes_user"
    """As in `user.username`; a service account is `system:serviceaccount:<namespace>:<name>`."""
    SNOWFLAKE_USER = "snowflake_user"
    """Lower case."""
    GCP_SERVICE_ACCOUNT = "gcp_service_account"
    """By its address, lower case; it signs in nowhere, so it isn't an `EMAIL`."""
    GCP_KEY = "gcp_key"
    """The full name of a service account's key."""
    WORKLOAD = "workload"
    """A machine, function or pod that holds a credential of its own."""
    ADDRESS = "address"
    """Traffic that names no one is known by its source address."""
    NAME = "name"
    """A display name. Not unique, and often the person's own choice."""
    UNKNOWN = "unknown"


EVERYBODYS_MAIL = frozenset(
    [
        "gmail.com",
        "googlemail.com",
        "outlook.com",
        "hotmail.com",
        "live.com",
        "msn.com",
        "yahoo.com",
        "icloud.com",
        "me.com",
        "aol.com",
        "gmx.com",
        "gmx.de",
        "gmx.net",
        "web.de",
        "mail.com",
        "mail.ru",
        "yandex.com",
        "yandex.ru",
        "proton.me",
        "protonmail.com",
        "pm.me",
        "tutanota.com",
        "zoho.com",
        "qq.com",
        "163.com",
        "126.com",
        "fastmail.com",
        "hey.com",
    ]
)
"""Mail domains at which anybody can have an address."""

NOUNS: dict[IdentityKind, str] = {
    IdentityKind.EMAIL: "an e-mail address",
    IdentityKind.USERNAME: "a user name",
    IdentityKind.OKTA_USER_ID: "an Okta user id",
    IdentityKind.ONELOGIN_USER_ID: "a OneLogin user id",
    IdentityKind.ENTRA_OBJECT_ID: "an Entra object id",
    IdentityKind.GITHUB_LOGIN: "a GitHub login",
    IdentityKind.AWS_USER_ARN: "the ARN of an IAM user",
    IdentityKind.AWS_ROLE_ARN: "the ARN of a role",
    IdentityKind.AWS_ROLE_NAME: "the name of a role",
    IdentityKind.AWS_SESSION_ARN: "the ARN of a role session",
    IdentityKind.AWS_PRINCIPAL_ID: "an AWS principal id",
    IdentityKind.AWS_ACCESS_KEY: "an AWS access key id",
    IdentityKind.IDENTITY_CENTER_USER_ID: "an Identity Center user id",
    IdentityKind.KUBERNETES_USER: "a Kubernetes user",
    IdentityKind.SNOWFLAKE_USER: "a Snowflake user",
    IdentityKind.GCP_SERVICE_ACCOUNT: "a service account",
    IdentityKind.GCP_KEY: "the key of a service account",
    IdentityKind.WORKLOAD: "a workload",
    IdentityKind.ADDRESS: "an address",
    IdentityKind.NAME: "a display name",
    IdentityKind.UNKNOWN: "a name of unknown kind",
}
"""Each kind with its article, for sentences."""

SHARED_KINDS = frozenset(
    {
        IdentityKind.AWS_ROLE_ARN,
        IdentityKind.ADDRESS,
        IdentityKind.NAME,
        IdentityKind.UNKNOWN,
        IdentityKind.AWS_ACCESS_KEY,
    }
)
"""Kinds that several people may have in common."""

_AS_WRITTEN = {
    IdentityKind.AWS_USER_ARN,
    IdentityKind.AWS_ROLE_ARN,
    IdentityKind.AWS_ROLE_NAME,
    IdentityKind.AWS_SESSION_ARN,
    IdentityKind.AWS_PRINCIPAL_ID,
    IdentityKind.AWS_ACCESS_KEY,
    IdentityKind.KUBERNETES_USER,
    IdentityKind.OKTA_USER_ID,
    IdentityKind.GCP_KEY,
    IdentityKind.WORKLOAD,
    IdentityKind.NAME,
    IdentityKind.UNKNOWN,
}
_EMAIL = re.compile(r"[^\s@/:\\]{1,128}@[^\s@/:\\]{1,128}\.[^\s@/:\\.]{2,24}")


class Identity(Value):
    """A person, service or key, as one log names it."""

    kind: IdentityKind
    value: str

    @classmethod
    def of(cls, kind: IdentityKind, value: str) -> Self:
        """The identity with its value in the kind's normal form."""
        return cls(kind=kind, value=normal_form(kind, value))

    @property
    def local_part(self) -> str:
        """What stands before the @ of an e-mail address; the name itself of a user name; else empty."""
        if self.kind is IdentityKind.EMAIL:
            return self.value.partition("@")[0]
        return self.value if self.kind is IdentityKind.USERNAME else ""


class IdentityLink(Value):
    """Two identities of the same person or service, and what shows it."""

    one: Identity
    other: Identity
    why: str
    """In words, such as `the same event names both`."""
    evidence: EvidenceId | None = None
    """The answer that shows it; `None` for the alert's own events and for configured aliases."""


def is_email(value: str) -> bool:
    """Whether a value has the form of an e-mail address."""
    return _EMAIL.fullmatch(value.strip()) is not None


def normal_form(kind: IdentityKind, value: str) -> str:
    """The one spelling of a value in which it is compared and searched for."""
    value = value.strip()
    return value if kind in _AS_WRITTEN else value.lower()
