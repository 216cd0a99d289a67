"""`triage panther source s3`: what is sent, what is asked, what is logged, and what a lost answer leads to."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from tests.support.cli import Ran, run_cli, write_config
from tests.support.shared import shared_path
from tests.support.terminal import Terminal
from tests.support.tiny_world import write_world
from triage.edges.audit import verify_audit
from triage.sandbox.backend import READ_PERMISSIONS
from triage.sandbox.server import ApiToken, Fault, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

MANAGE = ApiToken("sandbox-token", frozenset({"LogSourceRead", "LogSourceModify"}))
ROLE = "arn:aws:iam::111122223333:role/PantherRead"
NEW = (
    *("source", "s3", "create", "--label", "trail", "--account", "111122223333", "--bucket", "acme-trail"),
    *("--role", ROLE, "--logs", "AWS.CloudTrail,AWS.CloudTrailDigest=AWSLogs/", "--logs", "AWS.VPCFlow=flow/a=b/"),
)
BODY = {
    "awsAccountId": "111122223333",
    "integrationLabel": "trail",
    "logProcessingRole": ROLE,
    "logStreamType": "Auto",
    "managedBucketNotifications": False,
    "s3Bucket": "acme-trail",
    "s3PrefixLogTypes": [
        {"prefix": "AWSLogs/", "logTypes": ["AWS.CloudTrail", "AWS.CloudTrailDigest"]},
        {"prefix": "flow/a=b/", "logTypes": ["AWS.VPCFlow"]},
    ],
}
Ask = Callable[..., Ran]


def served(folder: Path, generation: Any = "2026-07") -> SandboxServer:
    (folder / "world").mkdir()
    tokens = (
        MANAGE,
        ApiToken("all", READ_PERMISSIONS | {"AlertModify", "LogSourceModify"}),
        ApiToken("reads", READ_PERMISSIONS | {"AlertModify"}),
        ApiToken("modifies", frozenset({"LogSourceModify"})),
    )
    options = SandboxOptions(tokens=tokens, generation=generation)
    return SandboxServer(load_world(write_world(folder / "world"), as_recorded=True), options)


@pytest.fixture
def panther(tmp_path: Path) -> Iterator[SandboxServer]:
    """A Panther of July 2026, and a configuration whose token may manage log sources and nothing else."""
    with served(tmp_path) as server:
        configure(tmp_path, server)
        yield server


def configure(folder: Path, server: SandboxServer, token: str = "sandbox-token") -> None:
    write_config(folder, server.url, token=token, more=f"writeback:\n  audit: {folder}/audit.jsonl\n")


@pytest.fixture
def ask(panther: SandboxServer, tmp_path: Path) -> Ask:
    """Runs `triage panther`; there is no terminal."""
    return lambda *arguments: run_cli("panther", *arguments, directory=tmp_path)


def log(folder: Path) -> list[tuple[str, str, str]]:
    """Action, outcome and label of each line of an audit log that verifies."""
    path = folder / "audit.jsonl"
    if not path.exists():
        return []
    assert verify_audit(path).intact
    lines = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]
    return [(line["action"], line["outcome"], line["value"]) for line in lines]


def bodies(server: SandboxServer) -> list[dict[str, Any]]:
    """The S3 sources that Panther has."""
    return [each for each in server.world.sources.values() if each["integrationType"] == "aws-s3"]  # type: ignore[misc]


def writes(server: SandboxServer) -> list[tuple[str, str]]:
    return [(method, path) for method, path, _ in server.requests if method != "GET" and "/log-sources" in path]


def test_a_source_is_created_changed_and_deleted(ask: Ask, panther: SandboxServer, tmp_path: Path) -> None:
    """What no option names stays; each write has a line before and a line after in a log that verifies."""
    made = ask(*NEW, "--yes", "--json").json
    (source,) = bodies(panther)
    assert {name: source[name] for name in BODY} == BODY
    assert made["integrationId"] == source["integrationId"]
    assert [each["label"] for each in ask("sources", "--json").json] == ["doors", "trail"]

    changed = ask("source", "s3", "update", "trail", "--label", "trail-eu", "--stream-type", "json", "--yes")
    assert changed.status == 0, changed.err
    (source,) = bodies(panther)
    assert {name: source[name] for name in BODY} == BODY | {"integrationLabel": "trail-eu", "logStreamType": "JSON"}
    assert '"logStreamType": "JSON"' in changed.err
    assert "s3Bucket" not in changed.err

    gone = ask("source", "s3", "delete", str(source["integrationId"]), "--yes")
    assert gone.status == 0, gone.err
    assert bodies(panther) == []
    assert [method for method, _ in writes(panther)] == ["POST", "PUT", "DELETE"]
    assert log(tmp_path) == [
        ("source.create", "sending", "trail"),
        ("source.create", "done", "trail"),
        ("source.update", "sending", "trail-eu"),
        ("source.update", "done", "trail-eu"),
        ("source.delete", "sending", "trail-eu"),
        ("source.delete", "done", "trail-eu"),
    ]
    assert run_cli("writeback", "audit", directory=tmp_path).status == 0


def test_nothing_is_sent_without_a_yes(ask: Ask, panther: SandboxServer, tmp_path: Path) -> None:
    """Where there is no terminal to ask, the request is refused before anything is read or written."""
    for arguments in (NEW, ("source", "s3", "update", "doors", "--label", "x"), ("source", "s3", "delete", "doors")):
        ran = ask(*arguments)
        assert (ran.status, "--yes" in ran.err) == (2, True)
    assert list(panther.requests) == []
    assert log(tmp_path) == []


@pytest.mark.parametrize(("answer", "created"), [("y", 1), ("n", 0), ("", 0)])
def test_a_person_is_asked(panther: SandboxServer, tmp_path: Path, answer: str, created: int) -> None:
    """With what is about to be sent in view; only a yes sends it."""
    with Terminal("panther", *NEW, directory=tmp_path) as terminal:
        terminal.wait_for(r"Go on\? \[y/N\]")
        terminal.type(f"{answer}\n")
        ended = terminal.ended()
    assert ended.status == (0 if created else 1), ended.text
    assert '"s3Bucket": "acme-trail"' in ended.text
    assert len(bodies(panther)) == len(writes(panther)) == created


def test_ctrl_c_at_the_question_ends_it(panther: SandboxServer, tmp_path: Path) -> None:
    """At the first press, which the system itself answers: a handler would miss one just before the read."""
    with Terminal("panther", *NEW, directory=tmp_path) as terminal:
        terminal.wait_for(r"Go on\? \[y/N\]")
        terminal.interrupt()
        ended = terminal.ended()
    assert ended.status == -signal.SIGINT, ended.text
    assert writes(panther) == []


def test_a_dry_run_prints_what_would_be_sent(ask: Ask, panther: SandboxServer, tmp_path: Path) -> None:
    """One JSON document; nothing is written, here or there, and nothing has to be confirmed."""
    assert ask(*NEW, "--dry-run").json == {"method": "POST", "path": "/log-sources/s3", "body": BODY}
    assert ask(*NEW, "--yes").status == 0
    panther.requests.clear()
    (source,) = bodies(panther)
    path = f"/log-sources/s3/{source['integrationId']}"
    document = ask(
        "source",
        "s3",
        "update",
        "trail",
        "--own-notifications",
        "--kms-key",
        "arn:aws:kms:eu-west-1:111122223333:key/1",
        "--dry-run",
    ).json
    assert (document["method"], document["path"]) == ("PUT", path)
    assert document["body"]["kmsKey"].endswith("key/1")
    assert "s3Bucket" not in document["body"]
    assert ask("source", "s3", "delete", "trail", "--dry-run").json == {"method": "DELETE", "path": path, "body": None}
    assert writes(panther) == []
    assert len(log(tmp_path)) == 2


def test_a_file_gives_what_no_option_can(ask: Ask, panther: SandboxServer, tmp_path: Path) -> None:
    """Excluded prefixes, say; options replace its values, and a field that Panther doesn't have is refused."""
    given = {**BODY, "s3PrefixLogTypes": [{"prefix": "a/", "logTypes": ["AWS.ALB"], "excludedPrefixes": ["a/*/tmp"]}]}
    (tmp_path / "source.json").write_text(json.dumps(given), encoding="utf-8")
    ran = ask("source", "s3", "create", "--from", "source.json", "--label", "balancers", "--dry-run")
    assert ran.json["body"] == given | {"integrationLabel": "balancers"}
    (tmp_path / "source.json").write_text(json.dumps({**BODY, "s3Buckets": 1}), encoding="utf-8")
    ran = ask("source", "s3", "create", "--from", "source.json", "--dry-run")
    assert (ran.status, "s3Buckets" in ran.err) == (2, True)
    ran = ask("source", "s3", "create", "--label", "trail", "--account", "12", "--dry-run")
    assert ran.status == 2
    for name in ("awsAccountId", "s3Bucket", "logProcessingRole", "s3PrefixLogTypes"):
        assert name in ran.err
    assert len(ran.err.splitlines()) == 1


