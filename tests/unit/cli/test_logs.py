"""Lines on stderr: for people and as JSON, and how often lasting trouble is repeated."""

import itertools
import json
import logging
import sys

import pytest

from triage.cli.logs import LONGEST_REPEAT, HumanLines, JsonLines, Throttle


def record(said: str, /, *, level: int = logging.WARNING, at: float = 0.0, **extra: object) -> logging.LogRecord:
    made = logging.getLogger("triage.service").makeRecord(
        "triage.service", level, "file", 1, said, (), None, extra=extra or None
    )
    made.created = 1_000_000_000 + at
    return made


def shown(throttle: Throttle, *records: logging.LogRecord) -> list[float]:
    """When lines were let through, in seconds."""
    return [each.created - 1_000_000_000 for each in records if throttle.filter(each)]


def test_lasting_trouble_is_logged_at_once_and_then_ever_less_often() -> None:
    """A failure every ten seconds for a day: a minute later, two, four, …, and then every hour."""
    failures = [record("poll failed", at=at, error="no route to host (try 3)") for at in range(0, 86_400, 10)]

    times = shown(Throttle(), *failures)

    assert times[:5] == [0, 60, 180, 420, 900]
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_REPEAT
    assert failures[6].__dict__["more"] == 5


def test_other_trouble_is_logged_at_once() -> None:
    """What differs is another trouble; the same error under two events is one, and so are two numbers in it."""
    throttle = Throttle()
    assert shown(throttle, record("poll failed", error="refused"), record("poll failed", at=1, error="timeout")) == [
        0,
        1,
    ]
    assert shown(throttle, record("no claim", at=2, error="timeout (7 s)")) == []
    assert shown(throttle, record("lease 7 lost"), record("lease 8 lost")) == [0]
    assert shown(throttle, record("done", level=logging.INFO), record("done", level=logging.INFO)) == [0, 0]


def test_trouble_that_comes_back_is_logged_at_once() -> None:
    """After a line that says it is over, and after a long silence."""
    throttle = Throttle()
    lines = [
        record("poll failed", error="refused"),
        record("polling works again", at=5, ends="poll failed"),
        record("poll failed", at=10, error="refused"),
        record("poll failed", at=20, error="refused"),
        record("poll failed", at=1_000, error="refused"),
    ]
    assert shown(throttle, *lines) == [0, 5, 10, 1_000]


def test_hostile_errors_do_not_fill_the_memory() -> None:
    """Each alert's error may have other words."""
    throttle = Throttle()
    assert len(shown(throttle, *(record("failed", error="x" * n) for n in range(5_000)))) == 5_000
    assert len(throttle._known) <= 200


def test_a_json_line_has_time_level_event_and_alert() -> None:
    """In this order, then the rest; one line whatever the text, and no secret."""
    key = "AKIA" + "ABCDEFGHIJKLMNOP"
    text = f'a\nb "c" \x1b[31m\ud800 aws_secret_access_key={"s" * 40} {key}'
    line = JsonLines().format(record("poll failed", error=text, alert_id="a1", failures=2))
    read = json.loads(line)
    assert list(read) == ["time", "level", "event", "alert_id", "error", "failures", "logger"]
    assert read["time"] == "2001-09-09T01:46:40+00:00"
    assert (read["level"], read["event"], read["alert_id"]) == ("warning", "poll failed", "a1")
    assert "\n" not in line
    assert "s" * 40 not in line


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (
            record("poll failed", error="no route", failures=2),
            "2001-09-09 01:46:40Z warning: poll failed: no route (failures 2)",
        ),
        (record("enriched", level=logging.INFO, alert_id="a1"), "2001-09-09 01:46:40Z a1: enriched"),
        (
            record("a1  HIGH  door\n\x1b[2J opened", level=logging.INFO, event="alert ended", alert_id="a1"),
            "2001-09-09 01:46:40Z a1 HIGH door \\x1b[2J opened",
        ),
    ],
)
def test_a_line_for_people(made: logging.LogRecord, expected: str) -> None:
    """Time, then what happened and why; control characters are made visible."""
    assert HumanLines().format(made) == expected


def test_a_line_says_how_many_were_left_out() -> None:
    """In both formats."""
    lines = [record("poll failed", at=at, error="refused") for at in (0, 10, 20, 60)]
    throttle = Throttle()
    assert shown(throttle, *lines) == [0, 60]
    assert HumanLines().format(lines[-1]).endswith("poll failed: refused [2 more like it since]")
    assert json.loads(JsonLines().format(lines[-1]))["more"] == 2


def test_a_secret_where_a_line_is_cut_is_not_shown() -> None:
    """It is replaced before the line is cut."""
    secret = "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
    line = HumanLines().format(record("poll failed", error=f"{'x' * 530} {secret}"))
    assert "ghp_A1b2" not in line


def test_an_unexpected_error_says_where() -> None:
    """Type and place, on the one line."""
    made = record("alert failed", level=logging.ERROR)
    try:
        int("seven")
    except ValueError:
        made.exc_info = sys.exc_info()
    line = HumanLines().format(made)
    assert "\n" not in line
    assert "ValueError" in line
    assert "test_logs.py" in line
