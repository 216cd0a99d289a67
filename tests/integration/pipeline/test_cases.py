"""Related alerts of different detections, through the whole program. About ten seconds: two runs of three alerts."""

import asyncio
import csv
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import run_cli, write_config
from tests.support.clocks import START
from tests.support.small_dossier import dossier
from tests.support.small_lake import ALERT
from tests.support.stores import NOW, alert, claimed, investigation, saved, sqlite_url
from tests.support.young import RULE, TABLE, call, write_young_world
from triage.domain.actor_values import ActorValues
from triage.domain.case import KeyKind, LinkKey, LinkKeys
from triage.domain.disposition import Disposition
from triage.domain.dossier import Dossier
from triage.edges.clock import FixedStartClock
from triage.edges.store import open_store
from triage.pipeline.cases import find_case, judged_so_far
from triage.pipeline.journal import ClaimJournal
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world
from triage.stages.decision import facts_of

SAME_KEY, SAME_ADDRESS = "ca" * 16, "cb" * 16
STOLEN = "AKIAQ7EXAMPLE0STOLEN"
MINUTE = timedelta(minutes=1)
MORE = "investigation:\n  concurrency: 1\nwriteback:\n  console_url: https://console.example\n"
"""One alert at a time, so that which one finds the other does not depend on chance."""


def _by(event: dict[str, object], name: str, key: str) -> dict[str, object]:
    """The same call by another user, from the same address."""
    arn = f"arn:aws:iam::210987654321:user/{name}"
    identity = {
        "type": "IAMUser",
        "userName": name,
        "arn": arn,
        "principalId": f"AIDA210987654321{name.upper()}",
        "accountId": "210987654321",
        "accessKeyId": key,
    }
    return {**event, "userIdentity": identity, "p_any_usernames": [name], "p_any_aws_arns": [arn]}


def _add(path: Path, *records: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


def _world(folder: Path) -> Path:
    """One stolen key over two detections, and a colleague whose alert comes from the same office."""
    write_young_world(folder, now=START)
    first = json.loads((folder / "alerts.ndjson").read_text(encoding="utf-8"))
    events = {
        ALERT: _by(call(START - 25 * MINUTE, 1, "CreateAccessKey"), "mira", STOLEN),
        SAME_KEY: _by(call(START - 5 * MINUTE, 2, "DeleteTrail", "cloudtrail.amazonaws.com"), "mira", STOLEN),
        SAME_ADDRESS: _by(
            call(START - 9 * MINUTE, 3, "DeleteVpc", "ec2.amazonaws.com"), "ivan", "AKIAQ7EXAMPLE000IVAN"
        ),
    }
    rules = {
        ALERT: RULE,
        SAME_KEY: {**RULE, "id": "Cloud.TrailDeleted", "displayName": "Trail deleted", "severity": "LOW"},
        SAME_ADDRESS: {**RULE, "id": "Cloud.NetworkDeleted", "displayName": "Network deleted", "severity": "LOW"},
    }
    lines, matches = [], []
    for name, event in events.items():
        at, rule = str(event["eventTime"]).replace(" ", "T") + "Z", rules[name]
        lines.append(
            {
                **first,
                "id": name,
                "title": rule["displayName"],
                "severity": rule["severity"],
                "detectionId": rule["id"],
                "createdAt": at,
                "firstEventOccurredAt": at,
                "lastReceivedEventAt": at,
            }
        )
        matches.append({**event, "p_alert_id": name, "p_rule_id": rule["id"]})
    for name, records in (("alerts", lines), ("rules", list(rules.values()))):
        (folder / f"{name}.ndjson").unlink()
        _add(folder / f"{name}.ndjson", *records)
    (folder / f"lake/panther_rule_matches/{TABLE}.ndjson").unlink()
    _add(folder / f"lake/panther_rule_matches/{TABLE}.ndjson", *matches)
    _add(folder / f"lake/panther_logs/{TABLE}.ndjson", *events.values())
    return folder


@pytest.fixture(scope="module")
def triaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, SandboxServer]]:
    """A directory in which the three alerts have been triaged, the most severe first."""
    directory = tmp_path_factory.mktemp("cases")
    with SandboxServer(load_world(_world(tmp_path_factory.mktemp("world")), as_recorded=True)) as panther:
        write_config(directory, panther.url, more=MORE)
        ran = run_cli("run", "--once", "--write", "--now", START.isoformat(), directory=directory)
        assert ran.status == 0, ran.err
        yield directory, panther


def test_the_later_comment_names_the_other_member(triaged: tuple[Path, SandboxServer]) -> None:
    """With its time, its verdict and a link, and says which alert carries the analysis. What was written before is not
    rewritten, and the colleague's alert has no case."""
    directory, panther = triaged

    def comment(name: str) -> str:
        (found,) = panther.comments(name)
        return str(found["body"])

    verdicts = {row["alert_id"]: row["verdict"] for row in run_cli("list", "--json", directory=directory).json}
    said = comment(SAME_KEY)
    assert "<strong>Same case</strong>" in said
    assert "carries the analysis" in said or "The analysis is in" in said
    assert f"Access key created, 11:35, {verdicts[ALERT]} (alert {ALERT[:8]})" in said
    assert f'<a href="https://console.example/alerts-and-errors/{ALERT}">' in said
    assert f"the same session or key {STOLEN}" in said
    assert "Same case" not in comment(ALERT)
    assert "Same case" not in comment(SAME_ADDRESS)


