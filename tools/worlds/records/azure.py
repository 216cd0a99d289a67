"""Azure.Audit records (Entra ID: sign-ins and directory changes) and Azure.MonitorActivity records."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from tools.worlds.branch import Branch
from tools.worlds.company import Person, Presence
from tools.worlds.lake import Indicators, LogType, Record, Scribe
from tools.worlds.worktime import iso

OFFICE = "Office 365"
PORTAL = "Azure Portal"
UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"


def _object_id(branch: Branch, name: str) -> str:
    return branch.dice.child("object", name).uuid()


def _common(scribe: Scribe, branch: Branch, at: datetime, operation: str, category: str, address: str) -> Record:
    return {
        "time": iso(at),
        "resourceId": f"/tenants/{branch.tenant}/providers/Microsoft.aadiam",
        "operationName": operation,
        "operationVersion": "1.0",
        "category": category,
        "tenantId": branch.tenant,
        "resultSignature": "None",
        "durationMs": 0,
        "callerIpAddress": address,
        "correlationId": scribe.ids.uuid(),
        "Level": "4",
    }


def sign_in(
    scribe: Scribe,
    branch: Branch,
    at: datetime,
    person: Person,
    presence: Presence,
    *,
    app: str = OFFICE,
    second_factor: bool = True,
    interactive: bool = True,
    protocol: str = "none",
    agent: str = "",
    error: int = 0,
    known_device: bool = True,
    decisive: bool = False,
) -> None:
    """A sign-in of a person to an application; `error` is Entra's number, 0 for a success."""
    place = presence.place
    category = "SignInLogs" if interactive else "NonInteractiveUserSignInLogs"
    record = _common(scribe, branch, at, "Sign-in activity", category, presence.address)
    record |= {
        "resultType": str(error),
        "properties": {
            "id": scribe.ids.uuid(),
            "createdDateTime": iso(at),
            "userId": _object_id(branch, person.user),
            "userPrincipalName": person.email,
            "userDisplayName": person.name,
            "appId": _object_id(branch, app),
            "appDisplayName": app,
            "resourceDisplayName": "Microsoft Graph",
            "ipAddress": presence.address,
            "location": {"city": place.city, "state": place.state, "countryOrRegion": place.code},
            "userAgent": agent or person.agent,
            "isInteractive": interactive,
            "authenticationProtocol": protocol,
            "authenticationRequirement": "multiFactorAuthentication" if second_factor else "singleFactorAuthentication",
            "conditionalAccessStatus": "success" if not error else "failure",
            "status": {"errorCode": error},
            "deviceDetail": {
                "deviceId": _object_id(branch, f"device {person.user}") if known_device else "",
                "operatingSystem": person.system,
                "browser": person.browser,
                "isManaged": known_device,
            },
        },
    }
    found = Indicators(ips=[presence.address], emails=[person.email], usernames=[person.user])
    scribe.write(LogType.ENTRA, at, record, found, decisive=decisive)


def app_sign_in(
    scribe: Scribe, branch: Branch, at: datetime, app: str, address: str, *, decisive: bool = False
) -> None:
    """An application signs in as itself and reads from Microsoft Graph."""
    record = _common(scribe, branch, at, "Sign-in activity", "ServicePrincipalSignInLogs", address)
    record |= {
        "resultType": "0",
        "properties": {
            "id": scribe.ids.uuid(),
            "createdDateTime": iso(at),
            "servicePrincipalId": _object_id(branch, f"service {app}"),
            "servicePrincipalName": app,
            "appId": _object_id(branch, app),
            "ipAddress": address,
            "resourceDisplayName": "Microsoft Graph",
            "status": {"errorCode": 0},
        },
    }
    found = Indicators(ips=[address], actors=[_object_id(branch, f"service {app}")])
    scribe.write(LogType.ENTRA, at, record, found, decisive=decisive)


