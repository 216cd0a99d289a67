"""The name of this process for leases, and whether the process behind such a name has ended.

A name says host, process id, machine and start. Only a process of the same machine, since its last start, and of the
same process-id namespace (a container has its own) can be looked up; nothing is known of any other.
"""

import getpass
import hashlib
import os
import re
import socket
from pathlib import Path

_PROC = Path("/proc")
_NAME = re.compile(
    r"(?P<host>.*)/(?P<pid>\d{1,10})-(?P<machine>[0-9a-f]{6})-(?P<start>\d{1,20})(?P<part>/.*)?", re.DOTALL
)
_START_TICKS = 19
"""Index of the start time among the fields of `/proc/PID/stat` after the program's name. Source: proc(5)."""


def _machine() -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text()
        namespace = (_PROC / "self/ns/pid").readlink()
    except OSError:
        return ""
    return hashlib.sha256(f"{boot}{namespace}".encode()).hexdigest()[:6]


def _start(pid: int) -> str:
    """When a process started, in clock ticks since the machine did; empty if there is no such process."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The program's name is in parentheses and may itself hold some.
    return text.rpartition(")")[2].split()[_START_TICKS]


def user_name() -> str:
    """The user that runs this process; empty where the system has no name for it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def process_name() -> str:
    """Name this process: `host/pid`, and on Linux what distinguishes it from every other process there ever was."""
    pid, machine = os.getpid(), _machine()
    name = f"{socket.gethostname()}/{pid}"
    return f"{name}-{machine}-{_start(pid)}" if machine else name


def has_ended(name: str) -> bool:
    """Whether the process of that name has ended for certain. A worker's name, which has its number at the end, counts too."""
    found = _NAME.fullmatch(name)
    if found is None or found["host"] != socket.gethostname() or found["machine"] != _machine():
        return False
    return _start(int(found["pid"])) != found["start"]
