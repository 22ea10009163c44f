"""Counting the events of a query: in all, per step of time, per value."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from app.store.elastic.base import Asker, too_many_odd
from app.store.elastic.bodies import EVENT_ID, search_body, time_at
from app.store.elastic.classes import without_odd
from app.store.elastic.combining import Combining
from app.store.elastic.connection import Connection
from app.store.elastic.documents import Decoder
from app.store.elastic.doubtful import MOST_READ, Doubtful
from app.store.elastic.places import Fields
from app.store.elastic.valuing import Valuing
from app.store.port import Bucket, Budget, Count, Terms
from app.sysmon.query import EventQuery


class Counter:
    """Counts events; see ``port.EventStore`` for what each method promises.

    Where more documents than can be read may match, all of them are counted.
    """

    def __init__(self, connection: Connection, decoder: Decoder, doubtful: Doubtful | None = None) -> None:
        self.asker = Asker(connection, decoder, doubtful or Doubtful(connection, decoder))

    def is_exact(self, query: EventQuery, fields: Fields, budget: Budget) -> bool:
        """Tell whether what is counted is exact."""
        return not fields.layouts or self.asker.base(query, fields, budget).exact

    def count(self, query: EventQuery, fields: Fields, budget: Budget) -> Count:
        """Count all."""
        if not fields.layouts:
            return Count(0)
        base = self.asker.base(query, fields, budget)
        body = search_body(fields, base.query, track_total_hits=True)
        answer = self.asker.connection.search(body, indices=fields.indices, budget=budget)
        total = answer["hits"]["total"]["value"] + len(base.doubtful)
        return Count(total, exact=base.exact, at_most=not base.exact)

    def histogram(
        self, query: EventQuery, step: timedelta, fields: Fields, budget: Budget
    ) -> tuple[Bucket, ...]:
        """Count per step of record time and event ID."""
        if not fields.layouts:
            return ()
        base = self.asker.base(query, fields, budget)
        names = (EVENT_ID,)
        combining = Combining(self.asker.connection, fields, budget, names, step=step, times=False)
        beside = [body for body in self.asker.odd_bodies(base, [names], fields) if body is not None]
        combined = combining.combinations(without_odd(base.query, fields, names), beside)
        found = combined.found
        combining.add(base.doubtful, found)
        for answer in combined.beside:
            events = self.asker.odd_events(query, answer)
            if events is None:
                raise too_many_odd(names, MOST_READ)
            combining.add(events, found)
        rows = [
            (start, int(event_id), tally.count)
            for ((event_id,), start), tally in found.items()
            if event_id is not None and start is not None
        ]
        return tuple(Bucket(time_at(start), event_id, count) for start, event_id, count in sorted(rows))

    def terms(
        self, query: EventQuery, name: str, size: int, fields: Fields, budget: Budget, *, rarest: bool = False
    ) -> Terms:
        """Count per value of one field."""
        if not fields.layouts:
            return Terms((), 0, 0)
        base = self.asker.base(query, fields, budget)
        valuing = Valuing(self.asker, query, base, fields, budget, size)
        return valuing.rarest(name) if rarest else valuing.terms([name])[0]

    def facets(
        self, query: EventQuery, names: Sequence[str], size: int, fields: Fields, budget: Budget
    ) -> tuple[Terms, ...]:
        """Count per value of several fields, in one search."""
        if not fields.layouts or not names:
            return (Terms((), 0, 0),) * len(names)
        base = self.asker.base(query, fields, budget)
        return tuple(Valuing(self.asker, query, base, fields, budget, size).terms(names))
