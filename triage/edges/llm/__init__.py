"""The language model: any OpenAI-compatible endpoint, over the openai library."""

from triage.edges.llm.known import KnownAbilities
from triage.edges.llm.model import OpenAiModel, open_model
from triage.edges.llm.probe import probe
from triage.ports import Capabilities

__all__ = ["Capabilities", "KnownAbilities", "OpenAiModel", "open_model", "probe"]
