"""`triage routes list|test|explain|failed`. No output holds an address: `url_env` and `url_file` say where each is."""

import asyncio
from dataclasses import dataclass

import click

from triage.app import audit_log
from triage.cli.common import UNFINISHED, note, one_line, print_json, run_async, settings_from, table
from triage.cli.options import alert_argument, config_option, json_option, now_option
from triage.cli.state import in_store, opened_store
from triage.domain.near import did_you_mean
from triage.domain.report import digest
from triage.domain.route import RouteChoice, RoutedResult, choose
from triage.edges.routes import open_destination
from triage.errors import ConfigError, NotFound, RouteError
from triage.ports import AuditEntry, Clock, RouteCounts, RouteMessage, Store
from triage.service.stored import record_of
from triage.settings import RouteSettings, Settings
from triage.stages.routing import RouteTiming, marked_test


@click.command("list")
@config_option
@json_option
def list_(config: str | None, as_json: bool) -> int:
    """List the routes in order of precedence, with what waits, was sent, and was given up.

    Example: triage routes list
    """
    settings = settings_from(config, needs_token=False)
    counts = in_store(settings, lambda store: store.outbox.count_messages())
    ordered = sorted(settings.routes.to, key=lambda route: route.conditions.precedence)
    if as_json:
        print_json(
            {
                "enabled": settings.routes.enabled,
                "match": settings.routes.match,
                "routes": [_to_json(route, counts.get(route.name, RouteCounts())) for route in ordered],
            }
        )
        return 0
    if not ordered:
        note("no routes: routes.to is empty")
        return 0
    rows = []
    for route in ordered:
        count = counts.get(route.name, RouteCounts())
        numbers = (str(count.done), str(count.waiting), str(count.failed))
        rows.append((route.name, _place(route), one_line(_conditions(route), 80), *numbers))
    head = ("route", "address", "conditions", "sent", "waiting", "failed")
    click.echo("\n".join(table(rows, head, right={3, 4, 5}, shrink=(2, 1))))
    gone = [name for name, count in counts.items() if count.waiting and settings.routes.route(name) is None]
    if gone:
        note(f"messages wait for routes that the configuration no longer has: {', '.join(sorted(gone))}")
    if not settings.routes.enabled:
        note("nothing is sent: routes.enabled is false")
    return 0


@click.command("test")
@click.argument("name")
@config_option
@json_option
@now_option
def test(name: str, config: str | None, as_json: bool, clock: Clock) -> int:
    """Send a message that is marked as a test through the route NAME, whatever its hours and its cap say.

    Example: triage routes test soc-slack
    """
    settings = settings_from(config, needs_token=False)
    route = _route(settings, name)
    reference = run_async(_send_test(settings, route, clock))
    if as_json:
        print_json({"route": name, "sent": True, "reference": reference})
    else:
        click.echo(f"{name}: sent{f' as {reference}' if reference else ''}")
    return 0


async def _send_test(settings: Settings, route: RouteSettings, clock: Clock) -> str:
    destination = open_destination(route, clock)
    message = marked_test(route.name, clock.token(8), now=clock.now())
    entry = AuditEntry(
        action="route.send",
        alert_id="",
        value=route.name,
        digest=digest(f"{message.title}\n{message.body}"),
        size=len(message.body),
    )
    try:
        async with opened_store(settings) as store:
            log = audit_log(settings, store.values)

            async def write(outcome: str) -> None:
                if log is not None:
                    await log.append(entry.model_copy(update={"outcome": outcome}), now=clock.now())

            await write("sending")
            try:
                async with asyncio.timeout(RouteTiming().send):
                    reference = await destination.send(message, None)
            except TimeoutError as error:
                await write("unknown")
                raise RouteError(f"route {route.name}: no answer in time", outcome_unknown=True) from error
            except RouteError as error:
                await write("unknown" if error.outcome_unknown else "refused")
                raise RouteError(f"route {route.name}: {error}") from error
            await write("done")
            return reference
    finally:
        await destination.close()


