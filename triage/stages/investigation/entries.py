"""How an answer is written for the model: what is known of it in our own words, then its rows between markers.

In the dossier, an answer without anything to show has no block of its own: those that say the same, such as that no rows
came and that this proves nothing for one reason, share a line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue

from triage.domain.answer_secrets import rows_without_secrets
from triage.domain.evidence import Evidence, Source
from triage.domain.redaction import redact, redact_json
from triage.domain.sql.sources import sources_of
from triage.domain.step import step_of
from triage.domain.untrusted import Caps, Fence, visible_json
from triage.stages.investigation.dossier_parts import MAX_QUESTION_CHARS, rows_within, shortened_line
from triage.stages.investigation.legend import legend_of
from triage.stages.investigation.shown_rows import show_answer
from triage.stages.investigation.telling import telling_first

_TABLES = "tables"
_DOSSIER_ROWS = 12
"""Of one answer; `rows` shows the others."""
_DOSSIER_CHARS = 2_000
_RECORDS = 8
"""Of the alert's events, in full or what differs."""
_STEP_ROWS = 5
_OTHERS_ROWS = 4
"""Of who else is at an address, and of earlier alerts, whose endings are counted in an answer of their own."""
_OTHERS = frozenset({"address_others", "address_signins", "target_places"})
_REPEATING = ("p_alert_", "p_rule_", "p_any_", "p_schema_version", "p_source_id", "p_row_id", "p_parse_time")
"""Begin the columns of an event that repeat its own values, or the alert and its detection, which are shown above, or
say where and when Panther filed it."""
_QUERIED = frozenset({Source.QUERY, Source.TOOL})
_MORE_EVENTS = "tool.more_events"
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


@dataclass(frozen=True, slots=True)
class DossierEvidence:
    """The evidence of a dossier, written."""

    rest: tuple[str, ...]
    """Lines about answers without anything to show."""
    unanswered: str
    """Questions without an answer, and why, between markers; empty if there is none."""
    rows: str
    """All other answers between markers: a line on each, which begins with `##` as no row can, then its rows."""


@dataclass(frozen=True, slots=True)
class EntryWriter:
    """Writes answers for one run."""

    fence: Fence
    moment: datetime | None = None
    """The alert's first event, which windows are told by."""
    now: datetime | None = None

    def dossier(self, entries: Sequence[Evidence], caps: Caps) -> DossierEvidence:
        """All answers that a dossier shows.

        Args:
            entries: In their order.
            caps: How much of each.
        """
        blocks: list[str] = []
        legends: set[str] = set()
        rest: dict[str, list[str]] = {}
        errors: dict[str, list[str]] = {}
        for place, entry in enumerate(entries):
            if not entry.answered:
                errors.setdefault(shortened_line(redact(entry.error), MAX_QUESTION_CHARS), []).append(entry.id)
                continue
            found = _instead(entry, entries[:place])
            if found:
                rest.setdefault(found, []).append(self._named(entry))
                continue
            head, body = self.parts(entry, _dossier_caps(entry, caps))
            legend = legend_of(entry)
            told = f" {legend}" if legend and legend not in legends else ""
            legends.add(legend)
            blocks.append(f"## {entry.id} {head}{told}\n{body}")
        return DossierEvidence(
            tuple(f"{', '.join(names)}: {found}." for found, names in rest.items()),
            self.fence.wrap("unanswered", "\n".join(visible_json({", ".join(ids): why}) for why, ids in errors.items()))
            if errors
            else "",
            self.fence.wrap("evidence", "\n".join(blocks)) if blocks else "",
        )

    def parts(self, entry: Evidence, caps: Caps) -> tuple[str, str]:
        """Our own words on an answer; then what others had a hand in: its rows or the lake's error."""
        # What a playbook asked says under Questions which table it was.
        facts = [] if entry.source is Source.QUERY else [f"source {entry.source.value}"]
        facts += [f"window {window}"] if (window := self._window(entry)) else []
        if not entry.answered:
            error = shortened_line(redact(entry.error), MAX_QUESTION_CHARS)
            return f"{'; '.join([*facts, 'no answer'])}.", f"error: {visible_json(error)}"
        rows = rows_of(entry, 0)
        records = entry.source is Source.EVENTS or entry.key == _MORE_EVENTS
        order = list(range(len(rows)))
        text, shown = show_answer(rows, order, caps, records=records)
        if len(shown) < len(rows):
            order = _judged_first(rows) or telling_first(rows, entry.log_type, moment=self.moment)
            text, shown = show_answer(rows, order, caps, records=records)
        # An alert's events are kept by rarity, all other rows by order.
        which = "a choice of" if entry.source is Source.EVENTS else "the first"
        stored = f", {which} {len(entry.rows)} stored" if len(entry.rows) < entry.row_count else ""
        facts.append(f"{entry.row_count} row{'' if entry.row_count == 1 else 's'}{stored}{cut(entry)}")
        if not entry.row_count and entry.source in _QUERIED:
            facts.append(_absence(entry))
        if len(shown) < len(rows):
            facts.append(f"rows {_ranges(shown)} shown" if shown else "none shown")
        return f"{'; '.join(facts)}.", text

    def page(self, entry: Evidence, start: int, caps: Caps) -> str:
        """Stored rows of an answer from a number on."""
        rows = rows_of(entry, start)
        if not rows:
            return f"{entry.id} has {len(entry.rows)} stored rows; there is no row {start}."
        records = entry.source is Source.EVENTS or entry.key == _MORE_EVENTS
        text, shown = show_answer(rows, range(len(rows)), caps, first=start, records=records)
        head = f"{entry.id}: rows {start} to {start + len(shown) - 1} of {len(entry.rows)} stored."
        return f"{head}\n{self.fence.wrap(entry.id, text)}"

    def _named(self, entry: Evidence) -> str:
        window = self._window(entry)
        return f"{entry.id} ({window})" if window and not entry.row_count else entry.id

    def _window(self, entry: Evidence) -> str:
        """The window as offsets to the alert's first event, in the terms of `ask`."""
        if entry.start is None or entry.end is None:
            return ""
        if self.moment is None:
            return f"{_in_utc(entry.start)} to {_in_utc(entry.end)}"
        end = "now" if self.now is not None and entry.end == self.now else _offset(entry.end - self.moment)
        return f"{_offset(entry.start - self.moment)} to {end}"


