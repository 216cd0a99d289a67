"""Which acts a question is about, as a condition on the columns `action` and `service` of the events that fit it."""

import re
from collections.abc import Sequence

from triage.domain.question import OWN, Question
from triage.questions.classes import ActionTest, class_tests, is_listed
from triage.questions.parts import Log, NotAskable, Parameters

_ESCAPE = "!"
_SIGNS = re.compile(r"[^a-z0-9]")


def act_filter(question: Question, log: Log, parameters: Parameters) -> str:
    """SQL that holds for the acts that the question's classes, actions and words allow; empty where all do.

    Raises:
        NotAskable: the log type's file doesn't say which of its actions are of a class, or what its actions are.
    """
    if not (question.classes or question.actions or question.words):
        return ""
    log.term("action")
    tests = []
    for each in question.classes:
        found = class_tests(log.log_type, each)
        if found:
            tests += [_test(test, parameters) for test in found]
    if question.classes and not tests and not question.actions:
        names = " or ".join(each.value for each in question.classes)
        raise NotAskable(f"it isn't known which actions of {log.log_type} are of the class {names}")
    globs = [glob for glob in question.actions if glob != OWN]
    if len(globs) < len(question.actions) and parameters.given("actions"):
        tests.append(f"action IN ({parameters.texts('actions')})")
    if globs:
        tests.append(glob_filter(globs, "action", parameters))
    if not tests and not question.words:
        raise NotAskable("the alert's events name no action")
    columns = ("action", "service") if "service" in log.terms else ("action",)
    words = word_filter(question.words, columns, parameters)
    return " AND ".join(f"({part})" for part in (" OR ".join(tests), words) if part)


def reads_words(question: Question, log: Log) -> bool:
    """Whether the filter looks at the words of the actions' names, in the column `words`."""
    return any(test.reads_words for each in question.classes for test in class_tests(log.log_type, each))


def proves_absence(question: Question, log: Log) -> bool:
    """Whether the acts that are asked for are known to occur in the log, so that none of them means something."""
    if question.words or any(action != OWN for action in question.actions):
        return False
    return all(is_listed(log.log_type, each) for each in question.classes)


def _test(test: ActionTest, parameters: Parameters) -> str:
    parts = [glob_filter(test.globs, "action", parameters)] if test.globs else []
    if test.pattern:
        parts.append(f"words RLIKE {parameters.constant('pattern', test.pattern)}")
    found = " OR ".join(parts)
    without = " OR ".join(_test(each, parameters) for each in test.without)
    return f"(({found}) AND NOT ({without}))" if without else f"({found})"


def glob_filter(globs: Sequence[str], column: str, parameters: Parameters) -> str:
    """SQL for whether a column matches one of the globs, whatever its letter case."""
    folded = [glob.casefold() for glob in globs]
    exact = tuple(glob for glob in folded if not any(sign in glob for sign in "*?["))
    parts = [f"LOWER({column}) IN ({parameters.constant('names', exact)})"] if exact else []
    parts += [
        f"LOWER({column}) LIKE {parameters.constant('like', _like(glob))} ESCAPE '{_ESCAPE}'"
        for glob in folded
        if glob not in exact
    ]
    return " OR ".join(parts)


def _like(glob: str) -> str:
    """A glob as a pattern of LIKE. A set of characters is any character, so that a little more may fit."""
    escaped = re.sub(rf"[%_{_ESCAPE}]", lambda sign: _ESCAPE + sign.group(), re.sub(r"\[[^\]]+\]", "?", glob))
    return escaped.replace("?", "_").replace("*", "%")


def word_filter(words: Sequence[str], columns: Sequence[str], parameters: Parameters) -> str:
    """SQL for whether one of the columns holds one of the words, whatever the letter case and signs.

    Raises:
        NotAskable: a word has no letters.
    """
    tests = []
    for word in words:
        plain = _SIGNS.sub("", word.casefold())
        if not plain:
            raise NotAskable(f"{word[:40]!r} has no letters of the alphabet by which actions are named")
        like = parameters.constant("word", f"%{plain}%")
        tests += [f"REGEXP_REPLACE(LOWER({column}), '[^a-z0-9]', '') LIKE {like}" for column in columns]
    return " OR ".join(tests)
