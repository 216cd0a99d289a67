"""Every shipped playbook question can be asked of the evaluation world.

Takes about 15 seconds: the world is loaded, and some 250 queries run on it.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.shared import ROOT
from tests.support.worlds import EVALUATION_NOW, evaluation_world
from tools.worlds import Set
from triage.domain.entity import EntityKind
from triage.domain.window import TimeWindow
from triage.logtypes import TERMS
from triage.sandbox.errors import QueryError
from triage.sandbox.lake import DuckLake
from triage.sandbox.world import load_world
from triage.stages.enrichment import load_playbooks
from triage.stages.enrichment.playbook import TEXTS, TIMES
from triage.stages.enrichment.playbooks import PlaybookQuestion, Playbooks

NOW = EVALUATION_NOW


@pytest.fixture(scope="module")
def lake() -> Iterator[DuckLake]:
    """The lake of the evaluation world."""
    found = DuckLake(load_world(evaluation_world(), as_recorded=True))
    yield found
    found.close()


@pytest.fixture(scope="module")
def playbooks() -> Playbooks:
    """Those that ship."""
    return load_playbooks([ROOT / "prompts" / "playbooks"])


def asked(playbooks: Playbooks) -> dict[tuple[str, str], PlaybookQuestion]:
    """Every question by key and table, whatever alert calls for it."""
    tags = [tag.strip("*") or "any" for book in playbooks.books for tag in book.tags]
    detections = [name.strip("*") or "any" for book in playbooks.books for name in book.detections] or [""]
    log_types = [log_type.value for log_type in Set.EVALUATION.log_types]
    return {
        (each.key, each.table): each
        for detection in detections
        for each in playbooks.questions_for(
            log_types, kinds=[kind.value for kind in EntityKind], tags=tags, detection_id=detection
        )
    }


def sample(lake: DuckLake, question: PlaybookQuestion) -> dict[str, Any]:
    """Values of every parameter; they need not occur, since each row of the window passes through the conditions."""
    rows = lake.run(
        f"SELECT p_any_usernames, p_any_emails, p_any_ip_addresses FROM {question.database}.public.{question.table}"
        f" WHERE p_event_time > '2026-10-25' LIMIT 1"
    ).rows
    texts = [text for values in (rows[0].values() if rows else ()) for text in json.loads(json.dumps(values)) or ()]
    given: dict[str, Any] = {}
    for name in question.definition.parameters:
        given[name] = "x" if name in TEXTS else NOW - timedelta(days=1) if name in TIMES else tuple(texts) or ("x",)
    return given


def test_every_question_runs(lake: DuckLake, playbooks: Playbooks) -> None:
    """No question names a table or a column that the evaluation world lacks, and none fails on its rows."""
    window = TimeWindow(NOW - timedelta(days=15), NOW)
    questions = asked(playbooks)
    failed: dict[str, str] = {}
    for (key, table), each in questions.items():
        query = each.template.bind(sample(lake, each), window=window, limit=each.definition.limit, now=NOW)
        try:
            lake.run(query.sql)
        except QueryError as error:
            failed[f"{key} on {table}"] = str(error)

    assert failed == {}
    named = {book.playbook for book in playbooks.books if book.questions and book.log_types != ("*",)}
    assert named <= {each.playbook.playbook for each in questions.values()}
    assert len(questions) > 100


def test_the_terms_of_each_log_type_find_their_values(lake: DuckLake, playbooks: Playbooks) -> None:
    """In every table most rows have an actor and an action by the shipped terms, and some have the rest."""
    for log_type in Set.EVALUATION.log_types:
        terms = playbooks.terms_of(log_type.value)
        assert {"actor", "action", "address", "target"} <= set(terms), log_type
        counted = ", ".join(
            f"COUNT({term.sql}) AS {name}_found" for name, term in terms.items() if name in TERMS and name != "refused"
        )
        row = lake.run(
            f"SELECT COUNT(*) AS total, {counted} FROM panther_logs.public.{log_type.table}"
            " WHERE p_event_time > '2026-10-25'"
        ).rows[0]
        total = int(str(row["total"]))
        shares = {name: int(str(count)) / total for name, count in row.items() if name != "total"}
        assert shares["actor_found"] > 0.9, log_type
        assert shares["action_found"] > 0.9, log_type
        # What a statement of Snowflake's touches, and from where, its log doesn't tell; a sign-in touches nothing.
        has_none = {"Snowflake.QueryHistory", "Snowflake.LoginHistory", "OnePassword.SignInAttempt"}
        assert (shares["target_found"] > 0.05) is (log_type.value not in has_none), (log_type, shares)
        assert shares["address_found"] > 0.9 or log_type.value == "Snowflake.QueryHistory", log_type
