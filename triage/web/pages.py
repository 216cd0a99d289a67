"""The team's pages: queue, alert, cases, shift, agreement, status. The one thing that they change is a mark."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta

import regex
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from triage.domain.alert import Severity
from triage.domain.clean import printable_sentence, safe_sentence, safe_value
from triage.domain.verdict import Disposition
from triage.edges.process import user_name
from triage.edges.prompts import load_prompts
from triage.pipeline.agreement import stored_agreement
from triage.pipeline.cases import stored_cases
from triage.ports import MARK_LABELS, AlertRecord, Clock, Prompts, State, Store
from triage.service.listing import PAGE, one_page
from triage.service.shift import read_shift
from triage.service.status import read_status
from triage.service.stored import with_investigation
from triage.service.transcript import Transcript
from triage.settings import Settings
from triage.stages.reporting.page import Turn, page
from triage.stages.reporting.records import why_text
from triage.stages.reporting.shift import shift_page
from triage.web.access import Gate, Visitor
from triage.web.guard import Guard
from triage.web.listing import next_page, read_filters
from triage.web.site import Site
from triage.web.views import agreement_view, alert_path, alert_row, case_view, mark_view, status_view

log = logging.getLogger(__name__)

SHIFTS = {"8h": timedelta(hours=8), "24h": timedelta(hours=24), "3d": timedelta(days=3), "7d": timedelta(days=7)}
SPANS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30), "90d": timedelta(days=90)}
SHIFT_ALERTS = 20_000
"""Investigated and failed alerts of a shift that are read, newest first; the others are only counted."""
AGREEMENT_ALERTS = 5_000
AT_ONCE = 4
"""Pages that are made at the same time; the others wait, so that the workers of the same process get on."""
REASON_CHARACTERS = 500
_NUMBER = regex.compile(r"[1-9][0-9]{0,2}")


class Pages:
    """The pages over one store."""

    def __init__(self, settings: Settings, store: Store, clock: Clock, *, site: Site, prompts: Prompts) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._site = site
        self._prompts = prompts
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def queue(self, request: Request, visitor: Visitor) -> Response:
        """The alerts, newest first."""
        filters = read_filters(request.query_params)
        async with self._turn:
            found = await one_page(self._store.records, filters)
            marks = await self._store.records.marks(only=[record.alert.id for record in found.records])
        by_alert = {mark.alert_id: mark for mark in marks}
        view = {
            "rows": [asdict(alert_row(record, by_alert.get(record.alert.id))) for record in found.records],
            "older": next_page(filters, found.place) if found.place is not None else "",
            "first": filters.before is None,
            "text": filters.text,
            "choices": [
                ("state", "State", [each.value for each in State], filters.state or ""),
                ("verdict", "Verdict", [each.value for each in Disposition], filters.verdict or ""),
                ("severity", "Severity", [each.value for each in reversed(Severity)], filters.severity or ""),
            ],
        }
        return self._site.show("web.queue.html.j2", visitor, view, path="/")

    async def alert(self, request: Request, visitor: Visitor) -> Response:
        """One alert with its investigation, and the form for a mark."""
        async with self._turn:
            record, investigation = await with_investigation(self._store.records, await self._record(request))
            marks = await self._store.records.marks(only=[record.alert.id])
            mark = {
                "path": alert_path(record.alert.id),
                "now": mark_view(marks[0]) if marks else None,
                "leader": alert_path(record.leader) if record.leader is not None else "",
                "characters": REASON_CHARACTERS,
            }
            if investigation is None:
                view = {**asdict(alert_row(record, None)), "why": safe_sentence(why_text(record), 400)}
                view["status"] = safe_value(record.alert.status.value, 20)
                return self._site.show("web.waiting.html.j2", visitor, view, mark=mark)
            currency = self._settings.llm.currency
            steps = await Transcript.load(self._store.journal, investigation.run_id, self._settings.llm.price)
            # Polling and claims of the same process go on meanwhile.
            html = await asyncio.to_thread(
                page,
                record.alert,
                record,
                investigation,
                prompts=self._prompts,
                console_url=self._settings.writeback.console_url,
                currency=currency,
                zone=self._settings.report.timezone,
                transcript=tuple(Turn(f"{step.key}, {step.facts(currency)}", step.lines) for step in steps.steps),
                frame=self._site.framed("web.alert.html.j2", visitor, mark=mark),
            )
        return HTMLResponse(html)

    async def mark(self, request: Request, visitor: Visitor) -> Response:
        """Record what a person found an alert to be, or take that back."""
        sent = await self._site.form(request, visitor)
        record = await self._record(request)
        name, label = record.alert.id, sent.get("label", "")
        reason = printable_sentence(sent.get("reason", ""), REASON_CHARACTERS)
        if label == "unmark":
            await self._store.records.unmark(name)
        elif label not in MARK_LABELS:
            raise HTTPException(400, f"choose one of {', '.join(MARK_LABELS)}")
        elif not reason:
            raise HTTPException(400, "say why: whoever reads the figures later does not know")
        else:
            stored = MARK_LABELS[label]
            await self._store.records.mark(name, stored, reason, by=visitor.name, now=self._clock.now())
        facts = {"event": "marked", "alert_id": name, "label": label, "person": visitor.name, "way": visitor.way.value}
        log.info("%s marked alert %s: %s", visitor.name, name, label, extra=facts)
        return RedirectResponse(f"{alert_path(name)}#mark", status_code=303)

    async def cases(self, request: Request, visitor: Visitor) -> Response:
        """The cases with an event in a span, the latest first."""
        name, span = _chosen(SPANS, request.query_params.get("since", "7d"))
        number = _number(request.query_params.get("page", "1"))
        async with self._turn:
            found = await stored_cases(self._store.records, since=self._clock.now() - span)
        first = (number - 1) * PAGE
        view = {
            "cases": [asdict(case_view(case)) for case in found[first : first + PAGE]],
            "all": len(found),
            "older": f"/cases?since={name}&page={number + 1}" if len(found) > first + PAGE else "",
            "first": number == 1,
            "since": name,
            "spans": list(SPANS),
        }
        return self._site.show("web.cases.html.j2", visitor, view, path="/cases")

    async def report(self, request: Request, visitor: Visitor) -> Response:
        """The summary of a shift."""
        name, span = _chosen(SHIFTS, request.query_params.get("since", "24h"))
        until = self._clock.now()
        async with self._turn:
            shift, cut = await read_shift(
                self._store.records,
                since=until - span,
                until=until,
                currency=self._settings.llm.currency,
                most=SHIFT_ALERTS,
            )
            more = {"since": name, "spans": list(SHIFTS), "most": SHIFT_ALERTS if cut else 0}
            html = await asyncio.to_thread(
                shift_page,
                shift,
                prompts=self._prompts,
                frame=self._site.framed("web.report.html.j2", visitor, "/report", span=more),
            )
        return HTMLResponse(html)

    async def agreement(self, request: Request, visitor: Visitor) -> Response:
        """Past verdicts beside what people decided, as the store has it."""
        name, span = _chosen(SPANS, request.query_params.get("since", "30d"))
        since = self._clock.now() - span
        async with self._turn:
            found, cut = await stored_agreement(self._store.records, since=since, most=AGREEMENT_ALERTS)
        view = {**agreement_view(found, since=since, cut=cut), "span": name, "spans": list(SPANS)}
        return self._site.show("web.agreement.html.j2", visitor, view, path="/agreement")

    async def status(self, _request: Request, visitor: Visitor) -> Response:
        """Queue, polling, spend, failures."""
        async with self._turn:
            found = await read_status(self._store, now=self._clock.now())
        view = status_view(found, self._settings.llm.currency)
        return self._site.show("web.status.html.j2", visitor, view, path="/status")

    async def nothing(self, _request: Request, _visitor: Visitor) -> Response:
        """Every other path."""
        raise HTTPException(404, "there is no such page")

    async def _record(self, request: Request) -> AlertRecord:
        found = await self._store.records.find(request.path_params["alert_id"])
        if found is None:
            raise HTTPException(404, "there is no such alert in the state database")
        return found


def team_pages(settings: Settings, store: Store, clock: Clock, *, host: str) -> ASGIApp:
    """The pages as an application, for `listening` or `serving`.

    Args:
        settings: The configuration.
        store: The state database.
        clock: Time.
        host: What is listened on.

    Raises:
        ConfigError: they would be open to a network.
        PromptError: a template is missing or broken.
    """
    gate = Gate(settings.web, clock, host=host, local_user=user_name())
    prompts = load_prompts(settings.investigation.prompts)
    site = Site(gate, prompts)
    pages = Pages(settings, store, clock, site=site, prompts=prompts)
    shown = site.for_visitors
    get, post = ["GET"], ["POST"]
    routes = [
        Route("/style.css", site.style, methods=get),
        Route("/login", site.sign_in_page, methods=get),
        Route("/login", site.sign_in, methods=post),
        Route("/logout", shown(site.sign_out), methods=post),
        Route("/", shown(pages.queue), methods=get),
        Route("/alerts/{alert_id:path}", shown(pages.alert), methods=get),
        Route("/alerts/{alert_id:path}", shown(pages.mark), methods=post),
        Route("/cases", shown(pages.cases), methods=get),
        Route("/report", shown(pages.report), methods=get),
        Route("/agreement", shown(pages.agreement), methods=get),
        Route("/status", shown(pages.status), methods=get),
        Route("/{rest:path}", shown(pages.nothing), methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    ]
    return Guard(Starlette(routes=routes), gate)


def _chosen(spans: Mapping[str, timedelta], name: str) -> tuple[str, timedelta]:
    """Raises HTTPException."""
    if name not in spans:
        raise HTTPException(400, f"since is one of {', '.join(spans)}")
    return name, spans[name]


def _number(text: str) -> int:
    """Raises HTTPException."""
    if _NUMBER.fullmatch(text) is None:
        raise HTTPException(400, "there is no such page")
    return int(text)
