"""The words of runbooks and what they mean for a question: general English of security work, no log's own names."""

from typing import Final, TypeVar

from triage.domain.question import ALERTS, ActionClass, Outcome, SubjectRole

T = TypeVar("T")
Table = dict[tuple[str, ...], T]
_SHORT: Final = 3
MAX_WORDS: Final = 4
"""Words of the longest entry."""


def stem(word: str) -> str:
    """A noun in the singular, near enough to look it up."""
    if len(word) <= _SHORT:
        return word
    if len(word) > _SHORT + 1 and word.endswith("ies"):
        return word[:-3] + "y"
    if word in ("addresses", "accesses", "processes"):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is", "aws", "sas", "dns")):
        return word[:-1]
    return word


def _table(*entries: tuple[T, str]) -> Table[T]:
    return {tuple(map(stem, phrase.split())): value for value, text in entries for phrase in text.split(",")}


LOG: Final = "log"
ACCESS: Final = "access"
HEAD: Final = "act"
HEADS: Final = _table(
    (
        HEAD,
        """api call, api request, api activity, api operation, api event, api action, api, call, event, activity, action,
        operation, request, entry, record, attempt, invocation, audit event,
        audit activity, administrative action, admin action, administrative activity, admin activity, api usage,
        account activity""",
    ),
    (ACCESS, "access, access attempt, access event, access operation"),
    (LOG, "log, audit log, log entry, log event, audit log event, audit entry, activity log, log data"),
)
"""Nouns for acts of any kind."""

CLASSES: Final = _table(
    (
        ActionClass.SIGN_IN,
        """login, log-in, logon, sign-in, signin, sign in, log in, authentication, auth, sso login, console login,
        user login, user authentication, login attempt, sign-in attempt, authentication attempt, user sign-in, sign-on""",
    ),
    (
        ActionClass.FACTOR_CHANGE,
        """mfa change, mfa reset, mfa enrollment, mfa modification, mfa factor change, factor enrollment, factor reset,
        mfa factor enrollment, mfa factor reset, mfa removal, mfa deactivation, mfa activation, mfa device change,
        factor change, authenticator enrollment, mfa registration, mfa setting change, mfa update, mfa device deactivation,
        factor activation, factor deactivation, mfa disablement""",
    ),
    (
        ActionClass.ACCOUNT_CREATION,
        "account creation, user creation, user account creation, iam user creation, new user creation",
    ),
    (
        ActionClass.KEY_CREATION,
        """access key creation, key creation, api key creation, token creation, credential creation,
        api token creation, token generation, service account key creation, access token creation, service key creation,
        personal access token creation, secret key creation, credential generation""",
    ),
    (
        ActionClass.GRANT,
        """grant, addition, assignment, attachment, role assignment, permission grant, privilege grant, role grant, access grant, privilege escalation,
        policy attachment, group membership addition, permission assignment, admin role assignment, admin grant, elevate access, privilege elevation, privilege change""",
    ),
    (ActionClass.LOG_TAMPERING, "log tampering, logging change, logging modification, logging configuration change"),
    (ActionClass.SECRET_ACCESS, "secret access, secret retrieval, secret read, secret access attempt"),
    (
        ActionClass.DATA_ACCESS,
        "data access, download, file download, data export, export, data download, data read, data exfiltration, file access",
    ),
    (ActionClass.SHARING, "sharing, external sharing, sharing change, file sharing"),
    (ActionClass.EXECUTION, "exec, command execution, code execution, execution"),
    (ActionClass.DELETION, "deletion, delete, resource deletion, removal, destruction, destructive, remove, purge"),
    (ActionClass.CREATION, "creation, resource creation, create, write"),
    (
        ActionClass.CHANGE,
        "change, modification, authorization, update, modify, setting change, resource modification, resource change, alteration",
    ),
    (ActionClass.READ, "read, enumeration, reconnaissance"),
)
"""Nouns for acts of a class."""

TAKES_OBJECT: Final = frozenset(
    {
        ActionClass.DELETION, ActionClass.CREATION, ActionClass.CHANGE, ActionClass.READ, ActionClass.EXECUTION,
        ActionClass.GRANT, ActionClass.DATA_ACCESS, ActionClass.SHARING,
    }
)  # fmt: skip
"""A noun before one of these says what it is done to."""

ACTS: Final = _table(
    ("copy", "copy, copying"), ("restore", "restore, restoration"), ("rewrite", "rewrite"), ("reboot", "reboot"),
    ("stop", "stop, stopping"), ("start", "start"), ("upload", "upload"), ("encrypt", "encrypt"), ("install", "installation, install"),
    ("generate", "generation"), ("list", "listing"), ("reset", "reset"), ("mount", "mount"),
    ("disable", "disablement"), ("transfer", "transfer"), ("rotat", "rotation"),
    ("invite", "invitation"), ("enable", "enablement"), ("launch", "launch"), ("assum", "assumption"),
    ("approv", "approval"), ("void", "voiding"), ("regenerat", "regeneration, regenerate"), ("correct", "correction"),
    ("trigger", "trigger"), ("revok", "revocation"), ("lock", "lockout"), ("enrol", "enrollment"), ("connect", "connection"),
)  # fmt: skip
"""Acts without a class of their own: what their action's name holds."""

