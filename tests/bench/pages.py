"""Server time, size and memory of the pages over a large store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

from flask.testing import FlaskClient

from app.settings import Settings
from app.store.open import open_store
from app.store.port import EventStore
from app.sysmon.condition import Match, Operator
from app.sysmon.events import Event
from app.sysmon.query import EventQuery
from app.web.app import create_app
from tests.bench.imports import child
from tests.bench.measure import Measurement, Target, Took, percentile, timed, timings
from tests.bench.queries import Sample, sample

GROUP: Final = "Pages"
PAGE_MS: Final = 150.0
SEARCH_MS: Final = 350.0
PAGE_KB: Final = 300.0
#: By how much a long export may need more memory than one of a tenth of its rows.
EXPORT_MB: Final = 30.0
NODES: Final = 150


@dataclass(frozen=True, slots=True)
class Visited:
    """What one request took, and how long its answer is."""

    took: Took
    size: int
    nodes: int = 0


class Visitor:
    """Asks for pages as a browser would, without a network between."""

    def __init__(self, data: Path) -> None:
        self._client: FlaskClient = create_app(Settings(data=data)).test_client()

    def get(self, address: str) -> Visited:
        """Fetch a page; anything but a page is an error."""
        body = bytearray()

        def fetch() -> None:
            answer = self._client.get(address)
            assert answer.status_code == 200, f"{answer.status_code} {address}: {answer.data[:2000]!r}"
            body.extend(answer.data)

        took = timed(fetch)
        return Visited(took, len(body), body.count(b"data-node="))

    def all(self, addresses: Sequence[str], rounds: int) -> list[Visited]:
        """Fetch so many pages, after one that opens files for all others."""
        self.get(addresses[0])
        return [self.get(addresses[number % len(addresses)]) for number in range(rounds)]


def measure_pages(data: Path, days: int, rounds: int) -> Iterator[Measurement]:
    """Visit each kind of page so many times, each time about something else."""
    visitor = Visitor(data)
    sizes: dict[str, int] = {}
    with open_store(Settings(data=data)) as store:
        taken = sample(store, days)
        for name, (addresses, target) in _kinds(taken).items():
            visited = visitor.all(addresses, rounds)
            sizes[name] = max(visit.size for visit in visited)
            yield timings(GROUP, name, [visit.took for visit in visited], target)
        first_looks, graphs = _graphs(visitor, taken, rounds)
        sizes["Process graph"] = max(visit.size for visit in graphs)
        counts = sorted(visit.nodes for visit in graphs)
        note = f"{counts[0]} to {counts[-1]} nodes"
        yield timings(GROUP, "Process graph, first look", [visit.took for visit in first_looks], PAGE_MS)
        yield timings(GROUP, "Process graph", [visit.took for visit in graphs], PAGE_MS, note)
        yield from _deep(visitor, store, taken, rounds)
        for name, size in sizes.items():
            yield Measurement(GROUP, f"{name}, largest page", size / 1000, "kB", Target(PAGE_KB))
        yield from _exports(data, store)


def _kinds(taken: Sample) -> dict[str, tuple[list[str], float | None]]:
    """Return addresses of each kind of page, and what it may take."""
    events = taken.events
    keys = [address_of_event(event) for event in events[::7]]
    started = [event for event in taken.created if event.process_guid][::5]
    queries = _queries(taken)
    return {
        "Start": (["/"], None),
        "Event": (keys, PAGE_MS),
        "One hour before and after": ([f"{key}/around" for key in keys], PAGE_MS),
        "Graph of one hour before and after": ([f"{key}/correlation" for key in keys], None),
        "Events of a process": ([f"{address_of_process(event)}/events" for event in started], None),
        "Search, everything": (["/search"], SEARCH_MS),
        "Search, a query": ([address_of_search(q=query) for query in queries], SEARCH_MS),
        "Search, one computer and day": ([_day_of(event) for event in events[::13]], SEARCH_MS),
        "Search, a row picked": (
            [
                address_of_search(q=query, sel=str(event.key))
                for query, event in zip(queries, events, strict=False)
            ],
            SEARCH_MS,
        ),
    }


def address_of_event(event: Event) -> str:
    """Return the address of an event's page."""
    return f"/events/{quote(str(event.key), safe='~')}"


