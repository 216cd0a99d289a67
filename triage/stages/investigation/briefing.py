"""The conversation's texts: the dossier, tool results, and what is said when something went wrong."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from triage.domain.alert import Alert
from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence
from triage.domain.finding import Issue
from triage.domain.redaction import redact, redact_json
from triage.domain.untrusted import Caps, Fence, shorten, show_rows, visible, visible_json
from triage.ports import Prompts

_LONG = 4_000
"""Characters of a detection's source or description that are shown."""
_ENTITIES = 60
_QUESTION = 300


@dataclass(frozen=True, slots=True)
class Briefing:
    """Renders everything that the model reads in one run."""

    prompts: Prompts
    fence: Fence
    steps: tuple[str, ...]
    """Of the runbook."""

    @property
    def canary(self) -> str:
        """A word that stands in the instructions only; whatever carries it comes from a model that leaks them.

        It depends on the templates alone, so that the prompt's beginning is the same for every alert.
        """
        return hashlib.sha256(f"canary {self.prompts.digest}".encode()).hexdigest()[:20]

    def system(self) -> str:
        """The instructions: no alert data and no nonce, the same for every alert."""
        return self.prompts.render("system.md.j2", {"canary": self.canary})

    def dossier(self, dossier: Dossier, *, chars: int, turns: int, queries: int) -> str:
        """The detection, then the alert with its evidence, in about `chars` characters."""
        caps = Caps()
        while True:
            text = self._dossier(dossier, caps, turns=turns, queries=queries)
            if len(text) <= chars or caps == caps.halved():
                return text
            caps = caps.halved()

    def _dossier(self, dossier: Dossier, caps: Caps, *, turns: int, queries: int) -> str:
        variables: dict[str, object] = {
            "detection": _detection(dossier, min(_LONG, caps.chars)),
            "runbook": list(self.steps),
            "nonce": self.fence.nonce,
            "alert": self.fence.wrap("alert", visible_json(_alert(dossier.alert, caps))),
            "now": dossier.now.isoformat(),
            "entities": self.fence.wrap("entities", _entities(dossier, caps)),
            "signals": self.fence.wrap("signals", _signals(dossier, caps)),
            "evidence": [self._entry(entry, caps) for entry in dossier.evidence],
            "notes": self.fence.wrap("notes", _notes(dossier, caps)),
            "turns": turns,
            "queries": queries,
        }
        return self.prompts.render("dossier.md.j2", variables)

    def _entry(self, entry: Evidence, caps: Caps) -> dict[str, str]:
        head, body = self._parts(entry, caps)
        return {"id": entry.id, "head": head, "body": body}

    def _parts(self, entry: Evidence, caps: Caps) -> tuple[str, str]:
        """Our own words on an answer; then, fenced, what others had a hand in: question, rows, the lake's error."""
        facts = [f"source {entry.source.value}"]
        if entry.table:
            facts.append(f"table {visible(entry.table)}")
        if entry.start is not None and entry.end is not None:
            facts.append(f"window {entry.start.isoformat()} to {entry.end.isoformat()}")
        lines = [f"question: {visible_json(shorten_text(entry.question, _QUESTION))}"]
        if not entry.answered:
            facts.append("no answer")
            lines.append(f"error: {visible_json(shorten_text(redact(entry.error), _QUESTION))}")
            return f"{'; '.join(facts)}.", self.fence.wrap(entry.id, "\n".join(lines))
        text, shown = show_rows((_redacted(row) for row in entry.rows), caps)
        stored = f", the first {len(entry.rows)} stored" if len(entry.rows) < entry.row_count else ""
        facts.append(f"{entry.row_count} rows{stored}{' (cut)' if entry.truncated else ''}")
        if entry.measured:
            facts.append("measured by the program")
        if not entry.row_count:
            gaps = "; ".join(entry.coverage.gaps) or "coverage not measured"
            facts.append(
                "the absence is proven" if entry.coverage.proves_absence else f"the absence is not proven ({gaps})"
            )
        if shown < len(entry.rows):
            facts.append(f"rows 0 to {shown - 1} shown, narrow the question to see others")
        if text:
            lines.append(text)
        return f"{'; '.join(facts)}.", self.fence.wrap(entry.id, "\n".join(lines))

    def tool_result(self, entry: Evidence, content: str, caps: Caps) -> str:
        """What the model reads of a tool's rows."""
        head, body = self._parts(entry, caps)
        return "\n".join(part for part in (f"{entry.id}: {head}", body, content and self.words(content)) if part)

    def words(self, text: str) -> str:
        """What the model reads of a tool beside rows: names and messages, which others may have chosen."""
        return self.fence.wrap("message", visible_lines(text))

    def removed(self, entry: Evidence) -> str:
        """What stays of a tool's rows after they had to make room."""
        return f"{entry.id}: {entry.row_count} rows, removed from this conversation to make room. They can be cited."

    def repair(self, problems: Sequence[str]) -> str:
        """Everything that is wrong with a result's form."""
        return self.prompts.render("repair.md.j2", {"problems": list(problems)})

    def objections(self, issues: Sequence[Issue]) -> str:
        """Everything that verification holds against a draft."""
        listed = [{"finding": issue.finding, "message": shorten(issue.message, 600)} for issue in issues]
        return self.prompts.render("issues.md.j2", {"issues": listed})

    def last_turn(self, reason: str) -> str:
        """The budget is used up."""
        return self.prompts.render("last_turn.md.j2", {"reason": reason})

    def nudge(self, reason: str) -> str:
        """A turn that called nothing."""
        return self.prompts.render("nudge.md.j2", {"reason": reason})


