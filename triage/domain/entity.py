"""Who and what an alert is about, taken from its events by code."""

from enum import StrEnum

from pydantic import Field

from triage.domain.base import Value


class EntityKind(StrEnum):
    """The kind decides which `p_any_*` column finds the entity again in the lake."""

    IP = "ip"
    USER = "user"
    EMAIL = "email"
    ARN = "arn"
    ACCOUNT = "account"
    HOST = "host"
    DOMAIN = "domain"
    URL = "url"
    HASH = "hash"
    ACCESS_KEY = "access_key"
    SERVICE = "service"
    ACTOR_ID = "actor_id"
    TRACE = "trace"
    RESOURCE = "resource"


INDICATOR_COLUMN: dict[EntityKind, str] = {
    EntityKind.IP: "p_any_ip_addresses",
    EntityKind.USER: "p_any_usernames",
    EntityKind.EMAIL: "p_any_emails",
    EntityKind.ARN: "p_any_aws_arns",
    EntityKind.ACCOUNT: "p_any_aws_account_ids",
    EntityKind.DOMAIN: "p_any_domain_names",
    EntityKind.ACCESS_KEY: "p_any_trace_ids",
    EntityKind.TRACE: "p_any_trace_ids",
    EntityKind.ACTOR_ID: "p_any_actor_ids",
}
"""Source: Panther's documented indicator fields. A hash has one for each algorithm, see `HASH_COLUMN`."""

HASH_COLUMN: dict[str, str] = {
    "md5": "p_any_md5_hashes",
    "sha1": "p_any_sha1_hashes",
    "sha256": "p_any_sha256_hashes",
}
"""By the fact `algorithm`."""


class Role(StrEnum):
    """What the entity did in the event."""

    ACTOR = "actor"
    SOURCE = "source"
    TARGET = "target"
    OTHER = "other"


class Entity(Value):
    """One IP address, user, ARN, … with where it was found."""

    kind: EntityKind
    value: str
    role: Role = Role.OTHER
    fields: tuple[str, ...] = ()
    """Dotted paths of the event that hold it."""
    facts: dict[str, str] = Field(default_factory=dict)
    """What parsing alone tells, such as `{"class": "private"}` or `{"account": "…", "resource": "…"}`."""

    @property
    def indicator_column(self) -> str:
        """The `p_any_*` column that finds it again; empty where Panther has none."""
        if self.kind is EntityKind.HASH:
            return HASH_COLUMN.get(self.facts.get("algorithm", ""), "")
        return INDICATOR_COLUMN.get(self.kind, "")
