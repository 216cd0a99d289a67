"""Evidence is kept once: the rows that a run has journalled are not stored again with its investigation.

In their place stands `{"journal": KEY}`, the key of the step that has them.
"""

from typing import Any

from pydantic import JsonValue
from sqlalchemy import Connection, bindparam, select

from triage.domain.verdict import Investigation
from triage.edges.store.columns import dump, load
from triage.edges.store.tables import journal

_STEPS = select(journal.c.key, journal.c.payload).where(journal.c.run_id == bindparam("the_run"))
_ROWS = '"rows":['
"""What a payload with rows has in its text."""
_SHORT = 200
"""Rows of so few characters of JSON stay where they are: a reference would be as long."""


def without_rows(connection: Connection, run_id: str, investigation: Investigation) -> JsonValue:
    """An investigation as it is stored. Raises StoreError."""
    stored: dict[str, Any] = investigation.model_dump(mode="json")
    keys: dict[str, str] = {}
    for step in connection.execute(_STEPS, {"the_run": run_id}):
        if _ROWS in step.payload:
            keys.setdefault(dump(_rows(load(step.payload))), step.key)
    for evidence in stored["evidence"]:
        rows = dump(evidence["rows"])
        if len(rows) > _SHORT and rows in keys:
            evidence["rows"] = {"journal": keys[rows]}
    return stored


def with_rows(connection: Connection, run_id: str, stored: Any) -> JsonValue:
    """What `without_rows` gave, whole. Rows whose step is gone count as cut. Raises StoreError."""
    referring = [evidence for evidence in stored.get("evidence", ()) if isinstance(evidence.get("rows"), dict)]
    keys = [evidence["rows"]["journal"] for evidence in referring]
    steps = connection.execute(_STEPS.where(journal.c.key.in_(keys)), {"the_run": run_id}) if keys else ()
    found = {step.key: _rows(load(step.payload)) for step in steps}
    for evidence, key in zip(referring, keys, strict=True):
        rows = found.get(key)
        evidence |= {"rows": [] if rows is None else rows, "truncated": evidence["truncated"] or rows is None}
    whole: JsonValue = stored
    return whole


def with_no_rows(stored: Any) -> JsonValue:
    """What `without_rows` gave, for whoever needs no row of what was journalled."""
    for evidence in stored.get("evidence", ()):
        if isinstance(evidence.get("rows"), dict):
            evidence["rows"] = []
    whole: JsonValue = stored
    return whole


def _rows(payload: JsonValue) -> JsonValue:
    """The rows of a journalled answer; `None` where it has none."""
    for name in ("result", "value", "rows"):
        payload = payload.get(name) if isinstance(payload, dict) else None
    return payload