def test_a_lost_answer_is_looked_up_and_nothing_is_sent_twice(ask: Ask, panther: SandboxServer, tmp_path: Path) -> None:
    """Panther did it: the source is found by its label. It is the same with a change and a deletion."""
    panther.fail("POST /log-sources/s3", Fault(status=502, after_work=True))
    ran = ask(*NEW, "--yes", "--json")
    assert ran.status == 0, ran.err
    (source,) = bodies(panther)
    assert ran.json["integrationId"] == source["integrationId"]
    one = f"/log-sources/s3/{source['integrationId']}"
    panther.fail(f"PUT {one}", Fault(status=502, after_work=True))
    assert ask("source", "s3", "update", "trail", "--stream-type", "Lines", "--yes").status == 0
    panther.fail(f"DELETE {one}", Fault(status=502, after_work=True))
    assert ask("source", "s3", "delete", "trail", "--yes").status == 0
    assert bodies(panther) == []
    assert [method for method, _ in writes(panther)] == ["POST", "PUT", "DELETE"]
    assert [outcome for _, outcome, _ in log(tmp_path)] == ["sending", "unknown", "done"] * 3


def test_a_lost_request_is_not_repeated(ask: Ask, panther: SandboxServer, tmp_path: Path) -> None:
    """Panther didn't do it, as far as it says: the command ends unfinished and leaves it to the person."""
    panther.fail("POST /log-sources/s3", Fault(status=502))
    ran = ask(*NEW, "--yes")
    assert (ran.status, "no source is labelled 'trail'" in ran.err) == (1, True)
    assert writes(panther) == [("POST", "/log-sources/s3")]
    assert ask(*NEW, "--yes").status == 0
    (source,) = bodies(panther)
    one = f"/log-sources/s3/{source['integrationId']}"
    panther.fail(f"PUT {one}", Fault(status=502))
    ran = ask("source", "s3", "update", "trail", "--stream-type", "Lines", "--yes")
    assert (ran.status, "not as it was sent" in ran.err) == (1, True)
    panther.fail(f"DELETE {one}", Fault(status=502))
    ran = ask("source", "s3", "delete", "trail", "--yes")
    assert (ran.status, "still there" in ran.err) == (1, True)
    assert len(writes(panther)) == 4


