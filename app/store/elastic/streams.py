"""What is stored, as streams of numbered documents: ours by batch, those of others by time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import pyarrow as pa
from elasticsearch_dsl import A, Search
from elasticsearch_dsl.query import Bool, Exists, Query, Range

from app.store.elastic.connection import Connection
from app.store.elastic.documents import SOURCE, read_others
from app.store.elastic.field_paths import OWN_BATCH
from app.store.elastic.places import Fields
from app.store.elastic.stored import paths_of_columns, stored_schema, table_of_own
from app.store.port import Budget

_SECONDS: Final = 120.0
"""How long one request of a scan may take; a scan as a whole may take as long as it needs."""
_PAGE: Final = 5_000
_BUCKETS: Final = 1_000
_MILLISECOND: Final = 1_000
_STEPS: Final = (60_000, 1_000)
"""Milliseconds by which times of others are counted: the second where the first has too many."""
_MOST_IN_STEP: Final = 50_000
_INGESTED: Final = "event.ingested"
_TIMESTAMP: Final = "@timestamp"

_Hit = Mapping[str, Any]


class Stream(Protocol):
    """Documents, each with a number; several may have the same."""

    def plan(self, after: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield numbers, ascending, and how many documents have that number, or one between it and
        the number before; none is above ``end``."""
        ...

    def read(self, after: int, end: int, columns: Sequence[str]) -> pa.Table:
        """Return the columns and ``batch`` of all documents with ``after < number <= end``."""
        ...


@dataclass(frozen=True, slots=True)
class OwnStream:
    """Documents of our own, by the number of their batch."""

    connection: Connection
    indices: str

    def plan(self, after: int, end: int) -> Iterator[tuple[int, int]]:
        source = {"number": A("terms", field=OWN_BATCH)}
        for bucket in _buckets(self.connection, self.indices, Search().query(_between(after, end)), source):
            yield bucket["key"]["number"], bucket["doc_count"]

    def read(self, after: int, end: int, columns: Sequence[str]) -> pa.Table:
        search = Search().query(_between(after, end)).extra(_source=paths_of_columns(columns))
        tables = [
            table_of_own([hit["_source"] for hit in hits], columns)
            for hits in _pages(self.connection, self.indices, search)
        ]
        return pa.concat_tables([stored_schema(columns).empty_table(), *tables])


def _between(after: int, end: int) -> Query:
    path: dict[str, Any] = {OWN_BATCH: {"gt": after, "lte": end}}
    return Bool(filter=[Range(**path)])


@dataclass(frozen=True, slots=True)
class ForeignStream:
    """Documents of others, by the time in one of their fields.

    The index knows it in milliseconds; what is 1970 or before it has the number 1.
    """

    connection: Connection
    fields: Fields
    path: str
    query: Query

    def plan(self, after: int, end: int) -> Iterator[tuple[int, int]]:
        for last, count in self._plan(_from(after), end // _MILLISECOND, _STEPS):
            yield min(last * _MILLISECOND + _MILLISECOND - 1, end), count

    def _plan(self, first: int | None, last: int, steps: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Yield the same in milliseconds."""
        step = steps[0]
        source = {"time": A("date_histogram", field=self.path, fixed_interval=f"{step}ms")}
        search = self._search(first, last)
        for bucket in _buckets(self.connection, self.fields.indices, search, source):
            start, behind = bucket["key"]["time"], bucket["key"]["time"] + step - 1
            if bucket["doc_count"] > _MOST_IN_STEP and len(steps) > 1:
                begin = start if first is None else max(start, first)
                yield from self._plan(begin, min(behind, last), steps[1:])
            else:
                yield min(behind, last), bucket["doc_count"]

    def read(self, after: int, end: int, columns: Sequence[str]) -> pa.Table:
        search = self._search(_from(after), end // _MILLISECOND).extra(
            _source=SOURCE, docvalue_fields=[{"field": self.path, "format": "epoch_millis"}]
        )
        tables = [self._table(hits, columns) for hits in _pages(self.connection, self.fields.indices, search)]
        return pa.concat_tables([stored_schema(columns).empty_table(), *tables])

    def _table(self, hits: Sequence[_Hit], columns: Sequence[str]) -> pa.Table:
        batch, numbers, _ = read_others([hit["_source"] for hit in hits])
        times = [int(hits[number]["fields"][self.path][0].partition(".")[0]) for number in numbers]
        stored = pa.array([max(1, time * _MILLISECOND) for time in times], pa.int64())
        return batch.table.select(list(columns)).append_column("batch", stored)

    def _search(self, first: int | None, last: int) -> Search:
        limits: dict[str, Any] = {"lte": last, "format": "epoch_millis"}
        if first is not None:
            limits["gte"] = first
        path: dict[str, Any] = {self.path: limits}
        search = Search().query(Bool(filter=[self.query, Range(**path)]))
        return search.extra(runtime_mappings=self.fields.runtime) if self.fields.runtime else search


def _from(after: int) -> int | None:
    """Return the first millisecond behind a mark; None: from the beginning of time."""
    return after // _MILLISECOND + 1 if after > 0 else None


def foreign_streams(connection: Connection, fields: Fields) -> list[Stream]:
    """Return the documents of others: those that were stamped when they were stored, and the rest."""
    others = Bool(filter=[fields.sysmon()], must_not=[Exists(field=OWN_BATCH)])
    if not _is_time(connection, fields.indices):
        return [ForeignStream(connection, fields, _TIMESTAMP, others)]
    stamped = Exists(field=_INGESTED)
    rest = Bool(filter=[others], must_not=[stamped])
    return [
        ForeignStream(connection, fields, _INGESTED, others),
        ForeignStream(connection, fields, _TIMESTAMP, rest),
    ]


def _is_time(connection: Connection, indices: str) -> bool:
    """Tell whether all indices that have the time of storing have it as a time."""
    with connection.asking():
        answer = connection.client.field_caps(
            index=indices.split(","), fields=_INGESTED, ignore_unavailable=True, allow_no_indices=True
        )
    types = answer["fields"].get(_INGESTED, {})
    return bool(types) and types.keys() <= {"date", "date_nanos", "unmapped"}


def _buckets(
    connection: Connection, indices: str, search: Search, source: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """Yield the buckets of an ascending source, a thousand at a time."""
    behind: Mapping[str, Any] | None = None
    while True:
        asked = search.extra(size=0, track_total_hits=False)
        more = {} if behind is None else {"after": behind}
        asked.aggs.bucket("all", "composite", sources=[source], size=_BUCKETS, **more)
        answer = connection.search(asked.to_dict(), indices=indices, budget=Budget(_SECONDS))
        found = answer.get("aggregations", {}).get("all", {"buckets": []})
        yield from found["buckets"]
        behind = found.get("after_key")
        if behind is None or len(found["buckets"]) < _BUCKETS:
            return


def _pages(connection: Connection, indices: str, search: Search) -> Iterator[list[_Hit]]:
    """Yield all hits in the order in which they lie on disk, some thousand at a time."""
    search = search.sort("_shard_doc").extra(size=_PAGE, track_total_hits=False)
    with connection.point(indices, budget=Budget(_SECONDS)) as point:
        body = search.extra(pit={"id": point}).to_dict()
        while True:
            hits = connection.point_search(body, budget=Budget(_SECONDS))["hits"]["hits"]
            if hits:
                yield hits
            if len(hits) < _PAGE:
                return
            body["search_after"] = hits[-1]["sort"]
