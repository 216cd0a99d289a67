"""GCP.AuditLog records."""

from collections.abc import Mapping
from datetime import datetime

from tools.worlds.branch import Branch
from tools.worlds.company import Person
from tools.worlds.lake import Indicators, LogType, Record, Scribe
from tools.worlds.worktime import stamp

CLOUD_SDK = "google-cloud-sdk gcloud/495.0.0 command/gcloud.iam invocation-id/none environment/None interactive/True"
LIBRARY = "google-api-go-client/0.5 Terraform/1.8.4 (+https://www.terraform.io) terraform-provider-google/6.8.0"
_SERVICES = {
    "google.iam": "iam.googleapis.com",
    "google.logging": "logging.googleapis.com",
    "storage": "storage.googleapis.com",
    "google.cloud.bigquery": "bigquery.googleapis.com",
    "GenerateAccessToken": "iamcredentials.googleapis.com",
    "v1.compute": "compute.googleapis.com",
    "SetIamPolicy": "cloudresourcemanager.googleapis.com",
}


def service_account(branch: Branch, name: str) -> str:
    """The e-mail address of a service account of the project."""
    return f"{name}@{branch.project}.iam.gserviceaccount.com"


def call(
    scribe: Scribe,
    branch: Branch,
    at: datetime,
    principal: Person | str,
    address: str,
    method: str,
    resource: str,
    *,
    request: Mapping[str, object] | None = None,
    response: Mapping[str, object] | None = None,
    service_data: Mapping[str, object] | None = None,
    agent: str = CLOUD_SDK,
    key: str = "",
    via: str = "",
    denied: bool = False,
    decisive: bool = False,
) -> None:
    """One API call of a person or a service account; `resource` is the name below the project, `key` the key in use.

    `via` is who took the token that a service account's call is made with.
    """
    email = principal if isinstance(principal, str) else principal.email
    service = next(name for prefix, name in _SERVICES.items() if method.startswith(prefix))
    identity: Record = {"principalEmail": email}
    if key:
        identity["serviceAccountKeyName"] = f"//iam.googleapis.com/{key}"
    if via:
        identity["serviceAccountDelegationInfo"] = [{"firstPartyPrincipal": {"principalEmail": via}}]
    payload: Record = {
        "at_sign_type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "authenticationInfo": identity,
        "authorizationInfo": [{"granted": not denied, "permission": method, "resource": resource}],
        "methodName": method,
        "requestMetadata": {"callerIp": address, "callerSuppliedUserAgent": agent, "destinationAttributes": {}},
        "resourceName": f"projects/{branch.project}/{resource}",
        "serviceName": service,
        "status": {"code": 7, "message": "PERMISSION_DENIED"} if denied else {},
    }
    if request is not None:
        payload["request"] = request
    if response is not None:
        payload["response"] = response
    if service_data is not None:
        payload["serviceData"] = service_data
    record: Record = {
        "insertId": scribe.ids.base32(13).lower(),
        "logName": f"projects/{branch.project}/logs/cloudaudit.googleapis.com%2Factivity",
        "protoPayload": payload,
        "receiveTimestamp": stamp(at),
        "resource": {"type": service.partition(".")[0], "labels": {"project_id": branch.project}},
        "severity": "ERROR" if denied else "NOTICE",
        "timestamp": stamp(at),
    }
    found = Indicators(ips=[address], emails=[email, via], usernames=[email.partition("@")[0]], traces=[key])
    scribe.write(LogType.GCP, at, record, found, decisive=decisive)
