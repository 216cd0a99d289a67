"""Rows collected up to limits."""

from pydantic import JsonValue

from triage.domain.cuts import CUT
from triage.edges.panther.body import canonical

_LONGEST = 4_096
"""Characters of a text, or items of a list, that a giant record keeps at first; halved until it fits."""
_SHORTEST = 16


class RowBuffer:
    """Takes rows in the server's order until a limit is reached.

    A row that is larger than the whole budget has its longest parts cut until it takes a quarter of the budget, so that
    neither it nor those after it can be hidden by padding; one that even so does not fit is left out. The first other
    row that no longer fits ends the reading.
    """

    def __init__(self, rows: int, size: int) -> None:
        self.rows: list[dict[str, JsonValue]] = []
        self.bytes = 0
        self.seen = 0
        """Rows added, whether kept or not."""
        self.truncated = False
        self._rows = rows
        self._size = size
        self._ended = rows <= 0

    @property
    def full(self) -> bool:
        """Whether nothing more can be kept."""
        return self._ended or len(self.rows) >= self._rows

    def add(self, row: dict[str, JsonValue] | None) -> None:
        """Keep a row, or mark what is kept as truncated; `None` is a row that could not be read."""
        self.seen += 1
        if row is None or self.full:
            self.truncated = True
            return
        clean, size = canonical(row)
        if self.bytes + size <= self._size:
            self.rows.append(clean)
            self.bytes += size
            return
        self.truncated = True
        if size <= self._size:
            self._ended = True
            return
        short = _shortened(clean, min(self._size // 4, self._size - self.bytes))
        if short is not None:
            self.rows.append(short[0])
            self.bytes += short[1]


def _shortened(row: dict[str, JsonValue], size: int) -> tuple[dict[str, JsonValue], int] | None:
    """The row with long texts, lists and objects cut until its canonical JSON takes `size` bytes at most."""
    longest = _LONGEST
    while longest >= _SHORTEST:
        cut, taken = canonical({key[:longest]: _cut(value, longest) for key, value in list(row.items())[:longest]})
        if taken <= size:
            return cut, taken
        longest //= 2
    return None


def _cut(value: JsonValue, longest: int) -> JsonValue:
    if isinstance(value, str):
        return value if len(value) <= longest else f"{value[:longest]}{CUT}"
    if isinstance(value, list):
        return [_cut(item, longest) for item in value[:longest]]
    if isinstance(value, dict):
        return {key[:longest]: _cut(item, longest) for key, item in list(value.items())[:longest]}
    return value
