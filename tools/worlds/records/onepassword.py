"""OnePassword.SignInAttempt and OnePassword.ItemUsage records."""

from dataclasses import dataclass
from datetime import datetime

from tools.worlds.branch import Branch
from tools.worlds.company import Person, Presence
from tools.worlds.lake import Indicators, LogType, Record, Scribe
from tools.worlds.worktime import stamp


@dataclass(frozen=True, slots=True)
class App:
    """The program that opens a vault, as it reports itself."""

    name: str = "1Password for Windows"
    version: str = "81056024"
    platform: str = "Windows"


BROWSER = App("1Password Browser Extension", "81056024", "Chrome")
COMMAND_LINE = App("1Password CLI", "2300103", "Linux")


def _client(person: Person, app: App, presence: Presence) -> Record:
    return {
        "app_name": app.name,
        "app_version": app.version,
        "ip_address": presence.address,
        "os_name": person.system,
        "platform_name": app.platform,
    }


def _user(branch: Branch, person: Person) -> Record:
    key = branch.dice.child("1password", person.user).base32(26)
    return {"uuid": key, "email": person.email, "name": person.name}


def sign_in(
    scribe: Scribe,
    branch: Branch,
    at: datetime,
    person: Person,
    presence: Presence,
    *,
    app: App = BROWSER,
    failed: bool = False,
    decisive: bool = False,
) -> None:
    """Somebody unlocks the account."""
    record: Record = {
        "uuid": scribe.ids.base32(26),
        "session_uuid": scribe.ids.base32(26),
        "timestamp": stamp(at),
        "category": "credentials_failed" if failed else "success",
        "type": "password_secret_bad" if failed else "credentials_ok",
        "country": presence.place.code,
        "target_user": _user(branch, person),
        "client": _client(person, app, presence),
        "location": {"country": presence.place.code, "city": presence.place.city},
    }
    found = Indicators(ips=[presence.address], emails=[person.email], usernames=[person.user])
    scribe.write(LogType.VAULT_SIGN_IN, at, record, found, decisive=decisive)


def use_item(
    scribe: Scribe,
    branch: Branch,
    at: datetime,
    person: Person,
    presence: Presence,
    vault: str,
    item: str,
    *,
    app: App = BROWSER,
    action: str = "reveal",
    decisive: bool = False,
) -> None:
    """Somebody opens, fills in or changes an item of a vault."""
    record: Record = {
        "uuid": scribe.ids.base32(26),
        "timestamp": stamp(at),
        "used_version": 3,
        "vault_uuid": branch.vault(vault),
        "item_uuid": branch.dice.child("item", vault, item).base32(26).lower(),
        "action": action,
        "user": _user(branch, person),
        "client": _client(person, app, presence),
    }
    found = Indicators(ips=[presence.address], emails=[person.email], usernames=[person.user])
    scribe.write(LogType.VAULT_ITEM, at, record, found, decisive=decisive)
