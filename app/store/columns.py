"""Columns of texts as codes: the form that writing, summing up and merging work on."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.sysmon.arrays import codes_of, one_chunk


def take(table: pa.Table, rows: NDArray[np.int64]) -> pa.Table:
    """Return these rows in this order, without values in dictionaries that none of them has."""
    indices = pa.array(rows)
    columns = []
    for column in table.columns:
        if column.null_count == len(column):
            columns.append(pa.nulls(len(rows), column.type))
        else:
            columns.append(one_chunk(column).take(indices))
    return prune(pa.Table.from_arrays(columns, schema=table.schema))


def prune(table: pa.Table) -> pa.Table:
    """Return the table without values in its dictionaries that no row has.

    The writer of Parquet files writes a dictionary whole, used or not.
    """
    columns = [
        _pruned(one_chunk(column)) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    return pa.Table.from_arrays(columns, schema=table.schema)


def _pruned(array: pa.DictionaryArray) -> pa.DictionaryArray:
    size = len(array.dictionary)
    if array.null_count == len(array):
        return pa.nulls(len(array), array.type) if size else array
    codes = codes_of(array)
    used = np.bincount(codes + 1, minlength=size + 1)[1:] > 0
    if used.all():
        return array
    renumbered = np.cumsum(used, dtype=np.int32) - 1
    values = array.dictionary.take(pa.array(np.flatnonzero(used)))
    missing = codes < 0
    return pa.DictionaryArray.from_arrays(
        pa.array(np.where(missing, -1, renumbered[codes]), pa.int32(), mask=missing), values
    )
