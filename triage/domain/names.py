"""How a log's name for whoever acted is said in a sentence."""

import re

_USER = re.compile(r"arn:[\w-]+:iam::\d*:user/(?:.*/)?([^/]+)")
_ROLE = re.compile(r"arn:[\w-]+:iam::\d*:role/(?:.*/)?([^/]+)")
_SESSION = re.compile(r"arn:[\w-]+:sts::\d*:assumed-role/([^/]+)/(.+)")
_ROOT = re.compile(r"arn:[\w-]+:iam::(\d+):root")
_SERVICE_ACCOUNT = re.compile(r"system:serviceaccount:([^:]+):([^:]+)")
_NODE = re.compile(r"system:node:(.+)")
_PERSON = re.compile(r"[^@\s]+@[^@\s]+|[A-Za-z][\w-]*\.[A-Za-z][\w.-]*")

_PATH_PARTS = 3
"""Parts from which a path is a cloud's rather than a file's of the top folders."""


def short_name(name: str) -> str:
    """The name that people would use: `jarek.lovell` for the ARN of that user, `the role deployer` for a role's.

    An e-mail stays whole, since its domain may be what matters. A bare number is called a user id. Gives an empty text
    for an empty one. The result is as little cleaned as what is given.
    """
    if found := _USER.fullmatch(name):
        return found[1]
    if found := _ROLE.fullmatch(name):
        return f"the role {found[1]}"
    if found := _SESSION.fullmatch(name):
        return found[2] if _PERSON.fullmatch(found[2]) else f"the role {found[1]} (session {found[2]})"
    if found := _ROOT.fullmatch(name):
        return f"the root user of {found[1]}"
    if found := _SERVICE_ACCOUNT.fullmatch(name):
        return f"the service account {found[1]}/{found[2]}"
    if found := _NODE.fullmatch(name):
        return f"the node {found[1]}"
    return f"user {name}" if name.isdecimal() else name


def sentence_start(text: str) -> str:
    """A sentence that begins with such a name; names keep their own case."""
    return f"The {text[4:]}" if text.startswith("the ") else text


def object_name(value: str) -> str:
    """What an act was done to, as people name it: the last part of a path or ARN, whole where it has none.

    `arn:aws:iam::aws:policy/AdministratorAccess` is `AdministratorAccess`; of a resource path in a cloud's notation the
    last name is kept.
    """
    if value.startswith("arn:"):
        rest = value.split(":", 5)[-1]
        return rest.rpartition("/")[2] or rest if "/" in rest else rest.partition(":")[2] or rest
    if value.startswith("/") and value.count("/") >= _PATH_PARTS:
        return value.rstrip("/").rpartition("/")[2]
    return value
