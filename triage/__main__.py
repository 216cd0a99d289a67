"""`python -m triage`, and what the installed command runs: an interrupt is one line, also while the rest is imported."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from triage.cli import main as run  # noqa: PLC0415 - importing it can be interrupted
    except KeyboardInterrupt:
        sys.exit("triage: interrupted")
    run()


if __name__ == "__main__":
    main()
