"""What the dossier leaves out because it is said elsewhere in it."""

import json
from typing import Any

from tests.support import make
from tests.support.make import evidence, signal
from tests.support.small_dossier import dossier
from triage.domain.coverage import Coverage
from triage.domain.entity import Entity, EntityKind, Role
from triage.domain.signal import Direction
from triage.domain.untrusted import Caps
from triage.stages.investigation.dossier_parts import (
    alert_record,
    entity_lines,
    flag_lines,
    question_list,
    rows_within,
    signal_lines,
)

DAY = (
    {"action": "A", "times": 2, "targets": 1},
    {"action": "B", "times": 1, "targets": 0},
    {"action": "C", "times": 9},
)
HOURS = tuple({name: row[name] for name in ("action", "times")} for row in DAY[:2])


def within(rows: tuple[dict[str, Any], ...], *, table: str = "t", others: tuple[dict[str, Any], ...] = DAY) -> str:
    """Which earlier answer stands for these rows."""
    earlier = evidence(1, *others, source="query", table="t")
    return rows_within(evidence(2, *rows, source="query", table=table), [earlier])


def test_rows_of_a_shorter_window_are_shown_once() -> None:
    """If an earlier answer about the same table has each of them, with every column and value."""
    assert within(HOURS) == "E1"
    assert within(HOURS, table="another") == ""
    assert within(({**HOURS[0], "times": 1}, HOURS[1])) == ""
    assert within(({**HOURS[0], "day": "x"}, HOURS[1])) == ""
    assert within(HOURS[:1]) == ""
    assert within(DAY[:1]) == "E1"
    assert within(HOURS, others=DAY * 6) == ""


def test_what_can_be_read_in_a_name_is_not_said_beside_it() -> None:
    """The account of an ARN is in the ARN; what it is the ARN of is not."""
    arn = Entity(
        kind=EntityKind.ARN,
        value="arn:aws:iam::111122223333:user/ada",
        role=Role.ACTOR,
        facts={"account": "111122223333", "identity": "person"},
    )
    text = entity_lines(dossier(entities=(arn,)), Caps())

    assert text == f'["arn","{arn.value}","actor",{{"identity":"person"}}]'


def test_a_table_is_named_once_in_a_row() -> None:
    """And again after another one."""
    entries = [evidence(number, table=table) for number, table in enumerate(("a", "a", "", "a", "b"), 1)]

    assert [each["table"] for each in question_list(entries)] == ["a", "same", "", "a", "b"]


def test_what_is_asked_of_each_provider_is_one_question() -> None:
    """The tables say of whom; another question of the same name is written out."""
    asked = [
        ("E1", "okta_sign_in.person", "Okta.SystemLog", "Where did they sign in to Okta?"),
        ("E2", "gsuite_sign_in.person", "GSuite.ActivityEvent", "Where did they sign in to Google Workspace?"),
        ("E3", "okta_sign_in.devices", "Okta.SystemLog", "On which devices to Okta?"),
    ]
    entries = [
        evidence(number, key=key, log_type=log_type, question=question, table=f"logs.public.{log_type}", measured=True)
        for number, (_, key, log_type, question) in enumerate(asked, 1)
    ]
    assert question_list(entries) == [
        {
            "id": "E1, E2",
            "question": "Where did they sign in to …?",
            "table": "logs.public.Okta.SystemLog, ActivityEvent",
            "measured": "*",
        },
        {"id": "E3", "question": "On which devices to Okta?", "table": "logs.public.Okta.SystemLog", "measured": "*"},
    ]


def test_ids_of_requests_are_not_all_listed() -> None:
    """Each event has some, and its row shows them; a session that the actor used is another matter."""
    traces = [Entity(kind=EntityKind.TRACE, value=f"trace-{number}", role=Role.OTHER) for number in range(9)]
    session = Entity(kind=EntityKind.TRACE, value="session-1", role=Role.ACTOR)

    lines = entity_lines(dossier(entities=(*traces, session)), Caps()).splitlines()

    assert [line for line in lines if "trace-" in line] == [
        f'["trace","trace-{number}","other"]' for number in range(3)
    ]
    assert lines[-2:] == ['["trace","session-1","actor"]', "6 more"]


def test_the_alert_says_what_the_event_and_the_detection_dont() -> None:
    """What a rule copies from its event into the alert's context is read in the event."""
    given = dossier({"who": {"name": "ada"}, "ip": "192.0.2.1", "n": 3})
    context = {"who": {"name": "ada"}, "n": 3, "why": "x"}
    alert = given.alert.model_copy(update={"context": context, "description": given.detection.description})

    shown = alert_record(given.model_copy(update={"alert": alert}), Caps())

    assert isinstance(shown, dict)
    assert "description" not in shown
    assert shown["context"] == {"why": "x", "…": "2 more, as in the event"}


def test_a_flag_names_its_signals() -> None:
    """Their sentences are under Signals, once."""
    raised = signal(2.0, name="new_address_without_sign_in", sentence="Nobody has seen 192.0.2.1 before.")
    given = dossier(signals=(raised,))

    assert '"raised_by":["new_address_without_sign_in"],"answered_by":[]' in flag_lines(given, Caps())
    assert raised.sentence in signal_lines(given, Caps())


def test_a_calm_that_the_log_has_not_shown_is_no_fact() -> None:
    """Where the source died, that nothing followed is not told; that it is unknown is."""
    calm = signal(0.7, Direction.BENIGN, name="quiet_aftermath", sentence="Nothing followed.", absence=True)
    seen = make.evidence(1, signals=("quiet_aftermath",), columns=("target",))
    dead = seen.model_copy(update={"coverage": Coverage(source_healthy=False, table_has_rows=True)})
    for entry, told in ((seen, True), (dead, False)):
        given = make.dossier(entry, signals=(calm,))
        assert ("Nothing followed." in signal_lines(given, Caps())) is told
        assert ("what_followed_is_unknown" in flag_lines(given, Caps())) is not told


def test_an_entity_that_another_line_says_is_not_listed() -> None:
    """A part of an e-mail address, and the many objects of one event, whose rows hold them."""
    email = Entity(kind=EntityKind.EMAIL, value="ada@acme.example", role=Role.ACTOR)
    part = Entity(kind=EntityKind.USER, value="ada", role=Role.ACTOR, facts={"local_part_of": email.value})
    other = Entity(kind=EntityKind.USER, value="kim", role=Role.ACTOR, facts={"local_part_of": "kim@acme.example"})
    objects = [Entity(kind=EntityKind.RESOURCE, value=f"doc-{number}", role=Role.TARGET) for number in range(9)]

    lines = entity_lines(dossier(entities=(email, part, other, *objects)), Caps()).splitlines()

    assert [json.loads(line)[1] for line in lines[:-1]] == ["ada@acme.example", "kim", *(f"doc-{n}" for n in range(6))]
    assert lines[-1] == "3 more"
