"""Counting documents per combination of values, in the index, class of documents by class.

Each class is one composite aggregation, read page by page; the classes' pages travel together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from elasticsearch_dsl.query import Bool, Query, Range

from app.store.elastic.bodies import (
    EVENT_ID,
    TIME,
    is_in_order,
    search_body,
    start_at,
    value_in,
    value_of,
)
from app.store.elastic.classes import DocumentClass, classes_of
from app.store.elastic.connection import Connection
from app.store.elastic.places import Fields, Form, Place
from app.store.port import Budget
from app.sysmon.events import Event, microseconds
from app.sysmon.fields import DERIVED, FIELDS
from app.sysmon.kinds import category_of, kind_name
from app.sysmon.query import SortValue

MOST_ROWS: Final = 100_000
"""So many combinations of a class are read where the index has them in another order than ours."""

EXACT: Final = 2**53
"""Least and greatest times come as floating point, which is exact up to here only."""

_PAGE: Final = 10_000
_STEP: Final = "step"
_MOMENT: Final = "moment"
_MILLISECOND: Final = timedelta(milliseconds=1)

Key = tuple[tuple[SortValue, ...], int | None]
"""The values of the names, and where the step begins: times are microseconds since 1970."""


@dataclass(slots=True)
class Tally:
    """Documents that are alike: how many, and between which record times."""

    count: int = 0
    first: int | None = None
    last: int | None = None

    def add(self, count: int, first: int | None, last: int | None) -> None:
        """Add some documents, with their first and last time where these are asked for."""
        self.count += count
        if first is not None:
            self.first = first if self.first is None else min(self.first, first)
        if last is not None:
            self.last = last if self.last is None else max(self.last, last)


@dataclass(frozen=True, slots=True)
class Combinations:
    """What was counted; not ``complete``: there are more than the limit, or the most.

    ``beside``: the answers to what was asked beside.
    """

    found: dict[Key, Tally]
    complete: bool
    beside: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Combining:
    """What is counted, and per what.

    ``limit``: so many combinations, the first ones, will do; None: all are needed. ``times``:
    whether first and last times are wanted.
    """

    connection: Connection
    fields: Fields
    budget: Budget
    names: tuple[str, ...]
    step: timedelta | None = None
    limit: int | None = None
    most: int = MOST_ROWS
    times: bool = True

    def combinations(self, query: Query, beside: Sequence[dict[str, Any]] = ()) -> Combinations:
        """Count what matches; searches ``beside`` go with the first request."""
        pagings = [_Paging(self, one) for one in classes_of(self.fields, self.indexed_names)]
        answers = self._read(query, pagings, beside)
        beyond = [paging.of_moments() for paging in pagings if paging.is_beyond()]
        self._read(query, beyond)
        for paging in beyond:
            paging.correct()
        found: dict[Key, Tally] = {}
        for paging in pagings:
            for key, tally in paging.found.items():
                found.setdefault(key, Tally()).add(tally.count, tally.first, tally.last)
        return Combinations(found, all(paging.complete for paging in pagings), answers)

    def add(self, events: Sequence[Event], found: dict[Key, Tally]) -> None:
        """Add events that were read."""
        for event in events:
            at = microseconds(event.time)
            values = tuple(value_in(event, name) for name in self.names)
            found.setdefault((values, self.start(at)), Tally()).add(1, at, at)

    @property
    def indexed_names(self) -> tuple[str, ...]:
        """The names that the index holds: Category and Kind are read from the event ID."""
        names = [name for name in self.names if name not in DERIVED]
        return tuple(names if len(names) == len(self.names) else dict.fromkeys([*names, EVENT_ID]))

    def start(self, at: int) -> int | None:
        """Return where the step begins that holds a moment."""
        return None if self.step is None else microseconds(start_at(at, self.step))

    def _read(
        self, query: Query, pagings: Sequence[_Paging], beside: Sequence[dict[str, Any]] = ()
    ) -> list[dict[str, Any]]:
        """Read the pages of all classes; return the answers to what is asked beside."""
        waiting, bodies = list(pagings), list(beside)
        said: list[dict[str, Any]] = []
        while waiting or bodies:
            self.budget.check()
            asked = [*bodies, *(paging.body(query) for paging in waiting)]
            answers = self.connection.searches(
                [(self.fields.indices, body) for body in asked], budget=self.budget
            )
            said += answers[: len(bodies)]
            pages = zip(waiting, answers[len(bodies) :], strict=True)
            waiting, bodies = [paging for paging, answer in pages if paging.take(answer)], []
        return said


@dataclass(slots=True)
class _Paging:
    """The combinations of one class of documents, as far as they are read.

    With ``moments`` only documents at times that floating point does not hold are read, and
    their times with them.
    """

    combining: Combining
    documents: DocumentClass
    moments: bool = False
    found: dict[Key, Tally] = field(default_factory=dict)
    complete: bool = True
    _after: Mapping[str, Any] | None = None
    _rows: int = 0
    _exact: dict[Key, Tally] = field(default_factory=dict)

    def body(self, query: Query) -> dict[str, Any]:
        """Return the search for the next page."""
        filters = [query, *self.documents.filters]
        if self.moments:
            path = self._time.path
            beyond = [Range(path, {"gt": EXACT}), Range(path, {"lt": -EXACT})]
            filters.append(Bool(should=beyond, minimum_should_match=1))
        asked = Bool(filter=filters, must_not=list(self.documents.excluded))
        sources, times = self._sources(), self._times()
        if not sources:
            return search_body(self.combining.fields, asked, track_total_hits=True, aggs=times)
        composite: dict[str, Any] = {"size": self._size, "sources": sources}
        if self._after is not None:
            composite["after"] = self._after
        aggregation = {"composite": composite, **({"aggs": times} if times else {})}
        return search_body(self.combining.fields, asked, aggs={"rows": aggregation})

    def take(self, answer: Mapping[str, Any]) -> bool:
        """Add the page; tell whether another is needed."""
        aggregations = answer.get("aggregations", {})
        if not self._sources():
            total = answer["hits"]["total"]["value"]
            if total:
                self._add({}, total, aggregations)
            return False
        rows = aggregations["rows"]["buckets"] if aggregations else []
        for row in rows:
            self._add(row["key"], row["doc_count"], row)
        if len(rows) < self._size:
            return False
        self._after, self._rows = aggregations["rows"]["after_key"], self._rows + len(rows)
        self.complete = not self._has_enough()
        return self.complete

    def is_beyond(self) -> bool:
        """Tell whether some times are not exact."""
        if self._time.form is not Form.MICROSECONDS or not self.combining.times:
            return False
        return any(
            abs(tally.first or 0) >= EXACT or abs(tally.last or 0) >= EXACT for tally in self.found.values()
        )

    def of_moments(self) -> _Paging:
        """Return what reads the times of the same combinations."""
        return replace(self, moments=True, _after=None, _rows=0, _exact={})

    def correct(self) -> None:
        """Put exact times where they were not."""
        for key, exact in self._exact.items():
            tally = self.found.get(key)
            if tally is None:  # Behind the last page that was read, or stored meanwhile.
                continue
            if abs(tally.first or 0) >= EXACT:
                tally.first = exact.first
            if abs(tally.last or 0) >= EXACT:
                tally.last = exact.last

    @property
    def _time(self) -> Place:
        places = self.combining.fields.ordered(TIME)
        return next(place for place in places if place.layout is self.documents.layout)

    @property
    def _size(self) -> int:
        limit = self.combining.limit
        return _PAGE if limit is None or self.moments else min(limit + 1, _PAGE)

    def _has_enough(self) -> bool:
        limit = self.combining.limit
        if limit is None or self.moments:
            return False
        return (
            len(self.found) > limit if self._is_in_order() else self._rows >= max(self.combining.most, limit)
        )

    def _is_in_order(self) -> bool:
        if len(self.combining.indexed_names) != len(self.combining.names):
            return False
        return all(
            len(places) <= 1 and all(is_in_order(place, FIELDS[name]) for place in places)
            for name, places in zip(self.combining.names, self.documents.places, strict=True)
        )

    def _sources(self) -> list[dict[str, Any]]:
        paths = dict.fromkeys(place.path for places in self.documents.places for place in places)
        sources: list[dict[str, Any]] = [
            {path: {"terms": {"field": path, "missing_bucket": True}}} for path in paths
        ]
        step = self.combining.step
        if step is not None:
            if step % _MILLISECOND:
                source: dict[str, Any] = {"terms": {"field": self._time.path}}
            else:
                interval = f"{step // _MILLISECOND}ms"
                source = {"date_histogram": {"field": "@timestamp", "fixed_interval": interval}}
            sources.append({_STEP: source})
        if self.moments:
            sources.append({_MOMENT: {"terms": {"field": self._time.path}}})
        return sources

    def _times(self) -> dict[str, Any]:
        if not self.combining.times or self.moments:
            return {}
        return times_of(self._time)

    def _add(self, key: Mapping[str, Any], count: int, row: Mapping[str, Any]) -> None:
        values = tuple(self._values(key))
        start = None
        if self.combining.step is not None:
            at = int(key[_STEP])
            is_exact = self.combining.step % _MILLISECOND and self._time.form is Form.MICROSECONDS
            start = self.combining.start(at if is_exact else at * 1000)
        if self.moments:
            moment = int(key[_MOMENT])
            self._exact.setdefault((values, start), Tally()).add(0, moment, moment)
        else:
            first, last = first_and_last(row, self._time) if self.combining.times else (None, None)
            self.found.setdefault((values, start), Tally()).add(count, first, last)

    def _values(self, key: Mapping[str, Any]) -> Iterator[SortValue]:
        names = self.combining.indexed_names
        known = {
            name: _first(places, name, key) for name, places in zip(names, self.documents.places, strict=True)
        }
        for name in self.combining.names:
            if name in DERIVED:
                event_id = known[EVENT_ID]
                yield None if event_id is None else derived(name, int(event_id))
            else:
                yield known[name]


def _first(places: Sequence[Place], name: str, key: Mapping[str, Any]) -> SortValue:
    """Return the value in the first place that a document has."""
    there = (place for place in places if key[place.path] is not None)
    place = next(there, None)
    return None if place is None else value_of(place, FIELDS[name], key[place.path])


def derived(name: str, event_id: int) -> str:
    """Return what an event ID says of Category or Kind."""
    return str(category_of(event_id)) if name == "Category" else kind_name(event_id)


def times_of(place: Place) -> dict[str, Any]:
    """Return the aggregations for the first and the last time."""
    return {"first": {"min": {"field": place.path}}, "last": {"max": {"field": place.path}}}


def first_and_last(row: Mapping[str, Any], place: Place) -> tuple[int | None, int | None]:
    """Return what ``times_of`` found, in microseconds."""
    factor = 1000 if place.form is Form.DATE else 1
    first, last = row["first"]["value"], row["last"]["value"]
    return (None if first is None else int(first) * factor, None if last is None else int(last) * factor)
