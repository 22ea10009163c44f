"""``sysmonsearch demo``: something to look at, and a fleet of any size to measure with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.settings import Settings

if TYPE_CHECKING:
    from app.demo.fleet import Fleet


@click.command()
@click.option("--if-empty", is_flag=True, help="Do nothing where something is stored already.")
@click.option("--events", type=click.IntRange(1), help="Make a fleet with so many events instead.")
@click.option(
    "--computers", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Of the fleet."
)
@click.option("--days", type=click.IntRange(1, 3_650), default=30, show_default=True, help="How many days.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed makes another fleet.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the fleet's JSON lines into this folder; without it, it goes straight into the store.",
)
@click.option("--gzip", "packed", is_flag=True, help="Pack what --output writes.")
@click.pass_obj
def command(
    settings: Settings,
    if_empty: bool,
    events: int | None,
    computers: int,
    days: int,
    seed: int,
    output: Path | None,
    packed: bool,
) -> None:
    """Make demo data and import it.

    Without options: two days of seven computers, two of which get infected. The same
    bytes on every run. Their files are kept below the data folder.

    \b
    Examples:
      sysmonsearch demo
      sysmonsearch demo --events 5000000 --computers 200
      sysmonsearch demo --events 100000 --output logs
    """
    if events is None:
        if output is not None:
            raise click.UsageError("--output is for fleets: give --events too.")
        _scenario(settings, if_empty=if_empty)
        return
    from app.demo.fleet import Fleet

    fleet = Fleet(events=events, computers=computers, seed=seed, days=days)
    if output is None:
        _store(settings, fleet)
    else:
        _write(fleet, output, packed=packed)


def _scenario(settings: Settings, *, if_empty: bool) -> None:
    from app.demo.folder import FOLDER, needs_demo

    if if_empty and not needs_demo(settings):
        return
    from app.demo.run import make_demo

    click.echo("Making the demo: seven computers, two days …", err=True)
    report = make_demo(settings)
    click.echo(
        f"{report.added:,} events added, {report.duplicates:,} were there already"
        f" ({report.seconds:.1f} s). Their files are in {settings.data / FOLDER}."
    )
    _explain()


def _explain() -> None:
    """Say what there is to see, and how."""
    from app.demo.infection import DOMAIN_NAME, PAYLOAD
    from app.demo.scenario import INFECTED

    first, second = INFECTED
    click.echo(
        f"""
On 2019-01-08 two of the seven computers get infected: a link in a mail, a ZIP with a
JavaScript in it, PowerShell, and in the end {PAYLOAD}. Look at its process:

  sysmonsearch tree --computer {first.computer} --guid {first.process_guid}
  sysmonsearch tree --computer {second.computer} --guid {second.process_guid}

Or search for what led to it:

  sysmonsearch search 'Image:*\\{PAYLOAD}'
  sysmonsearch search 'CommandLine:*{DOMAIN_NAME}*'
  sysmonsearch search 'EventId:13 and TargetObject:*\\CurrentVersion\\Run\\*'
  sysmonsearch search 'EventId:8' --from 2019-01-08
  sysmonsearch search 'DestinationIp:192.168.1.200 and Image:*\\powershell.exe'

`sysmonsearch store info` shows what is stored."""
    )


def _store(settings: Settings, fleet: Fleet) -> None:
    from app.demo.run import fill_store
    from app.store.open import open_store

    added = duplicates = 0
    with (
        open_store(settings) as store,
        click.progressbar(length=fleet.events, label="Storing", file=sys.stderr) as bar,
    ):
        for result in fill_store(fleet, store):
            added += result.added
            duplicates += result.duplicates
            bar.update(result.added + result.duplicates)
        store.tidy()
    click.echo(f"{added:,} events of {fleet.computers:,} computers added, {duplicates:,} were there already.")


def _write(fleet: Fleet, output: Path, *, packed: bool) -> None:
    from app.demo.files import write_fleet, writing

    with writing(output):
        for path in write_fleet(fleet.batches(), output, packed=packed):
            click.echo(path)
