"""Runbooks compiled by a language model: a second compiler behind the grammar's interface, used by the command line.

`wire` is what the model may answer and how that is read, `model_compiler` the conversation.
"""

from triage.stages.runbooks.model_compiler import ModelCompiler, ModelPlan, PassingJournal

__all__ = ["ModelCompiler", "ModelPlan", "PassingJournal"]
