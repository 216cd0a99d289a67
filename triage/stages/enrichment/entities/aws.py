"""Amazon Resource Names and unique ids.

Source: AWS IAM User Guide, "IAM identifiers" and "Identify AWS resources with ARNs".
"""

from dataclasses import dataclass
from typing import Final

import regex

_ARN: Final = regex.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?P<service>[A-Za-z0-9-]*):(?P<region>[a-z0-9-]*):(?P<account>[0-9A-Za-z-]*):(?P<resource>\S.*)"
)
_SSO_ROLE: Final = regex.compile(r"AWSReservedSSO_.+_[0-9a-fA-F]{16}")
MAX_ARN: Final = 1_000
"""Characters."""
UNIQUE_ID: Final = regex.compile(r"(?P<prefix>A(?:ROA|IDA|GPA|IPA|NPA|NVA))[A-Z0-9]{12,}")
ACCESS_KEY: Final = regex.compile(r"(?P<prefix>AKIA|ASIA)[A-Z0-9]{16}")
UNIQUE_ID_TYPES: Final = {
    "AROA": "role",
    "AIDA": "user",
    "AGPA": "group",
    "AIPA": "instance_profile",
    "ANPA": "managed_policy",
    "ANVA": "policy_version",
}


@dataclass(frozen=True, slots=True)
class Arn:
    """The parts of an ARN."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @property
    def type(self) -> str:
        """What the resource says before its first `/` or `:`, such as `role`; empty where there is no such part."""
        kind, divider, _ = self.resource.replace(":", "/").partition("/")
        return kind if divider or kind == "root" else ""

    @property
    def name(self) -> str:
        """The last part of the resource, without the path of an IAM name."""
        return self.resource.replace(":", "/").rpartition("/")[2]

    @property
    def session(self) -> tuple[str, str] | None:
        """Role name and session name of an assumed role."""
        kind, _, rest = self.resource.partition("/")
        role, divider, name = rest.partition("/")
        return (role, name) if self.service == "sts" and kind == "assumed-role" and divider and role and name else None

    def facts(self) -> dict[str, str]:
        """What the ARN says, empty parts left out."""
        parts = {
            "partition": self.partition,
            "service": self.service,
            "region": self.region,
            "account": self.account,
            "resource": self.resource,
            "type": self.type,
        }
        if self.session is not None:
            parts["role"], parts["session"] = self.session
            parts["identity"] = "session"
        elif self.service == "sts" and self.type in {"assumed-role", "federated-user"}:
            parts["identity"] = "session"
        elif self.service == "iam" and self.type in {"role", "user", "root"}:
            parts["identity"] = self.type
        return {name: value for name, value in parts.items() if value}


def parse_arn(text: str) -> Arn | None:
    """Read an ARN; None where the text isn't one."""
    match = _ARN.fullmatch(text)
    if match is None or len(text) > MAX_ARN:
        return None
    return Arn(**match.groupdict())


def is_sso_role(name: str) -> bool:
    """Whether IAM Identity Center made the role: it, and not the caller, then sets the session name."""
    return _SSO_ROLE.fullmatch(name) is not None
