"""Pages of events: what the index gives in its order, checked and put into ours.

The index knows record times to the millisecond, and may give more than the condition asks
for. So hits are read in blocks that it holds for equal; each is decoded, checked, and put
in its place among the others of its block. Documents of one event show once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from elasticsearch_dsl.query import Bool, Query, Range

from app.store.elastic.conditions import compile_query
from app.store.elastic.connection import Connection
from app.store.elastic.documents import Decoder
from app.store.elastic.hits import Hits, Reading
from app.store.elastic.places import Fields
from app.store.port import Budget, Results
from app.sysmon.evaluate import fits
from app.sysmon.events import Event, EventKey, Place
from app.sysmon.query import EventQuery, Order, cursor_behind, decode_cursor

#: So many more hits than the page has are asked for at first: events of its last millisecond,
#: duplicates, and what the index could not tell.
_SLACK: Final = 24

_TIME: Final = "@timestamp"


@dataclass(frozen=True, slots=True)
class Asking:
    """One question and all that answering it takes."""

    connection: Connection
    decoder: Decoder
    fields: Fields
    query: EventQuery
    budget: Budget

    @property
    def newest(self) -> bool:
        return self.query.order is Order.NEWEST

    def narrowed(self, query: EventQuery) -> Asking:
        """Return the same for another question."""
        return replace(self, query=query)

    def events(self, filters: Sequence[Query], sort: Sequence[str], first: int) -> Iterator[list[Event]]:
        """Yield the events of a block, checked but not yet in order, block after block."""
        asked = Bool(filter=[compile_query(self.query, self.fields).maybe, *filters])
        direction = "desc" if self.newest else "asc"
        keys = [
            {path: {"order": direction, **({"numeric_type": "date"} if path == _TIME else {})}}
            for path in sort
        ]
        reading = Reading(self.fields, asked, keys)
        for blocks in Hits(self.connection, reading, self.budget).blocks(first):
            self.budget.check()
            # Decoded together: each reading of documents of others costs, however few they are.
            decoded = iter(self.decoder.events([hit for block in blocks for hit in block]))
            for block in blocks:
                events = islice(decoded, len(block))
                yield [event for event in events if event and fits(self.query, event)]


def page_of(asking: Asking, events: Iterator[Event]) -> Results:
    """Return the first page of what stands in order, each event once."""
    size = asking.query.size
    found = list(islice(_once(events), size + 1))
    page = tuple(found[:size])
    return Results(page, cursor_behind(asking.query, page[-1]) if len(found) > size else None)


def _once(events: Iterator[Event]) -> Iterator[Event]:
    seen: set[EventKey] = set()
    for event in events:
        if event.key not in seen:
            seen.add(event.key)
            yield event


def by_time(asking: Asking, filters: Sequence[Query] = (), place: Place | None = None) -> Iterator[Event]:
    """Yield matching events behind ``place`` in the order of time."""
    newest = asking.newest
    narrow = list(filters) if place is None else [*filters, behind_time(place, newest)]
    for block in asking.events(narrow, [_TIME], asking.query.size + _SLACK):
        for event in sorted(block, key=lambda event: event.place, reverse=newest):
            if place is None or (event.place < place if newest else event.place > place):
                yield event


def in_time_order(asking: Asking) -> Results:
    """Answer a question without ``sort``."""
    after = asking.query.after
    return page_of(asking, by_time(asking, place=None if after is None else decode_cursor(after)))


def behind_time(place: Place, newest: bool) -> Query:
    """Return what documents at or behind a place match, by the index's milliseconds."""
    return Range(_TIME, {"lte" if newest else "gte": place[0] // 1000, "format": "epoch_millis"})
