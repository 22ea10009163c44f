"""Many events as columns: how they travel into a store and out of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.sysmon.arrays import codes_of, integers_of, one_chunk
from app.sysmon.events import Event
from app.sysmon.fields import COLUMN_TYPES, FieldType

TEXT: Final = pa.dictionary(pa.int32(), pa.string())
TIME: Final = pa.timestamp("us", tz="UTC")
OTHER: Final = pa.map_(pa.string(), pa.string())

_ARROW_TYPES: Final = {
    FieldType.TEXT: TEXT,
    FieldType.GUID: TEXT,
    FieldType.INTEGER: pa.int64(),
    FieldType.TIME: TIME,
}
_REQUIRED: Final = frozenset({"time", "computer", "event_id"})

SCHEMA: Final[pa.Schema] = pa.schema(
    [
        pa.field(column, _ARROW_TYPES[type_], nullable=column not in _REQUIRED)
        for column, type_ in COLUMN_TYPES.items()
    ]
    + [pa.field("content_hash", pa.int64()), pa.field("other", OTHER)]
)
"""The columns of every batch, in this order. Texts are dictionaries of int32 codes.

``content_hash`` is filled only where ``record_id`` is not: together with computer, event
ID and UtcTime it is what tells two such events apart.
"""

#: Columns that say how a record travelled, not what happened: no part of the content.
_ENVELOPE: Final = frozenset(
    {
        "time",
        "utc_time",
        "computer",
        "event_id",
        "record_id",
        "event_version",
        "channel",
        "level",
        "content_hash",
        "other",
        "md5",
        "sha1",
        "sha256",
        "imphash",
    }
)

#: The name under which ``clocks`` enter the content hash; no column has it.
_CLOCK: Final = "clock"


@dataclass(frozen=True, slots=True, eq=False)
class EventBatch:
    """Events in columns: a table with exactly ``SCHEMA``, each column in one chunk."""

    table: pa.Table

    def __post_init__(self) -> None:
        if not self.table.schema.equals(SCHEMA):
            raise ValueError("an EventBatch has exactly the columns of batch.SCHEMA")

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @classmethod
    def from_columns(
        cls, columns: Mapping[str, pa.Array], rows: int, clocks: pa.Array | None = None
    ) -> EventBatch:
        """Make a batch of ``rows`` rows; columns that are not given are missing in all.

        ``content_hash`` is computed here for every row without ``record_id``, unless it is
        given: events that were stored keep theirs. ``clocks`` are record times (int64, any
        unit or zone, null: none) that are not worth being ``time`` but tell events apart.
        """
        arrays = {
            field.name: columns[field.name] if field.name in columns else pa.nulls(rows, field.type)
            for field in SCHEMA
        }
        arrays["content_hash"] = _content_hashes(arrays, rows, clocks)
        return cls(pa.Table.from_arrays(list(arrays.values()), schema=SCHEMA))

    @classmethod
    def from_events(cls, events: Iterable[Event]) -> EventBatch:
        """Make a batch of event objects: for tests and small amounts."""
        rows = [
            {
                **event.values,
                "time": event.time,
                "computer": event.computer,
                "event_id": event.event_id,
                "other": list(event.other.items()) or None,
            }
            for event in events
        ]
        filled = set().union(*rows)
        columns = {
            field.name: pa.array([row.get(field.name) for row in rows], _plain(field.type)).cast(field.type)
            for field in SCHEMA
            if field.name in filled
        }
        return cls.from_columns(columns, len(rows))

    @classmethod
    def concat(cls, batches: Iterable[EventBatch]) -> EventBatch:
        """Join batches, dictionaries included."""
        tables = [batch.table for batch in batches]
        if len(tables) == 1:
            return cls(tables[0])
        joined = pa.concat_tables(tables).unify_dictionaries() if tables else SCHEMA.empty_table()
        return cls(joined.combine_chunks())

    def take(self, rows: NDArray[np.int64]) -> EventBatch:
        """Return the rows with these numbers, in this order."""
        return EventBatch(self.table.take(pa.array(rows)).combine_chunks())

    def events(self) -> Iterator[Event]:
        """Yield the rows as event objects."""
        return events_of(self.table)

    def identities(self) -> NDArray[np.uint64]:
        """Return a 64-bit number per row, equal for rows with equal event keys."""
        return identities_of(self.table)


def _plain(type_: pa.DataType) -> pa.DataType:
    return type_.value_type if pa.types.is_dictionary(type_) else type_


IDENTITY_COLUMNS: Final = ("computer", "event_id", "utc_time", "record_id", "content_hash")


def identities_of(table: pa.Table) -> NDArray[np.uint64]:
    """Return ``EventBatch.identities`` of any table that has ``IDENTITY_COLUMNS``.

    Two different events share a number once in 2^64 pairs: about one chance in four
    million for all pairs among three million events of one computer.
    """
    columns = {name: one_chunk(table[name]) for name in IDENTITY_COLUMNS}
    computers = columns["computer"]
    if not pa.types.is_dictionary(computers.type):
        computers = computers.dictionary_encode()
    folded = pc.utf8_lower(computers.dictionary).to_pylist()
    names = np.array([_hash("computer", name) for name in folded] or [0], np.uint64)
    number = _mix(names[codes_of(computers)])
    number = _mix(number + _integers(columns["event_id"]))
    # Layouts differ below the millisecond, which is as fine as Sysmon writes UtcTime.
    number = _mix(number + _integers(columns["utc_time"], divide=1000))
    record = _integers(columns["record_id"])
    has_record = columns["record_id"].is_valid().to_numpy(zero_copy_only=False)
    content = _mix(_integers(columns["content_hash"]) ^ np.uint64(0x5851F42D4C957F2D))
    return _mix(number + np.where(has_record, record, content))


def events_of(table: pa.Table) -> Iterator[Event]:
    """Yield the rows of a table with columns of ``SCHEMA`` (some may be left out) as events."""
    columns = {name: table[name].to_pylist() for name in table.column_names if name in SCHEMA.names}
    times, computers, ids = (columns.pop(name) for name in ("time", "computer", "event_id"))
    others = columns.pop("other", [None] * table.num_rows)
    filled = [(name, values) for name, values in columns.items() if any(v is not None for v in values)]
    for row in range(table.num_rows):
        yield Event(
            time=times[row],
            computer=computers[row],
            event_id=ids[row],
            values={name: values[row] for name, values in filled if values[row] is not None},
            other=dict(others[row] or ()),
        )


def _integers(array: pa.Array, divide: int = 1) -> NDArray[np.uint64]:
    """Return integers or times as 64-bit patterns; nulls are one odd number."""
    numbers = integers_of(array, -(2**62) - 1)
    return (numbers // divide if divide > 1 else numbers).view(np.uint64)


def _mix(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the finaliser of splitmix64 (Steele, Lea, Flood: OOPSLA 2014) of each number."""
    x = numbers + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _hash(column: str, text: str) -> int:
    digest = blake2b(f"{column}\0{text}".encode(), digest_size=8)
    return int.from_bytes(digest.digest(), "little")


