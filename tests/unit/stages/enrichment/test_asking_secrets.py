"""What a playbook's answer shows of the log: the source of a column decides, in a batch as alone."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from pydantic import JsonValue

from tests.support.clocks import START, FakeClock
from tests.support.notebook import Notebook
from triage.domain.sql import QueryTemplate, ReadOnlyQuery
from triage.domain.window import TimeWindow
from triage.errors import QueryFailed
from triage.ports import Column, QueryLimits, QueryResult, Table
from triage.settings import InvestigationSettings
from triage.stages.enrichment.asking import Asker
from triage.stages.enrichment.batches import plan_batches
from triage.stages.enrichment.playbook import Playbook, Question
from triage.stages.enrichment.playbooks import PlaybookQuestion
from triage.stages.enrichment.questions import BoundQuery

pytestmark = pytest.mark.anyio
SECRET, IDENTIFIER = "x-y-z-plum", "prod/billing"
VALUES = {"secretId": IDENTIFIER, "password": SECRET}


@dataclass(slots=True)
class RecordedLake:
    """A lake that answers each statement with the next of its rows."""

    answers: list[list[dict[str, JsonValue]]]
    sent: list[str] = field(default_factory=list)

    async def run_query(self, query: ReadOnlyQuery, *, limits: QueryLimits) -> QueryResult:
        if not self.answers:
            raise QueryFailed(f"cannot cast 'password={SECRET}' to a number")
        rows = self.answers[len(self.sent)]
        self.sent.append(query.sql)
        return QueryResult(tuple(rows[0]), tuple(rows), len(rows), truncated=False, bytes=100)

    async def search(self, indicators: Sequence[str], *, window: TimeWindow, limits: QueryLimits) -> QueryResult:
        raise NotImplementedError

    async def databases(self) -> tuple[str, ...]:
        return ()

    async def tables(self, database: str) -> tuple[Table, ...]:
        return ()

    async def columns(self, database: str, table: str) -> tuple[Column, ...]:
        return ()


def question(key: str, secret: str, note: str) -> BoundQuery:
    """A question that calls one parameter `secret` and another `note`."""
    sql = f"""SELECT requestParameters:{secret}::string AS secret, requestParameters:{note}::string AS note
        FROM panther_logs.public.aws_cloudtrail
        WHERE p_event_time BETWEEN :start AND :end ORDER BY 1, 2 LIMIT :limit"""
    template = QueryTemplate.parse(sql)
    definition = Question.model_validate(
        {"id": key, "question": "Which?", "sql": sql, "window": {"from": "-1d", "to": "-0s"}, "limit": 30}
    )
    window = TimeWindow(START - timedelta(days=1), START)
    asked = PlaybookQuestion(
        key, Playbook(playbook="mine"), definition, "AWS.CloudTrail", "panther_logs", "aws_cloudtrail", lambda: template
    )
    return BoundQuery(asked, template.bind({}, window=window, limit=30, now=START), window)


def row(secret: str, note: str) -> dict[str, JsonValue]:
    """What the log holds under two parameters."""
    return {"secret": VALUES[secret], "note": VALUES[note]}


QUESTIONS = (question("one", "secretId", "password"), question("two", "password", "secretId"))
PLAIN = (row("secretId", "password"), row("password", "secretId"))


def asker(lake: RecordedLake, journal: Notebook, *, batched: bool) -> Asker:
    """One alert."""
    return Asker(
        journal=journal,
        observe=lambda _: None,
        clock=FakeClock(),
        lake=lake,
        cache=None,
        settings=InvestigationSettings(),
        refused_in_batch=set(),
        batches=plan_batches(QUESTIONS, size=10, alone=()) if batched else {},
    )


@pytest.mark.parametrize("batched", [False, True])
async def test_an_alias_neither_hides_a_secret_nor_blanks_an_identifier(batched: bool) -> None:
    """`secretId AS secret` is shown and `password AS note` isn't, by each question's own template in one statement."""
    alone = [[plain] for plain in PLAIN]
    joint: list[list[dict[str, JsonValue]]] = [
        [{"QUESTION": str(number), "ANSWER": json.dumps(plain)} for number, plain in enumerate(PLAIN)]
    ]
    lake, journal = RecordedLake(joint if batched else alone), Notebook()
    alert = asker(lake, journal, batched=batched)
    one, two = await asyncio.gather(*(alert.query(bound) for bound in QUESTIONS))

    assert len(lake.sent) == (1 if batched else 2)
    assert (one.rows[0]["secret"], two.rows[0]["note"]) == (IDENTIFIER, IDENTIFIER)
    assert SECRET not in str([one, two])


async def test_the_lakes_error_shows_no_secret() -> None:
    """What the lake says of a failed cast quotes the log."""
    answer = await asker(RecordedLake([]), Notebook(), batched=False).query(QUESTIONS[0])
    assert answer.error
    assert SECRET not in answer.error
