"""What counts as proof, what the model's own questions count for, and alerts that share answers or grow.

About six seconds, most of it for two investigations of the alert that grows.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.true_evidence.world import AT, MINUTE, NOW, OFFICE, OUTSIDE, World, aws, okta
from tests.support.cli import write_config
from tests.support.clocks import FakeClock
from tests.support.make import evidence
from tests.support.notebook import Notebook
from tests.support.panther import TOKEN, config
from tests.support.small_dossier import dossier
from tests.support.wired import wired
from triage.domain.evidence import Evidence
from triage.domain.finding import CheckedFinding, Citation, Comparison, CountCitation, Finding, ValueCitation
from triage.domain.sql import QueryTemplate, ReadOnlyQuery
from triage.domain.trust import Trust
from triage.domain.window import TimeWindow
from triage.edges.clock import FixedStartClock, SystemClock
from triage.edges.panther.client import connect
from triage.edges.panther.rows import RowBuffer
from triage.ports import QueryLimits, QueryResult, ToolCall
from triage.sandbox.server import ApiToken, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.service.loop import Service
from triage.settings import InvestigationSettings, load_settings
from triage.stages.enrichment.asking import Answer, Asker
from triage.stages.enrichment.cache import SharedCache
from triage.stages.enrichment.playbook import Playbook, Question
from triage.stages.enrichment.playbooks import PlaybookQuestion
from triage.stages.enrichment.questions import BoundQuery
from triage.stages.investigation import Toolbox
from triage.stages.verification import verify

CLOUD, OKTA = "AWS.CloudTrail", "Okta.SystemLog"
ADA, EVE = "ada@acme.example", "eve@acme.example"
ROW = {"action": "GetObject", "times": 4, "refused": 0, "arn": "arn:aws:iam::111122223333:role/reader"}


def checked(text: str, citation: Citation, *entries: Evidence) -> CheckedFinding:
    """One sentence with one citation, checked against the answers."""
    (found,) = verify([Finding(text=text, citations=(citation,))], entries)
    return found


def cell(column: str, value: Any) -> ValueCitation:
    """A value in the only row."""
    return ValueCitation(evidence="E1", row=0, column=column, value=value)


def test_a_count_that_cannot_fail_proves_nothing() -> None:
    """Whatever the answer holds, it has at most a thousand million rows."""
    count = CountCitation(evidence="E1", comparison=Comparison.AT_MOST, number=1_000_000_000)

    assert not checked("It is ordinary work.", count, evidence(1, ROW)).verified


def test_an_account_number_within_a_cited_arn_is_not_invented() -> None:
    """The row holds it, as a whole part of a longer name."""
    assert checked("The role is of account 111122223333.", cell("arn", ROW["arn"]), evidence(1, ROW)).verified


def test_a_cited_zero_is_no_unproven_absence() -> None:
    """Of four calls that the row counts, none was refused: the row itself says so, whatever else was delivered."""
    uncovered = evidence(1, ROW, coverage={"source_healthy": True}, measured=True)

    assert checked("Of 4 calls 0 were refused.", cell("refused", 0), uncovered).verified


@pytest.mark.parametrize("text", ["This was never done before.", "Neither the user nor the role was seen there."])
def test_rows_that_are_there_carry_no_denial(text: str) -> None:
    """That a question has an answer says nothing about what the answer lacks."""
    assert not checked(
        text, CountCitation(evidence="E1", comparison=Comparison.AT_LEAST, number=1), evidence(1, ROW)
    ).verified


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    """A single sign-on, and a secret that was read."""
    world = World()
    world.log(OKTA, AT, okta(ADA, "user.authentication.sso"))
    request = {"secretId": "prod/billing", "clientNote": "correct-horse-battery"}
    world.log(CLOUD, AT, aws("ada", "GetSecretValue", requestParameters=request))
    place = tmp_path_factory.mktemp("lake")
    with SandboxServer(
        load_world(world.write(place), as_recorded=True), SandboxOptions(tokens=(ApiToken(TOKEN),))
    ) as running:
        yield running


def asked(server: SandboxServer, select: str, table: str, where: str) -> Evidence:
    """What the model's own query is answered."""
    window = f"p_event_time >= '{AT - MINUTE:%Y-%m-%d %H:%M}' AND p_event_time <= '{AT + MINUTE:%Y-%m-%d %H:%M}'"
    sql = f"SELECT {select} FROM panther_logs.public.{table} WHERE {window} AND {where} LIMIT 5"

    async def run() -> Evidence | None:
        async with connect(config(server.rest_url, attempts=1), clock=SystemClock()) as panther:
            box = Toolbox(
                dossier(),
                lake=panther.lake,
                alerts=panther.alerts,
                rules=panther.rules,
                settings=InvestigationSettings(),
            )
            call = ToolCall(id="c", name="query_lake", arguments=json.dumps({"sql": sql, "reason": "What happened?"}))
            return (await box.run(call, QueryLimits(rows=50, bytes=100_000, seconds=20))).evidence

    entry = asyncio.run(run())
    assert entry is not None
    assert not entry.error
    return entry.model_copy(update={"id": "E2"})


