"""`triage eval run`: the whole program over a labelled world."""

import json
import sys
from pathlib import Path

import pytest

from tests.support.background import scripted_model
from tests.support.cli import run_cli, write_config
from tests.support.llm import cite_first_event
from tests.support.tiny_world import ALERTS, write_world

LABELS = [
    {"alert_id": ALERTS[0]["id"], "verdict": "malicious", "incident": "label-marker-one", "tier": "hand"},
    {"alert_id": ALERTS[1]["id"], "verdict": "benign", "accept": ["benign", "inconclusive"], "tier": "hand"},
    {"alert_id": ALERTS[2]["id"]},
]


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """The small world with labels beside it."""
    folder = tmp_path / "world"
    folder.mkdir()
    path = write_world(folder)
    (path / "truth.ndjson").write_text("".join(json.dumps(label) + "\n" for label in LABELS), encoding="utf-8")
    return path


def test_the_same_run_gives_the_same_bytes_whatever_the_own_panther_is(world: Path, tmp_path: Path) -> None:
    """The offline analyst's JSON can be published and reproduced; alerts without a label are counted apart. The embedded
    lake speaks Snowflake's SQL, whatever the configured one speaks. Two kept evaluations give what changed."""
    asked = ("eval", "run", "--world", str(world), "--offline", "--json")
    first = run_cli(*asked, directory=tmp_path)
    assert first.status == 0, first.err
    assert not list(tmp_path.glob("*.db*"))
    write_config(tmp_path, "http://127.0.0.1:1/public/graphql")
    config = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    config = config.replace("panther:", "panther:\n  lake: databricks\n  auth: bearer")
    (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    second = run_cli(*asked, directory=tmp_path)
    assert second.status == 0, second.err
    assert first.out == second.out
    published = first.json
    assert [entry["outcome"]["alert_id"] for entry in published["alerts"]] == [entry["id"] for entry in ALERTS[:2]]
    assert published["scores"]["alerts"] == 2
    assert published["scores"]["unlabelled"] == 1
    assert published["analyst"] == "offline"
    assert published["alert_only"]["alerts"] == 2

    (tmp_path / "a.json").write_text(json.dumps(published), encoding="utf-8")
    published["alerts"][0]["outcome"]["verdict"] = "malicious"
    (tmp_path / "b.json").write_text(json.dumps(published), encoding="utf-8")
    ran = run_cli("eval", "compare", "a.json", "b.json", directory=tmp_path)
    assert ran.status == 0, ran.err
    assert "right now and not before: 1" in ran.out
    assert ALERTS[0]["id"] in ran.out


def test_a_threshold_decides_the_exit_status(world: Path, tmp_path: Path) -> None:
    """A run below what was asked for ends with 1 and says which figure."""
    ran = run_cli(
        "eval", "run", "--world", str(world), "--offline", "--no-alert-only", "--fail-under", "stability=1",
        directory=tmp_path,
    )  # fmt: skip
    assert ran.status == 1
    assert "stability is unknown, wanted 1" in ran.err
    assert "malicious called malicious" in ran.out


def test_repeats_and_the_page(world: Path, tmp_path: Path) -> None:
    """Every alert is investigated as often as asked; the page holds its plots and needs nothing from elsewhere."""
    ran = run_cli(
        "eval", "run", "--world", str(world), "--offline", "--no-alert-only", "--repeat", "2", "--json", "--html", "e.html",
        directory=tmp_path,
    )  # fmt: skip
    assert ran.status == 0, ran.err
    assert ran.json["scores"]["stability"]["of"] == 2
    assert ran.json["scores"]["stability"]["hits"] == 2
    page = (tmp_path / "e.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 4
    assert "<script" not in page
    assert "src=" not in page


def test_labels_never_reach_the_model(world: Path, tmp_path: Path) -> None:
    """What is known to be right stands in no prompt; the configured model investigates each labelled alert."""
    with scripted_model(cite_first_event()) as model:
        ran = run_cli(
            "eval", "run", "--world", str(world), "--no-alert-only", "--json", directory=tmp_path,
            environment={"OPENAI_BASE_URL": model.url, "OPENAI_MODEL": "scripted-1"},
        )  # fmt: skip
        said = json.dumps(model.requests)
    assert ran.status == 0, ran.err
    assert ran.json["analyst"] == "llm"
    assert len(model.requests) >= len(ran.json["alerts"])
    assert "label-marker-one" not in said


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("run", "--world", "nowhere"), "nowhere"),
        (("run", "--truth", "some.ndjson"), "name it with --world"),
        (("run", "--fail-under", "speed=1"), "none of recall"),
        (("compare", "a.json", "b.json"), "cannot be read"),
    ],
)
def test_what_cannot_be_run_is_one_line(tmp_path: Path, arguments: tuple[str, ...], problem: str) -> None:
    """A wrong request ends with 2 and one line that says what to change."""
    ran = run_cli("eval", *arguments, directory=tmp_path)
    assert ran.status == 2
    assert problem in ran.err
    assert ran.err.count("\n") == 1


