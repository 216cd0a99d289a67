"""Reading log files, times and YAML that nobody vouches for."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triage.errors import ConfigError
from triage.sandbox.importing.event_time import event_time, read_time
from triage.sandbox.importing.reading import LOG_FILES, Limits, files, records

Bad = list[tuple[int, str]]


def read(path: Path, limits: Limits | None = None) -> tuple[list[Any], Bad]:
    """The records of a file, and line and reason of each that was left out."""
    bad: Bad = []
    found = [
        record for _, record in records(path, limits or Limits(), lambda _path, line, why: bad.append((line, why)))
    ]
    return found, bad


RECORDS = [{"eventName": "A", "n": 1}, {"eventName": "B", "text": 'ünï } ] " \\ {'}, {"eventName": "C", "deep": [[{}]]}]
FORMS = {
    "aws": json.dumps({"Records": RECORDS}),
    "aws, pretty": json.dumps({"Records": RECORDS}, indent=2, ensure_ascii=False),
    "aws, joined": json.dumps({"Records": RECORDS[:1]})
    + json.dumps({"Records": []})
    + "\n"
    + json.dumps({"Records": RECORDS[1:]}),
    "array": json.dumps(RECORDS),
    "lines": "\n".join(json.dumps(record) for record in RECORDS),
    "lines of windows, with gaps": "\ufeff" + "\r\n\r\n".join(json.dumps(record) for record in RECORDS) + "\r\n",
}


def test_each_form_gives_the_same_records(tmp_path: Path) -> None:
    """AWS's document, an array and one object a line are told apart by what they hold, gzip or not."""
    path = tmp_path / "no-telling-name"
    for form, text in FORMS.items():
        for data in (text.encode(), gzip.compress(text.encode())):
            path.write_bytes(data)
            assert read(path) == (RECORDS, []), form


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
some_records = st.lists(st.dictionaries(st.text(max_size=6), json_values, max_size=4), max_size=6)


@given(made=some_records, form=st.sampled_from(["aws", "array", "lines"]), spaced=st.booleans())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_written_is_read(made: list[dict[str, Any]], form: str, spaced: bool, tmp_path: Path) -> None:
    """Any JSON objects come back as they were, in whatever form."""
    separators = (", ", " : ") if spaced else (",", ":")
    texts = [json.dumps(record, separators=separators) for record in made]
    whole = {"aws": '{"Records":[%s]}', "array": "[%s]"}.get(form)
    path = tmp_path / "records"
    path.write_text(whole % " , ".join(texts) if whole else "\n".join(texts), encoding="utf-8")
    assert read(path) == (made, [])


@given(data=st.binary(max_size=300))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_are_an_error(data: bytes, tmp_path: Path) -> None:
    """Whatever a file holds, reading it ends, and says what it left out."""
    path = tmp_path / "bytes"
    for start in (b"", b'{"Records":[', b"[{}", b"\x1f\x8b\x08\x00"):
        path.write_bytes(start + data)
        found, _ = read(path)
        assert all(isinstance(record, dict) for record in found)


def test_bad_lines_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    """A line that is no JSON object is left out with its number; those around it are not."""
    lines = [b'{"a":1}', b"nonsense", b"[1]", b'{"a":NaN}', b'{"a":1e999}', b'{"a":"\xff"}', b"7", b'{"a":2}']
    path = tmp_path / "x.ndjson"
    path.write_bytes(b"\n".join(lines))
    found, bad = read(path)
    assert found == [{"a": 1}, {"a": 2}]
    assert [line for line, _ in bad] == [2, 3, 4, 5, 6, 7]
    assert dict(bad)[2] == "not JSON"
    assert dict(bad)[6] == "not UTF-8"


def test_a_cut_array_keeps_what_came_before(tmp_path: Path) -> None:
    """A document that breaks off gives its whole records and one note."""
    path = tmp_path / "x.json"
    path.write_text('{"Records":[{"a":1},{"a":2},{"a"', encoding="utf-8")
    assert read(path) == ([{"a": 1}, {"a": 2}], [(3, "the file ends within a record")])


def test_what_follows_an_array_is_not_passed_over(tmp_path: Path) -> None:
    """A file that goes on in another form is read up to there, and says so."""
    path = tmp_path / "x.json"
    path.write_text('[{"a":1}]' + " " * 10_000 + '{"a":2}', encoding="utf-8")
    found, bad = read(path)
    assert found == [{"a": 1}]
    assert bad == [(2, "something else follows the array; the rest of the file is left out")]


def test_a_record_beyond_the_bound_is_left_out(tmp_path: Path) -> None:
    """Neither a long line nor a long element of an array is held in memory whole."""
    limits = Limits(record=1000)
    path = tmp_path / "x"
    path.write_text('{"a":1}\n{"a":"' + "x" * 900_000 + '"}\n{"a":2}\n', encoding="utf-8")
    found, bad = read(path, limits)
    assert found == [{"a": 1}, {"a": 2}]
    assert bad == [(2, "the line is longer than a record may be")]
    path.write_text('[{"a":1},{"a":"' + "x" * 900_000, encoding="utf-8")
    found, bad = read(path, limits)
    assert found == [{"a": 1}]
    assert "larger than a record may be" in bad[0][1]


