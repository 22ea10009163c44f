"""Comparing two stores: is every event of the one in the other?

The keys of both are written to the disk as 64-bit numbers, in parts by their first bits, so that
equal keys meet in one part and memory does not grow with the stores.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.store.files import disk_errors
from app.store.port import EventStore, StoredColumns
from app.sysmon.arrays import codes_of, integers_of, one_chunk
from app.sysmon.batch import IDENTITY_COLUMNS, events_of, identities_of

EXAMPLES: Final = 20
"""So many missing events are named."""

_BITS: Final = 6
_GLANCE_SECONDS: Final = 2.0
_ROW: Final = np.dtype([("identity", np.uint64), ("kind", np.int32)])

_Rows = NDArray[Any]
_Kind = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """Events of one ID on one computer: how many each side has, and how many only one has."""

    computer: str
    event_id: int
    source: int
    target: int
    missing: int
    more: int


@dataclass(frozen=True, slots=True)
class Compared:
    """What two stores have: events, each counted once, however often it lies there.

    ``missing`` are in the source only (``examples``: keys of some), ``more`` in the target only.
    ``repeated`` are further copies of an event that the source holds.
    """

    source: int
    target: int
    missing: int
    more: int
    repeated: int
    differences: tuple[Difference, ...]
    examples: tuple[str, ...]


@dataclass(slots=True)
class _Kinds:
    """Numbers for pairs of computer and event ID, the same for both sides."""

    numbers: dict[_Kind, int] = field(default_factory=dict)

    def of(self, table: pa.Table) -> NDArray[np.int32]:
        """Return the number of each row."""
        computers = one_chunk(table["computer"])
        if not pa.types.is_dictionary(computers.type):
            computers = computers.dictionary_encode()
        names = pc.utf8_lower(computers.dictionary).to_pylist()
        event_ids = integers_of(one_chunk(table["event_id"]), 0)
        pairs = np.stack([codes_of(computers).astype(np.int64), event_ids])
        distinct, rows = np.unique(pairs, axis=1, return_inverse=True)
        known = [
            self.numbers.setdefault((names[code], int(event_id)), len(self.numbers))
            for code, event_id in distinct.T.tolist()
        ]
        return np.array(known, np.int32)[rows.reshape(-1)]


@dataclass(slots=True)
class _Keys:
    """The keys of one side in files, each with those that begin alike."""

    files: Sequence[BinaryIO]
    kinds: _Kinds
    rows: int = 0

    def add(self, table: pa.Table) -> None:
        """Take the keys of a chunk."""
        rows = np.empty(table.num_rows, _ROW)
        rows["identity"], rows["kind"] = identities_of(table), self.kinds.of(table)
        parts = (rows["identity"] >> np.uint64(64 - _BITS)).astype(np.int64)
        order = np.argsort(parts, kind="stable")
        ends = np.searchsorted(parts[order], np.arange(2**_BITS + 1))
        for number, file in enumerate(self.files):
            file.write(rows[order[ends[number] : ends[number + 1]]].tobytes())
        self.rows += len(rows)

    def part(self, number: int) -> _Rows:
        """Return the keys of a part, each once."""
        file = self.files[number]
        file.seek(0)
        rows = np.frombuffer(file.read(), _ROW)
        return rows[np.unique(rows["identity"], return_index=True)[1]]


@contextmanager
def _keeping(folder: Path) -> Iterator[tuple[_Keys, _Keys]]:
    """Yield room for the keys of source and target; what was written is removed at the end."""
    with ExitStack() as leaving, disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        inner = Path(leaving.enter_context(TemporaryDirectory(dir=folder, prefix="keys-")))
        kinds = _Kinds()

        def room(side: str) -> _Keys:
            paths = [inner / f"{side}-{number}" for number in range(2**_BITS)]
            return _Keys([leaving.enter_context(path.open("w+b")) for path in paths], kinds)

        yield room("source"), room("target")


def compare(
    source: EventStore,
    target: EventStore,
    folder: Path,
    *,
    until: int | None = None,
    patience: float = 0.0,
    on_read: Callable[[int], None] | None = None,
) -> Compared:
    """Compare the source, up to a batch, with the target; ``folder`` takes 12 bytes an event meanwhile.

    The source is read first, so what is copied meanwhile is not missed. ``patience``: so many
    seconds are waited where a batch of the target that is being written stands before others. Its
    writer may have been killed, and whoever reads in order waits until that is sure.
    """
    say = on_read or (lambda _rows: None)
    with _keeping(folder) as (ours, theirs):
        for found in source.batches(0, IDENTITY_COLUMNS, until):
            ours.add(found.table)
            say(ours.rows)
        for found in _all_of(target, patience):
            theirs.add(found.table)
            say(ours.rows + theirs.rows)
        counts, wanted = _counted(ours, theirs)
        rows = ours.rows
    has_source, has_target, missing, more = counts.sum(axis=0, dtype=np.int64).tolist()
    return Compared(
        source=has_source,
        target=has_target,
        missing=missing,
        more=more,
        repeated=rows - has_source,
        differences=tuple(_differences(counts, ours.kinds.numbers)),
        examples=tuple(_examples(source, wanted, until)),
    )


def _all_of(store: EventStore, patience: float) -> Iterator[StoredColumns]:
    """Yield what is stored by now."""
    newest, through, ends = store.info().newest_batch, 0, monotonic() + patience
    while True:
        for found in store.batches(through, IDENTITY_COLUMNS):
            yield found
            through = found.through
        if through >= newest or monotonic() >= ends:
            return
        sleep(_GLANCE_SECONDS)


def _counted(ours: _Keys, theirs: _Keys) -> tuple[NDArray[np.int64], _Rows]:
    """Return source, target, missing and more of each kind, and some of the missing numbers."""
    kinds = len(ours.kinds.numbers)
    counts = np.zeros((kinds, 4), np.int64)
    wanted = np.empty(0, np.uint64)
    for number in range(2**_BITS):
        one, other = ours.part(number), theirs.part(number)
        missing = one[~np.isin(one["identity"], other["identity"], assume_unique=True)]
        more = other[~np.isin(other["identity"], one["identity"], assume_unique=True)]
        for column, rows in enumerate((one, other, missing, more)):
            counts[:, column] += np.bincount(rows["kind"], minlength=kinds)
        wanted = np.concatenate([wanted, missing["identity"]])[:EXAMPLES]
    return counts, wanted


def _differences(counts: NDArray[np.int64], numbers: Mapping[_Kind, int]) -> Iterator[Difference]:
    for (computer, event_id), number in sorted(numbers.items()):
        source, target, missing, more = counts[number].tolist()
        if missing or more:
            yield Difference(computer, event_id, source, target, missing, more)


def _examples(source: EventStore, wanted: _Rows, until: int | None) -> list[str]:
    """Return the keys that belong to these numbers: the source is read again, until all are found."""
    found: dict[int, str] = defaultdict(str)
    if not len(wanted):
        return []
    for chunk in source.batches(0, ("time", *IDENTITY_COLUMNS), until):
        identities = identities_of(chunk.table)
        rows = np.flatnonzero(np.isin(identities, wanted))
        for row, event in zip(rows.tolist(), events_of(chunk.table.take(pa.array(rows))), strict=True):
            found[int(identities[row])] = str(event.key)
        if len(found) == len(wanted):
            break
    return sorted(found.values())
