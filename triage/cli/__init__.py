"""The command line. Commands parse, call and print; each is imported when it is run, so that `--help` stays quick."""

import importlib
import sys

import click

from triage import __version__

_COMMANDS = {
    "agreement": ("triage.cli.agreement", "Compare verdicts with what people did afterwards."),
    "assets": ("triage.cli.assets", "List the assets seen in alerts, as JSON lines."),
    "audit": ("triage.cli.audit", "Verify the log of what was written to Panther."),
    "check": ("triage.cli.check", "Test the configuration, every permission and the model."),
    "eval": ("triage.cli.evaluate", "Measure the investigator on labelled alerts."),
    "demo": ("triage.cli.demo", "Triage a generated company on an embedded Panther."),
    "export": ("triage.cli.export", "Write investigations as JSON lines or CSV."),
    "init": ("triage.cli.init", "Write a commented config.yaml here."),
    "investigate": ("triage.cli.investigate", "Triage one alert, by id or console URL."),
    "list": ("triage.cli.listing", "List what was triaged."),
    "mark": ("triage.cli.mark", "Say what an alert turned out to be."),
    "pause": ("triage.cli.pause", "Stop all writing to Panther, at once."),
    "record": ("triage.cli.record", "Export or import one investigation whole."),
    "replay": ("triage.cli.replay", "Investigate again from the record."),
    "resume": ("triage.cli.resume", "Continue writing to Panther."),
    "prune": ("triage.cli.prune", "Delete old alerts from the state database."),
    "report": ("triage.cli.report", "Sum up a shift."),
    "retry": ("triage.cli.retry", "Queue alerts again that were given up."),
    "risks": ("triage.cli.risks", "List the alerts as risks, as JSON lines."),
    "run": ("triage.cli.run", "Poll Panther and triage what is selected."),
    "select": ("triage.cli.select", "Show what the filters would take, and why not."),
    "sandbox": ("triage.cli.sandbox", "Serve a world as a Panther."),
    "show": ("triage.cli.show", "Show one investigation whole."),
    "status": ("triage.cli.status", "Show queue, polling, spend, and what failed."),
    "world": ("triage.cli.world", "Build a world from your own logs and rules."),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(_COMMANDS[cmd_name][0])
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # Written from the table: asking each command for its help would import them all.
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", "config", default=None, metavar="FILE", help="Configuration file (default: config.yaml).")
@click.version_option(__version__, "-V", "--version", prog_name="triage", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, config: str | None) -> None:
    """Alert triage for the Panther SIEM: evidence from the data lake, every claim checked by code.

    Exit status: 0 done; 1 something was left unfinished; 2 the request or the configuration is wrong.
    """
    ctx.obj = config


def main() -> None:
    """Run the program; every expected failure is one line on stderr."""
    from triage.errors import TriageError  # noqa: PLC0415 - kept out of the way of --help

    try:
        status = cli.main(prog_name="triage", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        sys.exit(1)
    except TriageError as error:
        from triage.cli.common import exit_status, one_line  # noqa: PLC0415

        click.echo(f"triage: {one_line(str(error))}", err=True)
        sys.exit(exit_status(error))
    except KeyboardInterrupt:
        sys.exit(1)
    # Where the reader of a pipe has seen enough, click itself ends with 1 and says nothing.
    sys.exit(status if isinstance(status, int) else 0)
