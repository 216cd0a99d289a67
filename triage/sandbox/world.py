"""A world: a directory that holds a whole Panther instance, loaded into memory."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from triage.errors import ConfigError, NotFound
from triage.sandbox.times import parse_time, shift_times

Record = dict[str, object]
"""A JSON object of the world's files."""

LakeTable = tuple[str, str]
"""Database and table name, such as `("panther_logs", "aws_cloudtrail")`."""

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_RULE_TIMES = ("createdAt", "lastModified")


@dataclass(slots=True)
class World:
    """What a Panther instance knows. Alerts and comments change while it is served; the lake only by `SandboxServer.deliver`."""

    path: Path
    org: str
    now: datetime
    """The present of the world, aware, in UTC."""
    delta: timedelta
    """How far each recorded time was moved; whole seconds."""
    alerts: dict[str, Record]
    rules: dict[str, Record]
    users: dict[str, Record]
    sources: dict[str, Record]
    comments: dict[str, Record]
    lake: dict[LakeTable, Path]
    clock: Callable[[], datetime]
    """The world's clock: it runs on from `now`, or stays at it (see `load_world`)."""
    queries: dict[str, Record] = field(default_factory=dict)
    """Saved queries."""
    globals: dict[str, Record] = field(default_factory=dict)
    """Helpers that rules import."""
    data_models: dict[str, Record] = field(default_factory=dict)
    profiles: dict[str, Record] = field(default_factory=dict)
    """Of actors, by entity id."""
    _last_stamp: datetime = _LONG_AGO
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def stamp(self) -> datetime:
        """The time of a change: the clock's, but later than every stamp before, so that changes have an order."""
        with self._lock:
            moment = max(self.clock(), self._last_stamp + timedelta(milliseconds=1))
            self._last_stamp = moment
        return moment

    def shift(self, text: str) -> str:
        """Move the times in a recorded text as the world's were moved."""
        return shift_times(text, self.delta)

    def lines(self, table: LakeTable) -> list[str]:
        """The events of a lake table as JSON texts, with their times moved."""
        return [line for line in self.shift(self.lake[table].read_text(encoding="utf-8")).split("\n") if line.strip()]


def load_world(path: Path, *, now: datetime | None = None, as_recorded: bool = False) -> World:
    """Load a world directory.

    Args:
        path: Directory with `world.json`, `alerts.ndjson`, `rules.ndjson`, `lake/<database>/<table>.ndjson` and, where
            there are any, `sources.ndjson`, `users.ndjson`, `comments.ndjson`, `queries.ndjson`, `globals.ndjson`,
            `data_models.ndjson`, `profiles.ndjson`.
        now: Replaces the world's own `now`; every time in the world moves with it, by whole seconds. The world's clock
            then stops there, so that a run can be repeated. Default: the current time, and the clock runs on.
        as_recorded: Keep the recorded times; the clock stops at the recorded `now`.

    Raises:
        NotFound: There is no world in that directory.
        ConfigError: A file of the world cannot be read; the text names it and its line.
    """
    head = path / "world.json"
    if not head.is_file():
        raise NotFound(f"{path} holds no world: world.json is missing")
    try:
        meta = json.loads(head.read_text(encoding="utf-8"))
        recorded = parse_time(meta["now"])
        org = str(meta["org"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f'{head}: expected {{"now": "<ISO 8601 time>", "org": "<name>"}}') from error

    present = datetime.now(UTC)
    target = recorded if as_recorded else now or present
    delta = timedelta(seconds=(target - recorded) // timedelta(seconds=1))
    world_now = recorded + delta
    ticking = now is None and not as_recorded
    offset = world_now - present

    return World(
        path=path,
        org=org,
        now=world_now,
        delta=delta,
        alerts=_by_id(path / "alerts.ndjson", "id", delta, required=True),
        rules=_rules(path / "rules.ndjson", delta),
        users=_by_id(path / "users.ndjson", "id", delta),
        sources=_by_id(path / "sources.ndjson", "integrationId", delta),
        comments=_by_id(path / "comments.ndjson", "id", delta),
        lake={(file.parent.name, file.stem): file for file in sorted((path / "lake").glob("*/*.ndjson"))},
        queries=_by_id(path / "queries.ndjson", "id", delta),
        clock=(lambda: datetime.now(UTC) + offset) if ticking else (lambda: world_now),
        globals=_by_id(path / "globals.ndjson", "id", timedelta()),
        profiles=_by_id(path / "profiles.ndjson", "entityId", delta),
        data_models=_by_id(path / "data_models.ndjson", "id", timedelta()),
    )


def _rules(path: Path, delta: timedelta) -> dict[str, Record]:
    """Read detections. Only their own times move: bodies and unit tests quote times that belong to the text."""
    rules = _by_id(path, "id", timedelta(), required=True)
    for rule in rules.values():
        for key in _RULE_TIMES:
            value = rule.get(key)
            if isinstance(value, str):
                rule[key] = shift_times(value, delta)
    return rules


def _by_id(path: Path, key: str, delta: timedelta, *, required: bool = False) -> dict[str, Record]:
    if not path.is_file():
        if required:
            raise NotFound(f"{path.parent} is not a whole world: {path.name} is missing")
        return {}
    records: dict[str, Record] = {}
    for number, record in _records(path, delta):
        identity = record.get(key)
        if not isinstance(identity, str) or not identity:
            raise ConfigError(f"{path}:{number}: {key} must be a text")
        records[identity] = record
    return records


def _records(path: Path, delta: timedelta) -> Iterator[tuple[int, Record]]:
    # `splitlines` would also break at U+2028 and its like, which JSON leaves unescaped inside texts.
    for number, line in enumerate(shift_times(path.read_text(encoding="utf-8"), delta).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise ConfigError(f"{path}:{number}: not JSON") from error
        if not isinstance(record, dict):
            raise ConfigError(f"{path}:{number}: not a JSON object")
        yield number, cast("Record", record)
