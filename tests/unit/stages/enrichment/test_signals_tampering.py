"""Protections that an alert's own act switches off, or goes past once."""

from typing import Any

from tests.support.facts import MOMENT, answer, signals_of, subject
from triage.domain.argument import argue
from triage.domain.evidence import Evidence, Source
from triage.domain.signal import Signal


def found(action: str) -> dict[str, Signal]:
    row: dict[str, Any] = {"p_log_type": "GitHub.Audit", "action": action, "actor": "ada", "repo": "acme/site"}
    events: Evidence = answer("events", (), [row], log_type="GitHub.Audit", measured=False, source=Source.EVENTS)
    who = subject(log_type="GitHub.Audit", identity="ada", aliases=("ada",), actions=(action,), targets=("acme/site",))
    return signals_of(who, events)


def test_a_switch_that_stays_off_asks_whether_it_is_on_again() -> None:
    """Secret scanning that is disabled stays so until somebody enables it."""
    signals = found("repository_secret_scanning.disable")
    assert "protection_off" in signals
    assert "protection_passed" not in signals


def test_an_act_past_a_protection_is_asked_about_as_one() -> None:
    """An override leaves the branch rule as it is: the flag is as hard, but nothing can be on again."""
    for action in ("protected_branch.policy_override", "secret_scanning_push_protection.bypass"):
        signals = found(action)
        assert "protection_off" not in signals
        assert signals["protection_passed"].sentence == f"ada went past a protection once with {action} on acme/site."
        (flag,) = argue([signals["protection_passed"]], [answer("events", (), [{"at": str(MOMENT)}])]).flags
        assert flag.hard
        assert flag.asks == "What was done past the protection?"
