"""Amazon.EKS.Audit records."""

from collections.abc import Mapping
from datetime import datetime

from tools.worlds.lake import Indicators, LogType, Record, Scribe
from tools.worlds.worktime import stamp

KUBECTL = "kubectl/v1.30.2 (linux/amd64) kubernetes/3968350"
_CREATED = 201


def workload(namespace: str) -> str:
    """The user name of a namespace's service account."""
    return f"system:serviceaccount:{namespace}:{namespace}"


def call(
    scribe: Scribe,
    at: datetime,
    user: str,
    address: str,
    verb: str,
    what: str,
    where: str,
    *,
    agent: str = KUBECTL,
    body: Mapping[str, object] | None = None,
    command: str = "",
    code: int = 0,
    decisive: bool = False,
) -> None:
    """One request; `what` is `resource` or `resource/subresource`, `where` is `namespace/name`, either part empty."""
    resource, _, sub = what.partition("/")
    namespace, _, name = where.partition("/")
    path = "/api/v1" + (f"/namespaces/{namespace}" if namespace else "") + f"/{resource}"
    path += (f"/{name}" if name else "") + (f"/{sub}" if sub else "")
    reference: Record = {"resource": resource, "apiVersion": "v1"}
    reference |= {
        key: value for key, value in (("namespace", namespace), ("name", name), ("subresource", sub)) if value
    }
    status = code or (_CREATED if verb == "create" and not sub else 200)
    refused = status >= 400  # noqa: PLR2004 - the first HTTP status that is an error
    record: Record = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Request" if body else "Metadata",
        "auditID": scribe.ids.uuid(),
        "stage": "ResponseComplete",
        "requestURI": path + (f"?command={command}" if command else ""),
        "verb": verb,
        "user": {"username": user, "groups": ["system:authenticated"]},
        "sourceIPs": [address],
        "userAgent": agent,
        "objectRef": reference,
        "responseStatus": {"code": status},
        "requestReceivedTimestamp": stamp(at),
        "stageTimestamp": stamp(at),
        "annotations": {"authorization.k8s.io/decision": "forbid" if refused else "allow"},
    }
    if body:
        record["requestObject"] = body
    found = Indicators(
        ips=[address],
        usernames=[user.partition("@")[0] if "@" in user else user],
        emails=[user] if "@" in user else [],
    )
    scribe.write(LogType.KUBERNETES, at, record, found, decisive=decisive)
