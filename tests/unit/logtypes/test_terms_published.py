"""Terms of log types on published events: each names who did what, and the lake reads the same as the event says."""

from pathlib import Path

import pytest

from tests.bench.terms import differences, write_published
from tests.support.logtypes import published_events, terms_in

PUBLISHED = {
    # published events, and those of them that say who did what; the others are cut short or name no one
    "Duo.Administrator": (28, 28),
    "Duo.Authentication": (14, 14),
    "Zscaler.ZIA.AdminAuditLog": (30, 30),
    "Databricks.Audit": (162, 155),
    "Anthropic.Activity": (38, 37),
    "OpenAI.Audit": (33, 33),
    "Notion.AuditLogs": (33, 33),
    "Panther.Audit": (13, 13),
    "Box.Event": (31, 30),
    "Dropbox.TeamEvent": (17, 17),
    "Tailscale.Audit": (5, 5),
    "MicrosoftIntune.AuditLogs": (4, 4),
    "SentinelOne.Activity": (11, 11),
    "CarbonBlack.Audit": (13, 12),
    "Netskope.Audit": (10, 10),
    "PushSecurity.Activity": (10, 10),
    "PushSecurity.Controls": (2, 2),
    "PushSecurity.Entities": (14, 12),
    "Sublime.Audit": (6, 6),
    "Axonius.Activity": (9, 7),
    "Docusign.Connect": (16, 11),
    "GitHub.Webhook": (76, 21),
}


@pytest.mark.parametrize("log_type", PUBLISHED)
def test_published_events_name_who_did_what(log_type: str) -> None:
    """Each that names anyone has an actor and an action."""
    events, named = PUBLISHED[log_type]
    found = [terms_in(event) for event in published_events(log_type)]
    assert len(found) >= events
    assert sum(each.keys() >= {"actor", "action"} for each in found) >= named


def test_the_lake_reads_published_events_as_their_terms_do(tmp_path: Path) -> None:
    """The SQL of every term gives for a stored row what is taken from the event itself."""
    assert sum(len(published_events(log_type)) for log_type in PUBLISHED) > 0
    written = write_published(tmp_path, PUBLISHED.keys())
    assert set(written) == PUBLISHED.keys()
    assert list(differences(tmp_path, written)) == []
