"""From answers to numbered evidence."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from triage.domain.coverage import Coverage
from triage.domain.entity import Entity
from triage.domain.evidence import Evidence, Source
from triage.domain.window import TimeWindow
from triage.logtypes import table_of
from triage.ports import LogSource, PantherUser
from triage.stages.enrichment import background
from triage.stages.enrichment.asking import Answer
from triage.stages.enrichment.coverage import Rhythm, coverage_of
from triage.stages.enrichment.questions import BoundQuery, QueryPlan
from triage.stages.enrichment.subject import Subject

_ALIAS = re.compile(r"\bAS ([a-z_]+)(?=,|\s)")


@dataclass(frozen=True, slots=True)
class Found:
    """What the lake gave."""

    log_types: tuple[str, ...]
    entities: tuple[Entity, ...]
    subject: Subject
    chosen: QueryPlan
    answers: tuple[Answer, ...]
    rhythms: tuple[tuple[BoundQuery, Answer], ...]
    tables: Answer
    """What the tables of the log types hold."""
    search: tuple[TimeWindow, Answer] | None
    """The search for addresses and hashes over all log types; `None` where there are none."""


def events_entry(answer: Answer, found: Found) -> Evidence:
    """E1: the alert's own events."""
    return entry(1, Source.EVENTS, "events", "Which events raised the alert?", answer).model_copy(
        update={
            "log_type": found.log_types[0] if found.log_types else "",
            "start": found.subject.moment,
            "end": found.subject.last,
        }
    )


def entry(number: int, source: Source, key: str, question: str, answer: Answer) -> Evidence:
    """An answer that no query gave."""
    return Evidence(
        id=f"E{number}",
        source=source,
        key=key,
        question=question,
        columns=answer.columns,
        rows=answer.rows,
        row_count=answer.row_count,
        truncated=answer.truncated,
        error=answer.error,
        seconds=answer.seconds,
    )


def sources_entry(answer: Answer, sources: tuple[LogSource, ...] | None, log_types: Sequence[str]) -> Evidence:
    """E5: the state of the sources."""
    rows = tuple(background.source_rows(sources or (), log_types))
    told = Answer(rows=rows, row_count=len(rows), error=answer.error, seconds=answer.seconds)
    return entry(
        5,
        Source.SOURCES,
        "sources",
        "Are the log sources of this alert healthy, and up to when did they deliver?",
        told,
    ).model_copy(update={"columns": tuple(rows[0]) if rows else ()})


def query_entries(found: Found, sources: tuple[LogSource, ...] | None, before: int, now: datetime) -> list[Evidence]:
    """The lake's answers with what their absences are worth."""
    rhythms = {
        bound.asked.table: Rhythm.of(answer.rows, truncated=answer.truncated)
        for bound, answer in found.rhythms
        if not answer.error
    }
    pairs = [*zip(found.chosen.questions, found.answers, strict=True), *found.rhythms]
    entries = []
    for number, (bound, answer) in enumerate(pairs, before + 1):
        asked = bound.asked
        own = not asked.log_type or table_of(asked.log_type) != asked.table
        log_type = (_log_type_of_table(asked.table, sources) if own else "") or asked.log_type
        coverage = (
            coverage_of(
                bound.window,
                rhythm=rhythms.get(asked.table),
                sources=_feeding(asked.table, sources),
                last_event=found.subject.last,
                control=asked.question.control,
                now=now,
            )
            # Rules run over what the log's own table holds: a rule match can be missing only where the log could be.
            if asked.database in ("panther_logs", "panther_rule_matches")
            else Coverage()
        )
        entries.append(
            Evidence(
                id=f"E{number}",
                source=Source.QUERY,
                key=asked.key,
                question=asked.question.question,
                log_type=log_type,
                table=f"{asked.database}.public.{asked.table}",
                sql=bound.query.sql,
                start=bound.window.start,
                end=bound.window.end,
                columns=answer.columns or _aliases(asked.question.sql),
                rows=answer.rows,
                row_count=answer.row_count,
                truncated=answer.truncated,
                error=answer.error,
                coverage=coverage,
                seconds=answer.seconds,
                signals=asked.question.signals,
                measured=asked.question.measured,
            )
        )
    return entries


def further_entries(
    found: Found, past: Answer, users: tuple[tuple[PantherUser, ...] | None, Answer], before: int
) -> list[Evidence]:
    """What stands behind the queries: the sum of earlier outcomes, the people, the tables, the search."""
    people, users_answer = users
    outcomes = background.outcome_rows(past.rows)
    known = background.user_rows(people or (), found.entities)
    entries = [
        entry(
            before + 1,
            Source.HISTORY,
            "outcomes",
            "How many earlier alerts of this detection ended in which status, and set by whom?",
            _told(outcomes, past),
        ).model_copy(update={"measured": True, "truncated": past.truncated})
    ]
    if people is not None or users_answer.error:
        entries.append(
            entry(
                before + 2,
                Source.USERS,
                "users",
                "Which people of this alert are users of Panther, in which role?",
                _told(known, users_answer),
            )
        )
    if found.tables.rows or found.tables.error:
        number = before + len(entries) + 1
        entries.append(
            entry(number, Source.SOURCES, "tables", "What do the tables of these log types hold?", found.tables)
        )
    if found.search is not None:
        window, answer = found.search
        number = before + len(entries) + 1
        searched = entry(number, Source.SEARCH, "search", background.SEARCH_QUESTION, answer)
        update = {"start": window.start, "end": window.end, "measured": True, "signals": ("seen_across",)}
        entries.append(searched.model_copy(update=update))
    return entries


def _told(rows: Sequence[dict[str, JsonValue]], answer: Answer) -> Answer:
    """Rows of our own making in place of an answer's."""
    return Answer(
        rows=tuple(rows),
        columns=tuple(rows[0]) if rows else (),
        row_count=len(rows),
        error=answer.error,
        seconds=answer.seconds,
    )


def _feeding(table: str, sources: tuple[LogSource, ...] | None) -> tuple[LogSource, ...] | None:
    if sources is None:
        return None
    return tuple(source for source in sources if any(table_of(name) == table for name in source.log_types))


def _log_type_of_table(table: str, sources: tuple[LogSource, ...] | None) -> str:
    names = (name for source in sources or () for name in source.log_types)
    return next((name for name in names if table_of(name) == table), "")


def _aliases(sql: str) -> tuple[str, ...]:
    """The columns that a question names; a lake may leave them out where it has no rows."""
    return tuple(dict.fromkeys(_ALIAS.findall(sql.split("FROM", 1)[0])))
