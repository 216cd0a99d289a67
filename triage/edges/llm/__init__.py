"""The language model: any OpenAI-compatible endpoint, over the openai library."""

from triage.edges.llm.capabilities import StoredCapabilities, probe
from triage.edges.llm.model import OpenAiModel, open_model

__all__ = ["OpenAiModel", "StoredCapabilities", "open_model", "probe"]
