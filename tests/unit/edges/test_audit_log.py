"""The audit log shows what was edited, dropped or moved."""

import asyncio
import fcntl
import json
import multiprocessing
import os
import resource
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.support.stores import NOW
from triage.edges.audit import AuditFile, verify_audit
from triage.errors import StoreError
from triage.ports import AuditEntry

LINES = 6


def entry(number: int) -> AuditEntry:
    return AuditEntry(
        action="comment.create", alert_id=f"alert {number}", outcome="done", digest=f"{number:064x}", size=number
    )


def append(path: Path, *numbers: int) -> None:
    async def all_of_them() -> None:
        log = AuditFile(path)
        for number in numbers:
            await log.append(entry(number), now=NOW)

    asyncio.run(all_of_them())


def filled(path: Path, lines: int = LINES) -> list[str]:
    append(path, *range(lines))
    return path.read_text(encoding="ascii").splitlines()


def written(path: Path, lines: list[str]) -> None:
    path.write_text("".join(line + "\n" for line in lines), encoding="ascii")


def test_what_was_written_holds(tmp_path: Path) -> None:
    """An untouched log verifies, a log that does not exist yet too, and each line says what was sent."""
    path = tmp_path / "audit.jsonl"
    assert verify_audit(path).intact
    lines = filled(path)
    found = verify_audit(path)
    assert (found.intact, found.lines) == (True, LINES)
    first = json.loads(lines[0])
    assert (first["n"], first["alert_id"], first["digest"]) == (1, "alert 0", f"{0:064x}")


def test_an_edited_line_is_found(tmp_path: Path) -> None:
    """A changed field is found at its line, even with a hash made anew."""
    path = tmp_path / "audit.jsonl"
    lines = filled(path)
    changed = json.loads(lines[2]) | {"alert_id": "another"}
    written(path, [*lines[:2], json.dumps(changed), *lines[3:]])
    assert [broken.line for broken in verify_audit(path).broken] == [3]


def test_a_forged_hash_breaks_the_next_line(tmp_path: Path) -> None:
    """Who also makes the line's hash anew is found at the line behind it."""
    from triage.edges.audit import _hash  # noqa: PLC0415 - what a forger would compute

    path = tmp_path / "audit.jsonl"
    lines = filled(path)
    forged = json.loads(lines[2]) | {"alert_id": "another"}
    del forged["hash"]
    forged["hash"] = _hash(forged)
    written(path, [*lines[:2], json.dumps(forged), *lines[3:]])
    assert [broken.line for broken in verify_audit(path).broken] == [4]


@pytest.mark.parametrize("dropped", range(LINES))
def test_a_dropped_line_is_found(tmp_path: Path, dropped: int) -> None:
    """Wherever it stood, at the end too."""
    path = tmp_path / "audit.jsonl"
    lines = filled(path)
    written(path, lines[:dropped] + lines[dropped + 1 :])
    assert not verify_audit(path).intact


def test_reordered_lines_are_found(tmp_path: Path) -> None:
    """Two lines that changed places break the chain."""
    path = tmp_path / "audit.jsonl"
    lines = filled(path)
    written(path, [lines[0], lines[2], lines[1], *lines[3:]])
    assert 2 in {broken.line for broken in verify_audit(path).broken}


def test_a_log_that_is_gone_is_found(tmp_path: Path) -> None:
    """The head file remembers that there were lines."""
    path = tmp_path / "audit.jsonl"
    filled(path)
    path.unlink()
    assert not verify_audit(path).intact


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(at=st.integers(0, 1800), byte=st.integers(32, 126))
def test_no_single_changed_character_passes(tmp_path_factory: pytest.TempPathFactory, at: int, byte: int) -> None:
    """Changing any one character of the file to another is found."""
    path = tmp_path_factory.mktemp("audit") / "audit.jsonl"
    filled(path)
    content = bytearray(path.read_bytes())
    at %= len(content)
    if content[at] == byte:
        return
    content[at] = byte
    path.write_bytes(content)
    assert not verify_audit(path).intact


def test_a_line_that_a_kill_left_half_is_set_aside(tmp_path: Path) -> None:
    """Nothing was sent for it: the next line carries it and the chain goes on."""
    path = tmp_path / "audit.jsonl"
    filled(path, 2)
    with path.open("ab") as file:
        file.write(b'{"n": 3, "at')
    assert not verify_audit(path).intact
    append(path, 9)
    assert verify_audit(path).intact
    assert json.loads(path.read_text(encoding="ascii").splitlines()[2])["torn"] == '{"n": 3, "at'


