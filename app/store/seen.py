"""What value summaries say of single values: in memory, to be looked up by the hundred.

A page shows how rare each of its values is. Reading all rows of a column for that, to
compare texts in any case, would take longer than all else on the page; so what a summary
says of a column is kept once read, by the hash of each value in lower case: a few bytes an
event, and no texts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.layouts.values import hashes_of
from app.store.summary import read_columns
from app.sysmon.arrays import codes_of, integers_of, one_chunk
from app.sysmon.fields import HASH_COLUMNS
from app.sysmon.text import fold

UNKNOWN: Final = -1
"""The code of a computer that a summary does not name."""

_LIMIT: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class Seen:
    """What one summary says of one column; ``starts`` are places in ``computers``."""

    hashes: NDArray[np.int64]
    counts: NDArray[np.int64]
    firsts: NDArray[np.int64]
    lasts: NDArray[np.int64]
    starts: NDArray[np.int64]
    computers: NDArray[np.int32]

    @property
    def nbytes(self) -> int:
        arrays = (self.hashes, self.counts, self.firsts, self.lasts, self.starts, self.computers)
        return sum(array.nbytes for array in arrays)

    def places(self, hashes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where each of these hashes stands; -1: nowhere."""
        if not len(self.hashes):
            return np.full(len(hashes), -1)
        places = np.searchsorted(self.hashes, hashes)
        places[places == len(self.hashes)] = 0
        return np.where(self.hashes[places] == hashes, places, -1)


@dataclass(slots=True)
class SeenValues:
    """Reads summaries and keeps what they say; the least recently used is let go.

    Computers have codes, given out as they are met.
    """

    limit: int = _LIMIT
    _kept: OrderedDict[tuple[str, str], Seen] = field(default_factory=OrderedDict, init=False)
    _bytes: int = field(default=0, init=False)
    _codes: dict[str, int] = field(default_factory=dict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def of(self, path: Path, column: str) -> Seen:
        """Return what the summary in a file says of a column of events."""
        key = (path.name, column)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        seen = self._read(path, column)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = seen
                self._bytes += seen.nbytes
            while self._bytes > self.limit and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return seen

    @property
    def is_full(self) -> bool:
        """Whether more would push out what is kept."""
        return self._bytes > self.limit * 3 // 4

    def codes(self, computers: Iterable[str | None]) -> list[int]:
        """Return the codes of computers, by their names in any case."""
        with self._lock:
            return [
                UNKNOWN if name is None else self._codes.setdefault(fold(name), len(self._codes))
                for name in computers
            ]

    def _read(self, path: Path, column: str) -> Seen:
        parts = []
        for name, keys in _SOURCES.get(column, {column: fold}).items():
            rows = [part for _, part in read_columns(path, name)]
            if rows:
                parts.append(self._hashed(pa.concat_tables(rows), keys))
        return _summed(parts)

    def _hashed(self, rows: pa.Table, key_of: Callable[[str], str | None]) -> tuple[NDArray[np.int64], ...]:
        """Return hash, count, first, last and computer of the rows whose value has a key."""
        values, computers = (_encoded(rows[name]) for name in ("value", "computer"))
        keys = [key_of(value) for value in values.dictionary.to_pylist()]
        hashes = np.fromiter(map(hash, keys), np.int64, len(keys))
        codes = codes_of(values)
        wanted = np.fromiter((key is not None for key in keys), np.bool_, len(keys))[codes]
        of_names = np.array([*self.codes(computers.dictionary.to_pylist()), UNKNOWN])
        numbers = (integers_of(one_chunk(rows[name]), 0) for name in ("count", "first", "last"))
        columns = (hashes[codes], *numbers, of_names[codes_of(computers)])
        return tuple(column[wanted] for column in columns)


def hashes_in_order(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return the hashes by which values are looked up; they hold for this process only."""
    return np.fromiter((hash(fold(text)) for text in texts), np.int64, len(texts))


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    array = one_chunk(column)
    return array if pa.types.is_dictionary(array.type) else array.dictionary_encode()


def _hash_in(place: int, text: str) -> str | None:
    found = hashes_of(text)[place]
    return None if found is None else fold(found)


#: Column of a split hash -> the columns whose texts hold it, and how it is taken from them.
_SOURCES: Final[Mapping[str, Mapping[str, Callable[[str], str | None]]]] = {
    column: dict.fromkeys(("hashes", "hash"), partial(_hash_in, place))
    for place, column in enumerate(HASH_COLUMNS)
}


def _summed(parts: Sequence[tuple[NDArray[np.int64], ...]]) -> Seen:
    """Add up rows of hash, count, first, last and computer."""
    empty = (np.empty(0, np.int64),) * 5
    columns = (np.concatenate(some) for some in zip(empty, *parts, strict=True))
    hashes, counts, firsts, lasts, computers = columns
    if not len(hashes):
        return Seen(hashes, counts, firsts, lasts, np.zeros(1, np.int64), computers.astype(np.int32))
    order = np.argsort(hashes, kind="stable")
    hashes = hashes[order]
    starts = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]]))
    return Seen(
        hashes[starts],
        np.add.reduceat(counts[order], starts),
        np.minimum.reduceat(firsts[order], starts),
        np.maximum.reduceat(lasts[order], starts),
        np.append(starts, len(hashes)),
        computers[order].astype(np.int32),
    )
