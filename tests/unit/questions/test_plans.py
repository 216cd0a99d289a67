"""Which plan counts: a file's, or what the grammar makes of the text."""

import os
from pathlib import Path

import pytest

from tests.support.plans import plan, question, step
from triage.domain.plan import PlanSource, digest_of
from triage.domain.yaml_lines import YamlError
from triage.errors import ConfigError
from triage.questions.plan_files import plan_yaml
from triage.questions.plans import Plans, compiled, load_plans

TEXT = "1. Query for all API calls by the principal in the 6 hours after the alert\n2. Confirm with the owner.\n"
NEW = TEXT.replace("6 hours", "12 hours")
CLOUDTRAIL = ("AWS.CloudTrail",)
RULE = "A.Rule"


def written(directory: Path, name: str, **given: object) -> Path:
    """A file with a plan of `TEXT` by default, whose only step asks for deletions."""
    made = plan(step(1, "Look", question(classes="deletion")), text=TEXT).model_copy(update=given)
    path = directory / name
    path.write_text(plan_yaml(made), encoding="utf-8")
    return path


@pytest.mark.parametrize("source", PlanSource)
def test_a_file_of_the_same_text_counts(source: PlanSource, tmp_path: Path) -> None:
    """Whoever wrote it, and whatever white space was changed in the text since."""
    path = written(tmp_path, "any.yaml", source=source)
    chosen = load_plans(tmp_path).plan_for(RULE, f"\n {TEXT}", CLOUDTRAIL)
    assert (chosen.file, chosen.outdated, chosen.notes) == (path, False, ())
    assert chosen.plan.steps[0].questions == (question(classes="deletion"),)


def test_what_a_person_wrote_outlives_its_text(tmp_path: Path) -> None:
    """It is still used, and a note says that the text has changed and how to see what."""
    written(tmp_path, "any.yaml", source=PlanSource.PERSON)
    chosen = load_plans(tmp_path).plan_for(RULE, NEW, CLOUDTRAIL)
    assert chosen.outdated
    assert chosen.plan.steps[0].text == "Look"
    (said,) = chosen.notes
    assert "has changed since" in said
    assert "triage runbook diff A.Rule" in said


@pytest.mark.parametrize("source", [PlanSource.GRAMMAR, PlanSource.MODEL])
def test_what_a_compiler_wrote_does_not(source: PlanSource, tmp_path: Path) -> None:
    """Another text is compiled anew, in memory; the file stays as it is."""
    path = written(tmp_path, "any.yaml", source=source)
    before = path.read_bytes()
    chosen = load_plans(tmp_path).plan_for(RULE, NEW, CLOUDTRAIL)
    assert (chosen.file, chosen.plan.digest) == (None, digest_of(NEW))
    assert len(chosen.plan.steps) == 2
    assert path.read_bytes() == before


def test_without_a_file_the_text_is_compiled_once() -> None:
    """The same text of the same detection gives the same value again."""
    assert Plans().plan_for(RULE, TEXT, CLOUDTRAIL) is Plans().plan_for(RULE, TEXT, list(CLOUDTRAIL))
    assert compiled(RULE, TEXT, CLOUDTRAIL).plan.source is PlanSource.GRAMMAR


def test_no_runbook_is_no_step() -> None:
    """An empty text has a plan without steps."""
    assert Plans().plan_for(RULE, " \n", CLOUDTRAIL).plan.steps == ()


def test_a_question_that_this_detection_cannot_ask_is_left_out(tmp_path: Path) -> None:
    """Its step then says what is needed, and the note says which step it is."""
    written(tmp_path, "any.yaml")
    chosen = load_plans(tmp_path).plan_for(RULE, TEXT, ("Custom.Door",))
    assert chosen.plan.steps[0].questions == ()
    assert chosen.plan.steps[0].needs
    assert chosen.notes[0].startswith("Step 1: ")


def test_a_wrong_question_is_an_error_at_its_line(tmp_path: Path) -> None:
    """A log type that is not known, with the nearest one; every problem of a file can be found by its line."""
    path = written(tmp_path, "any.yaml")
    text = path.read_text(encoding="utf-8").replace("classes: deletion", "logs: AWS.CloudTrial")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(YamlError, match=r"did you mean AWS\.CloudTrail") as caught:
        load_plans(tmp_path)
    assert "question 1" in str(caught.value)
    assert text.splitlines()[caught.value.line - 1].strip().startswith("- window")


def test_two_plans_of_one_detection(tmp_path: Path) -> None:
    """Only one can count, so neither does."""
    written(tmp_path, "a.yaml")
    written(tmp_path, "b.yaml")
    with pytest.raises(YamlError, match=r"a\.yaml is a plan of the same detection"):
        load_plans(tmp_path)


def test_a_link_out_of_the_directory_is_refused(tmp_path: Path) -> None:
    """Also a link to a directory above, one that leads nowhere, and one in a circle; a link within is a second plan."""
    (tmp_path / "plans").mkdir()
    written(tmp_path, "outside.yaml")
    link = tmp_path / "plans" / "a.yaml"
    for target in (tmp_path / "outside.yaml", Path("../outside.yaml"), tmp_path / "none.yaml", link, tmp_path):
        link.symlink_to(target)
        with pytest.raises(YamlError, match=r"a\.yaml"):
            load_plans(tmp_path / "plans")
        link.unlink()
    written(tmp_path / "plans", "b.yaml")
    link.symlink_to("b.yaml")
    with pytest.raises(YamlError, match="same detection"):
        load_plans(tmp_path / "plans")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """What is no plain file is refused before it is opened."""
    os.mkfifo(tmp_path / "a.yaml")
    with pytest.raises(YamlError, match="not a plain file"):
        load_plans(tmp_path)


def test_a_directory_that_is_a_file(tmp_path: Path) -> None:
    """The key of the configuration is named."""
    (tmp_path / "plans").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"investigation\.runbooks"):
        load_plans(tmp_path / "plans")


def test_a_plan_goes_where_its_file_is(tmp_path: Path) -> None:
    """A new one is named after its detection; one that is there keeps its name."""
    plans = load_plans(tmp_path / "new" / "plans")
    made = compiled(RULE, TEXT, CLOUDTRAIL).plan
    assert plans.write(made) == tmp_path / "new" / "plans" / "A.Rule.yaml"
    assert load_plans(tmp_path / "new" / "plans").files[RULE][1] == made
    renamed = tmp_path / "new" / "plans" / "mine.yaml"
    (tmp_path / "new" / "plans" / "A.Rule.yaml").rename(renamed)
    assert load_plans(tmp_path / "new" / "plans").write(made) == renamed
    with pytest.raises(ConfigError, match="--out DIR"):
        Plans().write(made)
