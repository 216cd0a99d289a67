"""Rules on Entra ID, Azure, Google Cloud and Kubernetes."""

from tools.worlds.lake import LogType

from .rule import Detection

DETECTIONS = (
    Detection(
        id="Azure.Audit.ApplicationConsent",
        name="Consent to an application",
        severity="HIGH",
        description="A person let an application act with their own rights.",
        runbook=(
            "Check whether colleagues consented to the same application in the past 30 days",
            "Find out who added the application to the directory",
            "Look at the addresses from which the application signs in afterwards",
        ),
        log_type=LogType.ENTRA,
        techniques=("TA0006:T1528",),
        tags=("Entra ID",),
        reference="https://learn.microsoft.com/entra/identity/monitoring-health/reference-audit-activities",
        summary=("callerIpAddress", "p_any_emails"),
        body="""
            def rule(event):
                return event.get("operationName") == "Consent to application"


            def actor(event):
                return event.deep_get("properties", "initiatedBy", "user", "userPrincipalName", default="unknown")


            def title(event):
                return f"{actor(event)} consented to an application"


            def alert_context(event):
                targets = event.deep_get("properties", "targetResources", default=[])
                return {
                    "actor": actor(event),
                    "ipAddress": event.get("callerIpAddress"),
                    "application": targets[0].get("displayName") if targets else None,
                }
        """,
    ),
    Detection(
        id="Azure.SignIn.DeviceCode",
        name="Sign-in with a device code",
        severity="MEDIUM",
        description="Somebody signed in on a machine that showed a code, which a person typed in elsewhere.",
        runbook=(
            "Check whether this person signed in with device codes in the past 30 days",
            "Check whether the person signed in from the same address with a second factor",
            "List what the session did in the hour after",
        ),
        log_type=LogType.ENTRA,
        techniques=("TA0001:T1566",),
        tags=("Entra ID",),
        reference="https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code",
        summary=("callerIpAddress", "p_any_emails"),
        body="""
            def rule(event):
                return (
                    event.get("category") == "SignInLogs"
                    and event.deep_get("properties", "authenticationProtocol") == "deviceCode"
                    and event.deep_get("properties", "status", "errorCode") == 0
                )


            def title(event):
                return f"{event.deep_get('properties', 'userPrincipalName')} signed in with a device code"


            def alert_context(event):
                return {
                    "actor": event.deep_get("properties", "userPrincipalName"),
                    "ipAddress": event.get("callerIpAddress"),
                    "application": event.deep_get("properties", "appDisplayName"),
                    "userAgent": event.deep_get("properties", "userAgent"),
                }
        """,
    ),
    Detection(
        id="Azure.DiagnosticSettings.Deleted",
        name="Diagnostic setting deleted",
        severity="HIGH",
        description="A resource stopped to send its logs.",
        runbook=(
            "Check whether the setting was written again within the hour",
            "Check whether this person or the team deleted settings in the past 30 days",
            "List what the person did to the resource afterwards",
        ),
        log_type=LogType.AZURE,
        techniques=("TA0005:T1562.008",),
        tags=("Azure",),
        reference="https://learn.microsoft.com/azure/azure-monitor/essentials/diagnostic-settings",
        summary=("callerIpAddress", "p_any_emails"),
        body="""
            UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"


            def rule(event):
                return event.get("operationName", "").lower() == "microsoft.insights/diagnosticsettings/delete"


            def title(event):
                return f"{event.deep_get('identity', 'claims', UPN)} deleted a diagnostic setting"


            def alert_context(event):
                return {
                    "actor": event.deep_get("identity", "claims", UPN),
                    "ipAddress": event.get("callerIpAddress"),
                    "resource": event.get("resourceId"),
                }
        """,
    ),
    Detection(
        id="GCP.ServiceAccount.KeyCreated",
        name="Key of a service account created",
        severity="MEDIUM",
        description="Somebody made a key with which programs act as a service account.",
        runbook=(
            "Check whether this actor created keys in the past 30 days",
            "Find the first uses of the key, and compare their addresses with the account's earlier ones",
            "Check whether an older key was deleted within the hour",
        ),
        log_type=LogType.GCP,
        techniques=("TA0003:T1098.001",),
        tags=("GCP", "IAM"),
        reference="https://cloud.google.com/iam/docs/audit-logging",
        summary=("p_any_emails", "p_any_ip_addresses"),
        body="""
            def rule(event):
                payload = event.get("protoPayload", {})
                return payload.get("methodName", "").endswith("CreateServiceAccountKey") and not payload.get(
                    "status", {}
                ).get("code")


            def title(event):
                actor = event.deep_get("protoPayload", "authenticationInfo", "principalEmail")
                return f"{actor} created a key of a service account"


            def alert_context(event):
                return {
                    "actor": event.deep_get("protoPayload", "authenticationInfo", "principalEmail"),
                    "ipAddress": event.deep_get("protoPayload", "requestMetadata", "callerIp"),
                    "resource": event.deep_get("protoPayload", "resourceName"),
                    "key": event.deep_get("protoPayload", "response", "name"),
                }
        """,
    ),
    Detection(
        id="GCP.Logging.SinkDeleted",
        name="Sink of the audit log deleted",
        severity="HIGH",
        description="Audit logs stopped to be copied to where they are kept.",
        runbook=(
            "Check whether the sink was made again within the hour, and with which destination",
            "Check whether this actor deleted sinks in the past 30 days",
            "List what else the actor changed in the hour after",
        ),
        log_type=LogType.GCP,
        techniques=("TA0005:T1562.008",),
        tags=("GCP", "Logging"),
        reference="https://cloud.google.com/logging/docs/audit",
        summary=("p_any_emails", "p_any_ip_addresses"),
        body="""
            def rule(event):
                return event.deep_get("protoPayload", "methodName", default="").endswith("DeleteSink")


            def title(event):
                actor = event.deep_get("protoPayload", "authenticationInfo", "principalEmail")
                return f"{actor} deleted a sink of the audit log"


            def alert_context(event):
                return {
                    "actor": event.deep_get("protoPayload", "authenticationInfo", "principalEmail"),
                    "ipAddress": event.deep_get("protoPayload", "requestMetadata", "callerIp"),
                    "sink": event.deep_get("protoPayload", "resourceName"),
                }
        """,
    ),
    Detection(
        id="Kubernetes.Pod.Exec",
        name="Shell in a running pod",
        severity="MEDIUM",
        description="A person ran a command inside a pod of the production cluster.",
        runbook=(
            "Check whether this person opened shells in the past 30 days, and colleagues",
            "List what the pod's service account asked for in the hour after, and whether it ever did before",
        ),
        log_type=LogType.KUBERNETES,
        techniques=("TA0002:T1609",),
        tags=("Kubernetes",),
        reference="https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/",
        summary=("p_any_emails", "p_any_ip_addresses"),
        body="""
            def rule(event):
                return event.get("verb") == "create" and event.deep_get("objectRef", "subresource") == "exec"


            def title(event):
                return f"{event.deep_get('user', 'username')} opened a shell in a pod"


            def alert_context(event):
                return {
                    "actor": event.deep_get("user", "username"),
                    "sourceIPs": event.get("sourceIPs"),
                    "namespace": event.deep_get("objectRef", "namespace"),
                    "pod": event.deep_get("objectRef", "name"),
                }
        """,
    ),
    Detection(
        id="Kubernetes.ClusterAdmin.Bound",
        name="Account bound to the cluster's administrator role",
        severity="HIGH",
        description="A service account received all rights over the cluster.",
        runbook=(
            "Check whether the binding was deleted within the hour, as in the past 30 days",
            "List what the bound account did since",
            "Look at the sign-in of the person who bound it",
        ),
        log_type=LogType.KUBERNETES,
        techniques=("TA0004:T1098.006",),
        tags=("Kubernetes",),
        reference="https://kubernetes.io/docs/reference/access-authn-authz/rbac/",
        summary=("p_any_emails", "p_any_ip_addresses"),
        body="""
            def rule(event):
                return (
                    event.get("verb") == "create"
                    and event.deep_get("objectRef", "resource") == "clusterrolebindings"
                    and event.deep_get("requestObject", "roleRef", "name") == "cluster-admin"
                )


            def title(event):
                return f"{event.deep_get('user', 'username')} bound an account to cluster-admin"


            def alert_context(event):
                return {
                    "actor": event.deep_get("user", "username"),
                    "sourceIPs": event.get("sourceIPs"),
                    "binding": event.deep_get("objectRef", "name"),
                    "subjects": event.deep_get("requestObject", "subjects"),
                }
        """,
    ),
)
