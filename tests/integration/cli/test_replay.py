"""An investigation again from its record, without Panther."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.background import scripted_model
from tests.support.cli import run_cli, write_config
from tests.support.conversations import inquisitive
from tests.support.llm import Reply, ScriptedLlm, call, calling, completion, concluding, recipe
from tests.support.panther import TOKEN
from tests.support.shared import ROOT
from tests.support.small_dossier import ALERT_ID
from tests.support.stores import NOW as THEN
from tests.support.tiny_world import ALERTS, NOW, write_world
from triage.domain.calibration import ConfidenceMap, Curve
from triage.domain.verdict import Disposition
from triage.edges.store import open_store
from triage.evaluation.offline_panther import call_key
from triage.pipeline.calibration import save_fit
from triage.ports import Spend, ToolCall
from triage.sandbox.server import ApiToken, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

CONFIG = """\
panther:
  url: {url}
  token: {token}
  requests_per_second: 1000
llm:
  base_url: {llm}
  model: scripted-1
store:
  url: sqlite:///triage.db
"""


@dataclass(frozen=True)
class Recorded:
    """A directory whose store holds one investigation by a model that asked two questions."""

    directory: Path
    panther: SandboxServer
    llm: ScriptedLlm


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    directory = tmp_path_factory.mktemp("cli")
    world = load_world(write_world(tmp_path_factory.mktemp("doors")), as_recorded=True)
    with (
        SandboxServer(world, SandboxOptions(tokens=(ApiToken(TOKEN),))) as panther,
        scripted_model(inquisitive) as llm,
    ):
        (directory / "config.yaml").write_text(CONFIG.format(url=panther.url, token=TOKEN, llm=llm.url))
        ran = run_cli("investigate", ALERT_ID, "--now", NOW, "--json", directory=directory)
        assert ran.status == 0, ran.err
        yield Recorded(directory, panther, llm)


def with_model(directory: Path, target: Path, url: str) -> Path:
    """The same store and Panther, another model."""
    text = (directory / "config.yaml").read_text(encoding="utf-8")
    lines = [f"  base_url: {url}" if "base_url" in line else line for line in text.splitlines()]
    lines = [f"  url: sqlite:///{directory / 'triage.db'}" if "sqlite" in line else line for line in lines]
    (target / "config.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return target


def harsh(asked: dict[str, Any]) -> Reply:
    """Calls every alert malicious, on values of its first event; gives no second opinion."""
    if "conclude" not in {tool["function"]["name"] for tool in asked.get("tools", ())}:
        return completion("This is a script; it only concludes.")
    text = "\n".join(message["content"] or "" for message in asked["messages"] if message["role"] == "user")
    findings = [{**finding, "direction": "malicious"} for finding in recipe(text)["findings"]]
    return concluding(recipe(text) | {"verdict": "malicious", "confidence": 0.95, "findings": findings})


def test_the_same_model_comes_to_the_same_verdict(recorded: Recorded) -> None:
    """All evidence is read back, the model is asked anew, and Panther hears nothing."""
    before, asked = len(recorded.panther.requests), len(recorded.llm.requests)
    ran = run_cli("eval", "replay", ALERT_ID, "--against-recorded", "--json", directory=recorded.directory)
    assert ran.status == 0, ran.err
    (found,) = ran.json
    assert found["before"] == found["after"]
    assert found["same_evidence"]
    assert found["not_recorded"] == []
    assert found["findings_before"] == found["findings_after"]
    assert len(recorded.panther.requests) == before
    assert len(recorded.llm.requests) > asked


def test_another_model_is_held_against_the_record(recorded: Recorded, tmp_path: Path) -> None:
    """A verdict that differs is shown, and ends with 1 where the recorded one was asked to be kept."""
    with scripted_model(harsh) as other:
        place = with_model(recorded.directory, tmp_path, other.url)
        ran = run_cli("eval", "replay", ALERT_ID, "--against-recorded", directory=place)
    assert ran.status == 1
    assert "1 verdicts changed" in ran.out


def test_a_question_that_was_not_recorded_is_counted(recorded: Recorded, tmp_path: Path) -> None:
    """A model that asks something else is told so, concludes without, and the report counts it."""
    another = call("query_lake", {"sql": "SELECT 1 FROM panther_logs.public.custom_door", "question": "What else?"})
    with scripted_model([calling(another), concluding()]) as other:
        place = with_model(recorded.directory, tmp_path, other.url)
        ran = run_cli("eval", "replay", ALERT_ID, "--json", directory=place)
        told = json.dumps(other.requests[-1])
    assert ran.status == 0, ran.err
    (found,) = ran.json
    assert len(found["not_recorded"]) == 1
    assert "What else?" in found["not_recorded"][0]
    assert "not recorded: this is a replay" in told


def test_other_prompts_are_tried_over_the_whole_record(recorded: Recorded, tmp_path: Path) -> None:
    """`--all --prompts DIR` runs every investigation of the time with new templates and says what changed."""
    own = tmp_path / "prompts"
    own.mkdir()
    shipped = ROOT / "prompts" / "system.md.j2"
    (own / "system.md.j2").write_text(shipped.read_text(encoding="utf-8") + "\nBe brief.\n", encoding="utf-8")
    ran = run_cli(
        "eval",
        "replay",
        "--all",
        "--since",
        "30d",
        "--now",
        NOW,
        "--prompts",
        str(own),
        "--json",
        directory=recorded.directory,
    )
    assert ran.status == 0, ran.err
    assert [found["alert_id"] for found in ran.json] == [ALERT_ID]
    assert "Be brief." in json.dumps(recorded.llm.requests[-1])
    shown = run_cli("show", ALERT_ID, "--json", directory=recorded.directory).json
    assert ran.json[0]["prompts"] != shown["prompt_digest"]


def test_a_record_is_shared(recorded: Recorded, tmp_path: Path) -> None:
    """Exported here, imported there: it is shown and replayed there, with the same result."""
    exported = run_cli("eval", "record", "export", ALERT_ID, "--file", "case.json", directory=recorded.directory)
    assert exported.status == 0, exported.err
    turns = [
        step for step in json.loads((recorded.directory / "case.json").read_text())["steps"] if step["kind"] == "model"
    ]
    first, second = (step["payload"]["result"]["messages"] for step in turns[:2])
    assert [message["role"] for message in first[:2]] == ["system", "user"], "the prompt stands in the record"
    assert {message["role"] for message in second} == {"assistant", "tool"}
    text = (recorded.directory / "config.yaml").read_text(encoding="utf-8")
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    case = str(recorded.directory / "case.json")
    assert run_cli("eval", "record", "import", case, directory=tmp_path).status == 0
    here = run_cli("show", ALERT_ID, "--json", directory=recorded.directory).json
    there = run_cli("show", ALERT_ID, "--json", directory=tmp_path).json
    assert {key: there[key] for key in ("verdict", "findings", "evidence")} == {
        key: here[key] for key in ("verdict", "findings", "evidence")
    }
    ran = run_cli("eval", "replay", ALERT_ID, "--against-recorded", directory=tmp_path)
    assert ran.status == 0, ran.err
    again = run_cli("eval", "record", "import", case, directory=tmp_path)
    assert again.status == 2
    assert "already" in again.err


def test_a_replay_is_not_booked_on_the_days_budget(recorded: Recorded) -> None:
    """Its calls are paid, but the store that the service keeps its book in does not hear of them."""
    before = asyncio.run(_spent(recorded.directory))
    ran = run_cli("eval", "replay", ALERT_ID, "--json", directory=recorded.directory)
    assert ran.status == 0, ran.err
    assert ran.json[0]["tokens"] > 0
    assert before.tokens > 0
    assert asyncio.run(_spent(recorded.directory)) == before


async def _spent(directory: Path) -> Spend:
    store = await open_store(f"sqlite:///{directory / 'triage.db'}")
    try:
        return await store.ledger.spent(since=THEN - timedelta(days=365))
    finally:
        await store.close()


def test_the_offline_analyst_is_not_taken_for_the_model(recorded: Recorded, tmp_path: Path) -> None:
    """Where the budget is too small for one investigation the replay has failed; the model has said nothing."""
    place = with_model(recorded.directory, tmp_path, recorded.llm.url)
    with (place / "config.yaml").open("a", encoding="utf-8") as config:
        config.write("investigation:\n  daily_tokens: 1\n")
    ran = run_cli("eval", "replay", ALERT_ID, "--json", directory=place)
    assert ran.status == 1
    assert ran.json[0]["after"] is None
    assert "budget is used up" in ran.json[0]["error"]


def test_the_offline_analyst_replays_too(recorded: Recorded) -> None:
    """Without a model the recorded evidence is judged by the rules."""
    ran = run_cli("eval", "replay", ALERT_ID, "--offline", "--json", directory=recorded.directory)
    assert ran.status == 0, ran.err
    assert ran.json[0]["model"] == ""
    assert ran.json[0]["after"]


@pytest.mark.parametrize(
    ("arguments", "status", "problem"),
    [
        ((), 2, "name one alert"),
        (("a", "--all"), 2, "name one alert"),
        (("a",), 2, "is not in the state database"),
        ((ALERT_ID, "--prompts", "nowhere"), 2, "not a directory"),
    ],
)
def test_what_cannot_be_replayed_is_one_line(
    recorded: Recorded, arguments: tuple[str, ...], status: int, problem: str
) -> None:
    """A wrong request says what to change."""
    ran = run_cli("eval", "replay", *arguments, directory=recorded.directory)
    assert ran.status == status
    assert problem in ran.err


def test_a_file_that_is_no_record_is_refused(recorded: Recorded, tmp_path: Path) -> None:
    """Anything but an exported record ends with 2 and one line."""
    (tmp_path / "other.json").write_text('{"format": "other"}', encoding="utf-8")
    ran = run_cli("eval", "record", "import", str(tmp_path / "other.json"), directory=recorded.directory)
    assert ran.status == 2
    assert "is not a record" in ran.err


def test_a_call_is_known_by_what_it_asks() -> None:
    """The order of keys and the spaces of its JSON make no other question; text that is no JSON is kept as it is."""
    first = ToolCall(id="1", name="t", arguments='{"a": 1, "b": 2}')
    second = ToolCall(id="2", name="t", arguments='{"b":2,"a":1}')
    assert call_key(first) == call_key(second)
    assert call_key(ToolCall(id="3", name="t", arguments="{")) == "t {"


@pytest.fixture(scope="module")
def judged_offline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory whose store holds what the offline analyst made of three alerts, with calibrated confidences."""
    directory = tmp_path_factory.mktemp("offline")
    world = load_world(write_world(tmp_path_factory.mktemp("doors")), as_recorded=True)
    with SandboxServer(world) as panther:
        write_config(directory, panther.url)
        curves = dict.fromkeys(Disposition, Curve(outcomes=77, points=((0.5, 0.25),)))
        asyncio.run(_use(directory, ConfidenceMap(fitted_at=THEN, curves=curves)))
        assert run_cli("run", "--once", "--now", NOW, directory=directory).status == 0
    return directory


