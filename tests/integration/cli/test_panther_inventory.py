"""`triage panther sources|users|tables|columns|queries` against the embedded Panther."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Ran, run_cli, write_config
from tests.support.tiny_world import ALERTS, LOGS, MATCHES, NOW, RULES, SOURCES, USERS, write_files
from triage.sandbox.backend import READ_PERMISSIONS
from triage.sandbox.server import ApiToken, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

QUERIES = [
    {
        "id": f"q{number}",
        "name": f"Open doors {number}",
        "sql": "SELECT door\nFROM panther_logs.custom_door\n\x1b[31mLIMIT 10",
        "description": "Doors that are open",
        "managed": number == 1,
        "schedule": schedule,
        "updatedAt": "2031-05-01T08:00:00Z",
    }
    for number, schedule in enumerate(
        [{}, {"rateMinutes": 60}, {"cron": "0 8 * * *", "disabled": True}, *[{} for _ in range(60)]]
    )
]
NEEDS = {
    "sources": "LogSourceRead",
    "users": "UserRead",
    "tables": "DataAnalyticsRead",
    "columns": "DataAnalyticsRead",
    "queries": "DataAnalyticsRead",
}
Ask = Callable[..., Ran]


@pytest.fixture
def panther(tmp_path: Path) -> Iterator[SandboxServer]:
    """A Panther with one of each; there is a token without each permission that something needs."""
    (tmp_path / "world").mkdir()
    files: dict[str, Any] = {
        "alerts": ALERTS,
        "rules": RULES,
        "users": [
            *USERS,
            {**USERS[0], "id": "user-2", "email": "bob@acme.example", "givenName": "Bob", "enabled": False},
        ],
        "sources": [
            *SOURCES,
            {**SOURCES[0], "integrationId": "source-2", "integrationLabel": "\x1b]0;gates", "isHealthy": False},
        ],
        "queries": QUERIES,
        "lake/panther_logs/custom_door": LOGS,
        "lake/panther_rule_matches/custom_door": MATCHES,
    }
    tokens = [
        ApiToken("sandbox-token"),
        *(ApiToken(f"no-{name}", READ_PERMISSIONS - {name}) for name in NEEDS.values()),
    ]
    world = load_world(write_files(tmp_path / "world", NOW, files), as_recorded=True)
    with SandboxServer(world, SandboxOptions(tokens=tuple(tokens))) as server:
        write_config(tmp_path, server.url)
        yield server


@pytest.fixture
def ask(panther: SandboxServer, tmp_path: Path) -> Ask:
    """Runs `triage panther`."""
    return lambda *arguments: run_cli("panther", *arguments, directory=tmp_path)


def shown(ran: Ran) -> str:
    assert ran.status == 0, ran.err
    assert "\x1b" not in ran.out
    return ran.out


def test_sources_have_their_health(ask: Ask) -> None:
    """All of them as a table or as JSON, or one by ID or label in any case."""
    lines = shown(ask("sources")).splitlines()
    assert lines[0].split()[:3] == ["id", "label", "type"]
    assert "unhealthy" in lines[3]
    assert [each["id"] for each in ask("sources", "--json").json] == ["source-1", "source-2"]
    assert ask("sources", "DOORS", "--json").json == {
        "id": "source-1",
        "label": "doors",
        "type": "http",
        "healthy": True,
        "alarms": [],
        "last_event_at": "2031-05-06T11:59:00+00:00",
        "log_types": ["Custom.Door"],
    }
    assert "healthy        yes" in shown(ask("sources", "source-1"))


def test_users_by_address(ask: Ask) -> None:
    """With role, and whether they are enabled."""
    assert [each["email"] for each in ask("users", "--json").json] == ["ada@acme.example", "bob@acme.example"]
    assert "Ada Byron" in shown(ask("users"))
    assert ask("users", "Bob@acme.example", "--json").json["enabled"] is False


def test_tables_by_name_or_log_type(ask: Ask) -> None:
    """A name that several databases have means the log table."""
    listed = {(each["database"], each["table"], each["log_type"]) for each in ask("tables", "--json").json}
    assert ("panther_logs.public", "custom_door", "Custom.Door") in listed
    assert "custom_door" in shown(ask("tables"))
    for name in ("custom_door", "Custom.Door", "panther_logs.custom_door", "panther_logs.public.custom_door"):
        found = ask("tables", name, "--json").json
        assert (found["database"], found["table"]) == ("panther_logs.public", "custom_door")
        assert "p_event_time" in {column["name"] for column in found["columns"]}
    assert ask("tables", "panther_rule_matches.custom_door", "--json").json["database"] == "panther_rule_matches.public"


def test_columns_have_types(ask: Ask) -> None:
    """All of a table, or one of them."""
    names = [each["name"] for each in ask("columns", "custom_door", "--json").json]
    assert "state" in names
    assert "state" in shown(ask("columns", "Custom.Door"))
    assert ask("columns", "custom_door", "STATE", "--json").json["name"] == "state"


def test_queries_with_schedule_and_sql(ask: Ask, panther: SandboxServer) -> None:
    """To the last page; one has its SQL, in which nothing acts on a terminal."""
    assert len(ask("queries", "--json").json) == len(QUERIES)
    assert [path for _, path, _ in panther.requests] == ["/queries", "/queries"]
    text = shown(ask("queries"))
    assert "every 60 min" in text
    assert "0 8 * * * (disabled)" in text
    one = ask("queries", "open doors 1", "--json").json
    assert (one["id"], one["managed"], one["schedule"]) == ("q1", True, "every 60 min")
    assert "FROM panther_logs.custom_door" in shown(ask("queries", "q1")).splitlines()


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (("sources", "door"), "did you mean doors?"),
        (("users", "eda@acme.example"), "did you mean ada@acme.example?"),
        (("tables", "custom_dor"), "did you mean custom_door?"),
        (("columns", "custom_door", "stat"), "did you mean state?"),
        (("queries", "Open door 1"), "did you mean Open doors 1?"),
    ],
)
def test_a_wrong_name_is_told_from_the_right_one(ask: Ask, arguments: tuple[str, ...], near: str) -> None:
    """One line, status 2."""
    ran = ask(*arguments)
    assert (ran.status, ran.out) == (2, "")
    assert near in ran.err


@pytest.mark.parametrize(("command", "permission"), NEEDS.items())
def test_each_needs_its_permission(
    ask: Ask, panther: SandboxServer, tmp_path: Path, command: str, permission: str
) -> None:
    """Without it, one line names the token, and the status is 2; no other permission is needed."""
    arguments = (command, "custom_door") if command == "columns" else (command,)
    write_config(tmp_path, panther.url, token=f"no-{permission}")
    ran = ask(*arguments)
    assert (ran.status, ran.out) == (2, "")
    assert "permission" in ran.err
    others = sorted(set(NEEDS.values()) - {permission})
    write_config(tmp_path, panther.url, token=f"no-{others[0]}")
    assert ask(*arguments).status == 0
