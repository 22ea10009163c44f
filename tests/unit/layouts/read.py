"""Short ways to read documents in tests."""

from __future__ import annotations

from typing import Any

import orjson

from app.layouts.reader import Reader
from app.sysmon.events import Event


def read_all(*documents: object) -> list[Event]:
    """Return the events of these documents, none of which may be refused."""
    reader = Reader()
    reader.lines([orjson.dumps(document) for document in documents], 1)
    events = list(reader.take().events())
    assert reader.rejects == []
    assert reader.other_channels == 0
    return events


def read(document: object) -> Event:
    (event,) = read_all(document)
    return event


def refusal(document: object) -> str:
    """Return why the document is refused."""
    reader = Reader()
    reader.document(document, "here")
    assert len(reader.take()) == 0
    (reject,) = reader.rejects
    assert reject.place == "here"
    assert (reader.records, reader.rejected, reader.sysmon_events) == (1, 1, 0)
    return reject.reason


def values_of(document: Any) -> dict[str, object]:
    return dict(read(document).values)
