"""The command line. Commands parse, call and print; each is imported when it runs (see `lazy`).

One module per command or group. `options` has the options they share, `common` settings, output and exit status,
`state` the state database; `text` and `page` show an investigation.
"""

import sys

import click

from triage import __version__
from triage.cli.lazy import Command, LazyGroup, hint, require
from triage.errors import TriageError

_EXPORT = LazyGroup(
    "export",
    help="Write alerts, assets or risks for other programs.",
    bare="alerts",
    commands={
        "alerts": Command("export", "alerts", "Write investigations as JSON lines or CSV."),
        "assets": Command("exposure", "assets", "List the assets in all alerts of Panther, as JSON lines or CSV."),
        "risks": Command("exposure", "risks", "List all alerts of Panther as risks, as JSON lines or CSV."),
    },
)
_WRITEBACK = LazyGroup(
    "writeback",
    help="Pause or resume writing to Panther; verify the audit log.",
    commands={
        "pause": Command("writeback", "pause", "Stop all writing to Panther, at once."),
        "resume": Command("writeback", "resume", "Continue writing to Panther."),
        "audit": Command("writeback", "audit", "Verify the log of what was written to Panther."),
    },
)
_QUEUE = LazyGroup(
    "queue",
    help="Preview the filters, retry failed alerts, delete old ones.",
    commands={
        "select": Command("select", "command", "Show which alerts the filters take, and why not the others."),
        "retry": Command("queue", "retry", "Queue failed alerts again."),
        "prune": Command("queue", "prune", "Delete old alerts from the state database."),
    },
)
_RECORD = LazyGroup(
    "record",
    help="Export or import one investigation: alert, evidence, turns and result, without secrets.",
    commands={
        "export": Command("record", "export", "Write the record of one investigation."),
        "import": Command("record", "import_", "Import a record into this store."),
    },
)
_ROUTES = LazyGroup(
    "routes",
    help="Send results on to chat, mail, paging, webhooks and Jira.",
    commands={
        "list": Command("routes", "list_", "List the routes, and what of each waits or was given up."),
        "test": Command("routes", "test", "Send a marked test message."),
        "explain": Command("routes", "explain", "Show which routes an alert's result takes, and why."),
        "failed": Command("routes", "failed", "List the messages that were given up."),
    },
)
_EVAL = LazyGroup(
    "eval",
    help="Measure verdicts: on labelled alerts, by what people did, in replays.",
    bare="run",
    commands={
        "run": Command("evaluate", "run", "Measure the investigator on labelled alerts.", extra="eval"),
        "compare": Command("evaluate", "compare", "Show what changed between two evaluations.", extra="eval"),
        "agreement": Command("agreement", "command", "Compare verdicts with what people did afterwards."),
        "replay": Command("replay", "command", "Investigate again from the record."),
        "record": _RECORD,
    },
)
_RUNBOOK = LazyGroup(
    "runbook",
    help="Turn the runbooks of detections into questions, and review them.",
    commands={
        "compile": Command("runbook_compile", "compile_", "Turn runbooks into plans, and keep them in files."),
        "show": Command("runbook", "show", "Show a runbook with its plan."),
        "diff": Command("runbook", "diff", "Show what a new text of a runbook changes."),
        "test": Command("runbook_test", "command", "Run a runbook on one alert."),
    },
)
_S3 = LazyGroup(
    "s3",
    help="Create, change or delete an S3 log source.",
    commands={
        "create": Command("panther_source", "create", "Create an S3 log source."),
        "update": Command("panther_source", "update", "Change an S3 log source."),
        "delete": Command("panther_source", "delete", "Delete an S3 log source."),
    },
)
_PANTHER = LazyGroup(
    "panther",
    help="Ask Panther what it has: schema, sources, users, tables.",
    commands={
        "schema": Command("panther_schema", "command", "Print its schema, or how its API differs."),
        "sources": Command("panther_inventory", "sources", "List the log sources with their health."),
        "users": Command("panther_inventory", "users", "List the users."),
        "tables": Command("panther_inventory", "tables", "List the tables of the data lake."),
        "columns": Command("panther_inventory", "columns", "List the columns of a table."),
        "queries": Command("panther_inventory", "queries", "List the saved queries."),
        "source": LazyGroup("source", help="Change log sources, as a person asks.", commands={"s3": _S3}),
    },
)
_WORLD = LazyGroup(
    "world",
    help="Build a world from your own logs, rules and alerts.",
    commands={"import": Command("world", "import_", "Create or extend a world directory from your own files.")},
)
_SANDBOX = LazyGroup(
    "sandbox",
    help="Serve an embedded Panther; build a world for it.",
    bare="serve",
    commands={
        "serve": Command("sandbox", "serve", "Serve a world as a Panther.", extra="sandbox"),
        "world": _WORLD,
    },
)

