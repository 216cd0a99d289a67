"""The one scan for instructions in log text: which texts of an alert and of its evidence try to instruct their reader.

An instruction may be cut into parts, over the fields of a record or over one field of several records. Each text alone
is judged by `injection.looks_like_instruction`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from pydantic import JsonValue

from triage.domain.alert import Alert
from triage.domain.base import Row
from triage.domain.citation import ValueCitation
from triage.domain.evidence import MISSING, Evidence, Source, lookup
from triage.domain.injection import looks_like_instruction, speaks_to_reader
from triage.domain.later import later

MAX_FOUND = 20
_PIECE_CHARS = 160
"""Longer texts are not parts of a sentence that was cut over fields."""
_MAX_PIECES = 40
_REACH = 6
"""Parts that are read together."""
_MARKER = later(
    r"^\s*(?:[\[(]?(?:part\s*)?\d{1,2}\s*(?:/|of)\s*\d{1,2}[\])]?[:.)-]?|[\w-]{1,12}=|\d{1,2}[.):])\s*(?=\S)"
)
_PHRASE = later(r"[^\W\d_]{2,}[ ,;:]+[^\W\d_]{1,}")
_WHOLE = later(r"[:\"/#|]|[.!?]$")
"""Found in titles, commands and whole sentences, which are not parts."""
_SHARE = 0.7
"""Of a phrase's characters that are letters or blanks."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """A text that tries to instruct whoever reads it."""

    place: str
    """In words, such as `E1 row 0 userAgent` or `the alert's title`."""
    citation: ValueCitation | None
    """Set for a text of the alert's own events."""
    row: Row | None = None
    """The record that holds it; `None` for the alert's own title and context."""


def find_instructions(alert: Alert, evidence: Sequence[Evidence]) -> tuple[Instruction, ...]:
    """Texts in the alert's events, in what tools gave, and in the alert itself; the first `MAX_FOUND`.

    Args:
        alert: Its title and context quote events; its description is the detection's own.
        evidence: Of the whole run.
    """
    return tuple(islice(_find(alert, evidence), MAX_FOUND))


def _find(alert: Alert, evidence: Sequence[Evidence]) -> Iterator[Instruction]:
    for entry in evidence:
        if entry.source is Source.EVENTS:
            for number, path in instructions_among(entry.rows):
                value = lookup(entry.rows[number], path)
                cited = value is not MISSING and isinstance(value, str)
                yield Instruction(
                    f"{entry.id} row {number} {path[:200]}",
                    ValueCitation(evidence=entry.id, row=number, column=path, value=str(value)) if cited else None,
                    entry.rows[number],
                )
        elif entry.source is Source.TOOL:
            for number, row in enumerate(entry.rows):
                for path in instructions_in(row):
                    yield Instruction(f"{entry.id} row {number} {path[:200]}", None, row)
    own: dict[str, JsonValue] = {"title": alert.title, "context": alert.context}
    for path in instructions_in(own):
        yield Instruction(f"the alert's {path[:200]}", None)


def instructions_in(row: JsonValue | Row) -> tuple[str, ...]:
    """Dotted paths of the texts in a record that try to instruct their reader, alone or read together.

    See `looks_like_instruction` and `split_instructions`.
    """
    return tuple(path for _, path in instructions_among([row]))


def instructions_among(rows: Sequence[JsonValue | Row]) -> tuple[tuple[int, str], ...]:
    """Row number and dotted path of each text that tries to instruct its reader.

    The texts of each record are read alone, then together in the order of its fields, then those of one field over all
    records: an instruction may be cut into parts.
    """
    pieces = [[Piece(path, text, number) for path, text in texts_in(row)] for number, row in enumerate(rows)]
    alone = [piece for row in pieces for piece in row if looks_like_instruction(piece.text)]
    found = {(piece.row, piece.path): None for piece in alone}
    for row in pieces:
        found |= {(piece.row, piece.path): None for piece in split_instructions(row)}
    if len(rows) > 1:
        by_path: dict[str, dict[str, Piece]] = {}
        for row in pieces:
            for piece in row:
                by_path.setdefault(piece.path, {}).setdefault(piece.text, piece)
        for column in by_path.values():
            if len(column) > 1:
                found |= {(piece.row, piece.path): None for piece in split_instructions(list(column.values()))}
    return tuple(found)


def texts_in(value: JsonValue | Row, path: str = "") -> Iterable[tuple[str, str]]:
    """Every text of a JSON value with its dotted path; keys that hold whitespace count as text too."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from texts_in(item, f"{path}.{place}" if path else str(place))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            below = f"{path}.{key}" if path else key
            if " " in key:
                yield below, key
            yield from texts_in(item, below)


# ---- instructions in parts ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """A text and where it is."""

    path: str
    text: str
    row: int = 0


def split_instructions(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """The parts of an instruction that was cut over neighbouring texts; empty if there is none.

    Args:
        pieces: In reading order. Only short phrases and numbered or assigned parts count, and none that is an
            instruction by itself.
    """
    parts = [piece for piece in pieces if _is_part(piece.text)][:_MAX_PIECES]
    if len(parts) <= 1:
        return ()
    texts = tuple(_MARKER.sub("", piece.text) for piece in parts)
    places = _parts_of_instruction(texts)
    return tuple(parts[place] for place in places)


@lru_cache(maxsize=2_048)
def _parts_of_instruction(texts: tuple[str, ...]) -> tuple[int, ...]:
    """Places of the neighbours that form an instruction together."""
    if not any(speaks_to_reader(joint.join(texts)) for joint in ("", " ")):
        return ()
    found: dict[int, None] = {}
    for start in range(len(texts)):
        for stop in range(start + 2, min(start + _REACH, len(texts)) + 1):
            if not all(text[:1].islower() or text[:1] in ",;" for text in texts[start + 1 : stop]):
                # What continues a sentence doesn't begin with a capital.
                break
            if any(speaks_to_reader(joint.join(texts[start:stop])) for joint in ("", " ")):
                found |= dict.fromkeys(range(start, stop))
                break
    return tuple(found)


@lru_cache(maxsize=8_192)
def _is_part(text: str) -> bool:
    if not 1 < len(text) <= _PIECE_CHARS or looks_like_instruction(text):
        return False
    if _MARKER.match(text) is not None:
        return True
    plain = sum(letter.isalpha() or letter == " " for letter in text)
    return _PHRASE.search(text) is not None and plain >= _SHARE * len(text) and _WHOLE.search(text) is None


INSTRUCTION_FINDING = "A log field tries to instruct whoever reads it"
"""Begins the finding that code makes of such a text."""
