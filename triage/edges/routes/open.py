"""The destination of a route."""

import importlib

from triage.edges.routes.jira import JiraDestination
from triage.errors import ConfigError
from triage.ports import Clock, Destination
from triage.resources import how_to_install
from triage.settings import RouteSettings


def open_destination(route: RouteSettings, clock: Clock) -> Destination:
    """Open the destination of a route; nothing is sent.

    Raises:
        ConfigError: Its address is missing or wrong, or the extra `routes` is not installed.
    """
    if not route.url.get_secret_value():
        raise ConfigError(f"route {route.name}: {route.url_env or route.url_file} holds no address")
    if route.jira is not None:
        return JiraDestination(route.name, route.jira, route.url.get_secret_value(), clock)
    try:
        module = importlib.import_module("triage.edges.routes.apprise_destination")
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "apprise":
            raise
        raise ConfigError(
            f"route {route.name} needs apprise, which the extra `routes` installs: {how_to_install('routes')}"
        ) from error
    opened: Destination = module.AppriseDestination(route.name, route.url.get_secret_value())
    return opened
