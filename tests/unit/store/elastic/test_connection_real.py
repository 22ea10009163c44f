"""How a real Elasticsearch is asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from app.errors import BadQuery, QueryCancelled, QueryTooSlow, StoreUnavailable
from app.settings import Settings
from app.store.elastic.connection import Connection
from app.store.port import Budget
from tests.services.elastic import own_prefix

SLOW = {
    "query": {
        "script": {"script": "long x = 0; for (int i = 0; i < 100000; i++) { x += i % 7; } return x > 0"},
    },
    "track_total_hits": True,
}
"""Many seconds for the documents of the index."""
DOCUMENTS = 6_000


@pytest.fixture(scope="module")
def connection(elastic_url: str) -> Iterator[Connection]:
    with own_prefix(elastic_url) as prefix:
        store = elastic_url.replace("http", "elasticsearch", 1)
        connection = Connection(Settings(store=store, elastic_prefix=prefix))
        yield connection
        connection.close()


@pytest.fixture(scope="module")
def index(connection: Connection) -> str:
    """An index with numbered documents."""
    name = f"{connection.address.prefix}-numbers"
    lines: list[dict[str, Any]] = []
    for number in range(DOCUMENTS):
        lines += ({"index": {}}, {"number": str(number)})
    make(connection, name).bulk(index=name, operations=lines, refresh=True)
    return name


@pytest.fixture(scope="module")
def other(connection: Connection) -> str:
    """An index that tests may change."""
    name = f"{connection.address.prefix}-other"
    make(connection, name)
    return name


def make(connection: Connection, name: str) -> Elasticsearch:
    """Make an index of one shard, so that nothing is done at the same time."""
    settings = {"number_of_shards": 1, "number_of_replicas": 0}
    mappings = {"properties": {"number": {"type": "keyword"}}}
    connection.client.indices.create(index=name, mappings=mappings, settings=settings)
    return connection.client


def tasks(connection: Connection) -> list[Any]:
    """Return the searches of this program that the server is at."""
    found = connection.client.perform_request(
        "GET", "/_tasks?actions=*search*&detailed", headers={"accept": "application/json"}
    )
    running = [task for node in found["nodes"].values() for task in node["tasks"].values()]
    names = [task for task in running if connection.address.prefix in task["description"]]
    return [task for task in names if task["headers"].get("X-Opaque-Id", "").startswith("sysmonsearch-")]


def test_the_server_is_known_by_its_version(connection: Connection) -> None:
    assert connection.server.version >= (8, 13)


def test_indices_that_are_not_there_are_no_error(connection: Connection, index: str) -> None:
    gone = f"{connection.address.prefix}-none"
    budget = Budget(30)

    for indices, number in ((f"{index},{gone},{gone}-*", 1), (gone, 0), (f"{gone}-*", 0)):
        assert len(connection.search({"size": 1}, indices=indices, budget=budget)["hits"]["hits"]) == number
        (answer,) = connection.searches([(indices, {"size": 1})], budget=budget)
        assert len(answer["hits"]["hits"]) == number
        with connection.point(indices, budget=budget) as point:
            answer = connection.point_search({"pit": {"id": point}, "size": 1}, budget=budget)
            assert len(answer["hits"]["hits"]) == number


def test_a_point_in_time_sees_nothing_new_and_is_gone_at_the_end(connection: Connection, other: str) -> None:
    budget = Budget(30)

    with connection.point(other, budget=budget) as point:
        connection.client.index(index=other, document={"number": "new"}, refresh=True)
        assert connection.point_search({"pit": {"id": point}}, budget=budget)["hits"]["hits"] == []

    with pytest.raises(StoreUnavailable, match="lost the point in time"):
        connection.point_search({"pit": {"id": point}}, budget=budget)


def by_search(connection: Connection, index: str, budget: Budget) -> object:
    return connection.search(SLOW, indices=index, budget=budget)


def by_searches(connection: Connection, index: str, budget: Budget) -> object:
    return connection.searches([(index, SLOW), (index, SLOW)], budget=budget)


def by_point(connection: Connection, index: str, budget: Budget) -> object:
    with connection.point(index, budget=budget) as point:
        return connection.point_search({"pit": {"id": point}, **SLOW}, budget=budget)


Ask = Callable[[Connection, str, Budget], object]


@pytest.mark.parametrize("ask", [by_search, by_searches, by_point])
def test_a_cancelled_search_ends_at_the_server_too(connection: Connection, index: str, ask: Ask) -> None:
    budget = Budget(120)
    threading.Timer(0.5, budget.cancel).start()
    began = time.monotonic()

    with pytest.raises(QueryCancelled):
        ask(connection, index, budget)

    assert time.monotonic() - began < 3
    end = time.monotonic() + 20
    while tasks(connection):
        assert time.monotonic() < end, "the server goes on with what nobody waits for"
        time.sleep(0.1)


@pytest.mark.parametrize("ask", [by_search, by_searches, by_point])
def test_a_search_that_outlives_its_budget_is_too_slow(connection: Connection, index: str, ask: Ask) -> None:
    began = time.monotonic()

    with pytest.raises(QueryTooSlow, match=r"more than 0\.5 seconds"):
        ask(connection, index, Budget(0.5))

    assert time.monotonic() - began < 3


def test_what_the_server_refuses_is_said(connection: Connection, index: str) -> None:
    budget = Budget(30)
    complex_one = {"query": {"regexp": {"number": "(.*a.{20}){2,20}"}}}

    for body, said in (
        (complex_one, "too complex"),
        ({"from": 20_000}, "too large"),
        ({"query": {"x": 1}}, "400"),
    ):
        with pytest.raises(BadQuery, match=said):
            connection.search(body, indices=index, budget=budget)
        with pytest.raises(BadQuery, match=said):
            connection.searches([(index, body)], budget=budget)


def test_a_disk_that_is_nearly_full_blocks_writing_and_says_so(connection: Connection, other: str) -> None:
    name = "index.blocks.read_only_allow_delete"
    connection.client.indices.put_settings(index=other, settings={name: True})

    with pytest.raises(StoreUnavailable, match="disk of a node is nearly full"), connection.asking():
        connection.client.index(index=other, document={"number": "1"})
    connection.client.indices.put_settings(index=other, settings={name: None})


def test_text_that_is_no_unicode_can_be_asked_for(connection: Connection, index: str) -> None:
    half = {"query": {"term": {"number": "\ud800"}}}

    assert connection.search(half, indices=index, budget=Budget(30))["hits"]["hits"] == []
    assert connection.searches([(index, half)], budget=Budget(30))[0]["hits"]["hits"] == []


def test_an_answer_may_hold_half_a_surrogate_pair(connection: Connection, other: str) -> None:
    connection.client.perform_request(
        "PUT",
        f"/{other}/_doc/half?refresh=true",
        body='{"text": "\\ud800"}',
        headers={"content-type": "application/json", "accept": "application/json"},
    )
    body = {"query": {"ids": {"values": ["half"]}}}

    (hit,) = connection.search(body, indices=other, budget=Budget(30))["hits"]["hits"]

    assert set(hit["_source"]) == {"text"}
