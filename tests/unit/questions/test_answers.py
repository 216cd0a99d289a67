"""Questions on the lake of the world that ships for evaluation, against counts made in Python from the same events."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from triage.domain.actor_values import ActorValues
from triage.domain.question import ActionClass, Asked, Question
from triage.domain.times import parse_time
from triage.logtypes import log_type_of_table, terms_of
from triage.logtypes.terms import take
from triage.questions import NotAskable, bind_question, compile_question
from triage.questions.classes import is_of_class
from triage.questions.compiler import LOGS
from triage.questions.matches import MATCHES, SIGNALS, SIGNALS_TABLE
from triage.sandbox.lake import DuckLake
from triage.sandbox.shipped import Shipped, unpack_world
from triage.sandbox.world import load_world

HISTORY = timedelta(days=40)
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Act:
    """One event, as the terms of its log type read it from the event itself."""

    action: str
    actor: str
    target: str
    address: str
    refused: bool
    failed: bool
    service: str
    at: datetime


class Logs:
    """A lake and its events."""

    def __init__(self, folder: Path) -> None:
        """Unpack and load the world."""
        self.folder = folder
        self.lake = DuckLake(load_world(unpack_world(Shipped.EVALUATION, folder), as_recorded=True))

    @cached_property
    def acts(self) -> dict[str, list[Act]]:
        """By log type."""
        found = {}
        for path in sorted((self.folder / "lake" / "panther_logs").glob("*.ndjson*")):
            file = log_type_of_table(path.name.split(".")[0])
            if file is not None and file.terms:
                found[file.log_type] = [
                    _act(event, file.log_type) for event in map(json.loads, path.read_text().splitlines())
                ]
        return found

    def rows(
        self, question: Question, log_type: str, actor: ActorValues, *, database: str = LOGS, **more: Any
    ) -> list[dict[str, Any]]:
        """The answer."""
        compiled = compile_question(question, log_type, database=database)
        days = {"history": HISTORY, "dwell": timedelta(days=3), "now": actor.last + timedelta(days=9)}
        bound = bind_question(compiled, actor, **{"events": (), "limit": 1000, **days, **more})
        return [dict(row) for row in self.lake.run(bound.query.sql).rows]


def _act(event: dict[str, Any], log_type: str) -> Act:
    terms = terms_of(log_type)

    def read(name: str) -> str:
        return take(event, terms[name].take) if name in terms else ""

    refused = bool(read("refused"))
    failed = bool(read("failed")) if terms["failed"].take else refused
    at = parse_time(event["p_event_time"])
    assert at is not None
    return Act(read("action"), read("actor"), read("target"), read("address"), refused, failed, read("service"), at)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logs]:
    """Loaded once: it takes seconds."""
    logs = Logs(tmp_path_factory.mktemp("world"))
    yield logs
    logs.lake.close()


def busiest(acts: list[Act], log_type: str) -> ActorValues:
    """A middling moment of whoever acts most, with what they did then."""
    name = Counter(act.actor for act in acts if act.actor).most_common(1)[0][0]
    own = sorted((act for act in acts if act.actor == name), key=lambda act: act.at)
    middle = own[len(own) // 2]
    lists = {
        "actors": (name,),
        "actions": (middle.action,),
        "addresses": (middle.address,) if middle.address else (),
        "targets": (middle.target,) if middle.target else (),
    }
    return ActorValues(name=name, log_type=log_type, first=middle.at, last=middle.at, lists=lists)


def asked(**keys: object) -> Question:
    """A question about all that the lake has of the actor."""
    return Question.model_validate({"window": {"from": "history", "to": "+7d"}, **keys})


def measured(acts: list[Act], actor: ActorValues, fits: Callable[..., bool]) -> list[Act]:
    """The acts in the window that fit."""
    return [act for act in acts if actor.first - HISTORY <= act.at <= actor.last + timedelta(days=7) and fits(act)]


def by(acts: list[Act], *names: str) -> dict[tuple[Any, ...], tuple[int, int]]:
    """How many acts and refusals there are by each combination."""
    found: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    for act in acts:
        key = tuple(act.at.date().isoformat() if name == "day" else getattr(act, name) or None for name in names)
        found[key][0] += 1
        found[key][1] += act.refused
    return {key: (times, refused) for key, (times, refused) in found.items()}


def answered(rows: list[dict[str, Any]], *names: str) -> dict[tuple[Any, ...], tuple[int, int]]:
    """The same from an answer; what a list gives for refused acts apart is added."""
    found: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        key = tuple(str(row[name])[:10] if name == "day" else row[name] or None for name in names)
        found[key][0] += row["times"]
        found[key][1] += row.get("refused", 0)
    return {key: (times, refused) for key, (times, refused) in found.items()}


KEYS = {
    Asked.LIST: ("action", "actor", "target", "address"),
    Asked.SUMMARY: ("action", "address"),
    Asked.COUNT: ("action",),
    Asked.DAYS: ("day",),
    Asked.ADDRESSES: ("address",),
    Asked.ACTORS: ("actor",),
    Asked.TARGETS: ("target",),
    Asked.FIRST_SEEN: (),
}


@pytest.mark.parametrize("asks", Asked)
def test_an_answer_counts_what_the_events_hold(logs: Logs, asks: Asked) -> None:
    """Everything that the busiest actor of each log did, by whatever is asked."""
    for log_type, acts in logs.acts.items():
        actor = busiest(acts, log_type)
        own = measured(acts, actor, lambda act, name=actor.name: act.actor == name)
        rows = logs.rows(asked(ask=asks), log_type, actor)
        if len(rows) < 1000:
            assert answered(rows, *KEYS[asks]) == by(own, *KEYS[asks]), log_type
        if asks is Asked.FIRST_SEEN:
            assert parse_time(rows[0]["first_seen"]) == min(act.at for act in own)
            assert parse_time(rows[0]["last_seen"]) == max(act.at for act in own)
            assert rows[0]["days"] == len({act.at.date() for act in own})
            assert rows[0]["addresses"] == len({act.address for act in own if act.address})


@pytest.mark.parametrize("each", ActionClass)
def test_a_class_takes_the_acts_of_its_kind(logs: Logs, each: ActionClass) -> None:
    """As the same words and lists say of the names in Python; anyone's acts, by action."""
    askable = 0
    for log_type, acts in logs.acts.items():
        actor = busiest(acts, log_type)
        fitting = measured(acts, actor, lambda act, name=log_type: is_of_class(name, act.action, each))
        try:
            rows = logs.rows(asked(about="anyone", classes=each, ask="count"), log_type, actor)
        except NotAskable:
            assert not fitting
            continue
        askable += 1
        assert answered(rows, "action") == by(fitting, "action"), log_type
    assert askable > 3


