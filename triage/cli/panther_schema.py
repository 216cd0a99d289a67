"""`triage panther schema`: the API of one's own Panther, and how it differs from what the program sends."""

from collections.abc import Iterable

import click

from triage.cli.common import note, print_json, run_async, settings_from, table
from triage.cli.logs import log_to_stderr
from triage.cli.options import config_option, json_option
from triage.domain.clean import printable
from triage.edges.clock import SystemClock
from triage.edges.panther import Difference, Drift, open_probes, panther_config
from triage.settings import Settings

_FILTERS = ("AlertStatus.", "Severity.")
"""The values that `ingest` filters by on the server: it lists no alert with one that the program does not know."""
_NAMED = 3
"""Differences that the line of `triage check` names."""


@click.command("schema")
@config_option
@click.option("--diff", is_flag=True, help="Only how it differs from what the program sends.")
@json_option
def command(config: str | None, diff: bool, as_json: bool) -> int:
    """Print Panther's GraphQL schema, or what of its API is missing, deprecated or new.

    Missing is what the program sends and this Panther lacks; new is what the types in use have that the program does
    not know. Where Panther does not let its schema be read, only REST paths are compared.

    Example: triage panther schema --diff
    """
    settings = settings_from(config)
    log_to_stderr()
    if not diff:
        text = run_async(_schema(settings))
        if as_json:
            print_json({"schema": text})
        else:
            click.echo("\n".join(map(printable, text.split("\n"))))
        return 0
    drift = run_async(_drift(settings))
    if as_json:
        print_json(_document(drift))
        return 0
    rows = [("missing", each.name, _of_missing(each)) for each in drift.missing]
    rows += [("missing", each, "not served to this token; the program goes on without") for each in drift.paths]
    rows += [("deprecated", each.name, each.text) for each in drift.deprecated]
    rows += [("new", each, "") for each in drift.new]
    if rows:
        click.echo("\n".join(table(rows)))
    else:
        click.echo("the REST paths in use are served" if drift.unread else "no difference was found")
    if drift.unread:
        note(f"the GraphQL schema could not be read, so only REST paths were compared: {drift.unread}")
    return 0


async def _schema(settings: Settings) -> str:
    async with open_probes(panther_config(settings), clock=SystemClock()) as probes:
        return await probes.schema_text()


async def _drift(settings: Settings) -> Drift:
    async with open_probes(panther_config(settings), clock=SystemClock()) as probes:
        return await probes.drift()


def _of_missing(difference: Difference) -> str:
    used = ", ".join(difference.operations)
    return f"needed by {used}" if difference.needed else f"left out of {used}"


def _unlisted(drift: Drift) -> list[str]:
    return [name for name in drift.new if name.startswith(_FILTERS)]


def is_fine(drift: Drift) -> bool:
    """Whether nothing of an alert is lost: paths of a later generation and new fields are no loss."""
    return not (drift.missing or drift.deprecated or _unlisted(drift))


def summary(drift: Drift) -> str:
    """One line about a drift."""
    parts = [
        f"{what} {_names(names)}"
        for what, names in (
            ("this Panther lacks", [each.name for each in drift.missing if each.needed]),
            ("left out, since this Panther lacks it:", [each.name for each in drift.missing if not each.needed]),
            ("deprecated:", [each.name for each in drift.deprecated]),
            ("not served to this token:", drift.paths),
            ("not listed by a filter of ingest:", _unlisted(drift)),
            ("new:", [name for name in drift.new if name not in _unlisted(drift)]),
        )
        if names
    ]
    if drift.unread:
        return "; ".join([f"Panther does not let its schema be read, so nothing was compared: {drift.unread}", *parts])
    if not parts:
        return "Panther has all that the program asks for"
    return f"{'; '.join(parts)} (triage panther schema --diff)"


def _names(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return ", ".join(listed[:_NAMED]) + more


def _document(drift: Drift) -> dict[str, object]:
    def rows(differences: Iterable[Difference]) -> list[dict[str, object]]:
        return [
            {"name": each.name, "operations": list(each.operations), "needed": each.needed, "text": each.text}
            for each in differences
        ]

    return {
        "compared": not drift.unread,
        "reason": drift.unread or None,
        "missing": rows(drift.missing),
        "paths": list(drift.paths),
        "deprecated": rows(drift.deprecated),
        "new": list(drift.new),
    }
