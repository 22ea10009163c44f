"""Families of processes for the tests of graphs."""

from __future__ import annotations

from datetime import timedelta

from app.sysmon.events import Event
from tests.builders import NOON, batch_of, process_create
from tests.memory_store import MemoryStore


def guid(number: int) -> str:
    return f"5c3485a0-aaaa-0000-0010-{number:012x}"


def created(number: int, parent: int | None, **said: object) -> Event:
    """Return the creation of process ``number`` by ``parent``, ``number`` seconds after noon."""
    fields: dict[str, object] = {
        "time": NOON + timedelta(seconds=number),
        "process_guid": guid(number),
        "process_id": number,
        "image": f"C:\\bin\\p{number}.exe",
        "parent_process_guid": None if parent is None else guid(parent),
        "parent_process_id": parent,
        "parent_image": None if parent is None else f"C:\\bin\\p{parent}.exe",
        "parent_command_line": None if parent is None else f"p{parent}.exe /start",
        **said,
    }
    return process_create(**fields)  # type: ignore[arg-type]


def stored(*events: Event) -> MemoryStore:
    store = MemoryStore()
    store.add(batch_of(*events), "test")
    return store
