"""Waiting events -> one batch: codes become columns, each distinct value is looked at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.layouts.codes import NULL, text_of, valid
from app.layouts.columns import Clock, Columns, Head, Shape, shown
from app.layouts.names import UTC_TIME, columns_by_name
from app.layouts.times import parse_times
from app.layouts.values import guid_of, hashes_of, integer_of
from app.sysmon.batch import OTHER, TEXT, TIME, EventBatch
from app.sysmon.fields import COLUMN_TYPES, HASH_COLUMNS, FieldType, name_in

Numbers = NDArray[np.int32]
Others = dict[int, list[tuple[str, str]]]

_EMPTY: Final = frozenset({None, "", "-"})
_DIGITS: Final = 18
_CLOCKS: Final = "clocks"  # Stands among the columns, but is none.


class Assembled(NamedTuple):
    """The batch, and the rows that could not be part of it, each with the reason."""

    batch: EventBatch
    refused: list[tuple[int, str]]


def assemble(columns: Columns) -> Assembled:
    """Make a batch of the waiting events, in the order in which they came."""
    rows = len(columns)
    texts = _text_array(columns.codes.texts)
    others: Others = dict(columns.others)
    arrays: dict[str, pa.Array] = {}
    for column, filled in _gather(columns, texts, others).items():
        found = _Distinct(filled, rows, texts)
        if not len(found.used):
            continue
        if column in ("hashes", "hash"):
            _split_hashes(found, arrays)
        arrays[column] = _TYPED[COLUMN_TYPES[column]](found, column, columns, others)
    heads = np.fromiter(columns.head_of, np.int64, rows)
    _add_heads(columns.heads, heads, arrays)
    arrays["record_id"] = _record_ids(columns.record_ids, others)
    refused = _add_times(columns, heads, arrays, others)
    arrays["other"] = _other_array(others, rows)
    if refused:
        arrays, rows = _without([row for row, _ in refused], arrays, rows)
    return Assembled(EventBatch.from_columns(arrays, rows, arrays.pop(_CLOCKS)), refused)


def _text_array(texts: Sequence[str | None]) -> pa.Array:
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        return pa.array([text and valid(text) for text in texts], pa.string())


class _Filled:
    """The rows that have a value in one column, and the codes of those values."""

    def __init__(self) -> None:
        self.rows: list[NDArray[np.int64]] = []
        self.codes: list[Numbers] = []

    def add(self, rows: NDArray[np.int64], codes: Numbers) -> None:
        self.rows.append(rows)
        self.codes.append(codes)


def _gather(columns: Columns, texts: pa.Array, others: Others) -> dict[str, _Filled]:
    """Return what fills each column; what has no column goes to ``others``."""
    filled: defaultdict[str, _Filled] = defaultdict(_Filled)
    for shapes in columns.shapes.values():
        known = columns_by_name(shapes.event_id)
        for shape in (*shapes.by_names.values(), shapes.all_known):
            if shape.rows and shape.width:
                _gather_shape(shape, known, filled, texts, others)
    return filled


def _gather_shape(
    shape: Shape, known: dict[str, str], filled: dict[str, _Filled], texts: pa.Array, others: Others
) -> None:
    rows = np.fromiter(shape.rows, np.int64, len(shape.rows))
    codes = np.fromiter(shape.codes, np.int32, len(shape.codes)).reshape(len(rows), shape.width)
    by_column: dict[str, Numbers] = {}
    for name, values in zip(shape.names, np.ascontiguousarray(codes.T), strict=True):
        column = known.get(name)
        if column is None:
            _keep(name, rows, values, values != NULL, texts, others)
        elif column not in by_column:
            by_column[column] = values
        else:  # Two spellings of one field: the first value stays.
            first = by_column[column]
            _keep(name, rows, values, (values != NULL) & (first != NULL) & (first != values), texts, others)
            by_column[column] = np.where(first == NULL, values, first)
    for column, values in by_column.items():
        filled[column].add(rows, values)


def _keep(
    name: str,
    rows: NDArray[np.int64],
    codes: Numbers,
    which: NDArray[np.bool_],
    texts: pa.Array,
    others: Others,
) -> None:
    kept = np.flatnonzero(which)
    values = texts.take(pa.array(codes[kept])).to_pylist()
    for row, value in zip(rows[kept].tolist(), values, strict=True):
        others.setdefault(row, []).append((name, value))


class _Distinct:
    """A column's distinct values, and for each row the number of its value; -1: none."""

    def __init__(self, filled: _Filled, total: int, texts: pa.Array) -> None:
        codes = np.concatenate(filled.codes)
        is_used = np.zeros(len(texts), np.bool_)
        is_used[codes] = True
        is_used[NULL] = False
        self.used = np.flatnonzero(is_used)
        number = np.empty(len(texts), np.int32)
        number[NULL] = -1
        number[self.used] = np.arange(len(self.used), dtype=np.int32)
        self.numbers: Numbers = np.full(total, -1, np.int32)
        self.numbers[np.concatenate(filled.rows)] = number[codes]
        self.values = texts.take(pa.array(self.used))


