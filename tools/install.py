"""Makes a virtual environment and installs this checkout into it, with one line that says how far it is.

Used by the Makefile before anything is installed, so that only the standard library is imported:
`python3 tools/install.py .venv '.[sandbox]'`.
"""

import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import Empty, Queue

TICK = 0.5
"""Seconds between two looks at the clock."""


def main(venv: Path, wanted: str) -> int:
    """Returns the exit status; what pip said is printed if it failed."""
    started = time.monotonic()
    scripts = venv / ("Scripts" if sys.platform == "win32" else "bin")
    python = scripts / ("python.exe" if sys.platform == "win32" else "python")
    try:
        if not python.exists():
            print(f"making {venv} ...", flush=True)
            subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        if uv := shutil.which("uv"):
            # uv installs in seconds what takes pip a minute, and shows its own progress on a terminal.
            print(f"installing into {venv} with uv ...", flush=True)
            return subprocess.run([uv, "pip", "install", "--python", str(python), "-e", wanted], check=False).returncode
        status, said = followed([str(python), "-m", "pip", "install", *OPTIONS, "-e", wanted], venv, started)
    except subprocess.CalledProcessError as error:
        return error.returncode
    except KeyboardInterrupt:
        print("\ninstallation interrupted; the same command continues it", file=sys.stderr)
        return 1
    if status:
        print("".join(said), file=sys.stderr)
        print(f"pip could not install {wanted} into {venv} (status {status}); its own words are above", file=sys.stderr)
    else:
        print(f"installed into {venv} in {time.monotonic() - started:.0f} s", flush=True)
    return status


OPTIONS = ("--disable-pip-version-check", "--progress-bar", "off")


def followed(command: list[str], venv: Path, started: float) -> tuple[int, list[str]]:
    """Run pip and keep one line up to date; elsewhere than on a terminal the line is printed once."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
    lines: Queue[str | None] = Queue()
    threading.Thread(target=read, args=(process, lines), daemon=True).start()
    said: list[str] = []
    step, packages = "looking", 0
    terminal = sys.stdout.isatty()
    if not terminal:
        print(f"installing into {venv} (once, about a minute) ...", flush=True)
    while True:
        try:
            line = lines.get(timeout=TICK)
        except Empty:
            line = ""
        if line is None:
            break
        if line:
            said.append(line)
            word, _, rest = line.strip().partition(" ")
            if word == "Collecting":
                packages += 1
                step = f"{packages} packages so far, now {rest.split(' (')[0]}"
            elif word in ("Building", "Installing"):
                step = f"{word.lower()} {packages} packages"
        if terminal:
            width = shutil.get_terminal_size().columns - 1
            text = f"installing into {venv} ({time.monotonic() - started:.0f} s): {step}"
            print(f"\r\x1b[K{text[:width]}", end="", flush=True)
    if terminal:
        print("\r\x1b[K", end="", flush=True)
    return process.wait(), said


def read(process: "subprocess.Popen[str]", lines: "Queue[str | None]") -> None:
    """Pass on what the process prints, then None."""
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