def address_of_process(event: Event) -> str:
    """Return the address of the graph of an event's process."""
    return f"/processes/{quote(event.computer, safe='~')}/{event.process_guid}"


def address_of_search(**arguments: str) -> str:
    """Return the address of a search."""
    return "/search?" + urlencode(arguments)


def _queries(taken: Sample) -> list[str]:
    images = {event.text_of("image") or "" for event in taken.created[::9]}
    names = sorted({image.rpartition("\\")[2] for image in images} - {""})
    return [f"Image:*\\{name}" for name in names] + ["EventId:3", "EventId:11", "Category:dns"]


def _day_of(event: Event) -> str:
    day = event.time.strftime("%Y-%m-%d")
    return address_of_search(**{"from": day, "to": day, "computer": event.computer})


def _graphs(visitor: Visitor, taken: Sample, rounds: int) -> tuple[list[Visited], list[Visited]]:
    """Visit graphs for the first time, then again those with the most nodes, which fill the budget."""
    parents = {
        f"/processes/{quote(event.computer, safe='~')}/{event.text_of('parent_process_guid')}"
        for event in taken.created
        if event.text_of("parent_process_guid")
    }
    first_looks = {address: visitor.get(address) for address in sorted(parents)[:60]}
    full = sorted(first_looks, key=lambda address: (first_looks[address].nodes, address), reverse=True)[:20]
    return list(first_looks.values()), visitor.all(full, rounds)


def _deep(visitor: Visitor, store: EventStore, taken: Sample, rounds: int) -> Iterator[Measurement]:
    """Compare pages deep in a long answer with its first page."""
    query, condition = "EventId:7", Match("EventId", Operator.EQUALS, "7")
    places = taken.events[:: max(1, len(taken.events) // 20)]
    cursors = [store.search(EventQuery(condition=condition, end=event.time)).next for event in places]
    behind = [address_of_search(q=query, after=cursor) for cursor in cursors if cursor is not None]
    firsts = [visit.took for visit in visitor.all([address_of_search(q=query)], rounds)]
    deep = [visit.took for visit in visitor.all(behind, rounds)]
    yield timings(GROUP, "Search, first page of EventId 7", firsts, SEARCH_MS)
    yield timings(GROUP, "Search, deep page of EventId 7", deep, SEARCH_MS, f"{len(behind)} places")
    ratio = percentile([took.wall for took in deep], 50) / percentile([took.wall for took in firsts], 50)
    yield Measurement(GROUP, "Deep page against first, medians", ratio, "times", Target(1.1))


def _exports(data: Path, store: EventStore) -> Iterator[Measurement]:
    """Export in processes of their own, and compare what memory they need."""
    short, long = (_range_with(store, rows) for rows in (20_000, 200_000))
    for kind in ("csv", "ndjson"):
        before = child("export", str(data), f"/search.{kind}?{urlencode(short)}", one_core=False)
        after = child("export", str(data), f"/search.{kind}?{urlencode(long)}", one_core=False)
        note = (
            f"{after['bytes'] / 1e6:,.0f} MB in {after['wall']:.1f} s, of the processor {after['cpu']:.1f};"
            f" peak {after['rss_mb']:.0f} MB"
        )
        name = f"Export as {kind}: memory for {after['records']:,} rows more than for {before['records']:,}"
        yield Measurement(GROUP, name, after["rss_mb"] - before["rss_mb"], "MB", Target(EXPORT_MB), note)


def _range_with(store: EventStore, rows: int) -> dict[str, str]:
    """Return a range of hours from the first event on that holds at least so many events."""
    seen = 0
    hour = timedelta(hours=1)
    buckets = sorted(store.histogram(EventQuery(), hour), key=lambda bucket: bucket.start)
    for bucket in buckets:
        seen += bucket.count
        if seen >= rows:
            return {"from": buckets[0].start.isoformat(), "to": (bucket.start + hour).isoformat()}
    raise AssertionError(f"the store holds only {seen:,} events")
