"""The newest investigation of each alert in short, written with it and deleted with it."""

from collections.abc import Collection

from sqlalchemy import Connection, delete, func, select

from triage.domain.brief import Brief
from triage.domain.verdict import Investigation
from triage.edges.store.columns import BATCH, Upsert, dump, load, short_key, upsert
from triage.edges.store.evidence_rows import with_no_rows
from triage.edges.store.tables import briefs, investigations


def _keeping(insert: Upsert) -> Upsert:
    return insert.on_conflict_do_update(index_elements=["alert_id"], set_={"brief": insert.excluded.brief})


_KEEP = upsert(briefs, _keeping)


def keep(connection: Connection, alert_id: str, investigation: Investigation) -> None:
    """Store the brief of an alert's newest investigation."""
    row = {"alert_id": alert_id, "brief": dump(Brief.of(investigation))}
    connection.execute(_KEEP[connection.dialect.name], row)


def of_alerts(connection: Connection, alert_ids: Collection[str]) -> dict[str, Brief]:
    """By alert id; alerts without an investigation are left out."""
    found: dict[str, Brief] = {}
    wanted = {short_key(name): name for name in alert_ids}
    keys = sorted(wanted)
    for start in range(0, len(keys), BATCH):
        some = keys[start : start + BATCH]
        rows = connection.execute(select(briefs).where(briefs.c.alert_id.in_(some)))
        found |= {wanted[row.alert_id]: Brief.model_validate(load(row.brief)) for row in rows}
        found |= _made_now(connection, {key: wanted[key] for key in some if wanted[key] not in found})
    return found


def _made_now(connection: Connection, wanted: dict[str, str]) -> dict[str, Brief]:
    """Of what older versions stored."""
    newest = (
        select(func.max(investigations.c.id))
        .where(investigations.c.alert_id.in_(list(wanted)))
        .group_by(investigations.c.alert_id)
    )
    rows = connection.execute(
        select(investigations.c.alert_id, investigations.c.investigation).where(investigations.c.id.in_(newest))
    )
    return {
        wanted[row.alert_id]: Brief.of(Investigation.model_validate(with_no_rows(load(row.investigation))))
        for row in rows
    }


def forget(connection: Connection, alert_ids: Collection[str]) -> None:
    """Delete the briefs of these alerts."""
    connection.execute(delete(briefs).where(briefs.c.alert_id.in_([short_key(name) for name in alert_ids])))
