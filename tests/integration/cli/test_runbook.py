"""`triage runbook`: runbooks of a Panther or of a text file as plans, kept in files, shown, and compared."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.background import scripted_model
from tests.support.cli import Ran, run_cli, write_config
from tests.support.llm import Reply, call, calling, completion, read_tokens
from tests.support.panther import TOKEN
from tests.support.tiny_world import NOW, RULE, write_files
from triage.domain.plan import digest_of
from triage.questions.plan_files import parse_plan
from triage.sandbox.server import ApiToken, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

TEXT = (
    "1. Query CloudTrail for all API calls by the user in the 6 hours after the alert\n"
    "2. Confirm with the owner that the change was planned\n"
)
NEW = TEXT.replace("6 hours", "12 hours") + "3. Ask the team to document the change\n"
RULES: list[dict[str, Any]] = [
    {**RULE, "id": "Trail.Stopped", "runbook": TEXT, "logTypes": ["AWS.CloudTrail"]},
    {**RULE, "id": "Trail.Daily", "runbook": TEXT, "logTypes": ["AWS.CloudTrail"], "scheduledQueries": ["daily"]},
    {**RULE, "id": "Trail.Simple", "runbook": NEW, "logTypes": ["AWS.CloudTrail"], "detection": "MatchFilters: []"},
    {**RULE, "id": "Trail.Silent", "runbook": ""},
    *({**RULE, "id": f"Trail.Many{number:02}", "runbook": ""} for number in range(60)),
]


@pytest.fixture(scope="module")
def panther(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    folder = tmp_path_factory.mktemp("world")
    write_files(folder, NOW, {"alerts": [], "rules": RULES, "users": [], "sources": [], "comments": []})
    with SandboxServer(load_world(folder), SandboxOptions(tokens=(ApiToken(TOKEN),))) as server:
        yield server


@pytest.fixture
def work(panther: SandboxServer, tmp_path: Path) -> Path:
    """A directory with a configuration for the Panther."""
    write_config(tmp_path, panther.url, token=TOKEN)
    return tmp_path


def runbook(*arguments: str, directory: Path) -> Ran:
    return run_cli("runbook", *arguments, directory=directory)


def test_all_runbooks_of_a_panther(work: Path) -> None:
    """Rules, scheduled and simple rules over all pages, those without a runbook left out; a second time nothing changes."""
    first = runbook("compile", "--all", "--out", "plans", directory=work)
    assert first.status == 0, first.err
    written = sorted(path.name for path in (work / "plans").iterdir())
    assert written == ["Trail.Daily.yaml", "Trail.Simple.yaml", "Trail.Stopped.yaml"]
    assert "3 runbooks, 7 steps: " in first.out
    before = {path: path.read_bytes() for path in (work / "plans").iterdir()}
    again = runbook("compile", "--all", "--out", "plans", "--json", directory=work)
    assert [each["state"] for each in again.json["plans"]] == ["unchanged"] * 3
    assert again.json["counts"]["steps"] == 7
    assert again.err == ""
    assert before == {path: path.read_bytes() for path in (work / "plans").iterdir()}


def test_a_text_needs_no_panther_and_no_configuration(tmp_path: Path) -> None:
    """The plan is printed as YAML that reads back, under the name of the file."""
    (tmp_path / "My.Rule.txt").write_text(TEXT, encoding="utf-8")
    ran = runbook("compile", "--file", "My.Rule.txt", "--log-type", "AWS.CloudTrail", directory=tmp_path)
    assert (ran.status, ran.err) == (0, "")
    plan = parse_plan(ran.out)
    assert (plan.detection, [step.text for step in plan.steps]) == (
        "My.Rule",
        [line[3:] for line in TEXT.splitlines()],
    )
    assert [path.name for path in tmp_path.iterdir()] == ["My.Rule.txt"]


def test_what_a_person_edited_is_kept(work: Path) -> None:
    """Compiling says so and changes nothing, unless it is told to replace; other files are written anew."""
    runbook("compile", "Trail.Stopped", "--out", "plans", directory=work)
    path = work / "plans" / "Trail.Stopped.yaml"
    edited = path.read_text(encoding="utf-8").replace("source: grammar", "source: person") + "    needs: [a list]\n"
    path.write_text(edited, encoding="utf-8")
    kept = runbook("compile", "--all", "--out", "plans", directory=work)
    assert kept.status == 0, kept.err
    assert "a person has edited it; --replace overwrites it" in kept.err
    assert path.read_text(encoding="utf-8") == edited
    replaced = runbook("compile", "Trail.Stopped", "--out", "plans", "--replace", directory=work)
    assert replaced.out.startswith("plans/Trail.Stopped.yaml written\n")
    assert "source: grammar" in path.read_text(encoding="utf-8")


def test_an_edit_that_does_not_say_so_is_not_lost(work: Path) -> None:
    """A plan of the same text that differs from the grammar's is kept, and the reason given."""
    runbook("compile", "Trail.Stopped", "--out", "plans", directory=work)
    path = work / "plans" / "Trail.Stopped.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "    needs: [a list]\n", encoding="utf-8")
    kept = runbook("compile", "Trail.Stopped", "--out", "plans", directory=work)
    assert "differs from what the grammar makes of the same text now" in kept.err
    assert "a list" in path.read_text(encoding="utf-8")


