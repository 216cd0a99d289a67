"""What a command logs to stderr: timed lines for people, or JSON lines; trouble that lasts is repeated ever less often."""

import json
import logging
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from triage.domain.clean import printable_sentence
from triage.domain.redaction import redact
from triage.ports import Progress

LogFormat = Literal["human", "json"]
FIRST_REPEAT = 60.0
LONGEST_REPEAT = 3600.0
"""Seconds after which the same trouble is logged again: twice as long each time, from the first to the longest."""
_LINE = 600
"""Characters of a line for people."""
_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "taskName"}
_PROGRAM = ("triage", "uvicorn", "asyncio", "mcp", "opentelemetry")
"""The loggers that are shown: the program's own, and those of what it runs on."""
run_log = logging.getLogger("triage.run")
"""What `triage run` says of its start, its end, and each alert."""
progress_log = logging.getLogger("triage.progress")
"""What the stages report as they go."""


def _fields(record: logging.LogRecord) -> dict[str, object]:
    """What a call has passed as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in _KNOWN}


def _at(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _exception(record: logging.LogRecord, formatter: logging.Formatter) -> list[str]:
    """The type and the place, not the text of values: a traceback's last line could quote log text."""
    if not record.exc_info or record.exc_info[0] is None:
        return []
    return formatter.formatException(record.exc_info).splitlines()[-3:]


class JsonLines(logging.Formatter):
    """One JSON object a line: `time`, `level`, `event`, `alert_id` where there is one, then what else is known."""

    def format(self, record: logging.LogRecord) -> str:
        """Make the line."""
        fields = _fields(record)
        head = {"time": _at(record).isoformat(), "level": record.levelname.lower()}
        body: dict[str, object] = {**head, "event": fields.pop("event", record.getMessage())}
        for name in ("alert_id", *fields):
            if name in fields:
                body[name] = fields[name]
        body["logger"] = record.name
        if found := _exception(record, self):
            body["exception"] = found
        return redact(json.dumps(body, ensure_ascii=True, default=str))


class HumanLines(logging.Formatter):
    """One line with its time: what happened, and why. What has an `event` of its own is a sentence already."""

    def format(self, record: logging.LogRecord) -> str:
        """Make the line."""
        fields = _fields(record)
        more = fields.pop("more", 0)
        parts = [f"{_at(record):%Y-%m-%d %H:%M:%SZ}"]
        if record.levelno >= logging.WARNING and "ends" not in fields:
            parts.append(f"{record.levelname.lower()}:")
        if "event" in fields:
            parts.append(record.getMessage())
        else:
            if alert_id := fields.pop("alert_id", ""):
                parts.append(f"{alert_id}:")
            error = fields.pop("error", "")
            parts.append(f"{record.getMessage()}: {error}" if error else record.getMessage())
            fields.pop("ends", "")
            if fields:
                parts.append("(" + ", ".join(f"{name} {value}" for name, value in fields.items()) + ")")
        if more:
            parts.append(f"[{more} more like it since]")
        # Redacted whole: half a secret, where the line is cut, has no shape.
        return printable_sentence(redact(" ".join((*parts, *_exception(record, self)))), _LINE)


@dataclass(slots=True)
class _Trouble:
    shown_at: float
    pause: float = FIRST_REPEAT
    more: int = 0


class Throttle(logging.Filter):
    """Lets a warning through at once, and the same one again after a minute, two, four, and so on up to an hour.

    Two are the same if their error is, numbers aside; without one, if their event is. What carries `ends` says that the
    trouble is over: all begins anew.
    """

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, _Trouble] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is shown; sets `more`, the number of lines like it that were not."""
        if record.levelno < logging.WARNING or record.exc_info:
            return True
        if hasattr(record, "ends"):
            self._known.clear()
            return True
        fields: Mapping[str, object] = vars(record)
        said = str(fields.get("error") or fields.get("problem") or record.getMessage())
        key = re.sub(r"\d+", "0", said.partition(" (")[0])
        trouble = self._known.get(key)
        if trouble is None or record.created - trouble.shown_at > 4 * trouble.pause:
            # Only so many are remembered: hostile text may make each one different.
            if len(self._known) >= _REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[key] = _Trouble(record.created)
            return True
        if record.created - trouble.shown_at < trouble.pause:
            trouble.more += 1
            return False
        if trouble.more:
            record.more = trouble.more
        self._known[key] = _Trouble(record.created, min(2 * trouble.pause, LONGEST_REPEAT))
        return True


_REMEMBERED = 200


def log_to_stderr(*, verbose: bool = False, quiet: bool = True, log_format: LogFormat = "human") -> None:
    """Configure logging for a command.

    Args:
        verbose: Each stage is logged.
        quiet: Errors alone; otherwise warnings too, and what `run_log` says.
        log_format: Lines for people, or JSON lines.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else HumanLines())
    handler.addFilter(Throttle())
    level = logging.INFO if verbose else logging.ERROR if quiet else logging.WARNING
    for name in _PROGRAM:
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(level if name == "triage" else max(level, logging.WARNING))
        logger.propagate = False
    run_log.setLevel(logging.NOTSET if quiet else logging.INFO)


def log_progress(progress: Progress) -> None:
    """An observer: what the stages report becomes a line, where each stage is logged."""
    facts: dict[str, object] = {"alert_id": progress.alert_id} if progress.alert_id else {}
    text = f"{progress.alert_id}: {progress.stage}: {progress.text}" if facts else f"{progress.stage}: {progress.text}"
    progress_log.info("%s", text, extra={"event": progress.stage, **facts, "text": progress.text, "ok": progress.ok})
