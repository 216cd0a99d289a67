"""Red flags: what speaks against an alert, and which kinds of measured fact may answer it.

This is the one table by which an alert is closed or raised, with a model or without. Facts are the signals that
enrichment measured; a name in `answered_by` is a kind of fact. A weight in `raised_by` is the least strength of the
fact from which the flag is raised: rules make a fact lighter where something else explains part of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from triage.domain.base import EvidenceId, Value


class Hypothesis(StrEnum):
    """What an alert may be about."""

    TAKEOVER = "an account or key was taken over"
    MISUSE = "somebody with access does harm"
    MISTAKE = "something was opened or changed that should not be"


class Preparation(StrEnum):
    """What somebody else may have done so that an alert's act is the next step, and no harm."""

    WOUND_DOWN = "stopped or switched off what was then destroyed, half a day before the alert or earlier"
    LET_IN = "set a password for the account, or made it, within the day"


@dataclass(frozen=True, slots=True)
class Flag:
    """One row of the table."""

    asks: str
    """What has to be answered, as a question."""
    supports: Hypothesis
    raised_by: Mapping[str, float]
    """Kinds of fact, each with its least strength."""
    answered_by: frozenset[str]
    reason: str
    least_answer: Mapping[str, float] = field(default_factory=dict)
    """Of those, the ones that answer it only from this strength on: below, it isn't known what they are about."""
    hard: bool = False
    """Nothing but the named facts answers it, and an alert with it unanswered is never closed."""
    decides_from: float = float("inf")
    """Unanswered it is enough for `malicious` by itself, where a fact of this strength raised it."""
    family: str = ""
    """Flags of one family are one observation; empty: the flag's own name."""
    old_rows_answer: bool = False
    """A finding answers it that rests on our own counts over a time before the dwell time: the like was done, or the
    party or place was known, when nobody under suspicion can have been here."""
    prepared: Preparation | None = None
    """A finding answers it that cites what somebody else did to prepare it."""
    old_row_names: frozenset[str] = frozenset()
    """Columns of our own counts: a finding answers it that cites rows which say how much of them is older than the dwell
    time, and which name in one of these columns what the flag is about."""

    @property
    def old(self) -> bool:
        """Whether what was counted before the dwell time may answer it."""
        return self.old_rows_answer or bool(self.old_row_names)


FULL_ANSWER = 1.0
"""What the rule waited for counts where the actor did it, in time and on the same thing."""
OWN_PLACE = 1.5
"""A habit from an unfamiliar place, or off its hours, is half of one: a thief does the owner's work."""
IN_FULL = 1.5
"""What colleagues do in turn counts where no rule has made it lighter."""
_VERIFIED = frozenset({"verified_sign_in", "staff_address", "allowed"})
_DONE_HERE = frozenset({"routine", "team_routine", "run_as_before", "allowed"})

