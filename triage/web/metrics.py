"""Metrics in Prometheus' text format.

Counters and the histogram measure what this process has done; gauges show the store that all processes share, as it
is at the moment of the request.
"""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from triage.domain.verdict import Disposition, Investigation
from triage.ports import State
from triage.service.status import ProcessHealth, ServiceStatus
from triage.service.worker import TurnResult, end_state, why_unwritten

_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800)
_ENDINGS = (State.DONE, State.LINKED, State.SKIPPED, State.FAILED)


class Metrics:
    """The metrics of one process."""

    def __init__(self, currency: str) -> None:
        """Register the metrics.

        Args:
            currency: The one of `llm.prices`.
        """
        self.registry = CollectorRegistry()
        self._alerts = Counter("triage_alerts", "Alerts ended by this process.", ["state"], registry=self.registry)
        self._verdicts = Counter(
            "triage_verdicts", "Investigations finished by this process.", ["disposition"], registry=self.registry
        )
        self._seconds = Histogram(
            "triage_investigation_seconds",
            "From the claim of an alert to its verdict.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._unwritten = Counter(
            "triage_comments_unwritten", "Results that could not be written to Panther.", registry=self.registry
        )
        self._tokens = Counter(
            "triage_llm_tokens", "Tokens of finished investigations.", ["kind"], registry=self.registry
        )
        self._spend = Counter(
            "triage_spend", "Cost of finished investigations.", ["currency"], registry=self.registry
        ).labels(currency)
        # A series that only appears with its first event would have no rate at that moment.
        for state in _ENDINGS:
            self._alerts.labels(state.value)
        for disposition in Disposition:
            self._verdicts.labels(disposition.value)
        for kind in ("prompt", "cached", "completion"):
            self._tokens.labels(kind)

    def ended(self, result: TurnResult) -> None:
        """Count an alert whose turn ended; a string is the reason why it failed."""
        state = end_state(result)
        if state is not None:
            self._alerts.labels(state.value).inc()
        self._unwritten.inc(bool(why_unwritten(result)))
        if isinstance(result, Investigation):
            usage = result.usage
            self._verdicts.labels(result.verdict.disposition.value).inc()
            self._seconds.observe(max((result.finished_at - result.started_at).total_seconds(), 0.0))
            self._tokens.labels("prompt").inc(usage.prompt_tokens)
            self._tokens.labels("cached").inc(usage.cached_tokens)
            self._tokens.labels("completion").inc(usage.completion_tokens)
            self._spend.inc(usage.money)

    def text(self, status: ServiceStatus | None, health: ProcessHealth) -> bytes:
        """Everything in the text format.

        Args:
            status: The store's figures; `None` if it cannot be read.
            health: What this process knows of its own health.
        """
        gauges = CollectorRegistry()
        gauges.register(_Snapshot(status, health))
        return generate_latest(self.registry) + generate_latest(gauges)


class _Snapshot(Collector):
    """The gauges of one moment."""

    def __init__(self, status: ServiceStatus | None, health: ProcessHealth) -> None:
        self._status = status
        self._vitals = health

    def collect(self) -> Iterable[Metric]:
        yield _gauge("triage_store_up", "Whether the state database answers.", self._status is not None)
        yield _gauge("triage_poller", "Whether this process is the one that polls.", self._vitals.leading)
        yield _gauge("triage_workers", "Running workers of this process.", sum(self._vitals.workers.values()))
        failed = "Failed polls of this process."
        yield CounterMetricFamily("triage_poll_failures", failed, value=self._vitals.polls_failed)
        if self._status is None:
            return
        queue, poll = self._status.queue, self._status.poll
        stored = GaugeMetricFamily("triage_alerts_stored", "Alerts in the store.", labels=["state"])
        for state in State:
            stored.add_metric([state.value], queue.by_state.get(state.value, 0))
        yield stored
        yield _gauge("triage_queue_depth", "Alerts that wait for a worker.", queue.by_state.get(State.QUEUED, 0))
        yield _gauge(
            "triage_oldest_queued_seconds", "Age of the alert that has waited longest.", self._status.oldest_seconds
        )
        yield _gauge("triage_second_looks", "Alerts with a verdict that will be looked at again.", queue.second_looks)
        yield _gauge("triage_comments_open", "Comments whose request had no answer.", queue.comments_open)
        waiting = sum(each.waiting for each in self._status.routes.values())
        yield _gauge("triage_routes_waiting", "Messages of routes that wait or are on their way.", waiting)
        given_up = sum(each.failed for each in self._status.routes.values())
        yield _gauge("triage_routes_failed", "Messages of routes that were given up.", given_up)
        yield _gauge("triage_in_flight", "Alerts being worked on by any process.", len(queue.in_flight))
        yield _gauge("triage_links_waiting", "Linked alerts whose leader is not done.", queue.links_waiting)
        yield _gauge(
            "triage_links_due", "Linked alerts whose leader is done and whose verdict is due.", queue.links_due
        )
        yield _gauge("triage_paused", "Whether writing to Panther is paused.", self._status.paused)
        out_of_use = "Whether the model is out of use since its endpoint failed."
        yield _gauge("triage_model_out_of_use", out_of_use, self._status.model is not None)
        yield _gauge("triage_spend_today", "Cost of all model calls since midnight UTC.", self._status.today.money)
        yield _gauge("triage_tokens_today", "Tokens of all model calls since midnight UTC.", self._status.today.tokens)
        if poll is not None:
            if poll.succeeded_at is not None:
                succeeded = poll.succeeded_at.timestamp()
                yield _gauge("triage_last_poll_timestamp_seconds", "When the last complete poll began.", succeeded)
            yield _gauge("triage_backlog_windows", "Windows of old alerts still to be read.", poll.backlog_windows)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))
