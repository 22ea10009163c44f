"""Pages over Elasticsearch against their bare requests, sent again one after the other."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from time import perf_counter
from typing import Any, Final
from unittest.mock import patch

import orjson
from elastic_transport import Transport, TransportApiResponse
from elasticsearch import Elasticsearch
from flask.testing import FlaskClient

from app.settings import Settings
from app.store.elastic.store import ElasticStore
from app.sysmon.events import Event
from app.web.app import create_app
from tests.bench.measure import Measurement, Target
from tests.bench.pages import address_of_event, address_of_process, address_of_search
from tests.bench.queries import Sample, sample

GROUP: Final = "Pages over Elasticsearch"
_POWERSHELL: Final = "Image:*powershell*"
_FACTOR: Final = 1.3
_MORE_MS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the store sent it, and the name of the point in time that it opened."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None
    opened: str

    @property
    def searches(self) -> int:
        path = self.target.partition("?")[0]
        if path.endswith("/_msearch"):
            return (self.body or b"").count(b"\n") // 2
        return int(path.endswith("/_search"))


@dataclass(frozen=True, slots=True)
class Visit:
    """Milliseconds of a page and of its bare requests; what it asked."""

    page: float
    bare: float
    requests: Sequence[Request]

    @property
    def searches(self) -> int:
        return sum(request.searches for request in self.requests)


@contextmanager
def recorded() -> Iterator[list[Request]]:
    """Note every request that any client sends."""
    found: list[Request] = []
    lock = Lock()
    send = Transport.perform_request

    def noting(transport: Transport, method: str, target: str, **more: Any) -> TransportApiResponse:
        answer = send(transport, method, target, **more)
        body = more.get("body")
        if body is not None and not isinstance(body, bytes):
            body = orjson.dumps(body)
        opened = answer.body["id"] if "/_pit?" in target else ""
        with lock:
            found.append(Request(method, target, more.get("headers") or {}, body, opened))
        return answer

    with patch.object(Transport, "perform_request", noting):
        yield found


def measure_elastic_pages(
    settings: Settings, client: Elasticsearch, *, days: int, rounds: int
) -> Iterator[Measurement]:
    """Visit each kind of page so many times, and send its bare requests after each visit."""
    with ElasticStore(settings) as store:
        taken = sample(store, days)
        visitor = create_app(settings, store).test_client()
        for name, addresses in _kinds(taken).items():
            _fetch(visitor, addresses[0])
            visits = [
                _visit(visitor, client, addresses[number % len(addresses)]) for number in range(1, rounds + 1)
            ]
            yield _compared(name, visits)


def _kinds(taken: Sample) -> dict[str, list[str]]:
    events = taken.events
    some = [event for event in events[::7] if event.process_guid]
    keys = [address_of_event(event) for event in some]
    processes = [address_of_process(event) for event in taken.created if event.process_guid][::5]
    return {
        "Start": ["/"],
        "Search, no query": ["/search"],
        "Search, a query": [address_of_search(q=_POWERSHELL)],
        "Search, a row picked": [_picked(event) for event in events[::11]],
        "Event": keys,
        "One hour before and after": [f"{key}/around" for key in keys],
        "Events of a process": [f"{process}/events" for process in processes],
        "Process graph": processes,
        "Graph of one hour before and after": [f"{key}/correlation" for key in keys],
    }


def _picked(event: Event) -> str:
    return address_of_search(q=_POWERSHELL, sel=str(event.key))


def _fetch(visitor: FlaskClient, address: str) -> float:
    start = perf_counter()
    answer = visitor.get(address)
    assert answer.status_code == 200, f"{answer.status_code} {address}: {answer.data[:2000]!r}"
    return (perf_counter() - start) * 1000


def _visit(visitor: FlaskClient, client: Elasticsearch, address: str) -> Visit:
    # Else the bare requests, word for word the same, would find their answers ready.
    client.indices.clear_cache(index="*", request=True)
    with recorded() as requests:
        page = _fetch(visitor, address)
    client.indices.clear_cache(index="*", request=True)
    start = perf_counter()
    _send(client, requests)
    return Visit(page, (perf_counter() - start) * 1000, tuple(requests))


def _send(client: Elasticsearch, requests: Sequence[Request]) -> None:
    """Send requests again; points in time that were open then have other names now."""
    renamed: dict[bytes, bytes] = {}
    for request in requests:
        body = request.body
        for before, now in renamed.items():
            body = body and body.replace(before, now)
        answer = client.transport.perform_request(
            request.method, request.target, body=body, headers=dict(request.headers)
        )
        assert answer.meta.status == 200, f"{answer.meta.status} {request.target}: {answer.body}"
        if request.opened:
            renamed[request.opened.encode()] = answer.body["id"].encode()


def _compared(name: str, visits: Sequence[Visit]) -> Measurement:
    page = statistics.median(visit.page for visit in visits)
    bare = statistics.median(visit.bare for visit in visits)
    requests = sorted(len(visit.requests) for visit in visits)
    searches = sorted(visit.searches for visit in visits)
    note = (
        f"bare requests {bare:.0f} ms, {page / bare:.2f} times" if bare else "no request"
    ) + f"; {_span(requests)} requests with {_span(searches)} searches; median of {len(visits)} visits"
    return Measurement(GROUP, name, page, "ms", Target(round(_FACTOR * bare + _MORE_MS, 1)), note)


def _span(numbers: Sequence[int]) -> str:
    first, last = numbers[0], numbers[-1]
    return str(first) if first == last else f"{first} to {last}"
