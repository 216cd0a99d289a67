"""AWS.CloudTrail records, and the sessions that make them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from tools.worlds.company import Company, Person, Presence, ServiceRole
from tools.worlds.dice import Dice
from tools.worlds.lake import Indicators, LogType, Record, Scribe
from tools.worlds.worktime import iso_seconds

REGION = "eu-west-1"
_READING = ("Get", "List", "Describe", "Lookup", "Head", "Search", "BatchGet")
_DATA_EVENTS = {"GetObject", "PutObject", "DeleteObject", "ListObjects"}


@dataclass(frozen=True, slots=True)
class Session:
    """Credentials in use: a role session, or an IAM user where `session` is empty."""

    account: str
    name: str
    """Role or IAM user."""

    principal: str
    key: str
    address: str
    agent: str
    session: str = ""
    created: datetime | None = None
    path: str = ""
    """Path of the role, such as the one of IAM Identity Center."""

    root: bool = False
    """Whether these are the credentials of the account itself."""

    @property
    def arn(self) -> str:
        if self.root:
            return f"arn:aws:iam::{self.account}:root"
        if not self.session:
            return f"arn:aws:iam::{self.account}:user/{self.name}"
        return f"arn:aws:sts::{self.account}:assumed-role/{self.name}/{self.session}"

    @property
    def role_arn(self) -> str:
        return f"arn:aws:iam::{self.account}:role/{self.path}{self.name}"

    def elsewhere(self, address: str, agent: str = "") -> "Session":
        """The same credentials, used from another address."""
        return replace(self, address=address, agent=agent or self.agent)

    def identity(self) -> Record:
        """The `userIdentity` of a call."""
        if self.root:
            return {
                "type": "Root",
                "principalId": self.account,
                "arn": self.arn,
                "accountId": self.account,
                "accessKeyId": self.key,
            }
        if not self.session:
            return {
                "type": "IAMUser",
                "principalId": self.principal,
                "arn": self.arn,
                "accountId": self.account,
                "accessKeyId": self.key,
                "userName": self.name,
            }
        created = iso_seconds(self.created) if self.created else None
        return {
            "type": "AssumedRole",
            "principalId": f"{self.principal}:{self.session}",
            "arn": self.arn,
            "accountId": self.account,
            "accessKeyId": self.key,
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": self.principal,
                    "arn": self.role_arn,
                    "accountId": self.account,
                    "userName": self.name,
                },
                "attributes": {"creationDate": created, "mfaAuthenticated": "false"},
            },
        }


def staff_session(company: Company, person: Person, day: date, created: datetime, presence: Presence) -> Session:
    """The one session that IAM Identity Center gives a person on a day."""
    return Session(
        account=company.production,
        name=company.sso_role,
        principal=company.sso_role_id,
        key="ASIA" + company.dice.child("session", person.user, day.isoformat()).base32(16),
        address=presence.address,
        agent=person.command_line,
        session=person.email,
        created=created,
        path="aws-reserved/sso.amazonaws.com/",
    )


def role_session(role: ServiceRole, label: str, created: datetime, dice: Dice) -> Session:
    """A new session of a service role."""
    return Session(
        account=role.account,
        name=role.name,
        principal=role.role_id,
        key="ASIA" + dice.base32(16),
        address=role.address,
        agent=role.agent,
        session=f"{label}-{dice.digits(5)}",
        created=created,
    )


def call(
    scribe: Scribe,
    at: datetime,
    session: Session,
    action: str,
    request: Mapping[str, object] | None = None,
    *,
    response: Mapping[str, object] | None = None,
    error: tuple[str, str] | None = None,
    arns: Iterable[str] = (),
    traces: Iterable[str] = (),
    usernames: Iterable[str] = (),
    decisive: bool = False,
) -> None:
    """One API call; `action` as IAM writes it, such as `ec2:RunInstances`."""
    service, _, name = action.partition(":")
    at = at.replace(microsecond=0)
    data = name in _DATA_EVENTS
    record: Record = {
        "eventVersion": "1.10",
        "userIdentity": session.identity(),
        "eventTime": iso_seconds(at),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": session.address,
        "userAgent": session.agent,
        "requestParameters": request,
        "responseElements": response,
        "requestID": scribe.ids.uuid(),
        "eventID": scribe.ids.uuid(),
        "readOnly": name.startswith(_READING),
        "eventType": "AwsApiCall",
        "managementEvent": not data,
        "recipientAccountId": session.account,
        "eventCategory": "Data" if data else "Management",
    }
    if error is not None:
        record |= {"errorCode": error[0], "errorMessage": error[1]}
    if arns := sorted(arns):
        record["resources"] = [{"ARN": arn, "accountId": session.account} for arn in arns]
    _write(scribe, at, session, record, Indicators(arns=arns, traces=traces, usernames=usernames), decisive=decisive)


def console_login(scribe: Scribe, at: datetime, session: Session, agent: str, *, decisive: bool = False) -> None:
    """A sign-in to the console with a role session."""
    at = at.replace(microsecond=0)
    record: Record = {
        "eventVersion": "1.10",
        "userIdentity": session.identity(),
        "eventTime": iso_seconds(at),
        "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin",
        "awsRegion": REGION,
        "sourceIPAddress": session.address,
        "userAgent": agent,
        "requestParameters": None,
        "responseElements": {"ConsoleLogin": "Success"},
        "additionalEventData": {"MobileVersion": "No", "MFAUsed": "No"},
        "eventID": scribe.ids.uuid(),
        "readOnly": False,
        "eventType": "AwsConsoleSignIn",
        "managementEvent": True,
        "recipientAccountId": session.account,
        "eventCategory": "Management",
    }
    _write(scribe, at, session, record, Indicators(), decisive=decisive)


def shared_copy(
    scribe: Scribe, at: datetime, owner: str, account: str, snapshot: str, *, decisive: bool = False
) -> None:
    """Another account copies a snapshot that was shared with it; the owner's trail says so."""
    at = at.replace(microsecond=0)
    record: Record = {
        "eventVersion": "1.10",
        "userIdentity": {"type": "AWSAccount", "accountId": account, "invokedBy": "ec2.amazonaws.com"},
        "eventTime": iso_seconds(at),
        "eventSource": "ec2.amazonaws.com",
        "eventName": "SharedSnapshotCopyInitiated",
        "awsRegion": REGION,
        "sourceIPAddress": "ec2.amazonaws.com",
        "userAgent": "ec2.amazonaws.com",
        "requestParameters": None,
        "responseElements": None,
        "eventID": scribe.ids.uuid(),
        "readOnly": False,
        "eventType": "AwsServiceEvent",
        "managementEvent": True,
        "recipientAccountId": owner,
        "serviceEventDetails": {"snapshotId": snapshot},
        "eventCategory": "Management",
    }
    found = Indicators(accounts=[owner, account], domains=["ec2.amazonaws.com"])
    scribe.write(LogType.CLOUDTRAIL, at, record, found, decisive=decisive)


