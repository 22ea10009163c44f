"""Each test of the contract runs once per adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.settings import Settings
from app.store.compaction import Effort
from app.store.open import open_store
from app.store.port import EventStore
from tests.memory_store import MemoryStore

ADAPTERS = ("memory", "embedded")


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

    def again(self) -> EventStore:
        self.opened.append(self.open_again())
        return self.opened[-1]


def open_adapter(name: str, folder: Path) -> Adapter:
    return _memory() if name == "memory" else _embedded(Settings(data=folder))


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

    store = open_store(settings)
    return Adapter(
        store, lambda: open_store(settings), set_available, lambda: store.compact(Effort.EVERYTHING)
    )


@pytest.fixture(params=ADAPTERS)
def adapter(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Adapter]:
    opened = open_adapter(request.param, tmp_path / "var")
    yield opened
    for store in (opened.store, *opened.opened):
        store.close()


@pytest.fixture
def store(adapter: Adapter) -> EventStore:
    """An empty store of each adapter."""
    return adapter.store
