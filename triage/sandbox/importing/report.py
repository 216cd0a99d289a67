"""What an import did, and what it left out."""

from collections import Counter
from dataclasses import dataclass, field

MAX_NAMED = 100
"""Problems that are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was not taken in."""

    file: str
    line: int
    """One-based; in an array of records the number of the record. 0: the file as a whole."""
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}" if self.line else f"{self.file}: {self.reason}"


@dataclass(slots=True)
class Report:
    """Counts of one import; `problems` names the first hundred, `reasons` counts them all."""

    records_read: int = 0
    records_added: dict[str, int] = field(default_factory=dict)
    """New rows by table."""
    duplicates: int = 0
    """Records that were there already: the same log type and content."""
    rules_read: int = 0
    rules_added: int = 0
    rules_changed: int = 0
    rules_by_kind: dict[str, int] = field(default_factory=dict)
    not_detections: dict[str, int] = field(default_factory=dict)
    """YAML files of other kinds (helpers, data models, queries, packs), left aside by their kind."""
    alerts_added: int = 0
    labels_added: int = 0
    labels_changed: int = 0
    alerts: int = 0
    """Alerts that the world now has."""
    labels: int = 0
    """Labels that the world now has."""
    tables: dict[str, int] = field(default_factory=dict)
    """Rows that each touched log table now has."""
    first: str = ""
    last: str = ""
    """Times of the oldest and the newest row of the touched tables; empty where none was."""
    now: str = ""
    head_changed: bool = False
    """Whether a world that was there got another moment or name."""
    skipped_files: int = 0
    """Directory entries that are no log files or point outside of the directory."""
    rejected: int = 0
    """Lines, records, rules, alerts and files that were not taken in."""
    reasons: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    def reject(self, file: object, line: int, reason: str) -> None:
        """Count what is left out, and name it while there is room."""
        self.rejected += 1
        self.reasons[reason] += 1
        if len(self.problems) < MAX_NAMED:
            self.problems.append(Problem(str(file), line, reason))

    @property
    def changed(self) -> bool:
        """Whether the import added or changed anything."""
        return bool(
            any(self.records_added.values())
            or self.rules_added
            or self.rules_changed
            or self.alerts_added
            or self.labels_added
            or self.labels_changed
            or self.head_changed
        )