def _append_some(path: str) -> None:
    append(Path(path), *range(10))


def test_two_processes_share_a_log(tmp_path: Path) -> None:
    """Appends of different processes take turns: one chain, no line lost."""
    path = tmp_path / "audit.jsonl"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_append_some, args=(str(path),)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    found = verify_audit(path)
    assert (found.intact, found.lines) == (True, 20)


def test_a_log_that_cannot_be_written_stops_the_write(tmp_path: Path) -> None:
    """The error comes before anything is sent."""
    with pytest.raises(StoreError, match="nothing is sent without"):
        append(tmp_path / "no" / "such" / "audit.jsonl", 1)


def test_a_lock_that_is_never_let_go_is_not_waited_for(tmp_path: Path) -> None:
    """An append gives up after its time, says who holds the log, and may be tried again."""
    path = tmp_path / "audit.jsonl"
    filled(path, 1)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match=r"locked for 0\.1 s, probably by a triage process") as caught:
            asyncio.run(AuditFile(path, lock_seconds=0.1).append(entry(1), now=NOW))
    assert caught.value.retryable
    append(path, 1)
    assert verify_audit(path).lines == 2


@pytest.mark.parametrize(
    "content",
    [
        b"\n",
        b'{"n": 1}\n\n',
        b"x" * 70_000,
        b"x" * 40_000 + b"\n",
        b"[" * 5_000 + b"\n",
        b'{"n": 1, "previous": "", "hash": ""}\n' + b"x" * 70_000,
        b'{"n": Infinity, "previous": "", "hash": ""}\n',
        b"a file of something else\n",
    ],
)
def test_a_file_that_does_not_end_as_a_log_is_not_touched(tmp_path: Path, content: bytes) -> None:
    """The chain never starts again over what is there; nothing is cut off."""
    path = tmp_path / "audit.jsonl"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="does not end with a whole line"):
        append(path, 1)
    assert path.read_bytes() == content


def test_a_blank_line_at_the_end_does_not_begin_another_chain(tmp_path: Path) -> None:
    """A log with lines never goes on with number 1."""
    path = tmp_path / "audit.jsonl"
    filled(path)
    with path.open("ab") as file:
        file.write(b"\n")
    with pytest.raises(StoreError, match="does not end with a whole line"):
        append(path, 9)


def test_what_was_torn_is_kept_in_part(tmp_path: Path) -> None:
    """However much of it there is and whatever its bytes, the next lines still fit."""
    path = tmp_path / "audit.jsonl"
    filled(path, 2)
    with path.open("ab") as file:
        file.write(b"\x00" * 30_000)
    append(path, 2, 3)
    found = verify_audit(path)
    assert (found.intact, found.lines) == (True, 4)
    assert json.loads(path.read_text(encoding="ascii").splitlines()[2])["torn"] == "\x00" * 2_000


def test_a_line_that_would_not_be_found_again_is_refused(tmp_path: Path) -> None:
    """A line is never longer than what the next append reads."""
    path = tmp_path / "audit.jsonl"
    filled(path, 1)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="too long for the audit log"):
        asyncio.run(AuditFile(path).append(AuditEntry(action="alert.assign", alert_id="a" * 40_000), now=NOW))
    assert path.read_bytes() == before


@hypothesis_settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cut=st.integers(0, 10_000), rubbish=st.binary(max_size=300).filter(lambda end: b"\n" not in end))
def test_a_log_cut_at_any_byte_goes_on(
    tmp_path_factory: pytest.TempPathFactory, filled_log: bytes, cut: int, rubbish: bytes
) -> None:
    """Whole lines stay as they are, the rest is set aside, and the numbers go on from the last whole line."""
    path = tmp_path_factory.mktemp("audit") / "audit.jsonl"
    content = filled_log[: cut % (len(filled_log) + 1)] + rubbish
    path.write_bytes(content)
    whole = content[: content.rfind(b"\n") + 1]
    append(path, 7, 8)
    now = path.read_bytes()
    assert now.startswith(whole)
    lines = [json.loads(line) for line in now.splitlines()]
    assert [line["n"] for line in lines] == list(range(1, whole.count(b"\n") + 3))
    torn = content[len(whole) :].decode("ascii", "backslashreplace")
    assert lines[-2].get("torn", "") == torn[:2_000]
    assert verify_audit(path).intact


