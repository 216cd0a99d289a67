"""Whoever looks at something neither gives rights nor makes, deletes or opens anything."""

import re
from collections.abc import Iterator

import pytest

from triage.domain.globs import any_glob
from triage.domain.question import ActionClass
from triage.logtypes import Harm, LogType, harmful_action, shipped_log_types
from triage.questions.classes import is_of_class

CHANGING_HARM = (Harm.PERSISTENCE, Harm.PRIVILEGE, Harm.EVASION, Harm.EXPOSURE, Harm.DESTRUCTION)
CHANGING = (
    ActionClass.ACCOUNT_CREATION, ActionClass.KEY_CREATION, ActionClass.FACTOR_CHANGE, ActionClass.GRANT,
    ActionClass.LOG_TAMPERING, ActionClass.SHARING, ActionClass.DELETION, ActionClass.CREATION,
)  # fmt: skip
CHANGES_ONLY = {
    "GitHub.Audit", "Gravitational.TeleportAudit", "Microsoft365.Audit.AzureActiveDirectory", "Notion.AuditLogs",
    "Okta.SystemLog", "OnePassword.AuditEvent", "Snyk.*", "Snyk.GroupAudit", "Snyk.OrgAudit", "Tailscale.Audit", "Zoom.Operation",
}  # fmt: skip
"""Logs in which a look at the settings that these globs name is no event, so that a family of them may be named whole."""
HAND_OUT = ("GetFederationToken", "GetSessionToken", "Get*Key", "Get*Token", "Get*Password*")
"""Their answer is a credential, whatever they are called."""


def globs_of(file: LogType) -> Iterator[str]:
    """What the file says of acts that change something."""
    for harm in CHANGING_HARM:
        yield from (glob for globs in file.harmful.get(harm, {}).values() for glob in globs)
    for each in CHANGING:
        yield from file.classes.get(each, ())


def reads_beside(glob: str) -> Iterator[str]:
    """The names of looks at what a glob is about, in the styles of the logs: the verb first, last, or part of a word."""
    _, space, rest = glob.partition(" ")
    if space and "/" in rest:
        yield from (f"{read} {rest}" for read in ("get", "list", "watch"))
    elif "/" in glob:
        yield f"{glob.rpartition('/')[0]}/read"
    elif "." in glob:
        yield from (
            f"{glob.rpartition('.')[0]}.{read}" for read in ("get", "list", "watch", "describe", "getIamPolicy")
        )
    else:
        thing = re.sub(r"^\*?(Create|Delete|Update|Put|Set|Attach|Add|Modify|Disable)(?=[A-Z])", "", glob)
        yield from (f"{read}{thing}" for read in ("Get", "List", "Describe") if thing != glob)


@pytest.mark.parametrize("file", shipped_log_types(), ids=lambda file: file.log_type)
def test_no_look_at_a_thing_is_a_change_of_it(file: LogType) -> None:
    """Listing bindings grants nothing, reading a contact switches nothing off."""
    named = {read.replace("*", "x") for glob in globs_of(file) for read in reads_beside(glob)}
    reads = {read for read in named if not any_glob(read, HAND_OUT)} if file.log_type not in CHANGES_ONLY else set()
    note = {read: harmful_action(file.log_type, read) for read in reads}

    assert {read for read, harm in note.items() if harm is not None and harm.harm in CHANGING_HARM} == set()
    assert {read for read in reads for each in CHANGING if is_of_class(file.log_type, read, each)} == set()
