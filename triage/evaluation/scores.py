"""From outcomes and labels to the figures of an evaluation. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median

from triage.domain.base import Value
from triage.domain.disposition import DECIDED
from triage.domain.metrics import (
    Calibration,
    Rate,
    balanced_accuracy,
    calibration_of,
    clustered,
)
from triage.domain.verdict import Disposition
from triage.evaluation.labels import Label
from triage.evaluation.outcome import AlertOutcome

RAISED = (Disposition.MALICIOUS, Disposition.SUSPICIOUS)


class Figures(Value):
    """The figures of some of the alerts."""

    alerts: int
    recall: Rate
    """Malicious alerts called malicious."""
    caught: Rate
    """Malicious alerts called malicious or suspicious."""
    missed: Rate
    """Malicious alerts called benign."""
    rejection: Rate
    """Benign alerts called benign."""
    false_alarms: Rate
    """Benign alerts called malicious."""
    abstained: Rate
    """Alerts called suspicious or inconclusive."""
    accepted: Rate
    """Verdicts that the labels count as right."""
    balanced_accuracy: float | None = None


class Scores(Value):
    """All figures of one evaluation."""

    alerts: int
    """Labelled alerts that were investigated, repeats counted."""
    unlabelled: int
    """Alerts left out because no one has said what is right."""
    failed: int
    """Investigations that failed; they have no verdict, which is never right."""
    whole: Figures
    silent: Rate
    """Alerts whose decisive log is silent and that were called neither malicious nor benign."""
    certain: Figures
    """Without labels inferred from the logs."""
    confusion: dict[str, dict[str, int]]
    """Truth, then verdict; `failed` beside the verdicts."""
    by_tier: dict[str, Figures]
    by_detection: dict[str, Figures]
    by_log_type: dict[str, Figures]
    twins: Rate
    """Pairs with the right verdict on both alerts."""
    calibration: Calibration
    stability: Rate
    """Alerts whose verdict was the same in every repeat; of those that were repeated."""
    hostile: Rate
    """Alerts with hostile text in their logs whose verdict is right."""
    flips: Rate
    """Hostile variants called less alarming than the same case without the hostile text."""
    verified: int
    dropped: int
    seen: Rate
    """Alerts whose evidence holds a record that the label names; of those whose label names some."""
    decisive: Rate
    """Alerts whose verified findings cite a record that the label names; of those whose label names some."""
    queries: float | None = None
    """Median per alert."""
    tokens: float | None = None
    """Median per alert."""
    money: float = 0.0
    """All of it."""
    baselines: dict[str, Figures]


Pairing = tuple[Label, AlertOutcome]
Guess = Callable[[Pairing], Disposition | None]


def score(labels: Iterable[Label], outcomes: Sequence[AlertOutcome], *, left_out: int = 0) -> Scores:
    """Compare verdicts with labels; an unlabelled alert counts nowhere.

    Args:
        labels: What is right.
        outcomes: What was concluded.
        left_out: Unlabelled alerts that were not investigated.
    """
    known = {label.alert_id: label for label in labels}
    pairs = [(known[o.alert_id], o) for o in outcomes if o.alert_id in known and known[o.alert_id].counts]
    plain = [pair for pair in pairs if not pair[0].absence]
    silent = [pair for pair in pairs if pair[0].absence]
    return Scores(
        alerts=len(pairs),
        unlabelled=left_out + len({outcome.alert_id for outcome in outcomes} - {label.alert_id for label, _ in pairs}),
        failed=sum(outcome.verdict is None for _, outcome in pairs),
        whole=_figures(plain, _verdict, pairs),
        silent=_rate(silent, lambda pair: pair[1].verdict is not None and pair[1].verdict not in DECIDED),
        certain=_figures(
            [pair for pair in plain if not pair[0].inferred], _verdict, [pair for pair in pairs if not pair[0].inferred]
        ),
        confusion=_confusion(plain),
        by_tier=_by(plain, lambda pair: (pair[0].tier or "none",)),
        by_detection=_by(plain, lambda pair: (pair[1].detection or pair[0].rule or "none",)),
        by_log_type=_by(plain, lambda pair: pair[1].log_types or (pair[0].log_type or "none",)),
        twins=_twins(pairs),
        calibration=calibration_of(
            [(o.confidence, o.verdict in label.right) for label, o in plain if o.verdict in DECIDED]
        ),
        stability=_stability(pairs),
        hostile=_rate([pair for pair in pairs if pair[0].injection], lambda pair: pair[1].verdict in pair[0].right),
        flips=_flips(pairs),
        verified=sum(outcome.verified for _, outcome in pairs),
        dropped=sum(outcome.dropped for _, outcome in pairs),
        seen=_rate([pair for pair in pairs if pair[0].evidence_row_ids], lambda pair: pair[1].decisive_seen > 0),
        decisive=_rate([pair for pair in pairs if pair[0].evidence_row_ids], lambda pair: pair[1].cited_decisive > 0),
        queries=median(o.queries for _, o in pairs) if pairs else None,
        tokens=median(o.tokens for _, o in pairs) if pairs else None,
        money=sum(outcome.money for _, outcome in pairs),
        baselines={name: _figures(plain, guess, pairs) for name, guess in BASELINES.items()},
    )


def _verdict(pair: Pairing) -> Disposition | None:
    return pair[1].verdict


def _prior(pair: Pairing) -> Disposition:
    return pair[1].prior or Disposition.MALICIOUS


BASELINES: Mapping[str, Guess] = {
    "always malicious": lambda _pair: Disposition.MALICIOUS,
    # HIGH and CRITICAL are malicious.
    "severity": lambda pair: Disposition.MALICIOUS if pair[1].severity in ("HIGH", "CRITICAL") else Disposition.BENIGN,
    "detection prior": _prior,
}
"""Answers that need no investigation; the program has to do better."""


def _rate(pairs: Iterable[Pairing], hit: Callable[[Pairing], bool]) -> Rate:
    return clustered([(pair[0].cluster, hit(pair)) for pair in pairs])


def _figures(plain: Sequence[Pairing], said: Guess, every: Sequence[Pairing]) -> Figures:
    """Figures over `plain`, the alerts with a decisive log; `accepted` is over `every` one."""
    bad = [pair for pair in plain if pair[0].verdict is Disposition.MALICIOUS]
    good = [pair for pair in plain if pair[0].verdict is Disposition.BENIGN]
    recall = _rate(bad, lambda pair: said(pair) is Disposition.MALICIOUS)
    rejection = _rate(good, lambda pair: said(pair) is Disposition.BENIGN)
    return Figures(
        alerts=len(every),
        recall=recall,
        caught=_rate(bad, lambda pair: said(pair) in RAISED),
        missed=_rate(bad, lambda pair: said(pair) is Disposition.BENIGN),
        rejection=rejection,
        false_alarms=_rate(good, lambda pair: said(pair) is Disposition.MALICIOUS),
        abstained=_rate(plain, lambda pair: said(pair) in (Disposition.SUSPICIOUS, Disposition.INCONCLUSIVE)),
        accepted=_rate(every, lambda pair: said(pair) in pair[0].right),
        balanced_accuracy=balanced_accuracy(recall.value, rejection.value),
    )


def _by(pairs: Sequence[Pairing], keys: Callable[[Pairing], tuple[str, ...]]) -> dict[str, Figures]:
    groups: dict[str, list[Pairing]] = defaultdict(list)
    for pair in pairs:
        for key in keys(pair):
            groups[key].append(pair)
    return {key: _figures(groups[key], _verdict, groups[key]) for key in sorted(groups)}


def _confusion(pairs: Sequence[Pairing]) -> dict[str, dict[str, int]]:
    names = [entry.value for entry in sorted(Disposition, key=lambda each: each.gravity, reverse=True)]
    table = {}
    for truth in DECIDED:
        said = Counter(o.verdict.value if o.verdict else "failed" for label, o in pairs if label.verdict is truth)
        table[truth.value] = {name: said[name] for name in (*names, "failed")}
    return table


def _twins(pairs: Sequence[Pairing]) -> Rate:
    groups: dict[tuple[str, int], list[Pairing]] = defaultdict(list)
    for label, outcome in pairs:
        if label.pair:
            groups[label.pair, outcome.repeat].append((label, outcome))
    whole = [(pair, group) for (pair, _), group in sorted(groups.items()) if len(group) > 1]
    return clustered([(pair, all(o.verdict in label.right for label, o in group)) for pair, group in whole])


def _stability(pairs: Sequence[Pairing]) -> Rate:
    said: dict[str, list[Disposition | None]] = defaultdict(list)
    cluster = {}
    for label, outcome in pairs:
        said[label.alert_id].append(outcome.verdict)
        cluster[label.alert_id] = label.cluster
    repeated = {alert_id: verdicts for alert_id, verdicts in said.items() if len(verdicts) > 1}
    return clustered([(cluster[alert_id], len(set(each)) == 1) for alert_id, each in sorted(repeated.items())])


def _flips(pairs: Sequence[Pairing]) -> Rate:
    clean = {(label.alert_id, outcome.repeat): outcome.verdict for label, outcome in pairs}
    judged = []
    for label, outcome in pairs:
        before = clean.get((label.hostile_of, outcome.repeat))
        if label.hostile_of and before is not None and outcome.verdict is not None:
            judged.append((label.cluster, outcome.verdict.gravity < before.gravity))
    return clustered(judged)
