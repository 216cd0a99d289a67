"""A comment by this program, and how it is found again on an alert."""

import hashlib
import html
from dataclasses import dataclass, replace
from typing import Literal, Self
from urllib.parse import quote

import regex

Format = Literal["HTML", "PLAIN_TEXT"]
"""Panther's names."""

RESERVE = 220
"""The most characters that `related` adds to a body."""

UNWRITTEN = "the comment was not written: "
"""Start of a note on an investigation that makes its run count as unfinished."""
DEFERRED = "the comment waits until "
"""Start of a note where policy has deferred a comment."""

_TAG = "triage-marker:"
_VERSION = "v1"
_LINE = regex.compile(
    rf"{_TAG} {_VERSION} (?P<alert>\S{{1,80}}) (?P<run>\S{{1,80}}) (?P<digest>[0-9a-f]{{12}})"
    r"(?: (?P<relation>replaces|repeats) (?P<other>\S{1,48}))?"
)
_TAGS = regex.compile(r"<[^<>]{0,2000}>")
_LONGEST_NAME = 48


@dataclass(frozen=True, slots=True)
class Marker:
    """The last line of each comment by this program: visible text, since a sanitiser drops HTML comments.

    `triage-marker: v1 <alert id> <run id> <digest>`, where the digest is of the text above as it was sent, whatever a server
    has made of its markup; then, on a second comment, `replaces <comment id>` or `repeats <comment id>`.
    """

    alert: str
    """Alert id, with everything but letters, digits, `_` and `-` percent-encoded."""
    run: str
    """Run id, encoded likewise."""
    digest: str
    """12 hexadecimal digits of SHA-256 over the text above the marker."""
    relation: Literal["", "replaces", "repeats"] = ""
    """`replaces`: the other comment could not be updated. `repeats`: the other comment holds the result."""
    other: str = ""
    """Comment id, encoded likewise."""

    @classmethod
    def of(cls, alert_id: str, run_id: str, content: str) -> Self:
        """The marker for a text that has none yet."""
        return cls(_name(alert_id), _name(run_id), hashlib.sha256(_bytes(content)).hexdigest()[:12])

    @property
    def line(self) -> str:
        more = f" {self.relation} {self.other}" if self.relation else ""
        return f"{_TAG} {_VERSION} {self.alert} {self.run} {self.digest}{more}"

    def is_for(self, alert_id: str) -> bool:
        return self.alert == _name(alert_id)

    def concerns(self, comment_id: str) -> bool:
        """Whether the relation points at that comment."""
        return bool(self.relation) and self.other == _name(comment_id)

    def sign(self, content: str, format: Format) -> str:  # noqa: A002 - Panther's word
        """Put the marker below a text that has none yet."""
        says = {
            "replaces": f"This comment replaces comment {self.other}, which could not be updated.",
            "repeats": f"The result of the investigation is in comment {self.other}; this one can be ignored.",
            "": "",
        }[self.relation]
        lines = [line for line in (says, self.line) if line]
        if format == "HTML":
            return "\n".join((content, *(f"<p>{html.escape(line)}</p>" for line in lines)))
        return "\n\n".join((content, *lines))


def find_marker(body: str) -> Marker | None:
    """The marker in the last line of a comment's body, HTML or text; `None` where there is none.

    A marker that is quoted further up, or after other words in its line, is not the comment's own.
    """
    text = html.unescape(_TAGS.sub("\n", body[-4_000:]))
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
    match = _LINE.fullmatch(last)
    if match is None:
        return None
    relation: Literal["", "replaces", "repeats"] = ""
    if match["relation"]:
        relation = "replaces" if match["relation"] == "replaces" else "repeats"
    return Marker(match["alert"], match["run"], match["digest"], relation, match["other"] or "")


@dataclass(frozen=True, slots=True)
class Report:
    """A comment in both forms. Each body ends with the marker line."""

    html: str
    text: str
    brief_html: str
    """Verdict and summary only, for a Panther that rejects the whole as too long."""
    brief_text: str

    def body(self, format: Format, *, brief: bool = False) -> str:  # noqa: A002 - Panther's word
        """One form of it."""
        if format == "HTML":
            return self.brief_html if brief else self.html
        return self.brief_text if brief else self.text


def related(body: str, relation: Literal["replaces", "repeats"], comment_id: str, format: Format) -> str:  # noqa: A002 - Panther's word
    """The same body with a note on how it relates to another comment. Raises ValueError for a body without marker."""
    return _resigned(body, relation, _name(comment_id), format)


def related_like(body: str, marker: Marker | None, format: Format) -> str:  # noqa: A002 - Panther's word
    """The same body, which replaces whatever the comment with that marker replaces.

    Raises ValueError for a body without a marker.
    """
    if marker is None or marker.relation != "replaces":
        return body
    return _resigned(body, marker.relation, marker.other, format)


def superseded(alert_id: str, run_id: str, comment_id: str, format: Format) -> str:  # noqa: A002 - Panther's word
    """The body of a duplicate comment that only points to the one with the result."""
    content = "<p>Superseded</p>" if format == "HTML" else "Superseded"
    return related(Marker.of(alert_id, run_id, content).sign(content, format), "repeats", comment_id, format)


def _resigned(body: str, relation: Literal["replaces", "repeats"], other: str, format: Format) -> str:  # noqa: A002 - Panther's word
    found = find_marker(body)
    if found is None:
        raise ValueError("the body has no marker")
    content = body[: body.rindex(_TAG)].removesuffix("<p>").rstrip()
    return replace(found, relation=relation, other=other).sign(content, format)


def digest(body: str) -> str:
    """SHA-256 of a body, in hexadecimal."""
    return hashlib.sha256(_bytes(body)).hexdigest()


def _name(text: str) -> str:
    # A dot could turn an id into a domain, and so into a link.
    encoded = quote(_bytes(text), safe="").replace(".", "%2E").replace("~", "%7E") or "-"
    if len(encoded) <= _LONGEST_NAME:
        return encoded
    return f"sha256-{hashlib.sha256(_bytes(text)).hexdigest()[:32]}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
