"""Which actions of a log type are of a class: what its file says, and what the names of actions say in general.

A word counts where it begins a part of the name and ends there.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from triage.domain.globs import any_glob
from triage.domain.question import ActionClass
from triage.logtypes import class_globs, log_type_files
from triage.logtypes.names import name_words

_DELETION = """
    delete deletes deleted deleting deletion remove removes removed removal purge purged destroy destroyed drop dropped
    erase erased wipe wiped terminate terminated uninstall uninstalled deregister deregistered unregister unregistered
    trash trashed
"""
_CREATION = """
    create creates created creating creation insert inserted generate generated provision provisioned register
    registered import imported upload uploaded launch launched
"""
_READ = """
    get gets list lists listed describe describes described read reads view views viewed search searches searched lookup
    fetch fetched head query queries queried select show scan preview previewed download downloaded watch check discover
    accessed opened count
"""
_MUTATION = """
    update updates updated set put modify modified modifies change changes changed edit edited edits add adds added
    attach attached detach detached enable enabled disable disabled grant granted revoke revoked rotate rotated reset
    patch write move moved rename renamed assign assigned transfer transferred restore restored
"""
_SESSION = """
    login logins logout logon logoff signin signout authenticate authenticated evaluate evaluated evaluation assume
"""


def _any_of(*lists: str) -> str:
    return f".* ({'|'.join(' '.join(lists).split())}) .*"


def _first_of(words: str) -> str:
    return f" ?({'|'.join(words.split())}) .*"


@dataclass(frozen=True, slots=True)
class ActionTest:
    """Says which actions fit: those of the globs or the pattern, unless they fit one of `without`."""

    globs: tuple[str, ...] = ()
    """Lower case."""
    pattern: str = ""
    """Regular expression for all of `name_words`; without lookaround, so that the lake has it too."""
    without: tuple["ActionTest", ...] = ()

    @property
    def reads_words(self) -> bool:
        """Whether a pattern is looked for, here or in `without`."""
        return bool(self.pattern) or any(test.reads_words for test in self.without)

    def fits(self, action: str) -> bool:
        """Whether an action fits."""
        found = any_glob(action, self.globs) or (
            bool(self.pattern) and re.fullmatch(self.pattern, name_words(action)) is not None
        )
        return found and not any(test.fits(action) for test in self.without)


_READS = (
    ActionTest(pattern=_first_of(_READ)),
    ActionTest(pattern=_any_of(_READ), without=(ActionTest(pattern=_any_of(_MUTATION, _CREATION, _DELETION)),)),
)
_DELETES = ActionTest(pattern=_any_of(_DELETION), without=_READS)
_CREATES = ActionTest(pattern=_any_of(_CREATION), without=_READS)
_SESSIONS = ActionTest(pattern=_any_of(_SESSION))


@lru_cache(maxsize=1024)
def class_tests(log_type: str, action_class: ActionClass) -> tuple[ActionTest, ...]:
    """The tests of which an action of the class fits at least one; empty where the log type has no such actions.

    What the file says comes first. An empty list in the file says that the names hold no words for the class.
    """
    listed = class_globs(log_type, action_class)
    own = (ActionTest(globs=listed),) if listed else ()
    if not own and any(action_class in file.classes for file in log_type_files(log_type)):
        return ()
    match action_class:
        case ActionClass.DELETION:
            return (*own, _DELETES)
        case ActionClass.CREATION:
            return (*own, _CREATES)
        case ActionClass.READ:
            return (*own, *_READS)
        case ActionClass.CHANGE:
            if own:
                return own
            reads = class_tests(log_type, ActionClass.READ)
            sign_ins = class_tests(log_type, ActionClass.SIGN_IN)
            return (ActionTest(pattern=".*[a-z0-9].*", without=(*reads, *sign_ins, _SESSIONS)),)
        case _:
            return own


def is_of_class(log_type: str, action: str, action_class: ActionClass) -> bool:
    """Whether an action, as the term `action` gives it, is of a class."""
    return any(test.fits(action) for test in class_tests(log_type, action_class))


def says_it_creates(action: str) -> bool:
    """Whether an action's own name says that something new is made; a class may hold names that mean a change as well."""
    return _CREATES.fits(action)


def is_listed(log_type: str, action_class: ActionClass) -> bool:
    """Whether the log type's file itself names actions of the class, so that they are known to occur in its log."""
    return bool(class_globs(log_type, action_class))
