"""Condition -> DuckDB's SQL, exactly as ``condition.py`` says and ``evaluate.py`` judges.

DuckDB's logic has three values, the condition's has two. Below And and Or a null is as
good as false, because the whole is wanted true; Not turns its part into true or false
first, so no null passes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeGuard

from app.store.embedded_guids import PICKED, Picked
from app.store.embedded_ids import derived_ids
from app.store.embedded_match import (
    ALWAYS,
    NEVER,
    Operand,
    Parameters,
    compared,
    equals_one_of,
    folded,
    instant,
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
)
from app.sysmon.kinds import KINDS, Category
from app.sysmon.query import EventQuery, Order

_SOURCE_IDS: Final = ", ".join(map(str, sorted(SOURCE_EVENTS)))
_SCOPES: Final = {
    Scope.SOURCE: f"event_id IN ({_SOURCE_IDS})",
    Scope.NOT_SOURCE: f"event_id NOT IN ({_SOURCE_IDS})",
}


_MOST_BRANCHES: Final = 8
_MOST_REPEATED: Final = 200_000
"""Up to so many events are told apart by file and row where several branches have them."""

_UNCOUNTED: Final = _MOST_REPEATED + 1


@dataclass(frozen=True, slots=True)
class Hit:
    """What a column has for which a comparison holds.

    ``values`` None: too many to name, the column is to be asked. ``files`` None: it may be
    in any. At most so many ``events`` have it; by default nobody has counted.
    """

    values: frozenset[str] | None = None
    files: frozenset[str] | None = None
    events: int = _UNCOUNTED


Hits = Mapping[str, Hit]
"""By column; ``OTHER`` stands for all that no column has. What is not there has nothing."""

OTHER: Final = "other"
EVERYWHERE: Final[Hits] = dict.fromkeys((*KEYWORD_COLUMNS, OTHER), Hit())


@dataclass(frozen=True, slots=True)
class Branch:
    """A part of a query's events: an expression, and the files to look in (None: all).

    ``most``: at most so many events, as far as it is known.
    """

    where: str
    files: frozenset[str] | None = None
    most: int = _UNCOUNTED


@dataclass(slots=True)
class Statement:
    """The parts of one SQL statement: conditions as SQL, and their values.

    ``hits`` narrows keywords to the columns and values in which the value summaries found
    them; ``picked`` are the only rows of some files that can match.
    """

    parameters: Parameters = field(default_factory=Parameters)
    hits: Mapping[Match, Hits] = field(default_factory=dict)
    picked: Picked | None = None

    def source(self, files: Sequence[str]) -> str:
        """Return what to select from: the rows of files, with file name and row number.

        Where it is known which rows of a file can match, they stand in a table in memory.
        """
        picked = self.picked
        if picked is None:
            return self._files(files)
        others = [file for file in files if file not in picked.rows]
        return f"(FROM {PICKED} UNION ALL BY NAME FROM {self._files(others)})" if others else PICKED

    def _files(self, files: Sequence[str]) -> str:
        return f"read_parquet({self.parameters.bind(list(files))}, filename = true, file_row_number = true)"

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

    def matching(self, query: EventQuery, files: Sequence[str], selected: str) -> str:
        """Return the selection of all the query's events, each once, with file and row number."""
        selected = f"filename, file_row_number, {selected}"
        branches = self.branches(query)
        if len(branches) == 1 or sum(branch.most for branch in branches) > _MOST_REPEATED:
            return f"SELECT {selected} FROM {self.source(files)} WHERE {self.where(query)}"
        parts = " UNION ALL ".join(
            f"SELECT {selected} FROM {self.source(some)} WHERE {branch.where}"
            for branch in branches
            if (some := [file for file in files if branch.files is None or file in branch.files])
        )
        if not parts:
            return f"SELECT {selected} FROM {self.source(files)} WHERE {NEVER}"
        return f"SELECT DISTINCT ON (filename, file_row_number) * FROM ({parts})"

    def branches(self, query: EventQuery) -> list[Branch]:
        """Return branches that have the query's events between them; some in several.

        A filter on one column is answered by minima, maxima, Bloom filters and dictionaries
        of the files, an OR of several columns is not: where a keyword or alternatives need
        several columns, asking one after the other is far cheaper.
        """
        parts = query.condition.parts if isinstance(query.condition, And) else (query.condition,)
        for number, part in enumerate(parts):
            found = self._by_column(part)
            if len(found) > 1:
                others = self.where(replace(query, condition=And((*parts[:number], *parts[number + 1 :]))))
                found = [replace(one, where=_all([one.where, others])) for one in found]
                break
        else:
            found = [Branch(self.where(query))]
        return [branch for branch in found if branch.where != NEVER]

    def _by_column(self, condition: Condition) -> list[Branch]:
        match condition:
            case Match(field=name) if name == ANY_FIELD and condition in self.hits:
                return self._keyword_parts(condition)
            case Or(parts):
                some = list(_flattened(parts))
                columns = {FIELDS[part.field].column for part in some if _is_on_column(part)}
                if len(columns) == len(some) <= _MOST_BRANCHES:
                    return [Branch(self.condition(part)) for part in some]
        return []

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
        hit = self.hits[match].get(field_.column)
        return NEVER if hit is None else _scoped(field_, self._hit(match, operand, hit))

    def _hit(self, match: Match, operand: Operand, hit: Hit) -> str:
        if hit.values is None:
            return compared(match, operand, self.parameters)
        return equals_one_of(sorted(hit.values), operand, True, self.parameters)

    def _same(self, match: Match, operand: Operand) -> str:
        one, two = operand.text(), text_of(FIELDS[match.value])
        return f"{one} = {two}" if match.case_sensitive else f"{folded(one)} = {folded(two)}"

    def _keyword(self, match: Match) -> str:
        if match.operator is Operator.EXISTS:
            return ALWAYS  # Every event has a computer.
        return _any(branch.where for branch in self._keyword_parts(match))

    def _keyword_parts(self, match: Match) -> list[Branch]:
        hits = self.hits.get(match, EVERYWHERE)
        return [
            Branch(self._keyword_in(column, hit, match), hit.files, hit.events)
            for column, hit in hits.items()
        ]

    def _keyword_in(self, column: str, hit: Hit, match: Match) -> str:
        if column == OTHER:
            return self._keyword_in_other(match)
        operand = operand_of(column)
        if match.operator is Operator.FIELD_EQUALS_FIELD:
            return self._same(match, operand)
        return self._hit(match, operand, hit)

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


def _is_on_column(condition: Condition) -> TypeGuard[Match]:
    return (
        isinstance(condition, Match)
        and condition.field != ANY_FIELD
        and condition.field not in DERIVED
        and condition.operator is not Operator.FIELD_EQUALS_FIELD
    )


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


def _derived_equals(name: str, value: str, case_sensitive: bool) -> str:
    ids = derived_ids(name, value, case_sensitive)
    if ids is None:
        known = (kind.event_id for kind in KINDS.values() if kind.category is not Category.OTHER)
        return f"event_id NOT IN ({', '.join(map(str, known))})"
    return f"event_id IN ({', '.join(map(str, sorted(ids)))})" if ids else NEVER