@pytest.fixture
def offline(judged_offline: Path, tmp_path: Path) -> Path:
    """A copy of its own for each test."""
    for path in judged_offline.glob("triage.db*"):
        shutil.copy(path, tmp_path)
    write_config(tmp_path, "http://127.0.0.1:1/public/graphql")
    return tmp_path


async def _use(directory: Path, fit: ConfidenceMap | None) -> None:
    store = await open_store(f"sqlite:///{directory / 'triage.db'}")
    try:
        await save_fit(store.values, fit, now=THEN)
    finally:
        await store.close()


def forget(directory: Path, statement: str, alert_id: str) -> None:
    """Delete rows from the store behind the program's back."""
    connection = sqlite3.connect(directory / "triage.db")
    try:
        with connection:
            assert connection.execute(statement, (alert_id,)).rowcount > 0
    finally:
        connection.close()


def test_a_calibrated_verdict_is_replayed_with_its_own_fit(offline: Path) -> None:
    """The fit is part of the record: the same analyst states the same confidence, whatever fit is in use today."""
    asyncio.run(_use(offline, None))
    ran = run_cli("eval", "replay", ALERTS[0]["id"], "--json", directory=offline)
    assert ran.status == 0, ran.err
    (found,) = ran.json
    assert found["before_confidence"] == 0.25
    assert found["after_confidence"] == 0.25


