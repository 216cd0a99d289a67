"""AWS accounts: the root user, the break-glass user, and roles that another account may assume."""

import json
from datetime import timedelta

from tools.worlds.cast import Cast
from tools.worlds.company import Presence
from tools.worlds.dice import Dice
from tools.worlds.lake import Record, Scribe
from tools.worlds.records import aws, okta
from tools.worlds.scenarios.stage import Stage, past

from .case import Case, at_work, desk, open_aws, staff, today

_BREAK_GLASS = "break-glass-1"
_CONTACT: Record = {"alternateContactType": "BILLING"}


def _root(stage: Stage, where: Presence) -> aws.Session:
    account = stage.scribe.company.production
    key = "ASIA" + stage.dice.base32(16)
    return aws.Session(account, "root", account, key, where.address, stage.person.agent, root=True)


def _enter_as_root(stage: Stage, where: Presence) -> aws.Session:
    """The password is recovered by mail, as nobody knows it by heart."""
    session = _root(stage, where)
    for minutes, step in ((14, "Requested"), (10, "Completed")):
        aws.call(stage.scribe, stage.before(minutes), session, f"signin:PasswordRecovery{step}", decisive=True)
    aws.console_login(stage.scribe, stage.at, session, stage.person.agent, decisive=True)
    return session


def _root_history(scribe: Scribe, cast: Cast) -> None:
    stage = past(scribe.aside("contact"), cast, scribe.company.team("platform")[0], 23)
    session = _enter_as_root(stage, stage.where)
    aws.call(stage.scribe, stage.after(4, 6), session, "account:PutAlternateContact", _CONTACT)


def root_for_contact(stage: Stage) -> None:
    """An operator, at work from the same address, changes a contact and gives the root user a second factor."""
    day = today(stage)
    aws.call(stage.scribe, stage.before(21), day.aws, "iam:GetAccountSummary", decisive=True)
    session = _enter_as_root(stage, stage.where)
    device: Record = {"virtualMFADeviceName": "root-account-mfa-device"}
    steps: tuple[tuple[str, Record | None], ...] = (
        ("account:GetAlternateContact", _CONTACT),
        ("account:PutAlternateContact", _CONTACT),
        ("iam:CreateVirtualMFADevice", device),
        ("iam:EnableMFADevice", device),
    )
    for moment, (action, request) in zip(aws.pace(stage.dice, stage.after(2, 4), 4, 30, 120), steps, strict=True):
        aws.call(stage.scribe, moment, session, action, request, decisive=True)
    aws.call(stage.scribe, stage.after(22, 30), day.aws, "iam:GetAccountSummary", decisive=True)


def root_taken(stage: Stage) -> None:
    """From an address where nobody of the company is; the root user gets an access key, which starts machines."""
    where = stage.elsewhere()
    session = _enter_as_root(stage, where)
    key = "AKIA" + stage.dice.base32(16)
    made: Record = {"accessKey": {"accessKeyId": key, "status": "Active"}}
    aws.call(stage.scribe, stage.after(3, 5), session, "iam:ListMFADevices", decisive=True)
    aws.call(
        stage.scribe, stage.after(6, 8), session, "iam:CreateAccessKey", response=made, traces=[key], decisive=True
    )
    using = aws.Session(session.account, "root", session.account, key, where.address, "Boto3/1.35.50", root=True)
    for moment in aws.pace(stage.dice, stage.after(10, 12), 4, 20, 70):
        request: Record = {"instanceType": "p4d.24xlarge", "minCount": 4, "maxCount": 8}
        aws.call(stage.scribe, moment, using, "ec2:RunInstances", request, decisive=True)


def _glass(stage: Stage, where: Presence) -> aws.Session:
    company = stage.scribe.company
    dice: Dice = company.dice.child("break glass")
    return aws.Session(
        company.production, _BREAK_GLASS, "AIDA" + dice.base32(17), "ASIA" + stage.dice.base32(16), where.address,
        stage.person.agent,
    )  # fmt: skip


