"""What is sent to us: a body, a form's fields, and the parts of an address; all of it bounded."""

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qsl

import regex
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

MAX_BODY = 16_384
"""Bytes of a form."""
MAX_FIELDS = 16
SECONDS = 10.0
"""In which a body has to arrive."""
_FORM = "application/x-www-form-urlencoded"
_PATH = regex.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,2000}")


async def read_form(request: Request) -> Mapping[str, str]:
    """The fields of a form. Raises HTTPException: too long, too slow, or no form."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise HTTPException(415, "this takes a form")
    return fields(await read_body(request, MAX_BODY))


async def read_body(request: Request, limit: int) -> bytes:
    """A body of at most so many bytes. Raises HTTPException: too long, too slow, or broken off."""
    body = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > limit:
                    raise HTTPException(413, f"at most {limit} bytes are taken")
    except TimeoutError as error:
        raise HTTPException(408, f"the request did not arrive within {SECONDS:.0f} s") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "the request broke off") from error
    return bytes(body)


def fields(body: bytes) -> Mapping[str, str]:
    """Read a form's body. Raises HTTPException: it is not UTF-8, or has a field twice or far too many."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise HTTPException(400, "the form cannot be read") from error
    found = dict(pairs)
    if len(found) != len(pairs):
        raise HTTPException(400, "the form has a field twice")
    return found


def local_path(text: str) -> str:
    """A path on this site, to go back to after signing in; `/` for anything else, such as an address elsewhere."""
    return text if _PATH.fullmatch(text) else "/"
