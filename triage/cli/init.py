"""`triage init`."""

from pathlib import Path

import click

from triage.edges.files import PRIVATE, write_private
from triage.errors import ConfigError
from triage.resources import shipped


@click.command("init")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@click.argument("path", default="config.yaml")
def command(path: str, force: bool) -> None:
    """Write a commented configuration to PATH (default: config.yaml).

    Example: triage init
    """
    target = Path(path)
    if target.exists() and not force:
        raise ConfigError(f"{target} exists already; --force overwrites it")
    write_private(target, shipped("config.example.yaml").read_text(encoding="utf-8"))
    target.chmod(PRIVATE)
    click.echo(f"{target} written. Set panther.url and PANTHER_API_TOKEN, then: triage check")
