"""Patterns that are compiled when they are first used."""

from types import ModuleType

import pytest
import regex

from triage.domain import injection, instructions, redaction, secret_patterns
from triage.domain.later import later


def test_a_pattern_does_what_a_compiled_one_does() -> None:
    """Searching, replacing and splitting, with flags, first and later."""
    compiled, lazy = regex.compile("(a.)+", regex.DOTALL), later("(a.)+", regex.DOTALL)
    for text in ("xa\na1", "", "aa", "b"):
        for _ in range(2):
            assert lazy.sub("-", text) == compiled.sub("-", text)
            assert lazy.split(text) == compiled.split(text)
            assert [found.span() for found in lazy.finditer(text)] == [
                found.span() for found in compiled.finditer(text)
            ]
            assert (lazy.fullmatch(text) is None) is (compiled.fullmatch(text) is None)
    assert lazy.pattern == compiled.pattern
    assert lazy.flags == compiled.flags


def test_a_wrong_pattern_is_refused_when_it_is_used() -> None:
    """Not when its module is imported."""
    wrong = later("(")
    with pytest.raises(regex.error):
        wrong.search("x")


@pytest.mark.parametrize(
    "module", [injection, instructions, redaction, secret_patterns], ids=lambda each: each.__name__
)
def test_every_pattern_of_the_project_compiles(module: ModuleType) -> None:
    """What is compiled later is right already."""
    held = [each for value in vars(module).values() for each in (value if isinstance(value, tuple) else (value,))]
    patterns = [part for each in held for part in (each if isinstance(each, tuple) else (each,))]
    found = [each for each in patterns if type(each) is type(later(""))]
    assert found
    for each in found:
        assert each.flags >= 0
