"""Operators who make access keys for programs, and who read many secrets at once."""

from datetime import datetime, timedelta

from tools.worlds.cast import MIDDAY, Cast, ServiceUser
from tools.worlds.company import Person
from tools.worlds.days import day_at
from tools.worlds.lake import Scribe
from tools.worlds.names import SECRETS
from tools.worlds.records import aws, okta
from tools.worlds.worktime import iso_seconds

from .scenario import Scenario, earlier, recent

# Which operator replaced the key of which program, how many days ago.
_REPLACED = ((1, 0, 25), (2, 1, 19), (1, 2, 14), (1, 3, 10), (2, 0, 6))
# Which operators replaced many secrets, how many days ago.
_ROTATED = ((0, 24), (4, 17), (0, 10))
_MANY = 14
_RECENT = 1
"""Which program's key is replaced in the last day."""

_TAKEN_UP = timedelta(minutes=9)
"""How long a program takes to use its new key."""


def history(scribe: Scribe, cast: Cast) -> None:
    """Keys in daily use, replaced now and then; secrets replaced in bulk by whoever is on duty."""
    since = {user.name: [scribe.timeline.start] for user in cast.service_users}
    for operator, index, days_ago in _REPLACED:
        own, user = scribe.aside("key", days_ago), cast.service_users[index]
        at = earlier(own, cast.operators[operator], days_ago)
        _replace(own, at, cast.operators[operator], user, len(since[user.name]))
        since[user.name].append(at + _TAKEN_UP)
    since[cast.service_users[_RECENT].name].append(_replaced_now(scribe, cast) + _TAKEN_UP)
    for user in cast.service_users:
        _daily_use(scribe.aside("use", user.name), user, since[user.name])
    for operator, days_ago in _ROTATED:
        own, person = scribe.aside("secrets", days_ago), cast.operators[operator]
        at = earlier(own, person, days_ago)
        _rotate_secrets(own, at, day_at(own, person, at).aws)


def _replaced_now(scribe: Scribe, cast: Cast) -> datetime:
    return scribe.timeline.recent(MIDDAY, cast.operators[1].office.offset)


def _key_of(user: ServiceUser, account: str, key: str) -> aws.Session:
    return aws.Session(account, user.name, user.principal, key, user.address, user.agent)


def _daily_use(scribe: Scribe, user: ServiceUser, since: list[datetime]) -> None:
    at = scribe.timeline.start + scribe.dice.minutes(0, 300)
    while at < scribe.timeline.now:
        current = sum(start <= at for start in since) - 1
        session = _key_of(user, scribe.company.production, user.keys[current])
        request = {"bucketName": f"{scribe.company.org}-{user.name}", "key": f"out/{scribe.dice.digits(6)}.csv"}
        aws.call(scribe, at, session, scribe.dice.pick(("s3:GetObject", "s3:PutObject")), request)
        at += scribe.dice.minutes(200, 400)


def _create_key(scribe: Scribe, at: datetime, session: aws.Session, user: ServiceUser, key: str) -> None:
    target = {"userName": user.name}
    aws.call(scribe, at, session, "iam:ListAccessKeys", target, usernames=[user.name])
    created = at + scribe.dice.seconds(20, 80)
    answer = {"accessKeyId": key, "status": "Active", "userName": user.name, "createDate": iso_seconds(created)}
    aws.call(
        scribe, created, session, "iam:CreateAccessKey", target, response={"accessKey": answer},
        traces=[key], usernames=[user.name], decisive=True,
    )  # fmt: skip


def _replace(scribe: Scribe, at: datetime, person: Person, user: ServiceUser, number: int) -> None:
    """A new key is made, the program starts to use it, the old one is switched off and removed a day later."""
    session = day_at(scribe, person, at).aws
    old, key = user.keys[number - 1], user.keys[number]
    _create_key(scribe, at, session, user, key)
    program = _key_of(user, session.account, key)
    aws.call(scribe, at + scribe.dice.minutes(5, 8), program, "sts:GetCallerIdentity", decisive=True)
    request = {"userName": user.name, "accessKeyId": old, "status": "Inactive"}
    done = at + scribe.dice.minutes(18, 30)
    aws.call(scribe, done, session, "iam:UpdateAccessKey", request, traces=[old], usernames=[user.name], decisive=True)


def key_replaced(scribe: Scribe, cast: Cast) -> None:
    """The usual owner replaces a key, this time from a hotel, where they signed in with a second factor."""
    owner, user = cast.operators[1], cast.service_users[_RECENT]
    _replace(scribe, _replaced_now(scribe, cast), owner, user, 2)


