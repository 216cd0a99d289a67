"""Asks a log under which other names it knows the actors of an alert, before anything is asked about them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from triage import logtypes
from triage.domain.base import Row
from triage.domain.identity import SHARED_KINDS, Identity, IdentityKind
from triage.domain.sql import ParameterType, QueryTemplate
from triage.domain.window import TimeWindow
from triage.logtypes import table_of
from triage.stages.enrichment.identities import LinkRow, identity_of
from triage.stages.enrichment.playbook import Playbook, Question
from triage.stages.enrichment.playbooks import PlaybookQuestion
from triage.stages.enrichment.questions import BoundQuery

LINK_ROWS = 60
_PLAYBOOK = Playbook(playbook="identities")


def link_query(
    log_type: str, identities: Sequence[Identity], *, history: timedelta, moment: datetime, now: datetime
) -> BoundQuery | None:
    """Ask a log under which other identities it knows those of the alert's actors.

    Returns:
        `None` where the log names people in one way only, or none of the identities may be asked for.
    """
    terms = {kind: term for kind, term in logtypes.identities_of(log_type).items() if kind not in SHARED_KINDS}
    actor = logtypes.terms_of(log_type).get("actor")
    if len(terms) < 2 or actor is None:  # noqa: PLR2004 - one kind has no other to be linked to
        return None
    known = {identity.kind for identity in identities}
    if known <= {IdentityKind.AWS_SESSION_ARN} or known >= terms.keys():
        # A session is one run of a role, and where all names are known there is none to be learned.
        return None
    values: dict[str, tuple[str, ...]] = {}
    conditions = []
    for kind, term in terms.items():
        wanted = tuple(identity.value for identity in identities if identity.kind is kind)
        if wanted:
            values[kind.value] = wanted
            conditions.append(f"({term.sql}) IN (:{kind.value})")
    names = tuple(identity.value for identity in identities if identity.kind is IdentityKind.USERNAME)
    if names and IdentityKind.EMAIL in terms:
        values["names"] = names
        conditions.append(f"SPLIT_PART({terms[IdentityKind.EMAIL].sql}, '@', 1) IN (:names)")
    if not conditions:
        return None
    columns = ", ".join(f"{term.sql} AS {kind.value}" for kind, term in terms.items())
    places = ", ".join(str(number) for number in range(1, len(terms) + 2))
    sql = (
        f"SELECT {actor.sql} AS actor, {columns}, COUNT(*) AS times, MIN(p_event_time) AS first_seen, "  # noqa: S608 - terms of our own files, parsed and bound as every question
        f"MAX(p_event_time) AS last_seen FROM panther_logs.public.{table_of(log_type)} "
        f"WHERE p_event_time BETWEEN :start AND :end AND ({' OR '.join(conditions)}) "
        f"GROUP BY {places} ORDER BY {len(terms) + 2} DESC, {places} LIMIT :limit"
    )
    template = _template(sql, tuple(values))
    window = TimeWindow(moment - history, max(moment, min(now, moment + timedelta(days=1))))
    definition = Question.model_validate(
        {
            "id": "identities",
            "question": "Under which other names does this log know the alert's actors?",
            "sql": sql,
            "window": {"from": "history", "to": "+24h"},
            "limit": LINK_ROWS,
            "measured": True,
            "control": "actor",
        }
    )
    table = table_of(log_type)
    question = PlaybookQuestion(
        f"{table}.identities", _PLAYBOOK, definition, log_type, "panther_logs", table, lambda: template
    )
    return BoundQuery(question, template.bind(values, window=window, limit=LINK_ROWS, now=now), window)


@lru_cache(maxsize=256)
def _template(sql: str, names: tuple[str, ...]) -> QueryTemplate:
    """A log's question. Its text depends on the log and on which kinds of names are known, not on the names: parsing it
    again took a tenth of an alert's processor time."""
    return QueryTemplate.parse(sql, parameters=dict.fromkeys(names, ParameterType.STRINGS))


def link_rows(log_type: str, rows: Sequence[Row]) -> tuple[LinkRow, ...]:
    """Read the answer to `link_query`."""
    kinds = [kind for kind in logtypes.identities_of(log_type) if kind not in SHARED_KINDS]
    found = []
    for row in rows:
        named = (identity_of(kind, str(row.get(kind.value) or "")) for kind in kinds)
        identities = tuple(identity for identity in named if identity is not None)
        found.append(LinkRow(log_type, str(row.get("actor") or ""), identities))
    return tuple(found)
