"""Fixed words of a comment."""

from datetime import datetime

from triage.domain.clean import safe_sentence, safe_value
from triage.domain.verdict import Action, ActionKind, AnswerState, Investigation, Verdict

_STEPS: dict[ActionKind, tuple[str, str]] = {
    ActionKind.CONTACT_USER: (
        "Ask {} whether this was intended, over another channel than the account in question",
        "Ask the user whether this was intended, over another channel than the account in question",
    ),
    ActionKind.VERIFY_CHANGE: ("Check {} against approved changes", "Check whether the change was approved"),
    ActionKind.DISABLE_CREDENTIAL: ("Disable the credential {}", "Disable the credential that was used"),
    ActionKind.REVOKE_SESSIONS: ("Revoke the sessions of {}", "Revoke the open sessions"),
    ActionKind.RESET_PASSWORD: ("Reset the password of {}", "Reset the password"),
    ActionKind.ISOLATE_HOST: ("Isolate the host {}", "Isolate the host"),
    ActionKind.BLOCK_ADDRESS: ("Block the address {}", "Block the address"),
    ActionKind.REVERT_CHANGE: ("Revert the change to {}", "Revert the change"),
    ActionKind.REVIEW_ACCESS: ("Review what {} may do and has done", "Review the access that was used"),
    ActionKind.COLLECT_LOGS: ("Collect the logs that are missing on {}", "Collect the logs that are missing"),
    ActionKind.TUNE_DETECTION: (
        "Tune the detection, so that {} no longer raises it",
        "Tune the detection, so that this no longer raises it",
    ),
    ActionKind.ESCALATE: ("Escalate to incident response, with {} as the lead", "Escalate to incident response"),
    ActionKind.NONE: ("Nothing needs to be done about {}", "Nothing needs to be done"),
}
"""With and without an entity."""

STATES: dict[AnswerState, str] = {
    AnswerState.DONE: "done",
    AnswerState.NOT_IN_LAKE: "the data lake cannot answer it",
    AnswerState.FOR_A_PERSON: "left for a person",
    AnswerState.OPEN: "not done",
}


def headline(verdict: Verdict) -> str:
    """The first line of a comment: what, how sure, and what that number is worth."""
    return f"Verdict: {verdict.disposition.value} ({round(verdict.confidence * 100)} %, {safe_sentence(verdict.calibration, 60)})"


def step(action: Action) -> str:
    """A recommended step; a person takes it."""
    named, unnamed = _STEPS[action.kind]
    return named.format(safe_value(action.entity, 120)) if action.entity.strip() else unnamed


def moment(at: datetime) -> str:
    """A time to the second, in UTC; the reader is told the zone once."""
    return at.strftime("%Y-%m-%d %H:%M:%S")


def count(number: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def queries(number: int) -> str:
    return f"{number:,} {'query' if number == 1 else 'queries'}"


def cost(money: float, currency: str) -> str:
    """What model calls have cost; four digits, since one alert costs less than a cent."""
    return f"cost {money:.4f} {safe_value(currency, 8)}".rstrip()


def author(investigation: Investigation) -> str:
    """Who investigated, plainly."""
    if investigation.analyst == "llm":
        model = f"language model {safe_value(investigation.model, 60)}" if investigation.model else "a language model"
        return f"investigated by {model}, each finding checked by code"
    return "offline analyst: from measured signals and runbook evidence alone, without a language model"
