"""``EventStore.rarity``: where and when values were seen, hundreds of them in one question."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from elasticsearch_dsl.query import Bool, Exists, MatchNone, Query

from app.errors import BadQuery
from app.store.elastic.bodies import TIME, search_body, time_at
from app.store.elastic.classes import layout_filters
from app.store.elastic.combining import EXACT, first_and_last, times_of
from app.store.elastic.conditions import compile_condition
from app.store.elastic.connection import Connection
from app.store.elastic.documents import Decoder
from app.store.elastic.doubtful import MOST_READ, reading_body
from app.store.elastic.places import Bounds, Fields, Form, Place
from app.store.port import RARITY_FIELDS, Budget, Rarity
from app.sysmon.condition import Condition, Match, Operator, any_of
from app.sysmon.evaluate import holds
from app.sysmon.events import microseconds
from app.sysmon.fields import FIELDS, HASH_COLUMNS, Scope
from app.sysmon.text import fold

AT_ONCE: Final = 300
"""So many values one search asks for."""

_LONGEST: Final = 1_000
"""Longer values are looked for by their beginning: no index takes them all, and few events share it."""

_BEGINNING: Final = 200
_MOST_COMPUTERS: Final = 1_000
_MOST_BUCKETS: Final = 60_000


#: Column -> the name that stands for it in every event.
_NAMES: Final = {field.column: name for name, field in FIELDS.items() if field.scope is Scope.ANY}


@dataclass(slots=True)
class _Seen:
    """One question, and what was found so far."""

    condition: Condition
    bounds: Bounds
    events: int = 0
    computers: set[str] = field(default_factory=set)
    at_least: int = 0
    is_estimate: bool = False
    first: int | None = None
    last: int | None = None

    def add(self, events: int, first: int | None, last: int | None) -> None:
        self.events += events
        if first is not None:
            self.first = first if self.first is None else min(self.first, first)
        if last is not None:
            self.last = last if self.last is None else max(self.last, last)

    @property
    def rarity(self) -> Rarity | None:
        if not self.events or self.first is None or self.last is None:
            return None
        computers = max(len(self.computers), self.at_least)
        return Rarity(computers, self.events, time_at(self.first), time_at(self.last), self.is_estimate)


@dataclass(frozen=True, slots=True)
class RarityAsker:
    """Asks the index about values; see ``port.EventStore.rarity``."""

    connection: Connection
    decoder: Decoder
    most: int = MOST_READ
    most_computers: int = _MOST_COMPUTERS

    def rarity(
        self, values: Sequence[tuple[str, str]], fields: Fields, budget: Budget
    ) -> tuple[Rarity | None, ...]:
        """Keep what ``EventStore.rarity`` promises; two requests for every 300 values."""
        for name, _ in values:
            if name not in RARITY_FIELDS:
                raise BadQuery(f"There is no rarity of the field {name}.")
        asked = {(FIELDS[name].column, fold(value)): None for name, value in values if _is_possible(value)}
        found: dict[tuple[str, str], Rarity | None] = {}
        questions = list(asked) if fields.layouts else []
        for start in range(0, len(questions), AT_ONCE):
            some = questions[start : start + AT_ONCE]
            seen = [_question(column, value, fields) for column, value in some]
            _Round(self, fields, budget, seen).ask()
            found |= {question: one.rarity for question, one in zip(some, seen, strict=True)}
        return tuple(found.get((FIELDS[name].column, fold(value))) for name, value in values)


def rarity_of(
    connection: Connection,
    values: Sequence[tuple[str, str]],
    fields: Fields,
    budget: Budget,
    decoder: Decoder | None = None,
) -> tuple[Rarity | None, ...]:
    """Return where and when each of these values was seen, as ``EventStore.rarity`` promises."""
    return RarityAsker(connection, decoder or Decoder()).rarity(values, fields, budget)


def _is_possible(value: str) -> bool:
    """Tell whether an event can have a value: none has half a character."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _question(column: str, value: str, fields: Fields) -> _Seen:
    condition = Match(_NAMES[column], Operator.EQUALS, value)
    if len(value) > _LONGEST:
        begins = Match(condition.field, Operator.STARTS_WITH, value[:_BEGINNING])
        return _Seen(condition, Bounds(MatchNone(), compile_condition(begins, fields).maybe))
    bounds = compile_condition(condition, fields)
    if column in HASH_COLUMNS and not bounds.exact:
        # Which hash the digits are is told by what stands before them.
        written = compile_condition(_written(f"{column}={value}"), fields)
        bounds = Bounds(Bool(should=[bounds.sure, written.sure], minimum_should_match=1), bounds.maybe)
    return _Seen(condition, bounds)


def _written(text: str) -> Condition:
    """Return the condition that Hashes or Hash hold this part, from one comma to the next."""
    return any_of(
        Match(name, operator, value)
        for name in ("Hashes", "Hash")
        for operator, value in (
            (Operator.EQUALS, text),
            (Operator.STARTS_WITH, f"{text},"),
            (Operator.ENDS_WITH, f",{text}"),
            (Operator.CONTAINS, f",{text},"),
        )
    )


_Use = Callable[[Mapping[str, Any]], None]
_Again = tuple[dict[str, Any], _Use]
"""A search, and what takes its answer."""


