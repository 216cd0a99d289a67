"""`triage eval replay`."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import click

from triage.cli.common import UNFINISHED, note, one_line, print_json, settings_from
from triage.cli.logs import log_to_stderr
from triage.cli.options import age_option, alert_id_of, config_option, json_option, now_option
from triage.cli.state import in_store
from triage.errors import ConfigError
from triage.evaluation.record import Unrecorded, read_record
from triage.evaluation.replay import Replayed, replay, with_changes
from triage.ports import Clock, State, Store
from triage.service.stored import full_id
from triage.settings import Settings


@click.command("replay")
@click.argument("alert", required=False)
@config_option
@click.option("--all", "everything", is_flag=True, help="Every investigation since --since instead of one alert.")
@age_option("--since", "With --all: alerts created in this time.", default="30d")
@click.option("--model", default=None, help="Another model, at the configured endpoint.")
@click.option("--prompts", default=None, metavar="DIR", help="Templates in place of the shipped ones of the same name.")
@click.option("--offline", is_flag=True, help="Use the offline analyst, whatever the configuration says.")
@click.option("--against-recorded", is_flag=True, help="Exit 1 if a verdict differs from the recorded one.")
@json_option
@now_option
def command(
    alert: str | None,
    config: str | None,
    everything: bool,
    since: timedelta,
    model: str | None,
    prompts: str | None,
    offline: bool,
    against_recorded: bool,
    as_json: bool,
    clock: Clock,
) -> int:
    """Investigate an ALERT again from its record: same evidence, new model or prompts. Panther is not touched.

    Example: triage eval replay --all --since 30d --prompts prompts/
    """
    if bool(alert) is everything:
        raise ConfigError("name one alert, or give --all")
    settings = with_changes(settings_from(config), model=model, prompts=prompts)
    if offline:
        settings = settings.offline()
    log_to_stderr()

    async def work(store: Store) -> tuple[list[Replayed], int]:
        names = (
            [await full_id(store.records, alert_id_of(alert))] if alert else await _investigated(store, clock, since)
        )
        return await _replay(settings, store, names, strict=bool(alert), quiet=as_json)

    found, left = in_store(settings, work)
    if as_json:
        print_json([each.model_dump(mode="json") | {"changed": each.changed} for each in found])
    else:
        click.echo("\n".join(_text(found, left)))
    failed = left or any(each.after is None for each in found)
    return UNFINISHED if failed or (against_recorded and any(each.changed for each in found)) else 0


async def _investigated(store: Store, clock: Clock, age: timedelta) -> list[str]:
    """Alerts with an investigation of their own, oldest first; an alert linked to another one has none."""
    records = await store.records.newest(since=clock.now() - age, states=(State.DONE,))
    done = [record.alert.id for record in reversed(records)]
    return [name for name in done if await store.records.investigation(name) is not None]


async def _replay(
    settings: Settings, store: Store, names: Sequence[str], *, strict: bool, quiet: bool
) -> tuple[list[Replayed], int]:
    """The replays, and how many alerts have no journal to replay; `strict` raises Unrecorded for the first of them."""
    found: list[Replayed] = []
    left = 0
    for name in names:
        try:
            case = await read_record(store.records, store.journal, name)
        except Unrecorded as error:
            if strict:
                raise
            left += 1
            note(str(error))
            continue
        replayed, _ = await replay(case, settings)
        found.append(replayed)
        if not quiet:
            note(f"{len(found) + left}/{len(names)} {name}: {replayed.before.value} -> {_outcome(replayed)}")
    return found, left


def _outcome(replayed: Replayed) -> str:
    return f"failed: {one_line(replayed.error, 200)}" if replayed.after is None else replayed.after.value


def _text(found: Sequence[Replayed], left: int = 0) -> Iterator[str]:
    for each in found:
        mark = "*" if each.changed else " "
        yield (
            f"{mark} {one_line(each.alert_id, 80)}  {each.before.value} ({each.before_confidence:.0%}) -> {_outcome(each)} "
            f"({each.after_confidence:.0%}), findings {each.findings_before} -> {each.findings_after}, "
            f"{len(each.not_recorded)} questions not recorded  {one_line(each.detection, 120)}"
        )
        for what in each.not_recorded[:5]:
            yield f"    not recorded: {one_line(what, 120)}"
    changed = sum(each.changed for each in found)
    missing = sum(len(each.not_recorded) for each in found)
    tokens = sum(each.tokens for each in found)
    yield (
        f"{len(found)} replayed, {changed} verdicts changed, {sum(each.after is None for each in found)} failed, "
        f"{missing} questions not recorded, {tokens} tokens" + (f"; {left} without a journal" if left else "")
    )
