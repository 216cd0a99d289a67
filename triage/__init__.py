"""Alert triage for the Panther SIEM: a model proposes, code verifies."""

__version__ = "0.1.0"
