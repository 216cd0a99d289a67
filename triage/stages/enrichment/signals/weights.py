"""The one table of weights, in units of log odds, each with its reason.

A weight is how far one fact moves an experienced analyst, not a fitted number: 0.7 doubles the odds, 1.1 triples
them, 2.3 makes them ten times. Facts that an intruder can arrange cheaply weigh little towards benign, and none of them
carries a benign verdict: that needs one that says under `vouches` why an intruder who has had the account for less than
the dwell time can't have made it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from triage.domain.signal import Direction


@dataclass(frozen=True, slots=True)
class Weight:
    """A signal's direction, its full weight, and why."""

    direction: Direction
    weight: float
    reason: str
    vouches: str = ""
    """Why a suspect can't have made what it rests on, so that it may carry a benign verdict; empty: they can."""


_UP, _DOWN, _BESIDE = Direction.MALICIOUS, Direction.BENIGN, Direction.NEUTRAL

WEIGHTS: Mapping[str, Weight] = {
    # devices
    "known_device": Weight(
        _DOWN, 0.7, "People travel with their device; a thief of a password or a session has another one."
    ),
    "new_device": Weight(
        _UP, 0.7, "A new place and a new device at once: a thief has both, a traveller neither often."
    ),
    # history of the actor
    "first_seen_action": Weight(
        _UP, 0.9, "Most work is repetition; stolen accounts are used for what their owner never did."
    ),
    "first_seen_actor": Weight(
        _UP, 1.0, "Nothing at all before, and then an act worth an alert: a new employee, or someone else."
    ),
    "routine": Weight(
        _DOWN,
        2.0,
        "The same act on many separate days is a duty; an intruder has not been here that long.",
        vouches="The days are older than the dwell time, and no alert on them is open or confirmed.",
    ),
    "seen_before": Weight(_DOWN, 0.6, "Once or twice before is less than a habit, but no longer a first time."),
    "known_automation": Weight(
        _DOWN,
        0.5,
        "A service identity on a steady rhythm, or at work around the clock, follows its program; its key "
        "can be stolen, so only at its usual place.",
    ),
    "burst": Weight(_UP, 1.0, "Far more at once than on any day before: a haul, or a migration."),
    "volume_burst": Weight(
        _UP, 1.0, "Far more bytes, rows or items in a day than ever: a haul, or a job that someone should know of."
    ),
    "unusual_amount": Weight(
        _UP, 0.8, "Far more in a day than this actor or any other ever did before; as `burst`, of the whole day."
    ),
    "usual_amount": Weight(
        _DOWN,
        0.4,
        "The rule counts, and the count is what it is on this actor's ordinary days; what they hold may differ.",
    ),
    "rule_parts": Weight(
        _UP,
        0.1,
        "Says which part of a correlation came from whom; that they came together is what the alert says already.",
    ),
    "first_time_burst": Weight(
        _UP, 0.6, "Several things at once that this actor never did: someone is looking around."
    ),
    "off_hours": Weight(_UP, 0.4, "Intruders keep their own hours, but people work late too."),
    # peers
    "team_routine": Weight(
        _DOWN,
        1.8,
        "Colleagues do exactly this to this target on a rhythm: a rota has come round to someone new.",
        vouches="Other accounts did it before the dwell time, from other places.",
    ),
    "common_here": Weight(_DOWN, 0.5, "Several others do this often; it is ordinary work here, by other people."),
    "same_command": Weight(
        _DOWN,
        1.0,
        "The very same command on other hosts for weeks is a program that somebody rolled out; an intruder's names something "
        "of the intrusion's own.",
        vouches="It ran on other hosts before the dwell time.",
    ),
    "rare_among_peers": Weight(_UP, 0.4, "Nobody else does this at all."),
    # place
    "new_address_without_sign_in": Weight(
        _UP, 2.0, "Work from an unfamiliar address without a sign-in: a stolen key or session looks like this."
    ),
    "new_address": Weight(_UP, 1.0, "A new place, where no sign-in log can tell more."),
    "new_country": Weight(
        _UP, 0.8, "From a country in which the actor never worked: somebody else's machine, a journey, or a VPN's exit."
    ),
    "departed": Weight(
        _UP, 1.8, "Nobody should be at work under the name of somebody who has left; a file of leavers is seldom wrong."
    ),
    "tor_exit": Weight(
        _UP, 1.2, "Whoever comes through Tor hides where they are; few employees do, and most intruders can."
    ),
    "hostile_address": Weight(
        _UP, 1.0, "The address attacks others too: a rented machine or a taken one, and nobody's office."
    ),
    "listed_address": Weight(
        _UP,
        0.5,
        "Threat lists are long, late and partly wrong; being on one is a hint, and the address may have changed hands.",
    ),
    "anonymous_address": Weight(_UP, 0.4, "A VPN or proxy for sale hides the place; staff use them, too."),
    "known_service": Weight(_BESIDE, 0.1, "Says whose address it is; what it was used for it doesn't say."),
    "known_address": Weight(_DOWN, 0.5, "The usual place; insiders and malware on the usual machine look the same."),
    "verified_sign_in": Weight(
        _DOWN,
        0.8,
        "A second factor was given at this address shortly before; phishing rarely gets it.",
        vouches="Whoever stole a password or a session doesn't hold the factor, unless they enrolled one of their own.",
    ),
    "shared_address": Weight(_DOWN, 0.3, "Several colleagues work from there on many days: an office or a VPN."),
    "two_places": Weight(_UP, 0.8, "At work at the usual place and at a new one within two hours."),
    "session_two_places": Weight(_UP, 1.6, "One session or key in use at two addresses has two holders."),
    "staff_address": Weight(
        _DOWN,
        1.0,
        "An employee is signed in with a second factor at this address.",
        vouches="As `verified_sign_in`.",
    ),
    # sign-in
    "failed_then_succeeded": Weight(_UP, 1.5, "Many refusals and then success is how guessing and prompt bombing end."),
    "refused": Weight(_UP, 0.6, "Calls that fail for lack of rights, of kinds never tried before, feel for the walls."),
    # what followed
    "harmful_aftermath": Weight(
        _UP, 2.2, "What an intruder wants next, done next, by someone who doesn't usually do it."
    ),
    "harmful_aftermath_more": Weight(_UP, 0.8, "Each further kind of harm makes chance less likely."),
    "harm_before": Weight(
        _UP,
        2.2,
        "What an intruder wants done first, by someone who doesn't usually do it; the alert's act may be there to hide it.",
    ),
    "harm_before_more": Weight(_UP, 0.8, "As `harmful_aftermath_more`."),
    "other_run_harm": Weight(
        _UP,
        2.2,
        "The same under another credential of the role, which whoever can assume it has in a moment; counted only where "
        "the role never did it, or never from there.",
    ),
    "other_run_harm_more": Weight(_UP, 0.8, "As `harmful_aftermath_more`."),
    "other_runs": Weight(
        _UP, 0.1, "Ordinary work of other runs decides nothing about this one, but it is the same role's."
    ),
    "run_as_before": Weight(
        _DOWN,
        1.0,
        "A program does the same again; who holds its credential for something else does not keep to its acts.",
        vouches="The earlier runs are older than the dwell time, and no alert on their acts is open or confirmed.",
    ),
    "run_unlike": Weight(
        _UP, 0.9, "A program does what it did before; harm that is new in a run was not in the program."
    ),
    "derived_used": Weight(
        _UP, 2.6, "What the act made or reached is then used from a place that is new for it: somebody else has it."
    ),
    "derived_harm": Weight(
        _UP, 2.2, "What an intruder wants next is done under the name of an identity that the act made or reached."
    ),
    "derived_as_usual": Weight(_DOWN, 0.5, "The identity that was changed goes on working from its usual places only."),
    "elsewhere_after": Weight(
        _UP, 1.0, "A stolen token is used where the thief is, while its owner is at work at the usual place."
    ),
    "protection_changed": Weight(
        _UP,
        1.0,
        "A setting that protects was written anew; which way, its name doesn't say, and most go the right way.",
    ),
    "others_property": Weight(
        _UP, 0.8, "People clear away what is theirs; what is somebody else's, they were asked to, or were not."
    ),
    "undone_by_others": Weight(
        _UP, 0.9, "What somebody else takes back was not wanted, or was not finished by its author."
    ),
    "stranger_on_target": Weight(_UP, 1.8, "After the change someone from an unknown address works on the target."),
    "stranger_known": Weight(
        _UP,
        0.1,
        "An account from here at an address that nobody knows is one to look at; it raises no flag of its own.",
    ),
    "opened_to_strangers": Weight(_UP, 1.8, "Outsiders connect to a port that no outside address had reached before."),
    "quiet_aftermath": Weight(_DOWN, 0.7, "Nothing harmful followed while the log was watching."),
    "routine_aftermath": Weight(_DOWN, 0.3, "What followed looks drastic but belongs to the actor's usual work."),
    "usual_companion": Weight(
        _DOWN,
        0.3,
        "What followed looks drastic, but others did it after the same act for weeks; it explains the second step, and "
        "says nothing of the first.",
    ),
    "missing_companion": Weight(
        _UP,
        0.5,
        "Who does the work does all of it; whoever wants one step for something else leaves out the rest. People forget "
        "steps, too.",
    ),
    "reverted": Weight(_DOWN, 0.8, "The change was taken back shortly after, as in a maintenance."),
    "torn_down": Weight(
        _DOWN,
        0.8,
        "What the protection was on was deleted after it, as this actor did on separate days before: a teardown takes "
        "the protection away first, and leaves nothing unseen.",
    ),
    "own_making": Weight(
        _DOWN,
        0.6,
        "Whoever made something minutes ago tries it out, changes it and clears it away; an intruder can do so, too, but "
        "gains nothing by it.",
    ),
    "awaited_came": Weight(
        _DOWN,
        1.5,
        "The alert says that something failed to follow; it did follow, only later than the rule waited.",
        vouches="Nothing is excused by it: what the alert says is missing is not.",
    ),
    "new_target": Weight(
        _UP, 0.6, "An application, account or object that nobody worked with before: new, or brought in by an intruder."
    ),
    "protection_off": Weight(
        _UP,
        0.5,
        "The alert's own act blinds a log or a protection: in a maintenance, or before what nobody should see.",
    ),
    "protection_passed": Weight(
        _UP,
        0.5,
        "The alert's own act goes past a protection that stays on: an emergency, or what a review would have stopped.",
    ),
    "public_principal": Weight(
        _UP, 1.2, "Everyone is let in; few things are meant to be public, and most of those were made so long ago."
    ),
    "foreign_principal": Weight(_UP, 1.0, "Another organisation's account is let in: a supplier's, or an intruder's."),
    "outside_caller": Weight(_UP, 0.8, "The call came from another organisation's account, or unsigned."),
    "new_recipient": Weight(_UP, 1.8, "It was given to a party that never received anything before."),
    "given_to_self": Weight(
        _UP,
        1.8,
        "The outsider who was given it sits where the actor sits: somebody sends data to an account of their own.",
    ),
    "known_recipient": Weight(
        _DOWN,
        1.2,
        "The party has received the like on many days.",
        vouches="The days are older than the dwell time.",
    ),
    "recipient_works_here": Weight(
        _DOWN, 0.4, "Whoever was given it has long been at work here; a stolen account of a colleague looks the same."
    ),
    "recipient_harm": Weight(
        _UP, 1.4, "Whoever was given it goes on to harm that is new for them; new duties can look like that, too."
    ),
    "lateral_movement": Weight(_UP, 1.4, "The reached machine went on to peers that it never talked to."),
    "new_peer": Weight(_UP, 0.9, "Traffic to a destination that this source never used."),
    "known_peer": Weight(
        _DOWN,
        1.2,
        "Traffic of this source to this destination on many days before.",
        vouches="The days are older than the dwell time.",
    ),
    # other
    "other_alerts": Weight(_UP, 0.3, "Other detections agree, though often on the same act."),
    "unexamined_actors": Weight(_UP, 1.0, "Whoever was not looked at can't be called harmless."),
    "outcome_history": Weight(
        _DOWN, 0.4, "People have found this detection wrong before; that says little about this time."
    ),
    "outcome_handled": Weight(
        _BESIDE, 0.2, "People found work in this detection's alerts; handled does not mean that each was an attack."
    ),
    "generic_first_seen": Weight(_UP, 0.6, "The actor never occurs in this log before."),
    "generic_known": Weight(_DOWN, 0.7, "The actor occurs in this log on many days before."),
    "generic_new_address": Weight(_UP, 0.8, "The address never occurs in this log before."),
    "generic_new_hash": Weight(_UP, 0.6, "A program or file that no host had before; new versions look the same."),
    "confirmed_before": Weight(
        _BESIDE,
        0.9,
        "People handled the same detection on the same actor lately, and this may be the next act of it; or it is how they "
        "file what they expected. RESOLVED says neither.",
    ),
    "dismissed_before": Weight(
        _DOWN,
        0.2,
        "People closed the same detection on the same actor as invalid; that was about another object, so it carries no "
        "verdict: who consents to a known application can be tricked into the next.",
    ),
    "allowed": Weight(
        _DOWN,
        4.0,
        "The operator has said so in the configuration; the only authorisation there is.",
        vouches="The operator's own word.",
    ),
}
