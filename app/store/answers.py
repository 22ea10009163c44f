"""What programs are told that search: pages of events one after the other, and totals.

The command line and the addresses for machines say the same: what they print is made here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from app.store.port import Budget, Count, EventStore, StoreInfo
from app.sysmon.events import Event
from app.sysmon.query import EventQuery
from app.sysmon.text import fold

SHOWN: Final = 50
"""So many events one answer has, unless more are asked for."""

STREAMED: Final = 2_000
"""So many events are in memory at once where all are streamed."""

MOST_COMPUTERS: Final = 100_000


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


def found(store: EventStore, query: EventQuery, limit: int = SHOWN) -> dict[str, Any]:
    """Return the answer to a search as the contract for machines has it."""
    pages = Pages(store, query, limit)
    events = [event.named() for event in pages]
    return {**totals(store, query), "events": events, "next": pages.next}


def totals(store: EventStore, query: EventQuery) -> dict[str, Any]:
    """Return the number of matching events, of all and of each computer."""
    count = store.count(query)
    return {"total": count_document(count), "computers": computers(store, query)}


def count_document(count: Count) -> dict[str, Any]:
    """Return a number of events as the contract for machines has it.

    ``at_most`` is there only where it is true: an engine could not count more exactly.
    """
    return {"value": count.value, "exact": count.exact, **({"at_most": True} if count.at_most else {})}


def computers(store: EventStore, query: EventQuery, budget: Budget | None = None) -> dict[str, int]:
    """Return the number of matching events of each computer, most first.

    A name that is written in several cases is one computer, under the most frequent of them.
    """
    return in_any_case(store.terms(query, "Computer", size=MOST_COMPUTERS, budget=budget).values)


def info_document(info: StoreInfo) -> dict[str, Any]:
    """Return what is in the store as the contract for machines has it."""
    return {
        "events": info.events,
        "bytes": info.bytes,
        "newest_batch": info.newest_batch,
        "first": info.first,
        "last": info.last,
        "computers": {
            name: {"events": computer.events, "first": computer.first, "last": computer.last}
            for name, computer in info.computers.items()
        },
        "event_ids": {str(event_id): events for event_id, events in info.event_ids.items()},
        **info.details,
        **({"counts_documents": True} if info.counts_documents else {}),
        **({"notes": list(info.notes)} if info.notes else {}),
    }


def in_any_case(counted: tuple[tuple[str, int], ...]) -> dict[str, int]:
    """Join values that differ in case only under the first of them, most events first."""
    names: dict[str, str] = {}
    counts: dict[str, int] = {}
    for name, events in counted:
        spelling = names.setdefault(fold(name), name)
        counts[spelling] = counts.get(spelling, 0) + events
    return dict(sorted(counts.items(), key=lambda counted: -counted[1]))
