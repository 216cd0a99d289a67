"""Terms of log types on published events: each names who did what, and the lake reads the same as the event says."""

from pathlib import Path

import pytest

from tests.bench.terms import differences, write_published
from tests.support.logtypes import published_events, terms_in

PUBLISHED = {
    # published events, and those of them that name an actor
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
}


@pytest.mark.parametrize("log_type", PUBLISHED)
def test_published_events_name_who_did_what(log_type: str) -> None:
    """Every event has an action, and an actor where the event itself names one."""
    events, named = PUBLISHED[log_type]
    found = [terms_in(event) for event in published_events(log_type)]
    assert len(found) >= events
    assert all("action" in each for each in found)
    assert sum("actor" in each for each in found) >= named


def test_the_lake_reads_published_events_as_their_terms_do(tmp_path: Path) -> None:
    """The SQL of every term gives for a stored row what is taken from the event itself."""
    assert sum(len(published_events(log_type)) for log_type in PUBLISHED) > 0
    written = write_published(tmp_path, PUBLISHED.keys())
    assert set(written) == PUBLISHED.keys()
    assert list(differences(tmp_path, written)) == []
