"""Panther's public GraphQL API over one world."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLEnumType,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    build_ast_schema,
    execute,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)

from triage.resources import panther_schema
from triage.sandbox.backend import ApiCall
from triage.sandbox.errors import RequestError

# Importing a module of resolvers registers what it answers.
from triage.sandbox.resolvers import alerts as _alerts  # noqa: F401 - registers
from triage.sandbox.resolvers import lake as _lake  # noqa: F401 - registers
from triage.sandbox.resolvers import people as _people  # noqa: F401 - registers
from triage.sandbox.resolvers.fields import RESOLVERS, Resolver
from triage.sandbox.smaller import without
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


@lru_cache(maxsize=64)
def schema(lacking: frozenset[str] = frozenset()) -> GraphQLSchema:
    """The schema with its resolvers.

    Args:
        lacking: What this Panther does not have, as `smaller.without` names it.
    """
    built = build_ast_schema(without(parse(panther_schema()), lacking))
    for (type_, name), (resolver, permission) in RESOLVERS.items():
        fields = cast("GraphQLObjectType", built.type_map[type_]).fields if type_ in built.type_map else {}
        if name in fields:
            fields[name].resolve = _guarded(resolver, permission, type_, name)
    for each in built.type_map.values():
        # GraphQL's own enums have values other than their names.
        if isinstance(each, GraphQLEnumType) and not each.name.startswith("__"):
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


@dataclass(frozen=True, slots=True)
class GraphQLOptions:
    """Which GraphQL API a Panther has."""

    lacking: frozenset[str] = frozenset()
    """What its schema does not have, as `smaller.without` names it."""
    introspection: bool = True


@lru_cache(maxsize=256)
def _parsed(text: str) -> tuple[DocumentNode | None, GraphQLError | None]:
    try:
        return parse(text), None
    except GraphQLError as error:
        return None, error


@lru_cache(maxsize=256)
def _document(text: str, options: GraphQLOptions) -> tuple[DocumentNode | None, tuple[GraphQLError, ...]]:
    """A parsed and validated operation, or what is wrong with it."""
    document, error = _parsed(text)
    if document is None:
        return None, (error,) if error else ()
    rules = specified_rules if options.introspection else (*specified_rules, NoSchemaIntrospectionCustomRule)
    errors = validate(schema(options.lacking), document, rules)
    return (None, tuple(errors)) if errors else (document, ())


def operation_name(payload: Mapping[str, object]) -> str:
    """The name of the operation that a request asks for; empty where it has none."""
    document, _ = _parsed(str(payload.get("query") or ""))
    name = payload.get("operationName")
    operation = get_operation_ast(document, str(name) if name else None) if document else None
    return operation.name.value if operation and operation.name else ""


async def answer(payload: Mapping[str, object], call: ApiCall, options: GraphQLOptions = GraphQLOptions()) -> Record:
    """Execute a GraphQL request. The answer is the HTTP body; its status is 200 whatever went wrong."""
    document, errors = _document(str(payload.get("query") or ""), options)
    if document is None:
        return {"data": None, "errors": [_error(error) for error in errors]}
    variables = payload.get("variables")
    name = payload.get("operationName")
    outcome = execute(
        schema(options.lacking),
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
