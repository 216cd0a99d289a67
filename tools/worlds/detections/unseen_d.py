"""Rules of the set `unseen-d`."""

from tools.worlds.lake import LogType

from .rule import Detection, body

_ARN = 'event.deep_get("userIdentity", "arn", default="unknown")'
_WHO = f'{_ARN}.split("/")[-1]'
_BY_AWS = {"actor": _ARN, "sourceIPAddress": 'event.get("sourceIPAddress")', "userAgent": 'event.get("userAgent")'}
_OKTA_ACTOR = 'event.deep_get("actor", "alternateId")'
_BY_OKTA = {
    "actor": _OKTA_ACTOR,
    "ipAddress": 'event.deep_get("client", "ipAddress")',
    "country": 'event.deep_get("client", "geographicalContext", "country")',
}
_ENTRA_ACTOR = 'event.deep_get("properties", "initiatedBy", "user", "userPrincipalName")'
_UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
_AZURE_ACTOR = f'event.deep_get("identity", "claims", "{_UPN}")'
_GCP_ACTOR = 'event.deep_get("protoPayload", "authenticationInfo", "principalEmail")'

DETECTIONS = (
    Detection(
        id="AWS.EC2.FlowLogsDeleted",
        name="Flow logs deleted",
        severity="HIGH",
        description="A person deleted a flow log: traffic of a network is no longer written down by it.",
        runbook=(
            "Find out what the flow log covered, and whether another one covers it",
            "List what the session did in the half hour before and after",
        ),
        log_type=LogType.CLOUDTRAIL,
        techniques=("TA0005:T1562.008",),
        tags=("AWS", "Logging"),
        reference="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteFlowLogs.html",
        summary=("sourceIPAddress",),
        body=body(
            'event.get("eventName") == "DeleteFlowLogs" and not event.get("errorCode")',
            f'{_WHO} + " deleted a flow log"',
            {
                **_BY_AWS,
                "flowLog": 'event.deep_get("requestParameters", "DeleteFlowLogsRequest", "FlowLogId", "content")',
            },
        ),
    ),
    Detection(
        id="AWS.SSM.CommandSent",
        name="Shell command sent to hosts",
        severity="MEDIUM",
        description="A person let hosts run a shell command through Systems Manager.",
        runbook=(
            "Check whether the session was opened by its owner, from that address",
            "Look at the traffic of the hosts after the command",
            "Check whether colleagues send commands, and to which hosts",
        ),
        log_type=LogType.CLOUDTRAIL,
        techniques=("TA0002:T1651",),
        tags=("AWS", "Systems Manager"),
        reference="https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html",
        summary=("sourceIPAddress",),
        body=body(
            'event.get("eventName") == "SendCommand" and "AWSReservedSSO_" in ' + _ARN,
            f'{_WHO} + " sent a command to hosts"',
            {
                **_BY_AWS,
                "document": 'event.deep_get("requestParameters", "documentName")',
                "instances": 'event.deep_get("requestParameters", "instanceIds")',
            },
        ),
    ),
    Detection(
        id="AWS.VPCFlow.RefusedByNeighbours",
        name="Host refused by many neighbours",
        severity="MEDIUM",
        description="Ten or more connections of a host to others inside were rejected within an hour.",
        runbook=(),
        log_type=LogType.VPCFLOW,
        techniques=("TA0007:T1046",),
        tags=("AWS", "Network"),
        threshold=10,
        summary=("srcAddr", "dstAddr", "dstPort"),
        body=body(
            'event.get("flowDirection") == "egress" and event.get("action") == "REJECT" '
            'and event.get("dstAddr", "").startswith("10.")',
            "f\"{event.get('srcAddr')} was refused by its neighbours\"",
            {key: f'event.get("{key}")' for key in ("srcAddr", "dstAddr", "dstPort", "instanceId")},
        ),
    ),
    Detection(
        id="Okta.SignIn.NewCountry",
        name="Sign-in from a new country",
        severity="MEDIUM",
        description="Okta has not seen this user sign in from this country.",
        runbook=(
            "Compare device and browser with those of the user's sign-ins in the past 30 days",
            "Check where else the user was active in the hour before and after",
        ),
        log_type=LogType.OKTA,
        techniques=("TA0001:T1078.004",),
        tags=("Okta",),
        reference="https://help.okta.com/oie/en-us/content/topics/security/behavior-detection/about-behavior-detection.htm",
        summary=("p_any_emails", "p_any_ip_addresses"),
        body=body(
            'event.get("eventType") == "user.session.start" and event.deep_get("outcome", "result") == "SUCCESS" '
            'and "New Country=POSITIVE" in event.deep_get("debugContext", "debugData", "behaviors", default="")',
            f'{_OKTA_ACTOR} + " signed in from a new country"',
            _BY_OKTA,
        ),
    ),
    Detection(
        id="Okta.User.AuthenticatorEnrolled",
        name="Authenticator enrolled",
        severity="LOW",
        description="A user set up a further authenticator, which can confirm sign-ins from now on.",
        runbook=(
            "Find the sign-in of the session, its device and its address",
            "Check whether prompts were refused in the hour before",
            "Check which device uses the authenticator since",
        ),
        log_type=LogType.OKTA,
        techniques=("TA0003:T1098.005",),
        tags=("Okta", "MFA"),
        summary=("p_any_emails", "p_any_ip_addresses"),
        body=body(
            'event.get("eventType") == "user.mfa.factor.activate" and event.deep_get("outcome", "result") == "SUCCESS"',
            f'{_OKTA_ACTOR} + " enrolled an authenticator"',
            _BY_OKTA,
        ),
    ),
    Detection(
        id="OneLogin.SignIn.ManyRefused",
        name="Many refused sign-ins from one address",
        severity="MEDIUM",
        description="Six or more sign-ins were refused at one address within an hour.",
        runbook=(
            "List the users, and check which of them signed in afterwards",
            "Find out who else uses the address",
        ),
        log_type=LogType.ONELOGIN,
        techniques=("TA0006:T1110.003",),
        tags=("OneLogin",),
        threshold=6,
        summary=("user_name",),
        body=body(
            'event.get("event_type_id") == "6"',
            "f\"Many refused sign-ins from {event.get('ipaddr')}\"",
            {key: f'event.get("{key}")' for key in ("ipaddr", "user_name")},
        ),
    ),
    Detection(
        id="GitHub.Repository.ManyCloned",
        name="Many repositories cloned with a token",
        severity="MEDIUM",
        description="Somebody cloned eight or more repositories over HTTPS within an hour.",
        runbook=(
            "Check which of the repositories the person works on",
            "Look at what the token is used for afterwards, and at the person's other activity of the day",
        ),
        log_type=LogType.GITHUB,
        techniques=("TA0009:T1213.003",),
        tags=("GitHub",),
        threshold=8,
        summary=("actor", "repo"),
        body=body(
            'event.get("action") == "git.clone" and event.get("transport_protocol_name") == "http"',
            "f\"{event.get('actor')} cloned many repositories\"",
            {name: f'event.get("{name}")' for name in ("actor", "actor_ip", "repo", "user_agent", "token_id")},
        ),
    ),
    Detection(
        id="GitHub.Workflow.StartedOnBranch",
        name="Workflow started by hand on a branch",
        severity="MEDIUM",
        description="A workflow that can read secrets ran on a branch that nobody has reviewed.",
        runbook=(
            "Find out what became of the branch: reviewed, merged, or removed",
            "Check whether the person was signed in at the address",
            "Check where the credentials of the pipeline were used afterwards",
        ),
        log_type=LogType.GITHUB,
        techniques=("TA0006:T1552", "TA0002:T1072"),
        tags=("GitHub", "CI"),
        summary=("actor", "repo"),
        body=body(
            'event.get("action") == "workflows.created_workflow_run" and event.get("event") == "workflow_dispatch" '
            'and event.get("head_branch") != "main"',
            "f\"{event.get('actor')} started {event.get('name')} of {event.get('repo')} by hand\"",
            {name: f'event.get("{name}")' for name in ("actor", "actor_ip", "repo", "head_branch", "workflow_run_id")},
        ),
    ),
    Detection(
        id="GSuite.Token.MailGranted",
        name="Application let into a mailbox",
        severity="MEDIUM",
        description="A user let an application of somebody else's read, send and delete their mail.",
        runbook=(
            "Check whether an administrator trusts the application, and who else uses it",
            "List what the application has called since, and from where",
        ),
        log_type=LogType.GSUITE,
        techniques=("TA0006:T1528",),
        tags=("Google Workspace", "OAuth"),
        reference="https://developers.google.com/workspace/admin/reports/v1/appendix/activity/token",
        summary=("actor:email", "parameters:app_name"),
        body=body(
            'event.get("name") == "authorize" and "https://mail.google.com/" in '
            'event.deep_get("parameters", "scope", default=[])',
            "f\"{event.deep_get('actor', 'email')} let {event.deep_get('parameters', 'app_name')} into a mailbox\"",
            {
                "actor": 'event.deep_get("actor", "email")',
                "ipAddress": 'event.get("ipAddress")',
                "application": 'event.deep_get("parameters", "app_name")',
                "client": 'event.deep_get("parameters", "client_id")',
            },
        ),
    ),
    Detection(
        id="Azure.Audit.AppCredentialAdded",
        name="Credential added to an application",
        severity="HIGH",
        description="Whoever has the credential can sign in as the application.",
        runbook=(
            "Check whether an older credential was removed",
            "List the application's sign-ins before and after, by address",
            "Look at the sign-in of the person who added it: address, device, second factor",
        ),
        log_type=LogType.ENTRA,
        techniques=("TA0003:T1098.001",),
        tags=("Entra ID",),
        summary=("callerIpAddress", "p_any_emails"),
        body=body(
            'event.get("operationName") == "Add service principal credentials"',
            f'{_ENTRA_ACTOR} + " added a credential to an application"',
            {
                "actor": _ENTRA_ACTOR,
                "ipAddress": 'event.get("callerIpAddress")',
                "application": 'event.deep_get("properties", "targetResources", default=[{}])[0].get("displayName")',
            },
        ),
    ),
    Detection(
        id="Azure.Backup.ProtectionRemoved",
        name="Machine removed from backup",
        severity="MEDIUM",
        description="A machine is no longer backed up, and its recovery points are deleted.",
        runbook=(),
        log_type=LogType.AZURE,
        techniques=("TA0040:T1490",),
        tags=("Azure", "Backup"),
        summary=("callerIpAddress", "resourceId"),
        body=body(
            'event.get("operationName", "").endswith("/protectedItems/delete")',
            f'{_AZURE_ACTOR} + " removed a machine from backup"',
            {
                "actor": _AZURE_ACTOR,
                "ipAddress": 'event.get("callerIpAddress")',
                "resource": 'event.get("resourceId")',
            },
        ),
    ),
    Detection(
        id="GCP.Compute.AcceleratorsStarted",
        name="Machine with accelerators created",
        severity="MEDIUM",
        description="A service account created a machine with graphics processors.",
        runbook=(
            "Find out what the account usually does, from where, and since when it may create machines",
            "Check what the machine was used for, and whether it is gone",
        ),
        log_type=LogType.GCP,
        techniques=("TA0040:T1496",),
        tags=("GCP", "Compute"),
        summary=("p_any_emails", "p_any_ip_addresses"),
        body=body(
            'event.deep_get("protoPayload", "methodName") == "v1.compute.instances.insert" '
            'and bool(event.deep_get("protoPayload", "request", "guestAccelerators")) '
            'and not event.deep_get("protoPayload", "status", "code")',
            f'{_GCP_ACTOR} + " created a machine with accelerators"',
            {
                "actor": _GCP_ACTOR,
                "ipAddress": 'event.deep_get("protoPayload", "requestMetadata", "callerIp")',
                "machine": 'event.deep_get("protoPayload", "resourceName")',
                "accelerators": 'event.deep_get("protoPayload", "request", "guestAccelerators")',
            },
        ),
    ),
    Detection(
        id="Kubernetes.Secrets.ListedEverywhere",
        name="Secrets of all namespaces listed by a person",
        severity="MEDIUM",
        description="A person listed secrets without naming a namespace.",
        runbook=(
            "List what the person did with secrets afterwards",
            "Look at the program on the person's laptop that started it",
        ),
        log_type=LogType.KUBERNETES,
        techniques=("TA0006:T1552.007",),
        tags=("Kubernetes",),
        summary=("p_any_emails", "p_any_ip_addresses"),
        body=body(
            'event.get("verb") == "list" and event.deep_get("objectRef", "resource") == "secrets" '
            'and not event.deep_get("objectRef", "namespace") '
            'and "@" in event.deep_get("user", "username", default="")',
            "f\"{event.deep_get('user', 'username')} listed the secrets of all namespaces\"",
            {
                "actor": 'event.deep_get("user", "username")',
                "sourceIPs": 'event.get("sourceIPs")',
                "userAgent": 'event.get("userAgent")',
            },
        ),
    ),
    Detection(
        id="Endpoint.ShadowCopies.Deleted",
        name="Shadow copies deleted",
        severity="HIGH",
        description="The copies from which Windows restores files were deleted on a laptop.",
        runbook=(),
        log_type=LogType.ENDPOINT,
        techniques=("TA0040:T1490",),
        tags=("Endpoint",),
        summary=("ComputerName", "aid"),
        body=body(
            'event.get("fdr_event_type") == "ProcessRollup2" '
            'and "delete shadows" in event.deep_get("event", "CommandLine", default="")',
            "f\"Shadow copies deleted on {event.get('ComputerName')}\"",
            {
                "host": 'event.get("ComputerName")',
                "aid": 'event.get("aid")',
                "user": 'event.deep_get("event", "UserName")',
                "command": 'event.deep_get("event", "CommandLine")',
                "parent": 'event.deep_get("event", "ParentBaseFileName")',
            },
        ),
    ),
    Detection(
        id="Snowflake.Login.DatabaseTool",
        name="Login with a database tool",
        severity="LOW",
        description="A person logged in through the JDBC driver, not through the web page.",
        runbook=(
            "Check whether the tool runs on the person's laptop",
            "List what was asked in the session, and compare it with what the person asks on other days",
        ),
        log_type=LogType.WAREHOUSE_LOGIN,
        techniques=("TA0001:T1078.004",),
        tags=("Snowflake",),
        summary=("USER_NAME", "CLIENT_IP"),
        body=body(
            'event.get("REPORTED_CLIENT_TYPE") == "JDBC_DRIVER" and event.get("IS_SUCCESS") == "YES"',
            "f\"{event.get('USER_NAME')} logged in with a database tool\"",
            {
                name: f'event.get("{name}")'
                for name in ("USER_NAME", "CLIENT_IP", "REPORTED_CLIENT_TYPE", "FIRST_AUTHENTICATION_FACTOR")
            },
        ),
    ),
)
