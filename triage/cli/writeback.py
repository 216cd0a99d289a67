"""`triage writeback pause|resume|audit`."""

from dataclasses import asdict
from pathlib import Path

import click

from triage.cli.common import UNFINISHED, config_option, json_option, note, print_json, run_async, settings_from
from triage.cli.state import opened_store
from triage.edges.audit import verify_audit
from triage.edges.clock import SystemClock
from triage.errors import ConfigError
from triage.settings import Settings
from triage.stages.writeback import PAUSED


@click.command("pause")
@config_option
def pause(config: str | None) -> int:
    """Stop all writing to Panther, at once and in every process that shares the store; triage goes on."""
    run_async(_set_paused(settings_from(config), paused=True))
    note("writing to Panther is paused; `triage writeback resume` continues, and writes what has waited")
    return 0


@click.command("resume")
@config_option
def resume(config: str | None) -> int:
    """Continue writing to Panther after `triage writeback pause`."""
    run_async(_set_paused(settings_from(config), paused=False))
    note("writing to Panther continues; comments that waited follow within five minutes")
    return 0


@click.command("audit")
@config_option
@click.option("--file", "file", default=None, metavar="FILE", help="Default: writeback.audit of the configuration.")
@json_option
def audit(config: str | None, file: str | None, as_json: bool) -> int:
    """Walk through the hash chain of the audit log; exit 1 where a line was edited, dropped or moved."""
    name = file or settings_from(config).writeback.audit
    if not name:
        raise ConfigError("writeback.audit is empty: no log is kept")
    path = Path(name).expanduser()
    found = verify_audit(path)
    if as_json:
        print_json({"file": str(path), "lines": found.lines, "broken": [asdict(line) for line in found.broken]})
    else:
        click.echo(f"{path}: {found.lines} lines, {'the chain holds' if found.intact else 'the chain is broken'}")
        for line in found.broken:
            click.echo(f"line {line.line}: {line.problem}")
    return 0 if found.intact else UNFINISHED


async def _set_paused(settings: Settings, *, paused: bool) -> None:
    async with opened_store(settings) as store:
        await store.values.put(PAUSED, paused, now=SystemClock().now())