@pytest.mark.parametrize(
    ("keys", "fits"),
    [
        ({"outcome": "refused"}, lambda act, _: act.refused),
        ({"outcome": "succeeded"}, lambda act, _: not act.failed),
        ({"actions": "own"}, lambda act, actor: act.action in actor.lists["actions"]),
        ({"actions": ["*e*", "zz"]}, lambda act, _: "e" in act.action.lower()),
        ({"words": "log in"}, lambda act, _: "login" in _letters(act.action) or "login" in _letters(act.service)),
        ({"about": "others"}, lambda act, actor: act.actor not in ("", actor.name)),
        ({"on": "target"}, lambda act, actor: act.target in actor.lists["targets"]),
        ({"about": "address"}, lambda act, actor: act.address in actor.lists["addresses"]),
    ],
)
def test_a_filter_takes_what_fits_it(
    logs: Logs, keys: dict[str, object], fits: Callable[[Act, ActorValues], bool]
) -> None:
    """By outcome, action, word, target, address and other people."""
    askable = 0
    for log_type, acts in logs.acts.items():
        actor = busiest(acts, log_type)
        try:
            rows = logs.rows(asked(**{"about": "anyone", "ask": "count", **keys}), log_type, actor)
        except NotAskable:
            continue
        askable += 1
        fitting = measured(acts, actor, lambda act, about=actor: fits(act, about))
        assert answered(rows, "action") == by(fitting, "action"), log_type
    assert askable > 8


def _letters(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isascii() and letter.isalnum())


