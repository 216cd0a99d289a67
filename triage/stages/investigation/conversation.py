"""What the model has been told and has said, in the form that its endpoint takes, and what of it makes room."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence
from triage.ports import Capabilities, ChatReply, ChatRequest, Message, ToolCall
from triage.stages.investigation.briefing import Briefing
from triage.stages.investigation.budget import Budget
from triage.stages.investigation.replies import HISTORY_CHARS, concluding, kept
from triage.stages.investigation.tools import CONCLUDE, conclude_spec, result_schema, tool_specs

DOSSIER_CHARS = 60_000
LEAST_DOSSIER_CHARS = 6_000
_CHARS_PER_TOKEN = 3


class Means(Enum):
    """How an endpoint is made to give a result."""

    TOOL = "tool"
    """By calling `conclude`, strictly where it can."""
    SCHEMA = "schema"
    """By a reply in a JSON schema, in a request without tools."""
    TEXT = "text"
    """By a reply that holds the JSON."""


def means_of(capabilities: Capabilities) -> Means:
    """The most reliable means that an endpoint has."""
    if capabilities.tools and (capabilities.strict_tools or not capabilities.json_schema):
        return Means.TOOL
    return Means.SCHEMA if capabilities.json_schema else Means.TEXT


@dataclass(slots=True)
class _Shown:
    """A tool message of the conversation whose rows may have to make room."""

    place: int
    evidence: Evidence
    removed: bool = False


@dataclass(slots=True)
class Conversation:
    """One alert's messages. Everything that is added here stays within bounds and is sound for any server."""

    dossier: Dossier
    briefing: Briefing
    budget: Budget
    capabilities: Capabilities
    messages: list[Message] = field(default_factory=list)
    cut: bool = False
    """Rows were left out to make room."""
    _shown: list[_Shown] = field(default_factory=list)
    _chars: int = DOSSIER_CHARS

    def open(self) -> None:
        """Instructions, then the dossier, as long as the budget of tokens lets it be."""
        budget = self.budget
        affordable = budget.tokens_left - 3 * budget.max_output_tokens
        chars = affordable * _CHARS_PER_TOKEN // (budget.settings.max_turns + 2)
        self._chars = max(min(DOSSIER_CHARS, chars), LEAST_DOSSIER_CHARS)
        self.messages = []
        self._begin()

    def _begin(self) -> None:
        """Put the first two messages in place: at the start, and again when the endpoint or the room has changed."""
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
            queries=max(self.budget.settings.max_queries - self.budget.before.queries, 0),
        )

    # ---- what is sent ----------------------------------------------------------------------------------------------

    def request(self, *, last: bool) -> ChatRequest:
        """The next request.

        Args:
            last: The model may only conclude. Tools and a response format never stand in one request.
        """
        budget, can = self.budget, self.capabilities
        if can.tools and not last:
            return ChatRequest(
                messages=tuple(self.messages),
                tools=tool_specs(strict=can.strict_tools),
                max_tokens=budget.max_output_tokens,
            )
        match means_of(can):
            case Means.TOOL:
                return ChatRequest(
                    messages=tuple(self.messages),
                    tools=(conclude_spec(strict=can.strict_tools),),
                    tool_choice=CONCLUDE,
                    max_tokens=budget.max_output_tokens,
                )
            case Means.SCHEMA:
                return ChatRequest(
                    messages=self._asking_for_json(),
                    response_schema=result_schema(),
                    max_tokens=budget.max_output_tokens,
                )
            case Means.TEXT:
                return ChatRequest(messages=self._asking_for_json(), max_tokens=budget.max_output_tokens)

    def _asking_for_json(self) -> tuple[Message, ...]:
        form = Message(role="user", content=self.briefing.form(json.dumps(result_schema(), separators=(",", ":"))))
        return merged((*flattened(self.messages), form))

    # ---- what is added ---------------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Our own words."""
        self.messages.append(Message(role="user", content=text))

    def heard(self, reply: ChatReply, calls: Sequence[ToolCall] = ()) -> None:
        """What the model wrote, and those of its calls that will be answered."""
        content = reply.content[:HISTORY_CHARS]
        if calls:
            found = tuple(kept(call) for call in calls)
            self.messages.append(Message(role="assistant", content=content, tool_calls=found))
        else:
            self.messages.append(Message(role="assistant", content=content or "(nothing)"))

    def answer(self, call: ToolCall, text: str, evidence: Evidence | None = None) -> None:
        """The answer to a call; one with evidence may have to make room later."""
        if evidence is not None:
            self._shown.append(_Shown(len(self.messages), evidence))
        self.messages.append(Message(role="tool", content=text, tool_call_id=call.id))

    def send_back(self, reply: ChatReply, text: str) -> None:
        """Give a result back with what is wrong with it."""
        call = concluding(reply)
        if call is None or not reply.tool_calls:
            self.heard(reply)
            self.say(text)
        else:
            self.heard(reply, (call,))
            self.answer(call, text)

    # ---- what makes room -------------------------------------------------------------------------------------------

    def shrink(self, *, hard: bool) -> None:
        """Let the oldest tool rows go, half of them at first; then all of them and most of the dossier's rows."""
        left = [entry for entry in self._shown if not entry.removed]
        gone = left if hard else left[: (len(left) + 1) // 2]
        for entry in gone:
            entry.removed = True
            content = self.briefing.removed(entry.evidence)
            self.messages[entry.place] = self.messages[entry.place].model_copy(update={"content": content})
        if hard or not gone:
            self._chars = max(self._chars // 3, LEAST_DOSSIER_CHARS // 2)
            self._begin()
        self.cut = True

    def lacks(self, feature: str) -> bool:
        """Go on without a feature that the endpoint has refused; false where it is not in use."""
        changed = self.capabilities.without(feature)
        if changed == self.capabilities:
            return False
        self.capabilities = changed
        self._begin()
        return True


def flattened(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The same conversation without tool calls: servers refuse those in a request that offers no tools."""
    found = []
    for message in messages:
        if message.role == "tool":
            found.append(Message(role="user", content=message.content))
        elif message.tool_calls:
            calls = "\n".join(f"{call.name} {call.arguments}" for call in message.tool_calls)
            found.append(
                Message(role="assistant", content="\n".join(part for part in (message.content, calls) if part))
            )
        else:
            found.append(message)
    return merged(found)


def merged(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Neighbours of one role as one message: some chat templates want user and assistant to take turns."""
    found: list[Message] = []
    for message in messages:
        if found and found[-1].role == message.role and not message.tool_calls:
            found[-1] = message.model_copy(update={"content": f"{found[-1].content}\n\n{message.content}"})
        else:
            found.append(message)
    return tuple(found)
