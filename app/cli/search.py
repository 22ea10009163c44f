"""``sysmonsearch search``: find events and print them, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from app.cli.output import console, is_terminal, safe, write_json, write_lines
from app.errors import BadQuery
from app.settings import Settings

if TYPE_CHECKING:
    from app.store.port import Count, EventStore
    from app.sysmon.condition import Condition
    from app.sysmon.events import Event
    from app.sysmon.query import EventQuery

SHOWN: Final = 50
"""So many events a table or JSON object has, unless --limit says otherwise."""

STREAMED: Final = 2_000
"""So many events are in memory at once where all are streamed."""

MOST_COMPUTERS: Final = 100_000


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
        output = "json" if self.as_json else self.output
        if self.count:
            _print_count(store, query, as_json=output in {"json", "ndjson"})
        elif output == "json":
            write_json(found(store, query, self.limit or SHOWN))
        elif output == "table":
            _print_table(store, query, self.limit or SHOWN, wide=self.wide)
        else:
            _stream(store, query, self.limit, output)


def found(store: EventStore, query: EventQuery, limit: int) -> dict[str, Any]:
    """Return what ``--output json`` prints, as the contract for machines has it."""
    pages = Pages(store, query, limit)
    events = [event.named() for event in pages]
    return {**totals(store, query), "events": events, "next": pages.next}


def totals(store: EventStore, query: EventQuery) -> dict[str, Any]:
    """Return the number of matching events, of all and of each computer."""
    count = store.count(query)
    return {"total": {"value": count.value, "exact": count.exact}, "computers": computers(store, query)}


def computers(store: EventStore, query: EventQuery) -> dict[str, int]:
    """Return the number of matching events of each computer, most first.

    A name that is written in several cases is one computer, under the most frequent of them.
    """
    from app.sysmon.text import fold

    names: dict[str, str] = {}
    counts: dict[str, int] = {}
    for name, events in store.terms(query, "Computer", size=MOST_COMPUTERS).values:
        spelling = names.setdefault(fold(name), name)
        counts[spelling] = counts.get(spelling, 0) + events
    return dict(sorted(counts.items(), key=lambda counted: -counted[1]))


class Pages:
    """Events of page after page, at most ``limit``; then ``next`` says where to go on."""

    def __init__(self, store: EventStore, query: EventQuery, limit: int | None) -> None:
        self._store = store
        self._query = query
        self._left = limit
        self.next: str | None = None

    def __iter__(self) -> Iterator[Event]:
        query, left = self._query, self._left
        while left is None or left > 0:
            results = self._store.search(replace(query, size=min(left or STREAMED, STREAMED)))
            yield from results.events
            self.next = results.next
            if results.next is None:
                return
            query = query.following(results.next)
            left = None if left is None else left - len(results.events)


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
    if as_json:
        write_json(totals(store, query))
    else:
        click.echo(_number(store.count(query)))


def _print_table(store: EventStore, query: EventQuery, limit: int, *, wide: bool) -> None:
    from app.cli.event_table import print_events

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
    return f"{count.value}" if count.exact else f"at least {count.value}"