def test_matches_of_detections_are_found_under_any_name(logs: Logs) -> None:
    """In the log's copies of matched events and among the signals, without those of the alert itself."""
    question = Question.model_validate({"logs": "alerts", "window": {"from": "history", "to": "+7d"}})
    checked = 0
    for log_type, acts in logs.acts.items():
        table = log_type.lower().replace(".", "_")
        for database, name in ((MATCHES, log_type), (SIGNALS, SIGNALS_TABLE)):
            path = logs.folder / "lake" / database / f"{table if database == MATCHES else name}.ndjson"
            if not path.exists():
                continue
            matches = [json.loads(line) for line in path.read_text().splitlines()]
            busy = busiest(acts, log_type)
            values = tuple({each for row in matches[:40] for each in row.get("p_any_usernames") or ()})[:3]
            lists = {"values": values, "alert": (matches[0]["p_alert_id"],), "detection": (matches[0]["p_rule_id"],)}
            actor = busy.model_copy(update={"lists": lists})
            if not values:
                continue
            rows = logs.rows(question, name, actor, database=database)
            fitting = [row for row in matches if _names(row) & {*values} and row["p_alert_id"] != lists["alert"][0]]
            inside = (actor.first - HISTORY, actor.last + timedelta(days=7))
            fitting = [row for row in fitting if inside[0] <= (parse_time(row["p_event_time"]) or NEVER) <= inside[1]]
            counted = Counter((row["p_rule_id"], row["p_alert_id"]) for row in fitting)
            found: Counter[tuple[str, str]] = Counter()
            for row in rows:
                found[row["rule"], row["alert"]] += row["times"]
            assert found == counted, (database, log_type)
            checked += 1
    assert checked > 8


def test_matches_on_a_target_are_found_whoever_acted(logs: Logs) -> None:
    """Which detections fired on what the alert's actor acted on: in the copies, by the log's own target."""
    question = Question.model_validate(
        {"logs": "alerts", "about": "anyone", "on": "target", "window": {"from": "history", "to": "+30d"}}
    )
    checked = 0
    for log_type, acts in logs.acts.items():
        path = logs.folder / "lake" / MATCHES / f"{log_type.lower().replace('.', '_')}.ndjson"
        if not path.exists():
            continue
        copies = [(event, _act(event, log_type)) for event in map(json.loads, path.read_text().splitlines())]
        target = next((copy.target for _, copy in copies if copy.target), "")
        if not target:
            continue
        actor = busiest(acts, log_type).model_copy(update={"lists": {"targets": (target,)}})
        rows = logs.rows(question, log_type, actor, database=MATCHES)
        inside = (actor.first - HISTORY, actor.last + timedelta(days=9))
        fitting = [
            (event["p_rule_id"], event["p_alert_id"])
            for event, copy in copies
            if copy.target == target and inside[0] <= copy.at <= inside[1]
        ]
        found: Counter[tuple[str, str]] = Counter()
        for row in rows:
            found[row["rule"], row["alert"]] += row["times"]
        assert found == Counter(fitting), log_type
        checked += 1
    assert checked > 3


def _names(row: dict[str, Any]) -> set[str]:
    columns = ("p_any_usernames", "p_any_emails", "p_any_actor_ids", "p_any_aws_arns")
    return {value for column in columns for value in row.get(column) or ()}


def test_a_field_that_holds_a_list_is_found_by_any_of_its_items(logs: Logs) -> None:
    """Wherever in the list an item is."""
    log_type = "Amazon.EKS.Audit"
    path = logs.folder / "lake" / "panther_logs" / "amazon_eks_audit.ndjson"
    events = [json.loads(line) for line in path.read_text().splitlines()]
    actor = busiest(logs.acts[log_type], log_type)
    one = next(event for event in events if event.get("sourceIPs"))
    rows = logs.rows(asked(about="field:sourceips", ask="first seen"), log_type, actor, events=[one])
    inside = (actor.first - HISTORY, actor.last + timedelta(days=7))
    fitting = [
        event
        for event in events
        if {*event.get("sourceIPs", ())} & {*one["sourceIPs"]}
        and inside[0] <= (parse_time(event["p_event_time"]) or NEVER) <= inside[1]
    ]
    assert rows[0]["times"] == len(fitting) > 0
