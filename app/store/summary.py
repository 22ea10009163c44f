"""Value summaries: which values a segment holds, how often, first and last seen.

Free text, rarity and facets of everything are answered from them instead of from events.
One row for each column and value; for the columns by which rarity goes, one for each
computer too.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from app.sysmon.arrays import codes_of, one_chunk
from app.sysmon.batch import TIME
from app.sysmon.fields import COLUMN_TYPES, KEYWORD_COLUMNS, FieldType

SUMMARY_SCHEMA: Final[pa.Schema] = pa.schema(
    [
        pa.field("column", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("computer", pa.string()),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("first", TIME, nullable=False),
        pa.field("last", TIME, nullable=False),
    ]
)
"""The columns of a summary file; its rows stand in the order of column, value, computer."""

PAIR_COLUMN: Final = "parent_image>image"
PAIR_SEPARATOR: Final = "\x1f"
OTHER_COLUMN: Final = "other"

SUMMARY_COLUMNS: Final = tuple(
    column
    for column in KEYWORD_COLUMNS
    if COLUMN_TYPES[column] is not FieldType.GUID and column != "computer"
)
"""Columns of events that are summed up; ``other`` and the pairs come to them."""

COMPUTER_COLUMNS: Final = frozenset(
    {
        "image",
        "parent_image",
        "image_loaded",
        "target_image",
        "hashes",
        "hash",
        "target_filename",
        "pipe_name",
        "query_name",
        "destination_ip",
        "destination_hostname",
        "command_line",
        PAIR_COLUMN,
    }
)
"""Columns whose values are counted for each computer apart.

Summaries that older versions wrote have no computer where a column came later:
``embedded_rarity`` asks the events then.
"""

_PROCESS_CREATE: Final = 1
_GROUP_ROWS: Final = 16_384
_LARGE_EVENTS: Final = 500_000


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows that are summed up: their times, ascending, and the codes of their computers."""

    times: NDArray[np.int64]
    computers: NDArray[np.int32]
    names: pa.StringArray


def summarise(table: pa.Table) -> pa.Table:
    """Return the summary of a table of events whose rows stand in order of time.

    Texts are dictionaries in which each value stands once.
    """
    computers = one_chunk(table["computer"])
    rows = _Rows(
        one_chunk(table["time"]).cast(pa.int64()).to_numpy(), codes_of(computers), computers.dictionary
    )
    parts = []
    for column in SUMMARY_COLUMNS:
        if table[column].null_count < len(table):
            array = one_chunk(table[column])
            if not pa.types.is_dictionary(array.type):
                array = array.dictionary_encode()
            parts.append(_summed(column, codes_of(array), array.dictionary, rows))
    parts += _pairs(table, rows)
    parts += _other(table, rows)
    return _joined(parts)


def merge(summaries: Iterable[Iterator[tuple[str, pa.Table]]]) -> Iterator[pa.Table]:
    """Yield, column by column, the summary of all events that the given ones sum up.

    Each is given as its columns, ascending, with their rows in one or more parts.
    """
    ordered = heapq.merge(*summaries, key=itemgetter(0))
    for column, parts in groupby(ordered, itemgetter(0)):
        yield _sorted(_added(column, [part for _, part in parts]))


def read_columns(path: Path, only: str | None = None) -> Iterator[tuple[str, pa.Table]]:
    """Yield the columns of a summary file, of which one row group at a time is held.

    ``only`` one of them, where it is named: then nothing else is read.
    """
    with pq.ParquetFile(path, read_dictionary=["column", "computer"]) as file:
        for number in range(file.num_row_groups):
            if only is None or _may_hold(file.metadata.row_group(number), only):
                for column, part in by_column(file.read_row_group(number, use_threads=False)):
                    if only in {None, column}:
                        yield column, part


def _may_hold(group: Any, column: str) -> bool:
    names = group.column(0).statistics
    return names is None or not names.has_min_max or names.min <= column <= names.max