def test_a_plan_beside_its_text(work: Path) -> None:
    """Each step as the runbook has it, with its questions in words, and their SQL if asked for."""
    runbook("compile", "Trail.Stopped", "--out", "plans", directory=work)
    plain = runbook("show", "Trail.Stopped", directory=work)
    assert plain.status == 0, plain.err
    assert "1.  Query CloudTrail for all API calls by the user in the 6 hours after the alert\n" in plain.out
    assert re.search(r"^    asks     \S.+\?", plain.out, re.MULTILINE)
    assert "2.  Confirm with the owner" in plain.out
    assert "SQL" not in plain.out
    assert "made of the text just now" in plain.out
    sql = runbook("show", "Trail.Stopped", "--plans", "plans", "--sql", directory=work)
    assert re.search(r"^    SQL      for AWS\.CloudTrail:\n +SELECT .* LIMIT ", sql.out, re.MULTILINE)
    assert "plans/Trail.Stopped.yaml" in sql.out
    document = runbook("show", "Trail.Stopped", "--sql", "--json", directory=work).json
    assert document["steps"][0]["sql"][0][0]["log_type"] == "AWS.CloudTrail"
    assert document["steps"][0]["questions"][0]["window"]


def test_the_configured_directory_is_used(panther: SandboxServer, tmp_path: Path) -> None:
    """`investigation.runbooks` names it; one that does not exist yet is made with --out."""
    write_config(tmp_path, panther.url, token=TOKEN, more="investigation:\n  runbooks: plans\n")
    missing = runbook("show", "Trail.Stopped", directory=tmp_path)
    assert missing.status == 2
    assert "triage runbook compile --all --out plans" in missing.err
    runbook("compile", "--all", "--out", "plans", directory=tmp_path)
    shown = runbook("show", "Trail.Stopped", "--json", directory=tmp_path).json
    assert (shown["file"], shown["outdated"], shown["notes"]) == ("plans/Trail.Stopped.yaml", False, [])
    checked = run_cli("check", directory=tmp_path)
    assert re.search(r"^ok +runbooks +3 plans", checked.out, re.MULTILINE), checked.out


