"""Worlds: how they load, and how their times move."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.errors import ConfigError, NotFound
from triage.sandbox.lake import DuckLake
from triage.sandbox.times import iso, lake_time, parse_time, shift_times
from triage.sandbox.world import World, load_world

DAY = timedelta(days=1)

SHIFTS = [
    ("2026-09-07T06:53:19Z", "2026-09-08T06:53:19Z"),
    ("2026-09-07T06:53:19.899Z", "2026-09-08T06:53:19.899Z"),
    ("2026-09-07 06:50:01.000", "2026-09-08 06:50:01.000"),
    ("2026-12-31T23:59:59+0000", "2027-01-01T23:59:59+0000"),
    ("2028-02-28T12:00:00-05:00", "2028-02-29T12:00:00-05:00"),
    ("where time > '2026-09-07 06:50:01.000' - 30m", "where time > '2026-09-08 06:50:01.000' - 30m"),
    # A date alone is a name or a version, a number an identifier, and some only look like a time.
    ("rds:shipping-core-04-2026-09-07", "rds:shipping-core-04-2026-09-07"),
    ('{"Version":"2012-10-17"}', '{"Version":"2012-10-17"}'),
    ("1773140400", "1773140400"),
    ("12026-09-07T06:53:19Z", "12026-09-07T06:53:19Z"),
    ("2026-02-30T06:53:19Z", "2026-02-30T06:53:19Z"),
    ("1999-09-07T06:53:19Z", "1999-09-07T06:53:19Z"),
    ("2026-09-07T06:53", "2026-09-07T06:53"),
]


def test_points_in_time_move_and_nothing_else_does() -> None:
    """A date with a time of day moves, wherever it occurs; dates, numbers and look-alikes stay."""
    for text, moved in SHIFTS:
        assert shift_times(text, DAY) == moved
        assert shift_times(text, timedelta()) == text


@given(
    st.datetimes(min_value=datetime(2001, 1, 1), max_value=datetime(2098, 12, 31)),  # noqa: DTZ001 - hypothesis wants them naive
    st.integers(min_value=-300_000_000, max_value=300_000_000),
    st.sampled_from(["T", " "]),
    st.text(max_size=8),
)
def test_moving_there_and_back_changes_nothing(moment: datetime, seconds: int, separator: str, around: str) -> None:
    """Moving is the same as adding, and undone by moving back."""
    delta = timedelta(seconds=seconds)
    written = moment.replace(microsecond=0).isoformat(separator)
    expected = (moment.replace(microsecond=0) + delta).isoformat(separator)
    there = shift_times(f"{around!a} {written}Z", delta)
    if expected.startswith("20"):
        assert there == f"{around!a} {expected}Z"
        assert shift_times(there, -delta) == f"{around!a} {written}Z"


def test_times_are_written_as_the_api_and_as_the_lake_write_them() -> None:
    """Both formats carry milliseconds and mean UTC."""
    moment = parse_time("2026-03-10T13:00:00.1239+02:00")
    assert iso(moment) == "2026-03-10T11:00:00.123Z"
    assert lake_time(moment) == "2026-03-10 11:00:00.123"
    assert parse_time(lake_time(moment)) == moment.replace(microsecond=123000)


@pytest.fixture
def world_dir(tmp_path: Path) -> Path:
    """A world of one alert, one rule and one event."""
    alert = {"id": "A1", "createdAt": "2026-03-10T11:00:00.000Z", "title": "at 2026-03-10T11:00:00Z"}
    rule = {
        "id": "R1",
        "createdAt": "2026-01-01T00:00:00Z",
        "lastModified": "2026-01-02T00:00:00Z",
        "body": "since = '2026-01-01 00:00:00'",
    }
    event = {"t": "2026-03-10 11:00:00.000", "who": "a\u2028b", "p_event_time": "2026-03-10 11:00:00.000"}
    (tmp_path / "world.json").write_text(json.dumps({"now": "2026-03-10T12:00:00Z", "org": "acme"}))
    (tmp_path / "alerts.ndjson").write_text(json.dumps(alert) + "\n\n")
    (tmp_path / "rules.ndjson").write_text(json.dumps(rule))
    (tmp_path / "lake" / "panther_logs").mkdir(parents=True)
    (tmp_path / "lake" / "panther_logs" / "app.ndjson").write_text(
        json.dumps(event, ensure_ascii=False), encoding="utf-8"
    )
    return tmp_path


def test_every_time_moves_with_the_worlds_now(world_dir: Path) -> None:
    """Alerts, events and the dates of rules move by one distance; what rules say does not."""
    world = load_world(world_dir, now=datetime(2027, 3, 10, 12, 0, 0, 900_000, tzinfo=UTC))
    assert world.now == datetime(2027, 3, 10, 12, tzinfo=UTC)
    assert world.clock() == world.clock() == world.now
    assert world.alerts["A1"]["createdAt"] == "2027-03-10T11:00:00.000Z"
    assert world.alerts["A1"]["title"] == "at 2027-03-10T11:00:00Z"
    assert world.rules["R1"]["lastModified"] == "2027-01-02T00:00:00Z"
    assert world.rules["R1"]["body"] == "since = '2026-01-01 00:00:00'"
    lake = DuckLake(world)
    rows = lake.run("SELECT t, who FROM app WHERE p_occurs_since('1 h')").rows
    lake.close()
    assert rows == ({"t": "2027-03-10 11:00:00.000", "who": "a\u2028b"},)


def test_a_world_is_of_the_present_unless_told_otherwise(world_dir: Path) -> None:
    """By default the world's now is the present moment, never in the future, and its clock goes on."""
    before = datetime.now(UTC)
    world = load_world(world_dir)
    assert before - timedelta(seconds=1) <= world.now <= datetime.now(UTC)
    assert world.now <= world.clock() <= datetime.now(UTC)


