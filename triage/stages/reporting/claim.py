"""The first line of a comment and what a person does next: a claim about somebody, and actions on concrete things."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo
from ipaddress import ip_address
from itertools import islice

from triage.domain.clean import plain
from triage.domain.entity import EntityKind, Role
from triage.domain.flag import FLAGS, Hypothesis
from triage.domain.names import short_name
from triage.domain.verdict import Action, ActionKind, Analyst, AnswerState, Disposition, Investigation, Verdict
from triage.logtypes import Harm, harmful_action, is_detection_event, product_of
from triage.stages.reporting.act import Act, Phase
from triage.stages.reporting.story import Story, act_text, span_text
from triage.stages.reporting.wording import step

STEPS = 4
_RUNBOOK = 120
"""Characters of a runbook's step."""
_FOR_PEOPLE = re.compile(r"\s*(ask|call|confirm|contact|inform|notify|reach out|tell|verify with)\b", re.IGNORECASE)
"""Steps of a runbook that are to be done with people; others that are left to a person are looks at the logs."""
_ROUTINE = frozenset({"routine", "team_routine", "run_as_before"})
_HOW_SURE = {Disposition.MALICIOUS: "likely", Disposition.SUSPICIOUS: "possible"}
_UNDO = frozenset({Harm.PERSISTENCE, Harm.PRIVILEGE, Harm.EXPOSURE, Harm.EVASION})
_OWNED_BY_PROVIDER = ("AWS-", "AmazonSSM", "arn:aws:iam::aws:", "system:")
_TEMPORARY_KEY = "ASIA"


def claim(investigation: Investigation, story: Story) -> str:
    """What the alert is said to be, of whom, in a few words: `likely account takeover of mira.holt (Okta)`."""
    verdict = investigation.verdict
    who = subject_of(verdict, story)
    of = f" of {who}" if who else ""
    by = f" by {who}" if who else ""
    where = _product(story)
    match verdict.disposition:
        case Disposition.BENIGN:
            names = {signal.name for signal in investigation.signals}
            if "allowed" in names:
                return f"activity{of} that you allow{where}"
            return f"{'routine' if names & _ROUTINE else 'ordinary'} work{of}{where}"
        case Disposition.INCONCLUSIVE:
            return f"the logs do not settle what {who or 'the actor'} did{where}"
        case Disposition.SUSPICIOUS | Disposition.MALICIOUS:
            how = _HOW_SURE[verdict.disposition]
            match _hypothesis(verdict):
                case Hypothesis.TAKEOVER:
                    return f"{how} account takeover{of}{where}"
                case Hypothesis.MISUSE:
                    return f"{how} misuse of access{by}{where}"
                case Hypothesis.MISTAKE:
                    return f"{how} exposure to outsiders{by}{where}"
                case None:
                    return f"{how} attack{by}{where}"


def subject_of(verdict: Verdict, story: Story) -> str:
    """Whom the verdict is about, by the short name: the actor of the gravest open flag, else of the alert's own acts."""
    named = next((flag.subject for flag in verdict.flags if flag.open and flag.subject), "")
    own = [act for act in story.acts if act.phase is Phase.ALERT and act.who]
    return next((act.who for act in own if act.raw_who == named), "") or (
        plain(short_name(named)) if named else own[0].who if own else ""
    )


def _hypothesis(verdict: Verdict) -> Hypothesis | None:
    """What most of the open flags support; hard ones count for two, and takeover goes first among equals."""
    counted = dict.fromkeys(Hypothesis, 0)
    for flag in verdict.flags:
        if flag.open and flag.name in FLAGS:
            counted[FLAGS[flag.name].supports] += 2 if flag.hard else 1
    best = max(counted, key=lambda each: counted[each])
    return best if counted[best] else None


def _is_person(who: str) -> bool:
    """Whether a name is like a person's: an e-mail, or words joined by a dot, and no address."""
    try:
        ip_address(who)
    except ValueError:
        return "@" in who or "." in who
    return False


def _product(story: Story) -> str:
    own = next((act for act in story.acts if act.phase is Phase.ALERT), None)
    return f" ({product_of(own.log_type)})" if own is not None and own.log_type else ""


# ---- next steps -----------------------------------------------------------------------------------------------------


def next_steps(investigation: Investigation, story: Story, zone: tzinfo) -> tuple[str, ...]:
    """What a person does next, most urgent first: actions that fit the open flags, on what the story names.

    A model's own recommendations come after, as far as they fit: nothing is undone that belongs to the provider, no
    temporary key is disabled, and a detection that watches over logs or protections is not tuned.
    """
    verdict = investigation.verdict
    steps = _Steps(investigation, story, zone)
    found: list[str] = []
    match verdict.disposition:
        case Disposition.BENIGN:
            found += steps.for_benign()
        case Disposition.INCONCLUSIVE:
            found += steps.asked()
        case Disposition.SUSPICIOUS:
            found += [*steps.asked(), *steps.undone()]
        case Disposition.MALICIOUS:
            found += ["Escalate to incident response", *steps.cut_off(), *steps.undone()]
    if verdict.disposition is not Disposition.BENIGN:
        people = (
            answer
            for answer in verdict.runbook
            if answer.state is AnswerState.FOR_A_PERSON and _FOR_PEOPLE.match(answer.text)
        )
        found[2:2] = [f"Runbook step {each.step}: {plain(each.text, _RUNBOOK)}" for each in islice(people, 1)]
    if investigation.analyst is Analyst.LLM and verdict.disposition is not Disposition.BENIGN:
        found += [step(action) for action in verdict.actions if steps.fits(action)]
    return tuple(dict.fromkeys(found))[:STEPS]


