"""Copying all events of one store into another, in order of storing.

A copy that was stopped or killed goes on where it was: how far it came is in a file below the
data folder, written after the events are stored. Adding is the same however often it is done,
so what was added just before a kill is not doubled.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from threading import Event as Flag
from typing import Final

import orjson
import pyarrow as pa

from app.store.files import disk_errors
from app.store.port import EventStore
from app.store.sides import Side
from app.sysmon.arrays import one_chunk
from app.sysmon.batch import SCHEMA, EventBatch

BATCH_ROWS: Final = 100_000
"""So many events at most become one batch of the target."""

_TIDY_EVERY: Final = 10
_COLUMNS: Final = tuple(SCHEMA.names)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a copy came: the source's batches up to ``through`` are stored in the target.

    ``read`` and ``added`` count events since the copy began anew. ``there`` is the newest batch
    that the target had then: one whose newest is older was emptied or replaced.
    """

    through: int = 0
    read: int = 0
    added: int = 0
    there: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """What a copy has done, of about ``total`` events."""

    read: int
    total: int


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy did: ``mark`` says it of the whole copy, ``read`` and ``added`` of this run.

    Not ``complete``: it was stopped. ``left_out``: the source has newer events, which were too
    new to be read or came meanwhile.
    """

    mark: Mark
    read: int
    added: int
    resumed: bool
    complete: bool
    left_out: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """The file that keeps the mark of a copy from one store to another."""

    folder: Path
    source: Side
    target: Side

    @property
    def path(self) -> Path:
        """Where the file is: a copy between the same two stores has the same."""
        parts = [self.source.identity, self.source.name.rpartition("/")[2], self.target.identity]
        return self.folder / "copies" / f"{sha256(orjson.dumps(parts)).hexdigest()[:16]}.json"

    def read(self) -> Mark:
        """Return the mark; that of a copy that has not begun where there is none, or no whole one."""
        with disk_errors(self.folder), suppress(FileNotFoundError, orjson.JSONDecodeError, KeyError):
            found = orjson.loads(self.path.read_bytes())
            return Mark(**{name: int(found[name]) for name in asdict(Mark())})
        return Mark()

    def write(self, mark: Mark) -> None:
        """Keep a mark, in place of the one before."""
        said = {"from": self.source.name, "to": self.target.name, **asdict(mark)}
        draft = self.path.with_suffix(f".{os.getpid()}")
        with disk_errors(self.folder):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(orjson.dumps(said, option=orjson.OPT_INDENT_2))
            draft.replace(self.path)


@dataclass(slots=True)
class Copy:
    """One copy from a store to another."""

    kept: Kept
    source: EventStore
    target: EventStore
    on_progress: Callable[[Progress], None] | None = None
    stop: Flag = field(default_factory=Flag)

    def run(self, *, anew: bool = False) -> Copied:
        """Copy what the source had when this began, from where an earlier run ended.

        ``anew``: from the beginning. ``stop`` set: what was read is stored first, and the copy is
        not complete.
        """
        info, there = self.source.info(), self.target.info().newest_batch
        begun = Mark() if anew else self.kept.read()
        if begun.there > there or begun.through > info.newest_batch:
            begun = Mark()  # One of the stores is not the one that it was.
        mark, complete = replace(begun, there=there), True
        for number, found in enumerate(self.source.batches(begun.through, _COLUMNS), 1):
            mark = self._take(found.table, found.through, mark)
            self._say(mark, info.events)
            if number % _TIDY_EVERY == 0:
                self.target.tidy()
            if self.stop.is_set():
                complete = False
                break
        self.target.tidy()
        newest = self.source.info().newest_batch
        known = mark.through if self.kept.source.has_margin else max(mark.through, info.newest_batch)
        return Copied(
            mark=mark,
            read=mark.read - begun.read,
            added=mark.added - begun.added,
            resumed=begun.through > 0,
            complete=complete,
            left_out=newest > known,
        )

    def _take(self, table: pa.Table, through: int, mark: Mark) -> Mark:
        """Store a chunk of the source, and then keep how far that is."""
        added, there = 0, mark.there
        for batch in batches_of(table):
            done = self.target.add(batch, f"copy of {self.kept.source.name}")
            added += done.added
            there = max(there, done.batch or 0)
        mark = Mark(through, mark.read + table.num_rows, mark.added + added, there)
        self.kept.write(mark)
        return mark

    def _say(self, mark: Mark, total: int) -> None:
        if self.on_progress is not None:
            self.on_progress(Progress(mark.read, max(total, mark.read)))


def batches_of(table: pa.Table) -> Iterator[EventBatch]:
    """Yield the rows of stored columns as batches, in the same order."""
    for first in range(0, table.num_rows, BATCH_ROWS):
        rows = table.slice(first, BATCH_ROWS)
        arrays = [one_chunk(rows[column.name]).cast(column.type) for column in SCHEMA]
        yield EventBatch(pa.Table.from_arrays(arrays, schema=SCHEMA))
