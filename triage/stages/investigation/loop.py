"""The investigation: it decides what to ask next and when to stop. Pure; whoever drives it performs the effects."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from triage.domain.canary import carries
from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence
from triage.domain.finding import Issue
from triage.domain.runbook import runbook_steps
from triage.domain.untrusted import Fence
from triage.domain.verdict import Draft
from triage.ports import Capabilities, ChatReply, Observer, Progress, Prompts
from triage.settings import InvestigationSettings, Price
from triage.stages.investigation.answers import settle_answers, unanswered, unsupported_answers
from triage.stages.investigation.attempts import injections
from triage.stages.investigation.briefing import Briefing
from triage.stages.investigation.budget import Budget, spent_on
from triage.stages.investigation.calls import MOST_CALLS, Ledger
from triage.stages.investigation.conversation import Conversation
from triage.stages.investigation.draft import DraftInvalid, inconclusive, parse_draft, restore_cut_values
from triage.stages.investigation.effects import AskModel, Conclusion, Effect, ModelFailure, RunTools, ToolAnswer
from triage.stages.investigation.replies import concluding, no_result, nothing, one_line

Answer = ChatReply | ModelFailure | tuple[ToolAnswer, ...]
Check = Callable[[Draft, tuple[Evidence, ...]], tuple[Issue, ...]]
Steps = Generator[Effect, Answer, Conclusion]

ASSUMED = Capabilities(tools=True, parallel_tools=True)
"""Of an endpoint of which nothing is known."""

_SHRINKS = 2
_ATTEMPTS = 5
"""Requests of one turn: the first, two after shrinking, two without a feature that the endpoint refuses."""
_IDLE_TURNS = 3
"""Turns without anything new after which the model has to conclude."""


def investigate(
    dossier: Dossier,
    *,
    prompts: Prompts,
    settings: InvestigationSettings,
    max_output_tokens: int,
    nonce: str,
    check: Check,
    observe: Observer,
    elapsed: Callable[[], float],
    capabilities: Capabilities = ASSUMED,
    price: Price | None = None,
) -> Steps:
    """Investigate one alert.

    Args:
        dossier: What is known; its evidence is the start of the ledger.
        prompts: The templates.
        settings: Budgets: turns, queries, rows, bytes, tokens, seconds, money.
        max_output_tokens: Tokens of one reply.
        nonce: Random, of this run; marks the data in the prompt.
        check: What verification holds against a draft, in words for the model.
        observe: Told of each question and answer.
        elapsed: Seconds spent on effects so far; must be the same when effects are replayed.
        capabilities: Of the endpoint: an investigation without tools concludes from the dossier.
        price: Of the model, where it is known.

    Yields:
        Effects. After `AskModel` send a `ChatReply` or a `ModelFailure`, after `RunTools` one `ToolAnswer` per call in
        the order of the calls.

    Returns:
        The conclusion. Whatever the model does, there is one: at most `max_turns` turns, then one to conclude, one to
        repair its form and one to correct its citations, each only where the budgets allow it.
    """
    briefing = Briefing(prompts, Fence(nonce), runbook_steps(dossier.detection.runbook or dossier.alert.runbook))
    budget = Budget(settings, max_output_tokens, elapsed, price, before=spent_on(dossier.evidence))

    def tell(text: str, ok: bool = True) -> None:
        observe(Progress("investigate", text, ok))

    loop = _Loop(
        briefing=briefing,
        budget=budget,
        talk=Conversation(dossier, briefing, budget, capabilities),
        ledger=Ledger(budget, briefing, list(dossier.evidence), tell),
        check=check,
        tell=tell,
    )
    return loop.run()


@dataclass(slots=True)
class _Loop:
    briefing: Briefing
    budget: Budget
    talk: Conversation
    ledger: Ledger
    check: Check
    tell: Callable[..., None]
    learned: Capabilities | None = None
    """What the endpoint has refused to do. A model that merely calls nothing teaches nothing: a log may have told it."""
    notes: list[str] = field(default_factory=list)
    number: int = 0
    """Of the turn; turns that the day's budget refuses count too, so that keys stay apart."""
    idle: int = 0
    nudged: bool = False
    repaired: bool = False
    objected: bool = False

    # ---- the way through -----------------------------------------------------------------------------------------

    def run(self) -> Steps:
        self.talk.open()
        while self.talk.capabilities.tools:
            reason = self.budget.exhausted(self.talk.request(last=False))
            if reason or self.idle >= _IDLE_TURNS:
                return (yield from self._last_turn(reason or "further calls bring nothing new"))
            reply = yield from self._ask(last=False)
            if isinstance(reply, ModelFailure):
                if reply.unpaid:
                    return (yield from self._last_turn(reply.message))
                return self._give_up(reply.message)
            if self._leaks(reply):
                return self._leaked()
            if reply.refusal:
                return self._give_up(f"the model refused ({one_line(reply.refusal)})")
            if concluding(reply) is not None:
                return (yield from self._settle(reply))
            if reply.tool_calls:
                yield from self._run_tools(reply)
            elif self.nudged:
                return (yield from self._without_tools(reply))
            else:
                self.nudged = True
                self.talk.heard(reply)
                self.talk.say(self.briefing.nudge(nothing(reply)))
        return (yield from self._conclude())

    def _without_tools(self, reply: ChatReply) -> Steps:
        """A model that calls nothing even when told to may still write a result."""
        self.tell(f"{nothing(reply)}, twice; a result is asked for in JSON", False)
        self.notes.append("The model called no tools; it was asked for its result in JSON.")
        self.talk.heard(reply)
        self.talk.lacks("tools")
        return (yield from self._conclude())

    def _last_turn(self, reason: str) -> Steps:
        self.notes.append(f"The investigation stopped at its budget: {reason}.")
        self.talk.say(self.briefing.last_turn(reason))
        return (yield from self._conclude())

    def _conclude(self) -> Steps:
        """The turn in which the model may only conclude."""
        refusal = self._fit(in_time=False)
        if refusal:
            return self._give_up(refusal)
        reply = yield from self._ask(last=True)
        if isinstance(reply, ModelFailure):
            return self._give_up(reply.message, unpaid=reply.unpaid)
        return (yield from self._settle(reply))

    def _settle(self, reply: ChatReply) -> Steps:
        """Take the result; send it back once for its form and once for its citations."""
        best: Draft | None = None
        while True:
            if self._leaks(reply):
                return self._leaked()
            found = self._draft(reply)
            if isinstance(found, Draft):
                best = found
                issues = [issue for issue in self.check(found, tuple(self.ledger.evidence)) if issue.fatal]
                issues += unsupported_answers(found, self.ledger.evidence)
                issues += unanswered(found) if issues else []
                again = "" if self.objected or not issues else self.briefing.objections(issues)
                self.objected = True
                self._tell_draft(found, issues)
                wrong: tuple[str, ...] = ()
            else:
                wrong = found
                again = "" if self.repaired or reply.refusal else self.briefing.repair(found)
                self.repaired = True
                self.tell(f"result: {len(found)} problems", False)
            if not again:
                return self._end(best) if best is not None else self._give_up(f"no valid result ({one_line(wrong)})")
            self.talk.send_back(reply, again)
            refusal = self._fit()
            if refusal:
                return self._end(best) if best is not None else self._give_up(refusal)
            answer = yield from self._ask(last=True)
            if isinstance(answer, ModelFailure):
                if best is not None:
                    return self._end(best)
                return self._give_up(answer.message, unpaid=answer.unpaid)
            reply = answer

    # ---- asking the model ----------------------------------------------------------------------------------------

    def _ask(self, *, last: bool) -> Generator[Effect, Answer, ChatReply | ModelFailure]:
        self.number += 1
        shrunk = 0
        for attempt in range(_ATTEMPTS):
            key = f"model/{self.number}" + (f".{attempt}" if attempt else "")
            # Without tools every turn is one that concludes.
            request = self.talk.request(last=last)
            cost = self.budget.cost(request)
            self.tell(f"turn {self.number}: about {cost.prompt_tokens} tokens to the model")
            answer = yield AskModel(key, request, cost, concluding=last)
            assert isinstance(answer, ChatReply | ModelFailure)
            if isinstance(answer, ChatReply):
                self.budget.turns += 1
                self.budget.spend_turn(request, answer)
                return answer
            self.tell(answer.message, False)
            if answer.unpaid:
                return answer
            self.budget.spend_failure(request)
            if answer.unsupported and self.talk.lacks(answer.unsupported):
                self.learned = self.talk.capabilities
                self.notes.append(f"The model's endpoint has no {answer.unsupported}; the run went on without.")
            elif answer.overflow and shrunk < _SHRINKS:
                self.talk.shrink(hard=shrunk > 0)
                shrunk += 1
            else:
                return answer
            if attempt == _ATTEMPTS - 1 or self.budget.refusal(self.talk.request(last=last)):
                return answer
        raise AssertionError("the last attempt returns")

    def _fit(self, *, in_time: bool = True) -> str:
        """Make room until one more turn fits the token budget; gives why not, where it can't."""
        for hard in (False, True):
            refusal = self.budget.refusal(self.talk.request(last=True), in_time=in_time)
            if not refusal:
                return ""
            self.talk.shrink(hard=hard)
        return self.budget.refusal(self.talk.request(last=True), in_time=in_time)

    def _run_tools(self, reply: ChatReply) -> Generator[Effect, Answer, None]:
        calls = reply.tool_calls[:MOST_CALLS]
        if len(calls) < len(reply.tool_calls):
            self.notes.append(f"{len(reply.tool_calls) - len(calls)} tool calls of one turn were not run.")
        self.talk.heard(reply, calls)
        new = self.ledger.plan(calls)
        answers: tuple[ToolAnswer, ...] = ()
        if new:
            answer = yield RunTools(f"tools/{self.number}", new, self.budget.limits(len(new)))
            assert isinstance(answer, tuple)
            answers = answer
        brought = self.ledger.take(new, answers)
        for call in calls:
            given = brought.get(call.id)
            text = self.ledger.text_for(call, given, len(calls))
            self.talk.answer(call, text, given.evidence if given is not None else None)
        fresh = any(entry.evidence is not None and not entry.failed for entry in brought.values())
        self.idle = 0 if fresh else self.idle + 1

    # ---- the result ----------------------------------------------------------------------------------------------

    def _draft(self, reply: ChatReply) -> Draft | tuple[str, ...]:
        """The draft of a reply, or all that is wrong with it."""
        call = concluding(reply)
        if call is None and (reply.refusal or not reply.content.strip()):
            return (no_result(reply),)
        text = reply.content if call is None else call.arguments
        try:
            draft = parse_draft(text, steps=self.briefing.steps, finish_reason=reply.finish_reason)
        except DraftInvalid as error:
            return error.problems
        return restore_cut_values(draft, self.ledger.evidence)

    def _leaks(self, reply: ChatReply) -> bool:
        said = (text for call in reply.tool_calls for text in (call.name, call.arguments))
        return carries(self.briefing.canary, (reply.content, reply.refusal, *said))

    def _give_up(self, reason: str, *, unpaid: bool = False) -> Conclusion:
        self.tell(f"inconclusive: {reason}", False)
        return self._end(inconclusive(reason, steps=self.briefing.steps), unpaid=unpaid)

    def _leaked(self) -> Conclusion:
        self.notes.append("The model wrote out its own instructions; its result was thrown away.")
        return self._give_up("it wrote out its own instructions, which a text in the data may have asked for")

    def _end(self, draft: Draft, *, unpaid: bool = False) -> Conclusion:
        budget = self.budget
        if self.talk.cut:
            self.notes.append("Rows were left out of the conversation, which was too long for the model.")
        if self.ledger.failed:
            self.notes.append(f"{self.ledger.failed} of the model's {budget.tool_calls} tool calls failed.")
        if budget.repeated:
            self.notes.append(
                f"{budget.repeated} of the model's {budget.tool_calls} tool calls repeated an earlier one."
            )
        return Conclusion(
            draft=settle_answers(draft, self.ledger.evidence),
            evidence=tuple(self.ledger.evidence),
            usage=budget.usage,
            notes=tuple(dict.fromkeys(self.notes)),
            issues=injections(self.ledger.evidence),
            learned=self.learned,
            unpaid=unpaid,
        )

    def _tell_draft(self, draft: Draft, issues: list[Issue]) -> None:
        for number, finding in enumerate(draft.findings, 1):
            cited = ", ".join(dict.fromkeys(citation.evidence for citation in finding.citations))
            self.tell(f"finding {number}, {finding.direction.value}: {one_line(finding.text)} [{cited}]")
        for issue in issues:
            where = f"finding {issue.finding}" if issue.finding else "result"
            self.tell(f"{where} doesn't hold: {one_line(issue.message)}", False)
        self.tell(f"draft: {draft.verdict.value}, {len(issues)} objections", not issues)