FLAGS: Mapping[str, Flag] = {
    "unverified_place": Flag(
        "Who worked from the unfamiliar place?",
        Hypothesis.TAKEOVER,
        {"new_address_without_sign_in": 1.0, "session_two_places": 1.0, "new_address": 1.5, "elsewhere_after": 1.5},
        _VERIFIED | {"known_device"},
        "A second factor given there, a sign-in there on a device that has long been theirs, or a colleague's own sign-in "
        "there, shows who it is; habit shows nothing, since a thief does the owner's work. So does the place itself where it "
        "was used before an intruder can have been here.",
        hard=True,
        old_row_names=frozenset({"address"}),
        family="place",
    ),
    "unusual_place": Flag(
        "Why did the actor work from a new place?",
        Hypothesis.TAKEOVER,
        {"new_address": 0.7, "new_country": 0.7, "generic_new_address": 0.5, "new_device": 0.5},
        _VERIFIED | {"known_device"},
        "People travel and networks change; on its own it decides nothing.",
        family="place",
    ),
    "hostile_place": Flag(
        "Who came through an address that hides or attacks?",
        Hypothesis.TAKEOVER,
        {"tor_exit": 0.9, "hostile_address": 0.9},
        frozenset({"allowed"}),
        "A second factor given through such an address may have been relayed by it; the operator knows of people who use Tor.",
        hard=True,
        family="place",
    ),
    "listed_place": Flag(
        "Is the address in the hands of those whom the list means?",
        Hypothesis.TAKEOVER,
        {"listed_address": 0.4},
        _VERIFIED | _DONE_HERE,
        "Lists are late and partly wrong; who shows a second factor there, or does what is a duty, is not whom it means.",
        family="place",
    ),
    "departed": Flag(
        "Who works under the name of somebody who has left?",
        Hypothesis.TAKEOVER,
        {"departed": 1.0},
        frozenset({"allowed"}),
        "An account outlives its owner's employment by mistake, and whoever uses it then has no right to.",
        hard=True,
    ),
    "two_holders": Flag(
        "Who was at work at the usual place meanwhile?",
        Hypothesis.TAKEOVER,
        {"two_places": 0.7, "elsewhere_after": 0.7},
        _VERIFIED | {"known_device"},
        "One person is in one place, but a phone and a VPN are two.",
    ),
    "guessed": Flag(
        "Who was let in after the refusals?",
        Hypothesis.TAKEOVER,
        {"failed_then_succeeded": 1.0},
        frozenset({"allowed"}),
        "A second factor that was given only after it had been denied confirms nobody. Whom a colleague has given a new "
        "password in between did not guess it.",
        hard=True,
        prepared=Preparation.LET_IN,
    ),
    "odd_hour": Flag(
        "Why at this hour?",
        Hypothesis.TAKEOVER,
        {"off_hours": 0.7},
        _VERIFIED | _DONE_HERE,
        "Intruders keep their own hours; so do people on call.",
    ),
    "harm_followed": Flag(
        "What was the harmful act that followed for?",
        Hypothesis.MISUSE,
        {"harmful_aftermath": 1.5},
        frozenset(),
        "What came after the alert's act is not excused by anything that is said of the act itself. What few ever do, and "
        "this actor never did, is no work that happened to follow. What a colleague had put out of use before may be taken "
        "away.",
        hard=True,
        decides_from=1.75,
        old_rows_answer=True,
        prepared=Preparation.WOUND_DOWN,
        old_row_names=frozenset({"action"}),
        family="harm",
    ),
    "harm_before": Flag(
        "What was the harmful act for that came before?",
        Hypothesis.MISUSE,
        {"harm_before": 1.5},
        frozenset(),
        "What the same actor did in the hours before is not excused by anything that is said of the alert's own act.",
        hard=True,
        old_rows_answer=True,
        prepared=Preparation.WOUND_DOWN,
        old_row_names=frozenset({"action"}),
        family="harm",
    ),
    "some_harm_followed": Flag(
        "Does what followed belong to the work?",
        Hypothesis.MISUSE,
        {"harmful_aftermath": 0.7, "other_run_harm": 0.7},
        frozenset({"run_as_before", "allowed"}),
        "Ordinary work has steps that intruders use, too.",
        family="harm",
    ),
    "harm_by_other_run": Flag(
        "Is another run of the same role in other hands?",
        Hypothesis.TAKEOVER,
        {"other_run_harm": 1.5},
        frozenset({"run_as_before", "routine", "allowed"}),
        "Another run has a credential and alerts of its own: what it did speaks against this one unless this one did "
        "only what earlier runs did.",
        hard=True,
        family="harm",
    ),
    "unlike_other_runs": Flag(
        "Why did this run do what no earlier one did?",
        Hypothesis.MISUSE,
        {"run_unlike": 0.7},
        frozenset({"allowed"}),
        "A program does what it did before, until somebody changes it.",
        family="harm",
    ),
    "used_elsewhere": Flag(
        "Who has what the act made or reached?",
        Hypothesis.TAKEOVER,
        {"derived_used": 1.5},
        frozenset(),
        "A new key or a reset account that is used from a place unknown to both is in a third hand.",
        hard=True,
        decides_from=0.0,
        family="derived",
    ),
    "harm_as_another": Flag(
        "What was done under the name of what the act made or reached?",
        Hypothesis.MISUSE,
        {"derived_harm": 1.5, "recipient_harm": 1.0},
        frozenset(),
        "Who gives rights and then uses them wanted them for this.",
        hard=True,
        decides_from=1.75,
        family="derived",
    ),
    "some_use": Flag(
        "Is what the act made or reached used as intended?",
        Hypothesis.MISUSE,
        {"derived_used": 0.5, "derived_harm": 0.5},
        frozenset({"derived_as_usual", "reverted", "allowed"}),
        "New keys are made to be used.",
        family="derived",
    ),
    "stranger": Flag(
        "Who worked on the target afterwards?",
        Hypothesis.MISTAKE,
        {"stranger_on_target": 1.0, "opened_to_strangers": 1.0},
        frozenset({"staff_address"}),
        "A change that lets somebody in is judged by who comes.",
        hard=True,
        old_row_names=frozenset({"address"}),
    ),
    "unknown_party": Flag(
        "Who was given data or access?",
        Hypothesis.MISTAKE,
        {"new_recipient": 1.0, "public_principal": 1.0, "foreign_principal": 0.9, "given_to_self": 1.0},
        frozenset({"known_recipient", "allowed"}),
        "A party that has received the like for longer than an intruder can have been here is known; another is not.",
        hard=True,
        old_rows_answer=True,
        old_row_names=frozenset({"recipient"}),
        decides_from=0.0,
        family="party",
    ),
    "outsider": Flag(
        "By which right did an outside account call?",
        Hypothesis.TAKEOVER,
        {"outside_caller": 0.7},
        frozenset({"known_recipient", "allowed"}),
        "Suppliers call from their own accounts.",
        family="party",
    ),
    "lateral": Flag(
        "Why did the reached machine go on to others?",
        Hypothesis.TAKEOVER,
        {"lateral_movement": 1.0},
        frozenset(),
        "A machine that was reached from outside and reaches on is a stepping stone, unless it has always reached there.",
        hard=True,
        old_row_names=frozenset({"target"}),
    ),
    "haul": Flag(
        "Why so much at once?",
        Hypothesis.MISUSE,
        {"burst": 0.9, "volume_burst": 0.9, "unusual_amount": 0.7},
        frozenset({"team_routine", "allowed"}),
        "The own habit of small amounts doesn't explain a large one.",
        hard=True,
        old_rows_answer=True,
    ),
    "protection_off": Flag(
        "Is the protection on again?",
        Hypothesis.MISUSE,
        {"protection_off": 0.3},
        frozenset({"reverted", "torn_down", "awaited_came", "routine", "team_routine", "run_as_before", "derived_as_usual", "allowed"}),
        "A maintenance ends with the protection back on, a teardown that is the actor's usual one with what it protected "
        "gone, and work that a rule waits for with what it waited for. What a team does to this very thing in turn is a "
        "routine of the thing; from an unfamiliar place neither colleagues' example nor a habit excuses anything. Second factors that were reset are on again "
        "where their owner works on as usual.",
        least_answer={"reverted": 0.7, "awaited_came": FULL_ANSWER, "team_routine": IN_FULL, "routine": OWN_PLACE},
        hard=True,
    ),
    "protection_changed": Flag(
        "Does what was changed still protect?",
        Hypothesis.MISUSE,
        {"protection_changed": 0.3},
        frozenset({"reverted", "torn_down", "awaited_came", "routine", "run_as_before", "allowed"}),
        "A list of networks gets an office, a policy a new rule: a change is not yet a weakening. What came through it tells.",
        least_answer={"reverted": 0.7, "awaited_came": FULL_ANSWER},
        family="protection_off",
    ),
    "protection_passed": Flag(
        "What was done past the protection?",
        Hypothesis.MISUSE,
        {"protection_passed": 0.3},
        frozenset({"routine", "run_as_before", "allowed"}),
        "One act went past it and nothing stays off, so there is nothing to switch on again; what was done has to be the "
        "actor's work.",
        hard=True,
        old_row_names=frozenset({"action"}),
        family="protection_off",
    ),
    "first_time": Flag(
        "Why did the actor do this for the first time?",
        Hypothesis.MISUSE,
        {"first_seen_action": 0.8, "first_seen_actor": 0.8, "generic_first_seen": 0.5, "generic_new_hash": 0.5,
         "new_peer": 0.8},
        _VERIFIED
        | {"team_routine", "common_here", "same_command", "reverted", "awaited_came", "known_peer", "known_recipient",
           "derived_as_usual"},
        "Every duty has a first day: with colleagues who do the same, for a party that has long been known, for somebody who "
        "then uses what they got where they always work, or by a known person who takes it back or does all of it.",
        least_answer={"common_here": 0.5, "awaited_came": FULL_ANSWER},
        family="first",
    ),
    "missing_step": Flag(
        "Why was the usual next step left out?",
        Hypothesis.MISUSE,
        {"missing_companion": 0.4},
        frozenset({"reverted", "allowed"}),
        "Who does the work does all of it.",
        family="missing",
    ),
    "new_target": Flag(
        "Whose is what was acted on?",
        Hypothesis.MISTAKE,
        {"new_target": 0.5},
        frozenset({"reverted", "awaited_came", "known_recipient", "routine", "team_routine", "run_as_before", "verified_sign_in",
                   "staff_address", "own_making", "allowed"}),
        "What nobody here has worked with before may be the intruder's own; a person who has just shown a second factor "
        "may bring in something new, and what the actor has just made is known to be theirs.",
        family="target",
    ),
    "others_property": Flag(
        "What did the actor do it to somebody else's things for?",
        Hypothesis.MISUSE,
        {"others_property": 0.5},
        frozenset({"routine", "team_routine", "allowed"}),
        "Whoever takes or destroys what belongs to one other person does it for them, or to them.",
        family="property",
    ),
    "undone": Flag(
        "Why did somebody else take it back?",
        Hypothesis.MISUSE,
        {"undone_by_others": 0.5},
        frozenset({"routine", "team_routine", "allowed"}),
        "Colleagues finish each other's work, and undo what should not have been done.",
        family="undone",
    ),
    "unexamined": Flag(
        "What of the actors who were not looked at?",
        Hypothesis.TAKEOVER,
        {"unexamined_actors": 0.9},
        frozenset(),
        "Whoever was not looked at can't be called harmless.",
        hard=True,
    ),
}  # fmt: skip

