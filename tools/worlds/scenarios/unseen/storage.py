"""Buckets that another account may read, and keys that are to be deleted."""

from datetime import datetime, timedelta

from tools.worlds.cast import Cast
from tools.worlds.company import CUSTOMER
from tools.worlds.lake import Record, Scribe
from tools.worlds.records import aws
from tools.worlds.scenarios.stage import Stage, past

from .case import Case, open_aws, staff, today

_WINDOW = 14
_OLD, _NEW, _LEDGER = "exports-2019", "exports", "ledger"
_REPLACED = 13
"""How many days ago the new key took the place of the old one."""


def _partner_address(scribe: Scribe) -> str:
    """The partner reads from one address."""
    return scribe.company.guests[CUSTOMER].address


def _open_bucket(stage: Stage, bucket: str, account: str) -> aws.Session:
    session = open_aws(stage)
    policy: Record = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": ["s3:GetObject", "s3:ListBucket"],
                "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
            }
        ],
    }
    aws.call(stage.scribe, stage.before(3), session, "s3:GetBucketPolicy", {"bucketName": bucket})
    request: Record = {"bucketName": bucket, "bucketPolicy": policy}
    aws.call(stage.scribe, stage.at, session, "s3:PutBucketPolicy", request, decisive=True)
    return session


def _read(stage: Stage, bucket: str, account: str, address: str, count: int) -> None:
    for number, moment in enumerate(aws.pace(stage.dice, stage.after(4, 7), count, 4, 25)):
        name = "ListObjects" if number == 0 else "GetObject"
        request: Record = {"bucketName": bucket}
        if number:
            request["key"] = f"{stage.dice.hex(8)}.parquet"
        aws.from_account(stage.scribe, moment, account, address, f"s3:{name}", request, decisive=True)


def _bucket_history(scribe: Scribe, cast: Cast) -> None:
    """The partner's account was given two buckets, and fetches from them every other day."""
    company = scribe.company
    account, address = company.outside_accounts[0], _partner_address(scribe)
    for (team, index), days_ago in ((("data", 2), 26), (("data", 3), 12)):
        stage = past(scribe.aside("partner"), cast, company.team(team)[index], days_ago)
        bucket = f"{company.org}-settlement-{days_ago}"
        _open_bucket(stage, bucket, account)
        _read(stage, bucket, account, address, 3)
        for day in range(days_ago - 1, 0, -2):
            later = past(scribe.aside("fetch", bucket), cast, company.team(team)[index], day)
            _read(later, bucket, account, address, 3)


def bucket_for_partner(stage: Stage) -> None:
    """The next settlement, for the account that has the earlier ones."""
    company = stage.scribe.company
    bucket = f"{company.org}-settlement-{stage.dice.between(30, 90)}"
    session = _open_bucket(stage, bucket, company.outside_accounts[0])
    _read(stage, bucket, company.outside_accounts[0], _partner_address(stage.scribe), 3)
    aws.call(stage.scribe, stage.after(24, 32), session, "s3:GetBucketPolicy", {"bucketName": bucket}, decisive=True)


def bucket_for_outsider(stage: Stage) -> None:
    """Opened without a log of its reads, emptied by an account that nobody knows, and closed as if nothing was."""
    company = stage.scribe.company
    bucket = f"{company.org}-ledger-exports"
    status: Record = {"bucketName": bucket, "BucketLoggingStatus": {}}
    aws.call(stage.scribe, stage.before(2), today(stage).aws, "s3:PutBucketLogging", status, decisive=True)
    session = _open_bucket(stage, bucket, company.outside_accounts[1])
    _read(stage, bucket, company.outside_accounts[1], stage.elsewhere().address, 26)
    target: Record = {"bucketName": bucket}
    aws.call(stage.scribe, stage.after(24, 32), session, "s3:DeleteBucketPolicy", target, decisive=True)


def _key_arn(scribe: Scribe, name: str) -> str:
    company = scribe.company
    return f"arn:aws:kms:{aws.REGION}:{company.production}:key/{company.dice.child('kms', name).uuid()}"


def _decrypt(
    scribe: Scribe, at: datetime, name: str, *, error: tuple[str, str] | None = None, decisive: bool = False
) -> None:
    """A program that needs the key."""
    session = aws.role_session(scribe.company.roles["data-loader"], "load", at, scribe.dice)
    arn = _key_arn(scribe, name)
    aws.call(scribe, at, session, "kms:Decrypt", {"keyId": arn}, arns=[arn], error=error, decisive=decisive)


