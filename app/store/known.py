"""Which events are stored already: the question that every batch is put to.

The catalogue says which segments may hold one of the batch's events: they have its
computer, and their ranges of UtcTime and of record numbers, which are parts of an event's
identity, meet those of the batch. (The record time is no part of it and would mislead:
the layouts write it differently, and where UtcTime lies they are days apart.) Of those,
the identities are read from the row groups in range and kept in memory for the batches
that follow.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from app.store.catalogue import Segment, SegmentComputer
from app.store.segments import open_segment
from app.sysmon.batch import IDENTITY_COLUMNS, identities_of
from app.sysmon.events import NOWHERE

_CACHE_BYTES: Final = 64 << 20
_CACHED_FOOTERS: Final = 4_096


@dataclass(frozen=True, slots=True)
class _Group:
    """The ranges of one row group; ``hashed``: some events have no record number."""

    first_utc: int
    last_utc: int
    first_record: int | None
    last_record: int | None
    hashed: int


@dataclass(slots=True)
class KnownEvents:
    """Identities of stored events by row group; the least recently used ones are let go."""

    limit: int = _CACHE_BYTES
    _arrays: OrderedDict[tuple[str, int], NDArray[np.uint64]] = field(default_factory=OrderedDict)
    _bytes: int = 0
    _footers: OrderedDict[str, tuple[_Group, ...]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def stored(
        self,
        identities: NDArray[np.uint64],
        computers: Mapping[str, SegmentComputer],
        segments: Iterable[Segment],
    ) -> NDArray[np.bool_]:
        """Tell of each identity whether one of the segments holds it.

        ``computers`` describes the events asked about, as a segment's would. Raise
        FileNotFoundError where a segment is no longer there.
        """
        found = np.zeros(len(identities), np.bool_)
        for segment in segments:
            asked = [held for name, held in computers.items() if _meets(held, segment.computers.get(name))]
            if not asked:
                continue
            for number, group in enumerate(self._groups(segment)):
                if any(_meets(held, group) for held in asked):
                    found |= _are_in(identities, self._identities(segment, number))
        return found

    def _groups(self, segment: Segment) -> tuple[_Group, ...]:
        with self._lock:
            if segment.name in self._footers:
                self._footers.move_to_end(segment.name)
                return self._footers[segment.name]
        groups = _read_groups(segment)
        with self._lock:
            self._footers[segment.name] = groups
            while len(self._footers) > _CACHED_FOOTERS:
                self._footers.popitem(last=False)
        return groups

    def _identities(self, segment: Segment, number: int) -> NDArray[np.uint64]:
        key = (segment.name, number)
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
                return self._arrays[key]
        with open_segment(segment.path) as file:
            table = file.read_row_group(number, columns=list(IDENTITY_COLUMNS), use_threads=False)
        array = np.sort(identities_of(table))
        with self._lock:
            if key not in self._arrays:
                self._arrays[key] = array
                self._bytes += array.nbytes
            while self._bytes > self.limit and len(self._arrays) > 1:
                self._bytes -= self._arrays.popitem(last=False)[1].nbytes
        return array


def first_of_each(identities: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the rows, ascending, that hold an identity for the first time."""
    _, rows = np.unique(identities, return_index=True)
    return np.sort(rows)


def _are_in(identities: NDArray[np.uint64], ascending: NDArray[np.uint64]) -> NDArray[np.bool_]:
    places = np.searchsorted(ascending, identities)
    places[places == len(ascending)] = 0
    found: NDArray[np.bool_] = ascending[places] == identities
    return found


def _meets(asked: SegmentComputer, held: SegmentComputer | _Group | None) -> bool:
    """Tell whether both may describe the same event."""
    if held is None:
        return False
    # In an identity UtcTime has milliseconds: below, the layouts differ.
    if asked.first_utc // 1000 > held.last_utc // 1000 or held.first_utc // 1000 > asked.last_utc // 1000:
        return False
    if asked.hashed and held.hashed:
        return True
    if asked.first_record is None or held.first_record is None:
        return False
    return asked.first_record <= (held.last_record or 0) and held.first_record <= (asked.last_record or 0)


def _read_groups(segment: Segment) -> tuple[_Group, ...]:
    footer = pq.read_metadata(segment.path)
    names = [footer.row_group(0).column(i).path_in_schema for i in range(footer.num_columns)]
    utc, record = names.index("utc_time"), names.index("record_id")
    return tuple(_group(footer.row_group(number), utc, record) for number in range(footer.num_row_groups))


def _group(group: Any, utc: int, record: int) -> _Group:
    """Read a row group's ranges; what the footer does not say is taken to be anything."""
    first_utc, last_utc, without_utc = _range(group.column(utc).statistics, group.num_rows)
    first_record, last_record, hashed = _range(group.column(record).statistics, group.num_rows)
    return _Group(
        first_utc=NOWHERE if without_utc or first_utc is None else first_utc,
        last_utc=NOWHERE if last_utc is None else last_utc,
        first_record=first_record,
        last_record=last_record,
        hashed=hashed,
    )


def _range(statistics: Any, rows: int) -> tuple[int | None, int | None, int]:
    """Return least and greatest number, and how many rows have none."""
    if statistics is None or not statistics.has_null_count:
        return NOWHERE, 2**63 - 1, rows
    if not statistics.has_min_max:
        missing_all = statistics.null_count == rows
        return (None, None, rows) if missing_all else (NOWHERE, 2**63 - 1, rows)
    return int(statistics.min_raw), int(statistics.max_raw), statistics.null_count
