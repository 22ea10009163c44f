"""The proof on real logs in indices that others fill: what is counted, the chains and the facts are
those of the embedded store, which imported the same documents."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
from elasticsearch import Elasticsearch

from app.graph.tree import build_tree
from app.store.port import Count, EventStore, Terms
from app.sysmon.condition import Match, Operator
from app.sysmon.fields import FIELDS, HASH_COLUMNS
from app.sysmon.language import parse
from app.sysmon.query import EventQuery, Order
from tests.elastic.comparing import pages
from tests.real.others import (
    PUBLISHED,
    Loaded,
    imported,
    mixed,
    published,
    send_published,
    some_events,
)
from tests.real.test_ground_truth import ACROSS, CHAINS, COMPUTERS, FACTS, Case, check_chain, query_of, window
from tests.services import elastic
from tests.services.foreign import SHIPPERS, open_reading, send

pytestmark = pytest.mark.slow

EVERY = int(os.environ.get("SYSMONSEARCH_TEST_EVERY", "20"))
"""One in so many of the events that are of kinds which nothing asks for is there; 1: all."""

NAMES = ["published", "mixed", *(shipper.name for shipper in SHIPPERS)]


@pytest.fixture(scope="module", params=NAMES)
def loaded(
    request: pytest.FixtureRequest, elastic_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Loaded]:
    name: str = request.param
    folder = tmp_path_factory.mktemp("others")
    with Elasticsearch(elastic_url, request_timeout=120) as client, elastic.own_prefix(elastic_url) as prefix:
        again = 0
        documents: list[object] = []
        if name == "published":
            lines = published(request.getfixturevalue("real_data"))
            send_published(client, prefix, lines)
            documents = [line for some in lines.values() for line in some]
        else:
            events = some_events(request.getfixturevalue("real_store"), EVERY)
            mappings = {shipper.name: shipper.mappings for shipper in SHIPPERS}
            one = next((shipper for shipper in SHIPPERS if shipper.name == name), None)
            indices = {name: [one.write(event) for event in events]} if one else mixed(events)
            for index, some in indices.items():
                send(client, f"{prefix}-{index}", some, mappings[index])
                documents += some
            again = len(documents) - len(events)
        judge = imported(documents, folder / "imported")
        with judge, open_reading(elastic_url, prefix, [f"{prefix}-*"], folder) as store:
            yield Loaded(name, store, judge, again)


def test_all_events_are_there_and_no_other_log(loaded: Loaded) -> None:
    info, expected = loaded.store.info(), loaded.judge.info()

    assert expected.events > 8_000
    assert info.events == expected.events + loaded.again
    assert loaded.store.count(EventQuery()) == Count(info.events)
    assert info.counts_documents
    assert (info.first, info.last) == (expected.first, expected.last)
    if not loaded.again:
        assert info.event_ids == expected.event_ids
        assert {name: told.events for name, told in info.computers.items()} == {
            name: told.events for name, told in expected.computers.items()
        }


def test_the_first_and_the_last_events_are_the_same(loaded: Loaded) -> None:
    for order in Order:
        query = EventQuery(order=order, size=1_000)
        assert loaded.store.search(query) == loaded.judge.search(query)


def test_processes_are_the_same_on_all_pages(loaded: Loaded) -> None:
    query = EventQuery(condition=Match("EventId", Operator.EQUALS, "1"), size=500)

    assert pages(loaded.store, query) == pages(loaded.judge, query)


def test_histograms_and_values_are_the_same(loaded: Loaded) -> None:
    if loaded.again:
        pytest.skip("what is counted are documents, and some came twice")
    store, judge, query, names = loaded.store, loaded.judge, EventQuery(), list(FIELDS)
    step = timedelta(hours=1)

    assert store.histogram(query, step) == judge.histogram(query, step)
    found, expected = (each.facets(query, names, 20) for each in (store, judge))
    assert not differing(names, found, expected)


def differing(names: Sequence[str], found: Sequence[Terms], expected: Sequence[Terms]) -> list[object]:
    """Return the fields whose values differ by more than is said."""
    return [
        (name, *((each.distinct, each.missing, each.error, each.values[:9]) for each in (one, other)))
        for name, one, other in zip(names, found, expected, strict=True)
        if (one != other if not one.error else not _within(one, other, name))
    ]


def _within(one: Terms, other: Terms, name: str) -> bool:
    """Tell whether values differ by no more than their error; how many there are is an estimate.

    Hashes lie in one text with others: what is estimated of one of them is how many texts there are.
    """
    counts = dict(other.values)
    near = all(count <= counts.get(text, count) <= count + one.error for text, count in one.values)
    few = name.lower() in HASH_COLUMNS or one.distinct <= other.distinct * 1.05
    return near and one.missing <= other.missing and few


def is_there(loaded: Loaded, case: Case) -> bool:
    """Tell whether the file that a case is about is among those that were loaded."""
    return loaded.name != "published" or case.file.split("/")[1] in PUBLISHED


@pytest.mark.parametrize("asked", ["first", "last"])
def test_all_chains_are_in_their_trees(loaded: Loaded, asked: str) -> None:
    cases = [case for case in CHAINS if is_there(loaded, case)]
    cases += [] if loaded.name == "published" else ACROSS
    for case in cases:
        check_chain(loaded.store, case, asked)
        guid = case.known["root_parent"]["guid"]
        ours, theirs = (build_tree(store, case.known["host"], guid) for store in (loaded.store, loaded.judge))
        assert ours.to_json() == theirs.to_json(), case.name


def test_all_facts_are_found(loaded: Loaded) -> None:
    cases = [case for case in FACTS if is_there(loaded, case)]
    counts = {case.name: counted(loaded.store, case, loaded.keeps_record_time) for case in cases}

    assert counts == {case.name: counted(loaded.judge, case, loaded.keeps_record_time) for case in cases}
    if loaded.keeps_record_time:
        assert counts == {case.name: case.known["count"] for case in cases}


def counted(store: EventStore, case: Case, in_window: bool) -> int:
    start, end = window(case.file) if in_window else (None, None)
    query = EventQuery(
        condition=parse(query_of(case.known)), start=start, end=end, computers=COMPUTERS, size=10_000
    )
    found = store.count(query)
    assert found.exact
    # Documents that came twice are counted twice, and shown once.
    shown = len(store.search(query).events)
    assert shown <= found.value
    return shown
