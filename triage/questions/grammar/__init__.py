"""Runbooks in English, read by a grammar in code.

A step is split into clauses (`clauses`), a clause's verb says what is wanted (`verbs`), and its phrases (`phrases`) say
who, which acts, in which logs and when. What isn't wholly understood gives no question: one that is broader or narrower
than what was asked would be a wrong answer.
"""

from triage.questions.grammar.compiling import compile_runbook

__all__ = ["compile_runbook"]