RENAMED: dict[str, tuple[str, ...]] = {
    "agreement": ("eval", "agreement"),
    "assets": ("export", "assets"),
    "audit": ("writeback", "audit"),
    "pause": ("writeback", "pause"),
    "prune": ("queue", "prune"),
    "record": ("eval", "record"),
    "replay": ("eval", "replay"),
    "resume": ("writeback", "resume"),
    "retry": ("queue", "retry"),
    "risks": ("export", "risks"),
    "select": ("queue", "select"),
    "world": ("sandbox", "world"),
}
"""Commands that moved into a group; their old names work until the next version, with a hint."""


class _Root(LazyGroup):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        new = RENAMED.get(args[0])
        if new is not None:
            rest = args[2:] if args[:2] == ["audit", "verify"] else args[1:]
            hint(f"triage {args[0]}", f"triage {' '.join(new)}")
            args = [*new, *rest]
        return super().resolve_command(ctx, args)


cli = _Root(
    "triage",
    help="""Alert triage for the Panther SIEM: evidence from the data lake, every claim checked by code.

    Exit status: 0 done; 1 something was left unfinished; 2 the request or the configuration is wrong.
    """,
    commands={
        "init": Command("init", "command", "Write a commented config.yaml here."),
        "check": Command("check", "command", "Test the configuration, every permission and the model."),
        "run": Command("run", "command", "Poll Panther and triage the selected alerts."),
        "investigate": Command("investigate", "command", "Triage one alert, by ID or console URL."),
        "list": Command("listing", "command", "List the alerts seen, with their verdicts."),
        "cases": Command("cases", "command", "List the cases: related alerts, and why they are."),
        "show": Command("show", "command", "Show one investigation in full."),
        "mark": Command("mark", "command", "Record what an alert turned out to be, or take that back."),
        "report": Command("report", "command", "Summarise a shift."),
        "web": Command("web", "command", "Serve the team's pages.", extra="web"),
        "mcp": Command("mcp", "command", "Serve the stored results as tools of an MCP client.", extra="mcp"),
        "status": Command("status", "command", "Show queue, polling, spend, and what failed."),
        "demo": Command("demo", "command", "Triage a generated company on an embedded Panther.", extra="sandbox"),
        "queue": _QUEUE,
        "writeback": _WRITEBACK,
        "routes": _ROUTES,
        "export": _EXPORT,
        "panther": _PANTHER,
        "runbook": _RUNBOOK,
        "eval": _EVAL,
        "sandbox": _SANDBOX,
    },
    context_settings={"help_option_names": ["-h", "--help"]},
    params=[
        click.Option(["--config"], default=None, metavar="FILE", help="Configuration file (default: config.yaml)."),
    ],
    callback=click.pass_context(lambda ctx, config: setattr(ctx, "obj", config)),
)
click.version_option(__version__, "-V", "--version", prog_name="triage", message="%(prog)s %(version)s")(cli)


def main() -> None:
    """Run the program; every expected failure is one line on stderr."""
    try:
        status = cli.main(prog_name="triage", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        # Work in flight is given back where a command does that; what is stored stays.
        sys.exit("triage: interrupted")
    except TriageError as error:
        common = require("triage.cli.common")
        click.echo(f"triage: {common.one_line(str(error))}", err=True)
        sys.exit(common.exit_status(error))
    # When the reader of a pipe has gone, click itself exits with 1 and prints nothing.
    sys.exit(status if isinstance(status, int) else 0)
