"""Pages of events in the order of a field.

One column is read to learn which values the page has. Of all but the last of them every
event belongs to it; of the last, and of the value where the page before ended, the first
ones in time do, and those the search by time finds. So a page deep in the answer costs what
the first does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from app.store.embedded_match import instant
from app.store.embedded_rows import KEY_COLUMNS, Found, time_at
from app.store.embedded_search import Searcher, paths_of
from app.store.embedded_sql import PLACE_COLUMNS, Statement, value_of
from app.store.port import Budget
from app.sysmon.condition import And, Condition, Match, Not, Operator
from app.sysmon.events import Place, time_text
from app.sysmon.fields import DERIVED, Field, FieldType
from app.sysmon.query import SORTED_LENGTH, EventQuery, Order, SortValue

_ALWAYS_THERE: Final = frozenset({"computer", "event_id", *DERIVED.values()})


@dataclass(frozen=True, slots=True)
class Sorter:
    """Finds where the events of one query stand, in the order of a field."""

    searcher: Searcher
    query: EventQuery
    field: Field
    budget: Budget

    def first(self, behind: tuple[SortValue, Place] | None, most: int) -> list[Found]:
        """Return the first matching events behind a value and place, at most so many."""
        value, place = behind or (None, None)
        if behind is not None and value is None:
            return self._having(None, place, most)
        steps: list[Callable[[int], list[Found]]] = [
            lambda rest: self._behind(value, rest),
            lambda rest: self._having(None, None, rest),
        ]
        if behind is not None:
            steps.insert(0, lambda rest: self._having(value, place, rest))
        found: list[Found] = []
        for step in steps:
            if len(found) < most:
                found += step(most - len(found))
        return found

    def _having(self, value: SortValue, place: Place | None, most: int) -> list[Found]:
        """Return the first events with this value (None: with none), as they stand in time."""
        if value is None and self.field.column in _ALWAYS_THERE:
            return []
        condition = And((*_parts(self.query.condition), _is(self.field, value)))
        query = replace(self.query, condition=condition)
        return self.searcher.first(query, place, most, self.budget)

    def _behind(self, value: SortValue, most: int) -> list[Found]:
        """Return the first events with a value that comes behind this one (None: with any)."""
        values = self._counted(value, most)
        if not values:
            return []
        last = values[-1]
        between = sum(one != last for one in values)
        found = self._between(value, last) if between else []
        return found + self._having(last, None, most - between)

    def _counted(self, value: SortValue, most: int) -> list[SortValue]:
        """Return the values of the first events behind ``value``, ascending or descending."""
        direction = "DESC" if self.query.order is Order.NEWEST else "ASC"
        if self.field.type is not FieldType.TEXT:
            sql = f"SELECT {{out}} FROM ({{events}}) ORDER BY v {direction} LIMIT {most}"
            return [one for (one,) in self._rows(sql, value, None)]
        # There are few texts, often repeated, and the greatest may be in all groups of rows.
        sql = f"SELECT v, count(*) FROM ({{events}}) GROUP BY v ORDER BY v {direction} LIMIT {most}"
        values: list[SortValue] = []
        for text, count in self._rows(sql, value, None):
            values += [text[:SORTED_LENGTH]] * min(count, most - len(values))
        return values

    def _between(self, value: SortValue, last: SortValue) -> list[Found]:
        """Return all events with a value between these two, in order."""
        sql = f"SELECT {{out}}, {KEY_COLUMNS} FROM ({{events}})"
        rows = [(_cut(value), Found.of(tuple(key))) for value, *key in self._rows(sql, value, last)]
        rows.sort(key=lambda row: (row[0], row[1].place), reverse=self.query.order is Order.NEWEST)
        return [found for _, found in rows]

    def _rows(self, sql: str, value: SortValue, last: SortValue) -> list[tuple[Any, ...]]:
        """Ask about the events with a value behind one and before another (None: no bound)."""
        segments = self.searcher.segments(self.query)
        if not segments:
            return []
        statement = self.searcher.statement(self.query, segments, self.budget)
        beyond, before = (">", "<") if self.query.order is Order.OLDEST else ("<", ">")
        bounds = ["v IS NOT NULL"]
        if value is not None:
            bounds.append(self._bound(beyond, value, statement))
        if last is not None:
            bounds.append(self._bound(before, last, statement))
        selected = ", ".join([f"{value_of(self.field)} AS v", *PLACE_COLUMNS])
        matching = statement.matching(self.query, paths_of(segments), selected)
        text = sql.format(
            out="epoch_us(v)" if self.field.type is FieldType.TIME else "v",
            events=f"SELECT * FROM ({matching}) WHERE {' AND '.join(bounds)}",
        )
        return self.searcher.rows(text, statement, self.budget)

    def _bound(self, sign: str, value: str | int, statement: Statement) -> str:
        if self.field.type is FieldType.TIME:
            return f"v {sign} {instant(int(value), statement.parameters)}"
        bound = statement.parameters.bind(value)
        if sign == ">" and isinstance(value, str) and len(value) == SORTED_LENGTH:
            return f"v > {bound} AND NOT starts_with(v, {bound})"  # Only the beginning of a text counts.
        return f"v {sign} {bound}"


def _cut(value: SortValue) -> SortValue:
    return value[:SORTED_LENGTH] if isinstance(value, str) else value


def _parts(condition: Condition) -> tuple[Condition, ...]:
    return condition.parts if isinstance(condition, And) else (condition,)


def _is(field: Field, value: SortValue) -> Condition:
    """Return the condition that events have this value to be sorted by."""
    if value is None:
        return Not(Match(field.name, Operator.EXISTS))
    if field.type is FieldType.TIME:
        return Match(field.name, Operator.EQUALS, time_text(time_at(int(value))))
    if isinstance(value, str) and len(value) == SORTED_LENGTH:
        return Match(field.name, Operator.STARTS_WITH, value, case_sensitive=True)
    return Match(field.name, Operator.EQUALS, str(value), case_sensitive=True)