def test_a_label_that_is_taken_is_refused(ask: Ask, panther: SandboxServer) -> None:
    """So that running the command again after an interruption creates no second source."""
    assert ask(*NEW, "--yes").status == 0
    ran = ask(*NEW, "--yes")
    assert (ran.status, "already labelled 'trail'" in ran.err) == (2, True)
    ran = ask("source", "s3", "update", "trail", "--label", "doors", "--yes")
    assert (ran.status, "already labelled 'doors'" in ran.err) == (2, True)
    assert len(writes(panther)) == 1


def test_only_s3_sources_are_touched(ask: Ask, panther: SandboxServer) -> None:
    """A source of another type is refused, and so is one that isn't there."""
    ran = ask("source", "s3", "delete", "doors", "--yes")
    assert (ran.status, "of type http" in ran.err) == (2, True)
    ran = ask("source", "s3", "update", "windows", "--label", "w", "--yes")
    assert (ran.status, "no log source 'windows'" in ran.err) == (2, True)
    assert ask("source", "s3", "update", "windows", "--yes").status == 2
    assert writes(panther) == []


def test_a_label_that_two_have_names_neither(ask: Ask, panther: SandboxServer) -> None:
    """Nothing is deleted or changed; an ID still names one."""
    assert ask(*NEW, "--yes").status == 0
    (first,) = bodies(panther)
    panther.world.sources["twin"] = {**first, "integrationId": "twin"}  # type: ignore[index]
    panther.requests.clear()
    for command in ("delete", "update"):
        more = ("--stream-type", "Lines") if command == "update" else ()
        ran = ask("source", "s3", command, "trail", *more, "--yes")
        assert (ran.status, "give an ID" in ran.err, "twin" in ran.err) == (2, True, True), ran.err
    assert writes(panther) == []
    assert ask("source", "s3", "delete", "twin", "--yes").status == 0
    assert [each["integrationId"] for each in bodies(panther)] == [first["integrationId"]]


