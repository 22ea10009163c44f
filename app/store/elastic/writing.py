"""Adding batches to indices of our own: all of a batch or nothing, and each event once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from time import monotonic, sleep
from typing import Any, Final

from elasticsearch_dsl import Search
from elasticsearch_dsl.query import Bool, Query, Term

from app.errors import StoreUnavailable, SysmonSearchError
from app.settings import Settings
from app.store.elastic import faults
from app.store.elastic.bulk import CHUNK_BYTES, PATIENCE_SECONDS, Bulk, Sent
from app.store.elastic.connection import Connection
from app.store.elastic.documents import Out, documents_of
from app.store.elastic.field_paths import OWN_BATCH
from app.store.elastic.indices import Names, drop_old
from app.store.elastic.numbers import LeaseLost, Numbers
from app.store.elastic.preparing import prepare
from app.store.port import Added, Budget
from app.sysmon.batch import EventBatch

_MOST_NAMED = 50
"""So many indices are named in a request; more make its address too long."""
_SHOW_SECONDS: Final = 40.0
"""So long it may take until all shards show what was written: a copy takes the place of a lost one."""
_LOOK_SECONDS: Final = 0.5
_COUNT_SECONDS: Final = 30.0


class Writer:
    """Adds batches; safe to use from several threads and processes."""

    def __init__(
        self,
        connection: Connection,
        settings: Settings,
        *,
        chunk_bytes: int = CHUNK_BYTES,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._connection = connection
        self._chunk_bytes = chunk_bytes
        self._patience = patience
        self._settings = settings
        self._names = Names(connection.address.prefix)
        self.numbers = Numbers(connection, self._names)

    def add(self, batch: EventBatch, source: str) -> Added:
        """Store the events that are not stored yet, as ``EventStore.add`` promises."""
        if not len(batch):
            return Added(0, 0, None)
        prepare(self._connection, self._names, self._settings)
        number = self.numbers.begin()
        bulk = Bulk(
            self._connection,
            self._chunk_bytes,
            patience=self._patience,
            is_late=partial(self.numbers.is_lost, number),
        )
        indices: set[str] = set()
        try:
            with self.numbers.held(number):
                sent = bulk.send(_once(documents_of(batch, number, source, self._names), indices))
                added = self._shown(number, indices, sent)
            self.numbers.end(number, stored=added > 0)
        except BaseException as error:
            self._take_back(number, indices, bulk, is_late=isinstance(error, LeaseLost))
            raise
        return Added(added, len(batch) - added, number if added else None)

    def tidy(self) -> None:
        """Drop what the settings no longer keep."""
        drop_old(self._connection, self._names, self._settings, datetime.now(UTC))

    def _shown(self, number: int, indices: set[str], sent: Sent) -> int:
        """Make what was written visible to all readers; return how many events that are."""
        end = monotonic() + _SHOW_SECONDS
        while True:
            is_whole = self._show(indices)
            # After a request whose answer was lost, or a move of a shard, an event of this
            # very batch may have been there already.
            if is_whole and not sent.existing:
                return sent.created
            added = self._stored(number)
            if added >= sent.created:
                return added
            if monotonic() > end:
                raise StoreUnavailable(
                    f"Elasticsearch took {sent.created:,} events and shows {added:,} of them. Look at the"
                    " cluster's health, and add them again."
                )
            sleep(_LOOK_SECONDS)

    def _show(self, indices: set[str]) -> bool:
        """Make it visible; tell whether each copy of each shard has done so.

        A shard whose first copy is just being replaced is not among those that are said to have
        failed.
        """
        named = sorted(indices) if len(indices) <= _MOST_NAMED else [self._names.events]
        with self._connection.asking():
            answer = self._connection.client.indices.refresh(index=named, ignore_unavailable=True).body
        faults.check_shards(answer)
        return bool(answer["_shards"]["successful"] == answer["_shards"]["total"])

    def _stored(self, number: int) -> int:
        search = Search().query(Bool(filter=[_of_batch(number)])).extra(size=0, track_total_hits=True)
        answer = self._connection.search(
            search.to_dict(), indices=self._names.events, budget=Budget(_COUNT_SECONDS)
        )
        return int(answer["hits"]["total"]["value"])

    def _take_back(self, number: int, indices: set[str], bulk: Bulk, *, is_late: bool) -> None:
        """Delete what was stored of a batch that failed, as far as the cluster lets it.

        It stays where another batch was added at the same time, which may have relied on events
        of this one: adding this one again stores the rest. But not where it is late: who follows
        the numbers has passed it by, and sees its events under another number only.

        The number stays open where a request may still take effect: its lease runs out, and
        until then no reader passes it by.
        """
        with suppress(SysmonSearchError):
            self._show(indices)
            is_kept = not is_late and not self.numbers.was_alone(number)
            if not is_kept:
                self._delete(number)
            if not bulk.is_unsure:
                self.numbers.end(number, stored=is_kept and self._stored(number) > 0)

    def _delete(self, number: int) -> None:
        with self._connection.asking():
            self._connection.client.delete_by_query(
                index=self._names.events,
                query=_of_batch(number).to_dict(),
                conflicts="proceed",
                refresh=True,
                allow_no_indices=True,
            )


def _of_batch(number: int) -> Query:
    path: dict[str, Any] = {OWN_BATCH: number}
    return Term(**path)


def _once(documents: Iterable[Out], indices: set[str]) -> Iterator[Out]:
    """Yield the first document of each ``_id``, and note which indices they go to."""
    seen: set[str] = set()
    for document in documents:
        if document.id not in seen:
            seen.add(document.id)
            indices.add(document.index)
            yield document
