"""The questions of all published runbooks: each passes the guard, and runs where its table exists."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.shared import shared_lines
from triage.domain.actor_values import ActorValues
from triage.domain.identity import Identity, IdentityKind
from triage.domain.question import Question
from triage.logtypes import table_of
from triage.questions import NotAskable, bind_question, compile_question, logs_of
from triage.questions.plans import compiled
from triage.sandbox.lake import DuckLake
from triage.sandbox.shipped import Shipped, unpack_world
from triage.sandbox.world import load_world

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LISTS = (
    "actors", "identities", "actions", "targets", "addresses", "recipients", "sessions", "people", "names", "values",
    "hashes", "hosts", "derived", "derived_actors", "derived_selves", "derived_sessions", "derived_workloads",
    "derived_emails", "alert", "detection",
)  # fmt: skip


def everything(log_type: str) -> ActorValues:
    """An actor of whom every kind of value is known."""
    return ActorValues(
        name="ada@acme.example",
        log_type=log_type,
        first=NOW - timedelta(hours=8),
        last=NOW - timedelta(hours=7),
        lists={name: ("198.51.100.7",) if name == "addresses" else ("ada@acme.example",) for name in LISTS},
        identities=tuple(Identity.of(kind, "ada@acme.example") for kind in IdentityKind),
    )


def events(question: Question, log_type: str) -> list[dict[str, Any]]:
    """An event that has a value in each field that the question is about."""
    event: dict[str, Any] = {"p_log_type": log_type}
    for subject in (*question.about, *question.on):
        place = event
        *above, last = subject.field.split(".") if subject.field else ["p_row_id"]
        for part in above:
            place = place.setdefault(part, {})
        place[last] = "value"
    return [event]


@pytest.mark.slow
def test_every_published_question_passes_the_guard_and_runs(tmp_path: Path) -> None:
    """Whatever the log type; those whose table the shipped world has are run on the embedded lake.

    Takes half a minute: some 480 statements.
    """
    world = unpack_world(Shipped.EVALUATION, tmp_path)
    lake = DuckLake(load_world(world, as_recorded=True))
    tables = {
        database.name: frozenset(path.name.split(".")[0] for path in database.glob("*.ndjson*"))
        for database in (world / "lake").iterdir()
    }
    asked: Counter[str] = Counter()
    seen = set()
    for rule in shared_lines("data/rules.ndjson"):
        log_types = tuple(rule["log_types"] or ())
        plan = compiled(rule["rule_id"], rule["runbook"] or "", log_types).plan
        for question in (each for step in plan.steps for each in step.questions):
            for log_type, database in logs_of(question, log_types, None):
                key = (Question.model_validate(question.model_dump(include=set(Question.model_fields), by_alias=True)), log_type, database)  # fmt: skip
                if key in seen:
                    continue
                seen.add(key)
                try:
                    bound = bind_question(
                        compile_question(question, log_type, database=database),
                        everything(log_type),
                        events=events(question, log_type),
                        history=timedelta(days=90),
                        dwell=timedelta(days=14),
                        now=NOW,
                    )
                except NotAskable:
                    asked["not askable"] += 1
                    continue
                asked["bound"] += 1
                if table_of(log_type) in tables.get(database, ()):
                    lake.run(bound.query.sql)
                    asked["run"] += 1
    assert asked["bound"] >= 450, asked
    assert asked["run"] >= 300, asked
    assert asked["not askable"] <= 5, asked
