"""Conditions -> Elasticsearch's queries: what surely matches, and all that may."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from elasticsearch_dsl.query import Query, Range

from app.store.elastic.comparisons import ORDER, integers_of, integers_query, time_bounds
from app.store.elastic.derived import IDS, ids_of, is_derived, ranges_of_ids
from app.store.elastic.logic import (
    EVERYWHERE,
    NOWHERE,
    all_bounds,
    any_bounds,
    any_query,
    exactly,
    no_bounds,
    no_query,
    terms,
)
from app.store.elastic.lookups import lookup, lookup_equal
from app.store.elastic.places import Bounds, Fields, Form, Layout, Place
from app.sysmon.condition import And, Condition, Match, Not, Operator, Or
from app.sysmon.events import microseconds
from app.sysmon.fields import ANY_FIELD, DERIVED, FIELDS, KEYWORD_COLUMNS, FieldType
from app.sysmon.query import EventQuery

_ALWAYS_THERE: Final = frozenset({"Time", "Computer", "EventId", *DERIVED, ANY_FIELD})
_MOST_IDS: Final = 256
_MOST_RANGES: Final = 64

#: The first key of a path -> the layouts whose documents may have it; every other key: all but our own.
_LAYOUTS_WITH: Final = {
    "sysmonsearch": frozenset({Layout.OWN}),
    "event_data": frozenset({Layout.WINLOGBEAT_6}),
    "winlog": frozenset({Layout.OWN, Layout.WINLOGBEAT_7, Layout.ECS}),
    "log": frozenset(Layout),
    "event": frozenset(Layout),
    "@timestamp": frozenset(Layout),
}
_FOREIGN: Final = frozenset(Layout) - {Layout.OWN}


def compile_query(query: EventQuery, fields: Fields) -> Bounds:
    """Return what a question finds: Sysmon's events of its time and computers that match."""
    parts = [exactly(fields.sysmon()), *_time_range(query, fields)]
    if query.computers:
        parts.append(_equal("Computer", query.computers, False, fields))
    return all_bounds([*parts, compile_condition(query.condition, fields)])


def _time_range(query: EventQuery, fields: Fields) -> Iterator[Bounds]:
    for operator, time in ((Operator.GREATER_EQUAL, query.start), (Operator.LESS, query.end)):
        if time is None:
            continue
        places = fields.ordered("Time")
        if microseconds(time) % 1000 == 0 and all(_has_date(place) for place in places):
            # Every document has its time there, cut to milliseconds: one range for all of them.
            date = Place("@timestamp", Form.DATE, Layout.OWN)
            yield time_bounds(date, operator, time) if places else NOWHERE
        else:
            yield _over(places, fields, lambda place: time_bounds(place, operator, time))  # noqa: B023


def _has_date(place: Place) -> bool:
    return place.layout is Layout.OWN or (place.path == "@timestamp" and place.form is Form.DATE)


def with_ids(ids: Iterable[int], fields: Fields) -> Query:
    """Return the events that have one of these event IDs."""
    wanted = frozenset(ids)
    return any_query(
        _ids_at(place, wanted) for place in dict.fromkeys(map(_anywhere, _value_places("EventId", fields)))
    )


def _anywhere(place: Place) -> Place:
    """Return the place without what would tell equal paths of two layouts apart."""
    return replace(place, layout=Layout.OWN, cut=None)


def _ids_at(place: Place, ids: frozenset[int]) -> Query:
    if place.form is not Form.NUMBER:
        return terms(place.path, map(str, sorted(ids)))
    ranges = ranges_of_ids(ids)
    if len(ids) <= _MOST_IDS or len(ranges) > _MOST_RANGES:
        return integers_query(place.path, ids)
    return any_query(Range(place.path, {"gte": low, "lte": high}) for low, high in ranges)


def compile_condition(condition: Condition, fields: Fields) -> Bounds:
    """Return what surely matches a condition, and all that may."""
    match condition:
        case And():
            return _compile_all(list(_flat(condition, And)), fields)
        case Or():
            return _compile_any(list(_flat(condition, Or)), fields)
        case Not(part):
            return no_bounds(compile_condition(part, fields))
        case Match():
            return _compile_match(condition, fields)


def _flat(condition: And | Or, kind: type[And] | type[Or]) -> Iterator[Condition]:
    for part in condition.parts:
        while isinstance(part, Not) and isinstance(part.part, Not):
            part = part.part.part
        if isinstance(part, And | Or) and isinstance(part, kind):
            yield from _flat(part, kind)
        else:
            yield part


def _compile_all(parts: Sequence[Condition], fields: Fields) -> Bounds:
    """Join with And. What must not hold is joined first: not one, and not the other, is neither."""
    excluded = tuple(part.part for part in parts if isinstance(part, Not))
    needed = [compile_condition(part, fields) for part in parts if not isinstance(part, Not)]
    if excluded:
        needed.append(no_bounds(compile_condition(Or(excluded), fields)))
    return all_bounds(needed)


def _compile_any(parts: Sequence[Condition], fields: Fields) -> Bounds:
    """Join with Or; what is compared for equality with several values is one list."""
    values: dict[tuple[str, bool], list[str]] = defaultdict(list)
    rest = []
    for part in parts:
        if isinstance(part, Match) and part.operator is Operator.EQUALS and not is_derived(part):
            values[part.field, part.case_sensitive].append(part.value)
        else:
            rest.append(compile_condition(part, fields))
    lists = [_equal(field, some, cased, fields) for (field, cased), some in values.items()]
    return any_bounds([*lists, *rest])


