"""Okta.SystemLog records."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tools.worlds.company import Person, Presence
from tools.worlds.lake import Indicators, LogType, Record, Scribe
from tools.worlds.names import AWS_APP, PHONE
from tools.worlds.worktime import iso

_MESSAGES = {
    "user.session.start": "User login to Okta",
    "user.session.end": "User logout from Okta",
    "user.session.clear": "Clear user session",
    "user.authentication.auth_via_mfa": "Authentication of user via MFA",
    "user.authentication.sso": "User single sign on to app",
    "user.mfa.okta_verify.deny_push": "User rejected Okta push verify",
    "user.mfa.factor.activate": "Activate factor or authenticator enrollment method for user",
    "user.mfa.factor.deactivate": "Reset authenticator for user",
    "user.mfa.factor.reset_all": "Reset all factors for user",
    "user.account.reset_password": "Fired when the user's Okta password is reset",
    "user.account.update_password": "User update password for Okta",
    "user.account.lock": "Max sign in attempts exceeded",
    "user.account.privilege.grant": "Grant user privilege",
    "user.account.privilege.revoke": "Revoke user privilege",
    "user.lifecycle.create": "Create Okta user",
    "user.lifecycle.activate": "Activate Okta user",
    "user.lifecycle.deactivate": "Deactivate Okta user",
    "user.lifecycle.suspend": "Suspend Okta user",
    "user.lifecycle.unsuspend": "Unsuspend Okta user",
    "group.user_membership.add": "Add user to group membership",
    "application.user_membership.add": "Add user to application membership",
    "device.enrollment.create": "Enroll new device",
    "system.api_token.create": "Create API token",
    "system.api_token.revoke": "Revoke API token",
    "zone.update": "Update network zone",
    "user.account.report_suspicious_activity_by_enduser": "User report suspicious activity",
}


@dataclass(frozen=True, slots=True)
class Client:
    """Where and with what somebody uses Okta; the session id is empty before there is a session."""

    presence: Presence
    agent: str
    system: str
    browser: str
    device: str
    session: str = ""


def client(person: Person, presence: Presence, session: str = "") -> Client:
    """A person's own computer."""
    return Client(presence, person.agent, person.system, person.browser, person.device, session)


def phone(person: Person, presence: Presence) -> Client:
    """A person's own phone."""
    return Client(presence, PHONE, "iOS", "UNKNOWN", person.device[::-1])


def user(person: Person) -> Record:
    """A user as actor or target."""
    return {"id": person.okta_id, "type": "User", "alternateId": person.email, "displayName": person.name}


def thing(kind: str, name: str, key: str) -> Record:
    """A target that is no user: an app, a factor, a role, a token."""
    return {"id": key, "type": kind, "alternateId": name, "displayName": name}


def event(
    scribe: Scribe,
    at: datetime,
    actor: Person,
    using: Client,
    kind: str,
    *,
    targets: Sequence[Record] = (),
    about: Sequence[Person] = (),
    failure: str = "",
    debug: Record | None = None,
    decisive: bool = False,
) -> None:
    """One event; `about` are users among the targets, `failure` a reason such as `INVALID_CREDENTIALS`."""
    ids = scribe.ids
    place = using.presence.place
    where: Record = {
        "city": place.city,
        "state": place.state,
        "country": place.country,
        "geolocation": {"lat": place.latitude, "lon": place.longitude},
    }
    record: Record = {
        "uuid": ids.uuid(),
        "published": iso(at),
        "eventType": kind,
        "version": "0",
        "severity": "WARN" if failure else "INFO",
        "displayMessage": _MESSAGES[kind],
        "actor": user(actor),
        "client": {
            "userAgent": {"rawUserAgent": using.agent, "os": using.system, "browser": using.browser},
            "zone": "null",
            "device": "Mobile" if using.agent == PHONE else "Computer",
            "ipAddress": using.presence.address,
            "geographicalContext": where,
        },
        "outcome": {"result": "FAILURE", "reason": failure} if failure else {"result": "SUCCESS"},
        "target": [*map(user, about), *targets],
        "transaction": {"type": "WEB", "id": ids.hex(24)},
        "debugContext": {
            "debugData": {"dtHash": using.device, "requestUri": "/idp/idx", "requestId": ids.hex(32), **(debug or {})}
        },
        "authenticationContext": {"authenticationStep": 0, "externalSessionId": using.session or "unknown"},
        "securityContext": {"asNumber": place.asn, "asOrg": place.carrier, "isp": place.carrier, "isProxy": False},
        "request": {
            "ipChain": [
                {"ip": using.presence.address, "version": "V4", "geographicalContext": where},
            ]
        },
    }
    found = Indicators(
        ips=[using.presence.address],
        usernames=[person.user for person in (actor, *about)],
        emails=[person.email for person in (actor, *about)],
        traces=[using.session],
        actors=[actor.okta_id],
    )
    scribe.write(LogType.OKTA, at, record, found, decisive=decisive)


def session_id(scribe: Scribe, person: Person, day: str) -> str:
    """The Okta session that a person has on a day."""
    return "idx" + scribe.company.dice.child("okta-session", person.user, day).hex(22)


def sign_in(scribe: Scribe, at: datetime, person: Person, using: Client, *, decisive: bool = False) -> None:
    """A session that starts with a second factor."""
    event(scribe, at, person, using, "user.session.start", decisive=decisive)
    confirmed = at + scribe.dice.seconds(4, 15)
    event(scribe, confirmed, person, using, "user.authentication.auth_via_mfa", targets=[push(scribe)])


def push(scribe: Scribe) -> Record:
    """The factor that most people use."""
    return thing("AuthenticatorEnrollment", "Okta Verify", "opf" + scribe.ids.hex(17))


def open_app(scribe: Scribe, at: datetime, person: Person, using: Client, app: str, *, decisive: bool = False) -> None:
    """A single sign-on to an application."""
    key = "0oa" + scribe.company.dice.child("app", app).hex(17)
    event(
        scribe,
        at,
        person,
        using,
        "user.authentication.sso",
        targets=[thing("AppInstance", app, key)],
        decisive=decisive,
    )


def open_aws(scribe: Scribe, at: datetime, person: Person, using: Client, *, decisive: bool = False) -> None:
    """A single sign-on to AWS."""
    open_app(scribe, at, person, using, AWS_APP, decisive=decisive)
