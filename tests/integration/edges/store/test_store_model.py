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
from triage.domain.verdict import Disposition, Investigation, Verdict
from triage.ports import Claim, Spend, State, Store

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
TO_B = Linked(leader="b", reason="same title")
TO_C = Linked(leader="c", reason="same title")

names = st.sampled_from(sorted(ALERTS))
decisions = st.sampled_from([*DECISIONS, TO_B, TO_C])
leases = st.sampled_from([HOLDS, RUN_OUT])
workers = st.sampled_from(["w1", "w2"])


@dataclass
class Row:
    """What one alert should look like."""

    state: State
    decision: Decision
    due: bool = False
    """It may be claimed now."""
    queued: bool = False
    """It will be worked on: it may be claimed now, is being worked on, or waits for another attempt."""
    run: int = 1
    epoch: int = 0
    attempts: int = 0
    worker: str = ""
    error: str = ""
    leader: str = ""
    confidence: float | None = None
    """Which verdict it has; each has another one."""
    finished: list[Investigation] = field(default_factory=list)
    steps: dict[int, dict[str, int]] = field(default_factory=dict)
    """By run."""
    spent: dict[tuple[int, str], int] = field(default_factory=dict)
    """By run and key."""

    @property
    def unled(self) -> bool:
        return self.state is State.LINKED and self.confidence is None and not self.queued

    def enter(self, *, afresh: bool = False) -> None:
        """Come into the queue with all attempts; what has been begun is begun anew where asked for."""
        self.due, self.queued, self.attempts = True, True, 0
        self.run += afresh and self.epoch > 0


