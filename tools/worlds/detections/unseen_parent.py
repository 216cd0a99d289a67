"""Rules of the unseen sets on the parent company's logs: CloudTrail, Okta, GitHub and Google Workspace."""

from tools.worlds.lake import LogType

from .rule import Detection, body

_TRAIL, _OKTA, _GITHUB, _GSUITE = LogType.CLOUDTRAIL, LogType.OKTA, LogType.GITHUB, LogType.GSUITE
_ARN = 'event.deep_get("userIdentity", "arn", default="unknown")'
_BY_AWS = {"actor": _ARN, "sourceIPAddress": 'event.get("sourceIPAddress")', "userAgent": 'event.get("userAgent")'}
_LOGIN = 'event.get("eventName") == "ConsoleLogin" and event.deep_get("responseElements", "ConsoleLogin") == "Success"'
_OKTA_ACTOR = 'event.deep_get("actor", "alternateId")'
_BY_OKTA = {
    "actor": _OKTA_ACTOR,
    "ipAddress": 'event.deep_get("client", "ipAddress")',
    "session": 'event.deep_get("authenticationContext", "externalSessionId")',
}
_BY_GITHUB = {name: f'event.get("{name}")' for name in ("actor", "actor_ip", "repo")}
_GOOGLE_ACTOR = 'event.deep_get("actor", "email")'

