"""``sysmonsearch kibana``: what Kibana is given, so that it shows the same events and leads here."""

from __future__ import annotations

from typing import BinaryIO

import click

from app.cli.output import write_lines
from app.settings import Settings


@click.group(name="kibana")
def command() -> None:
    """Work beside Kibana.

    \b
    Example:
      sysmonsearch kibana export --url http://127.0.0.1:8000 -o sysmonsearch.ndjson
    """


@command.command()
@click.option(
    "--url",
    metavar="URL",
    help="Address of this program's pages, as the analyst's browser reaches it; links in Kibana lead there."
    "  [default: http://host:port of the settings]",
)
@click.option(
    "--data-view",
    "pattern",
    metavar="PATTERN",
    help="Indices that the data view shows.  [default: those of the settings]",
)
@click.option("--output", "-o", type=click.File("wb"), help="File to write; else the standard output.")
@click.pass_obj
def export(settings: Settings, *, url: str | None, pattern: str | None, output: BinaryIO | None) -> None:
    """Write a data view, a dashboard and saved searches as NDJSON.

    Import the file in Kibana 8.9 or later, under Stack Management, Saved Objects, Import; or send it
    to POST /api/saved_objects/_import. The same arguments give the same file.
    """
    from app.kibana.export import lines

    shown = list(lines(pattern or _pattern(settings), url or f"http://{_host(settings)}:{settings.port}"))
    if output is None:
        write_lines(shown)
        return
    output.writelines(shown)
    click.echo(f"{len(shown)} saved objects are in {output.name}.", err=True)


def _host(settings: Settings) -> str:
    return f"[{settings.host}]" if ":" in settings.host else settings.host


def _pattern(settings: Settings) -> str:
    """Return the indices that a store on Elasticsearch reads; without one, what it would read."""
    from app.store.elastic.address import is_elastic, read_address

    own = f"{settings.elastic_prefix}-events-*"
    others = read_address(settings).patterns if is_elastic(settings.store) else ("winlogbeat-*",)
    return ",".join((own, *others))