def _compile_match(match: Match, fields: Fields) -> Bounds:
    if match.operator is Operator.EXISTS and match.field in _ALWAYS_THERE:
        return EVERYWHERE
    if match.operator is Operator.FIELD_EQUALS_FIELD:
        return _same_text(match, fields)
    if is_derived(match):
        return _of_ids(ids_of(match), fields)
    if match.field == "EventId" and match.operator in ORDER:
        # There are so few IDs that it need not be known how the indices have them.
        some = integers_of(match)
        return _of_ids(frozenset(number for number in IDS if number in some), fields)
    if match.operator is Operator.EQUALS:
        return _equal(match.field, [match.value], match.case_sensitive, fields)
    if match.operator in ORDER and match.field != ANY_FIELD:
        places = _ordered_places(match.field, fields)
    else:
        places = _places(match.field, fields)
    return _over(places, fields, lambda place: lookup(match, place))


def _of_ids(ids: frozenset[int], fields: Fields) -> Bounds:
    """Return the events of these IDs, which may be nearly all that there can be."""
    missing = frozenset(IDS) - ids
    if len(missing) < len(ids):
        return exactly(no_query(with_ids(missing, fields)))
    return exactly(with_ids(ids, fields))


def _same_text(match: Match, fields: Fields) -> Bounds:
    """Return the events where two fields are equal: both are there, the rest is seen later."""
    if is_derived(match) and match.value in DERIVED:
        return _of_ids(ids_of(match), fields)
    names = [match.value, match.field] if match.field != match.value else [match.field]
    there = all_bounds(_compile_match(Match(name, Operator.EXISTS), fields) for name in names)
    column = FIELDS[match.value].column
    known = (FIELDS[match.field].column,) if match.field in FIELDS else KEYWORD_COLUMNS
    if column in known:
        return there  # It is the same value.
    return Bounds(NOWHERE.sure, there.maybe)


def _equal(field: str, values: Sequence[str], case_sensitive: bool, fields: Fields) -> Bounds:
    """Return the events where a field is equal to one of the values."""
    places = _places(field, fields)
    return _over(places, fields, lambda place: lookup_equal(field, values, case_sensitive, place))


def _places(field: str, fields: Fields) -> Sequence[Place]:
    if field == ANY_FIELD:
        return fields.keywords()
    if _has_order(field):
        return _value_places(field, fields)
    return fields.texts(field)


def _ordered_places(field: str, fields: Fields) -> Sequence[Place]:
    """Return where a field is compared by value; digits in a text that is the value are as good."""
    if not _has_order(field):
        return fields.texts(field)
    texts = {(place.path, place.layout): place for place in fields.texts(field)}
    return [
        texts.get((place.path, place.layout), place) if place.form is Form.KEYWORD else place
        for place in fields.ordered(field)
    ]


def _has_order(field: str) -> bool:
    return FIELDS[field].type in {FieldType.INTEGER, FieldType.TIME}


def _value_places(field: str, fields: Fields) -> Sequence[Place]:
    """Return where the values of an integer or time are looked for as texts.

    Per layout: where the index has their texts as they are, else where it has the values.
    """
    found: list[Place] = []
    for layout in sorted(fields.layouts):
        texts = [place for place in fields.texts(field) if place.layout is layout]
        values = [place for place in fields.ordered(field) if place.layout is layout]
        faithful = bool(texts) and all(place.faithful and place.form is Form.KEYWORD for place in texts)
        found += texts if faithful or not values else values
    return found


def _over(places: Iterable[Place], fields: Fields, look: Callable[[Place], Bounds]) -> Bounds:
    """Return what a comparison finds at one of the places, in the events that have it there."""
    layouts: dict[Place, set[Layout]] = defaultdict(set)
    for place in places:
        # Our own documents have GUIDs as events have them.
        is_guid = place.is_guid and place.layout is not Layout.OWN
        layouts[replace(place, layout=Layout.OWN, is_guid=is_guid)].add(place.layout)
    guarded: dict[tuple[frozenset[int] | None, frozenset[Layout]], list[Bounds]] = defaultdict(list)
    for place, some in layouts.items():
        found = look(place)
        if found is not NOWHERE:
            guarded[place.event_ids, _layouts_to_ask_for(place.path, some, fields)].append(found)
    return any_bounds(
        all_bounds([any_bounds(some), *_guards(ids, of, fields)]) for (ids, of), some in guarded.items()
    )


def _layouts_to_ask_for(path: str, layouts: set[Layout], fields: Fields) -> frozenset[Layout]:
    """Return the layouts that a document must be of; none: no other document has the path."""
    key, dot, _ = path.partition(".")
    if not dot and key != "@timestamp":
        able = frozenset({Layout.WINLOGBEAT_6})
    else:
        able = _LAYOUTS_WITH.get(key, _FOREIGN)
    return frozenset() if able & fields.layouts <= layouts else frozenset(layouts)


def _guards(ids: frozenset[int] | None, layouts: frozenset[Layout], fields: Fields) -> Iterator[Bounds]:
    if ids is not None:
        yield exactly(with_ids(ids, fields))
    if layouts:
        rest = fields.layouts - layouts
        if len(rest) < len(layouts):
            yield exactly(no_query(any_query(fields.of_layout(layout) for layout in sorted(rest))))
        else:
            yield exactly(any_query(fields.of_layout(layout) for layout in sorted(layouts)))
