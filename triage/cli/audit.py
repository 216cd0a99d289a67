"""`triage audit`."""

from dataclasses import asdict
from pathlib import Path

import click

from triage.cli.common import UNFINISHED, config_option, json_option, print_json, settings_from
from triage.errors import ConfigError


@click.group("audit")
def command() -> None:
    """Look at the log of everything that was written to Panther."""


@command.command("verify")
@config_option
@click.option("--file", "file", default=None, metavar="FILE", help="Default: writeback.audit of the configuration.")
@json_option
def verify(config: str | None, file: str | None, as_json: bool) -> int:
    """Walk through the log's hash chain; exit 1 where a line was edited, dropped or moved."""
    from triage.edges.audit import verify_audit  # noqa: PLC0415 - start-up time

    name = file or settings_from(config).writeback.audit
    if not name:
        raise ConfigError("writeback.audit is empty: no log is kept")
    path = Path(name).expanduser()
    found = verify_audit(path)
    if as_json:
        print_json({"file": str(path), "lines": found.lines, "broken": [asdict(line) for line in found.broken]})
    else:
        click.echo(f"{path}: {found.lines} lines, {'the chain holds' if found.holds else 'the chain is broken'}")
        for line in found.broken:
            click.echo(f"line {line.line}: {line.problem}")
    return 0 if found.holds else UNFINISHED
