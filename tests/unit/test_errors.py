"""The exceptions of this program."""

import pytest

from triage.errors import NotFound, StoreError, TriageError, errors_in

GONE, LOCKED = NotFound("gone"), StoreError("locked")


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (ExceptionGroup("", [GONE]), [GONE]),
        (ExceptionGroup("", [ExceptionGroup("", [GONE, LOCKED]), GONE]), [GONE, LOCKED, GONE]),
        (ExceptionGroup("", [GONE, ValueError()]), []),
        (ExceptionGroup("", [GONE, ExceptionGroup("", [ValueError()])]), []),
        (BaseExceptionGroup("", [GONE, KeyboardInterrupt()]), []),
    ],
)
def test_the_errors_in_a_group(group: BaseExceptionGroup[BaseException], expected: list[TriageError]) -> None:
    """All of them in order, or none where something else went wrong too: that must not be hidden."""
    assert errors_in(group) == expected