def _dictionary(numbers: Numbers, values: pa.Array) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(numbers, mask=numbers < 0), values)


def _texts(found: _Distinct, column: str, columns: Columns, others: Others) -> pa.Array:  # noqa: ARG001
    return _dictionary(found.numbers, found.values)


def _guids(found: _Distinct, column: str, columns: Columns, others: Others) -> pa.Array:
    guids = [guid_of(text) for text in found.values.to_pylist()]
    _keep_misfits(found, [guid is not None for guid in guids], column, columns, others)
    return _encoded(guids, found.numbers)


def _integers(found: _Distinct, column: str, columns: Columns, others: Others) -> pa.Array:
    numbers = [integer_of(text) for text in found.values.to_pylist()]
    fits = np.array([number is not None for number in numbers] + [False])
    _keep_misfits(found, fits[:-1].tolist(), column, columns, others)
    values = np.array([number or 0 for number in numbers] + [0], np.int64)
    return pa.array(values[found.numbers], mask=~fits[found.numbers])


_TYPED: Final[dict[FieldType, Callable[[_Distinct, str, Columns, Others], pa.Array]]] = {
    FieldType.TEXT: _texts,
    FieldType.GUID: _guids,
    FieldType.INTEGER: _integers,
}


def _keep_misfits(found: _Distinct, fits: list[bool], column: str, columns: Columns, others: Others) -> None:
    """Keep values that are not of the column's type, under the name that Sysmon gives the field."""
    if all(fits):
        return
    misfit = ~np.array([*fits, True])
    for row in np.flatnonzero(misfit[found.numbers]).tolist():
        text = str(found.values[int(found.numbers[row])].as_py())
        others.setdefault(row, []).append((_name_in(columns, row, column), text))


def _name_in(columns: Columns, row: int, column: str) -> str:
    return name_in(column, columns.heads[columns.head_of[row]].event_id)


def _encoded(values: Sequence[str | None], numbers: Numbers) -> pa.DictionaryArray:
    """Return a column of ``values[number]`` for each row; equal values share one code."""
    encoded = pa.array([*values, None], pa.string()).dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    return _dictionary(codes[numbers], encoded.dictionary)


def _split_hashes(found: _Distinct, arrays: dict[str, pa.Array]) -> None:
    split = [hashes_of(text) for text in found.values.to_pylist()]
    for place, column in enumerate(HASH_COLUMNS):
        array = _encoded([hashes[place] for hashes in split], found.numbers)
        before = arrays.get(column)
        if before is not None:  # Hashes and Hash are of different event IDs.
            array = pc.coalesce(before.cast(pa.string()), array.cast(pa.string())).dictionary_encode()
        arrays[column] = array


def _add_heads(heads: list[Head], head_of: NDArray[np.int64], arrays: dict[str, pa.Array]) -> None:
    numbers = head_of.astype(np.int32)
    arrays["event_id"] = pa.array(np.array([head.event_id for head in heads], np.int64)[head_of])
    arrays["computer"] = _encoded([head.computer for head in heads], numbers)
    arrays["channel"] = _encoded([head.channel for head in heads], numbers)
    arrays["level"] = _encoded([head.level for head in heads], numbers)
    versions = [head.version for head in heads]
    missing = np.array([version is None for version in versions], np.bool_)
    arrays["event_version"] = pa.array(
        np.array([version or 0 for version in versions], np.int64)[head_of], mask=missing[head_of]
    )