def test_recorded_times_can_be_kept(world_dir: Path) -> None:
    """As recorded, nothing moves and the clock stands; changes are still ordered."""
    world = load_world(world_dir, as_recorded=True)
    assert world.now == datetime(2026, 3, 10, 12, tzinfo=UTC)
    assert world.alerts["A1"]["createdAt"] == "2026-03-10T11:00:00.000Z"
    assert world.clock() == world.now
    assert world.now <= world.stamp() < world.stamp()


BROKEN = [
    ("alerts.ndjson", '{"id": "A1"}\n{"id": ', ConfigError, r"alerts\.ndjson:2: not JSON"),
    ("rules.ndjson", '{"id": 7}', ConfigError, r"rules\.ndjson:1: id must be a text"),
    ("world.json", '{"now": "today", "org": "x"}', ConfigError, r"world\.json: expected"),
    ("alerts.ndjson", "[]", ConfigError, r"alerts\.ndjson:1: not a JSON object"),
    ("rules.ndjson", None, NotFound, r"rules\.ndjson is missing"),
    ("world.json", None, NotFound, r"world\.json is missing"),
]


def test_a_broken_world_is_refused_with_its_place(world_dir: Path) -> None:
    """The error names the file, and the line where there is one."""
    for name, text, error, message in BROKEN:
        whole = (world_dir / name).read_text(encoding="utf-8")
        if text is None:
            (world_dir / name).unlink()
        else:
            (world_dir / name).write_text(text, encoding="utf-8")
        with pytest.raises(error, match=message):
            load_world(world_dir)
        (world_dir / name).write_text(whole, encoding="utf-8")
    with pytest.raises(NotFound, match=r"world\.json is missing"):
        load_world(world_dir / "gone")


def test_a_broken_event_is_refused_with_its_file(world_dir: Path) -> None:
    """The lake names the table's file."""
    for line in ('{"p_event_time": ', "[1]", "7"):
        (world_dir / "lake" / "panther_logs" / "app.ndjson").write_text(line)
        with pytest.raises(ConfigError, match=r"app\.ndjson"):
            DuckLake(load_world(world_dir))


def test_columns_take_the_kind_of_what_occurs(world_dir: Path) -> None:
    """A field is a column of the narrowest kind that holds all its values, whatever rows leave it out."""
    rows = [
        {"n": 1, "mixed": 1, "flag": True, "big": 2**63, "real": 1, "at": "2026-01-01T00:00:00Z", "null": None},
        {"n": -2, "mixed": "x", "real": 0.5, "at": None, "tags": ["a"], "obj": {"a": 1}, 'odd "name': "q"},
    ]
    (world_dir / "lake" / "panther_logs" / "app.ndjson").write_text("\n".join(map(json.dumps, rows)))
    lake = DuckLake(load_world(world_dir, as_recorded=True))
    result = lake.run(
        'SELECT n, mixed, flag, big, real, at, null AS x, tags, obj, "odd ""name" FROM app ORDER BY n DESC'
    )
    lake.close()
    assert [list(row.values()) for row in result.rows] == [
        [1, 1, True, 2**63, 1, "2026-01-01 00:00:00.000", None, None, None, None],
        [-2, "x", None, None, 0.5, None, None, ["a"], {"a": 1}, "q"],
    ]
    assert result.types["mixed"] == "VARIANT"
    assert result.types["at"] == "TIMESTAMP_NTZ"


def test_the_shared_worlds_load_and_answer(shared_lakes: list[tuple[World, DuckLake]]) -> None:
    """Each shared world loads; every alert's events are its rule matches; every table answers."""
    recent = "SELECT COUNT(*) AS n FROM panther_views.public.all_logs WHERE p_occurs_since('60 d')"
    for world, lake in shared_lakes:
        assert lake.run(recent).rows[0]["n"] != 0
        for alert_id, alert in world.alerts.items():
            assert len(lake.tables.alert_events(alert_id)) == alert["eventCount"]
        for database, table in lake.tables.columns:
            assert len(lake.run(f"SELECT * FROM {database}.public.{table} LIMIT 1").rows) <= 1
