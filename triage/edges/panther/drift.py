"""How a Panther's API differs from the one that this program was written against."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

from graphql import GraphQLError, GraphQLSchema, IntrospectionQuery, build_client_schema

from triage.edges.panther.alarms import PATH as ALARMS
from triage.edges.panther.failures import unreadable
from triage.edges.panther.graphql import GraphQL
from triage.edges.panther.labels import TAGS
from triage.edges.panther.operations import INTROSPECTION
from triage.edges.panther.rest import Rest
from triage.edges.panther.rules import ALL_CORRELATIONS
from triage.edges.panther.schema_diff import Difference, deprecated_in, differences_of, missing_in, new_in
from triage.errors import NotFound, PantherDenied, PantherProtocolError, PantherRefused

_PATHS = ("/rules", "/simple-rules", "/scheduled-rules")
_LATER_LISTS = (ALL_CORRELATIONS, TAGS)
_LATER_PATHS = ((ALARMS, ("00000000-0000-0000-0000-000000000000", "NONE")),)
"""Paths of the generation of 2026 with ids that cannot be: where the path is known, it is they that are refused."""
_NO = (PantherDenied, PantherRefused, PantherProtocolError)


@dataclass(frozen=True, slots=True)
class Drift:
    """How one Panther differs."""

    unread: str = ""
    """Why the GraphQL schema could not be read, so that nothing of it was compared; empty where it was."""
    missing: tuple[Difference, ...] = ()
    """Where the schema could not be read: what the server has refused so far."""
    deprecated: tuple[Difference, ...] = ()
    new: tuple[str, ...] = ()
    """Fields, enum values and union members that the types in use have and this program does not know."""
    paths: tuple[str, ...] = ()
    """REST paths that the server lacks, or that its token may not read."""


async def read_schema(graphql: GraphQL) -> GraphQLSchema:
    """The server's schema by introspection, without descriptions.

    Raises:
        PantherError: introspection is not allowed, or the answer is no schema.
    """
    answer = await graphql.execute(INTROSPECTION)
    try:
        return build_client_schema(cast("IntrospectionQuery", answer.data), assume_valid=True)
    except (GraphQLError, TypeError, KeyError, ValueError, AttributeError) as error:
        raise unreadable("Introspection", "the answer is no schema") from error


async def find_drift(graphql: GraphQL, rest: Rest) -> Drift:
    """Compare a Panther with what this program sends.

    Never fails because the schema may not be read or a path is missing.

    Raises:
        PantherError: Panther can't be reached.
    """
    await _ask_paths(rest)
    try:
        schema = await read_schema(graphql)
    except _NO as error:
        said = differences_of(graphql.missing_parts())
        return Drift(unread=str(error), missing=said, paths=rest.missing_paths())
    return Drift("", missing_in(schema), deprecated_in(schema), new_in(schema), rest.missing_paths())


async def _ask_paths(rest: Rest) -> None:
    """Ask for each path once, harmlessly: what is missing is remembered, and so known."""
    for path in _PATHS:
        try:
            await rest.get(path, params={"limit": "1"})
        except PantherDenied:
            # Whether the token may read rules is said elsewhere.
            continue
        except PantherRefused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                rest.lack(path)
        except PantherProtocolError:
            # A gateway's page in the place of an answer.
            rest.lack(path)
    for path in _LATER_LISTS:
        try:
            await rest.get_later(path, params={"limit": "1"})
        except PantherProtocolError:
            rest.lack(path)
        except _NO:
            continue
    for path, ids in _LATER_PATHS:
        try:
            await rest.get_later(path, *ids)
        except NotFound:
            rest.lack(path)
        except _NO:
            # Refused for the type that does not exist: the path does.
            continue
