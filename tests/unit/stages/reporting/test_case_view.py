"""How a comment shows the case that its alert belongs to."""

from datetime import UTC, timedelta

from tests.support.clocks import START
from triage.domain.case import Case, CaseLink, CaseMember, case_of
from triage.domain.disposition import Disposition
from triage.stages.reporting.case_view import LINES, CaseLineView, case_view
from triage.stages.reporting.evidence_view import FOR_COMMENT

GRAVE, MILD = Disposition.MALICIOUS, Disposition.SUSPICIOUS


def member(name: str, minutes: int, verdict: Disposition | None = MILD, title: str = "") -> CaseMember:
    at = START + timedelta(minutes=minutes)
    return CaseMember(alert_id=name * 32, title=title or f"Alert {name}", detection="D", at=at, verdict=verdict)


def lines(case: Case | None, name: str) -> tuple[CaseLineView, ...]:
    return case_view(
        case, name * 32, clean=FOR_COMMENT, zone=UTC, link=lambda alert_id: f"https://console.example/{alert_id[:1]}"
    )


def test_the_other_members_with_their_links() -> None:
    """With time and verdict; a day is named where it is another."""
    link = CaseLink(one="a" * 32, other="b" * 32, why="both were done with the same session or key AKIAX")
    case = case_of([member("a", 0), member("b", 30, GRAVE), member("c", -24 * 60, None)], [link])

    assert lines(case, "a") == (
        CaseLineView(
            "The analysis is in: Alert b, 12:30, malicious (alert bbbbbbbb); both were done with the same session or key"
            " AKIAX",
            "https://console.example/b",
        ),
        CaseLineView("Also in this case: Alert c, 2031-05-05 12:00 (alert cccccccc)", "https://console.example/c"),
    )
    first, *others = lines(case, "b")
    assert first.text.startswith("This alert carries the analysis of 3 related alerts; both were done")
    assert first.link == ""
    assert len(others) == 2
    assert lines(None, "a") == lines(case, "x") == ()


def test_a_long_case_is_cut() -> None:
    """Four lines at most, with the gravest members; the last says how many are left."""
    mild = [member(name, number) for number, name in enumerate("abcdef")]
    case = case_of([*mild, member("g", 9, GRAVE), member("h", 10, GRAVE), member("i", 11, GRAVE)], [])

    shown = lines(case, "a")
    named = [line.link[-1:] for line in shown]

    assert len(shown) == LINES
    assert named == ["g", "h", "i", ""]
    assert shown[-1] == CaseLineView("and 5 more")
    assert len(lines(case_of([member(name, 0) for name in "abcd"], []), "a")) == LINES


def test_a_title_can_do_nothing() -> None:
    """A title quotes the log: no line break, no link and no mention survives."""
    case = case_of([member("a", 0, GRAVE), member("b", 1, title="x\n@here https://evil.example <b>")], [])

    text = lines(case, "a")[1].text

    assert "\n" not in text
    assert "https://" not in text
    assert "@here" not in text