def _kms_history(scribe: Scribe, cast: Cast) -> None:
    """The old key was in use until the new one took its place; then it was switched off, and nobody missed it."""
    for quarter in range(4 * 29, 4, -1):
        at = scribe.timeline.now - timedelta(hours=6 * quarter) + scribe.dice.minutes(0, 20)
        _decrypt(scribe.aside("decrypt", quarter), at, _OLD if quarter > _REPLACED * 4 else _NEW)
        _decrypt(scribe.aside("ledger", quarter), at + timedelta(minutes=3), _LEDGER)
    stage = past(scribe.aside("off"), cast, scribe.company.team("platform")[0], 11)
    arn = _key_arn(scribe, _OLD)
    aws.call(stage.scribe, stage.at, today(stage).aws, "kms:DisableKey", {"keyId": arn}, arns=[arn], decisive=True)


def _schedule(stage: Stage, session: aws.Session, name: str) -> None:
    arn = _key_arn(stage.scribe, name)
    for minutes, action in ((5, "ListAliases"), (3, "DescribeKey")):
        aws.call(stage.scribe, stage.before(minutes), session, f"kms:{action}", {"keyId": arn})
    request: Record = {"keyId": arn, "pendingWindowInDays": _WINDOW}
    aws.call(
        stage.scribe, stage.at, session, "kms:ScheduleKeyDeletion", request, arns=[arn], decisive=True
    )  # fmt: skip


def key_retired(stage: Stage) -> None:
    """Eleven days after it was switched off, from a hotel where the operator signed in in the morning."""
    session = today(stage).aws
    _schedule(stage, session, _OLD)
    for at in (stage.before(47), stage.after(33, 39)):
        _decrypt(stage.scribe, at, _NEW, decisive=True)
    aws.call(stage.scribe, stage.after(2, 4), session, "kms:DescribeKey", decisive=True)


def key_held_hostage(stage: Stage) -> None:
    """An operator's credentials from where they are not; the key is in use. A colleague stops it."""
    scribe = stage.scribe
    own = today(stage).aws
    for moment in (stage.before(12), stage.after(14, 18)):
        aws.call(scribe, moment, own, "ec2:DescribeInstances", decisive=True)
    _schedule(stage, own.elsewhere(stage.elsewhere().address), _LEDGER)
    arn = _key_arn(scribe, _LEDGER)
    invalid = ("KMSInvalidStateException", f"{arn} is pending deletion.")
    _decrypt(scribe, stage.before(47), _LEDGER, decisive=True)
    for moment in aws.pace(stage.dice, stage.after(11, 12), 3, 5, 20):
        _decrypt(scribe, moment, _LEDGER, error=invalid, decisive=True)
    _decrypt(scribe, stage.after(41, 48), _LEDGER, decisive=True)
    rescue = Stage(scribe, stage.cast, stage.branch, scribe.company.team("engineering")[11], stage.at)
    session = open_aws(rescue)
    policy = {"roleName": scribe.company.sso_role, "policyName": "AWSRevokeOlderSessions"}
    for moment, (action, request) in zip(
        aws.pace(stage.dice, stage.after(27, 31), 3, 30, 80),
        (("kms:CancelKeyDeletion", {"keyId": arn}), ("kms:EnableKey", {"keyId": arn}), ("iam:PutRolePolicy", policy)),
        strict=True,
    ):
        aws.call(scribe, moment, session, action, request, decisive=True)


CASES = (
    Case(
        (
            staff(
                "bucket/partner",
                "benign",
                "The account has had such buckets for weeks, from colleagues, and fetches three files from its usual "
                "address.",
                bucket_for_partner,
                team="data",
                index=0,
                hour=14.5,
            ),
            staff(
                "bucket/outsider",
                "malicious",
                "Usual actor and address; logging of the bucket goes off first, an account never seen reads all of it, "
                "and the policy is removed again.",
                bucket_for_outsider,
                team="data",
                index=1,
                hour=14.5,
                subtle=True,
                fair=("suspicious",),
            ),
        ),
        _bucket_history,
    ),
    Case(
        (
            staff(
                "kms/retired",
                "benign",
                "New address after a sign-in with a second factor; the same person switched the key off days ago, and "
                "nothing has used it since.",
                key_retired,
                team="platform",
                index=0,
                travels=True,
                subtle=True,
            ),
            staff(
                "kms/hostage",
                "malicious",
                "One access key at two addresses; the key is in use, a program fails, and a colleague takes it back.",
                key_held_hostage,
                team="platform",
                index=1,
            ),
        ),
        _kms_history,
    ),
)
