"""`triage panther source s3 create|update|delete`: S3 log sources, changed by a person and by nothing else."""

import json
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import BaseModel, ValidationError

from triage.app import audit_path
from triage.cli.common import note, note_lines, one_line, print_json, run_async, settings_from
from triage.cli.logs import log_to_stderr
from triage.cli.options import config_option, json_option
from triage.cli.state import opened_store
from triage.edges.audit import AuditFile
from triage.edges.clock import SystemClock
from triage.edges.files import read_bounded
from triage.edges.panther import open_s3_sources, panther_config
from triage.errors import ConfigError
from triage.ports import LogSource
from triage.ports.log_sources import STREAM_TYPES, NewS3Source, S3Settings, S3Source
from triage.settings import Settings
from triage.stages.writeback import PAUSED
from triage.stages.writeback.log_sources import S3SourceWriter, changeable, sent

F = TypeVar("F", bound=Callable[..., Any])
M = TypeVar("M", bound=BaseModel)

_LARGEST = 1 << 20
_CREATE, _ONE = "/log-sources/s3", "/log-sources/s3/{id}"


def _settings_options(command: F) -> F:
    """What `create` and `update` both take."""
    for option in reversed(
        (
            click.option("--label", help="The source's name in Panther."),
            click.option("--role", metavar="ARN", help="The role that Panther assumes to read the bucket."),
            click.option(
                "--logs",
                multiple=True,
                metavar="TYPES[=PREFIX]",
                help="Log types, with commas, of the objects below a prefix; without one, of all. May be repeated.",
            ),
            click.option(
                "--stream-type", type=click.Choice(STREAM_TYPES, case_sensitive=False), help="How objects are split."
            ),
            click.option("--kms-key", metavar="ARN", help="The key, where the bucket is encrypted with one."),
            click.option(
                "--managed-notifications/--own-notifications",
                "managed",
                default=None,
                help="Whether Panther sets up the bucket's notifications (default when creating: it doesn't).",
            ),
            click.option(
                "--from",
                "file",
                metavar="FILE",
                help="A JSON object with Panther's own names; options replace its values.",
            ),
        )
    ):
        command = option(command)
    return command


def _write_options(command: F) -> F:
    for option in reversed(
        (
            click.option("--yes", is_flag=True, help="Don't ask."),
            click.option("--dry-run", is_flag=True, help="Print what would be sent; send nothing."),
            config_option,
            json_option,
        )
    ):
        command = option(command)
    return command


@click.command("create")
@_settings_options
@click.option("--account", metavar="ID", help="The AWS account of the bucket: 12 digits.")
@click.option("--bucket", help="The bucket's name.")
@_write_options
def create(
    label: str | None,
    role: str | None,
    logs: Sequence[str],
    stream_type: str | None,
    kms_key: str | None,
    managed: bool | None,
    file: str | None,
    account: str | None,
    bucket: str | None,
    yes: bool,
    dry_run: bool,
    config: str | None,
    as_json: bool,
) -> int:
    """Create an S3 log source. Needs Manage Log Sources, and a Panther of July 2026 or later.

    Example: triage panther source s3 create --label trail --account 111122223333 --bucket acme-trail --role arn:aws:iam::111122223333:role/PantherRead --logs AWS.CloudTrail=AWSLogs/
    """
    body = {
        "logStreamType": "Auto",
        "managedBucketNotifications": False,
        **_file(file),
        **_given(label, role, logs, stream_type, kms_key, managed),
        **_present({"awsAccountId": account, "s3Bucket": bucket}),
    }
    new = _valid(NewS3Source, body)
    if dry_run:
        return _dry("POST", _CREATE, sent(new))
    settings = _ready(config, yes=yes)

    async def work() -> S3Source:
        async with _writer(settings) as writer:
            await writer.refuse_taken(new.integration_label)
            _confirm(
                f"create the S3 log source {new.integration_label!r} on {panther_config(settings).url}",
                sent(new),
                yes=yes,
            )
            return await writer.create(new)

    return _made(run_async(work()), "created", as_json=as_json)


@click.command("update")
@click.argument("source")
@_settings_options
@_write_options
def update(
    source: str,
    label: str | None,
    role: str | None,
    logs: Sequence[str],
    stream_type: str | None,
    kms_key: str | None,
    managed: bool | None,
    file: str | None,
    yes: bool,
    dry_run: bool,
    config: str | None,
    as_json: bool,
) -> int:
    """Change an S3 log source, by ID or label; what no option names stays as it is.

    Needs Manage Log Sources, and a Panther of July 2026 or later.

    Example: triage panther source s3 update trail --logs AWS.CloudTrail=AWSLogs/ --logs AWS.VPCFlow=flow/
    """
    changes = {**_file(file), **_given(label, role, logs, stream_type, kms_key, managed)}
    if not changes:
        raise ConfigError("nothing to change: give an option such as --label or --logs, or --from FILE")
    settings = _ready(config, yes=yes or dry_run)

    async def work() -> S3Source | None:
        async with _writer(settings) as writer:
            found = await writer.find(source)
            before = changeable(await writer.current(found))
            wanted = _valid(S3Settings, {**before, **changes})
            after = sent(wanted)
            if dry_run:
                _dry("PUT", _ONE.format(id=found.id), after)
                return None
            if wanted.integration_label != found.label:
                await writer.refuse_taken(wanted.integration_label)
            changed = {name: value for name, value in after.items() if before.get(name) != value}
            _confirm(f"update the S3 log source {found.label!r} ({found.id})", changed, yes=yes)
            return await writer.update(found, wanted)

    made = run_async(work())
    return 0 if made is None else _made(made, "updated", as_json=as_json)


