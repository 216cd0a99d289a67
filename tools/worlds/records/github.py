"""GitHub.Audit records."""

from dataclasses import dataclass, field
from datetime import datetime

from tools.worlds.company import Person, Presence
from tools.worlds.lake import Indicators, LogType, Record, Scribe
from tools.worlds.worktime import stamp

_OPERATIONS = {
    "create": "create",
    "created_workflow_run": "create",
    "delete": "remove",
    "clone": "access",
    "fetch": "access",
}
_SSH: Record = {"transport_protocol": 2, "transport_protocol_name": "ssh"}


@dataclass(frozen=True, slots=True)
class Actor:
    """A login at an address, and how it comes in; programs have no id."""

    login: str
    presence: Presence
    agent: str = ""
    id: int = 0
    channel: Record = field(default_factory=dict)


def browser(person: Person, presence: Presence) -> Actor:
    """Somebody on the web."""
    return Actor(person.login, presence, person.agent, person.github_id)


def terminal(person: Person, presence: Presence) -> Actor:
    """Somebody who clones, fetches or pushes over SSH."""
    return Actor(person.login, presence, "git/2.46.0", person.github_id, _SSH)


def deploy_key(fingerprint: str, presence: Presence) -> Actor:
    """A program that clones, fetches or pushes with a key of the repository."""
    channel: Record = {**_SSH, "programmatic_access_type": "Deploy key", "fingerprint": fingerprint}
    return Actor("deploy_key", presence, "git/2.43.0", channel=channel)


def event(
    scribe: Scribe,
    at: datetime,
    actor: Actor,
    action: str,
    repository: str,
    *,
    extra: Record | None = None,
    decisive: bool = False,
) -> None:
    """One audit event on a repository of the organisation, or on the organisation itself where that is empty."""
    org = scribe.company.org
    record: Record = {
        "_document_id": scribe.ids.base32(22),
        "action": action,
        "actor": actor.login,
        "actor_ip": actor.presence.address,
        "actor_location": {"country_code": actor.presence.place.code},
        "at_sign_timestamp": stamp(at),
        "created_at": stamp(at),
        "business": org,
        "org": org,
        **({"repo": f"{org}/{repository}", "public_repo": False} if repository else {}),
        "operation_type": _OPERATIONS.get(action.rpartition(".")[2], "modify"),
    }
    if actor.agent:
        record["user_agent"] = actor.agent
    if actor.id:
        record["actor_id"] = actor.id
    record |= {**actor.channel, **(extra or {})}
    found = Indicators(
        ips=[actor.presence.address], usernames=[actor.login], actors=[str(actor.id)] if actor.id else []
    )
    scribe.write(LogType.GITHUB, at, record, found, decisive=decisive)
