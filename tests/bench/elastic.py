"""The store over Elasticsearch against the bare client: writing, reading in order, pages, sizes.

A server of its own is started and stopped; everything is compared within one run, in turns.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final
from urllib.parse import urlsplit

from elasticsearch import Elasticsearch, helpers

from app.demo.fleet import Fleet
from app.settings import Settings
from app.store.elastic.documents import documents_of
from app.store.elastic.indices import Names
from app.store.elastic.store import ElasticStore
from app.store.elastic.stored import paths_of_columns
from app.sysmon.batch import SCHEMA, EventBatch
from tests.bench.elastic_pages import measure_elastic_pages
from tests.bench.measure import Measurement, Target
from tests.services.elasticsearch.cluster import Plan, running

GROUP: Final = "Over Elasticsearch"
PLAN: Final = Plan(heap="2g", java_options="")
"""No option that makes starts quick and long work slow."""
BATCH: Final = 50_000
_WRITTEN: Final = 100_000
_READ: Final = 120
"""Seconds that a request of the bare client may take: the machine may be busy."""
_SCANNED: Final = 5_000
"""Documents of one answer of the bare scan: as many as ours; its usual 1,000 are slower."""
_COLUMNS: Final = (
    *("time", "utc_time", "computer", "event_id", "record_id"),
    *("process_guid", "image", "command_line", "user"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A server, and where this run keeps what it must not find again."""

    url: str
    data: Path
    client: Elasticsearch

    def settings(self, prefix: str) -> Settings:
        """Return the settings of a store that reads its own indices only."""
        return Settings(
            data=self.data,
            store=f"elasticsearch://{urlsplit(self.url).netloc}/-",
            elastic_prefix=prefix,
            elastic_replicas=0,
        )


def measure_elastic(folder: Path, *, events: int, rounds: int) -> Iterator[Measurement]:
    """Start a server, measure everything over so many events, and stop it."""
    with running(PLAN) as cluster, Elasticsearch(cluster.urls[0], request_timeout=_READ) as client:
        place = Place(cluster.urls[0], folder / "elastic", client)
        fleet = Fleet(events=events)
        with ElasticStore(place.settings("bench")) as store:
            yield _filled(store, fleet, client)
            yield from _bulk(place, min(events, _WRITTEN), rounds)
            yield from _batches(store, client, events, rounds)
            yield from measure_elastic_pages(
                place.settings("bench"), client, days=fleet.days, rounds=4 * rounds
            )
            yield _merged(client, events)


