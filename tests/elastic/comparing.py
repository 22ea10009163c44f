"""What indices of others are compared with: stores filled with what the importer reads of the same
documents."""

from __future__ import annotations

from collections.abc import Iterable

from app.layouts.reader import Reader
from app.store.port import EventStore
from app.sysmon.batch import EventBatch
from app.sysmon.events import Event
from app.sysmon.query import EventQuery
from tests.memory_store import MemoryStore


def read(documents: Iterable[object]) -> EventBatch:
    """Return what the importer makes of documents: what an index of them holds, too."""
    reader = Reader()
    for number, document in enumerate(documents):
        reader.document(document, str(number))
    return reader.take()


def judge_of(documents: Iterable[object]) -> MemoryStore:
    """Return the plain store of the events in these documents."""
    judge = MemoryStore()
    judge.add(read(documents), "documents")
    return judge


def pages(store: EventStore, query: EventQuery) -> list[Event]:
    """Return all events of a query, page by page."""
    found: list[Event] = []
    after: str | None = None
    while True:
        page = store.search(query.following(after))
        found += page.events
        if page.next is None:
            return found
        after = page.next
