"""What a rule's Python takes from elsewhere to decide."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.shared import shared_lines
from triage.stages.enrichment.rule_code import MAX_CHARS, MAX_HELPERS, Uses, definitions_of, uses_of

RULE = """
import json
from collections import Counter
from acme_helpers import context, is_staff as staff, LIMIT
from panther_core import PantherEvent
from panther_detection_helpers.caching import get_counter
import door_helpers

HOURS = LIMIT * 2

def rule(event):
    if staff(event.udm("actor_user")):
        return False
    return _late(event) and json.loads(event.get("x"))

def _late(event):
    return door_helpers.hour(event.udm("when")) > HOURS

def title(event):
    return context(event.udm("title_field"))
"""


def test_only_what_decides_is_named() -> None:
    """`rule` and what it reaches count, titles don't; neither do Python's own modules nor those that Panther brings along."""
    assert uses_of(RULE) == Uses(
        (("acme_helpers", "is_staff"), ("door_helpers", "hour"), ("acme_helpers", "LIMIT")), ("actor_user", "when")
    )


def test_a_text_that_is_no_rule_uses_nothing() -> None:
    """YAML, broken Python, a module without a rule, a text without measure."""
    for text in ("", "- Group: []", "def rule(", "from acme_helpers import x\nx()", "#" * (MAX_CHARS + 1)):
        assert uses_of(text) == Uses()


def test_a_definition_is_cut_out_whole() -> None:
    """Functions, classes and constants at the top of a module; others aren't there."""
    code = "import re\n\nLIMIT: int = 3\n\ndef one(event):\n    # why\n    return 1\n\nclass Two:\n    def three(self): ...\n"
    assert definitions_of(code, ["one", "LIMIT", "three", "gone", "re"]) == {
        "one": "def one(event):\n    # why\n    return 1",
        "LIMIT": "LIMIT: int = 3",
    }
    assert definitions_of("def one(", ["one"]) == {}


@given(st.text(alphabet="from import rule(event):udm.x\n \"'=#", max_size=300))
def test_any_text_is_read(text: str) -> None:
    """A rule's text is its author's; whatever it is, a few names come out of it."""
    found = uses_of(f"from acme import {text}\ndef rule(event):\n    return {text}")
    assert len(found.helpers) <= MAX_HELPERS
    assert all(module == "acme" and name for module, name in found.helpers)
    definitions_of(text, ["rule", "x"])


def test_published_rules_name_helpers_that_they_import() -> None:
    """Every name comes from an import line of the rule itself."""
    used = 0
    for rule in shared_lines("data/rules.ndjson"):
        body = rule["python_body"] or ""
        found = uses_of(body)
        used += bool(found.helpers)
        assert all(module in body and name in body for module, name in found.helpers), rule["rule_id"]
        assert all(f'"{name}"' in body or f"'{name}'" in body for name in found.fields), rule["rule_id"]
    assert used > 200
