"""From row numbers in files to events: the second step of every search.

The first step finds out which rows are wanted, reading few columns; only then are whole
rows read. Most columns are empty in most groups of rows, so the files' footers are asked
which of them are worth naming.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from threading import Lock
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from app.errors import StoreDamaged, StoreUnavailable
from app.store.embedded_engine import Engine, FileGone
from app.store.embedded_match import Parameters
from app.store.port import Budget
from app.sysmon.batch import SCHEMA
from app.sysmon.events import NOWHERE, Event, Place
from app.sysmon.fields import COLUMN_TYPES, FieldType

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_KEPT_FOOTERS: Final = 1000
_FILES_AT_ONCE: Final = 16
_SMALL_ROWS: Final = 10_000
_SMALL_AT_ONCE: Final = 256

KEY_COLUMNS: Final = (
    "filename, file_row_number, epoch_us(time), computer, event_id,"
    f" coalesce(epoch_us(utc_time), {NOWHERE}), coalesce(record_id, {NOWHERE}),"
    f" coalesce(content_hash, {NOWHERE})"
)


@dataclass(frozen=True, slots=True)
class Found:
    """Where a wanted event stands: its place in the order of all, file and row number."""

    place: Place
    file: str
    number: int

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> Found:
        """Take what a query for ``KEY_COLUMNS`` returns."""
        file, number, *place = row
        return cls((place[0], place[1], place[2], place[3], place[4], place[5]), file, number)


def time_at(microseconds: int) -> datetime:
    """Return the time so many microseconds after 1970."""
    return EPOCH + microseconds * _MICROSECOND


@dataclass(frozen=True, slots=True)
class _Group:
    """A group of rows in a file: the number of the row behind it, and the columns in use."""

    end: int
    columns: frozenset[str]


@dataclass(slots=True)
class EventReader:
    """Reads whole events by file and row number; knows the footers of the files it has seen."""

    engine: Engine
    _groups: OrderedDict[str, list[_Group]] = field(default_factory=OrderedDict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def read(self, found: Sequence[Found], budget: Budget) -> list[Event]:
        """Return the events, in the given order."""
        numbers: dict[str, list[int]] = {}
        for one in found:
            numbers.setdefault(one.file, []).append(one.number)
        events: dict[tuple[str, int], Event] = {}
        small = {file: some for file, some in numbers.items() if self._footer(file)[-1].end <= _SMALL_ROWS}
        large = {file: some for file, some in numbers.items() if file not in small}
        for some in _slices(small, _SMALL_AT_ONCE):
            events |= self._read_small(some, budget)
        for some in _slices(large, _FILES_AT_ONCE):
            events |= self._read_large(some, budget)
        if any((one.file, one.number) not in events for one in found):
            raise StoreDamaged("A file of the store has fewer events than it had a moment ago.")
        return [events[one.file, one.number] for one in found]

    def _read_small(self, numbers: Mapping[str, list[int]], budget: Budget) -> dict[tuple[str, int], Event]:
        """Return events by file and row number, where naming each file would take longer than reading it."""
        columns, selected = self._selection(numbers)
        parameters = Parameters()
        files = parameters.bind(list(numbers))
        of_each = parameters.bind([file for file, some in numbers.items() for _ in some])
        wanted = parameters.bind([number for some in numbers.values() for number in some])
        sql = (
            f"SELECT filename, file_row_number, {selected}"
            f" FROM read_parquet({files}, filename = true, file_row_number = true)"
            " WHERE (filename, file_row_number) IN"
            f" (SELECT unnest(CAST({of_each} AS VARCHAR[])), unnest(CAST({wanted} AS BIGINT[])))"
        )
        rows = self.engine.rows(sql, parameters.values, budget)
        return {(file, number): event_of(columns, values) for file, number, *values in rows}

    def _read_large(self, numbers: Mapping[str, list[int]], budget: Budget) -> dict[tuple[str, int], Event]:
        """Return events by file and row number; of each file few groups of rows are read."""
        files = list(numbers)
        columns, selected = self._selection(numbers)
        parameters = Parameters()
        sql = " UNION ALL ".join(
            f"(SELECT {position}, file_row_number, {selected}"
            f" FROM read_parquet({parameters.bind([file])}, file_row_number = true)"
            f" WHERE {_numbered(numbers[file], parameters)})"
            for position, file in enumerate(files)
        )
        rows = self.engine.rows(sql, parameters.values, budget)
        return {(files[position], number): event_of(columns, values) for position, number, *values in rows}

    def _selection(self, numbers: Mapping[str, list[int]]) -> tuple[list[str], str]:
        """Return the columns that may have values in these rows, and what to select."""
        used = frozenset().union(*(self._columns(file, some) for file, some in numbers.items()))
        columns = [name for name in SCHEMA.names if name in used]
        return columns, ", ".join(_SELECTED.get(column, f'"{column}"') for column in columns)

    def _columns(self, file: str, numbers: Sequence[int]) -> frozenset[str]:
        """Return the columns that may have values in these rows."""
        groups = self._footer(file)
        ends = [group.end for group in groups]
        used = {min(bisect_right(ends, number), len(groups) - 1) for number in numbers}
        return frozenset.union(_REQUIRED, *(groups[number].columns for number in used))

    def _footer(self, file: str) -> list[_Group]:
        with self._lock:
            if file in self._groups:
                self._groups.move_to_end(file)
                return self._groups[file]
        groups = _read_footer(file)
        with self._lock:
            self._groups[file] = groups
            if len(self._groups) > _KEPT_FOOTERS:
                self._groups.popitem(last=False)
        return groups


_REQUIRED: Final = frozenset({"time", "computer", "event_id"})
_SELECTED: Final = {
    column: f"epoch_us({column})" for column, type_ in COLUMN_TYPES.items() if type_ is FieldType.TIME
}


def _slices(numbers: Mapping[str, list[int]], size: int) -> Iterator[dict[str, list[int]]]:
    items = list(numbers.items())
    for start in range(0, len(items), size):
        yield dict(items[start : start + size])


def _numbered(numbers: Sequence[int], parameters: Parameters) -> str:
    """Return the expression for rows with these numbers.

    The bounds let DuckDB leave out whole groups of rows.
    """
    wanted = parameters.bind(sorted(numbers))
    low, high = parameters.bind(min(numbers)), parameters.bind(max(numbers))
    return (
        f"file_row_number BETWEEN {low} AND {high}"
        f" AND file_row_number IN (SELECT unnest(CAST({wanted} AS BIGINT[])))"
    )


def event_of(columns: Sequence[str], values: Sequence[Any]) -> Event:
    """Make an event of a row; times are microseconds since 1970."""
    row: dict[str, Any] = {
        name: time_at(value) if name in _SELECTED else value
        for name, value in zip(columns, values, strict=True)
        if value is not None
    }
    time, computer, event_id = row.pop("time"), row.pop("computer"), row.pop("event_id")
    other: Mapping[str, str] = row.pop("other", {})
    return Event(time=time, computer=computer, event_id=event_id, values=row, other=other)


def _read_footer(file: str) -> list[_Group]:
    with file_errors(file):
        footer = pq.read_metadata(file)
        groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
        ends = accumulate(group.num_rows for group in groups)
        return [_Group(end, used_columns(group)) for end, group in zip(ends, groups, strict=True)]


def used_columns(group: Any) -> frozenset[str]:
    """Return the columns that have values in a group of rows, as far as its file says."""
    chunks = (group.column(number) for number in range(group.num_columns))
    return frozenset(
        chunk.path_in_schema.partition(".")[0]
        for chunk in chunks
        if chunk.statistics is None
        or not chunk.statistics.has_null_count
        or chunk.statistics.null_count < chunk.num_values
    )


@contextmanager
def file_errors(file: str) -> Iterator[None]:
    """Turn errors of reading a file of the store into this program's."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileGone(
            f"The store's file {file} is gone. `sysmonsearch store verify` lists all that are."
        ) from error
    except OSError as error:
        raise StoreUnavailable(f"The store's file {file} cannot be read now: {error}. Try again.") from error
    except pa.ArrowInvalid as error:
        raise StoreDamaged(
            f"The store's file {file} is damaged: {error}. `sysmonsearch store verify` names all that are."
        ) from error
