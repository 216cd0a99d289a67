"""Model endpoints as they are: one behaviour each, seen in public bug reports, over a model that investigates well.

A behaviour is a function from a request's JSON to an answer. It refuses what its server refuses, in that server's words,
and lets the rest through to `investigator`.
"""

import itertools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.llm import Reply, able, call, calling, completion, concluding, is_probe, recipe
from tests.support.loopback import respond

Serve = Callable[[dict[str, Any]], Reply]

DOORS = {"sql": "SELECT door, state FROM panther_logs.public.custom_door ORDER BY door", "reason": "Which doors?"}
CODE_WORD = re.compile(r"The code word is ([\w-]+)")
OPINION = {"flags": [], "disposition": "suspicious", "confidence": 0.6, "reason": "The facts show little [1]."}


def offered(asked: Mapping[str, Any]) -> set[str]:
    """Names of the tools on offer."""
    return {tool["function"]["name"] for tool in asked.get("tools", ())}


def user_text(asked: Mapping[str, Any]) -> str:
    """Everything in the user's messages."""
    return "\n".join(message["content"] or "" for message in asked["messages"] if message["role"] == "user")


def the_draft(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A valid result that cites the first event."""
    return {**recipe(user_text(asked)), "confidence": 0.85}


def investigator(asked: dict[str, Any]) -> dict[str, Any]:
    """Asks one thing, then another, then concludes; as a judge it gives an opinion; without tools it writes JSON."""
    if is_probe(asked):
        return able(asked)
    if offered(asked) == {"note"}:
        done = sum(message["role"] == "tool" for message in asked["messages"])
        return calling(call("note", {"word": "beta"})) if done == 1 else completion("Noted both.")
    if word := CODE_WORD.search(json.dumps(asked["messages"][0])):
        return completion(word[1])
    if "weigh" in offered(asked):
        return calling(call("weigh", OPINION))
    if "conclude" not in offered(asked):
        judging = "disposition" in json.dumps(asked.get("response_format", "")) or "disposition" in user_text(asked)
        return completion(json.dumps(OPINION if judging else the_draft(asked)))
    turns = sum(message["role"] == "assistant" for message in asked["messages"])
    if turns == 0 and "query_lake" in offered(asked):
        return calling(call("query_lake", DOORS))
    if turns == 1 and "list_tables" in offered(asked):
        return calling(call("list_tables", {"database": "panther_logs"}))
    return concluding(the_draft(asked))


def refuses(message: str, status: int = 400, **more: Any) -> Reply:
    """An error in OpenAI's shape."""
    return (status, {}, {"error": {"message": message, **more}})


def always(reply: Reply) -> Serve:
    """The same answer to everything."""
    return lambda _asked: reply


def unless(refused: Callable[[dict[str, Any]], bool], reply: Reply, inner: Serve = investigator) -> Serve:
    """Refuses some requests and lets the others through."""
    return lambda asked: reply if refused(asked) else inner(asked)


def changed(change: Callable[[dict[str, Any], dict[str, Any]], Any], inner: Serve = investigator) -> Serve:
    """Changes the message of each reply; gets the message and the request."""

    def serve(asked: dict[str, Any]) -> Reply:
        reply: dict[str, Any] = json.loads(json.dumps(inner(asked)))
        change(reply["choices"][0]["message"], asked)
        return reply

    return serve


@dataclass(frozen=True)
class Behaviour:
    """One way of an endpoint."""

    name: str
    serve: Serve
    done: bool = True
    """Whether alerts are investigated all the same."""
    reason: str = ""
    """Stands in the reason of an unfinished alert."""
    learns: int = 0
    """Refused requests of the first alert at most; later ones have none."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the section `llm`."""
    investigation: Mapping[str, Any] = field(default_factory=dict)
    """Of the section `investigation`."""


# ---- faults of configuration -----------------------------------------------------------------------------------------

GEMINI = {"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT"}
STREAM = {"choices": [{"index": 0, "delta": {"content": "Hello"}}]}

FAULTS = [
    Behaviour("a wrong key in a 400", always(refuses(str(GEMINI["message"]), code=400)), False, "llm.api_key"),
    Behaviour("a wrong key in a 400, as a list", always((400, {}, [{"error": GEMINI}])), False, "llm.api_key"),
    Behaviour("a wrong key in a 400, inside a 200", always(respond([{"error": GEMINI}])), False, "llm.api_key"),
    Behaviour("a wrong key", always(refuses("Incorrect API key provided", 401)), False, "llm.api_key"),
    Behaviour("a key without the model", always(refuses("Project does not have access to model `m`", 403)), False, "llm.model"),
    Behaviour("an unknown model in a 400", always(refuses("The model `m` does not exist")), False, "llm.model"),
    Behaviour("a stream-only server", always(refuses("This model only support stream mode, please enable the stream parameter")), False, "only streams"),
    Behaviour("a page of server-sent events", always(respond(f"data: {json.dumps(STREAM)}\n\ndata: [DONE]\n\n", content_type="text/event-stream")), False, "only streams"),
    Behaviour("a page of HTML", always(respond("<html><body>Sign in</body></html>", content_type="text/html")), False, "did not answer in JSON"),
    Behaviour("a page of HTML in a 403", always((403, {}, "<html>blocked</html>")), False, "403"),
    Behaviour("a model for v1/responses only", always(refuses("This model is only supported in v1/responses and not in v1/chat/completions.", 404)), False, "v1/responses"),
    Behaviour("the same in a 400", always(refuses("This is not a chat model; use the Responses API")), False, "v1/responses"),
    Behaviour("no quota", always(refuses("You exceeded your current quota", 429, code="insufficient_quota")), False, "quota"),
    Behaviour("a 400 without words", always((400, {}, "")), False, "400"),
    Behaviour("JSON that is no completion", always(respond('{"ok": true}')), False, "not a completion"),
    Behaviour("empty replies", always(completion("")), False, "replies are empty"),
    Behaviour("no choices", always({"choices": []}), False, "replies are empty"),
    Behaviour("busy for ever", always(refuses("overloaded", 529)), False, "overloaded"),
]  # fmt: skip

# ---- what one alert's text brings about ------------------------------------------------------------------------------

AZURE_FILTER: dict[str, Any] = {"code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}}
OF_ALERT = [
    Behaviour("a filter before the model", always(refuses("The response was filtered due to the prompt triggering Azure OpenAI's content management policy.", **AZURE_FILTER)), False, "content filter"),
    Behaviour("a filter after the model", always(completion("", finish_reason="content_filter")), False, "content filter"),
    Behaviour("a prompt that is flagged", always(refuses("Invalid prompt: your prompt was flagged", code="invalid_prompt")), False, "content filter"),
    Behaviour("a refusal", always(completion(refusal="I can't help with that.")), False, "a person has to look"),
    Behaviour("a window that nothing fits", always(refuses("maximum context length is 10", code="context_length_exceeded")), False, "too long"),
]  # fmt: skip

# ---- what goes back with the assistant's turn ------------------------------------------------------------------------

SIGNATURE = "EpwCCpkCAXLI2nz5" + "q+/aZ09" * 20


def _signed(message: dict[str, Any], _asked: dict[str, Any]) -> None:
    for entry in message.get("tool_calls", ()):
        entry["extra_content"] = {"google": {"thought_signature": SIGNATURE}}


def _unsigned(asked: dict[str, Any]) -> bool:
    """A call in the conversation has lost its signature."""
    calls = [entry for message in asked["messages"] for entry in message.get("tool_calls", ())]
    return any(entry.get("extra_content") != {"google": {"thought_signature": SIGNATURE}} for entry in calls)


def _reasoned(message: dict[str, Any], _asked: dict[str, Any]) -> None:
    message["reasoning_content"] = "I wonder about the doors."


def _forgot_reasoning(asked: dict[str, Any]) -> bool:
    return any(
        message["role"] == "assistant" and message.get("tool_calls") and not message.get("reasoning_content")
        for message in asked["messages"]
    )


def _has_reasoning(asked: dict[str, Any]) -> bool:
    return any("reasoning_content" in message for message in asked["messages"])


SENT_BACK = [
    Behaviour("thought signatures on calls", unless(_unsigned, refuses("Function call `query_lake` is missing a `thought_signature`"), changed(_signed))),
    Behaviour("reasoning that must come back", unless(_forgot_reasoning, refuses("The `reasoning_content` in the thinking mode must be passed back to the API."), changed(_reasoned))),
    Behaviour("reasoning that must not come back", unless(_has_reasoning, refuses("messages[2].reasoning_content: extra inputs are not permitted"), changed(_reasoned)), learns=1),
]  # fmt: skip

# ---- parameters ------------------------------------------------------------------------------------------------------


def _named(asked: dict[str, Any]) -> bool:
    return isinstance(asked.get("tool_choice"), dict)


def _holds(key: str) -> Callable[[dict[str, Any]], bool]:
    return lambda asked: f'"{key}"' in json.dumps([asked.get("tools"), asked.get("response_format")])


PARAMETERS = [
    Behaviour("max_completion_tokens wanted", unless(lambda asked: "max_tokens" in asked, refuses("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", param="max_tokens")), learns=1),
    Behaviour("no temperature", unless(lambda asked: "temperature" in asked, refuses("Unsupported value: 'temperature' does not support 0.2 with this model.", param="temperature")), learns=1, settings={"temperature": 0.2}),
    Behaviour("no reasoning_effort", unless(lambda asked: "reasoning_effort" in asked, refuses("Unrecognized request argument supplied: reasoning_effort")), learns=1, settings={"reasoning_effort": "low"}),
    Behaviour("tool_choice as a word only", unless(_named, refuses("tool_choice must be a string: none, auto or required")), learns=1),
    Behaviour("tool_choice auto only", unless(lambda asked: asked.get("tool_choice", "auto") != "auto", refuses("tool_choice: only 'auto' is supported")), learns=1),
    Behaviour("no tool_choice", unless(lambda asked: "tool_choice" in asked, refuses("Unknown parameter: 'tool_choice'.", param="tool_choice")), learns=1),
    Behaviour("additionalProperties refused", unless(_holds("additionalProperties"), refuses('Invalid JSON payload received. Unknown name "additionalProperties" at tools[0].function_declarations[0].parameters: Cannot find field.')), learns=1),
    Behaviour("anyOf refused", unless(_holds("anyOf"), refuses("schema type anyOf is not supported")), learns=1),
    Behaviour("strict unknown", unless(_holds("strict"), refuses("tools.0.function.strict: Extra inputs are not permitted")), learns=1),
    Behaviour("no system role", unless(lambda asked: asked["messages"][0]["role"] == "system", refuses("Developer instruction is not enabled for models/gemma-3-27b-it")), learns=1),
    Behaviour("no system role, from a template", unless(lambda asked: asked["messages"][0]["role"] == "system", refuses("System role not supported", 500)), learns=1),
]  # fmt: skip

# ---- roles and order -------------------------------------------------------------------------------------------------


def _user_after_tool(asked: dict[str, Any]) -> bool:
    roles = [message["role"] for message in asked["messages"]]
    return ("tool", "user") in itertools.pairwise(roles)


def _same_role_twice(asked: dict[str, Any]) -> bool:
    roles = [message["role"] for message in asked["messages"] if message["role"] != "system"]
    return any(one == two for one, two in itertools.pairwise(roles) if one != "tool")


def chatty(asked: dict[str, Any]) -> dict[str, Any]:
    """Says in words what it would do before it concludes, so that the conversation grows a nudge."""
    begun = any(message["role"] == "assistant" for message in asked["messages"])
    if "query_lake" in offered(asked) and not begun:
        return completion("I will look at the tables next.")
    return investigator(asked)


ORDER = [
    # After the only turn the model is told, by the user, that it may only conclude.
    Behaviour("no user after a tool", unless(_user_after_tool, refuses("Unexpected role 'user' after role 'tool'")), learns=1, investigation={"max_turns": 1}),
    Behaviour("roles must alternate", unless(_same_role_twice, refuses("Conversation roles must alternate user/assistant/user/assistant/...", 500), chatty), learns=1, investigation={"max_turns": 1}),
]  # fmt: skip

# ---- nearly right output ---------------------------------------------------------------------------------------------


def _arguments(change: Callable[[str], Any]) -> Serve:
    def serve(message: dict[str, Any], _asked: dict[str, Any]) -> None:
        for entry in message.get("tool_calls", ()):
            entry["function"]["arguments"] = change(entry["function"]["arguments"])

    return changed(serve)


def _in_calls(change: Callable[[dict[str, Any]], None]) -> Serve:
    def serve(message: dict[str, Any], _asked: dict[str, Any]) -> None:
        for entry in message.get("tool_calls", ()):
            change(entry)

    return changed(serve)


def _nested_as_strings(text: str) -> str:
    value = json.loads(text)
    return json.dumps({key: json.dumps(item) if isinstance(item, list | dict) else item for key, item in value.items()})


def _percentage(form: Any) -> Callable[[str], str]:
    def change(text: str) -> str:
        value = json.loads(text)
        return json.dumps({**value, "confidence": form} if "confidence" in value else value)

    return change


def _renamed(form: str) -> Callable[[dict[str, Any]], None]:
    def change(entry: dict[str, Any]) -> None:
        entry["function"]["name"] = form.format(entry["function"]["name"])

    return change


def _as_text(message: dict[str, Any], _asked: dict[str, Any]) -> None:
    calls = message.pop("tool_calls", ())
    texts = [
        {"name": entry["function"]["name"], "arguments": json.loads(entry["function"]["arguments"])} for entry in calls
    ]
    if texts:
        message["content"] = "\n".join(f"<tool_call>\n{json.dumps(text)}\n</tool_call>" for text in texts)


def _legacy(message: dict[str, Any], _asked: dict[str, Any]) -> None:
    calls = message.pop("tool_calls", ())
    if calls:
        message["function_call"] = calls[0]["function"]


def _without_id(entry: dict[str, Any]) -> None:
    entry["id"] = None


def _same_id(entry: dict[str, Any]) -> None:
    entry["id"] = "call_1"


NEARLY_RIGHT = [
    Behaviour("arguments as a string in a string", _arguments(json.dumps)),
    Behaviour("arguments as an object", _arguments(json.loads)),
    Behaviour("nested objects as strings", _arguments(_nested_as_strings)),
    Behaviour("a trailing comma", _arguments(lambda text: text[:-1] + ", }")),
    Behaviour("a code fence", _arguments(lambda text: f"```json\n{text}\n```")),
    Behaviour("confidence 85%", _arguments(_percentage("85%"))),
    Behaviour("confidence 85", _arguments(_percentage(85))),
    Behaviour("names in a namespace", _in_calls(_renamed("functions.{}"))),
    Behaviour("names with a channel", _in_calls(_renamed("{}<|channel|>commentary"))),
    Behaviour("calls as text", changed(_as_text)),
    Behaviour("a legacy function_call", changed(_legacy)),
    Behaviour("no ids", _in_calls(_without_id)),
    Behaviour("one id for all", _in_calls(_same_id)),
]

# ---- reasoning models ------------------------------------------------------------------------------------------------


def _thinker(asked: dict[str, Any]) -> Reply:
    """Spends up to 5,000 tokens on thinking."""
    limit = asked.get("max_tokens", asked.get("max_completion_tokens", 0))
    return completion("", finish_reason="length", completion_tokens=limit) if limit < 5_000 else investigator(asked)


def _thinks_aloud(message: dict[str, Any], _asked: dict[str, Any]) -> None:
    message["content"] = "<think>\nIs it {benign}?\n</think>\n\n" + (message["content"] or "")


def _files_answer(message: dict[str, Any], _asked: dict[str, Any]) -> None:
    message["reasoning_content"], message["content"] = message["content"], None


def without_tools(asked: dict[str, Any]) -> Reply:
    """A server without tools, whose model answers in JSON."""
    return refuses("this model does not support tools") if "tools" in asked else investigator(asked)


def _json_only(change: Callable[[dict[str, Any], dict[str, Any]], Any]) -> Serve:
    def serve(asked: dict[str, Any]) -> Reply:
        reply = without_tools(asked)
        return changed(change, lambda _asked: reply)(asked) if isinstance(reply, dict) else reply

    return serve


REASONING = [
    Behaviour("a budget spent on thinking", _thinker),
    Behaviour("a budget that is never enough", always(completion("", finish_reason="length")), False, "llm.max_output_tokens"),
    Behaviour("thinking before a call", changed(_thinks_aloud)),
    Behaviour("thinking before JSON", _json_only(_thinks_aloud), learns=3),
    Behaviour("the answer in reasoning_content", _json_only(_files_answer), learns=3),
]  # fmt: skip

# ---- windows and limits ----------------------------------------------------------------------------------------------


def window(tokens: int, inner: Serve = investigator) -> Serve:
    """A server that keeps the end of a prompt and says nothing, as some local servers do."""

    def serve(asked: dict[str, Any]) -> Reply:
        length = sum(len(message.get("content") or "") for message in asked["messages"])
        reply: dict[str, Any] = json.loads(json.dumps(inner(asked)))
        reply["usage"]["prompt_tokens"] = min(tokens, 200 + length // 4)
        return reply

    return serve


def too_large_at_once(limit: int) -> Serve:
    """A rate limit that one long prompt exceeds alone."""

    def serve(asked: dict[str, Any]) -> Reply:
        length = sum(len(message.get("content") or "") for message in asked["messages"])
        said = f"Request too large for model `m` on tokens per minute (TPM): Limit {limit}, Requested {length // 4}, please reduce your message size and try again."
        return refuses(said, 413, code="rate_limit_exceeded") if length // 4 > limit else investigator(asked)

    return serve


LIMITS = [
    Behaviour("a window that cuts without a word", window(300), False, "num_ctx"),
    Behaviour("tokens per minute below one prompt", always(refuses("Request too large for model `m` on tokens per minute (TPM): Limit 6, Requested 900, please reduce your message size and try again.", 413)), False, "too long"),
]  # fmt: skip

TABLE = [*FAULTS, *OF_ALERT, *SENT_BACK, *PARAMETERS, *ORDER, *NEARLY_RIGHT, *REASONING, *LIMITS]
