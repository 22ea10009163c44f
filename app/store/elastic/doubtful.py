"""The documents of which only reading tells whether they match.

The index cannot say every condition exactly. What it counts is then right but for the
documents between the bounds of the condition: few, as a rule. They are read and checked here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from threading import Lock
from time import monotonic
from typing import Final

from elasticsearch_dsl.query import Bool, Query

from app.store.elastic.bodies import search_body
from app.store.elastic.connection import Connection
from app.store.elastic.documents import SOURCE, Decoder
from app.store.elastic.places import Bounds, Fields
from app.store.port import Budget
from app.sysmon.evaluate import fits
from app.sysmon.events import Event
from app.sysmon.query import EventQuery, Order

MOST_READ: Final = 2_000
"""So many documents are read to count exactly; where there are more, all that may match count."""

_REMEMBERED: Final = 4
_LONG_SECONDS: Final = 0.1
"""What is read faster than this is read each time: what others store is then seen at once."""

_KEPT_FOR: Final = 10
_MOST_SECONDS: Final = 5.0

_Key = tuple[EventQuery, Hashable]
_Answer = tuple[Event, ...] | None


@dataclass(slots=True)
class Doubtful:
    """Reads the documents between the bounds of a query.

    What took long to read is remembered for some seconds, so that one page reads it once: under
    the ``state`` of the store, where the caller knows it, and until it is told to ``forget``.
    """

    connection: Connection
    decoder: Decoder
    most: int = MOST_READ
    long_seconds: float = _LONG_SECONDS
    _known: OrderedDict[_Key, tuple[float, _Answer]] = field(init=False, default_factory=OrderedDict)
    _lock: Lock = field(init=False, default_factory=Lock)

    def events(
        self, query: EventQuery, bounds: Bounds, fields: Fields, budget: Budget, state: Hashable = None
    ) -> tuple[Event, ...] | None:
        """Return the events that match among those that may; None: they are too many to be read."""
        if bounds.exact:
            return ()
        key = (replace(query, order=Order.NEWEST, size=50, after=None, sort=None), state)
        with self._lock:
            known = self._known.get(key)
        if known is not None and monotonic() < known[0]:
            return known[1]
        began = monotonic()
        between = Bool(filter=[bounds.maybe], must_not=[bounds.sure])
        answer = read_matching(self.connection, self.decoder, query, between, fields, budget, self.most)
        took = monotonic() - began
        if took >= self.long_seconds:
            self._remember(key, began + took + min(took * _KEPT_FOR, _MOST_SECONDS), answer)
        return answer

    def _remember(self, key: _Key, until: float, answer: _Answer) -> None:
        with self._lock:
            self._known[key] = until, answer
            self._known.move_to_end(key)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)

    def forget(self) -> None:
        """Read anew from now on: something was stored or deleted."""
        with self._lock:
            self._known.clear()


def read_matching(
    connection: Connection,
    decoder: Decoder,
    query: EventQuery,
    within: Query,
    fields: Fields,
    budget: Budget,
    most: int,
) -> tuple[Event, ...] | None:
    """Return the events that match among some documents; None: there are more than ``most``."""
    body = reading_body(fields, within, most)
    hits = connection.search(body, indices=fields.indices, budget=budget)["hits"]["hits"]
    return None if len(hits) > most else matching(decoder, query, hits)


def reading_body(fields: Fields, within: Query, most: int) -> dict[str, object]:
    """Return the search for some documents, and one more than may be read."""
    return search_body(fields, within, size=most + 1, _source=SOURCE, track_total_hits=True, sort=["_doc"])


def matching(decoder: Decoder, query: EventQuery, hits: list[dict[str, object]]) -> tuple[Event, ...]:
    """Return the events of hits that match a query."""
    return tuple(event for event in decoder.events(hits) if event is not None and fits(query, event))