@pytest.mark.parametrize("shape", [("--json",), ()])
def test_an_investigation_without_a_journal_does_not_keep_the_others(offline: Path, shape: tuple[str, ...]) -> None:
    """`--all` says which one cannot be replayed, replays the rest, and ends with 1, since something was left."""
    forget(offline, "DELETE FROM journal WHERE alert_id = ?", ALERTS[0]["id"])
    ran = run_cli("eval", "replay", "--all", "--now", NOW, *shape, directory=offline)
    assert ran.status == 1
    assert f"the journal of alert {ALERTS[0]['id']} is gone" in ran.err
    if shape:
        assert [found["alert_id"] for found in ran.json] == [entry["id"] for entry in ALERTS[1:3]]
    else:
        assert "2 replayed" in ran.out
        assert "1 without a journal" in ran.out


def test_alerts_that_were_not_investigated_are_not_replayed(offline: Path) -> None:
    """An alert without an investigation of its own, such as a linked one, is no failure of `--all`."""
    forget(offline, "DELETE FROM investigations WHERE alert_id = ?", ALERTS[1]["id"])
    ran = run_cli("eval", "replay", "--all", "--now", NOW, "--json", directory=offline)
    assert ran.status == 0, ran.err
    assert [found["alert_id"] for found in ran.json] == [ALERTS[0]["id"], ALERTS[2]["id"]]


def test_a_tool_call_of_another_version_fails_its_own_replay_only(offline: Path) -> None:
    """What cannot be read is told as the reason; it ends no other replay."""
    forget(
        offline,
        """UPDATE journal SET kind = 'tool', payload = '{"result": {"other": 1}}' WHERE "key" = 'finished' AND alert_id = ?""",
        ALERTS[0]["id"],
    )
    ran = run_cli("eval", "replay", "--all", "--now", NOW, "--json", directory=offline)
    assert ran.status == 1
    first, *others = ran.json
    assert "of another version" in first["error"]
    assert [found["error"] for found in others] == ["", ""]
