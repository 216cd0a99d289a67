"""`triage writeback pause|resume|audit`."""

from dataclasses import asdict
from pathlib import Path

import click

from triage.cli.common import UNFINISHED, note, print_json, settings_from
from triage.cli.options import config_option, json_option
from triage.cli.state import in_store
from triage.edges.audit import last_line_name, verify_audit
from triage.edges.clock import SystemClock
from triage.errors import ConfigError
from triage.stages.writeback import PAUSED


@click.command("pause")
@config_option
def pause(config: str | None) -> int:
    """Stop all writing to Panther, at once and in every process that shares the store; triage continues.

    Example: triage writeback pause
    """
    _set_paused(config, paused=True)
    note("writing to Panther is paused; `triage writeback resume` continues, and writes the deferred comments")
    return 0


@click.command("resume")
@config_option
def resume(config: str | None) -> int:
    """Continue writing to Panther after `triage writeback pause`.

    Example: triage writeback resume
    """
    _set_paused(config, paused=False)
    note("writing to Panther continues; deferred comments are written within five minutes")
    return 0


@click.command("audit")
@config_option
@click.option("--file", metavar="FILE", help="Default: writeback.audit of the configuration.")
@json_option
def audit(config: str | None, file: str | None, as_json: bool) -> int:
    """Verify the hash chain of the audit log; exit 1 if a line was edited, dropped or moved.

    Without --file, its last line is compared with the state database as well.

    Example: triage writeback audit --file triage-audit.jsonl
    """
    settings = None if file else settings_from(config, needs_token=False)
    name = file or (settings.writeback.audit if settings else "")
    if not name:
        raise ConfigError("writeback.audit is empty: no log is kept")
    path = Path(name).expanduser()
    stored = in_store(settings, lambda store: store.values.get(last_line_name(path))) if settings else None
    found = verify_audit(path, stored)
    if as_json:
        print_json({"file": str(path), "lines": found.lines, "broken": [asdict(line) for line in found.broken]})
    else:
        click.echo(f"{path}: {found.lines} lines, {'the chain is intact' if found.intact else 'the chain is broken'}")
        for line in found.broken:
            click.echo(f"line {line.line}: {line.problem}")
    return 0 if found.intact else UNFINISHED


def _set_paused(config: str | None, *, paused: bool) -> None:
    now = SystemClock().now()
    in_store(settings_from(config, needs_token=False), lambda store: store.values.put(PAUSED, paused, now=now))