DETECTIONS = (
    Detection(
        id="AWS.Console.RootLogin",
        name="Root user signed in to the console",
        severity="HIGH",
        description="Somebody signed in to the AWS console with the root user of an account.",
        runbook=(
            "Find out who works from the address of the sign-in, and whether they were at work",
            "Check for a password recovery before the sign-in",
            "List what the root user did afterwards, above all access keys that it made",
        ),
        log_type=_TRAIL,
        techniques=("TA0001:T1078.004",),
        tags=("AWS", "Identity"),
        reference="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user.html",
        summary=("sourceIPAddress",),
        body=body(
            f'{_LOGIN} and event.deep_get("userIdentity", "type") == "Root"',
            "f\"Root signed in to {event.get('recipientAccountId')} from {event.get('sourceIPAddress')}\"",
            {**_BY_AWS, "mfaUsed": 'event.deep_get("additionalEventData", "MFAUsed")'},
        ),
    ),
    Detection(
        id="AWS.IAM.BreakGlassLogin",
        name="Break-glass user signed in",
        severity="CRITICAL",
        description="A user that is kept for emergencies signed in to the console.",
        runbook=(
            "Check whether people failed to sign on to AWS in the hour before",
            "Check who of the platform team works from the address",
            "List what the user changed, and whether its password was replaced afterwards",
        ),
        log_type=_TRAIL,
        techniques=("TA0001:T1078.004",),
        tags=("AWS", "Identity"),
        summary=("sourceIPAddress",),
        body=body(
            f'{_LOGIN} and event.deep_get("userIdentity", "userName", default="").startswith("break-glass")',
            "f\"{event.deep_get('userIdentity', 'userName')} signed in from {event.get('sourceIPAddress')}\"",
            _BY_AWS,
        ),
    ),
    Detection(
        id="AWS.IAM.RoleTrustChanged",
        name="Trust of a role changed",
        severity="MEDIUM",
        description="Others may assume a role than before.",
        runbook=(),
        log_type=_TRAIL,
        techniques=("TA0003:T1098.003",),
        tags=("AWS", "IAM"),
        summary=("sourceIPAddress", "p_any_aws_arns"),
        body=body(
            'event.get("eventName") == "UpdateAssumeRolePolicy" and not event.get("errorCode")',
            f"f\"{{{_ARN.replace(chr(34), chr(39))}.split('/')[-1]}} changed who may assume "
            "{event.deep_get('requestParameters', 'roleName')}\"",
            {
                **_BY_AWS,
                "role": 'event.deep_get("requestParameters", "roleName")',
                "policy": 'event.deep_get("requestParameters", "policyDocument")',
            },
        ),
    ),
    Detection(
        id="AWS.S3.BucketPolicyOutside",
        name="Bucket opened to another account",
        severity="HIGH",
        description="The policy of a bucket lets another account read it.",
        runbook=(
            "Check whether the account has access to other buckets, and since when",
            "List what the account read from the bucket since",
        ),
        log_type=_TRAIL,
        techniques=("TA0010:T1537",),
        tags=("AWS", "S3"),
        reference="https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html",
        summary=("sourceIPAddress", "p_any_aws_arns"),
        body=body(
            'event.get("eventName") == "PutBucketPolicy" and not event.get("errorCode") '
            'and any("arn:aws:iam::" in str(each.get("Principal")) for each in '
            'event.deep_get("requestParameters", "bucketPolicy", "Statement", default=[]))',
            f"f\"{{{_ARN.replace(chr(34), chr(39))}.split('/')[-1]}} opened bucket "
            "{event.deep_get('requestParameters', 'bucketName')}\"",
            {
                **_BY_AWS,
                "bucket": 'event.deep_get("requestParameters", "bucketName")',
                "statement": 'event.deep_get("requestParameters", "bucketPolicy", "Statement")',
            },
        ),
    ),
    Detection(
        id="AWS.KMS.KeyDeletionScheduled",
        name="Key scheduled for deletion",
        severity="HIGH",
        description="A key will be deleted, and with it everything that it encrypts.",
        runbook=(
            "Check which programs used the key in the past 30 days, and when last",
            "Check whether the key was disabled beforehand, and by whom",
        ),
        log_type=_TRAIL,
        techniques=("TA0040:T1485",),
        tags=("AWS", "KMS"),
        reference="https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html",
        summary=("sourceIPAddress", "p_any_aws_arns"),
        body=body(
            'event.get("eventName") == "ScheduleKeyDeletion" and not event.get("errorCode")',
            f"f\"{{{_ARN.replace(chr(34), chr(39))}.split('/')[-1]}} scheduled a key for deletion\"",
            {**_BY_AWS, "key": 'event.deep_get("requestParameters", "keyId")'},
        ),
    ),
    Detection(
        id="AWS.Lambda.CodeChangedByPerson",
        name="Code of a function changed by a person",
        severity="MEDIUM",
        description="Functions are deployed by the pipeline; a person replaced the code of one.",
        runbook=(
            "Check whether the pipeline deployed the function soon afterwards",
            "Compare what the function's role did since with what it did before",
        ),
        log_type=_TRAIL,
        techniques=("TA0003:T1525",),
        tags=("AWS", "Lambda"),
        summary=("sourceIPAddress", "p_any_aws_arns"),
        body=body(
            'event.get("eventName", "").startswith("UpdateFunctionCode") and not event.get("errorCode") '
            f'and "AWSReservedSSO_" in {_ARN}',
            f"f\"{{{_ARN.replace(chr(34), chr(39))}.split('/')[-1]}} changed the code of "
            "{event.deep_get('requestParameters', 'functionName')}\"",
            {**_BY_AWS, "function": 'event.deep_get("requestParameters", "functionName")'},
        ),
    ),
    Detection(
        id="Okta.NetworkZone.Changed",
        name="Network zone changed",
        severity="MEDIUM",
        description="Addresses were added to a zone, or taken from it; sign-in rules depend on zones.",
        runbook=(
            "Find out what the added address is, and who signed in from it before",
            "List who signs in from it afterwards, with which devices and factors",
        ),
        log_type=_OKTA,
        techniques=("TA0005:T1556.009",),
        tags=("Okta",),
        reference="https://developer.okta.com/docs/reference/api/event-types/",
        summary=("p_any_emails",),
        body=body(
            'event.get("eventType") == "zone.update" and event.deep_get("outcome", "result") == "SUCCESS"',
            "f\"Network zone changed by {event.deep_get('actor', 'alternateId')}\"",
            {**_BY_OKTA, "added": 'event.deep_get("debugContext", "debugData", "addedGateways")'},
        ),
    ),
    Detection(
        id="Okta.User.ReportedSuspiciousActivity",
        name="User reported suspicious activity",
        severity="HIGH",
        description="A user pressed the button in a mail about activity of their account.",
        runbook=(),
        log_type=_OKTA,
        techniques=("TA0001:T1078",),
        tags=("Okta",),
        reference="https://help.okta.com/en-us/content/topics/security/suspicious-activity-reporting.htm",
        summary=("p_any_emails",),
        body=body(
            'event.get("eventType") == "user.account.report_suspicious_activity_by_enduser"',
            "f\"{event.deep_get('actor', 'alternateId')} reported suspicious activity\"",
            {
                **_BY_OKTA,
                "reportedIp": 'event.deep_get("debugContext", "debugData", "suspiciousActivityEventIp")',
                "reportedCity": 'event.deep_get("debugContext", "debugData", "suspiciousActivityEventCity")',
            },
        ),
    ),
    Detection(
        id="Okta.User.PushesDenied",
        name="Several prompts denied by one user",
        severity="HIGH",
        description="A user denied five prompts or more within half an hour.",
        runbook=(
            "Compare address and device of the prompts with those the user had in the past 30 days",
            "Check whether a prompt was accepted afterwards, and where",
        ),
        log_type=_OKTA,
        techniques=("TA0006:T1621",),
        tags=("Okta",),
        reference="https://developer.okta.com/docs/reference/api/event-types/",
        dedup_minutes=30,
        threshold=5,
        summary=("p_any_emails", "p_any_ip_addresses"),
        body=body(
            'event.get("eventType") == "user.mfa.okta_verify.deny_push"',
            "f\"{event.deep_get('actor', 'alternateId')} denied several prompts\"",
            _BY_OKTA,
        ),
    ),
    Detection(
        id="GitHub.Branch.ProtectionDisabled",
        name="Protection of a branch disabled",
        severity="MEDIUM",
        description="A branch can be pushed to without review.",
        runbook=(
            "Check whether the protection was enabled again, and how soon",
            "List what was pushed meanwhile, by whom and from where",
        ),
        log_type=_GITHUB,
        techniques=("TA0005:T1562.001",),
        tags=("GitHub",),
        reference="https://docs.github.com/en/organizations/keeping-your-organization-secure",
        summary=("actor", "repo"),
        body=body(
            'event.get("action") == "protected_branch.destroy"',
            "f\"Branch protection of {event.get('repo')} disabled by {event.get('actor')}\"",
            _BY_GITHUB,
        ),
    ),
    Detection(
        id="GitHub.Repository.CollaboratorAdded",
        name="Collaborator added to a repository",
        severity="LOW",
        description="Somebody was given access to one repository.",
        runbook=(
            "Check whether the login is known from other repositories",
            "List what the login did since",
        ),
        log_type=_GITHUB,
        techniques=("TA0003:T1098",),
        tags=("GitHub",),
        summary=("actor", "repo"),
        body=body(
            'event.get("action") == "repo.add_member"',
            "f\"{event.get('actor')} added {event.get('user')} to {event.get('repo')}\"",
            {**_BY_GITHUB, "user": 'event.get("user")', "permission": 'event.get("permission")'},
        ),
    ),
    Detection(
        id="GitHub.Repository.RunnerRegistered",
        name="Self-hosted runner registered",
        severity="MEDIUM",
        description="A machine was registered that builds of a repository run on.",
        runbook=(),
        log_type=_GITHUB,
        techniques=("TA0003:T1195.002",),
        tags=("GitHub", "CI"),
        summary=("actor", "repo"),
        body=body(
            'event.get("action") == "repo.register_self_hosted_runner"',
            "f\"Runner registered for {event.get('repo')} by {event.get('actor')}\"",
            {**_BY_GITHUB, "runner": 'event.get("runner_name")'},
        ),
    ),
    Detection(
        id="GitHub.Repository.MadePublic",
        name="Repository made public",
        severity="CRITICAL",
        description="Everybody can read a repository that was private.",
        runbook=(
            "Find out what the repository is for: since when it exists, who works on it",
            "Check whether the person who did it was at work at that address",
            "Check whether it was made private again, and who cloned it meanwhile",
        ),
        log_type=_GITHUB,
        techniques=("TA0010:T1567.001",),
        tags=("GitHub",),
        summary=("actor", "repo"),
        body=body(
            'event.get("action") == "repo.access" and event.get("visibility") == "public"',
            "f\"{event.get('repo')} made public by {event.get('actor')}\"",
            {**_BY_GITHUB, "visibility": 'event.get("visibility")'},
        ),
    ),
    Detection(
        id="GSuite.Mail.ForwardedOutside",
        name="Mail forwarded outside the company",
        severity="HIGH",
        description="A user lets all mail be forwarded to an address outside the company.",
        runbook=(
            "Check who else forwards to this domain, and since when",
            "Check the sign-in before it: address, device",
            "List what the account did at this address",
        ),
        log_type=_GSUITE,
        techniques=("TA0009:T1114.003",),
        tags=("Google Workspace",),
        summary=("actor:email",),
        body=body(
            'event.get("name") == "email_forwarding_out_of_domain"',
            "f\"{event.deep_get('actor', 'email')} forwards mail outside the company\"",
            {
                "actor": _GOOGLE_ACTOR,
                "ipAddress": 'event.get("ipAddress")',
                "target": 'event.deep_get("parameters", "email_forwarding_destination_address")',
            },
        ),
    ),
    Detection(
        id="GSuite.Drive.ManyTrashed",
        name="Many documents thrown away",
        severity="MEDIUM",
        description="One person threw twenty documents or more away within an hour.",
        runbook=("Check who owns the documents", "Check what the person did with them before"),
        log_type=_GSUITE,
        techniques=("TA0040:T1485",),
        tags=("Google Workspace",),
        threshold=20,
        summary=("actor:email",),
        body=body(
            'event.get("name") == "trash"',
            "f\"{event.deep_get('actor', 'email')} threw many documents away\"",
            {
                "actor": _GOOGLE_ACTOR,
                "ipAddress": 'event.get("ipAddress")',
                "document": 'event.deep_get("parameters", "doc_id")',
                "owner": 'event.deep_get("parameters", "owner")',
            },
        ),
    ),
)
