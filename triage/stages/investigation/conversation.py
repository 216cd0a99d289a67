"""The messages to and from the model, in a form that its endpoint takes, and what of them is cut to make room."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence
from triage.ports import Capabilities, ChatReply, ChatRequest, Message, ToolCall
from triage.stages.investigation.briefing import Briefing
from triage.stages.investigation.budget import Budget
from triage.stages.investigation.replies import HISTORY_CHARS, conclude_call, sound_call
from triage.stages.investigation.tools import conclude_spec, result_schema, tool_specs
from triage.stages.model_calls import BYTES_PER_TOKEN, result_request

DOSSIER_CHARS = 60_000
MIN_DOSSIER_CHARS = 6_000


@dataclass(slots=True)
class _ToolRows:
    """A tool message whose rows may have to make room."""

    index: int
    evidence: tuple[Evidence, ...]
    removed: bool = False


@dataclass(slots=True)
class Conversation:
    """One alert's messages. Whatever the model writes, they stay within bounds and any server accepts them."""

    dossier: Dossier
    briefing: Briefing
    budget: Budget
    capabilities: Capabilities
    messages: list[Message] = field(default_factory=list)
    cut: bool = False
    """Rows were left out to make room."""
    _tool_rows: list[_ToolRows] = field(default_factory=list)
    _chars: int = DOSSIER_CHARS

    def start(self) -> None:
        """Instructions, then the dossier, as long as the token budget allows."""
        budget = self.budget
        affordable = budget.tokens_left - 3 * budget.context.max_output_tokens
        chars = affordable * BYTES_PER_TOKEN // (budget.settings.max_turns + 2)
        self._chars = max(min(DOSSIER_CHARS, chars), MIN_DOSSIER_CHARS)
        self.messages = []
        self._begin()

    def _begin(self) -> None:
        """Write the first two messages: at the start, and again when the endpoint or the room for them has changed."""
        start = [
            Message(role="system", content=self.briefing.system(tools=self.capabilities.tools)),
            Message(role="user", content=self._dossier()),
        ]
        self.messages[:2] = start

    def _dossier(self) -> str:
        return self.briefing.dossier(
            self.dossier,
            chars=self._chars,
            tools=self.capabilities.tools,
            turns=self.budget.settings.max_turns,
            queries=self.budget.queries_given,
        )

    # ---- what is sent ----------------------------------------------------------------------------------------------

    def request(self, *, last: bool) -> ChatRequest:
        """The next request.

        Args:
            last: The model may only conclude.
        """
        can, max_tokens = self.capabilities, self.budget.context.max_output_tokens
        if can.tools and not last:
            return ChatRequest(
                messages=tuple(self.messages), tools=tool_specs(strict=can.strict_tools), max_tokens=max_tokens
            )
        return result_request(
            self.messages,
            can,
            tool=conclude_spec(strict=can.strict_tools),
            schema=result_schema(),
            form=self.briefing.form(json.dumps(result_schema(), separators=(",", ":"))),
            max_tokens=max_tokens,
        )

    # ---- what is added ---------------------------------------------------------------------------------------------

    def add_user(self, text: str) -> None:
        """Our own words."""
        self.messages.append(Message(role="user", content=text))

    def add_reply(self, reply: ChatReply, calls: Sequence[ToolCall] = ()) -> None:
        """What the model wrote, and those of its calls that will be answered."""
        content = reply.content[:HISTORY_CHARS]
        if calls:
            found = tuple(sound_call(call) for call in calls)
            self.messages.append(Message(role="assistant", content=content, tool_calls=found, opaque=reply.opaque))
        else:
            self.messages.append(Message(role="assistant", content=content or "(nothing)", opaque=reply.opaque))

    def add_tool_result(self, call: ToolCall, text: str, evidence: tuple[Evidence, ...] = ()) -> None:
        """The answer to a call; one with evidence may have to make room later."""
        if evidence:
            self._tool_rows.append(_ToolRows(len(self.messages), evidence))
        self.messages.append(Message(role="tool", content=text, tool_call_id=call.id))

    def send_back(self, reply: ChatReply, text: str) -> None:
        """Return a result with what is wrong with it."""
        call = conclude_call(reply)
        if call is None or not reply.tool_calls:
            self.add_reply(reply)
            self.add_user(text)
        else:
            self.add_reply(reply, (call,))
            self.add_tool_result(call, text)

    # ---- what makes room -------------------------------------------------------------------------------------------

    def shrink(self, *, hard: bool) -> None:
        """Remove the oldest tool rows: half of them at first, then all of them and most of the dossier's rows."""
        left = [entry for entry in self._tool_rows if not entry.removed]
        gone = left if hard else left[: (len(left) + 1) // 2]
        for entry in gone:
            entry.removed = True
            content = "\n".join(map(self.briefing.removed, entry.evidence))
            self.messages[entry.index] = self.messages[entry.index].model_copy(update={"content": content})
        if hard or not gone:
            self._chars = max(self._chars // 3, MIN_DOSSIER_CHARS // 2)
            self._begin()
        self.cut = True

    def drop_feature(self, feature: str) -> bool:
        """Go on without a feature that the endpoint refused; false if it is not in use."""
        changed = self.capabilities.without(feature)
        if changed == self.capabilities:
            return False
        self.capabilities = changed
        self._begin()
        return True
