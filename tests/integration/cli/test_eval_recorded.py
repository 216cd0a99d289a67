"""`triage eval run --alerts`: recorded investigations again, held against their labels."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.support.background import scripted_model
from tests.support.cli import run_cli, write_config
from tests.support.conversations import inquisitive
from tests.support.tiny_world import ALERTS, NOW, write_world
from triage.domain.evidence import Source
from triage.evaluation.offline_panther import LAKE_TOOLS
from triage.evaluation.record import load_record
from triage.evaluation.replay import recorded_answers, replay
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world
from triage.settings import load_settings
from triage.stages.investigation.tools import ARGUMENTS

LABELS = [
    {"alert_id": ALERTS[0]["id"], "verdict": "malicious", "incident": "label-marker-one", "tier": "hand"},
    {"alert_id": ALERTS[1]["id"], "verdict": "benign", "accept": ["benign", "inconclusive", "suspicious"]},
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with three records by a model that asked questions, and labels for two; its Panther is gone."""
    directory = tmp_path_factory.mktemp("recorded")
    world = load_world(write_world(tmp_path_factory.mktemp("doors")), as_recorded=True)
    cases = directory / "cases"
    cases.mkdir()
    with SandboxServer(world) as panther, scripted_model(inquisitive) as model:
        more = f"llm:\n  base_url: {model.url}\n  model: scripted-1\n"
        write_config(directory, panther.url, more=more)
        assert run_cli("run", "--once", "--now", NOW, directory=directory).status == 0
    for entry in ALERTS[:3]:
        ran = run_cli(
            "eval", "record", "export", entry["id"], "--file", f"cases/{entry['id']}.json", directory=directory
        )
        assert ran.status == 0, ran.err
    write_labels(cases / "truth.ndjson", LABELS)
    return directory


def write_labels(path: Path, labels: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(label) + "\n" for label in labels), encoding="utf-8")


def test_records_are_judged_again_and_held_against_their_labels(place: Path) -> None:
    """The same figures as over a world, from records alone, with the same bytes each time; no label, no count."""
    first, second = (
        run_cli("eval", "run", "--alerts", "cases", "--offline", "--json", directory=place) for _ in range(2)
    )
    assert first.status == 0, first.err
    assert first.out == second.out
    found = first.json
    assert found["world"] == "cases"
    assert found["analyst"] == "offline"
    assert [entry["outcome"]["alert_id"] for entry in found["alerts"]] == [label["alert_id"] for label in LABELS]
    assert found["alerts"][0]["truth"] == "malicious"
    assert found["alerts"][0]["outcome"]["log_types"] == ["Custom.Door"]
    assert found["alerts"][0]["outcome"]["severity"] == "HIGH"
    assert (found["scores"]["alerts"], found["scores"]["unlabelled"], found["scores"]["failed"]) == (2, 1, 0)
    assert found["alert_only"]["alerts"] == 2


def test_text_page_and_threshold_are_those_of_a_world(place: Path, tmp_path: Path) -> None:
    """The report, the page with its plots, and exit 1 below what was asked for."""
    page = tmp_path / "e.html"
    ran = run_cli(
        "eval", "run", "--alerts", "cases", "--offline", "--repeat", "2", "--html", str(page), "--fail-under", "stability=2",
        directory=place,
    )  # fmt: skip
    assert ran.status == 1
    assert "stability is 1.000, wanted 2" in ran.err
    assert "cases: 4 investigations by the offline analyst" in ran.out
    assert "1 alerts without a label were left out" in ran.out
    assert "alert only" in ran.out
    assert page.read_text(encoding="utf-8").count("<svg") == 4


def test_a_model_is_measured_on_records_and_sees_no_label(place: Path, tmp_path: Path) -> None:
    """Its recorded questions are answered, others are counted, and two such evaluations can be compared."""
    kept = run_cli("eval", "run", "--alerts", "cases", "--offline", "--no-alert-only", "--json", directory=place)
    (tmp_path / "a.json").write_text(kept.out, encoding="utf-8")
    with scripted_model(inquisitive) as model:
        environment = {"OPENAI_BASE_URL": model.url, "OPENAI_MODEL": "scripted-1"}
        cases = str(place / "cases")
        ran = run_cli(
            "eval", "run", "--alerts", cases, "--no-alert-only", "--json", directory=tmp_path, environment=environment
        )
        said = json.dumps(model.requests)
    assert ran.status == 0, ran.err
    assert ran.json["analyst"] == "llm"
    assert ran.json["model"] == "scripted-1"
    assert [entry["outcome"]["not_recorded"] for entry in ran.json["alerts"]] == [0, 0]
    assert "label-marker-one" not in said
    assert "not recorded" not in said
    (tmp_path / "b.json").write_text(ran.out, encoding="utf-8")
    compared = run_cli("eval", "compare", "a.json", "b.json", directory=tmp_path)
    assert compared.status == 0, compared.err
    assert "2 alerts in both" in compared.out


