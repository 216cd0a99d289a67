"""The queries that people have saved in Panther."""

from collections.abc import Mapping

from pydantic import JsonValue

from triage.edges.panther.rest import Rest
from triage.edges.panther.wire import Id, MaybeTime, Text, Wire, read_each
from triage.ports import SavedQuery


class QueryNode(Wire):
    """`QueryAPI.Query` in the REST definition."""

    id: Id
    name: Text = ""
    sql: Text = ""
    description: Text = ""
    managed: bool = False
    updated_at: MaybeTime = None
    schedule: dict[str, JsonValue] | None = None


class PantherQueries:
    """Implements `ports.SavedQueries`. Source: Panther REST definition, `GET /queries`."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def queries(self) -> tuple[SavedQuery, ...]:
        """Every saved query, to the last page; unreadable ones are left out with a warning. Raises PantherError."""
        return tuple(
            [
                SavedQuery(
                    id=node.id,
                    name=node.name,
                    sql=node.sql,
                    description=node.description,
                    schedule=_schedule(node.schedule or {}),
                    managed=node.managed,
                    updated_at=node.updated_at,
                )
                async for results in self._rest.pages("/queries")
                for node in read_each(QueryNode, results, "saved query")
            ]
        )


def _schedule(given: Mapping[str, JsonValue]) -> str:
    minutes, cron = given.get("rateMinutes"), given.get("cron")
    said = (
        cron
        if isinstance(cron, str) and cron
        else f"every {minutes} min"
        if isinstance(minutes, int) and minutes
        else ""
    )
    return f"{said} (disabled)" if said and given.get("disabled") is True else said
