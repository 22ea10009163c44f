"""Documents in classes within which a field lies where the class says.

Where a field lies depends on the layout of a document and on its event ID. One aggregation
cannot follow that, so documents are parted, and each class has its aggregation. In a class a
field may have several places: the first one that a document has holds its value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from elasticsearch_dsl.query import Bool, Exists, Query, Term

from app.store.elastic.bodies import is_counted
from app.store.elastic.conditions import with_ids
from app.store.elastic.field_paths import EVENT_IDS
from app.store.elastic.places import Fields, Layout, Place
from app.sysmon.fields import DERIVED
from app.sysmon.kinds import KINDS

_UNKNOWN: Final = max(EVENT_IDS - KINDS.keys())
"""An ID that Sysmon does not have: all that are beyond the tables are as this one."""


@dataclass(frozen=True, slots=True)
class DocumentClass:
    """Documents of one layout and of some event IDs, and the places of fields in them.

    ``places`` has, for each name asked for, those whose values the index counts, the first
    that counts first. ``filters`` and ``excluded`` say which documents they are.
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
        [place for place in fields.ordered(name) if place.layout is layout and is_counted(place, name)]
        for name in names
    ]
    filters = layout_filters(fields, layout)
    others = _places_in(places, _UNKNOWN)
    parted: dict[tuple[tuple[Place, ...], ...], list[int]] = {}
    by_id = any(place.event_ids is not None for some in places for place in some)
    for event_id in sorted(EVENT_IDS) if by_id else ():
        here = _places_in(places, event_id)
        if here != others:
            parted.setdefault(here, []).append(event_id)
    for here, ids in parted.items():
        yield DocumentClass(layout, here, (*filters, with_ids(ids, fields)))
    apart = [event_id for ids in parted.values() for event_id in ids]
    yield DocumentClass(layout, others, filters, (with_ids(apart, fields),) if apart else ())


def _places_in(places: Sequence[Sequence[Place]], event_id: int) -> tuple[tuple[Place, ...], ...]:
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
    queries = [query for query in found if query is not None]
    return _any(queries) if queries else None


def _odd_documents(fields: Fields, name: str) -> Query | None:
    """Return the documents whose value of a field must be read.

    It is too long to be indexed, or the index has something like it only.
    """
    found: list[Query] = []
    earlier: list[Place] = []
    for place in fields.ordered(name):
        unread = [] if is_counted(place, name) else [Exists(field=place.path)]
        cut = [] if place.cut is None else [Term("_ignored", {"value": place.cut})]
        if unread or cut:
            within = [_any([*unread, *cut]), *_in_place(fields, place)]
            before = [query for one in earlier if _meet(one, place) for query in presence(fields, one)]
            found.append(Bool(filter=within, must_not=before))
        earlier.append(place)
    return _any(found) if found else None


def presence(fields: Fields, place: Place) -> Iterator[Query]:
    """Yield what documents match that have a value in a place, indexed or not."""
    there: list[Query] = [Exists(field=place.path)]
    if place.cut is not None:
        there.append(Term("_ignored", {"value": place.cut}))
    for query in there:
        yield query if place.event_ids is None else Bool(filter=[query, *_in_place(fields, place)])


def _meet(one: Place, other: Place) -> bool:
    """Tell whether a document could have a value in both places."""
    if one.layout is not other.layout or one.path == other.path:
        return False
    return one.event_ids is None or other.event_ids is None or bool(one.event_ids & other.event_ids)


def _in_place(fields: Fields, place: Place) -> list[Query]:
    """Return what parts the documents that can have a value in a place from all others."""
    ids = [] if place.event_ids is None else [with_ids(sorted(place.event_ids), fields)]
    return [*layout_filters(fields, place.layout), *ids]


def _any(queries: Sequence[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Bool(should=list(queries), minimum_should_match=1)


def without_odd(query: Query, fields: Fields, names: Sequence[str]) -> Query:
    """Return what the query matches, but for the documents whose values must be read."""
    odd = odd_of(fields, names)
    return query if odd is None else Bool(filter=[query], must_not=[odd])
