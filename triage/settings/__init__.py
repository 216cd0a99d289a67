"""The configuration: YAML and the environment in, one frozen value out."""

from triage.settings.loader import load_settings, parse_settings
from triage.settings.replies import RepliesSettings
from triage.settings.routes import JiraSettings, RouteSettings, RoutesSettings
from triage.settings.sections import (
    AllowedActivity,
    AnalystChoice,
    BacklogOrder,
    DedupKey,
    IngestSettings,
    InvestigationSettings,
    LlmFallback,
    LlmSettings,
    PantherSettings,
    Price,
    SectionName,
    Settings,
    StoreSettings,
    TelemetrySettings,
    WritebackSettings,
)
from triage.settings.values import GRAPHQL_PATHS, is_loopback, organisation_of, parse_duration, parse_endpoint
from triage.settings.web import WebSettings
from triage.settings.webhook import WebhookSettings

__all__ = [
    "GRAPHQL_PATHS",
    "AllowedActivity",
    "AnalystChoice",
    "BacklogOrder",
    "DedupKey",
    "IngestSettings",
    "InvestigationSettings",
    "JiraSettings",
    "LlmFallback",
    "LlmSettings",
    "PantherSettings",
    "Price",
    "RepliesSettings",
    "RouteSettings",
    "RoutesSettings",
    "SectionName",
    "Settings",
    "StoreSettings",
    "TelemetrySettings",
    "WebSettings",
    "WebhookSettings",
    "WritebackSettings",
    "is_loopback",
    "load_settings",
    "organisation_of",
    "parse_duration",
    "parse_endpoint",
    "parse_settings",
]
