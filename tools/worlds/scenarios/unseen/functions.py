"""A function's code replaced by a person, past the pipeline."""

from datetime import timedelta

from tools.worlds.cast import Cast
from tools.worlds.company import ServiceRole
from tools.worlds.dice import Dice
from tools.worlds.lake import Record, Scribe
from tools.worlds.records import aws, github
from tools.worlds.scenarios.stage import Stage, past

from .case import Case, staff, today

_DISPATCH, _MAILER = "notify-dispatch", "notify-digest"
_USUAL = ("sqs:ReceiveMessage", "dynamodb:GetItem", "sqs:DeleteMessage")
_EVERY = timedelta(hours=4)


def _role(scribe: Scribe, name: str) -> ServiceRole:
    """The role of a function; its address is that of the subnet's gateway, which programs share."""
    dice: Dice = scribe.company.dice.child("function", name)
    return ServiceRole(
        f"{name}-fn", "AROA" + dice.base32(17), scribe.company.production,
        scribe.company.roles["metrics-reader"].address, "aws-sdk-js/3.679.0 os/linux lang/js md/nodejs#20.18.0",
    )  # fmt: skip


def _runs(stage: Stage, name: str, steps: tuple[str, ...], minutes: float, *, decisive: bool = True) -> None:
    start = stage.after(minutes, minutes + 3)
    session = aws.role_session(_role(stage.scribe, name), name, start, stage.dice)
    for moment, action in zip(aws.pace(stage.dice, start, len(steps), 2, 15), steps, strict=True):
        aws.call(stage.scribe, moment, session, action, decisive=decisive)


def _history(scribe: Scribe, cast: Cast) -> None:
    """Both functions work around the clock; people repaired others in a hurry."""
    company = scribe.company
    for name in (_DISPATCH, _MAILER):
        at = company.timeline.start + timedelta(hours=1)
        while at < company.timeline.now - timedelta(minutes=20):
            own = scribe.aside(name, at.isoformat())
            session = aws.role_session(_role(scribe, name), name, at, own.dice)
            for moment, action in zip(aws.pace(own.dice, at, 3, 2, 15), _USUAL, strict=True):
                aws.call(own, moment, session, action)
            at += _EVERY
    for index, days_ago in ((4, 22), (5, 9)):
        stage = past(scribe.aside("hurry"), cast, company.team("platform")[index], days_ago)
        _replace(stage, "rates-refresh")
        _deploy(stage, "rates-refresh")


def _replace(stage: Stage, name: str) -> None:
    session = today(stage).aws
    target: Record = {"functionName": name}
    steps = ("logs:FilterLogEvents", "cloudwatch:DescribeAlarms", "lambda:GetFunction20150331v2")
    for minutes, action in zip((19, 14, 8), steps, strict=True):
        aws.call(stage.scribe, stage.before(minutes), session, action, target, decisive=True)
    aws.call(stage.scribe, stage.at, session, "lambda:UpdateFunctionCode20150331v2", target, decisive=True)
    aws.call(stage.scribe, stage.after(1, 2), session, "lambda:GetFunction20150331v2", target)


def _deploy(stage: Stage, name: str) -> None:
    """The repair is merged, and the pipeline puts it in place."""
    person = github.browser(stage.person, stage.where)
    for minutes, action in ((18, "pull_request.create"), (29, "pull_request.merge")):
        github.event(stage.scribe, stage.after(minutes, minutes + 4), person, action, "notify", decisive=True)
    start = stage.after(48, 52)
    session = aws.role_session(stage.scribe.company.roles["app-deployer"], "deploy", start, stage.dice)
    request: Record = {"functionName": name}
    aws.call(stage.scribe, start, session, "lambda:UpdateFunctionCode20150331v2", request, decisive=True)


def repaired(stage: Stage) -> None:
    """The function goes on as before, and the pipeline puts the merged repair in place within the hour."""
    _replace(stage, _DISPATCH)
    _runs(stage, _DISPATCH, (*_USUAL, *_USUAL), 9)
    _deploy(stage, _DISPATCH)


def turned(stage: Stage) -> None:
    """Nothing is merged; the function asks for secrets and hands its rights on."""
    _replace(stage, _MAILER)
    _runs(stage, _MAILER, ("sts:GetCallerIdentity", "secretsmanager:ListSecrets"), 5)
    _runs(stage, _MAILER, ("sqs:ReceiveMessage", *["secretsmanager:GetSecretValue"] * 4, "sqs:DeleteMessage"), 9)
    _runs(stage, _MAILER, ("sqs:ReceiveMessage", *["secretsmanager:GetSecretValue"] * 4, "sqs:DeleteMessage"), 44)


CASES = (
    Case(
        (
            staff(
                "function/repaired",
                "benign",
                "The function's own calls stay as they were; the repair is merged and deployed within the hour.",
                repaired,
                team="platform",
                index=3,
                hour=14.5,
            ),
            staff(
                "function/turned",
                "malicious",
                "Usual actor and address; nothing is merged, and the function reads secrets that it never asked for.",
                turned,
                team="platform",
                index=2,
                hour=14.5,
                subtle=True,
            ),
        ),
        _history,
    ),
)
