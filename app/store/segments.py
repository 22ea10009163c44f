"""Segments: the Parquet files of events, as they are written.

A fresh segment holds the events of one batch and one month in order of time. What
``compaction`` writes is laid out by event ID; see there. Every segment has all columns
of ``batch.SCHEMA`` and ``batch``, the number of the batch that stored the row; in a
segment of a single batch that column is empty and the catalogue has the number, for it
is given out only when the file is finished.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from app.store.catalogue import NewSegment, SegmentComputer
from app.store.columns import prune, take
from app.store.files import Drafts
from app.store.guids import LEAST_ROWS, GuidRows
from app.store.summary import summarise, write_summary
from app.sysmon.arrays import codes_of, integers_of, one_chunk
from app.sysmon.batch import SCHEMA
from app.sysmon.events import NOWHERE

SEGMENT_SCHEMA: Final[pa.Schema] = SCHEMA.append(pa.field("batch", pa.int64()))

GROUP_ROWS: Final = 65_536
"""Most rows of one row group: a page of whole events reads its groups, and scans win little by more."""

MIXED: Final = "mixed"
"""The month of a segment that holds few events each of several months."""

MAX_MONTHS: Final = 24
"""Most segments that one batch becomes: a file with times of all ages must not become thousands."""

#: A file costs 25 KB, whatever it holds; so months with few events share one, if there are several.
_FEW_ROWS: Final = 1_000
_FEW_MONTHS: Final = 2

_DELTA: Final = ("time", "utc_time", "batch", "record_id")
_TEXTS: Final = [field.name for field in SEGMENT_SCHEMA if pa.types.is_dictionary(field.type)]
_BLOOMS: Final = (
    "process_guid",
    "parent_process_guid",
    "target_process_guid",
    "logon_guid",
    "md5",
    "sha1",
    "sha256",
    "imphash",
    "destination_ip",
    "query_name",
)
_MOST_DISTINCT: Final = 32_768


def write_fresh(drafts: Drafts, events: pa.Table) -> list[NewSegment]:
    """Write events of one batch, in any order, as segments of one month each."""
    return [_write_month(drafts, month, table) for month, table in months_of(events)]


def _write_month(drafts: Drafts, month: str, table: pa.Table) -> NewSegment:
    name = drafts.name()
    path = drafts.make(drafts.catalogue.path(name))
    distinct = DistinctValues()
    distinct.see(None, table)
    with segment_writer(path, distinct.most()) as writer:
        write_groups(writer, table.append_column("batch", pa.nulls(len(table), pa.int64())))
    size, checksum = drafts.finish(path)
    summary_path = drafts.make(drafts.catalogue.summary_path(name))
    write_summary(summary_path, [summarise(table)], len(table))
    summary_size, summary_checksum = drafts.finish(summary_path)
    if len(table) >= LEAST_ROWS:
        rows = GuidRows()
        rows.see(table)
        write_guids(drafts, name, rows)
    times = one_chunk(table["time"]).cast(pa.int64())
    event_ids = one_chunk(table["event_id"]).value_counts()
    return NewSegment(
        name=name,
        month=month,
        rows=len(table),
        bytes=size,
        summary_bytes=summary_size,
        first_time=times[0].as_py(),
        last_time=times[-1].as_py(),
        level=0,
        checksum=checksum,
        summary_checksum=summary_checksum,
        event_ids=dict(zip(*(part.to_pylist() for part in event_ids.flatten()), strict=True)),
        computers=computers_of(table),
    )


def write_guids(drafts: Drafts, name: str, rows: GuidRows) -> None:
    """Write the index of the GUIDs of a segment."""
    path = drafts.make(drafts.catalogue.guids_path(name))
    rows.write(path)
    drafts.finish(path)


def segment_writer(path: Path, distinct: Mapping[str, int]) -> pq.ParquetWriter:
    """Return a writer with the options that were measured to serve searches and scans best.

    ``distinct`` says how many values a column has at most in one row group: the size of
    its Bloom filter.
    """
    return pq.ParquetWriter(
        path,
        SEGMENT_SCHEMA,
        compression="zstd",
        compression_level=3,
        use_dictionary=[*_TEXTS, "event_id"],
        dictionary_pagesize_limit=256 << 20,
        data_page_size=1 << 20,
        write_page_index=False,
        store_schema=False,  # 10 KB in each file, and ``open_segment`` knows it.
        column_encoding=dict.fromkeys(_DELTA, "DELTA_BINARY_PACKED"),
        bloom_filter_options={
            column: {"ndv": distinct[column], "fpp": 0.01} for column in _BLOOMS if distinct.get(column)
        },
    )


def open_segment(path: Path) -> pq.ParquetFile:
    """Open a segment, to be closed; what is read of it has the types of ``SEGMENT_SCHEMA``."""
    return pq.ParquetFile(path, read_dictionary=_TEXTS)


def unpacked_bytes(path: Path) -> int:
    """Return about how much memory the events of a segment take."""
    footer = pq.read_metadata(path)
    return sum(footer.row_group(number).total_byte_size for number in range(footer.num_row_groups))


class DistinctValues:
    """Counts the values that filtered columns have among rows that will stand together."""

    def __init__(self) -> None:
        self._values: dict[tuple[int | None, str], pa.Array] = {}
        self._most: dict[str, int] = {}

    def see(self, heap: int | None, table: pa.Table) -> None:
        """Count in rows of a heap; their dictionaries hold no value that no row has."""
        for column in set(_BLOOMS).intersection(table.column_names):
            most = self._most.get(column, 0)
            if most == _MOST_DISTINCT:
                continue
            values = one_chunk(table[column]).dictionary
            if (heap, column) in self._values:
                values = pc.unique(pa.concat_arrays([self._values[heap, column], values]))
            self._most[column] = min(max(most, len(values)), _MOST_DISTINCT)
            self._values[heap, column] = values
            if self._most[column] == _MOST_DISTINCT:
                self._values = {key: kept for key, kept in self._values.items() if key[1] != column}

    def most(self) -> dict[str, int]:
        """Return the most values that each column has in one heap, as far as it matters."""
        return self._most


def write_groups(writer: pq.ParquetWriter, table: pa.Table) -> None:
    """Write rows as row groups of their own."""
    if len(table) <= GROUP_ROWS:
        writer.write_table(table, row_group_size=GROUP_ROWS)
        return
    for start in range(0, len(table), GROUP_ROWS):
        writer.write_table(prune(table.slice(start, GROUP_ROWS)), row_group_size=GROUP_ROWS)


def computers_of(table: pa.Table) -> dict[str, SegmentComputer]:
    """Return what a table of events holds of each computer, by its name in lower case."""
    computers = one_chunk(table["computer"])
    folded = pc.utf8_lower(computers.dictionary).dictionary_encode()
    codes = codes_of(folded)[codes_of(computers)]
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    ranges = {
        "time": _ranges(table, "time", NOWHERE, order, starts),
        "utc": _ranges(table, "utc_time", NOWHERE, order, starts),
    }
    records = one_chunk(table["record_id"])
    numbered = records.is_valid().to_numpy(zero_copy_only=False)[order]
    record_count = np.add.reduceat(numbered, starts, dtype=np.int64)
    first_record = np.minimum.reduceat(integers_of(records, 2**63 - 1)[order], starts)
    last_record = np.maximum.reduceat(integers_of(records, NOWHERE)[order], starts)
    rows = np.diff(starts, append=len(codes))
    found = {}
    for place, start in enumerate(starts):
        row = int(order[start])
        has_record = record_count[place] > 0
        found[folded.dictionary[int(codes[row])].as_py()] = SegmentComputer(
            name=computers[row].as_py(),
            rows=int(rows[place]),
            first_time=int(ranges["time"][0][place]),
            last_time=int(ranges["time"][1][place]),
            first_utc=int(ranges["utc"][0][place]),
            last_utc=int(ranges["utc"][1][place]),
            first_record=int(first_record[place]) if has_record else None,
            last_record=int(last_record[place]) if has_record else None,
            hashed=int(rows[place] - record_count[place]),
        )
    return found


def _ranges(
    table: pa.Table, column: str, missing: int, order: NDArray[np.int64], starts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    numbers = integers_of(one_chunk(table[column]), missing)[order]
    return np.minimum.reduceat(numbers, starts), np.maximum.reduceat(numbers, starts)


def months_of(events: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Yield months with their events in order of time; what is too thinly spread comes last."""
    times = one_chunk(events["time"]).cast(pa.int64()).to_numpy()
    order = np.argsort(times, kind="stable")
    months = times[order].astype("datetime64[us]").astype("datetime64[M]")
    starts = np.flatnonzero(np.concatenate([[True], months[1:] != months[:-1]]))
    spans = list(pairwise([*starts.tolist(), len(order)]))
    if len(spans) == 1 and (order[1:] > order[:-1]).all():
        yield str(months[0]), prune(events)
        return
    spans.sort(key=lambda span: span[0] - span[1])
    own = sum(stop - start >= _FEW_ROWS for start, stop in spans[: MAX_MONTHS - _FEW_MONTHS])
    if len(spans) <= own + _FEW_MONTHS:
        own = len(spans)
    for start, stop in sorted(spans[:own]):
        yield str(months[start]), take(events, order[start:stop])
    if rest := sorted(spans[own:]):
        yield MIXED, take(events, np.concatenate([order[start:stop] for start, stop in rest]))
