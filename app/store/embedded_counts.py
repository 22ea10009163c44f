"""Counting events: in all, per step of time, per value, per combination of values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from app.store.catalogue import Segment
from app.store.embedded_ids import event_ids_of, speaks_of_event_ids_only
from app.store.embedded_match import Operand, Parameters
from app.store.embedded_picked import CREATION, KEPT, KEPT_OF_CREATIONS
from app.store.embedded_rows import time_at
from app.store.embedded_search import Searcher, paths_of
from app.store.embedded_sql import Statement, value_of
from app.store.embedded_values import are_summed
from app.store.port import Bucket, Budget, Count, Group, Groups, Terms
from app.store.summary import SUMMARY_COLUMNS
from app.sysmon.condition import EVERYTHING, equals_any
from app.sysmon.events import microseconds
from app.sysmon.fields import DERIVED, FIELDS, SOURCE_EVENTS, SOURCE_NAMES, Field
from app.sysmon.query import EventQuery
from app.sysmon.text import fold

_MOST_SUMMED: Final = 100_000
"""Up to so many values are taken from the summaries, to take from them what they count too much."""

_SOURCE_OF: Final = {
    name: source for source, name in SOURCE_NAMES.items() if FIELDS[name].column in SUMMARY_COLUMNS
}


@dataclass(frozen=True, slots=True)
class Counting:
    """Counts the events of one query; see ``port.EventStore`` for what each method promises."""

    searcher: Searcher
    query: EventQuery
    budget: Budget

    def count(self) -> Count:
        """Count all."""
        total = 0
        asked = []
        for segment in self.searcher.segments(self.query):
            known = _known_rows(segment, self.query)
            total += known or 0
            if known is None:
                asked.append(segment)
        if asked:
            statement, matching = self._matching(asked, "1")
            total += self._rows(f"SELECT count(*) FROM ({matching})", statement)[0][0]
        return Count(total)

    def histogram(self, step: int) -> tuple[Bucket, ...]:
        """Count per step of so many microseconds and event ID."""
        segments = self.searcher.segments(self.query)
        if not segments:
            return ()
        statement, matching = self._matching(segments, "time, event_id")
        start = _start_of(step, segments, statement.parameters)
        sql = f"SELECT {start}, event_id, count(*) FROM ({matching}) GROUP BY 1, 2 ORDER BY 1, 2"
        rows = self._rows(sql, statement)
        return tuple(Bucket(time_at(at), event_id, count) for at, event_id, count in rows)

    def groups(self, names: Sequence[str], step: int | None, limit: int) -> Groups:
        """Count per combination of values, and per step if there is one."""
        segments = self.searcher.segments(self.query)
        if not segments:
            return Groups((), True)
        fields = [FIELDS[name] for name in names]
        values = ", ".join([*_named_values(fields), "time"])
        statement, matching = self._matching(segments, values, kept=_are_kept(fields, self.query))
        start = None if step is None else _start_of(step, segments, statement.parameters)
        sql = _groups_sql(matching, fields, start, statement.parameters.bind(limit + 1))
        return _groups_of(self._rows(sql, statement), limit)

    def terms(self, names: Sequence[str], size: int, *, rarest: bool = False) -> tuple[Terms, ...]:
        """Count per value of each of these fields; events are read once for all of them."""
        segments = self.searcher.segments(self.query)
        if not segments:
            return (Terms((), 0, 0),) * len(names)
        found: dict[str, Terms] = {}
        if all(_is_wanted_whole(segment, self.query) for segment in segments):
            found = self._summed(names, segments, size, rarest)
        asked = [FIELDS[name] for name in dict.fromkeys(names) if name not in found]
        if asked:
            found |= self._terms(asked, segments, size, rarest)
        return tuple(found[name] for name in names)

    def _summed(
        self, names: Sequence[str], segments: Sequence[Segment], size: int, rarest: bool
    ) -> dict[str, Terms]:
        """Count from the value summaries what they know of all events of these segments."""
        values = self.searcher.values
        found = {
            name: values.terms(FIELDS[name].column, segments, size, rarest, self.budget)
            for name in dict.fromkeys(names)
            if are_summed(FIELDS[name])
        }
        # Of events 8 and 10 the summaries count the source process too, under the same column.
        sources = {name: _SOURCE_OF[name] for name in names if name in _SOURCE_OF}
        if not sources:
            return found
        query = replace(self.query, condition=equals_any("EventId", map(str, sorted(SOURCE_EVENTS))))
        of_sources = Counting(self.searcher, query, self.budget).terms(list(sources.values()), _MOST_SUMMED)
        events = sum(segment.rows for segment in segments)
        for name, less in zip(sources, of_sources, strict=True):
            column = FIELDS[name].column
            whole = values.terms(column, segments, _MOST_SUMMED, False, self.budget)
            if whole.distinct <= _MOST_SUMMED:
                found[name] = _without(whole, less, events, size, rarest)
        return found

    def _terms(
        self, fields: Sequence[Field], segments: Sequence[Segment], size: int, rarest: bool
    ) -> dict[str, Terms]:
        statement, matching = self._matching(segments, ", ".join(_named_values(fields)))
        most, direction = statement.parameters.bind(size), "ASC" if rarest else "DESC"
        matched = f"matched AS {'MATERIALIZED' if len(fields) > 1 else 'NOT MATERIALIZED'} ({matching})"
        counted, asked = [matched], []
        for number, field in enumerate(fields):
            text = Operand("v", field.type).text()
            counted.append(
                f"c{number} AS MATERIALIZED (SELECT v{number} AS v, count(*) AS n FROM matched GROUP BY 1)"
            )
            asked.append(
                f"SELECT {number}, NULL, count(v), CAST(coalesce(sum(n) FILTER (v IS NULL), 0) AS BIGINT)"
                f" FROM c{number}"
                f" UNION ALL SELECT * FROM (SELECT {number}, {text} AS t, n, NULL"
                f" FROM c{number} WHERE v IS NOT NULL ORDER BY n {direction}, t LIMIT {most})"
            )
        rows = self._rows(f"WITH {', '.join(counted)} {' UNION ALL '.join(asked)}", statement)
        return {field.name: _terms_of(number, rows) for number, field in enumerate(fields)}

    def _matching(
        self, segments: Sequence[Segment], selected: str, *, kept: bool = False
    ) -> tuple[Statement, str]:
        statement = self.searcher.statement(self.query, segments, self.budget, kept=kept)
        return statement, statement.matching(self.query, paths_of(segments), selected)

    def _rows(self, sql: str, statement: Statement) -> list[tuple[Any, ...]]:
        return self.searcher.rows(sql, statement, self.budget)


def _without(whole: Terms, less: Terms, events: int, size: int, rarest: bool) -> Terms:
    """Return the terms of so many events, less those of some that have a field by another name."""
    counts = Counter(dict(whole.values))
    counts.subtract(dict(less.values))
    left = [(value, count) for value, count in counts.items() if count > 0]
    left.sort(key=lambda item: (item[1] if rarest else -item[1], item[0]))
    return Terms(tuple(left[:size]), len(left), events - sum(count for _, count in left))


def _named_values(fields: Sequence[Field]) -> list[str]:
    return [f"{value_of(field)} AS v{number}" for number, field in enumerate(fields)]


_CALENDAR_BEGINS: Final = microseconds(datetime.min.replace(tzinfo=UTC))


def _start_of(step: int, segments: Sequence[Segment], parameters: Parameters) -> str:
    """Return the expression of the start of an event's step of so many microseconds."""
    bound = parameters.bind(step)
    if all(segment.first_time >= 0 for segment in segments):
        return f"epoch_us(time) // {bound} * {bound}"
    # The remainder of a time before 1970 is negative, hence twice.
    start = f"epoch_us(time) - (epoch_us(time) % {bound} + {bound}) % {bound}"
    return f"greatest({start}, {_CALENDAR_BEGINS})"


