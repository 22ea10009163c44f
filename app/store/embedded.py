"""The embedded store: Parquet segments below one folder, DuckDB to read them.

This is the writing side and what needs no engine; questions go to ``embedded_read``,
which is loaded with the first of them: an import never needs it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.settings import Settings
from app.state.database import Database
from app.store.catalogue import Catalogue, Segment
from app.store.columns import take
from app.store.compaction import Compacted, Effort, compact, sweep
from app.store.files import disk_errors, drafting, gone, make_folders, remove_orphans
from app.store.known import KnownEvents, first_of_each
from app.store.port import (
    Added,
    Bucket,
    Budget,
    ComputerInfo,
    Count,
    EventStore,
    Groups,
    Rarity,
    Results,
    StoredColumns,
    StoreInfo,
    Terms,
)
from app.store.retention import retain
from app.store.scan import scan
from app.store.segments import computers_of, write_fresh
from app.store.verify import Finding, verify
from app.sysmon.batch import SCHEMA, EventBatch
from app.sysmon.events import Event, EventKey
from app.sysmon.query import EventQuery

if TYPE_CHECKING:
    from app.store.embedded_read import EmbeddedReader


class EmbeddedStore(EventStore):
    """Events in Parquet segments, named by a catalogue in the state database.

    Any number of processes may read, add and compact at once.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self.settings = settings
        self.database = database
        self.catalogue = Catalogue(database, settings.data / "store")
        self._known = KnownEvents()
        self._lock = Lock()
        self._tidied = False
        make_folders(self.catalogue)

    def add(self, batch: EventBatch, source: str) -> Added:
        self._tidy()
        identities = batch.identities()
        rows = first_of_each(identities)
        # Another process may store one of these events while ours are being written. Then the
        # rest is written again; each time there are fewer, so this comes to an end.
        while len(rows):
            segments, newest = self.catalogue.snapshot()
            rows = self._missing(batch, identities, rows, segments)
            if len(rows):
                number = self._write(batch, identities, rows, newest, source)
                if number is not None:
                    return Added(len(rows), len(batch) - len(rows), number)
        return Added(0, len(batch), None)

    def search(self, query: EventQuery, budget: Budget | None = None) -> Results:
        return self._reader.search(query, budget)

    def count(self, query: EventQuery, budget: Budget | None = None) -> Count:
        return self._reader.count(query, budget)

    def histogram(
        self, query: EventQuery, step: timedelta, budget: Budget | None = None
    ) -> tuple[Bucket, ...]:
        return self._reader.histogram(query, step, budget)

    def terms(
        self, query: EventQuery, name: str, size: int, *, rarest: bool = False, budget: Budget | None = None
    ) -> Terms:
        return self._reader.terms(query, name, size, rarest=rarest, budget=budget)

    def facets(
        self, query: EventQuery, names: Sequence[str], size: int, *, budget: Budget | None = None
    ) -> tuple[Terms, ...]:
        return self._reader.facets(query, names, size, budget=budget)

    def groups(
        self,
        query: EventQuery,
        names: Sequence[str],
        *,
        step: timedelta | None = None,
        limit: int = 20_000,
        budget: Budget | None = None,
    ) -> Groups:
        return self._reader.groups(query, names, step, limit, budget)

    def rarity(
        self, values: Sequence[tuple[str, str]], budget: Budget | None = None
    ) -> tuple[Rarity | None, ...]:
        return self._reader.rarity(values, budget)

    def event(self, key: EventKey, budget: Budget | None = None) -> Event:
        return self._reader.event(key, budget)

    def events(self, keys: Sequence[EventKey], budget: Budget | None = None) -> tuple[Event, ...]:
        return self._reader.events(keys, budget)

    def batches(
        self, after: int, columns: Sequence[str], until: int | None = None
    ) -> Iterator[StoredColumns]:
        unknown = sorted(set(columns) - set(SCHEMA.names))
        if unknown:
            raise ValueError(f"no columns of an event: {', '.join(unknown)}")
        newest = self.catalogue.newest_batch()
        return scan(self.catalogue, after, newest if until is None else min(until, newest), columns)

    def info(self) -> StoreInfo:
        segments, newest = self.catalogue.snapshot()
        event_ids: Counter[int] = Counter()
        for segment in segments:
            event_ids.update(segment.event_ids)
        return StoreInfo(
            events=sum(segment.rows for segment in segments),
            bytes=sum(segment.size for segment in segments),
            newest_batch=newest,
            first=_moment(min((segment.first_time for segment in segments), default=None)),
            last=_moment(max((segment.last_time for segment in segments), default=None)),
            computers=_computers(segments),
            event_ids=dict(sorted(event_ids.items())),
            details={
                "segments": len(segments),
                "fresh_segments": sum(segment.level == 0 for segment in segments),
                "summary_bytes": sum(segment.summary_bytes for segment in segments),
                "folder": str(self.catalogue.folder),
            },
        )

    def compact(self, effort: Effort = Effort.USUAL) -> Compacted:
        """Merge small segments, drop what the settings no longer keep, unlink dead files.

        Cheap where nothing is to be done. Searches and imports go on meanwhile.
        """
        self._tidy()
        retain(self.catalogue, self.settings, datetime.now(UTC))
        compacted = compact(self.catalogue, effort)
        sweep(self.catalogue, datetime.now(UTC) - self._grace)
        return compacted

    def warm(self) -> None:
        self._reader.warm()

    def tidy(self) -> None:
        self.compact(Effort.DUE)

    def verify(self) -> Iterator[Finding]:
        """Read all files again and yield what is not as it was written."""
        return verify(self.catalogue)

    def close(self) -> None:
        if "_reader" in self.__dict__:
            self._reader.close()
        self.database.close()

    @cached_property
    def _reader(self) -> EmbeddedReader:
        from app.store.embedded_read import EmbeddedReader

        return EmbeddedReader(self.catalogue, self.settings)

    @property
    def _grace(self) -> timedelta:
        """How long a dead segment's files stay: longer than any query may last."""
        return timedelta(seconds=60 + 2 * self.settings.query_seconds)

    def _tidy(self) -> None:
        """Before the first write, clear away what crashes have left."""
        with self._lock:
            if not self._tidied:
                with disk_errors(self.catalogue.folder):
                    remove_orphans(self.catalogue)
                self._tidied = True

    def _missing(
        self,
        batch: EventBatch,
        identities: NDArray[np.uint64],
        rows: NDArray[np.int64],
        segments: Sequence[Segment],
    ) -> NDArray[np.int64]:
        """Return those of the rows that none of the segments holds."""
        try:
            stored = self._known.stored(identities[rows], computers_of(batch.table), segments)
        except FileNotFoundError as error:
            # Files outlive their entries, so this is no work of compaction.
            raise gone(self.catalogue, error) from error
        return rows[~stored]

    def _write(
        self,
        batch: EventBatch,
        identities: NDArray[np.uint64],
        rows: NDArray[np.int64],
        newest: int,
        source: str,
    ) -> int | None:
        """Store these rows as a batch; None: some were stored by others since batch ``newest``."""
        table = batch.table if len(rows) == len(batch) else take(batch.table, rows)
        with drafting(self.catalogue) as drafts:
            segments = write_fresh(drafts, table)
            with self.catalogue.change() as change:
                late = [segment for segment in change.live() if segment.max_batch > newest]
                if len(self._missing(batch, identities, rows, late)) < len(rows):
                    return None
                drafts.place()
                return change.add_batch(source, segments)


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + microseconds * _MICROSECOND


def _computers(segments: Sequence[Segment]) -> dict[str, ComputerInfo]:
    """Add up what the segments hold of each computer, under the name it was last seen with."""
    found: dict[str, tuple[str, int, int, int]] = {}
    for segment in segments:
        for key, held in segment.computers.items():
            name, rows, first, last = found.get(key, (held.name, 0, held.first_time, held.last_time))
            found[key] = (name, rows + held.rows, min(first, held.first_time), max(last, held.last_time))
    return {
        name: ComputerInfo(rows, _EPOCH + first * _MICROSECOND, _EPOCH + last * _MICROSECOND)
        for name, rows, first, last in sorted(found.values())
    }


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
