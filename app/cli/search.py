"""``sysmonsearch search``: find events and print them, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import click

from app.cli.output import console, is_terminal, safe, write_json, write_lines
from app.errors import BadQuery
from app.settings import Settings

if TYPE_CHECKING:
    from app.store.port import Count, EventStore
    from app.sysmon.condition import Condition
    from app.sysmon.query import EventQuery


@click.command(name="search")
@click.argument("query", default="")
@click.option("--from", "start", metavar="TIME", help="Record time from here on, UTC: 2019-05-18T18:20.")
@click.option(
    "--to", "end", metavar="TIME", help="Record time up to here; a date alone counts in as a whole day."
)
@click.option("--computer", "-c", "computers", multiple=True, help="This computer only; may be repeated.")
@click.option(
    "--criterion",
    "criteria",
    multiple=True,
    metavar="NAME=VALUE",
    help="A classic criterion, such as ProcessName=cmd.exe; may be repeated.",
)
@click.option(
    "--match",
    type=click.Choice(["all", "any"]),
    default="all",
    show_default=True,
    help="Whether all criteria must hold, or any.",
)
@click.option("--limit", "-n", type=click.IntRange(min=1), help="Print at most so many events.")
@click.option("--count", is_flag=True, help="Print the number of events only.")
@click.option("--oldest", is_flag=True, help="Oldest first; else newest first.")
@click.option("--after", metavar="CURSOR", help="Go on behind this place: the `next` of the page before.")
@click.option(
    "--output",
    "-o",
    type=click.Choice(["table", "json", "ndjson", "csv"]),
    default="table",
    show_default=True,
    help="How events are printed; ndjson and csv stream all of them unless --limit is given.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --output json.")
@click.option("--wide", is_flag=True, help="Table: whole values, however long.")
@click.pass_obj
def command(settings: Settings, /, **options: Any) -> None:
    """Search the stored events.

    QUERY is in the query language; none, or *, is everything. A field is compared as a
    whole, in any case, with * and ? as wildcards; a bare word is looked for in all fields.

    \b
    Examples:
      sysmonsearch search 'Image:*\\powershell.exe and CommandLine:*-enc*'
      sysmonsearch search 'EventId:3 and DestinationIp:192.168.1.200' --from 2019-01-08
      sysmonsearch search mimikatz --count
      sysmonsearch search 'EventId:1' --computer Win7_64JP_01 --output csv > created.csv
      sysmonsearch search --criterion ProcessName=cmd.exe --criterion Port=8080 --match any

    JSON holds total, computers, events and next; give next to --after for the next page.

    Exit codes: 0, searched, whether or not anything was found; 2, the query or an option
    is wrong; 3, the store cannot answer.
    """
    from app.store.open import open_store

    asked = Asked(**options)
    query = asked.event_query()
    with open_store(settings) as store:
        asked.answer(store, query)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of one call."""

    query: str
    start: str | None
    end: str | None
    computers: tuple[str, ...]
    criteria: tuple[str, ...]
    match: Literal["all", "any"]
    limit: int | None
    count: bool
    oldest: bool
    after: str | None
    output: str
    as_json: bool
    wide: bool

    def event_query(self) -> EventQuery:
        """Return the question that the options ask; raise BadQuery where one is wrong."""
        from app.sysmon.condition import all_of
        from app.sysmon.language import parse
        from app.sysmon.query import EventQuery, Order
        from app.sysmon.times import parse_time

        start, end = (parse_time(text) if text else None for text in (self.start, self.end))
        if start and end and start > end:
            raise BadQuery("The time range ends before it starts: exchange --from and --to.")
        parts = [parse(self.query)]
        if self.criteria:
            parts.append(_classic(self.criteria, self.match))
        return EventQuery(
            condition=all_of(parts),
            start=start,
            end=parse_time(self.end, end=True) if self.end else None,
            computers=self.computers,
            order=Order.OLDEST if self.oldest else Order.NEWEST,
            after=self.after,
        )

    def answer(self, store: EventStore, query: EventQuery) -> None:
        """Print what was asked for."""
        from app.store.answers import SHOWN, found

        output = "json" if self.as_json else self.output
        if self.count:
            _print_count(store, query, as_json=output in {"json", "ndjson"})
        elif output == "json":
            write_json(found(store, query, self.limit or SHOWN))
        elif output == "table":
            _print_table(store, query, self.limit or SHOWN, wide=self.wide)
        else:
            _stream(store, query, self.limit, output)


def _classic(criteria: tuple[str, ...], match: Literal["all", "any"]) -> Condition:
    from app.sysmon.classic import condition_of

    pairs = []
    for criterion in criteria:
        name, equals, value = criterion.partition("=")
        if not equals:
            raise BadQuery(f"A criterion is NAME=VALUE, as in ProcessName=cmd.exe; {criterion!r} has no =.")
        pairs.append((name.strip(), value))
    return condition_of(pairs, match)


def _print_count(store: EventStore, query: EventQuery, *, as_json: bool) -> None:
    from app.store.answers import totals

    if as_json:
        write_json(totals(store, query))
    else:
        click.echo(_number(store.count(query)))


def _print_table(store: EventStore, query: EventQuery, limit: int, *, wide: bool) -> None:
    from app.cli.event_table import print_events
    from app.store.answers import Pages, computers

    pages = Pages(store, query, limit)
    events = list(pages)
    if events:
        print_events(events, console(wide=wide), wide=wide)
    count = store.count(query)
    number = len(computers(store, query))
    on = "1 computer" if number == 1 else f"{number} computers"
    click.echo(f"{len(events)} of {_number(count)} events, on {on}.")
    if pages.next:
        click.echo(f"Go on with --after {safe(pages.next)}", err=True)


def _stream(store: EventStore, query: EventQuery, limit: int | None, output: str) -> None:
    from app.store.answers import Pages
    from app.sysmon.export import csv_lines, ndjson_lines

    pages = Pages(store, query, limit)
    lines = csv_lines(pages) if output == "csv" else ndjson_lines(pages)
    write_lines(map(_for_terminal, lines) if is_terminal() else lines)
    if pages.next:
        click.echo(f"Go on with --after {safe(pages.next)}", err=True)


def _for_terminal(line: bytes) -> bytes:
    """Return a line that does nothing to a terminal: CSV holds what the log held."""
    return safe(line.decode().rstrip("\r\n")).encode() + b"\n"


def _number(count: Count) -> str:
    if count.exact:
        return f"{count.value}"
    return f"at most {count.value}" if count.at_most else f"at least {count.value}"
