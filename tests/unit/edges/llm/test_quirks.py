"""What a refusal teaches about an endpoint, and the form that a request takes then."""

from typing import Any

import pytest

from triage.edges.llm.quirks import EndpointQuirks, first_quirks
from triage.edges.llm.wire import message_bodies, request_body
from triage.ports import ChatRequest, Message, ToolCall, ToolSpec
from triage.settings import LlmSettings

PLAIN = EndpointQuirks()

REFUSALS: list[tuple[str, str, dict[str, Any]]] = [
    ("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", "max_tokens", {"output_key": "max_completion_tokens"}),
    ("max_tokens is too large for this model, use max_completion_tokens", "", {"output_key": "max_completion_tokens"}),
    ("Unsupported value: 'temperature' does not support 0.2 with this model.", "temperature", {"temperature": False}),
    ("Unrecognized request argument supplied: reasoning_effort", "", {"reasoning_effort": False}),
    ("tool_choice must be a string", "", {"tool_choice": "required"}),
    ('tool_choice: only "auto" is supported', "", {"tool_choice": "auto"}),
    ("The tool_choice parameter does not support being set to required or object in thinking mode", "", {"tool_choice": "auto"}),
    ("Unknown parameter: 'tool_choice'.", "tool_choice", {"tool_choice": "none"}),
    ("body.tool_choice: Extra inputs are not permitted", "", {"tool_choice": "none"}),
    ('Invalid JSON payload received. Unknown name "additionalProperties" at \'tools[0]\': Cannot find field.', "", {"closed_schemas": False}),
    ("additional_properties is not supported in schemas", "", {"closed_schemas": False}),
    ("anyOf is not supported in tool parameters", "", {"unions": False}),
    ("union types are not supported", "", {"unions": False}),
    ("tools[0].function: 'strict' is not allowed, additionalProperties is false", "", {"strict": False}),
    ("Developer instruction is not enabled for models/gemma-3-27b-it", "", {"system_role": "user"}),
    ("Unsupported value: 'messages[0].role' does not support 'system' with this model.", "messages[0].role", {"system_role": "user"}),
    ("'system' is not supported, use role 'developer'", "", {"system_role": "developer"}),
    ("System role not supported", "", {"system_role": "user"}),
    ("Expected last role User or Tool; Unexpected role 'user' after role 'tool'", "", {"user_after_tool": False}),
    ("Conversation roles must alternate user/assistant/user/assistant/...", "", {"alternating": True}),
    ("After the optional system message, conversation roles must alternate", "", {"alternating": True}),
    ("messages.2.reasoning_content: Extra inputs are not permitted", "", {"opaque": False}),
]  # fmt: skip


@pytest.mark.parametrize(("said", "parameter", "changes"), REFUSALS, ids=[said[:60] for said, _, _ in REFUSALS])
def test_one_refusal_teaches_one_thing(said: str, parameter: str, changes: dict[str, Any]) -> None:
    """In the words of the servers that say it."""
    assert PLAIN.adapted(said, parameter) == PLAIN.model_copy(update=changes)


@pytest.mark.parametrize(
    "said",
    [
        "Internal error",
        "The model is overloaded",
        "Invalid value for 'messages[3].tool_calls[0].function.arguments'",
        "response_format is not supported",
        "insufficient permissions",
    ],
)
def test_what_names_nothing_teaches_nothing(said: str) -> None:
    """A request is not sent again in a form that the server has not asked for."""
    assert PLAIN.adapted(said, "") is None


def test_the_name_of_the_limit_is_learned_both_ways() -> None:
    """Old servers know only the old name."""
    found = EndpointQuirks(output_key="max_completion_tokens")
    said = "Unrecognized request argument supplied: max_completion_tokens"
    assert found.adapted(said, "") == PLAIN


def test_learning_ends() -> None:
    """A server that refuses the same thing whatever is sent teaches it once."""
    for said, parameter, _ in REFUSALS:
        found, steps = PLAIN, 0
        while (further := found.adapted(said, parameter)) is not None and steps < 20:
            found, steps = further, steps + 1
        assert steps < 20 or "max_tokens" in said, said


