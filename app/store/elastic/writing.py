"""Adding batches to indices of our own: all of a batch or nothing, and each event once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from elasticsearch_dsl.query import Term

from app.errors import SysmonSearchError
from app.settings import Settings
from app.store.elastic.bulk import CHUNK_BYTES, PATIENCE_SECONDS, Bulk
from app.store.elastic.connection import Connection
from app.store.elastic.documents import Out, documents_of
from app.store.elastic.field_paths import OWN_BATCH
from app.store.elastic.indices import Names, drop_old
from app.store.elastic.numbers import Numbers
from app.store.elastic.preparing import prepare
from app.store.port import Added
from app.sysmon.batch import EventBatch

_MOST_NAMED = 50
"""So many indices are named in a request; more make its address too long."""


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
        bulk = Bulk(self._connection, self._chunk_bytes, patience=self._patience)
        indices: set[str] = set()
        try:
            with self.numbers.held(number):
                sent = bulk.send(_once(documents_of(batch, number, source, self._names), indices))
                self._show(indices)
                # After a request whose answer was lost, or a move of a shard, an event of this
                # very batch may have been there already.
                added = self._stored(number) if sent.existing else sent.created
            self.numbers.end(number, stored=added > 0)
        except BaseException:
            self._take_back(number, indices, bulk)
            raise
        return Added(added, len(batch) - added, number if added else None)

    def tidy(self) -> None:
        """Drop what the settings no longer keep."""
        drop_old(self._connection, self._names, self._settings, datetime.now(UTC))

    def _show(self, indices: set[str]) -> None:
        """Make what was written visible to all readers."""
        named = sorted(indices) if len(indices) <= _MOST_NAMED else [self._names.events]
        with self._connection.asking():
            self._connection.client.indices.refresh(index=named, ignore_unavailable=True)

    def _stored(self, number: int) -> int:
        with self._connection.asking():
            answer = self._connection.client.count(
                index=self._names.events, query=_of_batch(number), allow_no_indices=True
            )
        return int(answer["count"])

    def _take_back(self, number: int, indices: set[str], bulk: Bulk) -> None:
        """Delete what was stored of a batch that failed, as far as the cluster lets it.

        The number stays open where a request may still take effect: its lease runs out, and
        until then no reader passes it by.
        """
        with suppress(SysmonSearchError):
            self._show(indices)
            with self._connection.asking():
                self._connection.client.delete_by_query(
                    index=self._names.events,
                    query=_of_batch(number),
                    conflicts="proceed",
                    refresh=True,
                    allow_no_indices=True,
                )
            if not bulk.is_unsure:
                self.numbers.end(number, stored=False)


def _of_batch(number: int) -> dict[str, object]:
    path: dict[str, Any] = {OWN_BATCH: number}
    return dict(Term(**path).to_dict())


def _once(documents: Iterable[Out], indices: set[str]) -> Iterator[Out]:
    """Yield the first document of each ``_id``, and note which indices they go to."""
    seen: set[str] = set()
    for document in documents:
        if document.id not in seen:
            seen.add(document.id)
            indices.add(document.index)
            yield document
