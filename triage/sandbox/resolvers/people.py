"""Users, log sources and settings."""

from typing import cast

from triage.sandbox.backend import ApiCall, Backend, page_of
from triage.sandbox.errors import RequestError
from triage.sandbox.resolvers.fields import BEFORE_ANY_EVENT, actor, cursor, field, given, user
from triage.sandbox.world import Record

_VERSION = "1.115.0"


def id_of_email(backend: Backend, email: str) -> str:
    """The id of the user with that address; the address itself where there is none."""
    users = backend.world.users.items()
    return next((key for key, found in users if str(found["email"]).lower() == email.lower()), email)


def _existing(backend: Backend, user_id: str, asked: str) -> Record:
    found = user(backend, user_id)
    if found is None:
        raise RequestError(404, f"user {asked} not found", kind="NotFound")
    return found


@field("Query", "users", "UserRead")
def _users(_source: Record, call: ApiCall, _arguments: Record) -> object:
    return [user(call.backend, user_id) for user_id in call.backend.world.users]


@field("Query", "userById", "UserRead")
def _user_by_id(_source: Record, call: ApiCall, arguments: Record) -> object:
    return _existing(call.backend, str(arguments["id"]), str(arguments["id"]))


@field("Query", "userByEmail", "UserRead")
def _user_by_email(_source: Record, call: ApiCall, arguments: Record) -> object:
    email = str(arguments["email"])
    return _existing(call.backend, id_of_email(call.backend, email), email)


@field("Query", "actorProfileInfo", "DataAnalyticsRead")
def _actor_profile(_source: Record, call: ApiCall, arguments: Record) -> object:
    found = call.backend.world.profiles.get(str(arguments["id"]))
    if found is None:
        raise RequestError(404, f"actor profile {arguments['id']} not found", kind="NotFound")
    return found


@field("Mutation", "executeAlertActorQuery", "DataAnalyticsRead")
def _alert_actors(_source: Record, call: ApiCall, arguments: Record) -> object:
    """The profiles whose addresses or names occur in the alert's events; Panther's own columns are not published."""
    asked, lake = given(arguments), call.backend.lake
    seen = {name for row in call.backend.alerts.events(str(asked["alertId"])) for name in _names(row)}
    known = [key for key, each in call.backend.world.profiles.items() if seen & set(_names(each))]
    quoted = [key.replace("'", "''") for key in known[: cast("int", asked["limit"])]]
    sql = " UNION ALL ".join(f"SELECT '{key}' AS entity_id" for key in quoted) or "SELECT '' AS entity_id WHERE 1 = 0"
    query = call.backend.queries.submit(lambda at: lake.run(sql, database="panther_logs", cursor=at), sql, call.token)
    return {"id": query.id}


def _names(record: Record) -> list[str]:
    columns = ("p_any_emails", "p_any_usernames", "emails", "usernames")
    return [str(name) for column in columns for name in cast("list[object]", record.get(column) or [])]


@field("Query", "generalSettings")
def _settings(_source: Record, _call: ApiCall, _arguments: Record) -> object:
    return {"pantherVersion": _VERSION}


def _log_source(record: Record, call: ApiCall) -> Record:
    return {
        "__typename": "S3LogIntegration",
        "awsAccountId": "",
        **record,
        "createdBy": actor(record.get("createdBy"), call),
        "createdAtTime": record.get("createdAtTime") or BEFORE_ANY_EVENT,
    }


@field("Query", "source", "LogSourceRead")
def _log_source_by_id(_source: Record, call: ApiCall, arguments: Record) -> object:
    record = call.backend.world.sources.get(str(arguments["id"]))
    return _log_source(record, call) if record else None


@field("Query", "sources", "LogSourceRead")
def _log_sources(_source: Record, call: ApiCall, arguments: Record) -> object:
    page = page_of(list(call.backend.world.sources.values()), cursor(given(arguments)), call.backend.max_page)
    return {"edges": [{"node": _log_source(record, call)} for record in page.items], "pageInfo": page.info()}
