"""Events as lines of files: JSON, and CSV that a spreadsheet may open without harm."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

import orjson

from app.sysmon.events import Event
from app.sysmon.fields import FIELDS, Scope
from app.sysmon.kinds import KINDS

_FIRST: Final = ("event_key", "EventId", "Computer", "Time")
_SPANNING: Final = {"Process", "SubjectProcessGuid", "SubjectProcessId", "SubjectUser", "Category", "Kind"}

CSV_COLUMNS: Final[tuple[str, ...]] = (
    *dict.fromkeys(
        (
            *_FIRST,
            *(name for kind in KINDS.values() for name in kind.fields),
            *(name for name, field in FIELDS.items() if field.scope is Scope.ANY and name not in _SPANNING),
        )
    ),
    "other",
)
"""The columns of every CSV file, whatever events are in it: so it can be streamed.

``other`` is a JSON object of the fields that Sysmon's schema does not know.
"""

#: A spreadsheet takes a cell that begins so for a formula; the wide forms too, in some languages.
_FORMULA: Final = re.compile(r"[=+\-@\t\r\n＝＋－＠]")

#: What JSON allows but a terminal obeys: DEL, C1 controls, marks of direction, invisible ones.
_TERMINAL: Final = re.compile(
    r"[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def json_bytes(document: object) -> bytes:
    """Return a document as JSON in one line without its end.

    Characters that a terminal would obey are written as JSON's escapes: the same
    document to a machine, and harmless to a person.
    """
    line = orjson.dumps(document)
    if line.isascii() and b"\x7f" not in line:
        return line
    return _TERMINAL.sub(lambda found: _escaped(found[0]), line.decode()).encode()


@lru_cache(maxsize=1024)
def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def ndjson_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """Yield each event as one line of JSON."""
    for event in events:
        yield json_bytes(event.named()) + b"\n"


def csv_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """Yield the header, then each event as one record of CSV (RFC 4180, UTF-8).

    An apostrophe stands before what a spreadsheet would take for a formula.
    """
    yield _csv_record(CSV_COLUMNS)
    for event in events:
        cells: list[str | int] = [""] * len(CSV_COLUMNS)
        for name, value in event.named().items():
            place = _PLACES.get(name)
            if place is not None:
                cells[place] = _harmless(value)
        if event.other:
            cells[-1] = orjson.dumps(dict(event.other)).decode()
        yield _csv_record(cells)


_PLACES: Final = {name: place for place, name in enumerate(CSV_COLUMNS[:-1])}


def _csv_record(cells: Iterable[str | int]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue().encode()


def _harmless(value: str | int) -> str | int:
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value
