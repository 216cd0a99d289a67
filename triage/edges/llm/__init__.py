"""The language model: any OpenAI-compatible endpoint, over the openai library."""

from triage.edges.llm.model import OpenAiModel, open_model
from triage.edges.llm.probe import Capabilities, probe

__all__ = ["Capabilities", "OpenAiModel", "open_model", "probe"]
