"""`triage mcp`."""

import os

import click

from triage.cli.common import note, run_async, settings_from
from triage.cli.logs import log_to_stderr
from triage.cli.options import config_option, now_option
from triage.cli.run import stopping
from triage.cli.state import opened_store
from triage.domain.redaction import know_own_secrets
from triage.errors import ConfigError
from triage.mcp.server import mcp_server, served_over_http
from triage.mcp.tools import StoredResults
from triage.ports import Clock
from triage.settings import Settings, is_loopback
from triage.settings.web import check_token
from triage.web.server import address, bound

TOKEN = "TRIAGE_MCP_TOKEN"  # noqa: S105 - the name of the variable
"""The environment variable that holds the token for HTTP: an option would be in the list of processes."""


@click.command("mcp")
@click.option(
    "--http",
    "listen",
    metavar="[HOST:]PORT",
    help=f"Serve over HTTP on loopback, with the token in {TOKEN}; 0: any port.",
)
@click.option("--allow-marks", is_flag=True, help="Offer the tool that records what an alert turned out to be.")
@config_option
@now_option
def command(listen: str | None, allow_marks: bool, config: str | None, clock: Clock) -> int:
    """Serve the stored results as MCP tools, on stdin and stdout, until the client ends.

    The tools read the state database only; Panther is not asked. Text of alerts and logs is marked as data in every
    result.

    Example: triage mcp --config /etc/triage/config.yaml
    """
    settings = settings_from(config, needs_token=False)
    log_to_stderr(verbose=True)
    if listen is None:
        return run_async(_serve_stdio(settings, clock, allow_marks=allow_marks))
    host, port = address(listen, option="--http")
    if not is_loopback(host):
        raise ConfigError(f"--http: {host} is not loopback; put a proxy with TLS in front of 127.0.0.1:{port}")
    token = os.environ.get(TOKEN, "")
    try:
        check_token(token)
    except ValueError as error:
        raise ConfigError(f"{TOKEN}: {error}") from error
    know_own_secrets([token])
    return run_async(_serve_http(settings, clock, host, port, token, allow_marks=allow_marks))


async def _serve_stdio(settings: Settings, clock: Clock, *, allow_marks: bool) -> int:
    async with opened_store(settings) as store:
        await mcp_server(StoredResults(settings, store, clock), allow_marks=allow_marks).run_stdio_async()
    return 0


async def _serve_http(settings: Settings, clock: Clock, host: str, port: int, token: str, *, allow_marks: bool) -> int:
    with bound(host, port, option="--http") as listener:
        async with opened_store(settings) as store:
            server = mcp_server(StoredResults(settings, store, clock), allow_marks=allow_marks)
            with stopping() as (stop, _):
                async with served_over_http(server, listener, token) as url:
                    note(f"MCP: {url}")
                    await stop.wait()
    return 0