def _record_ids(said: list[object], others: Others) -> pa.Array:
    try:
        return pa.array(said, pa.int64())
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        pass  # Texts, as Winlogbeat 6 and ECS write them.
    try:
        texts = pa.array(said, pa.string())
        plain = pc.and_(pc.ascii_is_decimal(texts), pc.less_equal(pc.binary_length(texts), _DIGITS))
        if pc.all(plain).as_py():
            return texts.cast(pa.int64())
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        pass  # A mixture.
    numbers = [None if value is None else integer_of(text_of(value)) for value in said]
    for row, (number, value) in enumerate(zip(numbers, said, strict=True)):
        if number is None and not isinstance(value, dict | list) and value not in _EMPTY:
            others.setdefault(row, []).append(("RecordId", valid(text_of(value))))
    return pa.array(numbers, pa.int64())


def _add_times(
    columns: Columns, head_of: NDArray[np.int64], arrays: dict[str, pa.Array], others: Others
) -> list[tuple[int, str]]:
    """Add both clocks; return the rows that have no time at all.

    A text that is no time is kept in ``others``; the time is then the other clock's.
    """
    utc_texts, record_texts = _time_texts(columns.utc_times), _time_texts(columns.times)
    utc, has_utc = parse_times(utc_texts)
    record, has_record = parse_times(record_texts)
    clock = np.array([head.family.clock for head in columns.heads], np.object_)[head_of]
    # Two accesses in one millisecond of UtcTime may say the same, and be two for all that.
    arrays[_CLOCKS] = pa.array(record, mask=~has_record | (clock == Clock.ARRIVAL))
    usable = has_record & (clock != Clock.LOCAL)
    time = np.where(has_utc & ((clock != Clock.RECORD) | ~usable), utc, record)
    arrays["time"] = pa.array(time).cast(TIME)
    arrays["utc_time"] = pa.array(utc, mask=~has_utc).cast(TIME)

    refused = []
    for texts, has in ((utc_texts, has_utc), (record_texts, has_record)):
        wrong = texts.is_valid().to_numpy(zero_copy_only=False) & ~has
        for row in np.flatnonzero(wrong).tolist():
            name = UTC_TIME if texts is utc_texts else columns.heads[head_of[row]].family.time_name
            others.setdefault(row, []).append((name, texts[row].as_py()))
    for row in np.flatnonzero(~(has_utc | usable)).tolist():
        said = [
            f"{name} is {shown(text)}" for name, text in others.get(row, []) if _is_clock(name, columns, row)
        ]
        refused.append((row, "It has no time that can be used" + (f": {', '.join(said)}." if said else ".")))
    return refused


def _is_clock(name: str, columns: Columns, row: int) -> bool:
    return name in (UTC_TIME, columns.heads[columns.head_of[row]].family.time_name)


def _time_texts(said: list[object]) -> pa.Array:
    try:
        texts = pa.array(said, pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        texts = pa.array([None if value is None else valid(text_of(value)) for value in said], pa.string())
    short = pc.less(pc.binary_length(texts), 2)
    if not pc.any(short).as_py():
        return texts
    return pa.array([None if text in _EMPTY else text for text in texts.to_pylist()], pa.string())


def _other_array(others: Others, rows: int) -> pa.Array:
    if not others:
        return pa.nulls(rows, OTHER)
    pairs = [others.get(row) for row in range(rows)]
    try:
        return pa.array(pairs, OTHER)
    except UnicodeEncodeError:
        cleaned = [pair and [(valid(name), valid(text)) for name, text in pair] for pair in pairs]
        return pa.array(cleaned, OTHER)


def _without(refused: list[int], arrays: dict[str, pa.Array], rows: int) -> tuple[dict[str, pa.Array], int]:
    kept = np.ones(rows, np.bool_)
    kept[refused] = False
    mask = pa.array(kept)
    filtered: dict[str, Any] = {column: array.filter(mask) for column, array in arrays.items()}
    for column, array in filtered.items():
        if array.type.equals(TEXT):  # A value that only a refused event had is no value of the batch.
            filtered[column] = array.dictionary_decode().dictionary_encode()
    return filtered, int(kept.sum())
