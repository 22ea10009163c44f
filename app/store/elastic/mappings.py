"""Where the indices that are read hold the fields of an event, as their mappings say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from time import monotonic
from typing import Final

from elasticsearch_dsl.query import Query

from app.layouts.names import UTC_TIME
from app.settings import Settings
from app.store.elastic.address import Address, read_address
from app.store.elastic.connection import Connection
from app.store.elastic.field_paths import (
    EVENT_DATA,
    NULLS,
    OWN_OTHER,
    FieldPath,
    is_guid,
    keyword_names,
    paths_of,
)
from app.store.elastic.indices import Names
from app.store.elastic.layout_queries import LayoutQueries
from app.store.elastic.mapped import NOTHING, Mapped
from app.store.elastic.places import Form, Layout, Place
from app.store.port import Budget
from app.sysmon.fields import FIELDS, FieldType

_FRESH_SECONDS: Final = 5.0
_FORMS: Final = {FieldType.INTEGER: Form.NUMBER, FieldType.TIME: Form.DATE}
_Make = Callable[[str, FieldPath, Layout], Place | None]


class IndexFields:
    """``places.Fields`` of indices of our own and of others, as they were a few seconds ago."""

    def __init__(self, indices: str, own: Mapped, foreign: Mapped, ignored: Mapping[str, int]) -> None:
        self.indices = indices
        self.runtime: dict[str, dict[str, str]] = {}
        self._own, self._foreign = own, foreign
        self._ignored = ignored
        self._queries = LayoutQueries(own, foreign)
        self.layouts = self._queries.layouts
        self._texts = {name: self._places(name, self._text_place) for name in FIELDS}
        self._ordered = {name: self._places(name, self._ordered_place) for name in FIELDS}
        self._keywords = tuple(dict.fromkeys(self._keyword_places()))

    def texts(self, name: str) -> Sequence[Place]:
        """Return the places where a field is compared as a text.

        Where the index has numbers or times only, that place is among them too, of that form and
        not faithful: so much may be said, that the value is there.
        """
        return self._texts[name]

    def ordered(self, name: str) -> Sequence[Place]:
        """Return the places where a field is compared by value, sorted and counted.

        Where an index has integers as texts only, the place is a ``KEYWORD`` and not faithful.
        """
        return self._ordered[name]

    def keywords(self) -> Sequence[Place]:
        """Return every place where a keyword is looked for."""
        return self._keywords

    def of_layout(self, layout: Layout) -> Query:
        """Return what only documents of a layout match, among Sysmon's events."""
        return self._queries.of_layout(layout)

    def sysmon(self) -> Query:
        """Return what Sysmon's events match, and nothing else in the indices."""
        return self._queries.sysmon()

    def _places(self, name: str, make: _Make) -> tuple[Place, ...]:
        """Return a field's places, in the order of ``Layout``."""
        places = (
            make(name, path, layout)
            for layout in Layout
            if layout in self.layouts
            for path in paths_of(name, layout)
        )
        return tuple(place for place in places if place is not None)

    def _keyword_places(self) -> Iterator[Place]:
        for name in keyword_names():
            yield from self._texts[name]
        for layout in Layout:
            if layout not in self.layouts:
                continue
            for path in self._unknown_paths(layout):
                place = self._text_place("", FieldPath(path, nulls=NULLS), layout)
                if place is not None:
                    yield place

    def _unknown_paths(self, layout: Layout) -> list[str]:
        """Return the paths of fields that no table knows, or not in every event."""
        if layout is Layout.OWN:
            return [OWN_OTHER]
        known = {place.path for name in keyword_names() for place in self._texts[name] if not place.event_ids}
        within = EVENT_DATA[layout]
        return [
            path
            for path in self._foreign.below(within)
            if path not in known and path != f"{within}.{UTC_TIME}"
        ]

    def _text_place(self, name: str, at: FieldPath, layout: Layout) -> Place | None:
        asked = self._asked(at, layout)
        if asked is None:
            return None
        path, form = asked
        return Place(
            path=path,
            form=form,
            layout=layout,
            event_ids=at.event_ids,
            faithful=at.faithful and form is Form.KEYWORD,
            is_guid=bool(name) and is_guid(name),
            nulls=at.nulls if form is Form.KEYWORD else (),
            cut=self._cut(path),
        )

    def _ordered_place(self, name: str, at: FieldPath, layout: Layout) -> Place | None:
        wanted = _FORMS.get(FIELDS[name].type, Form.KEYWORD)
        text = self._text_place(name, at, layout)
        if wanted is Form.KEYWORD or text is None:
            return text
        path = self._in_form(at, wanted, layout)
        if path is not None:
            form = wanted
            if layout is Layout.OWN and FIELDS[name].type is FieldType.TIME:
                form = Form.MICROSECONDS
            return Place(path, form, layout, at.event_ids, at.faithful, cut=self._cut(path))
        return text if FIELDS[name].type is FieldType.TIME else replace(text, faithful=False)

    def _in_form(self, at: FieldPath, wanted: Form, layout: Layout) -> str | None:
        """Return the field that has values in a form, if there is one."""
        mapped = self._mapped(layout)
        if layout is Layout.OWN and wanted is Form.DATE:  # Microseconds are indexed as integers.
            wanted = Form.NUMBER
        for path in (at.path, *at.instead):
            if mapped.has(path):
                if mapped.form(path) is wanted and path not in self.runtime:
                    return path
                found = mapped.sub_field(path, wanted)
                if found is not None:
                    return found
        return None

    def _asked(self, at: FieldPath, layout: Layout) -> tuple[str, Form] | None:
        """Return the field that is asked for a value, and its form; None: no index has it."""
        mapped = self._mapped(layout)
        path = next((path for path in (at.path, *at.instead) if mapped.has(path)), None)
        if path is None:
            return None
        form = mapped.form(path)
        if form is not None:
            return path, form
        found = mapped.sub_field(path, Form.KEYWORD)
        if found is not None:
            return found, Form.KEYWORD
        self.runtime[path] = {"type": "keyword"}
        return path, Form.KEYWORD

    def _mapped(self, layout: Layout) -> Mapped:
        return self._own if layout is Layout.OWN else self._foreign

    def _cut(self, path: str) -> str | None:
        return path if path in self._ignored else None


