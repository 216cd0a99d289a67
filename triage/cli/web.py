"""`triage web`."""

from contextlib import AsyncExitStack

import click

from triage.cli.common import note, run_async, settings_from
from triage.cli.logs import log_to_stderr
from triage.cli.options import config_option, now_option
from triage.cli.run import stopping
from triage.cli.state import opened_store
from triage.ports import Clock
from triage.settings import Settings
from triage.web.access import check_guarded
from triage.web.pages import team_pages
from triage.web.server import address, bound, listening, url_of


@click.command("web")
@click.option(
    "--listen", default="9465", show_default=True, metavar="[HOST:]PORT", help="This host only by default; 0: any port."
)
@config_option
@now_option
def command(listen: str, config: str | None, clock: Clock) -> int:
    """Serve the team's pages: queue, alerts, cases, shift, agreement, status; until interrupted.

    They read the state database and change marks only; Panther is not asked. On other addresses than this host's,
    web.token or web.user_header has to be set.

    Example: triage web --listen 9465
    """
    settings = settings_from(config, needs_token=False)
    host, port = address(listen)
    check_guarded(settings.web, host)
    log_to_stderr(verbose=True)
    return run_async(serve(settings, clock, host, port))


async def serve(settings: Settings, clock: Clock, host: str, port: int) -> int:
    """Serve the pages until a signal ends it. Returns the exit status."""
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(bound(host, port))
        store = await stack.enter_async_context(opened_store(settings))
        await stack.enter_async_context(listening(listener, team_pages(settings, store, clock, host=host)))
        stop, _ = stack.enter_context(stopping())
        note(f"pages: {settings.web.url or url_of(listener)}/")
        await stop.wait()
    return 0
