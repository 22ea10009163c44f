"""What people call the layout of a log, told by its first records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import orjson

from app.ingest.kinds import Kind, as_utf8
from app.layouts.labels import label_of

_RECORDS_TRIED: Final = 20
_DEEPEST: Final = 200


def layout_of(kind: Kind, head: bytes) -> str:
    """Return the layout of a log that begins so, or its kind where no record is there to tell."""
    if kind not in {Kind.JSON, Kind.JSON_LINES}:
        return str(kind.value)
    for document in _records(kind, head):
        label = label_of(document)
        if label is not None:
            return label
    return str(kind.value)


def _records(kind: Kind, head: bytes) -> Iterator[Any]:
    text = as_utf8(head)
    if kind is Kind.JSON_LINES:
        for line in text.split(b"\n")[:_RECORDS_TRIED]:
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
        return
    # The first value of an array, or of values one after the other: the head has no more, perhaps.
    begin = text.lstrip(b"[ \t\r\n\0")
    if begin.count(b"{") + begin.count(b"[") < _DEEPEST:
        try:
            yield json.JSONDecoder().raw_decode(begin.decode("utf-8", "replace"))[0]
        except ValueError:
            return
