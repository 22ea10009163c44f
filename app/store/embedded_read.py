"""The embedded store's reading side: catalogue, value summaries and DuckDB put together.

A page is found in two steps: places and row numbers first, from few columns; then whole
rows. Segments are gone through newest first (or oldest), each time more of them at once:
what is common is found in the first, and what is rare in one query over all the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Final, TypeVar

from app.errors import BadQuery, NotFound
from app.settings import Settings
from app.store.catalogue import Catalogue, Segment
from app.store.embedded_engine import Engine, FileGone
from app.store.embedded_groups import groups_of, groups_sql, start_of
from app.store.embedded_ids import event_ids_of, speaks_of_event_ids_only
from app.store.embedded_keys import KeyFinder
from app.store.embedded_match import Operand
from app.store.embedded_rarity import RarityFinder
from app.store.embedded_rows import KEY_COLUMNS, EventReader, Found, time_at
from app.store.embedded_sql import Statement, order_by, value_of
from app.store.embedded_values import Values, are_summed
from app.store.port import RARITY_FIELDS, Bucket, Budget, Count, Groups, Rarity, Results, Terms
from app.sysmon.condition import EVERYTHING
from app.sysmon.events import Event, EventKey, Place, microseconds
from app.sysmon.fields import FIELDS
from app.sysmon.query import EventQuery, Order, decode_cursor, encode_cursor
from app.sysmon.text import fold

T = TypeVar("T")

_FIRST_ROWS: Final = 500_000
_FIRST_FILES: Final = 16
_GROWTH: Final = 8


class EmbeddedReader:
    """The reading methods of ``port.EventStore``, each as it is promised there."""

    def __init__(self, catalogue: Catalogue, settings: Settings) -> None:
        self._catalogue = catalogue
        self._seconds = settings.query_seconds
        self._engine = Engine(settings, catalogue.folder / "segments")
        self._values = Values(self._engine)
        self._events = EventReader(self._engine)
        self._keys = KeyFinder(self._engine, self._events)
        self._rarity = RarityFinder(self._engine)

    def search(self, query: EventQuery, budget: Budget | None = None) -> Results:
        budget = budget or self._budget()
        place = None if query.after is None else decode_cursor(query.after)
        return _retried(lambda: self._page(query, place, budget))

    def count(self, query: EventQuery, budget: Budget | None = None) -> Count:
        budget = budget or self._budget()
        return _retried(lambda: self._count(query, budget))

    def histogram(
        self, query: EventQuery, step: timedelta, budget: Budget | None = None
    ) -> tuple[Bucket, ...]:
        budget = budget or self._budget()
        return _retried(lambda: self._histogram(query, step // timedelta(microseconds=1), budget))

    def terms(
        self, query: EventQuery, name: str, size: int, *, rarest: bool = False, budget: Budget | None = None
    ) -> Terms:
        budget = budget or self._budget()
        return _retried(lambda: self._terms(query, name, size, rarest, budget))

    def groups(
        self,
        query: EventQuery,
        names: Sequence[str],
        step: timedelta | None,
        limit: int,
        budget: Budget | None,
    ) -> Groups:
        budget = budget or self._budget()
        microseconds_ = None if step is None else step // timedelta(microseconds=1)
        return _retried(lambda: self._groups(query, names, microseconds_, limit, budget))

    def rarity(
        self, values: Sequence[tuple[str, str]], budget: Budget | None = None
    ) -> tuple[Rarity | None, ...]:
        for name, _ in values:
            if name not in RARITY_FIELDS:
                raise BadQuery(f"There is no rarity of the field {name}.")
        budget = budget or self._budget()
        return _retried(lambda: self._rarity.find(values, self._catalogue.live(), budget))

    def event(self, key: EventKey, budget: Budget | None = None) -> Event:
        for event in self.events([key], budget):
            return event
        raise NotFound(f"No event {key} is stored.")

    def events(self, keys: Sequence[EventKey], budget: Budget | None = None) -> tuple[Event, ...]:
        budget = budget or self._budget()
        found = _retried(lambda: self._keys.events(keys, self._catalogue.live(), budget))
        by_key = {event.key: event for event in found}
        return tuple(by_key[key] for key in keys if key in by_key)

    def close(self) -> None:
        """Give back the memory that queries hold."""
        self._engine.close()

    def _budget(self) -> Budget:
        return Budget(self._seconds)

    def _segments(self, query: EventQuery) -> list[Segment]:
        return self._catalogue.segments(
            query.start, query.end, query.computers, event_ids_of(query.condition)
        )

    def _statement(self, query: EventQuery, segments: Sequence[Segment], budget: Budget) -> Statement:
        """Return a statement that knows what the value summaries of these segments say."""
        return Statement(hits=self._values.hits(query.condition, segments, budget))

    def _page(self, query: EventQuery, place: Place | None, budget: Budget) -> Results:
        found = self._find(query, place, budget)
        events = self._events.read(found[: query.size], budget)
        more = len(found) > query.size
        return Results(tuple(events), encode_cursor(found[query.size - 1].place) if more else None)

    def _find(self, query: EventQuery, place: Place | None, budget: Budget) -> list[Found]:
        """Return the first ``query.size + 1`` events behind ``place``."""
        newest = query.order is Order.NEWEST
        segments = _behind(self._segments(query), place, query.order)
        found: list[Found] = []
        rows, files = _FIRST_ROWS, _FIRST_FILES
        while segments:
            some = list(_first(segments, rows, files))
            last = found[query.size] if len(found) > query.size else None
            found += self._find_in(some, query, place, last, budget)
            found.sort(key=lambda one: one.place, reverse=newest)
            del found[query.size + 1 :]
            segments = segments[len(some) :]
            if len(found) > query.size:
                segments = _before(segments, found[query.size].place, query.order)
            rows, files = rows * _GROWTH, files * _GROWTH
        return found

    def _find_in(
        self,
        segments: Sequence[Segment],
        query: EventQuery,
        place: Place | None,
        last: Found | None,
        budget: Budget,
    ) -> Iterator[Found]:
        """Yield the first matching events of segments, between ``place`` and ``last``."""
        statement = self._statement(query, segments, budget)
        branches = statement.branches(query)
        paths = _paths(segments)
        bounds = ""
        if place is not None:
            bounds += f" AND {statement.behind(place, query.order)}"
        if last is not None:
            bounds += f" AND {statement.not_after(last.place[0], query.order)}"
        sql = " UNION ALL ".join(
            f"(SELECT {KEY_COLUMNS} FROM {statement.source(files)} WHERE {branch.where}{bounds}"
            f" ORDER BY {order_by(query.order)} LIMIT {query.size + 1})"
            for branch in branches
            if (files := [file for file in paths if branch.files is None or file in branch.files])
        )
        if sql:
            rows = self._engine.rows(sql, statement.parameters.values, budget)
            yield from dict.fromkeys(map(Found.of, rows))  # Two branches may find one event.

    def _count(self, query: EventQuery, budget: Budget) -> Count:
        total = 0
        asked = []
        for segment in self._segments(query):
            known = _known_rows(segment, query)
            total += known or 0
            if known is None:
                asked.append(segment)
        if asked:
            statement = self._statement(query, asked, budget)
            source = statement.source(_paths(asked))
            sql = f"SELECT count(*) FROM {source} WHERE {statement.where(query)}"
            total += self._engine.rows(sql, statement.parameters.values, budget)[0][0]
        return Count(total)

    def _histogram(self, query: EventQuery, step: int, budget: Budget) -> tuple[Bucket, ...]:
        segments = self._segments(query)
        if not segments:
            return ()
        statement = self._statement(query, segments, budget)
        source, where = statement.source(_paths(segments)), statement.where(query)
        bound = statement.parameters.bind(step)
        start = start_of(bound)
        sql = f"SELECT {start}, event_id, count(*) FROM {source} WHERE {where} GROUP BY 1, 2 ORDER BY 1, 2"
        rows = self._engine.rows(sql, statement.parameters.values, budget)
        return tuple(Bucket(time_at(at), event_id, count) for at, event_id, count in rows)

    def _groups(
        self, query: EventQuery, names: Sequence[str], step: int | None, limit: int, budget: Budget
    ) -> Groups:
        segments = self._segments(query)
        if not segments:
            return Groups((), True)
        statement = self._statement(query, segments, budget)
        source, where = statement.source(_paths(segments)), statement.where(query)
        sql = groups_sql(names, step, limit, source, where, statement.parameters)
        return groups_of(self._engine.rows(sql, statement.parameters.values, budget), limit)

    def _terms(self, query: EventQuery, name: str, size: int, rarest: bool, budget: Budget) -> Terms:
        field = FIELDS[name]
        segments = self._segments(query)
        if not segments:
            return Terms((), 0, 0)
        if are_summed(field) and all(_is_wanted_whole(segment, query) for segment in segments):
            return self._values.terms(field, segments, size, rarest, budget)
        statement = self._statement(query, segments, budget)
        source, where = statement.source(_paths(segments)), statement.where(query)
        value = value_of(field)
        text = Operand("v", field.type).text()
        sql = (
            f"WITH counted AS MATERIALIZED (SELECT {value} AS v, count(*) AS n FROM {source}"
            f" WHERE {where} GROUP BY 1)"
            " SELECT NULL, count(v), CAST(coalesce(sum(n) FILTER (v IS NULL), 0) AS BIGINT) FROM counted"
            f" UNION ALL SELECT * FROM (SELECT {text} AS t, n, NULL FROM counted WHERE v IS NOT NULL"
            f" ORDER BY n {'ASC' if rarest else 'DESC'}, t LIMIT {statement.parameters.bind(size)})"
        )
        (_, distinct, missing), *counts = self._engine.rows(sql, statement.parameters.values, budget)
        return Terms(tuple((value, count) for value, count, _ in counts), distinct, missing)


def _retried(work: Callable[[], T]) -> T:
    """Do the work, and once more where a file was replaced meanwhile.

    The work begins with reading the catalogue, which then names the new file.
    """
    try:
        return work()
    except FileGone:
        return work()


def _first(segments: Sequence[Segment], rows: int, files: int) -> Iterator[Segment]:
    """Yield at most so many segments, until they have so many rows together; one at least."""
    for segment in segments[:files]:
        yield segment
        rows -= segment.rows
        if rows <= 0:
            return


def _paths(segments: Sequence[Segment]) -> list[str]:
    return [str(segment.path) for segment in segments]


def _behind(segments: Sequence[Segment], place: Place | None, order: Order) -> list[Segment]:
    """Return the segments that may hold events behind ``place``, in the order to look."""
    if order is Order.NEWEST:
        kept = [one for one in segments if place is None or one.first_time <= place[0]]
        return sorted(kept, key=lambda one: one.last_time, reverse=True)
    kept = [one for one in segments if place is None or one.last_time >= place[0]]
    return sorted(kept, key=lambda one: one.first_time)


def _before(segments: Sequence[Segment], place: Place, order: Order) -> list[Segment]:
    """Return the segments that may hold events before ``place``."""
    if order is Order.NEWEST:
        return [one for one in segments if one.last_time >= place[0]]
    return [one for one in segments if one.first_time <= place[0]]


def _is_inside(segment: Segment, query: EventQuery) -> bool:
    """Tell whether all events of a segment are in the query's time range."""
    return (query.start is None or microseconds(query.start) <= segment.first_time) and (
        query.end is None or segment.last_time < microseconds(query.end)
    )


def _is_wanted_whole(segment: Segment, query: EventQuery) -> bool:
    return query.condition == EVERYTHING and not query.computers and _is_inside(segment, query)


def _known_rows(segment: Segment, query: EventQuery) -> int | None:
    """Return how many events match, where the catalogue can tell; else None."""
    if not _is_inside(segment, query) or not speaks_of_event_ids_only(query.condition):
        return None
    ids = event_ids_of(query.condition)
    if query.computers:
        if ids is not None:
            return None
        names = {fold(name) for name in query.computers}
        return sum(held.rows for name, held in segment.computers.items() if name in names)
    return segment.rows if ids is None else sum(segment.event_ids.get(id_, 0) for id_ in ids)