def directory(
    scribe: Scribe,
    branch: Branch,
    at: datetime,
    person: Person,
    presence: Presence,
    operation: str,
    target: tuple[str, str],
    *,
    category: str = "AuditLogs",
    changes: Mapping[str, str] | None = None,
    details: Mapping[str, str] | None = None,
    about: Sequence[Person] = (),
    decisive: bool = False,
) -> None:
    """Somebody changed the directory; `target` is kind and name, `about` the people among the targets."""
    kind, name = target
    thing: Record = {"id": _object_id(branch, name), "type": kind, "displayName": name}
    if changes:
        thing["modifiedProperties"] = [
            {"displayName": key, "oldValue": "", "newValue": value} for key, value in changes.items()
        ]
    people: list[Record] = [
        {
            "id": _object_id(branch, each.user),
            "type": "User",
            "displayName": each.name,
            "userPrincipalName": each.email,
        }
        for each in about
    ]
    record = _common(scribe, branch, at, operation, category, presence.address)
    record |= {
        "properties": {
            "id": scribe.ids.uuid(),
            "activityDateTime": iso(at),
            "activityDisplayName": operation,
            "loggedByService": "Core Directory",
            "operationType": "Update",
            "result": "success",
            "initiatedBy": {
                "user": {
                    "id": _object_id(branch, person.user),
                    "displayName": person.name,
                    "userPrincipalName": person.email,
                    "ipAddress": presence.address,
                }
            },
            "targetResources": [*people, thing],
            "additionalDetails": [{"key": key, "value": value} for key, value in (details or {}).items()],
        }
    }
    found = Indicators(
        ips=[presence.address],
        emails=[each.email for each in (person, *about)],
        usernames=[each.user for each in (person, *about)],
    )
    scribe.write(LogType.ENTRA, at, record, found, decisive=decisive)


def activity(
    scribe: Scribe,
    branch: Branch,
    at: datetime,
    person: Person,
    presence: Presence,
    operation: str,
    resource: str,
    *,
    decisive: bool = False,
) -> None:
    """An operation on a resource of the subscription; `resource` is the part of its id after the subscription."""
    record: Record = {
        "time": iso(at),
        "resourceId": f"/subscriptions/{branch.subscription}/resourceGroups/{resource}",
        "operationName": operation,
        "operationVersion": "2021-05-01",
        "category": "Administrative",
        "resultType": "Success",
        "resultSignature": "200",
        "callerIpAddress": presence.address,
        "correlationId": scribe.ids.uuid(),
        "level": "Informational",
        "location": "westeurope",
        "tenantId": branch.tenant,
        "identity": {
            "claims": {
                "name": person.name,
                "ipaddr": presence.address,
                UPN: person.email,
                "oid": _object_id(branch, person.user),
            }
        },
    }
    found = Indicators(ips=[presence.address], emails=[person.email], usernames=[person.user])
    scribe.write(LogType.AZURE, at, record, found, decisive=decisive)


def storage_read(
    scribe: Scribe,
    branch: Branch,
    at: datetime,
    address: str,
    file: str,
    *,
    by_key: bool = False,
    decisive: bool = False,
) -> None:
    """A program reads a file of the storage account, as itself or with the account's key; the resource's own log says so."""
    requester = _object_id(branch, "storage reader")
    record: Record = {
        "time": iso(at),
        "resourceId": f"/subscriptions/{branch.subscription}/resourceGroups/rg-data/providers/Microsoft.Storage/"
        "storageAccounts/shopfiles/blobServices/default",
        "operationName": "GetBlob",
        "operationVersion": "2023-11-03",
        "category": "StorageRead",
        "statusCode": 200,
        "statusText": "Success",
        "durationMs": scribe.ids.between(3, 90),
        "callerIpAddress": f"{address}:{scribe.ids.between(32768, 60999)}",
        "correlationId": scribe.ids.uuid(),
        "level": "Informational",
        "location": "westeurope",
        "tenantId": branch.tenant,
        "uri": f"https://shopfiles.blob.storage.example/{file}",
        "protocol": "HTTPS",
        "schemaVersion": "1.0",
        "identity": {"type": "OAuth", "requester": {"objectId": requester, "tenantId": branch.tenant}},
    }
    found = Indicators(ips=[address], actors=[requester])
    if by_key:
        record["identity"] = {"type": "AccountKey"}
        found = Indicators(ips=[address])
    scribe.write(LogType.AZURE, at, record, found, decisive=decisive)
