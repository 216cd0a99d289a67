"""Holds what goes over the wire to Panther's published definitions: GraphQL's schema, REST's OpenAPI documents."""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import yaml
from graphql import ExecutionResult, GraphQLResolveInfo, GraphQLSchema, build_schema, execute, parse, validate
from jsonschema import Draft4Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4
from vcr.cassette import Cassette

GATEWAY = frozenset({401, 403})
"""Statuses of the gateway, which no definition lists."""
_NAME = "urn:panther"


@dataclass(frozen=True)
class Exchange:
    """One request and its reply."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: Any
    status: int
    reply: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def exchanges(tape: Cassette) -> Iterator[Exchange]:
    """What a cassette has recorded."""
    for request, response in zip(tape.requests, tape.responses, strict=True):
        parts = urlsplit(request.uri)
        text = response["body"]["string"]
        yield Exchange(
            request.method,
            parts.path,
            tuple(parse_qsl(parts.query, keep_blank_values=True)),
            json.loads(request.body) if request.body else None,
            response["status"]["code"],
            json.loads(text) if text else None,
        )


@dataclass
class GraphQLContract:
    """The published schema."""

    path: Path
    schema: GraphQLSchema = field(init=False)

    def __post_init__(self) -> None:
        self.schema = build_schema(self.path.read_text("utf-8"))

    def problems(self, exchange: Exchange) -> list[str]:
        """What is wrong with a request, and with its reply where that has data and no errors.

        The operation is executed by the schema on the reply itself: wrong variables, a missing or an extra field, a
        null or an enum value that may not be, each is an error or another result.
        """
        document = parse(exchange.body["query"])
        found = [error.message for error in validate(self.schema, document)]
        data = exchange.reply.get("data")
        if found or not isinstance(data, dict) or exchange.reply.get("errors") or "__schema" in data:
            # What a schema says of itself is not the published one's: the embedded Panther has a part of it.
            return found
        result = execute(
            self.schema,
            document,
            root_value=data,
            variable_values=exchange.body["variables"],
            operation_name=exchange.body["operationName"],
            field_resolver=_by_key,
            type_resolver=_by_name,
        )
        assert isinstance(result, ExecutionResult)
        found += [error.message for error in result.errors or ()]
        if not found and result.data != data:
            found.append("the reply holds something else than what was asked for")
        return found


def _by_key(source: Mapping[str, Any], info: GraphQLResolveInfo[Any], **_: object) -> object:
    return source.get(str(info.path.key))


def _by_name(value: Mapping[str, Any], info: GraphQLResolveInfo[Any], abstract: Any) -> str:
    """Where the type's name was not asked for, any will do: an interface's fields are the same in each."""
    return str(value.get("__typename") or info.schema.get_possible_types(abstract)[0].name)


class RestContract:
    """A published OpenAPI document, read strictly: what it does not name may be neither sent nor answered."""

    def __init__(self, path: Path) -> None:
        self.definition = _strict(yaml.safe_load(path.read_text("utf-8")))
        resource = Resource(contents=self.definition, specification=DRAFT4)
        self._registry = Registry().with_resource(_NAME, resource)

    def knows(self, exchange: Exchange) -> bool:
        """Whether the definition has the request's method and path."""
        return self._place(exchange) is not None

    def problems(self, exchange: Exchange) -> list[str]:
        """What is wrong with a request and its reply."""
        place = self._place(exchange)
        if place is None:
            return ["no such path"]
        template, operation = place
        return [*self._of_request(exchange, template, operation), *self._of_reply(exchange, template, operation)]

    def _place(self, exchange: Exchange) -> tuple[str, Mapping[str, Any]] | None:
        asked = exchange.path.strip("/").split("/")
        for template, operations in self.definition["paths"].items():
            parts = template.strip("/").split("/")
            same = len(parts) == len(asked) and all(
                part.startswith("{") or part == unquote(given) for part, given in zip(parts, asked, strict=True)
            )
            if same and exchange.method.lower() in operations:
                return template, operations[exchange.method.lower()]
        return None

    def _of_request(self, exchange: Exchange, template: str, operation: Mapping[str, Any]) -> Iterator[str]:
        asked = dict(zip(template.strip("/").split("/"), exchange.path.strip("/").split("/"), strict=True))
        for number, parameter in enumerate(operation.get("parameters", ())):
            name, schema = parameter["name"], parameter["schema"]
            if parameter["in"] == "path":
                given = [unquote(asked[f"{{{name}}}"])]
            else:
                given = [value for key, value in exchange.query if key == name]
            if parameter.get("required") and not given:
                yield f"the parameter {name} is missing"
            for value in given:
                yield from self._invalid(_typed(value, schema), template, exchange, "parameters", number, "schema")
        known = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"}
        yield from (f"the parameter {key} is unknown" for key, _ in exchange.query if key not in known)
        if exchange.body is not None:
            where = ("requestBody", "content", "application/json", "schema")
            yield from self._invalid(exchange.body, template, exchange, *where)

    def _of_reply(self, exchange: Exchange, template: str, operation: Mapping[str, Any]) -> Iterator[str]:
        if exchange.status in GATEWAY:
            return
        response = operation["responses"].get(str(exchange.status))
        if response is None:
            yield f"the status {exchange.status} is unknown"
        elif "content" in response:
            where = ("responses", str(exchange.status), "content", "application/json", "schema")
            yield from self._invalid(exchange.reply, template, exchange, *where)

    def _invalid(self, value: Any, template: str, exchange: Exchange, *where: str | int) -> Iterator[str]:
        steps = ("paths", template, exchange.method.lower(), *map(str, where))
        pointer = "/".join(quote(step.replace("~", "~0").replace("/", "~1"), safe="~") for step in steps)
        validator = Draft4Validator({"$ref": f"{_NAME}#/{pointer}"}, registry=self._registry)
        for error in validator.iter_errors(value):
            yield f"{'.'.join(map(str, (where[0], *error.absolute_path)))}: {error.message}"


def _typed(text: str, schema: Mapping[str, Any]) -> Any:
    """A parameter's text as a value of its type."""
    match schema.get("type"):
        case "integer" if text.lstrip("-").isdigit():
            return int(text)
        case "boolean" if text in ("true", "false"):
            return text == "true"
        case "array":
            return [text]
        case _:
            return text


def _strict(definition: dict[str, Any]) -> dict[str, Any]:
    """The definition without room for unnamed properties, and with an actor's `id` and `type` the right way round.

    The published documents give an actor's `id` the values of its type: `user`, `api-token`, `system`.
    """
    copied = deepcopy(definition)
    waiting: list[Any] = [copied]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            properties = node.get("properties")
            if isinstance(properties, dict):
                node.setdefault("additionalProperties", False)
                if set(properties) == {"id", "type"} and "system" in properties["id"].get("enum", ()):
                    properties["id"], properties["type"] = properties["type"], properties["id"]
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    return copied