@click.command("delete")
@click.argument("source")
@_write_options
def delete(source: str, yes: bool, dry_run: bool, config: str | None, as_json: bool) -> int:
    """Delete an S3 log source, by ID or label; what it has delivered stays in the data lake.

    Needs Manage Log Sources, and a Panther of July 2026 or later.

    Example: triage panther source s3 delete trail
    """
    settings = _ready(config, yes=yes or dry_run)

    async def work() -> LogSource:
        async with _writer(settings) as writer:
            found = await writer.find(source)
            if dry_run:
                _dry("DELETE", _ONE.format(id=found.id), None)
                return found
            # Also says in time that this Panther doesn't serve such sources.
            whole = await writer.current(found)
            facts = {
                "id": found.id,
                "bucket": whole.s3_bucket,
                "account": whole.aws_account_id,
                "log types": found.log_types,
            }
            _confirm(f"delete the S3 log source {found.label!r}", facts, yes=yes)
            await writer.delete(found)
            return found

    gone = run_async(work())
    if not dry_run and as_json:
        print_json({"deleted": gone.id, "label": gone.label})
    elif not dry_run:
        click.echo(one_line(f"deleted {gone.label} ({gone.id})"))
    return 0


# ---- what is sent ----------------------------------------------------------------------------------------------------


def _given(
    label: str | None,
    role: str | None,
    logs: Sequence[str],
    stream_type: str | None,
    kms_key: str | None,
    managed: bool | None,
) -> dict[str, object]:
    """The options that were given, by Panther's names."""
    prefixes = [
        {"prefix": prefix, "logTypes": [name.strip() for name in types.split(",") if name.strip()]}
        for types, _, prefix in (each.partition("=") for each in logs)
    ]
    return _present(
        {
            "integrationLabel": label,
            "logProcessingRole": role,
            "s3PrefixLogTypes": prefixes or None,
            "logStreamType": stream_type,
            "kmsKey": kms_key,
            "managedBucketNotifications": managed,
        }
    )


def _present(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _file(name: str | None) -> dict[str, object]:
    if name is None:
        return {}
    try:
        found = json.loads(read_bounded(Path(name).expanduser(), _LARGEST))
    except ConfigError as error:
        raise ConfigError(f"--from: {error}") from error
    except ValueError as error:
        raise ConfigError(f"--from: {name} is not JSON") from error
    if not isinstance(found, dict):
        raise ConfigError(f"--from: {name} is not a JSON object")
    return found


def _valid(model: type[M], body: Mapping[str, object]) -> M:
    """Raises ConfigError with the fields that are missing or wrong."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        wrong = [
            f"{'.'.join(map(str, each['loc']))}: {each['msg'][:1].lower()}{each['msg'][1:]}" for each in error.errors()
        ]
        raise ConfigError(f"the log source can't be sent so: {'; '.join(wrong)}") from error


def _dry(method: str, path: str, body: Mapping[str, object] | None) -> int:
    print_json({"method": method, "path": path, "body": body})
    return 0


# ---- writing ---------------------------------------------------------------------------------------------------------


def _ready(config: str | None, *, yes: bool) -> Settings:
    """The configuration. Raises ConfigError where nobody can be asked."""
    if not yes and not sys.stdin.isatty():
        raise ConfigError("this changes Panther: say --yes where no terminal can be asked, or --dry-run")
    settings = settings_from(config)
    log_to_stderr()
    return settings


@asynccontextmanager
async def _writer(settings: Settings) -> AsyncIterator[S3SourceWriter]:
    """What writes, with its audit log. Raises ConfigError while writing is paused."""
    clock = SystemClock()
    audit = audit_path(settings)
    async with (
        opened_store(settings) as store,
        open_s3_sources(panther_config(settings), clock=clock) as (sources, listed),
    ):
        if await store.values.get(PAUSED):
            raise ConfigError("writing to Panther is paused; `triage writeback resume` continues")
        log = AuditFile(audit, values=store.values) if audit else None
        yield S3SourceWriter(sources, listed, log, clock)


def _confirm(what: str, facts: Mapping[str, object], *, yes: bool) -> None:
    """Show what is about to be sent, and ask. Raises click.Abort on a no."""
    note(f"about to {what}:")
    note_lines(json.dumps(facts, indent=2))
    if yes:
        return
    # The loop answers an interrupt by cancelling a task, of which a question that waits takes no notice, and Python's own
    # handler misses one that comes just before the read. The system's default misses none; nothing has been sent yet.
    before = signal.getsignal(signal.SIGINT)
    ours = threading.current_thread() is threading.main_thread()
    if ours:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        click.confirm("Go on?", abort=True, err=True)
    finally:
        if ours:
            signal.signal(signal.SIGINT, before)


def _made(source: S3Source, done: str, *, as_json: bool) -> int:
    if as_json:
        print_json(source.model_dump(mode="json", by_alias=True, exclude_none=True))
    else:
        click.echo(one_line(f"{done} {source.integration_label} ({source.integration_id})"))
    return 0