DESTROYS = "(destruction)."
"""So a sentence about such harm ends; what stands before may be a name that an actor chose."""
STRONG_ANSWER = 0.2
"""A fact that rules have made lighter than this answers nothing."""
CONTINUITY = frozenset(
    {"same_command", "verified_sign_in", "staff_address", "known_address", "allowed", "routine", "team_routine"}
)
"""Facts that refute a takeover where they vouch: the place, the credential and the work are the owner's from before the
dwell time, or a second factor was given."""
EXPLAINS = frozenset(
    {"routine", "team_routine", "same_command", "run_as_before", "allowed", "known_recipient", "reverted", "seen_before", "known_peer",
     "known_automation", "common_here", "awaited_came", "derived_as_usual", "own_making"}
)  # fmt: skip
"""Facts that say what the act is for: a duty, a change taken back, a known party, something of one's own."""


class RaisedFlag(Value):
    """A flag of one alert, with what raised it and what answers it."""

    name: str
    asks: str
    hard: bool = False
    decides: bool = False
    family: str = ""
    subject: str = ""
    """Whom of the alert's several actors it is about."""
    raised: tuple[str, ...] = ()
    """Sentences of the facts that raised it."""
    raised_evidence: tuple[EvidenceId, ...] = ()
    answers: tuple[str, ...] = ()
    """Sentences of the facts that answer it; empty: it is open."""
    answer_evidence: tuple[EvidenceId, ...] = ()

    @property
    def open(self) -> bool:
        return not self.answers

    @property
    def prepared(self) -> Preparation | None:
        """What of somebody else may answer it; what nobody destroys need not be stopped before."""
        wanted = FLAGS[self.name].prepared
        destroys = any(sentence.endswith(DESTROYS) for sentence in self.raised)
        return None if wanted is Preparation.WOUND_DOWN and not destroys else wanted
