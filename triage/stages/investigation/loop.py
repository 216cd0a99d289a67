"""The investigation's turns: what to ask next and when to stop."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from triage.domain.evidence import Evidence
from triage.domain.finding import Issue, IssueCode
from triage.domain.verdict import Draft
from triage.errors import ModelError
from triage.ports import Capabilities, ChatReply, QueryLimits, ToolCall
from triage.stages.investigation.briefing import Briefing
from triage.stages.investigation.budget import Budget
from triage.stages.investigation.conversation import Conversation
from triage.stages.investigation.draft import as_stored, inconclusive, parse_draft
from triage.stages.investigation.ledger import MAX_CALLS, EvidenceLedger
from triage.stages.investigation.replies import (
    conclude_call,
    one_line,
    questions_in,
    why_no_call,
    why_no_result,
)
from triage.stages.investigation.steps import answer_issues, settle_answers
from triage.stages.investigation.values import Conclusion, ToolAnswer
from triage.stages.model_calls import ModelCall, ModelFailure, ReplyInvalid, endpoint_fault, leaks

Check = Callable[[Draft, tuple[Evidence, ...]], tuple[Issue, ...]]
RunTools = Callable[[str, Sequence[ToolCall], QueryLimits], Awaitable[tuple[ToolAnswer, ...]]]
"""Runs a turn's calls, under a journal key such as `tools/3`; gives one answer per call, in their order."""

_SHRINKS = 2
_ATTEMPTS = 5
"""Requests of one turn: the first, two after shrinking, two without a feature that the endpoint refuses."""
_IDLE_TURNS = 3
"""Turns without new evidence after which the model has to conclude."""