def read_fields(connection: Connection, address: Address, budget: Budget) -> IndexFields:
    """Ask which fields the indices have."""
    own, foreign = Names(address.prefix).events, ",".join(address.patterns)
    return IndexFields(
        indices=",".join(filter(None, (own, foreign))),
        own=_read_mapped(connection, own, budget, with_empty=True),
        foreign=_read_mapped(connection, foreign, budget, with_empty=False),
        ignored={},
    )


def _read_mapped(connection: Connection, indices: str, budget: Budget, *, with_empty: bool) -> Mapped:
    """Read the fields; without those that no document has: templates of others map all of ECS."""
    if not indices:
        return NOTHING
    budget.check()
    with connection.asking():
        answer = connection.client.options(request_timeout=budget.left).field_caps(
            index=indices.split(","),
            fields="*",
            ignore_unavailable=True,
            allow_no_indices=True,
            include_empty_fields=with_empty,
        )
    return Mapped(answer.body)


class FieldsCache:
    """The fields of the indices, read again every few seconds."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection = connection
        self._address = read_address(settings)
        self._lock = Lock()
        self._fields: IndexFields | None = None
        self._until = 0.0

    def get(self, budget: Budget) -> IndexFields:
        """Return the fields; where there are none yet, ask each time."""
        with self._lock:
            fields = self._fields
            if fields is not None and fields.layouts and monotonic() < self._until:
                return fields
        fields = read_fields(self._connection, self._address, budget)
        with self._lock:
            self._fields, self._until = fields, monotonic() + _FRESH_SECONDS
        return fields

    def forget(self) -> None:
        """Read anew at the next call: an index was made."""
        with self._lock:
            self._fields = None
