"""From outcomes and labels to figures: cases counted by hand."""

from pathlib import Path

import pytest

from triage.domain.verdict import Disposition
from triage.errors import ConfigError
from triage.evaluation.compare import compare
from triage.evaluation.labels import Label, load_labels
from triage.evaluation.outcome import AlertOutcome, EvaluationRun
from triage.evaluation.result import EvaluationResult, below, build_result, thresholds
from triage.evaluation.scores import score
from triage.evaluation.text import comparison_text, evaluation_text

M, S, N, B = Disposition.MALICIOUS, Disposition.SUSPICIOUS, Disposition.INCONCLUSIVE, Disposition.BENIGN


def label(name: str, verdict: Disposition | None, **more: object) -> Label:
    return Label.model_validate({"alert_id": name, "verdict": verdict, **more})


def outcome(name: str, verdict: Disposition | None, confidence: float = 0.8, **more: object) -> AlertOutcome:
    return AlertOutcome.model_validate({"alert_id": name, "verdict": verdict, "confidence": confidence, **more})


LABELS = (
    label("m1", M, pair="twin", tier="one"),
    label("m2", M, incident="same", tier="one"),
    label("m3", M, incident="same", accept=["malicious", "suspicious"], tier="two"),
    label("b1", B, pair="twin", tier="one"),
    label("b2", B, tier="two"),
    label("s1", M, absence=True, accept=["inconclusive", "suspicious"]),
    label("u1", None),
)
OUTCOMES = (
    outcome("m1", M, 0.9, severity="HIGH"),
    outcome("m2", B, 0.7, severity="LOW"),
    outcome("m3", S),
    outcome("b1", B, 0.9, severity="HIGH"),
    outcome("b2", None, error="broke"),
    outcome("s1", N),
    outcome("u1", M),
)


def test_the_figures_counted_by_hand() -> None:
    """Recall and rejection stay apart, abstention on its own, a failure is never right."""
    scores = score(LABELS, OUTCOMES)
    whole = scores.whole
    counted = {
        "recall": (whole.recall.hits, whole.recall.of),
        "caught": (whole.caught.hits, whole.caught.of),
        "missed": (whole.missed.hits, whole.missed.of),
        "rejection": (whole.rejection.hits, whole.rejection.of),
        "abstained": (whole.abstained.hits, whole.abstained.of),
        "accepted": (whole.accepted.hits, whole.accepted.of),
        "silent": (scores.silent.hits, scores.silent.of),
        "twins": (scores.twins.hits, scores.twins.of),
    }
    assert counted == {
        "recall": (1, 3),
        "caught": (2, 3),
        "missed": (1, 3),
        "rejection": (1, 2),
        "abstained": (1, 5),
        "accepted": (4, 6),
        "silent": (1, 1),
        "twins": (1, 1),
    }
    assert (scores.alerts, scores.unlabelled, scores.failed) == (6, 1, 1)
    assert whole.recall.clusters == 2
    assert whole.balanced_accuracy == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert scores.confusion["benign"] == {
        "malicious": 0, "suspicious": 0, "inconclusive": 0, "benign": 1, "failed": 1
    }  # fmt: skip
    assert scores.by_tier["two"].recall.of == 1


def test_a_silent_log_is_named_in_the_file() -> None:
    """Truth files say which log is silent, or null; either way it is a yes or a no here."""
    assert label("a", M, absence={"table": "t"}).absence
    assert not label("a", M, absence=None).absence


def test_an_unlabelled_alert_counts_for_nobody() -> None:
    """Leaving it out or in changes no figure but the number of those left out."""
    with_it, without = score(LABELS, OUTCOMES), score(LABELS, OUTCOMES[:-1])
    assert with_it.model_copy(update={"unlabelled": 0}) == without


def test_calibration_looks_at_verdicts_that_decide() -> None:
    """Suspicious and inconclusive promise nothing; malicious and benign are held to their confidence."""
    calibration = score(LABELS, OUTCOMES).calibration
    assert sum(line.count for line in calibration.table) == 3
    assert calibration.brier == pytest.approx((0.01 + 0.49 + 0.01) / 3)


