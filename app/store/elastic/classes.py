"""Documents in classes within which a field lies where the class says.

Where a field lies depends on the layout of a document and on its event ID. One aggregation
cannot follow that, so documents are parted, and each class has its aggregation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from elasticsearch_dsl.query import Bool, Exists, Query, Term

from app.store.elastic.bodies import is_counted
from app.store.elastic.conditions import with_ids
from app.store.elastic.places import Fields, Layout, Place
from app.sysmon.fields import DERIVED, FIELDS


@dataclass(frozen=True, slots=True)
class DocumentClass:
    """Documents of one layout and of some event IDs, and the places of fields in them.

    ``places`` has those of each name asked for: where there are several, a document has a
    value in one of them, or is odd. ``filters`` and ``excluded`` say which documents they are.
    """

    layout: Layout
    places: tuple[tuple[Place, ...], ...]
    filters: tuple[Query, ...] = ()
    excluded: tuple[Query, ...] = ()


def classes_of(fields: Fields, names: Sequence[str]) -> list[DocumentClass]:
    """Part the documents of all layouts for these names."""
    return [one for layout in sorted(fields.layouts) for one in _of_layout(fields, names, layout)]


def _of_layout(fields: Fields, names: Sequence[str], layout: Layout) -> Iterable[DocumentClass]:
    places = [
        [
            place
            for place in fields.ordered(name)
            if place.layout is layout and is_counted(place, FIELDS[name])
        ]
        for name in names
    ]
    filters = layout_filters(fields, layout)
    special = sorted({n for some in places for place in some for n in place.event_ids or ()})
    by_places: dict[tuple[tuple[Place, ...], ...], list[int]] = {}
    for event_id in special:
        by_places.setdefault(_places_in(places, event_id), []).append(event_id)
    others = _places_in(places, None)
    parted = {here: ids for here, ids in by_places.items() if here != others}
    for here, ids in parted.items():
        yield DocumentClass(layout, here, (*filters, with_ids(ids, fields)))
    apart = [event_id for ids in parted.values() for event_id in ids]
    yield DocumentClass(layout, others, filters, (with_ids(apart, fields),) if apart else ())


def _places_in(places: Sequence[Sequence[Place]], event_id: int | None) -> tuple[tuple[Place, ...], ...]:
    return tuple(
        tuple(place for place in some if place.event_ids is None or event_id in place.event_ids)
        for some in places
    )


def layout_filters(fields: Fields, layout: Layout) -> tuple[Query, ...]:
    """Return what parts a layout from the others; nothing where it is alone."""
    return () if fields.layouts == {layout} else (fields.of_layout(layout),)


def odd_of(fields: Fields, names: Sequence[str]) -> Query | None:
    """Return the documents whose value of one of these names must be read; None: there cannot be any."""
    found = [_odd_documents(fields, name) for name in dict.fromkeys(names) if name not in DERIVED]
    return _any([query for query in found if query is not None])


def _odd_documents(fields: Fields, name: str) -> Query | None:
    """Return the documents whose value of a field must be read.

    Their value is too long to be indexed, or the index has something like it only, or several.
    """
    found = []
    for place in fields.ordered(name):
        if not is_counted(place, FIELDS[name]):
            found.append(_in_place(fields, place, Exists(field=place.path)))
        if place.cut is not None:
            found.append(_in_place(fields, place, Term(_ignored=place.cut)))
    twice = doubled(fields, name)
    return _any([*found, *([] if twice is None else [twice])])


def doubled(fields: Fields, name: str) -> Query | None:
    """Return the documents that have a value of a field in several places; None: none can."""
    counted = [place for place in fields.ordered(name) if is_counted(place, FIELDS[name])]
    return _any(
        [
            _in_place(fields, other, Exists(field=one.path), Exists(field=other.path))
            for one, other in combinations(counted, 2)
            if _meet(one, other)
        ]
    )


def _any(queries: Sequence[Query]) -> Query | None:
    if len(queries) < 2:
        return queries[0] if queries else None
    return Bool(should=list(queries), minimum_should_match=1)


def _meet(one: Place, other: Place) -> bool:
    """Tell whether a document could have a value in both places."""
    if one.layout is not other.layout or one.layout is Layout.OWN or one.path == other.path:
        return False
    return one.event_ids is None or other.event_ids is None or bool(one.event_ids & other.event_ids)


def _in_place(fields: Fields, place: Place, *queries: Query) -> Query:
    """Return the documents that match, of those that have the place."""
    layout = layout_filters(fields, place.layout)
    ids = () if place.event_ids is None else (with_ids(sorted(place.event_ids), fields),)
    every = [*queries, *layout, *ids]
    return every[0] if len(every) == 1 else Bool(filter=every)


def without_odd(query: Query, fields: Fields, names: Sequence[str]) -> Query:
    """Return what the query matches, but for the documents whose values must be read."""
    odd = odd_of(fields, names)
    return query if odd is None else Bool(filter=[query], must_not=[odd])
