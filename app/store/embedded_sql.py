"""Condition -> DuckDB's SQL, exactly as ``condition.py`` says and ``evaluate.py`` judges.

DuckDB's logic has three values, the condition's has two. Below And and Or a null is as
good as false, because the whole is wanted true; Not turns its part into true or false
first, so no null passes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.store.embedded_match import (
    ALWAYS,
    NEVER,
    Operand,
    Parameters,
    compared,
    equals_one_of,
    folded,
    instant,
    integer,
)
from app.sysmon.condition import And, Condition, Match, Not, Operator, Or
from app.sysmon.events import NOWHERE, Place, microseconds
from app.sysmon.fields import (
    ANY_FIELD,
    COLUMN_TYPES,
    DERIVED,
    FIELDS,
    KEYWORD_COLUMNS,
    SOURCE_EVENTS,
    Field,
    Scope,
    find_field,
)
from app.sysmon.kinds import KINDS, Category
from app.sysmon.query import EventQuery, Order
from app.sysmon.text import fold

_SOURCE_IDS: Final = ", ".join(map(str, sorted(SOURCE_EVENTS)))
_SCOPES: Final = {
    Scope.SOURCE: f"event_id IN ({_SOURCE_IDS})",
    Scope.NOT_SOURCE: f"event_id NOT IN ({_SOURCE_IDS})",
}


@dataclass(frozen=True, slots=True)
class Hits:
    """Where a keyword was found: columns with the values that hold, or None: ask the column.

    ``other`` says whether one of the values that no column has holds.
    """

    columns: Mapping[str, frozenset[str] | None]
    other: bool


EVERYWHERE: Final = Hits(dict.fromkeys(KEYWORD_COLUMNS), other=True)


@dataclass(slots=True)
class Statement:
    """The parts of one SQL statement: conditions as SQL, and their values.

    ``hits`` narrows keywords to the columns and values in which the value summaries found
    them.
    """

    parameters: Parameters = field(default_factory=Parameters)
    hits: Mapping[Match, Hits] = field(default_factory=dict)

    def where(self, query: EventQuery) -> str:
        """Return the expression that is true for the query's events, whatever its page."""
        parts = [self.condition(query.condition)]
        if query.start is not None:
            parts.append(f"time >= {instant(microseconds(query.start), self.parameters)}")
        if query.end is not None:
            parts.append(f"time < {instant(microseconds(query.end), self.parameters)}")
        if query.computers:
            parts.append(equals_one_of(query.computers, operand_of("computer"), False, self.parameters))
        return _all(parts)

    def condition(self, condition: Condition) -> str:
        """Return the expression of a condition: true where it holds, else false or null."""
        match condition:
            case And(parts):
                return _all(map(self.condition, parts))
            case Or(parts):
                return _any(self._alternatives(parts))
            case Not(part):
                return f"(({self.condition(part)}) IS NOT TRUE)"
            case Match(field=name) if name == ANY_FIELD:
                return self._keyword(condition)
            case Match():
                return self._match(condition)

    def _alternatives(self, parts: Sequence[Condition]) -> Iterable[str]:
        """Yield the parts of an Or; equalities of one field become one."""
        values: dict[tuple[str, bool], list[str]] = {}
        for part in _flattened(parts):
            match part:
                case Match(field=name, operator=Operator.EQUALS) if name != ANY_FIELD:
                    values.setdefault((name, part.case_sensitive), []).append(part.value)
                case _:
                    yield self.condition(part)
        for (name, case_sensitive), some in values.items():
            field_ = FIELDS[name]
            if name in DERIVED:
                yield from (_derived_equals(name, value, case_sensitive) for value in some)
            else:
                operand = operand_of(field_.column)
                yield _scoped(field_, equals_one_of(some, operand, case_sensitive, self.parameters))

    def _match(self, match: Match) -> str:
        field_ = FIELDS[match.field]
        if match.operator is Operator.FIELD_EQUALS_FIELD:
            return self._same(match, Operand(text_of(field_)))
        if match.field in DERIVED:
            if match.operator is Operator.EQUALS:
                return _derived_equals(match.field, match.value, match.case_sensitive)
            return compared(match, Operand(_DERIVED[match.field]), self.parameters)
        operand = operand_of(field_.column)
        if match not in self.hits:
            return _scoped(field_, compared(match, operand, self.parameters))
        values = self.hits[match].columns.get(field_.column, frozenset())
        if values is None:
            return _scoped(field_, compared(match, operand, self.parameters))
        return _scoped(field_, equals_one_of(sorted(values), operand, True, self.parameters))

    def _same(self, match: Match, operand: Operand) -> str:
        other = find_field(match.value)
        if other is None:
            return self._same_as_unknown(match, operand)
        one, two = operand.text(), text_of(other)
        if not match.case_sensitive:
            one, two = folded(one), folded(two)
        return f"{one} = {two}"

    def _same_as_unknown(self, match: Match, operand: Operand) -> str:
        """Compare with a field that only ``other`` may have, by the name the log gave it."""
        one, two = operand.text(), f"other[{self.parameters.bind(match.value)}]"
        if not match.case_sensitive:
            one, two = folded(one), folded(two)
        return f"{one} = {two}"

    def _keyword(self, match: Match) -> str:
        if match.operator is Operator.EXISTS:
            return ALWAYS  # Every event has a computer.
        hits = self.hits.get(match, EVERYWHERE)
        parts = [self._keyword_in(column, values, match) for column, values in hits.columns.items()]
        if hits.other:
            parts.append(self._keyword_in_other(match))
        return _any(parts)

    def _keyword_in(self, column: str, values: frozenset[str] | None, match: Match) -> str:
        operand = operand_of(column)
        if match.operator is Operator.FIELD_EQUALS_FIELD:
            return self._same(match, operand)
        if values is None:
            return compared(match, operand, self.parameters)
        return equals_one_of(sorted(values), operand, True, self.parameters)

    def _keyword_in_other(self, match: Match) -> str:
        value = Operand("v")
        if match.operator is Operator.FIELD_EQUALS_FIELD:
            holds = self._same(match, value)
        else:
            holds = compared(match, value, self.parameters)
        if holds == NEVER:
            return NEVER
        return f"len(list_filter(map_values(other), lambda v: {holds})) > 0"

    def behind(self, place: Place, order: Order) -> str:
        """Return the expression that is true for events behind a place in the order."""
        sign = "<" if order is Order.NEWEST else ">"
        time = instant(place[0], self.parameters)
        behind = NEVER
        for column, value in reversed(list(zip(_PLACE, place, strict=True))[1:]):
            bound = self.parameters.bind(value)
            behind = f"({column} {sign} {bound} OR ({column} = {bound} AND {behind}))"
        # The first part alone lets DuckDB leave out whole groups of rows by their times.
        return f"time {sign}= {time} AND (time {sign} {time} OR {behind})"

    def not_after(self, time: int, order: Order) -> str:
        """Return the expression that is true for events that stand no later than a time does."""
        sign = ">=" if order is Order.NEWEST else "<="
        return f"time {sign} {instant(time, self.parameters)}"


