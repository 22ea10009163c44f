"""``sysmonsearch import``: read logs into the store."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from app.cli.main import INTERRUPTED
from app.cli.output import safe, write_json
from app.cli.stopping import interruptible
from app.settings import Settings

if TYPE_CHECKING:
    from app.ingest.report import Progress, Report

SHOWN: Final = 20
"""So many rejects are printed; all are in the file that is named below them."""


@click.command(name="import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--jobs", "-j", type=click.IntRange(1, 64), help="Processes; as many as are worth it if not given."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@click.pass_context
def command(ctx: click.Context, paths: tuple[Path, ...], jobs: int | None, as_json: bool) -> None:
    """Import Sysmon logs: files, folders and archives, as many as you like.

    Read are EVTX, event XML, JSON lines and JSON arrays, plain or in .gz, .zip, .tar and
    .tar.gz, in the layouts of Winlogbeat 6 to 8, Elastic Agent, NXLog, Azure and Sentinel.
    Names do not matter: what a file is, its content tells. Records of other channels are
    counted and left out. An event that is stored already is not stored again, so an import
    that was stopped or killed is finished by the same command.

    \b
    Examples:
      sysmonsearch import Sysmon.evtx
      sysmonsearch import evidence/ winlogbeat.json.gz case-17.zip
      sysmonsearch import evidence/ --json > report.json

    Ctrl-C stores what was read so far and ends; a second one ends at once.

    Exit codes: 0, all was read (the report names what was rejected); 1, nothing could be
    read or an error ended it early; 2, an option is wrong; 130, Ctrl-C.
    """
    from app.ingest.run import import_paths

    settings: Settings = ctx.obj
    with interruptible() as stop, _progress_bar() as on_progress:
        report = import_paths(settings, paths, jobs=jobs, on_progress=on_progress, stop=stop)
    if as_json:
        write_json(report.to_json())
    else:
        _print(report)
    for line in _ending(report):
        click.echo(f"sysmonsearch: {safe(line)}", err=True)
    ctx.exit(_exit_code(report))


@contextmanager
def _progress_bar() -> Iterator[Callable[[Progress], None] | None]:
    """Yield what draws a bar on the terminal; None where nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar
    from rich.text import Text

    console = Console(stderr=True)
    columns = [
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[events]:,} events", markup=False),
        TimeRemainingColumn(),
    ]
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, events=0)

        def draw(progress: Progress) -> None:
            name = Text(safe(Path(progress.file).name))
            name.truncate(40, overflow="ellipsis")
            bar.update(
                task,
                description=name.plain,
                completed=progress.bytes,
                total=progress.total,
                events=progress.counts.sysmon_events,
            )

        yield draw


def _print(report: Report) -> None:
    """Print the report for people."""
    rows = {
        "Files read": report.files,
        "Records": report.records,
        "Sysmon events": report.sysmon_events,
        "  added": report.added,
        "  stored before": report.duplicates,
        "Other channels": report.other_channels,
        "Rejected": report.rejected,
    }
    for label, number in rows.items():
        click.echo(f"{label:<16}{number:>14,}")
    click.echo(f"{'Seconds':<16}{report.seconds:>14.1f}")
    for note in report.notes[:SHOWN]:
        click.echo(f"\n{safe(note.file)}\n  {safe(note.note)}")
    if len(report.notes) > SHOWN:
        click.echo(f"\nThere are more notes of that kind: {len(report.notes) - SHOWN:,}.")
    if report.rejects:
        click.echo("\nRejected:")
    for reject in report.rejects[:SHOWN]:
        where = ", ".join(part for part in (reject.file, reject.place) if part)
        click.echo(f"\n{safe(where)}\n  {safe(reject.reason)}")
    if report.rejected > SHOWN:
        click.echo(
            f"\n{SHOWN} of {report.rejected:,} are shown. All of them: {safe(str(report.rejects_file))}"
        )


def _ending(report: Report) -> Iterator[str]:
    """Yield what is to be said about an import that did not come to its end, or found nothing."""
    if report.error is not None:
        yield report.error
    elif report.partial:
        yield (
            f"Stopped. {report.added:,} events were added, and nothing is half done:"
            " the same command again finishes the import."
        )
    elif not report.files:
        yield (
            "No log was found. Read are EVTX, event XML, JSON lines and JSON arrays, plain or in .gz, .zip,"
            " .tar and .tar.gz."
        )


def _exit_code(report: Report) -> int:
    if report.error is not None:
        return 1
    if report.partial:
        return INTERRUPTED
    return 0 if report.files else 1
