"""`triage sandbox serve`."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import click

from triage.cli.options import seed_option
from triage.sandbox.server import ApiToken, SandboxOptions, SandboxServer
from triage.sandbox.shipped import Shipped, unpack_world
from triage.sandbox.world import load_world


@click.command("serve")
@click.option("--world", metavar="DIR", help="A world directory (default: the demo's company).")
@click.option("--port", default=0, metavar="N", help="Default: a free one.")
@click.option("--as-recorded", is_flag=True, help="Keep the world's recorded times; run the program with --now then.")
@click.option("--token", default=None, help="The only API token accepted (default: any).")
@click.option(
    "--api", type=click.Choice(["2025", "2026"]), default="2026", help="Generation of the REST API (default: 2026)."
)
@click.option("--api-latency", default=0.0, metavar="SECONDS", help="Delay of each reply.")
@click.option("--query-latency", default=0.0, metavar="SECONDS", help="Minimum time of a lake query.")
@seed_option
def serve(
    world: str | None,
    port: int,
    as_recorded: bool,
    token: str | None,
    api: Literal["2025", "2026"],
    api_latency: float,
    query_latency: float,
) -> int:
    """Serve a world as a Panther on loopback, until interrupted.

    Example: triage sandbox serve --world DIR --port 8099
    """
    with ExitStack() as stack:
        if world is None:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="triage-world-")))
            path = unpack_world(Shipped.DEMO, scratch)
        else:
            path = Path(world)
        options = SandboxOptions(
            port=port,
            tokens=(ApiToken(token),) if token else (),
            any_token=token is None,
            generation=api,
            api_latency=api_latency,
            query_latency=query_latency,
        )
        server = SandboxServer(load_world(path, as_recorded=as_recorded), options)
        click.echo(f"panther.url: {server.url}")
        click.echo(f"panther.token: {token or 'any'}")
        click.echo(f"now: {server.world.now.isoformat()}")
        server.run()
    return 0
