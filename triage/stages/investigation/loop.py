"""The investigation: it decides what to ask next and when to stop. Pure; whoever drives it performs the effects."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence, Source
from triage.domain.finding import Issue, IssueCode
from triage.domain.runbook import runbook_steps
from triage.domain.untrusted import Caps, Fence, instructions_in
from triage.domain.verdict import Draft
from triage.ports import ChatReply, ChatRequest, Message, Observer, Progress, Prompts, ToolCall
from triage.settings import InvestigationSettings
from triage.stages.investigation.briefing import Briefing
from triage.stages.investigation.budget import Budget, spent_on
from triage.stages.investigation.draft import DraftInvalid, inconclusive, parse_draft, restore_cut_values
from triage.stages.investigation.effects import (
    AskModel,
    Conclusion,
    Effect,
    ModelFailure,
    RunTools,
    ToolAnswer,
)
from triage.stages.investigation.replies import HISTORY_CHARS, canonical, concluding, kept, nothing, one_line
from triage.stages.investigation.tools import CONCLUDE, conclude_spec, tool_specs

Answer = ChatReply | ModelFailure | tuple[ToolAnswer, ...]
Check = Callable[[Draft, tuple[Evidence, ...]], tuple[Issue, ...]]
Steps = Generator[Effect, Answer, Conclusion]

QUERYING = frozenset({"query_lake", "search_indicators", "more_events"})
"""Tools that cost a query."""
_SHRINKS = 2
_MOST_CALLS = 12
"""Calls of one turn that are looked at."""
_IDLE_TURNS = 3
"""Turns without anything new after which the model has to conclude."""
_DOSSIER_CHARS = 60_000
_LEAST_DOSSIER_CHARS = 6_000
_LEAST_RESULT_CHARS = 2_000
_MOST_ISSUES = 20
_CONCLUDE_ONLY = (conclude_spec(),)


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
) -> Steps:
    """Investigate one alert.

    Args:
        dossier: What is known; its evidence is the start of the ledger.
        prompts: The templates.
        settings: Budgets: turns, queries, rows, bytes, tokens, seconds.
        max_output_tokens: Tokens of one reply.
        nonce: Random, of this run; marks the data in the prompt.
        check: What verification holds against a draft, in words for the model.
        observe: Told of each question and answer.
        elapsed: Seconds spent on effects so far; must be the same when effects are replayed.

    Yields:
        Effects. After `AskModel` send a `ChatReply` or a `ModelFailure`, after `RunTools` one `ToolAnswer` per call in
        the order of the calls.

    Returns:
        The conclusion. Whatever the model does, there is one: at most `max_turns` turns, then one to conclude, one to
        repair its form and one to correct its citations, each only where the budgets allow it.
    """
    loop = _Loop(
        dossier=dossier,
        briefing=Briefing(prompts, Fence(nonce), runbook_steps(dossier.detection.runbook or dossier.alert.runbook)),
        budget=Budget(settings, max_output_tokens, elapsed, before=spent_on(dossier.evidence)),
        check=check,
        observe=observe,
        evidence=list(dossier.evidence),
    )
    return loop.run()


@dataclass(slots=True)
class _Shown:
    """A tool message of the conversation whose rows may have to make room."""

    place: int
    evidence: Evidence
    removed: bool = False


@dataclass(slots=True)
class _Loop:
    dossier: Dossier
    briefing: Briefing
    budget: Budget
    check: Check
    observe: Observer
    evidence: list[Evidence]
    messages: list[Message] = field(default_factory=list)
    shown: list[_Shown] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)
    """Canonical call to what it gave: an evidence id, or words."""
    notes: list[str] = field(default_factory=list)
    dossier_chars: int = _DOSSIER_CHARS
    idle: int = 0
    nudged: bool = False
    repaired: bool = False
    objected: bool = False
    failed_calls: int = 0

    # ---- the way through -----------------------------------------------------------------------------------------

    def run(self) -> Steps:
        self._open()
        while True:
            reason = self.budget.exhausted(self._request()) or ("further calls bring nothing new" if self._idle else "")
            if reason:
                return (yield from self._last_turn(reason))
            reply = yield from self._ask(last=False)
            if isinstance(reply, ModelFailure):
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
                return self._give_up(f"{nothing(reply)}, twice")
            else:
                self._nudge(reply)

    @property
    def _idle(self) -> bool:
        return self.idle >= _IDLE_TURNS

    def _open(self) -> None:
        budget = self.budget
        affordable = (budget.tokens_left - 3 * budget.max_output_tokens) * 3 // (budget.settings.max_turns + 2)
        self.dossier_chars = max(min(_DOSSIER_CHARS, affordable), _LEAST_DOSSIER_CHARS)
        self.messages = [
            Message(role="system", content=self.briefing.system()),
            Message(role="user", content=self._dossier()),
        ]

    def _dossier(self) -> str:
        return self.briefing.dossier(
            self.dossier,
            chars=self.dossier_chars,
            turns=self.budget.settings.max_turns,
            queries=max(self.budget.settings.max_queries - self.budget.before.queries, 0),
        )

    def _last_turn(self, reason: str) -> Steps:
        self.notes.append(f"The investigation stopped at its budget: {reason}.")
        self.messages.append(Message(role="user", content=self.briefing.last_turn(reason)))
        refusal = self._fit(in_time=False)
        if refusal:
            return self._give_up(refusal)
        reply = yield from self._ask(last=True)
        if isinstance(reply, ModelFailure):
            return self._give_up(reply.message)
        return (yield from self._settle(reply))

    def _settle(self, reply: ChatReply) -> Steps:
        """Take the result; send it back once for its form and once for its citations."""
        best: Draft | None = None
        while True:
            if self._leaks(reply):
                return self._leaked()
            found = self._draft(reply)
            wrong = () if isinstance(found, Draft) else found
            if isinstance(found, Draft):
                best = found
                issues = [issue for issue in self.check(found, tuple(self.evidence)) if issue.fatal]
                again = "" if self.objected or not issues else self.briefing.objections(issues)
                self.objected = True
                self._tell(f"draft: {found.verdict.value}, {len(issues)} objections", ok=not issues)
            else:
                again = "" if self.repaired else self.briefing.repair(found)
                self.repaired = True
                self._tell(f"draft: {len(found)} problems", ok=False)
            if not again:
                return self._end(best) if best is not None else self._give_up(f"no valid result ({one_line(wrong)})")
            self._return(reply, again)
            refusal = self._fit()
            if refusal:
                return self._end(best) if best is not None else self._give_up(refusal)
            answer = yield from self._ask(last=True)
            if isinstance(answer, ModelFailure):
                return self._end(best) if best is not None else self._give_up(answer.message)
            reply = answer

    # ---- asking the model ----------------------------------------------------------------------------------------

    def _request(self, *, last: bool = False) -> ChatRequest:
        return ChatRequest(
            messages=tuple(self.messages),
            tools=_CONCLUDE_ONLY if last else tool_specs(),
            tool_choice=CONCLUDE if last else "auto",
            max_tokens=self.budget.max_output_tokens,
        )

    def _ask(self, *, last: bool) -> Generator[Effect, Answer, ChatReply | ModelFailure]:
        self.budget.turns += 1
        for attempt in range(_SHRINKS + 1):
            key = f"model/{self.budget.turns}" + (f".{attempt}" if attempt else "")
            request = self._request(last=last)
            self._tell(f"turn {self.budget.turns}: about {self.budget.estimate(request)} tokens to the model")
            answer = yield AskModel(key, request)
            assert isinstance(answer, ChatReply | ModelFailure)
            if isinstance(answer, ChatReply):
                self.budget.spend_turn(request, answer)
                return answer
            self._tell(answer.message, ok=False)
            self.budget.spend_failure(request)
            if not answer.overflow or attempt == _SHRINKS or self.budget.refusal(self._request(last=last)):
                return answer
            self._shrink(hard=attempt > 0)
        raise AssertionError("the last attempt returns")

    def _fit(self, *, in_time: bool = True) -> str:
        """Make room until one more turn fits the token budget; gives why not, where it can't."""
        for hard in (False, True):
            refusal = self.budget.refusal(self._request(last=True), in_time=in_time)
            if not refusal:
                return ""
            self._shrink(hard=hard)
        return self.budget.refusal(self._request(last=True), in_time=in_time)

    def _shrink(self, *, hard: bool) -> None:
        """Let the oldest tool rows go, half of them at first; then all of them and most of the dossier's rows."""
        left = [entry for entry in self.shown if not entry.removed]
        gone = left if hard else left[: (len(left) + 1) // 2]
        for entry in gone:
            entry.removed = True
            content = self.briefing.removed(entry.evidence)
            self.messages[entry.place] = self.messages[entry.place].model_copy(update={"content": content})
        if hard or not gone:
            self.dossier_chars = max(self.dossier_chars // 3, _LEAST_DOSSIER_CHARS // 2)
            self.messages[1] = self.messages[1].model_copy(update={"content": self._dossier()})
        self.notes.append("Rows were left out of the conversation, which was too long for the model.")

    def _nudge(self, reply: ChatReply) -> None:
        self.nudged = True
        self.messages.append(Message(role="assistant", content=reply.content[:HISTORY_CHARS] or "(nothing)"))
        self.messages.append(Message(role="user", content=self.briefing.nudge(nothing(reply))))

    def _return(self, reply: ChatReply, text: str) -> None:
        """Send a result back."""
        call = concluding(reply)
        if call is None:
            self.messages.append(Message(role="assistant", content=reply.content[:HISTORY_CHARS] or "(nothing)"))
            self.messages.append(Message(role="user", content=text))
            return
        self.messages.append(Message(role="assistant", content=reply.content[:HISTORY_CHARS], tool_calls=(kept(call),)))
        self.messages.append(Message(role="tool", content=text, tool_call_id=call.id))

    def _draft(self, reply: ChatReply) -> Draft | tuple[str, ...]:
        """The draft of a reply, or all that is wrong with it."""
        call = concluding(reply)
        if call is None and (reply.refusal or not reply.content.strip()):
            return (f"the model refused: {one_line(reply.refusal)}" if reply.refusal else "`conclude` was not called",)
        text = reply.content if call is None else call.arguments
        try:
            draft = parse_draft(text, steps=self.briefing.steps, finish_reason=reply.finish_reason)
        except DraftInvalid as error:
            return error.problems
        return restore_cut_values(draft, self.evidence)

    def _leaks(self, reply: ChatReply) -> bool:
        canary = self.briefing.canary
        return canary in reply.content or any(canary in call.arguments for call in reply.tool_calls)

    # ---- tools ---------------------------------------------------------------------------------------------------

    def _run_tools(self, reply: ChatReply) -> Generator[Effect, Answer, None]:
        calls = reply.tool_calls[:_MOST_CALLS]
        left = len(reply.tool_calls) - len(calls)
        if left:
            self.notes.append(f"{left} tool calls of one turn were not run.")
        self.messages.append(
            Message(
                role="assistant",
                content=reply.content[:HISTORY_CHARS],
                tool_calls=tuple(kept(call) for call in calls),
            )
        )
        self.budget.tool_calls += len(calls)
        new = self._plan(calls)
        answers: tuple[ToolAnswer, ...] = ()
        if new:
            for call in new:
                self._tell(f"{call.name} {one_line(call.arguments)}")
            answer = yield RunTools(f"tools/{self.budget.turns}", new, self.budget.limits(len(new)))
            assert isinstance(answer, tuple)
            answers = answer
        brought = self._take(new, answers)
        for call in calls:
            self._show(call, brought.get(call.id), len(calls))
        self.idle = (
            0 if any(entry.evidence is not None and not entry.failed for entry in brought.values()) else self.idle + 1
        )

    def _plan(self, calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
        """The calls that have to be run: each question once, as long as there is budget."""
        queries = self.budget.queries_left if self.budget.rows_left and self.budget.bytes_left else 0
        planned: dict[str, ToolCall] = {}
        for call in calls:
            question = canonical(call)
            if question in self.known or question in planned:
                continue
            if call.name in QUERYING:
                if queries == 0:
                    continue
                queries -= 1
            planned[question] = call
        return tuple(planned.values())

    def _take(self, calls: Sequence[ToolCall], answers: Sequence[ToolAnswer]) -> dict[str, ToolAnswer]:
        """Number the evidence in the order of the calls and remember what each question gave."""
        brought: dict[str, ToolAnswer] = {}
        for call, given in zip(calls, answers, strict=True):
            answer = given
            self.budget.spend_tool(answer)
            self.failed_calls += answer.failed
            if answer.evidence is not None:
                number = 1 + max((int(entry.id[1:]) for entry in self.evidence), default=0)
                evidence = answer.evidence.model_copy(update={"id": f"E{number}"})
                self.evidence.append(evidence)
                answer = answer.model_copy(update={"evidence": evidence})
                rows = f"{evidence.row_count} rows" if evidence.answered else one_line(evidence.error)
                self._tell(f"{evidence.id}: {rows}", ok=evidence.answered)
            elif answer.failed:
                self._tell(one_line(answer.content), ok=False)
            self.known[canonical(call)] = answer.evidence.id if answer.evidence is not None else answer.content
            brought[call.id] = answer
        return brought

    def _show(self, call: ToolCall, answer: ToolAnswer | None, calls: int) -> None:
        """Add the tool message that answers a call."""
        caps = Caps()
        caps = Caps(caps.field, caps.row, caps.rows, max(caps.chars // calls, _LEAST_RESULT_CHARS))
        if answer is None:
            earlier = self.known.get(canonical(call))
            text = (
                "Not run: the budget of queries, rows or bytes is used up. Conclude from what you have."
                if earlier is None
                else f"You asked this before. The answer is: {self.briefing.words(earlier)}"
            )
        elif answer.evidence is not None:
            text = self.briefing.tool_result(answer.evidence, answer.content, caps)
            self.shown.append(_Shown(len(self.messages), answer.evidence))
        else:
            text = self.briefing.words(answer.content)
        self.messages.append(Message(role="tool", content=text, tool_call_id=call.id))

    # ---- the end -------------------------------------------------------------------------------------------------

    def _give_up(self, reason: str) -> Conclusion:
        self._tell(f"inconclusive: {reason}", ok=False)
        return self._end(inconclusive(reason, steps=self.briefing.steps))

    def _leaked(self) -> Conclusion:
        self.notes.append("The model wrote out its own instructions; its result was thrown away.")
        return self._give_up("it wrote out its own instructions, which a text in the data may have asked for")

    def _end(self, draft: Draft) -> Conclusion:
        if self.failed_calls:
            self.notes.append(f"{self.failed_calls} of the model's {self.budget.tool_calls} tool calls failed.")
        return Conclusion(
            draft=draft,
            evidence=tuple(self.evidence),
            usage=self.budget.usage,
            notes=tuple(dict.fromkeys(self.notes)),
            issues=self._injections(),
        )

    def _injections(self) -> tuple[Issue, ...]:
        """Attempts to instruct the reader, in the alert's events and in what the tools gave."""
        found: list[Issue] = []
        for entry in self.evidence:
            if entry.source not in {Source.EVENTS, Source.TOOL}:
                continue
            for number, row in enumerate(entry.rows):
                for path in instructions_in(row):
                    message = f"{entry.id} row {number} {path[:200]} tries to instruct whoever reads it"
                    found.append(Issue(code=IssueCode.INJECTION, message=message, fatal=False))
                    if len(found) == _MOST_ISSUES:
                        return tuple(found)
        return tuple(found)

    def _tell(self, text: str, *, ok: bool = True) -> None:
        self.observe(Progress("investigate", text, ok))