def test_what_a_new_text_changes(work: Path) -> None:
    """A step reworded, one added; questions before and after in words. Before is the file, or the text in Panther."""
    (work / "new.txt").write_text(NEW, encoding="utf-8")
    nothing = runbook("diff", "Trail.Stopped", directory=work)
    assert nothing.status == 2
    assert "no plan of Trail.Stopped in a file" in nothing.err
    for kept in ((), ("--plans", "plans")):
        if kept:
            runbook("compile", "Trail.Stopped", "--out", "plans", directory=work)
        ran = runbook("diff", "Trail.Stopped", "--file", "new.txt", *kept, directory=work)
        assert ran.status == 0, ran.err
        assert ran.out.startswith("Trail.Stopped: another text, 2 of 3 steps differ\n")
        lines = ran.out.splitlines()
        assert any(line.startswith("~ 1. ") and "6 hours" in line for line in lines)
        assert any(line.startswith("  1. ") and "12 hours" in line for line in lines)
        assert sum(line.startswith("    - asks: ") for line in lines) == 1
        assert sum(line.startswith("    + asks: ") for line in lines) >= 1
        assert any(line.startswith("+ 3. Ask the team") for line in lines)
        assert bool(kept) == (lines[-1] == f"digest of this text: {digest_of(NEW)}")
    same = runbook("diff", "Trail.Stopped", "--plans", "plans", "--json", directory=work).json
    assert same["text_changed"] is False
    assert {each["change"] for each in same["steps"]} == {"same"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("compile",), "give the ID of a rule"),
        (("compile", "No.Such.Rule"), "Panther has no rule No.Such.Rule"),
        (("compile", "Trail.Stopped", "--all"), "--all compiles every rule"),
        (("compile", "Trail.Stopped", "--log-type", "AWS.CloudTrail"), "--log-type goes with --file"),
        (("compile", "--file", "none.txt", "--log-type", "AWS.CloudTrail"), "none.txt cannot be read"),
        (("compile", "--file", "text.txt"), "--log-type"),
        (("compile", "Trail.Stopped", "--model"), "no model is configured"),
        (("compile", "Trail.Stopped", "--out", "text.txt"), "is not a directory"),
        (("show",), "give the ID of a rule"),
        (("diff", "--file", "text.txt", "--log-type", "AWS.CloudTrail"), "no plan of text in a file"),
    ],
)
def test_a_wrong_request(arguments: tuple[str, ...], said: str, work: Path) -> None:
    """Status 2 and one line that says what to do."""
    (work / "text.txt").write_text(TEXT, encoding="utf-8")
    ran = runbook(*arguments, directory=work)
    assert ran.status == 2, ran.out
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1
    assert ran.out == ""


def test_text_that_acts_on_a_terminal_does_not(tmp_path: Path) -> None:
    """Control characters of a runbook are printed as escapes."""
    (tmp_path / "a.txt").write_text("1. Query for API calls by the user\x1b[2J in the last hour\n", encoding="utf-8")
    for command in ("show", "compile"):
        ran = runbook(command, "--file", "a.txt", "--log-type", "AWS.CloudTrail", directory=tmp_path)
        assert ran.status == 0, ran.err
        assert "\x1b" not in ran.out + ran.err


# ---- with a model ------------------------------------------------------------------------------------------------

QUESTION: dict[str, Any] = {
    "about": ["actor"],
    "on": [],
    "logs": ["own"],
    "window": {"from": "+0s", "to": "+6h"},
    "classes": ["log tampering"],
    "actions": [],
    "words": [],
    "outcome": "any",
    "ask": "list",
    "reads": "value",
    "at_least": 1,
}
PERSON = {"step": 2, "questions": [], "needs": [], "person": "ask the owner"}


def planned(*steps: Any) -> dict[str, Any]:
    """A completion with a plan."""
    return calling(call("plan", {"steps": list(steps)}))


def first(**changes: Any) -> dict[str, Any]:
    """The first step, with one question."""
    return {"step": 1, "questions": [{**QUESTION, **changes}], "needs": [], "person": ""}


