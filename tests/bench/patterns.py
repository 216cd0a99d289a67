"""Measure the offline analyst on published detections: `python tests/bench/patterns.py [--seed N] [--half a|b]`.

Each detection's own unit test is the event. Around it a company at work is written, over the log types of `SPECS`, and a
history by one of eight patterns, which the label follows:

- benign: `routine` (the actor's own, for weeks), `moved` (the same from a new address, after a sign-in there with a second
  factor on the same device), `rota` (the actor's first time, colleagues do it in turn), `whole` (the routine's second step
  looks like harm and is part of every earlier one);
- malicious: `stranger` (no history, a new address, no sign-in, harm follows), `first` (usual address, no history, harm
  follows), `stolen` (the actor's routine from a new address without a sign-in, harm follows), `turned` (the routine at the
  usual place; only the harm that follows tells).

Harm is the event of another published detection of the log type, of severity HIGH or CRITICAL where there is one. What the
actor's address, name and time are in an event stands here, so that the program's own knowledge is measured and not used.
Needs the published detections beside the project or in TRIAGE_SHARED.
"""

import argparse
import asyncio
import copy
import hashlib
import json
import random
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.worlds import NOW, ORDER, SHARED, Case, run
from triage.sandbox.importing.indicators import indicators

Event = dict[str, Any]

BENIGN = ("routine", "moved", "rota", "whole")
MALICIOUS = ("stranger", "first", "stolen", "turned")
ORG = "hazelmoor"
DAYS = 30
ACCOUNT = "444455556666"
FIRST = ("ada", "ben", "cleo", "dov", "ebba", "finn", "gita", "hugo", "ines", "jonas", "kaya", "luis", "mira", "nils")
LAST = (
    "arden",
    "bostock",
    "calder",
    "drever",
    "ekman",
    "fenwick",
    "gower",
    "hale",
    "ibsen",
    "jarvi",
    "kovac",
    "lindt",
    "marsh",
    "novak",
)


@dataclass(frozen=True)
class Spec:
    """Where an event of a log type says who, from where, when and what."""

    actor: tuple[tuple[str, str], ...]
    """Paths, each with what of the person stands there: `email`, `login`, `name` or `id`."""
    address: tuple[str, ...]
    time: tuple[str, ...]
    action: str
    seconds: bool = False
    """Whether the time is a number of seconds."""