def shorten_text(text: str, limit: int) -> str:
    """One line of at most about `limit` characters."""
    found = shorten(" ".join(text.split()), limit)
    assert isinstance(found, str)
    return found


def visible_lines(text: str) -> str:
    """A text of several lines with everything invisible shown."""
    return "\n".join(visible(line) for line in text.splitlines())


def _redacted(row: dict[str, JsonValue]) -> dict[str, JsonValue]:
    found = redact_json(row)
    assert isinstance(found, dict)
    return found


def _detection(dossier: Dossier, limit: int) -> JsonValue:
    detection = dossier.detection
    found: dict[str, JsonValue] = {
        "id": detection.id,
        "name": detection.name,
        "type": detection.type,
        "severity": detection.severity.value if detection.severity is not None else None,
        "description": detection.description,
        "runbook": detection.runbook,
        "reference": detection.reference,
        "log_types": list(detection.log_types),
        "tags": list(detection.tags),
        "techniques": list(detection.techniques),
        "threshold": detection.threshold,
        "dedup_minutes": detection.dedup_minutes,
        "deleted": detection.deleted or None,
        "body": detection.body,
    }
    return shorten(redact_json({key: value for key, value in found.items() if value not in (None, "", [])}), limit)


def _alert(alert: Alert, caps: Caps) -> JsonValue:
    found: dict[str, JsonValue] = {
        "id": alert.id,
        "title": alert.title,
        "severity": alert.severity.value,
        "status": alert.status.value,
        "type": alert.kind.value,
        "created_at": alert.created_at.isoformat(),
        "first_event_at": alert.first_event_at.isoformat() if alert.first_event_at is not None else None,
        "last_event_at": alert.last_event_at.isoformat() if alert.last_event_at is not None else None,
        "event_count": alert.event_count,
        "description": alert.description,
        "context": alert.context,
    }
    return shorten(redact_json({key: value for key, value in found.items() if value not in (None, "", {})}), caps.field)


def _entities(dossier: Dossier, caps: Caps) -> str:
    lines = []
    for entity in dossier.entities[:_ENTITIES]:
        shown: dict[str, JsonValue] = {"kind": entity.kind.value, "value": entity.value, "role": entity.role.value}
        if entity.facts:
            shown["facts"] = dict(entity.facts)
        lines.append(visible_json(shorten(redact_json(shown), caps.field)))
    if len(dossier.entities) > _ENTITIES:
        lines.append(f"{len(dossier.entities) - _ENTITIES} more")
    return "\n".join(lines) or "none"


def _signals(dossier: Dossier, caps: Caps) -> str:
    lines = []
    for signal in dossier.signals:
        shown: dict[str, JsonValue] = {
            "name": signal.name,
            "direction": signal.direction.value,
            "weight": signal.weight,
            "evidence": list(signal.evidence),
            "sentence": shorten(redact(signal.sentence), caps.field),
        }
        lines.append(visible_json(shown))
    return "\n".join(lines) or "none"


def _notes(dossier: Dossier, caps: Caps) -> str:
    notes = (*dossier.notes, *dossier.alert.notes)
    return "\n".join(visible_json(shorten(redact(note), caps.field)) for note in notes) or "none"