def test_each_permission_is_needed(ask: Ask, panther: SandboxServer, tmp_path: Path) -> None:
    """Without Manage Log Sources the write is refused and logged as such; without View Log Sources nothing is written."""
    configure(tmp_path, panther, "reads")
    ran = ask(*NEW, "--yes")
    assert (ran.status, "Manage Log Sources" in ran.err) == (2, True)
    assert log(tmp_path)[-1][:2] == ("source.create", "refused")
    configure(tmp_path, panther)
    assert ask(*NEW, "--yes").status == 0
    for token, wanted in (("reads", 2), ("modifies", 2)):
        configure(tmp_path, panther, token)
        assert ask("source", "s3", "update", "trail", "--stream-type", "Lines", "--yes").status == wanted
        assert ask("source", "s3", "delete", "trail", "--yes").status == wanted
    panther.requests.clear()
    configure(tmp_path, panther, "modifies")
    assert ask(*NEW, "--yes").status == 2
    assert writes(panther) == []
    assert len(bodies(panther)) == 1


def test_an_older_panther_says_so(tmp_path: Path) -> None:
    """One of 2025 has no such path: one line, status 2."""
    with served(tmp_path, "2025") as panther:
        configure(tmp_path, panther)
        ran = run_cli("panther", *NEW, "--yes", directory=tmp_path)
        assert (ran.status, "does not serve /log-sources/s3" in ran.err) == (2, True)
        assert ran.err.splitlines()[-1].startswith("triage: ")
        panther.world.sources["source-1"]["integrationType"] = "aws-s3"
        for arguments in (("delete", "doors"), ("update", "doors", "--stream-type", "Lines")):
            ran = run_cli("panther", "source", "s3", *arguments, "--yes", directory=tmp_path)
            assert (ran.status, "does not serve /log-sources/s3" in ran.err) == (2, True), ran.err
        assert [method for method, _ in writes(panther)] == ["POST"]


def test_a_pause_stops_these_writes_too(ask: Ask, panther: SandboxServer, tmp_path: Path) -> None:
    """`triage writeback pause` means all writing."""
    assert run_cli("writeback", "pause", directory=tmp_path).status == 0
    ran = ask(*NEW, "--yes")
    assert (ran.status, "paused" in ran.err) == (2, True)
    assert writes(panther) == []


def test_check_tries_the_permission_when_asked(panther: SandboxServer, tmp_path: Path) -> None:
    """Nothing else needs it, so that `triage check` alone is silent about it; no source is changed by trying."""
    before = dict(panther.world.sources)
    for token, state in (("all", "ok"), ("reads", "missing")):
        configure(tmp_path, panther, token)
        ran = run_cli("check", "--json", "--log-sources", directory=tmp_path)
        states = {line["check"]: line["state"] for line in ran.json}
        assert states["Manage Log Sources (REST)"] == state
        assert ran.status == (0 if state == "ok" else 2)
        assert "Log Sources (REST)" not in run_cli("check", directory=tmp_path).out
    assert panther.world.sources == before


def definition(name: str) -> jsonschema.Draft202012Validator:
    """A schema of the REST definition of July 2026, in which no field is allowed that it doesn't name."""
    document = yaml.safe_load(shared_path("reference/panther_openapi_2026-07.yaml").read_text(encoding="utf-8"))
    for each in document["components"]["schemas"].values():
        if "properties" in each:
            each["additionalProperties"] = False
    return jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}", **document})


def test_requests_and_answers_keep_to_the_definition(ask: Ask, panther: SandboxServer) -> None:
    """What would be sent, and what the embedded Panther answers, are what Panther's own definition says."""
    more = ("--kms-key", "arn:aws:kms:eu-west-1:111122223333:key/1")
    definition("S3SourceAPI.CreateS3Source").validate(ask(*NEW, *more, "--dry-run").json["body"])
    definition("S3SourceAPI.S3Source").validate(ask(*NEW, *more, "--yes", "--json").json)
    change = ("source", "s3", "update", "trail", "--stream-type", "Lines")
    definition("S3SourceAPI.ModifyS3Source").validate(ask(*change, "--dry-run").json["body"])
    definition("S3SourceAPI.S3Source").validate(ask(*change, "--yes", "--json").json)
    assert not definition("S3SourceAPI.ModifyS3Source").is_valid({**BODY, "logStreamType": "None"})
