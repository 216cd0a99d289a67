"""Every GraphQL operation that this program sends: one file each, beside this one, with the fragments they share.

The files mark what a server may lack (`@optional`, `@sends`): see `documents`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation and how it may be sent."""

    file: str
    """Stem of its file."""
    fragments: tuple[str, ...] = ()
    """Stems of the files with the fragments that it uses."""
    write: bool = False
    """It changes something that lasts: sent once, never retried."""


ALERTS = Operation("alerts", ("fragment_alert", "fragment_actor"))
ALERT = Operation("alert", ("fragment_alert", "fragment_actor"))
ALERT_IDS = Operation("alert_ids")
ALERT_EVENTS = Operation("alert_events")

# Starting a query is a mutation in the schema but changes nothing that lasts: a repeated one only costs a second
# query. So it is retried like a read, and so is cancelling.
EXECUTE_QUERY = Operation("execute_query")
EXECUTE_SEARCH = Operation("execute_search")
CANCEL_QUERY = Operation("cancel_query")
QUERY_RESULTS = Operation("query_results")
DATABASES = Operation("databases")
TABLES = Operation("tables")
COLUMNS = Operation("columns")

INTROSPECTION = Operation("introspection")

# Starts a query too.
EXECUTE_ACTOR_QUERY = Operation("execute_actor_query")
ACTOR_PROFILE = Operation("actor_profile")

SOURCES = Operation("sources")
USERS = Operation("users")

CREATE_COMMENT = Operation("create_comment", ("fragment_actor",), write=True)
UPDATE_STATUS = Operation("update_status", write=True)
ASSIGN = Operation("assign", write=True)

ALL = (
    ALERTS,
    ALERT,
    ALERT_IDS,
    ALERT_EVENTS,
    EXECUTE_QUERY,
    EXECUTE_SEARCH,
    CANCEL_QUERY,
    QUERY_RESULTS,
    DATABASES,
    TABLES,
    COLUMNS,
    INTROSPECTION,
    EXECUTE_ACTOR_QUERY,
    ACTOR_PROFILE,
    SOURCES,
    USERS,
    CREATE_COMMENT,
    UPDATE_STATUS,
    ASSIGN,
)
