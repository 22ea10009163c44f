"""Indices that others fill, each layout under its own mapping: all questions to the store are
answered as by one that was filled with the same documents, read by the importer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from app.store.port import RARITY_FIELDS, Count, EventStore
from app.sysmon.events import Event, value_text
from app.sysmon.fields import FIELDS
from app.sysmon.query import EventQuery, Order
from tests.contract.conditions import EVENTS, GROUPS
from tests.elastic.comparing import judge_of, pages
from tests.memory_store import MemoryStore
from tests.services import elastic
from tests.services.foreign import SHIPPERS, Shipper, of_other_logs, open_reading, send

HOUR = timedelta(hours=1)
WRITTEN = [event for event in EVENTS if event.time.year < 2200 and event.time.microsecond % 1000 == 0]
"""Shippers write times in milliseconds."""

Pair = tuple[EventStore, MemoryStore]


@pytest.fixture(scope="module", params=SHIPPERS, ids=lambda shipper: shipper.name)
def pair(
    request: pytest.FixtureRequest, elastic_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """An index of one layout with the events of all cases, among documents of other logs."""
    shipper: Shipper = request.param
    documents = [shipper.write(event) for event in WRITTEN]
    others = [other for document in documents[::20] for other in of_other_logs(document)]
    with Elasticsearch(elastic_url) as client, elastic.own_prefix(elastic_url) as prefix:
        send(client, shipper.index(prefix), [*documents, *others], shipper.mappings)
        folder = tmp_path_factory.mktemp("var")
        with open_reading(elastic_url, prefix, [shipper.index(prefix)], folder) as store:
            yield store, judge_of(documents)


def test_it_is_told_what_is_there(pair: Pair) -> None:
    store, judge = pair
    info, expected = store.info(), judge.info()

    assert (info.events, info.first, info.last) == (expected.events, expected.first, expected.last)
    assert info.event_ids == expected.event_ids
    assert {name.lower(): told for name, told in info.computers.items()} == {
        name.lower(): told for name, told in expected.computers.items()
    }
    assert info.counts_documents


@pytest.mark.parametrize("order", Order)
def test_all_events_come_in_order_and_those_of_other_logs_never(pair: Pair, order: Order) -> None:
    store, judge = pair
    query = EventQuery(order=order, size=50)

    assert pages(store, query) == pages(judge, query)


def test_every_event_is_found_by_its_key(pair: Pair) -> None:
    store, judge = pair
    events = judge.search(EventQuery(size=10_000)).events

    assert store.events([event.key for event in events]) == events


@pytest.mark.slow
@pytest.mark.parametrize("order", Order)
def test_events_stand_in_the_order_of_every_field(pair: Pair, order: Order) -> None:
    store, judge = pair
    queries = [EventQuery(sort=name, order=order, size=300) for name in FIELDS]

    assert not [query.sort for query in queries if pages(store, query) != pages(judge, query)]


def test_values_are_counted_as_they_are(pair: Pair) -> None:
    store, judge = pair
    names = list(FIELDS)

    found, expected = (each.facets(EventQuery(), names, 50) for each in (store, judge))

    assert not [both for both in zip(names, found, expected, strict=True) if both[1] != both[2]]


def test_events_are_counted_per_step_and_group(pair: Pair) -> None:
    store, judge = pair
    query = EventQuery()

    assert store.histogram(query, HOUR) == judge.histogram(query, HOUR)
    for names in (["Computer", "EventId"], ["Process", "User"], ["Kind", "DestinationIp", "DestinationPort"]):
        assert store.groups(query, names) == judge.groups(query, names), names
        assert store.groups(query, names, step=HOUR) == judge.groups(query, names, step=HOUR), names


def test_it_is_told_where_values_were_seen(pair: Pair) -> None:
    store, judge = pair
    events = judge.search(EventQuery(size=10_000)).events
    values = sorted({pair for event in events for pair in _values(event)})

    rows = zip(values, store.rarity(values), judge.rarity(values), strict=True)

    assert not [row for row in rows if row[1] != row[2]]


def _values(event: Event) -> Iterator[tuple[str, str]]:
    for name in RARITY_FIELDS:
        value = event.get(name)
        if value is not None:
            yield name, value_text(value)


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_conditions_mean_the_same(pair: Pair, group: str) -> None:
    store, judge = pair

    for case in GROUPS[group]:
        query = EventQuery(condition=case.condition, size=1_000)
        expected = judge.search(query).events
        assert store.search(query).events == expected, case
        assert store.count(query) == Count(len(expected)), case


def test_batches_hold_every_event_once(pair: Pair, tmp_path: Path) -> None:
    store, judge = pair
    columns = ["time", "computer", "event_id", "record_id"]

    found = [row for chunk in store.batches(0, columns) for row in chunk.table.select(columns).to_pylist()]
    expected = [row for chunk in judge.batches(0, columns) for row in chunk.table.select(columns).to_pylist()]
    assert sorted(map(str, found)) == sorted(map(str, expected))
