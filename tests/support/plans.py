"""Plans of runbooks for tests."""

from typing import Any

from hypothesis import strategies as st

from triage.domain.identity import IdentityKind
from triage.domain.plan import PlannedStep, PlanSource, RunbookPlan, digest_of
from triage.domain.question import (
    INDICATORS,
    ActionClass,
    Asked,
    Outcome,
    PlannedQuestion,
    Reads,
    Subject,
    SubjectRole,
)

WINDOW = {"from": "-24h", "to": "+6h"}


def question(**given: Any) -> PlannedQuestion:
    """A question in the form of a file."""
    return PlannedQuestion.model_validate({"window": WINDOW, **given})


def step(
    number: int, text: str = "Query for what the actor did", *questions: PlannedQuestion, **given: Any
) -> PlannedStep:
    """One step."""
    return PlannedStep(step=number, text=text, questions=questions, **given)


def plan(*steps: PlannedStep, detection: str = "A.Rule", text: str = "the text", **given: Any) -> RunbookPlan:
    """A plan of the runbook `text`."""
    return RunbookPlan(detection=detection, digest=digest_of(text), steps=steps, **given)


_NAMES = st.lists(st.text(min_size=1, max_size=30), max_size=3)
_SUBJECTS = st.one_of(
    st.sampled_from([each.value for each in SubjectRole]),
    st.sampled_from(["field:a", "field:requestParameters.bucketName", "field:target.0.id"]),
    st.builds(
        lambda kind, value: Subject(kind=kind, value=value),
        st.sampled_from([*INDICATORS, *(each.value for each in IdentityKind)]),
        st.text(min_size=1, max_size=40).filter(lambda text: text == text.strip()),
    ),
)
_OFFSETS = st.builds(
    lambda sign, size, unit: f"{sign}{size}{unit}", st.sampled_from("+-"), st.integers(0, 400), st.sampled_from("smhd")
)
_EDGES = st.one_of(st.sampled_from(["history", "dwell", "now"]), _OFFSETS)

questions = st.builds(
    question,
    about=st.lists(_SUBJECTS, min_size=1, max_size=3),
    on=st.lists(_SUBJECTS, max_size=2),
    logs=st.lists(
        st.sampled_from(["own", "sign-ins", "alerts", "AWS.CloudTrail", "Okta.SystemLog"]), min_size=1, max_size=3
    ),
    window=st.builds(lambda start, end: {"from": start, "to": end}, _EDGES, _EDGES),
    classes=st.lists(st.sampled_from(ActionClass), max_size=3),
    actions=_NAMES,
    words=_NAMES,
    outcome=st.sampled_from(Outcome),
    ask=st.sampled_from(Asked),
    reads=st.sampled_from(Reads),
    at_least=st.integers(1, 1_000_000),
)
"""Any question that the language has."""

steps = st.builds(
    lambda text, asked, needs, person: (text, tuple(asked), tuple(needs), person),
    st.text(max_size=200),
    st.lists(questions, max_size=3),
    st.lists(st.text(max_size=100), max_size=3),
    st.text(max_size=200),
)

plans = st.builds(
    lambda detection, source, found: RunbookPlan(
        detection=detection,
        digest=digest_of(detection),
        source=source,
        steps=tuple(
            PlannedStep(step=number, text=text, questions=asked, needs=needs, person=person)
            for number, (text, asked, needs, person) in enumerate(found, 1)
        ),
    ),
    st.text(max_size=60),
    st.sampled_from(PlanSource),
    st.lists(steps, max_size=4),
)
"""Any plan, with any text in it."""
