"""Pages of events: places and row numbers first, from few columns; then whole rows.

Segments are gone through newest first (or oldest), each time more of them at once: what is
common is found in the first, and what is rare in one query over all the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.store.catalogue import Segment, holding
from app.store.embedded_engine import Engine
from app.store.embedded_guids import PICKED, GuidFinder, few
from app.store.embedded_ids import event_ids_of
from app.store.embedded_picked import PickedReader
from app.store.embedded_rows import KEY_COLUMNS, Found
from app.store.embedded_sql import Statement, order_by
from app.store.embedded_values import Values
from app.store.port import Budget
from app.sysmon.events import Place
from app.sysmon.query import EventQuery, Order

_FIRST_ROWS: Final = 500_000
_FIRST_FILES: Final = 16
_GROWTH: Final = 8


@dataclass(frozen=True, slots=True)
class Searcher:
    """Finds where events stand, in the order of time.

    ``live`` are all segments, as they were when the question was asked: all of its parts see
    the same events.
    """

    live: Sequence[Segment]
    engine: Engine
    values: Values
    guids: GuidFinder
    picked: PickedReader

    def segments(self, query: EventQuery) -> list[Segment]:
        """Return the segments that may hold events of a query."""
        ids = event_ids_of(query.condition)
        return holding(self.live, query.start, query.end, query.computers, ids)

    def statement(
        self, query: EventQuery, segments: Sequence[Segment], budget: Budget, *, kept: bool = False
    ) -> Statement:
        """Begin an SQL statement that knows what the value summaries of these segments say.

        And, as far as indexes tell it, which rows can match; ``kept``: columns in memory say enough.
        """
        picked = self.guids.pick(query, segments, self.live)
        if picked is None and kept:
            picked = few(query, segments)
        return Statement(hits=self.values.hits(query.condition, segments, budget), picked=picked)

    def rows(self, sql: str, statement: Statement, budget: Budget) -> list[tuple[Any, ...]]:
        """Return the rows of a statement."""
        picked = statement.picked
        tables = {} if picked is None else {PICKED: self.picked.read(picked, sql, budget)}
        return self.engine.rows(sql, statement.parameters.values, budget, tables)

    def first(self, query: EventQuery, place: Place | None, most: int, budget: Budget) -> list[Found]:
        """Return the first matching events behind ``place``, at most so many."""
        newest = query.order is Order.NEWEST
        segments = _behind(self.segments(query), place, query.order)
        found: list[Found] = []
        rows, files = _FIRST_ROWS, _FIRST_FILES
        while segments:
            some = list(_first(segments, rows, files))
            last = found[-1].place if len(found) == most else None
            found += self._in(some, query, (place, last), most, budget)
            found.sort(key=lambda one: one.place, reverse=newest)
            del found[most:]
            segments = segments[len(some) :]
            if len(found) == most:
                segments = _before(segments, found[-1].place, query.order)
            rows, files = rows * _GROWTH, files * _GROWTH
        return found

    def _in(
        self,
        segments: Sequence[Segment],
        query: EventQuery,
        between: tuple[Place | None, Place | None],
        most: int,
        budget: Budget,
    ) -> Iterator[Found]:
        """Yield the first matching events of segments that stand between two places."""
        statement = self.statement(query, segments, budget)
        branches = statement.branches(query)
        paths = paths_of(segments)
        place, last = between
        bounds = ""
        if place is not None:
            bounds += f" AND {statement.behind(place, query.order)}"
        if last is not None:
            bounds += f" AND {statement.not_after(last[0], query.order)}"
        sql = " UNION ALL ".join(
            f"(SELECT {KEY_COLUMNS} FROM {statement.source(files)} WHERE {branch.where}{bounds}"
            f" ORDER BY {order_by(query.order)} LIMIT {most})"
            for branch in branches
            if (files := [file for file in paths if branch.files is None or file in branch.files])
        )
        if sql:
            rows = self.rows(sql, statement, budget)
            yield from dict.fromkeys(map(Found.of, rows))  # Two branches may find one event.


def paths_of(segments: Sequence[Segment]) -> list[str]:
    """Return the names of the files of events."""
    return [str(segment.path) for segment in segments]


def _first(segments: Sequence[Segment], rows: int, files: int) -> Iterator[Segment]:
    """Yield at most so many segments, until they have so many rows together; one at least."""
    for segment in segments[:files]:
        yield segment
        rows -= segment.rows
        if rows <= 0:
            return


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
