"""Rules of the set `unseen-c`."""

from tools.worlds.lake import LogType

from .rule import Detection, body

_ARN = 'event.deep_get("userIdentity", "arn", default="unknown")'
_WHO = f'{_ARN}.split("/")[-1]'
_BY_AWS = {"actor": _ARN, "sourceIPAddress": 'event.get("sourceIPAddress")', "userAgent": 'event.get("userAgent")'}
_RANGES = (
    '[each.get("cidrIp") for item in '
    'event.deep_get("requestParameters", "ipPermissions", "items", default=[]) '
    'for each in item.get("ipRanges", {}).get("items", [])]'
)
_ENTRA_ACTOR = 'event.deep_get("properties", "initiatedBy", "user", "userPrincipalName")'
_GCP_ACTOR = 'event.deep_get("protoPayload", "authenticationInfo", "principalEmail")'

DETECTIONS = (
    Detection(
        id="AWS.IAM.ConsolePasswordCreated",
        name="Console password created for an IAM user",
        severity="MEDIUM",
        description="An IAM user that had no password can sign in to the console.",
        runbook=(
            "Find out what the user was used for in the past 30 days, and from where",
            "Check the user's first sign-in to the console: address, and what it did",
        ),
        log_type=LogType.CLOUDTRAIL,
        techniques=("TA0003:T1098",),
        tags=("AWS", "IAM"),
        reference="https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateLoginProfile.html",
        summary=("sourceIPAddress", "p_any_usernames"),
        body=body(
            'event.get("eventName") == "CreateLoginProfile" and not event.get("errorCode")',
            f'{_WHO} + " created a console password for " + event.deep_get("requestParameters", "userName")',
            {**_BY_AWS, "user": 'event.deep_get("requestParameters", "userName")'},
        ),
    ),
    Detection(
        id="AWS.S3.ObjectsExpireSoon",
        name="Objects of a bucket made to expire within days",
        severity="HIGH",
        description="A lifecycle rule deletes everything in a bucket within a week.",
        runbook=(
            "Find out who writes to the bucket, and since when",
            "Check whether versions were switched off, and whether objects were deleted by hand",
            "Check whether the person signed in from the address",
        ),
        log_type=LogType.CLOUDTRAIL,
        techniques=("TA0040:T1485.001",),
        tags=("AWS", "S3"),
        summary=("sourceIPAddress", "p_any_aws_arns"),
        body=body(
            'event.get("eventName") == "PutBucketLifecycle" and not event.get("errorCode") and any('
            'each.get("Expiration", {}).get("Days", 99) <= 7 for each in '
            'event.deep_get("requestParameters", "LifecycleConfiguration", "Rule", default=[]))',
            f'{_WHO} + " lets objects expire in " + event.deep_get("requestParameters", "bucketName")',
            {
                **_BY_AWS,
                "bucket": 'event.deep_get("requestParameters", "bucketName")',
                "rules": 'event.deep_get("requestParameters", "LifecycleConfiguration", "Rule")',
            },
        ),
    ),
    Detection(
        id="AWS.EC2.SecurityGroupOpened",
        name="Security group opened to a public address",
        severity="MEDIUM",
        description="A person let an address outside reach hosts directly.",
        runbook=(
            "Check whether the address reached other hosts in the past 30 days, and since when",
            "Look at the traffic of the address before and after the change",
        ),
        log_type=LogType.CLOUDTRAIL,
        techniques=("TA0005:T1562.007",),
        tags=("AWS", "Network"),
        reference="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html",
        summary=("sourceIPAddress",),
        body=body(
            'event.get("eventName") == "AuthorizeSecurityGroupIngress" and not event.get("errorCode") '
            f'and any(not each.startswith("10.") for each in {_RANGES})',
            f'{_WHO} + " opened a security group to " + ", ".join({_RANGES})',
            {**_BY_AWS, "group": 'event.deep_get("requestParameters", "groupId")', "ranges": _RANGES},
        ),
    ),
    Detection(
        id="AWS.VPCFlow.EgressOnUnusualPort",
        name="Host talks to the outside on an unusual port",
        severity="MEDIUM",
        description="A host sent to a public address on a port that is not used for it, six times within an hour.",
        runbook=(),
        log_type=LogType.VPCFLOW,
        techniques=("TA0011:T1571",),
        tags=("AWS", "Network"),
        threshold=6,
        summary=("instanceId", "dstAddr"),
        body=body(
            'event.get("flowDirection") == "egress" and event.get("action") == "ACCEPT" '
            'and event.get("dstPort", 0) not in (0, 53, 80, 443) and event.get("dstPort", 0) < 32768 '
            'and not event.get("dstAddr", "").startswith("10.")',
            "f\"{event.get('srcAddr')} talks to {event.get('dstAddr')} on port {event.get('dstPort')}\"",
            {key: f'event.get("{key}")' for key in ("srcAddr", "dstAddr", "dstPort", "bytes", "instanceId")},
        ),
    ),
    Detection(
        id="Okta.User.Unsuspended",
        name="Suspended user brought back",
        severity="LOW",
        description="An account that was suspended can be used again.",
        runbook=(
            "Find out since when the account was suspended, and by whom",
            "Compare device and address of its next sign-in with those before the suspension",
        ),
        log_type=LogType.OKTA,
        techniques=("TA0003:T1098",),
        tags=("Okta",),
        reference="https://developer.okta.com/docs/reference/api/event-types/",
        summary=("p_any_emails",),
        body=body(
            'event.get("eventType") == "user.lifecycle.unsuspend" and event.deep_get("outcome", "result") == "SUCCESS"',
            "f\"{event.deep_get('actor', 'alternateId')} brought back {event['target'][0].get('alternateId')}\"",
            {
                "actor": 'event.deep_get("actor", "alternateId")',
                "ipAddress": 'event.deep_get("client", "ipAddress")',
                "user": 'event.get("target", [{}])[0].get("alternateId")',
            },
        ),
    ),
    Detection(
        id="GSuite.User.SecondStepOff",
        name="Second step of a user switched off",
        severity="HIGH",
        description="An administrator let a user sign in with the password alone.",
        runbook=(),
        log_type=LogType.GSUITE,
        techniques=("TA0003:T1556.006",),
        tags=("Google Workspace",),
        summary=("actor:email", "p_any_emails"),
        body=body(
            'event.get("name") == "UNENROLL_USER_FROM_STRONG_AUTH"',
            "f\"Second step of {event.deep_get('parameters', 'USER_EMAIL')} switched off\"",
            {
                "actor": 'event.deep_get("actor", "email")',
                "ipAddress": 'event.get("ipAddress")',
                "user": 'event.deep_get("parameters", "USER_EMAIL")',
            },
        ),
    ),
    Detection(
        id="GitHub.Token.AccessGranted",
        name="Token let into the organisation",
        severity="MEDIUM",
        description="A personal access token may read all repositories of the organisation.",
        runbook=(
            "Check who asked for it, and since when that login is a member",
            "List what the token was used for, and from where",
            "Check whether the person who let it in was signed in at the address",
        ),
        log_type=LogType.GITHUB,
        techniques=("TA0006:T1528",),
        tags=("GitHub",),
        summary=("actor", "user"),
        body=body(
            'event.get("action") == "personal_access_token.access_granted"',
            "f\"{event.get('actor')} let a token of {event.get('user')} in\"",
            {
                name: f'event.get("{name}")'
                for name in ("actor", "actor_ip", "user", "user_programmatic_access_name", "repository_selection")
            },
        ),
    ),
    Detection(
        id="Azure.Audit.GuestInvited",
        name="Guest invited",
        severity="LOW",
        description="Somebody outside the company was invited into the directory.",
        runbook=(
            "Check whether guests of the same domain were invited before, and by whom",
            "List the groups that the guest is in, and what the guest did since",
        ),
        log_type=LogType.ENTRA,
        techniques=("TA0003:T1136.003",),
        tags=("Entra ID",),
        summary=("callerIpAddress", "p_any_emails"),
        body=body(
            'event.get("operationName") == "Invite external user"',
            f'{_ENTRA_ACTOR} + " invited a guest"',
            {
                "actor": _ENTRA_ACTOR,
                "ipAddress": 'event.get("callerIpAddress")',
                "guest": 'event.deep_get("properties", "targetResources", default=[{}])[0].get("userPrincipalName")',
            },
        ),
    ),
    Detection(
        id="GCP.ServiceAccount.TokenTaken",
        name="Token of a service account taken",
        severity="MEDIUM",
        description="A person took a token with which they act as a service account.",
        runbook=(
            "Check whether colleagues do so, and for what",
            "List what the account did in the hour after, and from where",
        ),
        log_type=LogType.GCP,
        techniques=("TA0004:T1548.005",),
        tags=("GCP", "IAM"),
        reference="https://cloud.google.com/iam/docs/service-account-impersonation",
        summary=("p_any_emails", "p_any_ip_addresses"),
        body=body(
            'event.deep_get("protoPayload", "methodName") == "GenerateAccessToken" '
            'and not event.deep_get("protoPayload", "status", "code")',
            f'{_GCP_ACTOR} + " took a token of a service account"',
            {
                "actor": _GCP_ACTOR,
                "ipAddress": 'event.deep_get("protoPayload", "requestMetadata", "callerIp")',
                "account": 'event.deep_get("protoPayload", "resourceName")',
            },
        ),
    ),
    Detection(
        id="Kubernetes.CronJob.Created",
        name="Cron job created by a person",
        severity="MEDIUM",
        description="A person created a job that the cluster starts by the clock.",
        runbook=(),
        log_type=LogType.KUBERNETES,
        techniques=("TA0003:T1053.007",),
        tags=("Kubernetes",),
        summary=("p_any_emails", "p_any_ip_addresses"),
        body=body(
            'event.get("verb") == "create" and event.deep_get("objectRef", "resource") == "cronjobs" '
            'and "@" in event.deep_get("user", "username", default="")',
            "f\"{event.deep_get('user', 'username')} created a cron job in {event.deep_get('objectRef', 'namespace')}\"",
            {
                "actor": 'event.deep_get("user", "username")',
                "sourceIPs": 'event.get("sourceIPs")',
                "namespace": 'event.deep_get("objectRef", "namespace")',
                "job": 'event.deep_get("objectRef", "name")',
            },
        ),
    ),
    Detection(
        id="Snowflake.Role.AccountAdminGranted",
        name="Highest role granted to a user",
        severity="HIGH",
        description="A user got the role ACCOUNTADMIN.",
        runbook=(
            "Check whether the role was taken back, and how soon",
            "List what the user ran with the role",
            "Look at the logins of both users: address, factor, program",
        ),
        log_type=LogType.WAREHOUSE_QUERY,
        techniques=("TA0004:T1098.003",),
        tags=("Snowflake",),
        summary=("USER_NAME",),
        body=body(
            'event.get("QUERY_TEXT", "").upper().startswith("GRANT ROLE ACCOUNTADMIN TO USER") '
            'and event.get("EXECUTION_STATUS") == "SUCCESS"',
            "f\"{event.get('USER_NAME')} granted ACCOUNTADMIN\"",
            {name: f'event.get("{name}")' for name in ("USER_NAME", "ROLE_NAME", "QUERY_TEXT")},
        ),
    ),
    Detection(
        id="Endpoint.Memory.Dumped",
        name="Memory of a program written to a file",
        severity="HIGH",
        description="A tool wrote the memory of a running program to a file.",
        runbook=(
            "Find the program by its process number in the command",
            "Check where the file went",
        ),
        log_type=LogType.ENDPOINT,
        techniques=("TA0006:T1003.001",),
        tags=("Endpoint",),
        summary=("ComputerName", "aid"),
        body=body(
            'event.get("fdr_event_type") == "ProcessRollup2" '
            'and event.deep_get("event", "ImageFileName", default="").endswith("procdump64.exe")',
            "f\"Memory of a program written to a file on {event.get('ComputerName')}\"",
            {
                "host": 'event.get("ComputerName")',
                "aid": 'event.get("aid")',
                "user": 'event.deep_get("event", "UserName")',
                "command": 'event.deep_get("event", "CommandLine")',
            },
        ),
    ),
)