def test_what_the_model_asks_counts_for_what_it_is(lake: SandboxServer) -> None:
    """Okta's own words about a sign-on are the provider's, though a model asked for them."""
    entry = asked(lake, "eventType, outcome:result::string AS result", "okta_systemlog", "eventType LIKE 'user.%'")
    citation = ValueCitation(evidence="E2", row=0, column="result", value="SUCCESS")
    (found,) = verify([Finding(text="The sign-on succeeded.", citations=(citation,))], [evidence(1, ROW), entry])

    assert found.verified
    assert found.trust == {Trust.PROVIDER}


def test_a_secret_goes_by_its_source_and_not_by_its_alias(lake: SandboxServer) -> None:
    """An identifier that a query calls `secret` is shown to the model as it is."""
    entry = asked(
        lake, "requestParameters:secretId::string AS secret", "aws_cloudtrail", "eventName = 'GetSecretValue'"
    )

    assert entry.rows[0]["secret"] == "prod/billing"


@dataclass(slots=True)
class Rows:
    """A lake that answers every question with twenty rows, within the limits given."""

    sent: list[QueryLimits] = field(default_factory=list)

    async def run_query(self, query: ReadOnlyQuery, *, limits: QueryLimits) -> QueryResult:
        self.sent.append(limits)
        buffer = RowBuffer(limits.rows, limits.bytes)
        for number in range(20):
            buffer.add({"hour": number})
        return QueryResult(("hour",), tuple(buffer.rows), buffer.seen, buffer.truncated, buffer.bytes)


def _shared_question() -> BoundQuery:
    sql = "SELECT hour FROM panther_logs.public.acme_doors WHERE p_event_time BETWEEN :start AND :end LIMIT :limit"
    template, window = QueryTemplate.parse(sql), TimeWindow(NOW - timedelta(days=1), NOW)
    definition = Question.model_validate(
        {"id": "doors", "question": "Which?", "sql": sql, "window": {"from": "-1d", "to": "-0s"}, "limit": 30}
    )
    playbook = Playbook(playbook="doors")
    question = PlaybookQuestion(
        "doors", playbook, definition, "Acme.Doors", "panther_logs", "acme_doors", lambda: template
    )
    return BoundQuery(question, template.bind({}, window=window, limit=30, now=NOW), window)


def test_one_alerts_small_budget_cuts_no_other_alerts_answer() -> None:
    """The first alert can take three rows of the shared answer; the second gets all twenty."""
    cache, server, bound = SharedCache(FakeClock()), Rows(), _shared_question()

    async def ask(rows: int) -> Answer:
        alert = Asker(
            journal=Notebook(),
            observe=lambda _: None,
            clock=FakeClock(),
            lake=server,  # type: ignore[arg-type]  # only queries are run
            cache=cache,
            settings=InvestigationSettings(max_rows=100),
            refused_in_batch=set(),
        )
        alert._rows = 100 - rows
        return await alert.query(bound, prefix="coverage", shared="doors")

    async def both() -> tuple[Answer, Answer]:
        return await ask(3), await ask(100)

    first, second = asyncio.run(both())

    assert len(first.rows) == 3
    assert (len(second.rows), second.error, second.truncated) == (20, "", False)


def test_an_alert_that_grows_is_looked_at_again(tmp_path: Path) -> None:
    """After the first look Panther adds a stranger's event; once the alert is quiet it is triaged again, with it."""
    world, action = World(), "group.user_membership.add"
    first = world.log(OKTA, AT, okta(ADA, action, OFFICE), every=25)

    def work(name: str, *times: int) -> list[int]:
        """Poll and work at these minutes, against a Panther that holds the world as it is now."""
        place = tmp_path / name
        place.mkdir()
        with SandboxServer(load_world(world.write(place), as_recorded=True)) as panther:
            write_config(tmp_path, panther.url)
            return [asyncio.run(_once(tmp_path, panther, NOW + minutes * MINUTE)) for minutes in times]

    world.alert("grows", OKTA, first)
    assert work("before", 0) == [1]
    world.matches.clear()
    later = (NOW + MINUTE).isoformat()
    stranger = world.log(OKTA, NOW + MINUTE, okta(EVE, action, OUTSIDE))
    number = world.alerts.pop("grows")["id"]
    world.alert("grows", OKTA, first, stranger, updatedAt=later, lastReceivedEventAt=later)

    assert sum(work("after", 4, 25)) == 1

    assert EVE in asyncio.run(_events(tmp_path, number))


async def _once(folder: Path, panther: SandboxServer, at: datetime) -> int:
    """How many alerts were triaged."""
    panther.world.clock = lambda: at
    settings = load_settings(folder / "config.yaml", environment={})
    async with wired(settings, FixedStartClock(at)) as app:
        return (await Service(pipeline=app.pipeline, observe=lambda _: None, name="desk").run_once()).done


async def _events(folder: Path, number: str) -> str:
    """The events that the alert's last investigation read."""
    settings = load_settings(folder / "config.yaml", environment={})
    async with wired(settings, FixedStartClock(NOW)) as app:
        found = await app.store.records.investigation(number)
    return str([entry.rows for entry in found.evidence if entry.key == "events"] if found else "")
