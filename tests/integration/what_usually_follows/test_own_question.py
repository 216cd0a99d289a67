"""The rule's own question: whether what it waited for came, how many is usual, which part came from whom, who was given it.

About a minute: one world is started once, and each of its alerts is triaged.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from tests.integration.true_evidence.world import (
    AT,
    DAY,
    HOUR,
    MINUTE,
    OFFICE,
    Columns,
    Triaged,
    World,
    aws,
    stamp,
    triaged,
)

CLOUD, CODE, BRICKS = "AWS.CloudTrail", "GitHub.Audit", "Databricks.Audit"
RAISED = AT + 3 * HOUR
"""A correlation runs long after the events that it is about."""


def _parts(*rules: str, absent: str = "", ordered: bool = True) -> str:
    """The text of a correlation."""
    group: list[dict[str, Any]] = [{"ID": name, "RuleID": name} for name in rules]
    group += [{"ID": "absent", "RuleID": absent, "Absence": True}] if absent else []
    order = {"EventEvaluationOrder": "Chronological"} if ordered else {}
    return json.dumps([{"Group": group, **order, "LookbackWindowMinutes": 1800}])


def _repo(actor: str, action: str, repo: str, **more: Any) -> Columns:
    """An event of GitHub."""
    return {"actor": actor, "action": action, "repo": repo, "actor_ip": OFFICE, "p_any_usernames": [actor], **more}


def _signal(world: World, rule: str, at: datetime, user: str, **more: Any) -> None:
    """A match of a rule that raised no alert."""
    world.signals.append(
        {
            "p_event_time": stamp(at),
            "p_parse_time": stamp(at + MINUTE),
            "p_rule_id": rule,
            "p_log_type": "Some.Log",
            "p_alert_id": "",
            "p_any_usernames": [user],
            "p_any_emails": [],
            "p_any_aws_arns": [],
            "p_any_actor_ids": [],
            "p_any_ip_addresses": [OFFICE],
            **more,
        }
    )


def _absences(world: World) -> None:
    """A repository's protection is switched off, and the rule waits for the repository to be archived."""
    rule = {"body": _parts("GitHub.Unprotected", absent="GitHub.RepoArchived")}
    cases: Sequence[tuple[str, str, Columns, datetime]] = (
        ("archived later", "repo.archived", {}, AT + 4 * HOUR),
        ("delivered later", "repo.archived", {"p_parse_time": stamp(AT + 5 * HOUR)}, AT + HOUR),
        ("archived before", "repo.archived", {}, AT - HOUR),
        ("something else later", "repo.rename", {}, AT + 4 * HOUR),
        ("another archived", "repo.archived", {"repo": "acme/other"}, AT + 4 * HOUR),
    )
    for n, (name, action, changes, at) in enumerate(cases):
        repo = f"acme/repo{n}"
        event = world.log(CODE, AT, _repo(f"dev{n}", "repo.advanced_security_disabled", repo))
        world.log(CODE, at, {**_repo("archivist", action, repo), **changes})
        world.alert(name, CODE, event, rule=rule, createdAt=RAISED.isoformat())


def _parts_of_two(world: World) -> None:
    """A sign-in without the identity provider, which was delivered late for one person and came a day early for another."""
    rule = {"body": _parts("Cloud.SignIn", absent="People.ToCloud", ordered=False)}
    for name, at, parsed in (
        ("signed in after all", AT - 2 * MINUTE, AT + 5 * HOUR),
        ("signed in and seen", AT - 2 * MINUTE, AT),
    ):
        user = name.split(maxsplit=1)[0] + name[-4:].strip()
        event = world.log(CLOUD, AT, aws(user, "ConsoleLogin"))
        _signal(world, "People.ToCloud", at, user, p_parse_time=stamp(parsed))
        _signal(world, "Cloud.SignIn", AT, user)
        world.alert(name, CLOUD, event, rule=rule, createdAt=RAISED.isoformat())


def _amounts(world: World) -> None:
    """Rules with a threshold: on somebody who does as much every day, and on somebody who never did."""
    for user, usual, now in (("janitor", 20, 18), ("vandal", 2, 60)):
        for day in range(15, 19):
            for n in range(usual):
                world.log(CLOUD, AT - day * DAY + n * MINUTE, aws(user, f"DeleteObject{user}"))
        events = [world.log(CLOUD, AT + n * MINUTE, aws(user, f"DeleteObject{user}")) for n in range(now)]
        world.alert(user, CLOUD, *events[:8], rule={"threshold": 8})


