"""Indexes of GUIDs: in which rows of a segment each process stands.

A graph asks about tens of processes at once, and Bloom filters let most row groups through
then. So beside a segment stands a file that names, for each column of GUIDs, its values in
order and the numbers of their rows: 3 to 4 bytes an event. It only says what the events say;
where it is missing or damaged, they are read instead.

The file is Arrow's, one record batch a column, and ends with a checksum of all before it.
Row numbers are written as differences, seven bits a byte.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.sysmon.arrays import codes_of, one_chunk

GUID_COLUMNS: Final = ("process_guid", "parent_process_guid", "target_process_guid")
"""The columns that are indexed: those by which graphs and pages ask."""

LEAST_ROWS: Final = 5_000
"""A smaller segment is read as quickly as its index would be."""

_SCHEMA: Final = pa.schema([pa.field("guid", pa.binary(16)), pa.field("rows", pa.binary())])
_COLUMNS_KEY: Final = b"columns"
_DIGEST_BYTES: Final = 32
_LENGTH: Final = 36
_DASHES: Final = (8, 13, 18, 23)
_DIGITS: Final = np.array([place for place in range(_LENGTH) if place not in _DASHES])
_MORE: Final = 0x80
_NOT_HEXADECIMAL: Final = 0xFF

Keys = NDArray[np.bytes_]
"""GUIDs as 16 bytes each."""


@dataclass(slots=True)
class _Column:
    """What has been seen of a column: the values of each part, and a code for each of its rows."""

    keys: list[Keys]
    codes: list[NDArray[np.int64]]
    seen: int = 0


class GuidRows:
    """Gathers the GUIDs of a segment's rows in the order in which they are written."""

    def __init__(self) -> None:
        self._rows = 0
        self._columns = {column: _Column([], []) for column in GUID_COLUMNS}

    def see(self, table: pa.Table) -> None:
        """Take note of the next rows."""
        for name, column in list(self._columns.items()):
            values = one_chunk(table[name])
            keys = keys_of(values.dictionary)
            if keys is None:
                # What is no GUID cannot be found by one: this column goes without an index.
                del self._columns[name]
                continue
            codes = codes_of(values).astype(np.int64)
            column.codes.append(np.where(codes < 0, -1, codes + column.seen))
            column.keys.append(keys)
            column.seen += len(keys)
        self._rows += len(table)

    def write(self, path: Path) -> None:
        """Write the index; ``path`` is there already."""
        schema = _SCHEMA.with_metadata({_COLUMNS_KEY: " ".join(self._columns).encode()})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, schema) as writer:
            for column in self._columns.values():
                writer.write_batch(_batch(column))
        content = sink.getvalue()
        path.write_bytes(content.to_pybytes() + blake2b(content, digest_size=_DIGEST_BYTES).digest())


class GuidIndex:
    """The index of one segment, in place on the disk."""

    def __init__(self, path: Path) -> None:
        """Open an index; raise FileNotFoundError, or ValueError where it is damaged."""
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if digest(content) != content[-_DIGEST_BYTES:]:
            raise ValueError(f"{path} is not as it was written")
        reader = pa.ipc.open_file(pa.py_buffer(content).slice(0, len(content) - _DIGEST_BYTES))
        names = reader.schema.metadata[_COLUMNS_KEY].decode().split()
        self._columns = {name: _InPlace.of(reader.get_batch(place)) for place, name in enumerate(names)}

    def rows(self, column: str, keys: Keys) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
        """Return the rows that have one of these GUIDs, and for each the place of its GUID in ``keys``.

        None: the column has no index.
        """
        found = self._columns.get(column)
        return None if found is None else found.rows(keys)


def digest(content: mmap.mmap | bytes) -> bytes:
    """Return the checksum with which an index of this content should end."""
    return blake2b(memoryview(content)[:-_DIGEST_BYTES], digest_size=_DIGEST_BYTES).digest()


def is_sound(path: Path) -> bool:
    """Tell whether an index is as it was written; raise FileNotFoundError where there is none."""
    content = path.read_bytes()
    return digest(content) == content[-_DIGEST_BYTES:]


