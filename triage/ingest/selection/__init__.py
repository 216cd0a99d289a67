"""Which alerts are worth an investigation. Pure, and always with a reason."""

from collections.abc import Sequence

from triage.domain.alert import Alert
from triage.domain.selection import Decision, Skipped
from triage.ingest.selection.dedup import LinkCheck, check_link, dedup_key, link
from triage.ingest.selection.expression import REGEX_SECONDS, Match, match_all
from triage.ingest.selection.filters import filter_alert, still_wanted
from triage.settings import IngestSettings

__all__ = [
    "REGEX_SECONDS",
    "LinkCheck",
    "Match",
    "check_link",
    "decide",
    "dedup_key",
    "filter_alert",
    "link",
    "match_all",
    "still_wanted",
]


def decide(alert: Alert, settings: IngestSettings, leaders: Sequence[Alert], *, match: Match | None = None) -> Decision:
    """Decide on one alert, given the alerts of its detection that are investigated already."""
    decision = filter_alert(alert, settings, match=match)
    if isinstance(decision, Skipped):
        return decision
    return link(alert, leaders, settings) or decision
