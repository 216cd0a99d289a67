"""Rules on CloudTrail and VPC flow logs."""

from tools.worlds.lake import LogType

from .rule import Detection, Kind

_TRAIL = LogType.CLOUDTRAIL
_FLOW = LogType.VPCFLOW

DETECTIONS = (
    Detection(
        id="AWS.CloudTrail.LoggingStopped",
        name="CloudTrail logging stopped",
        severity="HIGH",
        description="A trail was stopped or deleted. What happens meanwhile may leave no record in it.",
        runbook=(
            "Check whether this role stopped trails in the past 30 days, and from which addresses",
            "Look for the trail being started again within 30 minutes",
            "List what the same access key did in the hour after",
        ),
        log_type=_TRAIL,
        techniques=("TA0005:T1562.008",),
        tags=("AWS", "CloudTrail"),
        reference="https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_StopLogging.html",
        summary=("sourceIPAddress", "p_any_aws_arns"),
        body="""
            def rule(event):
                return event.get("eventName") in ("StopLogging", "DeleteTrail") and not event.get("errorCode")


            def title(event):
                role = event.deep_get("userIdentity", "sessionContext", "sessionIssuer", "userName", default="a user")
                trail = event.deep_get("requestParameters", "name", default="unknown")
                return f"{role} stopped trail {trail}"


            def alert_context(event):
                return {
                    "actor": event.deep_get("userIdentity", "arn"),
                    "accessKey": event.deep_get("userIdentity", "accessKeyId"),
                    "sourceIPAddress": event.get("sourceIPAddress"),
                    "userAgent": event.get("userAgent"),
                    "trail": event.deep_get("requestParameters", "name"),
                }
        """,
    ),
    Detection(
        id="AWS.IAM.AccessKeyForAnotherUser",
        name="Access key created for another user",
        severity="MEDIUM",
        description="Somebody made an access key for an IAM user other than themselves.",
        runbook=(
            "Check whether this actor created keys for others in the past 30 days",
            "Find the first uses of the new access key, and compare their addresses with the user's earlier ones",
            "Check whether the user's older key was deactivated within an hour",
        ),
        log_type=_TRAIL,
        techniques=("TA0003:T1098.001",),
        tags=("AWS", "IAM"),
        reference="https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html",
        summary=("sourceIPAddress", "p_any_usernames"),
        body="""
            def rule(event):
                if event.get("eventName") != "CreateAccessKey" or event.get("errorCode"):
                    return False
                target = event.deep_get("requestParameters", "userName")
                return bool(target) and target != event.deep_get("userIdentity", "userName")


            def title(event):
                actor = event.deep_get("userIdentity", "arn", default="unknown").split("/")[-1]
                return f"{actor} created an access key for {event.deep_get('requestParameters', 'userName')}"


            def alert_context(event):
                return {
                    "actor": event.deep_get("userIdentity", "arn"),
                    "sourceIPAddress": event.get("sourceIPAddress"),
                    "user": event.deep_get("requestParameters", "userName"),
                    "newKey": event.deep_get("responseElements", "accessKey", "accessKeyId"),
                }
        """,
    ),
    Detection(
        id="AWS.EC2.SnapshotSharedOutside",
        name="Snapshot shared with another account",
        severity="HIGH",
        description="The permissions of a snapshot were changed so that another account can copy it.",
        runbook=(
            "Check whether snapshots were shared with the same account in the past 30 days, and by whom",
            "Find out which volume the snapshot was taken from",
            "Check whether the permission was taken back, and which account copied the snapshot",
        ),
        log_type=_TRAIL,
        techniques=("TA0010:T1537",),
        tags=("AWS", "EC2"),
        reference="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySnapshotAttribute.html",
        summary=("sourceIPAddress", "p_any_aws_arns"),
        body="""
            def added(event):
                return event.deep_get(
                    "requestParameters", "createVolumePermission", "add", "items", default=[]
                )


            def rule(event):
                return event.get("eventName") == "ModifySnapshotAttribute" and bool(added(event))


            def title(event):
                role = event.deep_get("userIdentity", "sessionContext", "sessionIssuer", "userName", default="a user")
                return f"{role} shared a snapshot with account {added(event)[0].get('userId', 'all')}"


            def alert_context(event):
                return {
                    "actor": event.deep_get("userIdentity", "arn"),
                    "sourceIPAddress": event.get("sourceIPAddress"),
                    "snapshot": event.deep_get("requestParameters", "snapshotId"),
                    "accounts": [item.get("userId", "all") for item in added(event)],
                }
        """,
    ),
    Detection(
        id="AWS.SecretsManager.ManyReads",
        name="Many secrets read by one person",
        severity="MEDIUM",
        description="A person's session read a dozen secrets or more within half an hour.",
        runbook=(
            "Check whether this person, or colleagues, read as many secrets at once in the past 30 days",
            "Check whether each secret was replaced right after it was read",
            "Look at the sign-in that the session came from: address, country, refused prompts",
        ),
        log_type=_TRAIL,
        techniques=("TA0006:T1555.006",),
        tags=("AWS", "Secrets Manager"),
        reference="https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html",
        dedup_minutes=30,
        threshold=12,
        summary=("sourceIPAddress",),
        body="""
            def rule(event):
                return (
                    event.get("eventName") == "GetSecretValue"
                    and not event.get("errorCode")
                    and "AWSReservedSSO_" in event.deep_get("userIdentity", "arn", default="")
                )


            def title(event):
                return f"{event.deep_get('userIdentity', 'arn', default='unknown').split('/')[-1]} read many secrets"


            def alert_context(event):
                return {
                    "actor": event.deep_get("userIdentity", "arn"),
                    "accessKey": event.deep_get("userIdentity", "accessKeyId"),
                    "sourceIPAddress": event.get("sourceIPAddress"),
                    "secret": event.deep_get("requestParameters", "secretId"),
                }
        """,
    ),
    Detection(
        id="AWS.S3.BucketCreated",
        name="Bucket created",
        severity="INFO",
        description="A new bucket, for the inventory.",
        runbook=(),
        log_type=_TRAIL,
        tags=("AWS", "S3"),
        body="""
            def rule(event):
                return event.get("eventName") == "CreateBucket"


            def title(event):
                return f"Bucket {event.deep_get('requestParameters', 'bucketName')} created"


            def alert_context(event):
                return {"actor": event.deep_get("userIdentity", "arn")}
        """,
    ),
    Detection(
        id="AWS.VPCFlow.LargeOutbound",
        name="Large transfer to a public address",
        severity="HIGH",
        description="One flow took two gigabytes or more from a private address to a public one.",
        runbook=(
            "Check whether the same destination received traffic in the past 30 days, and from which hosts",
            "Find out what the sending machine is and since when it exists",
            "Look at what the sending machine received from inside in the hour before",
        ),
        log_type=_FLOW,
        techniques=("TA0010:T1048",),
        tags=("AWS", "VPC"),
        reference="https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs.html",
        summary=("srcAddr", "dstAddr"),
        body="""
            def rule(event):
                return (
                    event.get("action") == "ACCEPT"
                    and event.get("srcAddr", "").startswith("10.")
                    and not event.get("dstAddr", "").startswith("10.")
                    and event.get("bytes", 0) > 2_000_000_000
                )


            def title(event):
                return f"{event.get('srcAddr')} sent {event.get('bytes') / 1e9:.1f} GB to {event.get('dstAddr')}"


            def alert_context(event):
                return {key: event.get(key) for key in ("srcAddr", "dstAddr", "dstPort", "bytes", "instanceId")}
        """,
    ),
    Detection(
        id="AWS.VPCFlow.ShellFromInternet",
        name="SSH session from a public address",
        severity="MEDIUM",
        description="A host accepted SSH from the internet and exchanged more than a greeting.",
        runbook=(
            "Check whether this address reached the host in the past 30 days, and whether anybody is signed in from it",
            "Find the change that opened the port, who made it, and for which addresses",
            "Check whether the port was closed again, and which hosts this one reached in the hour after",
        ),
        log_type=_FLOW,
        techniques=("TA0001:T1133", "TA0008:T1021.004"),
        tags=("AWS", "VPC"),
        reference="https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs.html",
        summary=("srcAddr", "dstAddr"),
        body="""
            def rule(event):
                return (
                    event.get("action") == "ACCEPT"
                    and event.get("dstPort") == 22
                    and not event.get("srcAddr", "").startswith("10.")
                    and event.get("bytes", 0) > 20_000
                )


            def title(event):
                return f"SSH from {event.get('srcAddr')} to {event.get('dstAddr')}"


            def alert_context(event):
                return {key: event.get(key) for key in ("srcAddr", "dstAddr", "bytes", "instanceId")}
        """,
    ),
    Detection(
        id="AWS.S3.PublicAccessBlocked",
        name="Bucket blocks public access",
        severity="LOW",
        description="Every bucket blocks public access.",
        runbook=(),
        kind=Kind.POLICY,
        tags=("AWS", "S3"),
        body="""
            def policy(resource):
                return bool(resource.get("PublicAccessBlockConfiguration"))
        """,
        extra={"resourceTypes": ["AWS.S3.Bucket"], "suppressions": []},
    ),
)
