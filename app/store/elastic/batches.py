"""Reading the indices in order of storing, whole batches at a time.

Batches of our own have numbers. Documents that others write have the time at which they were
stored, as far as the index knows it: microseconds of ``event.ingested``, or of ``@timestamp``
where there is none. Both are microseconds since 1970, so one mark serves for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge
from time import time
from typing import Final

import numpy as np
import pyarrow as pa

from app.store.elastic.connection import Connection
from app.store.elastic.indices import Names
from app.store.elastic.numbers import Numbers
from app.store.elastic.places import Fields, Layout
from app.store.elastic.streams import OwnStream, Stream, foreign_streams
from app.store.port import StoredColumns
from app.sysmon.batch import SCHEMA

CHUNK_ROWS: Final = 50_000
"""About so many rows are read at once; a single batch may be longer."""

MARGIN: Final = 60 * 1_000_000
"""Documents of others are read when they are so old, in microseconds: what was stamped before
them may become visible after them."""


def read_batches(
    connection: Connection,
    fields: Fields,
    after: int,
    columns: Sequence[str],
    until: int | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> Iterator[StoredColumns]:
    """Yield what ``EventStore.batches`` promises; it never passes a batch that is being written."""
    unknown = sorted(set(columns) - set(SCHEMA.names))
    if unknown:
        raise ValueError(f"no columns of an event: {', '.join(unknown)}")
    names = Names(connection.address.prefix)
    streams: list[Stream] = [OwnStream(connection, names.events)]
    settled = None
    if fields.layouts - {Layout.OWN}:
        streams += foreign_streams(connection, fields)
        settled = int(time() * 1_000_000) - MARGIN
    newest = Numbers(connection, names).safe_until(settled)
    end = newest if until is None else min(until, newest)
    return _read(streams, after, end, list(columns), chunk_rows)


def _read(
    streams: Sequence[Stream], after: int, end: int, columns: Sequence[str], chunk_rows: int
) -> Iterator[StoredColumns]:
    for first, last in _spans(streams, after, end, chunk_rows):
        table = _in_order(pa.concat_tables([stream.read(first, last, columns) for stream in streams]))
        if len(table):
            yield StoredColumns(table, int(table["batch"][-1].as_py()))


def _spans(streams: Sequence[Stream], after: int, end: int, chunk_rows: int) -> Iterator[tuple[int, int]]:
    """Yield numbers ``(after, last)`` between which there are about ``chunk_rows`` documents."""
    rows, last = 0, after
    for number, count in merge(*(stream.plan(after, end) for stream in streams)):
        if rows and rows + count > chunk_rows:
            yield after, last
            after, rows = last, 0
        rows, last = rows + count, number
    if rows:
        yield after, last


def _in_order(table: pa.Table) -> pa.Table:
    numbers = table["batch"].to_numpy()
    if (numbers[1:] >= numbers[:-1]).all():
        return table
    return table.unify_dictionaries().take(pa.array(np.argsort(numbers, kind="stable")))
