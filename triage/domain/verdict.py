"""What an investigation concludes."""

from enum import StrEnum

from pydantic import Field

from triage.domain.alert import Moment
from triage.domain.base import EvidenceId, Value
from triage.domain.case import Case, LinkKey
from triage.domain.disposition import Disposition
from triage.domain.entity import Entity
from triage.domain.evidence import Evidence
from triage.domain.finding import CheckedFinding, Finding, Issue
from triage.domain.flag import RaisedFlag
from triage.domain.look import AlertSeen
from triage.domain.signal import Signal

__all__ = [
    "HIGH",
    "MEDIUM",
    "STEP_STATES",
    "UNCALIBRATED",
    "Action",
    "ActionKind",
    "Analyst",
    "AnswerState",
    "Disposition",
    "Draft",
    "Investigation",
    "Look",
    "RunbookAnswer",
    "Usage",
    "Verdict",
    "confidence_word",
]


class AnswerState(StrEnum):
    """What became of a runbook step. The values are what is stored; readers get `STEP_STATES`."""

    ANSWERED = "done"
    """Its own question has an answer."""
    NOT_IN_LAKE = "not_in_lake"
    """What it asks for is no log of this Panther."""
    FOR_A_PERSON = "for_a_person"
    NO_ANSWER = "open"
    """It was asked, or could have been, and nothing answers it."""


STEP_STATES = {
    AnswerState.ANSWERED: "answered",
    AnswerState.NOT_IN_LAKE: "not in the lake",
    AnswerState.FOR_A_PERSON: "for a person",
    AnswerState.NO_ANSWER: "asked, no answer",
}
"""In words."""


class RunbookAnswer(Value):
    step: int = Field(ge=1)
    text: str
    """The step as the runbook has it."""
    state: AnswerState
    answer: str = ""
    """The answer; or why there is none; or what would be needed."""
    evidence: tuple[EvidenceId, ...] = ()
    person: str = ""
    """What is left for a person, besides."""
    added: str = ""
    """What the analyst says of it, where code has answered."""


class ActionKind(StrEnum):
    """Recommended next steps come from this list only; a person takes them."""

    CONTACT_USER = "contact_user"
    VERIFY_CHANGE = "verify_change"
    DISABLE_CREDENTIAL = "disable_credential"
    REVOKE_SESSIONS = "revoke_sessions"
    ROTATE_SECRET = "rotate_secret"  # noqa: S105 - the name of an action
    RESET_PASSWORD = "reset_password"  # noqa: S105 - the name of an action
    ISOLATE_HOST = "isolate_host"
    BLOCK_ADDRESS = "block_address"
    REVERT_CHANGE = "revert_change"
    REVIEW_ACCESS = "review_access"
    COLLECT_LOGS = "collect_logs"
    TUNE_DETECTION = "tune_detection"
    ESCALATE = "escalate"
    NONE = "none"


class Action(Value):
    kind: ActionKind
    entity: str = ""
    """The concrete entity it concerns."""


class Draft(Value):
    """What an analyst, model or offline, proposes. None of it is believed yet."""

    verdict: Disposition
    confidence: float = Field(ge=0, le=1)
    summary: str
    findings: tuple[Finding, ...] = ()
    runbook: tuple[RunbookAnswer, ...] = ()
    techniques: tuple[str, ...] = ()
    """MITRE ATT&CK ids such as `T1098`."""
    actions: tuple[Action, ...] = ()


UNCALIBRATED = "uncalibrated"
HIGH, MEDIUM = 0.75, 0.55
"""From here on a confidence is called high, or medium."""


def confidence_word(confidence: float) -> str:
    """`high`, `medium` or `low`: all that a confidence says until it has been compared with outcomes."""
    return "high" if confidence >= HIGH else "medium" if confidence >= MEDIUM else "low"


