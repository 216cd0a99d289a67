"""Files by name, where whoever wrote the name or the directory need not be trusted: no link is followed."""

import errno
import os
import stat
from collections.abc import Iterable
from os import O_CLOEXEC, O_NOFOLLOW, O_NONBLOCK  # not on Windows: `cli.lazy.require` then says so in one line
from pathlib import Path

from triage.errors import ConfigError

PRIVATE = 0o600
"""Mode of what is written: logs, verdicts and names of a company are nobody else's."""
PRIVATE_DIRECTORY = 0o700
"""Mode of a directory that is made for such files."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_LINK = frozenset({errno.ELOOP, errno.EMLINK})


def read_bounded(path: Path, limit: int) -> bytes:
    """Read a regular file of at most `limit` bytes.

    Raises:
        ConfigError: It cannot be read, is larger, or is a link, a device or a pipe.
    """
    try:
        # Opening a pipe would wait for its writer.
        handle = os.open(path, os.O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read ({_reason(error)})") from error
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ConfigError(f"{path} cannot be read (it is no regular file)")
        try:
            data = file.read(limit + 1)
        except OSError as error:
            raise ConfigError(f"{path} cannot be read ({_reason(error)})") from error
    if len(data) > limit:
        raise ConfigError(f"{path} is larger than {limit >> 20} MiB")
    return data


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read; one that exists keeps its mode.

    Raises:
        ConfigError: It cannot be written, or its name is a link.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | O_NOFOLLOW | O_CLOEXEC, PRIVATE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be written ({_reason(error)})") from error


def make_private_directory(path: Path) -> None:
    """Make a directory that only its owner may enter, where it is missing; the one above it has to exist. Raises OSError."""
    if not path.is_dir():
        path.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)


def _reason(error: OSError | ValueError) -> str:
    if not isinstance(error, OSError):
        return str(error)
    if error.errno in _LINK:
        return "it is a link; name the file itself"
    said = error.strerror or type(error).__name__
    return said[:1].lower() + said[1:]


def readable_by_others(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Those of the files that exist and that someone besides their owner may read or write."""
    return tuple(path for path in paths if path.is_file() and path.stat().st_mode & _OTHERS)


def writable_by_others(directories: Iterable[Path]) -> tuple[Path, ...]:
    """Those of the directories in which someone besides their owner may put other files in the place of these.

    Where only a file's owner may replace it, as in `/tmp`, the directory is not among them.
    """
    modes = {path: path.stat().st_mode for path in directories if path.is_dir()}
    return tuple(path for path, mode in modes.items() if mode & _OTHERS_WRITE and not mode & stat.S_ISVTX)
