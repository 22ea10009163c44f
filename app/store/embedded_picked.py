"""Reading single rows of files into a table in memory, of few columns."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from app.store.embedded_guids import Picked
from app.store.embedded_ids import event_ids_of, excluded_ids_of
from app.store.embedded_rows import file_errors, used_columns
from app.store.port import Budget
from app.sysmon.arrays import codes_of, integers_of, one_chunk
from app.sysmon.batch import SCHEMA
from app.sysmon.events import NOWHERE, microseconds
from app.sysmon.query import EventQuery
from app.sysmon.text import fold

_KEPT_FOOTERS: Final = 64
_KEPT_BYTES: Final = 128 << 20
KEPT: Final = frozenset({"time", "computer", "event_id"})
"""Columns that are kept once read: every question asks for them."""

KEPT_OF_CREATIONS: Final = KEPT | {"process_guid", "parent_process_guid"}
"""Those of groups of process creations: by them graphs find who started whom."""

CREATION: Final = 1

_WORD: Final = re.compile("[a-z_0-9]+")
_TEXTS: Final = frozenset(field.name for field in SCHEMA if pa.types.is_dictionary(field.type))
_PLAIN: Final = {name: pa.string() if name in _TEXTS else SCHEMA.field(name).type for name in SCHEMA.names}
_FILE: Final = (("filename", pa.string()), ("file_row_number", pa.int64()))

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of picked rows beside their GUIDs; see ``Picked``."""

    start: int | None
    end: int | None
    event_ids: frozenset[int] | None
    without_ids: frozenset[int]
    computers: frozenset[str]

    @classmethod
    def of(cls, query: EventQuery) -> _Asked:
        return cls(
            start=None if query.start is None else microseconds(query.start),
            end=None if query.end is None else microseconds(query.end),
            event_ids=event_ids_of(query.condition),
            without_ids=excluded_ids_of(query.condition),
            computers=frozenset(map(fold, query.computers)),
        )


@dataclass(frozen=True, slots=True)
class _Group:
    """A group of rows: the number of the row behind it, the columns in use, and ranges (None: any)."""

    end: int
    columns: frozenset[str]
    times: tuple[int, int] | None
    event_ids: tuple[int, int] | None

    @property
    def only_id(self) -> int | None:
        """The event ID of all of its rows, where they have one."""
        return self.event_ids[0] if self.event_ids and self.event_ids[0] == self.event_ids[1] else None

    @property
    def kept(self) -> frozenset[str]:
        """The columns that are kept once read."""
        return KEPT_OF_CREATIONS if self.only_id == CREATION else KEPT

    def may_hold(self, asked: _Asked) -> bool:
        """Tell whether it may hold events of the time and the event IDs that are asked for."""
        if self.times is not None:
            first, last = self.times
            if (asked.start is not None and last < asked.start) or (
                asked.end is not None and first >= asked.end
            ):
                return False
        if self.event_ids is None:
            return True
        least, most = self.event_ids
        if self.only_id in asked.without_ids:
            return False
        return asked.event_ids is None or any(least <= id_ <= most for id_ in asked.event_ids)


@dataclass(frozen=True, slots=True)
class _Footer:
    metadata: pq.FileMetaData
    groups: tuple[_Group, ...]


