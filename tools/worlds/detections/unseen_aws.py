"""Rules of the unseen sets on CloudTrail."""

from tools.worlds.lake import LogType

from .rule import Detection, body

_TRAIL = LogType.CLOUDTRAIL
_ARN = 'event.deep_get("userIdentity", "arn", default="unknown")'
_WHO = f'{_ARN}.split("/")[-1]'
_BY_AWS = {"actor": _ARN, "sourceIPAddress": 'event.get("sourceIPAddress")', "userAgent": 'event.get("userAgent")'}
_LOGIN = 'event.get("eventName") == "ConsoleLogin" and event.deep_get("responseElements", "ConsoleLogin") == "Success"'

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
            f'{_WHO} + " changed who may assume " + event.deep_get("requestParameters", "roleName")',
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
            f'{_WHO} + " opened bucket " + event.deep_get("requestParameters", "bucketName")',
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
            f'{_WHO} + " scheduled a key for deletion"',
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
            f'{_WHO} + " changed the code of " + event.deep_get("requestParameters", "functionName")',
            {**_BY_AWS, "function": 'event.deep_get("requestParameters", "functionName")'},
        ),
    ),
)
