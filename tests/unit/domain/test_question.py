"""Questions as values: what may be written, and that it reads back as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from triage.domain.identity import IdentityKind
from triage.domain.plan import PlannedStep, RunbookPlan, digest_of
from triage.domain.question import INDICATORS, ActionClass, Asked, Outcome, PlannedQuestion, Reads, Subject, SubjectRole

EDGES = st.one_of(
    st.sampled_from(["history", "dwell", "now"]),
    st.builds(lambda sign, number, unit: f"{sign}{number}{unit}", st.sampled_from("+-"), st.integers(0, 999), st.sampled_from("smhd")),
)  # fmt: skip
SUBJECTS = st.one_of(
    st.sampled_from([role.value for role in SubjectRole]),
    st.builds(
        lambda kind, value: f"{kind}:{value}",
        st.sampled_from([*INDICATORS, *(kind.value for kind in IdentityKind)]),
        st.text("abc:/.@-", min_size=1, max_size=20).filter(lambda text: text.strip() == text),
    ),
    st.sampled_from(["field:requestParameters.bucketName", "field:target.0.id", "field:actor:email_address"]),
)
QUESTIONS = st.fixed_dictionaries(
    {"window": st.fixed_dictionaries({"from": EDGES, "to": EDGES})},
    optional={
        "about": st.lists(SUBJECTS, min_size=1, max_size=3),
        "on": st.lists(SUBJECTS, max_size=2),
        "classes": st.lists(st.sampled_from([each.value for each in ActionClass]), max_size=3),
        "actions": st.lists(st.text("aB*.", min_size=1, max_size=8), max_size=3),
        "outcome": st.sampled_from([each.value for each in Outcome]),
        "ask": st.sampled_from([each.value for each in Asked]),
        "reads": st.sampled_from([each.value for each in Reads]),
    },
)


@given(st.lists(QUESTIONS, max_size=3))
def test_a_plan_reads_back_as_it_was_written(questions: list[dict[str, object]]) -> None:
    """As JSON with the names that a person writes, and with what follows of itself left out."""
    step = PlannedStep(step=1, text="Look.", questions=tuple(map(PlannedQuestion.model_validate, questions)))
    plan = RunbookPlan(detection="A.B", digest=digest_of("Look."), steps=(step,))
    for written in (plan.model_dump(mode="json", by_alias=True), plan.model_dump(by_alias=True, exclude_defaults=True)):
        assert RunbookPlan.model_validate(written) == plan


@pytest.mark.parametrize(
    "text", ["", "nobody", "field:", "field:a b", "field:a'; DROP", "email:", "colour:red", "field:" + "a." * 20 + "a"]
)
def test_what_is_no_subject_is_refused(text: str) -> None:
    """A role, a path or a value with a known kind; nothing that could be SQL gets through a path."""
    with pytest.raises(ValidationError):
        Subject.model_validate(text)


def test_a_window_has_known_edges_only() -> None:
    """Offsets and three names."""
    for edge in ("24h", "-24", "yesterday", "--1h"):
        with pytest.raises(ValidationError):
            PlannedQuestion.model_validate({"window": {"from": edge, "to": "-0s"}})


def test_a_runbook_is_named_by_its_text() -> None:
    """White space doesn't make another text."""
    assert digest_of("Look  at\nit.") == digest_of("Look at it.") != digest_of("Look at them.")
