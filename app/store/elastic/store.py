"""The store over Elasticsearch: own indices that we fill, and those of others, which we only read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from elasticsearch_dsl import Search
from elasticsearch_dsl.query import Bool, Ids, Query

from app.errors import NotFound
from app.settings import Settings
from app.store.elastic.batches import read_batches
from app.store.elastic.conditions import compile_condition
from app.store.elastic.connection import Connection
from app.store.elastic.counting import Counter
from app.store.elastic.documents import SOURCE, Decoder, id_of
from app.store.elastic.doubtful import Doubtful
from app.store.elastic.gathering import Gathered
from app.store.elastic.grouping import Grouper
from app.store.elastic.indices import Names, drop_old
from app.store.elastic.infos import Informer
from app.store.elastic.mappings import FieldsCache
from app.store.elastic.places import Fields, Layout
from app.store.elastic.rarity import rarity_of
from app.store.elastic.searching import Asking, in_time_order
from app.store.elastic.sorting import in_order_of
from app.store.elastic.writing import Writer
from app.store.port import (
    Added,
    Bucket,
    Budget,
    Count,
    EventStore,
    Groups,
    Rarity,
    Results,
    StoredColumns,
    StoreInfo,
    Terms,
)
from app.store.together import Together
from app.sysmon.batch import EventBatch
from app.sysmon.condition import Condition, Match, Operator, all_of
from app.sysmon.events import Event, EventKey, time_text
from app.sysmon.query import EventQuery

_KEYS_AT_ONCE: Final = 500
_MOST_COPIES: Final = 5_000


class ElasticStore(EventStore):
    """Events in the indices of a cluster.

    What is added goes to indices of our own; what others write (Winlogbeat, Elastic Agent) is
    read where it lies, in whatever layout.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection = Connection(settings)
        self._decoder = Decoder()
        self._fields = FieldsCache(self._connection, settings)
        doubtful = Doubtful(self._connection, self._decoder)
        self._counter = Counter(self._connection, self._decoder, doubtful)
        self._grouper = Grouper(self._connection, self._decoder, doubtful)
        self._writer = Writer(self._connection, settings)
        self._informer = Informer(self._connection, settings)

    def add(self, batch: EventBatch, source: str) -> Added:
        added = self._writer.add(batch, source)
        if added.added:
            self._fields.forget()
        return added

    def search(self, query: EventQuery, budget: Budget | None = None) -> Results:
        budget = self._budget(budget)
        asking = Asking(self._connection, self._decoder, self._fields.get(budget), query, budget)
        field = query.sort_field
        return in_time_order(asking) if field is None else in_order_of(asking, field)

    def count(self, query: EventQuery, budget: Budget | None = None) -> Count:
        budget = self._budget(budget)
        return self._counter.count(query, self._fields.get(budget), budget)

    def is_exact(self, query: EventQuery, budget: Budget | None = None) -> bool:
        budget = self._budget(budget)
        return self._counter.is_exact(query, self._fields.get(budget), budget)

    def histogram(
        self, query: EventQuery, step: timedelta, budget: Budget | None = None
    ) -> tuple[Bucket, ...]:
        budget = self._budget(budget)
        return self._counter.histogram(query, step, self._fields.get(budget), budget)

    def terms(
        self, query: EventQuery, name: str, size: int, *, rarest: bool = False, budget: Budget | None = None
    ) -> Terms:
        budget = self._budget(budget)
        return self._counter.terms(query, name, size, self._fields.get(budget), budget, rarest=rarest)

    def facets(
        self, query: EventQuery, names: Sequence[str], size: int, *, budget: Budget | None = None
    ) -> tuple[Terms, ...]:
        budget = self._budget(budget)
        return self._counter.facets(query, names, size, self._fields.get(budget), budget)

    def groups(
        self,
        query: EventQuery,
        names: Sequence[str],
        *,
        step: timedelta | None = None,
        limit: int = 20_000,
        budget: Budget | None = None,
    ) -> Groups:
        budget = self._budget(budget)
        return self._grouper.groups(query, names, step, limit, self._fields.get(budget), budget)

    def rarity(
        self, values: Sequence[tuple[str, str]], budget: Budget | None = None
    ) -> tuple[Rarity | None, ...]:
        budget = self._budget(budget)
        return rarity_of(self._connection, values, self._fields.get(budget), budget)

    def event(self, key: EventKey, budget: Budget | None = None) -> Event:
        found = self.events([key], budget)
        if not found:
            raise NotFound(f"No event {key} is stored.")
        return found[0]

    def events(self, keys: Sequence[EventKey], budget: Budget | None = None) -> tuple[Event, ...]:
        budget = self._budget(budget)
        fields = self._fields.get(budget)
        found: dict[EventKey, Event] = {}
        for first in range(0, len(keys), _KEYS_AT_ONCE):
            some = keys[first : first + _KEYS_AT_ONCE]
            for event in self._with_keys(some, fields, budget):
                found.setdefault(event.key, event)
        return tuple(found[key] for key in keys if key in found)

    def batches(
        self, after: int, columns: Sequence[str], until: int | None = None
    ) -> Iterator[StoredColumns]:
        return read_batches(self._connection, self._fields.get(self._budget(None)), after, columns, until)

    def info(self) -> StoreInfo:
        budget = self._budget(None)
        return self._informer.info(self._fields.get(budget), budget)

    def together(self) -> Together:
        return Gathered(self._connection)

    def tidy(self) -> None:
        """Drop the months that the settings no longer keep; the cluster looks after the rest."""
        drop_old(self._connection, Names(self._settings.elastic_prefix), self._settings, datetime.now(UTC))

    def close(self) -> None:
        self._connection.close()

    def _budget(self, budget: Budget | None) -> Budget:
        return budget or Budget(self._settings.query_seconds)

    def _with_keys(self, keys: Sequence[EventKey], fields: Fields, budget: Budget) -> Iterator[Event]:
        """Yield the events with these keys, as often as they lie in documents."""
        if not fields.layouts or not keys:
            budget.check()
            return
        search = Search().query(_of_keys(keys, fields)).extra(size=_MOST_COPIES, _source=SOURCE)
        if fields.runtime:
            search = search.extra(runtime_mappings=fields.runtime)
        answer = self._connection.search(search.to_dict(), indices=fields.indices, budget=budget)
        wanted = set(keys)
        for event in self._decoder.events(answer["hits"]["hits"]):
            if event is not None and event.key in wanted:
                yield event


def _of_keys(keys: Sequence[EventKey], fields: Fields) -> Query:
    """Return what the documents of these events match: ours by their number, others by their parts."""
    parts: list[Query] = []
    if Layout.OWN in fields.layouts:
        parts.append(Ids(values=[id_of(str(key)) for key in keys]))
    if fields.layouts - {Layout.OWN}:
        parts += (compile_condition(_with_parts_of(key), fields).maybe for key in keys)
    return Bool(should=parts, minimum_should_match=1)


def _with_parts_of(key: EventKey) -> Condition:
    said = [("Computer", key.computer), ("EventId", str(key.event_id))]
    if key.record.isdigit():
        said.append(("RecordId", key.record))
    elif key.utc_time is not None:
        said.append(("UtcTime", time_text(key.utc_time)))
    return all_of(Match(name, Operator.EQUALS, value) for name, value in said)
