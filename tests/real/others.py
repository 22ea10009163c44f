"""The real logs as others would have stored them: in each layout, mixed, or as they were published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import orjson
from elasticsearch import Elasticsearch

from app.layouts.reader import Reader
from app.settings import Settings
from app.store.open import open_embedded
from app.store.port import EventStore
from app.sysmon.events import Event
from app.sysmon.language import parse
from app.sysmon.query import EventQuery, Order
from tests.elastic.comparing import pages
from tests.real.raw import lines_of
from tests.real.test_ground_truth import COMPUTERS, FACTS, query_of
from tests.services.foreign import (
    AGENT,
    MODULE,
    OF_WINLOGBEAT_6,
    OF_WINLOGBEAT_7,
    WINLOGBEAT_6,
    WINLOGBEAT_7,
    Document,
    send,
)

MANY = frozenset({7, 10, 12, 13, 18, 23})
"""Nine of ten events have one of these IDs: the chains and most facts need none of them."""

MIXED = (WINLOGBEAT_6, WINLOGBEAT_7, MODULE, AGENT)
TWICE = 50
"""Where layouts are mixed, one document in so many comes twice."""

PUBLISHED = {"winlogbeat-6": OF_WINLOGBEAT_6, "winlogbeat-7": OF_WINLOGBEAT_7}
"""The folders with what Winlogbeat itself wrote."""

_FIRST_NUMBER = 1_000_000_000
_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """Indices of others, and a store of our own that imported the same documents."""

    name: str
    store: EventStore
    judge: EventStore
    again: int = 0
    """So many documents came twice."""

    @property
    def keeps_record_time(self) -> bool:
        """Tell whether the record time is kept; Elastic's pipelines put UtcTime in its place."""
        return self.name in {WINLOGBEAT_6.name, WINLOGBEAT_7.name, "published"}


def some_events(real_store: EventStore, every: int) -> list[Event]:
    """Return all events that chains and facts need, and one in so many of the rest."""
    wanted = {event.key for case in FACTS for event in pages(real_store, _fact(query_of(case.known)))}
    found = []
    for place, event in enumerate(pages(real_store, EventQuery(size=10_000, order=Order.OLDEST))):
        if event.event_id not in MANY or event.key in wanted or place % every == 0:
            found.append(numbered(event, place))
    return found


def _fact(text: str) -> EventQuery:
    return EventQuery(condition=parse(text), computers=COMPUTERS, size=10_000)


def numbered(event: Event, place: int) -> Event:
    """Return the event as Winlogbeat sends it: in milliseconds, and with a record number."""
    event = replace(event, time=event.time.replace(microsecond=event.time.microsecond // 1000 * 1000))
    if "record_id" in event.values:
        return event
    values = {name: value for name, value in event.values.items() if name != "content_hash"}
    return replace(event, values={**values, "record_id": _FIRST_NUMBER + place})


def published(folder: Path) -> dict[str, list[bytes]]:
    """Return the lines of what Winlogbeat wrote, all logs, by folder."""
    return {
        name: [line for path in sorted((folder / "json" / name).iterdir()) for line in lines_of(path)]
        for name in PUBLISHED
    }


def mixed(events: list[Event]) -> dict[str, list[Document]]:
    """Return the documents of events by the index that they go to: a quarter of the events each."""
    found = {}
    for number, shipper in enumerate(MIXED):
        documents = [shipper.write(event) for event in events[number :: len(MIXED)]]
        found[shipper.name] = [*documents, *documents[::TWICE]]
    return found


def send_published(client: Elasticsearch, prefix: str, lines: dict[str, list[bytes]]) -> None:
    for name, some in lines.items():
        send(client, f"{prefix}-{name}", (line.strip() for line in some), PUBLISHED[name])


def imported(documents: Iterable[object], folder: Path) -> EventStore:
    """Return an embedded store of the events in documents, or in lines of JSON."""
    store, waiting = open_embedded(Settings(data=folder)), iter(documents)
    while some := list(islice(waiting, _AT_ONCE)):
        reader = Reader()
        reader.lines(list(_lines(some)), 1)
        store.add(reader.take(), "documents")
    return store


def _lines(documents: Iterable[object]) -> Iterator[bytes]:
    return (line if isinstance(line, bytes) else orjson.dumps(line) for line in documents)
