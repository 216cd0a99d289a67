"""AWS accounts: console passwords of IAM users, and buckets whose objects are made to expire."""

from datetime import timedelta

from tools.worlds.cast import Cast
from tools.worlds.company import Person
from tools.worlds.dice import Dice
from tools.worlds.lake import Record, Scribe
from tools.worlds.records import aws, okta
from tools.worlds.scenarios.stage import Stage, past
from tools.worlds.scenarios.unseen.case import Case, today

from .players import staff

_TOOL = "aws-sdk-go-v2/1.30.3 os/windows lang/go#1.22.5 md/GOOS#windows md/GOARCH#amd64"
_EXPIRY: Record = {"Rule": [{"ID": "expire", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 3}}]}


def _contractor(scribe: Scribe, person: Person) -> aws.Session:
    """The IAM user of somebody who works from home with an access key."""
    company = scribe.company
    dice: Dice = company.dice.child("contractor", person.user)
    return aws.Session(
        company.production, f"ext-{person.user}", "AIDA" + dice.base32(17), "AKIA" + dice.base32(16),
        person.home_address, person.command_line,
    )  # fmt: skip


def _mailer(scribe: Scribe, cast: Cast) -> aws.Session:
    """The IAM user of the program that sends mail."""
    user = cast.service_users[2]
    return aws.Session(scribe.company.production, user.name, user.principal, user.keys[0], user.address, user.agent)


def _set_password(stage: Stage, name: str) -> None:
    request: Record = {"userName": name, "passwordResetRequired": True}
    session = today(stage).aws
    aws.call(stage.scribe, stage.before(3), session, "iam:GetUser", {"userName": name}, usernames=[name], decisive=True)
    aws.call(stage.scribe, stage.at, session, "iam:CreateLoginProfile", request, usernames=[name], decisive=True)


def _first_login(stage: Stage, person: Person) -> None:
    """The contractor signs in from where the access key is used, and chooses a password and a second factor."""
    user = _contractor(stage.scribe, person)
    browser = aws.Session(
        user.account, user.name, user.principal, "ASIA" + stage.dice.base32(16), user.address, person.agent
    )
    aws.console_login(stage.scribe, stage.after(8, 12), browser, person.agent, decisive=True)
    own: Record = {"userName": user.name}
    steps = ("iam:ChangePassword", "iam:CreateVirtualMFADevice", "iam:EnableMFADevice", "athena:StartQueryExecution")
    for moment, action in zip(aws.pace(stage.dice, stage.after(13, 15), 4, 20, 120), steps, strict=True):
        request = own if action.startswith("iam:") else None
        aws.call(stage.scribe, moment, browser, action, request, usernames=[user.name], decisive=True)


def _password_history(scribe: Scribe, cast: Cast) -> None:
    """Contractors use access keys; one has been given a console, too. The mailer sends mail, day and night."""
    company = scribe.company
    for person in (cast.recent_starter, cast.earlier_starters[2]):
        user = _contractor(scribe, person)
        for date in company.timeline.workdays(person.office.offset):
            own = scribe.aside(person.user, date.isoformat())
            start = company.timeline.at(date, person.starts, person.office.offset)
            actions = ("s3:ListObjects", "s3:GetObject", "athena:StartQueryExecution", "athena:GetQueryResults")
            for moment, action in zip(aws.pace(own.dice, start, 4, 60, 900), actions, strict=True):
                aws.call(own, moment, user, action)
    mailer = _mailer(scribe, cast)
    for hours_ago in range(24 * 28, 0, -6):
        own = scribe.aside("mail", hours_ago)
        at = company.timeline.now - timedelta(hours=hours_ago) + own.dice.minutes(0, 40)
        for moment in aws.pace(own.dice, at, 2, 1, 9):
            aws.call(own, moment, mailer, "ses:SendEmail")
    stage = past(scribe.aside("console"), cast, company.team("platform")[0], 12)
    _set_password(stage, _contractor(scribe, cast.recent_starter).name)
    _first_login(stage, cast.recent_starter)


def password_for_contractor(stage: Stage) -> None:
    """Somebody who has worked with a key for weeks gets a console."""
    person = stage.cast.earlier_starters[2]
    _set_password(stage, _contractor(stage.scribe, person).name)
    _first_login(stage, person)


def password_for_program(stage: Stage) -> None:
    """A program's user gets one, and somebody at an unknown address looks around with it."""
    scribe, mailer, where = stage.scribe, _mailer(stage.scribe, stage.cast), stage.elsewhere()
    _set_password(stage, mailer.name)
    browser = aws.Session(
        mailer.account, mailer.name, mailer.principal, "ASIA" + stage.dice.base32(16), where.address, stage.person.agent
    )
    aws.console_login(scribe, stage.after(8, 12), browser, stage.person.agent, decisive=True)
    steps = ("iam:ListUsers", "s3:ListBuckets", "ses:GetAccount", "s3:ListObjects", "s3:GetObject", "s3:GetObject")
    denied = ("AccessDenied", "User is not authorized to perform: iam:ListUsers")
    for moment, action in zip(aws.pace(stage.dice, stage.after(13, 15), 6, 20, 120), steps, strict=True):
        error = denied if action == "iam:ListUsers" else None
        aws.call(scribe, moment, browser, action, usernames=[mailer.name], error=error, decisive=True)
    aws.call(scribe, stage.after(16, 19), mailer, "ses:SendEmail", decisive=True)