@dataclass(slots=True)
class TurnLoop:
    """One investigation, turn by turn. It reads no clock and does no effect but through `ask` and `run_tools`."""

    briefing: Briefing
    budget: Budget
    conversation: Conversation
    ledger: EvidenceLedger
    ask: Callable[[ModelCall], Awaitable[ChatReply | ModelFailure]]
    run_tools: RunTools
    check: Check
    narrate: Callable[..., None]
    learned: Capabilities | None = None
    """What is left after what the endpoint refused. A model that merely calls no tool teaches nothing: a log may have
    asked it to."""
    notes: list[str] = field(default_factory=list)
    number: int = 0
    """Of the turn; turns that the day's budget refused count too, so that keys stay unique."""
    idle: int = 0
    nudged: bool = False
    repaired: bool = False
    objected: bool = False

    # ---- the turns -----------------------------------------------------------------------------------------------

    async def run(self) -> Conclusion:
        self.conversation.start()
        while self.conversation.capabilities.tools:
            reason = self.budget.exhausted(self.conversation.request(last=False))
            if reason or self.idle >= _IDLE_TURNS:
                return await self._last_turn(reason or "further calls bring nothing new")
            reply = await self._ask(last=False)
            if isinstance(reply, ModelFailure):
                return await self._last_turn(reply.message)
            if leaks(self.briefing.canary, reply):
                return self._leaked()
            if conclude_call(reply) is not None:
                return await self._settle(reply)
            if reply.tool_calls:
                await self._run_tools(reply)
            elif self.nudged:
                return await self._without_tools(reply)
            else:
                self.nudged = True
                self.conversation.add_reply(reply)
                self.conversation.add_user(self.briefing.nudge(why_no_call(reply)))
        return await self._conclude()

    async def _without_tools(self, reply: ChatReply) -> Conclusion:
        """A model that calls no tool even when asked to may still write a result."""
        self.narrate(f"{why_no_call(reply)}, twice; asking for a result in JSON", False)
        self.notes.append("The model called no tools, so it had to give its result in JSON.")
        self.conversation.add_reply(reply)
        self.conversation.drop_feature("tools")
        return await self._conclude()

    async def _last_turn(self, reason: str) -> Conclusion:
        self.notes.append(f"The investigation stopped at its budget: {reason}.")
        self.conversation.add_user(self.briefing.last_turn(reason))
        return await self._conclude()

    async def _conclude(self) -> Conclusion:
        """The turn in which the model may only conclude."""
        refusal = self._fit(in_time=False)
        if refusal:
            return self._give_up(refusal)
        reply = await self._ask(last=True)
        if isinstance(reply, ModelFailure):
            return self._give_up(reply.message, unpaid=True)
        return await self._settle(reply)

    async def _settle(self, reply: ChatReply) -> Conclusion:
        """Take the result; send it back once for its form and once for its citations."""
        best: Draft | None = None
        while True:
            if leaks(self.briefing.canary, reply):
                return self._leaked()
            found = self._draft(reply)
            if isinstance(found, Draft):
                best = found
                issues = [issue for issue in self.check(found, tuple(self.ledger.evidence)) if issue.fatal]
                issues += answer_issues(found, self.ledger.evidence, self.briefing.steps, name_open=bool(issues))
                # One question may be what is missing, if there is anything left to ask it with.
                may_ask = not self.objected and any(issue.code is IssueCode.UNANSWERED_FLAG for issue in issues)
                may_ask = may_ask and self.conversation.capabilities.tools and not self._spent()
                again = "" if self.objected or not issues else self.briefing.objections(issues, may_ask=may_ask)
                self.objected = True
                self._narrate_draft(found, issues)
                problems: tuple[str, ...] = ()
            else:
                problems = found
                may_ask = False
                again = "" if self.repaired else self.briefing.repair(found)
                self.repaired = True
                self.narrate(f"result: {len(found)} problems", False)
            if not again:
                if best is not None:
                    return self._end(best)
                if fault := endpoint_fault(reply):
                    raise ModelError(fault)
                return self._give_up(f"no valid result ({one_line(problems)})")
            self.conversation.send_back(reply, again)
            refusal = self._fit()
            if refusal:
                return self._end(best) if best is not None else self._give_up(refusal)
            answer = await self._ask(last=not may_ask)
            if may_ask and isinstance(answer, ChatReply) and answer.tool_calls and conclude_call(answer) is None:
                if leaks(self.briefing.canary, answer):
                    return self._leaked()
                await self._run_tools(answer)
                if self._fit() and best is not None:
                    return self._end(best)
                answer = await self._ask(last=True)
            if isinstance(answer, ModelFailure):
                if best is not None:
                    return self._end(best)
                return self._give_up(answer.message, unpaid=True)
            reply = answer

    def _spent(self) -> bool:
        """Whether the budget allows no further question."""
        return not self.budget.queries_left or bool(self.budget.exhausted(self.conversation.request(last=False)))

    # ---- asking the model ----------------------------------------------------------------------------------------

    async def _ask(self, *, last: bool) -> ChatReply | ModelFailure:
        """Ask, and ask in other forms where the endpoint refuses; a failure is one of the day's budget.

        Raises:
            ModelError: There is no other form.
        """
        self.number += 1
        shrunk = 0
        for attempt in range(_ATTEMPTS):
            key = f"model/{self.number}" + (f".{attempt}" if attempt else "")
            # Without tools every turn is one that concludes.
            request = self.conversation.request(last=last)
            cost = self.budget.estimate(request)
            self.narrate(f"turn {self.number}: about {cost.prompt_tokens} tokens to the model")
            final = shrunk >= _SHRINKS or attempt == _ATTEMPTS - 1
            answer = await self.ask(ModelCall(key, request, cost, concluding=last, final=final))
            if isinstance(answer, ChatReply):
                self.budget.count_turn(request, answer)
                return answer
            self.narrate(answer.message, False)
            if answer.unpaid:
                return answer
            self.budget.count_failure(request)
            if answer.unsupported and self.conversation.drop_feature(answer.unsupported):
                self.learned = self.conversation.capabilities
                self.notes.append(
                    f"The model's endpoint doesn't support {answer.unsupported}; the run went on without it."
                )
            elif answer.overflow and shrunk < _SHRINKS:
                self.conversation.shrink(hard=shrunk > 0)
                shrunk += 1
            else:
                raise answer.error()
            if self.budget.refusal(self.conversation.request(last=last)):
                raise answer.error()
        raise AssertionError("the last attempt returns or raises")

    def _fit(self, *, in_time: bool = True) -> str:
        """Make room until one more turn fits the token budget; returns why not if it can't."""
        for hard in (False, True):
            refusal = self.budget.refusal(self.conversation.request(last=True), in_time=in_time)
            if not refusal:
                return ""
            self.conversation.shrink(hard=hard)
        return self.budget.refusal(self.conversation.request(last=True), in_time=in_time)

    async def _run_tools(self, reply: ChatReply) -> None:
        calls = reply.tool_calls[:MAX_CALLS]
        if len(calls) < len(reply.tool_calls):
            self.notes.append(f"{len(reply.tool_calls) - len(calls)} tool calls of one turn were not run.")
        self.conversation.add_reply(reply, calls)
        new = self.ledger.plan(calls)
        limits = self.budget.limits(sum(map(questions_in, new)))
        answers = await self.run_tools(f"tools/{self.number}", new, limits) if new else ()
        brought = self.ledger.take(new, answers)
        paged = self.ledger.paged
        for call in calls:
            given = brought.get(call.id)
            text = self.ledger.text_for(call, given, len(calls))
            self.conversation.add_tool_result(call, text, given.answers if given is not None else ())
        fresh = any(entry.evidence is not None and not entry.failed for entry in brought.values())
        self.idle = 0 if fresh or self.ledger.paged > paged else self.idle + 1

    # ---- the result ----------------------------------------------------------------------------------------------

    def _draft(self, reply: ChatReply) -> Draft | tuple[str, ...]:
        """The draft in a reply, or everything that is wrong with it."""
        call = conclude_call(reply)
        if call is None and not reply.content.strip():
            return (why_no_result(reply),)
        text = reply.content if call is None else call.arguments
        try:
            draft = parse_draft(text, steps=self.briefing.texts, finish_reason=reply.finish_reason)
        except ReplyInvalid as error:
            return error.problems
        return as_stored(draft, self.ledger.evidence)

    def _give_up(self, reason: str, *, unpaid: bool = False) -> Conclusion:
        self.narrate(f"inconclusive: {reason}", False)
        return self._end(inconclusive(reason, steps=self.briefing.texts), unpaid=unpaid, failed=reason)

    def _leaked(self) -> Conclusion:
        self.notes.append("The model wrote out its own instructions; its result was thrown away.")
        return self._give_up("it wrote out its own instructions, which a text in the data may have asked for")

    def _end(self, draft: Draft, *, unpaid: bool = False, failed: str = "") -> Conclusion:
        budget = self.budget
        if self.conversation.cut:
            self.notes.append("Rows were left out of the conversation, which was too long for the model.")
        if self.ledger.failed:
            self.notes.append(f"{self.ledger.failed} of the model's {budget.tool_calls} tool calls failed.")
        if budget.repeated:
            self.notes.append(
                f"{budget.repeated} of the model's {budget.tool_calls} tool calls repeated an earlier one."
            )
        return Conclusion(
            draft=settle_answers(draft, self.ledger.evidence, self.briefing.steps),
            evidence=tuple(self.ledger.evidence),
            usage=budget.usage,
            notes=tuple(dict.fromkeys(self.notes)),
            learned=self.learned,
            unpaid=unpaid,
            failed=failed,
        )

    def _narrate_draft(self, draft: Draft, issues: list[Issue]) -> None:
        for number, finding in enumerate(draft.findings, 1):
            cited = ", ".join(dict.fromkeys(citation.evidence for citation in finding.citations))
            self.narrate(f"finding {number}, {finding.direction.value}: {one_line(finding.text)} [{cited}]")
        for issue in issues:
            where = f"finding {issue.finding} doesn't hold" if issue.finding else "result doesn't hold"
            where = "a flag is open" if issue.code is IssueCode.UNANSWERED_FLAG else where
            self.narrate(f"{where}: {one_line(issue.message)}", False)
        self.narrate(f"draft: {draft.verdict.value}, {len(issues)} objections", not issues)