def by_column(summary: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Yield the columns of a summary, ascending, each with its rows."""
    names = one_chunk(summary["column"])
    names = names if pa.types.is_dictionary(names.type) else names.dictionary_encode()
    codes = codes_of(names)
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    for start, stop in pairwise([*starts.tolist(), len(codes)]):
        yield names.dictionary[int(codes[start])].as_py(), summary.slice(start, stop - start)


def write_summary(path: Path, parts: Iterable[pa.Table], events: int) -> None:
    """Write a summary file of so many events from parts that follow each other.

    Values as a dictionary are searched in half the time, and take a byte an event more
    than as differences: worth it where there is much to search.
    """
    large = events >= _LARGE_EVENTS
    with pq.ParquetWriter(
        path,
        SUMMARY_SCHEMA,
        compression="zstd",
        compression_level=3,
        use_dictionary=["column", "computer", "count", *(["value"] if large else [])],
        column_encoding={} if large else {"value": "DELTA_BYTE_ARRAY"},
        dictionary_pagesize_limit=256 << 20,
        write_page_index=False,
        store_schema=False,
    ) as writer:
        waiting: list[pa.Table] = []
        for part in parts:
            waiting.append(part)
            if sum(map(len, waiting)) >= _GROUP_ROWS:
                writer.write_table(pa.concat_tables(waiting), row_group_size=_GROUP_ROWS)
                waiting = []
        if waiting:
            writer.write_table(pa.concat_tables(waiting), row_group_size=_GROUP_ROWS)


def _summed(column: str, codes: NDArray[np.int32], values: pa.Array, rows: _Rows) -> pa.Table:
    """Sum up one column: ``codes`` say which of ``values`` each row has, -1: none."""
    where = np.flatnonzero(codes >= 0)
    return _summed_where(column, codes[where], where, values, rows)


def _summed_where(
    column: str, codes: NDArray[np.int32], where: NDArray[np.int64], values: pa.Array, rows: _Rows
) -> pa.Table:
    """Sum up values of the rows ``where``, which ascend."""
    computers: pa.Array = None
    if column in COMPUTER_COLUMNS:
        both = pa.array(codes.astype(np.int64) * len(rows.names) + rows.computers[where]).dictionary_encode()
        codes = both.indices.to_numpy()
        value_codes, computer_codes = np.divmod(both.dictionary.to_numpy(), len(rows.names))
        values, computers = values.take(pa.array(value_codes)), rows.names.take(pa.array(computer_codes))
    counts = np.bincount(codes, minlength=len(values))
    first, last = np.zeros((2, len(values)), np.int64)
    # Of several assignments to one place the last one stays.
    last[codes] = rows.times[where]
    first[codes[::-1]] = rows.times[where[::-1]]
    return _part(column, values.cast(pa.string()), computers, counts, first, last)


def _part(
    column: str,
    values: pa.Array,
    computers: pa.Array | None,
    counts: NDArray[np.int64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
) -> pa.Table:
    used = np.flatnonzero(counts)
    names = pa.nulls(len(values), pa.string()) if computers is None else computers
    part = pa.Table.from_arrays(
        [
            pa.repeat(pa.scalar(column, pa.string()), len(values)),
            values,
            names,
            pa.array(counts),
            pa.array(first).cast(TIME),
            pa.array(last).cast(TIME),
        ],
        schema=SUMMARY_SCHEMA,
    )
    if len(used) < len(values):
        part = part.take(pa.array(used))
    return _sorted(part)


def _pairs(table: pa.Table, rows: _Rows) -> list[pa.Table]:
    """Sum up which image started which, from process creations."""
    parents, images = one_chunk(table["parent_image"]), one_chunk(table["image"])
    parent_codes, image_codes = codes_of(parents), codes_of(images)
    where = np.flatnonzero(
        (one_chunk(table["event_id"]).to_numpy() == _PROCESS_CREATE)
        & (parent_codes >= 0)
        & (image_codes >= 0)
    )
    if not len(where):
        return []
    both = parent_codes[where].astype(np.int64) * len(images.dictionary) + image_codes[where]
    pairs = pa.array(both).dictionary_encode()
    left, right = np.divmod(pairs.dictionary.to_numpy(), len(images.dictionary))
    values = pc.binary_join_element_wise(
        parents.dictionary.take(pa.array(left)), images.dictionary.take(pa.array(right)), PAIR_SEPARATOR
    )
    return [_summed_where(PAIR_COLUMN, pairs.indices.to_numpy(), where, values, rows)]


def _other(table: pa.Table, rows: _Rows) -> list[pa.Table]:
    """Sum up the values of the fields that the field table does not know."""
    array = one_chunk(table["other"])
    if array.null_count == len(array):
        return []
    offsets = array.offsets.to_numpy()
    where = np.repeat(np.arange(len(array)), np.diff(offsets))
    texts = array.items.slice(offsets[0], offsets[-1] - offsets[0]).dictionary_encode()
    codes = codes_of(texts)
    present = (codes >= 0) & array.is_valid().to_numpy(zero_copy_only=False)[where]
    return [_summed_where(OTHER_COLUMN, codes[present], where[present], texts.dictionary, rows)]


def _added(column: str, parts: Sequence[pa.Table]) -> pa.Table:
    """Add up the rows of one column."""
    parts = [
        part.set_column(2, SUMMARY_SCHEMA.field(2), part["computer"].cast(pa.string())) for part in parts
    ]
    parts = [part.select(["value", "computer", "count", "first", "last"]) for part in parts]
    keys = ["value", "computer"] if column in COMPUTER_COLUMNS else ["value"]
    summed = (
        pa.concat_tables(parts)
        .group_by(keys, use_threads=False)
        .aggregate([("count", "sum"), ("first", "min"), ("last", "max")])
    )
    rows = summed.num_rows
    return pa.Table.from_arrays(
        [
            pa.repeat(pa.scalar(column, pa.string()), rows),
            summed["value"],
            summed["computer"] if len(keys) > 1 else pa.nulls(rows, pa.string()),
            summed["count_sum"],
            summed["first_min"],
            summed["last_max"],
        ],
        schema=SUMMARY_SCHEMA,
    )


def _sorted(part: pa.Table) -> pa.Table:
    """Put the rows of one column in the order of value and computer."""
    keys = ["value", "computer"] if part["computer"].null_count < len(part) else ["value"]
    return part.take(pc.sort_indices(part, [(key, "ascending") for key in keys]))


def _joined(parts: Sequence[pa.Table]) -> pa.Table:
    """Put the parts in the order of their columns."""
    ordered = sorted(parts, key=lambda part: str(part["column"][0]))
    return pa.concat_tables([SUMMARY_SCHEMA.empty_table(), *ordered])
