"""Every GraphQL operation against the schemas: Panther's own, and the sandbox's part of it."""

import re
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, OperationType, build_schema, validate

from tests.support.shared import ROOT, SHARED
from triage.edges.panther.failures import CallErrors
from triage.edges.panther.graphql import request_of
from triage.edges.panther.operations import ALL
from triage.errors import PantherUnreachable


@pytest.fixture(scope="module")
def official() -> GraphQLSchema:
    """Panther's published schema."""
    path = SHARED / "reference" / "panther.graphql"
    if not path.is_file():
        pytest.skip(f"Panther's schema is not at {path}")
    return build_schema(path.read_text("utf-8"))


@pytest.fixture(scope="module")
def sandbox() -> GraphQLSchema:
    """What the embedded Panther serves."""
    return build_schema((ROOT / "triage" / "sandbox" / "schema.graphql").read_text("utf-8"))


def test_the_official_schema_allows_every_operation(official: GraphQLSchema) -> None:
    """Fields, types and variables exist as they are used."""
    for operation in ALL:
        assert validate(official, request_of(operation)[0].document) == [], operation.file


def test_the_sandbox_allows_every_operation(sandbox: GraphQLSchema) -> None:
    """The sandbox serves exactly what this client asks."""
    for operation in ALL:
        assert validate(sandbox, request_of(operation)[0].document) == [], operation.file


def test_what_is_retried_changes_nothing_that_lasts() -> None:
    """Queries, and the mutations that start or cancel a lake query, may be repeated; all others are writes."""
    repeatable = ("execute_query", "execute_search", "execute_actor_query", "cancel_query")
    for operation in ALL:
        nodes = request_of(operation)[0].document.definitions
        (definition,) = (node for node in nodes if isinstance(node, OperationDefinitionNode))
        mutation = definition.operation is OperationType.MUTATION
        assert operation.write is (mutation and operation.file not in repeatable), operation.file


def test_every_file_is_used() -> None:
    """No operation or fragment is left over."""
    folder = files("triage.edges.panther.operations")
    stems = {Path(entry.name).stem for entry in folder.iterdir() if entry.name.endswith(".graphql")}
    assert stems == {stem for operation in ALL for stem in (operation.file, *operation.fragments)}


def test_names_are_unique_and_texts_hold_no_values() -> None:
    """An operation is identified by its name; everything that varies is a variable."""
    names = [request_of(operation)[1] for operation in ALL]
    assert len(set(names)) == len(names)
    for operation in ALL:
        location = request_of(operation)[0].document.loc
        assert location is not None
        assert not re.search(r'["#]', location.source.body)


def test_every_error_of_httpx_has_a_translation() -> None:
    """A new exception class of httpx cannot slip through: all derive from the three that are caught."""
    classes = [value for value in vars(httpx).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert len(classes) > 20
    build_time = (httpx.InvalidURL, httpx.CookieConflict)
    for found in classes:
        assert issubclass(found, (httpx.HTTPError, httpx.StreamError, *build_time)), found
    errors = CallErrors("Op")
    for found in (httpx.ReadTimeout, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.RemoteProtocolError):
        error = errors.exception(found("boom"))
        assert isinstance(error, PantherUnreachable)
        assert error.retryable
        assert "boom" not in str(error)