def open_question(investigation: Investigation, story: Story, zone: tzinfo) -> str:
    """Whom to ask what, where the verdict hangs on a person; one of the next steps, or empty."""
    if investigation.verdict.disposition not in (Disposition.INCONCLUSIVE, Disposition.SUSPICIOUS):
        return ""
    asked = next(iter(_Steps(investigation, story, zone).asked()), "")
    return asked or "Find out from whoever is responsible whether this was expected"


@dataclass(frozen=True, slots=True)
class _Steps:
    investigation: Investigation
    story: Story
    zone: tzinfo

    @property
    def _who(self) -> str:
        return subject_of(self.investigation.verdict, self.story)

    @property
    def _own(self) -> Act | None:
        return next((act for act in self.story.acts if act.phase is Phase.ALERT), None)

    def _said(self, act: Act) -> str:
        # The name of the one who is asked, or whose act is undone, stands before it.
        clause = act_text(act, with_address=False)
        return clause.removeprefix(f"{act.who} ")

    def _time(self, act: Act) -> str:
        own = self._own
        return span_text(act, self.zone, own.at.astimezone(self.zone).date() if own is not None else None)

    def asked(self) -> Iterable[str]:
        """Whom to ask what."""
        own = self._own
        if own is None or own.bare:
            return
        if not _is_person(self._who):
            yield f"Ask the owner of {self._who or 'the account'} why this happened: {self._said(own)} at {self._time(own)}"
            return
        at = f" from {own.address}" if own.address and self._supports(Hypothesis.TAKEOVER) else ""
        yield (
            f"Ask {self._who}, not through the affected account: did you do this at {self._time(own)}{at}? "
            f"({self._said(own)})"
        )

    def cut_off(self) -> Iterable[str]:
        """Take the credential away."""
        if not self._supports(Hypothesis.TAKEOVER) and not self._supports(Hypothesis.MISUSE):
            return
        keys = [
            entity.value
            for entity in self.investigation.entities
            if entity.kind is EntityKind.ACCESS_KEY and entity.role is Role.ACTOR
        ]
        lasting = next((key for key in keys if not key.startswith(_TEMPORARY_KEY)), "")
        if lasting:
            yield f"Disable the access key {plain(lasting)} of {self._who or 'its owner'}"
        elif self._who:
            yield f"Revoke the sessions of {self._who}{' and reset the password' if self._supports(Hypothesis.TAKEOVER) else ''}"

    def undone(self) -> Iterable[str]:
        """What to take back, restore or find out, for the acts that did harm."""
        for act in self.story.acts:
            if act.in_vain or act.phase is Phase.BEFORE or is_detection_event(act.log_type, act.raw_action):
                continue
            harm = harmful_action(act.log_type, act.raw_action)
            if harm is None:
                continue
            what = f"{act.who} {self._said(act)} at {self._time(act)}"
            if harm.harm in _UNDO:
                yield f"Undo unless approved: {what}"
            elif harm.harm is Harm.CREDENTIALS:
                yield f"Rotate what was read: {what}"
            elif harm.harm is Harm.DESTRUCTION:
                yield f"Restore if needed: {what}"
            elif harm.harm is Harm.COLLECTION:
                yield f"Find out which data left: {what}"
            else:
                yield f"Find out what ran: {what}"

    def for_benign(self) -> Iterable[str]:
        """Nothing; or what would keep the like from raising alerts, where people have closed it again and again."""
        names = {signal.name for signal in self.investigation.signals}
        raised = {flag.name for flag in self.investigation.verdict.flags}
        own = self._own
        if {"dismissed_before"} <= names and names & _ROUTINE and "protection_off" not in raised and own is not None:
            yield f"If this recurs, add {self._who} with {own.raw_action} to investigation.allowed"
        else:
            yield "No action needed"

    def fits(self, action: Action) -> bool:
        """Whether a recommendation of the model makes sense for its entity."""
        entity = action.entity.strip()
        match action.kind:
            case ActionKind.TUNE_DETECTION | ActionKind.NONE | ActionKind.ESCALATE | ActionKind.CONTACT_USER:
                return False
            case ActionKind.REVERT_CHANGE:
                return bool(entity) and not entity.startswith(_OWNED_BY_PROVIDER)
            case ActionKind.DISABLE_CREDENTIAL:
                return bool(entity) and not entity.startswith(_TEMPORARY_KEY)
            case _:
                return bool(entity)

    def _supports(self, hypothesis: Hypothesis) -> bool:
        return any(
            flag.open and flag.name in FLAGS and FLAGS[flag.name].supports is hypothesis
            for flag in self.investigation.verdict.flags
        )
