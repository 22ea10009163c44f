"""And, Or and Not of queries, and of their bounds: nothing nested that need not be, no scores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from elasticsearch_dsl.query import Bool, MatchAll, MatchNone, Query, Terms

from app.store.elastic.places import Bounds

ALL: Final[Query] = MatchAll()
NONE: Final[Query] = MatchNone()

LONGEST_TERM: Final = 32_766
"""Bytes of the longest value that Lucene holds."""

MOST_TERMS: Final = 65_536
"""So many values may stand in one ``terms`` (``index.max_terms_count``)."""


def exactly(query: Query) -> Bounds:
    """Return bounds that say exactly what matches."""
    return Bounds(query, query)


def at_most(query: Query) -> Bounds:
    """Return bounds of what may match, and nothing surely does."""
    return NOWHERE if query is NONE else Bounds(NONE, query)


EVERYWHERE: Final = exactly(ALL)
NOWHERE: Final = exactly(NONE)


def _parts(query: Query, name: str) -> list[Query]:
    """Return the parts of a Bool that has nothing but these, or the query itself."""
    if isinstance(query, Bool):
        parts = query.to_dict()["bool"]
        if set(parts) - {"minimum_should_match"} == {name}:
            return list(getattr(query, name))
    return [query]


def all_queries(queries: Iterable[Query]) -> Query:
    """Return what matches all of the queries."""
    flat: list[Query] = []
    for query in queries:
        if query is NONE:
            return NONE
        if query is not ALL:
            flat += _parts(query, "filter")
    if not flat:
        return ALL
    return flat[0] if len(flat) == 1 else Bool(filter=flat)


def any_query(queries: Iterable[Query]) -> Query:
    """Return what matches one of the queries."""
    flat: list[Query] = []
    for query in queries:
        if query is ALL:
            return ALL
        if query is not NONE:
            flat += _parts(query, "should")
    if not flat:
        return NONE
    return flat[0] if len(flat) == 1 else Bool(should=flat, minimum_should_match=1)


def no_query(query: Query) -> Query:
    """Return what does not match the query."""
    if query is ALL:
        return NONE
    if query is NONE:
        return ALL
    if isinstance(query, Bool) and set(query.to_dict()["bool"]) == {"must_not"}:
        return any_query(query.must_not)
    return Bool(must_not=[query])


def without(query: Query, excluded: Query) -> Query:
    """Return what matches the first and not the second."""
    if excluded is NONE or query is NONE:
        return query
    if query is ALL:
        return no_query(excluded)
    return Bool(filter=_parts(query, "filter"), must_not=[excluded])


def all_bounds(parts: Iterable[Bounds]) -> Bounds:
    """Return what matches all of the parts."""
    some = list(parts)
    sure = all_queries(part.sure for part in some)
    return Bounds(sure, sure if _exact(some) else all_queries(part.maybe for part in some))


def any_bounds(parts: Iterable[Bounds]) -> Bounds:
    """Return what matches one of the parts."""
    some = list(parts)
    sure = any_query(part.sure for part in some)
    return Bounds(sure, sure if _exact(some) else any_query(part.maybe for part in some))


def no_bounds(part: Bounds) -> Bounds:
    """Return what does not match: what surely does not is all that cannot."""
    sure = no_query(part.maybe)
    return Bounds(sure, sure if part.exact else no_query(part.sure))


def _exact(parts: Iterable[Bounds]) -> bool:
    return all(part.exact for part in parts)


def can_be_term(value: str | int) -> bool:
    """Tell whether an index can hold a value: it refuses to look for one that it cannot."""
    return isinstance(value, int) or len(value) * 4 <= LONGEST_TERM or len(value.encode()) <= LONGEST_TERM


def terms(path: str, values: Iterable[str | int]) -> Query:
    """Return what has one of these values, in as many queries as the limit of values asks for."""
    distinct = [value for value in dict.fromkeys(values) if can_be_term(value)]
    return any_query(
        Terms(path, distinct[start : start + MOST_TERMS]) for start in range(0, len(distinct), MOST_TERMS)
    )
