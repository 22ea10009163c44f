"""The port in the simplest way that is right: a list of events and the naive evaluator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from threading import Lock

import pyarrow as pa

from app.errors import BadQuery, NotFound, StoreUnavailable
from app.layouts.values import hashes_of
from app.store.port import (
    RARITY_FIELDS,
    Added,
    Bucket,
    Budget,
    ComputerInfo,
    Count,
    EventStore,
    Group,
    Groups,
    Rarity,
    Results,
    StoredColumns,
    StoreInfo,
    Terms,
)
from app.sysmon.batch import EventBatch
from app.sysmon.evaluate import fits
from app.sysmon.events import Event, EventKey, Value, value_text
from app.sysmon.fields import FIELDS, HASH_COLUMNS
from app.sysmon.query import EventQuery, Order, cursor_behind, decode_cursor, decode_sorted, sort_value
from app.sysmon.text import fold
from app.sysmon.times import step_start


@dataclass(frozen=True, slots=True)
class _Stored:
    number: int
    batch: EventBatch
    events: tuple[Event, ...]


class MemoryStore(EventStore):
    """Events in a list of batches, which is replaced, never changed: readers need no lock."""

    def __init__(self) -> None:
        self.available = True
        self._batches: tuple[_Stored, ...] = ()
        self._keys: frozenset[EventKey] = frozenset()
        self._adding = Lock()

    def add(self, batch: EventBatch, source: str) -> Added:
        with self._adding:
            self._must_be_available()
            new = {
                event.key: event for event in reversed(list(batch.events())) if event.key not in self._keys
            }
            if not new:
                return Added(0, len(batch), None)
            number = len(self._batches) + 1
            events = tuple(reversed(new.values()))
            stored = _Stored(number, EventBatch.from_events(events), events)
            self._keys |= new.keys()
            self._batches += (stored,)
            return Added(len(events), len(batch) - len(events), number)

    def search(self, query: EventQuery, budget: Budget | None = None) -> Results:
        found = _ordered(self._matching(query, budget), query)
        page = tuple(found[: query.size])
        return Results(page, cursor_behind(query, page[-1]) if len(found) > query.size else None)

    def count(self, query: EventQuery, budget: Budget | None = None) -> Count:
        return Count(sum(1 for _ in self._matching(query, budget)))

    def histogram(
        self, query: EventQuery, step: timedelta, budget: Budget | None = None
    ) -> tuple[Bucket, ...]:
        counts = Counter(
            (step_start(event.time, step), event.event_id) for event in self._matching(query, budget)
        )
        return tuple(Bucket(start, event_id, n) for (start, event_id), n in sorted(counts.items()))

    def terms(
        self, query: EventQuery, name: str, size: int, *, rarest: bool = False, budget: Budget | None = None
    ) -> Terms:
        values = [event.get(FIELDS[name].name) for event in self._matching(query, budget)]
        counts = Counter(value_text(value) for value in values if value is not None)
        ordered = sorted(counts.items(), key=lambda item: (item[1] if rarest else -item[1], item[0]))
        return Terms(tuple(ordered[:size]), len(counts), values.count(None))

    def groups(
        self,
        query: EventQuery,
        names: Sequence[str],
        *,
        step: timedelta | None = None,
        limit: int = 20_000,
        budget: Budget | None = None,
    ) -> Groups:
        found: dict[tuple[tuple[Value | None, ...], datetime | None], list[datetime]] = {}
        for event in self._matching(query, budget):
            start = None if step is None else step_start(event.time, step)
            found.setdefault((tuple(event.get(name) for name in names), start), []).append(event.time)
        rows = [
            Group(
                tuple(None if value is None else value_text(value) for value in values),
                start,
                len(times),
                min(times),
                max(times),
            )
            for (values, start), times in sorted(found.items(), key=_group_order)
        ]
        return Groups(tuple(rows[:limit]), len(rows) <= limit)

    def rarity(
        self, values: Sequence[tuple[str, str]], budget: Budget | None = None
    ) -> tuple[Rarity | None, ...]:
        for name, _ in values:
            if name not in RARITY_FIELDS:
                raise BadQuery(f"There is no rarity of the field {name}.")
        events = list(self._all(budget))
        return tuple(_rarity(FIELDS[name].column, value, events) for name, value in values)

    def event(self, key: EventKey, budget: Budget | None = None) -> Event:
        for event in self._all(budget):
            if event.key == key:
                return event
        raise NotFound(f"No event {key} is stored.")

    def events(self, keys: Sequence[EventKey], budget: Budget | None = None) -> tuple[Event, ...]:
        found = {event.key: event for event in self._all(budget)}
        return tuple(found[key] for key in keys if key in found)

    def batches(
        self, after: int, columns: Sequence[str], until: int | None = None
    ) -> Iterator[StoredColumns]:
        self._must_be_available()
        for stored in self._batches:
            if after < stored.number and (until is None or stored.number <= until):
                numbers = pa.array([stored.number] * len(stored.batch), pa.int64())
                table = stored.batch.table.select(list(columns)).append_column("batch", numbers)
                yield StoredColumns(table, stored.number)

    def info(self) -> StoreInfo:
        self._must_be_available()
        events = [event for stored in self._batches for event in stored.events]
        times = [event.time for event in events]
        return StoreInfo(
            events=len(events),
            bytes=sum(stored.batch.table.nbytes for stored in self._batches),
            newest_batch=len(self._batches),
            first=min(times, default=None),
            last=max(times, default=None),
            computers=_computers(events),
            event_ids=Counter(event.event_id for event in events),
        )

    def _matching(self, query: EventQuery, budget: Budget | None) -> Iterator[Event]:
        return (event for event in self._all(budget) if fits(query, event))

    def _all(self, budget: Budget | None) -> Iterator[Event]:
        self._must_be_available()
        if budget:
            budget.check()
        for stored in self._batches:
            for event in stored.events:
                if budget:
                    budget.check()
                yield event

    def _must_be_available(self) -> None:
        if not self.available:
            raise StoreUnavailable("The store in memory was switched off.")


def _ordered(events: Iterator[Event], query: EventQuery) -> list[Event]:
    """Return the events behind the query's cursor, in its order."""
    backwards = query.order is Order.NEWEST
    field = query.sort_field
    if field is None:
        after = None if query.after is None else decode_cursor(query.after)
        found = sorted(events, key=lambda event: event.place, reverse=backwards)
        return [e for e in found if after is None or (e.place < after if backwards else e.place > after)]
    valued = [(sort_value(event, field), event.place, event) for event in events]
    having = sorted((one for one in valued if one[0] is not None), key=itemgetter(0, 1), reverse=backwards)
    lacking = sorted((one for one in valued if one[0] is None), key=itemgetter(1), reverse=backwards)
    if query.after is not None:
        value, place = decode_sorted(query.after, field)
        if value is not None:
            there = (value, place)
            having = [one for one in having if (one[:2] < there if backwards else one[:2] > there)]
        else:
            having = []
            lacking = [one for one in lacking if (one[1] < place if backwards else one[1] > place)]
    return [event for _, _, event in (*having, *lacking)]


