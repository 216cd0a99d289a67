"""The embedded Panther of another generation: paths that it lacks, parts of its schema, and a schema that is closed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import build_client_schema, build_schema, get_introspection_query, parse, print_ast, print_schema

from tests.support.tiny_world import write_world
from triage.resources import panther_schema
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.smaller import without
from triage.sandbox.world import load_world

HEADERS = {"x-api-key": "sandbox-token"}
ALARM = "/log-source-alarms/source-1/SOURCE_NO_DATA"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., SandboxServer]]:
    """Starts a server of the small world with the given options."""
    world = write_world(tmp_path)
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(SandboxServer(load_world(world), SandboxOptions(**options)))


def asked(server: SandboxServer, query: str, **variables: object) -> dict[str, Any]:
    """A GraphQL answer."""
    payload = {"query": query, "variables": variables}
    answer: dict[str, Any] = httpx.post(server.url, json=payload, headers=HEADERS).json()
    return answer


def message(server: SandboxServer, path: str) -> str:
    """The message of a refusal by REST."""
    answer = httpx.get(server.rest_url + path, headers=HEADERS)
    assert answer.status_code == 404
    return str(answer.json()["message"])


def test_each_generation_has_its_paths(serve: Callable[..., SandboxServer]) -> None:
    """On a server of 2025 a later path is unknown; on one of 2026 it is the id that isn't found."""
    assert message(serve(generation="2025"), ALARM) == "Not Found"
    assert message(serve(generation="2026"), ALARM) == "alarm SOURCE_NO_DATA of source source-1 not found"


def test_what_is_lacking_is_refused_by_name(serve: Callable[..., SandboxServer]) -> None:
    """A field, an argument, an input's field, an enum's value, a type: each as a server that never had it refuses it."""
    lacking = {"User.email", "Query.sources(input)", "AlertsInput.nameContains", "Severity.LOW", "DeletedDetection"}
    server = serve(lacking=frozenset(lacking))
    alerts = "query Q($input: AlertsInput!) { alerts(input: $input) { edges { node { id } } } }"
    for answer, part in (
        (asked(server, "{ users { email } }"), '"email" on type "User"'),
        (
            asked(server, "{ sources(input: {}) { edges { node { integrationId } } } }"),
            '"input" on field "Query.sources"',
        ),
        (asked(server, alerts, input={"nameContains": "x"}), "nameContains"),
        (asked(server, alerts, input={"severities": ["LOW"]}), "LOW"),
        (asked(server, "{ alert(id: 1) { origin { ... on DeletedDetection { id } } } }"), '"DeletedDetection"'),
    ):
        (error,) = answer["errors"]
        assert part in error["message"].replace("'", '"')
        assert error["errorType"] == "ValidationError"
    assert asked(server, "{ users { givenName } }")["data"] == {"users": [{"givenName": "Ada"}]}


def test_the_schema_can_be_read_whole(serve: Callable[..., SandboxServer]) -> None:
    """By introspection, GraphQL's own enums included, it is the schema that is served."""
    read = build_client_schema(asked(serve(), get_introspection_query(descriptions=False))["data"])
    assert print_schema(read) == print_schema(build_schema(panther_schema()))


def test_the_schema_can_be_closed(serve: Callable[..., SandboxServer]) -> None:
    """Then nothing of it is read, and everything else works."""
    server = serve(introspection=False)
    (error, *_) = asked(server, "{ __schema { types { name } } }")["errors"]
    assert "introspection has been disabled" in error["message"]
    assert asked(server, "{ users { __typename id } }")["data"]["users"] == [{"__typename": "User", "id": "user-1"}]


def test_nothing_else_is_removed_from_a_schema() -> None:
    """What is named goes, once; a name that isn't there changes nothing."""
    text = "type Query { a(b: Int, c: Int): Int d: Int } type Other { a: Int } enum E { X Y } union U = Query | Other"
    smaller = print_ast(without(parse(text), {"Query.a(b)", "Query.d", "E.X", "Other", "Query.none", "a"}))
    assert " ".join(smaller.split()) == "type Query { a(c: Int): Int } enum E { Y } union U = Query"
