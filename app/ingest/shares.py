"""Which of the files that one process reads its counts are of.

A batch may hold events of many files, and the store says of the whole batch only how many
events it had already; so where it had some, it is asked which ones it has taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.errors import SysmonSearchError
from app.ingest.archives import Log
from app.ingest.label import layout_of
from app.ingest.report import Counts, FileStep
from app.ingest.sources import Part
from app.layouts.reader import Reader
from app.store.port import Added, EventStore
from app.sysmon.batch import IDENTITY_COLUMNS, EventBatch, identities_of


class Shares:
    """Gives each file its share of what is counted; what was given is handed on by ``told``."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._files: dict[int, FileStep] = {}
        self._number = 0
        self._settled = Counts()
        self._starts: list[tuple[int, int]] = []  # Of the waiting events: the first of a file, its number.

    @property
    def current(self) -> FileStep:
        """What is not told yet of the file that is being read."""
        return self._of(self._number)

    def begin(self, number: int) -> None:
        """Say which file is read from now on."""
        self._number = number
        self._starts.append((len(self._reader), number))

    def settle(self, counts: Counts) -> None:
        """Give the file that is being read all that was counted since the last time."""
        if counts != self._settled:
            self.current.counts += counts - self._settled
            self._settled = counts

    def refuse(self, rows: Sequence[int]) -> None:
        """Take those of the waiting events out that turned out to be no events."""
        for row in rows:
            number = [number for start, number in self._starts if start <= row][-1]
            share = self._of(number).counts
            share.sysmon_events -= 1
            share.rejected += 1
        gone = np.sort(np.array(rows, np.int64))
        self._starts = [(start - int(np.searchsorted(gone, start)), number) for start, number in self._starts]

    def add(self, store: EventStore, batch: EventBatch, added: Added) -> None:
        """Give each file its events of a batch that was stored."""
        bounds = [*self._starts, (len(batch), 0)]
        spans = [(start, end, number) for (start, number), (end, _) in pairwise(bounds) if end > start]
        taken: NDArray[np.int64] | None = None
        if len(spans) > 1 and added.added and added.duplicates:
            taken = _taken(store, batch, added)
        for start, end, number in spans:
            if len(spans) == 1:
                new = added.added
            elif taken is not None:
                new = int(np.searchsorted(taken, end) - np.searchsorted(taken, start))
            else:
                new = end - start if added.added else 0
            share = self._of(number).counts
            share.added += new
            share.duplicates += end - start - new

    def begin_batch(self, counts: Counts) -> None:
        """Say that nothing waits any more, and that all up to here is given."""
        self._settled = counts
        self._starts = [(0, self._number)]

    def name_layout(self, part: Part, log: Log) -> None:
        """Note what layout a log has."""
        if not part.start:
            layout = layout_of(log.kind, log.stream.peek())
            if layout not in self.current.layouts:
                self.current.layouts.append(layout)

    def told(self) -> dict[int, FileStep]:
        """Return what was given since the last time."""
        files, self._files = self._files, {}
        return files

    def _of(self, number: int) -> FileStep:
        return self._files.setdefault(number, FileStep())


def _taken(store: EventStore, batch: EventBatch, added: Added) -> NDArray[np.int64]:
    """Return the numbers of those events of a batch that were stored with it, ascending."""
    if added.batch is None:
        return np.empty(0, np.int64)
    ours = batch.identities()
    try:
        stored = [
            identities_of(chunk.table)
            for chunk in store.batches(added.batch - 1, IDENTITY_COLUMNS, added.batch)
        ]
    except SysmonSearchError:
        stored = []  # The counts of the import are known all the same; those of its files are a guess then.
    if not stored:
        return np.arange(added.added)
    firsts = np.sort(np.unique(ours, return_index=True)[1])  # Of equal ones the first was stored.
    return firsts[np.isin(ours[firsts], np.concatenate(stored))]