def test_the_baselines_answer_without_looking() -> None:
    """Always-malicious finds everything and rejects nothing; severity and the detection's past are their own columns."""
    baselines = score(LABELS, OUTCOMES).baselines
    assert baselines["always malicious"].recall.hits == 3
    assert baselines["always malicious"].rejection.hits == 0
    assert (baselines["severity"].recall.hits, baselines["severity"].rejection.hits) == (1, 1)
    assert baselines["detection prior"].recall.hits == 3


def test_a_hostile_variant_that_softens_is_a_flip() -> None:
    """Compared with the same case without the hostile text, in the same repeat; more alarming is no flip."""
    labels = (
        label("clean", M),
        label("softer", M, hostile_of="clean", injection=True),
        label("harder", M, hostile_of="clean"),
    )
    scores = score(labels, (outcome("clean", S), outcome("softer", B), outcome("harder", M)))
    assert (scores.flips.hits, scores.flips.of) == (1, 2)
    assert (scores.hostile.hits, scores.hostile.of) == (0, 1)


def test_repeats_show_how_stable_a_verdict_is() -> None:
    """An alert is stable where every repeat says the same; one that was not repeated tells nothing."""
    labels = (label("a", M), label("b", B), label("c", B))
    outcomes = (
        outcome("a", M), outcome("a", M, repeat=2), outcome("b", B), outcome("b", S, repeat=2), outcome("c", B)
    )  # fmt: skip
    stability = score(labels, outcomes).stability
    assert (stability.hits, stability.of) == (1, 2)


def published(*outcomes: AlertOutcome) -> EvaluationResult:
    ran = EvaluationRun("offline", "", "d" * 64, outcomes)
    return build_result("a world", LABELS, ran, None, repeat=1)


def test_a_comparison_names_what_changed() -> None:
    """Alert by alert, with what got better or worse and the exact test on pairs."""
    after = (outcome("m1", M), outcome("m2", M), outcome("m3", M), outcome("b1", M), outcome("b2", None))
    compared = compare(published(*OUTCOMES[:6]), published(*after))
    assert (compared.common, compared.only_before, compared.gained, compared.lost) == (5, 1, 1, 1)
    assert [(change.alert_id, change.better) for change in compared.changes] == [
        ("m2", True), ("m3", None), ("b1", False)
    ]  # fmt: skip
    text = comparison_text(compared)
    assert "+ m2#1" in text
    assert "- b1#1" in text
    with pytest.raises(ConfigError, match="in common"):
        compare(published(outcome("m1", M)), published(outcome("b1", M)))


def test_thresholds_fail_a_run_that_is_below() -> None:
    """Each missed threshold is named; a figure over nothing misses; a wrong name is refused with those that exist."""
    scores = score(LABELS, OUTCOMES)
    assert below(scores, thresholds("recall=0.3,silent=1")) == ()
    assert len(below(scores, thresholds("recall=0.34, rejection=0.9, stability=0.1"))) == 3
    assert below(scores, {"not_missed": 0.7}) == ("not_missed is 0.667, wanted 0.7",)
    with pytest.raises(ConfigError, match="none of recall"):
        thresholds("reccall=1")
    with pytest.raises(ConfigError, match="needs a number"):
        thresholds("recall=high")
    with pytest.raises(ConfigError, match="needs a number"):
        thresholds("recall=nan")


def test_the_text_says_what_was_left_out() -> None:
    """The reader sees failures and unlabelled alerts, not only rates."""
    text = evaluation_text(published(*OUTCOMES[:6]))
    assert "1 investigations failed" in text
    assert "malicious called malicious" in text
    assert "1/3" in text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"alert_id": "a", "verdict": "evil"}', "line 1: verdict"),
        ('{"alert_id": "a"}\nnot json', "line 2: not a JSON object"),
        ('{"alert_id": "a"}\n\n{"alert_id": "a"}', "line 3: alert a is labelled twice"),
        ("[1]", "line 1: not a JSON object"),
        ("", "holds no label"),
    ],
)
def test_a_wrong_truth_file_is_refused_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    """A label that cannot be read stops the evaluation before anything is investigated."""
    path = tmp_path / "truth.ndjson"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=problem):
        load_labels(path)