def key_taken(scribe: Scribe, cast: Cast) -> None:
    """Made from an operator's own computer, used from far away minutes later; the program keeps its old key."""
    operator, user = cast.operators[2], cast.service_users[3]
    at = recent(scribe, operator, 13.6)
    session = day_at(scribe, operator, at).aws
    key = user.keys[-1]
    _create_key(scribe, at, session, user, key)
    where = scribe.company.elsewhere("key")
    thief = _key_of(user, session.account, key).elsewhere(where.address, operator.command_line)
    used = at + scribe.dice.minutes(5, 8)
    aws.call(scribe, used, thief, "sts:GetCallerIdentity", decisive=True)
    bucket = {"bucketName": f"{scribe.company.org}-ledger-exports"}
    steps = ("ListBuckets", "ListObjects", *["GetObject"] * 8)
    for moment, name in zip(aws.pace(scribe.dice, used, len(steps), 5, 40), steps, strict=True):
        aws.call(scribe, moment, thief, f"s3:{name}", bucket, decisive=name == "GetObject")
    denied = ("AccessDenied", "User is not authorized to perform: iam:ListUsers")
    aws.call(scribe, used + timedelta(minutes=9), thief, "iam:ListUsers", error=denied)


def _rotate_secrets(scribe: Scribe, at: datetime, session: aws.Session) -> None:
    """Each secret is read, checked and replaced."""
    aws.call(scribe, at, session, "secretsmanager:ListSecrets")
    chosen = scribe.dice.sample(SECRETS, _MANY)
    for moment, secret in zip(aws.pace(scribe.dice, at, _MANY, 30, 70), chosen, strict=True):
        request = {"secretId": secret}
        aws.call(scribe, moment, session, "secretsmanager:GetSecretValue", request, decisive=True)
        replaced = moment + scribe.dice.seconds(5, 20)
        aws.call(scribe, replaced, session, "secretsmanager:RotateSecret", request, decisive=True)


def secrets_rotated(scribe: Scribe, cast: Cast) -> None:
    """An operator who never did it replaces secrets as others have done, on a trip, signed in with one prompt."""
    operator = cast.operators[3]
    at = recent(scribe, operator, MIDDAY)
    _rotate_secrets(scribe, at, day_at(scribe, operator, at).aws)


def secrets_read(scribe: Scribe, cast: Cast) -> None:
    """Prompts on the phone are refused until one is not; the new session reads secrets and replaces none."""
    dice, operator = scribe.dice, cast.operators[5]
    at = recent(scribe, operator, MIDDAY)
    where = scribe.company.elsewhere("secrets")
    stranger = okta.Client(where, operator.agent, operator.system, operator.browser, dice.hex(40), "idx" + dice.hex(22))
    asked = at - timedelta(minutes=25)
    for moment in aws.pace(dice, asked, 6, 40, 100):
        kind = "user.mfa.okta_verify.deny_push"
        okta.event(
            scribe, moment, operator, stranger, kind, targets=[okta.push(scribe)], failure="DENIED", decisive=True
        )
    entered = at - timedelta(minutes=7)
    okta.sign_in(scribe, entered, operator, stranger, decisive=True)
    okta.open_aws(scribe, entered + timedelta(seconds=50), operator, stranger)
    day = day_at(scribe, operator, at).aws
    session = aws.Session(
        day.account, day.name, day.principal, "ASIA" + dice.base32(16), where.address, day.agent,
        day.session, entered + timedelta(minutes=1), day.path,
    )  # fmt: skip
    aws.console_login(scribe, entered + timedelta(minutes=1), session, operator.agent)
    aws.call(scribe, at, session, "secretsmanager:ListSecrets")
    for moment, secret in zip(aws.pace(dice, at, _MANY, 30, 70), dice.sample(SECRETS, _MANY), strict=True):
        request = {"secretId": secret}
        aws.call(scribe, moment, session, "secretsmanager:GetSecretValue", request, decisive=True)
    aws.call(scribe, at + timedelta(minutes=19), session, "s3:ListBuckets")


SCENARIOS = (
    Scenario(
        "key/replaced",
        "benign",
        "Address new, but signed in from there with a second factor; the program uses the key from its usual address "
        "and the old key is switched off.",
        key_replaced,
    ),
    Scenario(
        "key/taken",
        "malicious",
        "Usual actor and address; the new key is used from an unknown address on another program's data, the old key "
        "stays on.",
        key_taken,
    ),
    Scenario(
        "secrets/rotated",
        "benign",
        "Address new after an ordinary sign-in; every secret read is replaced within seconds, as colleagues did before.",
        secrets_rotated,
    ),
    Scenario(
        "secrets/read",
        "malicious",
        "Six refused prompts before the sign-in from a new country; secrets are read, none is replaced.",
        secrets_read,
    ),
)