class Verdict(Value):
    """The result of verification, adjudication and the floor rules."""

    disposition: Disposition
    confidence: float = Field(ge=0, le=1)
    summary: str
    as_written: bool = False
    """The summary is the draft's own; else code wrote it in its place."""
    reason: str = ""
    """Why this disposition, in words; names the rule that changed it, if one did."""
    findings: tuple[CheckedFinding, ...] = ()
    """All of them; only the verified ones are shown to an analyst."""
    runbook: tuple[RunbookAnswer, ...] = ()
    techniques: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    issues: tuple[Issue, ...] = ()
    proposed: Disposition | None = None
    """What the draft said, before the rules."""
    weighed: Disposition | None = None
    """What a second model call made of the proven findings; `None` if the rules decided alone."""
    stated: float | None = None
    """The confidence before calibration, if there was one."""
    uncalibrated: Disposition | None = None
    """The disposition before calibration, if that changed it."""
    flags: tuple[RaisedFlag, ...] = ()
    """What speaks against the alert and what answers it, open ones first; empty in what was stored before."""
    provisional_until: Moment | None = None
    """What could not have been seen yet will have been by then; `None`: nothing is outstanding."""
    calibration: str = UNCALIBRATED
    """How the confidence relates to what was right before, in one word."""

    @property
    def sureness(self) -> str:
        """How sure it is: in words until calibrated, then in per cent with what that was fitted on."""
        if self.calibration == UNCALIBRATED:
            return f"confidence {confidence_word(self.confidence)}"
        return f"{max(1, round(self.confidence * 100))} %, {self.calibration}"

    @property
    def verified(self) -> tuple[CheckedFinding, ...]:
        return tuple(checked for checked in self.findings if checked.verified)

    @property
    def dropped(self) -> int:
        """Findings that did not hold."""
        return len(self.findings) - len(self.verified)


class Analyst(StrEnum):
    LLM = "llm"
    OFFLINE = "offline"


class Usage(Value):
    """What an investigation has spent."""

    turns: int = 0
    tool_calls: int = 0
    queries: int = 0
    rows: int = 0
    bytes: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    cached_tokens: int = 0
    """Tokens of the prompt that the server read from its cache."""
    money: float = 0.0
    """In `llm.currency`, by `llm.prices`; 0 if the model has no price."""

    @property
    def tokens(self) -> int:
        """Read and written."""
        return self.prompt_tokens + self.completion_tokens

    def plus(self, other: "Usage") -> "Usage":
        return Usage.model_validate({name: getattr(self, name) + getattr(other, name) for name in Usage.model_fields})


class Look(Value):
    """Which look at its alert an investigation was, and when the next one is due."""

    number: int = 1
    """1 for the first, and for each that a person asked for."""
    seen: AlertSeen | None = None
    """What the alert was like when it began; `None` in what older versions stored."""
    changes: tuple[str, ...] = ()
    """What Panther had changed on the alert since the look before, in words."""
    before: Disposition | None = None
    """The verdict of the look before."""
    first_at: Moment | None = None
    """When the first look had its verdict; `None` in the first."""
    again_at: Moment | None = None
    """When the next look is due; `None` if there will be none unless the alert changes."""
    earlier_runs: tuple[str, ...] = ()
    """Runs of the looks before, oldest first."""


class Investigation(Value):
    """One alert's whole investigation: what `triage show` prints and what the comment is made from."""

    run_id: str
    alert_id: str
    analyst: Analyst
    model: str = ""
    prompt_digest: str = ""
    """SHA-256 over the templates the run used; the first 12 digits name them in the footer."""
    started_at: Moment
    finished_at: Moment
    verdict: Verdict
    evidence: tuple[Evidence, ...] = ()
    signals: tuple[Signal, ...] = ()
    entities: tuple[Entity, ...] = ()
    usage: Usage = Usage()
    notes: tuple[str, ...] = ()
    """What could not be asked or was cut, in words for the reader."""
    look: Look = Look()
    links: tuple[LinkKey, ...] = ()
    """What other alerts can be linked to it by; empty in what older versions stored."""
    case: Case | None = None
    """The related alerts when it was finished, this one among them; `None` if there were none."""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.usage.seconds or (self.finished_at - self.started_at).total_seconds()
