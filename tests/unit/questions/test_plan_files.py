"""Plans as YAML files: read back as written, short, and refused with their line where they are wrong."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.plans import plan, plans, question, step
from triage.domain.plan import PlanSource, RunbookPlan
from triage.domain.yaml_lines import YamlError
from triage.errors import ConfigError
from triage.questions.plan_files import file_name, parse_plan, plan_yaml, read_plan, write_atomically

LONG = "Query the CloudTrail logs for all API calls that the same principal made in the six hours after the alert"


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(plans)
def test_a_plan_is_read_back_as_it_was(made: RunbookPlan) -> None:
    """Whatever texts and questions it holds."""
    assert parse_plan(plan_yaml(made)) == made


def test_a_file_reads_like_the_runbook() -> None:
    """The text of a step is on top, a question has only what differs from the usual, a list of one has no brackets."""
    text = plan_yaml(
        plan(
            step(
                1,
                LONG,
                question(classes="deletion", on=["field:requestParameters.bucketName", "target"], reads="yes if any"),
                question(),
                needs=("the reputation of the address",),
            ),
            step(2, "Confirm with the owner: was it planned?", person="confirm with the owner"),
            source=PlanSource.PERSON,
        )
    )
    assert text.split("\n", 2)[2] == (
        "detection: A.Rule\n"
        "digest: 41a1f654dc79a9ac645afa553c31d51fd115eca8dd1cb9e6c67ae03e52718e8b\n"
        "source: person\n"
        "steps:\n"
        "  - step: 1\n"
        "    text: >-\n"
        "      Query the CloudTrail logs for all API calls that the same principal made in the six hours after\n"
        "      the alert\n"
        "    questions:\n"
        "      - on: ['field:requestParameters.bucketName', target]\n"
        "        window: {from: -24h, to: +6h}\n"
        "        classes: deletion\n"
        "        reads: yes if any\n"
        "      - window: {from: -24h, to: +6h}\n"
        "    needs: [the reputation of the address]\n"
        "  - step: 2\n"
        "    text: 'Confirm with the owner: was it planned?'\n"
        "    person: confirm with the owner\n"
    )


WHOLE = """\
detection: A.Rule
digest: abc
source: person
steps:
  - step: 1
    text: Look
    questions:
      - about: actor
        window: {from: -24h, to: +6h}
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("source: person", "source: robot", 3, "'grammar', 'model' or 'person'"),
        ("about: actor", "about: somebody", 8, "'actor', 'address'"),
        ("about: actor", "table: x", 8, "unknown key steps.0.questions.0.table; allowed here: about, on, logs"),
        ("about: actor", "sql: SELECT 1", 8, "unknown key steps.0.questions.0.sql"),
        ("{from: -24h, to: +6h}", "{from: yesterday, to: +6h}", 9, "write `history`, `dwell`, `now`, or an offset"),
        ("{from: -24h, to: +6h}", "{from: -24h}", 9, "to is missing"),
        ("step: 1", "step: 3", 5, "write step: 1"),
        ("    text: Look\n", "", 5, "text is missing"),
    ],
)
def test_what_is_wrong_has_its_line(old: str, new: str, line: int, said: str, tmp_path: Path) -> None:
    """One line: the file, the line, and what to write instead."""
    path = tmp_path / "a.yaml"
    path.write_text(WHOLE.replace(old, new), encoding="utf-8")
    with pytest.raises(YamlError) as caught:
        read_plan(path)
    assert caught.value.line == line, str(caught.value)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a\n", "just words\n", "detection: !!python/object:os.system x\n"])
def test_what_is_no_plan_is_refused(text: str) -> None:
    """Nothing, a list, a sentence, a tag that would make an object."""
    with pytest.raises(YamlError):
        parse_plan(text, name="a.yaml")


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    """No plan that passes the checks comes near the bound."""
    path = tmp_path / "a.yaml"
    path.write_text(WHOLE + "#" * 200_000, encoding="utf-8")
    with pytest.raises(YamlError, match="larger than 200000 bytes"):
        read_plan(path)


@pytest.mark.parametrize(
    ("detection", "name"),
    [
        ("AWS.CloudTrail.Stopped", "AWS.CloudTrail.Stopped.yaml"),
        ("../../etc/passwd", "etc_passwd-3754d6cb.yaml"),
        ("A/B", "A_B-"),
        ("A_B", "A_B.yaml"),
        (".hidden", "hidden-"),
        ("", "detection-"),
        ("é\ud800", "detection-"),
    ],
)
def test_a_file_has_the_name_of_its_detection(detection: str, name: str) -> None:
    """What a file name can't hold is replaced, and a digest keeps such names apart."""
    assert file_name(detection).startswith(name.removesuffix(".yaml"))
    assert file_name(detection).endswith(".yaml")


@given(st.text())
def test_a_name_stays_in_its_directory(detection: str) -> None:
    """Whatever the id, the file is a plain one in the directory."""
    name = file_name(detection)
    assert Path(name).name == name
    assert not name.startswith(".")
    assert len(name) < 160


def test_names_of_different_detections_differ() -> None:
    """Also where their safe forms are the same."""
    ids = ["A/B", "A:B", "A B", "A_B", "A//B", "", "-", ".", "A" * 200, "A" * 201]
    assert len({file_name(each) for each in ids}) == len(ids)


def test_writing_replaces_a_link_and_not_what_it_leads_to(tmp_path: Path) -> None:
    """A link in the directory can't redirect a plan to another file; nothing else is left behind."""
    (tmp_path / "out").mkdir()
    other = tmp_path / "other.txt"
    other.write_text("kept", encoding="utf-8")
    path = tmp_path / "out" / "a.yaml"
    path.symlink_to(other)
    write_atomically(path, "new")
    assert other.read_text(encoding="utf-8") == "kept"
    assert (path.read_text(encoding="utf-8"), path.is_symlink()) == ("new", False)
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["a.yaml"]


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    """An error is one line, and the file is as before, with nothing beside it."""
    path = tmp_path / "a.yaml"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_atomically(path, "half \ud800")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_atomically(tmp_path / "none" / "a.yaml", "x")
    assert path.read_text(encoding="utf-8") == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.yaml"]