def from_account(
    scribe: Scribe,
    at: datetime,
    account: str,
    address: str,
    action: str,
    request: Mapping[str, object],
    *,
    decisive: bool = False,
) -> None:
    """A call that another account makes on what belongs to production; the owner's trail names only the account."""
    service, _, name = action.partition(":")
    at = at.replace(microsecond=0)
    data = name in _DATA_EVENTS
    owner = scribe.company.production
    record: Record = {
        "eventVersion": "1.10",
        "userIdentity": {"type": "AWSAccount", "principalId": f"AROA{account}", "accountId": account},
        "eventTime": iso_seconds(at),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": address,
        "userAgent": "aws-sdk-go-v2/1.32.2 os/linux lang/go#1.23.1",
        "requestParameters": request,
        "responseElements": None,
        "requestID": scribe.ids.uuid(),
        "eventID": scribe.ids.uuid(),
        "readOnly": name.startswith(_READING),
        "eventType": "AwsApiCall",
        "managementEvent": not data,
        "recipientAccountId": owner,
        "eventCategory": "Data" if data else "Management",
    }
    found = Indicators(ips=[address], accounts=[owner, account])
    scribe.write(LogType.CLOUDTRAIL, at, record, found, decisive=decisive)


def _write(
    scribe: Scribe, at: datetime, session: Session, record: Record, mentioned: Indicators, *, decisive: bool
) -> None:
    """Write a record with what stands in its identity and what its parameters mention."""
    role = [session.principal, f"{session.principal}:{session.session}"] if session.session else [session.principal]
    found = Indicators(
        ips=[session.address],
        usernames=[session.name, session.session, *mentioned.usernames],
        emails=[session.session] if "@" in session.session else [],
        arns=[session.arn, *([session.role_arn] if session.session else []), *mentioned.arns],
        accounts=[session.account],
        traces=[session.key, *mentioned.traces],
        actors=role,
    )
    scribe.write(LogType.CLOUDTRAIL, at, record, found, decisive=decisive)


def pace(dice: Dice, start: datetime, count: int, low: float, high: float) -> list[datetime]:
    """`count` moments after `start`, each `low` to `high` seconds after the one before."""
    moments = []
    at = start
    for _ in range(count):
        at += dice.seconds(low, high)
        moments.append(at)
    return moments
