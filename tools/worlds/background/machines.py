"""Programs at work: service roles on their rhythms, and continuous integration."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tools.worlds.lake import Scribe
from tools.worlds.names import REPOSITORIES
from tools.worlds.records import aws, github

_BUCKETS = (25, 17, 9, 3, 0)
"""How many days ago an application asked for a bucket."""

_DEPLOYED = REPOSITORIES[:6]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What a service role does, how often."""

    role: str
    label: str
    every: timedelta
    offset: timedelta
    """Of the first run after midnight UTC."""

    calls: tuple[str, ...]
    repeats: int = 1


_RHYTHMS = (
    Rhythm("metrics-reader", "scrape", timedelta(hours=1), timedelta(minutes=7), (
        "cloudwatch:GetMetricData", "cloudwatch:DescribeAlarms",
    )),
    Rhythm("log-shipper", "ship", timedelta(hours=1), timedelta(minutes=22), ("s3:PutObject",), repeats=2),
    Rhythm("data-loader", "load", timedelta(hours=4), timedelta(minutes=40), (
        "s3:ListObjects", "s3:GetObject", "s3:GetObject", "athena:StartQueryExecution",
        "athena:GetQueryResults",
    )),
    Rhythm("infra-pipeline", "plan", timedelta(hours=6), timedelta(minutes=15), (
        "sts:GetCallerIdentity", "ec2:DescribeVpcs", "ec2:DescribeSubnets", "iam:GetRole",
        "iam:ListAttachedRolePolicies", "s3:GetBucketPolicy", "cloudtrail:DescribeTrails",
        "cloudtrail:GetTrailStatus", "ec2:DescribeSecurityGroups", "kms:DescribeKey",
    )),
    Rhythm("infra-pipeline", "apply", timedelta(hours=24), timedelta(hours=10, minutes=30), (
        "sts:GetCallerIdentity", "ec2:DescribeVpcs", "ec2:CreateTags", "iam:UpdateRole",
        "autoscaling:UpdateAutoScalingGroup",
    )),
    Rhythm("app-deployer", "deploy", timedelta(hours=8), timedelta(hours=9, minutes=5), (
        "ecs:DescribeServices", "ecs:RegisterTaskDefinition", "ecs:UpdateService",
        "ecs:DescribeServices",
    )),
    Rhythm("backup-runner", "nightly", timedelta(hours=24), timedelta(hours=1, minutes=20), (
        "ec2:DescribeVolumes", "ec2:CreateSnapshot", "ec2:CreateSnapshot", "ec2:CreateSnapshot",
        "ec2:DescribeSnapshots", "ec2:DeleteSnapshot",
    )),
    Rhythm("secrets-rotator", "rotate", timedelta(hours=24), timedelta(hours=3, minutes=40), (
        "secretsmanager:ListSecrets", "secretsmanager:DescribeSecret", "secretsmanager:RotateSecret",
    )),
    Rhythm("image-builder", "bake", timedelta(hours=24), timedelta(hours=5), (
        "ec2:DescribeImages", "ec2:CreateImage", "ec2:DescribeInstances", "ec2:DeregisterImage",
    )),
)  # fmt: skip


def fill(scribe: Scribe) -> None:
    """Every run of every program."""
    for rhythm in _RHYTHMS:
        for start in _runs(scribe, rhythm):
            _run(scribe.aside(rhythm.role, rhythm.label, start.isoformat()), rhythm, start)
    for start in _moments(scribe, timedelta(hours=3), timedelta(minutes=50)):
        _integration(scribe.aside("ci", start.isoformat()), start)
    for days_ago in _BUCKETS:
        _new_bucket(scribe.aside("bucket", days_ago), scribe.timeline.now - timedelta(days=days_ago, hours=6))


def _moments(scribe: Scribe, every: timedelta, offset: timedelta) -> list[datetime]:
    timeline = scribe.timeline
    moment = timeline.start.replace(hour=0, minute=0, second=0, microsecond=0) + offset
    found = []
    while moment < timeline.now:
        found.append(moment)
        moment += every
    return found


def _runs(scribe: Scribe, rhythm: Rhythm) -> list[datetime]:
    return _moments(scribe, rhythm.every, rhythm.offset)


def _run(scribe: Scribe, rhythm: Rhythm, start: datetime) -> None:
    start += scribe.dice.seconds(0, 90)
    session = aws.role_session(scribe.company.roles[rhythm.role], rhythm.label, start, scribe.dice)
    calls = rhythm.calls * rhythm.repeats
    for at, action in zip(aws.pace(scribe.dice, start, len(calls), 2, 9), calls, strict=True):
        aws.call(scribe, at, session, action)


def fingerprint(scribe: Scribe, repository: str) -> str:
    """The deploy key with which continuous integration reads a repository, before anybody replaces it."""
    return "SHA256:" + scribe.company.dice.child("deploy key", repository).base32(43)


def _integration(scribe: Scribe, start: datetime) -> None:
    start += scribe.dice.seconds(0, 600)
    runner = scribe.company.runner
    bot = github.Actor(f"{scribe.company.org}-ci[bot]", runner)
    repository = scribe.dice.pick(_DEPLOYED)
    key = github.deploy_key(fingerprint(scribe, repository), runner)
    github.event(scribe, start, key, "git.fetch", repository)
    run: dict[str, object] = {"workflow_run_id": int(scribe.dice.digits(10)), "name": "build", "head_branch": "main"}
    github.event(scribe, start, bot, "workflows.created_workflow_run", repository, extra=run)
    finished = start + scribe.dice.minutes(3, 11)
    done = {**run, "conclusion": "success" if scribe.dice.chance(0.9) else "failure"}
    github.event(scribe, finished, bot, "workflows.completed_workflow_run", repository, extra=done)


def _new_bucket(scribe: Scribe, at: datetime) -> None:
    session = aws.role_session(scribe.company.roles["app-deployer"], "deploy", at, scribe.dice)
    request = {"bucketName": f"{scribe.company.org}-upload-{scribe.dice.hex(6)}"}
    aws.call(scribe, at, session, "s3:CreateBucket", request)