def _terms_of(number: int, rows: Sequence[tuple[Any, ...]]) -> Terms:
    (_, _, distinct, missing), *counts = (row for row in rows if row[0] == number)
    return Terms(tuple((value, count) for _, value, count, _ in counts), distinct, missing)


def _groups_sql(matching: str, fields: Sequence[Field], start: str | None, most: str) -> str:
    """Return the question for at most so many groups: values, start, count, first, last."""
    values = [f"v{number}" for number in range(len(fields))]
    keys = values if start is None else [*values, "start"]
    grouped = "".join(f"{key}, " for key in keys)
    texts = [Operand(name, field.type).text() for name, field in zip(values, fields, strict=True)]
    order = ", ".join(f"{key} NULLS FIRST" for key in keys)
    return (
        f"WITH grouped AS (SELECT {grouped}count(*) AS n, min(us) AS early, max(us) AS late"
        f" FROM (SELECT {start or 'NULL'} AS start, epoch_us(time) AS us, * FROM ({matching}))"
        f" GROUP BY {', '.join(keys) or '()'})"
        f" SELECT {', '.join([*texts, 'NULL' if start is None else 'start'])}, n, early, late"
        f" FROM grouped WHERE n > 0 {f'ORDER BY {order}' if order else ''} LIMIT {most}"
    )


def _groups_of(rows: Iterable[tuple[Any, ...]], limit: int) -> Groups:
    groups = [
        Group(tuple(values), None if start is None else time_at(start), count, time_at(first), time_at(last))
        for *values, start, count, first, last in rows
    ]
    return Groups(tuple(groups[:limit]), len(groups) <= limit)


def _are_kept(fields: Sequence[Field], query: EventQuery) -> bool:
    """Tell whether a question about all events, or all creations, needs columns in memory only."""
    if not speaks_of_event_ids_only(query.condition):
        return False
    columns = {field.column for field in fields if field.name not in DERIVED}
    return columns <= (KEPT_OF_CREATIONS if event_ids_of(query.condition) == frozenset({CREATION}) else KEPT)


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