@click.command("explain")
@alert_argument
@config_option
@json_option
def explain(alert: str, config: str | None, as_json: bool) -> int:
    """Show for each route whether the result of an ALERT takes it, and why; and what was sent about it.

    Example: triage routes explain ALERT
    """
    settings = settings_from(config, needs_token=False)
    found = in_store(settings, lambda store: _explained(settings, store, alert))
    if as_json:
        print_json(
            {
                "alert_id": found.alert_id,
                "result": found.result.model_dump(mode="json"),
                "match": settings.routes.match,
                "enabled": settings.routes.enabled,
                "routes": [choice.model_dump(mode="json") for choice in found.choices],
                "messages": [_message_json(each) for each in found.messages],
            }
        )
        return 0
    result = found.result
    said = f"{result.verdict.value}, confidence {result.confidence}, {result.severity.value}"
    click.echo(f"{found.alert_id}: {said}, {one_line(result.detection or 'no detection')}")
    case = "in a case" if result.case else "in no case"
    click.echo(f"{case}; tags: {one_line(', '.join(result.tags) or 'none', 400)}")
    rows = [("->" if each.chosen else "", each.name, one_line(each.why, 160)) for each in found.choices]
    click.echo("\n".join(table(rows)) if rows else "no routes: routes.to is empty")
    for each in found.messages:
        at = f" at {each.sent_at:%Y-%m-%d %H:%M} UTC" if each.sent_at else ""
        click.echo(f"{each.route}: {each.state.value}{at}{f': {one_line(each.error, 160)}' if each.error else ''}")
    return 0


@click.command("failed")
@config_option
@json_option
def failed(config: str | None, as_json: bool) -> int:
    """List the messages that were given up, newest first, and why; exit 1 if there are any.

    `triage queue retry --routes` sends them again.

    Example: triage routes failed
    """
    settings = settings_from(config, needs_token=False)
    messages = in_store(settings, lambda store: store.outbox.failed_messages())
    if as_json:
        print_json([_message_json(each) for each in messages])
    elif messages:
        rows = [
            (each.route, each.alert_id or "summary", one_line(each.title, 60), one_line(each.error, 160))
            for each in messages
        ]
        click.echo("\n".join(table(rows, ("route", "alert", "message", "why"), shrink=(3, 2))))
    else:
        note("no message was given up")
    return UNFINISHED if messages else 0


@dataclass(frozen=True, slots=True)
class _Explained:
    alert_id: str
    result: RoutedResult
    choices: tuple[RouteChoice, ...]
    messages: tuple[RouteMessage, ...]


async def _explained(settings: Settings, store: Store, alert: str) -> _Explained:
    record = await record_of(store.records, alert)
    name = record.alert.id
    investigation = await store.records.investigation(name)
    if investigation is None:
        leader = f": it takes the verdict of {record.leader}, whose result is sent on" if record.leader else ""
        raise NotFound(f"alert {name} has no result of its own yet{leader}")
    result = RoutedResult.of(record.alert, investigation)
    choices = choose(settings.routes.conditions, result, settings.routes.match)
    return _Explained(name, result, choices, await store.outbox.messages_of(name))


def _route(settings: Settings, name: str) -> RouteSettings:
    route = settings.routes.route(name)
    if route is None:
        names = [each.name for each in settings.routes.to]
        near = did_you_mean(name, names) or f"; there is {', '.join(names) or 'none'}"
        raise ConfigError(f"there is no route {name}{near}")
    return route


def _place(route: RouteSettings) -> str:
    """What is known of the destination without a secret."""
    kept = f"${route.url_env}" if route.url_env else route.url_file
    return f"jira {route.jira.project}, token in {kept}" if route.jira else kept


def _conditions(route: RouteSettings) -> str:
    given = route.conditions.model_dump(mode="json", exclude_defaults=True)
    said = (
        f"{key}: {', '.join(map(str, value)) if isinstance(value, list) else value}" for key, value in given.items()
    )
    return "; ".join(said) or "none"


def _to_json(route: RouteSettings, count: RouteCounts) -> dict[str, object]:
    return {
        "name": route.name,
        "address": _place(route),
        "precedence": route.conditions.precedence.name.lower(),
        "conditions": route.conditions.model_dump(mode="json", exclude_defaults=True),
        "quiet_hours": route.quiet_hours,
        "hourly_cap": route.hourly_cap,
        "sent": count.done,
        "waiting": count.waiting,
        "failed": count.failed,
    }


def _message_json(message: RouteMessage) -> dict[str, object]:
    return {
        "route": message.route,
        "alert_id": message.alert_id,
        "state": message.state.value,
        "title": message.title,
        "error": message.error,
        "attempts": message.attempts,
        "created_at": message.created_at.isoformat(),
        "due_at": message.due_at.isoformat() if message.due_at else None,
        "sent_at": message.sent_at.isoformat() if message.sent_at else None,
        "reference": message.reference,
    }