def with_model(script: Any, work: Path, *more: str) -> tuple[Ran, list[dict[str, Any]]]:
    """Compile one rule with a scripted model; what was asked of it, too."""
    with scripted_model(script) as llm:
        config = (work / "config.yaml").read_text(encoding="utf-8")
        (work / "config.yaml").write_text(
            config + f"llm:\n  base_url: {llm.url}\n  model: scripted-1\n", encoding="utf-8"
        )
        ran = runbook("compile", "Trail.Stopped", "--model", "--out", "plans", *more, directory=work)
        (work / "config.yaml").write_text(config, encoding="utf-8")
        return ran, llm.requests


def plan_in(work: Path) -> Any:
    return parse_plan((work / "plans" / "Trail.Stopped.yaml").read_text(encoding="utf-8"))


def test_a_model_compiles(work: Path) -> None:
    """Its questions are in the plan, which says that a model made it; the next time the file stands."""
    ran, asked = with_model([planned(first(), PERSON)], work)
    assert ran.status == 0, ran.err
    assert len(asked) == 1
    plan = plan_in(work)
    assert plan.source == "model"
    assert [str(each) for each in plan.steps[0].questions[0].classes] == ["log tampering"]
    assert plan.steps[1].person == "ask the owner"
    again, asked = with_model([planned(first(), PERSON)], work)
    assert asked == []
    assert "the model has compiled this text already" in again.err
    by_grammar = runbook("compile", "Trail.Stopped", "--out", "plans", directory=work)
    assert "is kept" in by_grammar.err
    assert plan_in(work) == plan


def test_all_runbooks_by_a_model(work: Path) -> None:
    """How many go to which model is said first, what they cost last; each plan is of its own runbook."""

    def answer(asked: dict[str, Any]) -> Reply:
        numbers = [int(each) for each in re.findall(r'^\{"step":(\d+),', asked["messages"][1]["content"], re.MULTILINE)]
        return planned(
            *({"step": each, "questions": [], "needs": [], "person": f"{each} of {len(numbers)}"} for each in numbers)
        )

    with scripted_model(answer) as llm:
        config = (work / "config.yaml").read_text(encoding="utf-8")
        more = f"llm:\n  base_url: {llm.url}\n  model: scripted-1\n  prices:\n    scripted-1: {{input: 1.0, output: 2.0}}\n"
        (work / "config.yaml").write_text(config + more, encoding="utf-8")
        ran = runbook("compile", "--all", "--model", "--out", "plans", directory=work)
    assert ran.status == 0, ran.err
    lines = ran.err.splitlines()
    assert lines[0] == "up to 3 runbooks go to scripted-1"
    read = sum(map(read_tokens, llm.requests))
    assert lines[-1] == f"{read + 300} tokens, {(read + 2 * 300) / 1_000_000:.4f} USD"
    assert "3 runbooks, 7 steps: 0 compiled" in ran.out
    for name, size in (("Trail.Daily", 2), ("Trail.Simple", 3), ("Trail.Stopped", 2)):
        plan = parse_plan((work / "plans" / f"{name}.yaml").read_text(encoding="utf-8"))
        assert [each.person for each in plan.steps] == [f"{number} of {size}" for number in range(1, size + 1)]


def test_the_steps_are_data_between_markers(work: Path) -> None:
    """The runbook's text is in the user's message alone, as JSON between markers with a random code."""
    _, asked = with_model([planned(first(), PERSON)], work)
    system, user = (message["content"] for message in asked[0]["messages"])
    assert "6 hours after the alert" not in system
    (block,) = re.findall(r"<<<DATA (\w+) runbook\n(.*?)\nDATA \1 runbook>>>", user, re.DOTALL)
    lines = [json.loads(line) for line in block[1].splitlines()]
    assert [line["text"] for line in lines] == [line[3:] for line in TEXT.splitlines()]
    assert '["AWS.CloudTrail"]' in user
    assert "userIdentity" in user
    (block,) = re.findall(r"<<<DATA (\w+) detection\n(.*?)\nDATA \1 detection>>>", user, re.DOTALL)
    assert json.loads(block[1])["id"] == "Trail.Stopped"
    assert '"AWS.CloudTrail" has actor, action, target, outcome' in user


