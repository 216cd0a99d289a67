"""Runbooks as steps that can be answered."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.shared import shared_lines
from triage.domain.runbook import MAX_STEP_CHARS, MAX_STEPS, runbook_steps

FORMS: list[tuple[str, str, tuple[str, ...]]] = [
    ("numbered", "1. Look at the door.\n2) Ask the porter.", ("Look at the door.", "Ask the porter.")),
    ("numbered with a title", "Steps:\n\nStep 1: Look.\nStep 2: Ask.", ("Look.", "Ask.")),
    ("one number", "1. Look at the door.", ("Look at the door.",)),
    ("numbered and wrapped", "1. Look at\n   the door.\n2. Ask.", ("Look at the door.", "Ask.")),
    ("numbered with a sub-list", "1. Look:\n  - left\n  - right\n2. Ask.", ("Look: - left - right", "Ask.")),
    ("bulleted", "- Look.\n* Ask.\n\u2022 Tell.", ("Look.", "Ask.", "Tell.")),
    ("inline from the start of a line", "1. Look at\n  the door. 2. Ask.", ("Look at the door.", "Ask.")),
    ("inline", "First: 1. Look. 2. Ask.", ("Look.", "Ask.")),
    ("sentences", "Look at the door. Ask the porter.", ("Look at the door.", "Ask the porter.")),
    ("wrapped prose", "Find out whether the door has a legitimate\npurpose. This is\noften so.", ("Find out whether the door has a legitimate purpose.", "This is often so.")),
    ("lines without an end", "Look at the door\nAsk the porter", ("Look at the door", "Ask the porter")),
    ("an address of a document", "1.2.3.4 opened the door.", ("1.2.3.4 opened the door.",)),
    ("escaped line ends", "1. Look.\\n2. Ask.", ("Look.", "Ask.")),
    ("a link", "https://doors.example/runbook", ()),
    ("a link with a word", "See https://doors.example/runbook.", ()),
    ("a placeholder", "TBD", ()),
    ("another", " N/A. ", ()),
    ("nothing", "", ()),
    ("a heading only", "# Runbook\n", ()),
]  # fmt: skip


def test_a_runbook_is_split_into_its_steps() -> None:
    """Numbered, bulleted or prose; what is no step is left out."""
    for name, text, steps in FORMS:
        assert runbook_steps(text) == steps, name


@given(st.text(max_size=600))
def test_any_text_gives_bounded_steps(text: str) -> None:
    """Few, short, on one line, each with a letter."""
    steps = runbook_steps(text)
    assert len(steps) <= MAX_STEPS
    for step in steps:
        assert len(step) <= MAX_STEP_CHARS
        assert "\n" not in step
        assert any(letter.isalpha() for letter in step)


def test_published_runbooks_have_steps() -> None:
    """Of the 701 published ones all but the links and placeholders; no step breaks off in the middle of a sentence."""
    rules = shared_lines("data/rules.ndjson")
    books = [rule["runbook"] for rule in rules if rule["runbook"]]
    split = {book: runbook_steps(book) for book in books}
    assert (len(rules), len(books)) == (923, 701)
    without = [book for book in books if not split[book]]
    assert len(without) <= 45
    assert all("http" in book or len(book) < 12 for book in without)
    begun = [step for steps in split.values() for step in steps if step[0].islower()]
    assert len(begun) <= 10
