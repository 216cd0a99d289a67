"""The queue against a reference model: any order of saves, claims, writes and decisions, on both engines."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from tests.support import stores
from tests.support.stores import DECISIONS, HOLDS, NOW, RUN_OUT, alert, investigation
from triage.domain.alert import Severity
from triage.domain.selection import Decision, Linked, Selected
from triage.edges.store import SqlStore, open_store
from triage.ports import Claim, State

pytest_plugins = ["tests.support.store_fixtures"]

ALERTS = {
    name: alert(name, severity=severity, minutes=minutes)
    for name, severity, minutes in (
        ("a", Severity.LOW, 30),
        ("b", Severity.HIGH, 10),
        ("c", Severity.HIGH, 20),
        ("d", Severity.INFO, 40),
    )
}

names = st.sampled_from(sorted(ALERTS))
decisions = st.sampled_from(DECISIONS)
leases = st.sampled_from([HOLDS, RUN_OUT])
workers = st.sampled_from(["w1", "w2"])


@dataclass
class Row:
    """What one alert should look like."""

    state: State
    decision: Decision
    due: bool = False
    """It may be claimed now."""
    run: int = 1
    epoch: int = 0
    attempts: int = 0
    worker: str = ""
    error: str = ""
    finished: list[str] = field(default_factory=list)
    steps: dict[int, dict[str, int]] = field(default_factory=dict)
    """By run."""


def place(name: str) -> tuple[int, float]:
    """Where an alert stands in the queue: severity, then age."""
    return (-ALERTS[name].severity.rank, ALERTS[name].created_at.timestamp())


class Queue(RuleBasedStateMachine):
    """Drives a store and the model side by side. Leases either hold for the whole test or run out at once."""

    url: str
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.model: dict[str, Row] = {}
        self.count = 0

    @initialize()
    def open(self) -> None:
        stores.empty(self.url)
        self.store: SqlStore = self.runner.run(open_store(self.url))
        for name in ("a", "b", "c"):
            self.save_one(name, stores.SELECTED)

    def holds(self, claim: Claim) -> bool:
        row = self.model[claim.alert.id]
        return row.state is State.RUNNING and (row.epoch, row.worker) == (claim.epoch, claim.worker)

    @rule(name=names, decision=decisions)
    def save(self, name: str, decision: Decision) -> None:
        self.save_one(name, decision)

    def save_one(self, name: str, decision: Decision) -> None:
        added = self.runner.run(self.store.save_alerts([(ALERTS[name], decision)], now=NOW))

        assert added == (name not in self.model)
        row = self.model.setdefault(name, Row(State.SKIPPED, stores.SKIPPED))
        if row.state is State.SKIPPED or (row.state is State.LINKED and isinstance(decision, Selected)):
            self.follow(row, decision)

    def follow(self, row: Row, decision: Decision) -> None:
        match decision:
            case Selected():
                row.state, row.due, row.attempts = State.QUEUED, True, 0
            case Linked():
                row.state, row.due, row.attempts = State.LINKED, False, 0
            case _:
                row.state, row.due, row.attempts = State.SKIPPED, False, row.attempts * (row.decision == decision)
        row.decision = decision

    @rule(target=claims, worker=workers, seconds=leases, name=st.none() | names)
    def claim(self, worker: str, seconds: float, name: str | None) -> object:
        due = sorted((each for each, row in self.model.items() if row.due and name in (None, each)), key=place)

        claim = self.runner.run(self.store.claim(worker, now=NOW, lease_seconds=seconds, alert_id=name))

        assert (claim.alert.id if claim else None) == (due[0] if due else None)
        if claim is None:
            return multiple()
        row = self.model[claim.alert.id]
        row.state, row.due, row.worker = State.RUNNING, seconds == RUN_OUT, worker
        row.epoch, row.attempts = row.epoch + 1, row.attempts + 1
        assert (claim.epoch, claim.attempts, claim.worker) == (row.epoch, row.attempts, worker)
        assert claim.run_id.endswith(f"-{row.run}")
        return claim

    @rule(claim=claims, seconds=leases)
    def heartbeat(self, claim: Claim, seconds: float) -> None:
        held = self.runner.run(self.store.heartbeat(claim, now=NOW, lease_seconds=seconds))

        assert held == self.holds(claim)
        if held:
            self.model[claim.alert.id].due = seconds == RUN_OUT

    @rule(claim=claims, key=st.sampled_from(["one", "two"]))
    def journal(self, claim: Claim, key: str) -> None:
        self.count += 1

        held = self.runner.run(self.store.journal(claim, key, "step", self.count, now=NOW))

        assert held == self.holds(claim)
        if held:
            row = self.model[claim.alert.id]
            row.steps.setdefault(row.run, {}).setdefault(key, self.count)

    @rule(claim=claims)
    def finish(self, claim: Claim) -> None:
        self.count += 1
        result = investigation(claim, notes=(str(self.count),))

        held = self.runner.run(self.store.finish(claim, result, now=NOW))

        assert held == self.holds(claim)
        if held:
            row = self.model[claim.alert.id]
            row.state, row.due, row.worker, row.error = State.DONE, False, "", ""
            row.finished.append(str(self.count))

    @rule(claim=claims, how=st.sampled_from(["release", "retry", "wait", "fail"]))
    def give_back(self, claim: Claim, how: str) -> None:
        error = "" if how == "release" else how
        retry_at = {"retry": NOW, "wait": NOW + timedelta(hours=1)}.get(how)

        held = self.runner.run(
            self.store.give_back(claim, now=NOW, error=error, retry_at=retry_at, failed=how == "fail")
        )

        assert held == self.holds(claim)
        if held:
            row = self.model[claim.alert.id]
            row.worker, row.error = "", error or row.error
            row.state, row.due = (State.FAILED, False) if how == "fail" else (State.QUEUED, how != "wait")
            row.attempts -= how == "release"

    @rule(name=names, fresh=st.booleans())
    def enqueue(self, name: str, fresh: bool) -> None:
        if (row := self.model.get(name)) is None:
            return
        self.runner.run(self.store.enqueue(name, now=NOW, fresh=fresh))

        if row.state is State.RUNNING and not row.due:
            return
        row.run += fresh and row.epoch > 0
        row.state, row.due, row.worker, row.error, row.attempts = State.QUEUED, True, "", "", 0

    @rule(name=names, decision=decisions)
    def decide(self, name: str, decision: Decision) -> None:
        if (row := self.model.get(name)) is None:
            return
        self.runner.run(self.store.decide(name, decision, now=NOW))

        if row.state is State.DONE:
            return
        row.decision = decision
        match decision:
            case Selected():
                if row.state in {State.SKIPPED, State.LINKED}:
                    row.state, row.due, row.attempts = State.QUEUED, True, 0
            case Linked():
                row.state, row.due, row.worker = State.LINKED, False, ""
            case _:
                row.state, row.due, row.worker = State.SKIPPED, False, ""

    @invariant()
    def every_record_is_as_the_model_says(self) -> None:
        if not hasattr(self, "store"):
            return
        records = {record.alert.id: record for record in self.runner.run(self.store.records())}
        assert {
            name: (record.state, record.decision, record.attempts, record.worker, record.error)
            for name, record in records.items()
        } == {name: (row.state, row.decision, row.attempts, row.worker, row.error) for name, row in self.model.items()}

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.runner.run(self.results_and_steps_are_as_the_model_says())
            self.runner.run(self.store.close())
        self.runner.close()

    async def results_and_steps_are_as_the_model_says(self) -> None:
        for name, row in self.model.items():
            result = await self.store.investigation(name)
            assert (result.notes if result else ()) == tuple(row.finished[-1:])
            record = await self.store.record(name)
            assert record is not None
            if record.run_id:
                steps = await self.store.entries(record.run_id)
                assert {key: payload for key, _, payload in steps} == row.steps.get(row.run, {})


def test_the_queue_does_what_the_model_says(store_url: str) -> None:
    """Whatever the order of events: who gets which alert, which writes count, and what every record shows."""
    if store_url.startswith("sqlite"):
        asyncio.run(make(store_url))

    class Here(Queue):
        url = store_url

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=12 if store_url.startswith("sqlite") else 6,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


async def make(url: str) -> None:
    await (await open_store(url)).close()