def _renew_password(stage: Stage, minutes: float) -> None:
    """The password that was used is replaced, from the operator's own session."""
    request: Record = {"userName": _BREAK_GLASS}
    aws.call(
        stage.scribe, stage.after(minutes, minutes + 5), today(stage).aws, "iam:UpdateLoginProfile", request,
        usernames=[_BREAK_GLASS], decisive=True,
    )  # fmt: skip


def _glass_history(scribe: Scribe, cast: Cast) -> None:
    stage = past(scribe.aside("drill"), cast, scribe.company.team("platform")[2], 20)
    session = _glass(stage, stage.where)
    aws.console_login(stage.scribe, stage.at, session, stage.person.agent)
    aws.call(stage.scribe, stage.after(2, 4), session, "iam:GetUser")
    _renew_password(stage, 15)


def glass_in_outage(stage: Stage) -> None:
    """Sign-ons to AWS fail for everybody; an operator restarts services with the break-glass user."""
    scribe = stage.scribe
    victims = [stage.person, *stage.dice.sample(at_work(stage), 8), stage.person]
    moments = aws.pace(stage.dice, stage.before(31), len(victims), 90, 170)
    app = okta.thing("AppInstance", "AWS IAM Identity Center", "0oa" + stage.dice.hex(17))
    for moment, person in zip(moments, victims, strict=True):
        okta.event(
            scribe, moment, person, desk(stage, person), "user.authentication.sso", targets=[app],
            failure="GENERAL_NONSUCCESS", decisive=True,
        )  # fmt: skip
    session = _glass(stage, stage.where)
    aws.console_login(scribe, stage.at, session, stage.person.agent, decisive=True)
    steps = ("ecs:DescribeServices", "ecs:UpdateService", "ecs:DescribeServices", "cloudwatch:DescribeAlarms")
    for moment, action in zip(aws.pace(stage.dice, stage.after(1, 3), 4, 40, 160), steps, strict=True):
        aws.call(scribe, moment, session, action, {"cluster": "main"}, decisive=True)
    back = stage.after(38, 44)
    okta.open_aws(scribe, back, stage.person, today(stage).client, decisive=True)
    _renew_password(stage, 47)


def glass_taken(stage: Stage) -> None:
    """Nothing is out of order; the user makes another one for itself."""
    session = _glass(stage, stage.elsewhere())
    aws.console_login(stage.scribe, stage.at, session, stage.person.agent, decisive=True)
    name = f"svc-relay-{stage.dice.digits(2)}"
    target: Record = {"userName": name}
    policy = {**target, "policyArn": "arn:aws:iam::aws:policy/PowerUserAccess"}
    steps: tuple[tuple[str, Record], ...] = (
        ("iam:ListUsers", {}),
        ("iam:CreateUser", target),
        ("iam:AttachUserPolicy", policy),
        ("iam:CreateLoginProfile", target),
    )
    for moment, (action, request) in zip(aws.pace(stage.dice, stage.after(1, 3), 4, 40, 160), steps, strict=True):
        aws.call(stage.scribe, moment, session, action, request, usernames=[name], decisive=True)


def _let_in(stage: Stage, role: str, account: str) -> None:
    """Somebody lets an account assume a role."""
    policy = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": account}}]}
    request: Record = {"roleName": role, "policyDocument": json.dumps(policy)}
    session = open_aws(stage)
    aws.call(stage.scribe, stage.before(4), session, "iam:GetRole", {"roleName": role})
    aws.call(stage.scribe, stage.at, session, "iam:UpdateAssumeRolePolicy", request, decisive=True)


def _assume(scribe: Scribe, stage: Stage, at_minutes: float, role: str, account: str, address: str) -> None:
    arn = f"arn:aws:iam::{scribe.company.production}:role/{role}"
    request: Record = {"roleArn": arn, "roleSessionName": "promote"}
    aws.from_account(
        scribe, stage.after(at_minutes, at_minutes + 3), account, address, "sts:AssumeRole", request, decisive=True
    )


def _staging_address(scribe: Scribe) -> str:
    """Where the pipeline of the staging account runs: beside that of production."""
    return scribe.company.roles["infra-pipeline"].address


