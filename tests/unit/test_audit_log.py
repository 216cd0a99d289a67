"""The audit log shows what was edited, dropped or moved."""

import asyncio
import json
import multiprocessing
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
    assert verify_audit(path).holds
    lines = filled(path)
    found = verify_audit(path)
    assert (found.holds, found.lines) == (True, LINES)
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
    assert not verify_audit(path).holds


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
    assert not verify_audit(path).holds


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
    assert not verify_audit(path).holds


def test_a_line_that_a_kill_left_half_is_set_aside(tmp_path: Path) -> None:
    """Nothing was sent for it: the next line carries it and the chain goes on."""
    path = tmp_path / "audit.jsonl"
    filled(path, 2)
    with path.open("ab") as file:
        file.write(b'{"n": 3, "at')
    assert not verify_audit(path).holds
    append(path, 9)
    assert verify_audit(path).holds
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
    assert (found.holds, found.lines) == (True, 20)


def test_a_log_that_cannot_be_written_stops_the_write(tmp_path: Path) -> None:
    """The error comes before anything is sent."""
    with pytest.raises(StoreError, match="nothing was sent"):
        append(tmp_path / "no" / "such" / "audit.jsonl", 1)
