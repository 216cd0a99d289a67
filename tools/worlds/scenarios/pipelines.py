"""Service roles that switch off a trail or share a snapshot: their weekly work, and somebody else with their keys."""

from datetime import datetime, timedelta

from tools.worlds.cast import Cast
from tools.worlds.lake import Scribe
from tools.worlds.names import SECRETS
from tools.worlds.records import aws

from .scenario import Scenario

_WEEKS = (1, 2, 3, 4)
_TRAIL = "platform-events"
_VOLUME = "vol-0ledgerdb"


def history(scribe: Scribe, _cast: Cast) -> None:
    """Both changes were made in each of the past weeks, at the same hour of the same day."""
    for week in _WEEKS:
        own = scribe.aside(week)
        _change_trail(own, _trail_time(own) - timedelta(weeks=week) + own.dice.minutes(0, 9))
        _share_snapshot(
            own, _share_time(own) - timedelta(weeks=week) + own.dice.minutes(0, 9), own.company.vault, weekly=True
        )


def _trail_time(scribe: Scribe) -> datetime:
    return scribe.timeline.recent(11.2, 0)


def _share_time(scribe: Scribe) -> datetime:
    return scribe.timeline.recent(4.1, 0)


def _change_trail(scribe: Scribe, at: datetime) -> None:
    """The trail is stopped, its selectors are changed, and it is started again."""
    dice = scribe.dice
    session = aws.role_session(scribe.company.roles["infra-pipeline"], "apply", at, dice)
    trail = {"name": _TRAIL}
    aws.call(scribe, at, session, "sts:GetCallerIdentity")
    steps = ("DescribeTrails", "GetTrailStatus", "StopLogging", "UpdateTrail", "PutEventSelectors", "StartLogging")
    for moment, name in zip(aws.pace(dice, at, len(steps), 4, 25), steps, strict=True):
        aws.call(scribe, moment, session, f"cloudtrail:{name}", trail, decisive=name in {"StopLogging", "StartLogging"})
    aws.call(scribe, at + timedelta(minutes=4), session, "cloudtrail:GetTrailStatus", trail)


def trail_change(scribe: Scribe, _cast: Cast) -> None:
    """The pipeline's weekly run."""
    _change_trail(scribe, _trail_time(scribe) + scribe.dice.minutes(0, 9))


def trail_stopped(scribe: Scribe, _cast: Cast) -> None:
    """Somebody holds a session of the pipeline's role, names it like one, and goes for the secrets."""
    dice = scribe.dice
    at = scribe.timeline.recent(15.4, 0) + dice.minutes(0, 9)
    where = scribe.company.elsewhere("trail")
    session = aws.role_session(scribe.company.roles["infra-pipeline"], "apply", at, dice).elsewhere(where.address)
    aws.call(scribe, at, session, "sts:GetCallerIdentity", decisive=True)
    steps = ("DescribeTrails", "GetTrailStatus", "StopLogging")
    *_, stopped = moments = aws.pace(dice, at, len(steps), 4, 25)
    for moment, name in zip(moments, steps, strict=True):
        aws.call(scribe, moment, session, f"cloudtrail:{name}", {"name": _TRAIL}, decisive=name == "StopLogging")
    aws.call(scribe, stopped + timedelta(minutes=2), session, "secretsmanager:ListSecrets")
    reads = aws.pace(dice, stopped + timedelta(minutes=3), 5, 5, 30)
    for moment, secret in zip(reads, dice.sample(SECRETS, 5), strict=True):
        aws.call(scribe, moment, session, "secretsmanager:GetSecretValue", {"secretId": secret}, decisive=True)
    aws.call(scribe, reads[-1] + timedelta(minutes=1), session, "iam:GetAccountAuthorizationDetails")


def _share_snapshot(scribe: Scribe, at: datetime, account: str, *, weekly: bool) -> None:
    dice, owner = scribe.dice, scribe.company.production
    snapshot = "snap-0" + dice.hex(16)
    session = aws.role_session(scribe.company.roles["backup-runner"], "weekly", at, dice)
    request = {"volumeId": _VOLUME, "description": "weekly"}
    aws.call(scribe, at, session, "ec2:CreateSnapshot", request, response={"snapshotId": snapshot, "volumeId": _VOLUME})
    aws.call(scribe, at + timedelta(minutes=3), session, "ec2:DescribeSnapshots")
    shared = at + timedelta(minutes=4)
    receiver = {"items": [{"userId": account}]}
    _change_permission(scribe, shared, session, snapshot, {"add": receiver})
    aws.shared_copy(scribe, shared + dice.minutes(6, 12), owner, account, snapshot, decisive=True)
    if weekly:
        _change_permission(scribe, shared + dice.minutes(30, 40), session, snapshot, {"remove": receiver})


def _change_permission(
    scribe: Scribe, at: datetime, session: aws.Session, snapshot: str, change: dict[str, object]
) -> None:
    request = {
        "snapshotId": snapshot,
        "attributeType": "CREATE_VOLUME_PERMISSION",
        "createVolumePermission": change,
    }
    aws.call(scribe, at, session, "ec2:ModifySnapshotAttribute", request, response={"_return": True}, decisive=True)


def snapshot_to_vault(scribe: Scribe, _cast: Cast) -> None:
    """The weekly copy to the account that keeps the backups."""
    _share_snapshot(scribe, _share_time(scribe) + scribe.dice.minutes(0, 9), scribe.company.vault, weekly=True)


def snapshot_to_stranger(scribe: Scribe, _cast: Cast) -> None:
    """From the very host of the backups, but to an account that no log has named before, and it stays shared."""
    at = scribe.timeline.recent(8.3, 0) + scribe.dice.minutes(0, 9)
    _share_snapshot(scribe, at, scribe.company.outside_accounts[0], weekly=False)


SCENARIOS = (
    Scenario(
        "trail/change",
        "benign",
        "The pipeline's role does this weekly, from its own address, and starts the trail again within two minutes.",
        trail_change,
    ),
    Scenario(
        "trail/theft",
        "malicious",
        "Role, session name and program are the pipeline's, the address is not; the trail stays off, secrets are read.",
        trail_stopped,
    ),
    Scenario(
        "snapshot/vault",
        "benign",
        "The account has received the weekly snapshot every week; the permission is taken back afterwards.",
        snapshot_to_vault,
    ),
    Scenario(
        "snapshot/stranger",
        "malicious",
        "Usual role and address, but the receiving account appears nowhere before, and the permission stays.",
        snapshot_to_stranger,
    ),
)
