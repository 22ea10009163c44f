"""``EventStore.terms`` and ``facets``: the values of fields, and how many events have each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from elasticsearch_dsl.query import Bool, Query

from app.store.elastic.base import Asker, Base
from app.store.elastic.bodies import EVENT_ID, search_body, text_of, value_in, value_of
from app.store.elastic.classes import DocumentClass, classes_of, presence, without_odd
from app.store.elastic.combining import MOST_ROWS, Combining, derived
from app.store.elastic.places import Fields, Place
from app.store.port import Budget, Terms
from app.sysmon.events import Event
from app.sysmon.fields import DERIVED, FIELDS, HASH_COLUMNS
from app.sysmon.query import EventQuery

LEAST_FETCHED: Final = 1_000
"""So many values are fetched at least, so that values of several places are merged rightly."""

_MOST_BUCKETS: Final = 60_000
"""So many buckets one search may have (``search.max_buckets`` of the server is 65,536)."""

_PRECISION: Final = 40_000


@dataclass(slots=True)
class _Values:
    """What was found of one field: events per value, and what is not known of it."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    unseen: int = 0
    """Events whose value was not fetched."""
    error: int = 0
    distinct: int = 0

    def add(self, events: Iterable[Event], name: str) -> None:
        """Count events that were read."""
        for event in events:
            text = text_of(name, value_in(event, name))
            if text is not None:
                self.counts[text] += 1

    def terms(self, size: int, total: int, *, rarest: bool = False) -> Terms:
        """Return the first values, of so many events in all."""
        ordered = sorted(self.counts.items(), key=lambda item: (item[1] if rarest else -item[1], item[0]))
        missing = total - sum(self.counts.values()) - self.unseen
        return Terms(tuple(ordered[:size]), max(len(self.counts), self.distinct), max(missing, 0), self.error)


