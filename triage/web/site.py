"""The frame of the pages: navigation, cookies, refusals, and what a failure looks like."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from triage.domain.clean import safe_sentence
from triage.errors import PromptError, StoreError
from triage.ports import Prompts
from triage.stages.reporting.page import Frame
from triage.web.access import LIFETIME, NAME_CHARACTERS, Gate, Session, Visitor, Way, person_name
from triage.web.forms import local_path, read_form
from triage.web.views import alert_path

log = logging.getLogger(__name__)

NAVIGATION = (
    ("/", "Queue"),
    ("/cases", "Cases"),
    ("/report", "Shift"),
    ("/agreement", "Agreement"),
    ("/status", "Status"),
)
Handler = Callable[[Request, Visitor], Awaitable[Response]]
_SEE_OTHER = 303


class Site:
    """Renders what every page has, and lets visitors in and out."""

    def __init__(self, gate: Gate, prompts: Prompts) -> None:
        self._gate = gate
        self._prompts = prompts
        self._style = prompts.render("page.style.html.j2", {}) + prompts.render("web.style.html.j2", {})

    def frame(self, visitor: Visitor | None, path: str = "") -> dict[str, object]:
        """What the frame of a page names: the visitor, where they are, and the value that their forms carry."""
        session = visitor.session if visitor is not None else None
        return {
            "person": visitor.name if visitor is not None else "",
            "can_leave": visitor is not None and visitor.way is Way.SESSION,
            "form": self._gate.form_token(session) if session is not None else "",
            "pages": [
                {"path": each, "name": name, "here": each == path}
                for each, name in (NAVIGATION if visitor is not None else ())
            ],
        }

    def framed(self, template: str, visitor: Visitor, path: str = "", **variables: object) -> Frame:
        """The frame of a page that has a template of its own."""
        return Frame(template, {"site": self.frame(visitor, path), **variables}, alert_path)

    def show(
        self,
        template: str,
        visitor: Visitor | None,
        view: Mapping[str, object],
        *,
        path: str = "",
        status: int = 200,
        **more: object,
    ) -> Response:
        """One page; `more` is what its template names besides. Raises PromptError."""
        variables = {"site": self.frame(visitor, path), "view": dict(view), **more}
        return HTMLResponse(self._prompts.render(template, variables), status_code=status)

    def message(self, visitor: Visitor | None, status: int, text: str) -> Response:
        """A refusal or a failure."""
        title = {400: "Not understood", 401: "Signed out", 403: "Refused", 404: "Not found", 503: "Not available"}.get(
            status, "Error"
        )
        view = {"title": title, "text": safe_sentence(text, 400)}
        return self.show("web.message.html.j2", visitor, view, status=status)

    def for_visitors(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint that strangers do not get to, and whose failures are pages."""

        async def answer(request: Request) -> Response:
            visitor = self._gate.visitor(request)
            if visitor is None:
                return self._turn_away(request)
            fresh = None
            if visitor.session is None and visitor.way is not Way.BEARER:
                fresh = self._gate.session(visitor.name, visitor.way)
                visitor = replace(visitor, session=fresh)
            try:
                response = await handler(request, visitor)
            except HTTPException as error:
                response = self.message(visitor, error.status_code, error.detail)
            except StoreError as error:
                log.warning("a page could not be made: %s", error, extra={"event": "page failed", "error": str(error)})
                response = self.message(visitor, 503, str(error))
            except PromptError as error:
                log.warning("a page could not be made: %s", error, extra={"event": "page failed", "error": str(error)})
                response = PlainTextResponse(f"500: {error}\n", status_code=500)
            if fresh is not None:
                self._set_cookie(response, fresh)
            return response

        return answer

    async def form(self, request: Request, visitor: Visitor) -> Mapping[str, str]:
        """The fields of a form from a page of ours. Raises HTTPException."""
        sent = await read_form(request)
        if not self._gate.form_is_ours(request, visitor, sent.get("form", "")):
            raise HTTPException(403, "this form is too old, or not from here: go back, reload the page, send it again")
        return sent

    async def style(self, _request: Request) -> Response:
        """The style sheet."""
        return Response(self._style, media_type="text/css")

    async def sign_in_page(self, request: Request) -> Response:
        """Where the token is typed in."""
        way_back = local_path(request.query_params.get("next", "/"))
        if self._gate.visitor(request) is not None:
            return RedirectResponse(way_back, status_code=_SEE_OTHER)
        if not self._gate.takes_token:
            return self._turn_away(request)
        # Whoever follows a link from elsewhere brings no cookie on the first request: ask for the page once more, from
        # here, before asking for the token.
        again = request.headers.get("sec-fetch-site", "") in ("cross-site", "same-site")
        return self._sign_in(way_back, again=again)

    async def sign_in(self, request: Request) -> Response:
        """Take the token, and begin a session."""
        try:
            sent = await read_form(request)
        except HTTPException as error:
            return self.message(None, error.status_code, error.detail)
        if not self._gate.takes_token or not self._gate.origin_is_ours(request):
            text = "this form was not sent from here; if it was, set web.url to the address in your browser"
            return self.message(None, 403, text)
        way_back, name = local_path(sent.get("next", "/")), person_name(sent.get("name", ""))
        session = self._gate.sign_in(sent.get("token", ""), name)
        peer = request.client.host if request.client is not None else ""
        if session is None:
            log.warning("refused a sign-in from %s", peer, extra={"event": "sign-in refused", "peer": peer})
            return self._sign_in(way_back, wrong=True)
        log.info("%s signed in from %s", name, peer, extra={"event": "signed in", "peer": peer, "person": name})
        response = RedirectResponse(way_back, status_code=_SEE_OTHER)
        self._set_cookie(response, session)
        return response

    async def sign_out(self, request: Request, visitor: Visitor) -> Response:
        """End a session in this browser."""
        await self.form(request, visitor)
        response = RedirectResponse("/login" if self._gate.takes_token else "/", status_code=_SEE_OTHER)
        response.delete_cookie(
            self._gate.cookie_name, path="/", secure=self._gate.secure, httponly=True, samesite="strict"
        )
        return response

    def _sign_in(self, way_back: str, *, again: bool = False, wrong: bool = False) -> Response:
        view = {"next": way_back, "again": again, "wrong": wrong, "characters": NAME_CHARACTERS}
        return self.show("web.login.html.j2", None, view, status=403 if wrong else 200)

    def _turn_away(self, request: Request) -> Response:
        if not self._gate.takes_token:
            return self.message(None, 403, "no one is signed in: the proxy in front of these pages names no one")
        browser = "text/html" in request.headers.get("accept", "")
        if browser and request.method == "POST":
            text = "your session has ended: sign in, open the page anew, and send the form again"
            return self.message(None, 401, text)
        if browser and request.method in ("GET", "HEAD"):
            # As it was asked for: a slash that is part of an id stays quoted.
            here = request.scope["raw_path"].decode("ascii", "replace")
            here += f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"/login?next={quote(here, safe='')}", status_code=_SEE_OTHER)
        text = "401: send the token as Authorization: Bearer\n"
        return PlainTextResponse(text, status_code=401, headers={"WWW-Authenticate": "Bearer"})

    def _set_cookie(self, response: Response, session: Session) -> None:
        response.set_cookie(
            self._gate.cookie_name,
            self._gate.cookie(session),
            max_age=int(LIFETIME.total_seconds()),
            path="/",
            secure=self._gate.secure,
            httponly=True,
            samesite="strict",
        )