def _group_order(
    item: tuple[tuple[tuple[Value | None, ...], datetime | None], list[datetime]],
) -> list[tuple[bool, Value | None]]:
    (values, start), _ = item
    return [(value is not None, value) for value in (*values, start)]


def _rarity(column: str, value: str, events: Sequence[Event]) -> Rarity | None:
    having = [event for event in events if fold(value) in map(fold, _values(event, column))]
    if not having:
        return None
    times = [event.time for event in having]
    computers = {fold(event.computer) for event in having}
    return Rarity(len(computers), len(having), min(times), max(times))


def _values(event: Event, column: str) -> list[str]:
    """Return the event's values of a column; a hash may stand in Hashes and in Hash."""
    texts = [event.text_of(name) for name in (("hashes", "hash") if column in HASH_COLUMNS else (column,))]
    if column in HASH_COLUMNS:
        texts = [hashes_of(text)[HASH_COLUMNS.index(column)] for text in texts if text is not None]
    return [text for text in texts if text is not None]


def _computers(events: Sequence[Event]) -> dict[str, ComputerInfo]:
    """Describe each computer, under the name as it was written first."""
    names: dict[str, str] = {}
    groups: dict[str, list[datetime]] = {}
    for event in events:
        groups.setdefault(names.setdefault(fold(event.computer), event.computer), []).append(event.time)
    return {name: ComputerInfo(len(times), min(times), max(times)) for name, times in groups.items()}
