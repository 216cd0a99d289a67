"""The tools: each reads the state database, and one of them may record a mark."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, Literal

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field, JsonValue

from triage.domain.alert import Severity
from triage.domain.case import Case
from triage.domain.clean import printable, printable_sentence
from triage.domain.evidence import Evidence
from triage.domain.verdict import Disposition, Investigation
from triage.edges.process import user_name
from triage.errors import NotFound, TriageError
from triage.mcp.answer import Answer, as_json
from triage.pipeline.cases import stored_cases
from triage.ports import MARK_LABELS, AlertRecord, Clock, State, Store
from triage.service.listing import Filters, one_page
from triage.service.stored import full_id, record_of, with_investigation
from triage.settings import Settings
from triage.settings.values import parse_duration
from triage.stages.reporting.evidence_view import FOR_TERMINAL, evidence_view
from triage.stages.reporting.records import case_row, list_row, to_json
from triage.stages.reporting.view import Extent, FindingView, InvestigationView, investigation_view

log = logging.getLogger(__name__)

_EXTENT = Extent(entities=20, unchecked=20, story=20, sentences=5, all_sql=False, question=300)
_MEMBERS = 25
"""Alerts, and reasons, of one case."""
_NOTE_CHARACTERS = 500
_ERROR_CHARACTERS = 400

AlertId = Annotated[str, Field(min_length=1, max_length=200, description="Id of the alert, or its unique beginning.")]
Since = Annotated[str, Field(max_length=20, description="Such as 24h or 7d; empty: any time.")]
Text = Annotated[str, Field(max_length=200, description="Part of the title, or of the detection's id or name.")]
Offset = Annotated[int, Field(ge=0, le=1_000_000)]


class StoredResults:
    """The tools over one state database; every argument is validated before, and every failure is a ToolError."""

    def __init__(self, settings: Settings, store: Store, clock: Clock) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock

    async def list_alerts(
        self,
        since: Since = "",
        verdict: Disposition | None = None,
        severity: Severity | None = None,
        state: State | None = None,
        text: Text = "",
        limit: Annotated[int, Field(ge=1, le=50)] = 20,
        after: Annotated[str, Field(max_length=200, description="Go on behind this alert id; empty: the newest.")] = "",
    ) -> str:
        """List stored alerts, newest first, with verdict, confidence and why each was investigated or not."""
        with _failures_told():
            place = None
            if after:
                last = (await record_of(self._store.records, after)).alert
                place = (last.created_at, last.id)
            start = self._clock.now() - _age(since) if since else None
            filters = Filters(state, verdict, severity, text.strip(), start, place)
            found = await one_page(self._store.records, filters, size=limit)
            answer = Answer("alerts")
            last_id = ""
            for record in found.records:
                if not answer.add(_row(record)):
                    break
                last_id = record.alert.id
            else:
                # Where few of many alerts match, the next page begins behind the last one that was read.
                last_id = found.place[1] if found.place is not None else ""
            if not last_id:
                return answer.text("These are all.")
            answer.add({"next_after": last_id}, anyway=True)
            return answer.text("There may be more: call again with `after` set to the value of `next_after`.")

    async def get_investigation(self, alert: AlertId) -> str:
        """Show one investigation: what happened, flags and what answers them, findings, next steps, evidence ids."""
        with _failures_told():
            record, investigation = await self._load(alert)
            answer = Answer("investigation")
            answer.add(await self._alert(record))
            if investigation is None:
                return answer.text(f"It has no investigation yet: its state is {record.state.value}.")
            view = self._view(record, investigation)
            said: dict[str, JsonValue] = {"headline": view.headline, "summary": view.summary, "reason": view.reason}
            answer.add({"part": "verdict", **said, "look": list(view.look)})
            _add_all(answer, "happened", (as_json(line) for line in view.story))
            _add_all(answer, "same_case", (line.text for line in view.case))
            _add_all(answer, "flag", (as_json(flag) for flag in view.flags))
            _add_all(answer, "finding", ({**_finding(each), "cites": None} for each in (*view.found, *view.against)))
            _add_all(answer, "open", view.open)
            _add_all(answer, "runbook", (as_json(each) for each in view.runbook))
            _add_all(answer, "next_step", view.steps)
            _add_all(answer, "entity", (as_json(each) for each in view.entities))
            _add_all(answer, "evidence", ({"id": e.id, "asks": e.question, "came": e.outcome} for e in view.evidence))
            answer.add({"part": "run", "text": list(view.footer)})
            return answer.text("explain_verdict says why; get_evidence has the rows.")

    async def explain_verdict(self, alert: AlertId) -> str:
        """Explain a verdict: what was proposed, the rule that decided, each flag, signal and finding with its proof."""
        with _failures_told():
            record, investigation = await self._load(alert)
            whole = to_json(record, _investigated(record, investigation))
            view = self._view(record, _investigated(record, investigation))
            answer = Answer("verdict")
            names = (
                "alert_id",
                "verdict",
                "confidence",
                "calibration",
                "proposed",
                "stated",
                "analyst",
                "verdict_reason",
            )
            answer.add({"part": "verdict", **{name: whole[name] for name in names}})
            _add_all(answer, "flag", (as_json(flag) for flag in view.flags))
            _add_all(answer, "signal", (as_json(signal) for signal in view.signals))
            _add_all(answer, "finding", (_finding(each) for each in (*view.found, *view.against, *view.dropped)))
            _add_all(answer, "deciding_row", view.deciding)
            _add_all(answer, "issue", view.issues)
            _add_all(answer, "unchecked", view.unchecked)
            return answer.text("A finding counts only if `verified` is true: its citations hold in the stored rows.")

    async def get_evidence(
        self,
        alert: AlertId,
        evidence: Annotated[str, Field(max_length=20, description="Such as E3; empty: list all of them.")] = "",
        offset: Offset = 0,
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
        sql: Annotated[bool, Field(description="Include the statement.")] = False,
    ) -> str:
        """Show the questions asked of the data lake, or the stored rows of one of them, a page at a time."""
        with _failures_told():
            record, investigation = await self._load(alert)
            entries = _investigated(record, investigation).evidence
            answer = Answer(evidence if evidence in {entry.id for entry in entries} else "evidence")
            if not evidence:
                _add_all(answer, "evidence", (_question(entry, sql=sql) for entry in entries))
                return answer.text("Call again with one of the ids for its rows.")
            entry = next((each for each in entries if each.id == evidence), None)
            if entry is None:
                raise NotFound(f"alert {record.alert.id} has no evidence {evidence}; call without it for the list")
            answer.add(_question(entry, sql=sql))
            shown = 0
            for number, row in enumerate(entry.rows[offset : offset + limit], offset):
                if not answer.add(row, number=number):
                    break
                shown += 1
            end = offset + shown
            more = f" Go on with offset {end}." if shown and end < len(entry.rows) else ""
            return answer.text(
                f"{shown} of {len(entry.rows)} stored rows, from row {offset}; the lake had {entry.row_count}.{more}"
            )

    async def search_cases(
        self,
        since: Since = "7d",
        text: Annotated[str, Field(max_length=200, description="Part of a title, detection, id or reason.")] = "",
        offset: Offset = 0,
        limit: Annotated[int, Field(ge=1, le=20)] = 5,
    ) -> str:
        """Search the cases: related alerts of different detections, and what was measured that links them."""
        with _failures_told():
            start = self._clock.now() - _age(since) if since else None
            found = [case for case in await stored_cases(self._store.records, since=start) if _mentions(case, text)]
            answer = Answer("cases")
            shown = 0
            for case in found[offset : offset + limit]:
                if not _add_case(answer, case):
                    break
                shown += 1
            end = offset + shown
            more = f" Go on with offset {end}." if end < len(found) and shown else ""
            return answer.text(f"{shown} of {len(found)} cases, from number {offset}.{more}")

    async def mark(
        self,
        alert: AlertId,
        label: Literal["true-positive", "false-positive", "unmark"],
        note: Annotated[str, Field(min_length=1, max_length=_NOTE_CHARACTERS, description="Why, in a sentence.")],
    ) -> str:
        """Record what a person has decided an alert is, or take that back. Only when the person asked for it."""
        with _failures_told():
            name = await full_id(self._store.records, alert)
            by = f"{user_name() or 'local user'} by MCP"
            text = printable_sentence(note, _NOTE_CHARACTERS)
            if not text:
                raise ToolError("note: say why, in a sentence")
            if label == "unmark":
                changed = await self._store.records.unmark(name)
                said = "no longer marked" if changed else "not marked"
            else:
                await self._store.records.mark(name, MARK_LABELS[label], text, by=by, now=self._clock.now())
                said = f"marked {label}"
            log.info(
                "%s marks alert %s: %s", by, name, label, extra={"event": "marked", "alert_id": name, "label": label}
            )
            return f"Alert {printable(name, 80)} is {said}."

    async def _load(self, given: str) -> tuple[AlertRecord, Investigation | None]:
        return await with_investigation(self._store.records, await record_of(self._store.records, given))

    async def _alert(self, record: AlertRecord) -> dict[str, JsonValue]:
        marks = await self._store.records.marks(only=[record.alert.id])
        mark = {"mark": marks[0].label, "mark_note": marks[0].note, "marked_by": marks[0].by} if marks else {}
        return {"part": "alert", **_row(record), "error": record.error, **mark}

    def _view(self, record: AlertRecord, investigation: Investigation) -> InvestigationView:
        return investigation_view(
            record.alert,
            investigation,
            extent=_EXTENT,
            clean=FOR_TERMINAL,
            currency=self._settings.llm.currency,
            zone=self._settings.report.timezone,
        )


@contextmanager
def _failures_told() -> Iterator[None]:
    """What the program expects to go wrong is told to the client in one line; the rest is left to the SDK, which says
    nothing of it."""
    try:
        yield
    except TriageError as error:
        raise ToolError(printable_sentence(str(error), _ERROR_CHARACTERS)) from error


def _age(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ToolError(f"since: {printable(text, 20)!r} is no duration, such as 90m, 24h or 7d") from error


def _investigated(record: AlertRecord, investigation: Investigation | None) -> Investigation:
    if investigation is None:
        raise NotFound(f"alert {record.alert.id} has no investigation yet ({record.state.value})")
    return investigation


def _add_all(answer: Answer, name: str, items: Iterable[JsonValue]) -> None:
    for item in items:
        answer.add({"part": name, **(item if isinstance(item, dict) else {"text": item})})


def _row(record: AlertRecord) -> dict[str, JsonValue]:
    """An alert without what its model calls have cost, which is booked elsewhere."""
    return {name: value for name, value in list_row(record).items() if name not in ("tokens", "money")}


def _finding(view: FindingView) -> dict[str, JsonValue]:
    cites: list[JsonValue] = [f"{each.evidence} {each.text}" for each in view.citations]
    return {
        "number": view.number,
        "text": view.text,
        "direction": view.direction,
        "verified": view.verified,
        "evidence": list(view.evidence),
        "cites": cites,
        "issues": list(view.issues),
    }


def _question(entry: Evidence, *, sql: bool) -> dict[str, JsonValue]:
    view = evidence_view(entry, FOR_TERMINAL, question=_EXTENT.question, rows=0, cell_size=0, sql=sql)
    return as_json(view)


def _mentions(case: Case, text: str) -> bool:
    wanted = text.strip().casefold()
    members = (part for each in case.members for part in (each.alert_id, each.title, each.detection))
    return any(wanted in part.casefold() for part in (*members, *(link.why for link in case.links)))


def _add_case(answer: Answer, case: Case) -> bool:
    """One line for the case, and one for each alert and each reason; false if the first did not fit."""
    row = case_row(case)
    members, links = row.pop("members"), list(dict.fromkeys(link.why for link in case.links))
    assert isinstance(members, list)
    if not answer.add({"part": "case", **row, "alerts": len(members), "reasons": len(links)}):
        return False
    _add_all(answer, "alert", members[:_MEMBERS])
    _add_all(answer, "because", links[:_MEMBERS])
    return True