_PLACE: Final = (
    "time",
    "computer",
    "event_id",
    f"coalesce(epoch_us(utc_time), {NOWHERE})",
    f"coalesce(record_id, {NOWHERE})",
    f"coalesce(content_hash, {NOWHERE})",
)

PLACE_COLUMNS: Final = ("time", "computer", "event_id", "utc_time", "record_id", "content_hash")


def order_by(order: Order) -> str:
    """Return the terms of ORDER BY for ``Event.place``: what is missing stands first, or last."""
    suffix = "DESC NULLS LAST" if order is Order.NEWEST else "ASC NULLS FIRST"
    return ", ".join(f"{column} {suffix}" for column in PLACE_COLUMNS)


def operand_of(column: str) -> Operand:
    """Return a column as something to compare."""
    return Operand(f'"{column}"', COLUMN_TYPES[column], column)


def text_of(field_: Field) -> str:
    """Return the expression of a field's text form, null in events that cannot have it."""
    if field_.name in DERIVED:
        return _DERIVED[field_.name]
    text = operand_of(field_.column).text()
    scope = _SCOPES.get(field_.scope)
    return f"CASE WHEN {scope} THEN {text} END" if scope else text


def value_of(field_: Field) -> str:
    """Return the expression of a field's value as it is stored, null as in ``text_of``."""
    if field_.name in DERIVED:
        return _DERIVED[field_.name]
    scope = _SCOPES.get(field_.scope)
    return f'CASE WHEN {scope} THEN "{field_.column}" END' if scope else f'"{field_.column}"'