def test_what_is_configured_stays() -> None:
    """A refusal changes nothing that a person has set."""
    settings = LlmSettings.model_validate({"base_url": "https://x.example/v1", "quirks": {"temperature": True}})
    found = first_quirks(settings)
    assert found.adapted("'temperature' is unsupported", "temperature", kept=frozenset({"temperature"})) is None


CHOICES = [("named", {"type": "function", "function": {"name": "a"}}), ("required", "required"), ("auto", "auto")]


@pytest.mark.parametrize(("quirk", "sent"), CHOICES)
def test_a_choice_takes_the_form_that_the_endpoint_knows(quirk: Any, sent: Any) -> None:
    """With one tool on offer `required` names it."""
    tool = ToolSpec(name="a", description="A.", parameters={"type": "object"})
    request = ChatRequest(messages=(), tools=(tool,), tool_choice="a")
    assert request_body(request, EndpointQuirks(tool_choice=quirk))["tool_choice"] == sent
    assert "tool_choice" not in request_body(request, EndpointQuirks(tool_choice="none"))
    two = request.model_copy(update={"tools": (tool, tool.model_copy(update={"name": "b"}))})
    if quirk == "required":
        assert request_body(two, EndpointQuirks(tool_choice=quirk))["tool_choice"] == "auto"


def test_a_schema_loses_only_what_is_refused() -> None:
    """A property may be called as a keyword is; a union with null becomes its other half."""
    schema: Any = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "additionalProperties": {"type": "string"},
            "either": {"anyOf": [{"type": "integer"}, {"type": "null"}], "description": "d"},
            "both": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        },
    }
    tool = ToolSpec(name="a", description="A.", parameters=schema)
    request = ChatRequest(messages=(), tools=(tool,))
    sent: Any = request_body(request, EndpointQuirks(closed_schemas=False, unions=False))["tools"]
    assert sent[0]["function"]["parameters"] == {
        "type": "object",
        "properties": {
            "additionalProperties": {"type": "string"},
            "either": {"type": "integer", "description": "d"},
            "both": {},
        },
    }
    assert tool.parameters == schema


CALL = ToolCall(id="a1", name="note", arguments="{}", opaque={"extra_content": {"signature": "x"}, "index": 0})
TALK = (
    Message(role="system", content="rules"),
    Message(role="user", content="dossier"),
    Message(role="assistant", tool_calls=(CALL,), opaque={"reasoning_content": "hm"}),
    Message(role="tool", content="rows", tool_call_id="a1"),
    Message(role="user", content="conclude"),
    Message(role="user", content="now"),
)


def test_an_assistants_message_goes_back_as_it_came() -> None:
    """With its own fields, on the message and on its calls; none of them can change what we send beside them."""
    sent = message_bodies(TALK, PLAIN)[2]
    assert sent == {
        "role": "assistant",
        "content": None,
        "reasoning_content": "hm",
        "tool_calls": [
            {
                "id": "a1",
                "type": "function",
                "index": 0,
                "extra_content": {"signature": "x"},
                "function": {"name": "note", "arguments": "{}"},
            }
        ],
    }
    without = message_bodies(TALK, EndpointQuirks(opaque=False))[2]
    assert "reasoning_content" not in without


@pytest.mark.parametrize(
    ("quirks", "roles"),
    [
        ({}, "system user assistant tool user user"),
        ({"system_role": "developer"}, "developer user assistant tool user user"),
        ({"system_role": "user"}, "user assistant tool user user"),
        ({"user_after_tool": False}, "system user assistant tool assistant user user"),
        ({"alternating": True}, "system user assistant tool user"),
        ({"user_after_tool": False, "alternating": True, "system_role": "user"}, "user assistant tool assistant user"),
    ],
)
def test_messages_take_the_order_that_the_endpoint_wants(quirks: dict[str, Any], roles: str) -> None:
    """Nothing that was said is lost by it."""
    sent = message_bodies(TALK, EndpointQuirks(**quirks))
    assert " ".join(str(body["role"]) for body in sent) == roles
    text = " ".join(str(body["content"]) for body in sent)
    assert all(word in text for word in ("rules", "dossier", "rows", "conclude", "now"))
