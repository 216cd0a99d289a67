"""The queue in addresses: what one asks for, and that of the next page."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from starlette.exceptions import HTTPException

from triage.domain.alert import Severity
from triage.domain.verdict import Disposition
from triage.ports import State
from triage.service.listing import Filters, Place

_TEXT = 200
E = TypeVar("E", bound=StrEnum)


def read_filters(query: Mapping[str, str]) -> Filters:
    """From the address. Raises HTTPException."""
    return Filters(
        state=_choice(State, query.get("state", "")),
        verdict=_choice(Disposition, query.get("verdict", "")),
        severity=_choice(Severity, query.get("severity", "")),
        text=query.get("text", "").strip()[:_TEXT],
        before=_place(query.get("before", "")),
    )


def next_page(filters: Filters, place: Place) -> str:
    """The address of the page behind an alert."""
    at, name = place
    values = {"state": filters.state, "verdict": filters.verdict, "severity": filters.severity, "text": filters.text}
    kept = {key: value for key, value in values.items() if value}
    return "/?" + urlencode({**kept, "before": f"{at.isoformat()}~{name}"}, errors="replace")


def _choice(kind: type[E], text: str) -> E | None:
    # Some enums keep a value they don't know; an address may not make them.
    if text and text not in {each.value for each in kind}:
        raise HTTPException(400, f"{text[:40]!r} is none of {', '.join(kind)}")
    return kind(text) if text else None


def _place(text: str) -> Place | None:
    if not text:
        return None
    moment, _, name = text.partition("~")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError as error:
        raise HTTPException(400, "there is no such page") from error
    if at.tzinfo is None or not name:
        raise HTTPException(400, "there is no such page")
    return at, name
