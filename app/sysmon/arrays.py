"""Columns of Arrow as numpy sees them: codes and whole numbers, with nulls made plain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def codes_of(array: pa.DictionaryArray) -> NDArray[np.int32]:
    """Return the code of each row; -1: it has no value."""
    codes: NDArray[Any] = pc.fill_null(array.indices, -1).to_numpy(zero_copy_only=False)
    return codes


def integers_of(array: pa.Array, missing: int) -> NDArray[np.int64]:
    """Return whole numbers, or times as microseconds, with ``missing`` for null."""
    numbers: NDArray[Any] = pc.fill_null(array.cast(pa.int64()), missing).to_numpy(zero_copy_only=False)
    return numbers


def one_chunk(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array."""
    if column.num_chunks == 1:
        return column.chunk(0)
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    joined = column.combine_chunks()
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) else joined