def _content_hashes(arrays: Mapping[str, pa.Array], rows: int, clocks: pa.Array | None) -> pa.Array:
    """Hash what each event says, where it has no record number; null elsewhere.

    The hash is a sum over the filled columns, so neither their order nor a column that
    a later version adds changes it.
    """
    wanted = arrays["record_id"].is_null().to_numpy(zero_copy_only=False)
    if not wanted.any():
        return pa.nulls(rows, pa.int64())
    total = np.zeros(rows, np.uint64)
    for name, array in (*arrays.items(), (_CLOCK, clocks)):
        if name not in _ENVELOPE and array is not None and array.null_count < rows:
            # Most columns are of few events: only their rows are touched.
            filled = np.flatnonzero(wanted & array.is_valid().to_numpy(zero_copy_only=False))
            total[filled] += _column_hashes(name, array, filled)
    total += _other_hashes(arrays["other"], rows)
    hashes = pa.array(_mix(total).view(np.int64), mask=~wanted)
    return pc.if_else(pa.array(wanted), pc.coalesce(arrays["content_hash"], hashes), None)


def _column_hashes(name: str, array: pa.Array, filled: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the hashes of the values in the rows ``filled``; none of them is null."""
    if not pa.types.is_dictionary(array.type):
        return _mix(_integers(array)[filled] ^ np.uint64(_hash(name, "")))
    codes = codes_of(array)[filled]
    is_used = np.zeros(len(array.dictionary), np.bool_)
    is_used[codes] = True
    used = np.flatnonzero(is_used)
    hashes = np.zeros(len(array.dictionary), np.uint64)
    for code, text in zip(used, array.dictionary.take(pa.array(used)).to_pylist(), strict=True):
        hashes[code] = _hash(name, text)
    return hashes[codes]


def _other_hashes(other: pa.Array, rows: int) -> NDArray[np.uint64]:
    sums = np.zeros(rows, np.uint64)
    if other.null_count < rows:
        for row, pairs in enumerate(other.to_pylist()):
            # Keys are unsorted, so the order of fields in a record must not matter either.
            sums[row] = sum(_hash(f"other.{key}", text) for key, text in pairs or ()) % 2**64
    return sums
