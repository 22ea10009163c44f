"""Bodies of searches that count, and what the keys of their buckets say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from elasticsearch_dsl import Search
from elasticsearch_dsl.query import Query

from app.layouts.values import guid_of, hashes_of, integer_of, level_of
from app.store.elastic.places import Fields, Form, Layout, Place
from app.sysmon.events import Event, Value, microseconds, time_text
from app.sysmon.fields import FIELDS, HASH_COLUMNS, Field, FieldType
from app.sysmon.query import SortValue
from app.sysmon.values import time_of

EVENT_ID: Final = "EventId"
TIME: Final = "Time"

_HASHES: Final = frozenset({"Hashes", "Hash"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = datetime.min.replace(tzinfo=UTC)


def search_body(fields: Fields, query: Query, **extra: Any) -> dict[str, Any]:
    """Return the body of a search; without documents, unless ``size`` says otherwise."""
    said = {"size": 0, "track_total_hits": False, **extra}
    if fields.runtime:
        said["runtime_mappings"] = {path: dict(mapping) for path, mapping in fields.runtime.items()}
    body: dict[str, Any] = Search().query(query).extra(**said).to_dict()
    return body


def is_counted(place: Place, name: str) -> bool:
    """Tell whether what the index has in a place says what the values are.

    So do levels, integers that are texts, and the text of all hashes: ``value_of`` reads them.
    """
    field = FIELDS[name]
    if place.faithful or place.form is not Form.KEYWORD:
        return place.faithful
    return name == "Level" or field.type is FieldType.INTEGER or _has_all_hashes(place, field)


def _has_all_hashes(place: Place, field: Field) -> bool:
    keys = place.path.split(".")
    return field.column in HASH_COLUMNS and "event_data" in keys and not _HASHES.isdisjoint(keys)


def is_in_order(place: Place, field: Field) -> bool:
    """Tell whether the index has the values of a place in our order, each once and none too many."""
    if not place.faithful or place.nulls or (place.is_guid and place.layout is not Layout.OWN):
        return False
    return place.form is not Form.KEYWORD or field.type in {FieldType.TEXT, FieldType.GUID}


def value_of(place: Place, field: Field, key: Any) -> SortValue:
    """Return the value that the key of a bucket stands for: times are microseconds; None: no value."""
    if key is None:
        return None
    if place.form is Form.DATE:
        return int(key) * 1000
    if place.form is not Form.KEYWORD:
        return int(key)
    text = str(key)
    if text in place.nulls:
        return None
    if place.layout is Layout.OWN and field.type in {FieldType.TEXT, FieldType.GUID}:
        return text
    return _of_foreign(place, field, text)


def _of_foreign(place: Place, field: Field, text: str) -> SortValue:
    if field.type is FieldType.INTEGER:
        return integer_of(text)
    if field.type is FieldType.TIME:
        time = time_of(text)
        return None if time is None else microseconds(time)
    if place.is_guid:
        return guid_of(text)
    if field.column in HASH_COLUMNS:
        return hashes_of(text)[HASH_COLUMNS.index(field.column)]
    return level_of(text) if field.name == "Level" else text


def value_in(event: Event, name: str) -> SortValue:
    """Return an event's value of a field, as ``value_of`` has values."""
    value: Value | None = event.get(name)
    return microseconds(value) if isinstance(value, datetime) else value


def text_of(name: str, value: SortValue) -> str | None:
    """Return a value as texts have it."""
    if value is None:
        return None
    return time_text(time_at(int(value))) if FIELDS[name].type is FieldType.TIME else str(value)


def time_at(at: int) -> datetime:
    """Return the time so many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=at)


def start_at(at: int, step: timedelta) -> datetime:
    """Return where the step begins that holds a moment, in microseconds since 1970."""
    length = step // timedelta(microseconds=1)
    start = at // length * length
    return time_at(start) if start >= microseconds(_FIRST) else _FIRST
