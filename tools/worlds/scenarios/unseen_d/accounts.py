"""AWS accounts: flow logs that are deleted, and commands that are sent to hosts."""

from tools.worlds.cast import Cast
from tools.worlds.days import day_at
from tools.worlds.lake import Record, Scribe
from tools.worlds.records import aws, okta
from tools.worlds.records.vpcflow import flow
from tools.worlds.scenarios.stage import Stage, past
from tools.worlds.scenarios.unseen.case import Case, today

from .players import staff

_SCRIPTED = "Boto3/1.34.131 md/Botocore#1.34.131 ua/2.0 os/linux#6.8.11 md/arch#x86_64 lang/python#3.11.9"
_MANY_CORES = "c6i.32xlarge"
_HTTPS = 443
_BEATS = 5
Step = tuple[str, Record | None]


def _run(stage: Stage, session: aws.Session, minutes: float, steps: tuple[Step, ...]) -> None:
    """Calls one after the other, from so many minutes after the start; before it where that is negative."""
    start = stage.after(minutes, minutes + 1)
    for moment, (action, request) in zip(aws.pace(stage.dice, start, len(steps), 8, 30), steps, strict=True):
        aws.call(stage.scribe, moment, session, action, request, decisive=True)


def _delete(stage: Stage, session: aws.Session, flow_log: str) -> None:
    request: Record = {"DeleteFlowLogsRequest": {"FlowLogId": {"tag": 1, "content": flow_log}}}
    aws.call(stage.scribe, stage.at, session, "ec2:DeleteFlowLogs", request, decisive=True)


def flow_logs_moved(stage: Stage) -> None:
    """Nobody has done so in the weeks before.

    An analyst finds a new flow log for the same network, made two hours earlier in the same session, that a colleague
    and the person have read what it delivers, and that the person looks again after the deletion and tags the new one.
    """
    scribe, company, session = stage.scribe, stage.scribe.company, today(stage).aws
    network = f"vpc-0{company.dice.child('second network').hex(16)}"
    old, new = (f"fl-0{stage.dice.hex(16)}" for _ in range(2))
    bucket = f"{company.org}-flow-archive"
    made: Record = {
        "CreateFlowLogsRequest": {
            "ResourceType": "VPC",
            "ResourceId": {"tag": 1, "content": network},
            "TrafficType": "ALL",
            "LogDestinationType": "s3",
            "LogDestination": f"arn:aws:s3:::{bucket}",
        }
    }
    answer: Record = {"CreateFlowLogsResponse": {"flowLogIdSet": {"item": new}}}
    covers: Record = {"filterSet": {"items": [{"name": "resource-id", "valueSet": {"items": [{"value": network}]}}]}}
    aws.call(scribe, stage.before(117), session, "ec2:DescribeFlowLogs", covers, decisive=True)
    aws.call(scribe, stage.before(115), session, "ec2:CreateFlowLogs", made, response=answer, decisive=True)
    reader = day_at(scribe, company.team("platform")[5], stage.at).aws
    for minutes, using in ((61, reader), (19, session)):
        for moment, action in zip(
            aws.pace(stage.dice, stage.before(minutes), 2, 10, 40), ("s3:ListObjects", "s3:GetObject"), strict=True
        ):
            aws.call(scribe, moment, using, action, {"bucketName": bucket, "prefix": "AWSLogs/"}, decisive=True)
    aws.call(scribe, stage.before(2), session, "ec2:DescribeFlowLogs", covers, decisive=True)
    _delete(stage, session, old)
    aws.call(scribe, stage.after(2, 3), session, "ec2:DescribeFlowLogs", covers, decisive=True)
    tags: Record = {
        "resourcesSet": {"items": [{"resourceId": new}]},
        "tagSet": {"items": [{"key": "owner", "value": "platform"}]},
    }
    aws.call(scribe, stage.after(5, 8), session, "ec2:CreateTags", tags, decisive=True)


def flow_logs_blinded(stage: Stage) -> None:
    """With the person's own key at the usual address, by a program that they never used.

    An analyst finds that no flow log takes the place of the deleted one, that the threat detector is switched off in the
    minutes before, and that a key pair, an open port, a large machine and a user with a password follow.
    """
    day = today(stage)
    session = day.aws.elsewhere(day.aws.address, _SCRIPTED)
    name: Record = {"userName": f"svc-sync-{stage.dice.digits(2)}"}
    opened: Record = {
        "groupId": f"sg-0{stage.dice.hex(16)}",
        "ipPermissions": {
            "items": [
                {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}
            ]
        },
    }
    _run(
        stage, session, -12,
        (
            ("sts:GetCallerIdentity", None), ("ec2:DescribeVpcs", None), ("ec2:DescribeFlowLogs", None),
            ("guardduty:ListDetectors", None), ("guardduty:UpdateDetector", {"enable": False}),
        ),
    )  # fmt: skip
    _delete(stage, session, f"fl-0{stage.dice.hex(16)}")
    _run(
        stage, session, 3,
        (
            ("ec2:ImportKeyPair", {"keyName": f"k-{stage.dice.hex(6)}"}), ("ec2:AuthorizeSecurityGroupIngress", opened),
            ("ec2:RunInstances", {"instanceType": _MANY_CORES, "minCount": 2, "maxCount": 6}),
            ("iam:CreateUser", name), ("iam:CreateLoginProfile", name),
            ("iam:AttachUserPolicy", {**name, "policyArn": "arn:aws:iam::aws:policy/PowerUserAccess"}),
        ),
    )  # fmt: skip