@dataclass(frozen=True, slots=True)
class _InPlace:
    """One column of an index: its GUIDs in order, and where the row numbers of each stand."""

    keys: Keys
    offsets: NDArray[np.int32]
    numbers: NDArray[np.uint8]

    @classmethod
    def of(cls, batch: pa.RecordBatch) -> _InPlace:
        _, keys = batch.column(0).buffers()
        _, offsets, numbers = batch.column(1).buffers()
        size = len(batch)
        return cls(
            np.frombuffer(keys, "S16", size) if size else np.empty(0, "S16"),
            np.frombuffer(offsets, np.int32, size + 1) if size else np.zeros(1, np.int32),
            np.frombuffer(numbers, np.uint8) if size else np.empty(0, np.uint8),
        )

    def rows(self, keys: Keys) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        places = np.searchsorted(self.keys, keys)
        places[places == len(self.keys)] = 0
        wanted = np.flatnonzero(self.keys[places] == keys) if len(self.keys) else np.empty(0, np.int64)
        parts = [_decoded(self.numbers[self.offsets[at] : self.offsets[at + 1]]) for at in places[wanted]]
        if not parts:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return np.concatenate(parts), np.repeat(wanted, [len(part) for part in parts])


def key_of(guid: str) -> bytes:
    """Return a GUID, as it is stored, as 16 bytes."""
    return bytes.fromhex(guid.replace("-", ""))


def keys_of(guids: pa.Array) -> Keys | None:
    """Return texts as 16 bytes each; None where one is no GUID as it is stored."""
    size = len(guids)
    if not size:
        return np.empty(0, "S16")
    lengths = np.diff(np.frombuffer(guids.buffers()[1], np.int32, size + 1, 4 * guids.offset))
    if guids.null_count or (lengths != _LENGTH).any():
        return None
    first = int(np.frombuffer(guids.buffers()[1], np.int32, 1, 4 * guids.offset)[0])
    text = np.frombuffer(guids.buffers()[2], np.uint8, size * _LENGTH, first).reshape(size, _LENGTH)
    digits = _NIBBLES[text[:, _DIGITS]]
    if (text[:, _DASHES] != ord("-")).any() or (digits == _NOT_HEXADECIMAL).any():
        return None
    packed = np.ascontiguousarray(digits[:, 0::2] << 4 | digits[:, 1::2])
    return packed.view("S16").reshape(size)


def _nibbles() -> NDArray[np.uint8]:
    table = np.full(256, _NOT_HEXADECIMAL, np.uint8)
    for value, digit in enumerate(b"0123456789abcdef"):
        table[digit] = value
    return table


_NIBBLES: Final = _nibbles()


def _batch(column: _Column) -> pa.RecordBatch:
    """Return the GUIDs of a column in order, each with the rows that have it."""
    codes = np.concatenate([np.empty(0, np.int64), *column.codes])
    keys, of_each = np.unique(np.concatenate([np.empty(0, "S16"), *column.keys]), return_inverse=True)
    rows = np.flatnonzero(codes >= 0)
    of_rows = of_each[codes[rows]]
    order = np.argsort(of_rows, kind="stable")
    rows, of_rows = rows[order], of_rows[order]
    starts = np.flatnonzero(
        np.concatenate([np.ones(min(1, len(rows)), np.bool_), of_rows[1:] != of_rows[:-1]])
    )
    keys = keys[of_rows[starts]]  # Those in dictionaries that no row has are left out.
    encoded, ends = _encoded(rows, starts)
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    return pa.RecordBatch.from_arrays(
        [
            pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(16), len(keys), [None, pa.py_buffer(keys.tobytes())]
            ),
            pa.BinaryArray.from_buffers(
                pa.binary(),
                len(keys),
                [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(encoded.tobytes())],
            ),
        ],
        schema=_SCHEMA,
    )


def _encoded(
    rows: NDArray[np.int64], starts: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return lists of ascending numbers as bytes, and where each list ends."""
    if not len(rows):
        return np.empty(0, np.uint8), np.empty(0, np.int64)
    steps = np.diff(rows, prepend=0)
    steps[starts] = rows[starts]
    sizes = np.ones(len(steps), np.int64)
    for shift in (7, 14, 21, 28):
        sizes += steps >> shift > 0
    ends = np.cumsum(sizes)
    encoded = np.zeros(int(ends[-1]), np.uint8)
    for place in range(int(sizes.max())):
        some = sizes > place
        more = np.where(sizes[some] > place + 1, _MORE, 0)
        encoded[(ends - sizes)[some] + place] = (steps[some] >> 7 * place & 0x7F) | more
    return encoded, ends[np.append(starts[1:], len(rows)) - 1]


def _decoded(encoded: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the numbers of one list."""
    last = np.flatnonzero(encoded < _MORE)
    starts = np.concatenate([[0], last[:-1] + 1])
    places = np.arange(len(encoded)) - np.repeat(starts, last - starts + 1)
    parts = (encoded & 0x7F).astype(np.int64) << 7 * places
    return np.cumsum(np.add.reduceat(parts, starts))
