"""The embedded store's reading side: catalogue, value summaries and DuckDB put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from app.errors import BadQuery, NotFound
from app.settings import Settings
from app.store.catalogue import Catalogue, Segment
from app.store.embedded_engine import Engine, FileGone
from app.store.embedded_groups import groups_of, groups_sql, start_of
from app.store.embedded_ids import event_ids_of, speaks_of_event_ids_only
from app.store.embedded_keys import KeyFinder
from app.store.embedded_match import Operand
from app.store.embedded_rarity import RarityFinder
from app.store.embedded_rows import EventReader, time_at
from app.store.embedded_search import Searcher, paths_of
from app.store.embedded_sort import Sorter
from app.store.embedded_sql import value_of
from app.store.embedded_values import Values, are_summed
from app.store.port import RARITY_FIELDS, Bucket, Budget, Count, Groups, Rarity, Results, Terms
from app.sysmon.condition import EVERYTHING
from app.sysmon.events import Event, EventKey, microseconds
from app.sysmon.fields import FIELDS
from app.sysmon.query import EventQuery, cursor_behind, decode_cursor, decode_sorted
from app.sysmon.text import fold

T = TypeVar("T")


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
        return _retried(lambda: self._page(query, budget))

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

    def _searcher(self) -> Searcher:
        return Searcher(self._catalogue.live(), self._engine, self._values)

    def _page(self, query: EventQuery, budget: Budget) -> Results:
        field, most = query.sort_field, query.size + 1
        if field is not None:
            behind = None if query.after is None else decode_sorted(query.after, field)
            found = Sorter(self._searcher(), query, field, budget).first(behind, most)
        else:
            place = None if query.after is None else decode_cursor(query.after)
            found = self._searcher().first(query, place, most, budget)
        events = self._events.read(found[: query.size], budget)
        return Results(tuple(events), cursor_behind(query, events[-1]) if len(found) == most else None)

    def _count(self, query: EventQuery, budget: Budget) -> Count:
        total = 0
        asked = []
        searcher = self._searcher()
        for segment in searcher.segments(query):
            known = _known_rows(segment, query)
            total += known or 0
            if known is None:
                asked.append(segment)
        if asked:
            statement = searcher.statement(query, asked, budget)
            source = statement.source(paths_of(asked))
            sql = f"SELECT count(*) FROM {source} WHERE {statement.where(query)}"
            total += self._engine.rows(sql, statement.parameters.values, budget)[0][0]
        return Count(total)

    def _histogram(self, query: EventQuery, step: int, budget: Budget) -> tuple[Bucket, ...]:
        searcher = self._searcher()
        segments = searcher.segments(query)
        if not segments:
            return ()
        statement = searcher.statement(query, segments, budget)
        source, where = statement.source(paths_of(segments)), statement.where(query)
        bound = statement.parameters.bind(step)
        start = start_of(bound)
        sql = f"SELECT {start}, event_id, count(*) FROM {source} WHERE {where} GROUP BY 1, 2 ORDER BY 1, 2"
        rows = self._engine.rows(sql, statement.parameters.values, budget)
        return tuple(Bucket(time_at(at), event_id, count) for at, event_id, count in rows)

    def _groups(
        self, query: EventQuery, names: Sequence[str], step: int | None, limit: int, budget: Budget
    ) -> Groups:
        searcher = self._searcher()
        segments = searcher.segments(query)
        if not segments:
            return Groups((), True)
        statement = searcher.statement(query, segments, budget)
        source, where = statement.source(paths_of(segments)), statement.where(query)
        sql = groups_sql(names, step, limit, source, where, statement.parameters)
        return groups_of(self._engine.rows(sql, statement.parameters.values, budget), limit)

    def _terms(self, query: EventQuery, name: str, size: int, rarest: bool, budget: Budget) -> Terms:
        field = FIELDS[name]
        searcher = self._searcher()
        segments = searcher.segments(query)
        if not segments:
            return Terms((), 0, 0)
        if are_summed(field) and all(_is_wanted_whole(segment, query) for segment in segments):
            return self._values.terms(field, segments, size, rarest, budget)
        statement = searcher.statement(query, segments, budget)
        source, where = statement.source(paths_of(segments)), statement.where(query)
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
