"""What the words of one detection's runbook can refer to: its logs, their fields and their actions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from triage.domain.question import ActionClass
from triage.logtypes import class_globs
from triage.logtypes.load import log_type_files
from triage.questions.grammar.actions import Actions, actions_of
from triage.questions.grammar.fields import Fields, fields_of
from triage.questions.grammar.lexicon import stem
from triage.questions.grammar.logs import Logs, logs_of
from triage.questions.grammar.tokens import tokenise

_MAX_TOKENS = 6
_DETECTIONS = ("detection", "detections", "alert", "alerts", "alertv2", "findings", "issues")


@dataclass(frozen=True, slots=True)
class Book:
    """The names that a detection's log types know."""

    logs: Logs
    fields: Fields
    actions: Actions
    own_detections: bool = False
    """The detection's own log holds the detections of a product."""
    called: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What people call things: the words by which all of these logs know them."""
    own_sign_ins: bool = True
    """Sign-ins are known to occur in one of the detection's own logs."""


def book_of(log_types: Sequence[str], text: str = "") -> Book:
    """The names for a detection of these log types; of those that its runbook names, where it has none."""
    logs = logs_of(log_types)
    known = tuple(log_types) or tuple(dict.fromkeys(_named(logs, text)))
    files = [file for log_type in log_types for file in log_type_files(log_type)]
    return Book(
        logs,
        fields_of(known),
        actions_of(known),
        own_detections=any("*" in file.detections for file in files)
        or any(log_type.casefold().endswith(_DETECTIONS) for log_type in log_types),
        called=_called(known),
        own_sign_ins=any(_has_sign_ins(log_type) for log_type in log_types),
    )


def _called(log_types: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What the files of all these logs say alike, since one question is put to all of them."""
    each = [
        {" ".join(map(stem, key.split())): words for file in log_type_files(name) for key, words in file.called.items()}
        for name in log_types
    ]
    if not each:
        return {}
    return {key: words for key, words in each[0].items() if all(other.get(key) == words for other in each)}


def _has_sign_ins(log_type: str) -> bool:
    """Whether sign-ins are in a log: its file lists them, tells a sign-in's country or second factor, or says too little."""
    files = log_type_files(log_type)
    terms = {name for file in files for name in file.terms}
    return bool(class_globs(log_type, ActionClass.SIGN_IN)) or not terms or bool(terms & {"country", "second_factor"})


def _named(logs: Logs, text: str) -> list[str]:
    words = [token.low for token in tokenise(text[:20_000])]
    return [name for at in range(len(words)) for name in logs.find(words[at : at + _MAX_TOKENS])[0]]
