"""Panther's public GraphQL API over one world."""

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLEnumType,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
    execute,
    get_operation_ast,
    parse,
    validate,
)

from triage.sandbox.backend import ApiCall
from triage.sandbox.errors import RequestError

# Importing a module of resolvers registers what it answers.
from triage.sandbox.resolvers import alerts as _alerts  # noqa: F401 - registers
from triage.sandbox.resolvers import lake as _lake  # noqa: F401 - registers
from triage.sandbox.resolvers import people as _people  # noqa: F401 - registers
from triage.sandbox.resolvers.fields import RESOLVERS, Resolver
from triage.sandbox.world import Record


def _guarded(resolver: Resolver, permission: str, type_: str, name: str) -> Callable[..., object]:
    def resolve(source: Record, info: GraphQLResolveInfo[ApiCall], **arguments: object) -> object:
        call = info.context
        try:
            if permission:
                call.token.require(permission, f"{name} on type {type_}")
            return resolver(source, call, arguments)
        except RequestError as error:
            raise GraphQLError(str(error), extensions={"errorType": error.kind or "BadRequest"}) from error

    return resolve


@cache
def schema() -> GraphQLSchema:
    """The schema with its resolvers."""
    built = build_schema((Path(__file__).parent / "schema.graphql").read_text(encoding="utf-8"))
    for (type_, name), (resolver, permission) in RESOLVERS.items():
        fields = cast("GraphQLObjectType", built.type_map[type_]).fields
        fields[name].resolve = _guarded(resolver, permission, type_, name)
    for each in built.type_map.values():
        if isinstance(each, GraphQLEnumType):
            _serve_unknown(each)
    return built


def _serve_unknown(enum: GraphQLEnumType) -> None:
    """Answer a value that the schema lacks as it is: a later Panther knows more values than this schema."""

    def answered(value: object) -> str:
        return str(getattr(value, "value", value))

    # The first is the name since graphql-core 3.3, the second that of 3.2.
    for method in ("coerce_output_value", "serialize"):
        if hasattr(enum, method):
            setattr(enum, method, answered)


@lru_cache(maxsize=256)
def _document(text: str) -> tuple[DocumentNode | None, tuple[GraphQLError, ...]]:
    """A parsed and validated operation, or what is wrong with it."""
    try:
        document = parse(text)
    except GraphQLError as error:
        return None, (error,)
    errors = validate(schema(), document)
    return (None, tuple(errors)) if errors else (document, ())


def operation_name(payload: Mapping[str, object]) -> str:
    """The name of the operation that a request asks for; empty where it has none."""
    document, _ = _document(str(payload.get("query") or ""))
    name = payload.get("operationName")
    operation = get_operation_ast(document, str(name) if name else None) if document else None
    return operation.name.value if operation and operation.name else ""


async def answer(payload: Mapping[str, object], call: ApiCall) -> Record:
    """Execute a GraphQL request. The answer is the HTTP body; its status is 200 whatever went wrong."""
    document, errors = _document(str(payload.get("query") or ""))
    if document is None:
        return {"data": None, "errors": [_error(error) for error in errors]}
    variables = payload.get("variables")
    name = payload.get("operationName")
    outcome = execute(
        schema(),
        document,
        context_value=call,
        variable_values=variables if isinstance(variables, dict) else None,
        operation_name=str(name) if name else None,
    )
    result = outcome if isinstance(outcome, ExecutionResult) else await outcome
    body: Record = {"data": result.data}
    if result.errors:
        body["errors"] = [_error(error) for error in result.errors]
    return body


def _error(error: GraphQLError) -> Record:
    """An error as AppSync, which serves Panther's GraphQL, writes it."""
    formatted = cast("Record", dict(error.formatted))
    extensions = cast("Record", formatted.pop("extensions", {}))
    return {"path": None, **formatted, "errorType": extensions.get("errorType", "ValidationError"), "errorInfo": None}
