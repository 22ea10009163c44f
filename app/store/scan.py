"""Reading the store in order of storing, whatever compaction does meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.store.catalogue import Batch, Catalogue, Segment
from app.store.files import gone
from app.store.port import StoredColumns
from app.store.segments import SEGMENT_SCHEMA, open_segment

CHUNK_ROWS: Final = 262_144
"""About so many rows are read at once; a single batch may be longer."""

_ATTEMPTS: Final = 3


def scan(
    catalogue: Catalogue, after: int, until: int, columns: Sequence[str], chunk_rows: int = CHUNK_ROWS
) -> Iterator[StoredColumns]:
    """Yield the rows of batches with ``after < number <= until``, about ``chunk_rows`` at once.

    Compaction moves rows to other files and leaves their batch numbers as they are. So
    where a file is gone, the catalogue is read again, and reading goes on behind what has
    been yielded.
    """
    failures = 0
    while after < until:
        segments = catalogue.live()
        try:
            for first, last in _spans(catalogue.batches(after, until), chunk_rows):
                table = _read(segments, first, last, columns)
                after = last
                failures = 0
                if len(table):
                    yield StoredColumns(table, last)
            after = until
        except FileNotFoundError as error:
            failures += 1
            if failures == _ATTEMPTS:
                raise gone(catalogue, error) from error


def _spans(batches: Sequence[Batch], chunk_rows: int) -> Iterator[tuple[int, int]]:
    """Yield first and last number of the batches that are read at once."""
    rows = 0

    def span_of(batch: Batch) -> int:
        nonlocal rows
        rows += batch.rows
        return (rows - 1) // chunk_rows

    for _, some in groupby(batches, span_of):
        numbers = [batch.number for batch in some]
        yield numbers[0], numbers[-1]


def _read(segments: Sequence[Segment], first: int, last: int, columns: Sequence[str]) -> pa.Table:
    parts = [
        part
        for segment in sorted(segments, key=lambda segment: segment.min_batch)
        if segment.min_batch <= last and segment.max_batch >= first
        for part in _parts(segment, first, last, list(columns))
    ]
    schema = pa.schema([SEGMENT_SCHEMA.field(column) for column in (*columns, "batch")])
    table = pa.concat_tables([schema.empty_table(), *parts])
    numbers = table["batch"].to_numpy()
    if (numbers[1:] >= numbers[:-1]).all():
        return table
    return table.unify_dictionaries().take(pa.array(np.argsort(numbers, kind="stable")))


def _parts(segment: Segment, first: int, last: int, columns: list[str]) -> Iterator[pa.Table]:
    """Yield the segment's rows of the batches ``first`` to ``last``, by row group."""
    with open_segment(segment.path) as file:
        for number in range(file.num_row_groups):
            if segment.min_batch == segment.max_batch:
                rows = file.metadata.row_group(number).num_rows
                numbers = pa.repeat(pa.scalar(segment.min_batch), rows)
                wanted = None
            else:
                numbers = file.read_row_group(number, columns=["batch"])["batch"]
                wanted = pc.and_(pc.greater_equal(numbers, first), pc.less_equal(numbers, last))
                if not pc.any(wanted).as_py():
                    continue
            table = file.read_row_group(number, columns=columns, use_threads=False).select(columns)
            table = table.append_column(SEGMENT_SCHEMA.field("batch"), numbers)
            yield table if wanted is None or pc.all(wanted).as_py() else table.filter(wanted)
