"""Fixed words of a comment and a page."""

from datetime import datetime

from triage.domain.clean import ELLIPSIS, safe_sentence, safe_value
from triage.domain.step import besides
from triage.domain.verdict import Action, ActionKind, AnswerState, Investigation, RunbookAnswer, Verdict

_STEPS: dict[ActionKind, tuple[str, str]] = {
    ActionKind.CONTACT_USER: (
        "Ask {} whether this was intended, through a channel other than the affected account",
        "Ask the user whether this was intended, through a channel other than the affected account",
    ),
    ActionKind.VERIFY_CHANGE: ("Check {} against approved changes", "Check whether the change was approved"),
    ActionKind.DISABLE_CREDENTIAL: ("Disable the credential {}", "Disable the credential that was used"),
    ActionKind.REVOKE_SESSIONS: ("Revoke the sessions of {}", "Revoke the open sessions"),
    ActionKind.ROTATE_SECRET: ("Replace the secret {}, which was read", "Replace the secrets that were read"),
    ActionKind.RESET_PASSWORD: ("Reset the password of {}", "Reset the password"),
    ActionKind.ISOLATE_HOST: ("Isolate the host {}", "Isolate the host"),
    ActionKind.BLOCK_ADDRESS: ("Block the address {}", "Block the address"),
    ActionKind.REVERT_CHANGE: ("Revert the change to {}", "Revert the change"),
    ActionKind.REVIEW_ACCESS: ("Review the permissions and activity of {}", "Review the access that was used"),
    ActionKind.COLLECT_LOGS: ("Collect the missing logs of {}", "Collect the missing logs"),
    ActionKind.TUNE_DETECTION: (
        "Tune the detection so that {} no longer triggers it",
        "Tune the detection so that this no longer triggers it",
    ),
    ActionKind.ESCALATE: ("Escalate to incident response, starting with {}", "Escalate to incident response"),
    ActionKind.NONE: ("No action is needed on {}", "No action is needed"),
}
"""With and without an entity."""


def headline(verdict: Verdict, claim: str = "") -> str:
    """The first line of a comment: the verdict, how sure it is, and what the alert is said to be."""
    said = f"{verdict.disposition.value.capitalize()} ({safe_sentence(verdict.sureness, 80)})"
    return f"{said}: {claim}" if claim else said


_ORDINALS = {2: "Second", 3: "Third"}


def look_lines(investigation: Investigation) -> tuple[str, ...]:
    """What another look has changed, and until when the verdict is provisional; empty for most."""
    verdict, look = investigation.verdict, investigation.look
    at = investigation.finished_at
    lines = []
    if look.before is not None:
        name = verdict.disposition.value
        result = f"still {name}" if look.before is verdict.disposition else f"{name}, was {look.before.value}"
        if not look.changes and look.before is verdict.disposition and verdict.provisional_until is None:
            result += ", and no longer provisional"
        changes = "".join(f"; {safe_sentence(change, 120)}" for change in look.changes)
        lines.append(f"{_ORDINALS.get(look.number, 'Another')} look at {_minute(at, at)}: {result}{changes}.")
    if verdict.provisional_until is not None:
        until = _minute(verdict.provisional_until, at)
        line = f"Provisional until {until}: what followed the event could not have been seen yet."
        if look.again_at is not None:
            again = _minute(look.again_at, at)
            line += f" The alert will be looked at again {'then' if again == until else f'at {again}'}."
        lines.append(line)
    return tuple(lines)


def _minute(moment: datetime, now: datetime) -> str:
    """A time to the minute; with its date if that is not today."""
    return moment.strftime("%H:%M UTC" if moment.date() == now.date() else "%Y-%m-%d %H:%M UTC")


def step(action: Action) -> str:
    """A recommended step; a person takes it."""
    named, unnamed = _STEPS[action.kind]
    return named.format(safe_value(action.entity, 120)) if action.entity.strip() else unnamed


def answer_text(answer: RunbookAnswer) -> str:
    """What a runbook's step found, what the analyst adds to it, and what is left for a person."""
    person = besides(answer.text, answer.person)
    if person and answer.state is not AnswerState.FOR_A_PERSON:
        person = f"For a person: {person}"
    added = answer.added.strip()
    parts = [part for part in (answer.answer.strip(), added and f"The analyst adds: {added}", person) if part]
    ended = [part if part.endswith((".", "!", "?")) else f"{part}." for part in parts[:-1]]
    return " ".join([*ended, *parts[-1:]])


def moment(at: datetime) -> str:
    """A time to the second, in UTC; the footer names the zone once."""
    return at.strftime("%Y-%m-%d %H:%M:%S")


def count(number: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def author(investigation: Investigation) -> str:
    """Who investigated."""
    if investigation.analyst == "llm":
        model = f"language model {safe_value(investigation.model, 60)}" if investigation.model else "a language model"
        return f"investigated by {model}, each finding checked by code"
    return (
        "investigated by the offline analyst from measured signals and the runbook's answers, without a language model"
    )


def short_footer(investigation: Investigation, zone: str) -> tuple[str, ...]:
    """Who investigated, in which run, and in which zone times are."""
    by = safe_value(investigation.model, 60) or "a language model"
    who = f"{by}, checked by code" if investigation.analyst == "llm" else "the offline analyst"
    return (f"Run {safe_value(investigation.run_id, 48)} by {who}", f"times are {safe_value(zone, 40)}")


def footer(investigation: Investigation, currency: str) -> tuple[str, ...]:
    """Run, author, prompts, and what it took."""
    usage = investigation.usage
    spent = [f"{usage.queries:,} {'query' if usage.queries == 1 else 'queries'}", count(usage.rows, "row")]
    if usage.tokens:
        # Four digits, since one alert costs less than a cent.
        cost = f"cost {usage.money:.4f} {safe_value(currency, 8)}".rstrip()
        spent += [count(usage.tokens, "token"), cost if usage.money else "no price in llm.prices"]
    parts = [
        f"Run {safe_value(investigation.run_id, 48)}",
        author(investigation),
        f"prompts {safe_value(investigation.prompt_digest[:12], 12)}" if investigation.prompt_digest else "",
        f"{investigation.seconds:.1f} s, {', '.join(spent)}",
        "times are UTC",
    ]
    return tuple(part for part in parts if part)


def shorten_middle(text: str, limit: int) -> str:
    """Cut in the middle: names differ at their ends."""
    if len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return text[:head] + ELLIPSIS + text[len(text) - (limit - 1 - head) :]