def event_ids_of(condition: Condition) -> frozenset[int] | None:
    """Return the event IDs that a matching event can have; None: any."""
    match condition:
        case And(parts):
            known = [ids for ids in map(event_ids_of, parts) if ids is not None]
            return frozenset.intersection(*known) if known else None
        case Or(parts):
            some = [event_ids_of(part) for part in parts]
            known = [ids for ids in some if ids is not None]
            return frozenset().union(*known) if len(known) == len(some) else None
        case Match(field="EventId", operator=Operator.EQUALS, value=value):
            number = integer(value)
            return frozenset() if number is None else frozenset({number})
        case Match(field="Category" | "Kind" as name, operator=Operator.EQUALS, value=value):
            return _derived_ids(name, value, condition.case_sensitive)
        case Match(field=name) if name != ANY_FIELD and FIELDS[name].scope is Scope.SOURCE:
            return SOURCE_EVENTS
    return None


def speaks_of_event_ids_only(condition: Condition) -> bool:
    """Tell whether events match if, and only if, their ID is one of ``event_ids_of``."""
    match condition:
        case And(parts) | Or(parts):
            return all(map(speaks_of_event_ids_only, parts))
        case Match(field="EventId" | "Category" | "Kind", operator=Operator.EQUALS):
            return event_ids_of(condition) is not None
    return False


def _flattened(parts: Sequence[Condition]) -> Iterable[Condition]:
    for part in parts:
        if isinstance(part, Or):
            yield from _flattened(part.parts)
        else:
            yield part


def _all(parts: Iterable[str]) -> str:
    kept = [part for part in parts if part != ALWAYS]
    if NEVER in kept:
        return NEVER
    return f"({' AND '.join(kept)})" if kept else ALWAYS


def _any(parts: Iterable[str]) -> str:
    kept = [part for part in parts if part != NEVER]
    if ALWAYS in kept:
        return ALWAYS
    return f"({' OR '.join(kept)})" if kept else NEVER


def _scoped(field_: Field, sql: str) -> str:
    scope = _SCOPES.get(field_.scope)
    return f"({scope} AND {sql})" if scope and sql != NEVER else sql


def _case(names: Mapping[int, str], otherwise: str) -> str:
    whens = " ".join(f"WHEN {event_id} THEN '{name}'" for event_id, name in names.items())
    return f"CASE event_id {whens} ELSE {otherwise} END"


_DERIVED: Final = {
    "Category": _case({kind.event_id: kind.category for kind in KINDS.values()}, f"'{Category.OTHER}'"),
    "Kind": _case({kind.event_id: kind.name for kind in KINDS.values()}, "'Event' || event_id"),
}


def _derived_ids(name: str, value: str, case_sensitive: bool) -> frozenset[int] | None:
    """Return the event IDs of a category or kind; None: they cannot be listed."""

    def written(text: str) -> str:
        return text if case_sensitive else fold(text)

    try:
        wanted = written(value)
    except UnicodeEncodeError:
        return frozenset()  # A lone surrogate.
    if name == "Category" and wanted == Category.OTHER:
        return None
    found = {
        kind.event_id
        for kind in KINDS.values()
        if wanted == written(kind.category if name == "Category" else kind.name)
    }
    unknown = re.fullmatch(written("Event") + "(-?[1-9][0-9]{0,17}|0)", wanted)
    if name == "Kind" and unknown and int(unknown[1]) not in KINDS:
        found.add(int(unknown[1]))
    return frozenset(found)


def _derived_equals(name: str, value: str, case_sensitive: bool) -> str:
    ids = _derived_ids(name, value, case_sensitive)
    if ids is None:
        known = (kind.event_id for kind in KINDS.values() if kind.category is not Category.OTHER)
        return f"event_id NOT IN ({', '.join(map(str, known))})"
    return f"event_id IN ({', '.join(map(str, sorted(ids)))})" if ids else NEVER
