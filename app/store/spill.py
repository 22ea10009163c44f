"""Rows that wait on the disk in heaps: what keeps the memory of a merge small."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Final, Self

import pyarrow as pa

_OPTIONS: Final = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)


class Spill:
    """Tables by heap, in a nameless file that goes with the process that made it.

    The tables of a heap may differ in their columns.
    """

    def __init__(self, folder: Path) -> None:
        self._file = TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed by ``__exit__``
        self._places: defaultdict[int | None, list[tuple[int, int]]] = defaultdict(list)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def put(self, heap: int | None, table: pa.Table) -> None:
        """Add rows to a heap."""
        buffer = pa.BufferOutputStream()
        with pa.ipc.new_stream(buffer, table.schema, options=_OPTIONS) as writer:
            writer.write_table(table)
        content = buffer.getvalue()
        self._places[heap].append((self._file.seek(0, 2), content.size))
        rest = memoryview(content)
        while rest:
            rest = rest[self._file.write(rest) :]

    def heaps(self) -> list[int | None]:
        """Return the heaps that have rows: those with numbers ascending, then the one without."""
        return sorted(self._places, key=lambda heap: (heap is None, heap))

    def take(self, heap: int | None) -> list[pa.Table]:
        """Return the tables of a heap as they were put."""
        tables = []
        for start, size in self._places.pop(heap):
            self._file.seek(start)
            with pa.ipc.open_stream(pa.py_buffer(self._file.read(size))) as reader:
                tables.append(reader.read_all())
        return tables
