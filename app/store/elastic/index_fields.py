"""Where the indices that are read hold the fields of an event, as their mappings say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from elasticsearch_dsl.query import Query

from app.layouts.names import UTC_TIME
from app.store.elastic.choosing import Choice
from app.store.elastic.field_notes import not_indexed, read_from_documents
from app.store.elastic.field_paths import (
    EVENT_DATA,
    EVENT_IDS,
    NULLS,
    OWN_OTHER,
    FieldPath,
    keyword_names,
    paths_of,
)
from app.store.elastic.layout_queries import LayoutQueries
from app.store.elastic.mapped import NOTHING, Mapped
from app.store.elastic.places import Form, Layout, Place
from app.sysmon.fields import FIELDS, HASH_COLUMNS, FieldType

_FORMS: Final = {FieldType.INTEGER: Form.NUMBER, FieldType.TIME: Form.DATE}
_COMPARED: Final = frozenset({"Level", "Hashes", "Hash", *(column.upper() for column in HASH_COLUMNS)})
"""Fields that are looked for and counted by texts which say nearly what their values are."""

_UNKNOWN: Final = ""
"""The name of a field that no table has."""

_Make = Callable[[str, FieldPath, Layout], Place | None]


class IndexFields:
    """``places.Fields`` of indices of our own and of others, as they were a few seconds ago.

    ``ignored`` says of fields how many documents have a value in them that is not indexed, for
    its length or its kind; ``odd`` names the paths that hold a value in documents which lack the
    usual one (``FieldPath.unless``).
    """

    def __init__(
        self,
        indices: str,
        own: Mapped = NOTHING,
        foreign: Mapped = NOTHING,
        ignored: Mapping[Layout, Mapping[str, int]] | None = None,
        odd: frozenset[str] = frozenset(),
    ) -> None:
        self.indices = indices
        self.runtime: dict[str, Mapping[str, str]] = {}
        self.own, self.foreign = own, foreign
        self.ignored = ignored or {}
        self._odd = odd
        self._queries = LayoutQueries(own, foreign)
        self.layouts = self._queries.layouts
        others = Choice(foreign, own, self.runtime)
        self._choices = dict.fromkeys(Layout, others) | {Layout.OWN: Choice(own, foreign, self.runtime)}
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

    def notes(self) -> list[str]:
        """Return what of the mappings makes searches slow or counts inexact, in whole sentences."""
        return [*read_from_documents(self.runtime, self.own, self.foreign), *not_indexed(self._cut_counts())]

    def _cut_counts(self) -> dict[str, int]:
        """Return in how many documents each field that is asked has a value that is not indexed."""
        places = {place for name in FIELDS for place in (*self._texts[name], *self._ordered[name])}
        counts: dict[str, int] = {}
        for place in places | set(self._keywords):
            if place.cut is not None:
                count = self.ignored[place.layout][place.cut]
                counts[place.cut] = max(count, counts.get(place.cut, 0))
        return counts

    def _places(self, name: str, make: _Make) -> tuple[Place, ...]:
        """Return a field's places, in the order of ``Layout``."""
        places = (
            make(name, at, layout)
            for layout in Layout
            if layout in self.layouts
            for at in paths_of(name, layout)
            if at.unless is None or at.path in self._odd
        )
        return tuple(place for place in places if place is not None)

    def _keyword_places(self) -> Iterator[Place]:
        for name in keyword_names():
            yield from self._texts[name]
        for layout in Layout:
            for at in self._unknown_paths(layout) if layout in self.layouts else ():
                place = self._text_place(_UNKNOWN, at, layout)
                if place is not None:
                    yield place

    def _unknown_paths(self, layout: Layout) -> Iterator[FieldPath]:
        """Yield where fields are that no table knows, or not in these events."""
        if layout is Layout.OWN:
            yield FieldPath(OWN_OTHER)
            return
        within = EVENT_DATA[layout]
        known: dict[str, frozenset[int]] = {f"{within}.{UTC_TIME}": EVENT_IDS}
        for name in keyword_names():
            for at in paths_of(name, layout):
                known[at.path] = known.get(at.path, frozenset()) | (at.event_ids or EVENT_IDS)
        for path in self.foreign.below(within):
            ids = EVENT_IDS - known.get(path, frozenset())
            if ids:
                yield FieldPath(path, ids if path in known else None, nulls=NULLS)

    def _text_place(self, name: str, at: FieldPath, layout: Layout) -> Place | None:
        choice = self._choices[layout]
        field = FIELDS.get(name)
        found = choice.text_field(at, needs_text=at.faithful or name in _COMPARED)
        if found is None:
            return None
        return Place(
            path=found.path,
            form=found.form,
            layout=layout,
            event_ids=at.event_ids,
            faithful=at.faithful and found.form is Form.KEYWORD,
            is_guid=field is not None and field.type is FieldType.GUID,
            nulls=at.nulls if found.has_texts else (),
            cut=self._cut(choice.indexed_name(at, found.path), layout),
        )

    def _ordered_place(self, name: str, at: FieldPath, layout: Layout) -> Place | None:
        text = self._text_place(name, at, layout)
        type_ = FIELDS[name].type
        if text is None or type_ not in _FORMS:
            return text
        is_ours = layout is Layout.OWN and type_ is FieldType.TIME
        wanted = Form.NUMBER if is_ours else _FORMS[type_]
        path = self._choices[layout].value_field(at, wanted)
        if path is None:
            return replace(text, faithful=at.faithful and type_ is FieldType.TIME)
        form = Form.MICROSECONDS if is_ours else wanted
        return Place(path, form, layout, at.event_ids, at.faithful, cut=self._cut(path, layout))

    def _cut(self, path: str, layout: Layout) -> str | None:
        """Return the name under which documents say that a value is not indexed, if any says so.

        What is read from the documents is there whole, whatever the index took of it.
        """
        is_read = path in self.runtime
        return path if path in self.ignored.get(layout, {}) and not is_read else None
