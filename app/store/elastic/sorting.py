"""Pages sorted by a field: one stream of events for each place of its values, merged.

A stream is in the order of the field's value, then as events stand in time. Events without a
value are a stream of their own, and come last. Category and Kind are read from the event ID:
there, each value is a stream, one after the other.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from elasticsearch_dsl import A, Search
from elasticsearch_dsl.query import Bool, Exists, Query, Range, Term

from app.errors import BadQuery
from app.store.elastic.conditions import compile_condition, compile_query, with_ids
from app.store.elastic.places import Form, Layout, Place
from app.store.elastic.searching import Asking, behind_time, by_time, page_of
from app.store.port import Results
from app.sysmon import events
from app.sysmon.condition import Match, Operator
from app.sysmon.events import Event, time_text
from app.sysmon.fields import DERIVED, Field
from app.sysmon.kinds import category_of, kind_name
from app.sysmon.query import SORTED_LENGTH, SortValue, decode_sorted, sort_value

#: So many events are sorted here, where the index cannot do it.
_SORTED_HERE: Final = 10_000
_SLACK: Final = 24
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_IDS: Final = 65_536  # As many as there can be.
_HIGHEST: Final = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class _Sorting:
    """What is asked, the field to sort by, and the value and place to go on from."""

    asking: Asking
    field: Field
    after: tuple[SortValue, events.Place] | None

    def is_behind(self, event: Event) -> bool:
        """Tell whether an event stands behind the cursor."""
        if self.after is None:
            return True
        value, place = self.after
        own = sort_value(event, self.field)
        if own is None or value is None:
            return (own is None) > (value is None) or (
                own is value and _is_behind(event.place, place, self.asking.newest)
            )
        return _is_behind((own, event.place), (value, place), self.asking.newest)

    def key(self, event: Event) -> Any:
        return (sort_value(event, self.field), event.place)


def _is_behind(one: Any, other: Any, newest: bool) -> bool:
    return bool(one < other if newest else one > other)


def in_order_of(asking: Asking, field: Field) -> Results:
    """Answer a question with ``sort``."""
    after = asking.query.after
    sorting = _Sorting(asking, field, None if after is None else decode_sorted(after, field))
    return page_of(asking, (event for event in _streams(sorting) if sorting.is_behind(event)))


def _streams(sorting: _Sorting) -> Iterator[Event]:
    if sorting.field.name in DERIVED:
        yield from _by_event_id(sorting)
        return
    if sorting.after is None or sorting.after[0] is not None:
        places = sorting.asking.fields.ordered(sorting.field.name)
        having = [stream for place in places for stream in _of_place(sorting, place)]
        yield from heapq.merge(*having, key=sorting.key, reverse=sorting.asking.newest)
    yield from _without_value(sorting)


def _without_value(sorting: _Sorting) -> Iterator[Event]:
    asking, name = sorting.asking, sorting.field.name
    has = compile_condition(Match(name, Operator.EXISTS), asking.fields)
    place = sorting.after[1] if sorting.after and sorting.after[0] is None else None
    for event in by_time(asking, [Bool(must_not=[has.sure])], place):
        if event.get(name) is None:
            yield event


def _of_place(sorting: _Sorting, place: Place) -> list[Iterator[Event]]:
    """Return the streams of the events whose value lies at a place."""
    asking = sorting.asking
    there: list[Query] = [asking.fields.of_layout(place.layout), Exists(field=place.path)]
    if place.event_ids is not None:
        there.append(with_ids(place.event_ids, asking.fields))
    own = place.layout is Layout.OWN
    if not place.faithful or (place.is_guid and not own):
        return [_sorted_here(sorting, place, there)]
    streams = [_sorted_there(sorting, place, there)]
    if place.cut is not None:
        streams.append(_sorted_here(sorting, place, [there[0], Term(_ignored=place.cut), *there[2:]]))
    return streams


def _sorted_there(sorting: _Sorting, place: Place, there: list[Query]) -> Iterator[Event]:
    """Yield events in the order that the index has for their values."""
    asking = sorting.asking
    if sorting.after is not None and sorting.after[0] is not None:
        there = [*there, _behind(place, sorting.after[0], sorting.after[1], asking.newest)]
    for block in asking.events(there, [place.path, "@timestamp"], asking.query.size + _SLACK):
        valued = [event for event in block if sort_value(event, sorting.field) is not None]
        yield from sorted(valued, key=sorting.key, reverse=asking.newest)


def _sorted_here(sorting: _Sorting, place: Place, there: list[Query]) -> Iterator[Event]:
    """Yield the same where the index has no order of the values, or none that is ours."""
    asking = sorting.asking
    found: list[Event] = []
    for block in asking.events(there, ["@timestamp"], 1_000):
        found += (event for event in block if sort_value(event, sorting.field) is not None)
        if len(found) > _SORTED_HERE:
            raise BadQuery(
                f"More than {_SORTED_HERE:,} events would have to be sorted by {sorting.field.name} outside"
                f" the index, which does not hold the values of {place.path} in their order. Narrow the"
                " search, or sort by time."
            )
    yield from sorted(found, key=sorting.key, reverse=asking.newest)


def _behind(place: Place, value: str | int, at: events.Place, newest: bool) -> Query:
    """Return what documents at or behind a value and a time match; it may match more."""
    equal = _indexed(place, value)
    beyond = {"lt" if newest else "gt": equal}
    if isinstance(value, str) and len(value) >= SORTED_LENGTH:
        # Longer texts with this beginning are equal to it, and stand behind it in the index.
        return Range(place.path, {"lte": value + _HIGHEST} if newest else {"gte": value})
    same = Bool(filter=[Range(place.path, {"gte": equal, "lte": equal}), behind_time(at, newest)])
    return Bool(should=[Range(place.path, beyond), same], minimum_should_match=1)


def _indexed(place: Place, value: str | int) -> str | int:
    """Return a sort value as the index has it."""
    if place.form is Form.DATE and isinstance(value, int):
        return value // 1000
    if place.form is Form.KEYWORD and isinstance(value, int):  # UtcTime, as a text.
        return time_text(_EPOCH + timedelta(microseconds=value))
    return value


def _by_event_id(sorting: _Sorting) -> Iterator[Event]:
    """Yield events by what their IDs say, one value after the other."""
    asking = sorting.asking
    ids: dict[str, list[int]] = {}
    for event_id in _ids_of(asking):
        value = str(category_of(event_id)) if sorting.field.name == "Category" else kind_name(event_id)
        ids.setdefault(value, []).append(event_id)
    for value in sorted(ids, reverse=asking.newest):
        if sorting.after is None or not _is_behind(sorting.after[0], value, asking.newest):
            place = sorting.after[1] if sorting.after and sorting.after[0] == value else None
            yield from by_time(asking, [with_ids(ids[value], asking.fields)], place)


def _ids_of(asking: Asking) -> set[int]:
    """Return the IDs of the events that may match."""
    search = Search().query(compile_query(asking.query, asking.fields).maybe)
    search = search.extra(size=0, track_total_hits=False)
    if asking.fields.runtime:
        search = search.extra(runtime_mappings=asking.fields.runtime)
    for number, place in enumerate(asking.fields.ordered("EventId")):
        search.aggs.bucket(str(number), A("terms", field=place.path, size=_MOST_IDS))
    answer = asking.connection.search(search.to_dict(), indices=asking.fields.indices, budget=asking.budget)
    buckets = (found["buckets"] for found in answer.get("aggregations", {}).values())
    return {int(bucket["key"]) for some in buckets for bucket in some}
