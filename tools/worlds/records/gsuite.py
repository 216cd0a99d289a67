"""GSuite.ActivityEvent records."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tools.worlds.company import Person, Presence
from tools.worlds.lake import Indicators, LogType, Record, Scribe
from tools.worlds.worktime import iso

Document = tuple[str, str, Person]
"""Id, title, owner."""

Activity = tuple[str, str, str]
"""Application (`drive`, `login`), type and name."""

DOMAIN = "people_within_domain_with_link"


@dataclass(frozen=True, slots=True)
class Account:
    """A Google account at an address."""

    email: str
    profile: str
    presence: Presence


@dataclass(frozen=True, slots=True)
class App:
    """An application of somebody else's that users can let into their accounts."""

    name: str
    client: str


def account(person: Person, presence: Presence) -> Account:
    """Somebody's own account."""
    return Account(person.email, person.google_id, presence)


def guest(scribe: Scribe, email: str, presence: Presence) -> Account:
    """The account of somebody outside the company."""
    return Account(email, scribe.company.dice.child("guest", email).digits(21), presence)


def _activity(
    scribe: Scribe,
    at: datetime,
    actor: Account,
    activity: Activity,
    parameters: Record,
    *,
    about: str = "",
    decisive: bool,
) -> None:
    application, kind, name = activity
    record: Record = {
        "kind": "admin#reports#activity",
        "id": {
            "applicationName": application,
            "customerId": scribe.company.customer_id,
            "time": iso(at),
            "uniqueQualifier": scribe.ids.digits(18),
        },
        "actor": {"callerType": "USER", "email": actor.email, "profileId": actor.profile},
        "ipAddress": actor.presence.address,
        "name": name,
        "type": kind,
        "parameters": parameters,
    }
    emails = [actor.email, about]
    found = Indicators(
        ips=[actor.presence.address],
        emails=emails,
        usernames=[each.partition("@")[0] for each in emails],
        actors=[actor.profile],
        domains=[about.partition("@")[2]],
    )
    scribe.write(LogType.GSUITE, at, record, found, decisive=decisive)


def _described(document: Document, visibility: str) -> Record:
    key, title, owner = document
    return {
        "doc_id": key,
        "doc_title": title,
        "doc_type": "document",
        "owner": owner.email,
        "visibility": visibility,
        "primary_event": True,
    }


def drive(
    scribe: Scribe,
    at: datetime,
    actor: Account,
    name: str,
    document: Document,
    *,
    visibility: str = DOMAIN,
    decisive: bool = False,
) -> None:
    """Somebody opened, changed, made or downloaded a document: `view`, `edit`, `create`, `download`, `upload`."""
    _activity(scribe, at, actor, ("drive", "access", name), _described(document, visibility), decisive=decisive)


def share(
    scribe: Scribe, at: datetime, actor: Account, document: Document, target: str, *, decisive: bool = False
) -> None:
    """Somebody gave an address outside the company access to a document."""
    parameters: Record = {
        **_described(document, "shared_externally"),
        "target_user": target,
        "old_value": ["none"],
        "new_value": ["can_view"],
        "old_visibility": DOMAIN,
        "visibility_change": "external",
    }
    activity = ("drive", "acl_change", "change_user_access")
    _activity(scribe, at, actor, activity, parameters, about=target, decisive=decisive)


def forward(scribe: Scribe, at: datetime, actor: Account, target: str, *, decisive: bool = False) -> None:
    """Somebody lets all of their mail be forwarded to an address outside the company."""
    parameters: Record = {"email_forwarding_destination_address": target}
    activity = ("user_accounts", "email_forwarding_change", "email_forwarding_out_of_domain")
    _activity(scribe, at, actor, activity, parameters, about=target, decisive=decisive)


def second_step(scribe: Scribe, at: datetime, actor: Account, target: str, *, decisive: bool = False) -> None:
    """An administrator turns the second step of a user's sign-in off."""
    activity = ("admin", "USER_SETTINGS", "UNENROLL_USER_FROM_STRONG_AUTH")
    _activity(scribe, at, actor, activity, {"USER_EMAIL": target}, about=target, decisive=decisive)


def trust_app(scribe: Scribe, at: datetime, actor: Account, app: App, *, decisive: bool = False) -> None:
    """An administrator lets everybody use an application of somebody else's."""
    parameters: Record = {"OAUTH2_APP_ID": app.client, "OAUTH2_APP_NAME": app.name, "OAUTH2_APP_TYPE": "WEB"}
    activity = ("admin", "SECURITY_SETTINGS", "ADD_TO_TRUSTED_OAUTH2_APPS")
    _activity(scribe, at, actor, activity, parameters, decisive=decisive)


def authorize(
    scribe: Scribe, at: datetime, actor: Account, app: App, scopes: Sequence[str], *, decisive: bool = False
) -> None:
    """A user lets an application act on their account."""
    parameters: Record = {**_application(app), "scope": list(scopes)}
    _activity(scribe, at, actor, ("token", "auth", "authorize"), parameters, decisive=decisive)


def app_call(
    scribe: Scribe, at: datetime, user: Account, app: App, address: str, method: str, *, decisive: bool = False
) -> None:
    """An application calls an API in the name of a user, from the application's own address."""
    api = method.partition(".")[0]
    parameters: Record = {**_application(app), "api_name": api, "method_name": method}
    actor = Account(user.email, user.profile, Presence(address, user.presence.place))
    _activity(scribe, at, actor, ("token", "auth", "activity"), parameters, decisive=decisive)


def _application(app: App) -> Record:
    return {"app_name": app.name, "client_id": app.client, "client_type": "WEB"}


def enroll(scribe: Scribe, at: datetime, actor: Account, *, decisive: bool = False) -> None:
    """A user sets a second step up."""
    _activity(scribe, at, actor, ("user_accounts", "2sv_change", "2sv_enroll"), {}, decisive=decisive)


def login(
    scribe: Scribe, at: datetime, actor: Account, *, by: str = "saml", failed: bool = False, decisive: bool = False
) -> None:
    """A sign-in: through the identity provider, or `by` another of Google's login types."""
    parameters: Record = {"login_type": by, "is_suspicious": False}
    if failed:
        parameters = {"login_type": by, "login_challenge_method": ["password"], "login_failure_type": "2sv_failure"}
        _activity(scribe, at, actor, ("login", "login", "login_failure"), parameters, decisive=decisive)
        return
    _activity(scribe, at, actor, ("login", "login", "login_success"), parameters, decisive=decisive)