def _bricks(who: str, action: str, **request: str) -> Columns:
    """An event of Databricks."""
    return {
        "userIdentity": {"email": who},
        "actionName": action,
        "serviceName": "accounts",
        "sourceIPAddress": OFFICE,
        "requestParams": request,
        "response": {"statusCode": 200},
        "p_any_emails": [who],
        "p_any_ip_addresses": [OFFICE],
    }


def _granted(world: World) -> None:
    """A colleague is made an administrator, who then makes a token, or works on."""
    for name, after in (("given and used", "generateDbToken"), ("given", "getTable")):
        who, admin = f"{name.replace(' ', '.')}@acme.example", f"{name.replace(' ', '.')}.admin@acme.example"
        world.log(BRICKS, AT - DAY, _bricks(who, "getTable"), every=24)
        world.log(BRICKS, AT - DAY, _bricks(admin, "listUsers"), every=24)
        event = world.log(BRICKS, AT, _bricks(admin, "setAdmin", targetUserName=who))
        world.log(BRICKS, AT + HOUR, _bricks(who, after))
        world.alert(name, BRICKS, event)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Triaged:
    """What became of each alert."""
    world = World()
    for build in (_absences, _parts_of_two, _amounts, _granted):
        build(world)
    return triaged(tmp_path_factory.mktemp("own_question"), world)


def test_what_a_rule_waited_for_came_later_by_somebody_else(found: Triaged) -> None:
    """An analyst looks at the target, whoever finished the work."""
    assert found["archived later"].facts["awaited_came"].sentence == (
        "archivist performed repo.archived on acme/repo0 at 13:00 UTC; its absence had raised the alert."
    )


def test_what_came_in_time_and_was_delivered_late_came(found: Triaged) -> None:
    """The rule could not see it; the lake's parse time shows why."""
    assert (
        found["delivered later"]
        .facts["awaited_came"]
        .sentence.endswith(
            "at 10:00 UTC, delivered only at 14:00 UTC, after the rule had run; its absence had raised the alert."
        )
    )


@pytest.mark.parametrize("name", ["archived before", "something else later", "another archived"])
def test_what_came_before_or_is_something_else_is_not_it(found: Triaged, name: str) -> None:
    """The rule saw what was before it, and another act or target is none of its business."""
    assert "awaited_came" not in found[name].facts


def test_the_awaited_rule_of_another_log_matched_late(found: Triaged) -> None:
    """The sign-in at the identity provider was there all along; which target a match is about isn't known."""
    signal = found["signed in after all"].facts["awaited_came"]

    assert signal.sentence == (
        "People.ToCloud matched on signedall at 08:58 UTC, delivered only at 14:00 UTC, after the rule had run; its absence "
        "had raised the alert."
    )
    assert not signal.vouches
    assert "awaited_came" not in found["signed in and seen"].facts


def test_a_reader_sees_which_part_came_from_whom(found: Triaged) -> None:
    """A correlation's alert shows events of one part only."""
    assert found["signed in and seen"].facts["rule_parts"].sentence == (
        "The rule's parts: Cloud.SignIn matched on signedseen from 203.0.113.9, first at 2031-05-06 09:00 UTC."
    )


def test_a_count_is_told_beside_the_usual_one(found: Triaged) -> None:
    """The day's count, not that of the alert's own events, which are fewer."""
    assert found["janitor"].facts["usual_amount"].sentence == (
        "janitor called DeleteObjectjanitor 18 times on the day of the alert, and up to 20 times a day on 4 days by 2031-04-22."
    )
    assert "60 times on one day of the alert" in found["vandal"].facts["unusual_amount"].sentence


def test_what_the_recipient_of_a_grant_did_with_it(found: Triaged) -> None:
    """Rights in the hands of somebody who then does what they never did, or who goes on as before."""
    assert found["given and used"].facts["derived_harm"].sentence == (
        "given.and.used@acme.example, given rights at 09:00 UTC, performed generateDbToken at 10:00 UTC from 203.0.113.9, with "
        "no such event in the 30 days before."
    )
    assert (
        "had worked in Databricks.Audit on at least 11 days by "
        in found["given"].facts["recipient_works_here"].sentence
    )


def test_questions_of_the_rule_are_asked_of_such_rules_only(found: Triaged) -> None:
    """A plain alert has none of them, so that they cost nothing."""
    assert found["given"].answers("usual_amount") == []
    assert found["given"].answers("came_late") == []
    assert found["janitor"].answers("recipient_acts") == []
    assert found["janitor"].answers("rule_parts") == []