SPECS = {
    "AWS.CloudTrail": Spec((), ("sourceIPAddress",), ("eventTime",), "eventName"),
    "Okta.SystemLog": Spec(
        (("actor.alternateId", "email"), ("actor.displayName", "name"), ("actor.id", "id")),
        ("client.ipAddress",),
        ("published",),
        "eventType",
    ),
    "GSuite.ActivityEvent": Spec(
        (("actor.email", "email"), ("actor.profileId", "id")), ("ipAddress",), ("id.time",), "name"
    ),
    "GitHub.Audit": Spec((("actor", "login"),), ("actor_ip",), ("at_sign_timestamp", "created_at"), "action"),
    "Azure.Audit": Spec(
        (
            ("properties.initiatedBy.user.userPrincipalName", "email"),
            ("properties.initiatedBy.user.displayName", "name"),
            ("properties.initiatedBy.user.id", "id"),
        ),
        ("callerIpAddress", "properties.initiatedBy.user.ipAddress"),
        ("time", "properties.activityDateTime"),
        "operationName",
    ),
    "GCP.AuditLog": Spec(
        (("protoPayload.authenticationInfo.principalEmail", "email"),),
        ("protoPayload.requestMetadata.callerIP",),
        ("timestamp",),
        "protoPayload.methodName",
    ),
    "Databricks.Audit": Spec((("userIdentity.email", "email"),), ("sourceIPAddress",), ("timestamp",), "actionName"),
    "Slack.AuditLogs": Spec(
        (("actor.user.email", "email"), ("actor.user.name", "login"), ("actor.user.id", "id")),
        ("context.ip_address",),
        ("date_create",),
        "action",
    ),
    "Notion.AuditLogs": Spec(
        (("event.actor.person.email", "email"), ("event.actor.id", "id")),
        ("event.ip_address",),
        ("event.timestamp",),
        "event.type",
    ),
    "Asana.Audit": Spec(
        (("actor.email", "email"), ("actor.name", "name"), ("actor.gid", "id")),
        ("context.client_ip_address",),
        ("created_at",),
        "event_type",
    ),
    "Wiz.Audit": Spec((("user.id", "email"), ("user.name", "email")), ("sourceip",), ("timestamp",), "action"),
    "OpenAI.Audit": Spec(
        (("actor.session.user.email", "email"), ("actor.session.user.id", "id")),
        ("actor.session.ip_address",),
        ("effective_at",),
        "type",
        seconds=True,
    ),
    "Anthropic.Activity": Spec(
        (("actor.email_address", "email"), ("actor.user_id", "id")), ("actor.ip_address",), ("created_at",), "type"
    ),
    "Panther.Audit": Spec(
        (("actor.attributes.email", "email"), ("actor.name", "name"), ("actor.id", "id")),
        ("sourceIP",),
        ("timestamp",),
        "actionName",
    ),
    "Tines.Audit": Spec(
        (("user_email", "email"), ("user_name", "name"), ("user_id", "id")),
        ("request_ip",),
        ("created_at",),
        "operation_name",
    ),
    "MongoDB.OrganizationEvent": Spec(
        (("username", "email"), ("userId", "id")), ("remoteAddress",), ("created",), "eventTypeName"
    ),
    "Box.Event": Spec(
        (("created_by.login", "email"), ("created_by.name", "name"), ("created_by.id", "id")),
        ("ip_address",),
        ("created_at",),
        "event_type",
    ),
    "OneLogin.Events": Spec(
        (("actor_user_name", "name"), ("actor_user_id", "id")), ("ipaddr",), ("created_at",), "event_type_id"
    ),
    "Azure.MonitorActivity": Spec((), ("callerIpAddress",), ("time",), "operationName"),
    "Duo.Administrator": Spec((("username", "name"),), (), ("isotimestamp", "timestamp"), "action"),
    "Gravitational.TeleportAudit": Spec((("user", "email"),), ("addr_remote",), ("time",), "event"),
    "Amazon.EKS.Audit": Spec((("user.username", "email"),), (), ("requestReceivedTimestamp", "stageTimestamp"), "verb"),
}
"""Log types that name an actor; those without an address are the harder ones."""
LEFT_OUT = (
    "lockout",
    "leaked",
    "unsuccessful",
    "login",
    "signin",
    "sign.in",
    "failed",
    "brute",
    "anonymous",
    "impossible",
    "geo",
    "unknown",
    "anomal",
    "threshold",
)
"""Detections whose own condition is the place, the time or the number of events, by words in their ids."""
NO_ACT = (
    "malware",
    "malicious",
    "suspicious",
    "alert",
    "fraud",
    "smtp",
    "exfil",
    "dos",
    "multipleips",
    "repeated",
    "blacklist",
)
"""Detections that tell what a product noticed, and not what a person does: no harm that follows an act."""


@dataclass(frozen=True)
class Person:
    """Somebody of the company."""

    name: str
    email: str
    login: str
    id: str
    address: str
    device: str


def put(event: Event, path: str, value: object) -> None:
    """Set a value in an object, made where it is missing."""
    *parents, last = path.split(".")
    for part in parents:
        if not isinstance(event.get(part), dict):
            event[part] = {}
        event = event[part]
    event[last] = value


_MAIL = re.compile(r"[A-Za-z0-9._-]+@[A-Za-z0-9.-]+")


def own_names(value: Any, case: str) -> Any:
    """A copy in which the e-mail addresses are those of one case, so that no two cases are about the same person."""
    if isinstance(value, dict):
        return {name: own_names(each, case) for name, each in value.items()}
    if isinstance(value, list):
        return [own_names(each, case) for each in value]
    return _MAIL.sub(lambda found: f"{case}-{found[0]}", value) if isinstance(value, str) else value


def get(event: object, path: str) -> object:
    """The value at a path."""
    for part in path.split("."):
        event = event.get(part) if isinstance(event, dict) else None
    return event