OUTCOMES: Final = _table(
    (
        Outcome.REFUSED,
        "failed, failure, denied, unsuccessful, rejected, refused, access denied, failing, blocked, denial",
    ),
    (Outcome.SUCCEEDED, "successful, succeeded"),
)

NEUTRAL: Final = frozenset(
    """the a an this that these those all any every each recent related relevant associated corresponding its their
    such own complete full both set list pattern patterns same of other another additional different overall total
    number count history subsequent similar event-level own previous prior past historical type types new shortly concurrent specific present certain
    active potential possible id ids""".split()  # noqa: SIM905
)
"""Words of a noun phrase that narrow nothing."""

DESCRIBING: Final = frozenset(
    """created deleted modified removed affected compromised stolen generated attacking targeted newly granted added
    executed downloaded exfiltrated accessed leaked exposed""".split()  # noqa: SIM905
)
"""Words before a noun that say what became of the thing in the alert."""

SIGNS_OF: Final = frozenset({"pattern", "sign", "indicator", "evidence", "anomaly", "indication", "instance", "trace"})
"""Nouns that only say how to read the acts after `of`."""

JUDGEMENTS: Final = frozenset(
    """suspicious unusual anomalous malicious concerning unauthorized unexpected abnormal bulk mass risky high-risk
    sensitive destructive atypical irregular security-related security-relevant
    security-sensitive dangerous administrative admin privileged high critical severity high-severity medium low severe high-volume high-privilege excessive elevated""".split()  # noqa: SIM905
)
"""Words that a reader judges by: the question asks for all acts, the answer shows which."""

JOINS: Final = frozenset({"and", "or", ",", "/", "&", "and/or", "as", "well", "plus", "nor"})

ROLES: Final = _table(
    (
        SubjectRole.ACTOR,
        """user, actor, principal, identity, caller, user arn, actor arn, principal arn, user account, admin, administrator,
        user email, actor email, user identity, username, user name, iam user, service principal, service account,
        requester, initiator, operator, individual, person, employee, caller identity, user id, actor id, principal id,
        user principal, user principal name, actor user, calling principal, user email address, service account principal,
        actor email address, acting user, admin user, caller arn, requester arn, principal email, admin email,
        initiating user, iam principal, identity arn, calling identity, creating user, actor username, user login""",
    ),
    (
        SubjectRole.ADDRESS,
        """ip, ip address, source ip, source ip address, client ip, client ip address, caller ip, caller ip address,
        originating ip, originating ip address, source address, actor ip, actor ip address, remote ip, user ip address,
        requesting ip, login ip, login ip address, source ips address, source""",
    ),
    (SubjectRole.SESSION, "session, access key, access key id, session id, session token, credential"),
    (
        SubjectRole.TARGET,
        """target, target user, target resource, affected user, affected account, affected resource, resource, object,
        bucket, s3 bucket, repository, repo, policy, secret, function, lambda function, instance, database, cluster,
        file, document, folder, application, target account, target user account, affected user account, key vault,
        storage account, table, group, security group, snapshot, channel, workflow, affected bucket,
        affected storage account, storage container, affected storage container, destination bucket, source bucket,
        target principal, vault, resource id, secret arn, bucket name, deleted user, removed user, artifact,
        targeted user, targeted account, targeted email address, targeted email, targeted username, affected service principal, envelope, vm, virtual machine, automation account,
        modified user, disk, container, gcs bucket, removed principal, removed account, removed member, deleted account,
        deleted principal, modified account, added user, added account, added principal, added member, invited user,
        locked user, locked account, disabled user, disabled account, suspended user, suspended account, targeted principal,
        affected principal, affected identity, affected user account""",
    ),
    (SubjectRole.RECIPIENT, "recipient, grantee, recipient account, recipient user"),
    (
        SubjectRole.DERIVED,
        """new key, new access key, new user, new account, new credential, created user, created key, created account,
        created access key, newly created user, newly created key, newly created access key, newly created account,
        new api key, new token, newly created role, newly created credential, newly created token, generated token,
        new user account, newly created user account, created token, created credential, newly created certificate, new certificate, newly created service account, new service account, new role, new service principal, newly created principal,
        newly created service principal, newly created api key""",
    ),
    (
        SubjectRole.HOST,
        "host, device, endpoint, machine, hostname, workstation, server, affected host, affected device",
    ),
    (
        SubjectRole.OTHERS,
        """other user, other account, other principal, other identity, other actor, other user account,
        other administrator, other admin, another user, different user, other employee""",
    ),
    (
        SubjectRole.ANYONE,
        """any user, anyone, all user, any principal, any identity, any actor, all principal, all account, any account""",
    ),
)
"""Nouns for whom or what an alert has."""

ALERT_NOUNS: Final = _table((ALERTS, "alert, security alert, detection alert, detection, security detection, finding"))

DONE: Final[dict[str, ActionClass]] = {
    word: value
    for value, words in (
        (ActionClass.CREATION, "created create creates deployed registered launched provisioned"),
        (ActionClass.DELETION, "deleted delete deletes removed destroyed purged"),
        (ActionClass.CHANGE, "modified changed updated altered modify edited managed"),
        (ActionClass.DATA_ACCESS, "downloaded exported exfiltrated"),
        (ActionClass.SHARING, "shared"),
        (ActionClass.EXECUTION, "executed ran"),
        (ActionClass.GRANT, "granted assigned"),
    )
    for word in words.split()
}
"""Verbs of acts that have a class."""
