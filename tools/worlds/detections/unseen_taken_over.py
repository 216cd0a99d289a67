"""Rules of the unseen sets on the logs of the company that was taken over."""

from tools.worlds.lake import LogType

from .rule import Detection, body

_UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
_AZURE_ACTOR = f'event.deep_get("identity", "claims", "{_UPN}")'
_ENTRA_ACTOR = 'event.deep_get("properties", "initiatedBy", "user", "userPrincipalName")'
_GCP_ACTOR = 'event.deep_get("protoPayload", "authenticationInfo", "principalEmail")'

DETECTIONS = (
    Detection(
        id="Azure.SignIn.UnmanagedDevice",
        name="Sign-in from a device that is not managed",
        severity="MEDIUM",
        description="A person signed in with a computer that the company does not manage.",
        runbook=(
            "Check whether the device was registered at about the time, and by whom",
            "Check for denied prompts before it",
            "Check whether the person's own laptop was in use elsewhere",
        ),
        log_type=LogType.ENTRA,
        techniques=("TA0001:T1078.004",),
        tags=("Entra ID",),
        summary=("callerIpAddress", "p_any_emails"),
        body=body(
            'event.get("category") == "SignInLogs" and event.deep_get("properties", "status", "errorCode") == 0 '
            'and event.deep_get("properties", "deviceDetail", "isManaged") is False',
            "f\"{event.deep_get('properties', 'userPrincipalName')} signed in from an unmanaged device\"",
            {
                "actor": 'event.deep_get("properties", "userPrincipalName")',
                "ipAddress": 'event.get("callerIpAddress")',
                "application": 'event.deep_get("properties", "appDisplayName")',
            },
        ),
    ),
    Detection(
        id="Azure.ConditionalAccess.Weakened",
        name="Conditional access policy no longer enforced",
        severity="HIGH",
        description="A policy was disabled, or set to report only.",
        runbook=(
            "Check whether it was enforced again, and how soon",
            "List sign-ins meanwhile that the policy would have stopped",
        ),
        log_type=LogType.ENTRA,
        techniques=("TA0005:T1556.009",),
        tags=("Entra ID",),
        reference="https://learn.microsoft.com/entra/identity/conditional-access/overview",
        summary=("callerIpAddress", "p_any_emails"),
        body=body(
            'event.get("operationName") == "Update conditional access policy" and any('
            'each.get("newValue") in ("disabled", "enabledForReportingButNotEnforced") '
            'for target in event.deep_get("properties", "targetResources", default=[]) '
            'for each in target.get("modifiedProperties", []))',
            "f\"{event.deep_get('properties', 'initiatedBy', 'user', 'userPrincipalName')} weakened a policy\"",
            {
                "actor": _ENTRA_ACTOR,
                "ipAddress": 'event.get("callerIpAddress")',
                "policies": '[each.get("displayName") for each in '
                'event.deep_get("properties", "targetResources", default=[])]',
            },
        ),
    ),
    Detection(
        id="Azure.Storage.KeysListed",
        name="Keys of a storage account listed",
        severity="MEDIUM",
        description="Whoever has a key of a storage account can read everything in it.",
        runbook=(),
        log_type=LogType.AZURE,
        techniques=("TA0006:T1552.005",),
        tags=("Azure",),
        summary=("callerIpAddress", "p_any_emails"),
        body=body(
            'event.get("operationName", "").lower() == "microsoft.storage/storageaccounts/listkeys/action"',
            f'{_AZURE_ACTOR} + " listed keys of a storage account"',
            {
                "actor": _AZURE_ACTOR,
                "ipAddress": 'event.get("callerIpAddress")',
                "resource": 'event.get("resourceId")',
            },
        ),
    ),
    Detection(
        id="GCP.Compute.FirewallOpened",
        name="Firewall opened to everybody",
        severity="HIGH",
        description="A rule lets every address reach machines of the project.",
        runbook=(
            "Check whether the rule was deleted again",
            "List what the person changed on machines at about the time",
            "Check service accounts of those machines for use from other addresses",
        ),
        log_type=LogType.GCP,
        techniques=("TA0005:T1562.007",),
        tags=("GCP", "Network"),
        summary=("p_any_emails", "p_any_ip_addresses"),
        body=body(
            'event.deep_get("protoPayload", "methodName") == "v1.compute.firewalls.insert" '
            'and "0.0.0.0/0" in event.deep_get("protoPayload", "request", "sourceRanges", default=[])',
            f'{_GCP_ACTOR} + " opened a firewall to everybody"',
            {
                "actor": _GCP_ACTOR,
                "ipAddress": 'event.deep_get("protoPayload", "requestMetadata", "callerIp")',
                "rule": 'event.deep_get("protoPayload", "resourceName")',
                "allowed": 'event.deep_get("protoPayload", "request", "alloweds")',
            },
        ),
    ),
    Detection(
        id="Kubernetes.Pod.Privileged",
        name="Privileged pod created",
        severity="HIGH",
        description="A pod was created that controls the node it runs on.",
        runbook=(
            "Check whether the person signed in from the address",
            "Check whether the pod was deleted, and what was asked for meanwhile",
        ),
        log_type=LogType.KUBERNETES,
        techniques=("TA0004:T1611",),
        tags=("Kubernetes",),
        summary=("p_any_emails", "p_any_ip_addresses"),
        body=body(
            'event.get("verb") == "create" and event.deep_get("objectRef", "resource") == "pods" and any('
            'each.get("securityContext", {}).get("privileged") '
            'for each in event.deep_get("requestObject", "spec", "containers", default=[]))',
            "f\"{event.deep_get('user', 'username')} created a privileged pod\"",
            {
                "actor": 'event.deep_get("user", "username")',
                "sourceIPs": 'event.get("sourceIPs")',
                "namespace": 'event.deep_get("objectRef", "namespace")',
                "pod": 'event.deep_get("objectRef", "name")',
            },
        ),
    ),
    Detection(
        id="Snowflake.NetworkPolicy.Removed",
        name="Network policy of the account removed",
        severity="HIGH",
        description="People can log in from every address.",
        runbook=(
            "Check whether another policy was set within minutes",
            "List logins since from addresses that were never seen",
        ),
        log_type=LogType.WAREHOUSE_QUERY,
        techniques=("TA0005:T1562.007",),
        tags=("Snowflake",),
        summary=("USER_NAME",),
        body=body(
            '"UNSET NETWORK_POLICY" in event.get("QUERY_TEXT", "").upper() '
            'and event.get("EXECUTION_STATUS") == "SUCCESS"',
            "f\"{event.get('USER_NAME')} removed the network policy\"",
            {name: f'event.get("{name}")' for name in ("USER_NAME", "ROLE_NAME", "QUERY_TEXT")},
        ),
    ),
    Detection(
        id="OnePassword.Vault.Exported",
        name="Items exported from a vault",
        severity="MEDIUM",
        description="Somebody exported items, with their passwords in plain text.",
        runbook=(
            "Check whether the team exports this vault regularly",
            "Check whether what was exported is used from elsewhere",
        ),
        log_type=LogType.VAULT_ITEM,
        techniques=("TA0006:T1555.005",),
        tags=("1Password",),
        summary=("p_any_emails", "p_any_ip_addresses"),
        body=body(
            'event.get("action") == "export"',
            "f\"{event.deep_get('user', 'email')} exported items from a vault\"",
            {
                "actor": 'event.deep_get("user", "email")',
                "ipAddress": 'event.deep_get("client", "ip_address")',
                "vault": 'event.get("vault_uuid")',
            },
        ),
    ),
    Detection(
        id="Endpoint.Transfer.Rclone",
        name="Program for copying files to remote storage",
        severity="MEDIUM",
        description="A program ran that copies folders to remote storage.",
        runbook=(
            "Compare the address it connects to with that of other laptops",
            "List what the person ran before and after",
        ),
        log_type=LogType.ENDPOINT,
        techniques=("TA0010:T1567.002",),
        tags=("Endpoint",),
        summary=("ComputerName", "aid"),
        body=body(
            'event.get("fdr_event_type") == "ProcessRollup2" '
            'and event.deep_get("event", "ImageFileName", default="").endswith("rclone.exe")',
            "f\"Copy to remote storage on {event.get('ComputerName')}\"",
            {
                "host": 'event.get("ComputerName")',
                "aid": 'event.get("aid")',
                "user": 'event.deep_get("event", "UserName")',
                "command": 'event.deep_get("event", "CommandLine")',
                "sha256": 'event.deep_get("event", "SHA256HashData")',
            },
        ),
    ),
)
