"""`triage routes`, `queue retry --routes`, `check` and `run` with routes: over the embedded Panther and receivers on loopback."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.cli import Ran, run_cli, write_config
from tests.support.receivers import Received, Receiver, Reply, receiving
from tests.support.tiny_world import NOW, write_world
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world

TOKEN = "Zx81Qwertz0123456789abcd"

ROUTES = """\
routes:
  enabled: {enabled}
  to:
  - {{name: everything, url_env: HOOK}}
  - {{name: grave, url_env: HOOK, verdicts: [malicious], severities: [CRITICAL]}}
"""


@dataclass
class Place:
    """A directory with a configuration, and what its webhook gets."""

    directory: Path
    hook: Receiver

    @property
    def address(self) -> str:
        return f"{self.hook.url.replace('http', 'json')}/in/{TOKEN}"

    def run(self, *arguments: str, **more: str) -> Ran:
        return run_cli(*arguments, directory=self.directory, environment={"HOOK": self.address, **more})


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "world").mkdir()
    with (
        SandboxServer(load_world(write_world(tmp_path / "world"), as_recorded=True)) as panther,
        receiving(Receiver()) as hook,
    ):
        write_config(tmp_path, panther.url, more=ROUTES.format(enabled="true"))
        yield Place(tmp_path, hook)


def refuses(_request: Received) -> Reply:
    return 403, b"no"


def test_results_are_sent_on_as_they_are_found(place: Place) -> None:
    """One message for each investigated alert, once, though nothing is written to Panther."""
    ran = place.run("run", "--once", "--now", NOW)
    assert ran.status == 0, ran.err
    done = [row["alert_id"] for row in place.run("list", "--json").json if row["state"] == "done"]
    assert done
    assert sorted(request.json["alert_id"] for request in place.hook.received) == sorted(done)
    place.run("run", "--once", "--now", NOW)
    assert len(place.hook.received) == len(done)
    (listed, other) = place.run("routes", "list", "--json").json["routes"]
    assert (listed["name"], other["name"], other["sent"]) == ("grave", "everything", len(done))


def test_explain_says_which_route_and_why(place: Place) -> None:
    """Before anything else, the conditions that are not met; then what was sent."""
    place.run("run", "--once", "--now", NOW)
    alert = place.hook.received[0].json["alert_id"]
    found = place.run("routes", "explain", alert, "--json").json
    assert [(route["name"], route["chosen"]) for route in found["routes"]] == [("grave", False), ("everything", True)]
    assert "the severity is" in found["routes"][0]["why"]
    assert [each["state"] for each in found["messages"]] == ["done"]
    text = place.run("routes", "explain", alert).out
    assert "-> " in text.replace("->  ", "-> ")
    assert "everything: done at" in text
    assert f"in no case; tags: {', '.join(found['result']['tags']) or 'none'}" in text


def test_off_means_off(place: Place) -> None:
    """Without `enabled` nothing is sent, and no address is needed."""
    config = place.directory / "config.yaml"
    config.write_text(config.read_text("utf-8").replace("enabled: true", "enabled: false"), encoding="utf-8")
    ran = place.run("run", "--once", "--now", NOW, HOOK="")
    assert ran.status == 0, ran.err
    assert place.hook.received == []
    assert "routes.enabled is false" in place.run("routes", "list").err
    lines = {line["check"]: line["state"] for line in place.run("check", "--json", HOOK="").json}
    assert lines["route grave"] == "untested"


def test_a_dry_run_prints_it(place: Place) -> None:
    """What would be sent goes to stderr, and nowhere else."""
    ran = place.run("run", "--once", "--dry-run", "--now", NOW)
    assert "dry run: would send to everything: " in ran.err
    assert place.hook.received == []


def test_a_test_message_is_marked(place: Place) -> None:
    """And it is sent whatever the conditions say; the audit log has it."""
    ran = place.run("routes", "test", "grave", "--json")
    assert ran.json == {"route": "grave", "sent": True, "reference": ""}
    (request,) = place.hook.received
    assert request.json["title"] == "TEST: the route grave works"
    assert "route.send" in (place.directory / "triage-audit.jsonl").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "reply", "status", "said"),
    [
        ("gravee", None, 2, "there is no route gravee, did you mean grave?"),
        ("nothing-like-it", None, 2, "there is everything, grave"),
        ("grave", refuses, 1, "route grave: Failed to send JSON"),
    ],
)
def test_a_test_that_fails_says_why(place: Place, name: str, reply: object, status: int, said: str) -> None:
    """In one line; a wrong name is a wrong request, a refusal is unfinished."""
    if reply is not None:
        place.hook.reply = refuses
    ran = place.run("routes", "test", name)
    assert (ran.status, ran.out) == (status, "")
    assert said in ran.err
    assert len(ran.err.strip().splitlines()) == 1


def test_what_was_given_up_is_listed_and_sent_again(place: Place) -> None:
    """With its reason; `queue retry --routes` and the next run deliver it."""
    place.hook.reply = refuses
    ran = place.run("run", "--once", "--now", NOW)
    refused = len(place.hook.received)
    assert f"{refused} messages of routes were given up; `triage routes failed` lists them" in ran.err
    listed = place.run("routes", "failed", "--json")
    assert listed.status == 1
    assert len(listed.json) == refused
    assert "403" in listed.json[0]["error"]
    assert f"{refused} given up" in place.run("status").out
    assert place.run("status", "--json").json["routes"]["everything"]["failed"] == refused
    place.hook.reply = lambda _request: (200, b"")
    assert place.run("queue", "retry", "--routes", "--json").json == {"messages": refused}
    place.run("run", "--once", "--no-poll", "--now", NOW)
    assert len(place.hook.received) == 2 * refused
    assert place.run("routes", "failed").status == 0


def test_retrying_messages_takes_no_alerts(place: Place) -> None:
    """They are two things: one line says so."""
    ran = place.run("queue", "retry", "--routes", "--all")
    assert ran.status == 2
    assert "--routes takes no alerts" in ran.err


def test_check_reads_each_address_and_sends_nothing(place: Place) -> None:
    """One line for each route: its kind, and how often a result may come."""
    lines = {line["check"]: line for line in place.run("check", "--json").json}
    assert lines["route grave"]["state"] == "ok"
    assert lines["alert data"]["text"] == "no model is set; results go to everything, grave, secrets redacted"
    assert lines["route grave"]["text"].startswith("webhook, each result at least once")
    wrong = {line["check"]: line for line in place.run("check", "--json", HOOK=f"gibber{TOKEN}").json}
    assert wrong["route grave"]["state"] == "failed"
    assert "docs/routes.md" in wrong["route grave"]["text"]
    assert place.hook.received == []


def test_no_output_and_no_file_holds_the_address(place: Place) -> None:
    """Not the commands, the state database, the audit log, or a run at its most talkative; refusals quote it in vain."""
    place.hook.reply = lambda request: (403, request.target.encode())
    outputs = [
        place.run("run", "--once", "--verbose", "--now", NOW),
        place.run("routes", "list"),
        place.run("routes", "list", "--json"),
        place.run("routes", "failed", "--json"),
        place.run("routes", "test", "grave"),
        place.run("check"),
        place.run("status", "--json"),
    ]
    alert = place.hook.received[0].json["alert_id"]
    outputs += [place.run("routes", "explain", alert), place.run("routes", "explain", alert, "--json")]
    for ran in outputs:
        assert TOKEN not in ran.out + ran.err
    for path in [*place.directory.glob("*.db*"), *place.directory.glob("*audit*")]:
        assert TOKEN.encode() not in path.read_bytes(), path.name


def test_investigate_sends_its_result_on(place: Place) -> None:
    """The one alert that was asked for; a second time only where the result is another."""
    place.run("run", "--once", "--now", NOW)
    alert = place.hook.received[0].json["alert_id"]
    before = len(place.hook.received)
    ran = place.run("investigate", alert, "--now", NOW)
    assert ran.status == 0, ran.err
    assert len(place.hook.received) == before


def test_the_text_of_an_alert_is_not_in_a_key(place: Place) -> None:
    """Keys are digests."""
    place.run("run", "--once", "--now", NOW)
    for request in place.hook.received:
        assert request.json["dedup_key"].startswith("triage-")
        assert request.json["alert_id"] not in request.json["dedup_key"]
