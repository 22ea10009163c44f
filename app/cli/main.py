"""The command ``sysmonsearch``: a group whose commands are loaded when they are called.

Nothing heavy is imported here, so that ``--help`` answers at once.
"""

from __future__ import annotations

import os
import shutil
from importlib import import_module
from typing import Any

import click

from app.cli.output import careful_output, safe
from app.errors import BadQuery, BadSetting, StoreUnavailable, SysmonSearchError
from app.settings import Settings

#: Command -> module of this package, and the line that ``--help`` shows for it.
COMMANDS = {
    "import": ("import_", "Import Sysmon logs: files, folders, archives."),
    "search": ("search", "Search the stored events."),
    "tree": ("tree", "Print the tree of a process: its ancestors and descendants."),
    "demo": ("demo", "Make demo data, or a fleet of any size, and import it."),
    "serve": ("serve", "Serve the pages on this machine."),
    "worker": ("worker", "Run jobs, such as the imports that the pages were given."),
    "store": ("store", "Look after the store: info, compact, verify, copy."),
    "kibana": ("kibana", "Make data view, dashboard and searches for Kibana."),
}

#: Exit codes: everything else that a person may read about is 1.
EXIT_CODES: dict[type[SysmonSearchError], int] = {BadQuery: 2, BadSetting: 2, StoreUnavailable: 3}

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = import_module(f"app.cli.{COMMANDS[name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_line) for name, (_, help_line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with careful_output():
                return super().invoke(ctx)
        except SysmonSearchError as error:
            click.echo(f"sysmonsearch: {shown(error)}", err=True)
            ctx.exit(exit_code(error))
        except KeyboardInterrupt:
            click.echo("\nsysmonsearch: Stopped.", err=True)
            ctx.exit(INTERRUPTED)


def shown(error: SysmonSearchError) -> str:
    """Return the error's message, with the query and a caret where a character is to blame."""
    message = safe(str(error))
    if isinstance(error, BadQuery) and error.position is not None:
        room = max(shutil.get_terminal_size((1_000, 24)).columns // 2 - 3, 10)  # On each side, in one line.
        before, behind = error.text[: error.position], error.text[error.position :]
        before = before if len(before) <= room else f"…{before[-room:]}"
        behind = behind if len(behind) <= room else f"{behind[:room]}…"
        before, behind = (safe(part.replace("\n", " ")) for part in (before, behind))
        message += f"\n  {before}{behind}\n  {' ' * _cells(before)}^"
    return message


def _cells(text: str) -> int:
    """Return how wide a terminal shows a text: some characters take two places, some none."""
    from rich.cells import cell_len

    return cell_len(text)


def exit_code(error: SysmonSearchError) -> int:
    """Return the exit code for an error, by the nearest of its classes."""
    return next((EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES), 1)


@click.command(cls=LazyGroup)
@click.version_option(package_name="sysmonsearch")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Search Sysmon logs, read process trees, keep watch.

    \b
    First steps:
      sysmonsearch import C:\\logs\\Sysmon.evtx evidence.zip
      sysmonsearch search 'Image:*\\powershell.exe' --from 2019-01-08
      sysmonsearch tree --computer Win7_64JP_01 --guid 11223344-...

    Settings come from the environment, SYSMONSEARCH_DATA first of all: the folder for
    all that is kept (default: var).
    """
    ctx.obj = Settings.from_environ(os.environ)


def main() -> None:
    """Run the command; the entry point of the package."""
    # Of Arrow's allocators this one gives memory back the soonest: compaction takes a quarter less.
    # It must be named before Arrow is loaded; processes that we start inherit it.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
    cli(prog_name="sysmonsearch")
