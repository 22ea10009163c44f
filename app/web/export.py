"""The whole result of a search as a file, written while it is read.

A file that ends early must not look whole: when the store fails on the way, the connection
is cut before its proper end, so that a browser or program reports a failed download; the
last line says why, for who looks into the file all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

import orjson
from flask import Response

from app.errors import SysmonSearchError
from app.store.answers import Pages
from app.store.port import EventStore
from app.sysmon.events import Event
from app.sysmon.export import csv_lines, ndjson_lines
from app.sysmon.query import EventQuery

_PIECE: Final = 64 * 1024

_KINDS: Final[dict[str, tuple[str, Callable[[Iterable[Event]], Iterator[bytes]]]]] = {
    "csv": ("text/csv; charset=utf-8", csv_lines),
    "ndjson": ("application/x-ndjson", ndjson_lines),
}


def export(store: EventStore, query: EventQuery, kind: str) -> Response:
    """Return all events of the query as a file to be saved; ``kind`` is ``csv`` or ``ndjson``.

    The first page is read before the answer begins: what is wrong from the start is an
    error like any other.
    """
    content_type, lines = _KINDS[kind]
    events = iter(Pages(store, query, None))
    first = next(events, None)
    name = f"sysmonsearch-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.{kind}"
    return Response(
        _pieces(_with_error(lines(_chain(first, events)), kind)),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _chain(first: Event | None, events: Iterator[Event]) -> Iterator[Event]:
    if first is not None:
        yield first
        yield from events


def _with_error(lines: Iterator[bytes], kind: str) -> Iterator[bytes]:
    """Yield the lines; where they end too early say so in one more, and fail."""
    try:
        yield from lines
    except SysmonSearchError as error:
        yield _last_words(error, kind)
        raise


def _last_words(error: SysmonSearchError, kind: str) -> bytes:
    said = f"This file is not complete. {error}"
    if kind == "ndjson":
        return orjson.dumps({"error": {"type": type(error).__name__, "message": said}}) + b"\n"
    return b'"' + said.replace('"', '""').encode() + b'"\r\n'


def _pieces(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Join lines to pieces of some size: a server sends each piece by itself."""
    piece = bytearray()
    try:
        for line in lines:
            piece += line
            if len(piece) >= _PIECE:
                yield bytes(piece)
                piece.clear()
    except SysmonSearchError:
        yield bytes(piece)
        raise
    yield bytes(piece)
