"""Asking the cluster which fields its indices have, and in what of them values are not indexed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from threading import Lock, Thread
from time import monotonic
from typing import Any, Final

from elasticsearch_dsl import A, Search
from elasticsearch_dsl.query import Bool, Exists, Term

from app.errors import SysmonSearchError
from app.settings import Settings
from app.store.elastic import faults
from app.store.elastic.address import Address, read_address
from app.store.elastic.connection import Connection
from app.store.elastic.field_paths import EVENT_DATA, OWN_OBJECT, every_path
from app.store.elastic.index_fields import IndexFields
from app.store.elastic.indices import Names
from app.store.elastic.layout_queries import PATHS_ASKED
from app.store.elastic.mapped import NOTHING, Mapped
from app.store.elastic.places import Form, Layout
from app.store.port import Budget

_log: Final = logging.getLogger(__name__)

_FRESH_SECONDS: Final = 5.0
_USABLE_SECONDS: Final = 60.0
"""Until then what is no longer fresh is used once more, while it is read again."""

_ODD_SECONDS: Final = 300.0
"""What pipelines move and what they copy changes with their version only, and finding it takes time."""

_IGNORED: Final = "_ignored"
_MOST_IGNORED: Final = 10_000
_PATHS: Final = tuple(dict.fromkeys(at for layout in Layout for at in every_path(layout)))


def _asked_for() -> list[str]:
    """Return patterns of all fields that matter; what else others index is not our concern."""
    paths = {at.path for at in _PATHS} | {at.instead for at in _PATHS if at.instead} | PATHS_ASKED
    tops = {path.partition(".")[0] for path in (*paths, *EVENT_DATA.values(), OWN_OBJECT)}
    return sorted([*tops, *(f"{top}.*" for top in tops), _IGNORED])


_FIELDS: Final = _asked_for()


class FieldsReader:
    """Reads the fields of the indices that a store has and is told to read."""

    def __init__(self, connection: Connection, address: Address) -> None:
        self._connection = connection
        self._own = Names(address.prefix).events
        self._foreign = ",".join(address.patterns)
        self._indices = ",".join(filter(None, (self._own, self._foreign)))
        if "*" in self._foreign:
            self._foreign += f",-{self._own}"  # A pattern may be so wide that ours are among them.
        self._odd: frozenset[str] = frozenset()
        self._odd_pairs: list[tuple[str, str]] = []
        self._odd_until = 0.0

    def read(self, budget: Budget) -> IndexFields:
        """Ask which fields there are, and which values are not indexed."""
        return self._connection.patiently(lambda: self._read(budget), budget)

    def _read(self, budget: Budget) -> IndexFields:
        own = self._mapped(self._own, budget, with_empty=True)
        foreign = self._mapped(self._foreign, budget, with_empty=False)
        ours, theirs = self._ignored({self._own: own, self._foreign: foreign}, budget)
        foreign = self._with_ignored(foreign, theirs, budget)
        return IndexFields(
            indices=self._indices,
            own=own,
            foreign=foreign,
            ignored={layout: ours if layout is Layout.OWN else theirs for layout in Layout},
            odd=self._odd_paths(foreign, budget),
        )

    def _mapped(self, indices: str, budget: Budget, *, with_empty: bool) -> Mapped:
        """Read the fields; without those that no document has: templates of others map all of ECS."""
        if not indices:
            return NOTHING
        answer = self._field_caps(indices, _FIELDS, budget, with_empty=with_empty)
        mapped = Mapped(answer)
        unknown = [path for within in set(EVENT_DATA.values()) for path in mapped.below(within)]
        partly = [
            name
            for path in {at.path for at in _PATHS} | set(unknown)
            if mapped.form(path) is None
            for name in (path, *mapped.sub_fields(path, Form.KEYWORD))
        ]
        if not partly or len(mapped.indices) < 2:
            return mapped
        coverage = self._field_caps(indices, partly, budget, with_empty=with_empty, with_unmapped=True)
        return Mapped(answer, coverage["fields"])

    def _field_caps(
        self,
        indices: str,
        fields: list[str],
        budget: Budget,
        *,
        with_empty: bool,
        with_unmapped: bool = False,
    ) -> dict[str, Any]:
        budget.check()
        with self._connection.asking():
            answer = self._connection.client.options(request_timeout=budget.left).field_caps(
                index=indices.split(","),
                fields=fields,
                ignore_unavailable=True,
                allow_no_indices=True,
                include_empty_fields=with_empty,
                include_unmapped=with_unmapped,
            )
        # What could not be asked is left out of the answer, as if it had no fields.
        faults.check_fields(answer.body, self._connection.address)
        return dict(answer.body)

    def _with_ignored(self, foreign: Mapped, ignored: Mapping[str, int], budget: Budget) -> Mapped:
        """Add the fields all of whose values are left out of the index: they count as empty."""
        missing = [name for name in ignored if not foreign.has(name)]
        if not missing:
            return foreign
        return foreign.with_fields(missing, self._field_caps(self._foreign, missing, budget, with_empty=True))

    def _ignored(self, sides: Mapping[str, Mapped], budget: Budget) -> list[dict[str, int]]:
        """Return of each side how many documents have a value in a field that is not indexed."""
        asked = {indices: mapped for indices, mapped in sides.items() if mapped.indices}
        requests = [(indices, _ignored_body(mapped)) for indices, mapped in asked.items()]
        answers = self._connection.searches(requests, budget=budget)
        found = dict(zip(asked, map(_counts, answers), strict=True))
        return [found.get(indices, {}) for indices in sides]

    def _odd_paths(self, foreign: Mapped, budget: Budget) -> frozenset[str]:
        """Return the paths at which a document has a value in the place of the usual one.

        Where no document has the usual one, that needs no search.
        """
        there = {at for at in _PATHS if at.unless and foreign.has(at.path)}
        usual = sorted((at.path, at.unless) for at in there if at.unless and foreign.has(at.unless))
        alone = frozenset(at.path for at in there) - {path for path, _ in usual}
        if not usual:
            return alone
        if self._odd_pairs != usual or monotonic() >= self._odd_until:
            self._odd = self._without_usual(usual, budget)
            self._odd_pairs, self._odd_until = usual, monotonic() + _ODD_SECONDS
        return alone | self._odd

    def _without_usual(self, pairs: list[tuple[str, str]], budget: Budget) -> frozenset[str]:
        requests = [
            (
                self._foreign,
                Search()
                .query(Bool(filter=[Exists(field=path)], must_not=[Exists(field=unless)]))
                .extra(size=1, _source=False, track_total_hits=False, terminate_after=1)
                .to_dict(),
            )
            for path, unless in pairs
        ]
        answers = self._connection.searches(requests, budget=budget)
        found = zip(pairs, answers, strict=True)
        return frozenset(path for (path, _), answer in found if answer["hits"]["hits"])


def _ignored_body(mapped: Mapped) -> dict[str, Any]:
    """Return a search that counts the documents of each field that ``_ignored`` names.

    Before Elasticsearch 8.15 that field could not be counted, only looked for.
    """
    search = Search().query(Exists(field=_IGNORED)).extra(size=0, track_total_hits=False)
    if mapped.can_count(_IGNORED):
        search.aggs.bucket(_IGNORED, A("terms", field=_IGNORED, size=_MOST_IGNORED))
    else:
        names = sorted({name for at in _PATHS for name in mapped.indexed_names(at.path)})
        filters = {name: Term(_ignored=name) for name in names}
        if filters:  # None of our fields is in these indices: there is nothing to look for.
            search.aggs.bucket(_IGNORED, A("filters", filters=filters))
    return dict(search.to_dict())


def _counts(answer: Mapping[str, Any]) -> dict[str, int]:
    buckets = answer.get("aggregations", {}).get(_IGNORED, {}).get("buckets", ())
    if isinstance(buckets, Mapping):
        return {name: bucket["doc_count"] for name, bucket in buckets.items() if bucket["doc_count"]}
    return {bucket["key"]: bucket["doc_count"] for bucket in buckets}


def read_fields(connection: Connection, address: Address, budget: Budget) -> IndexFields:
    """Ask which fields the indices have that a store keeps its events in, and is told to read."""
    return FieldsReader(connection, address).read(budget)


class FieldsCache:
    """The fields of the indices, read again every few seconds, beside the questions that use them."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._reader = FieldsReader(connection, read_address(settings))
        self._lock = Lock()
        self._fields: IndexFields | None = None
        self._read_at = 0.0
        self._forgotten = 0
        self._is_reading = False

    def get(self, budget: Budget) -> IndexFields:
        """Return the fields; where there are none yet, ask each time."""
        with self._lock:
            age = monotonic() - self._read_at
            if self._fields is not None and self._fields.layouts and age < _USABLE_SECONDS:
                if age >= _FRESH_SECONDS and not self._is_reading:
                    self._is_reading = True
                    Thread(target=self._read_beside, daemon=True, name="elasticsearch-fields").start()
                return self._fields
        return self._read(budget)

    def _read(self, budget: Budget) -> IndexFields:
        with self._lock:
            forgotten = self._forgotten
        fields = self._reader.read(budget)
        with self._lock:
            if forgotten == self._forgotten:  # Else it may have been read before what changed.
                self._fields, self._read_at = fields, monotonic()
        return fields

    def _read_beside(self) -> None:
        try:
            self._read(Budget(_USABLE_SECONDS))
        except SysmonSearchError as error:
            # Whoever asks when it is too old reads it again, and is told.
            _log.info("The fields of the indices could not be read again: %s", error)
        finally:
            with self._lock:
                self._is_reading = False

    def forget(self) -> None:
        """Read anew at the next call: an index was made."""
        with self._lock:
            self._fields = None
            self._forgotten += 1
