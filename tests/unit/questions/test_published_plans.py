"""The plans of all published runbooks: each holds, and survives being written to a file."""

import pytest

from tests.support.shared import shared_lines
from triage.cli.runbook_text import plan_lines
from triage.domain.clean import printable
from triage.questions.plan_check import plan_problems
from triage.questions.plan_files import MAX_BYTES, file_name, parse_plan, plan_yaml
from triage.questions.plans import compiled


@pytest.mark.slow
def test_every_published_runbook_has_a_plan_that_can_be_kept() -> None:
    """What is left of each plan passes the checks again, its file reads back equal, and each has a file of its own.

    Takes about eight seconds: some 700 runbooks are compiled, written and read.
    """
    names = set()
    rules = [rule for rule in shared_lines("data/rules.ndjson") if (rule["runbook"] or "").strip()]
    for rule in rules:
        log_types = tuple(rule["log_types"] or ())
        plan = compiled(rule["rule_id"], rule["runbook"], log_types).plan
        assert plan_problems(plan, log_types) == (), rule["rule_id"]
        text = plan_yaml(plan)
        assert parse_plan(text) == plan, rule["rule_id"]
        assert len(text.encode()) < MAX_BYTES
        assert all(printable(line) == line for line in plan_lines(plan, log_types, sql=False))
        names.add(file_name(plan.detection).casefold())
    assert len(names) == len(rules)