def test_a_label_for_an_alert_that_is_not_there_is_refused(world: Path, tmp_path: Path) -> None:
    """Labels and world must belong together."""
    (tmp_path / "other.ndjson").write_text('{"alert_id": "elsewhere", "verdict": "benign"}\n', encoding="utf-8")
    ran = run_cli("eval", "run", "--world", str(world), "--truth", "other.ndjson", directory=tmp_path)
    assert ran.status == 2
    assert "elsewhere" in ran.err


def test_a_broken_configuration_is_not_passed_over(world: Path, tmp_path: Path) -> None:
    """A config.yaml beside the run is used, so a wrong one is refused."""
    write_config(tmp_path, "http://127.0.0.1:1/public/graphql")
    (tmp_path / "config.yaml").write_text("panther: [", encoding="utf-8")
    assert run_cli("eval", "run", "--world", str(world), directory=tmp_path).status == 2


def test_a_page_that_cannot_be_drawn_is_refused_before_the_run(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without matplotlib nothing is investigated, so that no model is paid for a page that never comes."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in ("triage.evaluation.page", "triage.evaluation.plots"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with scripted_model(cite_first_event()) as model:
        ran = run_cli(
            "eval", "run", "--world", str(world), "--html", "e.html", directory=tmp_path,
            environment={"OPENAI_BASE_URL": model.url, "OPENAI_MODEL": "scripted-1"},
        )  # fmt: skip
        asked = len(model.requests)
    assert ran.status == 2
    assert "pip install" in ran.err
    assert asked == 0


def test_a_page_that_cannot_be_written_takes_no_figures_along(world: Path, tmp_path: Path) -> None:
    """The figures are on stdout before the page is written."""
    ran = run_cli(
        "eval", "run", "--world", str(world), "--offline", "--no-alert-only", "--json", "--html", "no/e.html",
        directory=tmp_path,
    )  # fmt: skip
    assert ran.status == 2
    assert "--html" in ran.err
    assert ran.json["scores"]["alerts"] == 2


def test_labels_that_say_nothing_are_refused(world: Path, tmp_path: Path) -> None:
    """A truth file without a verdict measures nothing; that is said in one line."""
    (tmp_path / "none.ndjson").write_text(json.dumps({"alert_id": ALERTS[0]["id"]}) + "\n", encoding="utf-8")
    ran = run_cli("eval", "run", "--world", str(world), "--truth", "none.ndjson", "--offline", directory=tmp_path)
    assert ran.status == 2
    assert "no label says malicious or benign" in ran.err


def test_the_offline_analyst_is_not_counted_as_the_model(world: Path, tmp_path: Path) -> None:
    """Where the day's budget keeps the model from being asked, the alert counts as failed, not as the model's."""
    with scripted_model(cite_first_event()) as model:
        write_config(
            tmp_path,
            "http://127.0.0.1:1/public/graphql",
            more=f"llm:\n  base_url: {model.url}\n  model: scripted-1\ninvestigation:\n  daily_tokens: 1\n",
        )
        ran = run_cli("eval", "run", "--world", str(world), "--no-alert-only", "--json", directory=tmp_path)
    assert ran.status == 1
    assert ran.json["scores"]["failed"] == 2
    assert "budget is used up" in ran.json["alerts"][0]["outcome"]["error"]


@pytest.mark.parametrize("command", [("eval", "run"), ("sandbox", "serve")])
def test_the_seed_of_former_versions_is_refused_with_the_way_to_go(command: tuple[str, str], tmp_path: Path) -> None:
    """`--seed` ends with status 2 and one line that says how to make such a world; the help doesn't list it."""
    ran = run_cli(*command, "--seed", "2", directory=tmp_path)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == (
        "triage: --seed is gone: make a world of another seed with `python -m tools.worlds DIR --seed N` in a checkout,"
        " then give --world DIR\n"
    )
    assert "--seed" not in run_cli(*command, "--help", directory=tmp_path).out