@dataclass(frozen=True, slots=True)
class Valuing:
    """Counts the values of the events of one query."""

    asker: Asker
    query: EventQuery
    base: Base
    fields: Fields
    budget: Budget
    size: int
    most: int = MOST_ROWS

    def terms(self, names: Sequence[str]) -> list[Terms]:
        """Return the values of each field, most frequent first."""
        asked = tuple(dict.fromkeys(EVENT_ID if name in DERIVED else name for name in names))
        odd = self.asker.odd_bodies(self.base, [[name] for name in asked], self.fields)
        bodies = [self._body(asked), *(body for body in odd if body is not None)]
        answer, *others = self.asker.connection.searches(
            [(self.fields.indices, body) for body in bodies], budget=self.budget
        )
        of_odd = iter(others)
        total = answer["hits"]["total"]["value"] + len(self.base.doubtful)
        found = {}
        for number, name in enumerate(asked):
            values = self._values(number, name, answer.get("aggregations", {}))
            values.add(self.base.doubtful, name)
            if odd[number] is not None:
                self._add_odd(values, next(of_odd))
            found[name] = values
        self._estimate([values for values in found.values() if values.error])
        return [_named(name, found).terms(self.size, total) for name in names]

    def rarest(self, name: str) -> Terms:
        """Return the values of one field, least frequent first."""
        combining = Combining(
            self.asker.connection,
            self.fields,
            self.budget,
            (name,),
            limit=self.most,
            most=self.most,
            times=False,
        )
        total = search_body(self.fields, self.base.query, track_total_hits=True)
        odd = [body for body in self.asker.odd_bodies(self.base, [[name]], self.fields) if body is not None]
        query = without_odd(self.base.query, self.fields, [name])
        combined = combining.combinations(query, [total, *odd])
        values = _Values(name)
        for ((value,), _), tally in combined.found.items():
            text = text_of(name, value)
            if text is not None:
                values.counts[text] += tally.count
        whole, *others = combined.beside
        events = whole["hits"]["total"]["value"]
        if not combined.complete:
            values.unseen = events - sum(tally.count for tally in combined.found.values())
            values.error = max(1, values.unseen)
        values.add(self.base.doubtful, name)
        for answer in others:
            self._add_odd(values, answer)
        self._estimate([values] if values.error else [])
        return values.terms(self.size, events + len(self.base.doubtful), rarest=True)

    def _body(self, names: Sequence[str]) -> dict[str, Any]:
        places = sum(len(list(self._places(name))) for name in names)
        most = min(max(self.size, LEAST_FETCHED), _MOST_BUCKETS // max(places, 1))
        aggregations = {
            f"{number}_{at}": aggregation
            for number, name in enumerate(names)
            for at, aggregation in enumerate(self._within(name, {"terms": {"size": most}}))
        }
        said = {"aggs": aggregations} if aggregations else {}
        return search_body(self.fields, self.base.query, track_total_hits=True, **said)

    def _places(self, name: str) -> Iterator[tuple[DocumentClass, Place, list[Query]]]:
        """Yield where the values of a field are counted: documents, the place, what they must lack."""
        for documents in classes_of(self.fields, [name]):
            before: list[Query] = []
            for place in documents.places[0]:
                yield documents, place, list(before)
                before += presence(self.fields, place)

    def _within(self, name: str, aggregation: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return an aggregation of a field's values for each of its places."""
        found = []
        for documents, place, lacking in self._places(name):
            inner = {kind: {**said, "field": place.path} for kind, said in aggregation.items()}
            filters, excluded = list(documents.filters), [*documents.excluded, *lacking]
            if filters or excluded:
                asked = Bool(filter=filters, must_not=excluded)
                inner = {"filter": asked.to_dict(), "aggs": {"values": inner}}
            found.append(inner)
        return found

    def _values(self, number: int, name: str, aggregations: Mapping[str, Any]) -> _Values:
        """Merge the buckets of all places of a field."""
        values = _Values(name)
        places = [place for _, place, _ in self._places(name)]
        for at, place in enumerate(places):
            found = aggregations.get(f"{number}_{at}", {})
            found = found.get("values", found)
            buckets = found.get("buckets", [])
            for bucket in buckets:
                text = text_of(name, value_of(place, FIELDS[name], bucket["key"]))
                if text is not None:
                    values.counts[text] += bucket["doc_count"]
            left = found.get("sum_other_doc_count", 0)
            if left:
                least = buckets[-1]["doc_count"] if len(places) > 1 or self.base.doubtful else 0
                values.unseen += left
                fewer = found.get("doc_count_error_upper_bound", 0) + least
                # Texts that differ may hold the same hash: it may be in all that were not fetched.
                is_part = FIELDS[name].column in HASH_COLUMNS
                values.error += left if is_part else max(1, fewer)
        return values

    def _add_odd(self, values: _Values, answer: Mapping[str, Any]) -> None:
        """Add events whose values had to be read; where they are too many, say what is not counted."""
        events = self.asker.odd_events(self.query, answer)
        if events is None:
            values.unseen += answer["hits"]["total"]["value"]
            values.error += answer["hits"]["total"]["value"]
        else:
            values.add(events, values.name)

    def _estimate(self, unknown: Sequence[_Values]) -> None:
        """Estimate how many values there are of fields that have too many."""
        cardinality = {"cardinality": {"precision_threshold": _PRECISION}}
        counting = {
            f"{number}_{at}": aggregation
            for number, values in enumerate(unknown)
            for at, aggregation in enumerate(self._within(values.name, cardinality))
        }
        if not counting:
            return
        body = search_body(self.fields, self.base.query, aggs=counting)
        answer = self.asker.connection.search(body, indices=self.fields.indices, budget=self.budget)
        for number, values in enumerate(unknown):
            for at, _ in enumerate(self._places(values.name)):
                found = answer.get("aggregations", {}).get(f"{number}_{at}", {})
                values.distinct = max(values.distinct, found.get("values", found).get("value", 0))


def _named(name: str, found: Mapping[str, _Values]) -> _Values:
    """Return the values of a name; Category and Kind are told from the event IDs."""
    if name not in DERIVED:
        return found[name]
    of_ids = found[EVENT_ID]
    counts: Counter[str] = Counter()
    for event_id, count in of_ids.counts.items():
        counts[derived(name, int(event_id))] += count
    return replace(of_ids, name=name, counts=counts)
