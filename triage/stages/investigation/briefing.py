"""Our side of the conversation: instructions, dossier, tool results, and objections."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import JsonValue

from triage.domain.answer_secrets import rows_without_secrets
from triage.domain.canary import canary_of
from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence, Source
from triage.domain.finding import Issue
from triage.domain.redaction import redact, redact_json
from triage.domain.sql.sources import sources_of
from triage.domain.step import StepOutcome, step_of
from triage.domain.untrusted import Caps, Fence, shorten, show_chosen_rows, show_rows, visible, visible_json
from triage.ports import Prompts
from triage.stages.investigation.dossier_parts import (
    MAX_QUESTION_CHARS,
    alert_record,
    detection_record,
    entity_lines,
    flag_lines,
    note_lines,
    question_list,
    rows_within,
    shortened_line,
    signal_lines,
    step_line,
    without_runbook,
)
from triage.stages.investigation.telling import telling_first

_MAX_DETECTION_CHARS = 4_000
"""Characters shown of a detection's source or description."""
_RHYTHM = "rhythm."
"""Start of the keys of questions that ask in which hours a table has rows."""
_TABLES = "tables"
_DOSSIER_ROWS = 8
"""Of one answer; `rows` shows the others."""
_STEP_ROWS = 5
_REPEATING = ("p_alert_", "p_rule_", "p_any_", "p_schema_version", "p_source_id")
"""Begin the columns of an event that repeat its own values, or the alert and its detection, which are shown above."""
_QUERIED = frozenset({Source.QUERY, Source.TOOL})