@pytest.mark.parametrize("text", ['{"a":' + "[" * 100 + "]" * 100 + "}", '{"a":' + "[" * 100_000 + "}"])
def test_deep_nesting_is_left_out(text: str, tmp_path: Path) -> None:
    """A record that nests to exhaust the reader is no record, in lines and in arrays."""
    path = tmp_path / "x"
    path.write_text(text + '\n{"a":1}\n', encoding="utf-8")
    found, bad = read(path)
    assert found == [{"a": 1}]
    assert bad == [(1, "nested too deeply")]
    path.write_text("[" + text + "]", encoding="utf-8")
    found, bad = read(path)
    assert found == []
    assert "nested too deeply" in bad[0][1]


def test_a_gzip_bomb_is_stopped(tmp_path: Path) -> None:
    """A file that unpacks to far more than its size is dropped at the bound; a merely repetitive one is read."""
    limits = Limits(ratio=100, free=1 << 20)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress((b'{"a":"%s"}\n' % (b"x" * 1000)) * 20_000))
    found, bad = read(path, limits)
    assert len(found) < 3_000
    assert "unpacks to more than 100 times its size" in bad[-1][1]
    path.write_bytes(gzip.compress((b'{"a":"%s"}\n' % (b"x" * 1000)) * 900))
    assert len(read(path, limits)[0]) == 900
    assert "holds more than 500 bytes" in read(path, Limits(unpacked=500))[1][0][1]


def test_damaged_gzip_gives_what_could_be_unpacked(tmp_path: Path) -> None:
    """A cut file is named, not fatal."""
    data = gzip.compress(b"".join(b'{"a":%d}\n' % number for number in range(200_000)))
    path = tmp_path / "x.gz"
    path.write_bytes(data[: len(data) // 2])
    found, bad = read(path)
    assert 0 < len(found) < 200_000
    assert "damaged or cut" in bad[-1][1]


def test_a_directory_is_walked_within_itself(tmp_path: Path) -> None:
    """Log files are found by their names in order; links to elsewhere, hidden files and digests are not."""
    inside = tmp_path / "logs"
    for name in ("b/2.json.gz", "a/1.json", "a/notes.md", ".git/x.json", "CloudTrail-Digest/d.json.gz", ".x.json"):
        file = inside / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}", encoding="utf-8")
    (tmp_path / "secret.json").write_text("{}", encoding="utf-8")
    (inside / "outside.json").symlink_to(tmp_path / "secret.json")
    (inside / "up").symlink_to(tmp_path, target_is_directory=True)
    (inside / "loop.json").symlink_to(inside / "loop.json")
    (inside / "same.json").symlink_to(inside / "a" / "1.json")
    skipped: list[Path] = []
    found = [str(file.relative_to(inside)) for file in files(inside, LOG_FILES, skipped.append)]
    assert found == ["same.json", "a/1.json", "b/2.json.gz"]
    assert sorted(file.name for file in skipped) == ["loop.json", "notes.md", "outside.json"]
    with pytest.raises(ConfigError, match="no such file"):
        list(files(tmp_path / "nowhere", LOG_FILES, skipped.append))


MOMENT = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)


WRITTEN: list[str | float] = [
    "2026-03-01T12:30:15Z", "2026-03-01 12:30:15", "2026-03-01T13:30:15+01:00", "2026-03-01 12:30:15 UTC",
    "Sun, 01 Mar 2026 12:30:15 +0000", "01/Mar/2026:12:30:15 +0000", "[01/Mar/2026:13:30:15 +0100]",
    1772368215, 1772368215000, 1772368215000000, 1772368215000000000, "1772368215", "1772368215.000", 1772368215.0,
    "2026-03-01T12:30:15.000000000Z",
]  # fmt: skip
NO_TIMES: list[Any] = [None, True, "", "soon", 0, 12, "1970-01-01T00:00:00Z", "9999-12-31", [], {}, 1e300]


def test_times_as_publishers_write_them() -> None:
    """Texts and numbers of several scales give the same moment; placeholders and years that a world cannot move none."""
    assert [read_time(value) for value in WRITTEN] == [MOMENT] * len(WRITTEN)
    assert [read_time(value) for value in NO_TIMES] == [None] * len(NO_TIMES)


@given(st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30)), st.sampled_from([1, 10**3, 10**6, 10**9]))  # noqa: DTZ001 - hypothesis takes naive bounds
def test_epoch_scales(moment: datetime, scale: int) -> None:
    """A number of any scale is read as its own, to the millisecond."""
    aware = moment.replace(tzinfo=UTC, microsecond=0)
    found = read_time(int(aware.timestamp()) * scale)
    assert found is not None
    assert abs(found - aware) <= timedelta(milliseconds=1)


@given(st.text(max_size=40) | json_values)
def test_reading_a_time_never_fails(value: Any) -> None:
    """Whatever stands in a field, it is a time or none."""
    found = read_time(value)
    assert found is None or found.tzinfo is UTC


def test_the_log_types_own_field_comes_first() -> None:
    """Among several times of a record the one counts that is the event's; a named field counts alone."""
    record: dict[str, Any] = {"created_at": 1772368215000, "@timestamp": 1772368216000, "id": {"time": "2026-03-02"}}
    assert event_time(record, "github_audit") == MOMENT + timedelta(seconds=1)
    assert event_time(record, "gsuite_activityevent") == datetime(2026, 3, 2, tzinfo=UTC)
    assert event_time(record, "other", "created_at") == MOMENT
    assert event_time(record, "other", "nothing.here") is None
