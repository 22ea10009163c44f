"""Hits of a search in one order, batch after batch, in blocks that the index holds for equal.

The first batch is a plain search, for most pages end with it. What goes on reads a point in
time, behind the last block that was whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from elasticsearch_dsl import Search
from elasticsearch_dsl.query import Query

from app.store.elastic.connection import Connection
from app.store.elastic.documents import SOURCE
from app.store.elastic.places import Fields
from app.store.port import Budget
from app.sysmon.query import SORTED_LENGTH

Hit = Mapping[str, Any]

_GROWTH: Final = 4
_MOST: Final = 5_000
#: Behind every document that has the same values: ``_shard_doc`` is below it.
_LAST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Reading:
    """What is asked, in which order: ``sort`` are fields, the time last."""

    fields: Fields
    query: Query
    sort: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Hits:
    """Reads hits of one question."""

    connection: Connection
    reading: Reading
    budget: Budget

    def blocks(self, first: int) -> Iterator[list[list[Hit]]]:
        """Yield hits in blocks of equal values, in the index's order; ``first``: so many may do.

        The blocks that one request brought come together.
        """
        size = min(first, _MOST)
        hits = self._plain(size)
        if len(hits) < size:
            yield self._in_blocks(hits)
            return
        *whole, _pending = self._in_blocks(hits)
        yield whole
        yield from self._deep(whole[-1][-1]["sort"] if whole else None, size)

    def _deep(self, behind: Sequence[Any] | None, size: int) -> Iterator[list[list[Hit]]]:
        """Yield the blocks behind those sort values, from a point in time."""
        after = None if behind is None else [*behind, _LAST]
        pending: list[Hit] = []
        with self.connection.point(self.reading.fields.indices, budget=self.budget) as point:
            while True:
                size = min(size * _GROWTH, _MOST)
                hits = self._behind(point, after, size)
                if len(hits) < size:
                    yield self._in_blocks([*pending, *hits])
                    return
                *whole, pending = self._in_blocks([*pending, *hits])
                yield whole
                after = hits[-1]["sort"]

    def _in_blocks(self, hits: Sequence[Hit]) -> list[list[Hit]]:
        return [list(block) for _, block in groupby(hits, self._key)]

    def _key(self, hit: Hit) -> tuple[object, ...]:
        """Return what the hits of one block share."""
        values = hit["sort"][: len(self.reading.sort)]
        if isinstance(values[0], str) and len(values[0]) >= SORTED_LENGTH:
            return (values[0][:SORTED_LENGTH],)  # The index went by what is behind, we do not.
        return tuple(values)

    def _plain(self, size: int) -> list[Hit]:
        body = self._search(self.reading.sort).extra(size=size).to_dict()
        answer = self.connection.search(body, indices=self.reading.fields.indices, budget=self.budget)
        return list(answer["hits"]["hits"])

    def _behind(self, point: str, after: Sequence[Any] | None, size: int) -> list[Hit]:
        tie: dict[str, Any] = {"_shard_doc": {"order": "asc"}}
        search = self._search([*self.reading.sort, tie]).extra(
            size=size, pit={"id": point, "keep_alive": "2m"}
        )
        if after is not None:
            search = search.extra(search_after=list(after))
        answer = self.connection.point_search(search.to_dict(), budget=self.budget)
        return list(answer["hits"]["hits"])

    def _search(self, sort: Sequence[dict[str, Any]]) -> Search:
        search = Search().query(self.reading.query).sort(*sort)
        search = search.extra(_source=SOURCE, track_total_hits=False)
        if self.reading.fields.runtime:
            search = search.extra(runtime_mappings=self.reading.fields.runtime)
        return search
