"""The page on prompts names every template, and what each is given."""

import re
from fnmatch import fnmatch

from jinja2 import Environment, meta

from tests.support.shared import ROOT

TEMPLATES = sorted((ROOT / "prompts").glob("*.j2"))
ROWS = [
    (re.findall(r"`([^`]+)`", cells[1]), set(re.findall(r"`(\w+)`", cells[2])))
    for line in (ROOT / "docs" / "prompts.md").read_text(encoding="utf-8").splitlines()
    if len(cells := line.split("|")) == 4 and ".j2`" in cells[1]
]


def test_the_templates_use_what_the_page_says() -> None:
    """A user who writes a template of the same name finds each of its variables in the table."""
    environment = Environment(autoescape=True)
    environment.filters |= {"json": str, "visible": str}
    for template in TEMPLATES:
        known = [names for patterns, names in ROWS if any(fnmatch(template.name, pattern) for pattern in patterns)]
        assert len(known) == 1, f"{template.name} is in one row"
        used = meta.find_undeclared_variables(environment.parse(template.read_text(encoding="utf-8")))
        assert used <= known[0], template.name


def test_every_row_is_about_a_template() -> None:
    """No row names a template that is gone."""
    assert ROWS
    for patterns, _ in ROWS:
        for pattern in patterns:
            assert any(fnmatch(template.name, pattern) for template in TEMPLATES), pattern