def test_one_repair_names_every_problem(work: Path) -> None:
    """What doesn't hold goes back once with its reason; the corrected reply is taken."""
    ran, asked = with_model([planned(first(sql="SELECT 1"), PERSON), planned(first(), PERSON)], work)
    assert ran.status == 0, ran.err
    assert len(asked) == 2
    assert "step 1: questions.0.sql: is not a field of the schema" in asked[1]["messages"][-1]["content"]
    assert plan_in(work).steps[0].questions[0].classes
    assert "grammar" not in ran.err


@pytest.mark.parametrize(
    "bad",
    [
        first(sql="SELECT * FROM panther_logs.public.okta_systemlog"),
        first(logs=["panther_logs.public.okta_systemlog"]),
        first(logs=["No.Such.Log"]),
        first(about=["email:mallory@example.com"]),
        {"step": 1, "questions": [QUESTION] * 150, "needs": [], "person": ""},
        {"step": 1, "questions": "all of them", "needs": [], "person": ""},
    ],
)
def test_what_still_does_not_hold_is_the_grammars(bad: dict[str, Any], work: Path) -> None:
    """After one repair the step is the grammar's, with a note; the other step stays the model's."""
    expected = runbook("compile", "Trail.Stopped", "--json", directory=work).json["steps"][0]
    ran, asked = with_model([planned(bad, PERSON)], work)
    assert ran.status == 0, ran.err
    assert len(asked) == 2
    assert "Step 1: the model's questions do not hold" in ran.err
    assert "the grammar's are used" in ran.err
    plan = plan_in(work)
    assert (plan.source, plan.steps[1].person) == ("model", "ask the owner")
    shown = runbook("show", "Trail.Stopped", "--plans", "plans", "--json", directory=work).json["steps"][0]
    assert shown["questions"] == expected["questions"]
    assert "SELECT" not in (work / "plans" / "Trail.Stopped.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "script",
    [
        [completion("I would rather not.")],
        [calling(call("plan", "SELECT 1"))],
        [planned(*[first()] * 100)],
        [planned()],
    ],
)
def test_a_reply_that_is_no_plan(script: list[Reply], work: Path) -> None:
    """The grammar's plan is used as a whole, and says that the grammar made it."""
    ran, asked = with_model(script, work)
    assert ran.status == 0, ran.err
    assert len(asked) == 2
    assert "The model gave no usable plan" in ran.err
    assert plan_in(work).source == "grammar"


def test_a_text_that_the_model_refuses_has_the_grammars_plan(work: Path) -> None:
    """Once it has refused it is not asked again."""
    ran, asked = with_model([completion(refusal="I can't help with that.")], work)
    assert ran.status == 0, ran.err
    assert len(asked) == 1
    assert "I can't help" in ran.err
    assert plan_in(work).source == "grammar"


def test_a_model_that_writes_out_its_instructions(work: Path) -> None:
    """Nothing of such a reply is taken."""

    def leak(asked: dict[str, Any]) -> Reply:
        canary = re.search(r"Internal reference (\w+):", asked["messages"][0]["content"])
        assert canary is not None
        return planned(first(), {**PERSON, "person": f"ask {canary[1]}"})

    ran, _ = with_model(leak, work)
    assert "wrote out its own instructions" in ran.err
    assert plan_in(work).source == "grammar"


def test_a_model_that_is_down_is_unfinished_work(work: Path) -> None:
    """Nothing is written, and trying again may help."""
    ran, _ = with_model([(401, {}, {"error": {"message": "wrong key"}})], work)
    assert ran.status in (1, 2)
    assert not (work / "plans").exists()
    assert ran.err.startswith("triage: ")