@dataclass(frozen=True, slots=True)
class Briefing:
    """Renders everything that the model reads in one run."""

    prompts: Prompts
    fence: Fence
    steps: tuple[StepOutcome, ...]
    """Of the runbook, with what code made of each."""
    moment: datetime | None = None
    """The alert's first event."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The steps as the runbook has them."""
        return tuple(outcome.text for outcome in self.steps)

    @property
    def canary(self) -> str:
        """A word that only the instructions hold: a reply that carries it comes from a model that leaks them."""
        return canary_of(self.prompts.digest)

    def system(self, *, tools: bool = True) -> str:
        """The instructions: no alert data and no nonce, the same for every alert.

        Args:
            tools: The model can call tools; otherwise it judges from the dossier.
        """
        return self.prompts.render("system.md.j2", {"canary": self.canary, "tools": tools})

    def dossier(self, dossier: Dossier, *, chars: int, turns: int, queries: int, tools: bool = True) -> str:
        """The detection, then the alert with its evidence, in about `chars` characters."""
        caps = Caps()
        while True:
            text = self._dossier(dossier, caps, turns=turns, queries=queries, tools=tools)
            if len(text) <= chars or caps == caps.halved():
                return text
            caps = caps.halved()

    def _dossier(self, dossier: Dossier, caps: Caps, *, turns: int, queries: int, tools: bool) -> str:
        # In which hours a table receives rows is coverage, which each answer states; it says nothing about the alert.
        shown = tuple(entry for entry in dossier.evidence if not entry.key.startswith(_RHYTHM))
        variables: dict[str, object] = {
            "detection": without_runbook(detection_record(dossier, min(_MAX_DETECTION_CHARS, caps.chars)), self.steps),
            "runbook": list(self.texts),
            "steps": self.fence.wrap("runbook", "\n".join(map(step_line, self.steps))) if self.steps else "",
            "questions": question_list(shown),
            "nonce": self.fence.nonce,
            "alert": self.fence.wrap("alert", visible_json(alert_record(dossier.alert, caps))),
            "now": dossier.now.isoformat(),
            "entities": self.fence.wrap("entities", entity_lines(dossier, caps)),
            "flags": self.fence.wrap("flags", flag_lines(dossier, caps)),
            "signals": self.fence.wrap("signals", signal_lines(dossier, caps)),
            "evidence": [self._entry(entry, caps, shown[:place]) for place, entry in enumerate(shown)],
            "notes": self.fence.wrap("notes", note_lines(dossier, caps)),
            "turns": turns,
            "queries": queries,
            "tools": tools,
        }
        return self.prompts.render("dossier.md.j2", variables)

    def _entry(self, entry: Evidence, caps: Caps, earlier: Sequence[Evidence]) -> dict[str, str]:
        """An entry of the dossier; its question and table are in the list before the alert."""
        if entry.source is Source.DETECTION and entry.answered:
            return {"id": entry.id, "head": "source detection; 1 row, shown above under Detection.", "body": ""}
        if entry.source is Source.ALERT:
            return {"id": entry.id, "head": "source alert; 1 row, shown above under Alert.", "body": ""}
        within = rows_within(entry, earlier)
        if within:
            head, _ = self._parts(entry, Caps(caps.field, caps.row, 0, caps.chars))
            return {
                "id": entry.id,
                "head": head.replace("none shown", f"all of them are among those of {within}"),
                "body": "",
            }
        most = min(caps.rows, _DOSSIER_ROWS)
        if entry.key == _TABLES:
            # `show_columns` has them whole.
            most = 0
        elif step_of(entry.key) is not None:
            # The step says what the rows come to.
            most = min(most, _STEP_ROWS)
        head, lines = self._parts(entry, Caps(caps.field, caps.row, most, caps.chars))
        return {"id": entry.id, "head": head, "body": self.fence.wrap(entry.id, "\n".join(lines)) if lines else ""}

    def _parts(self, entry: Evidence, caps: Caps) -> tuple[str, list[str]]:
        """Our own words on an answer; then what others had a hand in: its rows or the lake's error."""
        # What a playbook asked says under Questions which table it was.
        facts = [] if entry.source is Source.QUERY else [f"source {entry.source.value}"]
        if entry.start is not None and entry.end is not None:
            facts.append(f"window {_in_utc(entry.start)} to {_in_utc(entry.end)}")
        if not entry.answered:
            error = shortened_line(redact(entry.error), MAX_QUESTION_CHARS)
            return f"{'; '.join([*facts, 'no answer'])}.", [f"error: {visible_json(error)}"]
        text, shown = show_rows(_rows(entry, 0), caps)
        some = f"rows 0 to {shown - 1} shown"
        if 0 < shown < len(entry.rows):
            rows = list(_rows(entry, 0))
            order = telling_first(rows, entry.log_type, moment=self.moment)
            text, numbers = show_chosen_rows(rows, order, caps)
            shown, some = len(numbers), f"rows {_ranges(numbers)} shown"
        # An alert's events are kept by rarity, all other rows by order.
        which = "a choice of" if entry.source is Source.EVENTS else "the first"
        stored = f", {which} {len(entry.rows)} stored" if len(entry.rows) < entry.row_count else ""
        facts.append(f"{entry.row_count} rows{stored}{' (cut)' if entry.truncated else ''}")
        if not entry.row_count and entry.source in _QUERIED:
            gaps = "; ".join(entry.coverage.gaps) or "coverage not measured"
            facts.append("the absence is proven" if entry.proves_absence else f"the absence is not proven ({gaps})")
        if shown < len(entry.rows):
            facts.append(some if shown else "none shown")
        return f"{'; '.join(facts)}.", [text] if text else []

    def tool_result(self, entry: Evidence, content: str, caps: Caps) -> str:
        """What the model reads for a tool's rows."""
        head, lines = self._parts(entry, caps)
        question = f"question: {visible_json(shortened_line(entry.question, MAX_QUESTION_CHARS))}"
        body = self.fence.wrap(entry.id, "\n".join([question, *lines]))
        table = f"table {visible(entry.table)}; " if entry.table else ""
        return "\n".join(part for part in (f"{entry.id}: {table}{head}", body, content and self.words(content)) if part)

    def page(self, entry: Evidence, start: int, caps: Caps) -> str:
        """Stored rows of an answer from a number on."""
        rows = _rows(entry, start)
        if not rows:
            return f"{entry.id} has {len(entry.rows)} stored rows; there is no row {start}."
        text, shown = show_rows(rows, caps, first=start)
        head = f"{entry.id}: rows {start} to {start + shown - 1} of {len(entry.rows)} stored."
        return f"{head}\n{self.fence.wrap(entry.id, text)}"

    def words(self, text: str) -> str:
        """What the model reads for a tool beside rows: names and messages, which others may have chosen."""
        return self.fence.wrap("message", "\n".join(map(visible, text.splitlines())))

    def removed(self, entry: Evidence) -> str:
        """What is left of a tool's rows after they had to make room."""
        return f"{entry.id}: {entry.row_count} rows, removed from this conversation to make room. They can be cited."

    def repair(self, problems: Sequence[str]) -> str:
        """Everything that is wrong with a result's form."""
        return self.prompts.render("repair.md.j2", {"problems": list(problems)})

    def objections(self, issues: Sequence[Issue]) -> str:
        """Everything that verification objects to in a draft."""
        listed = [{"finding": issue.finding, "message": shorten(issue.message, 600)} for issue in issues]
        return self.prompts.render("issues.md.j2", {"issues": listed})

    def last_turn(self, reason: str) -> str:
        """Says that the budget is used up."""
        return self.prompts.render("last_turn.md.j2", {"reason": reason})

    def form(self, schema: str) -> str:
        """Asks for the result as JSON, without a tool."""
        return self.prompts.render("form.md.j2", {"schema": schema})

    def nudge(self, reason: str) -> str:
        """Says that a turn called no tool."""
        return self.prompts.render("nudge.md.j2", {"reason": reason})


def _ranges(numbers: Sequence[int]) -> str:
    """`0 to 3, 7, 9`."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(f"{part[0]} to {part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)


def _rows(entry: Evidence, start: int) -> tuple[dict[str, JsonValue], ...]:
    """The rows from a number on, read for secrets once more."""
    rows = entry.rows[start:]
    if entry.source is Source.EVENTS:
        rows = tuple({name: value for name, value in row.items() if not name.startswith(_REPEATING)} for row in rows)
    if entry.source is Source.QUERY and entry.sql:
        # Read by the sources of its columns when it came; parsing the statement again would cost more than it shows.
        return tuple({column: redact_json(value) for column, value in row.items()} for row in rows)
    return rows_without_secrets(rows, entry.columns, sources_of(entry.sql) if entry.sql else None)


def _in_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
