"""What is aggregated for a query, and the events that are added to it one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elasticsearch_dsl.query import Bool, Query

from app.errors import QueryTooSlow
from app.store.elastic.classes import odd_of
from app.store.elastic.conditions import compile_query
from app.store.elastic.connection import Connection
from app.store.elastic.documents import Decoder
from app.store.elastic.doubtful import MOST_READ, Doubtful, matching, reading_body
from app.store.elastic.places import Fields
from app.store.port import Budget
from app.sysmon.events import Event
from app.sysmon.query import EventQuery

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Base:
    """The documents that the index counts, and the doubtful events that match beside them.

    Not ``exact``: the doubtful are too many, and all that may match is counted.
    """

    query: Query
    doubtful: tuple[Event, ...]
    exact: bool


@dataclass(frozen=True, slots=True)
class Asker:
    """Finds the base of each query. Safe for several threads."""

    connection: Connection
    decoder: Decoder
    doubtful: Doubtful

    def base(self, query: EventQuery, fields: Fields, budget: Budget) -> Base:
        """Return what is to be counted for a query."""
        bounds = compile_query(query, fields)
        events = self.doubtful.events(query, bounds, fields, budget)
        if events is None:
            return Base(bounds.maybe, (), False)
        return Base(bounds.sure, events, True)

    def odd_bodies(
        self, base: Base, asked: Sequence[Sequence[str]], fields: Fields, most: int = MOST_READ
    ) -> list[Body | None]:
        """Return the searches for events of the base whose values of some names must be read.

        One for each of the several names in ``asked``; None: the index has all of their values.
        """
        queries = [odd_of(fields, names) for names in asked]
        return [
            None if odd is None else reading_body(fields, Bool(filter=[odd, base.query]), most)
            for odd in queries
        ]

    def odd_events(
        self, query: EventQuery, answer: Mapping[str, Any], most: int = MOST_READ
    ) -> tuple[Event, ...] | None:
        """Return the events that such a search found; None: they are too many."""
        hits = answer["hits"]["hits"]
        return None if len(hits) > most else matching(self.decoder, query, hits)


def too_many_odd(names: Sequence[str], most: int) -> QueryTooSlow:
    """Return the error of a query whose values would have to be read from too many documents."""
    return QueryTooSlow(
        f"More than {most:,} events would have to be read to tell their {', '.join(names)}: the indices do"
        " not hold these as Sysmon wrote them. Narrow the query: a shorter time range, one computer, an"
        " event ID."
    )
