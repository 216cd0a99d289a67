"""People at work: sign-ins, documents, code, and the cloud console."""

from datetime import datetime, timedelta

from tools.worlds.company import Person
from tools.worlds.days import Day, day_of
from tools.worlds.dice import Dice
from tools.worlds.lake import Record, Scribe
from tools.worlds.names import APPS, REPOSITORIES
from tools.worlds.records import aws, github, gsuite, okta

_CODE = {"platform", "engineering", "data"}
# How likely somebody of a team uses AWS on a working day.
_CLOUD = {"platform": 1.0, "engineering": 0.5, "data": 0.6, "security": 0.3}
_HOURS = 8.2
_READABLE = ("people", "sales")
"""Teams whose papers everybody reads."""

_LOOKING = (
    "ec2:DescribeInstances", "ec2:DescribeSecurityGroups", "ec2:DescribeVolumes",
    "cloudwatch:GetMetricData", "cloudwatch:DescribeAlarms", "logs:FilterLogEvents",
    "logs:DescribeLogGroups", "s3:ListBuckets", "rds:DescribeDBInstances", "ecs:DescribeServices",
    "iam:ListRoles", "iam:GetRole", "lambda:ListFunctions20150331", "kms:DescribeKey",
    "secretsmanager:DescribeSecret", "cloudtrail:LookupEvents", "sts:GetCallerIdentity",
)  # fmt: skip
_DOING: tuple[tuple[str, Record], ...] = (
    ("ecs:UpdateService", {"cluster": "main", "forceNewDeployment": True}),
    ("ec2:CreateTags", {"tagSet": {"items": [{"key": "owner", "value": "platform"}]}}),
    ("ssm:StartSession", {"target": "i-0000000000000000f"}),
    ("cloudwatch:PutMetricAlarm", {"alarmName": "latency-p99"}),
    ("logs:PutRetentionPolicy", {"retentionInDays": 30}),
)
_DENIED = ("AccessDenied", "User is not authorized to perform this operation")
_REVIEWING = ("pull_request.create", "pull_request_review.submit", "pull_request.merge")


def fill(scribe: Scribe) -> None:
    """Every working day of everybody."""
    for person in scribe.company.people:
        for date in scribe.timeline.workdays(person.office.offset):
            own = scribe.aside(person.user, date.isoformat())
            # People are ill, on leave, in meetings all day. Somebody on a trip is at work, and so is everybody now.
            near = scribe.timeline.now - day_of(own, person, date).start < timedelta(days=2)
            if own.dice.chance(0.06) and not near and person.user not in scribe.company.trips:
                continue
            _work(own, day_of(own, person, date))


def _work(scribe: Scribe, day: Day) -> None:
    person = day.person
    if scribe.dice.chance(0.05):
        for moment in aws.pace(scribe.dice, day.start - timedelta(minutes=2), scribe.dice.between(1, 3), 6, 20):
            okta.event(scribe, moment, person, day.client, "user.session.start", failure="INVALID_CREDENTIALS")
    okta.sign_in(scribe, day.start, person, day.client)
    for app in scribe.dice.sample(APPS, scribe.dice.between(2, 4)):
        okta.open_app(scribe, _during(scribe.dice, day), person, day.client, app)
    if scribe.dice.chance(0.4):
        okta.event(scribe, day.start + timedelta(hours=_HOURS + 0.4), person, day.client, "user.session.end")
    _documents(scribe, day)
    if person.team in _CODE:
        _code(scribe, day)
    if scribe.dice.chance(_CLOUD.get(person.team, 0)):
        _cloud(scribe, day)


def _during(dice: Dice, day: Day) -> datetime:
    return day.start + dice.minutes(6, _HOURS * 60)


def _documents(scribe: Scribe, day: Day) -> None:
    company, dice = scribe.company, scribe.dice
    account = gsuite.account(day.person, day.presence)
    if dice.chance(0.3):
        gsuite.login(scribe, day.start + dice.minutes(1, 4), account)
    for _ in range(dice.between(3, 8)):
        # Colleagues read each other's papers, but seldom, and only those that are meant for them.
        team = day.person.team if dice.chance(0.85) else dice.pick(_READABLE)
        name = "view" if team != day.person.team else dice.pick(("view", "view", "edit", "edit", "create", "download"))
        document = dice.pick(company.documents[team])
        # Papers are fetched for the meetings of the day, so in its first hour.
        at = day.start + dice.minutes(6, 48) if name == "download" else _during(dice, day)
        gsuite.drive(scribe, at, account, name, document)


def _usual_repositories(scribe: Scribe, person: Person) -> list[str]:
    return scribe.company.dice.child("repositories", person.user).sample(REPOSITORIES, 4)


def _code(scribe: Scribe, day: Day) -> None:
    dice = scribe.dice
    repositories = _usual_repositories(scribe, day.person)
    for _ in range(dice.between(3, 7)):
        repository, at = dice.pick(repositories), _during(dice, day)
        if dice.chance(0.7):
            action = dice.pick(("git.fetch", "git.push", "git.push", "git.clone"))
            github.event(scribe, at, github.terminal(day.person, day.presence), action, repository)
        else:
            github.event(scribe, at, github.browser(day.person, day.presence), dice.pick(_REVIEWING), repository)


def _cloud(scribe: Scribe, day: Day) -> None:
    dice, session = scribe.dice, day.aws
    created = session.created or day.start
    okta.open_aws(scribe, created - timedelta(seconds=20), day.person, day.client)
    aws.console_login(scribe, created, session, day.person.agent)
    for _ in range(dice.between(5, 11)):
        at = created + dice.minutes(1, _HOURS * 60 - 20)
        using = session if dice.chance(0.5) else session.elsewhere(session.address, day.person.agent)
        if dice.chance(0.85):
            aws.call(scribe, at, using, dice.pick(_LOOKING), error=_DENIED if dice.chance(0.02) else None)
        else:
            action, request = dice.pick(_DOING)
            aws.call(scribe, at, using, action, request)