@dataclass(slots=True)
class PickedReader:
    """Reads picked rows; keeps what takes longer to read than the rows.

    That is the footers of files, and the columns that every question asks for.
    """

    threads: int
    limit: int = _KEPT_BYTES
    _footers: OrderedDict[str, _Footer] = field(default_factory=OrderedDict, init=False)
    _columns: OrderedDict[tuple[str, int, str], pa.Array] = field(default_factory=OrderedDict, init=False)
    _bytes: int = field(default=0, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def read(self, picked: Picked, sql: str, budget: Budget) -> pa.Table:
        """Return the picked rows with file name, row number, and the columns that a statement names.

        Rows that cannot match, by their time or event ID, may be left out.
        """
        words = set(_WORD.findall(sql))
        columns = [name for name in SCHEMA.names if name in words]
        schema = pa.schema([*_FILE, *((name, _PLAIN[name]) for name in columns)])
        asked = _Asked.of(picked.query)
        parts = []
        for file, rows in picked.rows.items():
            with file_errors(file), ExitStack() as stack:
                reading = _Reading(self, file, self.footer(file), stack, frozenset(columns) & _TEXTS)
                for number, wanted in _by_group(reading.footer, rows):
                    if not reading.footer.groups[number].may_hold(asked):
                        continue
                    budget.check()
                    arrays = reading.values(number, picked, asked, wanted, columns)
                    if arrays is not None:
                        parts.append(pa.Table.from_arrays(arrays, schema=schema))
        return pa.concat_tables([schema.empty_table(), *parts]).combine_chunks()

    def footer(self, file: str) -> _Footer:
        """Return the footer of a file."""
        with self._lock:
            if file in self._footers:
                self._footers.move_to_end(file)
                return self._footers[file]
        with file_errors(file):
            metadata = pq.read_metadata(file)
        footer = _Footer(metadata, tuple(_groups(metadata)))
        with self._lock:
            self._footers[file] = footer
            while len(self._footers) > _KEPT_FOOTERS:
                self._footers.popitem(last=False)
        return footer

    def kept(self, key: tuple[str, int, str]) -> pa.Array | None:
        """Return a column of a group of rows of a file, if it is kept."""
        with self._lock:
            if key in self._columns:
                self._columns.move_to_end(key)
            return self._columns.get(key)

    def keep(self, key: tuple[str, int, str], column: pa.Array) -> None:
        """Keep a column; the least recently used ones are let go."""
        with self._lock:
            if key not in self._columns:
                self._columns[key] = column
                self._bytes += column.nbytes
            while self._bytes > self.limit and len(self._columns) > 1:
                self._bytes -= self._columns.popitem(last=False)[1].nbytes


@dataclass(slots=True)
class _Reading:
    """Reading rows of one file, which is opened when something is not kept."""

    reader: PickedReader
    file: str
    footer: _Footer
    stack: ExitStack
    texts: frozenset[str]
    _opened: pq.ParquetFile | None = None

    def values(
        self, number: int, picked: Picked, asked: _Asked, wanted: slice, columns: Sequence[str]
    ) -> list[pa.Array] | None:
        """Return file names, row numbers and values of rows of one group; None: none can match."""
        start = self.footer.groups[number - 1].end if number else 0
        known = picked.rows[self.file]
        at = np.arange(wanted.start, wanted.stop) - start if known is None else known[wanted] - start
        may = self._may_match(number, asked, at)
        if not may.any():
            return None
        at = at[may]
        own = picked.column if known is not None else None
        group = self.footer.groups[number]
        read = self._read(number, [name for name in columns if name in group.columns and name != own])
        arrays = [pa.repeat(pa.scalar(self.file), len(at)), pa.array(at + start)]
        for name in columns:
            if name == own:
                places = picked.places[self.file][wanted][may]
                arrays.append(pa.array(picked.guids, pa.string()).take(pa.array(places)))
            elif name in read:
                arrays.append(_plain(read[name].take(pa.array(at))))
            else:
                arrays.append(pa.nulls(len(at), _PLAIN[name]))
        return arrays

    def _may_match(self, number: int, asked: _Asked, at: Rows) -> NDArray[np.bool_]:
        """Tell which rows may match, by their event ID, time and computer."""
        group, may = self.footer.groups[number], np.ones(len(at), np.bool_)
        if group.only_id is None and (asked.event_ids is not None or asked.without_ids):
            ids = self._numbers(number, "event_id", at)
            may &= ~np.isin(ids, list(asked.without_ids))
            if asked.event_ids is not None:
                may &= np.isin(ids, list(asked.event_ids))
        if asked.start is not None and (group.times is None or group.times[0] < asked.start):
            may &= self._numbers(number, "time", at) >= asked.start
        if asked.end is not None and (group.times is None or group.times[1] >= asked.end):
            may &= self._numbers(number, "time", at) < asked.end
        if asked.computers and may.any():
            names = self._read(number, ["computer"])["computer"]
            wanted = [fold(name) in asked.computers for name in names.dictionary.to_pylist()]
            may &= np.array([*wanted, False])[codes_of(names)[at]]
        return may

    def _numbers(self, number: int, column: str, at: Rows) -> Rows:
        numbers = integers_of(self._read(number, [column])[column], NOWHERE)
        return numbers if len(at) == len(numbers) else numbers[at]

    def _read(self, number: int, columns: Sequence[str]) -> dict[str, pa.Array]:
        """Return whole columns of a group of rows."""
        found = {}
        kept = self.footer.groups[number].kept
        for name in kept.intersection(columns):
            column = self.reader.kept((self.file, number, name))
            if column is not None:
                found[name] = column
        asked = [name for name in columns if name not in found]
        if asked:
            table = self._file().read_row_group(number, columns=asked, use_threads=self.reader.threads > 1)
            for name in asked:
                found[name] = one_chunk(table[name])
                if name in kept:
                    self.reader.keep((self.file, number, name), found[name])
        return found

    def _file(self) -> pq.ParquetFile:
        if self._opened is None:
            texts = sorted(self.texts | (KEPT_OF_CREATIONS & _TEXTS))
            opened = pq.ParquetFile(self.file, metadata=self.footer.metadata, read_dictionary=texts)
            self._opened = self.stack.enter_context(opened)
        return self._opened


def _by_group(footer: _Footer, rows: Rows | None) -> Iterator[tuple[int, slice]]:
    """Yield the numbers of groups, each with the part of the ascending row numbers that it holds."""
    ends = [group.end for group in footer.groups]
    if rows is not None:
        ends = np.searchsorted(rows, ends).tolist()
    for number, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
        if start < end:
            yield number, slice(start, end)


def _plain(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _groups(metadata: pq.FileMetaData) -> Iterator[_Group]:
    group = metadata.row_group(0)
    names = [group.column(place).path_in_schema for place in range(metadata.num_columns)]
    time, event_id = names.index("time"), names.index("event_id")
    end = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        end += group.num_rows
        yield _Group(end, used_columns(group), _range(group.column(time)), _range(group.column(event_id)))


def _range(chunk: Any) -> tuple[int, int] | None:
    """Return the least and the greatest number in a column without nulls; None: not known."""
    statistics = chunk.statistics
    if statistics is None or not statistics.has_min_max:
        return None
    return int(statistics.min_raw), int(statistics.max_raw)
