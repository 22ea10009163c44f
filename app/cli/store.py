"""``sysmonsearch store``: look after the store."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from app.cli.copying import copy
from app.cli.output import console, is_terminal, safe, styled, write_json
from app.settings import Settings

if TYPE_CHECKING:
    from app.store.port import StoreInfo


@click.group(name="store")
def command() -> None:
    """Look after the store.

    \b
    Examples:
      sysmonsearch store info
      sysmonsearch store compact
      sysmonsearch store verify
      sysmonsearch store copy --from embedded: --to elasticsearch+https://es-1:9200
    """


command.add_command(copy)


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def info(settings: Settings, *, as_json: bool) -> None:
    """Say what is stored: events, computers, time range, size."""
    from app.store.open import open_store

    with open_store(settings) as store:
        found = store.info()
    if as_json:
        from app.store.answers import info_document

        write_json(info_document(found))
    else:
        _print(found)


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def compact(settings: Settings, *, as_json: bool) -> None:
    """Merge small files into large ones, and drop what the settings no longer keep.

    Imports do this by themselves where it is due. Searches and imports go on meanwhile.
    """
    from app.store.compaction import Effort
    from app.store.open import open_embedded

    with open_embedded(settings) as store:
        done = store.compact(Effort.EVERYTHING)
    if as_json:
        write_json(asdict(done))
    elif done.merged:
        click.echo(f"{done.rows:,} events of {done.merged:,} segments are now in {done.into:,}.")
    else:
        click.echo("Nothing is to be merged.")


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def verify(settings: Settings, *, as_json: bool) -> None:
    """Read every file again and compare it with what was recorded when it was written.

    Exit codes: 0, all is as it was written; 1, something is not.
    """
    from app.store.open import open_embedded
    from app.store.verify import Fault

    with open_embedded(settings) as store:
        segments = store.info().details["segments"]
        findings = list(store.verify())
    # Leftovers of a crash are no damage: nothing that was stored is in them alone.
    damaged = [finding for finding in findings if finding.fault is not Fault.ORPHAN]
    if as_json:
        rows = [{"fault": f.fault, "file": str(f.file), "message": f.message} for f in findings]
        write_json({"segments": segments, "damaged": bool(damaged), "findings": rows})
    else:
        for finding in findings:
            click.echo(safe(finding.message))
        if not damaged:
            click.echo(f"All {segments:,} segments are as they were written.")
    if damaged:
        raise SystemExit(1)


def _print(found: StoreInfo) -> None:
    if not found.events or found.first is None or found.last is None:
        click.echo("Nothing is stored yet. Begin with: sysmonsearch import PATH")
        return
    from rich.table import Table

    size = found.bytes / found.events
    click.echo(
        f"{found.events:,} events on {len(found.computers):,} computers,"
        f" {found.first:%Y-%m-%d %H:%M:%S} – {found.last:%Y-%m-%d %H:%M:%S} UTC"
    )
    click.echo(f"{found.bytes / 1e6:,.1f} MB, {size:.1f} bytes an event")
    for name, value in found.details.items():
        click.echo(f"{name}: {safe(value) if isinstance(value, str) else f'{value:,}'}")
    for note in found.notes:
        click.echo(safe(note))
    table = Table(box=None, pad_edge=False)
    for title in ("Computer", "Events", "First (UTC)", "Last (UTC)"):
        table.add_column(title, justify="right" if title == "Events" else "left")
    for name, computer in found.computers.items():
        table.add_row(
            styled(name),
            f"{computer.events:,}",
            f"{computer.first:%Y-%m-%d %H:%M:%S}",
            f"{computer.last:%Y-%m-%d %H:%M:%S}",
        )
    console(wide=not is_terminal()).print(table)
