"""YAML with the lines of its values."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel

from triage.domain.yaml_lines import MAX_SIZE, YamlError, parse_yaml, read_yaml


def test_yaml_gives_plain_values() -> None:
    """Dates stay text, numbers and booleans are what they look like, aliases expand."""
    text = "a: &x [1, 2.5, yes, null, 2026-01-01, '7']\nb: *x\nc: |\n  one\n  two\nd: !!str 7\n"
    listed = [1, 2.5, True, None, "2026-01-01", "7"]
    assert parse_yaml(text).value == {"a": listed, "b": listed, "c": "one\ntwo\n", "d": "7"}
    assert parse_yaml("").value is None


HOSTILE = [
    ("a: 1\na: 2\n", "is given twice", 2),
    ("a: !!python/object/apply:os.system ['true']\n", "a has a YAML tag", 1),
    ("a: !custom 1\n", "a has a YAML tag", 1),
    ("a: [1\n", "not YAML", 2),
    ("a: " + "[" * 5000, "nested too deeply", 1),
    ("? [1]\n: 2\n", "a key must be plain text", 1),
    ("a: &x [*x]\n", "refers to nothing that ends before it", 1),
    ("--- 1\n--- 2\n", "more than one document", 0),
    ("a: [" + "1," * 250_000 + "]\n", "values", 1),
    ("a: " + "x" * (3 << 20), "larger than", 0),
    ("a: \x00\n", "not YAML", 0),
    ("a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)), "values", 7),
]  # fmt: skip


def test_hostile_yaml_is_refused() -> None:
    """Tags, bombs of aliases, depth, size and repeated keys are refused with their line."""
    for text, why, line in HOSTILE:
        with pytest.raises(YamlError, match=why) as caught:
            parse_yaml(text)
        assert caught.value.line == line, text[:40]


def test_a_long_text_is_not_repeated_without_end() -> None:
    """An alias of a long text counts for its length."""
    with pytest.raises(YamlError, match="holds more than"):
        parse_yaml("k: &k " + "x" * 100_000 + "\nl: [" + ",".join(["*k"] * 50_000) + "]\n")


@given(st.text(max_size=80))
def test_any_text_is_yaml_or_refused(text: str) -> None:
    """Reading YAML ends in values that JSON can hold, or in a refusal."""
    try:
        value = parse_yaml(text).value
    except YamlError:
        return
    json.dumps(value, allow_nan=False)


class Step(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    limit: int = Field(default=1, alias="max")


class Recipe(BaseModel):
    model_config = ConfigDict(extra="forbid")
    steps: tuple[Step, ...] = ()
    named: dict[str, Step] = Field(default_factory=dict)


def test_values_know_their_lines() -> None:
    """A value's line is that of its key or list item, a block's text begins on the next, and a gap falls back."""
    file = parse_yaml(
        "steps:\n  - name: a\n\n  - name: |\n      two\n    max: 2\nnamed: &n {}\nagain: *n\n", name="r.yaml"
    )
    places = [
        (),
        ("steps",),
        ("steps", 0),
        ("steps", 1, "name"),
        ("steps", 1, "max"),
        ("steps", 9),
        ("again", "x"),
        ("no",),
    ]
    assert [file.line(place) for place in places] == [1, 1, 2, 4, 6, 1, 8, 1]
    assert (file.text_line(("steps", 0, "name")), file.text_line(("steps", 1, "name"))) == (2, 5)
    assert str(file.error(("steps", 1), "is odd")) == "r.yaml, line 4: is odd"


SCHEMA_ERRORS = [
    ("steps:\n- nam: a\n", "line 2: unknown key steps.0.nam, did you mean name? allowed here: name, max"),
    ("named:\n  x:\n    name: a\n    limit: 2\n", "line 4: unknown key named.x.limit; allowed here: name, max"),
    ("stepz: []\n", "line 1: unknown key stepz, did you mean steps? allowed here: steps, named"),
    ("steps:\n- max: 2\n", "line 2: steps.0.name is missing"),
    ("steps:\n- name: a\n  max: s3cret\n", "line 3: steps.0.max: write a whole number"),
    ("- a\n", "line 1: the file: write keys with their values"),
]


def test_a_schema_error_is_one_line() -> None:
    """Key, line and what is allowed, but never the value, which may be a secret."""
    for text, expected in SCHEMA_ERRORS:
        with pytest.raises(YamlError) as caught:
            parse_yaml(text, name="r.yaml").validate(Recipe)
        assert str(caught.value).startswith(f"r.yaml, {expected}")
        assert "s3cret" not in str(caught.value)
        assert caught.value.__context__ is None


def test_a_file_is_read_up_to_a_size(tmp_path: Path) -> None:
    """A file that is missing, too large, or not UTF-8 is refused by name; a byte order mark is not part of the text."""
    path = tmp_path / "r.yaml"
    with pytest.raises(YamlError, match="no such file"):
        read_yaml(path)
    path.write_bytes(b"\xef\xbb\xbfname: a\n")
    assert read_yaml(path).value == {"name": "a"}
    for content, why in ((b"\xff", "cannot be read as UTF-8"), (b"a" * (MAX_SIZE + 1), "larger than")):
        path.write_bytes(content)
        with pytest.raises(YamlError, match=rf"r\.yaml: {why}"):
            read_yaml(path)


def test_a_list_is_read_as_a_root_model() -> None:
    """A file that holds a list names the item and, for a typo, the keys of an item."""
    steps = RootModel[tuple[Step, ...]]
    assert [step.name for step in parse_yaml("- name: a\n- name: b\n").validate(steps).root] == ["a", "b"]
    with pytest.raises(YamlError, match=r"^line 2: unknown key 1\.nam, did you mean name\? allowed here: name, max$"):
        parse_yaml("- name: a\n- nam: b\n").validate(steps)