def _filled(store: ElasticStore, fleet: Fleet, client: Elasticsearch) -> Measurement:
    seconds = sum(_took(partial(store.add, batch, "bench")).seconds for batch in fleet.batches(BATCH))
    version = client.info()["version"]["number"]
    note = f"{fleet.events:,} events in batches of {BATCH:,}; Elasticsearch {version}"
    return Measurement(GROUP, "Filling an empty store", fleet.events / seconds, "events/s", note=note)


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds by the clock, and of the processor: this program's and the server's."""

    seconds: float
    own: float
    server: float = 0.0

    @property
    def both(self) -> float:
        """What it would take by the clock on one core that had nothing else to do."""
        return self.own + self.server


def _took(work: Callable[[], object], client: Elasticsearch | None = None) -> Spent:
    before = _server_seconds(client) if client else 0.0
    start, own = perf_counter(), process_time()
    work()
    seconds, own = perf_counter() - start, process_time() - own
    return Spent(seconds, own, _server_seconds(client) - before if client else 0.0)


def _server_seconds(client: Elasticsearch) -> float:
    nodes = client.nodes.stats(metric="process", filter_path="nodes.*.process.cpu.total_in_millis")["nodes"]
    milliseconds: int = sum(node["process"]["cpu"]["total_in_millis"] for node in nodes.values())
    return milliseconds / 1000


def _rate(name: str, taken: Sequence[Spent], events: int, note: str = "") -> Measurement:
    """Return events a second, and what an event took of the processor."""
    own = statistics.median(one.own for one in taken) / events * 1e6
    server = statistics.median(one.server for one in taken) / events * 1e6
    spent = f"of the processor {own:.0f} µs an event here, {server:.0f} µs in the server"
    rate = events / statistics.median(one.seconds for one in taken)
    return Measurement(GROUP, name, rate, "events/s", note=f"{spent}; {note}" if note else spent)


def _bulk(place: Place, events: int, rounds: int) -> Iterator[Measurement]:
    """Write the same batches in three ways, each time into indices that are new but made already."""
    batches = list(Fleet(events=events, seed=2).batches(BATCH))
    ways: dict[str, Callable[[Place, str, Sequence[EventBatch]], Spent]] = {
        "ours": _by_store,
        "prepared": _by_helper_prepared,
        "making": _by_helper,
    }
    taken: dict[str, list[Spent]] = {name: [] for name in ways}
    for number in range(rounds):
        order = deque(ways)
        order.rotate(number)
        for name in order:
            prefix = f"bulk-{name}-{number}"
            with ElasticStore(place.settings(prefix)) as store:
                for batch in Fleet(events=100, seed=3).batches():
                    store.add(batch, "made")
            taken[name].append(ways[name](place, prefix, batches))
            found = place.client.count(index=f"{prefix}-events-*")["count"]
            assert found == events + 100, f"{name}: {found} of {events + 100}"
            _delete(place.client, prefix)
    note = f"batches of {BATCH:,}, to the end of the refresh; median of {rounds} rounds of {events:,} events"
    yield _rate("Bulk: our writer", taken["ours"], events, note)
    for name, what in (("prepared", "documents made beforehand"), ("making", "with making the documents")):
        yield _rate(f"Bulk: parallel_bulk, {what}", taken[name], events)
        yield _ratio(f"Bulk: our writer against parallel_bulk, {what}", taken["ours"], taken[name], 0.8)


def _ratio(name: str, ours: Sequence[Spent], bare: Sequence[Spent], least: float) -> Measurement:
    """Compare round by round: what else the machine does then, it does to both."""
    ratios = [theirs.seconds / own.seconds for own, theirs in zip(ours, bare, strict=True)]
    spent = statistics.median(theirs.both / own.both for own, theirs in zip(ours, bare, strict=True))
    note = (
        f"{min(ratios):.2f} to {max(ratios):.2f} in {len(ratios)} rounds;"
        f" by the time of the processor, server included, {spent:.2f}"
    )
    return Measurement(GROUP, name, statistics.median(ratios), "times", Target(least, at_least=True), note)


def _by_store(place: Place, prefix: str, batches: Sequence[EventBatch]) -> Spent:
    with ElasticStore(place.settings(prefix)) as store:
        store.info()
        return _took(lambda: [store.add(batch, "bench") for batch in batches], place.client)


def _by_helper(place: Place, prefix: str, batches: Sequence[EventBatch]) -> Spent:
    return _took(
        lambda: _send(place.client, prefix, (_actions(prefix, batch) for batch in batches)), place.client
    )


def _by_helper_prepared(place: Place, prefix: str, batches: Sequence[EventBatch]) -> Spent:
    prepared = [list(_actions(prefix, batch)) for batch in batches]
    return _took(lambda: _send(place.client, prefix, prepared), place.client)


def _actions(prefix: str, batch: EventBatch) -> Iterator[dict[str, Any]]:
    for out in documents_of(batch, 1, "bench", Names(prefix)):
        yield {"_op_type": "create", "_index": out.index, "_id": out.id, "_source": out.body}


def _send(client: Elasticsearch, prefix: str, batches: Iterable[Iterable[dict[str, Any]]]) -> None:
    for actions in batches:
        deque(helpers.parallel_bulk(client, actions), maxlen=0)
        client.indices.refresh(index=f"{prefix}-events-*")


def _delete(client: Elasticsearch, prefix: str) -> None:
    found = client.indices.resolve_index(name=f"{prefix}-*", expand_wildcards="all")
    client.indices.delete(index=[index["name"] for index in found["indices"]])
    client.indices.delete_index_template(name=f"{prefix}-*")
    client.ingest.delete_pipeline(id=f"{prefix}-*")


def _batches(store: ElasticStore, client: Elasticsearch, events: int, rounds: int) -> Iterator[Measurement]:
    """Read all events in order of storing, and the same fields by the bare scan."""
    for name, columns in (("nine columns", _COLUMNS), ("all columns", tuple(SCHEMA.names))):
        ours: list[Spent] = []
        theirs: list[Spent] = []
        for number in range(rounds):
            works = [(ours, _read(store, columns, events)), (theirs, _scan(client, columns, events))]
            for taken, work in works if number % 2 else reversed(works):
                taken.append(_took(work, client))
        yield _rate(f"batches(), {name}", ours, events)
        yield _rate(f"helpers.scan, the fields of {name}", theirs, events)
        yield _ratio(f"batches() against helpers.scan, {name}", ours, theirs, 0.5)


def _read(store: ElasticStore, columns: Sequence[str], events: int) -> Callable[[], None]:
    def work() -> None:
        found = sum(len(stored.table) for stored in store.batches(0, columns))
        assert found == events, found

    return work


def _scan(client: Elasticsearch, columns: Sequence[str], events: int) -> Callable[[], None]:
    body = {"query": {"match_all": {}}, "_source": paths_of_columns(columns)}

    def work() -> None:
        hits = helpers.scan(client, index="bench-events-*", query=body, size=_SCANNED)
        found = sum(1 for _ in hits)
        assert found == events, found

    return work


def _merged(client: Elasticsearch, events: int) -> Measurement:
    index = "bench-events-*"
    before = _bytes(client)
    client.options(request_timeout=3_600).indices.forcemerge(index=index, max_num_segments=1)
    client.indices.flush(index=index)
    note = f"one segment; before the merge {before / events:.0f}"
    return Measurement(GROUP, "Size after forcemerge", _bytes(client) / events, "bytes an event", note=note)


def _bytes(client: Elasticsearch) -> int:
    stats = client.indices.stats(index="bench-events-*", metric="store")
    return int(stats["_all"]["primaries"]["store"]["size_in_bytes"])