def _trust_history(scribe: Scribe, cast: Cast) -> None:
    """Staging takes over the deployer's role every day, since an operator let it."""
    company = scribe.company
    stage = past(scribe.aside("let in"), cast, company.team("engineering")[4], 25)
    _let_in(stage, "app-deployer", company.staging)
    for days_ago in range(1, 25):
        at = company.timeline.now - timedelta(days=days_ago) + scribe.dice.minutes(0, 40)
        arn = f"arn:aws:iam::{company.production}:role/app-deployer"
        aws.from_account(
            scribe, at, company.staging, _staging_address(scribe), "sts:AssumeRole",
            {"roleArn": arn, "roleSessionName": "promote"},
        )  # fmt: skip


def trust_for_staging(stage: Stage) -> None:
    """The company's own second account may build images, and does."""
    company = stage.scribe.company
    _let_in(stage, "image-builder", company.staging)
    address = _staging_address(stage.scribe)
    _assume(stage.scribe, stage, 9, "image-builder", company.staging, address)
    start = stage.after(13, 15)
    session = aws.role_session(company.roles["image-builder"], "promote", start, stage.dice).elsewhere(address)
    steps = ("DescribeImages", "CopyImage", "DescribeImages", "CreateTags")
    for moment, name in zip(aws.pace(stage.dice, start, 4, 20, 90), steps, strict=True):
        aws.call(stage.scribe, moment, session, f"ec2:{name}", decisive=True)


def trust_for_outsider(stage: Stage) -> None:
    """An account that no log names before comes in at once and looks for secrets and data."""
    company = stage.scribe.company
    account, where = company.outside_accounts[2], stage.elsewhere()
    _let_in(stage, "metrics-reader", account)
    _assume(stage.scribe, stage, 9, "metrics-reader", account, where.address)
    start = stage.after(13, 15)
    session = aws.role_session(company.roles["metrics-reader"], "promote", start, stage.dice).elsewhere(where.address)
    steps = ("iam:ListRoles", "secretsmanager:ListSecrets", "secretsmanager:GetSecretValue", "rds:DescribeDBSnapshots")
    for moment, action in zip(aws.pace(stage.dice, start, 4, 20, 90), steps, strict=True):
        denied = ("AccessDenied", f"not authorized to perform: {action}") if action.endswith("SecretValue") else None
        aws.call(stage.scribe, moment, session, action, error=denied, decisive=True)


CASES = (
    Case(
        (
            staff(
                "root/contact",
                "benign",
                "An operator works from the same address; the contact is changed and a second factor is set, no key made.",
                root_for_contact,
                team="platform",
                index=5,
            ),
            staff(
                "root/taken",
                "malicious",
                "Nobody of the company is at that address; the root user gets an access key, which starts big machines.",
                root_taken,
                team="platform",
                index=5,
                hour=10.5,
            ),
        ),
        _root_history,
    ),
    Case(
        (
            staff(
                "break-glass/outage",
                "benign",
                "Several people fail to sign on to AWS in the half hour before; services are restarted from the operator's "
                "address and the password is replaced once sign-on works.",
                glass_in_outage,
                team="platform",
                index=4,
                hour=13.5,
            ),
            staff(
                "break-glass/night",
                "malicious",
                "No outage: everybody signs on as always; from an unknown address the user makes another one.",
                glass_taken,
                team="platform",
                index=4,
                hour=3.0,
            ),
        ),
        _glass_history,
    ),
    Case(
        (
            staff(
                "trust/staging",
                "benign",
                "The account is the company's own, assumes another role daily, and copies an image from the pipeline's "
                "address.",
                trust_for_staging,
                team="engineering",
                index=1,
            ),
            staff(
                "trust/outsider",
                "malicious",
                "Usual actor and address; an account never seen assumes the role from an unknown address and asks for "
                "roles, secrets and snapshots.",
                trust_for_outsider,
                team="engineering",
                index=0,
                subtle=True,
            ),
        ),
        _trust_history,
    ),
)