class World:
    """The company's logs while they are written."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self.rows: dict[str, list[Event]] = defaultdict(list)
        self.matches: dict[str, list[Event]] = defaultdict(list)
        self.alerts: list[Event] = []
        self.labels: list[Event] = []
        self.people = [self._person(index) for index in range(len(FIRST))]
        self.busy: dict[str, set[str]] = defaultdict(set)
        """Who has a case already, by log type."""
        self.strange = [f"198.51.100.{number}" for number in self.random.sample(range(2, 250), 200)]

    def _person(self, index: int) -> Person:
        first, last = FIRST[index], LAST[index]
        return Person(
            f"{first.title()} {last.title()}",
            f"{first}.{last}@{ORG}.example",
            f"{first}{last[:3]}",
            self.hex(20),
            f"203.0.113.{10 + index}",
            self.hex(32),
        )

    def hex(self, length: int) -> str:
        return "".join(self.random.choice("0123456789abcdef") for _ in range(length))

    def add(self, log_type: str, event: Event, who: Person, address: str, at: datetime) -> Event:
        """One event of a person, from an address, at a time."""
        event = copy.deepcopy(event)
        event = {name: value for name, value in event.items() if not name.startswith("p_")}
        spec = SPECS[log_type]
        for path, part in spec.actor:
            put(event, path, getattr(who, part))
        for path in spec.address:
            put(event, path, address)
        for path in spec.time:
            put(event, path, int(at.timestamp()) if spec.seconds else f"{at:%Y-%m-%d %H:%M:%S}.000")
        if log_type == "AWS.CloudTrail":
            event["userIdentity"] = _sso(who)
            event["eventTime"] = f"{at:%Y-%m-%dT%H:%M:%SZ}"
            event["eventID"] = self.hex(32)
            event["recipientAccountId"] = ACCOUNT
            event.setdefault("userAgent", "aws-cli/2.17.44")
        if log_type == "Amazon.EKS.Audit":
            event["sourceIPs"] = [address]
        if log_type == "Azure.MonitorActivity":
            event["identity"] = {"claims": {"name": who.name, "ipaddr": address, _UPN: who.email, "oid": who.id}}
        if log_type == "Okta.SystemLog":
            event.setdefault("outcome", {"result": "SUCCESS"})
            put(event, "debugContext.debugData.dtHash", who.device)
            event["uuid"] = self.hex(32)
        event |= {
            "p_event_time": f"{at:%Y-%m-%d %H:%M:%S}.000",
            "p_parse_time": f"{at + timedelta(seconds=70):%Y-%m-%d %H:%M:%S}.000",
            "p_log_type": log_type,
            "p_row_id": self.hex(32),
            "p_schema_version": 0,
            "p_source_id": str(_source(log_type)),
            "p_source_label": f"{ORG}-{_table(log_type)}",
        }
        event |= indicators(event)
        self.rows[log_type].append(event)
        return event

    def sign_in(self, who: Person, address: str, at: datetime) -> None:
        """With a second factor, on the person's own device."""
        for kind, more in (("user.session.start", {}), ("user.authentication.auth_via_mfa", {"target": [_PUSH]})):
            event: Event = {
                "eventType": kind,
                "version": "0",
                "severity": "INFO",
                "displayMessage": "sign-in",
                "actor": {"type": "User"},
                "client": {
                    "userAgent": {"rawUserAgent": "Mozilla/5.0", "os": "Mac OS X", "browser": "CHROME"},
                    "zone": "null",
                    "device": "Computer",
                },
                "outcome": {"result": "SUCCESS"},
                "authenticationContext": {"externalSessionId": f"idx{who.id}{at:%m%d}"},
            }
            self.add("Okta.SystemLog", event | more, who, address, at)
            at += timedelta(seconds=20)

    def alert(self, rule: Event, event: Event, at: datetime, label: Event) -> None:
        """Panther raises it two minutes after the event."""
        identifier, created = self.hex(32), at + timedelta(minutes=2)
        iso = f"{created:%Y-%m-%dT%H:%M:%S}.000Z"
        first = f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
        log_type = str(event["p_log_type"])
        title = rule["engine_title"] or rule["display_name"]
        self.alerts.append(
            {
                "id": identifier,
                "title": title,
                "description": rule["description"],
                "severity": rule["severity"].upper(),
                "status": "OPEN",
                "type": "RULE",
                "createdAt": iso,
                "updatedAt": iso,
                "firstEventOccurredAt": first,
                "lastReceivedEventAt": first,
                "detectionId": rule["rule_id"],
                "detectionType": "RULE",
                "runbook": rule["runbook"],
                "reference": rule["reference"],
                "logTypes": [log_type],
            }
        )
        stamp = f"{created:%Y-%m-%d %H:%M:%S}.000"
        self.matches[log_type].append(
            event
            | {
                "p_alert_id": identifier,
                "p_alert_creation_time": stamp,
                "p_alert_update_time": stamp,
                "p_rule_id": rule["rule_id"],
                "p_rule_severity": rule["severity"].upper(),
                "p_alert_severity": rule["severity"].upper(),
                "p_rule_tags": rule["tags"] or [],
                "p_rule_reports": rule["reports"] or {},
                "p_alert_context": {},
            }
        )
        self.labels.append({"alert_id": identifier} | label)


_UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
_PUSH = {"id": "opf1", "type": "AuthenticatorEnrollment", "alternateId": "unknown", "displayName": "Okta Verify"}


def _sso(who: Person) -> Event:
    role = "AWSReservedSSO_Engineer_0123456789abcdef"
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLEROLE000001:{who.email}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{who.email}",
        "accountId": ACCOUNT,
        "accessKeyId": f"ASIA{who.id[:16].upper()}",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROAEXAMPLEROLE000001",
                "arn": f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/{role}",
                "accountId": ACCOUNT,
                "userName": role,
            },
            "attributes": {"mfaAuthenticated": "false"},
        },
    }


def _table(log_type: str) -> str:
    return log_type.lower().replace(".", "_")


def _source(log_type: str) -> UUID:
    return UUID(int=random.Random(log_type).getrandbits(128))


def published() -> tuple[dict[str, list[Event]], dict[str, list[Event]]]:
    """By log type: rules with their first event that matches, and events that match none."""
    rules: dict[str, dict[str, Event]] = defaultdict(dict)
    quiet: dict[str, list[Event]] = defaultdict(list)
    for line in (SHARED / "data" / "rule_tests.ndjson").read_text("utf-8").splitlines():
        test = json.loads(line)
        types = test["log_types"] or []
        if len(types) != 1 or types[0] not in SPECS or not isinstance(test["event"], dict) or test["mocks"]:
            continue
        if types[0] == "AWS.CloudTrail" and get(test["event"], "userIdentity.type") not in ("IAMUser", "AssumedRole"):
            continue
        action = get(test["event"], SPECS[types[0]].action)
        if not action:
            continue
        if not test["expected_result"]:
            quiet[types[0]].append(test["event"])
        elif test["rule_id"] not in rules[types[0]] and not any(word in test["rule_id"].lower() for word in LEFT_OUT):
            test["engine_title"] = (test["engine"] or {}).get("alert_title")
            rules[types[0]][test["rule_id"]] = test
    return {name: list(found.values()) for name, found in rules.items()}, quiet


def half_of(rule: Event) -> str:
    """`a` or `b`, by the detection's id alone."""
    return "ab"[hashlib.sha256(rule["rule_id"].encode()).digest()[0] % 2]


def cases(rules: dict[str, list[Event]], seed: int, each: int, half: str) -> list[tuple[Event, Event]]:
    """Rules, `each` of every log type, and the harm that goes with each; both of the half where one is named."""
    dice = random.Random(f"cases {seed}")
    found = []
    for log_type, all_of_it in sorted(rules.items()):
        known = [rule for rule in all_of_it if not half or half_of(rule) == half]
        action = SPECS[log_type].action
        acts = [rule for rule in known if not any(word in rule["rule_id"].lower() for word in NO_ACT)]
        grave = [rule for rule in acts if rule["severity"].upper() in ("HIGH", "CRITICAL")] or acts
        chosen = dice.sample(acts, min(each, len(acts)))
        taken = {str(get(rule["event"], action)) for rule in chosen}
        for rule in chosen:
            others = [other for other in grave if str(get(other["event"], action)) not in taken]
            others = others or [other for other in grave if get(other["event"], action) != get(rule["event"], action)]
            if others:
                found.append((rule, dice.choice(others)))
    return found