def test_questions_without_a_recorded_answer_are_counted(place: Path, tmp_path: Path) -> None:
    """A record that lacks the answers says so in the outcome and in the text."""
    path = tmp_path / "cases"
    path.mkdir()
    case = json.loads((place / "cases" / f"{ALERTS[0]['id']}.json").read_text(encoding="utf-8"))
    asked = sum(step["kind"] == "tool" for step in case["steps"])
    assert asked > 1
    case["steps"] = [step for step in case["steps"] if step["kind"] != "tool"]
    (path / "case.json").write_text(json.dumps(case), encoding="utf-8")
    write_labels(path / "truth.ndjson", LABELS[:1])
    with scripted_model(inquisitive) as model:
        ran = run_cli(
            "eval", "run", "--alerts", "cases", "--no-alert-only", directory=tmp_path,
            environment={"OPENAI_BASE_URL": model.url, "OPENAI_MODEL": "scripted-1"},
        )  # fmt: skip
    assert ran.status == 0, ran.err
    assert f"{asked} questions were asked that the records have no answer to" in ran.out


def test_a_record_of_another_version_counts_as_failed(place: Path, tmp_path: Path) -> None:
    """A step that this version cannot read fails its own alert; the others are measured."""
    path = tmp_path / "cases"
    path.mkdir()
    for entry in ALERTS[:2]:
        case = json.loads((place / "cases" / f"{entry['id']}.json").read_text(encoding="utf-8"))
        if entry is ALERTS[0]:
            for step in case["steps"]:
                if step["key"] == "calibration":
                    step["payload"] = {"result": {"another": "version"}}
        (path / f"{entry['id']}.json").write_text(json.dumps(case), encoding="utf-8")
    write_labels(path / "truth.ndjson", LABELS)
    ran = run_cli("eval", "run", "--alerts", "cases", "--offline", "--no-alert-only", "--json", directory=tmp_path)
    assert ran.status == 1
    first, second = (entry["outcome"] for entry in ran.json["alerts"])
    assert first["verdict"] is None
    assert "ConfidenceMap" in first["error"]
    assert second["verdict"]


def test_alert_only_knows_nothing_of_the_lake(place: Path) -> None:
    """What the lake has answered is left out, of the enrichment as of the tools; the alert's own events stay."""
    settings = load_settings(place / "config.yaml")
    offline = settings.model_copy(update={"llm": settings.llm.model_copy(update={"base_url": "", "model": ""})})
    case = load_record(place / "cases" / f"{ALERTS[0]['id']}.json")
    assert set(ARGUMENTS) >= LAKE_TOOLS
    assert {key.split()[0] for key in recorded_answers(case)} & LAKE_TOOLS
    assert not {key.split()[0] for key in recorded_answers(case, alert_only=True)} & LAKE_TOOLS
    _, whole = asyncio.run(replay(case, offline))
    _, alone = asyncio.run(replay(case, offline, alert_only=True))
    assert whole is not None
    assert alone is not None
    assert any(entry.sql and entry.answered for entry in whole.evidence)
    assert not any(entry.sql and entry.answered for entry in alone.evidence)
    assert any(entry.source is Source.EVENTS and entry.rows for entry in alone.evidence)


def broken(path: Path, place: Path) -> None:
    """Directories that are no evaluation set, one for each fault."""
    case = (place / "cases" / f"{ALERTS[0]['id']}.json").read_text(encoding="utf-8")
    for name in ("empty", "other", "twice", "unlabelled", "elsewhere"):
        (path / name).mkdir()
        write_labels(path / name / "truth.ndjson", LABELS[:1])
    (path / "other" / "a.json").write_text("{}", encoding="utf-8")
    for name in ("a.json", "b.json"):
        (path / "twice" / name).write_text(case, encoding="utf-8")
    (path / "unlabelled" / "a.json").write_text(case, encoding="utf-8")
    (path / "unlabelled" / "truth.ndjson").unlink()
    (path / "elsewhere" / "a.json").write_text(case, encoding="utf-8")
    write_labels(path / "elsewhere" / "truth.ndjson", LABELS[1:])


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("nowhere", "--truth", "empty/truth.ndjson"), "not a directory"),
        (("empty",), "holds no record"),
        (("other",), "a.json is not a record"),
        (("twice",), "recorded twice"),
        (("unlabelled",), "truth.ndjson cannot be read"),
        (("elsewhere",), "1 labelled alerts have no record"),
        (("empty", "--world", "w"), "choose one"),
    ],
)
def test_what_is_no_recorded_set_is_one_line(
    place: Path, tmp_path: Path, arguments: tuple[str, ...], problem: str
) -> None:
    """A wrong directory ends with 2 and one line that says what is wrong."""
    broken(tmp_path, place)
    ran = run_cli("eval", "run", "--offline", "--alerts", *arguments, directory=tmp_path)
    assert ran.status == 2
    assert problem in ran.err
    assert ran.err.count("\n") == 1
