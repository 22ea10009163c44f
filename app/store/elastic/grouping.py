"""``EventStore.groups``: combinations of values, in the order of the values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from app.store.elastic.base import Asker, too_many_odd
from app.store.elastic.bodies import text_of, time_at
from app.store.elastic.classes import without_odd
from app.store.elastic.combining import MOST_ROWS, Combining, Key, Tally
from app.store.elastic.connection import Connection
from app.store.elastic.documents import Decoder
from app.store.elastic.doubtful import Doubtful
from app.store.elastic.places import Fields
from app.store.port import Budget, Group, Groups
from app.sysmon.query import EventQuery

_MOST_ODD: Final = 9_999
"""So many events are read where only reading tells the values: what one search may bring, and one more."""


class Grouper:
    """Groups the events of a query."""

    def __init__(
        self,
        connection: Connection,
        decoder: Decoder,
        doubtful: Doubtful | None = None,
        *,
        most: int = MOST_ROWS,
        most_odd: int = _MOST_ODD,
    ) -> None:
        self.asker = Asker(connection, decoder, doubtful or Doubtful(connection, decoder))
        self.most = most
        self.most_odd = most_odd

    def groups(
        self,
        query: EventQuery,
        names: Sequence[str],
        step: timedelta | None,
        limit: int,
        fields: Fields,
        budget: Budget,
    ) -> Groups:
        """Keep what ``EventStore.groups`` promises."""
        if not fields.layouts:
            return Groups((), True)
        base = self.asker.base(query, fields, budget)
        combining = Combining(
            self.asker.connection, fields, budget, tuple(names), step=step, limit=limit, most=self.most
        )
        odd = self.asker.odd_bodies(base, [names], fields, self.most_odd)
        beside = [body for body in odd if body is not None]
        combined = combining.combinations(without_odd(base.query, fields, names), beside)
        found = combined.found
        combining.add(base.doubtful, found)
        for answer in combined.beside:
            events = self.asker.odd_events(query, answer, self.most_odd)
            if events is None:
                raise too_many_odd(names, self.most_odd)
            combining.add(events, found)
        ordered = sorted(found.items(), key=lambda item: order_of(item[0]))
        rows = tuple(_group(names, key, tally) for key, tally in ordered[:limit])
        return Groups(rows, combined.complete and len(ordered) <= limit)


def order_of(key: Key) -> list[tuple[bool, object]]:
    """Return what groups are sorted by: values, those without first, then the start."""
    values, start = key
    return [(value is not None, value) for value in (*values, start)]


def _group(names: Sequence[str], key: Key, tally: Tally) -> Group:
    values, start = key
    return Group(
        tuple(text_of(name, value) for name, value in zip(names, values, strict=True)),
        None if start is None else time_at(start),
        tally.count,
        time_at(tally.first or 0),
        time_at(tally.last or 0),
    )