@dataclass(frozen=True, slots=True)
class _Round:
    """The questions of one search, and what has to be asked again."""

    asker: RarityAsker
    fields: Fields
    budget: Budget
    seen: Sequence[_Seen]

    def ask(self) -> None:
        """Find all answers."""
        doubtful = {str(n): one for n, one in enumerate(self.seen) if not one.bounds.exact}
        bodies = [self._counting({str(n): one.bounds.sure for n, one in enumerate(self.seen)})]
        if doubtful:
            bodies.append(self._reading(doubtful))
        counted, *read = self._search(bodies)
        again = list(self.count(counted, {str(n): one for n, one in enumerate(self.seen)}))
        hits = read[0]["hits"]["hits"] if read else []
        if len(hits) > self.asker.most:
            again.append((self._counting(self._between(doubtful)), _all_of(self, doubtful)))
            hits = []
        answers = self._search([body for body, _ in again]) if again else []
        for (_, use), answer in zip(again, answers, strict=True):
            use(answer)
        self._add(hits, doubtful)

    def _search(self, bodies: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        requests = [(self.fields.indices, body) for body in bodies]
        return self.asker.connection.searches(requests, budget=self.budget)

    def _counting(self, queries: Mapping[str, Query]) -> dict[str, Any]:
        """Return the search that counts several queries."""
        filters = {name: query.to_dict() for name, query in queries.items()}
        size = max(1, min(self.asker.most_computers, _MOST_BUCKETS // (len(queries) * len(self._computers))))
        within: dict[str, Any] = {
            f"computers_{path}": {"terms": {"field": path, "size": size}} for path in self._computers
        }
        for number, (place, query) in enumerate(self._times):
            times = times_of(place)
            within[f"times_{number}"] = {"filter": query.to_dict(), "aggs": times}
        values = {"filters": {"filters": filters}, "aggs": within}
        return search_body(self.fields, self.fields.sysmon(), aggs={"values": values})

    @property
    def _computers(self) -> list[str]:
        return list(dict.fromkeys(place.path for place in self.fields.ordered("Computer")))

    @property
    def _times(self) -> list[tuple[Place, Query]]:
        """Return where record times lie, and in which documents."""
        return [
            (place, Bool(filter=list(layout_filters(self.fields, place.layout))))
            for place in self.fields.ordered(TIME)
        ]

    def count(self, answer: Mapping[str, Any], seen: Mapping[str, _Seen]) -> Iterator[_Again]:
        """Take what was counted; yield what must be asked again to know more."""
        for key, bucket in _buckets(answer).items():
            if not bucket["doc_count"]:
                continue
            one = seen[key]
            times = [
                first_and_last(bucket[f"times_{number}"], place)
                for number, (place, _) in enumerate(self._times)
            ]
            for first, last in times:
                one.add(0, first, last)
            one.events += bucket["doc_count"]
            found = [bucket[f"computers_{path}"] for path in self._computers]
            one.computers |= {fold(str(each["key"])) for some in found for each in some["buckets"]}
            if any(some["sum_other_doc_count"] for some in found):
                yield self._estimating(one)
            yield from self._moments(one)

    def _estimating(self, one: _Seen) -> _Again:
        """Ask about how many computers there are, where they are many."""
        counting = {path: {"cardinality": {"field": path}} for path in self._computers}

        def use(answer: Mapping[str, Any]) -> None:
            one.is_estimate = True
            one.at_least = sum(found["value"] for found in answer.get("aggregations", {}).values())

        return search_body(self.fields, self._sysmon(one.bounds.sure), aggs=counting), use

    def _moments(self, one: _Seen) -> Iterator[_Again]:
        """Ask for the first and last time where floating point does not hold it."""
        places = [place for place in self.fields.ordered(TIME) if place.form is Form.MICROSECONDS]
        for place in places:
            for end, order in (("first", "asc"), ("last", "desc")):
                if abs(getattr(one, end) or 0) >= EXACT:
                    yield self._moment(one, place, end, order)

    def _moment(self, one: _Seen, place: Place, end: str, order: str) -> _Again:
        def use(answer: Mapping[str, Any]) -> None:
            hits = answer["hits"]["hits"]
            if hits:
                setattr(one, end, int(hits[0]["sort"][0]))

        query = self._sysmon(one.bounds.sure, Exists(field=place.path))
        return search_body(self.fields, query, size=1, _source=False, sort=[{place.path: order}]), use

    def _sysmon(self, *queries: Query) -> Query:
        return Bool(filter=[self.fields.sysmon(), *queries])

    def _between(self, doubtful: Mapping[str, _Seen]) -> dict[str, Query]:
        return {
            key: Bool(filter=[one.bounds.maybe], must_not=[one.bounds.sure]) for key, one in doubtful.items()
        }

    def _reading(self, doubtful: Mapping[str, _Seen]) -> dict[str, Any]:
        """Return the search for the documents between the bounds; each says of which questions."""
        named = [Bool(filter=[query], _name=key) for key, query in self._between(doubtful).items()]
        within = self._sysmon(Bool(should=named, minimum_should_match=1))
        return reading_body(self.fields, within, self.asker.most)

    def _add(self, hits: Sequence[Mapping[str, Any]], doubtful: Mapping[str, _Seen]) -> None:
        """Add the documents that were read to the questions that they answer."""
        for hit, event in zip(hits, self.asker.decoder.events(hits), strict=True):
            for key in hit["matched_queries"]:
                one = doubtful.get(key)
                if one is not None and event is not None and holds(one.condition, event):
                    at = microseconds(event.time)
                    one.add(1, at, at)
                    one.computers.add(fold(event.computer))


def _all_of(asking: _Round, doubtful: Mapping[str, _Seen]) -> _Use:
    """Return what adds all that may match, where that is too much to be read."""

    def use(answer: Mapping[str, Any]) -> None:
        for key, bucket in _buckets(answer).items():
            doubtful[key].is_estimate |= bucket["doc_count"] > 0
        for _ in asking.count(answer, doubtful):
            pass

    return use


def _buckets(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = answer.get("aggregations", {}).get("values", {}).get("buckets", {})
    return found