def _send(stage: Stage, session: aws.Session, names: tuple[str, ...]) -> str:
    """A command goes to hosts; what it is stands in no log."""
    hosts = stage.scribe.company.hosts
    command = stage.dice.uuid()
    request: Record = {
        "documentName": "AWS-RunShellScript",
        "instanceIds": [hosts[name].instance for name in names],
        "parameters": "HIDDEN_DUE_TO_SECURITY_REASONS",
        "timeoutSeconds": 600,
    }
    response: Record = {"command": {"commandId": command, "status": "Pending"}}
    aws.call(stage.scribe, stage.at, session, "ssm:SendCommand", request, response=response, decisive=True)
    return command


def _free_space(stage: Stage, names: tuple[str, ...]) -> None:
    """Full disks: what is old goes to the backup store, and the outcome is read for each host."""
    scribe, company, session = stage.scribe, stage.scribe.company, today(stage).aws
    _run(stage, session, -9, (("cloudwatch:DescribeAlarms", None), ("ssm:DescribeInstanceInformation", None)))
    command = _send(stage, session, names)
    for name, moment in zip(names, aws.pace(stage.dice, stage.after(1, 2), len(names), 30, 80), strict=True):
        host = company.hosts[name]
        ends = (host.private, stage.dice.between(32768, 60999)), (company.storage, _HTTPS)
        flow(scribe, moment, host, ends, stage.dice.between(20_000_000, 90_000_000), decisive=True)
    for name, moment in zip(names, aws.pace(stage.dice, stage.after(7, 9), len(names), 5, 20), strict=True):
        request: Record = {"commandId": command, "instanceId": company.hosts[name].instance}
        aws.call(scribe, moment, session, "ssm:GetCommandInvocation", request, decisive=True)
    _run(stage, session, 14, (("cloudwatch:DescribeAlarms", None), ("cloudwatch:GetMetricData", None)))


def _command_history(scribe: Scribe, cast: Cast) -> None:
    stage = past(scribe.aside("disk"), cast, scribe.company.team("platform")[4], 17)
    _free_space(stage, ("search-db", "bastion"))


def command_frees_space(stage: Stage) -> None:
    """On a trip.

    An analyst finds the sign-on to AWS from the hotel with the person's own computer, alarms read before and after, the
    outcome read for each host, and that the hosts send to the store that backups have gone to for weeks.
    """
    day = today(stage)
    okta.open_aws(stage.scribe, stage.before(19), stage.person, day.client, decisive=True)
    aws.console_login(stage.scribe, stage.before(18.5), day.aws, stage.person.agent, decisive=True)
    _free_space(stage, ("ledger-a", "ledger-b", "search-db"))


def command_starts_miner(stage: Stage) -> None:
    """The key of the person's session is used by somebody else.

    An analyst finds the key at two addresses within minutes, no sign-on from the second, nobody who reads the outcome,
    and three hosts that from then on send the same few bytes every minute to an address never seen.
    """
    scribe, day, where = stage.scribe, today(stage), stage.elsewhere()
    names, pool = ("search-a", "rates-a", "reporting-a"), stage.elsewhere().address
    stolen = day.aws.elsewhere(where.address, _SCRIPTED)
    asked: tuple[Step, ...] = (
        ("sts:GetCallerIdentity", None),
        ("ec2:DescribeInstances", None),
        ("ssm:DescribeInstanceInformation", None),
    )
    _run(stage, stolen, -14, asked)
    _run(stage, day.aws, -6, (("ecs:DescribeServices", {"cluster": "main"}),))
    _send(stage, stolen, names)
    for name in names:
        host = scribe.company.hosts[name]
        for moment in aws.pace(stage.dice, stage.after(2, 3), _BEATS, 59, 61):
            ends = (host.private, stage.dice.between(32768, 60999)), (pool, _HTTPS)
            flow(scribe, moment, host, ends, stage.dice.between(1_180, 1_220), decisive=True)
    _run(stage, day.aws, 11, (("cloudwatch:GetMetricData", None), ("ecs:DescribeServices", {"cluster": "main"})))


CASES = (
    Case(
        (
            staff(
                "flow-logs/moved",
                "benign",
                "A first time; a new flow log has covered the same network for two hours, what it delivers was read, and "
                "nothing else is touched.",
                flow_logs_moved,
                team="platform",
                index=1,
                hour=14.5,
                subtle=True,
            ),
            staff(
                "flow-logs/blinded",
                "malicious",
                "Usual key and address, a program never used; the detector goes off before, an open port, machines and "
                "a user with a password follow.",
                flow_logs_blinded,
                team="platform",
                index=0,
                hour=14.5,
            ),
        ),
    ),
    Case(
        (
            staff(
                "host-command/space",
                "benign",
                "Signed on from the hotel with the own computer; alarms and outcomes are read, and the hosts send to the "
                "backup store.",
                command_frees_space,
                team="platform",
                index=2,
                travels=True,
                near=True,
            ),
            staff(
                "host-command/miner",
                "malicious",
                "The key is used at two addresses at once; three hosts then send the same few bytes every minute to an "
                "address never seen.",
                command_starts_miner,
                team="platform",
                index=3,
                subtle=True,
            ),
        ),
        _command_history,
    ),
)
