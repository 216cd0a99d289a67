"""Lazy imports: a command's module is imported when that command runs.

`triage --help` needs only click; the libraries behind the commands take up to two seconds to import. So each command
module imports what it needs at its top, and the groups here import the module only when the command is used.
"""

import gc
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType

import click
from click.shell_completion import CompletionItem

from triage.domain.near import nearest
from triage.errors import ConfigError
from triage.resources import how_to_install

EXTRAS = {
    "apprise": "routes",
    "duckdb": "sandbox",
    "matplotlib": "eval",
    "mcp": "mcp",
    "prometheus_client": "web",
    "starlette": "web",
    "uvicorn": "web",
}
"""Libraries that only an extra installs, and the smallest extra with each."""
_UNIX = frozenset({"fcntl", "os"})
"""What lacks a module or a name where the system is no Unix."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that is imported when it runs."""

    module: str
    """Module of its click command, below `triage.cli`."""
    name: str
    """The click command's name in that module."""
    help: str
    """One line for the overview, so that the overview imports nothing."""
    extra: str = ""
    """The extra it needs; empty for none."""

    def load(self) -> click.Command:
        # What is imported stays until the end: looking for rubbish among it takes a seventh of a short command's time.
        gc.disable()
        try:
            command: click.Command = getattr(require(f"triage.cli.{self.module}", extra=self.extra), self.name)
        finally:
            gc.enable()
        gc.freeze()
        return command


def require(module: str, *, extra: str = "") -> ModuleType:
    """Import a module when it is first needed.

    Args:
        module: Full dotted name.
        extra: The extra to install if a library is missing.

    Raises:
        ConfigError: a library of an extra is not installed.
        ClickException: the system is no Unix.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in _UNIX:
            # What prints the program's own errors is missing as well: click prints this one.
            raise click.ClickException(
                "this needs Linux or macOS: files are locked and opened in ways that this system does not have. "
                "On Windows, run it in WSL or in a container"
            ) from error
        if missing not in EXTRAS:
            raise
        wanted = extra or EXTRAS[missing]
        raise ConfigError(
            f"this needs {missing}, which the extra `{wanted}` installs: {how_to_install(wanted)}"
        ) from error


class LazyGroup(click.Group):
    """A group whose commands are imported when they run, and whose old spellings still work."""

    def __init__(
        self,
        name: str,
        *,
        commands: Mapping[str, "Command | LazyGroup"],
        help: str,  # noqa: A002 - click's parameter
        bare: str = "",
        **options: object,
    ) -> None:
        """Describe a group.

        Args:
            name: As typed.
            commands: By name; the overview shows them in this order.
            help: One line.
            bare: The command that had the group's name in the previous version; it still runs under it, with a hint.
            options: Passed on to click.
        """
        super().__init__(name, help=help, **options)  # type: ignore[arg-type]  # click's own keywords, passed through
        self.lazy = dict(commands)
        self.bare = bare

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.lazy and args[0] not in ctx.help_option_names:
            near = self.meant_by(args[0])
            hint = f", did you mean `{ctx.command_path} {near}`?" if near else ""
            raise click.UsageError(f"No such command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def meant_by(self, typed: str) -> str:
        """The command that a mistyped one was meant to be, with its group where it stands in one; empty if none is near."""
        below = {
            name: f"{group} {name}"
            for group, each in self.lazy.items()
            if isinstance(each, LazyGroup)
            for name in each.lazy
        }
        found = nearest(typed, (*self.lazy, *below))
        return found if found in self.lazy else below.get(found, "")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        # From the table, as the overview: loading each command to ask for its help would take seconds.
        names = [
            CompletionItem(name, help=each.help)
            for name, each in self.lazy.items()
            if name.startswith(incomplete) and not incomplete.startswith("-")
        ]
        return names or click.Command.shell_complete(self, ctx, incomplete)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        found = self.lazy.get(cmd_name)
        return found.load() if isinstance(found, Command) else found

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # None of these commands takes a word of its own: a word is a mistyped command.
        old = not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names)
        if self.bare and old and not ctx.resilient_parsing:
            args = [self.bare, *args]
            if self.bare == "run" and "--compare" in args:
                # `triage eval --compare A B` is a command of its own now.
                args = ["compare", *(each for each in args[1:] if each != "--compare")]
            hint(f"{ctx.command_path}", f"{ctx.command_path} {args[0]}")
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        # Written from the table: reading each command's help would import them all.
        groups = {name: each for name, each in self.lazy.items() if isinstance(each, LazyGroup)}
        commands = [(name, each.help) for name, each in self.lazy.items() if isinstance(each, Command)]
        if commands:
            with formatter.section("Commands"):
                formatter.write_dl(commands)
        if groups:
            with formatter.section("Groups"):
                formatter.write_dl(
                    [(f"{name} {'|'.join(each.lazy)}", each.help or "") for name, each in groups.items()]
                )


def hint(old: str, new: str) -> None:
    """Print on stderr that a command has a new name; the old one works until the next version."""
    click.echo(f"`{old}` is now `{new}`", err=True)
