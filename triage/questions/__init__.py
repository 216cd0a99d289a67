"""The one language of what is asked of the lake: from a `Question` to a guarded query, and to plain words.

`compiler` writes the SQL from the terms of a log type (`subjects`: about whom, `filters` and `classes`: which acts),
`binding` fills it with what an alert gives, `logs` says which logs a question names, and `words` says it to a reader.
"""

from triage.questions.binding import BoundQuestion, bind_question, window_of
from triage.questions.classes import class_tests, is_of_class
from triage.questions.compiler import CompiledQuestion, compile_question
from triage.questions.logs import logs_of, own_logs
from triage.questions.parts import NotAskable
from triage.questions.words import question_text, window_text

__all__ = [
    "BoundQuestion",
    "CompiledQuestion",
    "NotAskable",
    "bind_question",
    "class_tests",
    "compile_question",
    "is_of_class",
    "logs_of",
    "own_logs",
    "question_text",
    "window_of",
    "window_text",
]
