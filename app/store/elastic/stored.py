"""Documents as columns of events, for those who read whole batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from app.store.elastic.field_paths import OWN_BATCH
from app.sysmon.batch import SCHEMA
from app.sysmon.fields import HASH_COLUMNS, SOURCE_EVENTS, name_in

_Document = Mapping[str, Any]
_Values = list[Any]

_WINLOG: Final = {
    "computer": "computer_name",
    "event_id": "event_id",
    "record_id": "record_id",
    "event_version": "version",
    "channel": "channel",
}
_OWN: Final = frozenset({"time", "utc_time", "content_hash", *HASH_COLUMNS})
_SOURCE: Final = min(SOURCE_EVENTS)


def stored_schema(columns: Sequence[str]) -> pa.Schema:
    """Return what ``batches`` yields for these columns."""
    return pa.schema([*(SCHEMA.field(column) for column in columns), pa.field("batch", pa.int64())])


def paths_of_columns(columns: Sequence[str]) -> list[str]:
    """Return what of a document of our own must be read to have these columns."""
    return [OWN_BATCH, *(path for column in columns for path in _paths(column))]


def _paths(column: str) -> tuple[str, ...]:
    if column in _OWN or column == "other":
        return (f"sysmonsearch.{column}",)
    if column in _WINLOG:
        return (f"winlog.{_WINLOG[column]}",)
    if column == "level":
        return ("log.level",)
    return tuple(f"winlog.event_data.{name}" for name in _names(column))


def _names(column: str) -> tuple[str, ...]:
    """Return the names that a column has in documents; no document has two of them."""
    return tuple(dict.fromkeys((name_in(column, 0), name_in(column, _SOURCE))))


def table_of_own(documents: Sequence[_Document], columns: Sequence[str]) -> pa.Table:
    """Return the columns of documents of our own, and ``batch``."""
    own = [document["sysmonsearch"] for document in documents]
    winlog = [document.get("winlog", {}) for document in documents]
    data = [one.get("event_data", {}) for one in winlog]
    schema = stored_schema(columns)
    there = frozenset[str]().union(*data)  # Most columns are of few events.
    arrays = []
    for column in columns:
        if column in _OWN:
            values = [one.get(column) for one in own]
        elif column == "other":
            values = [_pairs(one.get("other")) for one in own]
        elif column in _WINLOG:
            values = [one.get(_WINLOG[column]) for one in winlog]
        elif column == "level":
            values = [document.get("log", {}).get("level") for document in documents]
        elif there.isdisjoint(_names(column)):
            arrays.append(pa.nulls(len(documents), SCHEMA.field(column).type))
            continue
        else:
            values = _of_names(data, _names(column))
        arrays.append(_array(values, SCHEMA.field(column).type))
    arrays.append(pa.array([one["batch"] for one in own], pa.int64()))
    return pa.Table.from_arrays(arrays, schema=schema)


def _of_names(data: Sequence[_Document], names: Sequence[str]) -> _Values:
    first = names[0]
    if len(names) == 1:
        return [one.get(first) for one in data]
    second = names[1]
    return [one[first] if first in one else one.get(second) for one in data]


def _pairs(other: Sequence[Mapping[str, str]] | None) -> list[tuple[str, str]] | None:
    return None if other is None else [(pair["name"], pair["value"]) for pair in other]


def _array(values: _Values, type_: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(type_):
        return pa.array(values, pa.string()).dictionary_encode()
    if type_ == pa.int64():
        return pa.array([value if value is None else int(value) for value in values], type_)
    if pa.types.is_timestamp(type_):
        return pa.array(values, pa.int64()).cast(type_)
    return pa.array(values, type_)