@pytest.fixture(scope="module")
def filled_log(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("audit") / "audit.jsonl"
    filled(path)
    return path.read_bytes()


def test_a_kill_between_a_line_and_the_head_drops_nothing(tmp_path: Path) -> None:
    """A head that is one line behind is no sign of a dropped one; two behind is."""
    path = tmp_path / "audit.jsonl"
    head = path.with_name("audit.jsonl.head")
    filled(path, 1)
    first = head.read_text(encoding="ascii")
    append(path, 1)
    head.write_text(first, encoding="ascii")
    assert verify_audit(path).intact
    append(path, 2)
    head.write_text(first, encoding="ascii")
    assert not verify_audit(path).intact


def _append_on_a_full_disk(path: str) -> None:
    size = Path(path).stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, size + 20))
    with pytest.raises(StoreError, match="cannot be written"):
        append(Path(path), 5)


def test_a_line_that_fits_in_part_stops_the_write(tmp_path: Path) -> None:
    """Where the disk takes only the beginning of a line, nothing is sent, and the next append goes on."""
    path = tmp_path / "audit.jsonl"
    filled(path, 2)
    process = multiprocessing.get_context("spawn").Process(target=_append_on_a_full_disk, args=(str(path),))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert len(path.read_bytes().splitlines()) == 3
    append(path, 6)
    found = verify_audit(path)
    assert (found.intact, found.lines) == (True, 3)


def test_a_log_is_not_looked_at_in_the_middle_of_an_append(tmp_path: Path) -> None:
    """Between a line and its head the log says two things; who verifies it waits for the end of the append."""
    path = tmp_path / "audit.jsonl"
    lines = filled(path)
    with path.open("r+b") as appending, ThreadPoolExecutor(1) as beside:
        fcntl.flock(appending, fcntl.LOCK_EX)
        written(path, lines[:-2])
        found = beside.submit(verify_audit, path)
        # Time enough to come back with what is not so.
        wait([found], timeout=0.2)
        written(path, lines)
        fcntl.flock(appending, fcntl.LOCK_UN)
        assert found.result(30).intact


@pytest.mark.parametrize("head", [None, "", "3", "x y", "3 abc", "6 7 8"])
def test_a_missing_empty_or_odd_head_is_a_break(tmp_path: Path, head: str | None) -> None:
    """Without a head nobody could tell whether lines were dropped at the end."""
    path = tmp_path / "audit.jsonl"
    filled(path)
    file = path.with_name("audit.jsonl.head")
    if head is None:
        file.unlink()
    else:
        file.write_text(head, encoding="ascii")

    (line,) = verify_audit(path).broken

    assert "head" in line.problem


def test_the_last_line_is_known_elsewhere(tmp_path: Path) -> None:
    """Lines dropped from log and head alike do not escape who knows the last line; one behind it is no break."""
    path = tmp_path / "audit.jsonl"
    lines = filled(path)
    last, before = (json.loads(line) for line in (lines[-1], lines[-2]))
    known = {"n": last["n"], "hash": last["hash"]}
    assert verify_audit(path, known).intact
    assert verify_audit(path, {"n": before["n"], "hash": before["hash"]}).intact
    written(path, lines[:-1])
    path.with_name("audit.jsonl.head").write_text(f"{before['n']} {before['hash']}\n", encoding="ascii")
    assert verify_audit(path).intact

    assert "state database" in verify_audit(path, known).broken[0].problem


def test_neither_log_nor_head_follows_a_link(tmp_path: Path) -> None:
    """A link in the place of the log is refused, one in the place of the head's temporary file is replaced; what they
    point to keeps its content. Both files are their owner's alone."""
    victim = tmp_path / "victim"
    victim.write_text("kept", encoding="ascii")
    (tmp_path / "linked.jsonl").symlink_to(victim)
    with pytest.raises(StoreError, match="cannot be written"):
        append(tmp_path / "linked.jsonl", 1)
    path = tmp_path / "audit.jsonl"
    (tmp_path / f"audit.jsonl.head.{os.getpid()}").symlink_to(victim)

    append(path, 1)

    assert victim.read_text(encoding="ascii") == "kept"
    assert verify_audit(path).intact
    assert {oct(file.stat().st_mode & 0o777) for file in tmp_path.glob("audit.jsonl*")} == {"0o600"}
