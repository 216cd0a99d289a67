"""When a message may be sent, what becomes of one that was not taken, and what it says."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.make import NOW, alert
from triage.domain.report import Report
from triage.domain.verdict import Analyst, Disposition, Investigation, Verdict
from triage.errors import RouteError
from triage.ports import Delivery, MessageState, RouteMessage
from triage.settings import RouteSettings
from triage.stages.routing import (
    RouteTiming,
    after_failure,
    build_message,
    hold,
    marked_test,
    refer,
    summarise,
)

TIMING = RouteTiming()


def route(**more: object) -> RouteSettings:
    return RouteSettings.model_validate({"name": "soc", "url_env": "X", **more})


def message(number: int = 1, verdict: Disposition = Disposition.MALICIOUS, **more: object) -> RouteMessage:
    plain = RouteMessage(
        key=f"soc:a{number}:r",
        route="soc",
        alert_id=f"a{number}",
        run_id="r",
        title=f"{verdict.value} {number}",
        body="text",
        verdict=verdict,
        link="",
        digest="d",
        gist="g",
        created_at=NOW + timedelta(minutes=number),
        attempts=1,
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def test_without_hours_and_cap_nothing_waits() -> None:
    """The defaults hold nothing back."""
    assert hold(route(), "UTC", [NOW] * 99, now=NOW) is None


def test_in_quiet_hours_a_message_waits_until_they_end() -> None:
    """That is no cap: each is sent on its own afterwards."""
    held = hold(route(quiet_hours="11:00-13:30"), "UTC", (), now=NOW)
    assert held is not None
    assert (held.until, held.capped) == (NOW + timedelta(minutes=90), False)


@given(
    st.integers(1, 5),
    st.lists(st.integers(1, 3_599), max_size=12).map(sorted),
)
def test_a_cap_lets_the_next_through_as_soon_as_it_fits(cap: int, ages: list[int]) -> None:
    """It holds where so many were sent within the hour, until one more fits, and never for longer than an hour."""
    sent = [NOW - timedelta(seconds=age) for age in reversed(ages)]
    held = hold(route(hourly_cap=cap), "UTC", sent, now=NOW)
    assert (held is None) is (len(sent) < cap)
    if held is None:
        return
    assert held.capped
    assert NOW < held.until <= NOW + timedelta(hours=1)
    left = [at for at in sent if at > held.until - timedelta(hours=1)]
    assert hold(route(hourly_cap=cap), "UTC", left, now=held.until) is None


@pytest.mark.parametrize("delivery", Delivery)
@pytest.mark.parametrize(
    ("error", "states"),
    [
        (RouteError("no"), (MessageState.FAILED,) * 3),
        (RouteError("later", retryable=True), (MessageState.WAITING,) * 3),
        (RouteError("?", outcome_unknown=True), (MessageState.WAITING, MessageState.WAITING, MessageState.FAILED)),
    ],
)
def test_what_becomes_of_a_message(delivery: Delivery, error: RouteError, states: tuple[MessageState, ...]) -> None:
    """A refusal is final. A lost answer is tried again, but not where nothing tells whether the first arrived."""
    after = after_failure(message(), error, delivery, TIMING, now=NOW)
    assert after.state is states[list(Delivery).index(delivery)]
    assert after.error


def test_what_can_be_looked_up_is_looked_for_when_a_search_may_know_it() -> None:
    """Not before `settle` has passed."""
    error = RouteError("?", outcome_unknown=True)
    after = after_failure(message(), error, Delivery.LOOKED_UP, TIMING, now=NOW)
    assert after.due_at == NOW + timedelta(seconds=TIMING.settle)


def test_tries_come_ever_later_and_end() -> None:
    """Each wait is four times the one before, up to an hour; a server's own wish is kept; the last try is the last."""
    error = RouteError("later", retryable=True)

    def wait(attempts: int) -> float:
        after = after_failure(message(attempts=attempts), error, Delivery.AT_MOST_ONCE, TIMING, now=NOW)
        assert after.due_at is not None
        return (after.due_at - NOW).total_seconds()

    assert [wait(number) for number in (1, 2, 3, 4, 5, 11)] == [30, 120, 480, 1_920, 3_600, 3_600]
    slow = RouteError("later", retryable=True, retry_after=500)
    after = after_failure(message(), slow, Delivery.AT_MOST_ONCE, TIMING, now=NOW)
    assert after.due_at == NOW + timedelta(seconds=500)
    last = after_failure(message(attempts=TIMING.tries), error, Delivery.AT_MOST_ONCE, TIMING, now=NOW)
    assert last.state is MessageState.FAILED


