"""What it costs to start: `python tests/bench/start.py [PAIRS]`.

Runs `python -c "import click"` and `triage --help` in turn as whole processes, and prints the median of both and of
their ratio, pair by pair.
"""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

FLOOR = [sys.executable, "-c", "import click"]
HELP = [sys.executable, "-m", "triage", "--help"]
ROOT = Path(__file__).parents[2]


def seconds(command: list[str]) -> float:
    """Wall time of one process."""
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    seconds(FLOOR), seconds(HELP)
    found = [(seconds(FLOOR), seconds(HELP)) for _ in range(pairs)]
    floor, shown = median(pair[0] for pair in found), median(pair[1] for pair in found)
    ratio = median(pair[1] / pair[0] for pair in found)
    print(f"import click {floor * 1000:.0f} ms, triage --help {shown * 1000:.0f} ms, ratio {ratio:.2f} ({pairs} pairs)")


if __name__ == "__main__":
    main()