class Queue(RuleBasedStateMachine):
    """Drives a store and the model side by side. Leases either hold for the whole test or run out at once."""

    url: str
    store: Store
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        stores.empty(self.url)
        self.runner = asyncio.Runner()
        self.model: dict[str, Row] = {}
        self.count = 0
        self.pruned = 0

    @initialize()
    def open(self) -> None:
        for name in ("a", "b", "c"):
            self.save_one(name, stores.SELECTED)

    def place(self, name: str) -> tuple[int, str, float]:
        """Where an alert stands in the queue: severity, then what is investigated, then age."""
        return (-ALERTS[name].severity.rank, self.model[name].leader, ALERTS[name].created_at.timestamp())

    def followers(self, leader: str) -> list[Row]:
        """Linked to it; oldest first."""
        found = [name for name, row in self.model.items() if row.leader == leader]
        return [self.model[name] for name in sorted(found, key=lambda name: ALERTS[name].created_at)]

    def ended(self, leader: str) -> bool:
        row = self.model.get(leader)
        return row is not None and row.state in {State.DONE, State.SKIPPED}

    def just_linked(self, row: Row) -> None:
        if row.unled and self.ended(row.leader):
            row.enter(afresh=True)
            row.error = ""

    def holds(self, claim: Claim) -> bool:
        row = self.model.get(claim.alert.id)
        return row is not None and row.state is State.RUNNING and (row.epoch, row.worker) == (claim.epoch, claim.worker)

    @rule(name=names, decision=decisions)
    def save(self, name: str, decision: Decision) -> None:
        self.save_one(name, decision)

    def save_one(self, name: str, decision: Decision) -> None:
        decision = stores.SELECTED if isinstance(decision, Linked) and decision.leader == name else decision
        added = self.runner.run(self.store.queue.save([(ALERTS[name], decision)], now=NOW))

        assert added == (name not in self.model)
        row = self.model.setdefault(name, Row(State.SKIPPED, stores.SKIPPED))
        if row.state is State.SKIPPED or (row.state is State.LINKED and isinstance(decision, Selected)):
            self.follow(row, decision)

    def follow(self, row: Row, decision: Decision) -> None:
        row.leader = ""
        match decision:
            case Selected():
                row.state = State.QUEUED
                row.enter(afresh=True)
            case Linked():
                row.state, row.due, row.attempts, row.leader = State.LINKED, False, 0, decision.leader
                self.just_linked(row)
            case _:
                row.state, row.due, row.attempts = State.SKIPPED, False, row.attempts * (row.decision == decision)
        row.decision = decision

    @rule(target=claims, worker=workers, seconds=leases, name=st.none() | names)
    def claim(self, worker: str, seconds: float, name: str | None) -> object:
        due = sorted((each for each, row in self.model.items() if row.due and name in (None, each)), key=self.place)

        claim = self.runner.run(self.store.queue.claim(worker, now=NOW, lease_seconds=seconds, alert_id=name))

        assert (claim.alert.id if claim else None) == (due[0] if due else None)
        if claim is None:
            return multiple()
        row = self.model[claim.alert.id]
        # Who died with the alert has used up no attempt.
        row.attempts = max(row.attempts, 1) if row.state is State.RUNNING else row.attempts + 1
        row.state, row.due, row.worker = State.RUNNING, seconds == RUN_OUT, worker
        row.epoch += 1
        assert (claim.epoch, claim.attempts, claim.worker) == (row.epoch, row.attempts, worker)
        assert claim.run_id.endswith(f"-{row.run}")
        assert claim.leader == row.leader
        return claim

    @rule(claim=claims, seconds=leases)
    def heartbeat(self, claim: Claim, seconds: float) -> None:
        held = self.runner.run(self.store.queue.heartbeat(claim, now=NOW, lease_seconds=seconds))

        assert held == self.holds(claim)
        if held:
            self.model[claim.alert.id].due = seconds == RUN_OUT

    @rule(claim=claims, key=st.sampled_from(["one", "two"]))
    def journal(self, claim: Claim, key: str) -> None:
        self.count += 1

        held = self.runner.run(self.store.journal.append(claim, key, "step", self.count, now=NOW))

        assert held == self.holds(claim)
        if held:
            row = self.model[claim.alert.id]
            row.steps.setdefault(row.run, {}).setdefault(key, self.count)

    @rule(claim=claims, key=st.sampled_from(["one", "two"]))
    def spend(self, claim: Claim, key: str) -> None:
        self.count += 1

        held = self.runner.run(self.store.ledger.book(claim, key, Spend(calls=1, prompt_tokens=self.count), now=NOW))

        assert held == self.holds(claim)
        if held:
            row = self.model[claim.alert.id]
            row.spent.setdefault((row.run, key), self.count)

    @rule(claim=claims)
    def finish(self, claim: Claim) -> None:
        self.count += 1
        verdict = Verdict(disposition=Disposition.BENIGN, confidence=self.count / 1_000, summary="Nothing unusual.")
        result = investigation(claim, verdict=verdict, finished_at=NOW + timedelta(seconds=self.count))

        held = self.runner.run(self.store.queue.finish(claim, result, now=NOW))

        assert held == self.holds(claim)
        if held:
            row = self.model[claim.alert.id]
            row.state, row.due, row.queued, row.worker, row.error, row.leader = State.DONE, False, False, "", "", ""
            row.confidence = verdict.confidence
            row.finished.append(result)
            for follower in self.followers(claim.alert.id):
                if follower.state is State.LINKED:
                    follower.enter(afresh=True)
                    follower.error = ""

    @rule(claim=claims, which=st.integers(0, 3))
    def point(self, claim: Claim, which: int) -> None:
        leader = self.model.get(claim.leader)
        if leader is None or not leader.finished:
            return
        known = leader.finished[-1 - which % len(leader.finished)]

        held = self.runner.run(self.store.queue.finish_linked(claim, known, now=NOW))

        assert held == self.holds(claim)
        if held:
            row = self.model[claim.alert.id]
            row.state, row.due, row.queued, row.worker, row.error, row.attempts = State.LINKED, False, False, "", "", 0
            row.confidence = known.verdict.confidence
            if known is not leader.finished[-1]:
                row.enter(afresh=True)

    @rule(claim=claims, how=st.sampled_from(["release", "retry", "wait", "fail"]))
    def give_back(self, claim: Claim, how: str) -> None:
        error = "" if how == "release" else how
        retry_at = {"retry": NOW, "wait": NOW + timedelta(hours=1)}.get(how)

        held = self.runner.run(
            self.store.queue.give_back(claim, now=NOW, error=error, retry_at=retry_at, failed=how == "fail")
        )

        assert held == self.holds(claim)
        if held:
            row = self.model[claim.alert.id]
            row.worker, row.error = "", error or row.error
            again = State.LINKED if row.leader else State.QUEUED
            row.state, row.due = (State.FAILED, False) if how == "fail" else (again, how != "wait")
            row.queued = how != "fail"
            row.attempts -= how == "release"

    @rule(name=names, fresh=st.booleans())
    def enqueue(self, name: str, fresh: bool) -> None:
        if (row := self.model.get(name)) is None:
            return
        self.runner.run(self.store.queue.enqueue(name, now=NOW, fresh=fresh))

        if row.state is State.RUNNING and not row.due:
            return
        row.worker, row.error = "", ""
        if row.leader and not fresh and row.state in {State.FAILED, State.RUNNING}:
            row.state = State.LINKED
            row.enter()
            return
        row.enter(afresh=fresh or bool(row.leader))
        if row.leader or row.state is State.SKIPPED:
            row.decision = Selected(reason="queued by hand")
        row.state, row.leader = State.QUEUED, ""

    @rule(name=names, decision=decisions)
    def decide(self, name: str, decision: Decision) -> None:
        if (row := self.model.get(name)) is None or (isinstance(decision, Linked) and decision.leader == name):
            return
        self.runner.run(self.store.queue.decide(name, decision, now=NOW))

        if row.state is State.DONE:
            return
        row.decision = decision
        match decision:
            case Selected():
                if row.leader or row.state is State.SKIPPED:
                    row.state, row.leader, row.worker = State.QUEUED, "", ""
                    row.enter(afresh=True)
            case Linked():
                if row.leader != decision.leader:
                    row.confidence = None
                    row.run += row.epoch > 0
                row.state, row.due, row.queued, row.worker, row.leader = State.LINKED, False, False, "", decision.leader
                moved = [
                    each for each in self.followers(name) if each.unled and each is not self.model.get(decision.leader)
                ]
                for each in moved:
                    assert isinstance(each.decision, Linked)
                    each.leader = decision.leader
                    each.decision = each.decision.model_copy(update={"leader": decision.leader})
                for each in (row, *moved):
                    self.just_linked(each)
            case _:
                row.state, row.due, row.queued, row.worker, row.leader = State.SKIPPED, False, False, "", ""
                self.skipped(name)

    def skipped(self, leader: str) -> None:
        """The oldest that waited for a leader which was skipped takes its place."""
        waiting = [row for row in self.followers(leader) if row.unled]
        if not waiting:
            return
        heir, *others = waiting
        new = next(name for name, row in self.model.items() if row is heir)
        heir.state, heir.leader = State.QUEUED, ""
        heir.decision = Selected(reason=f"in place of {leader}, which it was linked to and which was skipped")
        heir.enter(afresh=True)
        for row in others:
            assert isinstance(row.decision, Linked)
            row.leader, row.decision = new, row.decision.model_copy(update={"leader": new})

    @rule()
    def prune(self) -> None:
        gone = {
            name
            for name, row in self.model.items()
            if row.state not in {State.QUEUED, State.RUNNING} and not row.queued
        }

        pruned = self.runner.run(self.store.records.prune(NOW + timedelta(seconds=1)))

        assert pruned.alerts == len(gone)
        assert pruned.investigations == sum(len(self.model[name].finished) for name in gone)
        for name in gone:
            self.pruned += sum(self.model.pop(name).spent.values())

    @rule()
    def look(self) -> None:
        status = self.runner.run(self.store.queue.status(now=NOW))

        rows = self.model.values()
        assert status.by_state == {
            state: count for state in State if (count := sum(row.state is state for row in rows))
        }
        assert {(each.alert_id, each.worker, each.leader) for each in status.in_flight} == {
            (name, row.worker, row.leader)
            for name, row in self.model.items()
            if row.state is State.RUNNING and not row.due
        }
        assert status.links_waiting == sum(row.unled for row in rows)
        assert status.links_due == sum(row.state is State.LINKED and row.queued for row in rows)

    @invariant()
    def every_record_is_as_the_model_says(self) -> None:
        records = {record.alert.id: record for record in self.runner.run(self.store.records.newest())}
        assert {
            name: (record.state, record.decision, record.attempts, record.worker, record.error, record.confidence)
            for name, record in records.items()
        } == {
            name: (row.state, row.decision, row.attempts, row.worker, row.error, row.confidence)
            for name, row in self.model.items()
        }

    def teardown(self) -> None:
        self.runner.run(self.results_and_steps_are_as_the_model_says())
        self.runner.close()

    async def results_and_steps_are_as_the_model_says(self) -> None:
        for name, row in self.model.items():
            result = await self.store.records.investigation(name)
            assert result == (row.finished[-1] if row.finished else None)
            linked = await stores.followers(self.store, name)
            assert [record.decision for record in linked] == [each.decision for each in self.followers(name)]
            record = await self.store.records.find(name)
            assert record is not None
            if record.run_id:
                steps = await self.store.journal.entries(record.run_id)
                assert {key: payload for key, _, payload in steps} == row.steps.get(row.run, {})
                of_run = await self.store.ledger.spent(since=NOW, run_id=record.run_id)
                assert of_run.tokens == sum(each for (run, _), each in row.spent.items() if run == row.run)
        total = await self.store.ledger.spent(since=NOW)
        assert total.tokens == self.pruned + sum(sum(row.spent.values()) for row in self.model.values())


def test_the_queue_does_what_the_model_says(store_url: str, store: Store) -> None:
    """Whatever the order of events: who gets which alert, which writes count, and what every record shows."""

    class Here(Queue):
        url = store_url

    Here.store = store
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=12 if store_url.startswith("sqlite") else 6,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