def built(body: str, *, run_id: str = "run-1", found: str = "Malicious (confidence high): it was mira") -> RouteMessage:
    text = f"{found}\n\n{body}\n\nRun {run_id} by the offline analyst\n\ntriage-marker: v1 a1 {run_id} 0123456789ab"
    investigation = Investigation(
        run_id=run_id,
        alert_id="a1",
        analyst=Analyst.OFFLINE,
        started_at=NOW,
        finished_at=NOW,
        verdict=Verdict(disposition=Disposition.MALICIOUS, confidence=0.9, summary="s"),
    )
    return build_message("soc", alert(), investigation, Report("", text, "", ""), link="https://p/a1", now=NOW)


def test_a_message_is_the_comment_without_its_marker() -> None:
    """The first line is its title; alert, detection and link come first."""
    said = built("What happened\n  * mira signed in")
    assert said.title == "Malicious (confidence high): it was mira"
    assert said.body.splitlines()[:3] == ["HIGH alert: Something happened", "Corp.Rule, alert a1", "https://p/a1"]
    assert "mira signed in" in said.body
    assert "triage-marker" not in said.body


def test_another_run_that_says_the_same_has_the_same_digest() -> None:
    """The number of the run is no news; a changed text is."""
    assert built("x").digest == built("x", run_id="run-2").digest
    assert built("x").digest != built("y").digest
    assert built("x").key != built("x", run_id="run-2").key


@pytest.mark.parametrize("call", ["@everyone", "@here", "@Channel", "<!channel>", "<@U123>", "<at>soc</at>", "< AT>x"])
def test_a_log_calls_nobody(call: str) -> None:
    """What a chat would take for a call to somebody is broken up."""
    assert call not in built(f"he wrote {call} there").body


def test_an_update_says_what_was_said_before() -> None:
    """With the time and the verdict of the message that it follows."""
    first = message(1, Disposition.SUSPICIOUS, sent_at=datetime.fromisoformat("2026-03-01T09:30:00+00:00"))
    said = refer(message(), first)
    assert said.title.startswith("Update: ")
    assert said.body.startswith("Update: the message of 2026-03-01 09:30 UTC about this alert said suspicious.\n")


@given(st.lists(st.sampled_from(Disposition), min_size=2, max_size=60))
def test_a_summary_counts_all_and_names_the_gravest_first(verdicts: list[Disposition]) -> None:
    """Every result is counted, at most twenty are listed, none of them less grave than one that is left out."""
    messages = [message(number, verdict) for number, verdict in enumerate(verdicts)]
    said = summarise(messages, now=NOW)
    assert said.title.startswith(f"{len(verdicts)} results: ")
    for verdict in set(verdicts):
        assert f"{verdicts.count(verdict)} {verdict.value}" in said.title
    assert said.verdict.gravity == max(verdict.gravity for verdict in verdicts)
    listed = [each for each in messages if f"(alert {each.alert_id})" in said.body]
    assert len(listed) == min(len(verdicts), 20)
    left = [each for each in messages if each not in listed]
    assert not left or min(each.verdict.gravity for each in listed) >= max(each.verdict.gravity for each in left)
    assert summarise(list(reversed(messages)), now=NOW).key == said.key


def test_a_test_is_marked_as_one() -> None:
    """In its title and in its text."""
    said = marked_test("soc", "abc", now=NOW)
    assert said.title.startswith("TEST")
    assert said.body.startswith("TEST")
