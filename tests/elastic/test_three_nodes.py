"""Nodes of a cluster are killed while events are added and searched: none is lost, none comes twice,
and no page is wrong."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from elastic_transport import TransportError
from elasticsearch import ApiError, Elasticsearch

from app.errors import StoreUnavailable
from app.settings import Settings
from app.store.open import open_store
from app.store.port import EventStore
from app.sysmon.query import EventQuery
from app.web.app import create_app
from tests.builders import batch_of
from tests.elastic.traffic import ROWS, Traffic, numbered
from tests.services.elasticsearch.cluster import Cluster, Plan, running
from tests.services.elasticsearch.install import RELEASES, home_of
from tests.services.programs import absent

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("own-elasticsearch")]
GREEN_SECONDS = 180


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    if not home_of(RELEASES[8]).exists():
        absent("no Elasticsearch is installed: `make services` fetches it")
    with running(Plan(heap="512m", nodes=3)) as cluster:
        yield cluster


@pytest.fixture
def settings(cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    hosts = ",".join(url.partition("://")[2] for url in cluster.urls)
    return Settings(
        data=tmp_path / "var",
        store=f"elasticsearch://{hosts}/-",
        elastic_prefix=request.node.name.replace("_", "-")[:40].lower(),
        elastic_shards=3,
        elastic_replicas=1,
    )


@pytest.fixture
def client(cluster: Cluster) -> Iterator[Elasticsearch]:
    for number, node in enumerate(cluster.nodes, 1):
        if not node.processes():  # A test before this one failed.
            cluster.revive(number)
    with Elasticsearch(cluster.urls, request_timeout=30, retry_on_timeout=True, max_retries=10) as client:
        wait_until_green(client)
        yield client


def wait_until_green(client: Elasticsearch) -> None:
    """Wait until each shard has all its copies again, on three nodes."""
    end = time.monotonic() + GREEN_SECONDS
    said: object = None
    while True:
        try:
            health = client.cluster.health(wait_for_status="green", wait_for_nodes="3", timeout="10s")
        except (ApiError, TransportError) as error:
            said = error
        else:
            if not health["timed_out"]:
                return
            said = health
        assert time.monotonic() < end, f"the cluster does not recover: {said}"


def master(client: Elasticsearch, settings: Settings) -> int:
    """Return the number of the elected master."""
    del settings
    (row,) = _cat(client, "master")
    return int(row["node"].removeprefix("node-"))


def holder_of_primaries(client: Elasticsearch, settings: Settings) -> int:
    """Return the number of the node, other than the master, that has the most primary shards."""
    shards = _cat(client, f"shards/{settings.elastic_prefix}-*")
    nodes = Counter(shard["node"].split()[0] for shard in shards if shard["prirep"] == "p")
    nodes.pop(f"node-{master(client, settings)}", None)
    return int(nodes.most_common(1)[0][0].removeprefix("node-"))


def _cat(client: Elasticsearch, what: str) -> list[dict[str, str]]:
    headers = {"accept": "application/json"}
    return list(client.perform_request("GET", f"/_cat/{what}?format=json", headers=headers).body)


def records(store: EventStore) -> Counter[int]:
    """Return how often each record number comes in a scan of all."""
    found: Counter[int] = Counter()
    for chunk in store.batches(0, ["record_id"]):
        found.update(chunk.table["record_id"].to_pylist())
    return found


def settle(store: EventStore, traffic: Traffic) -> None:
    """Wait until no number is open: those of writers that did not come to an end run out."""
    end = time.monotonic() + 180
    while traffic.followed.total() < store.count(EventQuery()).value:
        assert time.monotonic() < end, "a follower is kept waiting"
        traffic._follow(store)


def refusal(ask: Callable[[], object]) -> str:
    """Return the sentence of what cannot be done now."""
    with pytest.raises(StoreUnavailable) as error:
        ask()
    return str(error.value)


def check(store: EventStore, traffic: Traffic) -> None:
    """See that all is there once: what was acknowledged, and what failed once it is added again."""
    assert traffic.wrong == []
    acknowledged = {number * ROWS + row for number in traffic.acknowledged for row in range(ROWS)}
    assert records(store).keys() >= acknowledged
    for number in traffic.failed:
        store.add(batch_of(*numbered(number)), "again")
    everything = Counter(range((len(traffic.acknowledged) + len(traffic.failed)) * ROWS))

    settle(store, traffic)
    assert records(store) == everything
    assert traffic.followed == everything
    assert store.count(EventQuery()).value == everything.total()
    assert store.info().events == everything.total()
    some = sorted([*traffic.failed, *traffic.acknowledged[::20]])
    keys = [event.key for number in some for event in numbered(number)]
    assert [event.key for event in store.events(keys)] == keys
    assert store.add(batch_of(*numbered(some[0])), "again").added == 0


def test_the_master_and_a_data_node_are_killed_in_the_midst(
    cluster: Cluster, settings: Settings, client: Elasticsearch
) -> None:
    traffic = Traffic(lambda: open_store(settings))
    traffic.start()
    try:
        traffic.wait_for(10)
        wait_until_green(client)
        for find in (master, holder_of_primaries):
            for _ in range(2):
                number = find(client, settings)
                cluster.kill(number)
                traffic.wait_for(15)
                cluster.revive(number)
                wait_until_green(client)
                traffic.wait_for(5)
    finally:
        traffic.stop()

    with open_store(settings) as store:
        check(store, traffic)


def test_two_of_three_nodes_are_lost_and_come_back(
    cluster: Cluster, settings: Settings, client: Elasticsearch
) -> None:
    with open_store(settings) as store:
        store.add(batch_of(*numbered(0)), "import")
        wait_until_green(client)
        for number in (1, 2):
            cluster.kill(number)

        said = {refusal(lambda: store.add(batch_of(*numbered(1)), "import"))}
        for ask in (lambda: store.search(EventQuery()), store.info, lambda: records(store)):
            said |= {refusal(ask)}
        for each in said:
            assert "Start the nodes that are down" in each or "ry again" in each

        for number in (1, 2):
            cluster.revive(number)
        wait_until_green(client)
        assert len(store.search(EventQuery(size=ROWS + 1)).events) == ROWS
        assert store.add(batch_of(*numbered(1)), "import").added + store.count(EventQuery()).value >= 2 * ROWS
        assert store.count(EventQuery()).value == 2 * ROWS
    with open_store(settings) as store:
        assert store.info().events == 2 * ROWS


def test_a_shard_without_a_copy_is_an_error_and_no_short_page(
    cluster: Cluster, settings: Settings, client: Elasticsearch
) -> None:
    """The index of events is red; what the other shards hold is not taken for all."""
    alone = replace(settings, elastic_replicas=0)
    with open_store(alone) as store:
        store.add(batch_of(*numbered(0)), "import")
        number = holder_of_primaries(client, alone)
        assert len({shard["node"] for shard in _cat(client, f"shards/{alone.elastic_prefix}-events-*")}) > 1
        cluster.kill(number)
        keys = [event.key for event in numbered(0)]
        questions: list[Callable[[], object]] = [
            lambda: store.search(EventQuery(size=ROWS)),
            lambda: store.search(EventQuery(size=ROWS, sort="CommandLine")),
            lambda: store.count(EventQuery()),
            lambda: store.terms(EventQuery(), "Computer", 10),
            lambda: store.events(keys),
            lambda: store.rarity([("Image", "cmd.exe")]),
            lambda: records(store),
            lambda: open_store(alone).search(EventQuery()),
            lambda: open_store(alone).info(),
        ]
        for ask in questions:
            assert "cannot be reached: a shard has no copy" in refusal(ask)
        page = create_app(alone).test_client().get("/search")
        assert page.status_code == 503
        assert "Retry-After" in page.headers
        assert "a shard has no copy on a node that is up" in page.text

        cluster.revive(number)
        wait_until_green(client)
        assert store.events(keys) == tuple(numbered(0))
