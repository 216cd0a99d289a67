"""What a model that compiles a runbook is told of the logs that the questions go to."""

import pytest

from triage.stages.runbooks.model_compiler import _known_of


@pytest.mark.parametrize(
    ("log_type", "said"),
    [
        ("AWS.CloudTrail", "has actor, action, target, outcome, address, session, recipient; has no host"),
        ("Windows.EventLogs", "is not known: ask about `field:path`"),
        ("Custom.Door", "is not known: ask about `field:path`"),
    ],
)
def test_a_log_says_which_parts_of_an_act_it_has(log_type: str, said: str) -> None:
    """A question for what a log lacks is never asked; without knowing that, a model writes it all the same."""
    assert said in _known_of(log_type)
