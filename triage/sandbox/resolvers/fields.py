"""How a field of the schema gets its answer: registration, arguments, actors."""

from collections.abc import Callable
from datetime import datetime
from typing import cast

from triage.sandbox.backend import ApiCall, ApiToken, Backend
from triage.sandbox.errors import RequestError
from triage.sandbox.times import iso, parse_time
from triage.sandbox.world import Record

Resolver = Callable[[Record, ApiCall, Record], object]
"""Takes the object that holds the field, the request, and the field's arguments; raises RequestError."""

RESOLVERS: dict[tuple[str, str], tuple[Resolver, str]] = {}
"""Resolver and needed permission by type and field."""

BEFORE_ANY_EVENT = "1970-01-01T00:00:00.000Z"


def field(type_: str, name: str, permission: str = "") -> Callable[[Resolver], Resolver]:
    """Register what answers a field, and the permission it takes."""

    def register(function: Resolver) -> Resolver:
        RESOLVERS[type_, name] = (function, permission)
        return function

    return register


def given(arguments: Record) -> Record:
    """The `input` argument of a field; empty where it is left out."""
    return cast("Record", arguments.get("input") or {})


def texts(arguments: Record, name: str) -> list[str]:
    """A list of texts; empty where it is left out."""
    return cast("list[str]", arguments.get(name) or [])


def moment(arguments: Record, name: str) -> datetime | None:
    """A time; `None` where it is left out. Raises RequestError (400)."""
    value = arguments.get(name)
    if value is None:
        return None
    try:
        return parse_time(str(value))
    except ValueError as error:
        raise RequestError(400, f"{name} is not an ISO 8601 time") from error


def cursor(arguments: Record) -> str | None:
    """Where a page starts; `None` for the first one."""
    value = arguments.get("cursor")
    return str(value) if value else None


def page_size(arguments: Record, call: ApiCall) -> int:
    """Items on a page: 25 by default, as Panther has it, and never more than the server allows."""
    return min(cast("int", arguments.get("pageSize") or 25), call.backend.max_page)


def api_token(token: ApiToken, backend: Backend) -> Record:
    """A token as an `Actor`."""
    return {
        "__typename": "APIToken",
        "id": token.id,
        "name": "sandbox",
        "createdAt": iso(backend.world.now),
        "permissions": sorted(token.permissions),
    }


def user(backend: Backend, user_id: object) -> Record | None:
    """A user as an `Actor`."""
    found = backend.world.users.get(str(user_id))
    if found is None:
        return None
    created = found["createdAt"]
    role = {"permissions": [], "createdAt": created, "updatedAt": created, **cast("Record", found["role"])}
    return {"__typename": "User", "lastLoggedInAt": None, **found, "role": role}


def actor(reference: object, call: ApiCall) -> Record | None:
    """The user or token that a record names as `{"id": ..., "type": ...}`; None for the system itself."""
    if not isinstance(reference, dict):
        return None
    if reference.get("type") == "api-token":
        return {**api_token(call.token, call.backend), "id": reference.get("id")}
    return user(call.backend, reference.get("id"))
