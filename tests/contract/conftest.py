"""Each test of the contract runs once per adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from elasticsearch import Elasticsearch

from app.settings import Settings
from app.store.compaction import Effort
from app.store.open import open_embedded, open_store
from app.store.port import EventStore
from tests.memory_store import MemoryStore
from tests.proxy import Proxy
from tests.services import elastic

ADAPTERS = ("memory", "embedded", "elastic")


@dataclass
class Adapter:
    """A store of one engine, and what a test may do to it from outside."""

    store: EventStore
    open_again: Callable[[], EventStore]
    """Open the same events a second time, as another process does."""
    set_available: Callable[[bool], None]
    """Take from the engine what it needs to answer; give it back."""
    rearrange: Callable[[], object]
    """Let the engine arrange anew what it holds, as it may at any time."""
    opened: list[EventStore] = field(default_factory=list)
    leaving: ExitStack = field(default_factory=ExitStack)

    def again(self) -> EventStore:
        self.opened.append(self.open_again())
        return self.opened[-1]

    def close(self) -> None:
        for store in (self.store, *self.opened):
            store.close()
        self.leaving.close()


def open_adapter(name: str, folder: Path) -> Adapter:
    if name == "memory":
        return _memory()
    return _embedded(Settings(data=folder)) if name == "embedded" else _elastic(folder)


def _memory() -> Adapter:
    store = MemoryStore()

    def set_available(available: bool) -> None:
        store.available = available

    return Adapter(store, lambda: store, set_available, lambda: None)


def _embedded(settings: Settings) -> Adapter:
    def set_available(available: bool) -> None:
        folder, away = settings.data / "store", settings.data / "away"
        if available:
            away.rename(folder)
        else:
            folder.rename(away)

    store = open_embedded(settings)
    return Adapter(
        store, lambda: open_embedded(settings), set_available, lambda: store.compact(Effort.EVERYTHING)
    )


def _elastic(folder: Path) -> Adapter:
    """Open a store with indices of its own, behind a proxy that can be shut."""
    url = elastic.find_elasticsearch()
    leaving = ExitStack()
    prefix = leaving.enter_context(elastic.own_prefix(url))
    address = urlsplit(url)
    proxy = Proxy((address.hostname or "", address.port or 9200))
    leaving.callback(proxy.close)
    settings = Settings(
        data=folder,
        store=f"elasticsearch://127.0.0.1:{proxy.port}/-",
        elastic_prefix=prefix,
        elastic_replicas=0,
    )
    return Adapter(
        open_store(settings),
        lambda: open_store(settings),
        proxy.set_open,
        lambda: _merge(url, prefix),
        leaving=leaving,
    )


def _merge(url: str, prefix: str) -> None:
    """Merge the segments of all own indices, as the server does by itself now and then."""
    with Elasticsearch(url) as client:
        client.indices.forcemerge(index=f"{prefix}-events-*", max_num_segments=1)
        client.indices.refresh(index=f"{prefix}-events-*")


@pytest.fixture(params=ADAPTERS)
def adapter(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Adapter]:
    opened = open_adapter(request.param, tmp_path / "var")
    yield opened
    opened.close()


@pytest.fixture
def store(adapter: Adapter) -> EventStore:
    """An empty store of each adapter."""
    return adapter.store
