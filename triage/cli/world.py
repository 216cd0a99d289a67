"""`triage sandbox world import`."""

from dataclasses import asdict
from pathlib import Path
from shlex import quote

import click

from triage.cli.common import UNFINISHED, one_line, print_json
from triage.cli.options import json_option, moment_of
from triage.domain.clean import printable
from triage.errors import ConfigError
from triage.sandbox.importing import AlertAt, ImportReport, ImportRequest, Logs, import_world

_SHOWN = 10


@click.command("import")
@click.option("--into", required=True, metavar="DIR", help="The world directory, created or extended.")
@click.option("--cloudtrail", multiple=True, metavar="PATH", help="CloudTrail files or a directory of them.")
@click.option("--logs", multiple=True, metavar="LOG_TYPE=PATH", help="NDJSON of a log type: file or directory.")
@click.option("--rules", multiple=True, metavar="DIR", help="Detections as panther-analysis keeps them.")
@click.option(
    "--alerts", multiple=True, metavar="FILE", help="NDJSON: which rule fired on which rows, and the verdict."
)
@click.option("--alert", multiple=True, metavar="RULE:ROW[=VERDICT]", help="An alert over one row (its p_row_id).")
@click.option("--time-field", multiple=True, metavar="[LOG_TYPE=]PATH", help="The field with a record's time.")
@click.option("--undated", metavar="TIME", help="The time of records that have none (default: leave them out).")
@click.option("--org", default="", metavar="NAME", help="Name of the organisation.")
@click.option("--now", metavar="TIME", help="The world's present (default: after its newest record).")
@json_option
def import_(
    into: str,
    cloudtrail: tuple[str, ...],
    logs: tuple[str, ...],
    rules: tuple[str, ...],
    alerts: tuple[str, ...],
    alert: tuple[str, ...],
    time_field: tuple[str, ...],
    undated: str | None,
    org: str,
    now: str | None,
    as_json: bool,
) -> int:
    """Create or extend a world directory from your own files.

    Files may be gzip. Rule bodies are stored as text and never run, so alerts come from you: each line of an --alerts
    FILE is a JSON object such as

    \b
      {"rule": "AWS.CloudTrail.Stopped", "where": {"eventName": "StopLogging"}, "verdict": "malicious"}

    with row, rows, where, time, since or until to select the rows, and optionally log_type, title, severity, status,
    created, context, incident, accept, notes, evidence_row_ids. A verdict (malicious or benign) is written only to
    truth.ndjson, where `triage eval run --world DIR` reads it.

    Exit 1 if something was left out; it is counted and named.

    Example: triage sandbox world import --into DIR --cloudtrail AWSLogs/
    """
    if not (cloudtrail or logs or rules or alerts or alert):
        raise ConfigError("nothing to import: give --cloudtrail, --logs, --rules, --alerts or --alert")
    request = ImportRequest(
        into=Path(into),
        logs=(*map(Logs.cloudtrail, cloudtrail), *map(Logs.parse, logs)),
        rules=tuple(map(Path, rules)),
        alert_files=tuple(map(Path, alerts)),
        alerts=tuple(map(AlertAt.parse, alert)),
        org=org,
        now=moment_of(now, "--now"),
        time_fields=dict(map(_time_field, time_field)),
        undated=moment_of(undated, "--undated"),
    )
    report = import_world(request)
    if as_json:
        print_json(_document(report))
    else:
        for line in _text(report, request):
            click.echo(printable(line))
    return UNFINISHED if report.rejected else 0


def _time_field(text: str) -> tuple[str, str]:
    log_type, divider, path = text.rpartition("=")
    if not path or (divider and not log_type):
        raise ConfigError(f"--time-field: expected PATH or LOG_TYPE=PATH, not {one_line(text, 60)!r}")
    return log_type, path


def _document(report: ImportReport) -> dict[str, object]:
    return {**asdict(report), "reasons": dict(report.reasons.most_common()), "changed": report.changed}


def _text(report: ImportReport, request: ImportRequest) -> list[str]:
    lines = []
    if report.records_read or report.duplicates:
        lines.append(
            f"records: {report.records_read} read, {sum(report.records_added.values())} new, "
            f"{report.duplicates} already there"
        )
        lines += [
            f"  {table}: {count} rows, {report.records_added.get(table, 0)} new"
            for table, count in report.tables.items()
        ]
    if report.rules_read:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(report.rules_by_kind.items()))
        lines.append(
            f"rules: {report.rules_read} read ({kinds}), {report.rules_added} new, {report.rules_changed} changed"
        )
    if report.not_detections:
        aside = ", ".join(f"{count} {kind}" for kind, count in sorted(report.not_detections.items()))
        lines.append(f"  not detections, left out: {aside}")
    if report.skipped_files:
        lines.append(f"files skipped for their names, or because they link outside: {report.skipped_files}")
    if report.rejected:
        lines.append(f"left out: {report.rejected}")
        lines += [f"  {count} x {reason}" for reason, count in report.reasons.most_common(_SHOWN)]
        lines += [f"  {problem}" for problem in report.problems[:_SHOWN]]
        if report.rejected > _SHOWN:
            lines.append(f"  and {report.rejected - _SHOWN} more; --json names the first hundred")
    lines.append(f"alerts: {report.alerts} ({report.alerts_added} new); labels: {report.labels}; now: {report.now}")
    if not report.changed:
        lines.append("nothing new: the world is unchanged")
    if not report.alerts:
        lines.append("the world has no alerts yet: add some with --alerts FILE or --alert RULE:ROW=VERDICT")
    elif not report.labels:
        lines.append('no alert is labelled yet: give a "verdict" in --alerts, or write truth.ndjson in the world')
    else:
        lines.append(f"measure with: triage eval run --world {quote(str(request.into))}")
    return lines
