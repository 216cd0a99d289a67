"""What a refusal means, by its status and in the words of the servers."""

from typing import Any

import pytest

from tests.support.clocks import FakeClock
from triage.edges.http import ErrorCleaner
from triage.edges.llm.failures import inside
from triage.errors import ModelError

GROQ = (
    "Request too large for model `x` in organization `o` on tokens per minute (TPM): Limit 6000, Requested 9000, please "
    "reduce your message size and try again."
)
OPENAI = (
    "Request too large for gpt-x in organization o on tokens per min (TPM): Limit 10000, Requested 13000. The input or "
    "output tokens must be reduced in order to run successfully."
)


def meaning(status: int, message: Any, **more: Any) -> ModelError:
    """Through the body of a gateway, which names a status itself."""
    error = message if isinstance(message, dict) else {"message": message, **more}
    refusal = inside({"error": {**error, "code": status}}, ErrorCleaner())
    assert refusal is not None
    return refusal.error(FakeClock())


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."),
        (400, "Invalid prompt: your prompt was flagged as potentially violating our usage policy."),
        (403, "Your input was flagged by moderation"),
        (400, "Input data may contain inappropriate content."),
        (400, "The request was blocked by safety settings"),
    ],
)
def test_a_filters_refusal_is_said_as_such(status: int, said: str) -> None:
    """It is this alert's, and a person's."""
    error = meaning(status, said)
    assert error.of_alert
    assert not error.retryable
    assert "content filter" in str(error)


@pytest.mark.parametrize(("status", "said"), [(413, GROQ), (429, OPENAI), (413, "Request Entity Too Large")])
def test_one_prompt_above_the_limit_is_too_long(status: int, said: str) -> None:
    """Waiting would not help; a shorter one does. A gateway may limit bytes without a word."""
    error = meaning(status, said)
    assert error.overflow
    assert not error.retryable


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("Rate limit reached. Please try again in 7.66s.", 7.66),
        ("Please try again in 1m30.5s", 90.5),
        ("try again in 250ms", 0.25),
        ("Please retry in 34 seconds", 34.0),
        ("Please try again in 9h0m1s", 120.0),
        ("slow down", None),
    ],
)
def test_a_wait_in_words_is_followed(said: str, seconds: float | None) -> None:
    """Never longer than two minutes."""
    error = meaning(429, said)
    assert error.retryable
    assert error.retry_after == seconds


def test_the_providers_words_behind_a_router_are_read() -> None:
    """The router's own say nothing."""
    error = meaning(400, {"message": "Provider returned error", "metadata": {"raw": "API key not valid"}})
    assert "llm.api_key" in str(error)


def test_a_form_that_a_broken_server_does_not_know_is_a_missing_feature() -> None:
    """llama-cpp-python 0.3 answers 500 to a schema; asking again would not help."""
    said = "1 validation error: {'type': 'literal_error', 'loc': ('body', 'response_format', 'type'), 'msg': \"Input should be 'text' or 'json_object'\"}"
    error = meaning(500, said)
    assert error.unsupported == "response_format"
    assert not error.retryable
