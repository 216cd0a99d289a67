"""Which parts a comment has, and how much of each.

| `writeback.length` | parts | how much |
|---|---|---|
| `brief` | summary, findings, against, unchecked, actions, footer | 5 lines of what could not be checked |
| `standard` | all | 8 events, 12 entities, SQL of what a finding cites and of what has no answer that counts |
| `full` | all | 20 events, 60 entities, all SQL |

`writeback.sections` names the parts instead; `length` then only says how much of each. The first line, the alert and
the marker are no parts: they are always there. What a part leaves out is counted in its last line.
"""

from dataclasses import dataclass, fields
from typing import Literal, get_args

from triage.settings import SectionName, WritebackSettings

SECTIONS: tuple[SectionName, ...] = get_args(SectionName)
"""In the comment's order."""

Length = Literal["brief", "standard", "full"]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much a comment holds."""

    sections: frozenset[str]
    events: int
    entities: int
    unchecked: int
    all_sql: bool
    """Of all evidence; else of what a finding cites, and of what has no answer that counts."""

    @classmethod
    def of(cls, settings: WritebackSettings) -> "Extent":
        """What the settings ask for."""
        usual = EXTENTS[settings.length]
        chosen = frozenset(settings.sections) or usual.sections
        return cls(chosen, *(getattr(usual, each.name) for each in fields(cls) if each.name != "sections"))

    def has(self, section: str) -> bool:
        return section in self.sections


_SHORT = frozenset({"summary", "findings", "against", "unchecked", "actions", "footer"})
EXTENTS: dict[Length, Extent] = {
    "brief": Extent(_SHORT, events=4, entities=8, unchecked=5, all_sql=False),
    "standard": Extent(frozenset(SECTIONS), events=8, entities=12, unchecked=40, all_sql=False),
    "full": Extent(frozenset(SECTIONS), events=20, entities=60, unchecked=200, all_sql=True),
}