def _expire(stage: Stage, session: aws.Session, bucket: str) -> None:
    request: Record = {"bucketName": bucket, "lifecycle": "", "LifecycleConfiguration": _EXPIRY}
    arns = [f"arn:aws:s3:::{bucket}"]
    aws.call(stage.scribe, stage.before(2), session, "s3:GetBucketLifecycle", {"bucketName": bucket}, decisive=True)
    aws.call(stage.scribe, stage.at, session, "s3:PutBucketLifecycle", request, arns=arns, decisive=True)


def _scratch(scribe: Scribe, key: str) -> str:
    return f"{scribe.company.org}-scratch-{scribe.company.dice.child('scratch', key).hex(6)}"


def _backups(scribe: Scribe) -> str:
    return f"{scribe.company.org}-backups"


def _expiry_history(scribe: Scribe, cast: Cast) -> None:
    """A bucket for tests is made by the deployer, and days later an operator lets it empty itself."""
    company = scribe.company
    for key, days_ago in (("first", 23), ("second", 12), ("today", 3)):
        own = scribe.aside("made", key)
        at = company.timeline.now - timedelta(days=days_ago, hours=1)
        session = aws.role_session(company.roles["app-deployer"], "deploy", at, own.dice)
        aws.call(own, at, session, "s3:CreateBucket", {"bucketName": _scratch(scribe, key)})
        for moment in aws.pace(own.dice, at, 6, 40, 3000):
            aws.call(own, moment, session, "s3:PutObject", {"bucketName": _scratch(scribe, key)})
    for key, index, days_ago in (("first", 3, 21), ("second", 2, 9)):
        stage = past(scribe.aside("expiry", key), cast, company.team("platform")[index], days_ago)
        _expire(stage, today(stage).aws, _scratch(scribe, key))
    for days_ago in range(1, 28):
        own = scribe.aside("backup", days_ago)
        at = company.timeline.now - timedelta(days=days_ago) + own.dice.minutes(0, 30)
        session = aws.role_session(company.roles["backup-runner"], "nightly", at, own.dice)
        for moment in aws.pace(own.dice, at, 3, 20, 90):
            aws.call(own, moment, session, "s3:PutObject", {"bucketName": _backups(scribe)})


def scratch_expires(stage: Stage) -> None:
    """On a trip, signed in from the hotel; a bucket for tests, as colleagues did."""
    day, bucket = today(stage), _scratch(stage.scribe, "today")
    okta.open_aws(stage.scribe, stage.before(17), stage.person, day.client, decisive=True)
    aws.console_login(stage.scribe, stage.before(16), day.aws, stage.person.agent, decisive=True)
    _expire(stage, day.aws, bucket)
    for moment, action in zip(
        aws.pace(stage.dice, stage.after(2, 4), 3, 60, 300),
        ("s3:GetBucketLifecycle", "s3:ListObjects", "ecs:DescribeServices"),
        strict=True,
    ):
        request: Record = {"bucketName": bucket} if action.startswith("s3:") else {"cluster": "main"}
        aws.call(stage.scribe, moment, day.aws, action, request, decisive=True)


def backups_expire(stage: Stage) -> None:
    """With a program never seen, at the operator's own address: versions off, copies deleted, a note left."""
    day, bucket = today(stage), _backups(stage.scribe)
    session = day.aws.elsewhere(day.aws.address, _TOOL)
    for minutes in (13, -9):
        aws.call(
            stage.scribe, stage.before(minutes), day.aws, "ecs:DescribeServices", {"cluster": "main"}, decisive=True
        )  # fmt: skip
    before: tuple[tuple[str, Record], ...] = (
        ("s3:ListBuckets", {}),
        ("s3:GetBucketVersioning", {"bucketName": bucket}),
        ("s3:PutBucketVersioning", {"bucketName": bucket, "VersioningConfiguration": {"Status": "Suspended"}}),
    )
    for moment, (action, request) in zip(aws.pace(stage.dice, stage.before(7), 3, 20, 60), before, strict=True):
        aws.call(stage.scribe, moment, session, action, request, decisive=True)
    _expire(stage, session, bucket)
    for number, moment in enumerate(aws.pace(stage.dice, stage.after(2, 4), 5, 5, 30)):
        deleted: Record = {"bucketName": bucket, "key": f"nightly/{number:04}.snap"}
        aws.call(stage.scribe, moment, session, "s3:DeleteObject", deleted, decisive=True)
    note: Record = {"bucketName": bucket, "key": "HOW-TO-RESTORE.txt"}
    aws.call(stage.scribe, stage.after(11, 14), session, "s3:PutObject", note, decisive=True)


CASES = (
    Case(
        (
            staff(
                "console-password/contractor",
                "benign",
                "The user has worked with a key for weeks, signs in from that very address, and chooses a password and "
                "a second factor.",
                password_for_contractor,
                team="platform",
                index=3,
            ),
            staff(
                "console-password/program",
                "malicious",
                "Usual actor and address; the user belongs to a program that only sends mail, and signs in from an "
                "unknown address to read buckets.",
                password_for_program,
                team="platform",
                index=2,
                subtle=True,
            ),
        ),
        _password_history,
    ),
    Case(
        (
            staff(
                "expiry/scratch",
                "benign",
                "New address after a sign-in there with the own device; a bucket for tests, days old, as colleagues did.",
                scratch_expires,
                team="platform",
                index=4,
                travels=True,
            ),
            staff(
                "expiry/backups",
                "malicious",
                "Usual address, a program never seen; versions are switched off, copies of the last nights are deleted, "
                "and a note is left.",
                backups_expire,
                team="platform",
                index=5,
            ),
        ),
        _expiry_history,
    ),
)