def _dossier_caps(entry: Evidence, caps: Caps) -> Caps:
    if entry.source is Source.EVENTS:
        return Caps(caps.field, caps.row, min(caps.rows, _RECORDS), caps.chars)
    # A step says what its rows come to.
    others = entry.source is Source.HISTORY or entry.key.rpartition(".")[2] in _OTHERS
    most = _OTHERS_ROWS if others else _DOSSIER_ROWS
    most = _STEP_ROWS if step_of(entry.key) is not None else most
    return Caps(caps.field, caps.row, min(caps.rows, most), min(caps.chars, _DOSSIER_CHARS))


def _instead(entry: Evidence, earlier: Sequence[Evidence]) -> str:
    """What is said of an answer in place of its rows; empty where its rows are shown."""
    if entry.source is Source.DETECTION:
        return "row 0 is shown under Detection"
    if entry.source is Source.ALERT:
        return "row 0 is shown under Alert"
    if entry.key == _TABLES and entry.rows:
        return "not shown here; `show_columns` has the columns of a table"
    if not entry.rows and entry.row_count:
        return f"{entry.row_count} rows, none stored{cut(entry)}"
    if not entry.rows:
        return f"no rows{cut(entry)}{f'; {_absence(entry)}' if entry.source in _QUERIED else ''}"
    told = next((each for each in earlier if each.key == "history" and entry.key == "outcomes"), None)
    if told is not None and told.row_count == len(told.rows) <= _OTHERS_ROWS:
        return f"counts the rows of {told.id}"
    within = rows_within(entry, earlier)
    return f"its {len(entry.rows)} rows are all among those of {within}" if within else ""


def _absence(entry: Evidence) -> str:
    if entry.proves_absence:
        return "the absence is proven"
    if entry.proven_until is not None:
        reasons = "; ".join(entry.coverage.gaps_after)
        return f"the absence is proven until {_in_utc(entry.proven_until)}, later rows may be missing ({reasons})"
    return f"the absence is not proven ({'; '.join(entry.coverage.gaps) or 'coverage not measured'})"


def cut(entry: Evidence) -> str:
    """Says that an answer was cut; empty if it wasn't."""
    return " (cut)" if entry.truncated else ""


def rows_of(entry: Evidence, start: int) -> tuple[dict[str, JsonValue], ...]:
    """The rows from a number on, read for secrets once more."""
    rows = entry.rows[start:]
    if entry.source is Source.EVENTS:
        rows = tuple({name: value for name, value in row.items() if not name.startswith(_REPEATING)} for row in rows)
    if entry.source is Source.QUERY and entry.sql:
        # Read by the sources of its columns when it came; parsing the statement again would cost more than it shows.
        return tuple({column: redact_json(value) for column, value in row.items()} for row in rows)
    return rows_without_secrets(rows, entry.columns, sources_of(entry.sql) if entry.sql else None)


def _judged_first(rows: Sequence[Mapping[str, JsonValue]]) -> list[int]:
    """Earlier alerts that people have judged, then the others: an open one says nothing. Empty for other rows."""
    if not any("judged" in row for row in rows):
        return []
    return sorted(range(len(rows)), key=lambda place: rows[place].get("judged") is not True)


def _ranges(numbers: Sequence[int]) -> str:
    """`0 to 3, 7, 9`."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(f"{part[0]} to {part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)


def _offset(since: timedelta) -> str:
    """`-30d`, `+1h30m`, `+0s`; to the second."""
    seconds = round(since.total_seconds()) or -(since < timedelta())
    left, parts = abs(seconds), []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        parts += [f"{count}{unit}"] if count else []
    return f"{'-' if seconds < 0 else '+'}{''.join(parts) or '0s'}"


def _in_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
