"""What a comment says of a second look and of a verdict that is provisional."""

from datetime import timedelta

import pytest

from tests.support.investigations import benign
from triage.domain.alert import Severity
from triage.domain.verdict import Disposition, Look
from triage.edges.prompts import load_prompts
from triage.settings import WritebackSettings
from triage.stages.reporting.comment import build_report
from triage.stages.reporting.wording import look_lines

ALERT, FOUND = benign()
AT = FOUND.finished_at.replace(hour=14, minute=5)
UNTIL = AT + timedelta(hours=4)
NEXT_DAY = AT + timedelta(hours=12)
OPEN = "what followed the event could not have been seen yet."


@pytest.mark.parametrize(
    ("look", "until", "lines"),
    [
        (Look(), None, []),
        (
            Look(again_at=UNTIL),
            UNTIL,
            [f"Provisional until 18:05 UTC: {OPEN} The alert will be looked at again then."],
        ),
        (Look(), UNTIL, [f"Provisional until 18:05 UTC: {OPEN}"]),
        (
            Look(again_at=UNTIL),
            NEXT_DAY,
            [
                f"Provisional until {NEXT_DAY:%Y-%m-%d} 02:05 UTC: {OPEN} "
                "The alert will be looked at again at 18:05 UTC."
            ],
        ),
        (
            Look(number=2, before=Disposition.INCONCLUSIVE, changes=("3 events were added",)),
            None,
            ["Second look at 14:05 UTC: benign, was inconclusive; 3 events were added."],
        ),
        (
            Look(number=3, before=Disposition.BENIGN),
            None,
            ["Third look at 14:05 UTC: still benign, and no longer provisional."],
        ),
        (
            Look(number=2, before=Disposition.BENIGN),
            UNTIL,
            ["Second look at 14:05 UTC: still benign.", f"Provisional until 18:05 UTC: {OPEN}"],
        ),
    ],
)
def test_each_line_says_what_and_when(look: Look, until: object, lines: list[str]) -> None:
    """One sentence on what changed, one on what is open; in both forms of the comment, the short ones too."""
    verdict = FOUND.verdict.model_copy(update={"provisional_until": until})
    found = FOUND.model_copy(update={"finished_at": AT, "look": look, "verdict": verdict})

    assert list(look_lines(found)) == lines

    report = build_report(ALERT, found, prompts=load_prompts(), settings=WritebackSettings())
    for body in (report.html, report.text, report.brief_html, report.brief_text):
        assert all(line in body for line in lines)


def test_a_severity_that_no_one_knows_is_cleaned() -> None:
    """Panther may add to its severities; the word is shown as text."""
    changes = ("its severity is " + Severity("<b>http://evil.example</b>").value + ", was LOW",)
    look = Look(number=2, before=Disposition.BENIGN, changes=changes)

    (line,) = look_lines(FOUND.model_copy(update={"look": look}))

    assert "http://" not in line
