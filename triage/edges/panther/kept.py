"""Rows kept up to limits."""

from pydantic import JsonValue

from triage.edges.panther.body import canonical


class Kept:
    """Takes rows in the server's order until a limit is reached.

    A row that is larger than the whole budget is left out, so that one giant record cannot hide those after it; the
    first other row that no longer fits ends the reading.
    """

    def __init__(self, rows: int, size: int) -> None:
        self.rows: list[dict[str, JsonValue]] = []
        self.bytes = 0
        self.seen = 0
        """Rows offered, kept or not."""
        self.truncated = False
        self._rows = rows
        self._size = size
        self._ended = rows <= 0

    @property
    def full(self) -> bool:
        """Whether nothing more can be kept."""
        return self._ended or len(self.rows) >= self._rows

    def add(self, row: dict[str, JsonValue] | None) -> None:
        """Keep a row, or mark what is kept as truncated; None stands for a row that could not be read."""
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
        self._ended = size <= self._size