def test_every_command_shows_the_case(triaged: tuple[Path, SandboxServer]) -> None:
    """Also that of the alert whose comment was written before the other joined."""
    directory, _ = triaged

    def run(*arguments: str) -> str:
        ran = run_cli(*arguments, directory=directory)
        assert ran.status == 0, ran.err
        return ran.out

    (case,) = json.loads(run("cases", "--json"))
    assert (case["id"], [member["alert_id"] for member in case["members"]]) == (ALERT, [ALERT, SAME_KEY])
    assert case["lead"] in (ALERT, SAME_KEY)
    assert STOLEN in case["links"][0]["why"]
    listed = {row["alert_id"]: row["case"] for row in json.loads(run("list", "--json"))}
    exported = {row["alert_id"]: row["case"] for row in map(json.loads, run("export").splitlines())}
    assert listed == exported == {ALERT: case, SAME_KEY: case, SAME_ADDRESS: None}
    assert json.loads(run("show", ALERT, "--json"))["case"] == case
    assert json.loads(run("show", SAME_ADDRESS, "--json"))["case"] is None
    table = list(csv.DictReader(run("export", "--format", "csv").splitlines()))
    assert {row["alert_id"]: row["case"] for row in table} == {ALERT: ALERT, SAME_KEY: ALERT, SAME_ADDRESS: ""}
    shown = run("cases")
    assert f"{ALERT}  " in shown
    assert "because both were done with the same session or key" in shown
    assert "Same case" in run("show", ALERT)
    now = (START + timedelta(days=9)).isoformat()
    assert run("cases", "--since", "7d", "--now", now) == "no stored alerts belong together\n"


def test_a_replayed_run_has_the_members_of_the_first_time(tmp_path: Path) -> None:
    """The search is a step of the journal: an alert that ends between a kill and the restart changes nothing."""
    keys = (LinkKey(kind=KeyKind.SESSION, value=STOLEN, first=NOW, last=NOW),)

    async def body() -> None:
        store = await open_store(sqlite_url(tmp_path))
        try:
            names = ("a", "b", "c")
            await saved(store, *map(alert, names))
            claims = {name: await claimed(store, alert_id=name) for name in names}
            await store.queue.finish(claims["a"], investigation(claims["a"], links=keys), now=NOW)
            journal = ClaimJournal(store.journal, claims["b"], FixedStartClock(NOW))

            async def search() -> list[str]:
                case = await find_case(
                    alert("b"),
                    LinkKeys(alert_id="b", keys=keys),
                    Disposition.MALICIOUS,
                    records=store.records,
                    journal=journal,
                )
                assert case is not None
                assert case.lead.alert_id == "b"
                return [member.alert_id for member in case.members]

            assert await search() == ["a", "b"]
            await store.queue.finish(claims["c"], investigation(claims["c"], links=keys), now=NOW)
            assert await search() == ["a", "b"]
        finally:
            await store.close()

    asyncio.run(body())


def test_the_verdicts_on_a_case_so_far_are_in_the_dossier(tmp_path: Path) -> None:
    """One session is not judged in two ways; an alert of nobody else's case has nothing to read."""
    keys = (LinkKey(kind=KeyKind.SESSION, value=STOLEN, first=NOW, last=NOW),)

    async def body() -> None:
        store = await open_store(sqlite_url(tmp_path))
        try:
            await saved(store, *map(alert, ("a", "b", "c")))
            claims = {name: await claimed(store, alert_id=name) for name in ("a", "b", "c")}
            await store.queue.finish(claims["a"], investigation(claims["a"], links=keys), now=NOW)

            async def known(name: str, session: str) -> Dossier:
                acting = ActorValues(name="mira", first=NOW, last=NOW, lists={"sessions": (session,)})
                given = dossier(alert=alert(name), evidence=(), actors=(acting,))
                journal = ClaimJournal(store.journal, claims[name], FixedStartClock(NOW))
                return await judged_so_far(given, records=store.records, journal=journal)

            (entry,) = (await known("b", STOLEN)).evidence
            (row,) = entry.rows
            assert (row["alert_id"], row["verdict"]) == ("a", str(investigation(claims["a"]).verdict.disposition))
            facts: Any = facts_of((), (), (entry,), (), dossier().detection, injected=False)
            assert [each["verdict"] for each in facts["same_case"]] == [row["verdict"]]
            assert (await known("c", "AKIAQ7EXAMPLE0OTHERS")).evidence == ()
        finally:
            await store.close()

    asyncio.run(body())
