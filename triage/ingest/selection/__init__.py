"""Which alerts are worth an investigation, always with a reason. Pure.

`filters` looks at one alert alone, `expression` bounds the detection-ID expression, `dedup` finds the group of an alert.
"""

from triage.ingest.selection.dedup import LinkCheck, check_link, link
from triage.ingest.selection.expression import Match, match_all
from triage.ingest.selection.filters import filter_alert, still_wanted

__all__ = ["LinkCheck", "Match", "check_link", "filter_alert", "link", "match_all", "still_wanted"]