def write_worlds(directory: Path, seed: int, each: int, half: str = "") -> list[Path]:
    """Two worlds: a detection is benign in one and malicious in the other."""
    rules, quiet = published()
    worlds = [World(f"{seed} {index}") for index in range(2)]
    chosen = cases(rules, seed, each, half)
    # What any detection looks for is nobody's everyday work.
    used = {(kind, str(get(each["event"], SPECS[kind].action))) for kind, known in rules.items() for each in known}
    for world in worlds:
        for log_type, spec in SPECS.items():
            everyday = {
                str(action): event
                for event in quiet[log_type]
                if (action := get(event, spec.action)) and (log_type, str(action)) not in used
            }
            everyday |= _READS.get(log_type, {})
            _background(world, log_type, list(everyday.values())[:6])
        for who in world.people:
            for day in range(DAYS + 1):
                at = _at(day, 7, world.random.randrange(60))
                world.sign_in(who, who.address, at)
    for number, (rule, harm) in enumerate(chosen):
        for side in (0, 1):
            world = worlds[(number + side) % 2]
            pattern = (BENIGN, MALICIOUS)[side][(number // 2 + number % 2) % 4]
            _play(world, rule, harm, pattern, number)
    paths = []
    for index, world in enumerate(worlds):
        path = directory / f"world{index}"
        _write(world, path)
        paths.append(path)
    return paths


_READS: dict[str, dict[str, Event]] = {
    "AWS.CloudTrail": {
        name: {
            "eventName": name,
            "eventSource": source,
            "awsRegion": "us-east-1",
            "readOnly": True,
            "recipientAccountId": ACCOUNT,
            "requestParameters": {},
        }
        for name, source in (
            ("DescribeInstances", "ec2.amazonaws.com"),
            ("ListBuckets", "s3.amazonaws.com"),
            ("DescribeAlarms", "monitoring.amazonaws.com"),
            ("DescribeStacks", "cloudformation.amazonaws.com"),
        )
    }
}


def _at(days_ago: int, hour: int, minute: int = 0) -> datetime:
    return (NOW - timedelta(days=days_ago)).replace(hour=hour, minute=minute, second=0, microsecond=0)


def _background(world: World, log_type: str, everyday: Sequence[Event]) -> None:
    """Everybody does a little of everything on most days."""
    if not everyday:
        return
    for who in world.people:
        for day in range(DAYS + 1):
            if world.random.random() < 0.3:
                continue
            for _ in range(2):
                hour = world.random.randrange(8, 17 if day else 11)
                world.add(
                    log_type,
                    world.random.choice(everyday),
                    who,
                    who.address,
                    _at(day, hour, world.random.randrange(60)),
                )


def _play(world: World, rule: Event, harm: Event, pattern: str, number: int) -> None:
    """The history, the alert's event on the last day, and what follows."""
    log_type = rule["log_types"][0]
    dice = world.random
    people = dice.sample([person for person in world.people if person.id not in world.busy[log_type]], 4)
    who, at = people[0], _at(0, 8, 5 + number % 40)
    world.busy[log_type].add(who.id)
    rule, harm = (
        rule | {"event": own_names(rule["event"], f"c{number}")},
        harm | {"event": own_names(harm["event"], f"c{number}")},
    )
    address = who.address
    # Every few days, and not on the last ones.
    step, start = dice.choice((4, 5)), dice.randrange(3, 7)
    old = list(range(start, DAYS, step))[::-1]

    def act(person: Person, place: str, moment: datetime, *, whole: bool = False) -> Event:
        event = world.add(log_type, rule["event"], person, place, moment)
        if whole:
            world.add(log_type, harm["event"], person, place, moment + timedelta(minutes=9))
        return event

    if pattern in ("routine", "moved", "whole", "stolen", "turned"):
        for day in old:
            act(who, address, _at(day, 10, dice.randrange(60)), whole=pattern == "whole")
    if pattern == "rota":
        for index, day in enumerate(old):
            colleague = people[1 + index % 3]
            act(colleague, colleague.address, _at(day, 10, dice.randrange(60)))
    if pattern in ("moved", "stolen", "stranger"):
        address = world.strange.pop()
    if pattern == "moved":
        world.sign_in(who, address, at - timedelta(minutes=25))
    event = act(who, address, at, whole=pattern == "whole")
    if pattern in MALICIOUS:
        for minutes in (6, 21):
            world.add(log_type, harm["event"], who, address, at + timedelta(minutes=minutes))
    verdict = "malicious" if pattern in MALICIOUS else "benign"
    label = {
        "verdict": verdict,
        "accept": [verdict],
        "incident": f"{pattern}/{rule['rule_id']}",
        "harm": harm["rule_id"],
    }
    world.alert(rule, event, at, label)


def _write(world: World, path: Path) -> None:
    (path / "lake" / "panther_logs").mkdir(parents=True)
    (path / "lake" / "panther_rule_matches").mkdir()
    (path / "world.json").write_text(json.dumps({"now": f"{NOW:%Y-%m-%dT%H:%M:%SZ}", "org": ORG}))
    for log_type, rows in world.rows.items():
        rows.sort(key=lambda row: str(row["p_event_time"]))
        _lines(path / "lake" / "panther_logs" / f"{_table(log_type)}.ndjson", rows)
    for log_type, rows in world.matches.items():
        _lines(path / "lake" / "panther_rule_matches" / f"{_table(log_type)}.ndjson", rows)
    _lines(path / "alerts.ndjson", world.alerts)
    wanted = {alert["detectionId"] for alert in world.alerts}
    _lines(path / "rules.ndjson", _rules(wanted))
    _lines(
        path / "sources.ndjson",
        [
            {
                "integrationId": str(_source(log_type)),
                "integrationLabel": f"{ORG}-{_table(log_type)}",
                "integrationType": "http",
                "logTypes": [log_type],
                "isEditable": True,
                "isHealthy": True,
                "lastEventReceivedAtTime": f"{NOW - timedelta(seconds=50):%Y-%m-%dT%H:%M:%S}.000Z",
                "lastEventProcessedAtTime": f"{NOW - timedelta(seconds=40):%Y-%m-%dT%H:%M:%S}.000Z",
                "lastModified": "2026-08-15T19:00:00.000Z",
                "createdAtTime": "2025-11-28T19:00:00.000Z",
            }
            for log_type in world.rows
        ],
    )
    for name in ("users", "comments"):
        _lines(path / f"{name}.ndjson", [])
    _lines(path / "truth.ndjson", world.labels)


def _rules(wanted: set[str]) -> Iterator[Event]:
    for line in (SHARED / "data" / "rules.ndjson").read_text("utf-8").splitlines():
        rule = json.loads(line)
        if rule["rule_id"] in wanted:
            yield {
                "id": rule["rule_id"],
                "displayName": rule["display_name"],
                "description": rule["description"] or "",
                "runbook": rule["runbook"] or "",
                "severity": rule["severity"].upper(),
                "tags": rule["tags"] or [],
                "reports": rule["reports"] or {},
                "body": rule["python_body"] or "",
                "logTypes": rule["log_types"],
                "dedupPeriodMinutes": rule["dedup_period_minutes"] or 60,
                "threshold": rule["threshold"] or 1,
                "enabled": True,
                "createdAt": "2026-01-02T00:00:00Z",
                "lastModified": "2026-01-02T00:00:00Z",
            }


def _lines(path: Path, rows: Iterable[object]) -> None:
    path.write_text("".join(f"{json.dumps(row, default=str)}\n" for row in rows), encoding="utf-8")


def report(found: Sequence[Case]) -> None:
    """By pattern, and in all."""
    table: Counter[tuple[str, str]] = Counter()
    for case in found:
        table[str(case.label["incident"]).partition("/")[0], case.said] += 1
    print(f"{'pattern':12}" + "".join(f"{name:>14}" for name in ORDER))
    for pattern in (*MALICIOUS, *BENIGN):
        print(f"{pattern:12}" + "".join(f"{table[pattern, name]:14}" for name in ORDER))
    for truth, patterns in (("malicious", MALICIOUS), ("benign", BENIGN)):
        total = sum(table[pattern, name] for pattern in patterns for name in ORDER)
        right = sum(table[pattern, truth] for pattern in patterns)
        wrong = sum(table[pattern, ({"malicious", "benign"} - {truth}).pop()] for pattern in patterns)
        print(f"{truth}: {right} of {total} ({100 * right / max(1, total):.0f} %), called the opposite {wrong}")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seed", type=int, default=1, help="chooses detections, harm, people and days")
    parser.add_argument("--each", type=int, default=2, help="detections of each log type")
    parser.add_argument(
        "--half", choices=("a", "b"), default="", help="detections of one half only, split by their ids"
    )
    parser.add_argument("--keep", type=Path, help="keep the worlds in this directory")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        directory = given.keep or Path(scratch)
        found: list[Case] = []
        for path in write_worlds(directory, given.seed, given.each, given.half):
            labels = [json.loads(line) for line in (path / "truth.ndjson").read_text("utf-8").splitlines()]
            found += asyncio.run(run(path, labels))
        report(found)


if __name__ == "__main__":
    main()
