"""Alert triage for the Panther SIEM: a model proposes, code verifies."""

__version__ = "0.2.0"
