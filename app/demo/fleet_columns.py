"""Columns of a batch while it is being made: codes into dictionaries, rows in any order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.sysmon.batch import SCHEMA, TIME, EventBatch

Rows = NDArray[np.int64]


class Columns:
    """Fills columns piece by piece.

    The texts of two pieces of one column must differ: they become one dictionary.
    """

    def __init__(self, rows: int) -> None:
        self._rows: Final = rows
        self._codes: dict[str, NDArray[np.int32]] = {}
        self._dictionaries: dict[str, list[pa.Array]] = defaultdict(list)
        self._numbers: dict[str, tuple[NDArray[np.int64], NDArray[np.bool_]]] = {}

    def words(self, column: str, rows: Rows, codes: Rows, dictionary: pa.Array) -> None:
        """Fill rows with words of a list; code -1 leaves a row empty."""
        held = self._dictionaries[column]
        before = next((place for place, part in enumerate(held) if part is dictionary), len(held))
        if before == len(held):
            held.append(dictionary)
        offset = sum(len(part) for part in held[:before])
        if column not in self._codes:
            self._codes[column] = np.full(self._rows, -1, np.int32)
        self._codes[column][rows] = np.where(codes >= 0, codes + offset, -1)

    def texts(self, column: str, rows: Rows, texts: Sequence[str]) -> None:
        """Fill rows with texts of their own."""
        encoded = pa.array(texts, pa.string()).dictionary_encode()
        self.words(column, rows, encoded.indices.to_numpy(), encoded.dictionary)

    def same(self, column: str, rows: Rows, text: str) -> None:
        """Fill rows with one text."""
        self.words(column, rows, np.zeros(len(rows), np.int64), pa.array([text], pa.string()))

    def numbers(self, column: str, rows: Rows, numbers: Rows) -> None:
        """Fill rows with numbers, or with times in microseconds since 1970."""
        if column not in self._numbers:
            self._numbers[column] = (np.zeros(self._rows, np.int64), np.ones(self._rows, np.bool_))
        values, empty = self._numbers[column]
        values[rows] = numbers
        empty[rows] = False

    def batch(self) -> EventBatch:
        """Return the batch."""
        arrays: dict[str, Any] = {}
        for column, codes in self._codes.items():
            dictionary = pa.concat_arrays(self._dictionaries[column])
            arrays[column] = pa.DictionaryArray.from_arrays(
                pa.array(codes, pa.int32(), mask=codes < 0), dictionary
            )
        for column, (values, empty) in self._numbers.items():
            array = pa.array(values, pa.int64(), mask=empty if empty.any() else None)
            arrays[column] = array.cast(TIME) if SCHEMA.field(column).type == TIME else array
        return EventBatch.from_columns(arrays, self._rows)
